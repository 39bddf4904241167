"""Queries for signals that look back: what an agent's reply answers, and how a conversation felt."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import Author, TurnState
from bot.storage.tables import MessageRow, Signal, Turn

__all__ = ["SignalHistory"]


class SignalHistory:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def waiting_for_person(self, conversation_id: int) -> list[Turn]:
        """Return the customer's messages since an agent last wrote that were left to a person, in order."""
        last_reply = (
            select(func.max(MessageRow.id))
            .where(MessageRow.conversation_id == conversation_id, MessageRow.author == Author.AGENT)
            .scalar_subquery()
        )
        query = (
            select(Turn)
            .where(
                Turn.conversation_id == conversation_id,
                Turn.state == TurnState.WITH_PERSON,
                Turn.message_id > func.coalesce(last_reply, 0),
            )
            .order_by(Turn.id)
        )
        return list(await self.session.scalars(query))

    async def turn_of(self, conversation_id: int, number: int) -> Turn | None:
        """Return the turn of a customer's message by the message's number."""
        query = (
            select(Turn)
            .join(MessageRow, MessageRow.id == Turn.message_id)
            .where(MessageRow.conversation_id == conversation_id, MessageRow.number == number)
        )
        return (await self.session.scalars(query)).one_or_none()

    async def emotions(self, conversation_id: int) -> list[Signal]:
        """Return the emotion signals of a conversation, in order."""
        query = select(Signal).where(
            Signal.conversation_id == conversation_id, Signal.family == "empathy", Signal.kind == "emotion"
        )
        return list(await self.session.scalars(query.order_by(Signal.id)))
