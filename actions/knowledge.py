"""Answers from what the shop has written: product data first, then help articles with their source."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from actions import reading
from actions.flows import Answer
from actions.shop_client import Done
from actions.turn import Turn

__all__ = [
    "SURE_WITHOUT_INTENT",
    "ProductQuestion",
    "answer_from_articles",
    "answer_from_product",
    "is_answered",
    "record_feedback",
    "source_of_more",
    "take_feedback",
]

SURE_WITHOUT_INTENT = 0.5
"""Score (0..1) from which an article answers a message that was not understood; a wrong answer there is worse."""
_SURE_OF_INTENT = 0.6
"""Confidence (0..1) from which the search is told what the question is about: a wrong word hides the right article."""
_NEAR = 0.1
"""Score from which an article's title is worth naming although it is no answer."""
_MEANT = 0.5
"""Score from which a question is about a product and does not only touch it."""
_LONGEST = 600
"""Characters of a passage that are read in a chat; the rest is behind the link."""
_STEM = 6
"""Letters at the beginning by which words are taken for relatives."""

# What people ask about a product, and the attribute that says it.
_ASKED_ABOUT: Mapping[str, re.Pattern[str]] = {
    "Material": re.compile(r"material|stoff|woraus|aus was|baumwolle|wolle\b|leder\b|polyester", re.IGNORECASE),
    "Pflege": re.compile(r"wasch|wäsch|pfleg|reinig|bügel|trockner|schleuder", re.IGNORECASE),
    "Passform": re.compile(r"passform|schnitt|fällt|fallen|eng\b|weit\b|geschnitten", re.IGNORECASE),
}
_PRICE = re.compile(r"was kostet|wie teuer|preis|wieviel kostet|wie viel kostet|how much|price|cost\b", re.IGNORECASE)


class ProductQuestion(Answer):
    """Answers how something works, is made or is cared for."""

    matter = "goods"

    def name(self) -> str:
        """Name of the action."""
        return "action_product_question"

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """What the product's data say; else an article; else the nearest titles and a person."""
        if await answer_from_product(turn) or await answer_from_articles(turn):
            return
        titles = await _nearest(turn)
        turn.tell("utter_not_known", near=titles) if titles else turn.tell(f"utter_{turn.intent}")


async def answer_from_product(turn: Turn) -> bool:
    """Answer from the data of the product that a question names; False where they do not say it."""
    product = await product_meant(turn)
    if product is None:
        return False
    said = _said_of(turn, product)
    if not said:
        return False
    more = "" if _PRICE.search(turn.text) else await source_of_more(turn)
    turn.say(
        turn.t("utter_product_says", name=turn.texts.named(product), says="\n".join(f"• {line}" for line in said)),
        turn.t("utter_source_product", url=product["url"]) if product.get("url") else "",
        more,
        *_ask_whether_it_helps(turn, f"product:{product['id']}"),
        buttons=[] if _in_a_matter(turn) else turn.buttons("utter_did_that_help"),
    )
    return True


async def answer_from_articles(turn: Turn, *, least: float | None = None) -> bool:
    """Give the passage that answers the message, with its source, and ask whether it helped.

    Args:
        turn: the message.
        least: a score (0..1) that the passage must have; None: what the search itself holds good enough.
    """
    passage = await _best(turn, least=least)
    if passage is None:
        return False
    turn.say(
        _shortened(passage["text"]),
        turn.t("utter_source", title=passage["title"], url=passage["url"]),
        *_ask_whether_it_helps(turn, passage["article"]),
        buttons=[] if _in_a_matter(turn) else turn.buttons("utter_did_that_help"),
    )
    return True


async def is_answered(turn: Turn) -> bool:
    """Whether the message is a question that an article answers."""
    return reading.is_question(turn.text) and await _best(turn, least=None) is not None


async def source_of_more(turn: Turn) -> str:
    """The article that says more about the message, as a line with its address; empty where there is none."""
    article = await _best(turn, least=None)
    return turn.t("utter_source_more", title=article["title"], url=article["url"]) if article else ""


async def take_feedback(turn: Turn, offered: Mapping[str, Any], *, helped: bool) -> None:
    """Record whether an answer helped; where it did not, name what else there is, and a person."""
    await record_feedback(turn, offered, helped=helped)
    if helped:
        turn.tell("utter_helped")
        return
    others = await _nearest(turn, query=offered.get("asked"), without=offered["helped"])
    turn.tell("utter_not_helped_near", near=others) if others else turn.tell("utter_not_helped")


