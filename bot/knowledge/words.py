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

__all__ = ["compound_head", "compound_parts", "stem", "stems"]

_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")
# What makes one word of two in German: Rücksende-kosten, Versand-art-en, Geburtstag-s-geschenk.
_LINKS = ("", "s", "es", "n", "en", "e", "er")
SHORTEST_PART = 4
SHORTEST_CUT = 5
_PARTICIPLE = re.compile(r"(ab|an|auf|aus|ein|nach|um|vor|weg|zu|zurück|)ge(\w{3,}t)")


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
    if language == "en":
        return _folded(_stemmer("en").stemWord(word))
    # Snowball leaves participles and some nouns alone; without this "bestellt" is no form of "bestellen", nor
    # "Stornierung" one of "stornieren".
    participle = _PARTICIPLE.fullmatch(word)
    if participle is not None:
        word = participle[1] + participle[2]
    once = _stemmer("de").stemWord(word)
    if len(once) > SHORTEST_CUT and once.endswith("t"):
        once = once[:-1]
    return _folded(_stemmer("de").stemWord(once))


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


def compound_head(word_stem: str, known: Container[str]) -> str | None:
    """Return the last part of a German compound whose first part no article knows: what kind of thing it is."""
    for cut in range(SHORTEST_PART, len(word_stem) - SHORTEST_PART + 2):
        head = _known(word_stem[cut:], known)
        if head is not None:
            return head
    return None


def compound_parts(word_stem: str, known: Container[str]) -> tuple[str, ...]:
    """Take a German compound apart into words that occur by themselves; empty if it is none.

    Args:
        word_stem: the stem of the compound.
        known: stems that occur in the articles.
    """
    best: tuple[str, ...] = ()
    for cut in range(SHORTEST_PART, len(word_stem) - SHORTEST_PART + 2):
        last = _known(word_stem[cut:], known)
        if last is None:
            continue
        first = word_stem[:cut]
        for link in _LINKS:
            if not first.endswith(link):
                continue
            head = _known(first[: len(first) - len(link)], known)
            if head is not None and len(head) + len(last) > len("".join(best)):
                best = (head, last)
    return best


def _known(part: str, known: Container[str]) -> str | None:
    """Return the known stem of a part of a word; the end of the whole word may have lost its t."""
    for candidate in (stem(part, "de"), stem(part + "t", "de")):
        if len(candidate) >= SHORTEST_PART and candidate in known:
            return candidate
    return None
