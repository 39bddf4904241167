"""The chat's socket: what is sent is stored before it is acknowledged, and every tab sees it once, in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import jwt
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from bot.channels.web.hub import Hub, Link
from bot.channels.web.protocol import Pong
from bot.channels.web.visitors import Visitors
from bot.clock import utc_now
from bot.conversation import Author
from bot.storage.conversations import Conversations
from bot.storage.database import Database
from bot.storage.tables import ConversationRow, Delivery, Handoff, MessageRow, PromiseRow
from tests.bot.channels.web_service import WebService, web_service
from tests.chat_client import ChatClient, tab
from tests.engine_double import turn_response


@pytest.fixture
async def web(settings, engine_double) -> AsyncIterator[WebService]:
    async with web_service(settings, engine_double) as service:
        yield service


async def rows(database: Database, table):
    async with database.read() as session:
        found = list(await session.scalars(select(table).order_by(table.id)))
        session.expunge_all()
        return found


async def eventually(look, holds) -> None:
    """Wait until what is looked at holds."""
    async with asyncio.timeout(10):
        while not holds(await look()):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.05)


async def answered(client: ChatClient, words: str) -> None:
    await client.say(words)
    await client.wait_for_text(f"echo: {words}")


class TestFirstContact:
    async def test_a_new_visitor_gets_an_identity_and_no_conversation(self, web, database):
        async with tab(web.url) as client:
            welcome = client.frames[0]
        assert welcome["known"] is False
        assert welcome["visitor"]
        assert "conversation" not in welcome
        assert await rows(database, ConversationRow) == []

    async def test_the_first_answer_says_that_a_bot_is_answering(self, web):
        async with tab(web.url, language="en") as client:
            await answered(client, "hello")
            first, second, third = client.messages.values()
        assert (first["author"], first["text"]) == ("customer", "hello")
        assert "digital assistant" in second["text"]
        assert third["text"] == "echo: hello"

    async def test_service_hours_are_told(self, web):
        async with tab(web.url) as client:
            assert client.frames[0]["service"]["open"] is True


class TestSending:
    async def test_the_acknowledgement_comes_after_the_commit(self, web, database):
        async with tab(web.url) as client:
            received = await client.say("Wo ist mein Paket?", message_id="message-1")
            stored = (await rows(database, MessageRow))[0]
        assert (received["type"], received["number"]) == ("received", 1)
        assert (stored.number, stored.external_id, stored.text) == (1, "message-1", "Wo ist mein Paket?")

    async def test_a_repeated_message_is_acknowledged_again_and_stored_once(self, web, database):
        async with tab(web.url) as client:
            first = await client.say("hallo", message_id="message-1")
            second = await client.say("hallo", message_id="message-1")
            await client.wait_for_text("echo")
        assert second == first
        customers = [m for m in await rows(database, MessageRow) if m.author == Author.CUSTOMER]
        assert len(customers) == 1
        assert len(web.engine.requests) == 1

    async def test_an_empty_message_is_refused_and_nothing_is_stored(self, web, database):
        async with tab(web.url) as client:
            refused = await client.say("  \n ")
        assert (refused["type"], refused["code"], refused["retry"]) == ("refused", "empty_message", False)
        assert await rows(database, MessageRow) == []

    async def test_the_socket_reads_on_while_the_engine_thinks(self, web):
        web.engine.delay_s = 0.5
        async with tab(web.url) as client:
            await client.say("eins")
            await client.say("zwei")
            await client.wait_for_text("echo: zwei")
            assert [t for t in client.texts if "vorweg" not in t] == ["eins", "zwei", "echo: eins", "echo: zwei"]
            kinds = [f["type"] for f in client.frames]
        assert "typing" in kinds

    async def test_thinking_is_shown_and_ends_with_the_answer(self, web):
        web.engine.delay_s = 0.2
        async with tab(web.url) as client:
            await answered(client, "hallo")
            await client.wait_until(lambda: any(f["type"] == "typing" and not f["on"] for f in client.frames))
            typing = [f["on"] for f in client.frames if f["type"] == "typing"]
        assert typing[0] is True
        assert typing[-1] is False

    async def test_what_was_sent_counts_as_delivered(self, web, database):
        async with tab(web.url) as client:
            await answered(client, "hallo")
            await eventually(lambda: rows(database, Delivery), lambda found: {d.state for d in found} == {"sent"})


class TestButtons:
    @pytest.fixture(autouse=True)
    def _choices(self, web):
        def offer(body):
            response = turn_response(body, ["Welche?"])
            response["replies"][0]["buttons"] = [{"title": "Jacke", "payload": '/inform{"line": "1"}'}]
            return response

        web.engine.script["zurück"] = offer

    async def test_a_click_sends_the_stored_payload(self, web):
        async with tab(web.url) as client:
            await client.say("zurück")
            button = (await client.wait_for_text("Welche?"))["buttons"][0]
            await client.say("Jacke", button=button["id"])
            await client.wait_for_text("echo")
        assert web.engine.requests[-1]["message"] == {"payload": '/inform{"line": "1"}'}

    async def test_payloads_never_reach_the_browser(self, web):
        async with tab(web.url) as client:
            await client.say("zurück")
            await client.wait_for_text("Welche?")
            assert "/inform" not in str(client.frames)

    async def test_a_button_of_another_visitor_is_worth_nothing(self, web):
        async with tab(web.url) as one, tab(web.url) as other:
            await one.say("zurück")
            button = (await one.wait_for_text("Welche?"))["buttons"][0]
            await answered(other, "hallo")
            asked = len(web.engine.requests)
            await other.say("Jacke", button=button["id"])
            await other.wait_for_text("gilt nicht mehr")
        assert len(web.engine.requests) == asked


class TestSeveralTabs:
    async def test_both_tabs_see_everything_in_the_same_order(self, web):
        async with tab(web.url) as one, tab(web.url, visitor=one.visitor) as two:
            await answered(one, "aus Tab eins")
            await two.wait_for_text("echo: aus Tab eins")
            await answered(two, "aus Tab zwei")
            await one.wait_for_text("echo: aus Tab zwei")
            assert one.texts == two.texts
            assert one.conversation == two.conversation

    async def test_what_another_tab_said_carries_its_id(self, web):
        async with tab(web.url) as one, tab(web.url, visitor=one.visitor) as two:
            await one.say("hallo", message_id="tab-one-1")
            message = await two.wait_for_text("hallo")
        assert message["id"] == "tab-one-1"


class TestComingBack:
    async def test_after_a_reload_everything_is_there(self, web):
        async with tab(web.url) as client:
            await answered(client, "hallo")
            before = client.texts
        async with tab(web.url, visitor=client.visitor) as again:
            await again.wait_for_text("echo: hallo")
            assert again.texts == before
            assert again.frames[0]["known"] is True

    async def test_after_a_cut_only_what_is_missing_is_sent(self, web):
        async with tab(web.url) as client:
            await answered(client, "eins")
            visitor, conversation, last = client.visitor, client.conversation, client.last
            async with tab(web.url, visitor=visitor) as other:
                await answered(other, "zwei")
        async with tab(web.url, visitor=visitor, conversation=conversation, after=last) as again:
            await again.wait_for_text("echo: zwei")
            assert again.texts == ["zwei", "echo: zwei"]

    async def test_a_number_of_another_conversation_counts_for_nothing(self, web):
        async with tab(web.url) as client:
            await answered(client, "eins")
        async with tab(web.url, visitor=client.visitor, conversation="other", after=99) as again:
            await again.wait_for_text("echo: eins")

    async def test_a_gap_is_filled_on_request(self, web):
        async with tab(web.url) as client:
            await answered(client, "eins")
            client.messages.clear()
            await client.send({"type": "sync", "conversation": client.conversation, "after": 1})
            await client.wait_for_text("echo: eins")
            assert min(number for _, number in client.messages) == 2

    async def test_a_long_conversation_begins_with_the_latest_and_goes_back_on_request(self, web, database):
        async with tab(web.url) as client:
            await answered(client, "anfang")
            async with database.begin() as session:
                row = (await session.scalars(select(ConversationRow))).one()
                for i in range(150):
                    await Conversations(session).add_message(row, Author.BOT, utc_now(), text=f"Nachricht {i}")
        async with tab(web.url, visitor=client.visitor) as again:
            await again.wait_for_text("Nachricht 149")
            assert len(again.messages) == 100
            start = next(f for f in again.frames if f["type"] == "messages")
            assert (start["start"], start["more"]) == (True, True)
            oldest = min(number for _, number in again.messages)
            await again.send({"type": "earlier", "conversation": again.conversation, "before": oldest})
            await again.wait_for_text("anfang")
            assert sorted(number for _, number in again.messages) == list(range(1, 154))

    async def test_a_conversation_that_ended_long_ago_is_shown_and_a_new_one_begins(self, web, database):
        async with tab(web.url) as client:
            await answered(client, "damals")
            old = client.conversation
        async with database.begin() as session:
            row = (await session.scalars(select(ConversationRow))).one()
            row.state, row.closed_at = "closed", utc_now() - timedelta(days=5)
        async with tab(web.url, visitor=client.visitor) as again:
            await again.wait_for_text("echo: damals")
            assert again.conversation == old
            received = await again.say("heute")
            assert received["number"] == 1
            assert received["conversation"] != old
            await again.wait_for_text("echo: heute")
            await again.send({"type": "earlier", "conversation": received["conversation"], "before": 1})
            earlier = await again.wait_until(lambda: next((f for f in again.frames if f.get("earlier")), None))
        assert earlier["conversation"] == old
        assert earlier["messages"][0]["text"] == "damals"

    async def test_news_without_a_wake_up_are_found(self, web, database):
        async with tab(web.url) as client:
            await answered(client, "hallo")
            async with database.begin() as session:  # committed by "another process", which wakes nobody here
                row = (await session.scalars(select(ConversationRow))).one()
                await Conversations(session).add_message(
                    row, Author.AGENT, utc_now(), text="Ich bin da.", agent_name="Lena"
                )
            message = await client.wait_for_text("Ich bin da.")
        assert (message["author"], message["agent"]) == ("agent", "Lena")

    async def test_a_conversation_that_begins_while_it_looks_is_not_taken_for_erased(self, database, monkeypatch):
        hub, link = Hub(database), Link("address")
        link.browser = Visitors("key", 1).new()
        hub.join(link)
        read = database.read

        @asynccontextmanager
        async def read_and_meanwhile():
            async with read() as session:
                yield session
            hub.follow(link.visitor, 1, "public")

        monkeypatch.setattr(database, "read", read_and_meanwhile)
        await hub.look_again()
        assert link.conversation_id == 1
        link.push(Pong())
        assert await link.next() == Pong()  # and not the end


class TestWhatStaysInside:
    async def test_notes_are_not_sent_and_leave_no_gap(self, web, database):
        async with tab(web.url) as client:
            await answered(client, "hallo")
            async with database.begin() as session:
                row = (await session.scalars(select(ConversationRow))).one()
                await Conversations(session).add_message(row, Author.NOTE, utc_now(), text="schwieriger Kunde")
                await Conversations(session).add_message(row, Author.BOT, utc_now(), text="danach")
            await client.wait_for_text("danach")
            assert client.last == 5
        async with tab(web.url, visitor=client.visitor) as again:
            await again.wait_for_text("danach")
            assert "schwierig" not in str(again.frames) + str(client.frames)


class TestPerson:
    async def test_the_button_for_a_person_works_while_the_engine_is_down(self, web, database):
        web.engine.fail_with = 503
        async with tab(web.url) as client:
            await client.say(person=True)
            await client.wait_for_text("Team")
        handoff = (await rows(database, Handoff))[0]
        assert (handoff.state, handoff.reason) == ("queued", "customer_asked")
        assert web.engine.requests == []

    async def test_the_state_is_told(self, web):
        async with tab(web.url) as client:
            await client.say(person=True)
            state = await client.wait_until(
                lambda: next((f for f in client.frames if f["type"] == "state" and f["state"] == "waiting"), None)
            )
        assert "agent" not in state

    async def test_hours_and_wait_are_told_before_anybody_asks(self, web):
        async with tab(web.url) as client:
            await client.send({"type": "service"})
            service = await client.wait_for("service")
        assert service["open"] is True
        assert "wait_s" not in service  # nobody is signed in: no number is better than a wrong one


class TestRestart:
    async def test_the_browser_becomes_a_new_visitor_and_the_handoff_ends(self, web, database):
        async with tab(web.url) as client:
            await client.say(person=True)
            await client.wait_for_text("Team")
            old = client.visitor
            seen = len(client.frames)
            await client.send({"type": "restart"})
            welcome = await client.wait_for("welcome", after=seen)
            assert welcome["visitor"].split(".")[0] != old.split(".")[0]
            assert (welcome["known"], "conversation" in welcome) == (False, False)
            await answered(client, "neu")
        assert [c.state for c in await rows(database, ConversationRow)] == ["closed", "bot"]
        assert (await rows(database, Handoff))[0].state == "abandoned"


class TestIdentity:
    @pytest.fixture
    async def web(self, settings, engine_double, database) -> AsyncIterator[WebService]:
        from bot.shop_side import refresh

        await refresh(settings)
        async with web_service(settings, engine_double, shop_token_key=SecretStr("k" * 32)) as service:
            yield service

    def token(self, web, customer: str, **changes) -> str:
        claims = {"sub": customer, "aud": "zusage", "iat": utc_now(), "exp": utc_now() + timedelta(hours=1)} | changes
        return jwt.encode(claims, "k" * 32, algorithm="HS256")

    async def customers(self, database) -> list[str]:
        from bot.storage.shop_tables import CustomerRow

        return [row.key for row in (await rows(database, CustomerRow))[:2]]

    async def test_a_signed_in_customer_needs_no_proof(self, web, database):
        one, _ = await self.customers(database)
        async with tab(web.url, identity=self.token(web, one)) as client:
            await answered(client, "hallo")
            async with httpx.AsyncClient() as http:
                response = await http.post(
                    f"{web.url}/internal/v1/operations/my_orders",
                    json={"conversation_id": client.conversation, "turn_id": "t1"},
                    headers={"Authorization": "Bearer test-engine-token"},
                )
        assert response.json()["ok"] is True

    async def test_the_next_customer_at_the_computer_sees_nothing_of_the_last(self, web, database):
        one, two = await self.customers(database)
        async with tab(web.url, identity=self.token(web, one)) as client:
            await answered(client, "mein Geheimnis")
        async with tab(web.url, visitor=client.visitor, identity=self.token(web, two)) as other:
            assert other.frames[0]["known"] is False
            await answered(other, "hallo")
            assert "Geheimnis" not in str(other.frames)

    async def test_signing_out_leaves_the_conversation_behind(self, web, database):
        one, _ = await self.customers(database)
        async with tab(web.url, identity=self.token(web, one)) as client:
            await answered(client, "mein Geheimnis")
            seen = len(client.frames)
            await client.send({"type": "identify", "token": None})
            welcome = await client.wait_for("welcome", after=seen)
        assert (welcome["known"], "conversation" in welcome) == (False, False)

    @pytest.mark.parametrize("flaw", ["expired", "forged", "nobody", "no algorithm"])
    async def test_a_bad_token_signs_nobody_in(self, web, database, flaw):
        one, _ = await self.customers(database)
        token = {
            "expired": self.token(web, one, exp=utc_now() - timedelta(minutes=1)),
            "forged": self.token(web, one)[:-3] + "abc",
            "nobody": self.token(web, "nobody"),
            "no algorithm": jwt.encode({"sub": one, "aud": "zusage"}, "", algorithm="none"),
        }[flaw]
        async with tab(web.url) as client:
            await answered(client, "hallo")
            await client.send({"type": "identify", "token": token})
            refused = await client.wait_for("refused")
        assert refused["code"] == "unauthenticated"


class TestPromises:
    async def test_what_was_promised_is_listed(self, web, database):
        due = utc_now() + timedelta(days=2)
        promise = {
            "kind": "delivery",
            "order": "LM-1",
            "return": None,
            "wording": "Das Paket kommt am Montag.",
            "due": due.isoformat(),
        }
        web.engine.script["wann?"] = lambda body: turn_response(body, ["Montag."], promises=[promise])
        async with tab(web.url) as client:
            await client.say("wann?")
            await client.wait_for_text("Montag.")
            await client.send({"type": "promises"})
            listed = (await client.wait_for("promises"))["promises"]
        assert [(p["wording"], p["order"], p["state"]) for p in listed] == [
            ("Das Paket kommt am Montag.", "LM-1", "open")
        ]
        assert len(await rows(database, PromiseRow)) == 1


class TestPageAndLanguage:
    async def test_the_page_is_kept_with_the_conversation(self, web, database):
        async with tab(web.url) as client:
            await answered(client, "hallo")
            await client.send({"type": "page", "page": {"title": "Regenjacke Sylt", "product": "rj-sylt"}})
            await client.send({"type": "service"})
            await client.wait_for("service")
        assert (await rows(database, ConversationRow))[0].page == {"title": "Regenjacke Sylt", "product": "rj-sylt"}

    async def test_the_page_of_a_hello_is_kept_once_there_is_a_conversation(self, web, database):
        async with tab(web.url, page={"product": "rj-sylt"}) as client:
            await answered(client, "hallo")
        assert (await rows(database, ConversationRow))[0].page == {"product": "rj-sylt"}

    async def test_the_chosen_language_is_the_engines_context(self, web):
        async with tab(web.url, language="de") as client:
            await answered(client, "hallo")
            await client.send({"type": "language", "language": "en"})
            await answered(client, "ok")
        contexts = [request["context"] for request in web.engine.requests]
        # At first the page's language is a guess, which the words may refute; what was chosen in the chat is not.
        assert [(c["language"], c["default_language"]) for c in contexts] == [(None, "de"), ("en", "en")]


class TestByPost:
    async def test_the_same_frames_go_by_request(self, web):
        async with httpx.AsyncClient(base_url=web.url, headers={"Origin": web.url}, timeout=60) as http:

            async def exchange(hello, *frames, wait_s=0):
                body = {"hello": hello, "frames": frames, "wait_s": wait_s}
                response = await http.post("/chat", json=body)
                assert response.status_code == 200, response.text
                return response.json()["frames"]

            welcome = (await exchange({}))[0]
            hello = {"visitor": welcome["visitor"]}
            sent = await exchange(hello, {"type": "message", "id": "by-post-1", "text": "hallo"})
            received = next(f for f in sent if f["type"] == "received")
            hello |= {"conversation": received["conversation"], "after": 0}
            texts: list[str] = []
            for _ in range(5):
                for frame in await exchange(hello, wait_s=5):
                    if frame["type"] == "messages":
                        texts += [m["text"] for m in frame["messages"]]
                        hello["after"] = frame["upto"]
                if "echo: hallo" in texts:
                    break
        assert texts[0] == "hallo"
        assert texts[-1] == "echo: hallo"

    async def test_a_foreign_page_may_not(self, web):
        async with httpx.AsyncClient(base_url=web.url) as http:
            response = await http.post("/chat", json={"hello": {}}, headers={"Origin": "https://evil.example"})
        assert response.status_code == 403


class TestTranscript:
    async def test_it_holds_what_was_said_and_only_that(self, web, database):
        async with tab(web.url) as client:
            await answered(client, "Grüße aus Köln")
            async with database.begin() as session:
                row = (await session.scalars(select(ConversationRow))).one()
                await Conversations(session).add_message(row, Author.NOTE, utc_now(), text="nur intern")
            async with httpx.AsyncClient(base_url=web.url) as http:
                response = await http.get("/chat/transcript", headers={"Authorization": f"Bearer {client.visitor}"})
                nobody = await http.get("/chat/transcript", headers={"Authorization": "Bearer x"})
        assert response.headers["content-disposition"].startswith("attachment")
        assert "Grüße aus Köln" in response.text
        assert "Digitaler Assistent:" in response.text
        assert "nur intern" not in response.text
        assert nobody.status_code == 401
