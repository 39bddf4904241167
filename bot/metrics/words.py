"""The words of figures, in both languages, for the dashboard and the report."""

import tomllib
from functools import cache
from pathlib import Path

from bot.conversation import Language

__all__ = ["word", "words"]


@cache
def words(language: Language) -> dict[str, str]:
    """Return all texts of a language by keys such as ``section.load``."""
    with (Path(__file__).parent / f"words.{language}.toml").open("rb") as file:
        tables = tomllib.load(file)
    return {f"{table}.{key}": value for table, entries in tables.items() for key, value in entries.items()}


def word(key: str, language: Language) -> str:
    """Return a text; of names that a shop or a later version adds, the name itself, made readable."""
    found = words(language).get(key)
    return found if found is not None else key.rpartition(".")[2].replace("_", " ")
