"""Keeps the help articles and finds passages with the full-text search that each database brings along.

The index (SQLite: an FTS5 table, PostgreSQL: a ``tsvector`` with a GIN index) is made when articles are loaded.
It is no part of the migrations, because it can be made anew at any time. Both hold stems, which
bot/knowledge/words.py makes for articles and questions alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.conversations import Conversations
from bot.storage.database import Database
from bot.storage.knowledge_tables import (
    KnowledgeArticleRow,
    KnowledgePassageRow,
    KnowledgeStateRow,
    KnowledgeTermRow,
)
from bot.storage.records import Records

__all__ = ["ArticleToIndex", "IndexedArticle", "IndexedPassage", "KnowledgeStore"]

ONLY = 1  # the id of the one state row


@dataclass(frozen=True)
class IndexedPassage:
    """A passage with its stems."""

    heading: str | None
    text: str
    heading_stems: tuple[str, ...]
    body_stems: tuple[str, ...]


@dataclass(frozen=True)
class ArticleToIndex:
    """An article with its stems."""

    key: str
    language: str
    title: str
    url: str | None
    intents: tuple[str, ...]
    body: str
    title_stems: tuple[str, ...]
    keyword_stems: tuple[tuple[str, ...], ...]
    passages: tuple[IndexedPassage, ...] = ()


@dataclass(frozen=True)
class IndexedArticle(ArticleToIndex):
    """An article as the database has it."""

    id: int = field(default=0)


class KnowledgeStore:
    """The articles in the database. Any number of processes may read while one loads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- loading

    async def replace_all(
        self,
        articles: Sequence[ArticleToIndex],
        terms: Mapping[str, Mapping[str, int]],
        fingerprint: str,
        now: datetime,
    ) -> bool:
        """Put these articles in place of all others; tell whether anything was written.

        Args:
            articles: all of them.
            terms: in how many articles each stem occurs, by language.
            fingerprint: of the articles and of the code that prepared them; the same one again changes nothing.
            now: the present instant.
        """
        async with self._database.begin() as session:
            upsert = sqlite.insert if self._database.is_sqlite else postgresql.insert
            values = {"id": ONLY, "fingerprint": "", "articles": 0, "loaded_at": now}
            await session.execute(upsert(KnowledgeStateRow).values(**values).on_conflict_do_nothing())
            state = await session.get_one(KnowledgeStateRow, ONLY, with_for_update=True)
            if state.fingerprint == fingerprint:
                return False
            await session.execute(delete(KnowledgePassageRow))
            await session.execute(delete(KnowledgeArticleRow))
            await session.execute(delete(KnowledgeTermRow))
            await self._empty_index(session)
            for article in articles:
                await self._add(session, article)
            rows = [
                {"language": language, "stem": stem[:120], "articles": count}
                for language, counts in terms.items()
                for stem, count in counts.items()
                if len(stem) <= 120
            ]
            if rows:
                await session.execute(insert(KnowledgeTermRow), rows)
            state.fingerprint, state.articles, state.loaded_at = fingerprint, len(articles), now
        return True

    async def _add(self, session: AsyncSession, article: ArticleToIndex) -> None:
        row = KnowledgeArticleRow(
            key=article.key,
            language=article.language,
            title=article.title,
            url=article.url,
            intents=list(article.intents),
            title_stems=list(article.title_stems),
            keyword_stems=[list(stems) for stems in article.keyword_stems],
            body=article.body,
        )
        session.add(row)
        await session.flush()
        known = " ".join([*article.title_stems, *(stem for stems in article.keyword_stems for stem in stems)])
        for position, passage in enumerate(article.passages):
            part = KnowledgePassageRow(
                article_id=row.id,
                position=position,
                heading=passage.heading,
                text=passage.text,
                heading_stems=list(passage.heading_stems),
                body_stems=list(passage.body_stems),
            )
            session.add(part)
            await session.flush()
            values = {
                "id": part.id,
                "title": known,
                "heading": " ".join(passage.heading_stems),
                "body": " ".join(passage.body_stems),
            }
            await session.execute(_ADD_TO_SQLITE if self._database.is_sqlite else _ADD_TO_POSTGRESQL, values)

    async def _empty_index(self, session: AsyncSession) -> None:
        for statement in _EMPTY_SQLITE if self._database.is_sqlite else _EMPTY_POSTGRESQL:
            await session.execute(statement)

    # -- reading

    async def fingerprint(self) -> str:
        """Return what was loaded last; empty if nothing was."""
        async with self._database.read() as session:
            return await session.scalar(select(KnowledgeStateRow.fingerprint)) or ""

    async def terms(self, language: str) -> dict[str, int]:
        """Return the stems of a language and in how many articles each occurs."""
        query = select(KnowledgeTermRow.stem, KnowledgeTermRow.articles).where(KnowledgeTermRow.language == language)
        async with self._database.read() as session:
            return {row.stem: row.articles for row in (await session.execute(query)).all()}

    async def candidates(self, language: str, stems: Sequence[str], limit: int) -> list[IndexedArticle]:
        """Return the articles with the passages that fit best any of the stems, with all their passages.

        Args:
            language: of the articles.
            stems: what is looked for.
            limit: how many passages are looked at.
        """
        if not stems:
            return []
        if self._database.is_sqlite:
            match = " OR ".join('"{}"'.format(stem.replace('"', "")) for stem in stems)
            found = _FIND_IN_SQLITE
        else:
            match = " | ".join("'{}'".format(stem.replace("'", "").replace("\\", "")) for stem in stems)
            found = _FIND_IN_POSTGRESQL
        values = {"match": match, "language": language, "limit": limit}
        async with self._database.read() as session:
            ids = [row[0] for row in (await session.execute(found, values)).all()]
            return await self._whole(session, list(dict.fromkeys(ids)))

    async def article(self, language: str, key: str) -> IndexedArticle | None:
        """Return one article."""
        query = select(KnowledgeArticleRow.id).where(
            KnowledgeArticleRow.language == language, KnowledgeArticleRow.key == key
        )
        async with self._database.read() as session:
            found = await self._whole(session, list(await session.scalars(query)))
        return found[0] if found else None

    async def articles(self, language: str) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return key, title and intents of all articles of a language, by title."""
        columns = (KnowledgeArticleRow.key, KnowledgeArticleRow.title, KnowledgeArticleRow.intents)
        query = select(*columns).where(KnowledgeArticleRow.language == language).order_by(KnowledgeArticleRow.title)
        async with self._database.read() as session:
            return [(key, title, tuple(intents)) for key, title, intents in (await session.execute(query)).all()]

    # -- what customers say of answers

    async def note_feedback(
        self, conversation_id: str, *, article: str, language: str, helped: bool, now: datetime
    ) -> None:
        """Write the signal ``answer_helped``.

        Args:
            conversation_id: public id of the conversation; an unknown one (a console, a test call) leaves no trace.
            article: key of the help article, or ``product:`` and the product's id.
            language: of the answer.
            helped: what the customer said.
            now: the present instant.
        """
        async with self._database.begin() as session:
            conversation = await Conversations(session).by_public_id(conversation_id)
            if conversation is not None:
                Records(session).signal(
                    "availability",
                    "answer_helped",
                    now,
                    conversation_id=conversation.id,
                    value=1.0 if helped else 0.0,
                    unit="bool",
                    data={"article": article, "language": language},
                )

    @staticmethod
    async def _whole(session: AsyncSession, ids: Sequence[int]) -> list[IndexedArticle]:
        articles = await session.scalars(select(KnowledgeArticleRow).where(KnowledgeArticleRow.id.in_(ids)))
        passages: dict[int, list[IndexedPassage]] = {}
        query = select(KnowledgePassageRow).where(KnowledgePassageRow.article_id.in_(ids))
        for row in await session.scalars(query.order_by(KnowledgePassageRow.article_id, KnowledgePassageRow.position)):
            passages.setdefault(row.article_id, []).append(
                IndexedPassage(row.heading, row.text, tuple(row.heading_stems), tuple(row.body_stems))
            )
        return [
            IndexedArticle(
                id=row.id,
                key=row.key,
                language=row.language,
                title=row.title,
                url=row.url,
                intents=tuple(row.intents),
                body=row.body,
                title_stems=tuple(row.title_stems),
                keyword_stems=tuple(tuple(stems) for stems in row.keyword_stems),
                passages=tuple(passages.get(row.id, ())),
            )
            for row in articles
        ]


# FTS5 ranks with bm25; the numbers weigh title and keywords, heading and body. Contentless: the words are elsewhere.
_EMPTY_SQLITE = (
    text("CREATE VIRTUAL TABLE IF NOT EXISTS knowledge_index USING fts5(title, heading, body, content='')"),
    text("INSERT INTO knowledge_index(knowledge_index) VALUES ('delete-all')"),
)
_ADD_TO_SQLITE = text("INSERT INTO knowledge_index(rowid, title, heading, body) VALUES (:id, :title, :heading, :body)")
_FIND_IN_SQLITE = text(
    "SELECT p.article_id FROM knowledge_index JOIN knowledge_passages p ON p.id = knowledge_index.rowid "
    "JOIN knowledge_articles a ON a.id = p.article_id "
    "WHERE knowledge_index MATCH :match AND a.language = :language "
    "ORDER BY bm25(knowledge_index, 3.0, 2.0, 1.0) LIMIT :limit"
)
_EMPTY_POSTGRESQL = (
    text("CREATE TABLE IF NOT EXISTS knowledge_index (passage_id bigint PRIMARY KEY, words tsvector NOT NULL)"),
    text("CREATE INDEX IF NOT EXISTS knowledge_index_words ON knowledge_index USING gin (words)"),
    text("DELETE FROM knowledge_index"),
)
_ADD_TO_POSTGRESQL = text(
    "INSERT INTO knowledge_index VALUES (:id, setweight(to_tsvector('simple', :title), 'A') || "
    "setweight(to_tsvector('simple', :heading), 'B') || to_tsvector('simple', :body))"
)
_FIND_IN_POSTGRESQL = text(
    "SELECT p.article_id FROM knowledge_index i JOIN knowledge_passages p ON p.id = i.passage_id "
    "JOIN knowledge_articles a ON a.id = p.article_id, to_tsquery('simple', :match) query "
    "WHERE i.words @@ query AND a.language = :language "
    "ORDER BY ts_rank(i.words, query) DESC, p.id LIMIT :limit"
)
