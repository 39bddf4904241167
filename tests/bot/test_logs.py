"""Nothing personal and no secret in a log line."""

import logging

import pytest

from bot.logs import MaskingFormatter, mask


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("from anna.müller@example.de to x", "from <mail> to x"),
        ("token='123456789:AAEabcdefghijklmnopqrstuvwxyz_-01234'", "token='<token>'"),
        ("GET https://api.telegram.org/bot123456:AAE-x_y/getMe", "GET https://api.telegram.org/bot<token>/getMe"),
        ("Authorization: Bearer abc.def-1", "Authorization: Bearer <token>"),
        ("postgresql://zusage:geheim@db/zusage", "postgresql://zusage:<password>@db/zusage"),
        ("call +49 170 1234567 now", "call <number> now"),
        ("IBAN DE89 3704 0044 0532 0130 00", "IBAN <iban>"),
        ("turn took 1234 ms, order LM-104217", "turn took 1234 ms, order LM-104217"),
        ("2026-11-21 10:00:00 INFO", "2026-11-21 10:00:00 INFO"),
    ],
)
def test_mask(line: str, masked: str) -> None:
    assert mask(line) == masked


def test_tracebacks_are_masked_too() -> None:
    try:
        raise ValueError("no such customer: anna@example.de")
    except ValueError:
        import sys

        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    assert "anna@" not in MaskingFormatter().format(record)
