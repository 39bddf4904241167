"""What went wrong: damaged, wrong and missing goods, parcels, refunds, warranty."""

from datetime import date, timedelta

import pytest

from bot.shop.models import ClaimKind, ClaimStatus, RefundOrigin, ReturnKind
from tests.bot.shop.conftest import desk_of, policies_of
from tests.bot.shop.test_changing import buy_all, stock


def delivered_with(desk, accept):
    """A delivered order whose first line the test can use."""
    for which in range(44):
        order = desk.sample("delivered", which)
        if not order.discount and accept(order.lines[0]):
            return order, order.lines[0]
    raise AssertionError("the demo has no such order")


class TestClaimItem:
    async def test_a_replacement_is_on_its_way_at_once(self, desk):
        order, line = delivered_with(desk, lambda line: line.price.cents * line.quantity <= 12_000)
        await desk.prove(order)
        if await stock(desk, line.sku) < line.quantity:
            pytest.skip("sold out in this demo")
        has = await stock(desk, line.sku)
        data = await desk.done(
            "claim_item",
            order_number=order.number,
            kind="wrong",
            lines=[{"line_id": line.id}],
            wish="replacement",
        )
        assert data["decided"] is True
        after = await desk.now(order)
        (claim,) = after.claims
        assert (claim.number, claim.kind, claim.status) == (data["number"], ClaimKind.WRONG, ClaimStatus.ACCEPTED)
        assert after.shipments[-1].replacement_for == claim.number
        assert after.shipments[-1].expected_on.isoformat() == data["replacement"]["expected_on"]
        assert await stock(desk, line.sku) == has - line.quantity
        assert data["send_back"] is (line.price.cents * line.quantity >= 3000)
        if data["send_back"]:
            assert after.returns[0].kind is ReturnKind.CLAIM
            assert after.returns[0].number == data["return"]["number"]
            assert data["return"]["label"]["reference"] == after.returns[0].label.reference

    async def test_money_back_without_sending_anything(self, desk):
        order, line = delivered_with(desk, lambda line: line.price.cents * line.quantity <= 12_000)
        await desk.prove(order)
        data = await desk.done(
            "claim_item", order_number=order.number, kind="missing", lines=[{"line_id": line.id}], wish="refund"
        )
        assert data["send_back"] is False
        assert data["refund"]["amount"]["amount"] == (line.price * line.quantity).amount
        after = await desk.now(order)
        assert after.refunds[0].origin is RefundOrigin.CLAIM
        assert after.refunds[0].amount == line.price * line.quantity

    async def test_above_the_limit_a_person_looks(self, desk):
        order, line = delivered_with(desk, lambda line: line.price.cents * line.quantity > 12_000)
        await desk.prove(order)
        data = await desk.done(
            "claim_item",
            order_number=order.number,
            kind="damaged",
            lines=[{"line_id": line.id}],
            wish="refund",
            photo="a1b2",
            description="Naht offen",
        )
        assert data["decided"] is False
        assert data["refund"] is None
        assert data["answer_by"] == "2026-11-13"
        after = await desk.now(order)
        assert after.claims[0].status is ClaimStatus.OPEN
        assert (after.claims[0].photo, after.claims[0].description) == ("a1b2", "Naht offen")
        assert after.refunds == ()

    async def test_what_is_asked_for(self, desk):
        order = await desk.proven("delivered")
        lines = [{"line_id": order.lines[0].id}]
        code, params = await desk.denied("claim_item", order_number=order.number, kind="wrong", lines=lines)
        assert (code, params["options"]) == ("wish_needed", ["replacement", "refund"])
        code, _ = await desk.denied("claim_item", order_number=order.number, kind="damaged", lines=lines, wish="refund")
        assert code == "photo_needed"

    async def test_no_replacement_left(self, desk):
        order, line = delivered_with(desk, lambda line: True)
        await desk.prove(order)
        await buy_all(desk, line.sku)
        code, params = await desk.denied(
            "claim_item",
            order_number=order.number,
            kind="wrong",
            lines=[{"line_id": line.id}],
            wish="replacement",
        )
        assert (code, params["refund_possible"]) == ("out_of_stock", True)

    async def test_twice_the_same(self, desk):
        order = await desk.proven("claim_open")
        code, params = await desk.denied(
            "claim_item",
            order_number=order.number,
            kind="wrong",
            lines=[{"line_id": order.lines[0].id}],
            wish="refund",
        )
        assert (code, params["number"]) == ("already_claimed", order.claims[0].number)

    @pytest.mark.parametrize(
        ("situation", "code"), [("in_transit", "not_delivered"), ("cancelled", "already_cancelled")]
    )
    async def test_in_the_wrong_state(self, desk, situation, code):
        order = await desk.proven(situation)
        lines = [{"line_id": "1"}]
        assert (await desk.denied("claim_item", order_number=order.number, kind="wrong", lines=lines, wish="refund"))[
            0
        ] == code

    async def test_too_late(self, loaded, shop_data, clock):
        desk = desk_of(loaded, shop_data, policies_of(claim_item={"period_days": 14}), clock)
        order = await desk.proven("period_over")
        code, _ = await desk.denied(
            "claim_item", order_number=order.number, kind="wrong", lines=[{"line_id": "1"}], wish="refund"
        )
        assert code == "period_over"


