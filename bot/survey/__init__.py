"""The short expectation survey at the end of a conversation."""
