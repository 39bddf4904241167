"""The command line: ``zusage up / train / nlu / shop / export / agents / privacy / db / doctor``."""

import asyncio
import gc
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError
from rich.console import Console
from typer.core import TyperGroup
from uvicorn.loops.auto import auto_loop_factory

from bot.app import create_app
from bot.channels.telegram.cli import telegram
from bot.console.cli import agent_commands, prepare_demo_agents
from bot.engine_process import EngineProcess, engine_python
from bot.errors import InvalidInput, ZusageError
from bot.knowledge.cli import knowledge_commands
from bot.logs import set_up
from bot.metrics.cli import export, figure_commands, report, simulate_command, token_commands
from bot.privacy.cli import privacy_commands
from bot.review_cli import review
from bot.server import server
from bot.settings import PREFIX, Settings
from bot.shop.cli import shop_commands
from bot.shop_side import open_desk, refresh, tour
from bot.storage import migrate
from bot.survey.cli import survey_commands

__all__ = ["app"]

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN_S = 120


class _Commands(TyperGroup):
    """Says what is wrong and what to do in a line: a traceback is for faults of ours."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except ZusageError as error:
            raise _fail(error.message) from None
        except ValidationError as error:
            if error.title != Settings.__name__:
                raise
            raise _fail("\n".join(_setting_problems(error))) from None


def _setting_problems(error: ValidationError) -> list[str]:
    """Name each variable and what is wrong with it; never its value, which may be a secret."""
    return [
        f"{PREFIX}{'_'.join(map(str, item['loc'][:1])).upper()}: {item['msg'].removeprefix('Value error, ')}"
        if item["loc"]
        else item["msg"].removeprefix("Value error, ")
        for item in error.errors(include_input=False, include_url=False)
    ]


app = typer.Typer(
    cls=_Commands, no_args_is_help=True, add_completion=False, help="Customer-service bot for online shops."
)
db = typer.Typer(no_args_is_help=True, help="The database: migrations.")
app.add_typer(db, name="db")
app.add_typer(figure_commands, name="figures")
app.add_typer(survey_commands, name="survey")
app.add_typer(token_commands, name="tokens")
app.command("export")(export)
app.command("report")(report)
app.command("simulate")(simulate_command)
app.add_typer(agent_commands, name="agents")
app.add_typer(knowledge_commands, name="knowledge")
app.add_typer(privacy_commands, name="privacy")
app.add_typer(shop_commands(open_desk), name="shop")
app.add_typer(telegram, name="telegram")
out = Console()
err = Console(stderr=True)


def _fail(message: str) -> typer.Exit:
    err.print(f"[red]{message}[/red]", highlight=False)
    return typer.Exit(1)


def _must_be_free(host: str, port: int, setting: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise _fail(f"Port {port} is taken. Stop what uses it, or choose another with {setting}.") from None


@app.command()
def up(
    demo: Annotated[bool, typer.Option(help="Fill and serve the demo shop.")] = False,
    engine: Annotated[
        bool, typer.Option(help="Start an engine too; off where ZUSAGE_ENGINE_URL names another.")
    ] = True,
) -> None:
    """Start the service, and the engine beside it."""
    settings = Settings(demo=True) if demo else Settings()
    set_up(settings.log_level)
    service = _service(settings)
    _must_be_free(settings.host, settings.port, "PORT=... (or ZUSAGE_PORT)")
    engine_port = int(httpx.URL(settings.engine_url).port or 5006)
    child = None
    if engine:
        try:
            child = EngineProcess(settings, ROOT, engine_port)
        except FileNotFoundError as error:
            raise _fail(str(error)) from None
        _must_be_free("127.0.0.1", engine_port, "ZUSAGE_ENGINE_URL")
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(settings, service, child), loop_factory=auto_loop_factory())


def _service(settings: Settings) -> FastAPI:
    """Put the service together.

    Raises:
        InvalidInput: a setting, or a file that one names, cannot be used.
    """
    try:
        return create_app(settings)
    except ValueError as error:
        raise InvalidInput(str(error), code="setting_invalid") from error


async def _serve(settings: Settings, service: FastAPI, child: EngineProcess | None) -> None:
    started = time.monotonic()
    if child is not None:
        await child.start()  # first: it takes the longest, and the rest can be prepared meanwhile
    try:
        await asyncio.to_thread(migrate.upgrade, settings.database)
        if settings.demo:
            await refresh(settings)
        announcement = asyncio.create_task(_announce(settings, started))
        # A full collection holds up everybody, for 0.2 s with a thousand customers, and finds next to nothing: what is
        # loaded by now stays and is left out, and full ones become as rare as one in two million objects kept.
        gc.collect()
        gc.freeze()
        gc.set_threshold(1_000, 20, 100)
        try:
            await server(service, settings).serve()
        finally:
            announcement.cancel()
    finally:
        if child is not None:
            await child.stop()


async def _announce(settings: Settings, started: float) -> None:
    """Print where everything is, once customers can be answered."""
    async with httpx.AsyncClient(trust_env=False) as client:
        while time.monotonic() - started < READY_WITHIN_S:
            with suppress(httpx.HTTPError):
                if (await client.get(f"http://{settings.host}:{settings.port}/readyz")).status_code == httpx.codes.OK:
                    break
            await asyncio.sleep(0.2)
        else:
            err.print("[red]Not ready after two minutes; the log above says why.[/red]")
            return
    out.print(f"\n[bold green]Zusage is ready[/bold green] after {time.monotonic() - started:.1f} s.\n")
    out.print(f"  Shop and chat   {settings.url}/")
    out.print(f"  Console         {settings.url}/console")
    if settings.telegram_playground and settings.demo:
        out.print(f"  Telegram        {settings.url}/telegram  (played here)")
    out.print(f"  API             {settings.url}/docs\n")
    if settings.demo:
        out.print(await tour(settings))
        out.print("  Sign in to the console as")
        for agent in await prepare_demo_agents(settings):
            out.print(f"    {agent.email}  {agent.password}  ({agent.role})", highlight=False, markup=False)
        out.print("")
    out.print("Ctrl-C stops everything.\n")


@app.command()
def train() -> None:
    """Train the assistant if its sources changed."""
    raise typer.Exit(subprocess.call([str(engine_python(ROOT)), "-m", "engine.train"], cwd=ROOT))


_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
understanding = typer.Typer(no_args_is_help=True, help="Measure and improve understanding.")
understanding.command("review")(review)
app.add_typer(understanding, name="nlu")


def _in_engine(*arguments: str) -> typer.Exit:
    """Run a tool of the engine in its own environment."""
    return typer.Exit(subprocess.call([str(engine_python(ROOT)), "-m", "engine.nlu_tools", *arguments], cwd=Path.cwd()))


@understanding.command("evaluate", context_settings=_PASSED_ON, add_help_option=False)
def nlu_evaluate(context: typer.Context) -> None:
    """Measure the trained assistant on a file of labelled messages."""
    raise _in_engine("evaluate", *context.args)


@understanding.command("benchmark", context_settings=_PASSED_ON, add_help_option=False)
def nlu_benchmark(context: typer.Context) -> None:
    """Train our pipeline on one labelled file and measure it on another."""
    raise _in_engine("benchmark", *context.args)


@understanding.command("check", context_settings=_PASSED_ON, add_help_option=False)
def nlu_check(context: typer.Context) -> None:
    """Look for duplicates, and for examples that sit with the wrong neighbour."""
    raise _in_engine("check", *context.args)


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the version of the program."""
    migrate.upgrade(Settings().database)
    out.print("The database is up to date.")


