"""A conversation as a text file, for the customer to keep."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time

from bot.channels.web.protocol import CustomerMessage
from bot.conversation import Language
from bot.texts import text

__all__ = ["transcript"]


def transcript(
    messages: Iterable[CustomerMessage], *, shop: str, language: Language, zone: ZoneInfo, now: datetime
) -> str:
    """Return what both sides wrote, with times in the shop's time zone."""
    locale = "de_DE" if language == "de" else "en_GB"
    local = now.astimezone(zone)
    lines = [
        text("transcript_title", language, shop=shop),
        text(
            "transcript_saved",
            language,
            day=format_date(local, "long", locale=locale),
            time=format_time(local, "short", locale=locale),
        ),
    ]
    day = None
    for message in messages:
        at = message.at.astimezone(zone)
        if at.date() != day:
            day = at.date()
            lines += ["", format_date(at, "full", locale=locale), ""]
        who = {
            "customer": text("transcript_you", language),
            "bot": text("transcript_bot", language),
            "agent": f"{message.agent or shop} ({shop})",
            "system": shop,
        }[message.author]
        body = message.text or ""
        pictures = ", ".join(attachment.name for attachment in message.attachments)
        if pictures:
            body = f"{body}\n[{pictures}]".strip()
        lines.append(f"{format_time(at, 'short', locale=locale)}  {who}:")
        lines += [f"    {line}" for line in body.splitlines()]
    return "\n".join(lines) + "\n"
