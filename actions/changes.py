"""Changing an order before dispatch: where it goes, how it is paid, what is in it."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from rasa_sdk import Tracker
from rasa_sdk.events import ActiveLoop, EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions import reading
from actions.choices import chosen_lines, money_to, pieces, positive, refund_sentence
from actions.flows import Change, NotUsable
from actions.order_flow import OrderFlow
from actions.shop_client import Denied, Done
from actions.steps import LineStep
from actions.turn import Button, Turn, choose

__all__ = ["ChangeAddress", "ChangeOrder", "ChangePayment", "DefaultAddress"]

# "Lindenstraße 4", "Am Markt 12a", "221b Baker Street"
_STREET = re.compile(
    r"(?P<street>(?:[^\W\d][\w.'’-]*\s+){0,4}[^\W\d][\w.'’-]*\s*\d{1,4}\s?[a-zA-Z]?(?:\s?[-/]\s?\d{1,4})?"
    r"|\d{1,4}[a-zA-Z]?\s+(?:[^\W\d][\w.'’-]*\s*){1,4})",
)
_PLACE = re.compile(
    r"(?:(?<!\w)(?P<prefix>D|DE|A|AT|CH|NL|DK)[- ])?(?<!\d)(?P<postcode>\d{5}"
    r"|\d{4}(?: ?[A-Z]{2}\b)?)(?!\d)[ ,]+(?P<city>[^\W\d][^\d,;\n]{1,40}?)(?=\s*(?:[,;.\n]|$))"
)
_COUNTRIES = {
    "DE": ("deutschland", "germany"),
    "AT": ("österreich", "austria"),
    "CH": ("schweiz", "switzerland"),
    "NL": ("niederlande", "holland", "netherlands"),
    "DK": ("dänemark", "denmark"),
    "FR": ("frankreich", "france"),
    "BE": ("belgien", "belgium"),
    "LU": ("luxemburg", "luxembourg"),
    "PL": ("polen", "poland"),
    "IT": ("italien", "italy"),
    "ES": ("spanien", "spain"),
    "GB": ("großbritannien", "england", "united kingdom", "uk"),
    "US": ("usa", "united states"),
}
_PREFIXES = {"D": "DE", "A": "AT"}
# Words in front of an address that do not belong to it.
_BEFORE_STREET = re.compile(
    r"^.*\b(an (die|den|das|der)|an|nach|in (die|den|der)|zur?|adresse|anschrift|ist|lautet"
    r"|neue|wohne|jetzt|bitte|doch|lieber|sondern|nein|no|rather|instead|to|is|address|new|at|live)\b[:,]?\s+",
    re.IGNORECASE,
)


class ChangeAddress(Change, OrderFlow):
    """Sends an order to another address, and keeps the address for the future if wanted."""

    form = "change_delivery_address_form"
    intents = ("change_delivery_address",)
    steps = ("order_number", "proof", "full_proof", "address", "confirm")
    notes = (*OrderFlow.notes, "address_parts", "make_default")
    operation = "change_delivery_address"
    free_text = frozenset({"address"})
    solvable: ClassVar[dict[str, str]] = {
        "address_incomplete": "address",
        "postcode_invalid": "address",
        "country_not_served": "address",
        "unchanged": "address",
    }
    later = ("unchanged",)

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """As every flow; but the address of later orders is another matter, which needs no order to be changed."""
        turn = Turn(dispatcher, tracker, domain)
        begins = self.form == ChangeAddress.form and turn.slot("goal") != self.form and not turn.is_choice
        if begins and reading.means_default_address(turn.text, with_order=turn.value("order_number") is not None):
            return [SlotSet("requested_slot", None), ActiveLoop(None), FollowupAction("default_address_form")]
        return await super().run(dispatcher, tracker, domain)

    def probe(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """The address it has: no change at all, and still checked."""
        address = order["shipping_address"] or {}
        return {"order_number": order["number"], "address": {key: value for key, value in address.items() if value}}

    async def settle_address(self, turn: Turn) -> dict[str, str] | None:
        """An address that was given at the beginning, whole."""
        found = address_in(turn.slot("opening") or "")
        return found if {"street", "postcode", "city"} <= found.keys() else None

    async def ask_address(self, turn: Turn) -> None:
        """The whole address in one message; what is still missing where parts are known."""
        parts = turn.slot("address_parts") or {}
        missing = [turn.t(f"utter_address_{part}") for part in ("street", "postcode", "city") if part not in parts]
        if parts and missing:
            turn.say(turn.t("utter_address_missing", missing=turn.texts.all_of(missing)))
        else:
            self.pose(turn, "address")

    async def read_address(self, turn: Turn) -> dict[str, str] | None:
        """Street, postcode and town, also one after the other."""
        found = address_in(turn.text)
        if not found:
            return None
        parts = {**(turn.slot("address_parts") or {}), **found}
        if {"street", "postcode", "city"} <= parts.keys():
            turn.set("address_parts", None)
            return parts
        turn.set("address_parts", parts)
        raise NotUsable("")  # ask_address names what is missing

    async def _correct(self, turn: Turn) -> bool:
        """Another street, or another place, in the middle: "no, Hafenweg 30, 24103 Kiel"."""
        known = turn.slot("address")
        found = address_in(turn.text) if known and not turn.is_choice else {}
        if not ("street" in found or {"postcode", "city"} <= found.keys()) or {**known, **found} == known:
            return await super()._correct(turn)
        turn.set("confirm", None)
        turn.set("address", {**known, **found})
        return True

    async def read_confirm(self, turn: Turn) -> bool | None:
        """Yes, yes for the future as well, or no."""
        if turn.is_choice and turn.value("make_default"):
            turn.set("make_default", True)
            return True
        return await super().read_confirm(turn)

    async def args(self, turn: Turn) -> dict[str, Any]:
        """The order and its new address."""
        return {
            "order_number": turn.slot("order_number"),
            "address": turn.slot("address"),
            "make_default": turn.slot("make_default"),
        }

    def confirm_buttons(self, turn: Turn, data: dict[str, Any]) -> list[Button]:
        """The address may be kept for the future."""
        yes, *rest = turn.buttons("utter_confirm_buttons")
        return [yes, turn.button("utter_button_make_default", choose(make_default=True)), *rest]

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """Old and new address, cost and day."""
        return [
            turn.t(
                "utter_confirm_address",
                order_number=data["order_number"],
                address=_address(data["address"]),
                previous=_address(data["previous"]),
            ),
            turn.t("utter_extra_cost", amount=turn.texts.money(data["extra_cost"]))
            if positive(data.get("extra_cost"))
            else "",
            turn.t("utter_then_expected", on_day=turn.texts.on_day(data["expected_on"]))
            if data.get("expected_on")
            else "",
        ]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """Where it goes now, and when it comes."""
        expected = (
            turn.t("utter_now_expected", on_day=turn.texts.on_day(data["expected_on"]))
            if data.get("expected_on")
            else ""
        )
        turn.say(
            turn.t("utter_address_changed", order_number=data["order_number"], address=_address(data["address"])),
            turn.t("utter_address_default") if data.get("default_changed") else "",
            expected,
        )
        if expected:
            turn.promise("delivery", expected, data["expected_on"], order=data["order_number"])


class DefaultAddress(ChangeAddress):
    """Changes the address that later orders begin with. An order only shows whose it is, and stays as it is."""

    form = "default_address_form"
    intents = ()  # begun by `ChangeAddress`, or where the account is talked about

    async def begin(self, turn: Turn) -> None:
        """Start anew; what ran before in this turn only led here."""
        await super().begin(turn)
        turn.set("tries", {"step": None, "count": 0, "fresh": True})

    def is_own_matter(self, turn: Turn) -> bool:
        """Whoever says an address seems to want a delivery changed."""
        return turn.intent in ("change_delivery_address", "edit_account") or super().is_own_matter(turn)

    async def settle_order_number(self, turn: Turn) -> str | None:
        """Any order that this conversation may see shows who the customer is."""
        result = await turn.look_up("my_orders", limit=1)
        orders = result.data["orders"] if isinstance(result, Done) else []
        return str(orders[0]["number"]) if orders else None

    def _obstacle(self, order: Mapping[str, Any]) -> Denied | None:
        """None: the order itself is not changed, wherever it is."""
        return None

    def probe(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """The order's address, for the customer."""
        address = order["shipping_address"] or {}
        return {"address": {key: value for key, value in address.items() if value}}

    async def args(self, turn: Turn) -> dict[str, Any]:
        """The address alone."""
        return {"address": turn.slot("address")}

    def confirm_buttons(self, turn: Turn, data: dict[str, Any]) -> list[Button]:
        """Yes and no."""
        return turn.buttons("utter_confirm_buttons")

    async def explain(self, turn: Turn, denied: Denied) -> None:
        """What is the same is the customer's address, not the order's."""
        if denied.code == "unchanged":
            turn.tell("utter_denied_default_address_unchanged")
            return
        await super().explain(turn, denied)

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """Old and new address, and that orders under way stay as they are."""
        return [
            turn.t(
                "utter_confirm_default_address",
                address=_address(data["address"]),
                previous=_address(data["previous"]),
            )
        ]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """Which address is kept now."""
        turn.tell("utter_default_address_changed", address=_address(data["address"]))


