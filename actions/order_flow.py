"""Matters of one order: which order it is, and that it is the customer's.

Who someone is, the service decides for every call; the steps `proof` and `full_proof` only keep track of
whether it has to be asked for. What the customer gave as number, address and postcode is remembered, so
that a second order of theirs needs no second question.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from actions import reading
from actions.flows import Flow, Halt, NotUsable
from actions.shop_client import Denied, Done
from actions.turn import Button, Turn, choose

__all__ = ["OrderFlow"]

SHOWN = "shown"
"""Value of a proof step: the service showed the order. Emptied with the matter; proves nothing."""

OTHER_ORDER = "?"
"""Value of a button for an order whose number is still to come."""

_NUMBER = re.compile(r"(?<![\w@.])#?([A-Za-z]{1,4}[- ]?)?\d[\d-]{3,14}(?![\w@])")
# With the shop's letters a number is an order number wherever it stands.
_LETTERED_NUMBER = re.compile(r"(?<![\w@.])#?[A-Z]{1,4}[- ]?\d[\d-]{4,12}(?![\w@])")
_UNASKED = "|unasked"
_POSTCODE = re.compile(r"\d{4,5}")
_WITH_TOWN = re.compile(r"\d[\s,]+\d{4,5}\s+[A-ZÄÖÜ][a-zäöüß]{2,}")
_CODE = re.compile(r"(?<!\d)(\d{3})[ -]?(\d{3})(?!\d)")


class OrderFlow(Flow):
    """A flow whose first steps are the order and the proof that it is the customer's.

    Subclasses name their steps after `order_number` and `proof` (and `full_proof` where the service may want more).
    """

    notes = ("code_sent", "attempts_left")

    # -- the order

    async def order(self, turn: Turn) -> dict[str, Any]:
        """The whole order. Raises Halt where none is named yet, or the service does not show it."""
        if turn.slot("order_number") is None:
            raise Halt
        kept: dict[str, Any] | None = getattr(turn, "order", None)
        if kept is None:
            result = await turn.look_up("order", order_number=turn.slot("order_number"))
            if isinstance(result, Denied):
                raise Halt(result)
            kept = result.data
            turn.order = kept  # type: ignore[attr-defined]
        return kept

    async def begin(self, turn: Turn) -> None:
        """Start with the order named, else with the one talked about last."""
        if reading.mentions_other_order(turn.text):
            turn.set("order_number", None)
        await super().begin(turn)

    def is_own_matter(self, turn: Turn) -> bool:
        """Another order is the same matter, about something else."""
        return reading.mentions_other_order(turn.text)

    async def take_named(self, turn: Turn, besides: str | None = None) -> bool:
        """Order numbers, mail addresses and postcodes say themselves what they are."""
        taken = await super().take_named(turn, "full_proof" if turn.value("full_proof") else besides)
        if turn.slot("requested_slot") in self.free_text and turn.slot("goal") == self.form and not turn.is_choice:
            # A postcode in a new address is no proof, a number in a description no order.
            return taken
        if turn.slot("requested_slot") == "full_proof" and turn.slot("code_sent") and _CODE.search(turn.text):
            return taken  # six digits are the code here, and no order number
        number = turn.value("order_number") or _lettered(turn.text)
        if number and turn.slot("requested_slot") in ("proof", "full_proof") and _POSTCODE.fullmatch(str(number)):
            # Only the question tells a bare postcode from a bare order number.
            turn.set("postcode", str(number))
            return True
        if number == OTHER_ORDER:
            taken |= self._take_number(turn, None)
        elif number and besides != "order_number":
            taken |= self._take_number(turn, str(number))
        elif turn.slot("goal") == self.form and turn.slot("requested_slot") and reading.mentions_other_order(turn.text):
            self._take_number(turn, None)
            taken = True
        return self._take_proofs(turn) or taken

    def _take_number(self, turn: Turn, number: str | None) -> bool:
        if number is not None and _same_number(number, turn.slot("order_number")):
            return turn.slot("requested_slot") in ("proof", "order_number")
        self._reopen_from(turn, "order_number")
        turn.set("order_number", number)
        if hasattr(turn, "order"):
            del turn.order
        return True

    def _take_proofs(self, turn: Turn) -> bool:
        if _WITH_TOWN.search(turn.text):
            return False  # an address, not a proof
        taken = False
        for kind in ("email", "postcode"):
            value = turn.value(kind)
            if value and str(value) != turn.slot(kind):
                other = "postcode" if kind == "email" else "email"
                if turn.slot("failed_proof") and not turn.value(other):
                    # One of the two was wrong, and nobody knows which: the new one is tried alone.
                    turn.set(other, None)
                turn.set(kind, str(value))
                taken = True
        return taken

    async def _read(self, turn: Turn, step: str) -> Any:
        if step == "order_number" and turn.value("order_number") == OTHER_ORDER:
            return None
        if step == "full_proof":
            return await self.read_full_proof(turn)  # what its button says is a wish, not a proof
        return await super()._read(turn, step)

    async def settle_order_number(self, turn: Turn) -> str | None:
        """The only order that this conversation may see."""
        result = await turn.look_up("my_orders", limit=2)
        if isinstance(result, Done) and len(result.data["orders"]) == 1 and not reading.mentions_other_order(turn.text):
            return str(result.data["orders"][0]["number"])
        return None

    async def ask_order_number(self, turn: Turn) -> None:
        """Ask which order; orders that are known to be the customer's are choices."""
        result = await turn.look_up("my_orders", limit=5)
        buttons: list[Button] = []
        if isinstance(result, Done):
            buttons = [
                {
                    "title": f"{order['number']}: {turn.texts.named(order, 'summary')}"[:60],
                    "payload": choose(order_number=order["number"]),
                }
                for order in result.data["orders"]
            ]
        if buttons:
            turn.say(turn.t("utter_ask_which_order"), buttons=buttons)
        else:
            self.pose(turn, "order_number")

    async def read_order_number(self, turn: Turn) -> str | None:
        """An order number, also without the shop's letters."""
        known = turn.value("order_number")
        if known:
            return str(known)
        if turn.values("email") or turn.values("postcode"):
            return None
        match = _NUMBER.search(turn.text)
        return match.group().strip() if match else None

    # -- the proof

    async def settle_proof(self, turn: Turn) -> str | None:
        """Whether the service shows the order, with what was said so far."""
        number = turn.slot("order_number")
        shown = await turn.look_up("order", order_number=number)
        if isinstance(shown, Denied) and shown.code == "not_verified":
            shown = await self._verify(turn, number, shown)
        if isinstance(shown, Denied):
            if shown.code == "not_verified":
                return None
            raise Halt(shown)
        turn.order = shown.data  # type: ignore[attr-defined]
        turn.set("order_number", shown.data["number"])
        turn.set("proved", shown.data["number"])
        obstacle = self._obstacle(shown.data)
        if obstacle:
            raise Halt(obstacle)
        return SHOWN

    async def _verify(self, turn: Turn, number: str, denied: Denied) -> Done | Denied:
        email, postcode = turn.slot("email"), turn.slot("postcode")
        attempt = f"{number}|{email}|{postcode}"
        if not (email or postcode) or str(turn.slot("failed_proof")).removesuffix(_UNASKED) == attempt:
            return denied
        result = await turn.carry_out("verify", {"order_number": number, "email": email, "postcode": postcode})
        if isinstance(result, Denied):
            return result
        state = result.data["state"]
        if state == "verified":
            turn.set("failed_proof", None)
            return await turn.look_up("order", order_number=number)
        if state == "locked":
            return _locked(result)
        # Proofs of another order that are tried unasked and do not fit are no mistake of the customer's.
        unasked = not (turn.value("email") or turn.value("postcode") or turn.slot("failed_proof"))
        turn.set("failed_proof", attempt + _UNASKED if unasked else attempt)
        left = result.data.get("attempts_left")
        turn.set("attempts_left", left)
        return denied

    later: ClassVar[tuple[str, ...]] = ()
    """Denials of the order's view that do not hold once the flow has asked what it asks."""

    def _obstacle(self, order: Mapping[str, Any]) -> Denied | None:
        """Why the order's state forbids the change, so that it is said before more is asked."""
        possible = (order.get("possible") or {}).get(self.operation or "")
        if not possible or possible["allowed"] or possible["code"] in ("reason_needed", *self.solvable, *self.later):
            return None
        return Denied(possible["code"], possible.get("params") or {})

    async def ask_proof(self, turn: Turn) -> None:
        """Ask for the address or the postcode; after a wrong one, for both again."""
        number = turn.slot("order_number")
        failed = str(turn.slot("failed_proof") or "")
        if failed.split("|", maxsplit=1)[0] == number and not failed.endswith(_UNASKED):
            left = turn.slot("attempts_left")
            last = turn.t("utter_attempts_left", count=left) if left is not None and left <= 2 else ""
            turn.say(
                turn.t("utter_proof_failed"),
                last,
                buttons=[
                    turn.button("utter_button_other_number", choose(order_number=OTHER_ORDER)),
                    *turn.buttons("utter_offer_person"),
                ],
            )
            return
        if turn.slot("proved") == number:
            turn.asked_again("proof")
        self.pose(turn, "proof", order_number=number)

    async def read_proof(self, turn: Turn) -> None:
        """Mail address and postcode are taken wherever they stand."""
        return

    def probe(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments with which the operation, run dry, tells whether the proof is enough for it."""
        return {"order_number": order["number"]}

    async def settle_full_proof(self, turn: Turn) -> str | None:
        """The stronger proof, if policy wants it for this change."""
        assert self.operation is not None
        order = await self.order(turn)
        for _ in range(2):
            probe = await turn.preview(self.operation, self.probe(order))
            if not isinstance(probe, Denied) or probe.code != "not_verified":
                return SHOWN
            email, postcode = turn.slot("email"), turn.slot("postcode")
            attempt = f"{order['number']}|{email}|{postcode}"
            if not (email and postcode) or turn.slot("failed_proof") == attempt:
                return None
            result = await turn.carry_out(
                "verify", {"order_number": order["number"], "email": email, "postcode": postcode}
            )
            if isinstance(result, Denied):
                raise Halt(result)
            if result.data["state"] == "locked":
                raise Halt(_locked(result))
            turn.set("failed_proof", attempt if result.data["level"] != "full" else None)
        return None

    async def ask_full_proof(self, turn: Turn) -> None:
        """Ask for what is still missing of mail address and postcode; a code by mail does as well."""
        failed = turn.slot("failed_proof")
        wanted = "email" if turn.slot("postcode") and not turn.slot("email") else "postcode"
        if turn.slot("code_sent"):
            name = "utter_ask_code"
        elif failed:
            name = "utter_full_proof_failed"
        elif not turn.slot("email") and not turn.slot("postcode"):
            name = "utter_ask_full_proof_both"
        else:
            name = f"utter_ask_full_proof_{wanted}"
        buttons = [] if turn.slot("code_sent") else [turn.button("utter_button_code", choose(full_proof="send_code"))]
        turn.say(
            self.back(turn), turn.t(name), buttons=buttons, expects={"type": "code"} if turn.slot("code_sent") else None
        )

    async def read_full_proof(self, turn: Turn) -> str | None:
        """A code that was sent by mail; address and postcode are taken wherever they stand."""
        if turn.is_choice and turn.value("full_proof") == "send_code":
            await turn.carry_out("send_code", {"order_number": turn.slot("order_number")})
            turn.set("code_sent", True)
            raise NotUsable("")  # the question goes on: what is the code?
        code = _CODE.search(turn.text)
        if turn.slot("code_sent") and code:
            result = await turn.carry_out("confirm_code", {"code": "".join(code.groups())})
            if isinstance(result, Denied):
                raise NotUsable(turn.t("utter_denied_locked_plain"))
            if result.data.get("level") == "full":
                return SHOWN
            raise NotUsable(
                turn.t("utter_denied_locked_plain" if result.data["state"] == "locked" else "utter_code_wrong")
            )
        return None


def _lettered(text: str) -> str | None:
    match = _LETTERED_NUMBER.search(text)
    return match.group().lstrip("#") if match else None


def _locked(result: Done) -> Denied:
    return Denied("locked", {"until": result.data.get("locked_until")})


def _same_number(one: str, other: Any) -> bool:
    def bare(text: str) -> str:
        return "".join(char for char in text.upper() if char.isalnum())

    return bool(other) and bare(one) == bare(str(other))
