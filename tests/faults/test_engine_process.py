"""The engine that ``zusage up`` starts must not outlive it: it would hold the port."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.telegram_double.world import until

SERVICE = """
import asyncio
from pathlib import Path
from bot.engine_process import EngineProcess
from bot.settings import Settings

async def run():
    await EngineProcess(Settings(data_dir=Path("data")), Path("."), 1).start()
    await asyncio.Event().wait()

asyncio.run(run())
"""
# In place of the engine: says who it is, then stays.
ENGINE = "#!/bin/sh\necho $$ > began\nmv began engine.pid\nexec sleep 600\n"


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone ends a child with its parent")
async def test_a_killed_service_takes_its_engine_with_it(tmp_path: Path) -> None:
    python = tmp_path / ".venv-engine/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(ENGINE, encoding="utf-8")
    python.chmod(0o755)
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    service = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVICE, cwd=tmp_path, env=environment)
    told = tmp_path / "engine.pid"
    await until(told.exists)
    engine = int(told.read_text(encoding="utf-8"))
    assert runs(engine)
    service.send_signal(signal.SIGKILL)
    await service.wait()
    await until(lambda: not runs(engine))
