"""Products: whether they are there, when they are back, which to take; vouchers."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from actions import reading
from actions.account import MailStep
from actions.changes import chosen_wish, wish_in
from actions.denials import explain
from actions.flows import Answer, Change, Flow, Halt
from actions.knowledge import answer_from_articles, is_answered, source_of_more
from actions.shop_client import Denied, Done
from actions.turn import Button, Turn, choose

__all__ = ["ProductAdvice", "ProductAvailability", "RestockNotification", "VoucherCheck"]

_CODE = re.compile(r"(?<![\w-])(?=[\w-]*[A-Z0-9])[A-Z0-9](?:[A-Z0-9-]{3,23})(?![\w-])")
_SIZE = re.compile(r"größe|grösse|fällt|fallen|maßtabelle|\bsize|sizing|run (small|large|big)|\bfit\b", re.IGNORECASE)
_MOST_SHOWN = 8
_TOUCHED = 0.2
"""Score (0..1) of a product below which it has nothing to do with the question."""
_FITS = 0.6
"""Share of the best product's score that another one must have to be named beside it."""


class ProductStep(Flow):
    """Asks which product is meant."""

    async def settle_product(self, turn: Turn) -> str | None:
        """The product that the first message names."""
        named = turn.value("product")
        if named:
            return str(named)
        words = reading.wanted_words(turn.slot("opening") or "")
        return words if words and await self._is_known(turn, words) else None

    async def ask_product(self, turn: Turn) -> None:
        """Which product; those that may be meant are choices."""
        products = ((turn.slot("obstacle") or {}).get("params") or {}).get("products") or []
        buttons: list[Button] = [
            {"title": turn.texts.named(product)[:60], "payload": choose(product=product["name"])}
            for product in products[:_MOST_SHOWN]
        ]
        self.pose(turn, "product", buttons=buttons)

    async def read_product(self, turn: Turn) -> str | None:
        """A product's name in any words, if the shop has such a thing."""
        named = turn.value("product")
        if named:
            return str(named)
        words = reading.wanted_words(turn.text)
        return words if words and await self._is_known(turn, words) else None

    async def _is_known(self, turn: Turn, words: str) -> bool:
        found = await turn.look_up("product_search", query=words, limit=1)
        return isinstance(found, Done) and bool(found.data["products"])


class ProductAvailability(ProductStep):
    """Tells which variants of a product are in stock, and when the others are back."""

    form = "product_availability_form"
    intents = ("product_availability",)
    steps = ("product",)
    operation = "product_availability"

    async def finish(self, turn: Turn) -> None:
        """What is there, what is not, and a note for when it is back."""
        wish = wish_in(turn, opening=True) or {}
        result = await turn.look_up("product_availability", query=turn.slot("product"), wish=wish.get("wish"))
        if isinstance(result, Denied):
            products = result.params.get("products") or []
            buttons = [
                {
                    "title": turn.texts.named(product)[:60],
                    "payload": choose(product=product["name"]).replace("/inform", "/product_availability"),
                }
                for product in products[:_MOST_SHOWN]
            ]
            explain(turn, "product_availability", result, buttons=buttons)
            return
        name = turn.texts.named(result.data["product"])
        variants = result.data["variants"]
        there = [variant for variant in variants if variant["availability"] != "out_of_stock"]
        gone = [variant for variant in variants if variant["availability"] == "out_of_stock"]
        sentences = []
        if there:
            sentences.append(
                turn.t(
                    "utter_in_stock",
                    product=name,
                    variants=turn.texts.all_of(_variant(turn, variant) for variant in there[:_MOST_SHOWN]),
                )
            )
        if gone:
            sentences.append(
                turn.t(
                    "utter_out_of_stock" if there else "utter_all_out_of_stock",
                    product=name,
                    variants=turn.texts.all_of(_gone(turn, variant) for variant in gone[:_MOST_SHOWN]),
                )
            )
        turn.say(*sentences, buttons=turn.buttons("utter_out_of_stock") if gone else turn.buttons("utter_in_stock"))


class RestockNotification(Change, ProductStep, MailStep):
    """Writes to the customer when a product is back."""

    form = "restock_notification_form"
    intents = ("restock_notification",)
    steps = ("product", "wish", "contact_email", "confirm")
    operation = "notify_restock"
    solvable: ClassVar[dict[str, str]] = {
        "unknown_product": "product",
        "several_products": "product",
        "variant_unclear": "wish",
        "variant_unknown": "wish",
        "email_needed": "contact_email",
        "email_invalid": "contact_email",
    }
    depends: ClassVar[dict[str, tuple[str, ...]]] = {"product": ("wish",)}

    async def settle_wish(self, turn: Turn) -> dict[str, Any] | None:
        """Asked for only where the product has several variants that are gone."""
        if (turn.slot("obstacle") or {}).get("code") in ("variant_unclear", "variant_unknown"):
            return None
        wish = wish_in(turn, opening=True)
        return wish if wish and "wish" in wish else {}

    async def ask_wish(self, turn: Turn) -> None:
        """Which variant."""
        options = ((turn.slot("obstacle") or {}).get("params") or {}).get("options") or []
        buttons = [
            {"title": turn.texts.named(option, "variant")[:60], "payload": choose(wish=f"sku:{option['sku']}")}
            for option in options
            if isinstance(option, Mapping)
        ]
        self.pose(turn, "wish", buttons=buttons[:_MOST_SHOWN])

    async def read_wish(self, turn: Turn) -> dict[str, Any] | None:
        """A variant in the customer's words."""
        return (
            {"wish": turn.text[:110]}
            if turn.slot("requested_slot") == "wish" and not reading.is_question(turn.text)
            else None
        )

    async def args(self, turn: Turn) -> dict[str, Any]:
        """The variant and the address; without one the address of the proof."""
        wish = chosen_wish(turn.slot("wish"))
        if "sku" in wish:
            return {"sku": wish["sku"], "email": turn.slot("contact_email")}
        return {"query": turn.slot("product"), "wish": wish.get("wish"), "email": turn.slot("contact_email")}

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """What is waited for, and where the note goes."""
        return [
            turn.t("utter_confirm_restock", item=turn.texts.item(data, quantity=1), email=self._address(turn, data)),
            turn.t("utter_back_expected", on_day=turn.texts.on_day(data["restock_on"]))
            if data.get("restock_on")
            else "",
        ]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """That the note is set."""
        turn.tell("utter_restock_noted", item=turn.texts.item(data, quantity=1), email=self._address(turn, data))
        if data.get("restock_on"):
            turn.promise(
                "restock",
                turn.t("utter_back_expected", on_day=turn.texts.on_day(data["restock_on"])),
                data["restock_on"],
            )


