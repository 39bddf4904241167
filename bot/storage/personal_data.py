"""Everything that is kept about a person, to be handed out, erased, or left to run out.

``HELD`` says of every table how its rows belong to a person, or why they belong to nobody. A test fails when a
table is missing there, so a new table cannot be forgotten.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String, Table, Text, cast, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import Author, ConversationState, HandoffState
from bot.shop.models import normal_email
from bot.storage import models  # noqa: F401  (its import fills the metadata)
from bot.storage.base import Base
from bot.storage.mail_tables import MailFileRow, MailRow
from bot.storage.message_search import forget_deleted_words
from bot.storage.shop_tables import (
    CodeRow,
    CustomerRow,
    GrantRow,
    NewsletterRow,
    OperationRow,
    OrderRow,
    ProofAttemptRow,
    RequestRow,
    ReturnRow,
    ShopEventRow,
    StockWatchRow,
    WithdrawalRow,
)
from bot.storage.tables import (
    AgentSession,
    AttachmentRow,
    Audit,
    ChannelLink,
    ConversationRow,
    Handoff,
    MessageRow,
    SignInAttempt,
    Turn,
)
from bot.storage.telegram_tables import JoinCode

__all__ = ["HELD", "NOBODYS", "Mention", "Person", "PersonalData", "StoredFile"]

# What an erased mail address leaves where somebody else's words named it.
ERASED = "[erased]"
TELEGRAM = "telegram"
# Our own bookkeeping, which tells nobody anything about the person, and secrets.
_NOT_HANDED_OUT = {
    "tracker",
    "lease_owner",
    "lease_until",
    "lease_epoch",
    "prepared",
    "code_hash",
    "address",
    "agent_id",
    "private",
    "content",
    "preview",
    "search_words",
}
# Addresses of the shop's own records that carry this name are the customer's, and handed out.
_HANDED_OUT_AFTER_ALL = {("shop_customer_addresses", "address")}


@dataclass(frozen=True)
class Person:
    """Which rows are meant. Integer ids are the database's own; ``chats`` are addresses of channels."""

    conversation_ids: tuple[int, ...] = ()
    public_ids: tuple[str, ...] = ()
    turn_ids: tuple[str, ...] = ()
    customer_ids: tuple[int, ...] = ()
    customer_keys: tuple[str, ...] = ()
    order_ids: tuple[int, ...] = ()
    order_keys: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    chats: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True)
class Mention:
    """A place where somebody else's data names the person's mail address."""

    table: str
    column: str
    count: int


@dataclass(frozen=True)
class StoredFile:
    """A file that belongs to a conversation."""

    name: str
    path: str


def _of_conversation(table: Table, person: Person) -> Any:
    return table.c.conversation_id.in_(person.conversation_ids)


def _of_order(table: Table, person: Person) -> Any:
    return table.c.order_id.in_(person.order_ids)


def _of_customer(table: Table, person: Person) -> Any:
    return table.c.customer_id.in_(person.customer_ids)


def _at_email(table: Table, person: Person) -> Any:
    return table.c.email_key.in_(person.emails)


def _conversations(table: Table, person: Person) -> Any:
    return table.c.id.in_(person.conversation_ids)


def _assignments(table: Table, person: Person) -> Any:
    return table.c.handoff_id.in_(select(Handoff.id).where(Handoff.conversation_id.in_(person.conversation_ids)))


def _mails(table: Table, person: Person) -> Any:
    return or_(table.c.conversation_id.in_(person.conversation_ids), table.c.to_key.in_(person.emails))


def _mail_files(table: Table, person: Person) -> Any:
    return table.c.mail_id.in_(select(MailRow.id).where(_mails(_table(MailRow), person)))


def _keyboards(table: Table, person: Person) -> Any:
    theirs = select(MessageRow.id).where(MessageRow.conversation_id.in_(person.conversation_ids))
    return or_(table.c.message_id.in_(theirs), table.c.address.in_([key for _, key in person.chats]))


