"""Another day, time or place for a parcel on its way."""

import pytest

from tests.bot.shop.conftest import desk_of, policies_of


class TestReschedule:
    async def test_another_day(self, desk):
        order = await desk.proven("in_transit")
        due = order.shipments[0].expected_on
        later = desk.calendar.delivered_after(due, 2)
        data = await desk.done(
            "reschedule_delivery", order_number=order.number, to={"kind": "day", "day": later.isoformat()}
        )
        assert data["from"]["expected_on"] == due.isoformat()
        assert data["expected_on"] == later.isoformat()
        after = await desk.now(order)
        assert after.shipments[0].expected_on == later
        assert after.shipments[0].wish.day == later

    @pytest.mark.parametrize("words", ["16-18", "zwischen 16 und 18 Uhr", "16:00 - 18:00"])
    async def test_a_window(self, desk, words):
        order = await desk.proven("in_transit")
        data = await desk.done("reschedule_delivery", order_number=order.number, to={"kind": "window", "window": words})
        assert data["window"] == {"from": "16:00", "to": "18:00"}
        assert (await desk.now(order)).shipments[0].window.start == "16:00"

    @pytest.mark.parametrize(
        ("kind", "place"),
        [("locker", "Packstation 145"), ("neighbour", "Familie Özdemir"), ("safe_place", "Gartenhaus")],
    )
    async def test_a_place(self, desk, kind, place):
        order = await desk.proven("in_transit")
        await desk.done("reschedule_delivery", order_number=order.number, to={"kind": kind, "place": place})
        wish = (await desk.now(order)).shipments[0].wish
        assert (wish.kind, wish.place) == (kind, place)

    async def test_a_store_by_its_town(self, desk):
        order = await desk.proven("in_transit")
        data = await desk.done("reschedule_delivery", order_number=order.number, to={"kind": "store", "place": "Husum"})
        assert data["place"] == "Lüttmoor Husum"
        code, params = await desk.denied(
            "reschedule_delivery", order_number=order.number, to={"kind": "store", "place": "Berlin"}
        )
        assert code == "place_needed"
        assert {store["city"] for store in params["options"]} == {"Hamburg", "Husum"}

    @pytest.mark.parametrize(
        ("to", "code"),
        [
            ({"kind": "day"}, "day_needed"),
            ({"kind": "day", "day": "2026-11-15"}, "day_unavailable"),
            ({"kind": "day", "day": "2027-03-01"}, "day_unavailable"),
            ({"kind": "window"}, "window_unavailable"),
            ({"kind": "window", "window": "3-4"}, "window_unavailable"),
            ({"kind": "neighbour"}, "place_needed"),
        ],
    )
    async def test_what_is_missing_or_cannot_be(self, desk, to, code):
        order = await desk.proven("in_transit")
        found, params = await desk.denied("reschedule_delivery", order_number=order.number, to=to)
        assert found == code
        if "day" in code:
            assert params["days"][0] >= order.shipments[0].expected_on.isoformat()

    @pytest.mark.parametrize(
        ("situation", "code"),
        [
            ("processing", "not_dispatched"),
            ("out_for_delivery", "too_late_today"),
            ("ready_for_pickup", "ready_for_pickup"),
            ("delivered", "already_delivered"),
            ("cancelled", "already_cancelled"),
            ("lost", "carrier_cannot"),
        ],
    )
    async def test_in_the_wrong_state(self, desk, situation, code):
        order = await desk.proven(situation)
        to = {"kind": "safe_place", "place": "Garage"}
        assert (await desk.denied("reschedule_delivery", order_number=order.number, to=to))[0] == code

    async def test_a_carrier_that_does_not_do_it(self, loaded, shop_data, clock):
        policies = policies_of()
        delivery = policies.delivery.model_copy(update={"wishes": ("day",)})
        desk = desk_of(loaded, shop_data, policies.model_copy(update={"delivery": delivery}), clock)
        order = await desk.proven("in_transit")
        to = {"kind": "locker", "place": "Packstation 145"}
        code, params = await desk.denied("reschedule_delivery", order_number=order.number, to=to)
        assert (code, params["options"]) == ("wish_unavailable", ["day"])
