"""The environment is the one that the engine was made for, and a trained assistant is data and nothing else."""

import re
import tarfile
from importlib.metadata import distributions, version
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_rasa_and_its_sdk_are_of_the_versions_that_understand_each_other() -> None:
    # A newer SDK refuses the requests of Rasa 3.6 (it wants to be asked again with the domain; Rasa never does).
    pinned = dict(re.findall(r"^(rasa(?:-sdk)?)==(\S+)$", (ROOT / "engine/requirements.in").read_text(), re.MULTILINE))
    assert pinned == {"rasa": "3.6.21", "rasa-sdk": "3.6.2"}
    assert {name: version(name) for name in pinned} == pinned


def test_tensorflow_and_its_kin_are_not_installed() -> None:
    names = {distribution.metadata["Name"].lower() for distribution in distributions()}
    assert not {name for name in names if name.startswith(("tensorflow", "tensorboard", "keras", "jax"))}


def test_nothing_in_a_trained_assistant_can_run_when_it_is_loaded(model: Path) -> None:
    with tarfile.open(model) as archive:
        kinds = {Path(member.name).suffix for member in archive if member.isfile()}
    assert kinds <= {".json", ".safetensors", ".yml"}
