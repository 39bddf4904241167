"""Reads help articles: Markdown files with a head, one folder per language."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bot.conversation import Language

__all__ = ["Article", "Passage", "Problem", "as_plain_text", "read_folder"]

LANGUAGES: tuple[Language, ...] = ("de", "en")
# A chat shows a passage whole; what is longer is split at its paragraphs.
LONGEST_PASSAGE = 900
LONGEST_ARTICLE = 100_000
_HEAD = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


class Passage(BaseModel):
    """A part of an article that answers something by itself."""

    model_config = ConfigDict(frozen=True)

    heading: str | None
    text: str


class Head(BaseModel):
    """What stands between the ``---`` lines of an article."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=3, max_length=200)
    keywords: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    url: str | None = Field(None, pattern=r"^https?://")

    @field_validator("keywords", "intents", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        if isinstance(value, str):
            return [word.strip() for word in value.split(",") if word.strip()]
        return [str(word) for word in value] if isinstance(value, list) else value


class Article(BaseModel):
    """One help article in one language."""

    model_config = ConfigDict(frozen=True)

    key: str
    language: Language
    title: str
    keywords: tuple[str, ...]
    intents: tuple[str, ...]
    url: str | None
    body: str = Field(description="Markdown, without the head")

    @property
    def fingerprint(self) -> str:
        """Changes with anything in the article."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32]

    def passages(self) -> list[Passage]:
        """Return the article's parts: one per section, and long sections in several."""
        return [
            Passage(heading=heading, text=part)
            for heading, text in _sections(_markdown.parse(self.body))
            for part in _split(text)
        ]


class Problem(BaseModel):
    """Something that is wrong with a file."""

    path: Path
    message: str

    def __str__(self) -> str:
        """Say where and what."""
        return f"{self.path}: {self.message}"


def read_folder(folder: Path) -> tuple[list[Article], list[Problem]]:
    """Read ``folder/{de,en}/**/*.md``. A file that is wrong is left out and reported; the others are read."""
    articles: dict[tuple[str, str], Article] = {}
    problems = []
    for language in LANGUAGES:
        for path in sorted((folder / language).rglob("*.md")):
            try:
                article = _read(path, language)
                if (language, article.key) in articles:
                    raise ValueError(f"there are two articles named {article.key!r}; file names must differ")
                articles[language, article.key] = article
            except (ValueError, yaml.YAMLError) as error:
                problems.append(Problem(path=path.relative_to(folder), message=_words_of(error)))
    return list(articles.values()), problems


def _read(path: Path, language: Language) -> Article:
    if not _KEY.fullmatch(path.stem):
        raise ValueError("name the file with small letters, digits and hyphens")
    if path.stat().st_size > LONGEST_ARTICLE:
        raise ValueError(f"larger than {LONGEST_ARTICLE} bytes; split it")
    text = path.read_text(encoding="utf-8").replace("\r\n", "\n").lstrip("\ufeff")
    found = _HEAD.match(text)
    if found is None:
        raise ValueError("begin with a head: a line '---', then title, keywords and intents, then '---'")
    head = Head.model_validate(yaml.safe_load(found[1]) or {})
    body = text[found.end() :].strip()
    if not body:
        raise ValueError("there is nothing below the head")
    return Article(
        key=path.stem,
        language=language,
        title=head.title,
        keywords=head.keywords,
        intents=head.intents,
        url=head.url,
        body=body,
    )


def _words_of(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'head'}: {e['msg']}" for e in error.errors())
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, yaml.YAMLError):
        return "the head is not YAML (put words with a colon in quotes): " + str(error).replace("\n", " ")
    return str(error)


def as_plain_text(body: str) -> str:
    """Return Markdown as plain text with its headings."""
    return "\n\n".join(f"{heading}\n{text}" if heading else text for heading, text in _sections(_markdown.parse(body)))


def _sections(tokens: list[Token]) -> Iterator[tuple[str | None, str]]:
    """Yield heading and plain text of each section, as a chat can show it."""
    heading: str | None = None
    blocks: list[str] = []
    items: list[str] = []
    bullet: list[str] = []
    numbers: list[int] = []
    awaiting_heading = False

    def finished() -> str:
        return "\n\n".join(blocks).strip()

    for token in tokens:
        match token.type:
            case "heading_open":
                if finished():
                    yield heading, finished()
                blocks, awaiting_heading = [], True
            case "inline" if awaiting_heading:
                heading, awaiting_heading = _plain(token), False
            case "bullet_list_open":
                bullet.append("•")
            case "ordered_list_open":
                bullet.append("1")
                numbers.append(0)
            case "bullet_list_close" | "ordered_list_close":
                if bullet.pop() == "1":
                    numbers.pop()
                if not bullet and items:
                    blocks.append("\n".join(items))
                    items = []
            case "list_item_open" if bullet[-1] == "1":
                numbers[-1] += 1
            case "inline" if bullet:
                mark = f"{numbers[-1]}." if bullet[-1] == "1" else "•"
                items.append(f"{mark} {_plain(token)}")
            case "tr_open":
                items = []
            case "tr_close":
                blocks.append(" | ".join(items))
                items = []
            case "inline" if token.level >= 3 and not bullet:
                items.append(_plain(token))
            case "inline":
                blocks.append(_plain(token))
            case "fence" | "code_block":
                blocks.append(token.content.strip())
            case _:
                pass
    if finished():
        yield heading, finished()


def _plain(token: Token) -> str:
    words = []
    for child in token.children or []:
        match child.type:
            case "softbreak":
                words.append(" ")
            case "hardbreak":
                words.append("\n")
            case "image":
                words.append(child.content)
            case _:
                words.append(child.content)
    return "".join(words).strip()


def _split(text: str) -> Iterator[str]:
    """Yield a text in parts of at most about ``LONGEST_PASSAGE`` characters, split between paragraphs."""
    part = ""
    for paragraph in text.split("\n\n"):
        if part and len(part) + len(paragraph) > LONGEST_PASSAGE:
            yield part
            part = ""
        part = f"{part}\n\n{paragraph}" if part else paragraph
    if part:
        yield part
