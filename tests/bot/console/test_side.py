"""Everything known at a glance: summary, earlier conversations, and replies that could be taken."""

import re
from pathlib import Path

import pytest

from bot.clock import utc_now
from bot.console.texts import known
from bot.conversation import TurnState
from bot.knowledge.loading import load_knowledge
from bot.storage.conversations import Conversations
from bot.storage.knowledge import KnowledgeStore
from bot.storage.tables import Handoff, PromiseRow, Turn
from tests.bot.console.conftest import Desk

ROOT = Path(__file__).parents[3]


async def page(desk: Desk, browser, conversation_id: int) -> str:
    return (await browser.get(f"/conversations/{conversation_id}")).text


class TestSummary:
    async def test_it_says_in_words_what_was_asked_done_felt_and_why_it_is_here(self, desk: Desk) -> None:
        conversation_id = await desk.customer("anna", "Hallo", "Stornieren Sie LM-1!", reason=None)
        async with desk.database.begin() as session:
            conversations = Conversations(session)
            row = await conversations.locked(conversation_id)
            greeting, order = [await session.get(Turn, t.id) for t in await desk.rows(Turn)]
            for turn, intent in ((greeting, "greet"), (order, "cancel_order")):
                turn.state, turn.intent, turn.understood = TurnState.DONE, intent, True
            order.emotion, order.valence = "anger", -0.9
            order.operations = [{"name": "cancel_order", "order": "LM-1", "ok": False, "code": "already_dispatched"}]
            await desk.handoffs.queue(session, row, "operation_failed", desk.now())
        text = await page(desk, await desk.agent(), conversation_id)
        facts = text[text.index('id="facts"') :]
        for words in ("operation failed", "Cancelling", "Stornieren Sie LM-1!", "Cancel LM-1", "angry"):
            assert words in facts, words
        assert "Greeting" not in facts, "small talk says nothing"
        for raw in ("cancel_order", "already_dispatched", "operation_failed"):
            assert raw not in facts, raw

    async def test_promises_and_whether_they_hold(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        async with desk.database.begin() as session:
            session.add(
                PromiseRow(
                    conversation_id=conversation_id, kind="refund", wording="Die Erstattung ist bis Montag da.",
                    made_by="bot", made_at=desk.now(), due_at=desk.now(), state="broken",
                )
            )  # fmt: skip
        text = await page(desk, await desk.agent(), conversation_id)
        assert "Die Erstattung ist bis Montag da." in text
        assert 'class="promise broken"' in text

    async def test_every_intent_of_the_assistant_has_words(self) -> None:
        domain = (ROOT / "domain.yml").read_text(encoding="utf-8")
        listed = re.search(r"^intents:\n((?:[ -].*\n|\n)+)", domain, re.MULTILINE)
        assert listed is not None
        names = set(re.findall(r"- ([a-z_]+)", listed[1])) - {"nlu_fallback"}
        assert len(names) > 50
        assert [name for name in names if not known(f"intent.{name}", "de")] == []


class TestSuggestions:
    @pytest.fixture
    def settings(self, settings, engine_double):
        engine_double.intents["Was kostet der Versand?"] = "delivery_costs"
        return settings.model_copy(update={"engine_url": engine_double.url})

    async def asked(self, desk: Desk, words: str) -> str:
        """Let a customer ask; return what is suggested to the agent."""
        await load_knowledge(ROOT / "knowledge", KnowledgeStore(desk.database), utc_now)
        boss = await desk.agent("Sabine", role="manager")
        await boss.post(
            "/saved-replies",
            {
                "title": "Versandkosten", "shortcut": "versand", "text_de": "Guten Tag, {agent} hier: 4,95 €.",
                "text_en": "", "intents": "delivery_costs",
            },
        )  # fmt: skip
        conversation_id = await desk.customer("anna", words)
        await boss.post(f"/conversations/{conversation_id}/accept")
        return (await boss.get(f"/conversations/{conversation_id}/suggestions")).text

    async def test_a_canned_reply_for_what_the_customer_means_comes_first_and_filled_in(self, desk: Desk) -> None:
        text = await self.asked(desk, "Was kostet der Versand?")
        assert "Guten Tag, Sabine hier: 4,95 €." in text
        assert 'data-suggestion="1"' in text

    async def test_help_articles_follow(self, desk: Desk) -> None:
        text = await self.asked(desk, "Was kostet der Versand?")
        assert 'data-suggestion="2"' in text

    async def test_to_something_nobody_wrote_about_nothing_is_suggested(self, desk: Desk) -> None:
        assert "data-suggestion" not in await self.asked(desk, "Xylophon quietscht grün")

    async def test_an_engine_that_is_down_costs_the_suggestions_not_the_page(self, desk: Desk, engine_double) -> None:
        engine_double.fail_with = 503
        text = await self.asked(desk, "Was kostet der Versand?")
        assert "Guten Tag, Sabine" not in text
        (handoff,) = await desk.rows(Handoff)
        assert handoff.state == "accepted"
