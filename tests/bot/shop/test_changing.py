"""Changing an order before it is packed: address, payment, items."""

import pytest

from bot.shop.changes import ChangeItems
from bot.shop.models import PaymentKind, PaymentStatus, RefundOrigin, RefundStatus, Stage
from bot.shop.money import Money
from tests.bot.shop.conftest import desk_of, policies_of

ADDRESS = {"street": "Möwenweg 5a", "postcode": "24937", "city": "Flensburg"}


def changeable(desk, accept=lambda line, others: True):
    """An order in preparation without discount, its first line, and the other variants of that in stock."""
    for which in range(26):
        order = desk.sample("processing", which)
        line = order.lines[0]
        others = [v for v in desk_variants(desk, line) if v.sku != line.sku and v.stock >= line.quantity]
        if not order.discount and others and accept(line, others):
            return order, line, others
    raise AssertionError("the demo has no such order")


async def stock(desk, sku: str) -> int:
    product = await desk.shop.product_of(sku)
    return next(variant.stock for variant in product.variants if variant.sku == sku)


class TestGate:
    OPERATIONS = (
        ("change_delivery_address", {"address": ADDRESS}),
        ("change_payment_method", {"method": "invoice"}),
        ("change_items", {"changes": [{"line_id": "1", "quantity": 2}]}),
    )

    @pytest.mark.parametrize(("name", "args"), OPERATIONS)
    @pytest.mark.parametrize(
        ("situation", "code"),
        [
            ("in_transit", "already_dispatched"),
            ("partly_shipped", "already_dispatched"),
            ("delivered", "already_delivered"),
            ("refunded", "already_delivered"),
            ("cancelled", "already_cancelled"),
            ("packed", "already_packed"),
        ],
    )
    async def test_too_late(self, desk, name, args, situation, code):
        order = await desk.proven(situation, full=True)
        assert (await desk.denied(name, order_number=order.number, **args))[0] == code
        view = await desk.done("order", order_number=order.number)
        assert view["possible"][name]["code"] == code

    @pytest.mark.parametrize(("name", "args"), OPERATIONS)
    async def test_a_mail_address_alone_is_not_enough(self, desk, name, args):
        order = await desk.proven("processing")
        code, params = await desk.denied(name, order_number=order.number, **args)
        assert (code, params["need"], params["have"]) == ("not_verified", "full", "basic")

    @pytest.mark.parametrize(("name", "args"), OPERATIONS[:2])
    async def test_once_where_policy_says_once(self, loaded, shop_data, clock, name, args):
        desk = desk_of(loaded, shop_data, policies_of(**{name: {"limit": 1}}), clock)
        order, _, _ = changeable(desk)
        await desk.prove(order, full=True)
        await desk.done(name, order_number=order.number, **args)
        other = {"address": {**ADDRESS, "street": "Deichweg 9"}} if "address" in args else {"method": "prepayment"}
        assert await desk.denied(name, order_number=order.number, **other) == (
            "limit_reached",
            {"operation": name, "limit": 1, "shared_with": []},
        )

    async def test_what_closes_another_operation(self, loaded, shop_data, clock):
        policies = policies_of(cancel_order={"not_after": ("change_items",)}, change_items={"limit": 1})
        desk = desk_of(loaded, shop_data, policies, clock)
        order, line, others = changeable(desk)
        await desk.prove(order, full=True)
        change = [{"line_id": line.id, "sku": others[0].sku}]
        await desk.done("change_items", order_number=order.number, changes=change)
        assert await desk.denied("cancel_order", order_number=order.number) == (
            "changed_before",
            {"operation": "change_items"},
        )


