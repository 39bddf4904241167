"""Sending goods back: period, quantities, drop-off, label, refund."""

import pytest

from bot.shop.models import ReturnStatus, Status
from bot.shop.order_state import status_of
from tests.bot.shop.conftest import desk_of, policies_of


class TestCreateReturn:
    async def test_a_preview_says_how_and_when(self, desk):
        order = await desk.proven("delivered")
        data = await desk.done("create_return", order_number=order.number, dry=True)
        assert data["number"] is None
        assert data["label"] == {"kind": "qr", "reference": None, "url": None}
        assert data["drop_off"] == "service_point"
        assert data["carrier"] == "dhl"
        assert data["hand_in_by"] == "2026-11-25"
        assert data["cost"]["amount"] == "0.00"
        assert data["refund"]["after"] == "receipt"
        # Handed in on the last day, three working days on its way, five until the money is back.
        assert data["refund"]["expected_on"] == "2026-12-07"
        assert (await desk.now(order)).returns == ()

    async def test_the_return_is_there_with_a_label_reference(self, desk):
        order = await desk.proven("delivered")
        line = order.lines[0]
        data = await desk.done(
            "create_return",
            order_number=order.number,
            lines=[{"line_id": line.id, "quantity": 1, "reason": "too_small"}],
            drop_off="parcel_locker",
        )
        (entry,) = (await desk.now(order)).returns
        assert entry.number == data["number"]
        assert entry.label.reference == data["label"]["reference"]
        assert entry.label.reference
        assert entry.status is ReturnStatus.REQUESTED
        assert entry.drop_off == "parcel_locker"
        assert [(part.line_id, part.quantity, part.reason) for part in entry.lines] == [(line.id, 1, "too_small")]
        view = await desk.done("order", order_number=order.number)
        assert view["status"] == "return_requested"
        assert view["returns"][0]["label"]["reference"] == data["label"]["reference"]

    async def test_the_same_turn_again_makes_no_second_return(self, desk):
        order = await desk.proven("delivered")
        first = await desk.call("create_return", order_number=order.number, turn="t-same")
        assert await desk.call("create_return", order_number=order.number, turn="t-same") == first
        assert len((await desk.now(order)).returns) == 1

    async def test_the_refund_is_what_was_paid_for_these_pieces(self, desk):
        order = next(
            order for which in range(44) if (order := desk.sample("delivered", which)).discount and not order.returns
        )
        await desk.prove(order)
        data = await desk.done("create_return", order_number=order.number, dry=True)
        assert data["refund"]["amount"]["amount"] == (order.subtotal - order.discount).amount
        assert data["discount_lost"]["amount"] == order.discount.amount

    async def test_collection_at_home_has_a_day_a_paper_label_and_a_price(self, desk):
        order = await desk.proven("delivered")
        data = await desk.done("create_return", order_number=order.number, drop_off="collection", dry=True)
        assert data["pickup_on"] == "2026-11-12"
        assert data["label"]["kind"] == "pdf"
        assert data["cost"]["amount"] == "4.90"
        code, params = await desk.denied(
            "create_return", order_number=order.number, drop_off="collection", pickup_on="2026-11-15", dry=True
        )
        assert code == "day_unavailable"  # a Sunday
        assert params["days"][0] == "2026-11-12"

    async def test_an_unpaid_invoice_gets_smaller_instead(self, desk):
        order = await desk.proven("delivered_invoice")
        data = await desk.done("create_return", order_number=order.number, dry=True)
        assert data["refund"] is None
        assert data["credit"]["amount"] == (order.subtotal - order.discount).amount


