"""WooCommerce itself: what it calls things, what goes wrong with it, and what it has no place for."""

import asyncio
import logging
from datetime import timedelta

import pytest

from bot.shop.backend import CannotDo, ShopUnavailable
from bot.shop.models import PaymentStatus, RefundStatus, ShipmentStatus, Stage
from bot.shop.woocommerce.shop import OrderNotes
from bot.shop_push import ShopPush
from tests.bot.shop.conformance.conftest import NOW, woo_shop
from tests.bot.shop.conformance.test_every_backend import cancel, everything, send_back, whole
from tests.woocommerce_double import Fault, line

PHP_NOTICE = b"<br /><b>Notice</b>: Undefined index in plugin.php on line 3<br />[]"
ANY = "GET orders/727"


@pytest.fixture
async def shop(database, double):
    async with woo_shop(database, double) as shop:
        yield shop


class TestFaults:
    @pytest.mark.parametrize(
        "fault",
        [
            Fault(500),
            Fault(502, b"<html>Bad Gateway</html>"),
            Fault(503, b"", {"retry-after": "0"}),
            Fault(429, b"", {"retry-after": "0"}),
            Fault(200, PHP_NOTICE),
            Fault(200, b'{"id": 727, "number": "7'),
            Fault(200, b""),
        ],
        ids=lambda fault: f"{fault.status} {fault.body[:12]!r}",
    )
    async def test_what_passes_is_not_noticed(self, shop, double, fault):
        double.faults = [fault]
        assert (await whole(shop, "727")).number == "727"
        assert double.calls.count(ANY) == 2

    @pytest.mark.parametrize(
        "faults",
        [
            [Fault(500) for _ in range(50)],
            [Fault(200, PHP_NOTICE) for _ in range(50)],
            [Fault(429, b"", {"retry-after": "3600"})],
            [Fault(429, b"", {"retry-after": "Wed, 11 Nov 2037 10:00:00 GMT"})],
            [Fault(None, waits_s=30)],
        ],
        ids=["always 500", "always nonsense", "come back in an hour", "come back in years", "never answers"],
    )
    async def test_what_does_not_pass_is_said_in_time(self, database, double, faults):
        """Within the deadline: the customer hears that the order system is away, not nothing."""
        double.faults = faults
        async with woo_shop(database, double, deadline_s=1.0) as shop:
            with pytest.raises(ShopUnavailable):
                await asyncio.wait_for(shop.order("727"), 20)

    async def test_nobody_there(self, database, double):
        async with woo_shop(database, double, deadline_s=1.0) as shop:
            shop._client._client.base_url = "http://127.0.0.1:9/wp-json/wc/v3/"
            with pytest.raises(ShopUnavailable):
                await shop.order("727")

    async def test_when_it_asks_to_be_left_alone_it_is(self, database, double):
        double.faults = [Fault(429, b"", {"retry-after": "3600"})]
        async with woo_shop(database, double, deadline_s=1.0) as shop:
            for _ in range(3):
                with pytest.raises(ShopUnavailable):
                    await shop.order("727")
        assert len(double.calls) == 1

    @pytest.mark.parametrize("status", [401, 403])
    async def test_wrong_keys_are_no_missing_order(self, shop, double, caplog, status):
        body = b'{"code":"woocommerce_rest_cannot_view","message":"Sorry.","data":{"status":401}}'
        double.faults = [Fault(status, body)]
        with caplog.at_level(logging.ERROR), pytest.raises(ShopUnavailable):
            await shop.order("727")
        assert "Check ZUSAGE_WOOCOMMERCE_URL, _KEY and _SECRET" in caplog.text

    async def test_nor_is_a_wrong_address(self, shop, double):
        double.faults = [Fault(404, b'{"code":"rest_no_route","message":"No route","data":{"status":404}}')]
        with pytest.raises(ShopUnavailable):
            await shop.order("727")

    async def test_an_order_that_is_not_one_is_no_answer(self, shop, double):
        double.orders[727]["total"] = "viel"
        with pytest.raises(ShopUnavailable):
            await shop.order("727")

    async def test_it_is_away_for_the_operations_too(self, shop, double):
        """The operation says so, the turn is tried again later, and no attempt is counted against the customer."""
        double.faults = [Fault(401, b"{}") for _ in range(2)]
        with pytest.raises(ShopUnavailable):
            await shop.proof("727")
        with pytest.raises(ShopUnavailable):
            await shop.customer_by_email("jana@example.org")


