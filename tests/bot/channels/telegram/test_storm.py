"""Thousands of updates, many faults, five kills: every update once, in order, nothing twice, limits kept.

ZUSAGE_TELEGRAM_UPDATES sets how many (200 by default; 10,000 take about ten minutes, because Telegram's limit of
30 messages a second is kept).
"""

import asyncio
import os
import time
from collections import Counter, defaultdict
from random import Random

import pytest
from sqlalchemy import create_engine, text

from bot.channels.telegram.playground.faults import Faults
from bot.channels.telegram.playground.server import FakeTelegram
from tests.engine_double import free_port, serve
from tests.telegram_double.service import Service

UPDATES = int(os.environ.get("ZUSAGE_TELEGRAM_UPDATES", "200"))
KILLS = 5
PER_CHAT = 50
WRITTEN_PER_S = 40
TIMEOUT_S = 3


def rows(database_url: str, query: str) -> list[tuple]:
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def count(database_url: str, query: str) -> int:
    return int(rows(database_url, query)[0][0])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["webhook", "polling"])
async def test_a_storm_with_faults_and_kills(mode, settings, engine_double) -> None:
    random = Random(17)
    faults = Faults(
        too_many=0.03, retry_after_s=2, hang=0.01, hang_s=TIMEOUT_S + 2, duplicate=0.05, reorder=0.05, random=random
    )
    telegram = FakeTelegram(faults=faults)
    async with serve(telegram.app) as api:
        service = Service(
            {
                "ZUSAGE_DATA_DIR": str(settings.data_dir),
                "ZUSAGE_DATABASE_URL": settings.database_url,
                "ZUSAGE_ENGINE_URL": engine_double.url,
                "ZUSAGE_TELEGRAM_TOKEN": telegram.token,
                "ZUSAGE_TELEGRAM_API_URL": api,
                "ZUSAGE_TELEGRAM_MODE": mode,
                "ZUSAGE_TELEGRAM_TIMEOUT_S": str(TIMEOUT_S),
                # On a machine that does other things too, an update may come late by more than it does at Telegram.
                "ZUSAGE_TELEGRAM_HOLD_S": "10",
                "ZUSAGE_LEASE_S": "3",
                "ZUSAGE_ENGINE_TIMEOUT_S": "2",
            },
            free_port(),
        )
        started = time.monotonic()
        try:
            await service.start()
            people = [telegram.person(f"Kunde {i}") for i in range(max(10, UPDATES // PER_CHAT))]
            writing = asyncio.create_task(write(telegram, people, random))
            expected = UPDATES + len(people)  # every chat begins with the word that this is a bot
            for kill in range(1, KILLS + 1):
                while len(telegram.sendings) < kill * expected // (KILLS + 1):
                    await telegram.changed.wait()
                await service.kill_and_restart()
            await writing
            await all_settled(settings.database_url, telegram)
        finally:
            service.stop()
            await telegram.close()
        took = time.monotonic() - started
    assert service.kills == KILLS
    judge(settings.database_url, telegram, people, took)


async def write(telegram: FakeTelegram, people: list, random: Random) -> None:
    """Let people write in bursts, faster than the bot may answer."""
    begun = time.monotonic()
    for i in range(UPDATES):
        telegram.say(random.choice(people), f"nr {i}")
        ahead = i / WRITTEN_PER_S - (time.monotonic() - begun)
        if ahead > 0:
            await asyncio.sleep(ahead)


async def all_settled(database_url: str, telegram: FakeTelegram) -> None:
    """Wait until nothing is on its way any more."""
    last, since = -1, time.monotonic()
    while True:
        owed = telegram.undelivered
        owed += count(database_url, "SELECT count(*) FROM telegram_updates WHERE state = 'open'")
        owed += count(database_url, "SELECT count(*) FROM turns WHERE state = 'pending'")
        owed += count(database_url, "SELECT count(*) FROM deliveries WHERE state IN ('pending', 'sending', 'failed')")
        if owed == 0:
            return
        if owed != last:
            last, since = owed, time.monotonic()
        assert time.monotonic() - since < 90, f"{owed} things are owed and nothing moves"
        await asyncio.sleep(0.5)


def judge(database_url: str, telegram: FakeTelegram, people: list, took: float) -> None:
    bot_id = telegram.bot["id"]
    assert rows(database_url, "SELECT state, count(*) FROM telegram_updates GROUP BY state") == [("done", UPDATES)]
    # Every message is stored once, and in each chat in the order in which it was written.
    said = defaultdict(list)
    for person in people:
        said[person.id] = [m["text"] for m in telegram.messages[person.id] if not m["from"]["is_bot"]]
    stored = defaultdict(list)
    for key, words in rows(
        database_url,
        "SELECT external_key, text FROM messages WHERE author = 'customer' ORDER BY conversation_id, number",
    ):
        stored[int(key.partition(":")[2])].append(words)
    for person in people:
        assert sorted(stored[person.id]) == sorted(said[person.id]), "a message was lost or stored twice"
    assert stored == {k: v for k, v in said.items() if v}, disorder(database_url)
    # Each has one answer, and in order.
    assert rows(database_url, "SELECT state, count(*) FROM turns GROUP BY state") == [("done", UPDATES)]
    answers = rows(database_url, "SELECT turn_id, text FROM messages WHERE author = 'bot' AND text LIKE 'echo: %'")
    assert len(answers) == len({turn for turn, _ in answers}) == UPDATES
    # What arrived did so once and in order; what did not arrive is counted as ambiguous.
    ambiguous = Counter(
        rows(
            database_url,
            "SELECT d.external_key, m.text FROM deliveries d JOIN messages m ON m.id = d.message_id "
            "WHERE d.state = 'ambiguous'",
        )
    )
    lost = 0
    for person in people:
        heard = [s.text for s in telegram.sendings if s.chat_id == person.id and s.text and s.text.startswith("echo")]
        wanted = [f"echo: {words}" for words in said[person.id]]
        assert len(heard) == len(set(heard)), "something was said twice"
        assert heard == [w for w in wanted if w in set(heard)], "order was not kept"
        for words in set(wanted) - set(heard):
            assert ambiguous[f"{bot_id}:{person.id}", words] == 1, f"{words} was lost without being counted"
            lost += 1
    counted = count(database_url, "SELECT count(*) FROM signals WHERE kind = 'delivery_ambiguous'")
    assert counted == ambiguous.total()
    assert telegram.breaches == []
    print(
        f"\n{UPDATES} updates in {len(people)} chats, {took:.0f} s: {len(telegram.sendings)} messages arrived, "
        f"{len(telegram.refused)} answered with 429, {ambiguous.total()} ambiguous of which {lost} did not arrive, "
        f"no breach of the limits."
    )


def disorder(database_url: str) -> str:
    """Tell which updates were handled after later ones, and when each arrived."""
    at = {
        int(update_id): received
        for update_id, received in rows(database_url, "SELECT update_id, received_at FROM telegram_updates")
    }
    first = min(at)
    found, last = [], {}
    for key, words in rows(
        database_url,
        "SELECT external_key, text FROM messages WHERE author = 'customer' ORDER BY conversation_id, number",
    ):
        number = int(words.split()[1])
        if number < last.get(key, -1):
            late, early = at.get(first + number), at.get(first + last[key])
            found.append(f"{key}: {number} (arrived {late}) after {last[key]} (arrived {early})")
        last[key] = max(number, last.get(key, -1))
    return "\n".join(["out of order:", *found])
