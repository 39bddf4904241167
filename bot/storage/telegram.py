"""What the Telegram channel keeps: updates until they are handled, open keyboards, where chats stand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import Author, Language
from bot.storage.tables import AttachmentRow, ChannelLink, ConversationRow, MessageRow, Offer, Turn
from bot.storage.telegram_tables import TelegramKeyboard, TelegramUpdate

__all__ = ["Arrival", "Chat", "Context", "OpenUpdate", "Telegram"]


@dataclass(frozen=True)
class Arrival:
    """An update as it came in. ``chat_id`` is None where it belongs to no chat."""

    update_id: int
    chat_id: int | None
    body: dict[str, Any]


@dataclass(frozen=True)
class OpenUpdate:
    """A stored update that is not handled yet."""

    id: int
    update_id: int
    chat_id: int | None
    tries: int
    next_try_at: datetime | None
    received_at: datetime


@dataclass(frozen=True)
class Chat:
    """The conversation that a Telegram chat is in."""

    conversation_id: int
    public_id: str
    language: Language
    state: str
    dead: bool


@dataclass(frozen=True)
class Context:
    """What is needed beside a message to show it: the language, the question, the files.

    ``asked_elsewhere`` is what the customer wrote in another channel, where this message is the first answer to it.
    """

    language: Language
    asked_elsewhere: str | None
    files: dict[str, str]


class Telegram:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    # -- updates

    async def store(self, bot_id: int, arrivals: Iterable[Arrival], now: datetime) -> int:
        """Keep updates that are not known yet; return how many were new."""
        rows = [
            {
                "bot_id": bot_id,
                "update_id": arrival.update_id,
                "chat_id": arrival.chat_id,
                "state": "open",
                "body": arrival.body,
                "tries": 0,
                "received_at": now,
            }
            for arrival in arrivals
        ]
        if not rows:
            return 0
        dialect = sqlite if self.session.get_bind().dialect.name == "sqlite" else postgresql
        statement = (
            dialect.insert(TelegramUpdate)
            .values(rows)
            .on_conflict_do_nothing(index_elements=["bot_id", "update_id"])
            .returning(TelegramUpdate.id)
        )
        return len((await self.session.scalars(statement)).all())

    async def open_updates(self, bot_id: int, limit: int = 1000) -> list[OpenUpdate]:
        """Return what is not handled, in Telegram's order."""
        query = (
            select(
                TelegramUpdate.id,
                TelegramUpdate.update_id,
                TelegramUpdate.chat_id,
                TelegramUpdate.tries,
                TelegramUpdate.next_try_at,
                TelegramUpdate.received_at,
            )
            .where(TelegramUpdate.bot_id == bot_id, TelegramUpdate.state == "open")
            .order_by(TelegramUpdate.update_id)
            .limit(limit)
        )
        return [OpenUpdate(*row) for row in (await self.session.execute(query)).all()]

    async def bodies(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Return what is in updates that are still open, by the key of their row."""
        query = select(TelegramUpdate.id, TelegramUpdate.body).where(
            TelegramUpdate.id.in_(ids), TelegramUpdate.state == "open"
        )
        return {row.id: row.body or {} for row in (await self.session.execute(query)).all()}

    async def known_from(self, bot_id: int, update_id: int) -> list[tuple[int, datetime]]:
        """Return ids and arrival times of the updates from an id on, in Telegram's order, and of the one before it."""
        columns = select(TelegramUpdate.update_id, TelegramUpdate.received_at).where(TelegramUpdate.bot_id == bot_id)
        below = columns.where(TelegramUpdate.update_id < update_id).order_by(TelegramUpdate.update_id.desc()).limit(1)
        above = columns.where(TelegramUpdate.update_id >= update_id).order_by(TelegramUpdate.update_id)
        rows = [*(await self.session.execute(below)).all(), *(await self.session.execute(above)).all()]
        return [(row.update_id, row.received_at) for row in rows]

    async def handled(self, ids: Sequence[int], now: datetime) -> None:
        """Note that updates are dealt with, and forget what was in them."""
        await self.session.execute(
            update(TelegramUpdate)
            .where(TelegramUpdate.id.in_(ids), TelegramUpdate.state == "open")
            .values(state="done", body=None, chat_id=None, handled_at=now, next_try_at=None)
        )

    async def try_again(self, update_row_id: int, at: datetime, error: str) -> None:
        """Note that an update could not be handled, and when to try again."""
        await self.session.execute(
            update(TelegramUpdate)
            .where(TelegramUpdate.id == update_row_id)
            .values(tries=TelegramUpdate.tries + 1, next_try_at=at, error=error[:300])
        )

    async def given_up(self, update_row_id: int, now: datetime, error: str) -> None:
        """Note that an update cannot be handled. What was in it stays, for whoever looks into it."""
        await self.session.execute(
            update(TelegramUpdate)
            .where(TelegramUpdate.id == update_row_id, TelegramUpdate.state == "open")
            .values(state="failed", handled_at=now, error=error[:300])
        )

    async def forget_chat(self, bot_id: int, chat_id: int, address: str) -> None:
        """Drop what is left of a chat: updates that could not be handled, and keyboards."""
        await self.session.execute(
            delete(TelegramUpdate).where(
                TelegramUpdate.bot_id == bot_id, TelegramUpdate.chat_id == chat_id, TelegramUpdate.state == "failed"
            )
        )
        await self.session.execute(delete(TelegramKeyboard).where(TelegramKeyboard.address == address))

    async def forget_updates(self, before: datetime) -> None:
        """Drop updates handled before then. Telegram itself keeps none for longer than a day."""
        await self.session.execute(
            delete(TelegramUpdate).where(TelegramUpdate.state != "open", TelegramUpdate.handled_at < before)
        )

    # -- keyboards

    async def keyboard_shown(self, address: str, telegram_id: int, message_id: int, now: datetime) -> None:
        """Remember that a message in a chat has buttons below it."""
        dialect = sqlite if self.session.get_bind().dialect.name == "sqlite" else postgresql
        await self.session.execute(
            dialect.insert(TelegramKeyboard)
            .values(address=address, telegram_id=telegram_id, message_id=message_id, sent_at=now)
            .on_conflict_do_nothing(index_elements=["address", "telegram_id"])
        )

    async def open_keyboards(self, address: str) -> list[int]:
        """Return the Telegram ids of messages in a chat whose buttons are still there."""
        query = select(TelegramKeyboard.telegram_id).where(
            TelegramKeyboard.address == address, TelegramKeyboard.closed_at.is_(None)
        )
        return list(await self.session.scalars(query.order_by(TelegramKeyboard.id)))

    async def keyboard_closed(self, address: str, telegram_id: int, now: datetime) -> None:
        """Note that the buttons of a message are gone."""
        await self.session.execute(
            update(TelegramKeyboard)
            .where(TelegramKeyboard.address == address, TelegramKeyboard.telegram_id == telegram_id)
            .values(closed_at=now)
        )

    # -- messages

    async def context_of(self, message_id: int, channel: str) -> Context:
        """Return what is needed beside a message to show it in a channel."""
        message = await self.session.get_one(MessageRow, message_id)
        language = await self.session.scalar(
            select(ConversationRow.language).where(ConversationRow.id == message.conversation_id)
        )
        asked = None
        if message.turn_id is not None and message.author == Author.BOT:
            earlier = select(MessageRow.id).where(
                MessageRow.turn_id == message.turn_id, MessageRow.author == Author.BOT, MessageRow.id < message_id
            )
            if await self.session.scalar(earlier.limit(1)) is None:
                question = select(MessageRow.text).join(Turn, Turn.message_id == MessageRow.id)
                asked = await self.session.scalar(
                    question.where(Turn.id == message.turn_id, MessageRow.channel != channel)
                )
        files = {}
        if message.attachments:
            rows = await self.session.execute(
                select(AttachmentRow.public_id, AttachmentRow.path).where(
                    AttachmentRow.public_id.in_([a["id"] for a in message.attachments])
                )
            )
            files = {row.public_id: row.path for row in rows.all()}
        return Context("de" if language == "de" else "en", asked, files)

    async def payload_of(self, channel: str, external_key: str, button_id: str) -> str | None:
        """Return what stands behind a button of the conversation that a chat is in."""
        query = (
            select(Offer.payload)
            .join(ChannelLink, ChannelLink.conversation_id == Offer.conversation_id)
            .where(
                Offer.public_id == button_id,
                ChannelLink.channel == channel,
                ChannelLink.external_key == external_key,
            )
        )
        return await self.session.scalar(query)

    async def text_of(self, channel: str, external_key: str, external_id: str) -> str | None:
        """Return what a message that came in says."""
        query = select(MessageRow.text).where(
            MessageRow.channel == channel,
            MessageRow.external_key == external_key,
            MessageRow.external_id == external_id,
        )
        return await self.session.scalar(query)

    # -- chats

    async def chat(self, channel: str, external_key: str) -> Chat | None:
        """Return the conversation that a chat is in, not locked."""
        query = (
            select(
                ConversationRow.id,
                ConversationRow.public_id,
                ConversationRow.language,
                ConversationRow.state,
                ChannelLink.dead_at,
            )
            .join(ChannelLink, ChannelLink.conversation_id == ConversationRow.id)
            .where(ChannelLink.channel == channel, ChannelLink.external_key == external_key)
        )
        row = (await self.session.execute(query)).one_or_none()
        if row is None:
            return None
        language: Language = "de" if row.language == "de" else "en"
        return Chat(row.id, row.public_id, language, row.state, row.dead_at is not None)

    async def revive(self, channel: str, external_key: str) -> None:
        """Send to a chat again that had refused us: the customer is back."""
        await self.session.execute(
            update(ChannelLink)
            .where(
                ChannelLink.channel == channel,
                ChannelLink.external_key == external_key,
                ChannelLink.dead_at.is_not(None),
            )
            .values(dead_at=None)
        )

    async def mute(self, channel: str, external_key: str, now: datetime) -> None:
        """Send nothing more to a chat beyond what waits already, until the customer writes."""
        await self.session.execute(
            update(ChannelLink)
            .where(ChannelLink.channel == channel, ChannelLink.external_key == external_key)
            .values(dead_at=now)
        )

    async def last_customer_message(self, conversation_id: int) -> MessageRow | None:
        """Return the customer's latest message in a conversation."""
        query = (
            select(MessageRow)
            .where(MessageRow.conversation_id == conversation_id, MessageRow.author == Author.CUSTOMER)
            .order_by(MessageRow.number.desc())
        )
        return (await self.session.scalars(query.limit(1))).one_or_none()
