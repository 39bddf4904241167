"""The withdrawal page: declare, confirm, receipt. It needs neither an account, nor a cookie, nor a script.

Step one takes the details, step two shows the declaration and confirms it, as article 11a of directive
2011/83/EU has it. Whatever goes wrong on the way (an address that cannot be, a page that was open overnight, too
many at once, a shop system that is down), what was typed is still there.
"""

import secrets
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from babel.dates import format_datetime
from email_validator import EmailNotValidError, validate_email
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.background import BackgroundTask

from bot.channels.pages.page import Pages
from bot.channels.web.limits import Allowances, address_key, network_of
from bot.conversation import Language, clean_text
from bot.errors import NotFound, ZusageError
from bot.settings import Settings
from bot.shop.declaration import declaration
from bot.shop.operations import Operations
from bot.shop.policies import Shop
from bot.storage.database import Database
from bot.storage.withdrawals import Withdrawals

__all__ = ["withdrawal_routes"]

HERE = Path(__file__).parent
# Longest answers in characters.
LIMITS = {"name": 120, "contract": 1000, "lines": 1000}
CONFIRM_WITHIN_S = 24 * 3600
RECEIPT_FOR_S = 24 * 3600
# A household, an office or a phone network behind one address stays far below this.
AT_ONCE, PER_S = 20, 1 / 20


@dataclass(frozen=True)
class _Paths:
    page: str
    confirm: str
    edit: str
    receipt: str


_PATHS: dict[Language, _Paths] = {
    "de": _Paths("/widerruf", "bestaetigen", "aendern", "eingang"),
    "en": _Paths("/withdrawal", "confirm", "edit", "received"),
}


@dataclass(frozen=True)
class _Declaration:
    """What was typed. Field names are those of the form."""

    name: str
    contract: str
    lines: str
    email: str

    @property
    def values(self) -> dict[str, str]:
        """The fields, in the order of the form."""
        return {"name": self.name, "contract": self.contract, "lines": self.lines, "email": self.email}


