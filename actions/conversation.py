"""The conversation itself: greeting and leaving, yes and no out of nowhere, asking back, handing over."""

import re
from typing import Any

from actions import reading
from actions.flows import FLOWS, Answer, leave, offer_agenda, resume, say_goodbye
from actions.knowledge import (
    SURE_WITHOUT_INTENT,
    answer_from_articles,
    answer_from_product,
    record_feedback,
    take_feedback,
)
from actions.shop_client import Done
from actions.turn import Button, Turn

__all__ = ["Affirm", "AskBack", "Deny", "Goodbye", "Greet", "Handoff", "Inform", "OutOfScope", "Stop", "Thank"]

_THAT_IS_ALL = re.compile(
    r"das (war|wär|wäre|ist)('?s| es| alles)|war'?s (schon|das|dann)|mehr (brauche|wollte"
    r"|möchte) ich nicht|sonst nichts|nichts (mehr|weiter)"
    r"|that('?s| is| was|'ll be| will be) (all|it|everything)|nothing else|i'?m (all )?(done|good|set)|bye",
    re.IGNORECASE,
)
_MEANINGS_OFFERED = 3
_ASK_BACK_LIMIT = 2
_WORDS_AROUND_A_NUMBER = 3
_WORDS_OF_A_MATTER = 4
_OFFERED_FOR_A_NUMBER = frozenset({"track_order", "return_item", "cancel_order"})


class Greet(Answer):
    """Greets and says what can be done."""

    def name(self) -> str:
        """Name of the action."""
        return "action_greet"

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """Greet by the time of day; in the middle of a matter briefly. Whoever names an order is led on."""
        if turn.value("order_number") and not turn.tracker.active_loop.get("name"):
            await lead_on(turn, str(turn.value("order_number")))
            return
        name = "utter_greet_again" if turn.tracker.active_loop.get("name") else "utter_greet"
        hour = turn.now.hour
        time_of_day = "morning" if hour < 11 else "day" if hour < 18 else "evening"
        turn.tell(name, greeting=turn.t(f"utter_good_{time_of_day}"))


class Thank(Answer):
    """Takes thanks; where they are the end, says goodbye."""

    def name(self) -> str:
        """Name of the action."""
        return "action_thank"

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """Welcome, or farewell and the survey."""
        if offered and "helped" in offered:
            await record_feedback(turn, offered, helped=True)
        if _THAT_IS_ALL.search(turn.text):
            say_goodbye(turn)
        else:
            turn.tell("utter_thank_again" if turn.tracker.active_loop.get("name") else "utter_thank")


class Goodbye(Answer):
    """Says goodbye and asks for the survey."""

    def name(self) -> str:
        """Name of the action."""
        return "action_goodbye"

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """Farewell."""
        say_goodbye(turn)


class Affirm(Answer):
    """A yes with nothing to confirm: to the bot's last offer, or out of nowhere."""

    def name(self) -> str:
        """Name of the action."""
        return "action_affirm"

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """Do what was offered, or ask what the yes was for."""
        if offered and offered.get("form") in FLOWS:
            turn.events.append(resume(turn, offered))
        elif offered and "helped" in offered:
            await take_feedback(turn, offered, helped=True)
        else:
            turn.tell("utter_affirm")


class Deny(Answer):
    """A no with nothing to confirm."""

    def name(self) -> str:
        """Name of the action."""
        return "action_deny"

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """Leave what was offered; a plain no to "anything else?" is the end."""
        if offered and "helped" in offered:
            await take_feedback(turn, offered, helped=False)
        elif offered:
            turn.tell("utter_offer_declined")
            offer_agenda(turn)
        elif (
            _THAT_IS_ALL.search(turn.text) or "danke" in reading.plain(turn.text) or "thank" in reading.plain(turn.text)
        ):
            say_goodbye(turn)
        else:
            turn.tell("utter_deny")


class Stop(Answer):
    """Ends what is under way; nothing is changed."""

    def name(self) -> str:
        """Name of the action."""
        return "action_stop"

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """Stop, and say that nothing happened."""
        busy = bool(turn.tracker.active_loop.get("name"))
        leave(turn)
        turn.set("agenda", None)
        turn.tell("utter_stopped" if busy else "utter_stop")


class Handoff(Answer):
    """Asks the service for a person."""

    def name(self) -> str:
        """Name of the action."""
        return "action_handoff"

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """The service words the answer, with opening hours and wait."""
        leave(turn)
        turn.request_handoff("customer_asked")


