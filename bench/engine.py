"""The engine alone: time to start and to train, memory, time of a turn early and late in a conversation."""

import asyncio
import os
import secrets
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv-engine" / "bin" / "python"
PORT = int(os.environ.get("BENCH_ENGINE_PORT", "5991"))
PLAIN = ("Welche Versandarten gibt es?", "Wie lange dauert die Lieferung?", "Kann ich mit PayPal zahlen?", "Danke")
REPEATS = 40

Row = tuple[str, str, str]


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process, in MB (10^6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024 / 1e6
    raise LookupError(pid)


def request(text: str, tracker: dict[str, Any] | None) -> dict[str, Any]:
    """Return a turn request of the contract."""
    return {
        "conversation_id": "bench",
        "turn_id": secrets.token_hex(6),
        "message": {"text": text},
        "tracker": tracker,
        "context": {
            "now": "2026-11-21T10:00:00+01:00",
            "timezone": "Europe/Berlin",
            "channel": "web",
            "language": "de",
            "default_language": "de",
        },
    }


async def measure() -> AsyncIterator[Row]:
    """Start an engine on a port of its own, with a shop answering beside it, and time it."""
    from bench.shop import serve_shop

    token = secrets.token_hex(8)
    async with serve_shop(token) as shop_url:
        environment = {**os.environ, "ZUSAGE_ENGINE_TOKEN": token, "ZUSAGE_SERVICE_URL": shop_url}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [str(PYTHON), "-m", "engine", "--model", "models", "--port", str(PORT)]
        ready: list[float] = []
        for attempt in range(2):  # the first start may still compile bytecode
            started = time.perf_counter()
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", trust_env=False) as client:
                try:
                    await _until_ready(client, process)
                    ready.append(time.perf_counter() - started)
                    if attempt == 1:
                        yield "engine: start until ready", f"{ready[-1]:.1f} s", "≤ 10 s"
                        client.headers["Authorization"] = f"Bearer {token}"
                        async for row in _turns(client):
                            yield row
                        yield "engine: resident memory", f"{resident_mb(process.pid):.0f} MB", "≤ 260 MB"
                finally:
                    process.terminate()
                    process.wait()
    for name, command in (
        ("python -m engine.train", [str(PYTHON), "-m", "engine.train"]),
        ("rasa train", [str(PYTHON.parent / "rasa"), "train"]),
    ):
        with tempfile.TemporaryDirectory() as folder:
            option = "--out" if name == "rasa train" else "--output"
            started = time.perf_counter()
            done = subprocess.run(
                [*command, option, folder], cwd=ROOT, capture_output=True, env=os.environ, check=False
            )
            seconds = time.perf_counter() - started
            yield f"{name}, from nothing", f"{seconds:.0f} s" if done.returncode == 0 else "failed", "≤ 120 s"


async def _until_ready(client: httpx.AsyncClient, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            if (await client.get("/healthz")).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            await asyncio.sleep(0.05)
    raise RuntimeError(f"the engine ended with code {process.returncode}")


async def _turns(client: httpx.AsyncClient) -> AsyncIterator[Row]:
    """Time plain answers at message 2 and at message 100 of a conversation, alternating between the two."""
    tracker: dict[str, Any] | None = None
    early: dict[str, Any] | None = None
    for number in range(99):
        tracker = (await _turn(client, PLAIN[number % len(PLAIN)], tracker))[1]
        early = early or tracker
    times: dict[str, list[float]] = {"2": [], "100": []}
    for repeat in range(REPEATS):
        for name, state in (("2", early), ("100", tracker)):
            times[name].append((await _turn(client, PLAIN[repeat % len(PLAIN)], state))[0])
    second, hundredth = (statistics.median(times[name]) * 1000 for name in ("2", "100"))
    yield "engine: /turn at message 2, p50", f"{second:.1f} ms", "≤ 12 ms"
    yield "engine: /turn at message 100, p50", f"{hundredth:.1f} ms ({hundredth / second:.2f} x)", "≤ 1.3 x"
    started = time.perf_counter()
    for repeat in range(REPEATS):
        await client.post("/parse", json={"text": PLAIN[repeat % len(PLAIN)], "language": None})
    yield "engine: /parse, mean over HTTP", f"{(time.perf_counter() - started) / REPEATS * 1000:.1f} ms", ""


async def _turn(client: httpx.AsyncClient, text: str, tracker: dict[str, Any] | None) -> tuple[float, dict[str, Any]]:
    started = time.perf_counter()
    response = await client.post("/turn", json=request(text, tracker), timeout=20)
    seconds = time.perf_counter() - started
    response.raise_for_status()
    return seconds, response.json()["tracker"]
