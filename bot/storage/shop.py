"""The shop's data in our own database: finds it, and carries out changes in one transaction each."""

import secrets
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, Protocol, cast

from sqlalchemy import case, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.shop.backend import CannotDo, Found, NoStock, Proof, Stale
from bot.shop.changes import (
    Applied,
    CancelLines,
    Change,
    ChangeAddress,
    ChangeItems,
    ChangePayment,
    FileRequest,
    OpenClaim,
    OpenReturn,
    RecordWithdrawal,
    RedirectShipment,
    RefundPlan,
    SetNewsletter,
    WatchStock,
)
from bot.shop.models import (
    Claim,
    ClaimStatus,
    Customer,
    Label,
    Order,
    PaymentOption,
    PaymentStatus,
    Product,
    Refund,
    RefundStatus,
    Return,
    ReturnStatus,
    Shipment,
    ShipmentStatus,
    Stage,
    Voucher,
    normal_email,
    normal_number,
    normal_postcode,
)
from bot.shop.money import Money
from bot.shop.order_state import stage_after
from bot.shop.search_words import fold, product_text, query_words
from bot.storage import shop_rows
from bot.storage.database import Collision, Database
from bot.storage.shop_events import shop_event
from bot.storage.shop_rows import OrderParts
from bot.storage.shop_tables import (
    ClaimRow,
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
    RequestRow,
    ReturnLineRow,
    ReturnRow,
    ShipmentLineRow,
    ShipmentRow,
    StockWatchRow,
    VariantRow,
    VoucherRow,
    WithdrawalRow,
)

__all__ = ["SqlShop", "applied_before", "new_number"]

# No letters or digits that look or sound alike: customers read these out on the phone.
ALPHABET = "23456789ACDEFGHJKLMNPQRTUVWXYZ"
MOST_CANDIDATES = 200

ABILITIES = frozenset(
    {
        "cancel_order",
        "change_delivery_address",
        "change_items",
        "change_payment_method",
        "claim_item",
        "create_return",
        "exchange",
        "newsletter",
        "notify_restock",
        "privacy_request",
        "report_missing_refund",
        "reschedule_delivery",
        "resend_confirmation",
        "resend_invoice",
        "resend_label",
        "search_parcel",
        "warranty_claim",
        "withdraw_contract",
    }
)


def new_number(prefix: str, length: int = 7) -> str:
    """Make a random number that nobody can guess from another one."""
    return f"{prefix}-{''.join(secrets.choice(ALPHABET) for _ in range(length))}"


FEWEST_DIGITS = 5
"""Digits of an order number that may stand without their letters."""


