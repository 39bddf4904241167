"""Finds the passage that answers a question, and says how sure that is."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bot.conversation import Language
from bot.knowledge import words
from bot.storage.knowledge import IndexedArticle, IndexedPassage, KnowledgeStore

__all__ = ["GOOD_ENOUGH", "Found", "KnowledgeSearch", "Result"]

LOOKED_AT = 60  # passages that the full-text search hands over
# From this score on a passage is worth showing. Measured with bench/knowledge.py, see docs/knowledge.md.
GOOD_ENOUGH = 0.5

# How much finding a word tells, by where it is found.
IN_TITLE, IN_KEYWORD, IN_HEADING, IN_BODY, ELSEWHERE = 1.0, 0.95, 0.95, 0.8, 0.45
AS_PARTS = 0.9  # a compound found by its parts
AS_TYPO = 0.85  # a word that is one slip away from a known one
# A word that no article knows speaks against an answer, but people write many words that matter little.
UNKNOWN_WEIGHT = 0.5
CLOSE = 0.82  # difflib's ratio from which a word counts as misspelt
TYPO_FROM = 5  # letters


@dataclass(frozen=True)
class Found:
    """A passage with the score of its article: the estimated probability, 0..1, that it answers the question."""

    article: IndexedArticle
    passage: IndexedPassage
    score: float
    features: tuple[float, ...]


@dataclass(frozen=True)
class Result:
    """What was found, best first, at most one passage per article. ``good``: the first is worth showing."""

    found: tuple[Found, ...]

    @property
    def good(self) -> bool:
        """Whether the best passage is worth showing."""
        return bool(self.found) and self.found[0].score >= GOOD_ENOUGH


@dataclass(frozen=True)
class _Word:
    """One telling word of a question: the stems by which it may be found, and how much it weighs."""

    stems: tuple[str, ...]
    parts: tuple[str, ...]
    trust: float
    weight: float

    def best(self, places: Mapping[str, float]) -> float:
        """Return how well a text has this word, 0..1, given where the text has which stems."""
        whole = max((places.get(stem, 0.0) for stem in self.stems), default=0.0)
        parts = min((places.get(part, 0.0) for part in self.parts), default=0.0)
        return max(whole * self.trust, parts * AS_PARTS)


class KnowledgeSearch:
    """Searches the articles in the database."""

    def __init__(self, store: KnowledgeStore) -> None:
        self._store = store
        # Kept as long as the articles are the same, which every search asks the database.
        self._terms: dict[str, tuple[str, dict[str, int]]] = {}

    async def search(self, query: str, language: Language, *, intent: str | None = None, limit: int = 3) -> Result:
        """Return the passages that fit a question best.

        Args:
            query: the question as it was asked.
            language: in which to answer.
            intent: what the question was understood to be about, if known.
            limit: how many passages, of as many articles.
        """
        terms = await self._known(language)
        asked = [self._word(stem, language, terms) for stem in dict.fromkeys(words.stems(query, language))]
        stems = list(dict.fromkeys(stem for word in asked for stem in (*word.stems, *word.parts)))
        articles = await self._store.candidates(language, stems, LOOKED_AT)
        found = [judge(asked, article, intent) for article in articles]
        found.sort(key=lambda entry: (-entry.score, entry.article.key))
        return Result(tuple(found[:limit]))

    async def _known(self, language: Language) -> dict[str, int]:
        fingerprint = await self._store.fingerprint()
        kept = self._terms.get(language)
        if kept is None or kept[0] != fingerprint:
            kept = self._terms[language] = (fingerprint, await self._store.terms(language))
        return kept[1]

    @staticmethod
    def _word(stem: str, language: Language, terms: Mapping[str, int]) -> _Word:
        total = max(terms.values(), default=1)

        def rarity(known: Iterable[str]) -> float:
            """The rarer, the more it tells (inverse document frequency)."""
            return max((math.log(1 + total / terms[one]) for one in known if one in terms), default=0.0)

        parts = words.compound_parts(stem, terms) if language == "de" else ()
        if stem in terms:
            return _Word((stem,), parts, 1.0, rarity([stem]))
        if parts:
            return _Word((), parts, 1.0, rarity(parts))
        if len(stem) >= TYPO_FROM:
            alike = [term for term in terms if abs(len(term) - len(stem)) <= 2 and term[0] == stem[0]]
            close = get_close_matches(stem, alike, n=1, cutoff=CLOSE)
            if close:
                return _Word(tuple(close), (), AS_TYPO, rarity(close))
        return _Word((), (), 0.0, UNKNOWN_WEIGHT * math.log(1 + total))


# Logistic regression over the features of ``judge``; fitted by bench/knowledge.py on the questions it trains on.
INTERCEPT = -6.0
WEIGHTS = (8.0, 3.0, 2.0, 0.5)


def judge(asked: Sequence[_Word], article: IndexedArticle, intent: str | None) -> Found:
    """Return the article's best passage and how probable it is that it answers the question."""
    common: dict[str, float] = {}
    for passage in article.passages:
        _note(common, (*passage.heading_stems, *passage.body_stems), ELSEWHERE)
    for keyword in article.keyword_stems:
        _note(common, keyword, IN_KEYWORD)
    _note(common, article.title_stems, IN_TITLE)
    weight = sum(word.weight for word in asked) or 1.0
    best_passage, coverage = article.passages[0], -1.0
    for passage in article.passages:
        places = dict(common)
        _note(places, passage.body_stems, IN_BODY)
        _note(places, passage.heading_stems, IN_HEADING)
        covered = sum(word.weight * word.best(places) for word in asked) / weight
        if covered > coverage + 1e-9:
            best_passage, coverage = passage, covered
    said = {stem for word in asked for stem in (*word.stems, *word.parts)}
    whole = [_weight_of(stems, asked) for stems in article.keyword_stems if said.issuperset(stems)]
    title = len(said.intersection(article.title_stems)) / max(1, len(set(article.title_stems)))
    features = (coverage, max(whole, default=0.0) / weight, title, 1.0 if intent in article.intents else 0.0)
    logit = INTERCEPT + sum(w * x for w, x in zip(WEIGHTS, features, strict=True))
    return Found(article, best_passage, 1 / (1 + math.exp(-logit)), features)


def _note(places: dict[str, float], stems: Iterable[str], worth: float) -> None:
    for stem in stems:
        places[stem] = max(places.get(stem, 0.0), worth)


def _weight_of(stems: Iterable[str], asked: Sequence[_Word]) -> float:
    held = set(stems)
    return sum(word.weight for word in asked if held.intersection((*word.stems, *word.parts)))
