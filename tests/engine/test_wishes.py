"""When one message has two wishes, and when it is a story that leads up to one."""

from typing import Any

import pytest

from engine.wishes import two_wishes

WORDS = {
    "stornieren": "cancel_order",
    "cancel": "cancel_order",
    "rechnung": "get_invoice",
    "invoice": "get_invoice",
    "geld zurück": "refund_request",
    "zurückschicken": "return_item",
    "kaputt": "damaged_item",
    "versand": "delivery_costs",
    "shipping": "delivery_costs",
    "danke": "thank",
}


def understand(text: str) -> dict[str, Any]:
    """Reads by a single word; a text with two of them is unclear, as it is for the real classifier."""
    found = {intent for word, intent in WORDS.items() if word in text.lower()}
    name, confidence = (found.pop(), 0.9) if len(found) == 1 else ("nlu_fallback", 0.3)
    return {"text": text, "intent": {"name": name, "confidence": confidence}, "entities": []}


def wishes(text: str) -> "list[str]":
    found = two_wishes(text, understand)
    return [part["intent"]["name"] for part in found] if found else []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ich will stornieren und ich brauche eine Rechnung", ["cancel_order", "get_invoice"]),
        ("please cancel it. what does shipping cost?", ["cancel_order", "delivery_costs"]),
        ("Rechnung bitte nochmal, und was kostet der Versand", ["get_invoice", "delivery_costs"]),
        ("I need an invoice and also cancel the other one", ["get_invoice", "cancel_order"]),
    ],
)
def test_two_wishes_are_found_in_their_order(text: str, expected: "list[str]") -> None:
    assert wishes(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Ich will stornieren",
        "Die Tasse kam kaputt an, ich will mein Geld zurück",  # one matter
        "Ich brauche die Rechnung, vielen lieben Danke dafür",  # thanks are no wish
        "Die Rechnung habe ich verlegt, schicken Sie mir die Rechnung bitte nochmal",  # the same wish twice
        "Ich will das stornieren, Rechnung LM-104582",  # a number belongs to what was said before
        "Ich möchte die Tasse zurückschicken, das Geld bitte als Gutschein zum Versand",  # where the money goes
        "Please let me cancel my order, and put the money on a gift card with shipping",
        "stornieren und Rechnung",  # words, no sentences
        "Mein Nachbar hat gesagt, dass das geht, und dann habe ich bestellt",  # a story without a clear part
    ],
)
def test_a_message_with_one_wish_stays_whole(text: str) -> None:
    assert wishes(text) == []


def test_each_part_keeps_its_own_words() -> None:
    first, second = two_wishes("Bitte die LM-1 stornieren und dann noch die Rechnung bitte zu LM-2", understand) or (
        {},
        {},
    )
    assert first["text"] == "Bitte die LM-1 stornieren"
    assert second["text"] == "die Rechnung bitte zu LM-2"
