"""Trains the assistant: `python -m engine.train`. Nothing happens where its sources have not changed.

Runs the training graph that `rasa train` runs, without the fingerprints and the cache of every
intermediate result that Rasa makes on the way; the model is the same kind of archive.
"""

import argparse
import hashlib
import json
import logging
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any, Dict, Iterator, List

PROJECT = Path(__file__).resolve().parent.parent
_MARKER = "trained.json"
_KEPT_MODELS = 2
_RULES = ("dates.py", "numbers.py", "lexicon.py", "catalogue.py")
"""Code under engine/nlu that only reads messages: changing it changes nothing that was learned."""


def sources(config: Path, domain: Path, data: Path) -> List[Path]:
    """The files that a trained assistant depends on, in a fixed order."""

    def below(path: Path, *suffixes: str) -> Iterator[Path]:
        return (p for p in path.rglob("*") if p.suffix in suffixes) if path.is_dir() else iter([path])

    code = [
        *(path for path in below(PROJECT / "engine" / "nlu", ".py") if path.name not in _RULES),
        PROJECT / "engine" / "importer.py",
        PROJECT / "engine" / "train.py",
    ]
    return sorted(
        {
            *below(config, ".yml"),
            *below(domain, ".yml"),
            *below(data, ".yml", ".tsv"),
            *code,
            PROJECT / "engine" / "requirements.txt",
        }
    )


def digest(files: List[Path]) -> str:
    """Hash over names and contents of the files."""
    hashed = hashlib.sha256()
    for file in files:
        name = file.relative_to(PROJECT) if file.is_relative_to(PROJECT) else file
        hashed.update(f"{name}\0".encode() + file.read_bytes() + b"\0")
    return hashed.hexdigest()


def is_current(output: Path, wanted: str) -> bool:
    """Whether `output` holds a model made from sources with this hash."""
    try:
        marker: Dict[str, Any] = json.loads((output / _MARKER).read_text(encoding="utf-8"))
        return marker["sources"] == wanted and (output / marker["model"]).is_file()
    except (OSError, ValueError, KeyError):
        return False


def train(config: Path, domain: Path, data: Path, output: Path) -> Path:
    """Train and return the archive.

    Raises:
        rasa.shared.exceptions.RasaException: Configuration, domain or data are wrong; says where.
    """
    from rasa.engine import validation
    from rasa.engine.constants import PLACEHOLDER_IMPORTER
    from rasa.engine.graph import ExecutionContext
    from rasa.engine.recipes.recipe import Recipe
    from rasa.engine.storage.local_model_storage import LocalModelStorage
    from rasa.model_training import _check_unresolved_slots
    from rasa.shared.data import TrainingType
    from rasa.utils.common import TempDirectoryPath, get_temp_dir_name

    from engine.importer import LanguageAwareImporter
    from engine.runner import OrderedGraphRunner
    from engine.training_progress import ProgressHook

    wanted = digest(sources(config, domain, data))
    # Rasa would wrap the importer into three others, which copy all examples five times.
    importer = LanguageAwareImporter(str(config), str(domain), [str(data)])
    trained_domain = importer.get_domain()
    trained_domain.check_missing_responses()
    _check_unresolved_slots(trained_domain, importer.get_stories())
    recipe = Recipe.recipe_for_name("default.v1")
    model = recipe.graph_config_for_recipe(importer.get_config(), {}, training_type=TrainingType.BOTH)
    validation.validate(model)
    archive = output / f"zusage-{wanted[:12]}.tar.gz"
    output.mkdir(parents=True, exist_ok=True)
    schema = model.train_schema.minimal_graph_schema()
    with TempDirectoryPath(get_temp_dir_name()) as directory:
        storage = LocalModelStorage(Path(directory))
        runner = OrderedGraphRunner.create(
            schema, storage, ExecutionContext(model.train_schema), [ProgressHook(schema)]
        )
        runner.run(inputs={PLACEHOLDER_IMPORTER: importer})
        unfinished = archive.with_suffix(".part")
        storage.create_model_package(unfinished, model, trained_domain)
    os.replace(unfinished, archive)
    (output / _MARKER).write_text(json.dumps({"sources": wanted, "model": archive.name}), encoding="utf-8")
    for old in sorted(output.glob("zusage-*.tar.gz"), key=lambda path: path.stat().st_mtime)[:-_KEPT_MODELS]:
        old.unlink()
    return archive


def main() -> None:
    """Train where needed, with a line for each step."""
    parser = argparse.ArgumentParser(prog="python -m engine.train", description=__doc__)
    parser.add_argument("--config", type=Path, default=PROJECT / "config.yml")
    parser.add_argument("--domain", type=Path, default=PROJECT / "domain.yml")
    parser.add_argument("--data", type=Path, default=PROJECT / "data")
    parser.add_argument("--output", type=Path, default=PROJECT / "models")
    parser.add_argument("--force", action="store_true", help="train although nothing has changed")
    arguments = parser.parse_args()
    paths = (arguments.config, arguments.domain, arguments.data)
    if not arguments.force and is_current(arguments.output, digest(sources(*paths))):
        print("The assistant is up to date.")
        return
    warnings.filterwarnings("ignore")
    from engine import logs

    os.environ["LOG_LEVEL"] = "ERROR"  # read by Rasa for its progress bars
    logs.configure(logging.ERROR)
    from rasa.shared.exceptions import RasaException

    started = time.monotonic()
    print("Training the assistant:", flush=True)
    try:
        archive = train(*paths, arguments.output)
    except RasaException as error:
        sys.exit(f"Training failed: {error}")
    print(f"Trained in {time.monotonic() - started:.0f} s: {archive} ({archive.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
