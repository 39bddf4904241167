"""What agents see: the lists of conversations that wait or are being handled, and one conversation whole."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import Author, HandoffState
from bot.storage.shop_tables import CustomerRow, GrantRow
from bot.storage.tables import (
    Agent,
    ConversationRow,
    ConversationTag,
    Delivery,
    Handoff,
    MessageRow,
    Tag,
    Turn,
)

__all__ = ["Inbox", "InboxFilter", "InboxRow", "Person"]

_OPEN = (HandoffState.QUEUED, HandoffState.ACCEPTED)


@dataclass(frozen=True)
class Person:
    """Who a conversation proved to be: ``level`` is basic (one order) or full (all the customer's)."""

    customer_key: str
    name: str
    level: str


@dataclass(frozen=True)
class InboxRow:
    """One line of a list: the latest handoff of a conversation, and the conversation's last words."""

    handoff_id: int
    conversation_id: int
    public_id: str
    state: str
    reason: str
    team: str | None
    agent_id: int | None
    agent_name: str | None
    channel: str
    language: str
    queued_at: datetime
    accepted_at: datetime | None
    ended_at: datetime | None
    announced_wait_s: int | None
    outside_hours: bool
    contact: str | None
    snoozed_until: datetime | None
    last_number: int
    last_author: str | None
    last_text: str | None
    last_at: datetime
    unread: int
    emotion: str | None
    valence: float | None
    tags: tuple[str, ...] = ()
    person: Person | None = None

    @property
    def open(self) -> bool:
        """Whether it waits or is being handled."""
        return self.state in _OPEN


@dataclass(frozen=True)
class InboxFilter:
    """Which conversations a list shows; an empty field does not restrict."""

    reason: str | None = None
    channel: str | None = None
    language: str | None = None
    team: str | None = None
    tag: str | None = None
    agent_id: int | None = None
    conditions: tuple[str, ...] = field(default=("reason", "channel", "language", "team", "agent_id"), repr=False)

    @property
    def active(self) -> bool:
        """Whether anything restricts."""
        return self.tag is not None or any(getattr(self, name) is not None for name in self.conditions)

    def matches(self, row: InboxRow) -> bool:
        """Tell whether a line belongs to the list."""
        if self.tag is not None and self.tag not in row.tags:
            return False
        return all(getattr(self, name) in (None, getattr(row, name)) for name in self.conditions)


class Inbox:
    """Queries on one open transaction. Nothing here locks a row."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def open(self, chosen: InboxFilter | None = None) -> list[InboxRow]:
        """Return everything that waits or is being handled, the longest waiting first."""
        query = self._rows().where(Handoff.state.in_(_OPEN)).order_by(Handoff.queued_at, Handoff.id)
        rows = await self._read(query)
        return [row for row in rows if chosen is None or chosen.matches(row)]

    async def ended(self, chosen: InboxFilter, *, before: datetime | None = None, limit: int = 50) -> list[InboxRow]:
        """Return what has ended, the latest first."""
        query = self._rows().where(Handoff.state.not_in(_OPEN)).order_by(Handoff.ended_at.desc(), Handoff.id.desc())
        if before is not None:
            query = query.where(Handoff.ended_at < before)
        if chosen.reason is not None:
            query = query.where(Handoff.reason == chosen.reason)
        if chosen.agent_id is not None:
            query = query.where(Handoff.agent_id == chosen.agent_id)
        if chosen.team is not None:
            query = query.where(Handoff.team == chosen.team)
        if chosen.channel is not None:
            query = query.where(ConversationRow.channel == chosen.channel)
        if chosen.language is not None:
            query = query.where(ConversationRow.language == chosen.language)
        if chosen.tag is not None:
            tagged = (
                select(ConversationTag.conversation_id)
                .join(Tag, Tag.id == ConversationTag.tag_id)
                .where(Tag.name == chosen.tag)
            )
            query = query.where(Handoff.conversation_id.in_(tagged))
        return await self._read(query.limit(limit))

    async def of_conversations(self, conversation_ids: Sequence[int]) -> list[InboxRow]:
        """Return the line of each conversation's latest handoff; one that never had any is missing."""
        latest = (
            select(func.max(Handoff.id))
            .where(Handoff.conversation_id.in_(conversation_ids))
            .group_by(Handoff.conversation_id)
        )
        return await self._read(self._rows().where(Handoff.id.in_(latest)).order_by(Handoff.id.desc()))

    async def fingerprints(self) -> dict[int, tuple[Any, ...]]:
        """Return, by conversation, what changes whenever an open line looks different."""
        query = select(
            Handoff.conversation_id,
            Handoff.id,
            Handoff.state,
            Handoff.agent_id,
            Handoff.team,
            Handoff.snoozed_until,
            Handoff.seen_number,
            Handoff.contact,
            ConversationRow.last_number,
            ConversationRow.seen_number,
        ).join(ConversationRow, ConversationRow.id == Handoff.conversation_id)
        rows = await self.session.execute(query.where(Handoff.state.in_(_OPEN)))
        return {row[0]: tuple(row[1:]) for row in rows.all()}

    async def conversation(self, conversation_id: int) -> ConversationRow | None:
        """Return a conversation, not locked."""
        return await self.session.get(ConversationRow, conversation_id)

    async def latest_messages(
        self, conversation_id: int, *, reader: int, before: int | None = None, limit: int = 100
    ) -> list[MessageRow]:
        """Return the last messages, in order, without other agents' private notes."""
        query = (
            select(MessageRow)
            .where(
                MessageRow.conversation_id == conversation_id,
                or_(MessageRow.private.is_(False), MessageRow.agent_id == reader),
            )
            .order_by(MessageRow.number.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(MessageRow.number < before)
        return list(await self.session.scalars(query))[::-1]

    async def delivery_states(self, message_ids: Sequence[int]) -> dict[int, str]:
        """Return how far messages to the customer have come; over several addresses, the best of them."""
        rows = await self.session.execute(
            select(Delivery.message_id, Delivery.state).where(Delivery.message_id.in_(message_ids))
        )
        best: dict[int, str] = {}
        order = ("dead", "failed", "ambiguous", "pending", "sending", "sent")
        for message_id, state in rows.all():
            if message_id not in best or order.index(state) > order.index(best[message_id]):
                best[message_id] = state
        return best

    def _rows(self) -> Select[*tuple[Any, ...]]:
        unread = (
            select(func.count())
            .where(
                MessageRow.conversation_id == Handoff.conversation_id,
                MessageRow.number > Handoff.seen_number,
                MessageRow.author == Author.CUSTOMER,
            )
            .correlate(Handoff)
            .scalar_subquery()
        )
        last_felt = (
            select(func.max(Turn.id))
            .where(Turn.conversation_id == Handoff.conversation_id, Turn.emotion.is_not(None))
            .correlate(Handoff)
            .scalar_subquery()
        )
        last_words = (
            select(func.max(MessageRow.number))
            .where(
                MessageRow.conversation_id == Handoff.conversation_id,
                MessageRow.author.in_((Author.CUSTOMER, Author.AGENT)),
                MessageRow.text.is_not(None),
            )
            .correlate(Handoff)
            .scalar_subquery()
        )
        return (
            select(
                Handoff,
                ConversationRow.public_id,
                ConversationRow.channel,
                ConversationRow.language,
                ConversationRow.last_number,
                ConversationRow.last_activity_at,
                Agent.name,
                MessageRow.author,
                MessageRow.text,
                MessageRow.created_at,
                unread,
                Turn.emotion,
                Turn.valence,
            )
            .join(ConversationRow, ConversationRow.id == Handoff.conversation_id)
            .outerjoin(Agent, Agent.id == Handoff.agent_id)
            .outerjoin(
                MessageRow,
                and_(MessageRow.conversation_id == Handoff.conversation_id, MessageRow.number == last_words),
            )
            .outerjoin(Turn, Turn.id == last_felt)
        )

    async def _read(self, query: Select[*tuple[Any, ...]]) -> list[InboxRow]:
        rows = (await self.session.execute(query)).all()
        tags = await self.tags_of([row[0].conversation_id for row in rows])
        people = await self.people([row[1] for row in rows])
        return [
            InboxRow(
                handoff_id=handoff.id,
                conversation_id=handoff.conversation_id,
                public_id=public_id,
                state=handoff.state,
                reason=handoff.reason,
                team=handoff.team,
                agent_id=handoff.agent_id,
                agent_name=agent_name,
                channel=channel,
                language=language,
                queued_at=handoff.queued_at,
                accepted_at=handoff.accepted_at,
                ended_at=handoff.ended_at,
                announced_wait_s=handoff.announced_wait_s,
                outside_hours=handoff.outside_hours,
                contact=handoff.contact,
                snoozed_until=handoff.snoozed_until,
                last_number=last_number,
                last_author=last_author,
                last_text=last_text,
                last_at=last_at or activity_at,
                unread=unread,
                emotion=emotion,
                valence=valence,
                tags=tuple(tags.get(handoff.conversation_id, ())),
                person=people.get(public_id),
            )
            for (
                handoff,
                public_id,
                channel,
                language,
                last_number,
                activity_at,
                agent_name,
                last_author,
                last_text,
                last_at,
                unread,
                emotion,
                valence,
            ) in rows
        ]

    async def tags_of(self, conversation_ids: Sequence[int]) -> dict[int, list[str]]:
        """Return the tags of conversations, in the order of the alphabet."""
        query = (
            select(ConversationTag.conversation_id, Tag.name)
            .join(Tag, Tag.id == ConversationTag.tag_id)
            .where(ConversationTag.conversation_id.in_(conversation_ids))
            .order_by(func.lower(Tag.name))
        )
        found: dict[int, list[str]] = {}
        for conversation_id, name in (await self.session.execute(query)).all():
            found.setdefault(conversation_id, []).append(name)
        return found

    async def people(self, public_ids: Sequence[str]) -> dict[str, Person]:
        """Return who conversations proved to be, by their public ids; proofs that have run out still name the person.

        What may be done is decided by the operations, on proofs that hold.
        """
        query = (
            select(GrantRow, CustomerRow.first_name, CustomerRow.last_name)
            .outerjoin(CustomerRow, CustomerRow.key == GrantRow.customer_key)
            .where(GrantRow.conversation_id.in_(public_ids))
            .order_by(GrantRow.id)
        )
        found: dict[str, Person] = {}
        for grant, first, last in (await self.session.execute(query)).all():
            known = found.get(grant.conversation_id)
            if known is None or (known.level == "basic" and grant.level == "full"):
                name = f"{first or ''} {last or ''}".strip()
                found[grant.conversation_id] = Person(grant.customer_key, name, grant.level)
        return found

    async def earlier_of(self, customer_key: str, but: int, limit: int = 10) -> list[ConversationRow]:
        """Return other conversations in which a customer proved who they are, the latest first."""
        theirs = select(GrantRow.conversation_id).where(GrantRow.customer_key == customer_key)
        query = (
            select(ConversationRow)
            .where(ConversationRow.public_id.in_(theirs), ConversationRow.id != but)
            .order_by(ConversationRow.id.desc())
            .limit(limit)
        )
        return list(await self.session.scalars(query))

    async def tag_names(self) -> list[str]:
        """Return all tags."""
        return list(await self.session.scalars(select(Tag.name).order_by(func.lower(Tag.name))))
