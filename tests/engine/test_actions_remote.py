"""With a stock action server beside it the engine answers the same, and its failures are errors, too."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from engine.actions_remote import RemoteActions
from engine.errors import EngineError
from engine.turn import Assistant
from tests.engine.conftest import Conversation

ROOT = Path(__file__).parents[2]
STARTS_WITHIN_S = 90


@pytest.fixture(scope="module")
def webhook() -> Iterator[str]:
    """The address of `rasa run actions` (which is this module of rasa-sdk) with the test assistant's actions."""
    port = unused_port()
    command = [sys.executable, "-m", "rasa_sdk", "--actions", "tests.engine.assistant.actions", "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(STARTS_WITHIN_S * 5):
            assert server.poll() is None, "the action server ended by itself"
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health")
                break
            except OSError:
                time.sleep(0.2)
        else:
            raise AssertionError("the action server did not start")
        yield f"http://127.0.0.1:{port}/webhook"
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def conversation(assistant: Assistant, webhook: str, monkeypatch: pytest.MonkeyPatch) -> Conversation:
    """A new conversation whose actions run elsewhere."""
    monkeypatch.setattr(assistant, "action_endpoint", RemoteActions(webhook, seconds=5))
    return Conversation(assistant)


async def test_a_form_is_validated_there(conversation: Conversation) -> None:
    assert await conversation.say("wo ist mein paket") == ["Bestellnummer?"]
    await conversation.say("ZU-99999")
    assert conversation.facts["asked_again"] == []
    assert await conversation.say("ZU-10234") == ["Postleitzahl?"]
    assert await conversation.say("80331") == ["Bestellung ZU-10234 ist unterwegs."]


async def test_facts_come_back_from_there(conversation: Conversation) -> None:
    assert await conversation.choose("/place_order") == ["Hier."]
    assert conversation.replies[0]["card"] == {"type": "order"}
    assert [operation["name"] for operation in conversation.facts["operations"]] == ["order"]
    assert [promise["kind"] for promise in conversation.facts["promises"]] == ["answer"]


async def test_the_surroundings_go_there(conversation: Conversation) -> None:
    assert await conversation.choose("/contact_info") == ["2026-11-21T12:00:00+01:00 Europe/Berlin t1 c1"]


async def test_an_action_that_fails_there_fails_the_turn(conversation: Conversation) -> None:
    with pytest.raises(EngineError) as failed:
        await conversation.choose("/newsletter")
    assert (failed.value.code, failed.value.retry) == ("action_failed", True)


async def test_an_action_that_takes_too_long_there_fails_the_turn(
    conversation: Conversation, webhook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation.assistant, "action_endpoint", RemoteActions(webhook, seconds=0.3))
    with pytest.raises(EngineError) as failed:
        await conversation.choose("/get_invoice")
    assert (failed.value.code, failed.value.retry) == ("action_timeout", True)


async def test_without_a_server_the_turn_fails_and_may_be_tried_again(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = f"http://127.0.0.1:{unused_port()}/webhook"
    monkeypatch.setattr(conversation.assistant, "action_endpoint", RemoteActions(nobody, seconds=5))
    with pytest.raises(EngineError) as failed:
        await conversation.choose("/place_order")
    assert (failed.value.code, failed.value.retry) == ("actions_unreachable", True)
