"""Swapping a delivered article for another variant."""

import pytest

from bot.shop.models import ReturnKind, ReturnStatus
from tests.bot.shop.conftest import desk_of, policies_of
from tests.bot.shop.test_changing import buy_all, desk_variants, stock


def exchangeable(desk):
    """A delivered order with a line that has another variant in stock at the same price."""
    for which in range(44):
        order = desk.sample("delivered", which)
        line = order.lines[0]
        for other in desk_variants(desk, line):
            if other.sku != line.sku and other.stock >= line.quantity and other.price == line.price:
                return order, line, other
    raise AssertionError("nothing to exchange")


class TestExchange:
    async def test_it_goes_back_and_the_other_is_kept_for_the_customer(self, desk):
        order, line, other = exchangeable(desk)
        await desk.prove(order)
        has = await stock(desk, other.sku)
        data = await desk.done("exchange", order_number=order.number, line_id=line.id, sku=other.sku, dry=True)
        assert data["difference"]["amount"] == "0.00"
        assert data["replacement_ships"] == "now"
        assert data["expected_on"] == "2026-11-16"
        assert await stock(desk, other.sku) == has
        data = await desk.done("exchange", order_number=order.number, line_id=line.id, sku=other.sku)
        (entry,) = (await desk.now(order)).returns
        assert (entry.number, entry.kind, entry.status) == (
            data["number"],
            ReturnKind.EXCHANGE,
            ReturnStatus.REQUESTED,
        )
        assert entry.replacement.sku == other.sku
        assert entry.refund_amount is None
        assert await stock(desk, other.sku) == has - line.quantity
        assert desk.mails.last.kind == "return_label"
        assert desk.mails.last.data["label"]["reference"] == data["label"]["reference"]

    async def test_only_after_the_goods_are_back_where_policy_says_so(self, loaded, shop_data, clock):
        desk = desk_of(loaded, shop_data, policies_of(exchange={"ships": "after_receipt"}), clock)
        order, line, other = exchangeable(desk)
        await desk.prove(order)
        data = await desk.done("exchange", order_number=order.number, line_id=line.id, sku=other.sku, dry=True)
        assert data["replacement_ships"] == "after_receipt"
        assert data["expected_on"] > "2026-11-30"

    async def test_without_a_wish_there_is_a_choice(self, desk):
        order, line, other = exchangeable(desk)
        await desk.prove(order)
        code, params = await desk.denied("exchange", order_number=order.number, line_id=line.id)
        assert code == "variant_unclear"
        assert other.sku in [option["sku"] for option in params["options"]]

    async def test_the_same_again(self, desk):
        order, line, _ = exchangeable(desk)
        await desk.prove(order)
        code, _ = await desk.denied("exchange", order_number=order.number, line_id=line.id, sku=line.sku)
        assert code == "same_variant"

    async def test_sold_out(self, desk):
        order, line, other = exchangeable(desk)
        await desk.prove(order)
        await buy_all(desk, other.sku)
        code, params = await desk.denied("exchange", order_number=order.number, line_id=line.id, sku=other.sku)
        assert (code, params["sku"]) == ("out_of_stock", other.sku)

    async def test_something_else_altogether(self, desk):
        order, line, _ = exchangeable(desk)
        await desk.prove(order)
        code, _ = await desk.denied("exchange", order_number=order.number, line_id=line.id, sku="TE-KAMILLE")
        assert code == "other_product"

    @pytest.mark.parametrize(
        ("situation", "code"),
        [("in_transit", "not_delivered"), ("period_over", "period_over"), ("cancelled", "already_cancelled")],
    )
    async def test_in_the_wrong_state(self, desk, situation, code):
        order = await desk.proven(situation)
        assert (await desk.denied("exchange", order_number=order.number, line_id="1"))[0] == code

    async def test_what_is_on_its_way_back_cannot_be_exchanged(self, desk):
        order, line, other = exchangeable(desk)
        await desk.prove(order)
        await desk.done("create_return", order_number=order.number)
        code, _ = await desk.denied("exchange", order_number=order.number, line_id=line.id, sku=other.sku)
        assert code == "already_returned"

    async def test_return_or_exchange_once(self, loaded, shop_data, clock):
        """As some shops have it: one of the two, and only one time."""
        both = ("create_return", "exchange")
        policies = policies_of(
            create_return={"limit": 1, "limit_with": both}, exchange={"limit": 1, "limit_with": both}
        )
        desk = desk_of(loaded, shop_data, policies, clock)
        order, line, other = exchangeable(desk)
        await desk.prove(order)
        await desk.done("exchange", order_number=order.number, line_id=line.id, sku=other.sku)
        assert (await desk.denied("create_return", order_number=order.number))[0] == "limit_reached"