def withdrawal_routes(
    settings: Settings,
    pages: Pages,
    shop: Shop,
    operations: Operations,
    database: Database,
    *,
    sends_mail: bool,
    wake: Callable[[], Awaitable[object]],
) -> APIRouter:
    """Return the pages ``/widerruf`` and ``/withdrawal``.

    Args:
        settings: time zone and signing key.
        pages: the layout.
        shop: with whom the contract is.
        operations: of which ``withdraw_contract`` records the declaration and sends the receipt.
        database: where the declaration is read again for the receipt.
        sends_mail: whether the receipt can go by mail; otherwise the page asks to save it.
        wake: called when something was declared, to give it to the team.
    """
    router = APIRouter(include_in_schema=False)
    environment = pages.environment(HERE / "templates")
    texts: dict[Language, dict[str, str]] = tomllib.loads((HERE / "texts.toml").read_text(encoding="utf-8"))  # type: ignore[assignment]
    forms = URLSafeTimedSerializer(settings.signing_key, salt="withdrawal-form")
    receipts = URLSafeTimedSerializer(settings.signing_key, salt="withdrawal-receipt")
    allowances = Allowances(AT_ONCE, PER_S)

    def show(template: str, language: Language, *, status: int = 200, **values: Any) -> HTMLResponse:
        paths = _PATHS[language]
        return pages.respond(
            environment,
            template,
            language,
            status=status,
            **{
                "t": texts[language],
                "path": paths.page,
                "confirm_path": paths.confirm,
                "edit_path": paths.edit,
                "other": _PATHS["en" if language == "de" else "de"].page,
                **values,
            },
        )

    def form(language: Language, typed: _Declaration, problems: Mapping[str, str]) -> HTMLResponse:
        return show("form.html", language, status=422 if problems else 200, values=typed.values, problems=problems)

    def review(
        language: Language,
        typed: _Declaration,
        notice: str | None = None,
        *,
        status: int = 200,
        form_id: str | None = None,
    ) -> HTMLResponse:
        return show(
            "review.html",
            language,
            status=status,
            values=typed.values,
            declaration=declared(language, typed),
            notice=notice,
            form=forms.dumps(form_id or secrets.token_urlsafe(12)),
            other=None,  # what was typed would be lost
        )

    def declared(language: Language, typed: _Declaration, statement: str | None = None) -> str:
        words = declaration(
            shop=shop.name, name=typed.name, contract=typed.contract, goods=typed.lines or None, statement=statement
        )
        return words.de if language == "de" else words.en

    def check(language: Language, typed: _Declaration) -> dict[str, str]:
        """Return what must be completed, by field. Only what the law lets us ask for is asked for."""
        t = texts[language]
        problems = {}
        for field in ("name", "contract"):
            if not typed.values[field]:
                problems[field] = t[f"{field}_missing"]
        for field, limit in LIMITS.items():
            if len(typed.values[field]) > limit:
                problems[field] = t[f"{field}_long"].format(limit=limit)
        if not typed.email:
            problems["email"] = t["email_missing"]
        elif not _can_get_mail(typed.email):
            problems["email"] = t["email_invalid"]
        return problems

    async def declare(request: Request, language: Language, typed: _Declaration) -> HTMLResponse:
        problems = check(language, typed)
        return form(language, typed, problems) if problems else review(language, typed)

    async def confirm(request: Request, language: Language, typed: _Declaration, signed: str) -> Response:
        problems = check(language, typed)
        if problems:
            return form(language, typed, problems)
        t = texts[language]
        if _from_elsewhere(request):
            return review(language, typed)  # another website sent this: a person must press the button here
        try:
            form_id = str(forms.loads(signed, max_age=CONFIRM_WITHIN_S))
        except BadSignature:
            return review(language, typed, t["again"])
        network = address_key(settings.signing_key, network_of(request.client.host if request.client else None))
        wait_s = allowances.take(network)
        if wait_s:
            busy = review(language, typed, t["busy"].format(seconds=int(wait_s) + 1), status=429, form_id=form_id)
            busy.headers["Retry-After"] = str(int(wait_s) + 1)
            return busy
        args = {"name": typed.name, "contract": typed.contract, "receipt_to": typed.email, "language": language}
        try:
            # The form's id makes a second press of the button, or a reload, the same declaration.
            answer = await operations.call(
                "withdraw_contract",
                conversation_id=f"page:{form_id}",
                turn_id=f"page:{form_id}",
                args=args | ({"lines": typed.lines} if typed.lines else {}),
                address=network,
            )
        except ZusageError:
            return review(language, typed, t["down"], status=503, form_id=form_id)
        if not answer.ok or answer.data is None:
            if answer.code == "email_invalid":
                return form(language, typed, {"email": t["email_invalid"]})
            return review(language, typed, t["down"], status=503, form_id=form_id)
        paths = _PATHS[language]
        return RedirectResponse(
            f"{paths.page}/{paths.receipt}/{receipts.dumps(answer.data['number'])}",
            status_code=303,
            headers={"Cache-Control": "no-store"},
            background=BackgroundTask(wake),
        )

    async def receipt(language: Language, token: str, *, as_file: bool) -> Response:
        """Show the receipt, also as a file: a durable medium that needs no mail."""
        try:
            number = str(receipts.loads(token, max_age=RECEIPT_FOR_S))
        except BadSignature:
            raise NotFound("This receipt can no longer be shown here; you have it by mail.") from None
        async with database.read() as session:
            row = await Withdrawals(session).by_number(number)
        if row is None:
            raise NotFound("There is no such withdrawal.")
        t = texts[language]
        typed = _Declaration(row.name, row.contract, row.goods or "", row.receipt_to)
        at = moment(row.received_at, language)
        if as_file:
            lines = t["file_lines"].format(lines=typed.lines) if typed.lines else ""
            words = t["file"].format(
                shop=shop.name,
                number=number,
                at=at,
                text=declared(language, typed, row.statement),
                name=typed.name,
                contract=typed.contract,
                lines=lines,
                email=typed.email,
            )
            name = t["file_name"].format(number=number)
            headers = {
                "Content-Disposition": f'attachment; filename="{name}"',
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
            }
            return Response(words, media_type="text/plain; charset=utf-8", headers=headers)
        paths = _PATHS[language]
        return show(
            "done.html",
            language,
            number=number,
            at=at,
            declaration=declared(language, typed, row.statement),
            values=typed.values,
            sends=sends_mail,
            file=f"{paths.page}/{paths.receipt}/{token}/file",
            other=None,
        )

    def moment(at: datetime, language: Language) -> str:
        pattern = "d. MMMM y, HH:mm:ss 'Uhr' (z)" if language == "de" else "d MMMM y, HH:mm:ss (z)"
        locale = "de_DE" if language == "de" else "en_GB"
        return str(format_datetime(at, pattern, tzinfo=settings.zone, locale=locale))

    def add(language: Language) -> None:
        paths = _PATHS[language]

        @router.get(paths.page)
        async def start() -> HTMLResponse:
            return form(language, _Declaration("", "", "", ""), {})

        @router.post(paths.page)
        async def step_one(
            request: Request,
            name: Annotated[str, Form()] = "",
            contract: Annotated[str, Form()] = "",
            lines: Annotated[str, Form()] = "",
            email: Annotated[str, Form()] = "",
        ) -> HTMLResponse:
            return await declare(request, language, _typed(name, contract, lines, email))

        @router.post(f"{paths.page}/{paths.edit}")
        async def change(
            name: Annotated[str, Form()] = "",
            contract: Annotated[str, Form()] = "",
            lines: Annotated[str, Form()] = "",
            email: Annotated[str, Form()] = "",
        ) -> HTMLResponse:
            return form(language, _typed(name, contract, lines, email), {})

        @router.post(f"{paths.page}/{paths.confirm}")
        async def step_two(
            request: Request,
            name: Annotated[str, Form()] = "",
            contract: Annotated[str, Form()] = "",
            lines: Annotated[str, Form()] = "",
            email: Annotated[str, Form()] = "",
            form: Annotated[str, Form()] = "",
        ) -> Response:
            return await confirm(request, language, _typed(name, contract, lines, email), form)

        @router.get(f"{paths.page}/{{step}}")
        async def lost(step: str) -> Response:
            """A reload of a page that came by POST, or a bookmark of it, begins anew."""
            if step not in (paths.confirm, paths.edit):
                raise NotFound("There is no such page.")
            return RedirectResponse(paths.page, status_code=303)

        @router.get(f"{paths.page}/{paths.receipt}/{{token}}")
        async def done(token: str) -> Response:
            return await receipt(language, token, as_file=False)

        @router.get(f"{paths.page}/{paths.receipt}/{{token}}/file")
        async def file(token: str) -> Response:
            return await receipt(language, token, as_file=True)

    add("de")
    add("en")
    return router


def _typed(name: str, contract: str, lines: str, email: str) -> _Declaration:
    one_line = " ".join(clean_text(name).split())
    return _Declaration(one_line, clean_text(contract), clean_text(lines), clean_text(email))


def _can_get_mail(address: str) -> bool:
    try:
        validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return len(address) <= 120


def _from_elsewhere(request: Request) -> bool:
    """Tell whether another website made the browser send this."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        return True
    origin = request.headers.get("origin")
    if origin is None or origin == "null":  # an old browser, or one that says nothing; there is no session to abuse
        return False
    return urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower()
