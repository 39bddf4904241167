"""The demo shop: a page to show the chat on, with invented goods, people and orders."""
