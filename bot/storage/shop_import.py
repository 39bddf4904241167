"""Writes imported documents: checked in a process of their own, written here in one transaction per batch."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from multiprocessing import get_context, parent_process
from operator import itemgetter
from pathlib import Path
from threading import Thread
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.shop.import_formats import (
    AddressPart,
    CustomerDocument,
    Document,
    OrderDocument,
    ProductDocument,
    ReturnDocument,
    ReturnPart,
    ShipmentDocument,
    ShipmentPart,
    check_returns,
    check_shipments,
)
from bot.shop.importing import ImportReport, LineError, SourceLine, fingerprint, parse, read_lines, sort_files
from bot.shop.models import PaymentKind, Stage, normal_email, normal_number
from bot.shop.policies import Policies, StateRule
from bot.shop.search_words import product_text
from bot.storage.bulk import as_day, as_document, as_instant, insert_tuples, update_tuples
from bot.storage.database import Database
from bot.storage.shop_loading import reserve_ids
from bot.storage.shop_tables import (
    CustomerAddressRow,
    CustomerRow,
    LineRow,
    NewsletterRow,
    OrderChangeRow,
    OrderRow,
    PaymentOptionRow,
    PaymentRow,
    ProductRow,
    RefundRow,
    ReturnLineRow,
    ReturnRow,
    ShipmentLineRow,
    ShipmentRow,
    VariantRow,
)

__all__ = ["ShopImport"]

SOURCE = "import"
BATCH = 2_000  # documents
ERRORS_SHOWN = 20
WORTH_PROCESSES = 2_000_000  # bytes; starting processes takes as long as checking this much
CHECKERS = min(2, os.cpu_count() or 1)
# One batch is being written while the next ones are checked; more would only take memory.
BATCHES_AHEAD = CHECKERS + 2

Row = dict[str, Any]
Values = tuple[Any, ...]

# The columns written of each table. Of children the parent's key comes first, and is put in when it is known.
CUSTOMER = (
    "key",
    "email",
    "email_key",
    "first_name",
    "last_name",
    "phone",
    "language",
    "guest",
    "source",
    "fingerprint",
)
ADDRESS = ("customer_id", "position", "address")
OPTION = ("customer_id", "key", "position", "kind", "label", "balance_cents", "currency")
LETTER = ("email_key", "email", "language", "state", "changed_at")
PRODUCT = (
    "key", "name", "name_en", "category", "description", "description_en", "attributes", "url", "search_words",
    "source", "fingerprint",
)  # fmt: skip
VARIANT = (
    "product_id", "sku", "position", "name", "name_en", "options", "price_cents", "currency", "stock", "restock_on",
)  # fmt: skip
ORDER = (
    "number", "number_key", "customer_id", "email", "language", "stage", "shop_status", "placed_at", "currency",
    "shipping_cents", "discount_cents", "shipping_address", "billing_address", "delivery_option", "promised_on",
    "expected_on", "late_cause", "delivered_at", "cancelled_at", "cancel_reason", "invoice_number", "source",
    "fingerprint", "version",
)  # fmt: skip
LINE = (
    "order_id", "key", "position", "sku", "product_key", "name", "name_en", "variant", "variant_en", "category",
    "quantity", "cancelled", "price_cents", "not_returnable",
)  # fmt: skip
PAYMENT = (
    "order_id", "key", "position", "kind", "label", "option_key", "status", "amount_cents", "paid_at", "pay_by",
)  # fmt: skip
SHIPMENT = (
    "order_id", "key", "position", "carrier", "tracking_number", "tracking_url", "status", "shipped_at", "promised_on",
    "expected_on", "window", "delivered_at", "delivered_to", "pickup_place", "pickup_until", "events",
)  # fmt: skip
SHIPMENT_LINE = ("order_id", "shipment_key", "line_key", "quantity")
REFUND = (
    "order_id", "key", "position", "amount_cents", "to", "status", "origin", "return_number", "created_at",
    "issued_at", "expected_on",
)  # fmt: skip
CHANGE = ("order_id", "key", "operation", "applied")
RETURN = (
    "id", "order_id", "number", "kind", "status", "drop_off", "label_kind", "label_reference", "label_url", "carrier",
    "tracking_number", "created_at", "hand_in_by", "received_at", "refund_cents", "refund_expected_on", "events",
)  # fmt: skip
RETURN_LINE = ("return_id", "line_key", "quantity", "reason")
CHILDREN: tuple[tuple[type[Any], tuple[str, ...]], ...] = (
    (LineRow, LINE),
    (PaymentRow, PAYMENT),
    (ShipmentRow, SHIPMENT),
    (ShipmentLineRow, SHIPMENT_LINE),
    (RefundRow, REFUND),
    (OrderChangeRow, CHANGE),
)


@dataclass
class CustomerRows:
    """The rows of one customer, without their key. ``newsletter`` is a subscription, without its time."""

    fingerprint: str
    customer: Values
    addresses: list[Values]
    options: list[Values]
    newsletter: Values | None


@dataclass
class ProductRows:
    """The rows of one product, without its key."""

    fingerprint: str
    product: Values
    variants: list[Values]


@dataclass
class OrderRows:
    """The rows of one order, without its key. ``customer`` is the shop's key of the owner."""

    fingerprint: str
    file: str
    line: int
    customer: str
    order: Row
    children: tuple[list[Values], ...]  # as CHILDREN has them
    returns: list[tuple[Values, list[Values]]]


