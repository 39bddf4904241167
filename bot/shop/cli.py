"""The commands ``zusage shop samples | show | demo | import | changes | schema``: look at the shop's data, fill it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bot.errors import ZusageError
from bot.shop.calendar import Calendar
from bot.shop.import_formats import schema
from bot.shop.importing import ImportReport, LineError
from bot.shop.models import Customer, Order
from bot.shop.policies import Policies
from bot.shop.rules.ground import Ground
from bot.shop.samples import Sample
from bot.shop.telling import ShopEvent
from bot.shop.views import order_view, plain

__all__ = ["ShopDesk", "shop_commands"]

out = Console()
err = Console(stderr=True)


class ShopDesk(Protocol):
    """What the commands work on; bot/shop_side.py makes one from the settings."""

    policies: Policies
    calendar: Calendar

    @property
    def abilities(self) -> frozenset[str]:
        """Names of the operations the shop can carry out."""
        ...

    def now(self) -> datetime:
        """Return the present."""
        ...

    async def order(self, order_number: str) -> Order | None:
        """Return one order."""
        ...

    async def customer(self, customer_id: str) -> Customer | None:
        """Return one customer."""
        ...

    async def samples(self) -> list[Sample]:
        """Return orders to try things with."""
        ...

    async def refresh_demo(self, seed: int, *, force: bool) -> bool:
        """Make the demo shop of today, unless it is there; return whether anything was written."""
        ...

    async def import_files(
        self, paths: Sequence[Path], progress: Callable[[str, int], None], on_error: Callable[[LineError], None]
    ) -> ImportReport:
        """Import files of customers, products, orders, shipments and returns."""
        ...

    def changes(self, since: datetime | None, *, untold: bool) -> AsyncIterator[ShopEvent]:
        """Return changes that were made to orders here, in their order."""
        ...


def shop_commands(open_desk: Callable[[], AbstractAsyncContextManager[ShopDesk]]) -> typer.Typer:
    """Return the commands, to be mounted as ``zusage shop``."""
    commands = typer.Typer(no_args_is_help=True, help="The shop's data: look at it, fill it.")

    def run[T](work: Callable[[ShopDesk], Awaitable[T]]) -> T:
        async def with_desk() -> T:
            async with open_desk() as desk:
                return await work(desk)

        try:
            return asyncio.run(with_desk())
        except ZusageError as error:
            err.print(f"[red]{error.message}[/red]", highlight=False)
            raise typer.Exit(1) from None

    @commands.command()
    def samples(
        as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    ) -> None:
        """List one order for every state, with what proves it."""
        found = run(lambda desk: desk.samples())
        if as_json:
            print(json.dumps([_sample_json(sample) for sample in found], ensure_ascii=False, indent=2))
            return
        if not found:
            err.print("There are no orders. 'zusage shop demo' makes some, 'zusage shop import' reads yours.")
            raise typer.Exit(1)
        table = Table("number", "e-mail", "postcode", "status", "what")
        for sample in found:
            table.add_row(sample.number, sample.email, sample.postcode, sample.status, sample.what)
        out.print(table)

    @commands.command()
    def show(
        order: Annotated[str, typer.Argument(help="The order's number; case and hyphens do not matter.")],
        as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    ) -> None:
        """Print one order, whole: lines, payments, shipments, returns, refunds, and what may be done with it."""
        view = run(lambda desk: _show(desk, order))
        if view is None:
            err.print(f"There is no order {order}.", highlight=False)
            raise typer.Exit(1)
        if as_json:
            print(json.dumps(view, ensure_ascii=False, indent=2))
        else:
            out.print_json(json.dumps(view, ensure_ascii=False))

    @commands.command()
    def demo(
        seed: Annotated[int, typer.Option(help="Another seed makes other people and orders.")] = 7,
        force: Annotated[bool, typer.Option(help="Make it anew, even if today's is there.")] = False,
    ) -> None:
        """Make the demo shop around today, in place of yesterday's. Imported data is left alone."""
        written = run(lambda desk: desk.refresh_demo(seed, force=force))
        out.print("The demo shop is new." if written else "The demo shop is up to date.")

    @commands.command("import")
    def import_files(
        files: Annotated[list[Path], typer.Argument(help="JSON Lines or CSV files, also gzipped.")],
        errors: Annotated[Path | None, typer.Option(help="Write every line that is wrong into this file.")] = None,
    ) -> None:
        """Read customers, products, orders, shipments and returns. Safe to repeat.

        Lines that are wrong are named and left out; everything else is imported. The exit code is then 2.
        """
        with (
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TimeElapsedColumn(),
                console=err,
                transient=True,
            ) as bars,
            errors.open("w", encoding="utf-8") if errors else nullcontext() as log,
        ):
            tasks = {path.name: bars.add_task(path.name, total=path.stat().st_size) for path in files if path.is_file()}

            def progress(file: str, position: int) -> None:
                bars.update(tasks[file], completed=position)

            def on_error(error: LineError) -> None:
                if log is not None:
                    log.write(f"{error}\n")

            report = run(lambda desk: desk.import_files(files, progress, on_error))
        for kind in report.written:
            same = report.unchanged.get(kind, 0)
            out.print(f"{kind}: {report.written[kind]:,} written" + (f", {same:,} as they were" if same else ""))
        if report.errors:
            for error in report.first_errors:
                err.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
            more = report.errors - len(report.first_errors)
            if more:
                err.print(
                    f"... and {more:,} more" + ("" if errors else "; --errors FILE lists them all"), highlight=False
                )
            raise typer.Exit(2)

    @commands.command()
    def changes(
        since: Annotated[datetime | None, typer.Option(help="From this instant on (UTC).")] = None,
        untold: Annotated[bool, typer.Option("--untold", help="Only what the webhook could not deliver yet.")] = False,
    ) -> None:
        """Print what was changed on orders here, one JSON document per line, for the shop system to read."""

        async def print_all(desk: ShopDesk) -> None:
            async for event in desk.changes(since.replace(tzinfo=UTC) if since else None, untold=untold):
                print(json.dumps(event.as_json(), ensure_ascii=False))

        run(print_all)

    @commands.command("schema")
    def show_schema(
        what: Annotated[str, typer.Argument(help="customer, product, order, shipment, return, or policies.")] = "",
    ) -> None:
        """Print the JSON schema of what 'import' reads, or of the policy file."""
        known = {**schema(), "policies": Policies.model_json_schema()}
        if what and what not in known:
            err.print(f"There is no schema of {what}; there are: {', '.join(known)}", highlight=False)
            raise typer.Exit(1)
        print(json.dumps(known[what] if what else schema(), ensure_ascii=False, indent=2))

    return commands


async def _show(desk: ShopDesk, number: str) -> Any:
    order = await desk.order(number)
    if order is None:
        return None
    customer = await desk.customer(order.customer_id)
    ground = Ground(desk.policies, desk.calendar, desk.now())
    view = order_view(order, customer.name if customer else "", ground, desk.abilities)
    if customer is not None:
        view["customer"] = {
            "id": customer.id,
            "name": customer.name,
            "email": order.email,
            "phone": customer.phone,
            "language": customer.language,
            "guest": customer.guest,
        }
    view["payments"] = order.payments
    return plain(view, desk.calendar.zone)


def _sample_json(sample: Sample) -> dict[str, Any]:
    values = asdict(sample)
    values["ask"] = sample.ask.model_dump() if sample.ask else None
    return values
