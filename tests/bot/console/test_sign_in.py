"""Signing in: right people get in, wrong ones learn nothing, sessions end when they should."""

import re
from datetime import timedelta

import pyotp
import pytest

from bot.console.auth import PASSWORD_MIN, TRIES_ACCOUNT, TRIES_ADDRESS, TRIES_BOTH
from bot.storage.tables import Agent, AgentSession, Audit, SignInAttempt
from tests.bot.console.conftest import PASSWORD, Desk


class TestSignIn:
    async def test_the_right_password_opens_the_inbox(self, desk: Desk) -> None:
        browser = await desk.agent()
        page = await browser.get("/")
        assert page.status_code == 200
        assert "Queue" in page.text

    async def test_the_cookie_is_for_the_browser_alone_and_never_sent_from_other_sites(self, desk: Desk) -> None:
        browser = await desk.agent(sign_in=False)
        cookie = (await browser.sign_in()).headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie

    async def test_over_https_the_cookie_is_secure_and_bound_to_the_host(self, desk: Desk) -> None:
        from bot.app import create_app

        desk.app = create_app(desk.settings.model_copy(update={"public_url": "https://service.shop.test"}))
        await desk.agent(sign_in=False)
        form = {"email": "lena@shop.test", "password": PASSWORD}
        cookie = (await desk.browser().post("/sign-in", form)).headers["set-cookie"]
        assert cookie.startswith("__Host-zusage_agent=")
        assert "Secure" in cookie

    async def test_the_database_holds_no_password_and_no_token(self, desk: Desk) -> None:
        browser = await desk.agent()
        (agent,), (session,) = await desk.rows(Agent), await desk.rows(AgentSession)
        assert agent.password_hash.startswith("$argon2id$")
        assert session.token_hash not in str(browser.http.cookies)
        assert browser.http.cookies["zusage_agent"] != session.token_hash

    @pytest.mark.parametrize("email", ["lena@shop.test", "nobody@shop.test"])
    async def test_a_wrong_password_and_an_unknown_account_look_the_same(self, desk: Desk, email: str) -> None:
        browser = await desk.agent(sign_in=False)
        response = await browser.sign_in(email, "wrong password")
        assert response.status_code == 401
        assert "E-mail address or password is wrong." in response.text
        assert "set-cookie" not in response.headers

    async def test_a_disabled_agent_cannot_sign_in(self, desk: Desk) -> None:
        browser = await desk.agent(sign_in=False, disabled_at=desk.now())
        assert (await browser.sign_in()).status_code == 401

    async def test_after_five_wrong_passwords_even_the_right_one_waits_a_quarter_of_an_hour(self, desk: Desk) -> None:
        browser = await desk.agent(sign_in=False)
        for _ in range(TRIES_BOTH):
            assert (await browser.sign_in(password="wrong")).status_code == 401
        assert (await browser.sign_in()).status_code == 429
        desk.skew = timedelta(minutes=16)
        assert (await browser.sign_in()).status_code == 303

    async def test_right_passwords_are_not_counted(self, desk: Desk) -> None:
        browser = await desk.agent(sign_in=False)
        for _ in range(TRIES_BOTH + 2):
            assert (await browser.sign_in()).status_code == 303
        assert await desk.rows(SignInAttempt) == []

    async def test_a_stranger_elsewhere_does_not_lock_an_agent_out_at_once(self, desk: Desk) -> None:
        browser = await desk.agent(sign_in=False)
        stranger = desk.browser(browser.agent)
        stranger.http._transport.client = ("198.51.100.9", 4000)
        for _ in range(TRIES_BOTH + 1):
            await stranger.sign_in(password="guess")
        assert (await browser.sign_in()).status_code == 303
        assert TRIES_BOTH < TRIES_ACCOUNT < TRIES_ADDRESS

    async def test_guessing_many_accounts_from_one_address_ends(self, desk: Desk) -> None:
        browser = await desk.agent(sign_in=False)
        answers = [(await browser.sign_in(f"a{i}@shop.test", "x")).status_code for i in range(TRIES_ADDRESS + 1)]
        assert answers == [401] * TRIES_ADDRESS + [429]

    @pytest.mark.parametrize(
        "onward", ["https://evil.test/", "//evil.test/", "/console//evil.test", "/\\evil.test", "/console/\\evil", ""]
    )
    async def test_the_page_after_signing_in_is_always_our_own(self, desk: Desk, onward: str) -> None:
        browser = await desk.agent(sign_in=False)
        response = await browser.http.post(
            "/console/sign-in", data={"email": "lena@shop.test", "password": PASSWORD, "onward": onward}
        )
        assert response.headers["location"] == "/console/"

    async def test_who_wanted_a_certain_page_gets_there(self, desk: Desk) -> None:
        browser = await desk.agent(sign_in=False)
        response = await browser.get("/conversations/17?reason=upset")
        assert response.headers["location"] == "/console/sign-in?next=/console/conversations/17%3Freason%3Dupset"


