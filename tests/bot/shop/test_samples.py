"""Orders to try things with."""

from bot.shop.demo import SCENARIOS
from bot.shop.samples import find_samples, tour_of


async def test_one_for_every_situation_with_what_proves_it(desk):
    samples = await find_samples(desk.shop, desk.data.samples, desk.calendar, desk.clock.now)
    assert {sample.situation for sample in samples} == set(SCENARIOS)
    for sample in samples:
        data = await desk.done("verify", who=sample.number, order_number=sample.number, postcode=sample.postcode)
        assert data["state"] == "verified"


async def test_what_is_asked_about_is_in_the_order(desk):
    samples = await find_samples(desk.shop, desk.data.samples, desk.calendar, desk.clock.now)
    for sample in samples:
        assert "{" not in sample.ask.de + sample.ask.en
        if sample.situation == "delivered":
            order = await desk.shop.order(sample.number)
            assert order.lines[0].name in sample.ask.de
            assert order.lines[0].name_en in sample.ask.en


async def test_one_that_was_tried_is_replaced_by_a_fresh_one(desk):
    before = {s.situation: s for s in await find_samples(desk.shop, desk.data.samples, desk.calendar, desk.clock.now)}
    number = before["processing"].number
    await desk.done("verify", order_number=number, postcode=before["processing"].postcode)
    await desk.done("cancel_order", order_number=number)
    after = {s.situation: s for s in await find_samples(desk.shop, desk.data.samples, desk.calendar, desk.clock.now)}
    assert after["processing"].number != number
    assert after["processing"].status == "processing"


async def test_a_real_shop_has_one_for_every_stage(desk):
    samples = await find_samples(desk.shop, None, desk.calendar, desk.clock.now)
    assert len({sample.what for sample in samples}) == 8


async def test_the_tour_names_three(desk):
    samples = await find_samples(desk.shop, desk.data.samples, desk.calendar, desk.clock.now)
    tour = tour_of(samples)
    assert tour.count("LM-") == 3
    assert "Wo bleibt meine Bestellung?" in tour
