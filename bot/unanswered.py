"""What the bot did not understand becomes training data: clusters of like messages, a line in the right file."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.logs import mask

__all__ = ["Cluster", "TrainingFiles", "Unanswered", "clusters", "without_personal_data"]

_LIKE = 0.3
"""Cosine of two messages' letter triples from which they are about the same."""
_CODE = re.compile(r"(?<![\w<])(?:[A-Za-z]{1,4}[-_ ]?)?\d{4,}(?:-\d+)*(?![\w>])")
_NAMED = re.compile(
    r"(?i)\b(?P<said>ich hei(?:ß|ss)e|mein name ist|my name is|mit freundlichen grü(?:ß|ss)en|viele grü(?:ß|ss)e|"
    r"(?:kind |best )?regards,?|lg|mfg|herr|frau|mr\.?|mrs\.?|ms\.?)\s+(?P<name>[A-ZÄÖÜ][\w'-]+(?:\s+[A-ZÄÖÜ][\w'-]+)?)"
)
_STREET = re.compile(
    r"(?i)\b[\wäöüß.-]*(?:straße|strasse|str\.|weg|platz|gasse|allee| street| road| avenue)\s+\d+\s?[a-z]?\b"
)


@dataclass(frozen=True)
class Unanswered:
    """A message that was not understood, or hardly.

    Attributes:
        text: what the customer typed.
        language: ``de`` or ``en``.
        intent: what it was taken for.
        confidence: how surely, 0..1.
        likely: the likeliest intents, best first.
    """

    text: str
    language: str
    intent: str | None
    confidence: float
    likely: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cluster:
    """Messages that are about the same, in one language; the most typical first."""

    messages: tuple[Unanswered, ...]

    @property
    def language(self) -> str:
        """The language of all of them."""
        return self.messages[0].language

    @property
    def likely(self) -> list[str]:
        """Intents that the classifier thought of, the most frequent first."""
        seen = Counter(name for message in self.messages for name in message.likely)
        return [name for name, _ in seen.most_common(5) if name != "nlu_fallback"]


def without_personal_data(text: str) -> str:
    """Return the text on one line, with mail addresses, numbers, names after "my name is" and streets masked.

    Training files are kept and passed on, so a person still looks at every line before it goes there.
    """
    text = _STREET.sub("<address>", mask(" ".join(text.split())))
    text = _NAMED.sub(lambda found: f"{found['said']} <name>", text)
    return _CODE.sub("<number>", text)


def clusters(messages: Sequence[Unanswered]) -> list[Cluster]:
    """Put like messages together, largest clusters first; the same text counts once."""
    found: list[Cluster] = []
    for language in sorted({message.language for message in messages}):
        unique = {
            without_personal_data(message.text).casefold(): message
            for message in reversed(messages)
            if message.language == language
        }
        chosen = list(unique.values())
        likeness = _likeness([message.text for message in chosen])
        left = list(range(len(chosen)))
        while left:
            # The message with most neighbours is the most typical of what is left.
            near = likeness[np.ix_(left, left)] >= _LIKE
            centre = int(near.sum(axis=1).argmax())
            row = likeness[left[centre]]
            members = sorted(
                (i for i, is_near in zip(left, near[centre], strict=True) if is_near), key=lambda i: -row[i]
            )
            found.append(Cluster(tuple(chosen[i] for i in members)))
            left = [i for i in left if i not in set(members)]
    return sorted(found, key=lambda cluster: -len(cluster.messages))


def _likeness(texts: Sequence[str]) -> np.ndarray:
    triples = [_triples(text) for text in texts]
    seen = Counter(triple for one in triples for triple in set(one))
    columns = {triple: i for i, triple in enumerate(seen)}
    table = np.zeros((len(texts), len(columns)), dtype=np.float32)
    for row, one in enumerate(triples):
        for triple, count in one.items():
            table[row, columns[triple]] = count * (np.log((1 + len(texts)) / seen[triple]) + 1)
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    table /= np.where(lengths > 0, lengths, 1)
    likeness: np.ndarray = table @ table.T
    np.fill_diagonal(likeness, 1.0)
    return likeness


def _triples(text: str) -> Counter[str]:
    padded = f" {' '.join(re.findall(r'[^\W\d_]+', text.casefold()))} "
    return Counter(padded[i : i + 3] for i in range(len(padded) - 2))


class TrainingFiles:
    """The examples in ``data/nlu``: which intents there are, and where a new line goes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[tuple[str, str], Path] = {}
        self._known: dict[str, str] = {}
        for path in sorted(folder.glob("*.yml")):
            intent = None
            for line in path.read_text(encoding="utf-8").splitlines():
                if named := re.match(r"- intent: (\w+)\s*$", line):
                    intent = named[1]
                    self._files[intent, path.suffixes[-2].lstrip(".")] = path
                elif intent and line.startswith("    - "):
                    self._known[_plain(line[6:])] = intent

    @property
    def intents(self) -> list[str]:
        """All intents, in the order of the alphabet."""
        return sorted({intent for intent, _ in self._files})

    def intent_of(self, text: str) -> str | None:
        """Return the intent that has this example already, if any."""
        return self._known.get(_plain(text))

    def add(self, intent: str, language: str, texts: Iterable[str]) -> int:
        """Append examples to an intent; return how many were new.

        Raises:
            ValueError: there is no such intent in this language, or another intent has an example already.
        """
        path = self._files.get((intent, language))
        if path is None:
            raise ValueError(f"there is no intent {intent!r} in language {language!r} in {self._folder}")
        fresh: Mapping[str, str] = {_plain(text): text for text in texts if _plain(text)}
        for key in fresh:
            if self._known.get(key, intent) != intent:
                raise ValueError(f"{fresh[key]!r} is an example of {self._known[key]} already")
        lines = [text for key, text in fresh.items() if key not in self._known]
        if lines:
            content = path.read_text(encoding="utf-8")
            head = re.search(rf"^- intent: {intent}\n  examples: \|\n", content, re.MULTILINE)
            if head is None:
                raise ValueError(f"{path}: the examples of {intent} do not begin as expected")
            added = "".join(f"    - {line}\n" for line in lines)
            path.write_text(content[: head.end()] + added + content[head.end() :], encoding="utf-8")
            self._known |= {_plain(line): intent for line in lines}
        return len(lines)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
