"""One conversation: begun on the website, continued in Telegram, with a person, then the survey, then the export."""

import asyncio
import csv
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from bot.channels.telegram.playground.server import Person
from bot.cli import app as command_line
from bot.clock import utc_now
from bot.console.auth import new_agent
from bot.storage.agents import Agents
from bot.storage.tables import Agent
from bot.texts import text
from tests.bot.console.conftest import PASSWORD
from tests.bot.console.conftest import Browser as AgentBrowser
from tests.engine_double import turn_response
from tests.telegram_double.website import Browser
from tests.telegram_double.world import World, eventually, running, until

ANGRY = "Seit einer Woche warte ich, ich will mit jemandem reden!"


@pytest.fixture
async def world(settings, engine_double) -> AsyncIterator[World]:
    engine_double.script[ANGRY] = lambda body: turn_response(
        body,
        ["Das ist ärgerlich."],
        intent={"name": "human_handoff", "confidence": 0.98},
        emotion={"label": "anger", "valence": -0.6, "confidence": 0.9},
        acknowledged=True,
        requests=[{"kind": "handoff", "reason": "customer_asked"}],
    )
    async with running(settings, engine_double) as world:
        yield world


@pytest.fixture
async def anna(world) -> AsyncIterator[tuple[Browser, Person]]:
    """Somebody with the website open, and with Telegram."""
    browser = Browser(world.url)
    yield browser, world.telegram.person("Anna")
    await browser.http.aclose()


@pytest.fixture
async def lena(world) -> AsyncIterator[AgentBrowser]:
    """An agent who is signed in to the console."""
    async with world.database.begin() as session:
        agent: Agent = await Agents(session).add(new_agent("lena@example.org", "Lena", "agent", PASSWORD, utc_now()))
    browser = AgentBrowser(None, agent)
    headers = httpx.Headers(browser.http.headers)
    headers["Origin"] = world.url
    browser.http = httpx.AsyncClient(base_url=world.url, trust_env=False, timeout=60, headers=headers)
    assert (await browser.sign_in()).status_code == 303
    yield browser
    await browser.http.aclose()


async def test_from_the_website_to_the_export(world, anna, lena, tmp_path, monkeypatch) -> None:
    browser, person = anna

    # On the website
    await browser.say("Wo ist mein Paket?")
    await until_last(browser, "echo: Wo ist mein Paket?")
    link = (await browser.call("POST", "")).json()["url"]

    # On in Telegram
    world.telegram.say(person, f"/start {link.partition('?start=')[2]}")
    await world.hears_something_with(person, "Haben Sie dort gerade selbst")
    world.telegram.press(person, world.telegram.last(person)["message_id"], text("telegram_join_yes", "de"))
    await eventually(lambda: state(browser), "agreed")
    assert (await browser.call("POST", "/confirm")).json()["state"] == "joined"
    world.telegram.say(person, "Und wann kommt es?")
    await world.hears_something_with(person, "echo: Und wann kommt es?")

    # To a person, who answers from the console and closes
    world.telegram.say(person, ANGRY)
    await world.hears_something_with(person, "Es dauert voraussichtlich")
    inbox = (await lena.get("/lists")).text
    number = inbox.partition('id="row-')[2].partition('"')[0]
    assert (await lena.post(f"/conversations/{number}/accept")).status_code == 204
    await world.hears_something_with(person, "Lena ist jetzt für Sie da.")
    assert (await lena.post(f"/conversations/{number}/reply", {"text": "Ich habe nachgesehen."})).status_code == 204
    await world.hears(person, "Lena\nIch habe nachgesehen.")
    world.telegram.say(person, "Danke!")
    await until_last(browser, "Danke!")
    assert (await lena.post(f"/conversations/{number}/close", {"reason": "solved"})).status_code == 204

    # The survey, with the keyboards of Telegram
    answers = await answer_everything(world, person, "Ging am Ende schnell.")
    assert len(answers) >= 2

    # One conversation, exported as one
    monkeypatch.setenv("ZUSAGE_DATA_DIR", str(world.settings.data_dir))
    monkeypatch.setenv("ZUSAGE_DATABASE_URL", world.settings.database_url)
    (conversation,) = await exported("conversations", tmp_path)
    assert (conversation["conversation_id"], conversation["channel"]) == (number, "web")  # where it began
    assert conversation["close_reason"] == "solved"

    messages = await exported("messages", tmp_path)
    assert {m["conversation_id"] for m in messages} == {number}
    assert [int(m["number"]) for m in messages] == list(range(1, int(conversation["messages"]) + 1))
    said = [(m["channel"], m["text"]) for m in messages if m["author"] == "customer"]
    assert said[:4] == [
        ("web", "Wo ist mein Paket?"),
        ("telegram", "Und wann kommt es?"),
        ("telegram", ANGRY),
        ("telegram", "Danke!"),
    ]
    assert {channel for channel, _ in said[4:]} == {"telegram"}
    assert [m["text"] for m in messages if m["author"] == "agent"] == ["Ich habe nachgesehen."]

    (handoff,) = await exported("handoffs", tmp_path)
    assert (handoff["conversation_id"], handoff["state"], handoff["reason"]) == (number, "closed", "customer_asked")
    assert handoff["close_reason"] == "solved"

    survey = await exported("survey", tmp_path)
    assert {(row["conversation_id"], row["trigger"], row["state"]) for row in survey} == {
        (number, "agent_closed", "done")
    }
    assert [row["value"] or row["text"] for row in survey] == answers


async def answer_everything(world: World, person: Person, comment: str) -> list[str]:
    """Choose the best value of each scale, and write a comment when asked for one; return the answers."""
    answers: list[str] = []
    while True:
        await until(lambda: question(world, person) is not None or thanked(world, person))
        asked = question(world, person)
        if asked is None:
            return answers
        rows = asked["reply_markup"]["inline_keyboard"]
        values = [key["text"] for row in rows for key in row if key["text"].removesuffix(" ★").isdigit()]
        heard = len(world.telegram.texts(person))
        if values:
            world.telegram.press(person, asked["message_id"], values[-1])
            answers.append(values[-1].removesuffix(" ★"))
        else:
            world.telegram.say(person, comment)
            answers.append(comment)
        await until(lambda heard=heard: len(world.telegram.texts(person)) > heard)


def question(world: World, person: Person) -> dict | None:
    """The survey's question that waits for an answer."""
    last = world.telegram.last(person)
    keys = [key["text"] for row in last.get("reply_markup", {}).get("inline_keyboard", []) for key in row]
    return last if {"Überspringen", "Nein, danke"} & {*keys} else None


def thanked(world: World, person: Person) -> bool:
    return world.telegram.texts(person)[-1].startswith("Danke, das ist notiert.")


async def exported(dataset: str, folder: Path) -> list[dict[str, str]]:
    """Export as an operator does, and read the file."""
    file = folder / f"{dataset}.csv"
    arguments = ["export", dataset, "--personal", "-o", str(file)]
    result = await asyncio.to_thread(CliRunner().invoke, command_line, arguments)
    assert result.exit_code == 0, result.output
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


async def state(browser: Browser) -> str:
    return (await browser.call("GET", "")).json()["state"]


async def until_last(browser: Browser, words: str) -> None:
    async def last() -> str:
        return ([*await browser.sees()] or [""])[-1]

    await eventually(last, words)