class SqlShop:
    """A ShopBackend on the service's own database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def abilities(self) -> frozenset[str]:
        """Names of the operations this shop system can carry out."""
        return ABILITIES

    async def proof(self, order_number: str) -> Proof | None:
        """Return what proves an order."""
        statement = select(
            OrderRow.number,
            OrderRow.email,
            OrderRow.language,
            OrderRow.shipping_address,
            OrderRow.billing_address,
            CustomerRow.key,
            CustomerRow.email,
        ).join(CustomerRow, CustomerRow.id == OrderRow.customer_id)
        async with self._database.read(short=True) as session:
            number_key = await _number_key(session, order_number)
            row = (await session.execute(statement.where(OrderRow.number_key == number_key))).one_or_none()
        if row is None:
            return None
        number, order_email, language, shipping, billing, customer_key, customer_email = row
        return Proof(
            number=number,
            customer_id=customer_key,
            email=order_email,
            emails=frozenset(normal_email(address) for address in (order_email, customer_email) if address),
            postcodes=frozenset(
                normal_postcode(address["postcode"]) for address in (shipping, billing) if address is not None
            ),
            language=language,
        )

    async def order(self, order_number: str) -> Order | None:
        """Return one order, whole."""
        async with self._database.read(short=True) as session:
            found = await self._orders(session, OrderRow.number_key == await _number_key(session, order_number))
        return found[0] if found else None

    async def product_names(self) -> list[tuple[str, str | None]]:
        """Return the name of each product, and its English one."""
        async with self._database.read() as session:
            rows = await session.execute(select(ProductRow.name, ProductRow.name_en))
            return [(name, name_en) for name, name_en in rows]

    async def orders_of(self, customer_id: str, limit: int) -> list[Order]:
        """Return a customer's orders, newest first."""
        async with self._database.read(short=True) as session:
            return await self._orders(session, CustomerRow.key == customer_id, limit)

    async def one_of_each_stage(self) -> list[str]:
        """Return the number of a recent order in every stage that occurs."""
        numbers = []
        async with self._database.read() as session:
            for stage in Stage:
                statement = select(OrderRow.number).where(OrderRow.stage == stage.value)
                number = (await session.scalars(statement.order_by(OrderRow.id.desc()).limit(1))).first()
                if number is not None:
                    numbers.append(number)
        return numbers

    async def customer(self, customer_id: str) -> Customer | None:
        """Return a customer with addresses and kept ways to pay."""
        async with self._database.read(short=True) as session:
            return await self._customer(session, CustomerRow.key == customer_id)

    async def customer_by_email(self, email: str) -> Customer | None:
        """Return the customer of a mail address; an account before a guest."""
        async with self._database.read(short=True) as session:
            return await self._customer(session, CustomerRow.email_key == normal_email(email))

    async def product(self, product_id: str) -> Product | None:
        """Return a product with its variants."""
        async with self._database.read(short=True) as session:
            found = await self._products(session, ProductRow.key == product_id)
        return found[0] if found else None

    async def product_of(self, sku: str) -> Product | None:
        """Return the product that has this variant."""
        owner = select(VariantRow.product_id).where(VariantRow.sku == sku).scalar_subquery()
        async with self._database.read(short=True) as session:
            found = await self._products(session, ProductRow.id == owner)
        return found[0] if found else None

    async def search_products(self, query: str, category: str | None, limit: int) -> list[Found]:
        """Return products that fit the words of a query, best first.

        A product's score is the share of the query's words found in its texts; words of its name count double.
        """
        words = query_words(query)
        if not words:
            return []
        hits = [ProductRow.search_words.contains(word, autoescape=True) for word in words]
        matched = sum((case((hit, 1), else_=0) for hit in hits), literal(0))
        condition = or_(*hits)
        if category is not None:
            condition = condition & (func.lower(ProductRow.category) == category.lower())
        async with self._database.read() as session:
            keys = (
                await session.scalars(
                    select(ProductRow.id)
                    .where(condition)
                    .order_by(matched.desc(), ProductRow.id)
                    .limit(MOST_CANDIDATES)
                )
            ).all()
            products = await self._products(session, ProductRow.id.in_(keys))
        scored = [Found(product, _score(product, words)) for product in products]
        return sorted(scored, key=lambda found: (-found.score, found.product.name))[:limit]

    async def voucher(self, code: str) -> Voucher | None:
        """Return a discount code or gift card."""
        async with self._database.read(short=True) as session:
            row = await session.get(VoucherRow, normal_number(code))
            return Voucher.model_validate(row.voucher) if row is not None else None

    async def open_request(self, customer_id: str, request: str) -> tuple[str, str] | None:
        """Return number and answer-by day of an open data-protection request."""
        statement = (
            select(RequestRow)
            .join(CustomerRow, CustomerRow.id == RequestRow.customer_id)
            .where(CustomerRow.key == customer_id, RequestRow.kind == request, RequestRow.done_at.is_(None))
        )
        async with self._database.read() as session:
            row = (await session.scalars(statement)).first()
            return (row.number, row.answer_by.isoformat()) if row is not None else None

    async def applied(self, key: str) -> Applied | None:
        """Return what a change gave when it was carried out under this key."""
        async with self._database.read(short=True) as session:
            return await applied_before(session, key)

    async def apply(self, change: Change, key: str) -> Applied:
        """Carry out a change once; see ShopBackend.apply."""
        try:
            async with self._database.begin() as session:
                return await self._apply(session, change, key)
        except Collision:
            # Somebody else wrote the same key at the same time; theirs counts.
            earlier = await self.applied(key)
            if earlier is None:
                raise
            return earlier

    async def _apply(self, session: AsyncSession, change: Change, key: str) -> Applied:
        row: OrderRow | None = None
        if (number := getattr(change, "order_number", None)) is not None:
            # The lock comes before the look at the key: who waits for it sees what the other one did.
            statement = select(OrderRow).where(OrderRow.number_key == normal_number(number)).with_for_update()
            row = (await session.scalars(statement)).one_or_none()
        earlier = await applied_before(session, key)
        if earlier is not None:
            return earlier
        if number is not None and (row is None or str(row.version) != getattr(change, "version", None)):
            raise Stale
        applied = await self._carry_out(session, change, row)
        session.add(
            OrderChangeRow(
                key=key,
                order_id=row.id if row is not None else None,
                operation=getattr(change, "operation", change.kind),
                applied=applied.model_dump(mode="json"),
                at=change.at,
            )
        )
        if row is not None:
            row.version += 1
            session.add(shop_event(row, change, applied))
        return applied

    async def _carry_out(self, session: AsyncSession, change: Change, row: OrderRow | None) -> Applied:
        match change:
            case CancelLines() if row is not None:
                return await self._cancel_lines(session, change, row)
            case OpenReturn() if row is not None:
                return await self._open_return(session, change, row)
            case ChangePayment() if row is not None:
                return await self._change_payment(session, change, row)
            case ChangeItems() if row is not None:
                return await self._change_items(session, change, row)
            case OpenClaim() if row is not None:
                return await self._open_claim(session, change, row)
            case RedirectShipment() if row is not None:
                return await self._redirect(session, change, row)
            case ChangeAddress():
                return await self._change_address(session, change, row)
            case WatchStock():
                return await self._watch_stock(session, change)
            case SetNewsletter():
                return await self._set_newsletter(session, change)
            case FileRequest():
                return await self._file_request(session, change)
            case RecordWithdrawal():
                return await self._record_withdrawal(session, change)
            case _:
                raise CannotDo(change.kind)

    async def _cancel_lines(self, session: AsyncSession, change: CancelLines, row: OrderRow) -> Applied:
        for part in change.lines:
            line = await session.get_one(LineRow, (row.id, part.line_id))
            line.cancelled += part.quantity
            await _add_stock(session, line.sku, part.quantity)
        order = await self._settle_stage(session, row)
        if order.stage is Stage.CANCELLED:
            row.cancelled_at = change.at
            row.cancel_reason = change.reason
        if change.refund is not None:
            await self._refund(session, row, order, change.refund, change.at)
        else:
            await self._owe(session, row, order, change.fee.cents)
        return Applied()

    async def _change_address(self, session: AsyncSession, change: ChangeAddress, row: OrderRow | None) -> Applied:
        address = change.address.model_dump(mode="json")
        if row is not None:
            row.shipping_address = address
            if change.expected_on is not None:
                row.expected_on = change.expected_on
            if change.shipping_cost is not None:
                row.shipping_cents = change.shipping_cost.cents
                await self._settle_difference(session, row, change)
        if change.make_default:
            customer = await _customer_row(session, change.customer_id)
            kept = await session.get(CustomerAddressRow, (customer.id, 0))
            if kept is None:
                session.add(CustomerAddressRow(customer_id=customer.id, position=0, address=address))
            else:
                kept.address = address
        return Applied()

    async def _change_payment(self, session: AsyncSession, change: ChangePayment, row: OrderRow) -> Applied:
        order = await self._whole(session, row)
        current = order.payment
        if change.refund is not None:
            await self._refund(session, row, order, change.refund, change.at)
        if current is not None:
            stored = await session.get_one(PaymentRow, (row.id, current.id))
            if current.status in {PaymentStatus.OPEN, PaymentStatus.FAILED}:
                stored.status = PaymentStatus.VOID.value
            else:
                stored.status = PaymentStatus.REFUNDED.value
        paid = change.status is PaymentStatus.PAID
        if paid:
            await self._take_from_card(session, row, change.to, change.amount.cents)
        self._add_payment(
            session, row, order, change.to, change.amount.cents, change.at if paid else None, change.pay_by
        )
        if change.pay_by is not None:
            row.stage = Stage.AWAITING_PAYMENT.value
        elif row.stage == Stage.AWAITING_PAYMENT.value:
            row.stage = Stage.PROCESSING.value
            row.late_cause = None
        return Applied()

    async def _change_items(self, session: AsyncSession, change: ChangeItems, row: OrderRow) -> Applied:
        before = await self._whole(session, row)
        for sku, count in change.stock:
            await _add_stock(session, sku, count)
        added: list[str] = []
        for line in change.lines:
            values = shop_rows.line_values(line, row.id, len(before.lines) + len(added))
            stored = await session.get(LineRow, (row.id, line.id))
            if stored is None:
                session.add(LineRow(**values))
                added.append(line.id)
            else:
                for name, value in values.items():
                    if name != "position":
                        setattr(stored, name, value)
        await self._settle_stage(session, row)
        await self._settle_difference(session, row, change)
        return Applied(line_ids=tuple(added))

    async def _open_return(self, session: AsyncSession, change: OpenReturn, row: OrderRow) -> Applied:
        number = await _free_number(session, "R", ReturnRow.number)
        label = Label(kind=change.label.kind, reference=new_number("L", 10))
        entry = Return(
            number=number,
            kind=change.return_kind,
            status=ReturnStatus.REQUESTED,
            lines=change.lines,
            drop_off=change.drop_off,
            label=label,
            carrier=change.carrier,
            created_at=change.at,
            hand_in_by=change.hand_in_by,
            pickup_on=change.pickup_on,
            refund_amount=change.refund.amount if change.refund else None,
            refund_to=change.refund.to if change.refund else None,
            refund_expected_on=change.refund.expected_on if change.refund else None,
            replacement=change.replacement,
        )
        stored = ReturnRow(**shop_rows.return_values(entry, row.id))
        session.add(stored)
        await session.flush()
        session.add_all(ReturnLineRow(**values) for values in shop_rows.return_line_values(entry, stored.id))
        if change.replacement is not None:
            await _add_stock(session, change.replacement.sku, -change.replacement.quantity)
        if change.charge is not None and change.difference is not None:
            await self._charge(
                session, row, await self._whole(session, row), change.charge, change.difference, change.at
            )
        return Applied(number=number, label=label)

    async def _open_claim(self, session: AsyncSession, change: OpenClaim, row: OrderRow) -> Applied:
        number = await _free_number(session, "F", ClaimRow.number)
        claim = Claim(
            number=number,
            kind=change.claim_kind,
            status=ClaimStatus.ACCEPTED if change.decided else ClaimStatus.OPEN,
            lines=change.lines,
            shipment_id=change.shipment_id,
            refund_id=change.refund_id,
            wish=change.wish,
            description=change.description,
            photo=change.photo,
            created_at=change.at,
            answer_by=change.answer_by,
        )
        session.add(ClaimRow(**shop_rows.claim_values(claim, row.id)))
        order = await self._whole(session, row)
        if change.refund is not None:
            await self._refund(session, row, order, change.refund, change.at)
        for at, (part, replacement) in enumerate(change.replacements):
            await _add_stock(session, replacement.sku, -replacement.quantity)
            shipment = Shipment(
                id=_free_key([shipment.id for shipment in order.shipments], at),
                carrier=order.shipments[0].carrier if order.shipments else "",
                status=ShipmentStatus.ANNOUNCED,
                lines=(part,),
                promised_on=replacement.expected_on,
                expected_on=replacement.expected_on,
                replacement_for=number,
            )
            session.add(ShipmentRow(**shop_rows.shipment_values(shipment, row.id, len(order.shipments) + at)))
            await session.flush()
            session.add(
                ShipmentLineRow(
                    order_id=row.id, shipment_key=shipment.id, line_key=part.line_id, quantity=part.quantity
                )
            )
        if change.send_back is None:
            return Applied(number=number)
        sent = await self._open_return(session, change.send_back, row)
        return Applied(number=number, return_number=sent.number, return_label=sent.label)

    async def _redirect(self, session: AsyncSession, change: RedirectShipment, row: OrderRow) -> Applied:
        shipment = await session.get_one(ShipmentRow, (row.id, change.shipment_id))
        shipment.wish = change.wish.model_dump(mode="json")
        if change.expected_on is not None:
            shipment.expected_on = change.expected_on
        if change.wish.window is not None:
            shipment.window = change.wish.window.model_dump(mode="json")
        return Applied()

    async def _watch_stock(self, session: AsyncSession, change: WatchStock) -> Applied:
        where = (StockWatchRow.sku == change.sku, StockWatchRow.email_key == normal_email(change.email))
        row = (await session.scalars(select(StockWatchRow).where(*where))).one_or_none()
        if row is None:
            row = StockWatchRow(sku=change.sku, email=change.email, email_key=normal_email(change.email))
            session.add(row)
        row.language = change.language
        row.created_at = change.at
        row.told_at = None
        return Applied()

    async def _set_newsletter(self, session: AsyncSession, change: SetNewsletter) -> Applied:
        row = await session.get(NewsletterRow, normal_email(change.email))
        if row is None:
            row = NewsletterRow(email_key=normal_email(change.email), email=change.email, language=change.language)
            row.state = "ended"
            session.add(row)
        if not change.subscribe:
            row.state = "ended"
        elif row.state != "subscribed":
            row.state = "asked"
        row.changed_at = change.at
        return Applied()

    async def _file_request(self, session: AsyncSession, change: FileRequest) -> Applied:
        customer = await _customer_row(session, change.customer_id)
        number = await _free_number(session, "D", RequestRow.number)
        session.add(
            RequestRow(
                number=number,
                customer_id=customer.id,
                kind=change.request,
                note=change.note,
                created_at=change.at,
                answer_by=change.answer_by,
            )
        )
        return Applied(number=number)

    async def _record_withdrawal(self, session: AsyncSession, change: RecordWithdrawal) -> Applied:
        number = await _free_number(session, "W", WithdrawalRow.number)
        session.add(
            WithdrawalRow(
                number=number,
                name=change.name,
                contract=change.contract,
                receipt_to=change.receipt_to,
                goods=change.goods,
                statement=change.statement,
                language=change.language,
                received_at=change.at,
            )
        )
        return Applied(number=number)

    async def _whole(self, session: AsyncSession, row: OrderRow) -> Order:
        """Read the order as this transaction has it."""
        await session.flush()
        return (await self._orders(session, OrderRow.id == row.id))[0]

    async def _settle_stage(self, session: AsyncSession, row: OrderRow) -> Order:
        """Reckon the order's stage from its pieces, after they changed."""
        order = await self._whole(session, row)
        stage = stage_after(order)
        row.stage = stage.value
        return order.model_copy(update={"stage": stage})

    async def _settle_difference(
        self, session: AsyncSession, row: OrderRow, change: ChangeItems | ChangeAddress
    ) -> None:
        """Charge, give back or add to what is owed, as the plan says."""
        order = await self._whole(session, row)
        if change.charge is not None and change.difference is not None:
            await self._charge(session, row, order, change.charge, change.difference, change.at)
        elif change.refund is not None:
            await self._refund(session, row, order, change.refund, change.at)
        else:
            await self._owe(session, row, order, 0)

    async def _owe(self, session: AsyncSession, row: OrderRow, order: Order, fee_cents: int) -> None:
        """Let a payment that was not made yet follow the order's total."""
        payment = order.payment
        if payment is None or payment.status not in {PaymentStatus.OPEN, PaymentStatus.FAILED}:
            return
        stored = await session.get_one(PaymentRow, (row.id, payment.id))
        stored.amount_cents = order.total.cents + fee_cents
        if stored.amount_cents == 0:
            stored.status = PaymentStatus.VOID.value

    async def _charge(
        self, session: AsyncSession, row: OrderRow, order: Order, to: PaymentOption, amount: Money, at: datetime
    ) -> None:
        """Take more money the way the plan says."""
        await self._take_from_card(session, row, to, amount.cents)
        taken = {PaymentStatus.PAID, PaymentStatus.PARTLY_REFUNDED}
        same = next(
            (
                payment
                for payment in order.payments
                if payment.status in taken and payment.kind is to.kind and (payment.option_id or payment.kind) == to.id
            ),
            None,
        )
        if same is None:
            self._add_payment(session, row, order, to, amount.cents, at, None)
        else:
            stored = await session.get_one(PaymentRow, (row.id, same.id))
            stored.amount_cents += amount.cents

    def _add_payment(
        self,
        session: AsyncSession,
        row: OrderRow,
        order: Order,
        to: PaymentOption,
        cents: int,
        paid_at: datetime | None,
        pay_by: date | None,
    ) -> None:
        session.add(
            PaymentRow(
                order_id=row.id,
                key=_free_key([payment.id for payment in order.payments]),
                position=len(order.payments),
                kind=to.kind.value,
                label=to.label,
                option_key=to.id,
                status=(PaymentStatus.PAID if paid_at is not None else PaymentStatus.OPEN).value,
                amount_cents=cents,
                paid_at=paid_at,
                pay_by=pay_by,
            )
        )

    async def _take_from_card(self, session: AsyncSession, row: OrderRow, to: PaymentOption, cents: int) -> None:
        """Lower a gift card's balance, or raise it with a negative amount.

        Raises:
            Stale: the card no longer covers it.
        """
        if to.balance is None:
            return
        result = await session.execute(
            update(PaymentOptionRow)
            .where(
                PaymentOptionRow.customer_id == row.customer_id,
                PaymentOptionRow.key == to.id,
                PaymentOptionRow.balance_cents >= cents,
            )
            .values(balance_cents=PaymentOptionRow.balance_cents - cents)
        )
        if cast(Any, result).rowcount == 0:
            raise Stale

    async def _refund(self, session: AsyncSession, row: OrderRow, order: Order, plan: RefundPlan, at: datetime) -> None:
        """Write a refund. Onto a gift card that is kept with the account it is there at once."""
        kept = await session.get(PaymentOptionRow, (row.customer_id, plan.to.id))
        on_card = kept is not None and kept.balance_cents is not None
        if kept is not None and kept.balance_cents is not None:
            kept.balance_cents += plan.amount.cents
        refund = Refund(
            id=_free_key([refund.id for refund in order.refunds]),
            amount=plan.amount,
            to=plan.to,
            status=RefundStatus.ISSUED if on_card else RefundStatus.PENDING,
            origin=plan.origin,
            created_at=at,
            issued_at=at if on_card else None,
            expected_on=plan.expected_on,
        )
        session.add(RefundRow(**shop_rows.refund_values(refund, row.id, len(order.refunds))))
        if order.payment is not None:
            stored = await session.get_one(PaymentRow, (row.id, order.payment.id))
            everything = order.stage is Stage.CANCELLED
            stored.status = (PaymentStatus.REFUNDED if everything else PaymentStatus.PARTLY_REFUNDED).value

    async def _orders(self, session: AsyncSession, condition: Any, limit: int | None = None) -> list[Order]:
        statement = (
            select(OrderRow, CustomerRow.key)
            .join(CustomerRow, CustomerRow.id == OrderRow.customer_id)
            .where(condition)
            .order_by(OrderRow.placed_at.desc(), OrderRow.id.desc())
            .limit(limit)
        )
        rows = (await session.execute(statement)).all()
        if not rows:
            return []
        ids = [row.id for row, _ in rows]
        parts: dict[int, OrderParts] = defaultdict(OrderParts)
        kinds: tuple[tuple[str, type[_OfOrder], Any], ...] = (
            ("lines", LineRow, LineRow.position),
            ("payments", PaymentRow, PaymentRow.position),
            ("shipments", ShipmentRow, ShipmentRow.position),
            ("shipment_lines", ShipmentLineRow, ShipmentLineRow.line_key),
            ("returns", ReturnRow, ReturnRow.id),
            ("refunds", RefundRow, RefundRow.position),
            ("claims", ClaimRow, ClaimRow.id),
            ("changes", OrderChangeRow, OrderChangeRow.id),
        )
        owner_of_return: dict[int, int] = {}
        for name, table, order_by in kinds:
            found = await session.scalars(select(table).where(cast(Any, table).order_id.in_(ids)).order_by(order_by))
            for entry in found:
                getattr(parts[entry.order_id], name).append(entry)
                if isinstance(entry, ReturnRow):
                    owner_of_return[entry.id] = entry.order_id
        if owner_of_return:
            for part in await session.scalars(
                select(ReturnLineRow)
                .where(ReturnLineRow.return_id.in_(owner_of_return))
                .order_by(ReturnLineRow.line_key)
            ):
                parts[owner_of_return[part.return_id]].return_lines.append(part)
        return [shop_rows.order_from(row, customer_key, parts[row.id]) for row, customer_key in rows]

    async def _customer(self, session: AsyncSession, condition: Any) -> Customer | None:
        row = (
            await session.scalars(select(CustomerRow).where(condition).order_by(CustomerRow.guest, CustomerRow.id))
        ).first()
        if row is None:
            return None
        addresses = await session.scalars(
            select(CustomerAddressRow)
            .where(CustomerAddressRow.customer_id == row.id)
            .order_by(CustomerAddressRow.position)
        )
        options = await session.scalars(
            select(PaymentOptionRow).where(PaymentOptionRow.customer_id == row.id).order_by(PaymentOptionRow.position)
        )
        customer = shop_rows.customer_from(row, addresses.all(), options.all())
        letter = await session.get(NewsletterRow, row.email_key)
        return customer.model_copy(update={"newsletter": letter is not None and letter.state == "subscribed"})

    async def _products(self, session: AsyncSession, condition: Any) -> list[Product]:
        rows = (await session.scalars(select(ProductRow).where(condition))).all()
        variants: dict[int, list[VariantRow]] = defaultdict(list)
        for variant in await session.scalars(
            select(VariantRow)
            .where(VariantRow.product_id.in_([row.id for row in rows]))
            .order_by(VariantRow.position, VariantRow.id)
        ):
            variants[variant.product_id].append(variant)
        return [shop_rows.product_from(row, variants[row.id]) for row in rows]


