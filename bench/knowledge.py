"""Measures the search over the help articles: ``python -m bench.knowledge``.

``--fit`` fits its weights first, ``--show=held`` (or ``fit``) prints what went wrong. The questions are in
tests/knowledge: ``fit.*.yml`` to fit the weights on, ``held.*.yml`` to measure with. Two thirds of the held-out
questions come from tests/nlu/fresh.*.csv, whose authors knew none of the articles. Half of ``near.*.yml`` shares
common words with an article that does not answer it.
"""

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy
import yaml
from scipy.optimize import minimize

from bot.conversation import Language
from bot.knowledge import search
from bot.knowledge.loading import load
from bot.knowledge.search import KnowledgeSearch, Result
from bot.storage import migrate
from bot.storage.database import Database
from bot.storage.knowledge import KnowledgeStore

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES: tuple[Language, ...] = ("de", "en")


@dataclass(frozen=True)
class Question:
    """A question and the articles that answer it; none if nothing here does."""

    text: str
    language: Language
    articles: frozenset[str]
    intent: str | None


@dataclass(frozen=True)
class Figures:
    """Shares over a set of questions. Answerable ones count for the hits, all of them for the wrong answers."""

    answerable: int
    hit_at_1: float
    hit_at_3: float
    unanswerable: int
    wrong: float
    answered: float
    silent: float


def questions(name: str, language: Language) -> list[Question]:
    """Return a set of questions."""
    data = yaml.safe_load((ROOT / "tests" / "knowledge" / f"{name}.{language}.yml").read_text(encoding="utf-8"))
    return [Question(entry["question"], language, frozenset(entry["articles"]), entry.get("intent")) for entry in data]


async def found(searcher: KnowledgeSearch, asked: list[Question], *, with_intent: bool, limit: int = 3) -> list[Result]:
    """Search for every question, with or without the intent that its message has."""
    return [
        await searcher.search(q.text, q.language, intent=q.intent if with_intent else None, limit=limit) for q in asked
    ]


def figures(asked: list[Question], results: list[Result]) -> Figures:
    """Reckon the shares.

    A wrong answer is one that is shown as good (score at or above the limit) although its article does not
    answer the question, or nothing does. Silent is an answerable question that gets no answer at the limit.
    """
    hits_1 = hits_3 = wrong = answered = silent = 0
    for question, result in zip(asked, results, strict=True):
        keys = [entry.article.key for entry in result.found]
        right = bool(keys) and keys[0] in question.articles
        hits_1 += right
        hits_3 += bool(question.articles.intersection(keys[:3]))
        wrong += result.good and not right
        answered += result.good and right
        silent += bool(question.articles) and not result.good
    answerable = sum(bool(question.articles) for question in asked)
    return Figures(
        answerable=answerable,
        hit_at_1=hits_1 / answerable,
        hit_at_3=hits_3 / answerable,
        unanswerable=len(asked) - answerable,
        wrong=wrong / len(asked),
        answered=answered / answerable,
        silent=silent / answerable,
    )


def fit(asked: list[Question], results: list[Result]) -> tuple[float, list[float]]:
    """Fit the logistic regression of ``search.judge``: does this article answer this question?"""
    rows, labels = [], []
    for question, result in zip(asked, results, strict=True):
        for entry in result.found:
            rows.append([1.0, *entry.features])
            labels.append(1.0 if entry.article.key in question.articles else 0.0)
    x, y = numpy.array(rows), numpy.array(labels)

    def loss(w: numpy.ndarray) -> float:
        z = x @ w
        return float(numpy.sum(numpy.logaddexp(0, z) - y * z) + 0.05 * numpy.sum(w[1:] ** 2))

    best = minimize(loss, numpy.zeros(x.shape[1])).x
    return float(best[0]), [float(value) for value in best[1:]]


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{directory}/knowledge.db"
        migrate.upgrade(url)
        database = Database(url)
        store = KnowledgeStore(database)
        loaded = await load(ROOT / "knowledge", store, datetime.now(UTC))
        searcher = KnowledgeSearch(store)
        print(f"{loaded.articles} articles")
        if "--fit" in sys.argv:
            asked = [question for language in LANGUAGES for question in questions("fit", language)]
            known = [question for question in asked if question.intent]
            results = await found(searcher, asked, with_intent=False, limit=60)
            results += await found(searcher, known, with_intent=True, limit=60)
            intercept, weights = fit(asked + known, results)
            print(f"INTERCEPT = {intercept:.2f}\nWEIGHTS = ({', '.join(f'{w:.2f}' for w in weights)})")
            search.INTERCEPT, search.WEIGHTS = intercept, tuple(weights)
        print(f"limit {search.GOOD_ENOUGH}")
        print("set   lang  intent  answerable  hit@1  hit@3  unanswerable  answered  silent  wrong")
        for name in ("fit", "held", "near"):
            for language in LANGUAGES:
                for with_intent in (False, True):
                    asked = [q for q in questions(name, language) if q.intent or not with_intent]
                    results = await found(searcher, asked, with_intent=with_intent)
                    f = figures(asked, results)
                    kind = "known " if with_intent else "-     "
                    print(
                        f"{name:5} {language}    {kind}  {f.answerable:10}  {f.hit_at_1:.3f}  {f.hit_at_3:.3f}"
                        f"  {f.unanswerable:12}  {f.answered:8.3f}  {f.silent:6.3f}  {f.wrong:.3f}"
                    )
                    if f"--show={name}" in sys.argv:
                        show(asked, results)
        await database.close()


def show(asked: list[Question], results: list[Result]) -> None:
    """Print what went wrong."""
    for question, result in zip(asked, results, strict=True):
        keys = [(entry.article.key, round(entry.score, 2)) for entry in result.found]
        right = bool(keys) and keys[0][0] in question.articles
        if (result.good or question.articles) and not right:
            print("   ", "WRONG" if result.good else "miss ", question.text, sorted(question.articles), keys)


if __name__ == "__main__":
    asyncio.run(main())