class TestDenials:
    async def test_not_there_yet(self, desk):
        order = await desk.proven("in_transit")
        code, params = await desk.denied("create_return", order_number=order.number)
        assert code == "not_delivered"
        assert params["expected_on"] == order.expected_on.isoformat()
        assert params["cancel_possible"] is False

    async def test_not_even_dispatched(self, desk):
        order = await desk.proven("processing")
        code, params = await desk.denied("create_return", order_number=order.number)
        assert (code, params["cancel_possible"]) == ("not_delivered", True)

    async def test_too_late(self, desk):
        order = await desk.proven("period_over")
        code, params = await desk.denied("create_return", order_number=order.number)
        assert code == "period_over"
        assert params["days"] == 30
        assert params["until"] < "2026-11-11"

    async def test_the_last_day_counts(self, desk):
        order = await desk.proven("delivered")
        view = await desk.done("order", order_number=order.number)
        until = desk.calendar.end_of(desk.clock.now.date().fromisoformat(view["lines"][0]["returnable"]["until"]))
        desk.clock.now = until
        await desk.prove(order)
        await desk.done("create_return", order_number=order.number, dry=True)
        desk.clock.forward(seconds=1)
        assert (await desk.denied("create_return", order_number=order.number, dry=True))[0] == "period_over"

    async def test_sent_back_before(self, desk):
        order = await desk.proven("refunded")
        code, params = await desk.denied("create_return", order_number=order.number)
        assert (code, params["number"]) == ("already_returned", order.returns[0].number)

    async def test_goods_that_cannot_go_back(self, desk):
        order = await desk.proven("delivered_not_returnable")
        line = next(line for line in order.lines if line.category in {"Tee", "Geschenkkarten"} or line.not_returnable)
        code, params = await desk.denied("create_return", order_number=order.number, lines=[{"line_id": line.id}])
        assert (code, params["line_id"]) == ("not_returnable", line.id)

    async def test_more_than_there_is_also_in_two_halves(self, desk):
        order = await desk.proven("delivered")
        line = order.lines[0]
        too_many = [{"line_id": line.id, "quantity": line.quantity + 1}]
        code, params = await desk.denied("create_return", order_number=order.number, lines=too_many)
        assert (code, params["available"]) == ("quantity_too_high", line.quantity)
        twice = [{"line_id": line.id, "quantity": line.quantity}, {"line_id": line.id, "quantity": 1}]
        assert (await desk.denied("create_return", order_number=order.number, lines=twice))[0] == "quantity_too_high"

    @pytest.mark.parametrize(
        ("wish", "code", "options"),
        [
            ({"drop_off": "parcel_locker", "label": "pdf"}, "label_unavailable", ["qr"]),
            ({"refund_to": "gift_card"}, "refund_to_unavailable", ["original"]),
        ],
    )
    async def test_what_policy_does_not_offer(self, loaded, shop_data, clock, wish, code, options):
        policies = policies_of(create_return={"refund_to": ("original",)})
        desk = desk_of(loaded, shop_data, policies, clock)
        order = await desk.proven("delivered")
        found, params = await desk.denied("create_return", order_number=order.number, **wish)
        assert (found, params["options"]) == (code, options)

    async def test_a_drop_off_that_policy_does_not_have(self, loaded, shop_data, clock):
        places = policies_of().operations.create_return.drop_offs
        policies = policies_of(create_return={"drop_offs": {"store": places["store"]}})
        desk = desk_of(loaded, shop_data, policies, clock)
        order = await desk.proven("delivered")
        code, params = await desk.denied("create_return", order_number=order.number, drop_off="collection")
        assert (code, params["options"]) == ("drop_off_unavailable", ["store"])

    async def test_once_is_once(self, loaded, shop_data, clock):
        policies = policies_of(create_return={"limit": 1, "limit_with": ("exchange",)})
        desk = desk_of(loaded, shop_data, policies, clock)
        order = await desk.proven("delivered_twice")
        await desk.done("create_return", order_number=order.number, lines=[{"line_id": order.lines[0].id}])
        code, params = await desk.denied(
            "create_return", order_number=order.number, lines=[{"line_id": order.lines[1].id}]
        )
        assert (code, params["limit"]) == ("limit_reached", 1)


class TestStatus:
    async def test_every_situation_shows_its_status(self, desk):
        expected = {
            "return_requested": Status.RETURN_REQUESTED,
            "return_in_transit": Status.RETURN_IN_TRANSIT,
            "return_received": Status.RETURN_RECEIVED,
            "refunded": Status.REFUNDED,
            "partly_returned": Status.DELIVERED,
        }
        for situation, status in expected.items():
            order = await desk.now(desk.sample(situation))
            assert status_of(order, desk.calendar, desk.clock.now) is status

    async def test_an_overdue_refund_is_named(self, desk):
        order = await desk.proven("refund_overdue")
        view = await desk.done("order", order_number=order.number)
        assert [refund["is_overdue"] for refund in view["refunds"]] == [True]
