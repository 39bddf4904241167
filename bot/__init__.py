"""Zusage's service: channels, conversations, handoff, console, survey, figures and shop data."""
