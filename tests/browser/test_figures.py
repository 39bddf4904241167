"""The managers' figures in a real browser: both languages, both themes, every chart, filters, drill-down, paper."""

import asyncio
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, expect

from bot.clock import utc_now
from bot.console.auth import new_agent
from bot.handoff.hours import ServiceHours
from bot.metrics.expectations import expectation_map
from bot.metrics.facts import Rules
from bot.metrics.figures import Costs, definitions
from bot.metrics.reading import FigureReader
from bot.metrics.refresh import Refresher
from bot.metrics.report import print_to_pdf, render_report, week_of
from bot.metrics.simulation.timeline import Plan, simulate
from bot.storage.agents import Agents
from bot.storage.figures import Slice
from bot.survey.bank import load_bank
from tests.bot.channels.web_service import web_service
from tests.browser.conftest import CHROMIUM, PICTURES
from tests.browser.test_accessibility import violations

ZONE = ZoneInfo("Europe/Berlin")
PASSWORD = "correct horse battery"
CONVERSATIONS = 500
# Where there was no conversation all figures must still be readable.
# What reaches beyond the screen and cannot be scrolled to within its frame.
OUTSIDE = """[...document.body.querySelectorAll('*')]
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, .sr, [hidden]'))
    .map((e) => `${e.tagName} ${e.className}`).slice(0, 12)"""
