"""Examples of other intents, from which a classifier with few examples of its own learns what words mean."""

from collections import Counter
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from rasa.shared.nlu.constants import INTENT, TEXT

from engine.importer import declared_language, read_examples
from engine.nlu.ngrams import normalise, tokens

SHIPPED = ("data/nlu", "engine/nlu/background_examples")
"""Folders with our examples, seen from the project: of the assistant, and of other businesses' customers."""
_LEAST_SPOKEN = 0.1

Example = Tuple[str, str]


def background_for(texts: Sequence[str], folders: Sequence[Path]) -> List[Example]:
    """(text, intent) of the examples in these folders that are in the languages of `texts`.

    A second language would only take the place of n-grams of the first. A file name declares its language, or none,
    and then its examples are always taken. Raises ValueError for a folder without training files.
    """
    by_language: Dict[Optional[str], List[Example]] = {}
    for folder in folders:
        paths = sorted(folder.glob("*.yml"))
        if not paths:
            raise ValueError(f"{folder}: no training files (*.yml) there")
        for path in paths:
            examples = [(one.get(TEXT), one.get(INTENT)) for one in read_examples(path)]
            by_language.setdefault(declared_language(path), []).extend(examples)
    spoken = _spoken(texts, {language: examples for language, examples in by_language.items() if language})
    return [one for language, found in by_language.items() if language in {None, *spoken} for one in found]


def _spoken(texts: Sequence[str], by_language: Dict[Optional[str], List[Example]]) -> List[Optional[str]]:
    """Languages that have a share of the words which only one of the languages has; all where there is no such word."""
    words = {language: {word for text, _ in found for word in _words(text)} for language, found in by_language.items()}
    owners = Counter(word for of_language in words.values() for word in of_language)
    told = [word for text in texts for word in _words(text) if owners[word] == 1]
    shares = {language: sum(word in of_language for word in told) for language, of_language in words.items()}
    return [language for language, share in shares.items() if share >= _LEAST_SPOKEN * len(told)]


def _words(text: str) -> List[str]:
    return tokens(normalise(text))
