"""Turns a text into weighted word and character n-grams, the features of the linear models."""

import re
import unicodedata
from collections import Counter
from typing import Dict, Iterable, List, Sequence, Tuple

import numpy as np
import scipy.sparse as sp

_WORD = re.compile(r"\w+|[^\w\s]")
_TRANSLITERATION = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "’": "'", "`": "'", "´": "'"})
_REPEATED = re.compile(r"(.)\1{2,}")
_DIGITS = re.compile(r"\d+")


def normalise(text: str) -> str:
    """Lower case, umlauts spelt out, letters repeated for emphasis shortened, digits masked by length."""
    text = unicodedata.normalize("NFKC", text).lower().translate(_TRANSLITERATION)
    text = _REPEATED.sub(r"\1\1", text)
    return _DIGITS.sub(lambda found: "0" * min(len(found.group()), 6), text)


def tokens(text: str) -> List[str]:
    """Words and single punctuation marks of a normalised text."""
    return _WORD.findall(text)


class NgramVectorizer:
    """TF-IDF over word n-grams and word-bounded character n-grams, each block of length one.

    Args:
        word_range: Shortest and longest word n-gram.
        char_range: Shortest and longest character n-gram; words are padded with a blank on both sides.
        min_count: N-grams seen in fewer texts are left out.
    """

    def __init__(self, word_range: Tuple[int, int], char_range: Tuple[int, int], min_count: int) -> None:
        self.word_range, self.char_range, self.min_count = word_range, char_range, min_count
        self._index: Dict[str, int] = {}
        self._idf = np.zeros(0, dtype=np.float32)

    def _grams(self, text: str) -> Tuple[List[str], List[str]]:
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

    def fit(self, texts: Sequence[str]) -> "NgramVectorizer":
        """Learn the vocabulary and how common each n-gram is."""
        counts: Counter = Counter()
        for text in texts:
            words, chars = self._grams(text)
            counts.update(set(words))
            counts.update(set(chars))
        kept = sorted(gram for gram, count in counts.items() if count >= self.min_count)
        self._index = {gram: i for i, gram in enumerate(kept)}
        seen = np.array([counts[gram] for gram in kept], dtype=np.float64)
        self._idf = (np.log((1 + len(texts)) / (1 + seen)) + 1).astype(np.float32)
        return self

    def _block(self, grams: Iterable[str]) -> Tuple[np.ndarray, np.ndarray]:
        index = self._index
        counted = Counter([i for i in map(index.get, grams) if i is not None])
        columns = np.fromiter(counted.keys(), dtype=np.int32, count=len(counted))
        values = (1 + np.log(np.fromiter(counted.values(), dtype=np.float32, count=len(counted)))) * self._idf[columns]
        norm = float(np.sqrt((values * values).sum()))
        return columns, values / norm if norm else values

    def features(self, text: str) -> Tuple[np.ndarray, np.ndarray]:
        """Columns and weights of the n-grams in `text` that the vocabulary knows."""
        words, chars = self._grams(text)
        (word_columns, word_values), (char_columns, char_values) = self._block(words), self._block(chars)
        return np.concatenate([word_columns, char_columns]), np.concatenate([word_values, char_values])

    def matrix(self, texts: Sequence[str]) -> sp.csr_matrix:
        """One row per text."""
        rows = [self.features(text) for text in texts]
        offsets = np.concatenate([[0], np.cumsum([len(columns) for columns, _ in rows])])
        columns = np.concatenate([columns for columns, _ in rows]) if rows else np.zeros(0, dtype=np.int32)
        values = np.concatenate([values for _, values in rows]) if rows else np.zeros(0, dtype=np.float32)
        return sp.csr_matrix((values, columns, offsets), shape=(len(rows), len(self._index)), dtype=np.float32)

    def reduced(self, columns: np.ndarray) -> "NgramVectorizer":
        """One that knows only some of the n-grams; `columns` in rising order."""
        vocabulary = self.vocabulary
        return self.restored(self.word_range, self.char_range, [vocabulary[i] for i in columns], self._idf[columns])

    @property
    def vocabulary(self) -> List[str]:
        """The n-grams in the order of their columns."""
        return list(self._index)

    @property
    def idf(self) -> np.ndarray:
        """Inverse document frequency of each column."""
        return self._idf

    @classmethod
    def restored(
        cls, word_range: Sequence[int], char_range: Sequence[int], vocabulary: Sequence[str], idf: np.ndarray
    ) -> "NgramVectorizer":
        """The vectorizer that was fitted before. Raises ValueError where the parts do not fit together."""
        if len(vocabulary) != len(idf) or len(set(vocabulary)) != len(vocabulary):
            raise ValueError(f"{len(vocabulary)} n-grams for {len(idf)} weights")
        made = cls((word_range[0], word_range[1]), (char_range[0], char_range[1]), 1)
        made._index = {gram: i for i, gram in enumerate(vocabulary)}
        made._idf = idf
        return made