LONG_AGO = "span=own&from=2020-01-01&to=2020-01-31"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a database that was played once waits to be copied."""
    return tmp_path_factory.mktemp("figures") / "zusage.db"


@pytest.fixture
async def desk(settings, database, engine_double, played: Path) -> AsyncIterator[str]:
    """The address of a service whose shop had customers for ten weeks."""
    file = Path(database.url.database or "")
    if not database.is_sqlite:
        pytest.skip("the pages are the same on every database")
    if await asyncio.to_thread(played.exists):
        await database.close()
        shutil.copy(played, file)
    else:
        last = utc_now().astimezone(ZONE).date() - timedelta(days=1)
        plan = Plan(CONVERSATIONS, 70, 5, last, ZONE)
        await simulate(database, plan, load_bank(Path("survey.yml")), ServiceHours("Mon-Sat 08:00-20:00", ZONE))
        await Refresher(database, Rules(ZONE, expectation_map())).rebuild()
        async with database.begin() as session:
            await Agents(session).add(new_agent("mia@shop.test", "Mia", "manager", PASSWORD, utc_now()))
        await database.close()
        with sqlite3.connect(file) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(file, played)
    async with web_service(settings, engine_double) as service:
        yield service.url


@pytest.fixture
def manager(context, desk):
    """Open the console as a manager."""

    async def open_console(path: str = "/console/figures", **options) -> Page:
        # axe itself needs an exception from the page's policy; what breaks the policy shows in the other tests.
        page = await (await context(**{"viewport": {"width": 1400, "height": 1000}} | options)).new_page()
        await page.goto(f"{desk}/console/sign-in")
        await page.locator("[name=email]").fill("mia@shop.test")
        await page.locator("[name=password]").fill(PASSWORD)
        await page.locator("[name=password]").press("Enter")
        await page.locator("header.bar").wait_for()
        await page.goto(f"{desk}{path}")
        return page

    return open_console


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=f"{PICTURES}/{name}.png", animations="disabled", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["de", "en"])
class TestPages:
    async def test_the_dashboard_has_no_barrier(self, manager, language: str, scheme: str) -> None:
        page = await manager(locale=language, color_scheme=scheme, bypass_csp=True)
        await expect(page.locator("h1")).to_have_text({"de": "Zahlen", "en": "Figures"}[language])
        for kind in ("line", "scatter", "columns", "flow", "bar", "spark"):
            await expect(page.locator(f"svg.chart-{kind}").first).to_be_visible()
        await page.evaluate("document.querySelectorAll('details').forEach((d) => d.open = !d.closest('.menu'))")
        assert await violations(page) == []
        await page.evaluate("document.querySelectorAll('.as-table').forEach((d) => d.open = false)")
        await picture(page, f"figures-{language}-{scheme}")

    async def test_the_conversations_behind_a_figure_have_none(self, manager, language: str, scheme: str) -> None:
        path = "/console/figures/conversations?span=28d&of=complaint"
        page = await manager(path, locale=language, color_scheme=scheme, bypass_csp=True)
        await page.locator("tbody tr").first.wait_for()
        assert await violations(page) == []
        await picture(page, f"figures-behind-{language}-{scheme}")

    async def test_the_report_has_none(self, manager, database, context, tmp_path, language: str, scheme: str) -> None:
        page = await (await context(color_scheme=scheme, bypass_csp=True)).new_page()
        report = tmp_path / "report.html"
        overview = await FigureReader(database, ZONE, Costs()).overview(Slice(*week_of(None, utc_now().date())))
        await asyncio.to_thread(report.write_text, render_report(overview, "Lüttmoor", language), encoding="utf-8")
        await page.goto(report.as_uri())
        await expect(page.locator("html")).to_have_attribute("lang", language)
        assert await violations(page) == []
        await picture(page, f"report-{language}-{scheme}")


class TestFigures:
    async def test_nothing_on_the_page_breaks_its_policy(self, manager) -> None:
        page = await manager()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
        await page.reload()
        await page.locator("select[name=span]").select_option("7d")
        await expect(page).to_have_url(re.compile("span=7d"))
        await page.locator("#figures:not(.htmx-request) .tile").first.wait_for()
        assert refused == []

    async def test_a_filter_changes_the_figures_and_the_address_and_back_undoes_it(self, manager) -> None:
        page = await manager()
        conversations = page.locator(".tile-value").first
        everything = await conversations.inner_text()
        await page.locator("select[name=channel]").select_option("telegram")
        await expect(conversations).not_to_have_text(everything)
        assert "channel=telegram" in page.url
        fewer = await conversations.inner_text()
        await page.reload()
        await expect(conversations).to_have_text(fewer)
        await expect(page.locator("select[name=channel]")).to_have_value("telegram")
        await page.go_back()
        await expect(conversations).to_have_text(everything)
        await expect(page.locator("select[name=channel]")).to_have_value("")

    async def test_a_period_of_ones_own(self, manager) -> None:
        page = await manager()
        await expect(page.locator("[name=from]")).to_be_hidden()
        await page.locator("select[name=span]").select_option("own")
        await page.locator("[name=from]").fill("2020-01-06")
        await page.locator("[name=from]").press("Tab")
        await expect(page).to_have_url(re.compile("from=2020-01-06"))

    async def test_another_figures_course(self, manager) -> None:
        page = await manager()
        await page.locator("select[name=trend]").select_option("nps")
        await expect(page.locator("h2").filter(has_text="NPS")).to_be_visible()

    async def test_from_a_figure_to_one_of_its_conversations(self, manager) -> None:
        page = await manager("/console/figures?span=90d")
        await page.locator(".panel a[href*='of=handed_over']").first.click()
        await expect(page.locator("h1")).to_contain_text("weitergegeben")
        await page.locator("tbody a").first.click()
        await page.locator("[data-conversation]").first.wait_for()

    async def test_every_figure_about_conversations_leads_to_them(self, manager) -> None:
        page = await manager()
        links = await page.locator(".all-figures a").evaluate_all("all => all.map((a) => a.href)")
        about_conversations = [entry for entry in definitions().values() if entry.behind]
        assert len(links) == len(about_conversations)
        for address in sorted(set(links)):
            answer = await page.request.get(address)
            assert answer.ok, address

    async def test_a_period_without_conversations_is_readable(self, manager) -> None:
        page = await manager(f"/console/figures?{LONG_AGO}", bypass_csp=True)
        await expect(page.locator(".tile-value").first).to_have_text("0")
        assert await violations(page) == []

    async def test_on_a_narrow_screen_nothing_is_cut_off(self, manager) -> None:
        page = await manager(viewport={"width": 390, "height": 844})
        await picture(page, "figures-narrow")
        assert await page.evaluate(OUTSIDE) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    async def test_on_paper_there_is_only_what_belongs_there(self, manager) -> None:
        page = await manager()
        await page.emulate_media(media="print")
        await expect(page.locator("header.bar")).to_be_hidden()
        await expect(page.locator(".figures-form")).to_be_hidden()
        await expect(page.locator(".tile").first).to_be_visible()


async def test_the_report_is_printed_by_the_browser_at_hand(database, desk, tmp_path) -> None:
    overview = await FigureReader(database, ZONE, Costs()).overview(Slice(*week_of(None, utc_now().date())))
    paper = await print_to_pdf(render_report(overview, "Lüttmoor", "de"), CHROMIUM)
    assert paper.startswith(b"%PDF-")
    if PICTURES:
        await asyncio.to_thread(Path(PICTURES, "report.pdf").write_bytes, paper)
