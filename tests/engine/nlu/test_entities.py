"""Values in messages, as the component finds them."""

from pathlib import Path
from typing import Any

import pytest
from rasa.shared.nlu.training_data.message import Message

from engine.nlu.catalogue import Catalogue
from engine.nlu.entities import ShopEntityExtractor

SHOP = ShopEntityExtractor(ShopEntityExtractor.get_default_config()["order_numbers"], Catalogue(None))


def entities(text: str, language: str = "de", expected: str | None = None) -> list[tuple[str, Any]]:
    metadata = {"now": "2026-11-18T12:00:00+01:00", "timezone": "Europe/Berlin", "expected": expected}
    message = Message({"text": text, "language": language, "metadata": metadata})
    found = SHOP.find(message)
    for _, _, start, end in found:
        assert 0 <= start < end <= len(text)
    return [(kind, value) for kind, value, _, _ in found]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("LM-104217", "LM-104217"),
        ("lm104217", "LM104217"),
        ("Bestellung LM-104217 bitte", "LM-104217"),
        ("where is my parcel ZU-10234?", "ZU-10234"),
        ("order A-2024-5531", "A-2024-5531"),
        ("meine Bestellnummer ist 10234", "10234"),
        ("bestellnr. 48213", "48213"),
        ("order number: 10234", "10234"),
        ("auftrag nr 4821", "4821"),
        ("order #10234", "10234"),
        ("#48213", "48213"),
        ("nummer 48213", "48213"),
        ("104217", "104217"),
        ("it's 104217, thanks", "104217"),
    ],
)
def test_order_numbers(text: str, number: str) -> None:
    assert entities(text) == [("order_number", number)]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("lm 104882", "LM-104882"),
        ("LM 104882", "LM-104882"),
        ("Lm 104882 bitte stornieren", "LM-104882"),
        ("wo ist lm 104882?", "LM-104882"),
        ("my parcel lm 104882 is late", "LM-104882"),
        ("bestellung lm 10488", "LM-10488"),
        ("Bestellung AB 104882, wo ist sie?", "AB-104882"),
    ],
)
def test_a_blank_between_letters_and_digits_is_no_harm(text: str, number: str) -> None:
    assert ("order_number", number) in entities(text)
    assert [kind for kind, _ in entities(text)].count("order_number") == 1


@pytest.mark.parametrize(
    "text",
    [
        "ich wohne in 20257 Hamburg",
        "plz 20257",
        "PLZ 20257",
        "HH 20257 Hamburg",
        "ab 2026 gibt es das",
        "am 20112026",
        "um 1830",
        "das kostet eur 1049",
        "ca. gr 1049",
        "von 2024 bis 2026",
        "the 2026 model",
        "tel 04012345",
        "st 12345",
        "wg 2026",
        "MEINE POSTLEITZAHL IST 20257",
        "vs 12345",
    ],
)
def test_words_before_numbers_make_no_order_number(text: str) -> None:
    assert not [value for kind, value in entities(text) if kind == "order_number" and not value.isdigit()]
    assert "order_number" not in [kind for kind, value in entities(text) if len(value) < 6]


@pytest.mark.parametrize(
    ("text", "number"),
    [("ist 104882", "104882"), ("the 104882", "104882"), ("nr 104882", "104882"), ("ID 104882", "104882")],
)
def test_a_word_before_an_order_number_is_no_part_of_it(text: str, number: str) -> None:
    assert entities(text) == [("order_number", number)]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("00340434161094042557", "00340434161094042557"),
        ("Sendungsnummer 003404 ist das nicht, sondern JJD000390007882150623", "JJD000390007882150623"),
        ("1Z 999 AA1 01 2345 6784", "1Z999AA10123456784"),
        ("RR123456789DE", "RR123456789DE"),
        ("H1001234567890123456", "H1001234567890123456"),
        ("0034 0434 1610 9404 2557", "00340434161094042557"),
        ("tracking number is 01505123456789", "01505123456789"),
    ],
)
def test_tracking_numbers(text: str, number: str) -> None:
    assert ("tracking_number", number) in entities(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("anna.meier@example.de", "anna.meier@example.de"),
        ("Meine Mail ist Anna.Meier@Example.DE.", "anna.meier@example.de"),
        ("it's john+shop@mail.example.com, ok?", "john+shop@mail.example.com"),
        ("anna (at) example.de", "anna@example.de"),
        ("anna at example dot com", "anna@example.com"),
        ("müller@example.de", "müller@example.de"),
        ("anna @ example.de", "anna@example.de"),
    ],
)
def test_mail_addresses(text: str, address: str) -> None:
    assert entities(text) == [("email", address)]


@pytest.mark.parametrize(
    ("text", "expected", "code"),
    [
        ("10115", None, "10115"),
        ("01067", None, "01067"),
        ("PLZ 10115", None, "10115"),
        ("plz ist 8001", None, "8001"),
        ("10115 Berlin", None, "10115"),
        ("1010 Wien", None, "1010"),
        ("A-1010", None, "1010"),
        ("CH-8001 Zürich", None, "8001"),
        ("D-80331", None, "80331"),
        ("my zip code is 80331", None, "80331"),
        ("postcode: 80331", None, "80331"),
        ("8001", "postcode", "8001"),
        ("10115", "proof", "10115"),
    ],
)
def test_postcodes(text: str, expected: str | None, code: str) -> None:
    assert entities(text, expected=expected) == [("postcode", code)]


