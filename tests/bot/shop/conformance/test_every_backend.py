"""What bot/shop/backend.py asks of a shop system. Every backend passes all of it."""

import asyncio
from datetime import date

import pytest

from bot.shop.backend import Stale
from bot.shop.changes import (
    CancelLines,
    ChangeAddress,
    FileRequest,
    OpenClaim,
    OpenReturn,
    RecordWithdrawal,
    RefundPlan,
    SetNewsletter,
    WatchStock,
)
from bot.shop.models import (
    Address,
    ClaimKind,
    Label,
    LineQuantity,
    Order,
    PaymentKind,
    PaymentOption,
    PaymentStatus,
    RefundOrigin,
    ReturnKind,
    ReturnLine,
    Stage,
)
from bot.shop.money import Money
from tests.bot.shop.conformance.conftest import NOW

EURO = Money(cents=0)
NEW_ADDRESS = Address(name="Jana Müller", street="Weg 1", postcode="22765", city="Hamburg")


def refund(cents: int) -> RefundPlan:
    to = PaymentOption(id="paypal", kind=PaymentKind.PAYPAL, label="PayPal")
    return RefundPlan(
        amount=Money(cents=cents), to=to, origin=RefundOrigin.CANCELLATION, expected_on=date(2026, 11, 20), at_once=True
    )


async def whole(shop, number: str) -> Order:
    order = await shop.order(number)
    assert order is not None
    return order


def cancel(order: Order, lines: dict[str, int], cents: int | None) -> CancelLines:
    return CancelLines(
        order_number=order.number,
        version=order.version,
        operation="cancel_order",
        at=NOW,
        lines=tuple(LineQuantity(line_id=key, quantity=count) for key, count in lines.items()),
        reason="no_longer_needed",
        fee=EURO,
        refund=refund(cents) if cents else None,
    )


def everything(order: Order) -> dict[str, int]:
    return {line.id: line.kept for line in order.lines if line.kept}


def send_back(order: Order) -> OpenReturn:
    return OpenReturn(
        order_number=order.number,
        version=order.version,
        operation="create_return",
        at=NOW,
        return_kind=ReturnKind.RETURN,
        lines=(ReturnLine(line_id="315", quantity=1, reason="too_small"),),
        drop_off="service_point",
        label=Label(kind="qr"),
        carrier="dhl",
        hand_in_by=date(2026, 11, 25),
        refund=refund(14900),
    )


