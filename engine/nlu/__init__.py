"""The assistant's language understanding: Rasa components, one per file."""
