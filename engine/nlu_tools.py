"""Measures understanding: `zusage nlu evaluate FILE.csv` and `zusage nlu benchmark --train A.csv --test B.csv`."""

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

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


def _predictions(
    classifier: Any, rows: List[Dict[str, str]], out_of_scope: str, encode: Optional[Callable[..., Any]] = None
) -> List[Any]:
    from engine.evaluation import REJECTED, Prediction
    from engine.nlu.classifier import FALLBACK

    vectors = encode([row["text"] for row in rows]) if encode else [None] * len(rows)
    predictions = []
    for row, vector in zip(rows, vectors, strict=True):
        reading = classifier.read(row["text"], vector)
        decided = classifier.decide(reading)
        predictions.append(
            Prediction(
                meant=REJECTED if row["intent"] == out_of_scope else row["intent"],
                likeliest=reading.ranking[0][0],
                confidence=min(1.0, reading.ranking[0][1]),
                decided=REJECTED if decided in (FALLBACK, REJECTED) else decided,
                assurance=reading.assurance,
            )
        )
    return predictions


def evaluate(file: Path, models: Path, plots: Optional[Path] = None) -> Dict[str, Any]:
    """Figures of the trained assistant on a file of labelled messages.

    Raises:
        UnusableFile: The file is not usable.
        engine.turn.ModelMissing: There is no trained assistant.
    """
    from rasa.utils.endpoints import EndpointConfig

    from engine.evaluation import macro_f1, report
    from engine.nlu.classifier import LinearIntentClassifier
    from engine.nlu.embeddings import SentenceEmbeddings
    from engine.nlu.emotion import EmotionClassifier
    from engine.turn import Assistant

    rows = read_labelled(file)
    assistant = Assistant(models, EndpointConfig(url="unused"))
    try:
        embeddings = assistant.component(SentenceEmbeddings)
        encode = embeddings.encode if embeddings.is_on else None
    except LookupError:
        encode = None
    predictions = _predictions(assistant.component(LinearIntentClassifier), rows, "out_of_scope", encode)
    figures = report(predictions)
    _draw(predictions, plots)
    felt = [row for row in rows if row["emotion"]]
    if felt:
        emotions = assistant.component(EmotionClassifier)
        said = [(emotions.read(row["text"]) or {"label": "neutral"})["label"] for row in felt]
        figures["emotion_macro_f1"] = macro_f1([row["emotion"] for row in felt], said)
    else:
        figures["emotion_macro_f1"] = None
    return figures


def benchmark(
    train: Path,
    test: Path,
    out_of_scope: Optional[str],
    embeddings: Optional[str] = None,
    plots: Optional[Path] = None,
    *,
    alone: bool = False,
) -> Dict[str, Any]:
    """Figures of our intent classifier, trained from nothing on one file and measured on another.

    As in a shop with intents of its own, our examples (of the assistant, and of other businesses) are background:
    they show how common words are among customers, and what they mean to them.

    Args:
        train: Labelled examples.
        test: Labelled messages.
        out_of_scope: The label of messages out of scope, in either file.
        embeddings: A sentence-transformers model (see engine.nlu.encoder), or None.
        alone: Without that background.

    Raises:
        UnusableFile: A file is not usable.
        engine.nlu.encoder.EmbeddingsUnusable: The model is not.
    """
    from engine.evaluation import report
    from engine.nlu.background import SHIPPED, background_for
    from engine.nlu.classifier import OUT_OF_SCOPE, LinearIntentClassifier
    from engine.nlu.encoder import SentenceEncoder, locate

    encode = SentenceEncoder(locate(embeddings)).encode if embeddings else None
    config = LinearIntentClassifier.get_default_config()
    classifier = LinearIntentClassifier(config, None, None)  # type: ignore[arg-type]
    seen = read_labelled(train)
    label = out_of_scope or OUT_OF_SCOPE
    texts = [row["text"] for row in seen]
    background = [] if alone else background_for(texts, [PROJECT / folder for folder in SHIPPED])
    if background:
        print(f"Learning from {len(background)} examples of other intents first: a minute or more.", file=sys.stderr)
    classifier.fit(
        texts,
        [OUT_OF_SCOPE if row["intent"] == label else row["intent"] for row in seen],
        background=background,
        embeddings=encode(texts) if encode else None,
        encode=encode,
    )
    predictions = _predictions(classifier, read_labelled(test), label, encode)
    _draw(predictions, plots)
    return {**report(predictions), "emotion_macro_f1": None}


def _draw(predictions: List[Any], folder: Optional[Path]) -> None:
    if folder:
        from engine.plots import draw

        print("Pictures: " + ", ".join(map(str, draw(predictions, folder))), file=sys.stderr)


def check(folder: Path, shown: int) -> List[str]:
    """What is wrong with the examples in a folder, as lines for people; empty where nothing is.

    An example with two intents is wrong. One whose nearest neighbours all have another intent may be.
    """
    from engine.training_check import duplicates, misplaced

    lines = [f"twice: {text!r} is {' and '.join(intents)}" for text, intents in duplicates(folder)]
    lines += [
        f"near others: {one.text!r} is {one.intent}, its neighbours are {one.neighbour}, likest {one.likest!r}"
        for one in misplaced(folder)[:shown]
    ]
    return lines


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
    compared.add_argument("--embeddings", metavar="MODEL", help="sentence-transformers model: folder, package, name")
    compared.add_argument("--alone", action="store_true", help="without our own examples as background")
    measured.add_argument("--plots", type=Path, metavar="DIR", help="write pictures of confusions and reliability")
    compared.add_argument("--plots", type=Path, metavar="DIR", help="write pictures of confusions and reliability")
    checked = commands.add_parser("check", help="duplicates and misplaced examples in the training data")
    checked.add_argument("folder", type=Path, nargs="?", default=PROJECT / "data" / "nlu")
    checked.add_argument("--shown", type=int, default=50, help="misplaced examples to print")
    for command in (measured, compared):
        command.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    tensorflow_stub.install()
    from engine import logs

    logs.configure()  # before Rasa is imported, whose libraries warn of themselves then
    from engine.evaluation import table
    from engine.nlu.encoder import EmbeddingsUnusable
    from engine.turn import ModelMissing

    if arguments.command == "check":
        problems = check(arguments.folder, arguments.shown)
        print("\n".join(problems) or "No example has two intents, and none sits among those of another.")
        sys.exit(any(line.startswith("twice") for line in problems))
    try:
        if arguments.command == "evaluate":
            figures = evaluate(arguments.file, arguments.model, arguments.plots)
        else:
            figures = benchmark(
                arguments.train,
                arguments.test,
                arguments.oos_label,
                arguments.embeddings,
                arguments.plots,
                alone=arguments.alone,
            )
    except (UnusableFile, ModelMissing, EmbeddingsUnusable) as error:
        sys.exit(f"zusage nlu: {error}")
    print(json.dumps(figures, ensure_ascii=False, indent=1) if arguments.json else "\n".join(table(figures)))


if __name__ == "__main__":
    main()
