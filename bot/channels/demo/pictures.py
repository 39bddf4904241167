"""Draws the demo's goods: one outline per kind of thing, in the colour of the variant."""

from pathlib import Path
from string import Template

__all__ = ["picture"]

_OUTLINES = Path(__file__).parent / "static" / "products"

# By the product ids of bot/shop/demo_assortment.yml; everything else is drawn as a card.
_KINDS = {
    "rj-sylt": "jacket",
    "rj-amrum": "coat",
    "wj-husum": "puffer",
    "we-pellworm": "vest",
    "tr-hooge": "sweater",
    "pu-langeness": "sweater",
    "sj-foehr": "cardigan",
    "ls-wyk": "stripes",
    "he-boesum": "shirt",
    "fl-toenning": "check",
    "ho-eider": "trousers",
    "rh-watt": "trousers",
    "gs-ebbe": "rubberboot",
    "st-deich": "leatherboot",
    "sn-flut": "shoe",
    "hs-wollsocken": "socks",
    "mu-bake": "beanie",
    "sc-boje": "scarf",
    "ha-handschuhe": "gloves",
    "gu-guertel": "belt",
    "ta-seesack": "duffel",
    "ta-rucksack": "backpack",
    "ta-fahrradtasche": "pannier",
    "zu-decke": "blanket",
    "zu-becher": "mug",
    "zu-laterne": "lantern",
    "zu-handtuch": "towel",
    "zu-thermo": "flask",
    "zu-personalisiert": "cushion",
    "te-ostfriesen": "tea",
    "te-kamille": "tea",
    "ki-regenjacke": "jacket",
    "ki-matschhose": "dungarees",
    "ki-muetze": "bobble",
    "ki-gummistiefel": "rubberboot",
}
_COLOURS = {
    "Marine": "#24406b",
    "Sand": "#d3bd97",
    "Moosgrün": "#66754f",
    "Klinkerrot": "#a8483a",
    "Senfgelb": "#d6a53a",
    "Nebelgrau": "#a7b1b6",
    "Wollweiß": "#e6dcc8",
    "Fjordblau": "#4d7f9e",
    "Schwarz": "#33373b",
}
_GROUND = "#edf0ec"
_DEFAULT = "#2f6f78"


def picture(product_id: str, colour: str | None) -> str:
    """Return a product's picture as SVG."""
    kind = _KINDS.get(product_id, "card")
    main = _COLOURS.get(colour or "", _DEFAULT)
    outline = Template((_OUTLINES / f"{kind}.svg").read_text(encoding="utf-8")).substitute(
        m=main, d=_mixed(main, 0, 0.28), l=_mixed(main, 255, 0.45)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="240" height="240" viewBox="0 0 240 240">'
        f'<rect width="240" height="240" fill="{_GROUND}"/>{outline}</svg>'
    )


def _mixed(colour: str, towards: int, share: float) -> str:
    """Return a colour mixed with black (0) or white (255)."""
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(part + (towards - part) * share):02x}" for part in parts)
