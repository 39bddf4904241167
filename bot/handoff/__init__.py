"""The transfer of a conversation to people: when they are there, how long it takes, and its life."""