class TestAddress:
    async def test_the_order_goes_elsewhere(self, desk):
        order, _, _ = changeable(desk)
        await desk.prove(order, full=True)
        preview = await desk.done("change_delivery_address", order_number=order.number, address=ADDRESS, dry=True)
        assert preview["address"] == {
            "name": order.shipping_address.name,
            "street": "Möwenweg 5a",
            "extra": None,
            "postcode": "24937",
            "city": "Flensburg",
            "country": "DE",
        }
        assert preview["previous"]["city"] == order.shipping_address.city
        assert preview["extra_cost"]["amount"] == "0.00"
        assert await desk.now(order) == order
        await desk.done("change_delivery_address", order_number=order.number, address=ADDRESS)
        after = await desk.now(order)
        assert after.shipping_address.city == "Flensburg"
        assert after.billing_address == order.billing_address
        customer = await desk.shop.customer(order.customer_id)
        assert customer.addresses[0].city != "Flensburg"

    async def test_it_may_become_the_default_as_well(self, desk):
        order, _, _ = changeable(desk)
        await desk.prove(order, full=True)
        await desk.done("change_delivery_address", order_number=order.number, address=ADDRESS, make_default=True)
        assert (await desk.shop.customer(order.customer_id)).addresses[0].city == "Flensburg"

    async def test_only_the_default(self, desk):
        order = await desk.proven("in_transit", full=True)
        await desk.done("change_delivery_address", address=ADDRESS)
        assert (await desk.shop.customer(order.customer_id)).addresses[0].street == "Möwenweg 5a"
        assert await desk.now(order) == order

    async def test_another_country_costs_more_and_takes_longer(self, desk):
        order, _, _ = changeable(desk)
        await desk.prove(order, full=True)
        abroad = {"street": "Zieglergasse 12", "postcode": "1070", "city": "Wien", "country": "at"}
        data = await desk.done("change_delivery_address", order_number=order.number, address=abroad)
        assert data["extra_cost"]["amount"] == "4.00"
        assert data["settlement"]["kind"] == "charge"
        after = await desk.now(order)
        assert after.total == order.total + Money(cents=400)
        assert after.payment.amount == after.total
        assert after.expected_on > order.expected_on

    @pytest.mark.parametrize(
        ("address", "code", "params"),
        [
            ({"city": "Kiel"}, "address_incomplete", {"missing": ["street", "postcode"]}),
            ({**ADDRESS, "street": "Möwenweg"}, "address_incomplete", {"missing": ["house_number"]}),
            ({**ADDRESS, "postcode": "2493"}, "postcode_invalid", {"country": "DE"}),
            ({**ADDRESS, "country": "US"}, "country_not_served", {"countries": ["DE", "AT", "CH", "NL", "DK"]}),
        ],
    )
    async def test_what_cannot_be_delivered_to(self, desk, address, code, params):
        order, _, _ = changeable(desk)
        await desk.prove(order, full=True)
        assert await desk.denied("change_delivery_address", order_number=order.number, address=address) == (
            code,
            params,
        )

    async def test_the_same_address_in_other_letters(self, desk):
        order, _, _ = changeable(desk)
        await desk.prove(order, full=True)
        now = order.shipping_address
        same = {
            "street": now.street.upper().replace("STRASSE", "STR."),
            "postcode": f"D-{now.postcode}",
            "city": now.city.lower(),
        }
        code, _ = await desk.denied("change_delivery_address", order_number=order.number, address=same)
        assert code == "unchanged"


class TestPayment:
    async def test_without_a_method_the_options_are_named(self, desk):
        order, _, _ = changeable(desk)
        await desk.prove(order, full=True)
        code, params = await desk.denied("change_payment_method", order_number=order.number)
        assert code == "method_needed"
        ids = {option["id"] for option in params["options"]}
        assert "prepayment" in ids
        assert "direct_debit" not in ids  # needs a mandate that is not there
        assert order.payment.option_id not in ids

    async def test_from_paypal_to_invoice(self, desk):
        order = next(
            o
            for n in range(26)
            if (o := desk.sample("processing", n)).payment.kind == "paypal" and o.total.cents < 30000
        )
        await desk.prove(order, full=True)
        data = await desk.done("change_payment_method", order_number=order.number, method="invoice")
        assert data["refund"]["amount"]["amount"] == order.total.amount
        assert data["pay_by"] is None
        after = await desk.now(order)
        assert (after.payment.kind, after.payment.status) == (PaymentKind.INVOICE, PaymentStatus.OPEN)
        assert after.payment.amount == order.total
        assert after.stage is Stage.PROCESSING
        (refund,) = after.refunds
        assert (refund.origin, refund.to.kind) == (RefundOrigin.PAYMENT_CHANGE, "paypal")

    async def test_prepayment_stops_the_order_until_the_money_is_there(self, desk):
        order, _, _ = changeable(desk)
        await desk.prove(order, full=True)
        data = await desk.done("change_payment_method", order_number=order.number, method="prepayment")
        assert data["pay_by"] == "2026-11-18"
        assert order.number in data["payment_url"]
        assert (await desk.now(order)).stage is Stage.AWAITING_PAYMENT

    async def test_a_failed_payment_can_be_made_good(self, desk):
        order = desk.sample("payment_failed")
        await desk.prove(order, full=True)
        data = await desk.done("change_payment_method", order_number=order.number, method="paypal")
        assert data["refund"] is None
        after = await desk.now(order)
        assert after.payment.kind is PaymentKind.PAYPAL
        kept = any(o.id == "paypal" for o in desk.customer_of(order).payment_options)
        assert after.stage is (Stage.PROCESSING if kept else Stage.AWAITING_PAYMENT)

    async def test_a_gift_card_must_cover_it(self, desk):
        order, card = with_gift_card(desk, covers=False)
        await desk.prove(order, full=True)
        code, params = await desk.denied("change_payment_method", order_number=order.number, method="gift_card")
        assert code == "gift_card_too_small"
        assert params["balance"]["amount"] == card.balance.amount
        assert params["amount"]["amount"] == order.total.amount

    async def test_a_gift_card_pays_and_has_less_on_it(self, desk):
        order, card = with_gift_card(desk, covers=True)
        await desk.prove(order, full=True)
        await desk.done("change_payment_method", order_number=order.number, method="gift_card")
        after = await desk.now(order)
        assert (after.payment.kind, after.payment.status) == (PaymentKind.GIFT_CARD, PaymentStatus.PAID)
        customer = await desk.shop.customer(order.customer_id)
        left = next(option for option in customer.payment_options if option.id == "gift_card")
        assert left.balance == card.balance - order.total
        data = await desk.done("cancel_order", order_number=order.number)
        assert data["refund"]["to"]["kind"] == "gift_card"
        customer = await desk.shop.customer(order.customer_id)
        assert next(o for o in customer.payment_options if o.id == "gift_card").balance == card.balance
        last = (await desk.now(order)).refunds[-1]
        assert last.status is RefundStatus.ISSUED

    async def test_the_same_or_an_unknown_method(self, desk):
        order, _, _ = changeable(desk)
        await desk.prove(order, full=True)
        same = order.payment.option_id or order.payment.kind
        code, _ = await desk.denied("change_payment_method", order_number=order.number, method=same)
        assert code == "same_method"
        code, _ = await desk.denied("change_payment_method", order_number=order.number, method="bitcoin")
        assert code == "method_unknown"