@dataclass
class Checked:
    """A batch after checking. Of documents with the same key the last one is in it."""

    customers: dict[str, CustomerRows] = field(default_factory=dict)
    products: dict[str, ProductRows] = field(default_factory=dict)
    orders: dict[str, OrderRows] = field(default_factory=dict)
    shipments: list[tuple[SourceLine, ShipmentDocument]] = field(default_factory=list)
    returns: list[tuple[SourceLine, ReturnDocument]] = field(default_factory=list)
    errors: list[LineError] = field(default_factory=list)
    position: int = 0


class ShopImport:
    """Imports files into the shop's tables."""

    def __init__(self, database: Database, policies: Policies, zone: ZoneInfo) -> None:
        self._database = database
        self._policies = policies
        self._zone = zone

    async def run(
        self,
        paths: Sequence[Path],
        now: datetime,
        *,
        progress: Callable[[str, int], None] | None = None,
        on_error: Callable[[LineError], None] | None = None,
    ) -> ImportReport:
        """Import files in the order they need each other.

        Args:
            paths: JSON Lines and CSV files, also gzipped.
            now: when newsletter subscriptions count as begun.
            progress: called with a file's name and the bytes of it that were read.
            on_error: called with every line that could not be imported.

        Raises:
            InvalidInput: a file that does not exist or is of an unknown kind; nothing was imported.
        """
        report = ImportReport()

        def note(errors: Iterable[LineError]) -> None:
            for error in errors:
                report.errors += 1
                if len(report.first_errors) < ERRORS_SHOWN:
                    report.first_errors.append(error)
                if on_error is not None:
                    on_error(error)

        for path in sort_files(paths):
            async for batch in _checked(path, self._policies, self._zone):
                note(batch.errors)
                note(await self._write(batch, report, now))
                if progress is not None:
                    progress(path.name, batch.position)
        return report

    async def put(self, documents: Sequence[Document], now: datetime) -> list[LineError]:
        """Write a few documents that were read elsewhere, in one transaction; return what is wrong with them."""
        batch = Checked()
        for number, document in enumerate(documents, 1):
            line = SourceLine(document.type, number, document.type, document.model_dump_json(by_alias=True).encode())
            _add(batch, line, document, self._policies, self._zone)
        return await self._write(batch, ImportReport(), now)

    async def _write(self, batch: Checked, report: ImportReport, now: datetime) -> list[LineError]:
        errors: list[LineError] = []
        async with self._database.begin() as session:
            await self._customers(session, batch.customers, report, now)
            await self._products(session, batch.products, report)
            await self._orders(session, batch.orders, report, errors)
            await self._shipments(session, batch.shipments, report, errors)
            await self._returns(session, batch.returns, report, errors)
        return errors

    async def _customers(
        self, session: AsyncSession, customers: dict[str, CustomerRows], report: ImportReport, now: datetime
    ) -> None:
        if not customers:
            return
        fresh, changed = await _compare(session, CustomerRow, CustomerRow.key, customers)
        _count(report, "customer", customers, fresh, changed)
        ids = dict(zip(fresh, await reserve_ids(session, CustomerRow, len(fresh)), strict=True))
        await _insert(session, CustomerRow, ("id", *CUSTOMER), [(ids[key], *customers[key].customer) for key in fresh])
        await _update(session, CustomerRow, CUSTOMER, [(*customers[key].customer, i) for key, i in changed.items()])
        await _delete(session, CustomerAddressRow.customer_id, changed.values())
        await _delete(session, PaymentOptionRow.customer_id, changed.values())
        written = ids | changed
        addresses = [(i, *values) for key, i in written.items() for values in customers[key].addresses]
        await _insert(session, CustomerAddressRow, ADDRESS, addresses)
        options = [(i, *values) for key, i in written.items() for values in customers[key].options]
        await _insert(session, PaymentOptionRow, OPTION, options)
        letters = {letter[0]: letter for key in written if (letter := customers[key].newsletter) is not None}
        known = await _existing(session, NewsletterRow.email_key, letters)
        subscribed = [(*letter, as_instant(now)) for key, letter in letters.items() if key not in known]
        await _insert(session, NewsletterRow, LETTER, subscribed)

    async def _products(self, session: AsyncSession, products: dict[str, ProductRows], report: ImportReport) -> None:
        if not products:
            return
        fresh, changed = await _compare(session, ProductRow, ProductRow.key, products)
        _count(report, "product", products, fresh, changed)
        ids = dict(zip(fresh, await reserve_ids(session, ProductRow, len(fresh)), strict=True))
        await _insert(session, ProductRow, ("id", *PRODUCT), [(ids[key], *products[key].product) for key in fresh])
        await _update(session, ProductRow, PRODUCT, [(*products[key].product, i) for key, i in changed.items()])
        await _delete(session, VariantRow.product_id, changed.values())
        # A stock number may have moved here from another product. Of two in this batch the last one counts.
        variants = {values[0]: (i, *values) for key, i in (ids | changed).items() for values in products[key].variants}
        await _delete(session, VariantRow.sku, variants)
        await _insert(session, VariantRow, VARIANT, list(variants.values()))

    async def _orders(
        self, session: AsyncSession, orders: dict[str, OrderRows], report: ImportReport, errors: list[LineError]
    ) -> None:
        if not orders:
            return
        owners = await _owners(session, {entry.customer for entry in orders.values()})
        for entry in orders.values():
            if entry.customer not in owners:
                message = f"customer: there is no {entry.customer!r}; import customers first"
                errors.append(LineError(entry.file, entry.line, message))
        orders = {key: entry for key, entry in orders.items() if entry.customer in owners}
        fresh, changed = await _compare(session, OrderRow, OrderRow.number_key, orders)
        _count(report, "order", orders, fresh, changed)
        ids = dict(zip(fresh, await reserve_ids(session, OrderRow, len(fresh)), strict=True))
        versions = await _versions(session, changed.values())
        for key in (*fresh, *changed):
            row, (customer_id, email, language) = orders[key].order, owners[orders[key].customer]
            row["customer_id"] = customer_id
            row["email"] = row["email"] or email
            row["language"] = row["language"] or language
            row["version"] = versions[changed[key]] + 1 if key in changed else 1
        values_of = itemgetter(*ORDER)
        await _insert(session, OrderRow, ("id", *ORDER), [(ids[key], *values_of(orders[key].order)) for key in fresh])
        await _update(session, OrderRow, ORDER, [(*values_of(orders[key].order), i) for key, i in changed.items()])
        for at, (table, columns) in enumerate(CHILDREN):
            written = ids if table is OrderChangeRow else ids | changed  # what was done to an order stays noted
            if table is not OrderChangeRow:
                await _delete(session, table.order_id, changed.values())
            rows = [(i, *values) for key, i in written.items() for values in orders[key].children[at]]
            await _insert(session, table, columns, rows)
        await self._put_returns(
            session, [(i, *entry) for key, i in (ids | changed).items() for entry in orders[key].returns]
        )

    async def _put_returns(self, session: AsyncSession, returns: list[tuple[int, Values, list[Values]]]) -> None:
        """Write returns in place of those of the same number. Each comes with its order's key and its lines."""
        if not returns:
            return
        last = {values[0]: (order_id, values, lines) for order_id, values, lines in returns}
        await _delete(session, ReturnRow.number, last)
        ids = list(await reserve_ids(session, ReturnRow, len(last)))
        rows = [(i, order_id, *values) for i, (order_id, values, _) in zip(ids, last.values(), strict=True)]
        await _insert(session, ReturnRow, RETURN, rows)
        parts = [(i, *line) for i, (_, _, lines) in zip(ids, last.values(), strict=True) for line in lines]
        await _insert(session, ReturnLineRow, RETURN_LINE, parts)

    async def _shipments(
        self,
        session: AsyncSession,
        documents: list[tuple[SourceLine, ShipmentDocument]],
        report: ImportReport,
        errors: list[LineError],
    ) -> None:
        if not documents:
            return
        orders = await _orders_of(session, [document.order for _, document in documents])
        last: dict[tuple[int, str], tuple[ShipmentDocument, dict[str, int]]] = {}
        for line, document in documents:
            try:
                order_id, lines = _known_order(orders, document.order)
                check_shipments([document], lines)
            except ValueError as error:
                errors.append(LineError(line.file, line.number, str(error)))
            else:
                last[order_id, document.id] = (document, lines)
        rows: list[Values] = []
        parts: list[Values] = []
        for (order_id, key), (document, lines) in last.items():
            of_order = (ShipmentRow.order_id == order_id, ShipmentRow.key == key)
            position = (await session.scalars(select(ShipmentRow.position).where(*of_order))).first()
            await session.execute(delete(ShipmentRow).where(*of_order))
            await session.execute(
                delete(ShipmentLineRow).where(ShipmentLineRow.order_id == order_id, ShipmentLineRow.shipment_key == key)
            )
            # New ones come after those that are there, in the order they are read.
            shipment, contents = _shipment_rows(
                document, key, len(rows) + 100 if position is None else position, lines, self._zone
            )
            rows.append((order_id, *shipment))
            parts += [(order_id, *values) for values in contents]
        await _insert(session, ShipmentRow, SHIPMENT, rows)
        await _insert(session, ShipmentLineRow, SHIPMENT_LINE, parts)
        await _touch(session, {order_id for order_id, _ in last})
        report.count("shipment", written=len(last))

    async def _returns(
        self,
        session: AsyncSession,
        documents: list[tuple[SourceLine, ReturnDocument]],
        report: ImportReport,
        errors: list[LineError],
    ) -> None:
        if not documents:
            return
        orders = await _orders_of(session, [document.order for _, document in documents])
        able: list[tuple[int, Values, list[Values]]] = []
        for line, document in documents:
            try:
                order_id, lines = _known_order(orders, document.order)
                check_returns([document], lines)
            except ValueError as error:
                errors.append(LineError(line.file, line.number, str(error)))
            else:
                able.append((order_id, *_return_rows(document, self._zone)))
        await self._put_returns(session, able)
        await _touch(session, {order_id for order_id, _, _ in able})
        report.count("return", written=len(able))


