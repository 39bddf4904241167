"""The shop system hears of every change that is made here: in order, signed, and again until it has heard."""

import base64
import hashlib
import hmac
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.shop.telling import CannotTell, ShopEvent, Webhook
from bot.shop_push import PAUSES_S, ShopPush
from bot.storage.shop_events import ShopEvents
from bot.storage.shop_tables import ShopEventRow
from tests.engine_double import serve


class Ear:
    """Stands for a shop system: keeps what it heard, and fails when told to."""

    def __init__(self) -> None:
        self.heard: list[ShopEvent] = []
        self.fails: CannotTell | None = None

    async def tell(self, event: ShopEvent) -> None:
        if self.fails is not None:
            raise self.fails
        self.heard.append(event)

    async def close(self) -> None:
        pass


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def push(loaded, ear, clock) -> ShopPush:
    return ShopPush(loaded, ear, clock)


async def cancel(desk, which: int = 0, **more):
    order = await desk.proven("processing", which, who=f"c{which}", full=True)
    await desk.done("cancel_order", who=f"c{which}", order_number=order.number, reason="no_longer_needed", **more)
    return order


class TestTelling:
    async def test_a_change_in_the_chat_is_told_once(self, desk, push, ear):
        order = await cancel(desk, turn="t-cancel")
        await desk.call(  # the turn runs again
            "cancel_order", who="c0", turn="t-cancel", order_number=order.number, reason="no_longer_needed"
        )
        assert await push.tell_due() == 1
        assert await push.tell_due() == 0
        told = ear.heard[0].as_json()
        assert (told["type"], told["order"]) == ("cancel_order", order.number)
        assert told["change"]["reason"] == "no_longer_needed"
        assert {part["line_id"] for part in told["change"]["lines"]} == {line.id for line in order.lines}

    async def test_a_return_is_told_with_its_number(self, desk, push, ear):
        order = await desk.proven("delivered", full=True)
        line = order.lines[0]
        data = await desk.done(
            "create_return",
            order_number=order.number,
            lines=[{"line_id": line.id, "quantity": 1, "reason": "too_small"}],
            drop_off="service_point",
            label="qr",
        )
        await push.tell_due()
        assert ear.heard[0].as_json()["result"]["number"] == data["number"]

    async def test_what_was_denied_or_only_shown_is_not_told(self, desk, push, ear):
        order = await desk.proven("processing", full=True)
        await desk.done("cancel_order", dry=True, order_number=order.number, reason="no_longer_needed")
        await desk.denied("create_return", order_number=order.number, lines=[{"line_id": "1", "quantity": 1}])
        assert await push.tell_due() == 0


class TestTryingAgain:
    async def test_it_is_told_again_with_growing_pauses_and_the_same_id(self, desk, push, ear, clock, loaded):
        await cancel(desk)
        ear.fails = CannotTell("answered 503")
        for pause in PAUSES_S[:3]:
            assert await push.tell_due() == 0
            clock.forward(seconds=pause - 1)
            assert await push.tell_due() == 0
            clock.forward(seconds=2)
        ear.fails = None
        assert await push.tell_due() == 1
        async with loaded.read() as session:
            row = (await session.scalars(select(ShopEventRow))).one()
        assert (row.public_id, row.state, row.tries) == (ear.heard[0].id, "sent", 4)

    async def test_changes_of_one_order_stay_in_order_and_others_go_on(self, desk, push, ear, clock):
        order = await desk.proven("processing", 0, who="c0", full=True)
        line = next(line for line in order.lines)
        await desk.done(
            "cancel_order", who="c0", order_number=order.number, reason="no_longer_needed", line_ids=[line.id]
        )
        ear.fails = CannotTell("time-out")
        await push.tell_due()
        ear.fails = None
        await desk.call(
            "change_delivery_address",
            who="c0",
            order_number=order.number,
            address={"name": "Jana Müller", "street": "Weg 1", "postcode": "20257", "city": "Hamburg"},
        )
        await cancel(desk, 1)
        await push.tell_due()
        assert order.number not in {event.order_number for event in ear.heard}
        assert len(ear.heard) == 1
        clock.forward(seconds=PAUSES_S[0] + 1)
        while await push.tell_due():
            pass
        mine = [event.operation for event in ear.heard if event.order_number == order.number]
        assert mine[0] == "cancel_order"

    async def test_after_three_days_it_waits_for_an_operator(self, desk, push, ear, clock, loaded):
        await cancel(desk)
        ear.fails = CannotTell("answered 500")
        for pause in (*PAUSES_S, 1):
            await push.tell_due()
            clock.forward(seconds=pause + 1)
        ear.fails = None
        assert await push.tell_due() == 0
        async with loaded.read() as session:
            untold = [event async for event in ShopEvents(session).since(None, untold=True)]
        assert [event.operation for event in untold] == ["cancel_order"]

    async def test_gone_means_gone(self, desk, push, ear, loaded):
        await cancel(desk)
        ear.fails = CannotTell("answered 410", final=True)
        await push.tell_due()
        async with loaded.read() as session:
            assert (await session.scalars(select(ShopEventRow.state))).all() == ["dead"]


class TestWebhook:
    EVENT = ShopEvent("ev_1", "LM-1", "cancel_order", datetime(2026, 11, 11, tzinfo=UTC), {"reason": "x"}, {})

    @asynccontextmanager
    async def shop_system(self, status: int):
        seen: list[tuple[dict, bytes]] = []

        async def hear(request: Request) -> Response:
            seen.append((dict(request.headers), await request.body()))
            return Response(status_code=status)

        async with serve(Starlette(routes=[Route("/hook", hear, methods=["POST"])])) as url:
            yield f"{url}/hook", seen

    async def test_it_is_signed_by_the_standard(self):
        async with self.shop_system(204) as (url, seen):
            webhook = Webhook(url, "geheim")
            await webhook.tell(self.EVENT)
            await webhook.close()
        headers, body = seen[0]
        signed = f"ev_1.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(b"geheim", signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-id"] == "ev_1"
        assert headers["webhook-signature"] == f"v1,{expected}"
        assert json.loads(body)["order"] == "LM-1"

    @pytest.mark.parametrize(("status", "final"), [(500, False), (302, False), (404, False), (410, True)])
    async def test_anything_but_2xx_was_not_heard(self, status, final):
        async with self.shop_system(status) as (url, _):
            webhook = Webhook(url, "geheim")
            with pytest.raises(CannotTell) as failure:
                await webhook.tell(self.EVENT)
            await webhook.close()
        assert failure.value.final is final

    async def test_nobody_there_was_not_heard(self):
        webhook = Webhook("http://127.0.0.1:9/hook", "geheim")
        with pytest.raises(CannotTell) as failure:
            await webhook.tell(self.EVENT)
        await webhook.close()
        assert not failure.value.final