class TestItems:
    async def test_another_size_at_the_same_price(self, desk):
        order, line, others = changeable(desk)
        await desk.prove(order, full=True)
        other = next(v for v in others if v.price == line.price)
        had, has = await stock(desk, line.sku), await stock(desk, other.sku)
        data = await desk.done(
            "change_items", order_number=order.number, changes=[{"line_id": line.id, "sku": other.sku}]
        )
        assert data["difference"]["amount"] == "0.00"
        assert data["settlement"]["kind"] == "none"
        assert data["changes"][0]["kind"] == "variant"
        assert data["changes"][0]["from"]["variant"] == line.variant
        assert data["changes"][0]["to"]["variant"] == other.name
        after = await desk.now(order)
        assert after.line(line.id).sku == other.sku
        assert after.total == order.total
        assert await stock(desk, line.sku) == had + line.quantity
        assert await stock(desk, other.sku) == has - line.quantity

    async def test_in_the_shoppers_words(self, desk):
        def colour(line):
            return next(v for v in desk_variants(desk, line) if v.sku == line.sku).options["Farbe"]

        order, line, others = changeable(
            desk, lambda line, others: any(v.options["Farbe"] == colour(line) for v in others)
        )
        await desk.prove(order, full=True)
        other = next(v for v in others if v.options["Farbe"] == colour(line))
        wish = [{"line_id": line.id, "wish": f"lieber in {other.options['Größe']}"}]
        data = await desk.done("change_items", order_number=order.number, changes=wish, dry=True)
        assert data["changes"][0]["to"]["sku"] == other.sku

    async def test_more_pieces_cost_more(self, desk):
        in_stock = {v.sku: v.stock for p in desk.data.products for v in p.variants}
        order, line, _ = changeable(desk, lambda line, _: in_stock[line.sku] > 0)
        await desk.prove(order, full=True)
        data = await desk.done(
            "change_items",
            order_number=order.number,
            changes=[{"line_id": line.id, "quantity": line.quantity + 1}],
        )
        assert data["difference"]["amount"] == line.price.amount
        assert data["settlement"]["kind"] == "charge"
        after = await desk.now(order)
        assert after.total == order.total + line.price
        assert after.payment.amount == after.total

    async def test_fewer_pieces_bring_money_back(self, desk):
        order = next(
            o for n in range(26) if (o := desk.sample("processing", n)).lines[0].quantity > 1 and not o.discount
        )
        await desk.prove(order, full=True)
        line = order.lines[0]
        data = await desk.done("change_items", order_number=order.number, changes=[{"line_id": line.id, "quantity": 1}])
        assert data["settlement"]["kind"] == "refund"
        after = await desk.now(order)
        assert after.line(line.id).kept == 1
        assert after.refunds[0].origin is RefundOrigin.PRICE_DIFFERENCE
        assert after.refunds[0].amount == order.total - after.total

    async def test_an_open_invoice_just_changes(self, desk):
        order = next(o for n in range(12) if len((o := desk.sample("processing_invoice", n)).lines) > 1)
        await desk.prove(order, full=True)
        line = order.lines[0]
        data = await desk.done("change_items", order_number=order.number, changes=[{"line_id": line.id, "quantity": 0}])
        assert data["settlement"]["kind"] == "owed"
        after = await desk.now(order)
        assert after.refunds == ()
        assert after.payment.amount == after.total

    async def test_sold_out_names_what_there_is(self, desk):
        order, line, gone = next(
            (order, order.lines[0], variant)
            for n in range(26)
            for order in [desk.sample("processing", n)]
            for variant in desk_variants(desk, order.lines[0])
            if variant.stock == 0 and variant.sku != order.lines[0].sku
        )
        await desk.prove(order, full=True)
        code, params = await desk.denied(
            "change_items", order_number=order.number, changes=[{"line_id": line.id, "sku": gone.sku}]
        )
        assert (code, params["sku"], params["stock"]) == ("out_of_stock", gone.sku, 0)
        assert all(option["availability"] != "out_of_stock" for option in params["options"])

    async def test_stock_that_goes_between_question_and_yes(self, desk, database):
        order, line, others = changeable(desk)
        await desk.prove(order, full=True)
        wish = [{"line_id": line.id, "sku": others[0].sku}]
        await desk.done("change_items", order_number=order.number, changes=wish, dry=True)
        await buy_all(desk, others[0].sku)
        code, params = await desk.denied("change_items", order_number=order.number, changes=wish)
        assert (code, params["stock"]) == ("out_of_stock", 0)
        assert await desk.now(order) == order

    async def test_stock_that_goes_between_check_and_deed(self, desk, monkeypatch):
        order, line, others = changeable(desk)
        await desk.prove(order, full=True)
        whole = desk.shop.apply

        async def sold_first(change, key):
            assert isinstance(change, ChangeItems)
            await buy_all(desk, others[0].sku)
            return await whole(change, key)

        monkeypatch.setattr(desk.shop, "apply", sold_first)
        code, _ = await desk.denied(
            "change_items", order_number=order.number, changes=[{"line_id": line.id, "sku": others[0].sku}]
        )
        assert code == "out_of_stock"
        assert await desk.now(order) == order

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"line_id": "1", "wish": "in Neongrün"}, "variant_unknown"),
            ({"line_id": "1", "sku": "TE-KAMILLE"}, "other_product"),
            ({"line_id": "77", "quantity": 1}, "unknown_line"),
            ({"sku": "TE-KAMILLE", "quantity": 1}, "adding_not_allowed"),
        ],
    )
    async def test_what_policy_or_sense_forbids(self, desk, change, code):
        order, _, _ = changeable(desk)
        await desk.prove(order, full=True)
        assert (await desk.denied("change_items", order_number=order.number, changes=[change]))[0] == code

    async def test_nothing_left_is_a_cancellation_and_nothing_changed_is_said(self, desk):
        order, _, _ = changeable(desk)
        await desk.prove(order, full=True)
        nothing = [{"line_id": line.id, "quantity": 0} for line in order.lines]
        assert (await desk.denied("change_items", order_number=order.number, changes=nothing))[0] == "would_be_empty"
        same = [{"line_id": line.id, "quantity": line.quantity} for line in order.lines]
        assert (await desk.denied("change_items", order_number=order.number, changes=same))[0] == "unchanged"

    async def test_adding_where_policy_allows_it(self, loaded, shop_data, clock):
        desk = desk_of(loaded, shop_data, policies_of(change_items={"adding": True}), clock)
        order, _, _ = changeable(desk)
        await desk.prove(order, full=True)
        product = next(p for p in desk.data.products if p.category == "Tee" and p.variants[0].stock)
        data = await desk.done(
            "change_items", order_number=order.number, changes=[{"sku": product.variants[0].sku, "quantity": 2}]
        )
        assert data["changes"][0]["kind"] == "added"
        after = await desk.now(order)
        assert after.lines[-1].name == product.name
        assert after.total == order.total + product.variants[0].price * 2


def desk_variants(desk, line):
    return next(p for p in desk.data.products if p.id == line.product_id).variants


async def buy_all(desk, sku: str) -> None:
    from sqlalchemy import update

    from bot.storage.shop_tables import VariantRow

    async with desk.shop._database.begin() as session:
        await session.execute(update(VariantRow).where(VariantRow.sku == sku).values(stock=0))


def with_gift_card(desk, *, covers: bool):
    for situation, count in (("processing", 26), ("processing_invoice", 12)):
        for which in range(count):
            order = desk.sample(situation, which)
            card = next((o for o in desk.customer_of(order).payment_options if o.id == "gift_card"), None)
            if card and (card.balance.cents >= order.total.cents) is covers:
                return order, card
    raise AssertionError("the demo has no such customer")
