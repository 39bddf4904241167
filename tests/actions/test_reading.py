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


@pytest.mark.parametrize(
    "text",
    [
        "danke, das war's",
        "Vielen Dank, das war alles!",
        "ok danke, das wär's dann",
        "nein danke, das war's",
        "Tschüß",
        "Thanks, that's all",
        "thanks that is all for today, bye",
        "Great, that's all I needed",
        "No, that's all, thanks",
        "ok thanks, that's it",
    ],
)
def test_taking_leave(text):
    assert reading.says_goodbye(text)


@pytest.mark.parametrize(
    "text",
    [
        "ja, das war's",  # a yes is a yes
        "yes that's all",
        "das war der falsche",
        "das ist alles kaputt",
        "die Jacke, das ist alles",
        "das ist es",  # may be an answer: that is the one
        "that's it",
        "danke",
        "alles",
        "",
    ],
)
def test_no_leave(text):
    assert not reading.says_goodbye(text)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("bitte als Gutschein erstatten", "gift_card"),
        ("refund me to a gift card please", "gift_card"),
        ("das Geld auf eine Geschenkkarte bitte", "gift_card"),
        ("I paid by card, can you refund it as store credit", "gift_card"),
        ("Ich will mein Geld zurück, keinen Gutschein", "original"),
        ("money back, not a gift card", "original"),
        ("Ich möchte die Geschenkkarte zurückgeben", None),
        ("I paid with a gift card, money back please", None),
        ("Kann ich mit einer Geschenkkarte bezahlen?", None),
        ("Ich habe einen Gutschein und der geht nicht", None),
        ("ich möchte die Jacke zurückgeben", None),
    ],
)
def test_where_money_goes_unasked(text, target):
    assert reading.refund_target(text) == target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("lieber Geschenkkarte", "gift_card"),
        ("ja, aber auf eine Geschenkkarte", "gift_card"),
        ("doch lieber auf mein PayPal-Konto", "original"),
        ("rather the way I paid", "original"),
        ("I paid with a gift card", None),
        ("ja bitte", None),
        ("nein", None),
    ],
)
def test_where_money_goes_when_it_was_just_said(text, target):
    assert reading.refund_target(text, asked=True) == target


@pytest.mark.parametrize(
    ("text", "with_order", "default"),
    [
        ("Bitte meine Standardadresse ändern", False, True),
        ("change my default address, order LM-104882", True, True),
        ("Adresse für künftige Bestellungen ändern", False, True),
        ("in Zukunft bitte LM-104882 an eine andere Adresse", True, False),
        ("Lieferadresse ändern", False, False),
        ("ändert die Lieferadresse auch für künftige Bestellungen", False, False),
    ],
)
def test_whose_address_is_meant(text, with_order, default):
    assert reading.means_default_address(text, with_order=with_order) is default


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Ich bin umgezogen, bitte meine Adresse ändern", True),
        ("I moved, please update my address", True),
        ("ich will meine E-Mail-Adresse ändern", False),
        ("change my email address", False),
    ],
)
def test_where_somebody_lives_is_no_mail_address(text, meant):
    assert reading.means_account_address(text) is meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Bitte LM-104882 stornieren und das Geld erstatten", True),
        ("please cancel it and refund me", True),
        ("ich habe LM-104882 storniert, wo ist mein Geld", False),
        ("I cancelled it last week, refund me", False),
    ],
)
def test_money_back_by_cancelling(text, meant):
    assert reading.means_cancelling(text) is meant
