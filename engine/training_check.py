"""Looks at the training examples: the same text with two intents, and texts among examples of another intent."""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Set, Tuple

import numpy as np
from rasa.shared.nlu.constants import INTENT, TEXT

from engine.importer import read_examples
from engine.nlu.ngrams import NgramVectorizer, spelt_out

_NEIGHBOURS = 4
_LIKE = 0.6
"""Cosine (0..1) from which two examples are near each other."""
_BLOCK = 500


@dataclass(frozen=True)
class Misplaced:
    """An example whose nearest neighbours all have one other intent.

    Attributes:
        text: The example.
        intent: Its intent.
        neighbour: The intent of its neighbours.
        likest: The nearest of them.
        likeness: How near, cosine 0..1.
    """

    text: str
    intent: str
    neighbour: str
    likest: str
    likeness: float


def duplicates(folder: Path) -> List[Tuple[str, List[str]]]:
    """Texts that are examples of several intents, case, punctuation at the end and umlauts aside."""
    intents: Dict[str, Set[str]] = {}
    first: Dict[str, str] = {}
    for message in _messages(folder):
        plain = " ".join(spelt_out(message.get(TEXT)).split())
        key = plain.rstrip(" .!?") or plain
        intents.setdefault(key, set()).add(message.get(INTENT))
        first.setdefault(key, message.get(TEXT))
    return [(first[key], sorted(names)) for key, names in intents.items() if len(names) > 1]


def misplaced(folder: Path) -> List[Misplaced]:
    """Examples among those of another intent, the clearest first. Neighbours in the catalogue are often near."""
    messages = _messages(folder)
    texts, intents = [one.get(TEXT) for one in messages], np.array([one.get(INTENT) for one in messages])
    matrix = NgramVectorizer((1, 2), (3, 5), 2).fit(texts).matrix(texts)
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    found = []
    for start in range(0, len(texts), _BLOCK):
        rows = matrix[start : start + _BLOCK]
        likeness = np.asarray((rows @ matrix.T).todense())
        likeness /= np.maximum(lengths[start : start + _BLOCK, None] * lengths[None, :], 1e-9)
        likeness[np.arange(rows.shape[0]), np.arange(start, start + rows.shape[0])] = 0
        nearest = np.argpartition(-likeness, min(_NEIGHBOURS, len(texts) - 1), axis=1)[:, :_NEIGHBOURS]
        for row, columns in enumerate(nearest):
            own, others = intents[start + row], set(intents[columns])
            likest = int(columns[likeness[row, columns].argmax()])
            if len(others) == 1 and own not in others and likeness[row, columns].min() >= _LIKE:
                close = float(likeness[row, likest])
                found.append(Misplaced(texts[start + row], own, others.pop(), texts[likest], close))
    return sorted(found, key=lambda one: -one.likeness)


def _messages(folder: Path) -> list:
    return [message for path in sorted(folder.glob("*.yml")) for message in read_examples(path)]
