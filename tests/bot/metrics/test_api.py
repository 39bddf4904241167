"""The API for figures and exports: who may, and what they get."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select

from bot.app import create_app
from bot.handoff.hours import ServiceHours
from bot.metrics.expectations import expectation_map
from bot.metrics.facts import Rules
from bot.metrics.figures import definitions
from bot.metrics.refresh import Refresher
from bot.metrics.simulation.timeline import Plan, simulate
from bot.metrics.tokens import Tokens
from bot.storage.tables import Audit
from bot.survey.bank import load_bank

BERLIN = ZoneInfo("Europe/Berlin")
LAST = date(2026, 3, 31)
PERIOD = {"from": "2026-03-01", "to": "2026-03-31"}


@pytest.fixture
async def api(settings, database):
    """A client of the service on simulated conversations, and a function that makes it a token."""
    plan = Plan(60, 31, 5, LAST, BERLIN)
    await simulate(database, plan, load_bank(Path("survey.yml")), ServiceHours("Mon-Sat 08:00-20:00", BERLIN))
    await Refresher(database, Rules(BERLIN, expectation_map())).rebuild()
    transport = httpx.ASGITransport(create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://zusage") as client:
        yield client


async def header(database, *scopes: str, **kwargs) -> dict[str, str]:
    secret = await Tokens(database).create("-".join(scopes) or "x", list(scopes), "test", **kwargs)
    return {"Authorization": f"Bearer {secret}"}


class TestAccess:
    @pytest.mark.parametrize(
        "path", ["/metrics", "/metrics/definitions", "/metrics/conversations", "/export", "/export/turns"]
    )
    @pytest.mark.parametrize("sent", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}])
    async def test_needs_a_token(self, api, path: str, sent: dict[str, str]) -> None:
        answer = await api.get(f"/api/v1{path}", headers=sent)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")

    async def test_a_scope_allows_only_what_it_says(self, api, database) -> None:
        figures, exports = await header(database, "metrics"), await header(database, "export")
        assert (await api.get("/api/v1/export/turns", headers=figures)).status_code == 403
        assert (await api.get("/api/v1/metrics", headers=exports)).status_code == 403
        personal = await api.get("/api/v1/export/messages", params={"personal": "true"}, headers=exports)
        assert personal.status_code == 403

    async def test_revoked_and_expired_tokens_are_worth_nothing(self, api, database) -> None:
        revoked = await header(database, "metrics")
        await Tokens(database).revoke("metrics", "test")
        past = datetime.now(UTC) - timedelta(seconds=1)
        expired = await header(database, "export", expires_at=past)
        assert (await api.get("/api/v1/metrics", headers=revoked)).status_code == 401
        assert (await api.get("/api/v1/export", headers=expired)).status_code == 401


class TestMetrics:
    async def test_every_figure_is_answered_beside_the_period_before(self, api, database) -> None:
        answer = (await api.get("/api/v1/metrics", params=PERIOD, headers=await header(database, "metrics"))).json()
        assert set(answer["figures"]) == set(definitions())
        assert answer["figures"]["conversations"]["value"] == 60
        assert answer["figures"]["conversations"]["before"]["value"] == 0
        assert answer["timezone"] == "Europe/Berlin"
        assert sum(row["conversations"] for row in answer["trend"]["rows"]) == 60
        assert [len(answer["load"]), len(answer["load"][0])] == [7, 24]

    @pytest.mark.parametrize(
        ("first", "step", "points", "earliest"),
        [
            ("2026-03-01", "day", 31, "2026-03-01"),
            ("2026-01-01", "week", 13, "2026-01-01"),  # 90 days: the first week is a short one
            ("2025-03-15", "month", 13, "2025-03-01"),
        ],
    )
    async def test_a_trend_has_steps_that_suit_its_length(
        self, api, database, first: str, step: str, points: int, earliest: str
    ) -> None:
        allowed = await header(database, "metrics")
        trend = (await api.get("/api/v1/metrics", params=PERIOD | {"from": first}, headers=allowed)).json()["trend"]
        assert (trend["by"], len(trend["rows"]), trend["rows"][0]["day"]) == (step, points, earliest)
        assert sum(row["conversations"] for row in trend["rows"]) == 60

    async def test_filters_add_up_to_the_whole(self, api, database) -> None:
        allowed = await header(database, "metrics")
        parts = [
            (await api.get("/api/v1/metrics", params=PERIOD | {"channel": c}, headers=allowed)).json()
            for c in ("web", "telegram", "rest")
        ]
        assert sum(part["figures"]["conversations"]["value"] for part in parts) == 60

    async def test_the_conversations_behind_a_figure_are_as_many_as_it_says(self, api, database) -> None:
        allowed = await header(database, "metrics")
        figures = (await api.get("/api/v1/metrics", params=PERIOD, headers=allowed)).json()["figures"]
        rows = (
            await api.get("/api/v1/metrics/conversations", params=PERIOD | {"of": "handed_over"}, headers=allowed)
        ).json()
        assert len(rows) == round(figures["handoff_rate"]["value"] * figures["handoff_rate"]["n"])

    @pytest.mark.parametrize(
        "wrong",
        [{"from": "2026-03-02", "to": "2026-03-01"}, {"from": "2010-01-01"}, {"from": "gestern"}, {"language": "fr"}],
    )
    async def test_a_wrong_question_is_explained(self, api, database, wrong: dict[str, str]) -> None:
        answer = await api.get("/api/v1/metrics", params=wrong, headers=await header(database, "metrics"))
        assert answer.status_code == 422
        assert answer.json()["error"]["message"]


class TestExport:
    async def test_rows_come_as_a_file(self, api, database) -> None:
        answer = await api.get("/api/v1/export/conversations", params=PERIOD, headers=await header(database, "export"))
        assert answer.headers["content-disposition"] == 'attachment; filename="conversations.csv"'
        assert len(answer.text.splitlines()) == 61

    async def test_personal_data_leaves_a_trace_with_the_tokens_name(self, api, database) -> None:
        allowed = await header(database, "export:personal")
        await api.get("/api/v1/export/messages", params={"personal": "true"}, headers=allowed)
        async with database.read() as session:
            entries = [
                (a.actor, a.action)
                for a in await session.scalars(select(Audit).where(Audit.action.startswith("export")))
            ]
        assert entries == [("api:export:personal", "export.personal")]

    @pytest.mark.parametrize("wrong", ["/export/secrets", "/export/turns?format=doc"])
    async def test_what_does_not_exist_is_said(self, api, database, wrong: str) -> None:
        answer = await api.get(f"/api/v1{wrong}", headers=await header(database, "export"))
        assert answer.status_code == 422
        assert "choose one of" in answer.json()["error"]["message"]
