"""The command line of the survey: ``zusage survey check``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.errors import InvalidInput
from bot.settings import Settings
from bot.survey.bank import load_bank
from bot.survey.draw import inclusion_probabilities

__all__ = ["survey_commands"]

survey_commands = typer.Typer(no_args_is_help=True, help="The survey: its questions.")
out = Console()


@survey_commands.callback()
def _commands() -> None:
    """Keep 'check' a command of its own although it is the only one."""


@survey_commands.command("check")
def check(
    file: Annotated[Path | None, typer.Argument(help="Question bank; by default the one in force.")] = None,
) -> None:
    """Validate a question bank and print how often each question will be asked."""
    path = file or Settings().survey
    try:
        bank = load_bank(path)
    except InvalidInput as error:
        Console(stderr=True).print(f"[red]{error.message}[/red]", highlight=False)
        raise typer.Exit(1) from None
    table = Table("Question", "Kind", "Asked, bot alone", "Asked, with a person", title=f"{path} is valid")
    alone, with_person = (inclusion_probabilities(bank, with_person=value) for value in (False, True))
    for name, item in bank.items.items():
        table.add_row(name, item.kind, f"{alone[name]:.1%}", f"{with_person[name]:.1%}")
    out.print(table)
