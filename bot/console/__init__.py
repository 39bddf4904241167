"""The agents' console at /console: pages rendered by the server, kept live by server-sent events."""
