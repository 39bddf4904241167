"""A Telegram that runs here: for the demo without a token, and for tests. It obeys the documented Bot API."""