async def _checked(path: Path, policies: Policies, zone: ZoneInfo) -> AsyncIterator[Checked]:
    """Check a file's lines batch by batch: a large file's in other processes, ahead of the writing."""
    source = read_lines(path)
    if not _is_large(path):
        while lines := list(islice(source, BATCH)):
            yield _check(lines, policies, zone)
        return
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(CHECKERS, get_context("spawn"), initializer=_set_up, initargs=(policies, zone)) as pool:
        ahead: list[asyncio.Future[Checked]] = []
        while True:
            while len(ahead) < BATCHES_AHEAD and (lines := list(islice(source, BATCH))):
                ahead.append(loop.run_in_executor(pool, _check_there, lines))
            if not ahead:
                return
            yield await ahead.pop(0)


def _is_large(path: Path) -> bool:
    return path.stat().st_size >= WORTH_PROCESSES


_policies: Policies
_zone: ZoneInfo


def _set_up(policies: Policies, zone: ZoneInfo) -> None:
    global _policies, _zone
    _policies, _zone = policies, zone
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this checker when the import is killed: it would wait for its next batch forever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _check_there(lines: list[SourceLine | LineError]) -> Checked:
    """Check a batch in the checking process."""
    return _check(lines, _policies, _zone)


def _check(lines: list[SourceLine | LineError], policies: Policies, zone: ZoneInfo) -> Checked:
    """Check a batch and make rows of it. Of documents with the same key the last one counts."""
    checked = Checked()
    for line in lines:
        if isinstance(line, LineError):
            checked.errors.append(line)
            continue
        checked.position = line.position
        try:
            document = parse(line, policies)
        except ValueError as error:
            checked.errors.append(LineError(line.file, line.number, str(error)))
            continue
        _add(checked, line, document, policies, zone)
    return checked


