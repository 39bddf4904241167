"""Steps that several matters share: which item, why, how it is handed in."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from actions import reading
from actions.choices import chosen_lines, line_buttons, positive, reason_buttons
from actions.flows import Change, NotUsable
from actions.order_flow import OrderFlow
from actions.shop_client import Denied, Done
from actions.turn import Button, Turn, choose

__all__ = ["DropOffStep", "LineStep", "ReasonStep", "RefundTarget"]

_NOTHING = re.compile(r"(?!)")
# What people say when they are asked why; the entities know reasons for returns only.
_MEANT_BY = {
    "ordered_by_mistake": re.compile(
        r"verseh|vertippt|verklickt|falsch bestellt|(doppelt|zweimal) bestellt|mistake|accident|ordered (it )?twice",
        re.I,
    ),
    "found_cheaper": re.compile(r"günstiger|billiger|zu teuer|cheaper|too expensive|better price", re.I),
    "too_late": re.compile(r"dauert.{0,12}lang|zu (spät|lang)|nicht warten|takes? too long|too (late|slow)", re.I),
    "no_longer_needed": re.compile(
        r"nicht mehr|anders überlegt|brauch.{0,8}(nicht|kein)|no longer|any ?more|don'?t (need|want)|changed my mind",
        re.I,
    ),
}


class LineStep(OrderFlow, ABC):
    """Asks which item of the order is meant."""

    several: ClassVar[bool] = True
    """Whether more than one item, or everything, may be meant."""
    whole_order: ClassVar[str] = "utter_button_everything"
    """Title of the button for everything."""

    @abstractmethod
    def eligible(self, line: Mapping[str, Any]) -> bool:
        """Whether this item comes into question."""

    def why_not(self, turn: Turn, line: Mapping[str, Any]) -> str:
        """Why another item of the order does not."""
        return turn.t("utter_line_not_possible", item=turn.texts.item(line, quantity=1))

    async def eligible_lines(self, turn: Turn) -> list[Mapping[str, Any]]:
        """Items that come into question."""
        return [line for line in (await self.order(turn))["lines"] if self.eligible(line)]

    async def chosen(self, turn: Turn) -> list[Mapping[str, Any]]:
        """The items meant."""
        ids = chosen_lines(turn.slot("line"))
        return [line for line in await self.eligible_lines(turn) if not ids or str(line["id"]) in ids]

    async def settle_line(self, turn: Turn) -> list[str] | None:
        """The only item in question, or the one that was named at the beginning."""
        lines = await self.eligible_lines(turn)
        other = await self._item_of_no_line(turn)
        if other:
            turn.set("obstacle", {"code": "item_not_in_order", "params": {"item": other}})
            return None
        if len(lines) == 1:
            return [str(lines[0]["id"])]
        named = reading.items(turn.slot("opening") or "", lines)
        if named == [reading.ALL]:
            return named if self.several else None
        return named if named and len(named) < (len(lines) if self.several else 2) else None

    async def _item_of_no_line(self, turn: Turn) -> str | None:
        """An article that the first message names, that the shop has, and that is not in this order."""
        opening, lines = turn.slot("opening") or "", (await self.order(turn))["lines"]
        if reading.items(opening, lines):
            return None
        for word in reading.things(opening):
            found = await turn.look_up("product_search", query=word, limit=20)
            products = found.data["products"] if isinstance(found, Done) else []
            if products and not {product["id"] for product in products} & {line.get("product_id") for line in lines}:
                return word
        return None

    async def ask_line(self, turn: Turn) -> None:
        """The items in question as choices; that an article named is not among them is said first."""
        order, lines = await self.order(turn), await self.eligible_lines(turn)
        buttons: list[Button] = line_buttons(turn, lines)
        if self.several and len(lines) > 1:
            buttons.append(turn.button(self.whole_order, choose(line=reading.ALL)))
        note = turn.t("utter_some_left_out") if len(lines) < len(order["lines"]) else ""
        obstacle = turn.slot("obstacle") or {}
        if obstacle.get("code") == "item_not_in_order" and not self.tries(turn, "line"):
            turn.tell("utter_item_not_in_order", item=obstacle["params"]["item"], order_number=order["number"])
        self.pose(turn, "line", buttons=buttons, order_number=order["number"], note=note)

    async def read_line(self, turn: Turn) -> list[str] | None:
        """Items named by product, variant or place in the list."""
        order, lines = await self.order(turn), await self.eligible_lines(turn)
        if len(lines) == 1 and turn.slot("requested_slot") == "line" and reading.yes_or_no(turn.text, turn.intent):
            return [str(lines[0]["id"])]
        named = reading.items(turn.text, lines)
        if named and (self.several or (named != [reading.ALL] and len(named) == 1)):
            return named
        others = [line for line in order["lines"] if line not in lines]
        other = [line_id for line_id in reading.items(turn.text, others) if line_id != reading.ALL] if not named else []
        if other and turn.slot("requested_slot") == "line":
            raise NotUsable(self.why_not(turn, next(line for line in others if str(line["id"]) == other[0])))
        return None


class ReasonStep(OrderFlow, ABC):
    """Asks why, without insisting."""

    reasons: ClassVar[Sequence[str]] = ()

    async def settle_reason(self, turn: Turn) -> str | None:
        """A reason that was given already, unasked."""
        known = turn.heard("return_reason", opening=True)
        return known if known in self.reasons else None

    async def accepted_reasons(self, turn: Turn) -> Sequence[str] | None:
        """The reasons policy insists on, None where it wants none."""
        obstacle = turn.slot("obstacle") or {}
        if obstacle.get("code") in ("reason_needed", "reason_not_accepted"):
            return [str(reason) for reason in (obstacle.get("params") or {}).get("reasons") or []]
        return None

    async def ask_reason(self, turn: Turn) -> None:
        """Reasons to choose from; none need be given, unless policy wants one."""
        accepted = await self.accepted_reasons(turn)
        if accepted is None:
            self.pose(turn, "reason", buttons=reason_buttons(turn, self.reasons))
            return
        known = [reason for reason in accepted if turn.texts.has(f"utter_reason_{reason}")]
        turn.say(
            turn.t("utter_ask_reason_required"),
            buttons=[turn.button(f"utter_reason_{reason}", choose(reason=reason)) for reason in known],
        )

    async def read_reason(self, turn: Turn) -> str | None:
        """One of the usual reasons, in the customer's words."""
        known = turn.heard("return_reason")
        if known in self.reasons:
            return known
        if turn.slot("requested_slot") == "reason":
            meant = next((reason for reason in self.reasons if _MEANT_BY.get(reason, _NOTHING).search(turn.text)), None)
            if meant:
                return meant
        unsaid = turn.slot("requested_slot") == "reason" and reading.says_none(turn.text)
        return "other" if unsaid and await self.accepted_reasons(turn) is None else None

    async def guess_reason(self, turn: Turn) -> str | None:
        """Any other words are another reason, or none."""
        if reading.is_question(turn.text) or turn.intent == "affirm" or await self.accepted_reasons(turn) is not None:
            return None
        return "other"


