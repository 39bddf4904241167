"""Plain pages of the service for customers: one layout, no script, strict headers."""
