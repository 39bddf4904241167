"""The checker on a real database: settles, tells once and in time, survives being run again."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from bot.conversation import Author
from bot.promises.checker import PromiseChecker
from bot.storage.conversations import Conversations
from bot.storage.promises import SqlPromiseFacts
from bot.storage.shop_tables import (
    CustomerRow,
    OperationRow,
    OrderRow,
    ProductRow,
    RequestRow,
    ShipmentRow,
    StockWatchRow,
    VariantRow,
)
from bot.storage.tables import MessageRow, PromiseRow, Signal

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 18, 12, tzinfo=BERLIN)
DUE = datetime(2026, 11, 20, 23, 59, 59, tzinfo=BERLIN)


class World:
    def __init__(self, database) -> None:
        self.database = database
        self.now = NOW
        self.published: list[int] = []

        async def publish(conversation_id: int) -> None:
            self.published.append(conversation_id)

        self.checker = PromiseChecker(database, SqlPromiseFacts(database), BERLIN, publish, lambda: self.now)

    async def order_with_promise(self, *, expected_on: date, language: str = "de") -> None:
        async with self.database.begin() as session:
            customer = CustomerRow(
                key="c1",
                email="a@example.org",
                email_key="a@example.org",
                first_name="A",
                last_name="B",
                source="import",
            )
            session.add(customer)
            await session.flush()
            order = OrderRow(
                number="LM-1", number_key="LM1", customer_id=customer.id, email="a@example.org", stage="shipped",
                source="import", expected_on=expected_on,
            )  # fmt: skip
            session.add(order)
            await session.flush()
            session.add(
                ShipmentRow(order_id=order.id, key="s1", carrier="DHL", status="in_transit", expected_on=expected_on)
            )
            conversation = await Conversations(session).open("web", "anna", language, NOW)
            session.add(
                PromiseRow(
                    conversation_id=conversation.id, kind="delivery", order_number="LM-1", wording="bis Freitag",
                    made_by="bot", made_at=NOW, due_at=DUE, state="open",
                )
            )  # fmt: skip

    async def parcel(self, **values) -> None:
        async with self.database.begin() as session:
            await session.execute(update(ShipmentRow).values(**values))

    async def promises(self) -> list[tuple[str, bool]]:
        async with self.database.read() as session:
            rows = await session.scalars(select(PromiseRow).order_by(PromiseRow.id))
            return [(row.state, row.told_at is not None) for row in rows]

    async def notices(self) -> list[str]:
        async with self.database.read() as session:
            rows = await session.scalars(select(MessageRow).where(MessageRow.author == Author.BOT))
            return [row.text for row in rows]


@pytest.fixture
def world(database) -> World:
    return World(database)


async def test_a_promise_that_holds_is_left_alone_and_then_kept_in_silence(world: World) -> None:
    await world.order_with_promise(expected_on=date(2026, 11, 20))
    assert await world.checker.check() == {}
    await world.parcel(status="delivered", delivered_at=NOW + timedelta(days=1))
    world.now = NOW + timedelta(days=2)
    assert await world.checker.check() == {"kept": 1}
    assert await world.promises() == [("kept", False)]
    assert await world.notices() == []


async def test_a_known_delay_is_told_once_before_the_promise_breaks_and_the_new_day_is_a_promise(world: World) -> None:
    await world.order_with_promise(expected_on=date(2026, 11, 24))
    assert (await world.checker.check())["told"] == 1
    assert await world.checker.check() == {}
    (notice,) = await world.notices()
    assert "LM-1" in notice
    assert "Dienstag, 24. November" in notice
    assert await world.promises() == [("open", True), ("open", False)]
    assert world.published == [1]
    world.now = DUE + timedelta(hours=1)
    assert await world.checker.check() == {"broken": 1}
    assert await world.promises() == [("broken", True), ("open", False)]
    assert len(await world.notices()) == 1


async def test_a_told_promise_that_is_kept_after_all_counts_as_kept(world: World) -> None:
    await world.order_with_promise(expected_on=date(2026, 11, 24))
    await world.checker.check()
    await world.parcel(status="delivered", delivered_at=NOW + timedelta(days=1))
    world.now = NOW + timedelta(days=1, hours=1)
    assert await world.checker.check() == {"kept": 2}
    assert len(await world.notices()) == 1


async def test_a_promise_that_broke_unforeseen_is_told_at_once_in_the_customers_language(world: World) -> None:
    await world.order_with_promise(expected_on=date(2026, 11, 20), language="en")
    world.now = DUE + timedelta(minutes=1)
    assert await world.checker.check() == {"broken": 1, "told": 1}
    (notice,) = await world.notices()
    assert notice.startswith("Your order LM-1 did not arrive on the promised day")
    async with world.database.read() as session:
        (signal,) = (await session.scalars(select(Signal))).all()
    assert (signal.kind, signal.data["in_time"]) == ("promise_notice", False)


async def test_a_parcel_ready_for_pickup_in_time_keeps_the_promise(world: World) -> None:
    await world.order_with_promise(expected_on=date(2026, 11, 20))
    event = {"at": (NOW + timedelta(days=1)).isoformat(), "status": "ready_for_pickup", "text": {"de": "", "en": ""}}
    await world.parcel(status="ready_for_pickup", events=[event])
    assert await world.checker.check() == {"kept": 1}


class TestWhatNoOrderTells:
    """Promises that are kept by deeds elsewhere: a mail that goods are back, an answered data-protection request."""

    async def promised(self, world: World, kind: str, operation: str, data: dict) -> None:
        async with world.database.begin() as session:
            conversation = await Conversations(session).open("web", "anna", "de", NOW)
            session.add(
                OperationRow(
                    key="k", conversation_id=conversation.public_id, turn_id="t", name=operation, args={}, state="done",
                    answer={"ok": True, "data": data}, started_at=NOW,
                )
            )  # fmt: skip
            session.add(
                PromiseRow(
                    conversation_id=conversation.id, kind=kind, wording="bis Freitag", made_by="bot", made_at=NOW,
                    due_at=DUE, state="open",
                )
            )  # fmt: skip

    async def test_goods_that_are_back_keep_it(self, world: World) -> None:
        await self.promised(world, "restock", "notify_restock", {"sku": "RJ-M"})
        async with world.database.begin() as session:
            session.add(
                StockWatchRow(
                    sku="RJ-M", email="a@example.org", email_key="a@example.org", language="de", created_at=NOW,
                    told_at=NOW + timedelta(hours=1),
                )
            )  # fmt: skip
        world.now = NOW + timedelta(hours=2)
        assert await world.checker.check() == {"kept": 1}

    async def test_goods_that_come_later_are_told_once(self, world: World) -> None:
        await self.promised(world, "restock", "notify_restock", {"sku": "RJ-M"})
        async with world.database.begin() as session:
            product = ProductRow(key="p", name="Jacke", category="", source="import")
            session.add(product)
            await session.flush()
            session.add(
                VariantRow(
                    product_id=product.id, sku="RJ-M", price_cents=1, stock=0, restock_on=date(2026, 11, 25), options={}
                )
            )  # fmt: skip
        assert (await world.checker.check())["told"] == 1
        assert await world.checker.check() == {}
        (notice,) = await world.notices()
        assert "Mittwoch, 25. November" in notice

    async def test_an_answered_data_protection_request_keeps_it(self, world: World) -> None:
        await world.order_with_promise(expected_on=date(2026, 11, 20))
        await self.promised(world, "answer", "privacy_request", {"number": "D-1"})
        async with world.database.begin() as session:
            session.add(
                RequestRow(
                    number="D-1", customer_id=1, kind="access", answer_by=DUE.date(), created_at=NOW,
                    done_at=NOW + timedelta(hours=1),
                )
            )  # fmt: skip
        world.now = NOW + timedelta(hours=2)
        assert await world.checker.check() == {"kept": 1}

    async def test_a_replacement_that_came_late_is_not_said_to_be_missing(self, world: World) -> None:
        await world.order_with_promise(expected_on=date(2026, 11, 20))
        async with world.database.begin() as session:
            await session.execute(update(PromiseRow).values(kind="replacement"))
        late = DUE + timedelta(hours=2)
        await world.parcel(status="delivered", delivered_at=late, replacement_for="C-1")
        world.now = late + timedelta(minutes=1)
        assert await world.checker.check() == {"broken": 1}
        assert await world.notices() == []