class TestFinding:
    @pytest.mark.parametrize("spelling", ["727", " 727 ", "# 727"])
    async def test_an_order_is_found_however_its_number_is_written(self, shop, spelling):
        assert (await whole(shop, spelling)).number == "727"
        assert (await shop.proof(spelling)).number == "727"

    @pytest.mark.parametrize("number", ["999", "7270", "27", "LM-727", "", "'; --", "../customers/26"])
    async def test_what_is_not_there_is_not_there(self, shop, number):
        assert await shop.order(number) is None
        assert await shop.proof(number) is None

    async def test_a_proof_has_what_a_customer_can_know(self, shop):
        proof = await shop.proof("727")
        assert proof.emails >= {"jana@example.org"}
        assert proof.postcodes == {"20257"}
        assert proof.customer_id == (await whole(shop, "727")).customer_id
        assert proof.language == "de"

    async def test_an_order_is_whole(self, shop):
        order = await whole(shop, "727")
        assert order.stage is Stage.PROCESSING
        assert [(line.id, line.sku, line.quantity, line.price.amount) for line in order.lines] == [
            ("315", "RJ-M", 1, "149.00"),
            ("316", "WS-3", 2, "19.00"),
        ]
        assert order.shipping_cost.amount == "4.90"
        assert order.discount.amount == "0.00"
        assert order.shipping_address.postcode == "20257"
        assert (order.payment.kind, order.payment.status) == (PaymentKind.PAYPAL, PaymentStatus.PAID)
        assert order.payment.amount.amount == "191.90"
        assert order.placed_at.isoformat() == "2026-11-09T16:28:02+00:00"

    async def test_stages_are_ours(self, shop):
        assert (await whole(shop, "728")).stage is Stage.AWAITING_PAYMENT
        assert (await whole(shop, "728")).payment.status is PaymentStatus.OPEN
        delivered = await whole(shop, "720")
        assert delivered.stage is Stage.DELIVERED
        assert delivered.delivered_at.date() == date(2026, 11, 6)

    async def test_a_customers_orders_newest_first(self, shop):
        owner = (await whole(shop, "727")).customer_id
        assert [order.number for order in await shop.orders_of(owner, 10)] == ["728", "727", "720"]
        assert [order.number for order in await shop.orders_of(owner, 2)] == ["728", "727"]
        assert await shop.orders_of("no-such", 10) == []

    async def test_customers(self, shop):
        customer = await shop.customer_by_email(" JANA@example.org")
        assert (customer.id, customer.name, customer.guest) == ("26", "Jana Müller", False)
        assert customer.addresses[0].street == "Lindenstraße 4"
        assert (await shop.customer("26")).email.lower() == "jana@example.org"
        assert await shop.customer("4711") is None
        assert await shop.customer_by_email("nobody@example.org") is None

    async def test_products(self, shop):
        product = await shop.product_of("RJ-L")
        assert (product.id, product.category) == ("93", "Jacken")
        assert [(v.sku, v.stock, v.price.amount, v.options) for v in product.variants] == [
            ("RJ-M", 7, "149.00", {"Größe": "M"}),
            ("RJ-L", 0, "149.00", {"Größe": "L"}),
        ]
        assert (await shop.product("93")).name == "Regenjacke Sylt"
        assert await shop.product_of("nothing") is None
        assert await shop.product("999") is None

    async def test_products_by_words(self, shop):
        found = await shop.search_products("Habt ihr die Regenjacke Sylt?", None, 5)
        assert found[0].product.id == "93"
        assert 0 < found[0].score <= 1
        assert await shop.search_products("Fahrradschlauch", None, 5) == []

    async def test_unknown_vouchers(self, shop):
        assert await shop.voucher("NOSUCH") is None


class TestCancelling:
    async def test_a_paid_order_as_a_whole(self, shop):
        order = await whole(shop, "727")
        await shop.apply(cancel(order, everything(order), 19190), "k1")
        after = await whole(shop, "727")
        assert after.stage is Stage.CANCELLED
        assert sum(entry.amount.cents for entry in after.refunds) == 19190
        assert all(line.kept == 0 for line in after.lines)

    async def test_an_order_that_nobody_paid(self, shop):
        order = await whole(shop, "728")
        await shop.apply(cancel(order, everything(order), None), "k1")
        after = await whole(shop, "728")
        assert after.stage is Stage.CANCELLED
        assert after.refunds == ()
        assert after.payment.status is PaymentStatus.VOID

    async def test_one_line_of_a_paid_order(self, shop):
        order = await whole(shop, "727")
        await shop.apply(cancel(order, {"316": 2}, 3800), "k1")
        after = await whole(shop, "727")
        assert {line.id: line.kept for line in after.lines} == {"315": 1, "316": 0}
        assert after.stage is Stage.PROCESSING
        assert [entry.amount.cents for entry in after.refunds] == [3800]

    async def test_one_piece_of_an_order_that_nobody_paid(self, shop):
        order = await whole(shop, "728")
        await shop.apply(cancel(order, {"316": 1}, None), "k1")
        after = await whole(shop, "728")
        assert {line.id: line.kept for line in after.lines} == {"315": 1, "316": 1}
        assert after.stage is Stage.AWAITING_PAYMENT

    async def test_it_counts_as_done(self, shop):
        order = await whole(shop, "727")
        await shop.apply(cancel(order, {"316": 1}, 1900), "k1")
        assert [entry.operation for entry in (await whole(shop, "727")).done] == ["cancel_order"]


