"""``zusage telegram check``: are token, way of receiving, menu and descriptions right?"""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from bot.channels.telegram.bot_api import bot_id_of, make_bot
from bot.channels.telegram.setup import Finding, examine
from bot.logs import mask, set_up
from bot.settings import Settings
from bot.shop.policies import load_policies

__all__ = ["telegram"]

telegram = typer.Typer(no_args_is_help=True, help="The Telegram channel.")
out = Console()

_MARKS = {"right": "[green]✓[/green]", "repaired": "[yellow]✓[/yellow]", "wrong": "[red]✗[/red]", "advice": "•"}


@telegram.callback()
def channel() -> None:
    """The Telegram channel."""


@telegram.command()
def check(
    repair: Annotated[bool, typer.Option(help="Set what can be set; otherwise only look.")] = True,
) -> None:
    """Tell whether everything at Telegram is as the settings want it, and repair what can be repaired."""
    settings = Settings()
    set_up("error")
    if not settings.telegram_token.get_secret_value():
        out.print("ZUSAGE_TELEGRAM_TOKEN is not set: there is no Telegram. @BotFather gives a token (/newbot).")
        raise typer.Exit(1)
    try:
        bot_id_of(settings)
    except ValueError as error:
        out.print(f"  {_MARKS['wrong']} token: {error}")
        raise typer.Exit(1) from None
    findings = asyncio.run(_look(settings, repair=repair))
    raise typer.Exit(1 if any(finding.state == "wrong" for finding in findings) else 0)


async def _look(settings: Settings, *, repair: bool) -> list[Finding]:
    bot = make_bot(settings)
    findings = []
    try:
        async for finding in examine(bot, settings, load_policies(settings.policies).shop, repair=repair):
            findings.append(finding)
            words = mask(finding.words)
            out.print(f"  {_MARKS[finding.state]} {finding.what}{f': {words}' if words else ''}", highlight=False)
    finally:
        await bot.request.shutdown()
    return findings
