"""A ShopBackend on WooCommerce.

WooCommerce holds orders, customers, products and coupons. What is read there is kept in our own tables, too (the
mirror), so that what WooCommerce has no place for hangs on something: returns, claims, proofs, promises, figures.
An order is read anew whenever somebody asks, and always before it is changed.

Changes that WooCommerce can carry out are carried out there, and read back. A mark in the order's or the refund's
meta data says under which key, so that a call whose answer got lost is not made twice.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Protocol

from pydantic import ValidationError

from bot.shop.backend import CannotDo, Found, Proof, ShopBackend, ShopUnavailable, Stale
from bot.shop.changes import (
    Applied,
    CancelLines,
    Change,
    ChangeAddress,
    OpenClaim,
    OpenReturn,
    RefundPlan,
)
from bot.shop.import_formats import Document
from bot.shop.models import (
    Address,
    Customer,
    LineQuantity,
    Order,
    PaymentKind,
    Product,
    Voucher,
    normal_email,
    normal_number,
)
from bot.shop.telling import CannotTell, ShopEvent
from bot.shop.woocommerce.client import Refused, WooClient
from bot.shop.woocommerce.reading import (
    WooOrder,
    WooProduct,
    WooRefund,
    WooVariation,
    customer_of,
    guest_key,
    order_of,
    product_of,
    proof_of,
    read_customer,
    read_voucher,
)

__all__ = ["Mirror", "OrderNotes", "WooShop"]

log = logging.getLogger(__name__)

# One turn asks several times for the same order: prove it, look at it, show what would be done.
FRESH_S = 3.0
CUSTOMERS_FRESH_S = 60.0
PRODUCTS_FRESH_S = 60.0
MOST_REMEMBERED = 10_000
MOST_ORDERS = 500
# After a start, how far back changes are read; later, how far before the last time, for clocks differ.
CHANGES_AT_FIRST, OVERLAP = timedelta(days=7), timedelta(minutes=5)
AT_ONCE = 20
MARK = "_zusage_"  # and a digest of the key: every change has a mark of its own
ABILITIES = frozenset(
    {
        "cancel_order",
        "change_delivery_address",
        "claim_item",
        "create_return",
        "newsletter",
        "notify_restock",
        "privacy_request",
        "report_missing_refund",
        "resend_confirmation",
        "resend_label",
        "search_parcel",
        "warranty_claim",
        "withdraw_contract",
    }
)


class Mirror(ShopBackend, Protocol):
    """Our own tables."""

    async def put(self, documents: Sequence[Document]) -> None:
        """Keep what was read; what is the same as before is left alone, and so is what hangs on it."""
        ...

    async def record(self, change: Change, key: str) -> Applied:
        """Note that a change was carried out elsewhere and read back; the same key again changes nothing."""
        ...


class WooShop:
    """The shop's data in WooCommerce."""

    def __init__(
        self,
        client: WooClient,
        mirror: Mirror,
        *,
        states: Collection[str],
        currency: str,
        transit: timedelta,
        by_number: bool,
        clock: Callable[[], datetime],
        fresh_s: float = FRESH_S,
    ) -> None:
        """Make the backend.

        Args:
            client: calls WooCommerce.
            mirror: our own tables.
            states: of WooCommerce's order states, those that the policy file explains.
            currency: of the shop's prices.
            transit: how long a parcel takes after its order is completed.
            by_number: whether a plugin numbers orders otherwise than by their ids, so that they must be searched.
            clock: the time.
            fresh_s: for how many seconds an order that was read is not read again to look at it.
        """
        self._fresh_s = fresh_s
        self._client = client
        self._mirror = mirror
        self._states = states
        self._currency = currency
        self._transit = transit
        self._by_number = by_number
        self._clock = clock
        self._orders: OrderedDict[str, tuple[float, WooOrder | None]] = OrderedDict()
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._changes_read_at: datetime | None = None

    @property
    def abilities(self) -> frozenset[str]:
        """Names of the operations that can be carried out with WooCommerce."""
        return ABILITIES

    # -- finding

    async def proof(self, order_number: str) -> Proof | None:
        """Return what proves an order: one call of WooCommerce and nothing else, whether there is one or not."""
        order = await self._recent(order_number)
        return _parsed(proof_of, order) if order is not None else None

    async def order(self, order_number: str) -> Order | None:
        """Return one order, whole."""
        order = await self._recent(order_number)
        if order is None:
            return None
        await self._put(order, await self._refunds(order))
        return await self._mirror.order(order.number)

    async def orders_of(self, customer_id: str, limit: int) -> list[Order]:
        """Return a customer's orders, newest first."""
        newest = {"orderby": "date", "order": "desc"}
        if customer_id.isdecimal():
            found = await self._client.pages("orders", limit, customer=customer_id, **newest)
        else:
            guest = await self._mirror.customer(customer_id)
            if guest is None:
                return []
            # The search looks everywhere in an order, so whatever else it finds is sorted out.
            found = await self._client.pages("orders", limit * 3, search=guest.email, **newest)
        orders = [order for order in map(_order, found) if order.is_real]
        await self._keep([order for order in orders if _owner(order) == customer_id][:limit])
        return await self._mirror.orders_of(customer_id, limit)

    async def customer(self, customer_id: str) -> Customer | None:
        """Return a customer with addresses."""
        known = await self._mirror.customer(customer_id)
        if customer_id.isdecimal() and not self._is_fresh(key := f"customer:{customer_id}", CUSTOMERS_FRESH_S):
            data = await self._client.get(f"customers/{customer_id}")
            if data is not None:
                await self._mirror.put([_parsed(read_customer, data, known.language if known else "de")])
                known = await self._mirror.customer(customer_id)
            self._note(key)
        return known

    async def customer_by_email(self, email: str) -> Customer | None:
        """Return the customer of a mail address; an account before a guest."""
        key = normal_email(email)
        found = await self._client.pages("customers", 1, email=key, role="all")
        if found:
            await self._mirror.put([_parsed(read_customer, found[0], "de")])
            return await self._mirror.customer(str(found[0]["id"]))
        orders = await self._client.pages("orders", 20, search=key, orderby="date", order="desc")
        guest = [
            order
            for order in map(_order, orders)
            if order.is_real and order.customer_id == 0 and normal_email(order.billing.email) == key
        ]
        await self._keep(guest[:1])
        return await self._mirror.customer(guest_key(key)) if guest else None

    async def product(self, product_id: str) -> Product | None:
        """Return a product with its variants."""
        if not product_id.isdecimal():
            return None
        if not self._is_fresh(key := f"product:{product_id}", PRODUCTS_FRESH_S):
            data = await self._client.get(f"products/{product_id}")
            if data is None:
                return None
            await self._keep_product(_parsed(WooProduct.model_validate, data))
            self._note(key)
        return await self._mirror.product(product_id)

    async def product_of(self, sku: str) -> Product | None:
        """Return the product that has this variant."""
        if sku.startswith("#"):  # goods without a stock number, by their id
            data = await self._client.get(f"products/{sku[1:]}") if sku[1:].isdecimal() else None
            found = [data] if data is not None else []
        else:
            found = await self._client.pages("products", 1, sku=sku)
        if not found:
            return None
        entry = _parsed(WooProduct.model_validate, found[0])
        return await self.product(str(entry.parent_id or entry.id))

    async def search_products(self, query: str, category: str | None, limit: int) -> list[Found]:
        """Return products that fit the words of a query, best first; the stock of the best is read anew.

        WooCommerce finds whole phrases only, so the search runs in the mirror, which read_catalogue fills.
        """
        found = await self._mirror.search_products(query, category, limit)
        fresh = await asyncio.gather(*(self.product(entry.product.id) for entry in found[:3]))
        return [
            Found(product or entry.product, entry.score)
            for entry, product in zip(found, [*fresh, *(None for _ in found[3:])], strict=True)
        ]

    async def read_catalogue(self) -> int:
        """Read all published products into the mirror; return how many."""
        found = await self._client.pages("products", status="publish")
        for product in [_parsed(WooProduct.model_validate, data) for data in found]:
            await self._keep_product(product)
            self._note(f"product:{product.id}")
        return len(found)

    async def read_changes(self) -> int:
        """Read orders again that changed in WooCommerce and that somebody has asked for here; return how many.

        So promises about them are judged by what is true, also when nobody asks again.
        """
        now = self._clock()
        since = (self._changes_read_at or now - CHANGES_AT_FIRST) - OVERLAP
        found = await self._client.pages(
            "orders",
            modified_after=since.strftime("%Y-%m-%dT%H:%M:%S"),
            dates_are_gmt="true",
            orderby="id",
            order="asc",
        )
        orders = [order for order in map(_order, found) if order.is_real]
        known = [order for order in orders if await self._mirror.proof(order.number) is not None]
        for start in range(0, len(known), AT_ONCE):
            await self._keep(known[start : start + AT_ONCE])
        self._changes_read_at = now
        return len(known)

    async def voucher(self, code: str) -> Voucher | None:
        """Return a discount code. WooCommerce itself has no gift cards."""
        found = await self._client.pages("coupons", 1, code=code.strip().lower())
        return _parsed(read_voucher, found[0], self._currency) if found else None

    async def open_request(self, customer_id: str, request: str) -> tuple[str, str] | None:
        """Return number and answer-by day of an open data-protection request; they are kept with us."""
        return await self._mirror.open_request(customer_id, request)

    # -- changing

    async def applied(self, key: str) -> Applied | None:
        """Return what a change gave when it was carried out under this key."""
        return await self._mirror.applied(key)

    async def apply(self, change: Change, key: str) -> Applied:
        """Carry out a change once: in WooCommerce what it can, in our own tables what it cannot."""
        earlier = await self._mirror.applied(key)
        if earlier is not None:
            return earlier
        number: str | None = getattr(change, "order_number", None)
        if number is None:
            if isinstance(change, ChangeAddress):
                await self._change_default_address(change)
            return await self._mirror.apply(change, key)
        order = await self.fetch(number)
        if order is None:
            raise Stale
        refunds = await self._refunds(order)
        if not _carried_out(order, refunds, key):
            await self._put(order, refunds)
            mirrored = await self._mirror.order(order.number)
            if mirrored is None or mirrored.version != getattr(change, "version", None):
                raise Stale
            if isinstance(change, OpenReturn) or (isinstance(change, OpenClaim) and change.refund is None):
                return await self._mirror.apply(change, key)  # nothing of it is WooCommerce's; the order gets a note
        try:
            match change:
                case CancelLines():
                    await self._cancel(order, refunds, change, key)
                case ChangeAddress():
                    await self._change_address(order, change, key)
                case OpenClaim() if change.refund is not None:
                    await self._give_back(order, refunds, change.refund, (), key, "claim")
                case _:
                    raise CannotDo(change.kind)
        except Refused as refusal:
            log.error("WooCommerce refuses a change of order %s: %s", order.number, refusal)
            raise CannotDo(change.kind) from refusal
        self._orders.pop(normal_number(number), None)
        mirrored = await self.order(number)
        if isinstance(change, OpenClaim):
            version = mirrored.version if mirrored is not None else change.version
            return await self._mirror.apply(change.model_copy(update={"refund": None, "version": version}), key)
        return await self._mirror.record(change, key)

    async def _cancel(self, order: WooOrder, refunds: Sequence[WooRefund], change: CancelLines, key: str) -> None:
        """Cancel pieces: money that came in goes back as a refund, and goods that nobody paid leave the order."""
        gone = {part.line_id: part.quantity for part in change.lines}
        lines = {str(line.id): line for line in order.line_items}
        whole = all(gone.get(line_id, 0) >= _kept(line.id, line.quantity, refunds) for line_id, line in lines.items())
        if change.refund is not None:
            await self._give_back(order, refunds, change.refund, change.lines, key, change.reason or "cancellation")
            # A refund of everything makes the order "refunded", which says more than "cancelled".
            order = await self.fetch(change.order_number) or order
        if whole:
            if order.status not in {"cancelled", "refunded"}:
                await self._mark(order, key, {"status": "cancelled"})
        elif change.refund is None:
            parts = []
            for line_id, count in gone.items():
                line = lines[line_id]
                left = line.quantity - count
                share = Decimal(left) / line.quantity
                parts.append(
                    {"id": line.id, "quantity": left}
                    | (
                        {
                            "subtotal": _decimal(round(line.subtotal * share)),
                            "total": _decimal(round(line.total * share)),
                        }
                        if left
                        else {}
                    )
                )
            await self._mark(order, key, {"line_items": parts})

    async def _change_address(self, order: WooOrder, change: ChangeAddress, key: str) -> None:
        if change.difference:
            raise CannotDo("change_address")  # WooCommerce cannot take the difference afterwards
        await self._mark(order, key, {"shipping": _shipping(change.address)})
        if change.make_default:
            await self._change_default_address(change)

    async def _change_default_address(self, change: ChangeAddress) -> None:
        if change.customer_id.isdecimal():
            try:
                await self._client.put(f"customers/{change.customer_id}", {"shipping": _shipping(change.address)})
            except Refused as refusal:
                raise CannotDo("change_address") from refusal
            self._seen.pop(f"customer:{change.customer_id}", None)

    async def _give_back(
        self,
        order: WooOrder,
        refunds: Sequence[WooRefund],
        plan: RefundPlan,
        lines: Sequence[LineQuantity],
        key: str,
        reason: str,
    ) -> None:
        """Refund through the payment provider; where that has no such function, note that somebody must do it."""
        if any(_is_marked(refund.meta_data, key) for refund in refunds):
            return
        if plan.to.kind is PaymentKind.GIFT_CARD and order.payment_method != plan.to.id:
            raise CannotDo("refund")  # WooCommerce itself has no gift cards
        owned = {str(line.id): line for line in order.line_items}
        items: list[dict[str, Any]] = []
        for part in lines:
            line = owned[part.line_id]
            share = Decimal(part.quantity) / line.quantity
            items.append(
                {
                    "id": line.id,
                    "quantity": part.quantity,
                    "refund_total": _decimal(round(line.total * share)),
                    "refund_tax": [
                        {"id": tax["id"], "refund_total": _decimal(round(_tax_cents(tax) * share))}
                        for tax in line.taxes
                    ],
                }
            )
        body: dict[str, Any] = {
            "amount": plan.amount.amount,
            "reason": reason,
            "meta_data": [{"key": _mark(key), "value": "1"}],
            "line_items": items,
        }
        try:
            await self._client.post(f"orders/{order.id}/refunds", {**body, "api_refund": True})
        except Refused as refusal:
            if refusal.code != "woocommerce_rest_cannot_create_order_refund":
                raise
            # The refund exists then in WooCommerce's books, and a person moves the money; the order's note says so.
            log.warning("the payment provider of order %s takes no refunds: %s", order.number, refusal.message)
            await self._client.post(f"orders/{order.id}/refunds", {**body, "api_refund": False})

    async def _mark(self, order: WooOrder, key: str, change: dict[str, Any]) -> None:
        """Change an order and note under which key, in one call."""
        await self._client.put(f"orders/{order.id}", {**change, "meta_data": [{"key": _mark(key), "value": "1"}]})

    # -- reading into the mirror

    async def _recent(self, number: str) -> WooOrder | None:
        """Return an order as WooCommerce had it a moment ago: one turn asks for it several times."""
        key = normal_number(number)
        at, order = self._orders.get(key, (float("-inf"), None))
        if time.monotonic() - at >= self._fresh_s:
            order = await self.fetch(number)
            self._orders[key] = (time.monotonic(), order)
            while len(self._orders) > MOST_ORDERS:
                self._orders.popitem(last=False)
        return order

    async def fetch(self, number: str) -> WooOrder | None:
        """Return an order as WooCommerce has it now."""
        key = normal_number(number)
        if self._by_number:
            found = await self._client.pages("orders", 20, search=number.strip())
        else:
            digits = key if key.isdecimal() else ""
            data = await self._client.get(f"orders/{digits or 0}")
            found = [data] if data is not None else []
        orders = [order for order in map(_order, found) if normal_number(order.number) == key and order.is_real]
        return orders[0] if orders else None

    async def _refunds(self, order: WooOrder) -> list[WooRefund]:
        if not order.refunds:
            return []
        found = await self._client.pages(f"orders/{order.id}/refunds")
        return [_parsed(WooRefund.model_validate, data) for data in found]

    async def _keep(self, orders: Sequence[WooOrder]) -> None:
        refunds = await asyncio.gather(*map(self._refunds, orders))
        await self._mirror.put([part for pair in zip(orders, refunds, strict=True) for part in await self._read(*pair)])

    async def _put(self, order: WooOrder, refunds: Sequence[WooRefund]) -> None:
        await self._mirror.put(await self._read(order, refunds))

    async def _read(self, order: WooOrder, refunds: Sequence[WooRefund]) -> list[Document]:
        """Return an order as our documents, with its customer if they are new."""
        documents: list[Document] = []
        if await self._mirror.customer(_owner(order)) is None:
            documents.append(_parsed(customer_of, order))
        documents.append(_parsed(order_of, order, refunds, self._states, self._transit, self._clock()))
        return documents

    async def _keep_product(self, product: WooProduct) -> None:
        variations = []
        if product.variations:
            found = await self._client.pages(f"products/{product.id}/variations")
            variations = [_parsed(WooVariation.model_validate, data) for data in found]
        await self._mirror.put([_parsed(product_of, product, variations, self._currency)])

    def _is_fresh(self, key: str, seconds: float) -> bool:
        return time.monotonic() - self._seen.get(key, float("-inf")) < seconds

    def _note(self, key: str) -> None:
        self._seen[key] = time.monotonic()
        self._seen.move_to_end(key)
        while len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)