class TestSearchParcel:
    async def test_marked_delivered_but_not_there(self, desk):
        order = await desk.proven("delivered_neighbour")
        data = await desk.done("search_parcel", order_number=order.number)
        assert data["neighbour"] == order.shipments[0].delivered_to
        assert data["answer_by"] == "2026-11-20"
        (claim,) = (await desk.now(order)).claims
        assert (claim.number, claim.kind, claim.shipment_id) == (data["number"], ClaimKind.PARCEL_SEARCH, "1")
        code, params = await desk.denied("search_parcel", order_number=order.number)
        assert (code, params["number"]) == ("already_searching", data["number"])

    async def test_the_carrier_searches_already(self, desk):
        order = await desk.proven("lost")
        code, params = await desk.denied("search_parcel", order_number=order.number)
        assert (code, params["number"]) == ("already_searching", order.claims[0].number)

    async def test_not_overdue_yet(self, desk):
        order = await desk.proven("in_transit")
        code, params = await desk.denied("search_parcel", order_number=order.number)
        assert (code, params["expected_on"]) == ("not_overdue", order.expected_on.isoformat())

    async def test_overdue(self, desk):
        order = next(
            o
            for n in range(18)
            if (o := desk.sample("delayed", n)).shipments[0].promised_on < date(2026, 11, 11) - timedelta(days=2)
        )
        await desk.prove(order)
        assert (await desk.done("search_parcel", order_number=order.number))["number"]

    async def test_nothing_left_yet(self, desk):
        order = await desk.proven("processing")
        assert (await desk.denied("search_parcel", order_number=order.number))[0] == "not_dispatched"

    async def test_which_of_two(self, desk):
        order = await desk.proven("delivered_twice")
        code, params = await desk.denied("search_parcel", order_number=order.number)
        assert (code, [s["id"] for s in params["shipments"]]) == ("several_shipments", ["1", "2"])
        data = await desk.done("search_parcel", order_number=order.number, shipment_id="2")
        assert data["shipment"]["id"] == "2"
        code, params = await desk.denied("search_parcel", order_number=order.number, shipment_id="9")
        assert (code, params["shipment_ids"]) == ("no_shipment", ["1", "2"])


class TestReportMissingRefund:
    async def test_overdue_money_is_looked_after(self, desk):
        order = await desk.proven("refund_overdue")
        data = await desk.done("report_missing_refund", order_number=order.number)
        assert data["refund"]["amount"]["amount"] == order.refunds[0].amount.amount
        assert data["answer_by"] == "2026-11-13"
        code, params = await desk.denied("report_missing_refund", order_number=order.number)
        assert (code, params["number"]) == ("already_reported", data["number"])

    async def test_not_due_yet(self, desk):
        order = await desk.proven("return_received")
        code, params = await desk.denied("report_missing_refund", order_number=order.number)
        assert (code, params["expected_on"]) == ("not_due", order.refunds[0].expected_on.isoformat())

    async def test_the_return_must_arrive_first(self, desk):
        order = await desk.proven("return_in_transit")
        code, params = await desk.denied("report_missing_refund", order_number=order.number)
        assert (code, params["refund"]["status"]) == ("not_due", "awaiting_return")

    async def test_sent_but_not_on_the_account(self, desk):
        order = await desk.proven("refunded")
        desk.clock.forward(days=9)
        await desk.prove(order)
        assert (await desk.done("report_missing_refund", order_number=order.number))["refund"]["status"] == "issued"

    async def test_there_is_none(self, desk):
        order = await desk.proven("delivered")
        code, params = await desk.denied("report_missing_refund", order_number=order.number)
        assert (code, params["return_possible"]) == ("no_refund", True)


class TestWarranty:
    async def test_within_two_years(self, desk):
        order = await desk.proven("period_over")
        data = await desk.done(
            "warranty_claim", order_number=order.number, line_id="1", description="Reißverschluss klemmt"
        )
        delivered = desk.calendar.day(order.shipments[0].delivered_at)
        assert data["until"] == delivered.replace(year=delivered.year + 2).isoformat()
        assert data["answer_by"] == "2026-11-16"
        (claim,) = (await desk.now(order)).claims
        assert (claim.kind, claim.description) == (ClaimKind.WARRANTY, "Reißverschluss klemmt")
        code, _ = await desk.denied("warranty_claim", order_number=order.number, line_id="1", description="again")
        assert code == "already_claimed"

    async def test_what_is_asked_for_and_what_is_too_late(self, desk):
        order = await desk.proven("period_over")
        assert (await desk.denied("warranty_claim", order_number=order.number, line_id="1"))[0] == "description_needed"
        desk.clock.forward(days=3 * 365)
        await desk.prove(order)
        code, _ = await desk.denied("warranty_claim", order_number=order.number, line_id="1", description="x")
        assert code == "period_over"

    async def test_not_delivered(self, desk):
        order = await desk.proven("in_transit")
        code, _ = await desk.denied("warranty_claim", order_number=order.number, line_id="1", description="x")
        assert code == "not_delivered"
