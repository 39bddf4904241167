"""The web chat: a loader for the shop's page, the chat in a frame, and the socket behind it."""
