"""The demo shop: the same on the same day, believable, and in every situation."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.shop.calendar import Calendar
from bot.shop.demo import SCENARIOS, make_shop
from bot.shop.models import Stage, Status
from bot.shop.order_state import stage_after, status_of

CALENDAR = Calendar(ZoneInfo("Europe/Berlin"), "DE")
# A Wednesday, a Sunday, Christmas Eve, the second day of Christmas, New Year, a leap day, the day of a clock change.
DAYS = [
    datetime(2026, 11, 11, 9, tzinfo=UTC),
    datetime(2026, 11, 22, 9, tzinfo=UTC),
    datetime(2026, 12, 24, 9, tzinfo=UTC),
    datetime(2026, 12, 26, 9, tzinfo=UTC),
    datetime(2027, 1, 1, 9, tzinfo=UTC),
    datetime(2028, 2, 29, 9, tzinfo=UTC),
    datetime(2027, 3, 28, 9, tzinfo=UTC),
]


def test_the_same_seed_on_the_same_day_makes_the_same_shop(policies):
    morning, night = datetime(2026, 11, 11, 5, tzinfo=UTC), datetime(2026, 11, 11, 22, tzinfo=UTC)
    assert make_shop(7, morning, policies, CALENDAR) == make_shop(7, night, policies, CALENDAR)


def test_another_seed_makes_another_shop(policies):
    now = DAYS[0]
    one, other = make_shop(7, now, policies, CALENDAR), make_shop(8, now, policies, CALENDAR)
    assert {customer.email for customer in one.customers} != {customer.email for customer in other.customers}


def test_an_order_keeps_its_number_and_its_customer_from_day_to_day(policies):
    today = make_shop(7, DAYS[0], policies, CALENDAR)
    tomorrow = make_shop(7, DAYS[0] + timedelta(days=1), policies, CALENDAR)
    assert today.samples == tomorrow.samples
    owners = {order.number: order.email for order in today.orders}
    assert owners == {order.number: order.email for order in tomorrow.orders}


@pytest.mark.parametrize("now", DAYS, ids=str)
class TestAnyDay:
    @pytest.fixture
    def shop(self, now, policies):
        return make_shop(7, now, policies, CALENDAR)

    def test_there_are_at_least_300_orders_in_every_state(self, shop, now):
        assert len(shop.orders) >= 300
        found = {status_of(order, CALENDAR, now) for order in shop.orders}
        assert found >= set(Status) - {Status.RETURNED}
        assert {order.stage for order in shop.orders} == set(Stage)
        assert all(shop.samples[situation] for situation in SCENARIOS)

    def test_numbers_addresses_and_skus_are_unique(self, shop):
        for values in (
            [order.number for order in shop.orders],
            [customer.email for customer in shop.customers],
            [variant.sku for product in shop.products for variant in product.variants],
            [entry.number for order in shop.orders for entry in order.returns],
            [claim.number for order in shop.orders for claim in order.claims],
        ):
            assert len(values) == len(set(values))

    def test_time_runs_forward(self, shop, now):
        today = CALENDAR.day(now)
        for order in shop.orders:
            assert CALENDAR.day(order.placed_at) <= today
            for shipment in order.shipments:
                instants = [event.at for event in shipment.events]
                assert instants == sorted(instants)
                assert order.placed_at <= instants[0]
                assert CALENDAR.day(instants[-1]) <= today
            for entry in order.returns:
                delivered = min(shipment.delivered_at for shipment in order.shipments if shipment.delivered_at)
                assert delivered.date() <= entry.created_at.date() <= today
                if entry.received_at is not None:
                    assert entry.created_at < entry.received_at
                    assert CALENDAR.day(entry.received_at) <= today

    def test_stages_follow_from_the_pieces(self, shop):
        for order in shop.orders:
            if order.stage not in {Stage.AWAITING_PAYMENT, Stage.ON_HOLD}:
                assert stage_after(order) is order.stage

    def test_money_adds_up(self, shop):
        for order in shop.orders:
            assert order.payment.amount == order.ordered_total
            refunded = sum(refund.amount.cents for refund in order.refunds)
            assert refunded <= order.payment.amount.cents

    def test_late_means_late(self, shop, now):
        today = CALENDAR.day(now)
        by_number = {order.number: order for order in shop.orders}
        for number in shop.samples["delayed"]:
            order = by_number[number]
            assert order.promised_on < today < order.expected_on
        for number in shop.samples["in_transit"]:
            assert by_number[number].promised_on >= by_number[number].expected_on >= today
        for number in shop.samples["refund_overdue"]:
            assert by_number[number].refunds[0].expected_on < today


def test_it_is_german(policies):
    shop = make_shop(7, DAYS[0], policies, CALENDAR)
    names = " ".join(customer.name for customer in shop.customers)
    assert set("äöü") <= set(names.lower())
    assert any(order.shipping_address.country != "DE" for order in shop.orders)
    assert any(len(order.shipments) > 1 for order in shop.orders)
