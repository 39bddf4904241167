"""Turns templates into pages: words in the agent's language, times in the shop's zone, icons, file addresses."""

import hashlib
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_currency
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from bot.console.auth import SignedIn
from bot.console.texts import known, word
from bot.conversation import Language
from bot.handoff.commitments import KINDS

__all__ = ["Pages", "language_of"]

HERE = Path(__file__).parent
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
# Parts of an operation's answer that say nothing beside the others.
_UNTOLD = frozenset({"kind", "working_days", "url", "option_id", "id"})
_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")


def language_of(request: Request, who: SignedIn | None, default: Language) -> Language:
    """Return what the agent chose, else what the browser asks for, else the shop's."""
    chosen = who.agent.language if who else request.cookies.get("zusage_language")
    if chosen in ("de", "en"):
        return "de" if chosen == "de" else "en"
    weighted = []
    for position, part in enumerate(request.headers.get("accept-language", "").split(",")):
        name, _, quality = part.strip().partition(";q=")
        try:
            weighted.append((-float(quality or 1), position, name[:2].lower()))
        except ValueError:
            continue
    for _, _, name in sorted(weighted):
        if name in ("de", "en"):
            return "de" if name == "de" else "en"
    return default


class Pages:
    """Renders the console's templates."""

    def __init__(self, zone: ZoneInfo, default_language: Language) -> None:
        self.zone = zone
        self.default_language: Language = default_language
        self._versions: dict[str, str] = {}
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals.update(
            static=self._static,
            icon=_icon,
            t=_t,
            has_word=_has_word,
            kinds=KINDS,
        )
        self._environment.filters.update(
            clock=self._clock_words,
            moment=self._moment,
            day=_day,
            span=_span,
            iso=lambda value: value.isoformat(),
            money=_money,
            paragraphs=_paragraphs,
            local_day=lambda value: self._local(value).date().isoformat(),
            local_time=lambda value: self._local(value).strftime("%H:%M"),
            around=_around,
            parsed=datetime.fromisoformat,
            parsed_day=_parsed_day,
            effect=_effect,
        )

    def text(self, template: str, language: Language, **values: Any) -> str:
        """Return a template filled in."""
        return self._environment.get_template(template).render(language=language, **values)

    def page(
        self,
        request: Request,
        template: str,
        who: SignedIn | None = None,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """Return a template as the answer to a request."""
        language = language_of(request, who, self.default_language)
        body = self.text(
            template,
            language,
            base=request.scope.get("root_path", ""),
            who=who,
            path=request.url.path,
            fragment=request.headers.get("hx-request") == "true",
            **values,
        )
        return HTMLResponse(body, status_code=status, headers=headers)

    def _static(self, path: str) -> str:
        """Return the address of a file, with its content's hash, so that browsers may keep it for long."""
        if path not in self._versions:
            self._versions[path] = hashlib.sha256((HERE / "static" / path).read_bytes()).hexdigest()[:10]
        return f"/console/static/{path}?v={self._versions[path]}"

    def _local(self, value: datetime) -> datetime:
        return value.astimezone(self.zone)

    @pass_context
    def _clock_words(self, context: Context, value: datetime) -> str:
        """Write a time as short as it is still clear: today's without the day."""
        local, today = self._local(value), datetime.now(self.zone).date()
        time = format_time(local, "HH:mm", locale=_locale(context))
        if local.date() == today:
            return str(time)
        return f"{format_date(local, 'd. MMM' if _german(context) else 'd MMM', locale=_locale(context))} {time}"

    @pass_context
    def _moment(self, context: Context, value: datetime) -> str:
        pattern = "EEEE, d. MMMM y, HH:mm" if _german(context) else "EEEE d MMMM y, HH:mm"
        return str(format_datetime(self._local(value), pattern, locale=_locale(context)))


@pass_context
def _t(context: Context, key: str, **values: Any) -> str:
    return word(key, context["language"], **values)


@pass_context
def _has_word(context: Context, key: str) -> bool:
    return known(key, context["language"])


def _german(context: Context) -> bool:
    return bool(context["language"] == "de")


def _locale(context: Context) -> str:
    return "de" if _german(context) else "en_GB"


@pass_context
def _day(context: Context, value: date | datetime) -> str:
    pattern = "EEE, d. MMM" if _german(context) else "EEE d MMM"
    return str(format_date(value, pattern, locale=_locale(context)))


@pass_context
def _span(context: Context, seconds: float) -> str:
    if seconds < 60:
        return word("time.under_a_minute", context["language"])
    return str(format_timedelta(timedelta(seconds=seconds), granularity="minute", threshold=2, locale=_locale(context)))


@pass_context
def _money(context: Context, value: dict[str, str]) -> str:
    return str(format_currency(value["amount"], value["currency"], locale=_locale(context)))


@pass_context
def _parsed_day(context: Context, value: str) -> str:
    return _day(context, date.fromisoformat(value[:10]))


@pass_context
def _effect(context: Context, value: Any) -> Markup:
    """Write a value of an operation's answer in words: money, days, goods, addresses, or parts of these."""
    if isinstance(value, bool):
        return escape(word("app.yes" if value else "app.no", context["language"]))
    if isinstance(value, list):
        return Markup("<br>").join(_effect(context, part) for part in value)
    if isinstance(value, str) and _DAY.fullmatch(value):
        return escape(_parsed_day(context, value))
    if not isinstance(value, dict):
        key = f"operation.{value}"
        return escape(word(key, context["language"]) if known(key, context["language"]) else str(value))
    if set(value) == {"amount", "currency"}:
        return escape(_money(context, value))
    if "name" in value and ("sku" in value or "id" in value or "line_id" in value):
        german = _german(context)
        name = value["name"] if german else value.get("name_en") or value["name"]
        variant = value.get("variant") if german else value.get("variant_en") or value.get("variant")
        count = f"{value['quantity']} × " if value.get("quantity") else ""
        return escape(f"{count}{name}{f' ({variant})' if variant else ''}")
    if "street" in value:
        return escape(", ".join(str(value[k]) for k in ("name", "street", "extra", "postcode", "city") if value.get(k)))
    told = [part for name, part in value.items() if part not in (None, "", []) and name not in _UNTOLD]
    return Markup(" · ").join(_effect(context, part) for part in told)


def _icon(name: str, label: str = "") -> Markup:
    """Return an icon; with a label if it stands alone."""
    use = Markup('<use href="/console/static/icons.svg#{}"></use>').format(name)
    if label:
        return Markup('<svg class="icon" role="img" aria-label="{}">{}</svg>').format(label, use)
    return Markup('<svg class="icon" aria-hidden="true">{}</svg>').format(use)


def _paragraphs(text: str) -> Markup:
    """Return text with its line breaks, and web addresses as links that tell the other side nothing."""

    def pieces() -> Iterator[Markup]:
        end = 0
        for match in _LINK.finditer(text):
            yield escape(text[end : match.start()])
            yield Markup('<a href="{0}" target="_blank" rel="noopener noreferrer nofollow">{0}</a>').format(match[0])
            end = match.end()
        yield escape(text[end:])

    return Markup("").join(pieces())


def _around(text: str, words: str, width: int = 90) -> Markup:
    """Return the part of a text around the first of some words, with all of them marked."""
    terms = [re.escape(term) for term in re.findall(r"\w+", words)]
    if not terms:
        return escape(text[: 2 * width])
    pattern = re.compile("|".join(terms), re.IGNORECASE)
    first = pattern.search(text)
    start = max(0, first.start() - width) if first else 0
    part = ("… " if start else "") + text[start : start + 2 * width]
    marked, end = Markup(""), 0
    for match in pattern.finditer(part):
        marked += escape(part[end : match.start()]) + Markup("<mark>{}</mark>").format(match[0])
        end = match.end()
    return marked + escape(part[end:])
