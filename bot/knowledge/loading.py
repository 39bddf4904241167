"""Prepares articles for searching and puts them into the database."""

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.clock import Clock
from bot.knowledge import words
from bot.knowledge.articles import Article, Problem, read_folder
from bot.storage.knowledge import ArticleToIndex, IndexedPassage, KnowledgeStore

__all__ = ["Loaded", "load", "load_knowledge", "prepare"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """What became of a loading: how many articles there are, what could not be read, whether anything changed."""

    articles: int
    problems: tuple[Problem, ...]
    changed: bool


async def load(folder: Path, store: KnowledgeStore, now: datetime) -> Loaded:
    """Read a folder and make its articles searchable; the same articles again change nothing.

    Files that are wrong are left out and reported. A folder without any article leaves the database as it is:
    more likely than not the folder is wrong.
    """
    articles, problems = read_folder(folder)
    if not articles:
        missing = Problem(path=folder, message="no articles found; set ZUSAGE_KNOWLEDGE")
        return Loaded(0, (*problems, missing), False)
    fingerprint = _fingerprint(articles)
    if await store.fingerprint() == fingerprint:
        return Loaded(len(articles), tuple(problems), False)
    prepared, terms = await asyncio.to_thread(prepare, articles)
    changed = await store.replace_all(prepared, terms, fingerprint, now)
    return Loaded(len(articles), tuple(problems), changed)


async def load_knowledge(folder: Path, store: KnowledgeStore, clock: Clock) -> None:
    """Load the articles when the service starts. What is wrong with them is logged and stops nothing."""
    loaded = await load(folder, store, clock())
    for problem in loaded.problems:
        log.warning("help articles: %s", problem)
    log.info("%d help articles%s", loaded.articles, "" if loaded.changed else ", unchanged")


def prepare(articles: Sequence[Article]) -> tuple[list[ArticleToIndex], Mapping[str, Mapping[str, int]]]:
    """Return articles with their stems, and for each language in how many articles each stem occurs."""
    prepared = [_prepared(article) for article in articles]
    terms: dict[str, Counter[str]] = {}
    for article in prepared:
        terms.setdefault(article.language, Counter()).update(_all_stems(article))
    # A German compound is found by its parts, too. Only words that occur by themselves count as parts.
    whole = [_with_parts(a, terms["de"]) if a.language == "de" else a for a in prepared]
    counts: dict[str, Counter[str]] = {}
    for article in whole:
        counts.setdefault(article.language, Counter()).update(_all_stems(article))
    return whole, counts


def _prepared(article: Article) -> ArticleToIndex:
    language = article.language
    return ArticleToIndex(
        key=article.key,
        language=language,
        title=article.title,
        url=article.url,
        intents=article.intents,
        body=article.body,
        title_stems=tuple(words.stems(article.title, language)),
        keyword_stems=tuple(stems for keyword in article.keywords if (stems := tuple(words.stems(keyword, language)))),
        passages=tuple(
            IndexedPassage(
                passage.heading,
                passage.text,
                tuple(words.stems(passage.heading or "", language)),
                tuple(words.stems(passage.text, language)),
            )
            for passage in article.passages()
        ),
    )


def _all_stems(article: ArticleToIndex) -> set[str]:
    stems = {*article.title_stems, *(stem for keyword in article.keyword_stems for stem in keyword)}
    for passage in article.passages:
        stems.update(passage.heading_stems, passage.body_stems)
    return stems


def _with_parts(article: ArticleToIndex, known: Mapping[str, int]) -> ArticleToIndex:
    def more(stems: tuple[str, ...]) -> tuple[str, ...]:
        return (*stems, *(part for stem in stems for part in words.compound_parts(stem, known)))

    return ArticleToIndex(
        key=article.key,
        language=article.language,
        title=article.title,
        url=article.url,
        intents=article.intents,
        body=article.body,
        title_stems=article.title_stems,
        keyword_stems=article.keyword_stems,
        passages=tuple(
            IndexedPassage(passage.heading, passage.text, more(passage.heading_stems), more(passage.body_stems))
            for passage in article.passages
        ),
    )


def _fingerprint(articles: Sequence[Article]) -> str:
    """Changed code prepares the same articles differently, so it counts too."""
    digest = hashlib.sha256(Path(words.__file__).read_bytes() + Path(__file__).read_bytes())
    for article in articles:
        digest.update(article.fingerprint.encode())
    return digest.hexdigest()
