"""Another shop's rules and states: the operations follow the policy file, not the demo's."""

import json
from zoneinfo import ZoneInfo

import pytest

from bot.errors import InvalidInput
from bot.shop.demo import DemoData
from bot.shop.models import PaymentKind, RefundStatus, Stage
from bot.shop.policies import load_policies
from bot.storage.shop_import import ShopImport
from tests.bot.shop.conftest import ROOT, WEDNESDAY, desk_of

EXAMPLE = ROOT / "docs" / "examples" / "policies-retail.yml"
CUSTOMER = {
    "type": "customer",
    "id": "yusuf_rossi_9620",
    "email": "yusuf.rossi@example.com",
    "first_name": "Yusuf",
    "last_name": "Rossi",
    "language": "en",
    "addresses": [{"street": "763 Broadway", "postcode": "19122", "city": "Philadelphia", "country": "US"}],
    "payment_options": [
        {"id": "credit_card_9513926", "kind": "card", "label": "Mastercard 2478"},
        {"id": "gift_card_1", "kind": "gift_card", "balance": "100.00"},
    ],
}
PRODUCT = {
    "type": "product",
    "id": "9523456873",
    "name": "T-Shirt",
    "currency": "USD",
    "variants": [
        {"sku": "1", "name": "blue, S", "options": {"color": "blue", "size": "S"}, "price": "48.52", "stock": 4},
        {"sku": "2", "name": "blue, M", "options": {"color": "blue", "size": "M"}, "price": "50.00", "stock": 4},
        {"sku": "3", "name": "red, M", "options": {"color": "red", "size": "M"}, "price": "46.00", "stock": 0},
    ],
}


def order(number: str, status: str, **more: object) -> dict[str, object]:
    return {
        "type": "order",
        "number": number,
        "customer": "yusuf_rossi_9620",
        "status": status,
        "currency": "USD",
        "lines": [{"sku": "1", "product": "9523456873", "name": "T-Shirt", "variant": "blue, S", "price": "48.52"}],
        "shipping_address": CUSTOMER["addresses"][0],
        "payments": [{"kind": "card", "label": "Mastercard 2478", "option": "credit_card_9513926"}],
        **more,
    }


ORDERS = [
    order("#W1", "pending"),
    order("#W2", "pending (item modified)"),
    order("#W3", "processed"),
    order("#W4", "delivered"),
    order("#W5", "return requested"),
    order("#W6", "exchange requested"),
    order("#W7", "cancelled"),
]


@pytest.fixture
async def desk(database, tmp_path, clock, mails):
    policies = load_policies(EXAMPLE)
    path = tmp_path / "shop.jsonl"
    path.write_text("\n".join(json.dumps(document) for document in [CUSTOMER, PRODUCT, *ORDERS]))
    report = await ShopImport(database, policies, ZoneInfo("America/New_York")).run([path], WEDNESDAY)
    assert report.errors == 0
    desk = desk_of(database, DemoData([], [], [], []), policies, clock, mailer=mails)
    await desk.done("verify", order_number="W1", email="yusuf.rossi@example.com", postcode="19122")
    return desk


async def found(desk, number: str):
    return await desk.shop.order(number)


class TestPending:
    @pytest.mark.parametrize("reason", ["no_longer_needed", "ordered_by_mistake"])
    async def test_is_cancelled_for_one_of_two_reasons(self, desk, reason):
        data = await desk.done("cancel_order", order_number="#W1", reason=reason)
        assert data["refund"]["to"]["label"] == "Mastercard 2478"
        assert (await found(desk, "#W1")).stage is Stage.CANCELLED

    async def test_for_no_other_reason_and_not_in_part(self, desk):
        accepted = {"reasons": ["no_longer_needed", "ordered_by_mistake"]}
        assert await desk.denied("cancel_order", order_number="#W1") == ("reason_needed", accepted)
        assert await desk.denied("cancel_order", order_number="#W1", reason="found it cheaper") == (
            "reason_not_accepted",
            accepted,
        )

    async def test_items_once_and_then_nothing_more(self, desk):
        wish = [{"line_id": "1", "wish": "size M"}]
        data = await desk.done("change_items", order_number="#W1", changes=wish, settle_with="gift_card_1")
        assert data["difference"] == {"amount": "1.48", "currency": "USD"}
        customer = await desk.shop.customer("yusuf_rossi_9620")
        assert customer.payment_options[1].balance.amount == "98.52"
        changed = await found(desk, "#W1")
        assert changed.lines[0].variant == "blue, M"
        for name, args in (
            ("cancel_order", {"reason": "no_longer_needed"}),
            ("change_delivery_address", {"address": {"street": "1 Main St", "postcode": "10001", "city": "New York"}}),
            ("change_payment_method", {"method": "gift_card_1"}),
        ):
            code, params = await desk.denied(name, order_number="#W1", **args)
            assert (code, params["operation"]) == ("changed_before", "change_items")
        assert (await desk.denied("change_items", order_number="#W1", changes=wish))[0] == "limit_reached"

    async def test_what_was_modified_in_the_shop_counts_too(self, desk):
        code, _ = await desk.denied("cancel_order", order_number="#W2", reason="no_longer_needed")
        assert code == "changed_before"
        change = [{"line_id": "1", "sku": "2"}]
        assert (await desk.denied("change_items", order_number="#W2", changes=change))[0] == "limit_reached"

    async def test_quantities_stay_and_what_is_gone_is_gone(self, desk):
        more = [{"line_id": "1", "quantity": 2}]
        assert (await desk.denied("change_items", order_number="#W1", changes=more))[0] == "quantity_fixed"
        red = [{"line_id": "1", "wish": "red M"}]
        assert (await desk.denied("change_items", order_number="#W1", changes=red))[0] == "out_of_stock"

    async def test_payment_by_a_gift_card_that_covers_it(self, desk):
        await desk.done("change_payment_method", order_number="#W1", method="gift_card_1")
        changed = await found(desk, "#W1")
        assert changed.payment.kind is PaymentKind.GIFT_CARD
        assert changed.refunds[0].to.label == "Mastercard 2478"
        code, _ = await desk.denied("change_payment_method", order_number="#W1", method="credit_card_9513926")
        assert code == "limit_reached"

    async def test_nothing_goes_back_yet(self, desk):
        assert (await desk.denied("create_return", order_number="#W1"))[0] == "not_delivered"


