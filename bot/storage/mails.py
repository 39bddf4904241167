"""Queries about mails: queueing one once, taking what is due, writing down what became of it."""

import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, event, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import Author
from bot.shop.models import normal_email, normal_number
from bot.storage.mail_tables import MailFileRow, MailRow
from bot.storage.shop_tables import CustomerRow, GrantRow, OrderRow
from bot.storage.tables import ChannelLink, ConversationRow, Handoff, MessageRow, Turn

__all__ = ["ANSWER", "AnswerToMail", "DueMail", "MailFile", "Mails", "Recipient", "after_commit"]

# Answers to customers who left an address have the key ``answer:CONVERSATION:NUMBER``.
ANSWER = "answer"
UNSENT = ("waiting", "failed", "sending")


@dataclass(frozen=True)
class MailFile:
    """A file that goes with a mail."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class DueMail:
    """A mail to be sent now."""

    id: int
    public_id: str
    template: str
    to: str
    reply_to: str | None
    subject: str
    text: str
    html: str
    files: tuple[MailFile, ...]
    tries: int
    conversation_id: int | None
    created_at: datetime


@dataclass(frozen=True)
class AnswerToMail:
    """What an agent wrote to somebody who wants the answer by mail, not mailed yet. Numbers are of messages."""

    conversation_id: int
    public_id: str
    language: str
    to: str
    agent: str
    words: tuple[str, ...]
    upto: int
    written_at: datetime
    ended: bool


@dataclass(frozen=True)
class Recipient:
    """Where a customer's mail goes, and what it says first."""

    email: str
    language: str
    name: str


def after_commit(session: AsyncSession, call: Callable[[], None]) -> None:
    """Call something once, as soon as this transaction is committed; never if it is not."""
    event.listen(session.sync_session, "after_commit", lambda _session: call(), once=True)


