"""Says what is stored, why, for how long, and which rights there are: ``/datenschutz`` and ``/privacy``.

The periods on the pages are those that the retention job keeps to.
"""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from bot.channels.pages.page import Pages
from bot.conversation import Language
from bot.privacy.service import ACCESS_FILES_FOR, SETTLED_FOR
from bot.settings import Settings

__all__ = ["PRIVACY_PATHS", "privacy_routes"]

PRIVACY_PATHS: dict[Language, str] = {"de": "/datenschutz", "en": "/privacy"}


def privacy_routes(settings: Settings, pages: Pages, *, telegram: bool, mail: bool) -> APIRouter:
    """Return the pages.

    Args:
        settings: the periods.
        pages: the layout.
        telegram: whether customers can also write by Telegram.
        mail: whether mails are sent.
    """
    router = APIRouter(include_in_schema=False)
    environment = pages.environment(Path(__file__).parent / "templates")

    def show(language: Language) -> HTMLResponse:
        return pages.respond(
            environment,
            f"{language}.html",
            language,
            other=PRIVACY_PATHS["en" if language == "de" else "de"],
            retention=settings.retention_days,
            evidence=_years(settings.evidence_days, language),
            settled=SETTLED_FOR.days,
            copies=ACCESS_FILES_FOR.days,
            visitor=settings.visitor_days,
            telegram=telegram,
            mail=mail,
        )

    @router.get(PRIVACY_PATHS["de"])
    async def german() -> HTMLResponse:
        return show("de")

    @router.get(PRIVACY_PATHS["en"])
    async def english() -> HTMLResponse:
        return show("en")

    return router


def _years(days: int, language: Language) -> str:
    years, rest = divmod(days, 365)
    if rest > years // 4 + 1 or years < 2:  # not whole years, leap days allowed for
        return f"{days} Tage" if language == "de" else f"{days} days"
    return f"{years} Jahre" if language == "de" else f"{years} years"