class ChangePayment(Change, OrderFlow):
    """Has an order paid in another way."""

    form = "change_payment_method_form"
    intents = ("change_payment_method",)
    steps = ("order_number", "proof", "full_proof", "payment_method", "confirm")
    matter = "money"
    operation = "change_payment_method"
    solvable: ClassVar[dict[str, str]] = {
        "method_needed": "payment_method",
        "method_unknown": "payment_method",
        "same_method": "payment_method",
        "gift_card_too_small": "payment_method",
    }

    async def _options(self, turn: Turn) -> list[dict[str, Any]]:
        preview = await turn.preview("change_payment_method", {"order_number": turn.slot("order_number")})
        return list(preview.params.get("options") or []) if isinstance(preview, Denied) else []

    async def settle_payment_method(self, turn: Turn) -> str | None:
        """The way named at the beginning."""
        return reading.choice(turn.slot("opening") or "", _payment_words(await self._options(turn)), by_place=False)

    async def ask_payment_method(self, turn: Turn) -> None:
        """The ways that are open for this order."""
        options = await self._options(turn)
        buttons = [
            {"title": _option_title(turn, option), "payload": choose(payment_method=option["id"])} for option in options
        ]
        self.pose(turn, "payment_method", buttons=buttons, order_number=turn.slot("order_number"))

    async def read_payment_method(self, turn: Turn) -> str | None:
        """One of the ways, by its name or its place in the list; what is not open for the order is said to be so."""
        asked = turn.slot("requested_slot") == "payment_method"
        chosen = reading.choice(turn.text, _payment_words(await self._options(turn)), by_place=asked)
        kind = reading.choice(turn.text, _WORDS_FOR_PAYMENT, by_place=False) if chosen is None and asked else None
        if kind is not None:
            same = ((await self.order(turn)).get("payment") or {}).get("method") == kind
            raise NotUsable(turn.t(f"utter_denied_change_payment_method_{'same_method' if same else 'method_unknown'}"))
        return chosen

    async def args(self, turn: Turn) -> dict[str, Any]:
        """The order and the way."""
        return {"order_number": turn.slot("order_number"), "method": turn.slot("payment_method")}

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """From what to what, how much, and what the customer has to do."""
        return [
            turn.t(
                "utter_confirm_payment",
                order_number=data["order_number"],
                before=_method_label(turn, data["from"]),
                after=_method_label(turn, data["to"]),
                amount=turn.texts.money(data["amount"]),
            ),
            refund_sentence(turn, data),
            turn.t("utter_pay_by", by_day=turn.texts.by_day(data["pay_by"])) if data.get("pay_by") else "",
        ]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """How it is paid now, and what the customer has to do."""
        refund = refund_sentence(turn, data)
        turn.say(
            turn.t("utter_payment_changed", order_number=data["order_number"], after=_method_label(turn, data["to"])),
            refund,
            turn.t("utter_pay_by", by_day=turn.texts.by_day(data["pay_by"])) if data.get("pay_by") else "",
            turn.t("utter_payment_url", url=data["payment_url"]) if data.get("payment_url") else "",
        )
        if refund and data["refund"].get("expected_on"):
            turn.promise("refund", refund, data["refund"]["expected_on"], order=data["order_number"])