def _updates(table: Table, person: Person) -> Any:
    chats = [int(tail) for channel, key in person.chats if channel == TELEGRAM and (tail := _chat_id(key)) is not None]
    return table.c.chat_id.in_(chats)


def _customers(table: Table, person: Person) -> Any:
    return table.c.id.in_(person.customer_ids)


def _orders(table: Table, person: Person) -> Any:
    return table.c.id.in_(person.order_ids)


def _return_lines(table: Table, person: Person) -> Any:
    return table.c.return_id.in_(select(ReturnRow.id).where(ReturnRow.order_id.in_(person.order_ids)))


def _withdrawals(table: Table, person: Person) -> Any:
    return func.lower(table.c.receipt_to).in_(person.emails)


def _codes(table: Table, person: Person) -> Any:
    return or_(table.c.conversation_id.in_(person.public_ids), table.c.customer_key.in_(person.customer_keys))


def _grants(table: Table, person: Person) -> Any:
    return or_(table.c.conversation_id.in_(person.public_ids), table.c.customer_key.in_(person.customer_keys))


def _operations(table: Table, person: Person) -> Any:
    return or_(table.c.conversation_id.in_(person.public_ids), table.c.order_key.in_(person.order_keys))


def _attempts(table: Table, person: Person) -> Any:
    subjects = [f"order:{key}"[:80] for key in person.order_keys]
    return or_(table.c.conversation_id.in_(person.public_ids), table.c.subject.in_(subjects))


Belongs = Callable[[Table, Person], Any]

# How the rows of each table belong to a person.
HELD: dict[str, Belongs] = {
    "conversations": _conversations,
    **dict.fromkeys(
        (
            "attachments",
            "audit",
            "channel_links",
            "conversation_facts",
            "conversation_tags",
            "deliveries",
            "drafts",
            "handoffs",
            "helpdesk_cases",
            "join_codes",
            "messages",
            "offers",
            "promises",
            "signals",
            "survey_answers",
            "surveys",
            "turns",
        ),
        _of_conversation,
    ),
    "assignments": _assignments,
    "mails": _mails,
    "mail_files": _mail_files,
    "telegram_keyboards": _keyboards,
    "telegram_updates": _updates,
    "shop_codes": _codes,
    "shop_grants": _grants,
    "shop_operations": _operations,
    "shop_proof_attempts": _attempts,
    "shop_customers": _customers,
    **dict.fromkeys(("shop_customer_addresses", "shop_payment_options", "shop_privacy_requests"), _of_customer),
    "shop_orders": _orders,
    **dict.fromkeys(
        (
            "shop_changes",
            "shop_claims",
            "shop_events",
            "shop_order_lines",
            "shop_payments",
            "shop_refunds",
            "shop_returns",
            "shop_shipment_lines",
            "shop_shipments",
        ),
        _of_order,
    ),
    "shop_return_lines": _return_lines,
    **dict.fromkeys(("shop_newsletter", "shop_stock_watches"), _at_email),
    "shop_withdrawals": _withdrawals,
}

# Tables whose rows belong to no customer, and why.
NOBODYS: dict[str, str] = {
    "agents": "the shop's staff",
    "agent_sessions": "the shop's staff",
    "sign_in_attempts": "the shop's staff, hashed",
    "api_tokens": "programs",
    "daily_figures": "sums over all conversations of a day",
    "figure_state": "how far the figures have come",
    "knowledge_articles": "the shop's help articles",
    "knowledge_passages": "the shop's help articles",
    "knowledge_state": "the shop's help articles",
    "knowledge_terms": "the shop's help articles",
    "leases": "processes",
    "outages": "parts of the service; addresses in their errors are masked",
    "saved_replies": "the shop's canned replies",
    "shop_products": "goods",
    "shop_variants": "goods",
    "shop_state": "the day the demo was made for, what was imported",
    "shop_vouchers": "codes of the shop, not of persons",
    "tags": "words of the shop",
}


