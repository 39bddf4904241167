"""Days and order numbers in messages written without looking at the rules: at least 97 % are found."""

import json
from pathlib import Path
from typing import Any

import pytest
from rasa.shared.nlu.training_data.message import Message

from engine.nlu.entities import ShopEntityExtractor

FOLDER = Path(__file__).resolve().parents[2] / "nlu"
AT_LEAST = 0.97


def plain(kind: str, value: Any) -> str:
    """As it is compared: with or without its hyphen an order number is the same."""
    text = json.dumps(value, sort_keys=True)
    return "".join(filter(str.isalnum, text)).upper() if kind == "order_number" else text


def meant(row: "dict[str, Any]", kind: str) -> "list[str]":
    values = [plain(kind, one["value"]) for one in row["entities"] if one["type"] == kind]
    if kind == "date":  # "tomorrow from 2 to 4": the sets have the day within the window
        windows = [one["value"] for one in row["entities"] if one["type"] == "time_window"]
        moments = [str(one.get("from") or one.get("to")) for one in windows]
        values += [json.dumps(moment[:10]) for moment in moments if "T" in moment]
    return values


@pytest.mark.parametrize("kind", ["date", "order_number"])
@pytest.mark.parametrize("language", ["de", "en"])
def test_what_is_meant_is_found(language: str, kind: str) -> None:
    extractor = ShopEntityExtractor.create(ShopEntityExtractor.get_default_config(), None, None, None)  # type: ignore[arg-type]
    found = missed = invented = 0
    lines = (FOLDER / f"entities.{language}.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) >= 150
    for line in lines:
        row = json.loads(line)
        context = {"now": row["now"], "timezone": "Europe/Berlin"}
        message = Message({"text": row["text"], "metadata": context, "language": language})
        said = [plain(kind, value) for entity, value, _, _ in extractor.find(message) if entity == kind]
        wanted = meant(row, kind)
        found += sum(value in said for value in wanted)
        missed += sum(value not in said for value in wanted)
        invented += sum(value not in wanted for value in said)
    assert found / (found + missed) >= AT_LEAST
    assert found / (found + invented) >= AT_LEAST