class TestOtherChanges:
    async def test_another_address(self, shop):
        order = await whole(shop, "727")
        change = ChangeAddress(
            order_number=order.number,
            version=order.version,
            operation="change_delivery_address",
            at=NOW,
            customer_id=order.customer_id,
            address=NEW_ADDRESS,
            make_default=True,
        )
        await shop.apply(change, "k1")
        assert (await whole(shop, "727")).shipping_address.street == "Weg 1"
        assert (await whole(shop, "728")).shipping_address.street == "Lindenstraße 4"
        assert (await shop.customer(order.customer_id)).addresses[0].street == "Weg 1"

    async def test_a_return(self, shop):
        order = await whole(shop, "720")
        applied = await shop.apply(send_back(order), "k1")
        after = await whole(shop, "720")
        assert [entry.number for entry in after.returns] == [applied.number]
        assert after.returns[0].label.reference == applied.label.reference
        assert after.returns[0].refund_amount.cents == 14900
        assert after.stage is Stage.DELIVERED

    async def test_a_claim(self, shop):
        order = await whole(shop, "720")
        change = OpenClaim(
            order_number=order.number,
            version=order.version,
            operation="claim_item",
            at=NOW,
            claim_kind=ClaimKind.DAMAGED,
            lines=(LineQuantity(line_id="316", quantity=1),),
            wish="refund",
            description="Loch",
            answer_by=date(2026, 11, 13),
        )
        applied = await shop.apply(change, "k1")
        claims = (await whole(shop, "720")).claims
        assert [(claim.number, claim.kind, claim.description) for claim in claims] == [
            (applied.number, ClaimKind.DAMAGED, "Loch")
        ]

    async def test_what_belongs_to_no_order(self, shop):
        owner = (await whole(shop, "727")).customer_id
        asked = await shop.apply(
            FileRequest(request="access", customer_id=owner, answer_by=date(2026, 12, 11), at=NOW), "k1"
        )
        assert await shop.open_request(owner, "access") == (asked.number, "2026-12-11")
        assert await shop.open_request(owner, "erasure") is None
        declared = await shop.apply(
            RecordWithdrawal(name="Jana", contract="727", receipt_to="jana@example.org", at=NOW), "k2"
        )
        assert declared.number
        await shop.apply(WatchStock(sku="RJ-L", email="jana@example.org", language="de", at=NOW), "k3")
        await shop.apply(SetNewsletter(email="jana@example.org", subscribe=True, language="de", at=NOW), "k4")


class TestOnce:
    async def test_the_same_key_changes_nothing_again(self, shop):
        order = await whole(shop, "720")
        first = await shop.apply(send_back(order), "k1")
        assert await shop.applied("k1") == first
        assert await shop.apply(send_back(order), "k1") == first
        assert len((await whole(shop, "720")).returns) == 1

    async def test_nor_a_cancellation(self, shop):
        order = await whole(shop, "727")
        change = cancel(order, {"316": 1}, 1900)
        await shop.apply(change, "k1")
        await shop.apply(change, "k1")
        after = await whole(shop, "727")
        assert {line.id: line.kept for line in after.lines} == {"315": 1, "316": 1}
        assert [entry.amount.cents for entry in after.refunds] == [1900]

    async def test_what_was_never_done_is_not_known(self, shop):
        assert await shop.applied("never") is None

    async def test_a_plan_on_an_older_version_is_refused(self, shop):
        order = await whole(shop, "720")
        await shop.apply(send_back(order), "k1")
        with pytest.raises(Stale):
            await shop.apply(send_back(order), "k2")
        assert len((await whole(shop, "720")).returns) == 1

    async def test_two_at_once_are_one_after_the_other(self, shop):
        order = await whole(shop, "720")
        outcomes = await asyncio.gather(
            shop.apply(send_back(order), "k1"), shop.apply(send_back(order), "k2"), return_exceptions=True
        )
        assert sum(isinstance(outcome, Stale) for outcome in outcomes) == 1
        assert len((await whole(shop, "720")).returns) == 1

    async def test_looking_again_changes_no_version(self, shop):
        assert (await whole(shop, "727")).version == (await whole(shop, "727")).version
