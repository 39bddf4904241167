"""Words to find products by: folded, so that "Jacken" finds "Regenjacke" and "gruen" finds "grün"."""

import re
import unicodedata

from bot.shop.import_formats import ProductDocument
from bot.shop.models import Product

__all__ = ["fold", "product_text", "query_words"]

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_WORD = re.compile(r"[a-z0-9]+")
# German and English plural and case endings; a stem keeps at least four letters.
_ENDINGS = ("innen", "ern", "en", "er", "es", "e", "n", "s")
# fmt: off
_EMPTY = frozenset({
    "ein", "eine", "einen", "einem", "einer", "der", "die", "das", "den", "dem", "des", "und", "oder", "mit",
    "fuer", "in", "im", "auf", "von", "zu", "zum", "zur", "ich", "suche", "habt", "ihr", "gibt", "es", "noch",
    "wieder", "bitte", "mir", "a", "an", "the", "and", "or", "with", "for", "of", "to", "is", "are", "do", "you",
    "have", "any", "i", "need", "want", "look", "looking",
})
# fmt: on


def fold(text: str) -> str:
    """Bring a text into the form that is compared: lower case, umlauts written out, accents gone."""
    lower = unicodedata.normalize("NFKC", text).casefold().translate(_UMLAUTS)
    plain = unicodedata.normalize("NFKD", lower)
    return "".join(char for char in plain if not unicodedata.combining(char))


def query_words(query: str) -> list[str]:
    """Return the stems of a query's words that carry meaning, at most twelve."""
    words = (_stem(word) for word in _WORD.findall(fold(query)) if word not in _EMPTY)
    return list(dict.fromkeys(word for word in words if len(word) >= 2))[:12]


def product_text(product: Product | ProductDocument) -> str:
    """Return everything a product can be found by, folded."""
    parts = [
        product.name,
        product.name_en or "",
        product.category,
        product.description,
        product.description_en or "",
        *product.attributes.values(),
        *(f"{variant.sku} {variant.name} {variant.name_en or ''}" for variant in product.variants),
    ]
    return fold(" ".join(dict.fromkeys(parts)))


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word