class PersonalData:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    # -- who is meant

    async def conversations_at(self, channel: str, external_key: str) -> list[int]:
        """Return the conversations that are or were held at an address."""
        linked = select(ChannelLink.conversation_id).where(
            ChannelLink.channel == channel, ChannelLink.external_key == external_key
        )
        written = select(MessageRow.conversation_id).where(
            MessageRow.channel == channel, MessageRow.external_key == external_key
        )
        query = select(ConversationRow.id).where(
            or_(
                (ConversationRow.channel == channel) & (ConversationRow.external_key == external_key),
                ConversationRow.id.in_(linked),
                ConversationRow.id.in_(written),
            )
        )
        return list(await self.session.scalars(query.order_by(ConversationRow.id)))

    async def conversation(self, public_id: str) -> int | None:
        """Return a conversation by the id that outsiders know."""
        return await self.session.scalar(select(ConversationRow.id).where(ConversationRow.public_id == public_id))

    async def customer_of_request(self, number: str) -> str | None:
        """Return the mail address of the customer who made a data-protection request."""
        query = select(CustomerRow.email).join(RequestRow, RequestRow.customer_id == CustomerRow.id)
        return await self.session.scalar(query.where(func.upper(RequestRow.number) == number.strip().upper()))

    async def open_requests(self) -> list[RequestRow]:
        """Return data-protection requests that wait for an answer, the most urgent first."""
        query = select(RequestRow).where(RequestRow.done_at.is_(None)).order_by(RequestRow.answer_by, RequestRow.id)
        return list(await self.session.scalars(query))

    async def close_request(self, number: str, now: datetime) -> None:
        """Note that a request was answered."""
        await self.session.execute(
            update(RequestRow).where(func.upper(RequestRow.number) == number.strip().upper()).values(done_at=now)
        )

    async def of_conversations(self, conversation_ids: Iterable[int]) -> Person:
        """Return what belongs to some conversations, and to nobody's customer account."""
        return await self._person(tuple(sorted(set(conversation_ids))))

    async def of_customer(self, email: str, conversation_ids: Iterable[int] = ()) -> Person:
        """Return what belongs to the customer with a mail address.

        Conversations are theirs if it was proved in them that they are with this customer, or if they are cases
        about their withdrawals. That somebody typed the address proves nothing: such conversations are only
        mentions, unless they are named in ``conversation_ids``.
        """
        key = normal_email(email)
        customers = (
            await self.session.execute(select(CustomerRow.id, CustomerRow.key).where(CustomerRow.email_key == key))
        ).all()
        customer_ids = tuple(row.id for row in customers)
        customer_keys = tuple(row.key for row in customers)
        orders = (
            await self.session.execute(
                select(OrderRow.id, OrderRow.number_key).where(
                    or_(OrderRow.customer_id.in_(customer_ids), func.lower(OrderRow.email) == key)
                )
            )
        ).all()
        order_keys = tuple(row.number_key for row in orders)
        proved = select(GrantRow.conversation_id).where(GrantRow.customer_key.in_(customer_keys))
        acted = select(OperationRow.conversation_id).where(
            OperationRow.order_key.in_(order_keys), OperationRow.state == "done", OperationRow.name != "verify"
        )
        cases = select(WithdrawalRow.case_id).where(func.lower(WithdrawalRow.receipt_to) == key)
        found = await self.session.scalars(
            select(ConversationRow.id).where(
                or_(
                    ConversationRow.public_id.in_(proved),
                    ConversationRow.public_id.in_(acted),
                    ConversationRow.id.in_(cases),
                )
            )
        )
        return await self._person(
            tuple(sorted({*found, *conversation_ids})),
            customer_ids=customer_ids,
            customer_keys=customer_keys,
            order_ids=tuple(row.id for row in orders),
            order_keys=order_keys,
            emails=(key,),
        )

    async def _person(self, conversation_ids: tuple[int, ...], **more: Any) -> Person:
        public_ids = await self.session.scalars(
            select(ConversationRow.public_id).where(ConversationRow.id.in_(conversation_ids))
        )
        turn_ids = await self.session.scalars(select(Turn.public_id).where(Turn.conversation_id.in_(conversation_ids)))
        links = await self.session.execute(
            select(ChannelLink.channel, ChannelLink.external_key).where(
                ChannelLink.conversation_id.in_(conversation_ids)
            )
        )
        return Person(
            conversation_ids=conversation_ids,
            public_ids=tuple(public_ids),
            turn_ids=tuple(turn_ids),
            chats=tuple((channel, key) for channel, key in links.all()),
            **more,
        )

    # -- handing out

    async def export(self, conversation_ids: Sequence[int]) -> dict[str, list[dict[str, Any]]]:
        """Return every row that belongs to some conversations, by table, as JSON can carry it."""
        return await self.export_of(await self.of_conversations(conversation_ids))

    async def export_of(self, person: Person, *, with_notes: bool = False) -> dict[str, list[dict[str, Any]]]:
        """Return every row that belongs to a person, by table, as JSON can carry it.

        Args:
            person: whose rows.
            with_notes: also what colleagues noted for each other. Notes about a person are their data, but may hold
                somebody else's; so they are left out where nobody reads the export before it goes out.
        """
        found: dict[str, list[dict[str, Any]]] = {}
        for table in Base.metadata.sorted_tables:
            belongs = HELD.get(table.name)
            if belongs is None:
                continue
            query = select(table).where(belongs(table, person))
            if table.name == MessageRow.__tablename__:
                hidden = MessageRow.private if with_notes else MessageRow.author == Author.NOTE
                query = query.where(~hidden)
            if table.name == "drafts":  # what nobody has said yet
                continue
            columns = [
                column.name
                for column in table.columns
                if column.name not in _NOT_HANDED_OUT or (table.name, column.name) in _HANDED_OUT_AFTER_ALL
            ]
            rows = (await self.session.execute(query.order_by(*table.primary_key.columns))).mappings().all()
            if rows:
                found[table.name] = [{name: _plain(row[name]) for name in columns} for row in rows]
        return found

    async def files(self, person: Person) -> list[StoredFile]:
        """Return the pictures of a person's conversations."""
        rows = await self.session.scalars(
            select(AttachmentRow).where(AttachmentRow.conversation_id.in_(person.conversation_ids))
        )
        return [StoredFile(row.name, row.path) for row in rows]

    async def mail_files(self, person: Person) -> list[tuple[str, bytes]]:
        """Return the files that went with a person's mails."""
        rows = await self.session.scalars(select(MailFileRow).where(_mail_files(_table(MailFileRow), person)))
        return [(row.name, row.content) for row in rows]

    async def counts(self, conversation_ids: Sequence[int]) -> tuple[int, int]:
        """Return how many messages and pictures some conversations have."""
        messages = await self.session.scalar(
            select(func.count()).where(
                MessageRow.conversation_id.in_(conversation_ids), MessageRow.author != Author.NOTE
            )
        )
        pictures = await self.session.scalar(
            select(func.count()).where(AttachmentRow.conversation_id.in_(conversation_ids))
        )
        return messages or 0, pictures or 0

    async def how_many(self, person: Person) -> dict[str, int]:
        """Return how many rows of each table belong to a person."""
        counts = {}
        for name, belongs in HELD.items():
            table = Base.metadata.tables[name]
            count = await self.session.scalar(select(func.count()).select_from(table).where(belongs(table, person)))
            if count:
                counts[name] = count
        return counts

    async def unfinished_orders(self, person: Person) -> list[str]:
        """Return the numbers of orders that are not at their end; erasing them would leave somebody waiting."""
        over = ("delivered", "returned", "cancelled")
        query = select(OrderRow.number).where(OrderRow.id.in_(person.order_ids), OrderRow.stage.not_in(over))
        return list(await self.session.scalars(query.order_by(OrderRow.number)))

    # -- erasing

    async def erase(self, conversation_ids: Sequence[int], *, last: bool = True) -> list[str]:
        """Delete every row that belongs to some conversations; return the names of files to be deleted afterwards.

        The trail of what was done to orders stays, for the shop must be able to account for it; who asked, and in
        which words, goes.

        Args:
            conversation_ids: which.
            last: whether no others follow at once; only then the search index is rewritten.
        """
        person = await self.of_conversations(conversation_ids)
        return await self.erase_person(person, with_evidence=False, last=last)

    async def forget_words(self) -> None:
        """Let the search index forget the words of what was deleted."""
        await (await self.session.connection()).run_sync(forget_deleted_words)

    async def erase_person(self, person: Person, *, with_evidence: bool, last: bool = True) -> list[str]:
        """Delete every row that belongs to a person; return the names of files to be deleted afterwards.

        Args:
            person: whose rows.
            with_evidence: whether declarations of withdrawal and their receipts go too. The law wants them kept for
                some years, so they go only when that time is over or somebody decides so.
            last: whether no others follow at once; only then the search index is rewritten.
        """
        files = [file.path for file in await self.files(person)]
        kept_mails: list[int] = []
        if not with_evidence:
            receipts = select(MailRow.id).where(
                _mails(_table(MailRow), person), MailRow.template.in_(("withdrawal_receipt",))
            )
            kept_mails = list(await self.session.scalars(receipts))
            await self.session.execute(update(MailRow).where(MailRow.id.in_(kept_mails)).values(conversation_id=None))
        # What was done to orders that stay with the shop stays, without who asked and in which words.
        await self.session.execute(
            update(OperationRow)
            .where(OperationRow.conversation_id.in_(person.public_ids), OperationRow.order_key.is_not(None))
            .where(OperationRow.order_key.not_in(person.order_keys))
            .values(args={}, preview=None, answer=None, conversation_id="erased")
        )
        for table in reversed(Base.metadata.sorted_tables):
            belongs = HELD.get(table.name)
            if belongs is None or (table.name == "shop_withdrawals" and not with_evidence):
                continue
            statement = delete(table).where(belongs(table, person))
            if table.name == "mails":
                statement = statement.where(table.c.id.not_in(kept_mails))
            if table.name == "mail_files":
                statement = statement.where(table.c.mail_id.not_in(kept_mails))
            await self.session.execute(statement)
        for email in person.emails:
            await self._blot_out(
                email, skip={"agents"} if with_evidence else {"agents", "shop_withdrawals"}, keep=kept_mails
            )
        if last:
            await self.forget_words()
        return files

    async def mentions(self, person: Person) -> list[Mention]:
        """Return where other people's data names the person's mail address, table by table."""
        found = []
        for email in person.emails:
            for table, column in _texts():
                if table.name == "agents":
                    continue
                belongs = HELD.get(table.name)
                query = select(func.count()).select_from(table).where(_names(column, email))
                if belongs is not None:
                    query = query.where(~func.coalesce(belongs(table, person), False))
                count = await self.session.scalar(query)
                if count:
                    found.append(Mention(table.name, column.name, count))
        return found

    async def _blot_out(self, email: str, *, skip: set[str], keep: Sequence[int]) -> None:
        """Take a mail address out of everything that is not its owner's: what others wrote, errors, summaries."""
        pattern = re.compile(re.escape(email), re.IGNORECASE)
        for table, column in _texts():
            if table.name in skip:
                continue
            if table.name == Audit.__tablename__:  # whose entries can be deleted but not changed
                await self.session.execute(delete(table).where(_names(column, email)))
                continue
            keys = list(table.primary_key.columns)
            query = select(*keys, column.label("_value")).where(_names(column, email))
            if table.name == MailRow.__tablename__:
                query = query.where(table.c.id.not_in(keep))
            for row in (await self.session.execute(query)).all():
                value = _replaced(row._value, pattern)
                where = [key == row._mapping[key.name] for key in keys]
                await self.session.execute(update(table).where(*where).values({column.name: value}))

    # -- running out

    async def ended_before(self, before: datetime, limit: int) -> list[int]:
        """Return conversations in which nothing has happened since an instant, and that nobody has open."""
        held = select(Handoff.conversation_id).where(Handoff.state.in_((HandoffState.QUEUED, HandoffState.ACCEPTED)))
        query = (
            select(ConversationRow.id)
            .where(
                ConversationRow.last_activity_at < before,
                ConversationRow.state.not_in((ConversationState.AGENT, ConversationState.WAITING)),
                ConversationRow.id.not_in(held),
            )
            .order_by(ConversationRow.id)
            .limit(limit)
        )
        return list(await self.session.scalars(query))

    async def forget_what_ran_out(
        self, *, conversations: datetime, evidence: datetime, month: datetime
    ) -> dict[str, int]:
        """Delete what is kept for a time and belongs to no conversation; return how many rows of which table.

        Args:
            conversations: mails and operations from before this instant go.
            evidence: declarations of withdrawal, their receipts and entries of the audit from before go.
            month: attempts, codes, sign-ins and wishes that were settled before go.
        """
        doomed: list[tuple[Any, Any]] = [
            (
                MailRow,
                or_(
                    (MailRow.created_at < conversations) & (MailRow.template != "withdrawal_receipt"),
                    MailRow.created_at < evidence,
                ),
            ),
            (WithdrawalRow, WithdrawalRow.received_at < evidence),
            (Audit, Audit.at < evidence),
            (OperationRow, OperationRow.started_at < conversations),
            (ShopEventRow, ShopEventRow.at < conversations),
            (ProofAttemptRow, ProofAttemptRow.at < month),
            (CodeRow, CodeRow.expires_at < month),
            (GrantRow, GrantRow.expires_at < conversations),
            (JoinCode, JoinCode.expires_at < month),
            (StockWatchRow, StockWatchRow.told_at < month),
            (NewsletterRow, (NewsletterRow.state == "asked") & (NewsletterRow.changed_at < month)),
            (SignInAttempt, SignInAttempt.at < month),
            (AgentSession, AgentSession.expires_at < month),
            (RequestRow, RequestRow.done_at < evidence),
        ]
        counts = {}
        for row, condition in doomed:
            result: Any = await self.session.execute(delete(row).where(condition))
            if result.rowcount:
                counts[_table(row).name] = int(result.rowcount)
        return counts

    async def known_files(self) -> set[str]:
        """Return the names of all files that belong to a conversation."""
        return set(await self.session.scalars(select(AttachmentRow.path)))


def _table(row: Any) -> Table:
    table = row.__table__
    assert isinstance(table, Table)
    return table


def _texts() -> list[tuple[Table, Any]]:
    """Return every column that can hold words, with its table."""
    found = []
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, String | JSON) and not column.primary_key and not column.foreign_keys:
                found.append((table, column))
    return found


def _names(column: Any, email: str) -> Any:
    return func.lower(cast(column, Text)).contains(email.lower(), autoescape=True)


def _replaced(value: Any, pattern: re.Pattern[str]) -> Any:
    """Return a value without the address, also deep inside of JSON."""
    match value:
        case str():
            return pattern.sub(ERASED, value)
        case list():
            return [_replaced(item, pattern) for item in value]
        case dict():
            return {pattern.sub(ERASED, key): _replaced(item, pattern) for key, item in value.items()}
        case _:
            return value


def _chat_id(key: str) -> str | None:
    tail = key.partition(":")[2]
    return tail if tail.lstrip("-").isdigit() else None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    return value.isoformat() if hasattr(value, "isoformat") else value