class TestOneTimeCodes:
    async def with_codes(self, desk: Desk) -> tuple:
        browser = await desk.agent()
        page = await browser.get("/account/totp")
        secret = re.search(r'name="secret" value="([A-Z2-7]+)"', page.text)[1]
        totp = pyotp.TOTP(secret)
        response = await browser.post("/account/totp", {"secret": secret, "code": totp.at(desk.now())})
        assert "One-time codes are on." in response.text
        desk.skew += timedelta(seconds=30)  # the code that turned them on is used up
        return browser, totp

    def pending(self, response) -> str:
        return re.search(r'name="pending" value="([^"]+)"', response.text)[1]

    async def test_a_code_is_asked_for_after_the_password(self, desk: Desk) -> None:
        browser, totp = await self.with_codes(desk)
        fresh = desk.browser(browser.agent)
        asked = await fresh.sign_in()
        assert asked.status_code == 200
        assert "set-cookie" not in asked.headers
        response = await fresh.post(
            "/sign-in/code", {"pending": self.pending(asked), "code": totp.at(desk.now()), "onward": ""}
        )
        assert response.status_code == 303

    async def test_a_code_works_once(self, desk: Desk) -> None:
        browser, totp = await self.with_codes(desk)
        code = totp.at(desk.now())
        for expected in (303, 401):
            fresh = desk.browser(browser.agent)
            asked = await fresh.sign_in()
            response = await fresh.post("/sign-in/code", {"pending": self.pending(asked), "code": code})
            assert response.status_code == expected

    async def test_a_wrong_code_counts_as_an_attempt(self, desk: Desk) -> None:
        browser, _ = await self.with_codes(desk)
        fresh = desk.browser(browser.agent)
        pending = self.pending(await fresh.sign_in())
        answers = [
            (await fresh.post("/sign-in/code", {"pending": pending, "code": "000000"})).status_code
            for _ in range(TRIES_BOTH + 1)
        ]
        assert answers == [401] * TRIES_BOTH + [429]

    async def test_a_forged_pending_sign_in_is_refused(self, desk: Desk) -> None:
        browser, totp = await self.with_codes(desk)
        fresh = desk.browser(browser.agent)
        response = await fresh.post("/sign-in/code", {"pending": "MQ.forged.x", "code": totp.at(desk.now())})
        assert response.status_code == 401


class TestSessions:
    async def test_a_session_expires(self, desk: Desk) -> None:
        browser = await desk.agent()
        desk.skew = timedelta(hours=desk.settings.session_hours, minutes=1)
        assert (await browser.get("/")).headers["location"].startswith("/console/sign-in")

    async def test_signing_out_ends_the_session_itself_not_only_the_cookie(self, desk: Desk) -> None:
        browser = await desk.agent()
        stolen = dict(browser.http.cookies)
        await browser.post("/sign-out")
        thief = desk.browser()
        thief.http.cookies.update(stolen)
        assert (await thief.get("/")).status_code == 303
        (agent,) = await desk.rows(Agent)
        assert agent.presence == "away"

    async def test_an_agent_can_end_another_browser_of_theirs_but_nobody_elses(self, desk: Desk) -> None:
        lena, murat = await desk.agent("Lena"), await desk.agent("Murat")
        other = desk.browser(lena.agent)
        await other.sign_in()
        sessions = await desk.rows(AgentSession, agent_id=lena.agent.id)
        assert (await murat.post(f"/account/sessions/{sessions[1].id}/end")).status_code == 404
        assert (await other.get("/")).status_code == 200
        assert (await lena.post(f"/account/sessions/{sessions[1].id}/end")).status_code == 303
        assert (await other.get("/")).status_code == 303
        assert (await lena.get("/")).status_code == 200

    async def test_disabling_an_agent_shuts_open_sessions(self, desk: Desk) -> None:
        browser = await desk.agent()
        async with desk.database.begin() as session:
            (await session.get(Agent, browser.agent.id)).disabled_at = desk.now()
        assert (await browser.get("/")).status_code == 303

    async def test_a_new_password_ends_all_other_sessions(self, desk: Desk) -> None:
        browser = await desk.agent()
        other = desk.browser(browser.agent)
        await other.sign_in()
        new = "another fine password"
        response = await browser.post("/account/password", {"old": PASSWORD, "new": new})
        assert "Your password has been changed." in response.text
        assert (await other.get("/")).status_code == 303
        assert (await browser.get("/")).status_code == 200
        assert (await other.sign_in()).status_code == 401
        assert (await other.sign_in(password=new)).status_code == 303

    @pytest.mark.parametrize(
        ("old", "new", "status"),
        [
            ("wrong", "another fine password", 401),
            (PASSWORD, "x" * (PASSWORD_MIN - 1), 422),
            (PASSWORD, "aaaaaaaaaaaaaaa", 422),
            (PASSWORD, "lena@shop.test", 422),
            (PASSWORD, PASSWORD, 422),
        ],
    )
    async def test_bad_passwords_change_nothing(self, desk: Desk, old: str, new: str, status: int) -> None:
        browser = await desk.agent()
        assert (await browser.post("/account/password", {"old": old, "new": new})).status_code == status
        assert (await desk.browser(browser.agent).sign_in()).status_code == 303

    async def test_whoever_got_a_password_from_the_admin_must_choose_one_first(self, desk: Desk) -> None:
        browser = await desk.agent(must_change_password=True)
        assert (await browser.get("/")).headers["location"] == "/console/account"
        await browser.post("/account/password", {"old": PASSWORD, "new": "my very own words"})
        assert (await browser.get("/")).status_code == 200

    async def test_signing_in_and_failing_to_are_in_the_audit(self, desk: Desk) -> None:
        browser = await desk.agent(sign_in=False)
        await browser.sign_in(password="wrong")
        await browser.sign_in()
        assert [(a.actor, a.action) for a in await desk.rows(Audit)] == [
            ("system", "agent.sign_in_failed"),
            (f"agent:{browser.agent.id}", "agent.sign_in"),
        ]
