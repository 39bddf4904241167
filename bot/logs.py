"""Logging: one line per event, personal data and secrets masked at every level."""

import logging
import re

__all__ = ["MaskingFormatter", "mask", "set_up"]

_PATTERNS = (
    # Mail addresses, bot tokens in URLs, bearer tokens, passwords in addresses, long digit runs (phones, cards, IBANs).
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<mail>"),
    (re.compile(r"/bot\d+(?::|%3A)[\w-]+"), "/bot<token>"),
    (re.compile(r"\b\d{6,12}:[\w-]{30,}"), "<token>"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 <token>"),
    (re.compile(r"(://[^:/\s]+:)[^@\s]+@"), r"\1<password>@"),
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,}(?: ?[A-Z0-9]{1,4})\b"), "<iban>"),
    (re.compile(r"(?<![\w.-])(?!\d{4}-\d\d-\d\d)\+?\d(?:[ /-]?\d){8,}(?![\w-])"), "<number>"),
)


def mask(text: str) -> str:
    """Return text without mail addresses, tokens, passwords and long numbers."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class MaskingFormatter(logging.Formatter):
    """Formats a record, then masks the whole line, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the masked line."""
        return mask(super().format(record))


def set_up(level: str) -> None:
    """Send all logs to standard error, masked. httpx logs whole addresses at INFO, so it is quietened."""
    handler = logging.StreamHandler()
    handler.setFormatter(MaskingFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("httpx", "httpcore", "alembic", "uvicorn.access", "telegram", "apscheduler"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
