"""Finds the passage that answers a question, and says how sure that is."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bot.conversation import Language
from bot.knowledge import words
from bot.storage.knowledge import IndexedArticle, IndexedPassage, KnowledgeStore

__all__ = ["GOOD_ENOUGH", "Found", "KnowledgeSearch", "Result"]

LOOKED_AT = 60  # passages that the full-text search hands over
# From this score on a passage is worth showing. Measured with bench/knowledge.py, see docs/knowledge.md.
GOOD_ENOUGH = 0.4

# How much finding a word tells, by where it is found.
IN_TITLE, IN_KEYWORD, IN_HEADING, IN_BODY, ELSEWHERE = 1.0, 0.95, 0.95, 0.8, 0.45
AS_PARTS = 0.9  # a compound found by its parts
AS_KIND = 0.8  # "Laterne" by "Sturmlaterne"
AS_HEAD = 0.6  # "Geburtstagsrabatt" by "Rabatt"
AS_TYPO = 0.85  # a word that is one slip away from a known one
# A word that no article knows is as rare as can be: a question about spark plugs is not answered by one about plugs.
UNKNOWN_WEIGHT = 1.0
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
    """One telling word of a question.

    ``ways`` are the ways to find it: stems of which a text must have all, and how much that is worth, 0..1.
    ``weight`` is how much the word tells.
    """

    ways: tuple[tuple[tuple[str, ...], float], ...]
    weight: float

    @property
    def stems(self) -> frozenset[str]:
        """All stems that may stand for it."""
        return frozenset(stem for way, _ in self.ways for stem in way)

    @property
    def said(self) -> frozenset[str]:
        """The stems that were really said, not only something of the kind."""
        return frozenset(stem for way, trust in self.ways if trust >= AS_TYPO for stem in way)

    def best(self, places: Mapping[str, float]) -> float:
        """Return how well a text has this word, 0..1, given where the text has which stems."""
        return max((trust * min(places.get(stem, 0.0) for stem in way) for way, trust in self.ways), default=0.0)


class KnowledgeSearch:
    """Searches the articles in the database."""

    def __init__(self, store: KnowledgeStore) -> None:
        self._store = store
        # Kept as long as the articles are the same, which every search asks the database.
        self._terms: dict[str, tuple[str, _Terms]] = {}

    async def search(self, query: str, language: Language, *, intent: str | None = None, limit: int = 3) -> Result:
        """Return the passages that fit a question best.

        Args:
            query: the question as it was asked.
            language: in which to answer.
            intent: what the question was understood to be about, if known.
            limit: how many passages, of as many articles.
        """
        terms = await self._known(language)
        asked = [terms.word(stem, language) for stem in dict.fromkeys(words.stems(query, language))]
        stems = list(dict.fromkeys(stem for word in asked for stem in word.stems))
        articles = await self._store.candidates(language, stems, LOOKED_AT)
        points_at = terms.points_at(intent)
        found = [judge(asked, article, intent, points_at) for article in articles]
        found.sort(key=lambda entry: (-entry.score, entry.article.key))
        return Result(tuple(found[:limit]))

    async def _known(self, language: Language) -> "_Terms":
        fingerprint = await self._store.fingerprint()
        kept = self._terms.get(language)
        if kept is None or kept[0] != fingerprint:
            articles = await self._store.articles(language)
            about = Counter(intent for _, _, intents in articles for intent in intents)
            terms = _Terms(await self._store.terms(language), len(articles), about)
            kept = self._terms[language] = (fingerprint, terms)
        return kept[1]


@dataclass(frozen=True)
class _Terms:
    """The stems of a language: in how many of its articles each occurs; and how many articles each intent has."""

    articles_with: Mapping[str, int]
    articles: int
    articles_about: Mapping[str, int]

    def points_at(self, intent: str | None) -> float:
        """How much an intent tells of which article is meant, 0..1: 1 if one has it, little if many share it."""
        count = self.articles_about.get(intent or "", 0)
        return math.log(self.articles / count) / math.log(max(2, self.articles)) if count else 0.0

    def rarity(self, known: Iterable[str]) -> float:
        """How much a word tells, 0..1: nothing if it is in every article, 1 if it is in one."""
        counts = [self.articles_with[stem] for stem in known if stem in self.articles_with]
        return max((math.log(self.articles / count) for count in counts), default=0.0) / math.log(max(2, self.articles))

    def word(self, stem: str, language: Language) -> _Word:
        """Say by which stems a word of a question may be found, and how much it weighs."""
        known = self.articles_with
        ways: list[tuple[tuple[str, ...], float]] = []
        if stem in known:
            ways.append(((stem,), 1.0))
        if language == "de":
            parts = words.compound_parts(stem, known)
            if parts:
                ways.append((parts, AS_PARTS))
            if len(stem) >= words.SHORTEST_PART:
                ways += [((term,), AS_KIND) for term in known if term.endswith(stem) and term != stem]
            if not ways and (head := words.compound_head(stem, known)):
                ways.append(((head,), AS_HEAD))
        if not ways and len(stem) >= TYPO_FROM:
            alike = [term for term in known if abs(len(term) - len(stem)) <= 2 and term[0] == stem[0]]
            ways += [((term,), AS_TYPO) for term in get_close_matches(stem, alike, n=1, cutoff=CLOSE)]
        if not ways:
            return _Word((), UNKNOWN_WEIGHT)
        return _Word(tuple(ways), max(trust * self.rarity(way) for way, trust in ways[:1]))


# Logistic regression over the features of ``judge``; fitted by bench/knowledge.py on the questions it trains on.
INTERCEPT = -6.47
WEIGHTS = (3.18, 1.97, 1.10, 1.96, -0.24, 2.31, -2.28, 7.11, -3.43)


def judge(asked: Sequence[_Word], article: IndexedArticle, intent: str | None, points_at: float) -> Found:
    """Return the article's best passage and how probable it is that it answers the question.

    Args:
        asked: the telling words of the question.
        article: one that has some of them.
        intent: what the question is about, if known.
        points_at: how much that tells, see `_Terms.points_at`.
    """
    common: dict[str, float] = {}
    for passage in article.passages:
        _note(common, (*passage.heading_stems, *passage.body_stems), ELSEWHERE)
    for keyword in article.keyword_stems:
        _note(common, keyword, IN_KEYWORD)
    _note(common, article.title_stems, IN_TITLE)
    weight = sum(word.weight for word in asked) or 1.0
    best_passage, most, coverage = article.passages[0], 0.0, 0.0
    for passage in article.passages:
        own: dict[str, float] = {}
        _note(own, passage.body_stems, IN_BODY)
        _note(own, passage.heading_stems, IN_HEADING)
        said_here = sum(word.weight * word.best(own) for word in asked)
        if said_here > most + 1e-9:  # by its own words: title and keywords speak for all passages alike
            best_passage, most = passage, said_here
        together = {stem: max(own.get(stem, 0.0), common.get(stem, 0.0)) for stem in own.keys() | common.keys()}
        coverage = max(coverage, sum(word.weight * word.best(together) for word in asked) / weight)
    said = {stem for word in asked for stem in word.said}
    whole = max((_weight_of(stems, asked) for stems in article.keyword_stems if said.issuperset(stems)), default=0.0)
    title_weight = _weight_of(article.title_stems, asked)
    features = (
        coverage,
        min(3.0, coverage * weight),
        whole / weight,
        min(2.0, whole),
        min(2.0, title_weight),
        len(said.intersection(article.title_stems)) / max(1, len(set(article.title_stems))),
        1.0 if intent in article.intents else 0.0,
        points_at if intent in article.intents else 0.0,
        1.0 if intent is not None and intent not in article.intents else 0.0,
    )
    logit = INTERCEPT + sum(w * x for w, x in zip(WEIGHTS, features, strict=True))
    return Found(article, best_passage, 1 / (1 + math.exp(-logit)), features)


def _note(places: dict[str, float], stems: Iterable[str], worth: float) -> None:
    for stem in stems:
        places[stem] = max(places.get(stem, 0.0), worth)


def _weight_of(stems: Iterable[str], asked: Sequence[_Word]) -> float:
    held = set(stems)
    return sum(word.weight for word in asked if held.intersection(word.said))
