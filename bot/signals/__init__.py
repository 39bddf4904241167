"""Availability and empathy signals: rows written when things happen."""
