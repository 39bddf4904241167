"""The operations on help articles (docs/operations.md): asking them, and noting whether the answer helped."""

from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bot.conversation import Language
from bot.knowledge.search import Found, KnowledgeSearch
from bot.shop.operations import Call, Operation

__all__ = ["HELP_PATHS", "FeedbackLog", "feedback_operation", "knowledge_operation"]

HELP_PATHS: dict[Language, str] = {"de": "/hilfe", "en": "/help"}


class KnowledgeQuestion(BaseModel):
    """What is asked, and in which language the answer shall be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
    language: Literal["de", "en"]
    intent: Annotated[str, StringConstraints(max_length=60)] | None = None
    limit: int = Field(3, ge=1, le=5)


class Feedback(BaseModel):
    """What a customer said of an answer. ``article`` is its key, or ``product:`` and the product's id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    article: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    language: Literal["de", "en"]
    helped: bool


class FeedbackLog(Protocol):
    """Where answers are noted that helped or did not."""

    async def note_feedback(
        self, conversation_id: str, *, article: str, language: str, helped: bool, now: datetime
    ) -> None:
        """Note what the customer of a conversation said."""
        ...


def feedback_operation(feedback: FeedbackLog) -> Operation:
    """Return the operation that notes whether an answer helped; repeated in one turn it counts once."""

    async def knowledge_feedback(call: Call, args: Feedback) -> dict[str, Any]:
        if not call.dry_run:
            await feedback.note_feedback(
                call.conversation_id, article=args.article, language=args.language, helped=args.helped, now=call.now
            )
        return {"noted": not call.dry_run}

    return Operation("knowledge_feedback", Feedback, knowledge_feedback, once=True)


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
