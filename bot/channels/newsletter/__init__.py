"""Confirming a newsletter by the link of a mail (double opt-in)."""