class Mails:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, values: dict[str, Any], files: Sequence[MailFile] = ()) -> bool:
        """Queue a mail; tell whether it is new. The same key again changes nothing.

        Args:
            values: of the row, without those that every new mail has.
            files: what goes with it.
        """
        row = {
            "public_id": secrets.token_urlsafe(16),
            "to_key": normal_email(values["to"]),
            "tries": 0,
            "next_try_at": values["created_at"],
            **values,
        }
        dialect = self.session.get_bind().dialect.name
        upsert = postgresql.insert if dialect == "postgresql" else sqlite.insert
        statement = upsert(MailRow).values(**row).on_conflict_do_nothing(index_elements=["key"]).returning(MailRow.id)
        mail_id = await self.session.scalar(statement)
        if mail_id is None:
            return False
        if files:
            await self.session.execute(
                insert(MailFileRow),
                [{"mail_id": mail_id, "name": f.name, "media_type": f.media_type, "content": f.content} for f in files],
            )
        return True

    async def queued(self, keys: Collection[str]) -> set[str]:
        """Return those of some keys under which a mail was queued already."""
        return set(await self.session.scalars(select(MailRow.key).where(MailRow.key.in_(keys))))

    async def take_due(self, now: datetime, limit: int, lease: timedelta) -> list[DueMail]:
        """Mark mails that are due as being sent, and return them.

        A mail whose sender died is due again after ``lease``. What came too late or has become needless is
        set aside here.
        """
        query = (
            select(MailRow)
            .where(MailRow.state.in_(UNSENT), MailRow.next_try_at <= now)
            .order_by(MailRow.next_try_at, MailRow.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        due = []
        for row in (await self.session.scalars(query)).all():
            if row.expires_at is not None and row.expires_at <= now:
                _close(row, "expired")
            elif await self._needless(row):
                _close(row, "unneeded")
            else:
                row.state, row.next_try_at = "sending", now + lease
                row.tries += 1
                due.append(row)
        files = await self.files([row.id for row in due])
        return [
            DueMail(
                id=row.id,
                public_id=row.public_id,
                template=row.template,
                to=row.to,
                reply_to=row.reply_to,
                subject=row.subject,
                text=row.text or "",
                html=row.html or "",
                files=tuple(files.get(row.id, ())),
                tries=row.tries,
                conversation_id=row.conversation_id,
                created_at=row.created_at,
            )
            for row in due
        ]

    async def _needless(self, row: MailRow) -> bool:
        """Tell whether the customer has read in the chat meanwhile what the mail would say."""
        if row.unless_seen is None or row.conversation_id is None:
            return False
        conversation = await self.session.get(ConversationRow, row.conversation_id)
        if conversation is None or conversation.seen_number >= row.unless_seen:
            return True
        wrote = select(MessageRow.id).where(
            MessageRow.conversation_id == row.conversation_id,
            MessageRow.number > row.unless_seen,
            MessageRow.author == Author.CUSTOMER,
        )
        return await self.session.scalar(wrote.limit(1)) is not None

    async def files(self, mail_ids: Sequence[int]) -> dict[int, list[MailFile]]:
        """Return the files of mails."""
        found: dict[int, list[MailFile]] = {}
        if mail_ids:
            query = select(MailFileRow).where(MailFileRow.mail_id.in_(mail_ids)).order_by(MailFileRow.id)
            for row in await self.session.scalars(query):
                found.setdefault(row.mail_id, []).append(MailFile(row.name, row.media_type, row.content))
        return found

    async def settle(
        self,
        mail_id: int,
        state: str,
        now: datetime,
        *,
        error: str | None = None,
        next_try_at: datetime | None = None,
        forget_words: bool = False,
    ) -> None:
        """Write down how a sending ended. ``forget_words`` empties what must not be kept once it is sent."""
        values: dict[str, Any] = {"state": state, "error": error[:300] if error else None, "next_try_at": next_try_at}
        if state == "sent":
            values["sent_at"] = now
        if forget_words:
            values |= {"text": None, "html": None}
        await self.session.execute(update(MailRow).where(MailRow.id == mail_id).values(**values))

    async def sent_to_since(self, address: str, template: str, since: datetime) -> int:
        """Return how many mails of a kind were queued for an address since an instant."""
        query = select(func.count()).where(
            MailRow.to_key == normal_email(address), MailRow.template == template, MailRow.created_at > since
        )
        return int(await self.session.scalar(query) or 0)

    async def latest(self, limit: int) -> list[MailRow]:
        """Return the newest mails, the newest first."""
        return list(await self.session.scalars(select(MailRow).order_by(MailRow.id.desc()).limit(limit)))

    async def by_public_id(self, public_id: str) -> MailRow | None:
        """Return a mail by the id that stands in its Message-ID."""
        return await self.session.scalar(select(MailRow).where(MailRow.public_id == public_id))

    # -- who gets it

    async def conversation_of_turn(self, turn_id: str) -> ConversationRow | None:
        """Return the conversation of a turn, by the turn's public id."""
        query = select(ConversationRow).join(Turn, Turn.conversation_id == ConversationRow.id)
        return await self.session.scalar(query.where(Turn.public_id == turn_id))

    async def recipient(self, conversation: ConversationRow, order_number: str | None) -> Recipient | None:
        """Return where a customer can be reached by mail, by what is proven; None if nothing is.

        An order's notice goes to the address that the shop has for the order. Otherwise it goes to the customer
        the conversation proved to be, or to the address left for an answer.
        """
        person = select(CustomerRow.email, CustomerRow.language, CustomerRow.first_name, CustomerRow.last_name)
        if order_number is not None:
            query = (
                select(OrderRow.email, CustomerRow.language, CustomerRow.first_name, CustomerRow.last_name)
                .join(CustomerRow, CustomerRow.id == OrderRow.customer_id)
                .where(OrderRow.number_key == normal_number(order_number))
            )
        else:
            strongest = case((GrantRow.level == "full", 0), else_=1)
            query = (
                person.join(GrantRow, GrantRow.customer_key == CustomerRow.key)
                .where(GrantRow.conversation_id == conversation.public_id)
                .order_by(strongest, GrantRow.id.desc())
                .limit(1)
            )
        row = (await self.session.execute(query)).one_or_none()
        if row is not None:
            return Recipient(row.email, conversation.language, f"{row.first_name} {row.last_name}".strip())
        if order_number is not None:
            return None
        contact = await self.session.scalar(
            select(Handoff.contact)
            .where(Handoff.conversation_id == conversation.id, Handoff.contact.contains("@"))
            .order_by(Handoff.id.desc())
            .limit(1)
        )
        return Recipient(contact, conversation.language, "") if contact else None

    async def answers_to_mail(self, since: datetime) -> list[AnswerToMail]:
        """Return what agents wrote to customers who left an address for the answer, as far as it was not mailed.

        Args:
            since: handoffs that ended before this instant are not looked at any more.
        """
        query = (
            select(Handoff, ConversationRow)
            .join(ConversationRow, ConversationRow.id == Handoff.conversation_id)
            .where(Handoff.contact.contains("@"), or_(Handoff.ended_at.is_(None), Handoff.ended_at > since))
            .order_by(Handoff.id)
        )
        found = {row.ConversationRow.id: row for row in (await self.session.execute(query)).all()}
        if not found:
            return []
        mailed: dict[int, int] = defaultdict(int)
        keys = await self.session.scalars(
            select(MailRow.key).where(MailRow.conversation_id.in_(found), MailRow.template == ANSWER)
        )
        for _, conversation_id, number in (key.split(":") for key in keys):
            mailed[int(conversation_id)] = max(mailed[int(conversation_id)], int(number))
        written: dict[int, list[MessageRow]] = defaultdict(list)
        messages = select(MessageRow).where(
            MessageRow.conversation_id.in_(found), MessageRow.author == Author.AGENT, MessageRow.text.is_not(None)
        )
        for message in await self.session.scalars(messages.order_by(MessageRow.number)):
            at = message.conversation_id
            if message.number > mailed[at] and message.created_at >= found[at].Handoff.queued_at:
                written[at].append(message)
        return [
            AnswerToMail(
                conversation_id=at,
                public_id=found[at].ConversationRow.public_id,
                language=found[at].ConversationRow.language,
                to=found[at].Handoff.contact,
                agent=theirs[-1].agent_name or "",
                words=tuple(message.text or "" for message in theirs),
                upto=theirs[-1].number,
                written_at=theirs[-1].created_at,
                ended=found[at].Handoff.ended_at is not None,
            )
            for at, theirs in written.items()
        ]

    async def live_channels(self, conversation_id: int) -> set[str]:
        """Return the channels at which a conversation's customer can still be written to."""
        query = select(ChannelLink.channel).where(
            ChannelLink.conversation_id == conversation_id, ChannelLink.dead_at.is_(None)
        )
        return set(await self.session.scalars(query))


def _close(row: MailRow, state: str) -> None:
    row.state, row.next_try_at = state, None
    row.text = row.html = None