class ChangeOrder(Change, LineStep):
    """Changes what is in an order: another variant, another number, one item less. Several items in one go."""

    form = "change_order_form"
    intents = ("change_order",)
    steps = ("order_number", "proof", "full_proof", "line", "wish", "confirm")
    notes = (*OrderFlow.notes, "changes")
    operation = "change_items"
    several = False
    depends: ClassVar[dict[str, tuple[str, ...]]] = {"line": ("wish",)}
    solvable: ClassVar[dict[str, str]] = {
        "variant_unknown": "wish",
        "variant_unclear": "wish",
        "other_product": "wish",
        "unchanged": "wish",
        "out_of_stock": "wish",
    }
    later = ("unchanged",)

    def eligible(self, line: Mapping[str, Any]) -> bool:
        """What has not been sent."""
        return pieces(line, "open") > 0

    def probe(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """As many of the first item as there are: no change at all, and still checked."""
        line = order["lines"][0]
        return {
            "order_number": order["number"],
            "changes": [{"line_id": str(line["id"]), "quantity": line["quantity"]}],
        }

    async def settle_wish(self, turn: Turn) -> dict[str, Any] | None:
        """What was said at the beginning, if it names a change."""
        return wish_in(turn, opening=True)

    async def ask_wish(self, turn: Turn) -> None:
        """What should be different; the variants there are as choices."""
        line = (await self.chosen(turn))[0]
        buttons = await variant_buttons(turn, line)
        self.pose(
            turn,
            "wish",
            buttons=[*buttons, turn.button("utter_button_remove", choose(wish="quantity:0"))],
            item=turn.texts.item(line, quantity=1),
        )

    async def read_wish(self, turn: Turn) -> dict[str, Any] | None:
        """A variant, a number of pieces, or "remove it"."""
        if turn.slot("requested_slot") == "wish":
            named = await named_variant(turn, (await self.chosen(turn))[0])
            if named:
                return named
        return wish_in(turn, asked=turn.slot("requested_slot") == "wish")

    async def read_confirm(self, turn: Turn) -> bool | None:
        """Yes, no, or one more item first."""
        if turn.is_choice and turn.value("more"):
            turn.set("changes", [*(turn.slot("changes") or []), self._change(turn)])
            for step in ("line", "wish"):
                turn.set(step, None)
            turn.set("opening", None)
            return None
        return await super().read_confirm(turn)

    async def eligible_lines(self, turn: Turn) -> list[Mapping[str, Any]]:
        """Items that are not among the changes already collected."""
        collected = {change["line_id"] for change in turn.slot("changes") or []}
        return [line for line in await super().eligible_lines(turn) if str(line["id"]) not in collected]

    def _change(self, turn: Turn) -> dict[str, Any]:
        return {"line_id": chosen_lines(turn.slot("line"))[0], **chosen_wish(turn.slot("wish"))}

    async def args(self, turn: Turn) -> dict[str, Any]:
        """All changes collected."""
        return {
            "order_number": turn.slot("order_number"),
            "changes": [*(turn.slot("changes") or []), self._change(turn)],
        }

    def confirm_buttons(self, turn: Turn, data: dict[str, Any]) -> list[Button]:
        """One more item may be changed in the same go."""
        yes, *rest = turn.buttons("utter_confirm_buttons")
        return [yes, turn.button("utter_button_more_changes", choose(more=True)), *rest]

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """Each change, the difference, how it is settled, and the day."""
        return [
            turn.t(
                "utter_confirm_changes",
                order_number=data["order_number"],
                changes=_changes(turn, data["changes"]),
                new_total=turn.texts.money(data["new_total"]),
            ),
            settlement_text(turn, data),
            turn.t("utter_then_expected", on_day=turn.texts.on_day(data["expected_on"]))
            if data.get("expected_on")
            else "",
        ]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """What was changed, what it costs, when it comes."""
        expected = (
            turn.t("utter_now_expected", on_day=turn.texts.on_day(data["expected_on"]))
            if data.get("expected_on")
            else ""
        )
        settled = settlement_text(turn, data)
        turn.say(
            turn.t("utter_order_changed", order_number=data["order_number"], changes=_changes(turn, data["changes"])),
            settled,
            expected,
        )
        if expected:
            turn.promise("delivery", expected, data["expected_on"], order=data["order_number"])
        settlement = data.get("settlement") or {}
        if settlement.get("kind") == "refund" and settlement.get("expected_on"):
            turn.promise("refund", settled, settlement["expected_on"], order=data["order_number"])


# -- wishes for another variant, shared with exchanging

_REMOVE = re.compile(
    r"\b(entfern\w*|weglassen|streich\w*|rausnehmen|herausnehmen|lösch\w*|raus|remove|delete|drop it"
    r"|take .{0,40}\bout)\b",
    re.IGNORECASE,
)
_PIECES = re.compile(
    r"\b(\d{1,2}|ein|eine|einen|zwei|drei|vier|fünf|one|two|three|four|five)\s*(x|mal|stück"
    r"|stk|exemplare?|pieces?|pcs|of them|davon)?\b",
    re.IGNORECASE,
)
_PIECES_STRICT = re.compile(
    r"\b(\d{1,2}|zwei|drei|vier|fünf|two|three|four|five)\s*(x|mal|stück|stk|pieces?|pcs"
    r"|of them|davon)\b|\b(nur|statt|instead|only) (\d|ein|one)",
    re.IGNORECASE,
)
_INTO = re.compile(r"\b(gegen|in|statt|lieber|stattdessen|anstatt|into|for|instead|rather|to)\b", re.IGNORECASE)


def wish_in(turn: Turn, *, opening: bool = False, asked: bool = False) -> dict[str, Any] | None:
    """A change of one item: `{"quantity": 0}`, `{"quantity": 2}` or `{"wish": "in blau"}`.

    Args:
        turn: the message.
        opening: read what was said at the beginning instead.
        asked: the wish was just asked for, so that any words may be one.
    """
    text = (turn.slot("opening") or "") if opening else turn.text
    if not text.strip() or (asked and reading.is_question(text)):
        return None
    if _REMOVE.search(text):
        return {"quantity": 0}
    variant = any(turn.heard(kind, opening=opening) for kind in ("size", "colour"))
    number = (_PIECES if asked else _PIECES_STRICT).search(text)
    if number and not variant:
        count = reading.number(number.group())
        return {"quantity": count} if count is not None else None
    # "die schwarzen Stiefel" names the item, "in Schwarz" the wish.
    return {"wish": text.strip()[:110]} if asked or (variant and _INTO.search(text)) else None


def chosen_wish(value: Any) -> dict[str, Any]:
    """The wish in a slot: as read from words, or behind a button (`sku:…`, `quantity:…`)."""
    if isinstance(value, Mapping):
        return dict(value)
    kind, _, rest = str(value or "").partition(":")
    if kind == "quantity" and rest.isdigit():
        return {"quantity": int(rest)}
    return {"sku": rest} if kind == "sku" else {}


async def variant_buttons(turn: Turn, line: Mapping[str, Any]) -> list[Button]:
    """The other variants of an item that are in stock; after an unclear wish only those that fit it."""
    obstacle = turn.slot("obstacle") or {}
    options = (
        obstacle.get("params", {}).get("options")
        if obstacle.get("code") in ("variant_unclear", "out_of_stock", "variant_unknown")
        else None
    )
    if options is None:
        result = await turn.look_up(
            "product_availability", order_number=turn.slot("order_number"), line_id=str(line["id"])
        )
        options = result.data["variants"] if isinstance(result, Done) else []
    return [
        {"title": turn.texts.named(option, "variant")[:60], "payload": choose(wish=f"sku:{option['sku']}")}
        for option in options
        if isinstance(option, Mapping)
        and option.get("availability", "in_stock") != "out_of_stock"
        and option["sku"] != line["sku"]
    ][:8]


async def named_variant(turn: Turn, line: Mapping[str, Any]) -> dict[str, str] | None:
    """The variant whose whole name was said: "Klinkerrot, 24" is a size, not a number of pieces."""
    result = await turn.look_up("product_availability", order_number=turn.slot("order_number"), line_id=str(line["id"]))
    said = f" {reading.plain(turn.text)} "
    for variant in result.data["variants"] if isinstance(result, Done) else []:
        names = {reading.plain(str(variant.get(key) or "")) for key in ("variant", "variant_en")} - {""}
        if any(f" {name} " in said for name in names if " " in name):
            return {"sku": variant["sku"]}
    return None


def settlement_text(turn: Turn, data: Mapping[str, Any]) -> str:
    """What a change costs or brings back, and how that is settled."""
    settlement = data.get("settlement") or {}
    kind = settlement.get("kind") or "none"
    if kind in ("none", "owed"):
        return turn.t(f"utter_settlement_{kind}")
    to = settlement.get("to") or {}
    values = {"amount": turn.texts.money(settlement["amount"])}
    if kind == "charge":
        return turn.t("utter_settlement_charge", **values, label=to.get("label") or turn.t("utter_way_you_paid"))
    on_day = turn.texts.on_day(settlement["expected_on"]) if settlement.get("expected_on") else None
    where = money_to(turn, to) if to else ""
    return (
        turn.t("utter_settlement_refund", **values, to=where, on_day=on_day)
        if on_day
        else turn.t("utter_settlement_refund_undated", **values, to=where)
    )


def _changes(turn: Turn, changes: list[Mapping[str, Any]]) -> str:
    return turn.texts.all_of(_one_change(turn, change) for change in changes)


def _one_change(turn: Turn, change: Mapping[str, Any]) -> str:
    before, after = change.get("from") or {}, change.get("to") or {}
    return turn.t(
        f"utter_change_{change['kind']}",
        item=turn.texts.named(before or after),
        before=turn.texts.named(before, "variant"),
        after=turn.texts.named(after, "variant"),
        count_before=before.get("quantity") or 0,
        count_after=after.get("quantity") or 0,
    )


# -- inside


def _payment_words(options: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {
        option["id"]: [
            option.get("label") or "",
            option["kind"].replace("_", " "),
            *_WORDS_FOR_PAYMENT.get(option["kind"], ()),
        ]
        for option in options
    }


_WORDS_FOR_PAYMENT: Mapping[str, tuple[str, ...]] = {
    "paypal": ("paypal", "pay pal"),
    "card": ("kreditkarte", "karte", "visa", "mastercard", "credit card", "card"),
    "invoice": ("rechnung", "auf rechnung", "invoice", "bill"),
    "direct_debit": ("lastschrift", "bankeinzug", "abbuchen", "direct debit"),
    "prepayment": ("vorkasse", "überweisung", "überweisen", "bank transfer", "prepayment"),
    "gift_card": ("geschenkkarte", "gutschein", "guthaben", "gift card", "voucher"),
}


def _option_title(turn: Turn, option: Mapping[str, Any]) -> str:
    balance = f" ({turn.texts.money(option['balance'])})" if option.get("balance") else ""
    return f"{_method_label(turn, option)}{balance}"[:60]


def _method_label(turn: Turn, option: Any) -> str:
    if not isinstance(option, Mapping):
        return turn.t(f"utter_payment_{option}") if turn.texts.has(f"utter_payment_{option}") else str(option)
    if option.get("label"):
        return str(option["label"])
    return turn.t(f"utter_payment_{option['kind']}")


def _address(address: Mapping[str, Any] | None) -> str:
    if not address:
        return "–"
    return ", ".join(
        part
        for part in (address.get("street"), f"{address.get('postcode') or ''} {address.get('city') or ''}".strip())
        if part
    )


def address_in(text: str) -> dict[str, str]:
    """The parts of an address that a text has: street, postcode, city, country; others are missing."""
    found: dict[str, str] = {}
    rest = text.strip()
    folded = rest.casefold()
    for code, names in _COUNTRIES.items():
        name = next((name for name in names if re.search(rf"(?<!\w){name}(?!\w)", folded)), None)
        if name:
            found["country"] = code
            rest = re.sub(rf",?\s*(?<!\w){name}(?!\w)", "", rest, flags=re.IGNORECASE)
            break
    place = _PLACE.search(rest)
    if place:
        found["postcode"] = place["postcode"]
        found["city"] = place["city"].strip()
        if place["prefix"]:
            found.setdefault("country", _PREFIXES.get(place["prefix"], place["prefix"]))
        rest = rest[: place.start()] + "," + rest[place.end() :]
    for part in re.split(r"[,;\n]", rest):
        street = _STREET.search(_BEFORE_STREET.sub("", part.strip()))
        if street:
            found["street"] = street["street"].strip()
            break
    return found
