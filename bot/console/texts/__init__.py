"""The console's own words, in both languages. What customers read is in bot/texts."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from bot.conversation import Language

__all__ = ["keys", "word"]


@cache
def _words(language: Language) -> dict[str, str]:
    with (Path(__file__).parent / f"{language}.toml").open("rb") as file:
        tables = tomllib.load(file)
    return {f"{table}.{key}": value for table, entries in tables.items() for key, value in entries.items()}


def word(key: str, language: Language, **values: Any) -> str:
    """Return a text such as ``inbox.queue`` with its values filled in.

    Raises:
        KeyError: if the key or one of its values is missing.
    """
    return _words(language)[key].format(**values) if values else _words(language)[key]


def known(key: str, language: Language) -> bool:
    """Tell whether there is such a text."""
    return key in _words(language)


def keys(language: Language) -> set[str]:
    """Return the keys a language has, so that a test can compare them."""
    return set(_words(language))
