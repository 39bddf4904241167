"""What shoppers say when they mean a variant."""

import pytest

from bot.shop.models import Product, Variant
from bot.shop.money import Money
from bot.shop.rules.variants import matching_variants

COLOURS = [("Marine", "navy"), ("Moosgrün", "moss green"), ("Fjordblau", "fjord blue"), ("Wollweiß", "ecru")]
SIZES = ["XS", "S", "M", "L", "XL", "XXL"]
JACKET = Product(
    id="j",
    name="Jacke",
    category="Jacken",
    variants=tuple(
        Variant(
            sku=f"{german}/{size}",
            name=f"{german}, {size}",
            name_en=f"{english}, {size}",
            options={"Farbe": german, "Größe": size},
            price=Money(cents=100),
            stock=1,
        )
        for german, english in COLOURS
        for size in SIZES
    ),
)
SHOES = Product(
    id="s",
    name="Stiefel",
    category="Schuhe",
    variants=tuple(
        Variant(sku=size, name=size, name_en=size, options={"Größe": size}, price=Money(cents=100), stock=1)
        for size in ("38", "39", "40", "41")
    ),
)


def found(product: Product, wish: str, current: str | None = None) -> set[str]:
    now = next((variant for variant in product.variants if variant.sku == current), None)
    return {variant.sku for variant in matching_variants(product, wish, now)}


@pytest.mark.parametrize(
    ("wish", "meant"),
    [
        ("die blaue in L", "Fjordblau/L"),
        ("lieber in L", "Marine/L"),
        ("XL bitte", "Marine/XL"),
        ("nein, die grüne", "Moosgrün/M"),
        ("in gruen und xl", "Moosgrün/XL"),
        ("the blue one in large", "Fjordblau/L"),
        ("moss green please", "Moosgrün/M"),
        ("weiß, Größe S", "Wollweiß/S"),
        ("eine Nummer größer", "Marine/L"),
        ("eine Größe kleiner", "Marine/S"),
        ("one size bigger, please", "Marine/L"),
        ("die gleiche in Marine XS", "Marine/XS"),
    ],
)
def test_against_what_one_has(wish, meant):
    assert found(JACKET, wish, "Marine/M") == {meant}


def test_without_something_to_go_by_more_may_be_meant():
    assert found(JACKET, "in Marine") == {f"Marine/{size}" for size in SIZES}
    assert found(JACKET, "L") == {f"{german}/L" for german, _ in COLOURS}


def test_a_letter_inside_a_word_is_no_size():
    assert found(JACKET, "marine, M, ist das lieferbar?", "Fjordblau/S") == {"Marine/M"}


@pytest.mark.parametrize("wish", ["in Neongrau", "noch mal dieselbe", "", "größer als alles"])
def test_what_names_nothing_finds_nothing(wish):
    assert found(JACKET, wish, "Marine/XXL") == set()


@pytest.mark.parametrize(("wish", "meant"), [("Größe 40", "40"), ("in 41", "41"), ("eine größer", "40")])
def test_numbers(wish, meant):
    assert found(SHOES, wish, "39") == {meant}
