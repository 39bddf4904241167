"""Carries a conversation from the website to Telegram and back, so that it is one conversation in both."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from telegram import Bot

from bot.channels.telegram.aside import Aside
from bot.channels.telegram.bot_api import CHANNEL
from bot.channels.web.hub import CHANNEL as WEB
from bot.channels.web.visitors import Visitor, Visitors
from bot.clock import Clock, utc_now
from bot.conversation import Author, ConversationState, Language, Listener, Reply
from bot.errors import Conflict, NotFound
from bot.settings import Settings
from bot.shop.policies import Shop
from bot.storage.conversations import Conversations
from bot.storage.database import Database, Session
from bot.storage.joins import Joins
from bot.storage.records import Records
from bot.storage.tables import ConversationRow
from bot.storage.telegram_tables import JoinCode
from bot.texts import text

__all__ = ["JOIN", "JoinState", "Joining", "Offered"]

VALID_FOR = timedelta(minutes=10)
# Begins what stands behind the buttons of the question whether to join.
JOIN = "join:"
_WITH_PEOPLE = (ConversationState.WAITING, ConversationState.AGENT)


@dataclass(frozen=True)
class Offered:
    """A one-time link, to be shown to the visitor who asked for it and to nobody else."""

    url: str
    expires_at: datetime


@dataclass(frozen=True)
class JoinState:
    """How far a visitor has come on the way to Telegram; ``name`` is that of the Telegram account."""

    state: Literal["none", "offered", "opened", "agreed", "joined"]
    name: str | None = None


@dataclass
class Joining:
    """Joins a web chat and a Telegram chat.

    Both sides must agree, because both could be cheated. Whoever gets hold of the link could read on in the
    customer's conversation: so the website asks whether the Telegram account is theirs. Whoever sends a link of
    their own to somebody could read what that person writes: so Telegram asks whether they were on the website.
    """

    settings: Settings
    database: Database
    bot: Bot
    aside: Aside
    visitors: Visitors
    publish: Listener
    shop: Shop
    clock: Clock = utc_now
    _username: str | None = None

    # -- to Telegram

    async def offer(self, visitor: Visitor, language: Language) -> Offered:
        """Make a link by which a visitor can go on in Telegram; an earlier one is void.

        Raises:
            TelegramError: Telegram does not say what the bot is called.
        """
        if self._username is None:
            self._username = (await self.bot.get_me()).username
        code, now = secrets.token_urlsafe(24), self.clock()
        async with self.database.begin() as session:
            conversations = Conversations(session)
            conversation = await conversations.at(WEB, visitor.id)
            if conversation is None:
                conversation = await conversations.open(WEB, visitor.id, language, now)
            await Joins(session).add(
                _hash(code),
                conversation.id,
                from_key=visitor.id,
                to_channel=CHANNEL,
                now=now,
                expires_at=now + VALID_FOR,
            )
        return Offered(f"https://t.me/{self._username}?start={code}", now + VALID_FOR)

    async def opened(self, code: str, address: str, name: str, language: Language) -> None:
        """Take a code that somebody brought to Telegram, and ask whether they were on the website.

        Raises:
            TelegramError: the question could not be asked; the same code may be brought again.
        """
        now = self.clock()
        async with self.database.begin() as session:
            row = await Joins(session).by_hash(_hash(code))
            if row is not None and (row.to_channel != CHANNEL or row.expires_at <= now):
                row = None
            if row is not None and row.state != "new" and (row.state, row.to_key) != ("opened", address):
                row = None
            if row is not None:
                row.state, row.to_key, row.to_name = "opened", address, name[:80]
        if row is None:
            await self.aside.say(address, text("telegram_join_expired", language))
            return
        await self.aside.say(
            address,
            text("telegram_join_question", language, shop=self.shop.name, privacy=self.shop.privacy_url),
            {
                f"{JOIN}{row.id}:yes": text("telegram_join_yes", language),
                f"{JOIN}{row.id}:no": text("telegram_join_no", language),
            },
        )

    async def answered(self, data: str, address: str, language: Language) -> None:
        """Take the answer to that question.

        Raises:
            TelegramError: the customer could not be told what follows.
        """
        number, _, answer = data.removeprefix(JOIN).partition(":")
        now, key, name = self.clock(), "telegram_join_expired", ""
        async with self.database.begin() as session:
            row = await Joins(session).by_id(int(number)) if number.isdigit() else None
            if row is not None and row.to_key == address and row.state in ("opened", "agreed") and row.expires_at > now:
                name = row.to_name or ""
                if answer == "yes":
                    row.state, key = "agreed", "telegram_join_confirm"
                else:
                    row.state, row.settled_at, key = "refused", now, "telegram_join_refused"
        await self.aside.say(address, text(key, language, name=name))

    async def state(self, visitor: Visitor) -> JoinState:
        """Return how far a visitor has come: with the latest link if one is open, else whether it is joined."""
        shown: dict[str, Literal["offered", "opened", "agreed"]] = {
            "new": "offered",
            "opened": "opened",
            "agreed": "agreed",
        }
        async with self.database.read() as session:
            row = await Joins(session).latest(visitor.id, CHANNEL)
            if row is not None and row.state in shown and row.expires_at > self.clock():
                return JoinState(shown[row.state], row.to_name)
            conversation = await Conversations(session).at(WEB, visitor.id)
            links = await Joins(session).links_of(conversation.id) if conversation is not None else []
        if not any(link.channel == CHANNEL for link in links):
            return JoinState("none")
        return JoinState("joined", row.to_name if row is not None and row.state == "joined" else None)

    async def confirm(self, visitor: Visitor) -> JoinState:
        """Join, because the visitor says that the Telegram account is theirs.

        Raises:
            Conflict: nobody has agreed in Telegram, or not in time, or a person is busy with that chat.
        """
        now = self.clock()
        async with self.database.begin() as session:
            row = await Joins(session).latest(visitor.id, CHANNEL)
            if row is None or row.state != "agreed" or row.expires_at <= now or row.to_key is None:
                raise Conflict("Nobody has opened this link in Telegram, or it has expired.", code="join_not_agreed")
            conversations = Conversations(session)
            conversation = await conversations.at(WEB, visitor.id)
            if conversation is None:
                raise Conflict("There is no conversation any more.", code="join_not_agreed")
            await self._join(session, row, conversation, row.to_key, now)
        await self.publish(conversation.id)
        return JoinState("joined", row.to_name)

    async def _join(
        self, session: Session, row: JoinCode, conversation: ConversationRow, address: str, now: datetime
    ) -> None:
        conversations, joins = Conversations(session), Joins(session)
        there = await conversations.at(CHANNEL, address)
        if there is not None and there.id != conversation.id:
            if there.state in _WITH_PEOPLE:
                raise Conflict("Our team is busy with you in this Telegram chat.", code="join_busy")
            if there.state != ConversationState.CLOSED and len(await joins.links_of(there.id)) == 1:
                there.state, there.closed_at, there.close_reason = ConversationState.CLOSED, now, "joined"
        for link in await joins.links_of(conversation.id):
            if link.channel == CHANNEL and link.external_key != address:
                await joins.detach(link)  # one Telegram account at a time: nobody reads on unnoticed
        await joins.attach(conversation, CHANNEL, address)
        await joins.show_last_word(conversation.id, CHANNEL, address, (Author.BOT, Author.AGENT), now)
        await self._say(session, conversation, "telegram_joined", now, name=row.to_name or "")
        row.state, row.settled_at = "joined", now
        Records(session).audit("customer", "channel.join", now, conversation_id=conversation.id, subject=CHANNEL)

    # -- and back

    async def way_back(self, address: str, language: Language) -> None:
        """Send a link by which the conversation goes on in a browser.

        Raises:
            TelegramError: it could not be sent.
        """
        code, now = secrets.token_urlsafe(24), self.clock()
        async with self.database.begin() as session:
            conversation = await Conversations(session).at(CHANNEL, address)
            if conversation is not None:
                await Joins(session).add(
                    _hash(code),
                    conversation.id,
                    from_key=address,
                    to_channel=WEB,
                    now=now,
                    expires_at=now + VALID_FOR,
                )
        if conversation is None:
            await self.aside.say(address, text("telegram_nothing_to_return", language))
            return
        # Behind the hash, so that it is in no server's log.
        url = f"{self.settings.url}/chat#resume={code}"
        await self.aside.say(address, text("telegram_return", language, url=url))

    async def come_back(self, code: str) -> Visitor:
        """Let the browser that brings a code take part in its conversation, as a visitor of its own.

        Raises:
            NotFound: the code is unknown, used or expired.
        """
        now = self.clock()
        visitor = self.visitors.new()
        async with self.database.begin() as session:
            row = await Joins(session).by_hash(_hash(code))
            if row is None or row.to_channel != WEB or row.state != "new" or row.expires_at <= now:
                raise NotFound("This link is no longer valid.", code="link_expired")
            conversation = await Conversations(session).locked(row.conversation_id)
            await Joins(session).attach(conversation, WEB, visitor.id)
            row.state, row.settled_at, row.to_key = "joined", now, visitor.id
            Records(session).audit("customer", "channel.join", now, conversation_id=conversation.id, subject=WEB)
        await self.publish(conversation.id)
        return visitor

    # -- apart again

    async def separate_visitor(self, visitor: Visitor) -> None:
        """Undo what leads from a web chat to Telegram: the link between them, or an offer that is still open."""
        now = self.clock()
        async with self.database.begin() as session:
            await Joins(session).withdraw(visitor.id, CHANNEL, now)
            conversation = await Conversations(session).at(WEB, visitor.id)
            if conversation is not None:
                await self._separate(session, conversation, now)
        if conversation is not None:
            await self.publish(conversation.id)

    async def separate_chat(self, address: str, language: Language) -> None:
        """Undo what leads from a Telegram chat to the website.

        Raises:
            TelegramError: the customer could not be told that there was nothing to undo.
        """
        separated = False
        async with self.database.begin() as session:
            conversation = await Conversations(session).at(CHANNEL, address)
            if conversation is not None:
                separated = await self._separate(session, conversation, self.clock())
        if conversation is not None and separated:
            await self.publish(conversation.id)
        else:
            await self.aside.say(address, text("telegram_not_joined", language))

    async def _separate(self, session: Session, conversation: ConversationRow, now: datetime) -> bool:
        """Leave a conversation in the channel where it began, and tell both sides."""
        joins = Joins(session)
        links = await joins.links_of(conversation.id)
        if not {WEB, CHANNEL} <= {link.channel for link in links}:
            return False
        await self._say(session, conversation, "telegram_separated", now)
        stays = CHANNEL if conversation.channel == CHANNEL else WEB
        for link in links:
            if link.channel != stays:
                await joins.detach(link)
        Records(session).audit("customer", "channel.separate", now, conversation_id=conversation.id)
        return True

    async def forget_old_codes(self) -> None:
        """Drop codes that nobody can use any more."""
        async with self.database.begin() as session:
            await Joins(session).forget(self.clock() - timedelta(days=1))

    @staticmethod
    async def _say(session: Session, conversation: ConversationRow, key: str, now: datetime, **values: str) -> None:
        language: Language = "de" if conversation.language == "de" else "en"
        words = text(key, language, **values)
        await Conversations(session).add_reply(conversation, Reply(text=words, author=Author.SYSTEM), now)


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