class OrderNotes:
    """Tells the shop's people in WooCommerce what was done in the chat: a private note on the order."""

    def __init__(self, shop: WooShop, client: WooClient) -> None:
        self._shop = shop
        self._client = client

    async def tell(self, event: ShopEvent) -> None:
        """Add the note, unless it is there."""
        try:
            order = await self._shop.fetch(event.order_number)
            if order is None:
                raise CannotTell("the order is gone", final=True)
            path = f"orders/{order.id}/notes"
            notes = await self._client.get(path, type="internal")  # all of them: this list has no pages
            if any(event.id in str(note.get("note")) for note in notes or ()):
                return
            await self._client.post(path, {"note": _note_text(event), "customer_note": False})
        except ShopUnavailable as error:
            raise CannotTell(error.message) from error
        except Refused as refusal:
            raise CannotTell(str(refusal), final=refusal.status < 500) from refusal

    async def close(self) -> None:
        """Nothing of its own to close."""


def _note_text(event: ShopEvent) -> str:
    """What a colleague has to know, in words that need no translation, and the event's id."""
    words = [f"Zusage: {event.operation}"]
    if number := event.applied.get("number"):
        words.append(str(number))
    for key in ("lines", "reason", "claim_kind", "wish", "description", "drop_off", "hand_in_by"):
        value = event.change.get(key)
        if isinstance(value, list):
            value = ", ".join(
                f"{part['quantity']} x line {part['line_id']}" + (f" ({part['reason']})" if part.get("reason") else "")
                for part in value
            )
        if value:
            words.append(f"{key}: {value}")
    if refund := event.change.get("refund"):
        words.append(f"refund: {refund['amount']['amount']} {refund['amount']['currency']}")
    return "\n".join(words) + f"\n[{event.id}]"


