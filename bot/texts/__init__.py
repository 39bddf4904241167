"""What the service itself says to customers, in both languages."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from bot.conversation import Language

__all__ = ["keys", "text"]


@cache
def _texts(language: Language) -> dict[str, str]:
    with (Path(__file__).parent / f"{language}.toml").open("rb") as file:
        return tomllib.load(file)


def text(key: str, language: Language, **values: Any) -> str:
    """Return a text with its values filled in.

    Raises:
        KeyError: if the key or one of its values is missing.
    """
    return _texts(language)[key].format(**values)


def keys(language: Language) -> set[str]:
    """Return the keys a language has, so that a test can compare them."""
    return set(_texts(language))