class DropOffStep(OrderFlow, ABC):
    """Asks where goods are handed in."""

    async def _drop_offs(self, turn: Turn) -> list[Mapping[str, Any]]:
        info = await turn.look_up("shop_info")
        return list(info.data["returns"]["drop_offs"]) if isinstance(info, Done) else []

    async def settle_drop_off(self, turn: Turn) -> str | None:
        """The only way there is, or the one already named."""
        places = await self._drop_offs(turn)
        if len(places) == 1:
            return str(places[0]["id"])
        return reading.choice(turn.slot("opening") or "", _words_of(places))

    async def ask_drop_off(self, turn: Turn) -> None:
        """The ways with what they cost and need."""
        places = await self._drop_offs(turn)
        self.pose(
            turn,
            "drop_off",
            buttons=[
                {"title": turn.texts.local(place["name"]), "payload": choose(drop_off=place["id"])} for place in places
            ],
            places="\n".join(
                f"• {turn.texts.local(place['name'])}: {turn.texts.local(place['text'])}" for place in places
            ),
        )

    async def read_drop_off(self, turn: Turn) -> str | None:
        """One of the ways, by its name or by its place in the list."""
        return reading.choice(
            turn.text, _words_of(await self._drop_offs(turn)), by_place=turn.slot("requested_slot") == "drop_off"
        )


