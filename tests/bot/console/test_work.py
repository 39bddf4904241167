"""What agents do all day: pass on, put aside, tag, search, take canned replies, attach, promise."""

import io
from datetime import timedelta

import pytest
from PIL import Image

from bot.console.saved_replies import fill
from bot.storage.tables import (
    Assignment,
    Audit,
    ConversationTag,
    Delivery,
    Draft,
    Handoff,
    MessageRow,
    PromiseRow,
    SavedReply,
    Turn,
)
from tests.bot.console.conftest import Browser, Desk


async def accepted(desk: Desk, browser: Browser, *words: str) -> str:
    """Let an agent have a conversation; return its address."""
    conversation_id = await desk.customer("anna", *words)
    url = f"/conversations/{conversation_id}"
    assert (await browser.post(f"{url}/accept")).status_code == 204
    return url


class TestTransfer:
    async def test_a_colleague_has_it_at_once_with_the_note_and_the_customer_hears_who_answers(
        self, desk: Desk
    ) -> None:
        lena, murat = await desk.agent("Lena"), await desk.agent("Murat")
        url = await accepted(desk, lena)
        data = {"to": f"agent:{murat.agent.id}", "text": "Kennt sich mit Zelten aus"}
        assert (await lena.post(f"{url}/transfer", data)).status_code == 204
        (handoff,) = await desk.rows(Handoff)
        assert (handoff.state, handoff.agent_id) == ("accepted", murat.agent.id)
        assert "Kennt sich mit Zelten aus" in (await murat.get(url)).text
        assert (await desk.texts(handoff.conversation_id, "system"))[-1] == "Murat ist jetzt für Sie da."
        assert [(a.agent_id, a.how, a.end) for a in await desk.rows(Assignment)] == [
            (lena.agent.id, "accepted", "transferred"), (murat.agent.id, "transferred", None)
        ]  # fmt: skip
        assert (await lena.post(f"{url}/reply", {"text": "noch da"})).status_code == 409

    async def test_to_a_team_it_waits_in_the_queue_at_its_old_place(self, desk: Desk) -> None:
        lena = await desk.agent("Lena")
        url = await accepted(desk, lena)
        await desk.customer("bert")
        assert (await lena.post(f"{url}/transfer", {"to": "team:Technik"})).status_code == 204
        page = (await lena.get("/lists")).text
        first, second = [h.conversation_id for h in await desk.rows(Handoff)]
        assert page.index(f'id="row-{first}"') < page.index(f'id="row-{second}"')
        assert (await desk.rows(Handoff))[0].team == "Technik"

    async def test_an_agent_cannot_pass_on_what_a_colleague_has_but_a_manager_can(self, desk: Desk) -> None:
        lena, murat = await desk.agent("Lena"), await desk.agent("Murat")
        boss = await desk.agent("Sabine", role="manager")
        url = await accepted(desk, lena)
        to_murat = {"to": f"agent:{murat.agent.id}"}
        assert (await murat.post(f"{url}/transfer", to_murat)).status_code == 409
        assert (await boss.post(f"{url}/transfer", to_murat)).status_code == 204
        assert (await desk.rows(Handoff))[0].agent_id == murat.agent.id

    async def test_a_manager_assigns_what_waits(self, desk: Desk) -> None:
        murat, boss = await desk.agent("Murat"), await desk.agent("Sabine", role="manager")
        conversation_id = await desk.customer()
        await boss.post(f"/conversations/{conversation_id}/transfer", {"to": f"agent:{murat.agent.id}"})
        (handoff,) = await desk.rows(Handoff)
        assert (handoff.state, handoff.agent_id) == ("accepted", murat.agent.id)
        assert handoff.accepted_at is not None

    @pytest.mark.parametrize("to", ["agent:4711", "agent:x", "team:", "nobody", ""])
    async def test_to_nobody_is_an_error_that_changes_nothing(self, desk: Desk, to: str) -> None:
        lena = await desk.agent("Lena")
        url = await accepted(desk, lena)
        assert (await lena.post(f"{url}/transfer", {"to": to})).status_code in (404, 422)
        assert (await desk.rows(Handoff))[0].agent_id == lena.agent.id

    async def test_a_disabled_colleague_gets_nothing(self, desk: Desk) -> None:
        lena, gone = await desk.agent("Lena"), await desk.agent("Otto", sign_in=False, disabled_at=desk.now())
        url = await accepted(desk, lena)
        assert (await lena.post(f"{url}/transfer", {"to": f"agent:{gone.agent.id}"})).status_code == 422