class TestProcessed:
    @pytest.mark.parametrize(
        ("name", "args"),
        [
            ("cancel_order", {"reason": "no_longer_needed"}),
            ("change_items", {"changes": [{"line_id": "1", "sku": "2"}]}),
            ("change_payment_method", {"method": "gift_card_1"}),
        ],
    )
    async def test_is_on_its_way(self, desk, name, args):
        assert (await desk.denied(name, order_number="#W3", **args))[0] == "already_dispatched"


class TestDelivered:
    async def test_is_returned_once_to_where_the_money_came_from(self, desk):
        data = await desk.done("create_return", order_number="#W4")
        assert data["refund"]["to"]["label"] == "Mastercard 2478"
        assert (await desk.denied("create_return", order_number="#W4"))[0] == "limit_reached"
        code, _ = await desk.denied("exchange", order_number="#W4", line_id="1", sku="2")
        assert code == "limit_reached"

    async def test_or_to_the_gift_card_of_the_customer(self, desk):
        data = await desk.done("create_return", order_number="#W4", refund_to="gift_card")
        assert data["refund"]["to"]["kind"] == "gift_card"

    async def test_or_exchanged_once(self, desk):
        data = await desk.done("exchange", order_number="#W4", line_id="1", sku="2")
        assert data["difference"]["amount"] == "1.48"
        assert data["settlement"]["to"]["label"] == "Mastercard 2478"
        assert (await desk.denied("create_return", order_number="#W4"))[0] == "limit_reached"

    @pytest.mark.parametrize("number", ["#W5", "#W6"])
    async def test_not_again_after_what_the_shop_has_on_record(self, desk, number):
        assert (await desk.denied("create_return", order_number=number))[0] == "limit_reached"
        assert (await desk.denied("exchange", order_number=number, line_id="1", sku="2"))[0] == "limit_reached"

    async def test_an_operation_that_is_switched_off(self, desk):
        lines = [{"line_id": "1"}]
        code, _ = await desk.denied("claim_item", order_number="#W4", kind="wrong", lines=lines, wish="refund")
        assert code == "shop_cannot"


async def test_cancelled_stays_cancelled(desk):
    assert (await desk.denied("cancel_order", order_number="#W7", reason="no_longer_needed"))[0] == "already_cancelled"


async def test_a_refund_onto_a_gift_card_is_there_at_once(database, tmp_path, clock, desk):
    """The card that paid gets it back, and the shop has nothing left to send."""
    await desk.done("change_payment_method", order_number="#W1", method="gift_card_1")
    await desk.done("cancel_order", order_number="#W1", reason="no_longer_needed")
    last = (await found(desk, "#W1")).refunds[-1]
    assert (last.to.kind, last.status) == (PaymentKind.GIFT_CARD, RefundStatus.ISSUED)
    customer = await desk.shop.customer("yusuf_rossi_9620")
    assert customer.payment_options[1].balance.amount == "100.00"


class TestPolicyFile:
    def test_the_files_that_come_with_it_are_valid(self):
        assert load_policies(ROOT / "policies.yml").shop.name == "Lüttmoor"
        assert load_policies(EXAMPLE).currency == "USD"

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("limit: 1,", "limit: 0,", "operations.change_delivery_address.limit"),
            ("cancel_order:", "cancel_ordr:", "operations.cancel_ordr: Extra inputs are not permitted"),
            ("not_after: [change_items]\n", "not_after: [change_itmes]\n", "unknown operation 'change_itmes'"),
            ("{stage: shipped}", "{stage: flying}", "states.processed.stage"),
            ("carrier: ups", "carrier: owl", "create_return.drop_offs.service_point.carrier"),
            ("currency: USD", "currency: [", "is not YAML"),
        ],
    )
    def test_a_mistake_is_named_with_its_place(self, tmp_path, old, new, message):
        path = tmp_path / "policies.yml"
        text = EXAMPLE.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(InvalidInput, match=r"policies\.yml") as error:
            load_policies(path)
        assert message in str(error.value)

    def test_a_missing_file_says_which_setting(self, tmp_path):
        with pytest.raises(InvalidInput, match="ZUSAGE_POLICIES"):
            load_policies(tmp_path / "none.yml")