class VoucherCheck(Flow):
    """Tells what a code is worth, or why it does not work."""

    form = "voucher_form"
    intents = ("voucher_issue",)
    steps = ("voucher_code",)
    matter = "money"
    operation = "check_voucher"

    async def settle_voucher_code(self, turn: Turn) -> str | None:
        """A code in the first message; a question about vouchers in general needs none."""
        opening = turn.slot("opening") or ""
        for number in turn.values("order_number"):
            opening = opening.replace(str(number), " ")
        code = _code_in(opening)
        if code is None and turn.slot("requested_slot") is None and await is_answered(turn):
            raise Halt
        return code

    async def read_voucher_code(self, turn: Turn) -> str | None:
        """A code."""
        if turn.is_choice:
            return None
        single = turn.text.strip()
        bare = re.fullmatch(r"[\w-]{4,24}", single) and (single.isupper() or any(char.isdigit() for char in single))
        return _code_in(turn.text) or (single.upper() if bare else None)

    async def finish(self, turn: Turn) -> None:
        """Value, conditions, and how it is used; or what an article says."""
        if turn.slot("voucher_code") is None:
            await answer_from_articles(turn)
            return
        result = await turn.carry_out("check_voucher", {"code": turn.slot("voucher_code")})
        if isinstance(result, Denied):
            raise Halt(Denied(result.code, {**result.params, "voucher_code": turn.slot("voucher_code")}))
        data = result.data
        texts = turn.texts
        turn.say(
            turn.t(f"utter_voucher_{data['kind']}", code=data["code"], value=_worth(turn, data)),
            turn.t("utter_voucher_min_total", amount=texts.money(data["min_total"])) if data.get("min_total") else "",
            turn.t("utter_voucher_until", by_day=texts.by_day(data["valid_until"])) if data.get("valid_until") else "",
            turn.t("utter_voucher_how"),
            buttons=turn.buttons("utter_voucher_how"),
        )


class ProductAdvice(Answer):
    """Finds products that fit what somebody describes; questions of size are answered by the help articles."""

    matter = "goods"

    def name(self) -> str:
        """Name of the action."""
        return "action_product_advice"

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """The best three, with price and address; else an article; else a person."""
        if _SIZE.search(turn.text) and await answer_from_articles(turn):
            return
        words = reading.wanted_words(turn.text)
        found = await turn.look_up("product_search", query=words or "-", limit=3)
        products = found.data["products"] if isinstance(found, Done) and words else []
        fitting = [product for product in products if product["score"] >= _FITS * products[0]["score"]]
        if not fitting or fitting[0]["score"] < _TOUCHED:
            if not await answer_from_articles(turn):
                turn.tell("utter_product_advice")
            return
        entries = [
            turn.t(
                "utter_product_found",
                name=turn.texts.named(product),
                price=turn.texts.money(product["price_from"]) if product.get("price_from") else "",
                text=_first_sentence(turn.texts.named(product, "description")),
                url=product.get("url") or "",
            )
            for product in fitting
        ]
        more = await source_of_more(turn)
        turn.say(
            "\n".join([turn.t("utter_products_found"), *entries]),
            f"\n{more}" if more else "",
            buttons=turn.buttons("utter_products_found"),
        )


def _code_in(text: str) -> str | None:
    match = _CODE.search(text)
    return match.group() if match and any(char.isdigit() for char in match.group()) else None


def _worth(turn: Turn, data: Mapping[str, Any]) -> str:
    if data["kind"] == "percent":
        return (
            f"{data.get('value') or data.get('percent')} %"
            if turn.language == "de"
            else f"{data.get('value') or data.get('percent')}%"
        )
    amount = data.get("balance") or data.get("value")
    return turn.texts.money(amount) if isinstance(amount, Mapping) else str(amount)


def _variant(turn: Turn, variant: Mapping[str, Any]) -> str:
    name = turn.texts.named(variant, "variant") or variant["sku"]
    return (
        turn.t("utter_variant_low", variant=name, count=variant["stock"])
        if variant["availability"] == "low" and variant.get("stock")
        else name
    )


def _gone(turn: Turn, variant: Mapping[str, Any]) -> str:
    name = turn.texts.named(variant, "variant") or variant["sku"]
    return (
        turn.t("utter_variant_back", variant=name, on_day=turn.texts.on_day(variant["restock_on"]))
        if variant.get("restock_on")
        else name
    )


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", text.strip(), maxsplit=1)[0][:160]
