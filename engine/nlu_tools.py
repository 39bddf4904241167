"""Measures understanding: `zusage nlu evaluate FILE.csv` and `zusage nlu benchmark --train A.csv --test B.csv`."""

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from engine import tensorflow_stub

PROJECT = Path(__file__).resolve().parent.parent
_TEXT_COLUMNS, _LABEL_COLUMNS = ("text", "sentence"), ("intent", "label")


class UnusableFile(Exception):
    """A file of labelled messages has not the columns it needs; the message names file and columns."""


def read_labelled(path: Path) -> List[Dict[str, str]]:
    """Rows of a CSV file with `text` and `intent` (also called sentence and label), and maybe `emotion`.

    Raises:
        UnusableFile: It cannot be read, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableFile(f"{path}: {error}") from error
    columns = list(rows[0]) if rows else []
    text = next((name for name in _TEXT_COLUMNS if name in columns), None)
    label = next((name for name in _LABEL_COLUMNS if name in columns), None)
    if not text or not label:
        raise UnusableFile(f"{path}: needs the columns text and intent (or sentence and label), has {columns}")
    return [
        {"text": row[text] or "", "intent": row[label] or "", "emotion": (row.get("emotion") or "").strip()}
        for row in rows
    ]


def _predictions(classifier: Any, rows: List[Dict[str, str]], out_of_scope: str) -> List[Any]:
    from engine.evaluation import REJECTED, Prediction
    from engine.nlu.classifier import FALLBACK

    predictions = []
    for row in rows:
        ranking = classifier.rank(row["text"])
        decided = classifier.decide(ranking)
        predictions.append(
            Prediction(
                meant=REJECTED if row["intent"] == out_of_scope else row["intent"],
                likeliest=ranking[0][0],
                confidence=min(1.0, ranking[0][1]),
                decided=REJECTED if decided in (FALLBACK, REJECTED) else decided,
            )
        )
    return predictions


def evaluate(file: Path, models: Path) -> Dict[str, Any]:
    """Figures of the trained assistant on a file of labelled messages.

    Raises:
        UnusableFile: The file is not usable.
        engine.turn.ModelMissing: There is no trained assistant.
    """
    from rasa.utils.endpoints import EndpointConfig

    from engine.evaluation import macro_f1, report
    from engine.nlu.classifier import LinearIntentClassifier
    from engine.nlu.emotion import EmotionClassifier
    from engine.turn import Assistant

    rows = read_labelled(file)
    assistant = Assistant(models, EndpointConfig(url="unused"))
    predictions = _predictions(assistant.component(LinearIntentClassifier), rows, "out_of_scope")
    figures = report(predictions)
    felt = [row for row in rows if row["emotion"]]
    if felt:
        emotions = assistant.component(EmotionClassifier)
        said = [(emotions.read(row["text"]) or {"label": "neutral"})["label"] for row in felt]
        figures["emotion_macro_f1"] = macro_f1([row["emotion"] for row in felt], said)
    else:
        figures["emotion_macro_f1"] = None
    return figures


def benchmark(train: Path, test: Path, out_of_scope: Optional[str]) -> Dict[str, Any]:
    """Figures of our intent classifier, trained from nothing on one file and measured on another.

    Raises:
        UnusableFile: A file is not usable.
    """
    from engine.evaluation import report
    from engine.nlu.classifier import OUT_OF_SCOPE, LinearIntentClassifier
    from engine.nlu.linear import LinearTextModel

    config = LinearIntentClassifier.get_default_config()
    classifier = LinearIntentClassifier(config, None, None)  # type: ignore[arg-type]
    seen = read_labelled(train)
    label = out_of_scope or OUT_OF_SCOPE
    classifier.use(
        LinearTextModel.fitted(
            [row["text"] for row in seen],
            [OUT_OF_SCOPE if row["intent"] == label else row["intent"] for row in seen],
            cost=config["cost"],
            max_features=config["max_features"],
        )
    )
    predictions = _predictions(classifier, read_labelled(test), label)
    return {**report(predictions), "emotion_macro_f1": None}


def main() -> None:
    """Print the figures, as a table or as JSON."""
    parser = argparse.ArgumentParser(prog="zusage nlu", description="Measure understanding.")
    commands = parser.add_subparsers(dest="command", required=True)
    measured = commands.add_parser("evaluate", help="the trained assistant on labelled messages")
    measured.add_argument("file", type=Path, help="CSV with the columns text, intent, and maybe emotion")
    measured.add_argument("--model", type=Path, default=PROJECT / "models")
    compared = commands.add_parser("benchmark", help="our pipeline, trained and tested on any labelled set")
    compared.add_argument("--train", type=Path, required=True)
    compared.add_argument("--test", type=Path, required=True)
    compared.add_argument("--oos-label", help="the label of messages out of scope")
    for command in (measured, compared):
        command.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    tensorflow_stub.install()
    from engine import logs
    from engine.evaluation import table
    from engine.turn import ModelMissing

    logs.configure()
    try:
        figures = (
            evaluate(arguments.file, arguments.model)
            if arguments.command == "evaluate"
            else benchmark(arguments.train, arguments.test, arguments.oos_label)
        )
    except (UnusableFile, ModelMissing) as error:
        sys.exit(f"zusage nlu: {error}")
    print(json.dumps(figures, ensure_ascii=False, indent=1) if arguments.json else "\n".join(table(figures)))


if __name__ == "__main__":
    main()