class TestProofs:
    async def test_unknown_and_known_take_one_call_each(self, shop, double):
        await shop.proof("727")
        await shop.proof("999")
        assert double.calls == ["GET orders/727", "GET orders/999"]

    async def test_one_turn_asks_once(self, shop, double):
        await shop.proof("727")
        await whole(shop, "727")
        await whole(shop, "727")
        assert double.calls.count(ANY) == 1

    async def test_numbers_of_a_plugin_are_searched(self, database, double):
        double.add_order(4711, number="LM-2026-0815")
        async with woo_shop(database, double, by_number=True) as shop:
            assert (await whole(shop, "LM-2026-0815")).number == "LM-2026-0815"
            assert await shop.order("4711") is None
            assert await shop.order("LM-2026-08") is None

    async def test_orders_without_a_customer_are_nobodys(self, shop, double):
        double.orders[727]["billing"]["email"] = ""
        double.orders[728]["status"] = "checkout-draft"
        assert await shop.proof("727") is None
        assert await shop.order("728") is None


class TestReading:
    async def test_more_than_a_page(self, shop, double):
        for number in range(1000, 1130):
            double.add_order(number, date_created_gmt=f"2026-10-{number % 28 + 1:02}T10:00:00")
        assert len(await shop.orders_of("26", 125)) == 125
        assert double.calls.count("GET orders") == 2

    async def test_guests_are_one_person_by_their_address(self, shop, double):
        for number in (800, 801):
            double.add_order(number, customer_id=0)
            double.orders[number]["billing"]["email"] = "gast@example.org"
        order = await whole(shop, "800")
        customer = await shop.customer(order.customer_id)
        assert (customer.guest, customer.email) == (True, "gast@example.org")
        assert {entry.number for entry in await shop.orders_of(order.customer_id, 5)} == {"800", "801"}
        assert (await shop.customer_by_email("gast@example.org")).id == order.customer_id

    async def test_a_completed_order_arrives_some_days_later(self, shop, double):
        double.orders[720]["date_completed_gmt"] = (NOW - timedelta(days=1)).replace(tzinfo=None).isoformat()
        assert (await whole(shop, "720")).stage is Stage.SHIPPED

    async def test_parcels_of_the_tracking_plugins(self, shop, double):
        double.orders[727]["meta_data"] = [
            {
                "id": 1,
                "key": "_wc_shipment_tracking_items",
                "value": [
                    {
                        "tracking_provider": "dhl",
                        "custom_tracking_provider": "",
                        "custom_tracking_link": "javascript:alert(1)",
                        "tracking_number": "00340434",
                        "date_shipped": "1762819200",
                        "tracking_id": "a1",
                    }
                ],
            }
        ]
        order = await whole(shop, "727")
        assert order.stage is Stage.SHIPPED
        (parcel,) = order.shipments
        assert (parcel.carrier, parcel.tracking_number, parcel.status) == ("dhl", "00340434", ShipmentStatus.IN_TRANSIT)
        assert parcel.tracking_url is None

    async def test_coupons_taken_off_and_options_of_a_line(self, shop, double):
        order = double.orders[727]
        order["line_items"] = [
            line(
                315,
                "RJ-M",
                "Regenjacke Sylt",
                1,
                "149.00",
                total="117.65",
                total_tax="22.35",
                meta_data=[
                    {"id": 1, "key": "pa_groesse", "value": "m", "display_key": "Größe", "display_value": "M"},
                    {"id": 2, "key": "_reduced_stock", "value": "1"},
                ],
            )
        ]
        order["total"] = "144.90"
        read = await whole(shop, "727")
        assert (read.lines[0].variant, read.lines[0].price.amount, read.discount.amount) == ("M", "149.00", "9.00")
        assert read.payment.amount.amount == "144.90"

    async def test_a_coupon(self, shop, double):
        double.coupons = [
            {
                "id": 1,
                "code": "herbst10",
                "discount_type": "percent",
                "amount": "10.00",
                "date_expires": "2026-12-01T00:00:00",
                "usage_limit": 100,
                "usage_count": 99,
                "minimum_amount": "50.00",
            }
        ]
        voucher = await shop.voucher("Herbst10")
        assert (voucher.code, voucher.kind, voucher.percent, voucher.uses_left) == ("HERBST10", "percent", 10, 1)
        assert voucher.min_total.amount == "50.00"
        assert voucher.valid_until.isoformat() == "2026-11-30"

    async def test_news_from_the_shop_replace_what_was_read_and_keep_what_hangs_on_it(self, shop, double, database):
        order = await whole(shop, "720")
        await shop.apply(send_back(order), "k1")
        double.orders[720]["shipping"]["city"] = "Husum"
        async with woo_shop(database, double) as another:
            after = await whole(another, "720")
        assert after.shipping_address.city == "Husum"
        assert len(after.returns) == 1