def test_bare_digits_are_what_was_asked_for() -> None:
    assert entities("10115", expected="order_number") == [("order_number", "10115")]
    assert entities("10115", expected="postcode") == [("postcode", "10115")]


@pytest.mark.parametrize(
    "text",
    [
        "0171 2345678",
        "+49 40 1234567",
        "rufen Sie mich an: 040/123456",
        "2026",
        "1200 €",
        "€ 12000",
        "Hauptstraße 1234",
        "DE89 3704 0044 0532 0130 00",
        "seit 1999 Kunde",
        "das kostet 10000 Euro",
    ],
)
def test_digits_that_are_neither(text: str) -> None:
    found = {kind for kind, _ in entities(text)}
    assert not found & {"order_number", "tracking_number", "postcode"}


@pytest.mark.parametrize(
    ("text", "language", "kind", "value"),
    [
        ("mit dhl bitte", "de", "carrier", "dhl"),
        ("Hermes hat es verloren", "de", "carrier", "hermes"),
        ("royal mail lost it", "en", "carrier", "royal_mail"),
        ("an eine Packstation", "de", "delivery_option", "parcel_locker"),
        ("can I pick up in store", "en", "delivery_option", "pickup"),
        ("Expressversand", "de", "delivery_option", "express"),
        ("bei meinen Nachbarn", "de", "delivery_option", "neighbour"),
        ("die Jacke ist mir zu klein", "de", "return_reason", "too_small"),
        ("sie passt nicht", "de", "return_reason", "does_not_fit"),
        ("it doesn't fit me", "en", "return_reason", "does_not_fit"),
        ("es kam kaputt an", "de", "return_reason", "damaged"),
        ("ordered by mistake", "en", "return_reason", "ordered_by_mistake"),
        ("gefällt mir nicht", "de", "return_reason", "dislike"),
        ("in der schwarzen Farbe", "de", "colour", "schwarz"),
        ("the navy one", "en", "colour", "blau"),
        ("in Größe M", "de", "size", "M"),
        ("size 42", "en", "size", "42"),
        ("eine 38 statt", "de", "size", "38"),
        ("in XL bitte", "de", "size", "XL"),
        ("W32/L34", "de", "size", "W32/L34"),
        ("size large", "en", "size", "L"),
        ("zwei Stück", "de", "quantity", 2),
        ("3x", "de", "quantity", 3),
        ("two of them", "en", "quantity", 2),
        ("quantity 4", "en", "quantity", 4),
        ("5 Sterne", "de", "rating", 5),
        ("four stars", "en", "rating", 4),
        ("⭐⭐⭐", "de", "rating", 3),
        ("8/10", "en", "rating", 8),
        ("4 von 5", "de", "rating", 4),
        ("übermorgen", "de", "date", "2026-11-20"),
        ("zwischen 14 und 16 Uhr", "de", "time_window", {"from": "14:00", "to": "16:00"}),
    ],
)
def test_named_values(text: str, language: str, kind: str, value: Any) -> None:
    assert (kind, value) in entities(text, language)


def test_several_values_in_their_order() -> None:
    assert entities("LM-104217, anna@example.de, 10115, bitte am 24.11. zwischen 14 und 16 Uhr") == [
        ("order_number", "LM-104217"),
        ("email", "anna@example.de"),
        ("postcode", "10115"),
        ("date", "2026-11-24"),
        ("time_window", {"from": "14:00", "to": "16:00"}),
    ]


def test_products_come_from_the_shop_s_list_also_misspelt(tmp_path: Path) -> None:
    names = tmp_path / "products.txt"
    shop = ShopEntityExtractor([], Catalogue(names))

    def products(text: str) -> list[str]:
        found: list[dict[str, Any]] = [
            {"entity": kind, "value": value}
            for kind, value, _, _ in shop.find(Message({"text": text, "language": "de"}))
        ]
        return [one["value"] for one in found if one["entity"] == "product"]

    assert products("die Regenjacke Sylt") == []
    names.write_text("Regenjacke Sylt\nSylt rain jacket\tRegenjacke Sylt\nTroyer Hooge\n", encoding="utf-8")
    assert products("die regenjake sylt ist zu klein") == ["Regenjacke Sylt"]
    assert products("my sylt rain jacket") == ["Regenjacke Sylt"]
    assert products("wo bleibt mein Paket") == []


def test_the_shop_s_own_order_numbers_are_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZUSAGE_ORDER_NUMBERS", r"KD\d{3} 2[0-9]{3}/\d+")
    shop = ShopEntityExtractor.create(ShopEntityExtractor.get_default_config(), None, None, None)  # type: ignore[arg-type]
    found = shop.find(Message({"text": "es geht um 2026/77 und kd123", "language": "de"}))
    assert [(kind, value) for kind, value, _, _ in found if kind == "order_number"] == [
        ("order_number", "2026/77"),
        ("order_number", "KD123"),
    ]
