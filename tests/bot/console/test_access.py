"""Every page and call of the console: who is not allowed in stays out, and nothing changes."""

from datetime import timedelta

import pytest
from fastapi.openapi.utils import get_openapi

from bot.storage.agents import Agents
from bot.storage.tables import Handoff, MessageRow
from tests.bot.console.conftest import Desk

# What must work before anybody is signed in.
PUBLIC = {("GET", "/sign-in"), ("POST", "/sign-in"), ("POST", "/sign-in/code"), ("POST", "/language")}
MANAGERS_ONLY = {
    ("GET", "/team"), ("POST", "/team/{agent_id}"), ("GET", "/audit"), ("GET", "/audit/export"),
    ("POST", "/saved-replies"), ("POST", "/saved-replies/{reply_id}/delete"), ("GET", "/figures"),
    ("GET", "/figures/conversations"), ("GET", "/figures/report"), ("GET", "/figures/style.css"),
}  # fmt: skip
ADMINS_ONLY = {("POST", "/team/{agent_id}/role"), ("POST", "/team/{agent_id}/disable")}


def routes(app) -> list[tuple[str, str]]:
    console = next(route.app for route in app.routes if getattr(route, "path", "") == "/console")
    paths = get_openapi(title="", version="", routes=console.routes)["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def concrete(path: str, conversation_id: int) -> str:
    path = path.replace("{session_id}", "999999")  # not the one that is looking
    for name in (
        "conversation_id",
        "session_id",
        "agent_id",
        "reply_id",
        "message_id",
        "order_number",
        "file_id",
        "name",
    ):
        path = path.replace("{" + name + "}", str(conversation_id))
    assert "{" not in path, f"teach this test the parameter of {path}"
    return path


class TestNotSignedIn:
    async def test_every_route_but_signing_in_is_closed(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        stranger = desk.browser()
        seen = 0
        for method, path in routes(desk.app):
            if (method, path) in PUBLIC:
                continue
            seen += 1
            address = f"/console{concrete(path, conversation_id)}"
            response = await stranger.http.request(method, address, headers={"Accept": "application/json"})
            assert response.status_code == 401, (method, path, response.status_code)
            page = await stranger.http.request(method, address)
            expected = 303 if method == "GET" else 401
            assert page.status_code == expected, (method, path, page.status_code)
        assert seen > 15
        (handoff,) = await desk.rows(Handoff)
        assert handoff.state == "queued"

    async def test_a_page_that_loses_its_session_is_sent_to_sign_in(self, desk: Desk) -> None:
        response = await desk.browser().get("/lists", **{"HX-Request": "true"})
        assert response.status_code == 401
        assert response.headers["hx-redirect"].startswith("/console/sign-in")

    @pytest.mark.parametrize("cookie", ["", "forged", "x" * 5000, "' OR 1=1 --", "0" * 43])
    async def test_a_forged_cookie_opens_nothing(self, desk: Desk, cookie: str) -> None:
        await desk.agent()
        stranger = desk.browser()
        stranger.http.cookies.set("zusage_agent", cookie)
        assert (await stranger.get("/")).status_code == 303


class TestEndedSession:
    """A browser that was signed in keeps its cookie; from the end of the session on it opens nothing."""

    @pytest.mark.parametrize("how", ["expired", "revoked", "disabled"])
    async def test_every_route_is_closed(self, desk: Desk, how: str) -> None:
        conversation_id = await desk.customer()
        browser = await desk.agent("Rita", role="admin")
        assert (await browser.get("/")).status_code == 200
        if how == "expired":
            desk.skew = timedelta(hours=desk.settings.session_hours, minutes=1)
        else:
            async with desk.database.begin() as session:
                agents = Agents(session)
                if how == "revoked":
                    await agents.revoke(browser.agent.id, desk.now())
                else:
                    (await agents.get(browser.agent.id)).disabled_at = desk.now()
        for method, path in routes(desk.app):
            if (method, path) in PUBLIC:
                continue
            response = await browser.http.request(
                method,
                f"/console{concrete(path, conversation_id)}",
                headers={"X-CSRF-Token": browser.csrf, "Accept": "application/json"},
            )
            assert response.status_code == 401, (method, path, response.status_code)
        (handoff,) = await desk.rows(Handoff)
        assert handoff.state == "queued"


class TestRoles:
    @pytest.mark.parametrize(("role", "closed"), [("agent", MANAGERS_ONLY | ADMINS_ONLY), ("manager", ADMINS_ONLY)])
    async def test_each_role_is_kept_out_of_exactly_what_is_not_its_own(self, desk: Desk, role: str, closed) -> None:
        conversation_id = await desk.customer()
        browser = await desk.agent("Rita", role=role)
        refused = set()
        for method, path in routes(desk.app):
            if (method, path) in PUBLIC | {("POST", "/sign-out"), ("GET", "/events")}:
                continue
            response = await browser.http.request(
                method,
                f"/console{concrete(path, conversation_id)}",
                headers={"X-CSRF-Token": browser.csrf, "HX-Request": "true"},
            )
            if response.status_code == 403:
                refused.add((method, path))
        assert refused == closed


class TestCrossSite:
    """A signed-in agent visits a hostile page."""

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.test"},
            {"Origin": "null"},
            {"Origin": "http://desk.test.evil.test"},
            {"Origin": "", "Referer": "https://evil.test/console"},
            {"Origin": ""},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ],
    )
    async def test_what_another_site_sends_is_refused(self, desk: Desk, headers: dict[str, str]) -> None:
        conversation_id = await desk.customer()
        browser = await desk.agent()
        response = await browser.post(f"/conversations/{conversation_id}/accept", **headers)
        assert response.status_code == 403
        (handoff,) = await desk.rows(Handoff)
        assert handoff.state == "queued"

    async def test_every_change_is_refused_to_another_site_even_with_the_right_token(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        browser = await desk.agent("Rita", role="admin")
        for method, path in routes(desk.app):
            if method == "GET":
                continue
            response = await browser.http.request(
                method,
                f"/console{concrete(path, conversation_id)}",
                headers={"X-CSRF-Token": browser.csrf, "Origin": "https://evil.test"},
            )
            assert response.status_code == 403, (method, path, response.status_code)
            assert response.json()["error"]["code"] == "foreign_origin"

    async def test_reading_changes_nothing_so_that_a_link_cannot(self, desk: Desk) -> None:
        """Links of other sites may lead here (the cookie goes with them): whatever changes something is no GET."""
        assert {method for method, _ in routes(desk.app)} == {"GET", "POST"}
        conversation_id = await desk.customer()
        browser = await desk.agent("Rita", role="admin")
        for method, path in routes(desk.app):
            if method == "GET" and path != "/events":
                await browser.get(concrete(path, conversation_id))
        (handoff,) = await desk.rows(Handoff)
        assert (handoff.state, handoff.agent_id) == ("queued", None)

    @pytest.mark.parametrize("token", ["", "0" * 64, "ü"])
    async def test_every_change_needs_the_sessions_own_token(self, desk: Desk, token: str) -> None:
        conversation_id = await desk.customer()
        browser = await desk.agent()
        for method, path in routes(desk.app):
            if method != "POST" or (method, path) in PUBLIC - {("POST", "/language")}:
                continue
            response = await browser.http.post(
                f"/console{concrete(path, conversation_id)}",
                data={"language": "de"},
                headers={"X-CSRF-Token": token.encode()},
            )
            assert response.status_code == 403, path

    async def test_another_agents_token_does_not_do(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        lena, murat = await desk.agent("Lena"), await desk.agent("Murat")
        lena.csrf = murat.csrf
        assert (await lena.post(f"/conversations/{conversation_id}/accept")).status_code == 403

    async def test_signing_in_cannot_be_forced_by_another_site(self, desk: Desk) -> None:
        browser = await desk.agent(sign_in=False)
        browser.http.headers["Origin"] = "https://evil.test"
        assert (await browser.sign_in()).status_code == 403


class TestHeaders:
    async def test_every_answer_forbids_foreign_scripts_frames_and_caching(self, desk: Desk) -> None:
        browser = await desk.agent()
        for path in ("/", "/account", "/nowhere", "/lists"):
            response = await browser.get(path)
            policy = response.headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert response.headers["cache-control"] == "no-store"
            assert response.headers["x-content-type-options"] == "nosniff"

    async def test_no_page_has_inline_script_or_style(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        browser = await desk.agent()
        for path in ("/", "/account", "/account/totp", f"/conversations/{conversation_id}"):
            text = (await browser.get(path)).text
            assert "<style" not in text
            assert " style=" not in text
            assert " onclick=" not in text
            assert text.count("<script") == text.count("<script src=")


class TestHostileText:
    HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> https://a.test/'onmouseover='x javascript:alert(3)"

    async def test_markup_of_customers_is_text(self, desk: Desk) -> None:
        conversation_id = await desk.customer("eva", self.HOSTILE)
        browser = await desk.agent()
        for path in ("/", f"/conversations/{conversation_id}", "/lists"):
            text = (await browser.get(path)).text
            assert "<script>alert" not in text
            assert "<img src=x" not in text
            assert "href='javascript" not in text
            assert 'href="javascript' not in text

    async def test_markup_of_agents_is_text(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        browser = await desk.agent()
        await browser.post(f"/conversations/{conversation_id}/accept")
        await browser.post(f"/conversations/{conversation_id}/note", {"text": self.HOSTILE})
        text = (await browser.get(f"/conversations/{conversation_id}")).text
        assert "<script>alert" not in text


class TestPrivateNotes:
    async def test_another_agents_private_note_is_nowhere(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        lena, murat = await desk.agent("Lena"), await desk.agent("Murat", role="admin")
        secret = "Verdacht-4711"
        response = await lena.post(f"/conversations/{conversation_id}/note", {"text": secret, "private": "true"})
        assert response.status_code == 204
        assert secret in (await lena.get(f"/conversations/{conversation_id}")).text
        number = (await desk.rows(MessageRow, author="note"))[0].number
        for path in (
            "/", "/lists", f"/conversations/{conversation_id}", f"/conversations/{conversation_id}/live",
            f"/conversations/{conversation_id}/earlier?before={number + 1}",
        ):  # fmt: skip
            assert secret not in (await murat.get(path)).text, path

    async def test_a_team_note_is_for_all_agents_and_never_on_its_way_to_the_customer(self, desk: Desk) -> None:
        from bot.storage.tables import Delivery

        conversation_id = await desk.customer()
        lena, murat = await desk.agent("Lena"), await desk.agent("Murat")
        await lena.post(f"/conversations/{conversation_id}/note", {"text": "Bitte kulant sein"})
        assert "Bitte kulant sein" in (await murat.get(f"/conversations/{conversation_id}")).text
        (note,) = await desk.rows(MessageRow, author="note")
        assert await desk.rows(Delivery, message_id=note.id) == []
