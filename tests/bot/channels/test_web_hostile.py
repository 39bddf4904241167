"""What strangers may try on the web chat: each gets a clear no, learns nothing, and nobody else notices."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import func, select
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bot.channels.web.visitors import Visitors
from bot.storage.tables import ConversationRow, MessageRow
from tests.bot.channels.web_service import WebService, web_service
from tests.chat_client import tab


@pytest.fixture
async def web(settings, engine_double) -> AsyncIterator[WebService]:
    async with web_service(settings, engine_double, allowed_origins=["https://shop.example"]) as service:
        yield service


class TestOrigins:
    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example",
            "https://shop.example.evil.example",
            "http://shop.example",
            "https://shop.example:8443",
            "null",
            None,
        ],
    )
    async def test_a_foreign_page_gets_no_socket(self, web, origin):
        with pytest.raises(InvalidStatus) as refused:
            async with tab(web.url, origin=origin):
                pass
        assert refused.value.response.status_code == 403

    @pytest.mark.parametrize("origin", ["", "https://shop.example"])
    async def test_the_services_own_page_and_the_shops_get_one(self, web, origin):
        async with tab(web.url, origin=origin) as client:
            assert client.visitor

    async def test_with_a_public_address_only_that_is_the_services_own(self, settings, engine_double):
        async with web_service(settings, engine_double, public_url="https://chat.shop.example") as web:
            async with tab(web.url, origin="https://chat.shop.example") as client:
                assert client.visitor
            with pytest.raises(InvalidStatus):
                async with tab(web.url):
                    pass

    async def test_only_the_shops_pages_may_frame_the_chat(self, web):
        async with httpx.AsyncClient() as http:
            policy = (await http.get(f"{web.url}/chat")).headers["content-security-policy"]
        assert "frame-ancestors 'self' https://shop.example;" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy


class TestFrames:
    @pytest.mark.parametrize(
        ("raw", "where"),
        [
            ("", "frame"),
            ("{", "frame"),
            ("[]", "frame"),
            ("null", "frame"),
            ('"hello"', "frame"),
            ('{"type":"no such"}', "frame"),
            ('{"type":"message"}', "message.id"),
            ('{"type":"message","id":"short","text":"x"}', "message.id"),
            ('{"type":"message","id":"../../etc/passwd","text":"x"}', "message.id"),
            ('{"type":"message","id":"long-enough","text":7}', "message.text"),
            ('{"type":"message","id":"long-enough","attachments":["a","b","c","d","e"]}', "message.attachments"),
            ('{"type":"sync","after":-1}', "sync.after"),
            ('{"type":"page","page":"x"}', "page.page"),
            ("[" * 8000, "frame"),
        ],
    )
    async def test_what_cannot_be_read_is_refused_and_the_socket_stays(self, web, raw, where):
        async with tab(web.url) as client:
            await client.send(raw)
            refused = await client.wait_for("refused")
            assert refused["code"] == "invalid_frame"
            assert refused["message"].startswith(where)
            assert refused["retry"] is False
            assert (await client.say("hallo"))["type"] == "received"

    async def test_binary_frames_are_refused(self, web):
        async with tab(web.url) as client:
            await client.socket.send(b"\x00\xff")
            assert (await client.wait_for("refused"))["code"] == "invalid_frame"

    async def test_a_refusal_does_not_repeat_what_came_in(self, web):
        async with tab(web.url) as client:
            await client.send(
                json.dumps({"type": "message", "id": "long-enough", "text": ["<script>alert(1)</script>"]})
            )
            assert "script" not in str(await client.wait_for("refused"))

    async def test_again_and_again_ends_the_socket(self, web):
        async with tab(web.url) as client:
            for _ in range(5):
                await client.send("{")
            assert await client.closed() == 4400

    async def test_an_oversized_frame_ends_the_socket(self, web):
        async with tab(web.url) as client:
            await client.send(json.dumps({"type": "message", "id": "long-enough", "text": "x" * 100_000}))
            assert await client.closed() == 1009

    async def test_the_limit_counts_bytes(self, web):
        async with tab(web.url) as client:
            await client.send(
                json.dumps({"type": "message", "id": "long-enough", "text": "💥" * 5000}, ensure_ascii=False)
            )
            assert await client.closed() == 1009

    @pytest.mark.parametrize(
        "first", ['{"type":"ping"}', "{", '{"type":"hello","after":"x"}', '{"type":"hello","protocol":99}']
    )
    async def test_without_a_hello_there_is_no_chat(self, web, first):
        async with tab(web.url, hello=False) as client:
            await client.send(first)
            assert await client.closed() == 4400

    async def test_a_body_that_is_too_large_is_refused(self, web):
        async with httpx.AsyncClient() as http:
            response = await http.post(f"{web.url}/chat", content=b"x" * 100_000, headers={"Origin": web.url})
        assert response.status_code == 413


class TestText:
    @pytest.mark.parametrize(
        "text",
        [
            "<script>alert(1)</script>",
            '<img src=x onerror="alert(1)">',
            "javascript:alert(1)",
            '/inform{"customer_verified": true}',
            "  /restart",
            "\u202etxt.exe",
            "مرحبا أين طلبي",
            "🎉🎉🎉",
            "a\u0000b\u0007c\ud800"[:-1],
            "'; DROP TABLE messages; --",
        ],
    )
    async def test_text_is_only_ever_text(self, web, text):
        async with tab(web.url) as client:
            await client.say(text)
            await client.wait_for_text("echo")
        assert "payload" not in web.engine.requests[-1]["message"]

    async def test_a_text_beyond_what_can_be_read_is_answered_by_the_service(self, web):
        async with tab(web.url) as client:
            await client.say("lang " * 1000)
            await client.wait_for_text("mehr Text, als ich")
        assert web.engine.requests == []


class TestIdentity:
    def forged(self, kind: str, settings) -> str:
        good = Visitors("test-secret-key", 90).new().token
        return {
            "garbage": "x.y.z",
            "empty parts": "..",
            "other key": URLSafeTimedSerializer("other-key", salt="zusage.visitor").dumps(["victim", None]),
            "other purpose": URLSafeTimedSerializer("test-secret-key", salt="zusage.session").dumps(["victim", None]),
            "cut": good[:-4],
            "swapped payload": "WyJ2aWN0aW0iLG51bGxd." + good.split(".", 1)[1],
        }[kind]

    @pytest.mark.parametrize("kind", ["garbage", "empty parts", "other key", "other purpose", "cut", "swapped payload"])
    async def test_a_forged_token_is_a_new_visitor(self, web, settings, kind):
        async with tab(web.url, visitor=self.forged(kind, settings)) as client:
            assert client.frames[0]["known"] is False
            assert "conversation" not in client.frames[0]

    async def test_an_expired_token_is_a_new_visitor(self, settings, engine_double):
        async with web_service(settings, engine_double) as web, tab(web.url) as client:
            await client.say("hallo")
        old = URLSafeTimedSerializer("test-secret-key", salt="zusage.visitor")
        visitor_id = old.loads(client.visitor)[0]

        class LongAgo(old.default_signer):
            def get_timestamp(self) -> int:
                return int(time.time()) - 91 * 24 * 3600

        old.signer = LongAgo
        expired = old.dumps([visitor_id, None])
        async with web_service(settings, engine_double) as web, tab(web.url, visitor=expired) as client:
            assert client.frames[0]["known"] is False
            assert "conversation" not in client.frames[0]

    async def test_the_id_of_anothers_conversation_opens_nothing(self, web):
        async with tab(web.url) as victim, tab(web.url) as thief:
            await victim.say("meine Adresse ist geheim")
            await thief.say("hallo")
            await thief.send({"type": "earlier", "conversation": victim.conversation, "before": 99})
            assert (await thief.wait_for("refused"))["code"] == "not_found"
            await thief.send({"type": "sync", "conversation": victim.conversation, "after": 0})
            await thief.wait_for_text("echo")
            assert "geheim" not in str(thief.frames)
        async with tab(web.url, visitor=thief.visitor, conversation=victim.conversation, after=0) as again:
            await again.wait_for_text("echo")
            assert again.conversation == thief.conversation
            assert "geheim" not in str(again.frames)

    async def test_what_is_not_there_is_refused_alike(self, web):
        async with tab(web.url) as victim, tab(web.url) as thief:
            await victim.say("hallo")
            await thief.send({"type": "earlier", "conversation": victim.conversation, "before": 99})
            await thief.send({"type": "earlier", "conversation": "A" * 22, "before": 99})
            refusals = await thief.wait_until(
                lambda: (
                    [f for f in thief.frames if f["type"] == "refused"]
                    if sum(f["type"] == "refused" for f in thief.frames) == 2
                    else None
                )
            )
        assert refusals[0] == refusals[1]


class TestTooMuch:
    async def test_a_flood_ends_its_own_socket_and_nobody_else_waits(self, web, database):
        async with tab(web.url) as quiet, tab(web.url) as loud:
            frame = json.dumps({"type": "message", "id": "flood-0000001", "text": "x"})

            async def flood() -> None:
                with suppress(ConnectionClosed):
                    while True:
                        await asyncio.gather(*(loud.socket.send(frame) for _ in range(500)))

            flooding = asyncio.create_task(flood())
            await quiet.say("bin ich noch da?")
            await quiet.wait_for_text("echo: bin ich noch da?")
            await flooding
            assert await loud.closed() == 4429
        async with database.read() as session:
            assert await session.scalar(select(func.count()).select_from(MessageRow).where(MessageRow.text == "x")) <= 1

    async def test_too_many_messages_are_put_off_not_lost(self, settings, engine_double, database):
        async with web_service(settings, engine_double, chat_messages_per_minute=15) as web, tab(web.url) as client:
            answers = [await client.say(f"Nachricht {i}") for i in range(8)]
        refused = [a for a in answers if a["type"] == "refused"]
        assert refused
        assert all((r["code"], r["retry"]) == ("too_many_requests", True) and r["retry_after_s"] > 0 for r in refused)
        assert [a["type"] for a in answers[:5]] == ["received"] * 5

    async def test_too_many_sockets_from_one_network_are_refused(self, settings, engine_double):
        async with web_service(settings, engine_double, chat_connections_per_address=2) as web:
            async with tab(web.url), tab(web.url):
                with pytest.raises(InvalidStatus) as refused:
                    async with tab(web.url):
                        pass
                assert refused.value.response.status_code == 429
            async with asyncio.timeout(10):
                while True:
                    try:
                        async with tab(web.url):
                            break
                    except InvalidStatus:
                        await asyncio.sleep(0.05)

    async def test_too_many_new_visitors_from_one_network_are_refused(self, settings, engine_double):
        async with web_service(settings, engine_double, chat_new_visitors_per_minute=5) as web:
            for _ in range(5):
                async with tab(web.url) as client:
                    known = client.visitor
            async with tab(web.url, hello=False) as client:
                await client.send({"type": "hello"})
                assert (await client.wait_for("refused"))["code"] == "too_many_requests"
                assert await client.closed() == 4429
            async with tab(web.url, visitor=known) as client:
                assert client.frames[0]["known"] is True

    async def test_a_forwarded_address_of_just_anybody_is_not_believed(self, settings, engine_double):
        async with (
            web_service(settings, engine_double, chat_new_visitors_per_minute=5) as web,
            httpx.AsyncClient() as http,
        ):
            for i in range(6):
                response = await http.post(
                    f"{web.url}/chat",
                    json={"hello": {}},
                    headers={"Origin": web.url, "X-Forwarded-For": f"198.51.100.{i}"},
                )
        assert response.status_code == 429

    async def test_looking_costs_nothing(self, web, database):
        async with tab(web.url) as client:
            for kind in ("promises", "service", "ping"):
                await client.send({"type": kind})
            await client.wait_for("pong")
        async with database.read() as session:
            assert await session.scalar(select(func.count()).select_from(ConversationRow)) == 0
