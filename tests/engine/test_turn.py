"""One turn through Rasa: what comes back, and what a customer cannot do."""

import pytest

from engine.errors import EngineError
from tests.engine.conftest import Conversation


class TestAnswers:
    async def test_answers_in_the_language_of_each_message(self, conversation: Conversation) -> None:
        assert await conversation.say("guten morgen") == ["Guten Tag."]
        assert await conversation.say("are you a bot") == ["I am a bot."]
        assert await conversation.say("bist du ein bot") == ["Ich bin ein Bot."]

    async def test_a_form_asks_and_survives_a_digression(self, conversation: Conversation) -> None:
        assert await conversation.say("wo ist mein paket") == ["Bestellnummer?"]
        assert (conversation.facts["goal"], conversation.facts["step"]) == ("tracking_form", "order_number")
        assert await conversation.say("bist du ein bot") == ["Ich bin ein Bot.", "Bestellnummer?"]
        assert await conversation.say("ZU-10234") == ["Postleitzahl?"]
        assert await conversation.say("80331") == ["Bestellung ZU-10234 ist unterwegs."]
        assert (conversation.facts["goal"], conversation.facts["step"]) == (None, None)

    async def test_a_button_counts_as_its_payload(self, conversation: Conversation) -> None:
        assert await conversation.choose("/track_order") == ["Bestellnummer?"]
        assert await conversation.choose('/inform{"order_number": "ZU-10234"}') == ["Postleitzahl?"]
        assert conversation.facts["intent"] == {"name": "inform", "confidence": 1.0}
        assert conversation.facts["entities"] == [
            {"type": "order_number", "value": "ZU-10234", "text": "ZU-10234", "start": 0, "end": 0}
        ]

    async def test_what_was_not_understood_is_a_fact(self, conversation: Conversation) -> None:
        await conversation.say("xqzt brrf")
        assert not conversation.facts["understood"]
        assert conversation.replies[0]["buttons"] == [{"title": "Paket", "payload": "/track_order"}]

    async def test_a_value_that_was_asked_for_is_understood_whatever_it_looks_like(
        self, conversation: Conversation
    ) -> None:
        await conversation.choose("/track_order")
        await conversation.say("ZU-10234")
        assert conversation.facts["understood"]

    async def test_a_reply_knows_that_it_takes_up_a_feeling(self, conversation: Conversation) -> None:
        await conversation.say("das ist eine frechheit")
        assert conversation.replies[0]["acknowledges"]
        assert conversation.facts["acknowledged"]

    async def test_asking_again_for_what_was_given_is_a_fact(self, conversation: Conversation) -> None:
        await conversation.say("wo ist mein paket")
        await conversation.say("ZU-10234")
        assert conversation.facts["asked_again"] == []
        await conversation.say("ZU-99999")
        assert conversation.facts["asked_again"] == ["order_number"]

    async def test_actions_know_the_message_s_surroundings(self, conversation: Conversation) -> None:
        assert await conversation.choose("/contact_info") == ["2026-11-21T12:00:00+01:00 Europe/Berlin t1 c1"]

    async def test_however_long_the_pause_the_matter_goes_on(self, conversation: Conversation) -> None:
        await conversation.say("wo ist mein paket")
        conversation.now = "2026-12-24T12:00:00+01:00"
        assert await conversation.say("ZU-10234") == ["Postleitzahl?"]


class TestFacts:
    async def test_an_action_s_facts_are_sorted_from_its_replies(self, conversation: Conversation) -> None:
        assert await conversation.choose("/place_order") == ["Hier."]
        assert conversation.replies[0]["card"] == {"type": "order"}
        assert conversation.facts["operations"] == [
            {"name": "order", "order": "ZU-10234", "ok": False, "code": "not_verified"}
        ]
        assert conversation.facts["promises"] == [
            {"kind": "answer", "order": None, "return": None, "wording": "morgen", "due": "2026-11-22T12:00:00+01:00"}
        ]
        assert conversation.facts["requests"] == [{"kind": "handoff", "reason": "asked"}]

    async def test_what_an_action_does_to_its_copy_of_the_tracker_stays_there(self, conversation: Conversation) -> None:
        await conversation.choose("/place_order")
        assert conversation.tracker is not None
        assert "note" not in conversation.tracker["slots"]


class TestFailures:
    @pytest.mark.parametrize(
        ("payload", "code", "retry"),
        [
            ("/get_invoice", "action_timeout", True),
            ("/newsletter", "action_failed", True),
            ("/store_info", "tracker_too_large", False),
            ("/voucher_issue", "response_invalid", False),
            ("/thank", "no_reply", False),
        ],
    )
    async def test_a_turn_that_fails_says_why(
        self, conversation: Conversation, payload: str, code: str, retry: bool
    ) -> None:
        if payload == "/thank":
            conversation.assistant.nlg.responses["utter_default"], kept = (
                [],
                conversation.assistant.nlg.responses["utter_default"],
            )
        try:
            with pytest.raises(EngineError) as failed:
                await conversation.choose(payload)
        finally:
            if payload == "/thank":
                conversation.assistant.nlg.responses["utter_default"] = kept
        assert (failed.value.code, failed.value.retry) == (code, retry)

    async def test_a_failure_names_nothing_personal(self, conversation: Conversation) -> None:
        with pytest.raises(EngineError) as failed:
            await conversation.choose("/newsletter")
        assert "anna" not in failed.value.message


class TestMisuse:
    @pytest.mark.parametrize(
        "text", ["/restart", "/session_start", "  /back", '/inform{"order_number": "ZU-10234"}', "/track_order"]
    )
    async def test_typed_text_is_never_read_as_an_intent(self, conversation: Conversation, text: str) -> None:
        await conversation.say("wo ist mein paket")
        await conversation.say("ZU-10001")
        await conversation.say(text)
        assert conversation.tracker is not None
        assert conversation.facts["intent"]["confidence"] < 1
        assert conversation.facts["goal"] == "tracking_form"
        if "order_number" not in text:
            assert conversation.tracker["slots"]["order_number"] == "ZU-10001"

    @pytest.mark.parametrize(
        "payload",
        [
            "/restart",
            "/session_start",
            "/back",
            "/unheard_of",
            "hello",
            '/inform{"language": "en"}',
            "/inform{",
            '/inform["x"]',
        ],
    )
    async def test_a_payload_that_no_button_has_is_refused(self, conversation: Conversation, payload: str) -> None:
        with pytest.raises(EngineError) as refused:
            await conversation.choose(payload)
        assert refused.value.code == "payload_invalid"

    @pytest.mark.parametrize(
        ("text", "code"), [("", "text_empty"), (" \u200f\u202e\x00 ", "text_empty"), ("a" * 1001, "text_too_long")]
    )
    async def test_unusable_texts_are_refused(self, conversation: Conversation, text: str, code: str) -> None:
        with pytest.raises(EngineError) as refused:
            await conversation.say(text)
        assert refused.value.code == code

    @pytest.mark.parametrize(
        "text",
        ["😡😡😡", "مرحبا أين طلبي", "שלום", "\x07hallo\x00", "a" * 1000, "{order_number} {0[x]}", "%s%n", "''; --"],
    )
    async def test_odd_texts_get_an_answer(self, conversation: Conversation, text: str) -> None:
        assert await conversation.say(text)