class TestSnooze:
    async def test_what_is_put_aside_is_in_its_own_list_and_takes_no_place(self, desk: Desk) -> None:
        lena = await desk.agent()
        url = await accepted(desk, lena)
        await lena.post(f"{url}/seen")
        assert (await lena.post(f"{url}/snooze", {"until": "1h"})).status_code == 204
        page = (await lena.get("/lists")).text
        assert page.index('id="list-snoozed"') < page.index('id="row-')
        assert "0/4" in (await lena.get("/colleagues")).text

    async def test_the_customers_next_word_brings_it_back(self, desk: Desk) -> None:
        lena = await desk.agent()
        url = await accepted(desk, lena)
        await lena.post(f"{url}/seen")
        await lena.post(f"{url}/snooze", {"until": "tomorrow"})
        await desk.says((await desk.rows(Handoff))[0].conversation_id, "Noch etwas")
        page = (await lena.get("/lists")).text
        assert page.index('id="list-mine"') < page.index('id="row-') < page.index('id="list-queue"')

    async def test_it_can_be_taken_up_again(self, desk: Desk) -> None:
        lena = await desk.agent()
        url = await accepted(desk, lena)
        await lena.post(f"{url}/snooze", {"until": "1h"})
        await lena.post(f"{url}/snooze")
        assert (await desk.rows(Handoff))[0].snoozed_until is None

    async def test_an_unknown_time_is_refused(self, desk: Desk) -> None:
        lena = await desk.agent()
        url = await accepted(desk, lena)
        assert (await lena.post(f"{url}/snooze", {"until": "9999h"})).status_code == 422


class TestReopen:
    async def test_an_ended_conversation_can_be_taken_up_again(self, desk: Desk) -> None:
        lena = await desk.agent()
        url = await accepted(desk, lena)
        await lena.post(f"{url}/close")
        assert (await lena.post(f"{url}/take")).status_code == 204
        first, second = await desk.rows(Handoff)
        assert (first.state, second.state, second.reason) == ("closed", "accepted", "reopened")

    async def test_an_agent_can_step_in_where_the_bot_answers(self, desk: Desk) -> None:
        conversation_id = await desk.customer("anna", "Hallo Bot", reason=None)
        lena = await desk.agent()
        await lena.post(f"/conversations/{conversation_id}/take")
        (handoff,) = await desk.rows(Handoff)
        assert (handoff.reason, handoff.agent_id) == ("stepped_in", lena.agent.id)

    async def test_what_a_colleague_has_cannot_be_taken(self, desk: Desk) -> None:
        lena, murat = await desk.agent("Lena"), await desk.agent("Murat")
        url = await accepted(desk, lena)
        assert (await murat.post(f"{url}/take")).status_code == 409


class TestTags:
    async def test_a_tag_is_made_found_by_filter_and_forgotten_with_its_last_use(self, desk: Desk) -> None:
        lena = await desk.agent()
        url = await accepted(desk, lena)
        await desk.customer("bert", "Ohne Schlagwort")
        await lena.post(f"{url}/tags", {"name": "  Transport  schaden "})
        await lena.post(f"{url}/tags", {"name": "transport SCHADEN"})
        assert len(await desk.rows(ConversationTag)) == 1
        assert "Ohne Schlagwort" not in (await lena.get("/lists?tag=Transport schaden")).text
        await lena.post(f"{url}/tags/remove", {"name": "Transport schaden"})
        assert "Transport" not in (await lena.get(url)).text