async def record_feedback(turn: Turn, offered: Mapping[str, Any], *, helped: bool) -> None:
    """Let the service note whether an answer helped."""
    await turn.carry_out(
        "knowledge_feedback", {"article": offered["helped"], "language": turn.language, "helped": helped}
    )


async def product_meant(turn: Turn) -> Mapping[str, Any] | None:
    """The product that a message clearly names."""
    named = turn.value("product")
    words = str(named) if named else reading.wanted_words(turn.text)
    if not words:
        return None
    found = await turn.look_up("product_search", query=words, limit=2)
    products = found.data["products"] if isinstance(found, Done) else []
    if not products or products[0]["score"] < _MEANT or not _is_named(turn, products[0]):
        return None
    return dict(products[0])


def _in_a_matter(turn: Turn) -> bool:
    """Whether a form goes on after the answer: its own question comes next, and a yes belongs to that."""
    return bool(turn.tracker.active_loop.get("name"))


def _ask_whether_it_helps(turn: Turn, article: str) -> list[str]:
    if _in_a_matter(turn):
        return []
    turn.set("offer", {"helped": article, "asked": turn.text[:200]})
    return [turn.t("utter_did_that_help")]


def _is_named(turn: Turn, product: Mapping[str, Any]) -> bool:
    """Whether the message has a word of the product's name; a search also finds what only describes it."""
    said = set(reading.plain(turn.text).split())
    words = [word for word in reading.plain(turn.texts.named(product)).split() if len(word) > 3]
    other = [word for word in reading.plain(str(product["name"])).split() if len(word) > 3]
    return any(name in said for names in (words, other) for name in names)


def _said_of(turn: Turn, product: Mapping[str, Any]) -> list[str]:
    """Sentences of the product's data that answer the question."""
    said: list[str] = []
    if _PRICE.search(turn.text) and product.get("price_from"):
        low, high = product["price_from"], product.get("price_to") or product["price_from"]
        name = "utter_product_price" if low == high else "utter_product_price_from"
        said.append(turn.t(name, price=turn.texts.money(low)))
    if turn.language == "de":
        # The shop writes attributes in German only.
        said += [
            f"{key}: {product['attributes'][key]}"
            for key, pattern in _ASKED_ABOUT.items()
            if pattern.search(turn.text) and product["attributes"].get(key)
        ]
    names = reading.plain(f"{product['name']} {product.get('name_en') or ''}").split()
    asked = [
        word
        for word in reading.plain(reading.wanted_words(turn.text)).split()
        if len(word) > 3 and not any(_alike(word, name) for name in names)
    ]
    for sentence in re.split(r"(?<=[.!?])\s+", turn.texts.named(product, "description")):
        if any(_alike(word, other) for word in asked for other in reading.plain(sentence).split()):
            said.append(sentence)
    return said


def _alike(word: str, other: str) -> bool:
    """Whether two words are forms or compounds of one: "wasserdicht" and "Wassersäule"."""
    return word == other or (len(word) >= _STEM <= len(other) and word[:_STEM] == other[:_STEM])


async def _search(turn: Turn, query: str) -> Mapping[str, Any]:
    known = turn.confidence >= _SURE_OF_INTENT and turn.intent not in ("out_of_scope", "nlu_fallback", "deny", "affirm")
    result = await turn.look_up(
        "knowledge_search", query=query, language=turn.language, intent=turn.intent if known else None
    )
    return result.data if isinstance(result, Done) else {"good_enough": False, "passages": []}


async def _best(turn: Turn, *, least: float | None) -> dict[str, Any] | None:
    if not turn.text:
        return None
    found = await _search(turn, turn.text)
    if not found["passages"]:
        return None
    first: dict[str, Any] = found["passages"][0]
    good = found["good_enough"] if least is None else first["score"] >= least
    return first if good else None


async def _nearest(turn: Turn, *, query: str | None = None, without: str = "") -> str:
    """Titles and addresses of articles that come near, as a list; empty where none does."""
    words = query or turn.text
    if not words:
        return ""
    passages: Sequence[Mapping[str, Any]] = (await _search(turn, words))["passages"]
    return "\n".join(
        f"• {entry['title']} {entry['url']}"
        for entry in passages
        if entry["score"] >= _NEAR and entry["article"] != without
    )


def _shortened(text: str) -> str:
    """As much of a passage as is read in a chat, cut between paragraphs, lines or sentences."""
    if len(text) <= _LONGEST:
        return text
    head = text[:_LONGEST]
    for mark in ("\n\n", "\n", ". "):
        if mark in head:
            return head[: head.rindex(mark)].rstrip(". ") + (" …" if mark != ". " else ". …")
    return f"{head} …"
