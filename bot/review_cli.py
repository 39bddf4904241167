"""``zusage nlu review``: what was not understood, in clusters, with one key to label each."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from bot.clock import utc_now
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.unanswered import SqlUnanswered
from bot.unanswered import Cluster, TrainingFiles, Unanswered, clusters, without_personal_data

__all__ = ["review"]

TRAINING = Path(__file__).resolve().parent.parent / "data" / "nlu"
MOST = 2000
SHOWN = 6


def review(
    days: Annotated[int, typer.Option(help="how far back to look")] = 30,
    below: Annotated[float, typer.Option(help="also messages understood with less than this confidence, 0..1")] = 0.5,
    only_list: Annotated[bool, typer.Option("--list", help="print the clusters and ask nothing")] = False,
    data: Annotated[Path, typer.Option(help="folder with the training files")] = TRAINING,
) -> None:
    """Label what was not understood: one key puts a cluster into the training data, personal data masked."""
    found = clusters(asyncio.run(_read(days, below)))
    out = Console(highlight=False)
    files = TrainingFiles(data)
    if not found:
        out.print(f"Nothing was left unanswered in the last {days} days.")
        return
    count = sum(len(cluster.messages) for cluster in found)
    out.print(f"{count} messages in {len(found)} clusters, from the last {days} days.")
    added = 0
    for number, cluster in enumerate(found, start=1):
        out.print(f"\n[bold]{number}/{len(found)}[/bold]  {cluster.language}, {len(cluster.messages)} messages")
        for message in cluster.messages[:SHOWN]:
            taken = f"{message.intent or '-'} {message.confidence:.2f}"
            out.print(f"  {escape(without_personal_data(message.text))}  [dim]({taken})[/dim]")
        if only_list:
            continue
        chosen = _ask(out, cluster, files)
        if chosen is None:
            break
        if chosen:
            texts = [without_personal_data(message.text) for message in cluster.messages]
            try:
                added += files.add(chosen, cluster.language, texts)
            except ValueError as problem:
                out.print(f"[red]{escape(str(problem))}[/red]")
    if not only_list:
        out.print(f"\n{added} examples added to {data}." + (" Train with: zusage train" if added else ""))


def _ask(out: Console, cluster: Cluster, files: TrainingFiles) -> str | None:
    """Return the intent chosen, an empty text for none, None to stop."""
    choices = dict(zip("12345", (name for name in cluster.likely if name in files.intents), strict=False))
    keys = [f"[bold]{key}[/bold] {name}" for key, name in choices.items()]
    keys += ["[bold]o[/bold] out_of_scope", "[bold]n[/bold] another", "[bold]space[/bold] skip", "[bold]q[/bold] stop"]
    out.print("  " + "   ".join(keys))
    while True:
        key = typer.getchar() if sys.stdin.isatty() else sys.stdin.read(1)
        if key in choices:
            return choices[key]
        if key == "o":
            return "out_of_scope"
        if key in " \r\n":
            return ""
        if key in ("q", "\x03", "\x04", ""):
            return None
        if key == "n":
            name: str = typer.prompt("  intent", default="", show_default=False)
            if name in files.intents or not name:
                return name
            out.print(f"  There is no intent {escape(name)}.")


async def _read(days: int, below: float) -> list[Unanswered]:
    settings = Settings()
    database = Database(settings.database)
    try:
        return await SqlUnanswered(database).since(utc_now() - timedelta(days=days), below, MOST)
    finally:
        await database.close()
