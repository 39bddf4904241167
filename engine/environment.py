"""Prepares the engine's environment: `.venv-engine/bin/python -m engine.environment`.

Writes a `.pth` file into the running interpreter's site-packages. It puts the project on the import
path (Rasa finds the components named in config.yml) and activates the stand-in for TensorFlow, so
that the stock `rasa` command works as well.
"""

import sys
import sysconfig
from pathlib import Path

_PROJECT = Path(__file__).resolve().parent.parent
_NAME = "zusage_engine.pth"


def write_pth(site_packages: Path) -> Path:
    """Write the file and return where it is. Raises OSError where it cannot be written."""
    target = site_packages / _NAME
    target.write_text(
        f"{_PROJECT}\nimport engine.tensorflow_stub; engine.tensorflow_stub.install()\n", encoding="utf-8"
    )
    return target


if __name__ == "__main__":
    if sys.prefix == sys.base_prefix:
        sys.exit("Run this with the engine's own interpreter: .venv-engine/bin/python -m engine.environment")
    print(f"engine environment prepared: {write_pth(Path(sysconfig.get_path('purelib')))}")
