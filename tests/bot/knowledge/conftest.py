"""The demo shop's articles, loaded once per test database."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.knowledge.loading import load
from bot.knowledge.search import KnowledgeSearch
from bot.storage.knowledge import KnowledgeStore

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 11, 11, 9, 30, tzinfo=UTC)


@pytest.fixture
async def store(database) -> KnowledgeStore:
    store = KnowledgeStore(database)
    await load(ROOT / "knowledge", store, NOW)
    return store


@pytest.fixture
def searcher(store: KnowledgeStore) -> KnowledgeSearch:
    return KnowledgeSearch(store)


def write(folder: Path, path: str, text: str) -> None:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def article(title: str, body: str, **head: str) -> str:
    lines = "".join(f"{name}: {value}\n" for name, value in head.items())
    return f"---\ntitle: {title}\n{lines}---\n{body}\n"
