"""Conversations, messages, turns and deliveries: every query the path of a message needs."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import (
    READ_BY_NUMBER,
    Attachment,
    Author,
    Button,
    Conversation,
    ConversationState,
    DeliveryState,
    Destination,
    Language,
    Message,
    Reply,
    TurnState,
)
from bot.storage.tables import ChannelLink, ConversationRow, Delivery, MessageRow, Offer, Turn

__all__ = ["Claim", "Conversations", "DueDelivery", "LeaseLost", "public_id", "to_conversation", "to_message"]


class LeaseLost(Exception):
    """Another process took the conversation over; nothing of this turn may be written."""


def public_id() -> str:
    """Return a random id that tells nothing and cannot be guessed (128 bits)."""
    return secrets.token_urlsafe(16)


def to_conversation(row: ConversationRow) -> Conversation:
    """Turn a row into what other packages see."""
    return Conversation.model_validate(row)


def to_message(row: MessageRow) -> Message:
    """Turn a row into what other packages see; payloads of buttons stay inside."""
    return Message(
        id=row.id,
        conversation_id=row.conversation_id,
        number=row.number,
        author=Author(row.author),
        text=row.text,
        buttons=[Button(id=b["id"], title=b["title"]) for b in row.buttons or []],
        card=row.card,
        input=row.input,
        attachments=[Attachment.model_validate(a) for a in row.attachments or []],
        agent_name=row.agent_name,
        external_id=row.external_id,
        event=row.event,
        created_at=row.created_at,
    )


@dataclass(frozen=True)
class Claim:
    """A turn that this process may answer, and what it needs for it."""

    conversation: Conversation
    epoch: int
    turn_id: int
    turn_public_id: str
    message: Message
    payload: str | None
    prepared: list[dict[str, Any]] | None
    tracker: dict[str, Any] | None
    tries: int
    delay_told: bool
    not_understood_in_a_row: int
    created_at: datetime


@dataclass(frozen=True)
class DueDelivery:
    """A message to be sent now."""

    id: int
    to: Destination
    message: Message
    tries: int
    created_at: datetime


class Conversations:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    # -- finding and opening

    async def at(self, channel: str, external_key: str) -> ConversationRow | None:
        """Return the conversation at a channel's address, locked for writing."""
        query = (
            select(ConversationRow)
            .join(ChannelLink, ChannelLink.conversation_id == ConversationRow.id)
            .where(ChannelLink.channel == channel, ChannelLink.external_key == external_key)
            # The address too: a later conversation may take it over while this one is waited for.
            .with_for_update(of=[ConversationRow, ChannelLink])
        )
        return (await self.session.scalars(query)).one_or_none()

    async def open(
        self, channel: str, external_key: str, language: Language, now: datetime, *, first: bool = False
    ) -> ConversationRow:
        """Open a conversation at a channel's address; one that was there gives the address up.

        Addresses that were joined stay joined: the other ones of the earlier conversation come along.

        Args:
            channel: where the customer writes.
            external_key: their address there.
            language: what the conversation begins in.
            now: the present.
            first: nobody was at the address; if somebody came there meanwhile, the transaction ends in a Collision.
        """
        row = ConversationRow(
            public_id=public_id(),
            channel=channel,
            external_key=external_key,
            language=language,
            state=ConversationState.BOT,
            last_number=0,
            lease_epoch=0,
            not_understood_in_a_row=0,
            created_at=now,
            last_activity_at=now,
        )
        self.session.add(row)
        await self.session.flush()
        there = select(ChannelLink).where(ChannelLink.channel == channel, ChannelLink.external_key == external_key)
        link = None if first else await self.session.scalar(there)
        if link is None:
            self.session.add(ChannelLink(conversation_id=row.id, channel=channel, external_key=external_key))
        else:
            await self.session.execute(
                update(ChannelLink)
                .where(ChannelLink.conversation_id == link.conversation_id)
                .values(conversation_id=row.id)
            )
        await self.session.flush()
        return row

    async def locked(self, conversation_id: int) -> ConversationRow:
        """Return a conversation, locked for writing.

        Raises:
            LookupError: if there is none.
        """
        row = await self.session.get(ConversationRow, conversation_id, with_for_update=True)
        if row is None:
            raise LookupError(f"no conversation {conversation_id}")
        return row

    async def by_public_id(self, value: str) -> ConversationRow | None:
        """Return a conversation by the id that outsiders know."""
        return await self.session.scalar(select(ConversationRow).where(ConversationRow.public_id == value))

    # -- messages

    async def add_message(
        self,
        conversation: ConversationRow,
        author: Author,
        now: datetime,
        *,
        text: str | None = None,
        channel: str | None = None,
        external_key: str | None = None,
        external_id: str | None = None,
        turn_id: int | None = None,
        card: dict[str, Any] | None = None,
        input: dict[str, Any] | None = None,
        buttons: Sequence[dict[str, str]] = (),
        attachments: Sequence[Attachment] = (),
        event: dict[str, Any] | None = None,
        agent_id: int | None = None,
        agent_name: str | None = None,
        acknowledges: bool = False,
    ) -> MessageRow:
        """Store a message under the conversation's next number. The conversation must be locked."""
        conversation.last_number += 1
        conversation.last_activity_at = now
        row = MessageRow(
            conversation_id=conversation.id,
            number=conversation.last_number,
            author=author,
            channel=channel,
            external_key=external_key,
            external_id=external_id,
            turn_id=turn_id,
            text=text,
            buttons=list(buttons),
            card=card,
            input=input,
            attachments=[a.model_dump() for a in attachments],
            event=event,
            agent_id=agent_id,
            agent_name=agent_name,
            acknowledges=acknowledges,
            created_at=now,
        )
        self.session.add(row)
        await self.session.flush()
        return row

    async def add_reply(
        self,
        conversation: ConversationRow,
        reply: Reply,
        now: datetime,
        *,
        turn_id: int | None = None,
        agent_id: int | None = None,
    ) -> MessageRow:
        """Store a message to the customer with its buttons, and a delivery to every live address."""
        offers = [
            Offer(public_id=secrets.token_urlsafe(12), title=button["title"], payload=button["payload"])
            for button in reply.buttons
        ]
        row = await self.add_message(
            conversation,
            reply.author,
            now,
            text=reply.text,
            turn_id=turn_id,
            card=reply.card,
            input=reply.input,
            buttons=[{"id": o.public_id, "title": o.title, "payload": o.payload} for o in offers],
            attachments=reply.attachments,
            agent_id=agent_id,
            agent_name=reply.agent_name,
            acknowledges=reply.acknowledges,
        )
        for offer in offers:
            offer.conversation_id, offer.message_id = conversation.id, row.id
        self.session.add_all(offers)
        links = await self.session.scalars(
            select(ChannelLink).where(ChannelLink.conversation_id == conversation.id, ChannelLink.dead_at.is_(None))
        )
        for link in links:
            sent = link.channel in READ_BY_NUMBER
            self.session.add(
                Delivery(
                    conversation_id=conversation.id,
                    message_id=row.id,
                    channel=link.channel,
                    external_key=link.external_key,
                    state=DeliveryState.SENT if sent else DeliveryState.PENDING,
                    tries=int(sent),
                    part=0,
                    next_try_at=None if sent else now,
                    created_at=now,
                    sent_at=now if sent else None,
                )
            )
        await self.session.flush()
        return row

    async def received_before(self, channel: str, external_key: str, external_id: str) -> MessageRow | None:
        """Return the message that a channel already handed over under this id."""
        return await self.session.scalar(
            select(MessageRow).where(
                MessageRow.channel == channel,
                MessageRow.external_key == external_key,
                MessageRow.external_id == external_id,
            )
        )

    async def messages(self, conversation_id: int, *, after: int = 0, limit: int = 500) -> list[MessageRow]:
        """Return messages with a number above ``after``, in order."""
        query = (
            select(MessageRow)
            .where(MessageRow.conversation_id == conversation_id, MessageRow.number > after)
            .order_by(MessageRow.number)
            .limit(limit)
        )
        return list(await self.session.scalars(query))

    async def messages_since(self, message_id: int) -> list[MessageRow]:
        """Return what was written in a message's conversation after it, in order."""
        message = await self.session.get_one(MessageRow, message_id)
        return await self.messages(message.conversation_id, after=message.number)

    async def bot_has_spoken(self, conversation_id: int) -> bool:
        """Tell whether the customer has had an answer of the bot in this conversation."""
        query = select(MessageRow.id).where(
            MessageRow.conversation_id == conversation_id, MessageRow.author == Author.BOT
        )
        return await self.session.scalar(query.limit(1)) is not None

    async def offer(self, conversation_id: int, button_id: str) -> Offer | None:
        """Return a button that was offered in this very conversation."""
        return await self.session.scalar(
            select(Offer).where(Offer.public_id == button_id, Offer.conversation_id == conversation_id)
        )

    # -- turns

    async def add_turn(
        self,
        conversation: ConversationRow,
        message: MessageRow,
        state: TurnState,
        payload: str | None,
        now: datetime,
        *,
        prepared: list[dict[str, Any]] | None = None,
    ) -> Turn:
        """Record that a customer's message is to be answered."""
        turn = Turn(
            public_id=public_id(),
            conversation_id=conversation.id,
            message_id=message.id,
            state=state,
            payload=payload,
            prepared=prepared,
            tries=0,
            delay_told=False,
            next_try_at=now if state == TurnState.PENDING else None,
            created_at=now,
        )
        self.session.add(turn)
        await self.session.flush()
        message.turn_id = turn.id
        return turn

    async def claim(self, conversation_id: int, owner: str, lease: timedelta, now: datetime) -> Claim | None:
        """Take the conversation's oldest unanswered turn, or None if there is none or somebody else works on it.

        Messages are answered in order: while the oldest waits for its next try, later ones wait too.
        The lease is given back in the same transaction that finds nothing to do, so a message that is
        stored afterwards always finds the conversation free.
        """
        row = await self.locked(conversation_id)
        if (
            row.lease_owner is not None
            and row.lease_owner != owner
            and row.lease_until is not None
            and row.lease_until > now
        ):
            return None
        turn = await self.session.scalar(
            select(Turn)
            .where(Turn.conversation_id == conversation_id, Turn.state == TurnState.PENDING)
            .order_by(Turn.id)
            .limit(1)
        )
        if turn is None or (turn.next_try_at is not None and turn.next_try_at > now):
            row.lease_owner = None
            row.lease_until = None
            return None
        row.lease_owner = owner
        row.lease_until = now + lease
        row.lease_epoch += 1
        message = await self.session.get_one(MessageRow, turn.message_id)
        return Claim(
            conversation=to_conversation(row),
            epoch=row.lease_epoch,
            turn_id=turn.id,
            turn_public_id=turn.public_id,
            message=to_message(message),
            payload=turn.payload,
            prepared=turn.prepared,
            tracker=row.tracker,
            tries=turn.tries,
            delay_told=turn.delay_told,
            not_understood_in_a_row=row.not_understood_in_a_row,
            created_at=turn.created_at,
        )

    async def still_ours(self, claim: Claim, owner: str) -> tuple[ConversationRow, Turn]:
        """Lock the claimed conversation and turn again for writing the result.

        Raises:
            LeaseLost: if another process has taken over meanwhile.
        """
        row = await self.locked(claim.conversation.id)
        if row.lease_epoch != claim.epoch or row.lease_owner != owner:
            raise LeaseLost(f"conversation {row.id}")
        turn = await self.session.get_one(Turn, claim.turn_id)
        if turn.state != TurnState.PENDING:
            raise LeaseLost(f"turn {turn.id} is {turn.state}")
        return row, turn

    async def rest(self, conversation: ConversationRow) -> bool:
        """Give the lease of a locked conversation back if no turn in it is pending; tell whether that is so.

        A message that is stored afterwards finds the conversation free.
        """
        await self.session.flush()
        pending = select(Turn.id).where(Turn.conversation_id == conversation.id, Turn.state == TurnState.PENDING)
        if await self.session.scalar(pending.limit(1)) is not None:
            return False
        conversation.lease_owner = None
        conversation.lease_until = None
        return True

    async def recent_turns(self, conversation_id: int, limit: int = 20, *, before: int | None = None) -> list[Turn]:
        """Return the latest turns, or the latest before one, the newest first."""
        query = select(Turn).where(Turn.conversation_id == conversation_id).order_by(Turn.id.desc()).limit(limit)
        if before is not None:
            query = query.where(Turn.id < before)
        return list(await self.session.scalars(query))

    async def conversations_to_work_on(self, now: datetime, limit: int = 200) -> list[int]:
        """Return conversations with a turn that is due and that nobody works on."""
        query = (
            select(Turn.conversation_id)
            .join(ConversationRow, ConversationRow.id == Turn.conversation_id)
            .where(
                Turn.state == TurnState.PENDING,
                Turn.next_try_at <= now,
                or_(ConversationRow.lease_owner.is_(None), ConversationRow.lease_until <= now),
            )
            .group_by(Turn.conversation_id)
            .order_by(func.min(Turn.id))
            .limit(limit)
        )
        return list(await self.session.scalars(query))

    async def release_all_leases(self) -> None:
        """Free every conversation. Only for a database that no other process uses."""
        await self.session.execute(
            update(ConversationRow)
            .where(ConversationRow.lease_owner.is_not(None))
            .values(lease_owner=None, lease_until=None)
        )

    async def make_pending_due(self, now: datetime) -> None:
        """Let every unanswered turn be tried now, because the engine is back."""
        await self.session.execute(
            update(Turn).where(Turn.state == TurnState.PENDING, Turn.next_try_at > now).values(next_try_at=now)
        )

    async def hand_pending_to_person(self, conversation_id: int) -> None:
        """Mark unanswered turns as left to the person who takes the conversation."""
        await self.session.execute(
            update(Turn)
            .where(Turn.conversation_id == conversation_id, Turn.state == TurnState.PENDING)
            .values(state=TurnState.WITH_PERSON, next_try_at=None)
        )

    # -- deliveries

    async def due_deliveries(
        self, channel: str, now: datetime, limit: int = 100, *, not_to: Collection[str] = ()
    ) -> list[DueDelivery]:
        """Take the next message of every address of a channel that is due, and mark them ``sending``.

        Only the oldest unsent message of an address is taken, so that order is kept. Addresses in ``not_to``
        are left out.
        """
        unsent = (DeliveryState.PENDING, DeliveryState.FAILED, DeliveryState.SENDING)
        heads = (
            select(func.min(Delivery.id))
            .where(Delivery.channel == channel, Delivery.state.in_(unsent))
            .group_by(Delivery.external_key)
        )
        query = (
            select(Delivery)
            .where(
                Delivery.id.in_(heads),
                Delivery.state.in_((DeliveryState.PENDING, DeliveryState.FAILED)),
                Delivery.next_try_at <= now,
                Delivery.external_key.not_in(not_to),
            )
            .order_by(Delivery.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        due = []
        for row in (await self.session.scalars(query)).all():
            row.state = DeliveryState.SENDING
            row.tries += 1
            row.next_try_at = now
            message = await self.session.get_one(MessageRow, row.message_id)
            to = Destination(
                conversation_id=row.conversation_id,
                channel=row.channel,
                external_key=row.external_key,
                part=row.part,
            )
            due.append(
                DueDelivery(id=row.id, to=to, message=to_message(message), tries=row.tries, created_at=row.created_at)
            )
        return due

    async def anything_due(self, channel: str, now: datetime) -> bool:
        """Tell, without locking anything, whether a message of a channel may be due."""
        query = select(Delivery.id).where(
            Delivery.channel == channel,
            Delivery.state.in_((DeliveryState.PENDING, DeliveryState.FAILED)),
            Delivery.next_try_at <= now,
        )
        return await self.session.scalar(query.limit(1)) is not None

    async def take_waiting(self, channel: str, external_key: str, now: datetime) -> list[Message]:
        """Mark everything unsent for an address as sent and return it, in order; for channels that fetch."""
        query = (
            select(Delivery)
            .where(
                Delivery.channel == channel,
                Delivery.external_key == external_key,
                Delivery.state == DeliveryState.PENDING,
            )
            .order_by(Delivery.id)
            .with_for_update()
        )
        messages = []
        for row in (await self.session.scalars(query)).all():
            row.state = DeliveryState.SENT
            row.sent_at = now
            messages.append(to_message(await self.session.get_one(MessageRow, row.message_id)))
        return messages

    async def settle_delivery(
        self,
        delivery_id: int,
        state: DeliveryState,
        now: datetime,
        *,
        external_id: str | None = None,
        error: str | None = None,
        next_try_at: datetime | None = None,
        part_done: bool = False,
    ) -> None:
        """Write down how a sending ended; with ``part_done`` the message's next part is to follow."""
        row = await self.session.get_one(Delivery, delivery_id)
        row.state = state
        row.external_id = external_id
        if part_done:
            row.part += 1
            row.tries = 0
        row.error = error[:300] if error else None
        row.next_try_at = next_try_at
        if state == DeliveryState.SENT:
            row.sent_at = now

    async def kill_address(self, channel: str, external_key: str, now: datetime) -> None:
        """Stop sending to an address that refuses us for good."""
        await self.session.execute(
            update(ChannelLink)
            .where(ChannelLink.channel == channel, ChannelLink.external_key == external_key)
            .values(dead_at=now)
        )
        await self.session.execute(
            update(Delivery)
            .where(
                Delivery.channel == channel,
                Delivery.external_key == external_key,
                Delivery.state.in_((DeliveryState.PENDING, DeliveryState.FAILED)),
            )
            .values(state=DeliveryState.DEAD)
        )

    async def interrupted_deliveries(self, before: datetime, channel: str | None = None) -> list[Delivery]:
        """Return sendings that a crash cut off, of one channel or of all: they may or may not have arrived."""
        query = select(Delivery).where(
            and_(
                Delivery.state == DeliveryState.SENDING,
                or_(Delivery.next_try_at.is_(None), Delivery.next_try_at <= before),
            )
        )
        if channel is not None:
            query = query.where(Delivery.channel == channel)
        return list(await self.session.scalars(query))
