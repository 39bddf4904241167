"""The operation ``knowledge_search`` (docs/operations.md): what the assistant asks the help articles."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bot.conversation import Language
from bot.knowledge.search import Found, KnowledgeSearch
from bot.shop.operations import Call, Operation

__all__ = ["HELP_PATHS", "knowledge_operation"]

HELP_PATHS: dict[Language, str] = {"de": "/hilfe", "en": "/help"}


class KnowledgeQuestion(BaseModel):
    """What is asked, and in which language the answer shall be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
    language: Literal["de", "en"]
    intent: Annotated[str, StringConstraints(max_length=60)] | None = None
    limit: int = Field(3, ge=1, le=5)


def knowledge_operation(search: KnowledgeSearch, url: str) -> Operation:
    """Return the operation.

    Args:
        search: finds the passages.
        url: address of this service, where the articles can be read whole.
    """

    async def knowledge_search(_call: Call, args: KnowledgeQuestion) -> dict[str, Any]:
        result = await search.search(args.query, args.language, intent=args.intent, limit=args.limit)
        return {"good_enough": result.good, "passages": [_view(found, url) for found in result.found]}

    return Operation("knowledge_search", KnowledgeQuestion, knowledge_search)


def _view(found: Found, url: str) -> dict[str, Any]:
    article = found.article
    language: Language = "de" if article.language == "de" else "en"
    return {
        "article": article.key,
        "title": article.title,
        "heading": found.passage.heading,
        "text": found.passage.text,
        "url": article.url or f"{url}{HELP_PATHS[language]}/{article.key}",
        "score": round(found.score, 3),
    }
