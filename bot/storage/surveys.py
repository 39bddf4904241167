"""Queries about surveys and their answers."""

from datetime import datetime

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import ConversationState, HandoffState, TurnState
from bot.storage.tables import ChannelLink, ConversationRow, Handoff, Offer, Survey, SurveyAnswer, Turn

__all__ = ["LIVE", "Surveys"]

# States in which the next message may be an answer.
LIVE = ("offered", "answering")


class Surveys:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, survey: Survey) -> Survey:
        """Store a new survey."""
        self.session.add(survey)
        await self.session.flush()
        return survey

    async def locked(self, survey_id: int) -> Survey | None:
        """Return a survey, locked for writing."""
        return await self.session.get(Survey, survey_id, with_for_update=True)

    async def reachable(self, conversation_id: int) -> bool:
        """Tell whether anything that is written in a conversation reaches its customer."""
        link = select(ChannelLink.id).where(
            ChannelLink.conversation_id == conversation_id, ChannelLink.dead_at.is_(None)
        )
        return await self.session.scalar(link.limit(1)) is not None

    async def latest_of(self, conversation_id: int) -> Survey | None:
        """Return the conversation's newest survey."""
        query = select(Survey).where(Survey.conversation_id == conversation_id).order_by(Survey.id.desc()).limit(1)
        return (await self.session.scalars(query)).one_or_none()

    async def asked_since(self, conversation: ConversationRow, since: datetime) -> bool:
        """Tell whether the conversation's customer was offered a survey in another conversation since then."""
        same = and_(
            ConversationRow.channel == conversation.channel, ConversationRow.external_key == conversation.external_key
        )
        if conversation.customer_id is not None:
            same = or_(same, ConversationRow.customer_id == conversation.customer_id)
        query = (
            select(Survey.id)
            .join(ConversationRow, ConversationRow.id == Survey.conversation_id)
            .where(same, Survey.conversation_id != conversation.id, Survey.offered_at > since)
        )
        return await self.session.scalar(query.limit(1)) is not None

    async def answers(self, survey_id: int) -> dict[str, SurveyAnswer]:
        """Return what was answered, by item."""
        rows = await self.session.scalars(select(SurveyAnswer).where(SurveyAnswer.survey_id == survey_id))
        return {row.item: row for row in rows}

    async def answer(self, answer: SurveyAnswer) -> None:
        """Store an answer; an earlier one to the same item gives way."""
        known = (await self.answers(answer.survey_id)).get(answer.item)
        if known is None:
            self.session.add(answer)
        else:
            known.value, known.text, known.answered_at = answer.value, answer.text, answer.answered_at
        await self.session.flush()

    async def last_handoff(self, conversation_id: int) -> Handoff | None:
        """Return the newest handoff that a person accepted."""
        query = select(Handoff).where(Handoff.conversation_id == conversation_id, Handoff.accepted_at.is_not(None))
        return (await self.session.scalars(query.order_by(Handoff.id.desc()).limit(1))).one_or_none()

    async def earlier_offer(self, channel: str, external_key: str, button_id: str, prefix: str) -> Offer | None:
        """Return a survey button that a conversation showed which is or was held at the same address."""
        query = (
            select(Offer)
            .join(ConversationRow, ConversationRow.id == Offer.conversation_id)
            .where(
                Offer.public_id == button_id,
                Offer.payload.startswith(prefix, autoescape=True),
                or_(
                    and_(ConversationRow.channel == channel, ConversationRow.external_key == external_key),
                    ConversationRow.id.in_(
                        select(ChannelLink.conversation_id).where(
                            ChannelLink.channel == channel, ChannelLink.external_key == external_key
                        )
                    ),
                ),
            )
        )
        return await self.session.scalar(query)

    async def something_was_done(self, conversation_id: int, small_talk: frozenset[str]) -> bool:
        """Tell whether a conversation was about anything: an understood matter, or a person's help."""
        asked = select(Turn.id).where(
            Turn.conversation_id == conversation_id,
            Turn.state == TurnState.DONE,
            Turn.intent.is_not(None),
            Turn.intent.not_in(small_talk),
        )
        if await self.session.scalar(asked.limit(1)) is not None:
            return True
        return await self.last_handoff(conversation_id) is not None

    async def silent_conversations(self, before: datetime, limit: int = 100) -> list[int]:
        """Return conversations with the bot in which nothing happened since then and nothing is owed."""
        owed = exists().where(Turn.conversation_id == ConversationRow.id, Turn.state == TurnState.PENDING)
        waits = exists().where(Handoff.conversation_id == ConversationRow.id, Handoff.state == HandoffState.QUEUED)
        query = (
            select(ConversationRow.id)
            .where(
                ConversationRow.state == ConversationState.BOT,
                ConversationRow.last_activity_at <= before,
                ~owed,
                ~waits,
            )
            .order_by(ConversationRow.last_activity_at)
            .limit(limit)
        )
        return list(await self.session.scalars(query))
