"""The customer's newsletter and data."""

import re
from typing import Any, ClassVar

from actions.flows import Change, Flow, Halt
from actions.knowledge import answer_from_articles, is_answered
from actions.order_flow import OrderFlow
from actions.turn import Turn, choose

__all__ = ["MailStep", "Newsletter", "PrivacyRequest"]

_OFF = re.compile(
    r"\b(ab\b|trag\w* .{0,40}\baus\b|take me off"
    r"|abbestell\w*|abmeld\w*|austrag\w*|kündig\w*|kein\w*|nicht mehr|stopp\w*|stop"
    r"|unsubscrib\w*|sign off|off\b|no more|cancel)",
    re.IGNORECASE,
)
_ON = re.compile(
    r"\b(an\b|anmeld\w*|abonnier\w*|bestellen|bekommen|erhalten|eintragen|subscrib\w*|sign (me )?up|get|receive|on\b)",
    re.IGNORECASE,
)
_RIGHTS = (
    (
        "erasure",
        re.compile(
            r"lösch|entfern|vergess|delet|eras|remove|close (my|the) account|konto (schließ|kündig)", re.IGNORECASE
        ),
    ),
    ("rectification", re.compile(r"berichtig|korrigier|falsch gespeichert|rectif|correct", re.IGNORECASE)),
    ("objection", re.compile(r"widersp(rech|ruch)|werbung|object|marketing", re.IGNORECASE)),
    (
        "access",
        re.compile(
            r"auskunft|welche daten|was (speicher|wisst|wissen)|kopie|export|access|copy|which data"
            r"|what data|hold about",
            re.IGNORECASE,
        ),
    ),
)


class MailStep(Flow):
    """Asks for a mail address."""

    async def settle_contact_email(self, turn: Turn) -> str | None:
        """An address given before in this conversation."""
        if (turn.slot("obstacle") or {}).get("code") == "email_invalid":
            return None
        address = turn.value("email") or turn.slot("email")
        return str(address) if address else None

    @staticmethod
    def _address(turn: Turn, data: dict[str, Any]) -> str:
        """The address as the customer gave it; one that only the shop knows stays masked."""
        return str(turn.slot("contact_email") or data["email"])

    async def read_contact_email(self, turn: Turn) -> str | None:
        """A mail address."""
        address = turn.value("email")
        return str(address) if address else None


class Newsletter(Change, MailStep):
    """Subscribes to or unsubscribes from the newsletter."""

    form = "newsletter_form"
    intents = ("newsletter",)
    steps = ("subscribe", "contact_email", "confirm")
    operation = "newsletter"
    solvable: ClassVar[dict[str, str]] = {"email_needed": "contact_email", "email_invalid": "contact_email"}

    async def settle_subscribe(self, turn: Turn) -> str | None:
        """What the first message says."""
        return _on_or_off(turn.slot("opening") or "")

    async def ask_subscribe(self, turn: Turn) -> None:
        """On or off."""
        self.pose(
            turn,
            "subscribe",
            buttons=[turn.button(f"utter_newsletter_{word}", choose(subscribe=word)) for word in ("on", "off")],
        )

    async def read_subscribe(self, turn: Turn) -> str | None:
        """On or off."""
        return _on_or_off(turn.text)

    async def args(self, turn: Turn) -> dict[str, Any]:
        """Which way, and whose."""
        return {"subscribe": turn.slot("subscribe") == "on", "email": turn.slot("contact_email")}

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """What will happen to which address."""
        return [turn.t(f"utter_confirm_newsletter_{turn.slot('subscribe')}", email=turn.slot("contact_email"))]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """What was done, and what the customer still has to do."""
        turn.tell(f"utter_newsletter_{data['state']}", email=self._address(turn, data))


class PrivacyRequest(Change, OrderFlow):
    """Takes a request about the customer's data: access, erasure, correction, objection."""

    form = "privacy_request_form"
    intents = ("privacy_request", "delete_account")
    steps = ("data_request", "order_number", "proof", "full_proof", "confirm")
    operation = "privacy_request"

    def probe(self, order: Any) -> dict[str, Any]:
        """What is asked for."""
        return {"kind": "access"}

    async def settle_data_request(self, turn: Turn) -> str | None:
        """What the first message asks for; deleting an account is erasure. A general question needs no request."""
        if turn.intent == "delete_account":
            return "erasure"
        right = _right(turn.slot("opening") or "")
        if right is None and turn.slot("requested_slot") is None and await is_answered(turn):
            raise Halt
        return right

    async def finish(self, turn: Turn) -> None:
        """Take the request; or say what an article says."""
        if turn.slot("data_request") is None:
            await answer_from_articles(turn)
            return
        await super().finish(turn)

    async def ask_data_request(self, turn: Turn) -> None:
        """The rights there are."""
        self.pose(
            turn,
            "data_request",
            buttons=[turn.button(f"utter_data_{right}", choose(data_request=right)) for right, _ in reversed(_RIGHTS)],
        )

    async def read_data_request(self, turn: Turn) -> str | None:
        """Which right is meant."""
        return _right(turn.text) or ("erasure" if turn.intent == "delete_account" else None)

    async def args(self, turn: Turn) -> dict[str, Any]:
        """The right. The customer is who proved to be one."""
        return {"kind": turn.slot("data_request")}

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """What is asked for, and until when there is an answer."""
        return [
            turn.t(f"utter_confirm_data_{data['kind']}"),
            turn.t("utter_answer_by", by_day=turn.texts.by_day(data["answer_by"])),
        ]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """The number, and until when there is an answer."""
        answer = turn.t("utter_answer_by", by_day=turn.texts.by_day(data["answer_by"]))
        turn.say(turn.t("utter_data_requested", number=data["number"]), answer)
        turn.promise("answer", answer, data["answer_by"])


def _on_or_off(text: str) -> str | None:
    return "off" if _OFF.search(text) else "on" if _ON.search(text) else None


def _right(text: str) -> str | None:
    return next((right for right, pattern in _RIGHTS if pattern.search(text)), None)
