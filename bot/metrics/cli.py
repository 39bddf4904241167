"""The command line of figures: ``zusage export``."""

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bot.errors import ZusageError
from bot.metrics.datasets import DATASETS
from bot.metrics.export import Exporter, Request
from bot.metrics.formats import FORMATS
from bot.settings import Settings
from bot.storage.database import Database

__all__ = ["export"]

err = Console(stderr=True)

_Dataset = Annotated[str, typer.Argument(help=f"What to export, one row each: {', '.join(DATASETS)}.")]
_Format = Annotated[str, typer.Option("--format", help=f"Format of the file: {', '.join(FORMATS)}.")]


def export(
    dataset: _Dataset,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; - for standard output.")],
    kind: _Format = "csv",
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, in the shop's time zone.")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, included.")] = None,
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
    settings = Settings()
    try:
        request = Request(
            dataset,
            kind,
            first.date() if first else None,
            last.date() if last else None,
            channel=channel,
            language=language,
            personal=personal,
            bom=bom,
        )
        count = asyncio.run(_export(settings, request, output, resume))
    except ZusageError as error:
        err.print(f"[red]{error.message}[/red]", highlight=False)
        raise typer.Exit(1) from None
    what = f"{count} rows of {dataset}"
    err.print(f"{what} written{'' if str(output) == '-' else f' to {output}'}.", highlight=False)
    if not personal:
        err.print("Texts and identities are left out or pseudonyms; --personal includes them.", style="dim")


async def _export(settings: Settings, request: Request, output: Path, resume: bool) -> int:
    database = Database(settings.database)
    exporter = Exporter(database, settings.zone, settings.signing_key)
    columns = SpinnerColumn(), TextColumn("{task.completed:,} rows"), TimeElapsedColumn()
    try:
        with Progress(*columns, console=err, transient=True) as progress:
            task = progress.add_task("export", total=None)

            def advance(rows: int) -> None:
                progress.update(task, completed=rows)

            if str(output) == "-":
                return await exporter.to_stream(request, sys.stdout.buffer, "cli", advance)
            return await exporter.to_file(request, output, "cli", resume=resume, progress=advance)
    finally:
        await database.close()
