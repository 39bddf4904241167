"""The Telegram channel: receiving, answering, sending, commands, and the way from and to the website."""
