"""The operations, as the chat calls them, on a WooCommerce shop: proved, looked at, previewed, done, and told."""

from typing import Any

import pytest

from bot.handoff.hours import ServiceHours
from bot.shop.backend import ShopUnavailable
from bot.shop_side import make_operations
from tests.bot.shop.conformance.conftest import NOW, woo_shop
from tests.bot.shop.conftest import policies_of
from tests.woocommerce_double import Fault


@pytest.fixture
async def ask(settings, database, double):
    """Call an operation in one conversation."""
    policies = policies_of()
    policies = policies.model_copy(update={"shop": policies.shop.model_copy(update={"order_prefix": ""})})
    hours = ServiceHours(settings.service_hours, settings.zone, settings.holidays)
    async with woo_shop(database, double) as shop:
        operations = make_operations(settings, database, policies, shop, hours, lambda: NOW)

        async def call(name: str, turn: str, *, dry: bool = False, **args: Any) -> dict[str, Any]:
            answer = await operations.call(name, conversation_id="c1", turn_id=turn, args=args, dry_run=dry)
            return answer.as_json()

        yield call


async def prove(ask) -> None:
    answer = await ask("verify", "t0", order_number="727", email="jana@example.org", postcode="20257")
    assert answer["data"]["state"] == "verified"


async def test_a_strangers_order_stays_closed(ask):
    wrong = await ask("verify", "t1", order_number="727", email="x@example.org")
    assert wrong["data"]["state"] == "failed"
    assert (await ask("order", "t2", order_number="727"))["error"]["code"] == "not_verified"
    assert (await ask("order", "t2", order_number="999"))["error"]["code"] == "not_verified"


async def test_an_order_is_looked_at_and_cancelled(ask, double):
    await prove(ask)
    seen = await ask("order", "t1", order_number="727")
    assert seen["data"]["total"] == {"amount": "191.90", "currency": "EUR"}
    assert seen["data"]["possible"]["cancel_order"]["allowed"] is True
    assert seen["data"]["possible"]["exchange"]["allowed"] is False
    preview = await ask("cancel_order", "t2", dry=True, order_number="727", reason="no_longer_needed")
    assert preview["data"]["refund"]["amount"] == {"amount": "191.90", "currency": "EUR"}
    assert double.orders[727]["status"] == "processing"
    for _ in range(2):  # the turn runs twice
        done = await ask("cancel_order", "t3", order_number="727", reason="no_longer_needed")
        assert done["ok"], done
    assert double.orders[727]["status"] == "refunded"
    assert [refund["amount"] for refund in double.refunds[727]] == ["191.90"]
    assert {entry["number"] for entry in (await ask("my_orders", "t4"))["data"]["orders"]} == {"720", "727", "728"}


async def test_a_return_is_announced(ask, double):
    await prove(ask)
    lines = [{"line_id": "315", "quantity": 1, "reason": "too_small"}]
    done = await ask("create_return", "t1", order_number="720", lines=lines, drop_off="service_point", label="qr")
    assert done["ok"], done
    assert done["data"]["number"].startswith("R-")


async def test_away_in_the_middle_nothing_is_lost(ask, double):
    await prove(ask)
    double.faults = [Fault(500, on="POST orders/727/refunds")]
    with pytest.raises(ShopUnavailable):
        await ask("cancel_order", "t1", order_number="727", reason="no_longer_needed")
    assert (await ask("cancel_order", "t1", order_number="727", reason="no_longer_needed"))["ok"]
    assert len(double.refunds[727]) == 1


async def test_what_woocommerce_cannot_do_a_person_does(ask):
    await prove(ask)
    answer = await ask("resend_invoice", "t1", order_number="727")
    assert answer["error"]["code"] == "shop_cannot"
