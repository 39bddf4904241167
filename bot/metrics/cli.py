"""The command line of figures: ``zusage export / report / simulate / figures / tokens``."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bot.clock import utc_now
from bot.errors import ZusageError
from bot.handoff.hours import ServiceHours
from bot.metrics.datasets import DATASETS
from bot.metrics.export import Exporter, Request
from bot.metrics.facts import rules_of
from bot.metrics.figures import Costs, Figure, definitions
from bot.metrics.formats import FORMATS
from bot.metrics.reading import FigureReader
from bot.metrics.refresh import Refresher
from bot.metrics.report import print_to_pdf, render_report, week_of
from bot.metrics.simulation.timeline import Plan, simulate
from bot.metrics.tokens import SCOPES, Tokens
from bot.settings import Settings
from bot.shop.policies import load_policies
from bot.storage import migrate
from bot.storage.api_tokens import ApiTokens
from bot.storage.database import Database
from bot.storage.figures import Slice
from bot.storage.simulated import SimulatedRows
from bot.survey.bank import load_bank

__all__ = ["export", "figure_commands", "report", "simulate_command", "token_commands"]

out = Console()
err = Console(stderr=True)

figure_commands = typer.Typer(no_args_is_help=True, help="Figures: show them, make them anew, what they mean.")
token_commands = typer.Typer(no_args_is_help=True, help="Tokens of programs that read figures and exports.")

# Written out, because a choice on the command line must be known before the program runs.
DatasetName = Literal[
    "conversations", "messages", "turns", "survey", "signals", "promises", "handoffs", "outages", "orders"
]
FormatName = Literal["csv", "json", "jsonl", "xlsx", "parquet"]
assert set(get_args(DatasetName)) == set(DATASETS)
assert set(get_args(FormatName)) == set(FORMATS)

_Dataset = Annotated[DatasetName, typer.Argument(help="What to export, one row each.")]
_Format = Annotated[FormatName, typer.Option("--format", help="Format of the file.")]
_First = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, in the shop's time zone.")
]
_Last = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, included.")]


def _run[T](work: Callable[[Settings, Database], Awaitable[T]]) -> T:
    """Do something with the database; what went wrong is said in one line."""
    settings = Settings()

    async def run() -> T:
        database = Database(settings.database)
        try:
            return await work(settings, database)
        finally:
            await database.close()

    try:
        migrate.upgrade(settings.database)
        return asyncio.run(run())
    except ZusageError as error:
        err.print(f"[red]{error.message}[/red]", highlight=False)
        raise typer.Exit(1) from None


def _day(value: datetime | None) -> date | None:
    return value.date() if value is not None else None


def export(
    dataset: _Dataset,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; - for standard output.")],
    kind: _Format = "csv",
    first: _First = None,
    last: _Last = None,
    channel: Annotated[str | None, typer.Option(help="Only conversations of this channel.")] = None,
    language: Annotated[str | None, typer.Option(help="Only conversations in this language (de, en).")] = None,
    personal: Annotated[
        bool, typer.Option("--personal", help="With texts and identities; written to the audit log.")
    ] = False,
    bom: Annotated[bool, typer.Option("--bom", help="Begin CSV with a byte order mark, for Excel.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted CSV or JSONL export ended.")
    ] = False,
) -> None:
    """Export conversations, messages, survey answers, signals and more.

    Without --personal nobody can be recognised in it: customers, orders and returns are pseudonyms, texts are
    left out. docs/data-dictionary.md explains every column.
    """

    async def work(settings: Settings, database: Database) -> int:
        request = Request(
            dataset, kind, _day(first), _day(last), channel=channel, language=language, personal=personal, bom=bom
        )
        exporter = Exporter(database, settings.zone, settings.signing_key)
        columns = SpinnerColumn(), TextColumn("{task.completed:,} rows"), TimeElapsedColumn()
        with Progress(*columns, console=err, transient=True) as progress:
            task = progress.add_task("export", total=None)

            def advance(rows: int) -> None:
                progress.update(task, completed=rows)

            if str(output) == "-":
                return await exporter.to_stream(request, sys.stdout.buffer, "cli", advance)
            return await exporter.to_file(request, output, "cli", resume=resume, progress=advance)

    count = _run(work)
    err.print(f"{count} rows of {dataset} written{'' if str(output) == '-' else f' to {output}'}.", highlight=False)
    if not personal:
        err.print("Texts and identities are left out or pseudonyms; --personal includes them.", style="dim")


def reader_of(settings: Settings, database: Database) -> FigureReader:
    """Return what reads a shop's figures."""
    return FigureReader(database, settings.zone, Costs(settings.cost_conversation, settings.cost_person_hour))


