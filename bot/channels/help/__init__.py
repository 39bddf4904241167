"""The help articles as pages: what a chat's answer names as its source."""
