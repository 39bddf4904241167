"""``zusage agents``: add, list, disable and reset the people who use the console; and the demo's people."""

import asyncio
import json
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer
from email_validator import EmailNotValidError, validate_email
from rich.console import Console
from rich.table import Table

from bot.clock import utc_now
from bot.console.auth import ROLES, Role, hash_password, new_agent
from bot.errors import InvalidInput, ZusageError
from bot.settings import Settings
from bot.storage import migrate
from bot.storage.agents import Agents
from bot.storage.database import Collision, Database
from bot.storage.records import Records

__all__ = ["DemoAgent", "agent_commands", "prepare_demo_agents"]

agent_commands = typer.Typer(no_args_is_help=True, help="The people who use the console.")
out = Console()
err = Console(stderr=True)

PRESENT_FOR = timedelta(minutes=2)
DEMO_PEOPLE: tuple[tuple[str, str, Role, str | None], ...] = (
    ("lena@demo.example", "Lena", "agent", "Service"),
    ("murat@demo.example", "Murat", "agent", "Service"),
    ("sabine@demo.example", "Sabine", "admin", None),
)


def _new_password() -> str:
    return secrets.token_urlsafe(12)


def _with_database[T](work: Callable[[Database], Awaitable[T]]) -> T:
    """Run ``work`` on the database of the settings; errors are told and end the command."""

    async def run() -> T:
        settings = Settings()
        await asyncio.to_thread(migrate.upgrade, settings.database)
        database = Database(settings.database)
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except ZusageError as error:
        err.print(f"[red]{error.message}[/red]", highlight=False)
        raise typer.Exit(1) from None


@agent_commands.command("add")
def add(
    email: str,
    name: Annotated[str, typer.Option(help="What customers see.")],
    role: Annotated[str, typer.Option(help="agent, manager or admin.")] = "agent",
    team: Annotated[str | None, typer.Option(help="Team, for transfers and filters.")] = None,
    places: Annotated[int, typer.Option(min=1, max=50, help="Conversations at the same time.")] = 4,
) -> None:
    """Add a person; a first password is printed once and must be changed at the first sign-in."""
    password = _new_password()

    async def work(database: Database) -> None:
        if role not in ROLES:
            raise InvalidInput(f"{role!r} is no role; use agent, manager or admin.")
        try:
            address = validate_email(email, check_deliverability=False).normalized
        except EmailNotValidError as error:
            raise InvalidInput(f"{email!r} is no e-mail address: {error}") from error
        now = utc_now()
        agent = new_agent(
            address, name, _role(role), password, now, team=team, places=places, must_change_password=True
        )
        try:
            async with database.begin() as session:
                await Agents(session).add(agent)
                Records(session).audit("cli", "agent.add", now, subject=str(agent.id), email=agent.email, role=role)
        except Collision:
            raise InvalidInput(f"{address} has an account already; 'zusage agents list' shows it.") from None

    _with_database(work)
    out.print(f"{email} may sign in with the password [bold]{password}[/bold] and must choose another one then.")


@agent_commands.command("list")
def list_agents() -> None:
    """List everybody: role, team, places, whether signed in."""

    async def work(database: Database) -> Table:
        table = Table("e-mail", "name", "role", "team", "places", "codes", "state")
        now = utc_now()
        async with database.read() as session:
            for agent in await Agents(session).all():
                here = agent.seen_at is not None and now - agent.seen_at < PRESENT_FOR
                state = "disabled" if agent.disabled_at else (agent.presence if here else "not here")
                table.add_row(
                    agent.email,
                    agent.name,
                    agent.role,
                    agent.team or "",
                    str(agent.places),
                    "yes" if agent.totp_secret else "no",
                    state,
                )
        return table

    out.print(_with_database(work))


@agent_commands.command("disable")
def disable(email: str) -> None:
    """Let a person sign in no more; open sessions end, conversations go back to the queue."""

    async def work(database: Database) -> None:
        now = utc_now()
        async with database.begin() as session:
            agents = Agents(session)
            agent = await agents.by_email(email)
            if agent is None:
                raise InvalidInput(f"Nobody has the address {email}.")
            agent.disabled_at = now
            agent.presence = "away"
            await agents.revoke(agent.id, now)
            Records(session).audit("cli", "agent.disable", now, subject=str(agent.id))

    _with_database(work)
    out.print(f"{email} can no longer sign in. Conversations in hand go back to the queue within a minute.")


@agent_commands.command("reset")
def reset(
    email: str,
    keep_codes: Annotated[bool, typer.Option(help="Leave one-time codes on.")] = False,
) -> None:
    """Give a person a new first password, let them sign in again, and turn one-time codes off."""
    password = _new_password()

    async def work(database: Database) -> None:
        now = utc_now()
        async with database.begin() as session:
            agents = Agents(session)
            agent = await agents.by_email(email)
            if agent is None:
                raise InvalidInput(f"Nobody has the address {email}.")
            agent.password_hash = hash_password(password)
            agent.must_change_password = True
            agent.disabled_at = None
            if not keep_codes:
                agent.totp_secret = None
            await agents.revoke(agent.id, now)
            Records(session).audit("cli", "agent.reset", now, subject=str(agent.id), codes_kept=keep_codes)

    _with_database(work)
    out.print(f"{email} may sign in with the password [bold]{password}[/bold] and must choose another one then.")


def _role(value: str) -> Role:
    for role in ROLES:
        if role == value:
            return role
    raise InvalidInput(f"{value!r} is no role.")


@dataclass(frozen=True)
class DemoAgent:
    """One of the demo's people and how to sign in as them."""

    email: str
    password: str
    role: str


async def prepare_demo_agents(settings: Settings) -> list[DemoAgent]:
    """Make sure that the demo's people exist, and return how to sign in as each.

    Their passwords are random, made once, and kept beside the other secrets in the data directory.
    """
    path = settings.data_dir / "secrets" / "demo_agents.json"
    kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    passwords = {email: kept.get(email) or _new_password() for email, *_ in DEMO_PEOPLE}
    if passwords != kept:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(passwords, file)
    database = Database(settings.database)
    try:
        for email, name, role, team in DEMO_PEOPLE:
            async with database.begin() as session:
                agents = Agents(session)
                known = await agents.by_email(email)
                if known is None:
                    await agents.add(new_agent(email, name, role, passwords[email], utc_now(), team=team))
                elif email not in kept:
                    known.password_hash = hash_password(passwords[email])
    finally:
        await database.close()
    return [DemoAgent(email, passwords[email], role) for email, _, role, _ in DEMO_PEOPLE]