class TestSearch:
    async def test_everything_said_is_found_by_beginnings_of_words_in_any_case(self, desk: Desk) -> None:
        await desk.customer("anna", "Mein Zelt Föhr hat ein Loch, Bestellung LM-104217")
        await desk.customer("bert", "Ich suche eine Lampe")
        lena = await desk.agent()
        for words in ("zelt", "FÖHR", "fohr", "Zel Lo", "LM-104217", "104217"):
            found = (await lena.get(f"/search?q={words}")).text
            assert "Zelt" in found.replace("<mark>", "").replace("</mark>", ""), words
            assert "Lampe" not in found

    @pytest.mark.parametrize("words", ['"', "' OR 1=1", "*", "a AND (", "\\", "NEAR(x y)", "%", ":*", "<b>", "€"])
    async def test_no_words_break_it(self, desk: Desk, words: str) -> None:
        await desk.customer("anna", "irgendetwas")
        assert (await (await desk.agent()).http.get("/console/search", params={"q": words})).status_code == 200

    async def test_private_notes_of_others_are_not_found_own_ones_are(self, desk: Desk) -> None:
        lena, murat = await desk.agent("Lena"), await desk.agent("Murat", role="admin")
        url = await accepted(desk, lena)
        await lena.post(f"{url}/note", {"text": "Verdachtsfall Krokodil", "private": "true"})
        assert "Krokodil" in (await lena.get("/search?q=krokodil")).text.replace("<mark>", "").replace("</mark>", "")
        assert "Found: 0" in (await murat.get("/search?q=krokodil")).text

    async def test_what_is_erased_is_found_no_more(self, desk: Desk) -> None:
        from bot.storage.tables import ConversationRow

        conversation_id = await desk.customer("anna", "Geheimwort Zirkuspferd")
        async with desk.database.begin() as session:
            await session.delete(await session.get(ConversationRow, conversation_id))
        assert "Found: 0" in (await (await desk.agent()).get("/search?q=Zirkuspferd")).text

    async def test_searching_is_in_the_audit(self, desk: Desk) -> None:
        await (await desk.agent()).get("/search?q=Müller")
        assert [(a.action, a.data) for a in await desk.rows(Audit, action="search")] == [
            ("search", {"words": "Müller"})
        ]


