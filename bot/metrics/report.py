"""The weekly report: one HTML file with everything in it, for reading, printing and mailing."""

import asyncio
import shutil
import tempfile
from datetime import date, timedelta
from pathlib import Path

from bot.conversation import Language
from bot.errors import InvalidInput
from bot.metrics.presentation import STYLE, Presentation, environment
from bot.metrics.reading import Overview
from bot.metrics.words import word

__all__ = ["NoBrowser", "print_to_pdf", "render_report", "week_of"]

TRENDS = ("conversations", "automated_resolution", "promises_kept")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
PRINTED_WITHIN_S = 120

_ENVIRONMENT = environment()


class NoBrowser(InvalidInput):
    """There is no browser on this machine that could print the report."""

    code = "no_browser"


def week_of(text: str | None, today: date) -> tuple[date, date]:
    """Return first and last day of a week like ``2026-W13``; without one, of the last that is over.

    Raises:
        InvalidInput: this is no week.
    """
    if text is None:
        monday = today - timedelta(days=today.weekday() + 7)
        return monday, monday + timedelta(days=6)
    try:
        year, _, week = text.upper().partition("-W")
        monday = date.fromisocalendar(int(year), int(week), 1)
    except ValueError:
        raise InvalidInput(f"{text!r} is no week; write one as in 2026-W13.") from None
    return monday, monday + timedelta(days=6)


def render_report(overview: Overview, shop: str, language: Language) -> str:
    """Return the report on a slice as HTML that needs nothing from anywhere else."""
    presentation = Presentation(overview, language, trends=TRENDS)
    week = overview.wanted.first.isocalendar()
    return _ENVIRONMENT.get_template("report.html").render(
        language=language,
        shop=shop,
        style=STYLE,
        period=presentation.period,
        week=f"{week.year}-W{week.week:02}",
        body=presentation.render(),
        w=lambda key: word(key, language),
    )


async def print_to_pdf(page: str, browser: str | None = None) -> bytes:
    """Print a report with the browser of this machine.

    Args:
        page: HTML that needs nothing from anywhere else.
        browser: its program; by default whichever of Chromium's kin is installed.

    Raises:
        NoBrowser: there is none, or it did not print.
    """
    program = browser or next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        raise NoBrowser("There is no browser for the PDF: install Chromium, or take the HTML file.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, target = folder / "report.html", folder / "report.pdf"
        await asyncio.to_thread(source.write_text, page, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
            "--blink-settings=preferredColorScheme=1", "--no-pdf-header-footer",
            f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={target}", source.as_uri(),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            _, told = await asyncio.wait_for(process.communicate(), PRINTED_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise NoBrowser(f"{program} did not print within {PRINTED_WITHIN_S} s.") from None
        if not await asyncio.to_thread(target.exists):
            raise NoBrowser(f"{program} did not print: {told.decode('utf-8', 'replace').strip()[-300:]}")
        return await asyncio.to_thread(target.read_bytes)
