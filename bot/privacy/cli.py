"""The commands ``zusage privacy access | erase | retain | requests``."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.clock import utc_now
from bot.conversation import Language
from bot.errors import ZusageError
from bot.privacy.service import Plan, Privacy, Retention
from bot.settings import Settings
from bot.shop.policies import load_policies
from bot.storage import migrate
from bot.storage.database import Database
from bot.storage.personal_data import Person, PersonalData

__all__ = ["privacy_commands"]

ACTOR = "cli"

privacy_commands = typer.Typer(
    no_args_is_help=True, help="Data protection: hand out, erase, and let run out what is kept about customers."
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Customer = Annotated[str | None, typer.Option(help="The customer's mail address.")]
Conversations = Annotated[
    list[str] | None, typer.Option("--conversation", help="A conversation's public id; may be repeated.")
]
Request = Annotated[str | None, typer.Option(help="Number of a data-protection request, such as D-10017.")]


@asynccontextmanager
async def _privacy() -> AsyncIterator[Privacy]:
    settings = Settings()
    await asyncio.to_thread(migrate.upgrade, settings.database)
    database = Database(settings.database)
    try:
        yield Privacy(database, settings.data_dir, load_policies(settings.policies).shop.name, settings.zone)
    finally:
        await database.close()


def _run(job: Callable[[Privacy], Awaitable[None]]) -> None:
    async def run() -> None:
        async with _privacy() as privacy:
            await job(privacy)

    try:
        asyncio.run(run())
    except ZusageError as error:
        err.print(f"[red]{error.message}[/red]")
        raise typer.Exit(1) from None


async def _meant(
    privacy: Privacy, customer: str | None, conversations: list[str] | None, request: str | None
) -> tuple[Person, str]:
    if request is not None:
        async with privacy.database.read() as session:
            customer = await PersonalData(session).customer_of_request(request)
        if customer is None:
            raise typer.BadParameter(f"there is no request {request}")
    if not customer and not conversations:
        raise typer.BadParameter("name a --customer, a --conversation or a --request")
    person = await privacy.find(email=customer, conversations=conversations or ())
    return person, customer or (conversations or [""])[0]


@privacy_commands.command("access")
def access(
    customer: Customer = None,
    conversation: Conversations = None,
    request: Request = None,
    to: Annotated[Path | None, typer.Option(help="Folder; default: 'privacy' in the data directory.")] = None,
    language: Annotated[str, typer.Option(help="Of the page for people: de or en.")] = "de",
) -> None:
    """Write everything that is kept about a person into a ZIP file: JSON, a page to read, and pictures.

    Make sure that whoever gets the file is the person. It holds notes of colleagues; read it before you send it.
    """
    spoken: Language = "en" if language == "en" else "de"

    async def job(privacy: Privacy) -> None:
        person, subject = await _meant(privacy, customer, conversation, request)
        name, content = await privacy.access(person, subject, spoken, actor=ACTOR)
        folder = to or privacy.access_dir
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        out.print(f"{path} ({len(content)} bytes)", soft_wrap=True)
        plan = await privacy.plan(person)
        _show_mentions(plan)
        await _answered(privacy, request)

    _run(job)


@privacy_commands.command("erase")
def erase(
    customer: Customer = None,
    conversation: Conversations = None,
    request: Request = None,
    evidence: Annotated[
        bool, typer.Option(help="Also withdrawals and their receipts, which the law keeps for years.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase everything that is kept about a person: rows, pictures, mails, files made to be handed out."""

    async def job(privacy: Privacy) -> None:
        person, subject = await _meant(privacy, customer, conversation, request)
        plan = await privacy.plan(person)
        for table, count in sorted(plan.rows.items()):
            out.print(f"  {count:6}  {table}")
        out.print(f"  {plan.pictures:6}  pictures")
        if plan.unfinished:
            out.print(
                f"[yellow]Not finished yet: {', '.join(plan.unfinished)}. The customer waits for something.[/yellow]"
            )
        _show_mentions(plan)
        if not yes and not typer.confirm("Erase all of this? It cannot be undone."):
            raise typer.Exit(1)
        erased = await privacy.erase(person, subject, actor=ACTOR, with_evidence=evidence)
        out.print(f"Erased: {sum(erased.rows.values())} rows and {erased.files} files.")
        if erased.kept_withdrawals:
            out.print(
                f"Kept by law: {erased.kept_withdrawals} withdrawals with their receipts (--evidence erases them too)."
            )
        await _answered(privacy, request)

    _run(job)


@privacy_commands.command("retain")
def retain() -> None:
    """Erase what has been kept for its time. The running service does the same every hour."""

    async def job(privacy: Privacy) -> None:
        settings = Settings()
        retention = Retention(privacy, timedelta(days=settings.retention_days), timedelta(days=settings.evidence_days))
        result = await retention.run()
        out.print(f"{result.conversations} conversations and {result.files} files ran out.")
        for table, count in sorted(result.rows.items()):
            out.print(f"  {count:6}  {table}")

    _run(job)


@privacy_commands.command("requests")
def requests() -> None:
    """List data-protection requests that wait for an answer."""

    async def job(privacy: Privacy) -> None:
        async with privacy.database.read() as session:
            waiting = await PersonalData(session).open_requests()
        for row in waiting:
            late = " [red](late)[/red]" if row.answer_by < utc_now().date() else ""
            out.print(f"{row.number}  {row.kind:13}  asked {row.created_at:%Y-%m-%d}, answer by {row.answer_by}{late}")
        if not waiting:
            out.print("No request waits.")

    _run(job)


def _show_mentions(plan: Plan) -> None:
    if plan.mentions:
        out.print("The address is also named in other people's data:")
        for mention in plan.mentions:
            out.print(f"  {mention.count:6}  {mention.table}.{mention.column}")
        out.print(
            "  An erasure takes the address out there. Name conversations of the same person with --conversation."
        )


async def _answered(privacy: Privacy, request: str | None) -> None:
    if request is not None:
        async with privacy.database.begin() as session:
            await PersonalData(session).close_request(request, privacy.clock())
        out.print(f"Request {request} is noted as answered.")