class _OfOrder(Protocol):
    order_id: Any


async def applied_before(session: AsyncSession, key: str) -> Applied | None:
    """Return what a change gave when it was carried out under a key."""
    found = (await session.scalars(select(OrderChangeRow.applied).where(OrderChangeRow.key == key))).one_or_none()
    return Applied.model_validate(found) if found is not None else None


async def _add_stock(session: AsyncSession, sku: str, quantity: int) -> None:
    """Put pieces back into stock, or take them with a negative quantity.

    Raises:
        NoStock: there are not so many.
    """
    result = await session.execute(
        update(VariantRow)
        .where(VariantRow.sku == sku, VariantRow.stock + quantity >= 0)
        .values(stock=VariantRow.stock + quantity)
    )
    if quantity < 0 and cast(Any, result).rowcount == 0:
        left = (await session.scalars(select(VariantRow.stock).where(VariantRow.sku == sku))).one_or_none()
        raise NoStock(sku, left or 0)


async def _customer_row(session: AsyncSession, key: str) -> CustomerRow:
    return (await session.scalars(select(CustomerRow).where(CustomerRow.key == key))).one()


def _free_key(taken: Sequence[str], skip: int = 0) -> str:
    """The next number that no other part of the order has as its key."""
    free = (str(number) for number in range(len(taken) + 1, 100_000) if str(number) not in taken)
    return next(islice(free, skip, None))


async def _free_number(session: AsyncSession, prefix: str, column: Any) -> str:
    while True:
        number = new_number(prefix)
        if (await session.scalars(select(column).where(column == number))).first() is None:
            return number


def _score(product: Product, words: Sequence[str]) -> float:
    name = fold(f"{product.name} {product.name_en or ''} {product.category}")
    rest = product_text(product)
    points = sum(1.0 if word in name else 0.5 if word in rest else 0.0 for word in words)
    return points / len(words)


async def _number_key(session: AsyncSession, order_number: str) -> str:
    """The number in the form that is compared. Customers leave the letters out: "105804" is LM-105804.

    Where several orders have the same digits, digits alone are nobody's number.
    """
    key = normal_number(order_number)
    if not key.isdigit() or len(key) < FEWEST_DIGITS:
        return key
    ending = OrderRow.number_key.endswith(key, autoescape=True)
    found = (await session.scalars(select(OrderRow.number_key).where(ending).limit(10))).all()
    lettered = [one for one in found if one.removesuffix(key).isalpha()]
    return key if key in found or len(lettered) != 1 else lettered[0]
