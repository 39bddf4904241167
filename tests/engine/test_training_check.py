"""The training examples: no text has two intents, and what sits among another intent's examples is found."""

from pathlib import Path

import pytest

from engine.evaluation import Prediction
from engine.plots import draw
from engine.training_check import duplicates, misplaced

PROJECT = Path(__file__).resolve().parents[2]


def write(folder: Path, **intents: "list[str]") -> Path:
    blocks = "".join(
        f"- intent: {intent}\n  examples: |\n" + "".join(f"    - {text}\n" for text in texts)
        for intent, texts in intents.items()
    )
    (folder / "shop.en.yml").write_text(f'version: "3.1"\nnlu:\n{blocks}', encoding="utf-8")
    return folder


@pytest.mark.parametrize("folder", ["data/nlu", "engine/nlu/background_examples"])
def test_no_example_has_two_intents(folder: str) -> None:
    assert list((PROJECT / folder).glob("*.yml"))
    assert duplicates(PROJECT / folder) == []


def test_the_same_text_with_two_intents_is_found(tmp_path: Path) -> None:
    folder = write(tmp_path, get_invoice=["Invoice please!", "bill"], order_details=["invoice  please", "what is it"])
    assert duplicates(folder) == [("Invoice please!", ["get_invoice", "order_details"])]


def test_an_example_among_those_of_another_intent_is_found(tmp_path: Path) -> None:
    track = [f"where is my parcel {word}" for word in ("now", "today", "please", "exactly", "then")]
    folder = write(
        tmp_path, track_order=track, get_invoice=["where is my parcel right now", "invoice", "send the bill"]
    )
    found = misplaced(folder)
    assert [(one.text, one.intent, one.neighbour) for one in found] == [
        ("where is my parcel right now", "get_invoice", "track_order")
    ]


@pytest.mark.parametrize("labels", [["a", "b"], ["a"]])
def test_pictures_are_drawn(tmp_path: Path, labels: "list[str]") -> None:
    predictions = [Prediction(label, "a", 0.7, "a", 0.8) for label in labels * 5]
    paths = draw(predictions, tmp_path / "plots")
    assert [path.name for path in paths] == ["confusion.png", "reliability.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
