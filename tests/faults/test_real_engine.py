"""The product as it is started by people: the engine is killed while it works on a message, and nothing is lost."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.engine_double import free_port

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 90


class Product:
    """``zusage up --demo`` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.port, self.engine_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = f"sqlite:///{folder / 'zusage.db'}"
        environment = {
            **os.environ,
            "ZUSAGE_DATA_DIR": str(folder),
            "ZUSAGE_DATABASE_URL": self.database,
            "ZUSAGE_PORT": str(self.port),
            "ZUSAGE_ENGINE_URL": f"http://127.0.0.1:{self.engine_port}",
        }
        command = [str(Path(sys.executable).parent / "zusage"), "up", "--demo"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)

    def wait_until_ready(self) -> None:
        for _ in range(READY_WITHIN_S * 5):
            assert self.process.poll() is None, "the product ended by itself"
            try:
                if httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        raise AssertionError("not ready")

    def engine_pid(self) -> int:
        for children in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            for pid in children.read_text().split():
                if b"engine" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return int(pid)
        raise LookupError("no engine")

    def post(self, message: str, message_id: str) -> list[str]:
        body = {"sender": "anna", "message": message, "message_id": message_id}
        response = httpx.post(f"{self.url}/webhooks/rest/webhook", json=body, timeout=60, trust_env=False)
        assert response.status_code == 200, response.text
        return [answer["text"] for answer in response.json()]

    def rows(self, query: str) -> list[tuple]:
        engine = create_engine(self.database)
        with engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(text(query))]
        engine.dispose()
        return found

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    if not list((ROOT / "models").glob("*.tar.gz")):
        pytest.skip("the assistant is not trained: run 'make setup'")
    product = Product(tmp_path)
    try:
        product.wait_until_ready()
        yield product
    finally:
        product.stop()


@pytest.mark.slow
@pytest.mark.engine
def test_an_engine_killed_at_work_is_an_honest_notice_one_answer_and_one_outage(product: Product) -> None:
    assert len(product.post("Hallo", "m1")) >= 2
    victim = product.engine_pid()
    os.kill(victim, signal.SIGSTOP)  # it has taken the message and works on it, as far as anyone can see

    threading.Timer(1.0, os.kill, (victim, signal.SIGKILL)).start()
    (notice,) = product.post("Welche Versandarten gibt es?", "m2")
    assert notice.startswith("Meine Antwort dauert gerade länger")
    answers: list[str] = []
    for _ in range(READY_WITHIN_S * 2):
        answers += product.post("Welche Versandarten gibt es?", "m2")  # the same message: only fetches what waits
        if answers:
            break
        time.sleep(0.5)
    assert any("DHL" in answer for answer in answers)
    assert product.post("Welche Versandarten gibt es?", "m2") == []
    assert product.engine_pid() != victim
    assert product.rows("SELECT part, messages_affected, ended_at IS NOT NULL FROM outages") == [("engine", 1, 1)]
    assert product.rows("SELECT state FROM turns ORDER BY id") == [("done",), ("done",)]
    kinds = [kind for (kind,) in product.rows("SELECT kind FROM signals")]
    assert kinds.count("outage_started") == kinds.count("outage_ended") == 1


@pytest.mark.slow
@pytest.mark.engine
def test_ctrl_c_ends_service_and_engine(product: Product) -> None:
    engine = product.engine_pid()
    product.stop()
    assert product.process.returncode == 0
    assert not Path(f"/proc/{engine}").exists()


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environment = {**os.environ, "ZUSAGE_PORT": port, "ZUSAGE_DATA_DIR": str(tmp_path)}
        command = [str(Path(sys.executable).parent / "zusage"), "up", "--demo"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
