"""Measurements: speed, memory, load. They print tables and assert nothing; ratios within one run count."""
