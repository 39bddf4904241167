"""What only Telegram brings to a dialogue: photos, pictures of orders, codes to show at the counter."""

import io
from collections.abc import Callable

import pytest
from PIL import Image

from bot.shop.models import ClaimKind, Order
from tests.dialogue.shop import DemoShop
from tests.telegram_double.shopper import TelegramShopper

Talk = Callable[..., TelegramShopper]

pytestmark = pytest.mark.parametrize("channel", ["telegram"])


def one_line(order: Order) -> bool:
    return len(order.lines) == 1 and order.lines[0].quantity == 1


@pytest.fixture
def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(out, "JPEG")
    return out.getvalue()


def test_a_photo_goes_into_the_damage_report(talk: Talk, shop: DemoShop, photo: bytes) -> None:
    taken = shop.take("delivered", one_line)
    shopper = talk(
        """
        Bei mir ist etwas kaputt angekommen, Bestellnummer {number} |
        {postcode} | Ersatz
        Ersatz bitte | Foto
        """,
        **taken.values,
    )
    shopper.shows(photo).expect("Soll ich")
    shopper.says("ja | aufgenommen")
    claim = shop.now(taken).claims[-1]
    assert (claim.kind, claim.wish) == (ClaimKind.DAMAGED, "replacement")
    assert claim.photo


def test_an_order_has_a_picture_and_a_return_its_code(talk: Talk, shop: DemoShop) -> None:
    taken = shop.take("delivered", one_line)
    shopper = talk("Wo ist meine Bestellung {number}? |", **taken.values)
    shopper.says("{postcode} | zugestellt; Bestellung {number}; Summe: {total}", **taken.values)
    assert shopper.kinds == ["photo"]
    shopper.says(
        """
        Ich möchte sie zurücksenden, sie passt nicht | abgeben
        [Paketshop] | Soll ich
        [Ja, so machen] | angemeldet; Diesen Code zeigen Sie bei der Abgabe vor
        """
    )
    assert shopper.kinds == ["text", "photo"]
    label = shop.now(taken).returns[-1].label
    assert label.kind == "qr"
    assert str(label.reference) in shopper.answer