class Inform(Answer):
    """A value that nobody asked for."""

    def name(self) -> str:
        """Name of the action."""
        return "action_inform"

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """Ask what it is about, with the likely matters as choices."""
        for kind in ("email", "postcode"):
            if turn.value(kind):
                turn.set(kind, str(turn.value(kind)))
        if turn.value("photo"):
            turn.tell("utter_photo_received")
        elif turn.value("order_number"):
            await lead_on(turn, str(turn.value("order_number")))
        else:
            turn.tell("utter_inform")


class AskBack(Answer):
    """Asks what was meant: the likeliest meanings as choices, twice at most, then a person."""

    def name(self) -> str:
        """Name of the action."""
        return "action_ask_back"

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """Answer from what the shop has written; else ask back, or give up honestly."""
        if turn.value("order_number") and not turn.tracker.active_loop.get("name"):
            await lead_on(turn, str(turn.value("order_number")))
            return
        if await answer_unasked(turn):
            return
        times = (turn.slot("misunderstood") or 0) + 1
        turn.set("misunderstood", times)
        if times > _ASK_BACK_LIMIT:
            turn.request_handoff("not_understood")
            return
        if turn.tracker.active_loop.get("name"):
            turn.tell("utter_no_answer_here")
            return
        meanings = _meanings(turn)
        name = "utter_ask_back" if times == 1 else "utter_ask_back_again"
        if not meanings:
            turn.tell("utter_ask_back_open" if times == 1 else "utter_ask_back_open_again")
            return
        turn.say(turn.t(name), buttons=[*meanings, *turn.buttons(name)])


class OutOfScope(Answer):
    """Says that this is not the bot's business, and what is."""

    def name(self) -> str:
        """Name of the action."""
        return "action_out_of_scope"

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """Answer from what the shop has written; else decline, after the second time in a row with a person."""
        if turn.value("order_number") and not turn.tracker.active_loop.get("name"):
            await lead_on(turn, str(turn.value("order_number")))
            return
        if await answer_unasked(turn):
            return
        times = (turn.slot("misunderstood") or 0) + 1
        turn.set("misunderstood", times)
        if turn.tracker.active_loop.get("name"):
            turn.tell("utter_no_answer_here")
            return
        turn.tell("utter_out_of_scope" if times < _ASK_BACK_LIMIT else "utter_out_of_scope_again")


async def lead_on(turn: Turn, number: str) -> None:
    """Go on from an order number that came by itself: show the order if it is theirs, else ask what it is about."""
    turn.set("order_number", number)
    # More than a number: what it probably means comes first.
    worded = len(turn.text.split()) > _WORDS_AROUND_A_NUMBER
    likely = next((meant["name"] for meant in turn.ranking if meant["name"] != "inform"), "")
    about_status = not worded or likely in ("", "track_order", "order_details", "greet", "out_of_scope", "nlu_fallback")
    proved = turn.value("email") or turn.value("postcode")
    if about_status and (proved or isinstance(await turn.look_up("order", order_number=number), Done)):
        turn.events.append(resume(turn, {"form": "track_order_form", "slots": {"order_number": number}}))
        return
    meanings = _meanings(turn, besides=_OFFERED_FOR_A_NUMBER) if worded else []
    turn.say(
        turn.t("utter_order_number_received", order_number=number),
        buttons=[*meanings, *turn.buttons("utter_order_number_received")],
    )


async def answer_unasked(turn: Turn) -> bool:
    """Answer a message of no known meaning from product data or articles, if it may be a question at all."""
    may_ask = reading.is_question(turn.text) or len(turn.text.split()) >= _WORDS_OF_A_MATTER
    if not may_ask or not (
        await answer_from_product(turn) or await answer_from_articles(turn, least=SURE_WITHOUT_INTENT)
    ):
        return False
    turn.understood()
    turn.set("misunderstood", None)
    return True


def _meanings(turn: Turn, *, besides: frozenset[str] = frozenset()) -> list[Button]:
    """The likeliest intents in the customer's words; an order number they named is kept."""
    number = turn.value("order_number")
    buttons = []
    for candidate in turn.ranking:
        name = candidate["name"]
        if turn.texts.has(f"utter_meaning_{name}") and name not in besides:
            payload = f"/{name}" + (f'{{"order_number": "{number}"}}' if number else "")
            buttons.append(turn.button(f"utter_meaning_{name}", payload))
    return buttons[:_MEANINGS_OFFERED]
