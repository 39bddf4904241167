"""The web chat under load: a thousand open sockets and fifty messages a second for two minutes, on one service process.

``python -m bench.web_load [seconds]``. Service, real engine and load generator are processes of their own. Every
message must be acknowledged and answered; at the end every chat is read again from its beginning and compared.
"""

import asyncio
import itertools
import json
import os
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.engine import PYTHON as ENGINE_PYTHON
from bench.engine import ROOT, resident_mb
from tests.engine_double import free_port

SOCKETS = 1_000
PER_S = 50
SECONDS = 120
OPENING_AT_ONCE = 20
# Answers queue at this pace, and those of one conversation come one after another.
SETTLED_WITHIN_S = 180
READY_WITHIN_S = 60
WORDS = (
    "Welche Versandarten gibt es?",
    "Wie lange dauert die Lieferung?",
    "Kann ich mit PayPal zahlen?",
    "Was kostet der Versand?",
    "Wie funktioniert eine Rücksendung?",
    "How much is shipping?",
    "Wo ist meine Bestellung?",
    "Can I pay by invoice?",
)

Row = tuple[str, str, str]


# -- the generator: ``python -m bench.web_load chats URL SOCKETS PER_S SECONDS``


@dataclass
class Chat:
    """One open tab and what it knows of its messages."""

    socket: ClientConnection
    visitor: str = ""
    sent: dict[str, float] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    unanswered: list[tuple[int, float]] = field(default_factory=list)
    answers: int = 0
    refused: int = 0
    ended: bool = False


@dataclass
class Heard:
    """What the generator reports. Times in seconds."""

    sent: int = 0
    opened_s: float = 0.0
    late_ticks_s: float = 0.0
    acknowledged: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    refused: int = 0
    closed: int = 0
    lost: int = 0
    twice: int = 0
    disordered: int = 0
    without_answer: int = 0


async def generate(url: str, sockets: int, per_s: float, seconds: float) -> Heard:
    """Open the chats, talk in them at a steady pace whatever comes back, then read all of them again."""
    heard = Heard()
    address = url.replace("http", "ws", 1) + "/chat"
    gate = asyncio.Semaphore(OPENING_AT_ONCE)

    async def open_chat() -> Chat:
        async with gate:
            socket = await connect(address, origin=url, max_size=None, proxy=None, compression=None)  # type: ignore[arg-type]
            chat = Chat(socket)
            await socket.send(json.dumps({"type": "hello", "language": "de"}))
            chat.visitor = json.loads(await socket.recv())["visitor"]
            return chat

    started = time.perf_counter()
    chats = await asyncio.gather(*(open_chat() for _ in range(sockets)))
    heard.opened_s = time.perf_counter() - started
    readers = [asyncio.create_task(_listen(chat, heard)) for chat in chats]
    await _talk(chats, heard, per_s, seconds)
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLED_WITHIN_S):
            while any(chat.sent and chat.answers <= len(chat.sent) for chat in chats if not chat.ended):
                await asyncio.sleep(0.1)
    heard.closed = sum(chat.ended for chat in chats)
    heard.refused = sum(chat.refused for chat in chats)
    for chat in chats:
        await chat.socket.close()
    await asyncio.gather(*readers)
    for chat in chats:
        await _compare(address, url, chat, heard)
    return heard


async def _talk(chats: list[Chat], heard: Heard, per_s: float, seconds: float) -> None:
    order = itertools.cycle(random.sample(chats, len(chats)))
    words = itertools.cycle(WORDS)
    started = time.perf_counter()
    for number in range(int(per_s * seconds)):
        due = started + number / per_s
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        heard.late_ticks_s = max(heard.late_ticks_s, time.perf_counter() - due)
        chat = next(order)
        if chat.ended:
            continue
        message_id = secrets.token_hex(8)
        chat.sent[message_id] = time.perf_counter()
        heard.sent += 1
        with suppress(ConnectionClosed):
            await chat.socket.send(json.dumps({"type": "message", "id": message_id, "text": next(words)}))


async def _listen(chat: Chat, heard: Heard) -> None:
    with suppress(ConnectionClosed):
        async for raw in chat.socket:
            frame = json.loads(raw)
            now = time.perf_counter()
            if frame["type"] == "received":
                chat.numbers[frame["id"]] = frame["number"]
                chat.unanswered.append((frame["number"], chat.sent[frame["id"]]))
                heard.acknowledged.append(now - chat.sent[frame["id"]])
            elif frame["type"] == "refused":
                chat.refused += 1
            elif frame["type"] == "messages":
                chat.answers += _answers(frame["messages"])
                last = max((m["number"] for m in frame["messages"] if m["author"] == "bot"), default=0)
                heard.answered += [now - at for number, at in chat.unanswered if number < last]
                chat.unanswered = [(number, at) for number, at in chat.unanswered if number > last]
    chat.ended = chat.socket.close_code != 1000


def _answers(messages: list[dict[str, Any]]) -> int:
    """Count the bot's messages; the first of all only says that a bot answers."""
    return sum(message["author"] == "bot" for message in messages)


async def _compare(address: str, url: str, chat: Chat, heard: Heard) -> None:
    """Read a chat from its beginning as a returning browser does: every message once, in order, and answered."""
    messages: list[dict[str, Any]] = []
    upto = max(chat.numbers.values(), default=0)
    async with connect(address, origin=url, max_size=None, proxy=None) as socket:  # type: ignore[arg-type]
        await socket.send(json.dumps({"type": "hello", "visitor": chat.visitor}))
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                while upto and (not messages or messages[-1]["number"] < upto):
                    frame = json.loads(await socket.recv())
                    messages += frame["messages"] if frame["type"] == "messages" else []
    own = [message["id"] for message in messages if message["author"] == "customer"]
    heard.lost += len(set(chat.sent) - set(own))
    heard.twice += len(own) - len(set(own))
    heard.disordered += [i for i in chat.sent if i in own] != own
    heard.without_answer += max(0, len(chat.sent) + bool(chat.sent) - _answers(messages))