class TestSavedReplies:
    @pytest.mark.parametrize(
        ("template", "expected"),
        [
            ("Guten Tag {customer}, hier ist {agent}.", "Guten Tag, hier ist Lena."),
            ("{agent} von {shop}", "Lena von Lüttmoor"),
            ("Zu {order}: {unknown}", "Zu LM-1: {unknown}"),
            ("{customer}", ""),
            ("keine", "keine"),
        ],
    )
    def test_variables(self, template: str, expected: str) -> None:
        assert fill(template, {"agent": "Lena", "shop": "Lüttmoor", "order": "LM-1", "customer": ""}) == expected

    async def saved(self, boss: Browser, **more: str) -> None:
        form = {"title": "Gruß", "shortcut": "hallo", "text_de": "Guten Tag, ich bin {agent}.", "text_en": "Hello"}
        assert (await boss.post("/saved-replies", form | more)).status_code == 303

    async def test_they_come_in_the_customers_language_and_filled_in(self, desk: Desk) -> None:
        boss = await desk.agent("Sabine", role="manager")
        await self.saved(boss)
        url = await accepted(desk, boss)
        assert "Guten Tag, ich bin Sabine." in (await boss.get(f"{url}/saved-replies")).text

    async def test_a_missing_language_falls_back_to_the_other(self, desk: Desk) -> None:
        boss = await desk.agent("Sabine", role="manager")
        await self.saved(boss, text_de="", text_en="Only English")
        url = await accepted(desk, boss)
        assert "Only English" in (await boss.get(f"{url}/saved-replies")).text

    async def test_those_of_another_team_are_not_offered(self, desk: Desk) -> None:
        boss = await desk.agent("Sabine", role="manager")
        lena = await desk.agent("Lena", team="Service")
        await desk.agent("Tim", team="Technik")
        await self.saved(boss, team="Technik")
        url = await accepted(desk, lena)
        assert "Guten Tag" not in (await lena.get(f"{url}/saved-replies")).text

    async def test_agents_read_managers_write(self, desk: Desk) -> None:
        boss, lena = await desk.agent("Sabine", role="manager"), await desk.agent("Lena")
        await self.saved(boss)
        (reply,) = await desk.rows(SavedReply)
        assert "Gruß" in (await lena.get("/saved-replies")).text
        assert (await lena.post("/saved-replies", {"title": "x", "shortcut": "x"})).status_code == 403
        assert (await lena.post(f"/saved-replies/{reply.id}/delete")).status_code == 403
        await boss.post("/saved-replies", {"reply_id": reply.id, "title": "Neu", "shortcut": "neu", "text_de": "Tag"})
        assert (await desk.rows(SavedReply))[0].title == "Neu"
        await boss.post(f"/saved-replies/{reply.id}/delete")
        assert await desk.rows(SavedReply) == []

    @pytest.mark.parametrize(
        "bad",
        [{"text_de": "", "text_en": ""}, {"shortcut": "Mit Leerzeichen"}, {"text_de": "Hallo {kunde}"}, {"title": " "}],
    )
    async def test_bad_ones_come_back_with_what_was_typed(self, desk: Desk, bad: dict[str, str]) -> None:
        boss = await desk.agent("Sabine", role="manager")
        form = {"title": "Gruß", "shortcut": "hallo", "text_de": "Guten Tag", "text_en": "Unverlierbar"} | bad
        page = await boss.post("/saved-replies", form)
        assert page.status_code == 422
        assert form["text_en"] in page.text
        assert await desk.rows(SavedReply) == []

    async def test_a_shortcut_names_one_reply(self, desk: Desk) -> None:
        boss = await desk.agent("Sabine", role="manager")
        await self.saved(boss)
        page = await boss.post("/saved-replies", {"title": "Zweite", "shortcut": "hallo", "text_de": "x"})
        assert page.status_code == 422
        assert "This shortcut exists already." in page.text


