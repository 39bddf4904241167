"""``make bench``: runs the measurements that need nothing but this machine, and prints one table."""

import asyncio
import os
import platform

from rich.console import Console
from rich.table import Table

from bench import console_load, engine, figures, promises, web_load


async def main() -> None:
    """Measure one thing after the other, so that none disturbs the next."""
    out = Console()
    out.print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    table = Table("what", "measured", "wanted")
    for measure in (engine.measure, promises.measure, console_load.measure, figures.measure, web_load.measure):
        async for row in measure():
            table.add_row(*row)
            out.print(f"  {row[0]}: {row[1]}")
    out.print(table)


asyncio.run(main())