def _add(checked: Checked, line: SourceLine, document: Document, policies: Policies, zone: ZoneInfo) -> None:
    mark = fingerprint(line, document, policies)
    match document:
        case OrderDocument():
            state = policies.state(document.status)
            assert state is not None
            checked.orders[normal_number(document.number)] = _order_rows(line, document, state, mark, zone)
        case CustomerDocument():
            checked.customers[document.id] = _customer_rows(document, mark, policies.currency)
        case ProductDocument():
            checked.products[document.id] = _product_rows(document, mark)
        case ShipmentDocument():
            checked.shipments.append((line, document))
        case ReturnDocument():
            checked.returns.append((line, document))


def _customer_rows(document: CustomerDocument, mark: str, currency: str) -> CustomerRows:
    name = f"{document.first_name} {document.last_name}".strip()
    email_key = normal_email(document.email)
    return CustomerRows(
        mark,
        (
            document.id,
            document.email,
            email_key,
            document.first_name,
            document.last_name,
            document.phone,
            document.language,
            document.guest,
            SOURCE,
            mark,
        ),
        [(position, _address(part, name)) for position, part in enumerate(document.addresses)],
        [
            (part.id, position, part.kind.value, part.label or part.kind.value, part.balance, currency)
            for position, part in enumerate(document.payment_options)
        ],
        (email_key, document.email, document.language, "subscribed") if document.newsletter else None,
    )