def _order(data: dict[str, Any]) -> WooOrder:
    return _parsed(WooOrder.model_validate, data)


def _parsed[T, **P](read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Read something; what cannot be read is like no answer."""
    try:
        return read(*args, **kwargs)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        log.error("WooCommerce answered something that cannot be read: %s", type(error).__name__)
        raise ShopUnavailable("WooCommerce answered something that cannot be read") from error


def _owner(order: WooOrder) -> str:
    return guest_key(order.billing.email) if order.customer_id == 0 else str(order.customer_id)


def _mark(key: str) -> str:
    return MARK + blake2b(key.encode(), digest_size=16).hexdigest()


def _is_marked(meta: Sequence[Any], key: str) -> bool:
    return any(entry.key == _mark(key) for entry in meta)


def _carried_out(order: WooOrder, refunds: Sequence[WooRefund], key: str) -> bool:
    """Whether an earlier try of the same change got through, at least in part: then it is finished now."""
    return _is_marked(order.meta_data, key) or any(_is_marked(refund.meta_data, key) for refund in refunds)


def _kept(line_id: int, quantity: int, refunds: Sequence[WooRefund]) -> int:
    gone = sum(abs(line.quantity) for refund in refunds for line in refund.line_items if line.refunded_line == line_id)
    return quantity - gone


def _shipping(address: Address) -> dict[str, str]:
    first, _, last = address.name.rpartition(" ")
    return {
        "first_name": first,
        "last_name": last,
        "address_1": address.street,
        "address_2": address.extra or "",
        "postcode": address.postcode,
        "city": address.city,
        "country": address.country,
    }


def _tax_cents(tax: dict[str, Any]) -> int:
    return round(Decimal(str(tax.get("total") or 0)) * 100)


def _decimal(cents: int) -> str:
    return f"{Decimal(cents) / 100:.2f}"
