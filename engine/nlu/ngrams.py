"""Turns a text into weighted word and character n-grams, the features of the linear models."""

import math
import re
import unicodedata
from collections import Counter
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

import numpy as np
import scipy.sparse as sp

_WORD = re.compile(r"\w+|[^\w\s]")
_TRANSLITERATION = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "’": "'", "`": "'", "´": "'"})
_REPEATED = re.compile(r"(.)\1{2,}")
_DIGITS = re.compile(r"\d+")
_MAIL = re.compile(r"\S+@\S+\.\w+")
_CODE = re.compile(r"(?<!\w)(?:[a-z]{1,4}[-_]?)?\d[\d-]{3,}\d(?!\w)|(?<!\w)[a-z]{1,4}[-_]\d{2,}(?!\w)")

Grams = Tuple[List[str], List[str]]


def spelt_out(text: str) -> str:
    """Lower case, umlauts spelt out, one kind of apostrophe."""
    return unicodedata.normalize("NFKC", text).lower().translate(_TRANSLITERATION)


def normalise(text: str) -> str:
    """Lower case, umlauts spelt out, letters repeated for emphasis shortened, digits masked by length.

    A mail address becomes "@" and an order or tracking number "#": what is supplied must not outweigh
    what is wanted ("wo ist LM-105804?").
    """
    text = _CODE.sub("#", _MAIL.sub("@", _REPEATED.sub(_shortened, spelt_out(text))))
    return _DIGITS.sub(lambda found: "0" * min(len(found.group()), 6), text)


def _shortened(found: "re.Match[str]") -> str:
    run = found.group()
    return run if run.isdigit() else run[:2]


def tokens(text: str) -> List[str]:
    """Words and single punctuation marks of a normalised text."""
    return _WORD.findall(text)


class NgramVectorizer:
    """TF-IDF over word n-grams and word-bounded character n-grams, each block of length one.

    Args:
        word_range: Shortest and longest word n-gram.
        char_range: Shortest and longest character n-gram; words are padded with a blank on both sides.
        min_count: N-grams seen in fewer texts are left out.
        max_features: With more n-grams than these, the rarest are left out; None keeps all.
        word_weight: Length of the words' block where that of the characters is 1.
        unknown: Share (0..1) of its weight with which an n-gram that the vocabulary has not still counts
            for the length of its text. Above 0, a message of strange words stays below what known words reach.
    """

    def __init__(
        self,
        word_range: Tuple[int, int],
        char_range: Tuple[int, int],
        min_count: int = 1,
        *,
        max_features: Optional[int] = None,
        word_weight: float = 1.0,
        unknown: float = 0.0,
    ) -> None:
        self.word_range, self.char_range, self.min_count = word_range, char_range, min_count
        self.max_features, self.word_weight, self.unknown = max_features, word_weight, unknown
        self._index: Dict[str, int] = {}
        self._strange = 0.0
        self._idf = np.zeros(0, dtype=np.float32)

    def grams(self, text: str) -> Grams:
        """The word and the character n-grams of a text; the same for every vectorizer of these ranges."""
        words = tokens(normalise(text))
        low, high = self.word_range
        # A tab marks word n-grams, so that the word "an" and the characters "an" stay apart.
        grams = ["\t" + " ".join(words[i : i + n]) for n in range(low, high + 1) for i in range(len(words) - n + 1)]
        chars: List[str] = []
        low, high = self.char_range
        for word in words:
            padded = f" {word} "
            for n in range(low, min(high, len(padded)) + 1):
                chars.extend(padded[i : i + n] for i in range(len(padded) - n + 1))
        return grams, chars

    def counts(self, texts: Iterable[str]) -> "Counter[str]":
        """In how many of the texts each n-gram stands."""
        counts: Counter = Counter()
        for text in texts:
            words, chars = self.grams(text)
            counts.update(set(words))
            counts.update(set(chars))
        return counts

    def fit(self, texts: Sequence[str], background: Sequence[str] = ()) -> "NgramVectorizer":
        """Learn the vocabulary, and how common each n-gram is.

        Args:
            texts: What is learned from.
            background: More texts of the same kind, which only show how common n-grams are.
        """
        counts = self.counts(texts)
        lowest = self.min_count
        if self.max_features:
            spread = Counter(counts.values())
            while sum(n for count, n in spread.items() if count >= lowest) > self.max_features:
                lowest += 1
        kept = sorted(gram for gram, count in counts.items() if count >= lowest)
        self._index = {gram: i for i, gram in enumerate(kept)}
        total, seen = len(texts) + len(background), np.array([counts[gram] for gram in kept], dtype=np.float64)
        if background:
            more = self.counts(background)
            seen += np.array([more[gram] for gram in kept])
        self._idf = (np.log((1 + total) / (1 + seen)) + 1).astype(np.float32)
        self._strange = (np.log(1 + total) + 1) * self.unknown
        return self

    def _block(self, grams: Iterable[str], length: float) -> Tuple[np.ndarray, np.ndarray]:
        counted = Counter(map(self._index.get, grams))
        strange = counted.pop(None, 0)
        columns = np.fromiter(counted.keys(), dtype=np.int32, count=len(counted))
        values = (1 + np.log(np.fromiter(counted.values(), dtype=np.float32, count=len(counted)))) * self._idf[columns]
        norm = math.sqrt(float(values @ values) + strange * self._strange**2)
        return columns, values * (length / norm) if norm else values

    def features(self, text: str) -> Tuple[np.ndarray, np.ndarray]:
        """Columns and weights of the n-grams in `text` that the vocabulary knows."""
        return self.weighed(self.grams(text))

    def weighed(self, grams: Grams) -> Tuple[np.ndarray, np.ndarray]:
        """Columns and weights of those n-grams that the vocabulary knows."""
        words, chars = grams
        word_columns, word_values = self._block(words, self.word_weight)
        char_columns, char_values = self._block(chars, 1.0)
        return np.concatenate([word_columns, char_columns]), np.concatenate([word_values, char_values])

    def matrix(self, texts: Sequence[str]) -> sp.csr_matrix:
        """One row per text."""
        rows = [self.features(text) for text in texts]
        offsets = np.concatenate([[0], np.cumsum([len(columns) for columns, _ in rows])])
        columns = np.concatenate([columns for columns, _ in rows]) if rows else np.zeros(0, dtype=np.int32)
        values = np.concatenate([values for _, values in rows]) if rows else np.zeros(0, dtype=np.float32)
        return sp.csr_matrix((values, columns, offsets), shape=(len(rows), len(self._index)), dtype=np.float32)

    @property
    def vocabulary(self) -> List[str]:
        """The n-grams in the order of their columns."""
        return list(self._index)

    @property
    def idf(self) -> np.ndarray:
        """Inverse document frequency of each column."""
        return self._idf

    @property
    def strange(self) -> float:
        """Weight with which an unknown n-gram counts for the length of its text."""
        return self._strange

    def restore(self, vocabulary: Sequence[str], idf: np.ndarray, strange: float = 0.0) -> "NgramVectorizer":
        """Take what was learned before. Raises ValueError where the parts do not fit together."""
        if len(vocabulary) != len(idf) or len(set(vocabulary)) != len(vocabulary):
            raise ValueError(f"{len(vocabulary)} n-grams for {len(idf)} weights")
        self._index = {gram: i for i, gram in enumerate(vocabulary)}
        self._idf, self._strange = idf, strange
        return self
