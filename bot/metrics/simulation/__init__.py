"""Believable customers with known hidden truth, written into the real tables: for demos, load and tests."""
