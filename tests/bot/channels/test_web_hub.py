"""What waits for a browser is bounded: one that falls behind is let go, comes back, and reads on by number."""

from bot.channels.web.chat import refusal
from bot.channels.web.hub import QUEUE, Link
from bot.errors import InvalidInput

FRAME = refusal(InvalidInput("x"))


async def test_frames_come_in_their_order_up_to_the_limit() -> None:
    link = Link("address")
    for _ in range(QUEUE):
        link.push(FRAME)
    assert link.waiting() == [FRAME] * QUEUE


async def test_a_browser_that_falls_behind_is_let_go_and_keeps_no_memory() -> None:
    link = Link("address")
    for _ in range(QUEUE * 3):
        link.push(FRAME)
    assert await link.next() is None
    link.push(FRAME)
    assert link.waiting() == []
