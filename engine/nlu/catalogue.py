"""The shop's product names, found in messages also where they are misspelt."""

import logging
import re
from pathlib import Path
from typing import List, Optional, Tuple

from rapidfuzz import fuzz, process

logger = logging.getLogger(__name__)

_LIKENESS = 88
_SHORTEST = 5


class Catalogue:
    """Names from a text file, one a line (`name` or `other name<TAB>name`), read again when it changes.

    The service writes the file; without one there are no products to find.

    Args:
        path: Where the file is or will be.
    """

    def __init__(self, path: Optional[Path]) -> None:
        self._path = path
        self._read_at = 0.0
        self._names: List[str] = []
        self._values: List[str] = []
        self._longest = 0

    def find(self, text: str) -> List[Tuple[str, int, int]]:
        """(product, start, end) of the products that the text names, the likest first."""
        self._refresh()
        if not self._names:
            return []
        words = [(found.start(), found.end()) for found in re.finditer(r"[\w'’-]+", text)]
        found: List[Tuple[float, str, int, int]] = []
        for size in range(min(self._longest, len(words)), 0, -1):
            for first in range(len(words) - size + 1):
                start, end = words[first][0], words[first + size - 1][1]
                window = text[start:end].casefold()
                if len(window) < _SHORTEST or any(start < e and s < end for _, _, s, e in found):
                    continue
                match = process.extractOne(window, self._names, scorer=fuzz.ratio, score_cutoff=_LIKENESS)
                if match:
                    found.append((match[1], self._values[match[2]], start, end))
        return [(name, start, end) for _, name, start, end in sorted(found, reverse=True)]

    def _refresh(self) -> None:
        try:
            changed = self._path.stat().st_mtime if self._path else 0.0
        except OSError:
            changed = 0.0
        if changed == self._read_at:
            return
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path and changed else []
        pairs = [line.split("\t") for line in lines if line.strip()]
        self._names = [pair[0].casefold() for pair in pairs]
        self._values = [pair[-1] for pair in pairs]
        self._longest = max((len(name.split()) for name in self._names), default=0)
        self._read_at = changed
        logger.info("%d product names", len(self._names))