async def _rebuild(settings: Settings, database: Database) -> int:
    columns = TextColumn("figures"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("figures", total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        return await Refresher(database, rules_of(settings)).rebuild(advance)


@figure_commands.command("show")
def show(first: _First = None, last: _Last = None) -> None:
    """Print all figures of a period, by default the last 28 days, beside the period before."""

    async def work(settings: Settings, database: Database) -> tuple[Slice, dict[str, Figure], dict[str, Figure]]:
        await Refresher(database, rules_of(settings)).refresh()
        until = _day(last) or utc_now().astimezone(settings.zone).date()
        wanted = Slice(_day(first) or until - timedelta(days=27), until)
        reader = reader_of(settings, database)
        return wanted, await reader.figures(wanted), await reader.figures(wanted.before())

    wanted, figures, before = _run(work)
    table = Table("Figure", "Value", "95 %", "n", "Before", title=f"{wanted.first} to {wanted.last}")
    for key, entry in definitions().items():
        figure = figures[key]
        low, high = (None if v is None else _plain(v, entry.unit) for v in (figure.low, figure.high))
        interval = f"{low} to {high}" if low is not None else ""
        mark = " (few)" if figure.small and entry.unit != "count" else ""
        table.add_row(
            entry.label.en,
            _plain(figure.value, entry.unit) + mark,
            interval,
            str(figure.n),
            _plain(before[key].value, entry.unit),
        )
    out.print(table)


def _plain(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return {"share": f"{100 * value:.1f} %", "count": f"{value:.0f}", "seconds": f"{value:g} s"}.get(
        unit, f"{value:.2f}"
    )


@figure_commands.command("rebuild")
def rebuild() -> None:
    """Make all figures anew from the raw rows."""
    started = time.monotonic()
    count = _run(_rebuild)
    out.print(f"Figures of {count} conversations made in {time.monotonic() - started:.0f} s.")


@figure_commands.command("definitions")
def print_definitions() -> None:
    """Print the part of docs/metrics.md that defines every figure."""
    out.print(definitions_as_markdown(), markup=False, highlight=False, soft_wrap=True)


def definitions_as_markdown() -> str:
    """Return the definitions of all figures as Markdown."""
    lines = []
    group = ""
    for key, entry in definitions().items():
        if entry.group != group:
            group = entry.group
            lines += ["", f"### {group.capitalize()}", "", "| figure | unit | formula | of | without | source |"]
            lines.append("|---|---|---|---|---|---|")
        cells = (
            f"`{key}`<br>{entry.label.en} · {entry.label.de}", entry.unit, entry.formula, entry.population,
            entry.excludes or "–", entry.source,
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines).strip()


@figure_commands.command("dictionary")
def print_dictionary() -> None:
    """Print the tables of docs/data-dictionary.md."""
    out.print(dictionary_as_markdown(), markup=False, highlight=False, soft_wrap=True)


def dictionary_as_markdown() -> str:
    """Return what every exported column means as Markdown."""
    lines = []
    for name, dataset in DATASETS.items():
        lines += [f"## {name}", "", f"One row per {dataset.row}. A date range means `{dataset.time}`.", ""]
        lines += ["| column | type | meaning | without `--personal` |", "|---|---|---|---|"]
        for column in dataset.columns:
            privacy = {"open": "as it is", "pseudonym": "pseudonym", "personal": "left out"}[column.privacy]
            lines.append(f"| `{column.name}` | {column.type} | {column.meaning} | {privacy} |")
        lines.append("")
    return "\n".join(lines).strip()


def simulate_command(
    conversations: Annotated[int, typer.Option(min=1, help="How many conversations.")] = 1000,
    days: Annotated[int, typer.Option(min=1, max=2000, help="Over how many days.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="The same seed plays the same customers.")] = 1,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day; by default yesterday.")
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="File for what every customer truly thinks (JSON Lines).")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Only remove what simulations have written.")] = False,
) -> None:
    """Play believable customers through the real tables: for demos, load and tests."""

    async def drop(_settings: Settings, database: Database) -> int:
        async with database.begin() as session:
            return await SimulatedRows(session).remove()

    async def play(settings: Settings, database: Database) -> dict[str, int]:
        until = _day(last) or utc_now().astimezone(settings.zone).date() - timedelta(days=1)
        plan = Plan(conversations, days, seed, until, settings.zone)
        hours = ServiceHours(settings.service_hours, settings.zone, settings.holidays)
        columns = TextColumn("conversations"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=err, transient=True) as progress:
            task = progress.add_task("simulate", total=conversations)

            def advance(done: int) -> None:
                progress.update(task, completed=done)

            counts = await simulate(database, plan, load_bank(settings.survey), hours, truth=truth, progress=advance)
        await _rebuild(settings, database)
        return counts

    if remove:
        out.print(f"{_run(drop)} simulated conversations removed.")
        _run(_rebuild)
        return
    counts = _run(play)
    out.print(", ".join(f"{n:,} {table.removeprefix('shop_')}" for table, n in counts.items()), highlight=False)


def report(
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; .pdf is printed by a browser.")],
    week: Annotated[str | None, typer.Option(help="Week such as 2026-W13; by default the last that is over.")] = None,
    language: Annotated[Literal["de", "en"] | None, typer.Option(help="Language of the report.")] = None,
) -> None:
    """Write the weekly report as one HTML file that needs nothing else, or as PDF where a browser is installed."""

    async def work(settings: Settings, database: Database) -> bytes:
        await Refresher(database, rules_of(settings)).refresh()
        wanted = Slice(*week_of(week, utc_now().astimezone(settings.zone).date()))
        overview = await reader_of(settings, database).overview(wanted)
        shop = load_policies(settings.policies).shop.name
        page = render_report(overview, shop, language or settings.default_language)
        return await print_to_pdf(page) if output.suffix.lower() == ".pdf" else page.encode()

    content = _run(work)
    try:
        output.write_bytes(content)
    except OSError as error:
        err.print(f"[red]{output} cannot be written: {error.strerror}.[/red]", highlight=False)
        raise typer.Exit(1) from None
    err.print(f"Report written to {output}.", highlight=False)


@token_commands.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    scope: Annotated[list[str], typer.Option(help=f"What it allows: {', '.join(SCOPES)}; may be repeated.")],
    days: Annotated[int | None, typer.Option(min=1, help="How long it holds; by default until revoked.")] = None,
) -> None:
    """Make a token. It is shown once."""
    expires = datetime.now(UTC) + timedelta(days=days) if days is not None else None

    async def work(_settings: Settings, database: Database) -> str:
        return await Tokens(database).create(name, scope, "cli", expires_at=expires)

    out.print(_run(work), highlight=False)


@token_commands.command("list")
def list_tokens() -> None:
    """List tokens; their secrets cannot be shown."""

    async def work(_settings: Settings, database: Database) -> Table:
        table = Table("Name", "Scopes", "Made", "Last used", "State")
        now = utc_now()
        async with database.read() as session:
            for token in await ApiTokens(session).all():
                expired = token.expires_at is not None and token.expires_at <= now
                table.add_row(
                    token.name,
                    ", ".join(token.scopes),
                    f"{token.created_at:%Y-%m-%d}",
                    f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never",
                    "revoked" if token.revoked_at else "expired" if expired else "valid",
                )
        return table

    out.print(_run(work))


@token_commands.command("revoke")
def revoke_token(name: Annotated[str, typer.Argument(help="Name of the token.")]) -> None:
    """Make a token useless at once."""

    async def work(_settings: Settings, database: Database) -> None:
        await Tokens(database).revoke(name, "cli")

    _run(work)
    out.print(f"{name} is revoked.", highlight=False)
