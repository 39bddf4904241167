"""Queries about promises, and the facts of orders that bear on them, many at once."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, case, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import Author
from bot.shop.models import ShipmentStatus, Stage, normal_number
from bot.shop.promise_facts import OrderFacts, RefundFact, ReturnFact
from bot.storage.database import Database
from bot.storage.shop_tables import (
    OperationRow,
    OrderRow,
    RefundRow,
    RequestRow,
    ReturnRow,
    ShipmentRow,
    StockWatchRow,
    VariantRow,
)
from bot.storage.tables import ConversationRow, MessageRow, PromiseRow

__all__ = ["Promises", "SqlPromiseFacts"]


class Promises:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def open_after(self, after: int, limit: int) -> Sequence[Any]:
        """Return what is to be judged of open promises with an id above ``after``, in order."""
        columns = (
            PromiseRow.id,
            PromiseRow.conversation_id,
            PromiseRow.kind,
            PromiseRow.order_number,
            PromiseRow.return_number,
            PromiseRow.made_at,
            PromiseRow.due_at,
        )
        query = (
            select(*columns)
            .where(PromiseRow.state == "open", PromiseRow.id > after)
            .order_by(PromiseRow.id)
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    async def locked_open(self, promise_id: int) -> PromiseRow | None:
        """Return a promise that is still open, locked for writing."""
        query = select(PromiseRow).where(PromiseRow.id == promise_id, PromiseRow.state == "open").with_for_update()
        return (await self.session.scalars(query)).one_or_none()

    async def settle(self, verdicts: Sequence[tuple[int, str, dict[str, Any]]], now: datetime) -> None:
        """Write state and evidence of promises that are still open."""
        statement = (
            update(PromiseRow)
            .where(PromiseRow.id == bindparam("promise"), PromiseRow.state == "open")
            .values(state=bindparam("verdict"), evidence=bindparam("proof"), settled_at=now)
        )
        rows = [{"promise": id_, "verdict": state, "proof": evidence} for id_, state, evidence in verdicts]
        connection = await self.session.connection()
        await connection.execute(statement, rows)

    async def answered_at(self, conversation_ids: Collection[int]) -> dict[int, tuple[datetime, ...]]:
        """Return when people (not the bot) wrote in conversations, or answered data-protection requests of theirs."""
        if not conversation_ids:
            return {}
        query = select(MessageRow.conversation_id, MessageRow.created_at).where(
            MessageRow.conversation_id.in_(conversation_ids), MessageRow.author == Author.AGENT
        )
        answered: dict[int, list[datetime]] = defaultdict(list)
        for conversation_id, at in (await self.session.execute(query)).all():
            answered[conversation_id].append(at)
        numbers = await self._results(conversation_ids, "privacy_request", "number")
        requests = select(RequestRow.number, RequestRow.done_at).where(
            RequestRow.number.in_([number for _, number in numbers]), RequestRow.done_at.is_not(None)
        )
        done = {number: at for number, at in (await self.session.execute(requests)).all() if at is not None}
        for conversation_id, number in numbers:
            if number in done:
                answered[conversation_id].append(done[number])
        return {key: tuple(sorted(values)) for key, values in answered.items()}

    async def restocked(self, conversation_ids: Collection[int]) -> dict[int, tuple[tuple[datetime, ...], date | None]]:
        """Return when it was told that what conversations wait for is back, and when the rest is expected."""
        if not conversation_ids:
            return {}
        waits = await self._results(conversation_ids, "notify_restock", "sku")
        skus = [sku for _, sku in waits]
        watches = select(StockWatchRow.sku, StockWatchRow.told_at).where(
            StockWatchRow.sku.in_(skus), StockWatchRow.told_at.is_not(None)
        )
        told: dict[str, list[datetime]] = defaultdict(list)
        for sku, at in (await self.session.execute(watches)).all():
            if at is not None:
                told[sku].append(at)
        days = select(VariantRow.sku, VariantRow.restock_on).where(VariantRow.sku.in_(skus), VariantRow.stock == 0)
        expected = {sku: day for sku, day in (await self.session.execute(days)).all()}  # noqa: C416 - rows to mypy
        found: dict[int, tuple[tuple[datetime, ...], date | None]] = {}
        for conversation_id, sku in waits:
            earlier, day = found.get(conversation_id, ((), None))
            found[conversation_id] = (
                tuple(sorted((*earlier, *told[sku]))),
                max(filter(None, (day, expected.get(sku))), default=None),
            )
        return found

    async def _results(self, conversation_ids: Collection[int], operation: str, key: str) -> list[tuple[int, str]]:
        """Return what an operation gave in conversations, such as the number of a request."""
        query = (
            select(ConversationRow.id, OperationRow.answer)
            .join(OperationRow, OperationRow.conversation_id == ConversationRow.public_id)
            .where(
                ConversationRow.id.in_(conversation_ids), OperationRow.name == operation, OperationRow.state == "done"
            )
        )
        results = []
        for conversation_id, answer in (await self.session.execute(query)).all():
            value = ((answer or {}).get("data") or {}).get(key)
            if value:
                results.append((conversation_id, str(value)))
        return results


class SqlPromiseFacts:
    """Facts from the shop's tables: four queries for any number of orders in a batch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def order_facts(self, order_numbers: Sequence[str]) -> dict[str, OrderFacts]:
        """Return the facts of those orders that exist, by the number asked for."""
        asked = {normal_number(number): number for number in order_numbers}
        if not asked:
            return {}
        async with self._database.read() as session:
            order_columns = (
                OrderRow.id,
                OrderRow.number_key,
                OrderRow.stage,
                OrderRow.cancelled_at,
                OrderRow.delivered_at,
                OrderRow.expected_on,
            )
            orders = (await session.execute(select(*order_columns).where(OrderRow.number_key.in_(asked)))).all()
            ids = [order.id for order in orders]
            shipment_columns = (
                ShipmentRow.order_id,
                ShipmentRow.status,
                ShipmentRow.delivered_at,
                ShipmentRow.expected_on,
                ShipmentRow.replacement_for,
                case((ShipmentRow.status == ShipmentStatus.READY_FOR_PICKUP, ShipmentRow.events)).label("events"),
            )
            shipments = (await session.execute(select(*shipment_columns).where(ShipmentRow.order_id.in_(ids)))).all()
            refund_columns = (
                RefundRow.order_id,
                RefundRow.return_number,
                RefundRow.created_at,
                RefundRow.issued_at,
                RefundRow.expected_on,
            )
            refunds = (await session.execute(select(*refund_columns).where(RefundRow.order_id.in_(ids)))).all()
            return_columns = (ReturnRow.order_id, ReturnRow.number, ReturnRow.label_reference, ReturnRow.received_at)
            returns = (await session.execute(select(*return_columns).where(ReturnRow.order_id.in_(ids)))).all()
        parcels: dict[int, list[Any]] = defaultdict(list)
        replacements: dict[int, list[Any]] = defaultdict(list)
        for shipment in shipments:
            (replacements if shipment.replacement_for else parcels)[shipment.order_id].append(shipment)
        refunds_of: dict[int, list[RefundFact]] = defaultdict(list)
        for refund in refunds:
            refunds_of[refund.order_id].append(
                RefundFact(refund.return_number, refund.created_at, refund.issued_at, refund.expected_on)
            )
        returns_of: dict[int, list[ReturnFact]] = defaultdict(list)
        for item in returns:
            returns_of[item.order_id].append(
                ReturnFact(item.number, item.label_reference is not None, item.received_at)
            )
        facts = {}
        for order in orders:
            arrived, expected = _arrival(parcels[order.id])
            if order.stage in (Stage.PROCESSING, Stage.PARTLY_SHIPPED, Stage.ON_HOLD, Stage.AWAITING_PAYMENT):
                arrived = None  # something has not even left yet
                expected = max(filter(None, (expected, order.expected_on)), default=None)
            replaced, replacement_expected = _arrival(replacements[order.id])
            facts[asked[order.number_key]] = OrderFacts(
                cancelled_at=order.cancelled_at,
                delivered_at=order.delivered_at or arrived,
                expected_on=expected,
                replacement_delivered_at=replaced,
                replacement_expected_on=replacement_expected,
                refunds=tuple(refunds_of[order.id]),
                returns=tuple(returns_of[order.id]),
            )
        return facts


def _arrival(shipments: Sequence[Any]) -> tuple[datetime | None, date | None]:
    """Return when the last of several parcels reached the customer, or else the day the latest is expected.

    A parcel that waits at a pick-up place counts as there since it was put there.
    """
    arrived: list[datetime] = []
    expected: list[date] = []
    for shipment in shipments:
        at = shipment.delivered_at or _put_ready(shipment)
        if at is not None:
            arrived.append(at)
        elif shipment.expected_on is not None:
            expected.append(shipment.expected_on)
    complete = bool(shipments) and len(arrived) == len(shipments)
    return (max(arrived) if complete else None), max(expected, default=None)


def _put_ready(shipment: Any) -> datetime | None:
    if shipment.status != ShipmentStatus.READY_FOR_PICKUP:
        return None
    events = [e for e in shipment.events or [] if e["status"] == ShipmentStatus.READY_FOR_PICKUP]
    return datetime.fromisoformat(events[-1]["at"]) if events else None
