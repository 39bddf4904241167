"""Turns text into the words that are compared: folded, without filler, stemmed, compounds taken apart.

The same code prepares articles and questions for both databases, because SQLite's full-text search knows no
stemming and PostgreSQL's would stem differently.
"""

import re
import unicodedata
from collections.abc import Container, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Protocol, cast

import snowballstemmer

from bot.conversation import Language

__all__ = ["compound_parts", "stem", "stems"]

_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")
# What makes one word of two in German: Rücksende-kosten, Versand-art-en, Geburtstag-s-geschenk.
_LINKS = ("", "s", "es", "n", "en", "e", "er")
SHORTEST_PART = 4


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...


@cache
def _filler(language: Language) -> frozenset[str]:
    """Words that say nothing about what is asked, written as they are after folding."""
    return frozenset((Path(__file__).parent / f"filler.{language}.txt").read_text(encoding="utf-8").split())


@cache
def _stemmer(language: Language) -> _Stemmer:
    return cast(_Stemmer, snowballstemmer.stemmer("german" if language == "de" else "english"))


def _folded(word: str) -> str:
    """Take away accents, as people do who type in a hurry or on a foreign keyboard."""
    decomposed = unicodedata.normalize("NFKD", word)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@lru_cache(maxsize=50_000)
def stem(word: str, language: Language) -> str:
    """Return what the forms of a word have in common; the word must be in small letters."""
    return _folded(_stemmer(language).stemWord(word))


def stems(text: str, language: Language) -> list[str]:
    """Return the stems of a text's telling words, in order."""
    return list(_stems(text, language))


def _stems(text: str, language: Language) -> Iterator[str]:
    filler = _filler(language)
    for found in _WORD.finditer(unicodedata.normalize("NFC", text).casefold()):
        word = found[0]
        if _folded(word) in filler or (len(word) == 1 and not word.isdigit()):
            continue
        yield stem(word, language)


def compound_parts(word_stem: str, known: Container[str]) -> tuple[str, ...]:
    """Take a German compound apart into words that occur by themselves; empty if it is none.

    Args:
        word_stem: the stem of the compound.
        known: stems that occur in the articles.
    """
    best: tuple[str, ...] = ()
    for cut in range(SHORTEST_PART, len(word_stem) - SHORTEST_PART + 1):
        last = stem(word_stem[cut:], "de")
        if last not in known:
            continue
        first = word_stem[:cut]
        for link in _LINKS:
            if not first.endswith(link):
                continue
            head = stem(first[: len(first) - len(link)], "de")
            if len(head) >= SHORTEST_PART and head in known and len(head) + len(last) > len("".join(best)):
                best = (head, last)
    return best
