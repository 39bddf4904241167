"""Finds the variant a shopper means: by its number, or by words such as "die blaue in L" or "eine Nummer größer"."""

import re
from typing import Any

from bot.shop.models import Line, Product, Variant
from bot.shop.product_views import variant_view
from bot.shop.rules.ground import Denied
from bot.shop.search_words import fold

__all__ = ["choose_variant", "matching_variants", "stocked_options"]

_WORD = re.compile(r"[a-z0-9]+")
# Words for sizes that labels do not use.
_SIZES = {"small": "s", "klein": "s", "medium": "m", "mittel": "m", "large": "l", "gross": "l"}
_SIZE = re.compile(r"\d|X*[SML]\b")
_LARGER = re.compile(r"\b(groesser\w*|bigger|larger|size up)\b")
_SMALLER = re.compile(r"\b(kleiner\w*|smaller|size down)\b")


def choose_variant(
    product: Product, *, sku: str | None, wish: str | None, line: Line | None, low_stock: int
) -> Variant:
    """Return the one variant that is meant.

    What the wish does not name stays as on ``line``.

    Raises:
        Denied: ``variant_unknown`` or ``variant_unclear``, with what there is to choose from.
    """
    if sku is not None:
        found = [variant for variant in product.variants if variant.sku == sku]
    else:
        current = next((variant for variant in product.variants if line and variant.sku == line.sku), None)
        found = matching_variants(product, wish or "", current)
    if not found:
        raise Denied("variant_unknown", options=[variant_view(variant, low_stock) for variant in product.variants])
    if len(found) > 1:
        raise Denied("variant_unclear", options=[variant_view(variant, low_stock) for variant in found])
    return found[0]


def matching_variants(product: Product, wish: str, current: Variant | None = None) -> list[Variant]:
    """Return the variants that fit a wish; options that the wish does not name are those of ``current``.

    Empty if the wish names nothing that this product comes in.
    """
    folded = fold(wish)
    named: dict[str, set[str]] = {}
    for key in dict.fromkeys(option for variant in product.variants for option in variant.options):
        values = _values(product, key)
        chosen = _named(folded, values)
        if not chosen and current is not None:
            chosen = _stepped(folded, list(values), current.options.get(key, ""))
        if chosen:
            named[key] = chosen
    if not named:
        return []
    if current is not None:
        for key, value in current.options.items():
            named.setdefault(key, {value})
    return [variant for variant in product.variants if all(variant.options.get(key) in named[key] for key in named)]


def stocked_options(product: Product, quantity: int, low_stock: int, *, but: str) -> list[dict[str, Any]]:
    """List the variants of which there are enough, except one."""
    return [
        variant_view(variant, low_stock)
        for variant in product.variants
        if variant.sku != but and variant.stock >= quantity
    ]


def _values(product: Product, key: str) -> dict[str, set[str]]:
    """The values of an option in the product's order, each with its names in both languages, folded."""
    values: dict[str, set[str]] = {}
    for variant in product.variants:
        value = variant.options.get(key)
        if value is None:
            continue
        names = values.setdefault(value, {fold(value)})
        english = (variant.name_en or "").split(", ")
        if len(english) == len(variant.options):
            names.add(fold(english[list(variant.options).index(key)]))
    return values


def _named(wish: str, values: dict[str, set[str]]) -> set[str]:
    """Which values the words of a wish name: exactly, else by a part ("blau" for "Fjordblau")."""
    words = [_SIZES.get(word, word) for word in _WORD.findall(wish)]
    joined = f" {' '.join(words)} "
    exact = {
        value
        for value, names in values.items()
        if any(f" {' '.join(_WORD.findall(name))} " in joined for name in names)
    }
    if exact:
        return exact
    stems = [word[:-1] if len(word) > 4 and word[-1] in "esnr" else word for word in words if len(word) >= 3]
    return {
        value
        for value, names in values.items()
        if any(stem in name or stem.rstrip("e") in name for stem in stems if len(stem) >= 3 for name in names)
    }


def _stepped(wish: str, values: list[str], current: str) -> set[str]:
    """The next larger or smaller size, where a wish says so."""
    if current not in values or not all(_SIZE.match(value) for value in values):
        return set()
    step = bool(_LARGER.search(wish)) - bool(_SMALLER.search(wish))
    at = values.index(current) + step
    return {values[at]} if step and 0 <= at < len(values) else set()
