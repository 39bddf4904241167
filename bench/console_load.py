"""The agents' console under load: 200 conversations wait, 20 agents look on, customers write.

Measured is the time from a customer's sending to the row on each agent's stream, on every screen that shows the
conversation: the agent's own, the queue's, the colleagues'. ``python -m bench.console_load [postgresql://...]``
measures alone, by default on SQLite; a PostgreSQL database must be empty and is filled.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx

from bot.settings import Settings
from bot.storage import migrate
from bot.storage.database import Database
from tests.console_client import ConsoleClient, console
from tests.engine_double import EngineDouble, serve, turn_response
from tests.faults.service_process import ServiceProcess

WAITING = 200
AGENTS = 20
ACCEPTED = 40  # of those that wait, two for each agent
MESSAGES = 150
PER_SECOND = 5
WISH = "Ich möchte einen Menschen"

Row = tuple[str, str, str]


async def measure(database_url: str = "") -> AsyncIterator[Row]:
    """Fill the queue, open the consoles, let customers write, and yield the rows of the table."""
    with tempfile.TemporaryDirectory() as folder:
        url = database_url or f"sqlite:///{Path(folder) / 'bench.db'}"
        migrate.upgrade(url)
        settings = Settings(_env_file=None, data_dir=Path(folder), database_url=url)
        engine = EngineDouble()
        engine.script[WISH] = lambda body: turn_response(
            body, [], requests=[{"kind": "handoff", "reason": "customer_asked"}]
        )
        database = Database(url)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(database.close)
            service = ServiceProcess(settings, await stack.enter_async_context(serve(engine.app)))
            stack.callback(service.kill)
            await service.start()
            customers = await stack.enter_async_context(
                httpx.AsyncClient(base_url=service.url, timeout=60, trust_env=False)
            )
            for number in range(WAITING):
                await _write(customers, number, WISH)
            agents = [
                await stack.enter_async_context(console(service.url, database, f"Agent{n}")) for n in range(AGENTS)
            ]
            for agent in agents:
                await agent.listen()
            started = time.perf_counter()
            queue = (await agents[0].lists())["queue"]
            reload_s = time.perf_counter() - started
            assert len(queue) == WAITING
            for number, conversation_id in enumerate(queue[:ACCEPTED]):
                response = await agents[number % AGENTS].post(f"/conversations/{conversation_id}/accept")
                assert response.status_code == 204, response.text
            times, missing = await _storm(customers, agents)
            lists = [await agent.lists() for agent in agents]
            truth = all(
                len(found["mine"]) == ACCEPTED // AGENTS and len(found["queue"]) == WAITING - ACCEPTED
                for found in lists
            )
        kind = "PostgreSQL" if database_url else "SQLite"
        what = f"console ({kind}): {WAITING} conversations, {AGENTS} agents"
        p95 = statistics.quantiles(times, n=20)[18]
        yield f"{what}, message to screen p50", f"{statistics.median(times) * 1000:.0f} ms", ""
        yield f"{what}, message to screen p95", f"{p95 * 1000:.0f} ms", "≤ 300 ms"
        yield f"{what}, message to screen, longest", f"{max(times) * 1000:.0f} ms", ""
        yield f"{what}, screens missed", f"{missing} of {len(times) + missing}", "0"
        yield f"{what}, lists loaded anew", f"{reload_s * 1000:.0f} ms", ""
        yield f"{what}, reload shows the truth", "yes" if truth else "no", "yes"


async def _write(customers: httpx.AsyncClient, number: int, words: str) -> None:
    response = await customers.post("/webhooks/rest/webhook", json={"sender": f"customer{number}", "message": words})
    response.raise_for_status()


async def _storm(customers: httpx.AsyncClient, agents: list[ConsoleClient]) -> tuple[list[float], int]:
    """Let customers write at a steady rate; return seconds to each screen, and how many screens were missed."""
    sent: dict[str, float] = {}
    writing = []
    begin = time.monotonic()
    for number in range(MESSAGES):
        await asyncio.sleep(max(0.0, begin + number / PER_SECOND - time.monotonic()))
        words = f"Nachricht-{number:04}"
        sent[words] = time.monotonic()
        writing.append(asyncio.create_task(_write(customers, number % WAITING, words)))
    await asyncio.gather(*writing)
    await asyncio.sleep(6)  # whatever a lost wake-up would have left behind is read again within five seconds
    times: list[float] = []
    for agent in agents:
        arrived: dict[str, float] = {}
        for name, data, at in agent.events:
            words = _words(name, data)
            if words is not None:
                arrived.setdefault(words, at)
        times += [arrived[words] - at for words, at in sent.items() if words in arrived]
    return times, len(sent) * len(agents) - len(times)


def _words(name: str, data: dict[str, Any]) -> str | None:
    """Return the numbered message that an event of the stream shows."""
    at = data.get("html", "").find("Nachricht-") if name == "row" else -1
    return data["html"][at : at + len("Nachricht-0000")] if at >= 0 else None


async def main(database_url: str) -> None:
    """Print the rows."""
    async for what, measured, wanted in measure(database_url):
        print(f"{what}: {measured}{f' (wanted {wanted})' if wanted else ''}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else ""))