def _product_rows(document: ProductDocument, mark: str) -> ProductRows:
    words = product_text(document)
    return ProductRows(
        mark,
        (
            document.id,
            document.name,
            document.name_en,
            document.category,
            document.description,
            document.description_en,
            as_document(document.attributes),
            document.url,
            words,
            SOURCE,
            mark,
        ),
        [
            (
                part.sku,
                position,
                part.name,
                part.name_en,
                as_document(part.options),
                part.price,
                document.currency,
                part.stock,
                as_day(part.restock_on),
            )
            for position, part in enumerate(document.variants)
        ],
    )


def _order_rows(line: SourceLine, document: OrderDocument, state: StateRule, mark: str, zone: ZoneInfo) -> OrderRows:
    cancelled = state.stage is Stage.CANCELLED
    kept: dict[str, int] = {}
    lines: list[Values] = []
    goods = 0
    for position, part in enumerate(document.lines):
        key = part.id or str(position + 1)
        gone = part.quantity if cancelled else part.cancelled
        kept[key] = part.quantity - gone
        goods += part.price * part.quantity
        lines.append(
            (
                key,
                position,
                part.sku,
                part.product,
                part.name,
                part.name_en,
                part.variant,
                part.variant_en,
                part.category,
                part.quantity,
                gone,
                part.price,
                part.not_returnable,
            )
        )
    total = max(0, goods - document.discount) + document.shipping_cost
    payments = [
        (
            str(position + 1),
            position,
            part.kind.value,
            part.label or part.kind.value,
            part.option,
            part.status.value,
            total if part.amount is None else part.amount,
            _instant(part.paid_at, zone),
            as_day(part.pay_by),
        )
        for position, part in enumerate(document.payments)
    ]
    shipments: list[Values] = []
    contents: list[Values] = []
    for position, shipment in enumerate(document.shipments):
        row, holds = _shipment_rows(shipment, shipment.id or str(position + 1), position, kept, zone)
        shipments.append(row)
        contents += holds
    number_key = normal_number(document.number)
    changes = [
        (f"{SOURCE}:{number_key}:{position}", name, "{}") for position, name in enumerate((*state.done, *document.done))
    ]
    order = {
        "number": document.number,
        "number_key": number_key,
        "email": document.email,
        "language": document.language,
        "stage": state.stage.value,
        "shop_status": document.status if document.status != state.stage else None,
        "placed_at": _instant(document.placed_at, zone),
        "currency": document.currency,
        "shipping_cents": document.shipping_cost,
        "discount_cents": document.discount,
        "shipping_address": _address(document.shipping_address),
        "billing_address": _address(document.billing_address),
        "delivery_option": document.delivery_option,
        "promised_on": as_day(document.promised_on),
        "expected_on": as_day(document.expected_on),
        "late_cause": document.late_cause,
        "delivered_at": _instant(document.delivered_at, zone),
        "cancelled_at": _instant(document.cancelled_at, zone),
        "cancel_reason": document.cancel_reason,
        "invoice_number": document.invoice_number,
        "source": SOURCE,
        "fingerprint": mark,
    }
    return OrderRows(
        mark,
        line.file,
        line.number,
        document.customer,
        order,
        (lines, payments, shipments, contents, _refund_rows(document, zone), changes),
        [_return_rows(entry, zone) for entry in document.returns],
    )