class TestDrafts:
    async def test_what_is_typed_is_there_after_a_reload_for_its_agent_alone(self, desk: Desk) -> None:
        lena, murat = await desk.agent("Lena"), await desk.agent("Murat")
        url = await accepted(desk, lena)
        await lena.post(f"{url}/draft", {"text": "Halb fertiger Satz"})
        assert "Halb fertiger Satz" in (await lena.get(url)).text
        assert "Halb fertiger Satz" not in (await murat.get(url)).text
        await lena.post(f"{url}/reply", {"text": "Fertiger Satz"})
        assert await desk.rows(Draft) == []

    async def test_a_promise_in_the_draft_is_offered_and_recorded_when_left_ticked(self, desk: Desk) -> None:
        lena = await desk.agent()
        url = await accepted(desk, lena)
        hints = (await lena.post(f"{url}/draft", {"text": "Die Erstattung ist in 5 Tagen bei Ihnen."})).text
        assert 'name="promise_0"' in hints
        assert '<option value="refund" selected>' in hints
        day = (desk.now() + timedelta(days=5)).date().isoformat()
        assert f'value="{day}"' in hints
        words = "Die Erstattung ist in 5 Tagen bei Ihnen."
        form = {
            "text": words, "promise_0": "on", "promise_0_kind": "refund", "promise_0_day": day,
            "promise_0_time": "23:59", "promise_0_words": words,
        }  # fmt: skip
        await lena.post(f"{url}/reply", form)
        (promise,) = [p for p in await desk.rows(PromiseRow) if p.made_by == "agent"]
        assert (promise.kind, promise.agent_id, promise.state) == ("refund", lena.agent.id, "open")
        assert promise.due_at.astimezone(desk.settings.zone).date().isoformat() == day

    async def test_an_unticked_promise_is_not_recorded(self, desk: Desk) -> None:
        lena = await desk.agent()
        url = await accepted(desk, lena)
        await lena.post(
            f"{url}/reply", {"text": "In 5 Tagen.", "promise_0_kind": "refund", "promise_0_day": "2030-01-01"}
        )
        assert [p for p in await desk.rows(PromiseRow) if p.made_by == "agent"] == []

    @pytest.mark.parametrize(
        "wrong",
        [{"promise_0_day": "2020-01-01"}, {"promise_0_day": "morgen"}, {"promise_0_day": ""},
         {"promise_0_day": "9999-12-31"}, {"promise_0_kind": "moon"}],
    )  # fmt: skip
    async def test_an_impossible_promise_holds_the_message_back(self, desk: Desk, wrong: dict[str, str]) -> None:
        lena = await desk.agent()
        url = await accepted(desk, lena)
        day = (desk.now() + timedelta(days=5)).date().isoformat()
        form = {"text": "x", "promise_0": "on", "promise_0_kind": "refund", "promise_0_day": day} | wrong
        assert (await lena.post(f"{url}/reply", form)).status_code == 422
        assert await desk.rows(MessageRow, author="agent") == []

    async def test_a_draft_that_passes_over_anger_is_told_and_one_that_takes_it_up_is_not(self, desk: Desk) -> None:
        lena = await desk.agent()
        url = await accepted(desk, lena, "Ich bin stinksauer!")
        async with desk.database.begin() as session:
            turn = await session.get(Turn, (await desk.rows(Turn))[-1].id)
            turn.emotion, turn.valence = "anger", -0.9
        passed_over = await lena.post(f"{url}/draft", {"text": "Ihr Paket ist unterwegs."})
        assert "sounded angry" in passed_over.text
        taken_up = await lena.post(f"{url}/draft", {"text": "Das tut mir leid. Ihr Paket ist unterwegs."})
        assert "sounded" not in taken_up.text
        await lena.post(f"{url}/reply", {"text": "Das tut mir sehr leid."})
        afterwards = await lena.post(f"{url}/draft", {"text": "Ihr Paket ist unterwegs."})
        assert "sounded" not in afterwards.text


class TestPictures:
    def picture(self) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", (40, 30), "teal").save(out, "PNG")
        return out.getvalue()

    async def attach(self, browser: Browser, url: str, data: bytes):
        return await browser.http.post(
            f"/console{url}/attachments?name=schaden.png", content=data, headers={"X-CSRF-Token": browser.csrf}
        )

    async def test_a_picture_goes_with_the_reply_and_can_be_seen_by_agents(self, desk: Desk) -> None:
        import re

        lena = await desk.agent()
        url = await accepted(desk, lena)
        chip = await self.attach(lena, url, self.picture())
        file_id = re.search(r'name="attachment" value="([^"]+)"', chip.text)[1]
        assert (await lena.post(f"{url}/reply", {"text": "", "attachment": file_id})).status_code == 204
        (message,) = await desk.rows(MessageRow, author="agent")
        assert message.attachments[0]["id"] == file_id
        assert len(await desk.rows(Delivery, message_id=message.id)) == 1
        shown = await lena.get(f"{url}/attachments/{file_id}")
        assert shown.headers["content-type"] == "image/jpeg"
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert Image.open(io.BytesIO(shown.content)).size == (40, 30)

    @pytest.mark.parametrize("data", [b"", b"<svg onload=alert(1)>", b"GIF89a<script>", b"%PDF-1.4"])
    async def test_what_is_no_picture_is_refused(self, desk: Desk, data: bytes) -> None:
        lena = await desk.agent()
        url = await accepted(desk, lena)
        assert (await self.attach(lena, url, data)).status_code == 422

    async def test_a_picture_of_another_conversation_cannot_be_sent_or_seen_here(self, desk: Desk) -> None:
        import re

        lena = await desk.agent()
        url = await accepted(desk, lena)
        other_id = await desk.customer("bert")
        await lena.post(f"/conversations/{other_id}/accept")
        chip = await self.attach(lena, f"/conversations/{other_id}", self.picture())
        file_id = re.search(r'name="attachment" value="([^"]+)"', chip.text)[1]
        assert (await lena.post(f"{url}/reply", {"text": "x", "attachment": file_id})).status_code == 404
        assert (await lena.get(f"{url}/attachments/{file_id}")).status_code == 404

    async def test_only_who_has_the_conversation_attaches(self, desk: Desk) -> None:
        lena, murat = await desk.agent("Lena"), await desk.agent("Murat")
        url = await accepted(desk, lena)
        assert (await self.attach(murat, url, self.picture())).status_code == 409


