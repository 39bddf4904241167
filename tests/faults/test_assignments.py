"""Who has which conversation is in the database: a killed service process loses no assignment."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from bot.storage.tables import Assignment, ConversationRow, Handoff
from tests.console_client import console
from tests.engine_double import turn_response
from tests.faults.service_process import ServiceProcess

WISH = "Ich möchte einen Menschen"
CUSTOMERS = 12


def person(body: dict[str, Any]) -> dict[str, Any]:
    return turn_response(body, [], requests=[{"kind": "handoff", "reason": "customer_asked"}])


@pytest.fixture
async def service(settings, engine_double):
    engine_double.script[WISH] = person
    service = ServiceProcess(settings, engine_double.url)
    await service.start()
    yield service
    service.kill()


async def rows(database, table) -> list[Any]:
    async with database.read() as session:
        found = list(await session.scalars(select(table).order_by(table.id)))
        session.expunge_all()
        return found


@pytest.mark.slow
async def test_a_kill_in_the_middle_of_accepting_leaves_each_conversation_with_one_or_in_the_queue(
    service: ServiceProcess, database
) -> None:
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        for number in range(CUSTOMERS):
            body = {"sender": f"c{number}", "message": WISH}
            assert (await client.post(f"{service.url}/webhooks/rest/webhook", json=body)).status_code == 200
    waiting = [handoff.conversation_id for handoff in await rows(database, Handoff)]
    assert len(waiting) == CUSTOMERS

    async with console(service.url, database, "Lena") as lena, console(service.url, database, "Murat") as murat:
        assert sorted((await lena.lists())["queue"]) == waiting

        async def accept(agent: Any, conversation_id: int) -> bool:
            try:
                return (await agent.post(f"/conversations/{conversation_id}/accept")).status_code == 204
            except httpx.HTTPError:
                return False

        first = await accept(lena, waiting[0])
        pressed = [asyncio.create_task(accept(agent, c)) for c in waiting[1:] for agent in (lena, murat)]
        await asyncio.wait(pressed, return_when=asyncio.FIRST_COMPLETED)
        service.kill()
        answered = await asyncio.gather(*pressed)
        assert first

        await service.start()
        handoffs = {h.conversation_id: h for h in await rows(database, Handoff)}
        conversations = {c.id: c.state for c in await rows(database, ConversationRow)}
        held = [a for a in await rows(database, Assignment) if a.until is None]
        for conversation_id in waiting:
            handoff = handoffs[conversation_id]
            mine = [a.agent_id for a in held if a.handoff_id == handoff.id]
            if handoff.state == "accepted":
                assert (conversations[conversation_id], mine) == ("agent", [handoff.agent_id])
            else:
                assert (handoff.state, conversations[conversation_id], mine) == ("queued", "waiting", [])
        taken = [c for c in waiting if handoffs[c].state == "accepted"]
        assert waiting[0] in taken
        # Whoever was told "yes" has it: of two answers for one conversation one at most was yes.
        said_yes = [c for c, yes in zip([c for c in waiting[1:] for _ in range(2)], answered, strict=True) if yes]
        assert len(set(said_yes)) == len(said_yes)
        assert set(said_yes) <= set(taken)

        # Both are still signed in, and a reloaded page shows exactly this.
        lists = [await lena.lists(), await murat.lists()]
        assert sorted(lists[0]["mine"] + lists[1]["mine"]) == taken
        assert sorted(lists[0]["queue"]) == sorted(set(waiting) - set(taken))
        assert (await lena.post(f"/conversations/{waiting[0]}/reply", text="Da bin ich wieder")).status_code == 204