def _refund_rows(document: OrderDocument, zone: ZoneInfo) -> list[Values]:
    """Rows of an order's refunds; one that names no way goes back the way the money came."""
    paid = document.payments[-1] if document.payments else None
    rows: list[Values] = []
    for position, refund in enumerate(document.refunds):
        kind = refund.kind or (paid.kind if paid else PaymentKind.OTHER)
        option = paid.option if paid is not None and refund.kind is None else None
        to = {"id": option or kind, "kind": kind, "label": refund.label or (paid.label if paid else "")}
        rows.append(
            (
                refund.id or str(position + 1),
                position,
                refund.amount,
                as_document(to),
                refund.status.value,
                refund.origin.value,
                refund.return_number,
                _instant(refund.created_at, zone),
                _instant(refund.issued_at, zone),
                as_day(refund.expected_on),
            )
        )
    return rows


def _shipment_rows(
    part: ShipmentPart, key: str, position: int, kept: Mapping[str, int], zone: ZoneInfo
) -> tuple[Values, list[Values]]:
    """Rows of a shipment; one that names no lines holds everything that was not cancelled."""
    holds = [(entry.line, entry.quantity) for entry in part.lines] or [(k, count) for k, count in kept.items() if count]
    events = [
        {
            "at": _known(event.at, zone).isoformat(),
            "status": event.status,
            "place": event.place,
            "text": {"de": event.text or event.status, "en": event.text_en or event.text or event.status},
        }
        for event in part.events
    ]
    row = (
        key,
        position,
        part.carrier,
        part.tracking_number,
        part.tracking_url,
        part.status.value,
        _instant(part.shipped_at, zone),
        as_day(part.promised_on),
        as_day(part.expected_on),
        as_document({"start": part.window.start, "end": part.window.end}) if part.window else None,
        _instant(part.delivered_at, zone),
        part.delivered_to,
        part.pickup_place,
        as_day(part.pickup_until),
        as_document(events),
    )
    return row, [(key, line, count) for line, count in holds]


def _return_rows(part: ReturnPart, zone: ZoneInfo) -> tuple[Values, list[Values]]:
    row = (
        part.number,
        part.kind.value,
        part.status.value,
        part.drop_off,
        part.label,
        part.label_reference,
        part.label_url,
        part.carrier,
        part.tracking_number,
        _instant(part.created_at, zone),
        as_day(part.hand_in_by),
        _instant(part.received_at, zone),
        part.refund_amount,
        as_day(part.refund_expected_on),
        "[]",
    )
    return row, [(entry.line, entry.quantity, entry.reason) for entry in part.lines]


def _address(part: AddressPart | None, name: str = "") -> str | None:
    if part is None:
        return None
    return as_document(
        {
            "name": part.name or name,
            "street": part.street,
            "extra": part.extra,
            "postcode": part.postcode,
            "city": part.city,
            "country": part.country,
        }
    )


def _instant(value: datetime | None, zone: ZoneInfo) -> str | None:
    return as_instant(_known(value, zone)) if value is not None else None


def _known(value: datetime, zone: ZoneInfo) -> datetime:
    """An instant; without an offset it is the shop's time."""
    return value if value.tzinfo is not None else value.replace(tzinfo=zone)