class TestTeam:
    async def test_managers_set_places_and_presence_admins_roles(self, desk: Desk) -> None:
        lena = await desk.agent("Lena")
        boss, admin = await desk.agent("Sabine", role="manager"), await desk.agent("Ada", role="admin")
        change = {"places": "7", "team": "Technik", "presence": "busy"}
        assert (await lena.get("/team")).status_code == 403
        assert (await lena.post(f"/team/{lena.agent.id}", change)).status_code == 403
        assert (await boss.post(f"/team/{lena.agent.id}", change)).status_code == 303
        assert (await boss.post(f"/team/{lena.agent.id}/role", {"role": "admin"})).status_code == 403
        assert (await admin.post(f"/team/{lena.agent.id}/role", {"role": "manager"})).status_code == 303
        assert (await lena.get("/team")).status_code == 200

    async def test_an_admin_cannot_shut_themselves_out(self, desk: Desk) -> None:
        admin = await desk.agent("Ada", role="admin")
        assert (await admin.post(f"/team/{admin.agent.id}/role", {"role": "agent"})).status_code == 409
        assert (await admin.post(f"/team/{admin.agent.id}/disable")).status_code == 409

    async def test_disabling_ends_sessions(self, desk: Desk) -> None:
        lena, admin = await desk.agent("Lena"), await desk.agent("Ada", role="admin")
        await admin.post(f"/team/{lena.agent.id}/disable")
        assert (await lena.get("/")).status_code == 303


class TestAuditPage:
    async def test_managers_see_it_agents_do_not(self, desk: Desk) -> None:
        lena, boss = await desk.agent("Lena"), await desk.agent("Sabine", role="manager")
        assert (await lena.get("/audit")).status_code == 403
        assert (await lena.get("/audit/export")).status_code == 403
        assert "agent.sign_in" in (await boss.get("/audit")).text

    async def test_it_is_filtered_and_paged(self, desk: Desk) -> None:
        lena, boss = await desk.agent("Lena"), await desk.agent("Sabine", role="manager")
        for number in range(105):
            await lena.get(f"/search?q=wort{number}")
        page = (await boss.get(f"/audit?actor=agent:{lena.agent.id}&action=search")).text
        assert page.count("<code>search</code>") == 100
        assert "below=" in page

    async def test_the_export_is_whole_and_leaves_an_entry_and_no_formulas(self, desk: Desk) -> None:
        lena, boss = await desk.agent("Lena"), await desk.agent("Sabine", role="manager")
        url = await accepted(desk, lena)
        await lena.post(f"{url}/tags", {"name": "=cmd|' /C calc'!A0"})
        table = (await boss.get("/audit/export")).content.decode("utf-8-sig")
        assert "handoff.accept" in table
        assert "audit.export" in table
        lines = (await boss.get("/audit/export?format=jsonl")).text.strip().splitlines()
        assert len(lines) == len(await desk.rows(Audit))

    async def test_the_database_refuses_to_change_an_entry(self, desk: Desk) -> None:
        await desk.agent()
        with pytest.raises(Exception, match="cannot be changed"):
            async with desk.database.begin() as session:
                (await session.get(Audit, (await desk.rows(Audit))[0].id)).action = "nothing"
