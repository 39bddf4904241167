"""Ends processes that were started here."""

import asyncio

__all__ = ["end"]


async def end(process: asyncio.subprocess.Process, grace_s: float) -> None:
    """Ask a process to end, and make it end if it has not after ``grace_s`` seconds."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), grace_s)
    except TimeoutError:
        process.kill()
        await process.wait()
