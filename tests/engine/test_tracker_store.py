"""The tracker that travels is small, and means the same as the whole history."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

from engine import tracker_store
from engine.errors import EngineError
from engine.turn import Assistant
from tests.engine.conftest import Conversation

MESSAGES = [
    "hallo",
    "wo ist mein paket",
    "ZU-10234",
    "ZU-99999",
    "80331",
    "bist du ein bot",
    "das ist eine frechheit",
    "ihr seid toll",
    "hilfe",
    "wie wird das wetter",
    "vielen dank",
    "where is my order",
    "xqzt",
]


class WholeHistory:
    """Stands in for the tracker store and keeps Rasa's own tracker with every event."""

    def __init__(self) -> None:
        self.tracker: DialogueStateTracker | None = None

    def restore(self, document: dict[str, Any] | None, conversation_id: str, domain: Domain) -> DialogueStateTracker:
        """The same object again."""
        if self.tracker is None:
            self.tracker = DialogueStateTracker(conversation_id, domain.slots)
        return self.tracker

    def dump(self, tracker: DialogueStateTracker, domain: Domain) -> dict[str, Any]:
        """Nothing travels."""
        return {}


async def _answers(assistant: Assistant, messages: list[str]) -> list[list[str]]:
    conversation = Conversation(assistant, "de")
    return [await conversation.say(message) for message in messages]


class TestTrimming:
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(messages=st.lists(st.sampled_from(MESSAGES), min_size=10, max_size=25))
    def test_the_answers_are_those_of_the_whole_history(self, assistant: Assistant, messages: list[str]) -> None:
        trimmed = asyncio.run(_answers(assistant, messages))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("engine.turn.tracker_store", WholeHistory())
            whole = asyncio.run(_answers(assistant, messages))
        assert trimmed == whole

    async def test_a_form_survives_any_number_of_digressions(self, conversation: Conversation) -> None:
        await conversation.say("wo ist mein paket")
        await conversation.say("ZU-10234")
        for _ in range(30):
            assert await conversation.say("bist du ein bot") == ["Ich bin ein Bot.", "Postleitzahl?"]
        assert await conversation.say("80331") == ["Bestellung ZU-10234 ist unterwegs."]

    async def test_a_slot_that_rules_look_at_survives(self, conversation: Conversation) -> None:
        await conversation.say("ich bin unzufrieden")
        for _ in range(20):
            await conversation.say("hallo")
        assert await conversation.say("hilfe") == ["Immer noch ärgerlich."]

    async def test_it_stays_within_16_kib_however_long_the_conversation(self, conversation: Conversation) -> None:
        sizes = []
        for turn in range(120):
            await conversation.say(("😡" * 990 + f" {turn}") if turn % 3 else "wo ist mein paket")
            sizes.append(len(json.dumps(conversation.tracker, ensure_ascii=False).encode()))
        assert max(sizes) <= tracker_store.MAX_BYTES


class TestRestore:
    def test_an_unreadable_tracker_is_refused(self, assistant: Assistant) -> None:
        for document in (
            {},
            {"v": 0, "slots": {}, "events": []},
            {"v": 1, "slots": {}, "events": [{"event": "moon"}]},
            {"v": 1},
        ):
            with pytest.raises(EngineError) as refused:
                tracker_store.restore(document, "c", assistant.domain)
            assert refused.value.code == "tracker_unreadable"

    def test_what_a_new_assistant_no_longer_has_is_left_out(self, assistant: Assistant) -> None:
        document = {
            "v": 1,
            "slots": {"gone": "x", "postcode": "80331"},
            "events": [
                {"event": "action", "name": "gone_form"},
                {"event": "active_loop", "name": "gone_form"},
                {"event": "slot", "name": "gone", "value": "x"},
            ],
        }
        tracker = tracker_store.restore(document, "c", assistant.domain)
        assert tracker.active_loop_name is None
        assert tracker.get_slot("postcode") == "80331"
        assert "gone" not in tracker.slots