class RefundTarget(Change, OrderFlow, ABC):
    """Lets the customer choose where money goes back to, as far as policy has a choice. It is never asked for."""

    notes = (*OrderFlow.notes, "refund_to")

    def _wish(self, turn: Turn) -> str | None:
        if turn.is_choice:
            return turn.value("refund_to")
        if turn.slot("requested_slot") in self.free_text:
            return None
        return reading.refund_target(turn.text, asked=turn.slot("requested_slot") == "confirm")

    async def take_named(self, turn: Turn, besides: str | None = None) -> bool:
        """Where money shall go says itself what it is for."""
        taken = await super().take_named(turn, besides)
        wish = self._wish(turn)
        if wish is None or wish == turn.slot("refund_to"):
            return taken
        turn.set("refund_to", wish)
        return True

    async def hear(self, turn: Turn) -> bool:
        """A yes that wants the money somewhere else is no yes yet: what is done now is said first."""
        wish = self._wish(turn)
        if wish and turn.slot("requested_slot") == "confirm" and wish != await self._present(turn):
            turn.set("refund_to", wish)
            turn.set("confirm", None)
            return self._taken(turn)
        return await super().hear(turn)

    async def _present(self, turn: Turn) -> str | None:
        """Where the money would go as things stand."""
        result = await turn.preview(self.operation, await self.args(turn))
        options = result.data.get("refund_options") if isinstance(result, Done) else None
        return turn.slot("refund_to") or next(iter(options or []), None)

    def is_own_matter(self, turn: Turn) -> bool:
        """Money to a gift card is no other matter, whatever it seems to be."""
        return self._wish(turn) is not None or super().is_own_matter(turn)

    def set_aside(self, turn: Turn) -> None:
        """The choice is kept with the rest."""
        super().set_aside(turn)
        if turn.slot("refund_to"):
            *others, entry = turn.slot("agenda")
            kept = {**entry, "slots": {**entry["slots"], "refund_to": turn.slot("refund_to")}}
            turn.set("agenda", [*others, kept])

    async def previewed(self, turn: Turn) -> dict[str, Any]:
        """Where policy does not have the wished way, say so and go on with the one it has."""
        wish = turn.slot("refund_to")
        if wish:
            result = await turn.preview(self.operation, await self.args(turn))
            if isinstance(result, Denied) and result.code == "refund_to_unavailable":
                turn.set("refund_to", None)
                turn.tell(f"utter_no_refund_to_{wish}")
        return await super().previewed(turn)

    def confirm_buttons(self, turn: Turn, data: dict[str, Any]) -> list[Button]:
        """The other way, where money comes back and policy has one."""
        yes, *rest = super().confirm_buttons(turn, data)
        refund, options = data.get("refund"), data.get("refund_options") or []
        if not refund or not positive(refund["amount"]) or len(options) < 2:
            return [yes, *rest]
        present = turn.slot("refund_to") or options[0]
        if refund["to"]["kind"] == "gift_card" and present == "original":
            return [yes, *rest]  # it was paid with one
        other = next(option for option in options if option != present)
        return [yes, turn.button(f"utter_button_refund_to_{other}", choose(refund_to=other)), *rest]


def _words_of(places: list[Mapping[str, Any]]) -> dict[str, list[str]]:
    """What people call the ways to hand something in."""
    usual = {
        "service_point": [
            "paketshop",
            "postfiliale",
            "filiale",
            "post",
            "kiosk",
            "parcel shop",
            "post office",
            "service point",
            "drop off",
        ],
        "parcel_locker": ["packstation", "paketstation", "paketautomat", "automat", "locker", "parcel locker"],
        "store": ["laden", "geschäft", "im laden", "vor ort", "store", "in store", "your shop"],
        "collection": [
            "abholung",
            "abholen",
            "abgeholt",
            "zu hause",
            "zuhause",
            "pick up",
            "picked up",
            "collect",
            "collected",
            "collection",
            "at home",
        ],
    }
    return {place["id"]: [*place["name"].values(), *usual.get(place["id"], [])] for place in places}
