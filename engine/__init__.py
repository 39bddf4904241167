"""The engine: Rasa Open Source behind a small internal HTTP API, without state of its own."""
