"""Tables of the help articles. Everything in them is made anew from the files by ``zusage knowledge reload``."""

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bot.storage.base import Base, BigInt, Json, UtcDateTime

__all__ = ["KnowledgeArticleRow", "KnowledgePassageRow", "KnowledgeStateRow", "KnowledgeTermRow"]


class KnowledgeArticleRow(Base):
    """One article in one language."""

    __tablename__ = "knowledge_articles"
    __table_args__ = (UniqueConstraint("language", "key"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    key: Mapped[str] = mapped_column(String(80))
    language: Mapped[str] = mapped_column(String(2))
    title: Mapped[str] = mapped_column(String(200))
    url: Mapped[str | None] = mapped_column(Text)
    intents: Mapped[list[str]] = mapped_column(Json, default=list)
    # Stems of each keyword, one list per keyword: a keyword whose stems are all in a question is a strong sign.
    keyword_stems: Mapped[list[list[str]]] = mapped_column(Json, default=list)
    title_stems: Mapped[list[str]] = mapped_column(Json, default=list)
    body: Mapped[str] = mapped_column(Text)


class KnowledgePassageRow(Base):
    """A part of an article that answers something by itself."""

    __tablename__ = "knowledge_passages"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("knowledge_articles.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    heading: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    heading_stems: Mapped[list[str]] = mapped_column(Json, default=list)
    body_stems: Mapped[list[str]] = mapped_column(Json, default=list)


class KnowledgeTermRow(Base):
    """A stem, and how many articles of a language it occurs in."""

    __tablename__ = "knowledge_terms"

    language: Mapped[str] = mapped_column(String(2), primary_key=True)
    stem: Mapped[str] = mapped_column(String(120), primary_key=True)
    articles: Mapped[int] = mapped_column(Integer)


class KnowledgeStateRow(Base):
    """What was loaded last; its row is also what makes two processes load one after the other."""

    __tablename__ = "knowledge_state"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    fingerprint: Mapped[str] = mapped_column(String(64))
    articles: Mapped[int] = mapped_column(Integer)
    loaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
