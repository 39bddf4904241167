"""Delivery: in order per address, retried where that can help, stopped where it cannot, never twice by us."""

import asyncio

import pytest
from sqlalchemy import select

from bot.clock import utc_now
from bot.conversation import (
    DeliveryState,
    Destination,
    Message,
    PermanentFailure,
    Reply,
    Sent,
    TemporaryFailure,
)
from bot.outbox import Outbox
from bot.storage.conversations import Conversations
from bot.storage.tables import ChannelLink, Delivery, Signal


class Recorder:
    """A channel that notes what it was given and fails as told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str | None]] = []
        self.failures: list[Exception] = []

    async def send(self, to: Destination, message: Message) -> Sent:
        if self.failures:
            raise self.failures.pop(0)
        parts = (message.text or "").split("|")
        self.sent.append((to.external_key, parts[to.part]))
        return Sent(external_id=f"ext-{message.id}", more=to.part + 1 < len(parts))


async def write(database, key: str, *texts: str) -> None:
    async with database.begin() as session:
        conversations = Conversations(session)
        row = await conversations.at("fake", key) or await conversations.open("fake", key, "de", utc_now())
        for text in texts:
            await conversations.add_reply(row, Reply(text=text), utc_now())


async def states(database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(Delivery.state).order_by(Delivery.id)))


async def drain(outbox: Outbox) -> None:
    while await outbox.send_due("fake"):
        pass


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def outbox(database, recorder) -> Outbox:
    return Outbox(database, {"fake": recorder})


async def test_messages_arrive_once_and_in_order_per_address(database, outbox, recorder) -> None:
    await write(database, "anna", "a1", "a2", "a3")
    await write(database, "bert", "b1", "b2")
    await drain(outbox)
    assert [t for k, t in recorder.sent if k == "anna"] == ["a1", "a2", "a3"]
    assert [t for k, t in recorder.sent if k == "bert"] == ["b1", "b2"]
    assert set(await states(database)) == {"sent"}


async def test_a_failure_holds_back_later_messages_of_that_address_only(database, outbox, recorder) -> None:
    await write(database, "anna", "a1", "a2")
    recorder.failures = [TemporaryFailure("busy", retry_after_s=60)]
    await drain(outbox)
    await write(database, "bert", "b1")
    await drain(outbox)
    assert recorder.sent == [("bert", "b1")]
    assert await states(database) == ["failed", "pending", "sent"]


async def test_what_failed_is_tried_again_when_it_is_due(database, recorder) -> None:
    from datetime import timedelta

    now = utc_now()
    times = [now, now + timedelta(seconds=61)]
    outbox = Outbox(database, {"fake": recorder}, clock=lambda: times[0])
    await write(database, "anna", "a1", "a2")
    times[0] = utc_now()
    recorder.failures = [TemporaryFailure("busy", retry_after_s=60)]
    await drain(outbox)
    assert recorder.sent == []
    times[0] = utc_now() + timedelta(seconds=61)
    await drain(outbox)
    assert [t for _, t in recorder.sent] == ["a1", "a2"]


async def test_a_customer_who_blocked_us_gets_nothing_more(database, outbox, recorder) -> None:
    await write(database, "anna", "a1", "a2")
    recorder.failures = [PermanentFailure("blocked")]
    await drain(outbox)
    await write(database, "anna", "a3")
    await drain(outbox)
    assert recorder.sent == []
    assert set(await states(database)) == {DeliveryState.DEAD}
    async with database.read() as session:
        assert (await session.scalars(select(ChannelLink.dead_at))).one() is not None


async def test_a_time_out_after_sending_is_counted_and_not_sent_again(database, outbox, recorder) -> None:
    await write(database, "anna", "a1", "a2")
    recorder.failures = [TemporaryFailure("timed out", ambiguous=True)]
    await drain(outbox)
    assert recorder.sent == [("anna", "a2")]
    assert await states(database) == ["ambiguous", "sent"]
    async with database.read() as session:
        assert list(await session.scalars(select(Signal.kind))) == ["delivery_ambiguous"]


async def test_two_workers_send_nothing_twice(database, recorder) -> None:
    await write(database, "anna", *(f"a{i}" for i in range(10)))
    workers = [Outbox(database, {"fake": recorder}) for _ in range(3)]
    await asyncio.gather(*(drain(worker) for worker in workers))
    await drain(workers[0])
    assert [t for _, t in recorder.sent] == [f"a{i}" for i in range(10)]
