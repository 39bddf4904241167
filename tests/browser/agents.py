"""What the tests of the console in a browser share: agents who sign in, customers who want a person."""

import re
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from playwright.async_api import BrowserContext, Locator, Page

from bot.clock import utc_now
from bot.console.auth import new_agent
from bot.storage.agents import Agents
from bot.storage.database import Database
from tests.engine_double import turn_response

PASSWORD = "correct horse battery"
WISH = "Ich möchte einen Menschen sprechen"

MONTHS = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
]

OpenConsole = Callable[..., Awaitable[Page]]


def person(emotion: dict[str, Any] | None = None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def script(body: dict[str, Any]) -> dict[str, Any]:
        response = turn_response(body, [], requests=[{"kind": "handoff", "reason": "customer_asked"}])
        response["facts"]["intent"] = {"name": "human_handoff", "confidence": 0.98}
        response["facts"]["emotion"] = emotion or response["facts"]["emotion"]
        return response

    return script


def german_days(text: str) -> list[dict[str, Any]]:
    """Find days such as "30. November", the next ones of that name, as the engine does."""
    found = []
    for match in re.finditer(rf"(\d{{1,2}})\. ({'|'.join(MONTHS)})", text):
        today = utc_now().date()
        day = date(today.year, MONTHS.index(match[2]) + 1, int(match[1]))
        day = day if day >= today else day.replace(year=today.year + 1)
        found.append(
            {"type": "date", "value": day.isoformat(), "text": match[0], "start": match.start(), "end": match.end()}
        )
    return found


def row(page: Page, section: str, words: str) -> Locator:
    return page.locator(f"#list-{section} .row").filter(has_text=words)


async def write(page: Page, words: str) -> None:
    """Write a reply and send it by keyboard."""
    await page.locator("#composer[data-mode=reply] #words").fill(words)
    await page.locator("#words").press("Control+Enter")


async def signed_in(context: BrowserContext, url: str, database: Database, name: str, role: str) -> Page:
    """Sign an agent in, who is made if there is none of the name, and open the console."""
    email = f"{name.lower()}@shop.test"
    async with database.begin() as session:
        if await Agents(session).by_email(email) is None:
            await Agents(session).add(new_agent(email, name, role, PASSWORD, utc_now(), team="Service"))
    page = await context.new_page()
    page.on("console", lambda message: _no_violation(message.text))
    await page.goto(f"{url}/console/")
    await page.get_by_label(re.compile("E-[Mm]ail")).fill(email)
    await page.get_by_label(re.compile("Passwor[td]")).fill(PASSWORD)
    await page.locator("button.primary").click()
    await page.locator("#lists").wait_for()
    return page


def _no_violation(text: str) -> None:
    assert "Content Security Policy" not in text, text
