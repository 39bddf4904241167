"""What short answers mean."""

import pytest

from actions import reading
from actions.changes import address_in

LINES = [
    {
        "id": "1",
        "name": "Regenjacke Sylt",
        "name_en": "Sylt rain jacket",
        "variant": "Marine, M",
        "variant_en": "Navy, M",
    },
    {
        "id": "2",
        "name": "Lederstiefel Deich",
        "name_en": "Deich boots",
        "variant": "Schwarz, 41",
        "variant_en": "Black, 41",
    },
]


@pytest.mark.parametrize("text", ["ja", "Ja, bitte!", "jo passt", "ok", "yes please", "go ahead", "mach das"])
def test_yes(text):
    assert reading.yes_or_no(text, "") is True


@pytest.mark.parametrize("text", ["nein", "nee danke", "lieber nicht", "no", "not yet", "ich möchte doch nicht"])
def test_no(text):
    assert reading.yes_or_no(text, "") is False


@pytest.mark.parametrize("text", ["vielleicht morgen", "was kostet das?", "Jacke"])
def test_neither(text):
    assert reading.yes_or_no(text, "inform") is None


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("die Jacke", ["1"]),
        ("the boots please", ["2"]),
        ("das zweite", ["2"]),
        ("die schwarzen", ["2"]),
        ("Regenjake", ["1"]),
        ("alles", [reading.ALL]),
        ("keine Ahnung", []),
        ("", []),
    ],
)
def test_which_item(text, ids):
    assert reading.items(text, LINES) == ids


def test_one_of_several_choices():
    places = {"store": ["laden", "store"], "locker": ["Packstation"]}
    assert reading.choice("in die Packsation bitte", places) == "locker"
    assert reading.choice("das erste", places) == "store"
    assert reading.choice("das erste", places, by_place=False) is None
    assert reading.choice("mit der Brieftaube", places) is None


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Lindenstraße 4, 20257 Hamburg", {"street": "Lindenstraße 4", "postcode": "20257", "city": "Hamburg"}),
        (
            "bitte an die Große Freiheit 12a, 22767 Hamburg",
            {"street": "Große Freiheit 12a", "postcode": "22767", "city": "Hamburg"},
        ),
        ("Seestraße 1, A-1010 Wien", {"street": "Seestraße 1", "postcode": "1010", "city": "Wien", "country": "AT"}),
        ("24103 Kiel", {"postcode": "24103", "city": "Kiel"}),
        ("Hafenweg 7", {"street": "Hafenweg 7"}),
        ("weiß ich noch nicht", {}),
    ],
)
def test_addresses(text, parts):
    assert address_in(text) == parts