# -- the measurement


async def measure(seconds: float = SECONDS) -> AsyncIterator[Row]:
    """Start an engine and a service on ports of their own, let the generator loose, and read what they used."""
    with tempfile.TemporaryDirectory() as folder, _running(Path(folder)) as (url, service, engine):
        await _until_ready(url, service)
        used = [_cpu_s(service.pid), _cpu_s(engine.pid)]
        started = time.perf_counter()
        command = [sys.executable, "-m", "bench.web_load", "chats", url, str(SOCKETS), str(PER_S), str(seconds)]
        generator = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        output, _ = await generator.communicate()
        took_s = time.perf_counter() - started
        if generator.returncode != 0:
            raise RuntimeError(f"the load generator ended with code {generator.returncode}")
        heard = Heard(**json.loads(output))
        what = f"web chat, {SOCKETS:,} sockets, {heard.sent:,} messages at {PER_S}/s, real engine, SQLite"
        shares = [
            f"{name} {(_cpu_s(process.pid) - before) / took_s:.0%}"
            for name, process, before in (("service", service, used[0]), ("engine", engine, used[1]))
        ]
        yield f"{what}: all sockets open after", f"{heard.opened_s:.1f} s", ""
        ack, answer = _percentiles(heard.acknowledged), _percentiles(heard.answered)
        yield "  acknowledged: p50, p99, longest", ack, "p99 ≤ 250 ms"
        yield "  answered: p50, p99, longest", answer, ""
        lost = heard.lost + heard.twice + heard.disordered + heard.without_answer + heard.closed + heard.refused
        told = (
            f"{heard.lost} lost, {heard.twice} twice, {heard.disordered} chats out of order, "
            f"{heard.without_answer} unanswered, {heard.refused} refused, {heard.closed} sockets closed"
        )
        yield "  messages", "all stored once, in order, answered" if not lost else told, "no loss"
        yield "  service: resident memory, most", f"{_most_mb(service.pid):.0f} MB", "≤ 400 MB"
        yield "  of one core", ", ".join(shares), ""
        yield "  generator: latest start of a message", f"{heard.late_ticks_s * 1000:.0f} ms", ""


@contextmanager
def _running(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]", "subprocess.Popen[bytes]"]]:
    port, engine_port, token = free_port(), free_port(), secrets.token_hex(8)
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "ZUSAGE_DATA_DIR": str(folder),
        "ZUSAGE_DATABASE_URL": os.environ.get("BENCH_DATABASE_URL", ""),
        "ZUSAGE_PORT": str(port),
        "ZUSAGE_ENGINE_URL": f"http://127.0.0.1:{engine_port}",
        "ZUSAGE_ENGINE_TOKEN": token,
        "ZUSAGE_SERVICE_URL": url,
        "ZUSAGE_LOG_LEVEL": "warning",
        # All the load comes from one address here.
        "ZUSAGE_CHAT_CONNECTIONS_PER_ADDRESS": "100000",
        "ZUSAGE_CHAT_NEW_VISITORS_PER_MINUTE": "1000000",
        "ZUSAGE_CHAT_MESSAGES_PER_MINUTE_PER_ADDRESS": "1000000",
    }
    service_command = [str(Path(sys.executable).parent / "zusage"), "up", "--no-engine"]
    engine_command = [str(ENGINE_PYTHON), "-m", "engine", "--model", "models", "--port", str(engine_port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    engine = subprocess.Popen(engine_command, cwd=ROOT, env=environment, **quiet)  # type: ignore[call-overload]
    log = (folder / "service.log").open("wb")
    service = subprocess.Popen(service_command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        yield url, service, engine
    finally:
        for process in (service, engine):
            process.terminate()
            process.wait()
        log.close()
        if "BENCH_LOG" in os.environ:
            Path(os.environ["BENCH_LOG"]).write_bytes((folder / "service.log").read_bytes())


async def _until_ready(url: str, service: "subprocess.Popen[bytes]") -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client, asyncio.timeout(READY_WITHIN_S):
        while service.poll() is None:
            with suppress(httpx.HTTPError):
                if (await client.get("/readyz")).status_code == httpx.codes.OK:
                    return
            await asyncio.sleep(0.1)
    raise RuntimeError(f"the service ended with code {service.returncode}")


def _percentiles(seconds: list[float]) -> str:
    if len(seconds) < 100:
        return f"only {len(seconds)}"
    cuts = statistics.quantiles(seconds, n=100)
    return ", ".join(f"{value * 1000:.0f} ms" for value in (cuts[49], cuts[98], max(seconds)))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _most_mb(pid: int) -> float:
    """Return the most memory that a process had resident so far, in MB (10^6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024 / 1e6
    return resident_mb(pid)


async def _print(seconds: float) -> None:
    async for what, measured, wanted in measure(seconds):
        print(f"{what:60} {measured:42} {wanted}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["chats"]:
        url, sockets, per_s, seconds = sys.argv[2:]
        print(json.dumps(asdict(asyncio.run(generate(url, int(sockets), float(per_s), float(seconds))))))
    else:
        asyncio.run(_print(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