class TestChangesInTheShop:
    async def test_orders_that_were_asked_for_are_read_again(self, shop, double, database):
        await whole(shop, "727")
        for number in (727, 728):
            double.orders[number] |= {"status": "cancelled", "date_modified_gmt": "2026-11-11T09:20:00"}
        assert await shop.read_changes() == 1
        assert (await shop._mirror.order("727")).stage is Stage.CANCELLED
        assert await shop._mirror.order("728") is None

    async def test_what_did_not_change_is_not_read(self, shop, double):
        await whole(shop, "727")
        await shop.read_changes()
        double.calls.clear()
        assert await shop.read_changes() == 0
        assert double.calls == ["GET orders"]


class TestChanging:
    async def test_a_refund_goes_the_way_the_money_came(self, shop, double):
        order = await whole(shop, "727")
        await shop.apply(cancel(order, {"316": 1}, 1900), "k1")
        (refund,) = double.refunds[727]
        assert refund["refunded_payment"] is True
        (entry,) = (await whole(shop, "727")).refunds
        assert entry.status is RefundStatus.ISSUED

    async def test_where_the_gateway_gives_nothing_back_a_person_does(self, shop, double):
        double.gateway_refunds = False
        order = await whole(shop, "727")
        await shop.apply(cancel(order, everything(order), 19190), "k1")
        after = await whole(shop, "727")
        assert after.stage is Stage.CANCELLED
        assert [entry.status for entry in after.refunds] == [RefundStatus.PENDING]
        assert after.payment.status is PaymentStatus.REFUNDED

    @pytest.mark.parametrize(
        "fault",
        [
            Fault(500, after=True, on="POST orders/727/refunds"),
            Fault(504, b"", after=True, on="POST orders/727/refunds"),
            Fault(200, PHP_NOTICE, after=True, on="POST orders/727/refunds"),
            Fault(500, after=True, on="GET orders/727"),
        ],
        ids=["500", "504", "nonsense", "away afterwards"],
    )
    async def test_an_answer_that_got_lost_gives_no_second_refund(self, shop, double, fault):
        order = await whole(shop, "727")
        change = cancel(order, {"316": 1}, 1900)
        double.faults = [fault]
        try:
            await shop.apply(change, "k1")
        except ShopUnavailable:
            await shop.apply(change, "k1")  # the turn runs again
        assert [refund["amount"] for refund in double.refunds[727]] == ["19.00"]
        after = await whole(shop, "727")
        assert {entry.id: entry.kept for entry in after.lines} == {"315": 1, "316": 1}
        assert [entry.operation for entry in after.done] == ["cancel_order"]

    async def test_cut_off_between_refund_and_cancellation_it_is_finished(self, shop, double):
        order = await whole(shop, "727")
        change = cancel(order, everything(order), 18690)  # a fee of 5.00 stays
        double.faults = [Fault(500, on="PUT orders/727")]
        with pytest.raises(ShopUnavailable):
            await shop.apply(change, "k1")
        assert double.orders[727]["status"] == "processing"
        await shop.apply(change, "k1")
        assert double.orders[727]["status"] == "cancelled"
        assert len(double.refunds[727]) == 1
        assert (await whole(shop, "727")).stage is Stage.CANCELLED

    async def test_what_somebody_changed_in_the_shop_meanwhile_counts(self, shop, double):
        from bot.shop.backend import Stale

        order = await whole(shop, "727")
        double.orders[727]["status"] = "completed"
        double.orders[727]["date_completed_gmt"] = "2026-11-11T09:00:00"
        with pytest.raises(Stale):
            await shop.apply(cancel(order, everything(order), 19190), "k1")
        assert 727 not in double.refunds

    async def test_what_it_cannot_do_is_left_alone(self, shop, double):
        from bot.shop.changes import ChangePayment
        from bot.shop.models import PaymentKind, PaymentOption
        from bot.shop.money import Money

        order = await whole(shop, "728")
        change = ChangePayment(
            order_number="728",
            version=order.version,
            operation="change_payment_method",
            at=NOW,
            to=PaymentOption(id="paypal", kind=PaymentKind.PAYPAL, label="PayPal"),
            amount=Money(cents=19190),
            status=PaymentStatus.OPEN,
        )
        with pytest.raises(CannotDo):
            await shop.apply(change, "k1")
        assert "change_payment_method" not in shop.abilities

    async def test_colleagues_read_in_the_order_what_was_done_in_the_chat(self, shop, double, database, clock):
        order = await whole(shop, "720")
        applied = await shop.apply(send_back(order), "k1")
        push = ShopPush(database, OrderNotes(shop, shop._client), clock)
        double.faults = [Fault(500, after=True, on="POST orders/720/notes")]
        await push.tell_due()
        clock.forward(minutes=2)
        await push.tell_due()
        (note,) = double.notes[720]
        assert applied.number in note["note"]
        assert "1 x line 315 (too_small)" in note["note"]
        assert note["customer_note"] is False