def _known_order(orders: Mapping[str, tuple[int, dict[str, int]]], number: str) -> tuple[int, dict[str, int]]:
    found = orders.get(normal_number(number))
    if found is None:
        raise ValueError(f"order: there is no {number!r}; import orders first")
    return found


# Statements over many keys


def _parts(keys: Iterable[Any], size: int = 5_000) -> Iterator[list[Any]]:
    iterator = iter(keys)
    while part := list(islice(iterator, size)):
        yield part


class _Marked(Protocol):
    fingerprint: str


async def _compare(
    session: AsyncSession, table: type[Any], column: Any, documents: Mapping[str, _Marked]
) -> tuple[list[str], dict[str, int]]:
    """Return the keys that are new, and those whose document changed with their row's key."""
    known: dict[str, tuple[int, str | None]] = {}
    for keys in _parts(documents):
        found = await session.execute(select(column, table.id, table.fingerprint).where(column.in_(keys)))
        known |= {key: (row_id, mark) for key, row_id, mark in found}
    fresh = [key for key in documents if key not in known]
    changed = {key: row_id for key, (row_id, mark) in known.items() if mark != documents[key].fingerprint}
    return fresh, changed


def _count(
    report: ImportReport, kind: str, documents: Mapping[str, Any], fresh: Sequence[str], changed: Mapping[str, int]
) -> None:
    written = len(fresh) + len(changed)
    report.count(kind, written=written, unchanged=len(documents) - written)


async def _versions(session: AsyncSession, order_ids: Iterable[int]) -> dict[int, int]:
    versions: dict[int, int] = {}
    for part in _parts(order_ids):
        found = await session.execute(select(OrderRow.id, OrderRow.version).where(OrderRow.id.in_(part)))
        versions |= {order_id: version for order_id, version in found}  # noqa: C416 - rows are no pairs to mypy
    return versions


async def _insert(session: AsyncSession, table: type[Any], columns: Sequence[str], rows: Sequence[Values]) -> None:
    await insert_tuples(session, table.__tablename__, columns, rows)


async def _update(session: AsyncSession, table: type[Any], columns: Sequence[str], rows: Iterable[Values]) -> None:
    await update_tuples(session, table.__tablename__, columns, rows)


async def _existing(session: AsyncSession, column: Any, keys: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for part in _parts(keys):
        found |= set(await session.scalars(select(column).where(column.in_(part))))
    return found


async def _owners(session: AsyncSession, keys: Iterable[str]) -> dict[str, tuple[int, str, str]]:
    owners: dict[str, tuple[int, str, str]] = {}
    for part in _parts(keys):
        found = await session.execute(
            select(CustomerRow.key, CustomerRow.id, CustomerRow.email, CustomerRow.language).where(
                CustomerRow.key.in_(part)
            )
        )
        owners |= {key: (row_id, email, language) for key, row_id, email, language in found}
    return owners


async def _orders_of(session: AsyncSession, numbers: Iterable[str]) -> dict[str, tuple[int, dict[str, int]]]:
    """Return orders' keys and the pieces of each of their lines, by number as it is compared."""
    orders: dict[str, tuple[int, dict[str, int]]] = {}
    by_id: dict[int, dict[str, int]] = {}
    for part in _parts({normal_number(number) for number in numbers}):
        for key, order_id in await session.execute(
            select(OrderRow.number_key, OrderRow.id).where(OrderRow.number_key.in_(part))
        ):
            by_id[order_id] = {}
            orders[key] = (order_id, by_id[order_id])
    for ids in _parts(by_id):
        for order_id, line, quantity in await session.execute(
            select(LineRow.order_id, LineRow.key, LineRow.quantity).where(LineRow.order_id.in_(ids))
        ):
            by_id[order_id][line] = quantity
    return orders


async def _delete(session: AsyncSession, column: Any, keys: Iterable[Any]) -> None:
    for part in _parts(keys):
        await session.execute(delete(column.class_).where(column.in_(part)))


async def _touch(session: AsyncSession, order_ids: Iterable[int]) -> None:
    """Make plans that were made on an earlier version of these orders invalid."""
    for part in _parts(order_ids):
        await session.execute(update(OrderRow).where(OrderRow.id.in_(part)).values(version=OrderRow.version + 1))