@db.command("revise", hidden=True)
def db_revise(message: str) -> None:
    """Write a migration for changed models (for developers)."""
    migrate.revise(Settings().database, message)


@app.command("settings")
def list_settings() -> None:
    """Print every setting with its meaning and default, as the table in docs/settings.md."""
    print(settings_table())


def settings_table() -> str:
    """Return the documented settings as a Markdown table, from the code that reads them."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = "" if isinstance(default, SecretStr) or default in ("", []) else f"`{default}`"
        secret = (
            f" Secret: `ZUSAGE_{name.upper()}_FILE` may name a file instead." if isinstance(default, SecretStr) else ""
        )
        rows.append(f"| `ZUSAGE_{name.upper()}` | {shown} | {field.description}{secret} |")
    return "\n".join(rows)


@app.command()
def doctor() -> None:
    """Check settings, files, database, engine environment and assistant, and say what to do about what is wrong."""
    settings = Settings()
    set_up("error")
    problems = 0

    def report(name: str, problem: str | None) -> None:
        nonlocal problems
        problems += problem is not None
        mark = "[red]✗[/red]" if problem else "[green]✓[/green]"
        out.print(f"  {mark} {name}", highlight=False, end="")
        out.print(f": {problem}" if problem else "", highlight=False, markup=False, soft_wrap=True)

    try:
        _service(settings)
        report("settings, policies, survey", None)
    except ZusageError as error:
        report("settings, policies, survey", error.message)
    try:
        current = migrate.is_current(settings.database)
        report("database", None if current else "not up to date; 'zusage db upgrade' mends that, 'zusage up' as well")
    except Exception as error:
        report("database", f"{type(error).__name__}: {str(error).splitlines()[0]}")
    try:
        engine_python(ROOT)
        report("engine environment", None)
    except FileNotFoundError as error:
        report("engine environment", str(error))
    trained = any((ROOT / "models").glob("*.tar.gz"))
    report("assistant", None if trained else "not trained; run 'zusage train'")
    try:
        healthy = httpx.get(f"{settings.engine_url}/healthz", timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        healthy = False
    report("engine", None if healthy else f"does not answer at {settings.engine_url}; 'zusage up' starts it")
    sys.exit(1 if problems else 0)
