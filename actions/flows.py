"""What every matter has in common: collect what is needed step by step, carry it out, close.

A `Flow` is one matter: a Rasa form whose required slots are its steps, the action that validates it, and
the action that closes it. For a step named `reason` a flow may have

- `settle_reason(turn)`: find the value without asking (only one candidate, already said, not needed);
- `ask_reason(turn)`: ask for it (default: the response `utter_ask_<subject>_reason` or `utter_ask_reason`);
- `read_reason(turn)`: read it from the customer's message, None where it is not there;
- `guess_reason(turn)`: take the message for it when it is nothing else either.

`settle_*` may raise `Halt` with a denial: nothing more is asked, and the closing action explains it.

Rules start a flow by its intent and end with its closing action; whatever a flow does not take (a question,
another wish, "stop") it rejects, so that Rasa's rules answer. After an answer Rasa returns to the form, which
asks its step again. Another operation takes over, and this one is put on the agenda.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, cast

from rasa_sdk import Action, FormValidationAction, Tracker
from rasa_sdk.events import ActionExecutionRejected, ActiveLoop, EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions import reading
from actions.denials import explain
from actions.shop_client import Denied, ShopUnavailable
from actions.turn import Button, Turn

__all__ = [
    "FLOWS",
    "SURE",
    "Answer",
    "Change",
    "Flow",
    "Halt",
    "NotUsable",
    "Reopen",
    "close_flow",
    "flow_of_intent",
    "leave",
    "resume",
    "say_goodbye",
]

SURE = 0.55
"""Confidence (0..1) from which a message in the middle of a flow is taken as another wish."""
SURE_OF_QUESTION = 0.35
"""The same for a question: somebody who asks is not answering, whatever exactly is asked."""
HELPED_TWICE = 2
"""Unusable answers to one question after which a person is offered."""
_AGENDA_LENGTH = 3
_FEW_WORDS = 4
_LEAVING = frozenset({"stop", "human_handoff", "goodbye"})
# Denials that only say that an answer is missing; asking for it says the same.
_SAID_BY_THE_QUESTION = frozenset(
    {
        "photo_needed",
        "method_needed",
        "several_shipments",
        "day_needed",
        "place_needed",
        "wish_needed",
        "description_needed",
        "reason_needed",
        "email_needed",
    }
)
_PROOFS = ("proof", "full_proof")
_SUPPLYING = frozenset({"inform", "affirm", "deny"})
_UNREAD = frozenset({"nlu_fallback", "out_of_scope", "inform", "affirm", "deny", ""})
_EVERY_FLOW = ("confirm", "tries", "asked", "opening", "opened_with", "denied", "obstacle")
# What a first message may say that is only needed some questions later.
_KEPT_FROM_OPENING = ("return_reason", "size", "colour", "quantity", "product", "date", "time_window")

FLOWS: dict[str, "Flow"] = {}
"""All flows by the name of their form."""
# Kept, because Python forgets classes that nothing refers to.
_ACTIONS: dict[str, type] = {}


class Halt(Exception):
    """Nothing more is to be asked: the denial says why, or without one the matter is ready to be finished."""

    def __init__(self, denied: Denied | None = None) -> None:
        super().__init__(denied.code if denied else "ready")
        self.denied = denied


class Reopen(Exception):
    """A value that the shop does not take: its step is asked again, after the denial is explained."""

    def __init__(self, step: str, denied: Denied) -> None:
        super().__init__(f"{step}: {denied.code}")
        self.step = step
        self.denied = denied


class NotUsable(Exception):
    """An answer that cannot be right; the text says why. An empty one is half an answer: the question goes on."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Answer(Action, ABC):
    """An action that answers a message at once."""

    matter: ClassVar[str] = "default"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Answer; where the shop cannot be reached, say so."""
        turn = _turn(dispatcher, tracker, domain, self.matter)
        offered = turn.slot("offer")
        turn.set("offer", None)
        try:
            await self.answer(turn, offered)
        except ShopUnavailable:
            turn.tell("utter_shop_unavailable")
        return turn.events

    @abstractmethod
    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """Say what there is to say.

        Args:
            offered: what the bot's last message offered to do, if it did.
        """


class Flow(FormValidationAction, ABC):
    """One matter from the first question to its end; see the module's description."""

    form: ClassVar[str] = ""
    intents: ClassVar[tuple[str, ...]] = ()
    steps: ClassVar[tuple[str, ...]] = ()
    notes: ClassVar[tuple[str, ...]] = ()
    """Further slots that the flow keeps for itself."""
    matter: ClassVar[str] = "default"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.form and "form" in vars(cls):
            FLOWS[cls.form] = cls()
            # rasa-sdk finds actions as classes: one that ends the flow (action_cancel_order for cancel_order_form),
            # and one that asks for each step (action_ask_reason), whichever flow is under way.
            _ACTIONS[cls.form] = type(
                f"{cls.__name__}Closing", (_Closing, Action), {"form": cls.form, "__module__": cls.__module__}
            )
            for step in cls.steps:
                if step not in _ACTIONS:
                    _ACTIONS[step] = type(
                        f"Ask{step.title().replace('_', '')}",
                        (_Asking, Action),
                        {"step": step, "__module__": cls.__module__},
                    )

    def name(self) -> str:
        """Name of the validation action."""
        return f"validate_{self.form}"

    @classmethod
    def subject(cls) -> str:
        """What the flow is about; `action_<subject>` ends it, and its responses are named after it."""
        return cls.form.removesuffix("_form")

    # -- one message

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Take what the message supplies, and name the next step to ask for."""
        turn = _turn(dispatcher, tracker, domain, self.matter)
        try:
            if turn.slot("goal") != self.form:
                await self.begin(turn)
            elif not turn.is_choice and reading.says_stop(turn.text):
                leave(turn)
                turn.set("agenda", None)
                turn.tell("utter_stopped")
                return [*turn.events, FollowupAction("action_listen")]
            elif not turn.is_choice and reading.says_goodbye(turn.text):
                say_goodbye(turn)
                return [*turn.events, FollowupAction("action_listen")]
            elif not turn.actions_before_form(self.form) and not await self.hear(turn):
                return [*turn.events, ActionExecutionRejected(self.form)]
            step = await self.next_step(turn)
        except ShopUnavailable:
            return outage(turn, self)
        return [*turn.events, SlotSet("requested_slot", step)]

    async def begin(self, turn: Turn) -> None:
        """Start anew with what the first message says."""
        for slot in all_step_slots() | set(_EVERY_FLOW):
            turn.set(slot, None)
        turn.set("goal", self.form)
        turn.set("offer", None)
        turn.set("opening", turn.text[:300] or None)
        turn.set(
            "opened_with",
            {"intent": turn.intent}
            | {kind: turn.value(kind) for kind in _KEPT_FROM_OPENING if turn.value(kind) is not None},
        )
        await self.take_named(turn)

    async def next_step(self, turn: Turn) -> str | None:
        """The first step that is open and cannot be settled without asking; None when all are."""
        for step in self.steps:
            if turn.slot(step) is not None:
                continue
            settle = self._method("settle", step)
            try:
                value = await settle(turn) if settle else None
            except Halt as halt:
                turn.set("denied", {"code": halt.denied.code, "params": halt.denied.params} if halt.denied else None)
                return None
            except Reopen as again:
                turn.set(again.step, None)
                turn.set("obstacle", {"code": again.denied.code, "params": again.denied.params})
                if again.denied.code not in _SAID_BY_THE_QUESTION:
                    await self.explain(turn, again.denied)
                return again.step
            if value is None:
                return step
            turn.set(step, value)
        return None

    solvable: ClassVar[dict[str, str]] = {}
    """Denials that another answer can solve, and the step that is asked again for it."""

    async def hear(self, turn: Turn) -> bool:
        """Take what the message supplies. False: it is another matter, and a rule answers it."""
        step: str | None = turn.slot("requested_slot")
        if turn.is_choice and turn.intent not in _SUPPLYING:
            return await self._hear_other_choice(turn)
        other = flow_of_intent(turn.intent) if turn.confidence >= SURE else None
        if other and (other.form == self.form or self.is_own_matter(turn)):
            other = None
        leaving = not turn.is_choice and turn.intent in _LEAVING and turn.confidence >= SURE
        if turn.intent == "goodbye" and turn.entities:
            leaving = False  # "dann Marine, M": who names something is not gone
        if leaving and (turn.intent == "human_handoff" or step in ("order_number", *_PROOFS, *self.free_text)):
            return False
        try:
            value = await self._read(turn, step) if step else None
        except NotUsable as wrong:
            if wrong.text:
                turn.say(wrong.text)
                self._count_try(turn, step)
            return True
        if leaving and value is None:
            return False
        if other and not turn.is_choice and (value is None or value is False or step in ("order_number", *_PROOFS)):
            # A few words that fit this matter as well ("zu klein") are no wish for another one.
            few = value is None and len(turn.text.split()) <= _FEW_WORDS
            if few and await self._volunteer(turn, step):
                return self._taken(turn)
            if few and await self._repeats(turn):
                self._count_try(turn, step)
                return True
            if value is not False:
                self.set_aside(turn)
            return False
        if step and value is not None:
            turn.set(step, value)
            await self.take_named(turn, besides=step)
            if (step not in self.free_text or step == "wish") and value is not False and not turn.is_choice:
                await self._volunteer(turn, step)
            if value is False and step == "confirm" and await self._correct(turn):
                turn.set("confirm", None)
            return self._taken(turn)
        if await self.take_named(turn) | await self._volunteer(turn, step):
            self._taken(turn)
            if step and turn.slot(step) is None and step not in _PROOFS:
                turn.set("tries", {"step": step, "count": 0, "noted": True})
            return True
        if await self._go_back(turn) or await self._correct(turn):
            return self._taken(turn)
        if turn.intent in self.intents and not turn.is_choice and step in ("order_number", *_PROOFS, "line"):
            turn.set("opening", f"{turn.slot('opening') or ''} {turn.text}".strip()[:300])
            return True
        asks = reading.is_question(turn.text) and step not in self.free_text
        sure = SURE_OF_QUESTION if asks else SURE
        if turn.intent not in _UNREAD and turn.intent not in self.intents and turn.confidence >= sure:
            return False
        if asks and turn.intent in ("nlu_fallback", "out_of_scope"):
            return False
        guess = self._method("guess", step) if step and not turn.is_choice else None
        value = await guess(turn) if guess else None
        if value is None:
            self._count_try(turn, step)
            return True
        turn.set(step, value)
        return self._taken(turn)

    def is_own_matter(self, turn: Turn) -> bool:
        """Whether a message belongs here whatever intent it seems to have."""
        return False

    async def take_named(self, turn: Turn, besides: str | None = None) -> bool:
        """Take values that say themselves which step they are for: of a button, or found by their form."""
        taken = False
        for step in self.steps:
            value = turn.value(step) if turn.is_choice else None
            if value is not None and step != besides:
                turn.set(step, value)
                taken = True
        return taken

    @abstractmethod
    async def finish(self, turn: Turn) -> None:
        """Carry out what was collected, and say so. May raise Halt with a denial."""

    async def decline(self, turn: Turn) -> None:
        """Say that nothing was done, after a no to the confirmation."""
        name = f"utter_declined_{self.subject()}"
        turn.tell(name if turn.texts.has(name) else "utter_declined")

    async def explain(self, turn: Turn, denied: Denied) -> None:
        """Say why it is not possible, and what is."""
        explain(turn, self.operation or "order", denied)

    operation: ClassVar[str | None] = None
    """The shop operation that carries the matter out."""

    # -- asking

    async def ask(self, turn: Turn, step: str) -> None:
        """Ask for one step."""
        asked = [name for name in turn.slot("asked") or [] if name != step]
        turn.set("asked", [*asked, step])
        own = self._method("ask", step)
        if own:
            await own(turn)
        else:
            self.pose(turn, step)

    def pose(
        self,
        turn: Turn,
        step: str,
        *,
        buttons: list[Button] | None = None,
        expects: dict[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """Put the question for a step: with help after an unusable answer, with a person after the second."""
        tries = self.tries(turn, step)
        names = [f"utter_ask_{self.subject()}_{step}", f"utter_ask_{step}"]
        if tries:
            names = [f"utter_help_{self.subject()}_{step}", f"utter_help_{step}", *names]
        name = next(name for name in names if turn.texts.has(name))
        offered = [*(buttons or []), *turn.buttons(name, **values)]
        if tries >= HELPED_TWICE:
            offered += turn.buttons("utter_offer_person")
        back = self.back(turn)
        noted = turn.t("utter_noted") if (turn.slot("tries") or {}).get("noted") and not back else ""
        turn.say(back, noted, turn.t(name, **values), buttons=offered, expects=expects)

    def back(self, turn: Turn) -> str:
        """ "Back to your return.", where something else was answered in between."""
        if (turn.slot("tries") or {}).get("fresh"):
            return ""
        return turn.t(f"utter_back_to_{self.subject()}") if turn.actions_before_form(self.form) else ""

    def tries(self, turn: Turn, step: str) -> int:
        """Unusable answers in a row to the question for this step."""
        tries = turn.slot("tries") or {}
        return int(tries.get("count", 0)) if tries.get("step") == step else 0

    # -- leaving and coming back

    def set_aside(self, turn: Turn) -> None:
        """Put this flow with what it has on the agenda, to be offered again later."""
        slots = {
            step: turn.slot(step)
            for step in self.steps
            if step not in ("confirm", *_PROOFS) and turn.slot(step) is not None
        }
        entry = {
            "form": self.form,
            "slots": slots,
            "opening": turn.slot("opening"),
            "opened_with": turn.slot("opened_with"),
        }
        agenda = [item for item in turn.slot("agenda") or [] if item["form"] != self.form]
        turn.set("agenda", [*agenda, entry][-_AGENDA_LENGTH:])

    # -- inside

    def _method(self, verb: str, step: str) -> Callable[[Turn], Awaitable[Any]] | None:
        return cast("Callable[[Turn], Awaitable[Any]] | None", getattr(self, f"{verb}_{step}", None))

    async def _read(self, turn: Turn, step: str) -> Any:
        if turn.is_choice and turn.value(step) is not None:
            return turn.value(step)
        read = self._method("read", step)
        return await read(turn) if read else None

    async def read_confirm(self, turn: Turn) -> bool | None:
        """Yes or no."""
        if turn.is_choice:
            return {"affirm": True, "deny": False}.get(turn.intent)
        return reading.yes_or_no(turn.text, turn.intent)

    async def _hear_other_choice(self, turn: Turn) -> bool:
        if turn.intent in self.intents:
            await self.begin(turn)
            return True
        if flow_of_intent(turn.intent):
            self.set_aside(turn)
        return False

    def _taken(self, turn: Turn) -> bool:
        turn.set("tries", None)
        return True

    def _count_try(self, turn: Turn, step: str | None) -> None:
        if step:
            turn.set("tries", {"step": step, "count": self.tries(turn, step) + 1})

    async def _go_back(self, turn: Turn) -> bool:
        """Open the question before the present one again."""
        asked = turn.slot("asked") or []
        if turn.is_choice or not reading.says_go_back(turn.text) or len(asked) < 2:
            return False
        self._reopen_from(turn, asked[-2])
        turn.set("asked", asked[:-2])
        return True

    async def _volunteer(self, turn: Turn, asked: str | None) -> bool:
        """Take the answer to a question that is still to come."""
        if turn.is_choice:
            return False
        later = [
            step
            for step in self.steps
            if turn.slot(step) is None and step not in (asked, "confirm", *_PROOFS, *self.free_text)
        ]
        taken = False
        for step in later:
            try:
                value = await self._read(turn, step) if self._method("read", step) else None
            except (NotUsable, Halt):
                continue
            if value is not None:
                turn.set(step, value)
                taken = True
        return taken

    async def _correct(self, turn: Turn) -> bool:
        """Take a value for a step that has one already: "nein, die blaue"."""
        if turn.is_choice:
            return False
        filled = [step for step in self.steps if turn.slot(step) is not None and step not in ("confirm", *_PROOFS)]
        for step in reversed(filled):
            if not self._method("read", step) or step in self.free_text:
                continue
            try:
                value = await self._read(turn, step)
            except (NotUsable, Halt):
                continue
            if value is not None and value != turn.slot(step):
                self._reopen_from(turn, step, keep_choices=True)
                turn.set(step, value)
                return True
        return False

    async def _repeats(self, turn: Turn) -> bool:
        """Whether a few words only say again what was said before: "remove it", at the confirmation."""
        for step in self.steps:
            if (
                turn.slot(step) is None
                or step in ("confirm", "order_number", *_PROOFS)
                or not self._method("read", step)
            ):
                continue
            try:
                if await self._read(turn, step) == turn.slot(step):
                    return True
            except (NotUsable, Halt):
                continue
        return False

    free_text: ClassVar[frozenset[str]] = frozenset()
    """Steps whose answer may be any words; such words do not correct them later."""
    depends: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Steps that lose their value when another one changes."""

    def _reopen_from(self, turn: Turn, step: str, *, keep_choices: bool = False) -> None:
        turn.set("confirm", None)
        later = self.depends.get(step, ()) if keep_choices else self.steps[self.steps.index(step) :]
        for name in later:
            turn.set(name, None)


class Change(Flow, ABC):
    """A flow that changes something: it says exactly what, waits for a yes, and does it."""

    operation: ClassVar[str] = ""
    question: ClassVar[str] = "utter_shall_i"

    @abstractmethod
    async def args(self, turn: Turn) -> dict[str, Any]:
        """Arguments of the operation, from the steps."""

    @abstractmethod
    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """What will be done, in sentences, from what the dry run answered."""

    @abstractmethod
    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """Say what was done."""

    async def previewed(self, turn: Turn) -> dict[str, Any]:
        """What the operation would do. Raises Halt where it is denied, Reopen where another answer can solve that."""
        result = await turn.preview(self.operation, await self.args(turn))
        if isinstance(result, Denied):
            step = self.solvable.get(result.code)
            raise Reopen(step, result) if step else Halt(result)
        return result.data

    async def settle_confirm(self, turn: Turn) -> None:
        """Nothing is put to the customer that is not possible."""
        await self.previewed(turn)

    async def ask_confirm(self, turn: Turn) -> None:
        """Say what exactly would be done, and ask for a yes."""
        data = await self.previewed(turn)
        sentences = await self.announce(turn, data)
        opening = turn.t("utter_help_confirm") if self.tries(turn, "confirm") else ""
        turn.say(self.back(turn), opening, *sentences, turn.t(self.question), buttons=self.confirm_buttons(turn, data))

    def confirm_buttons(self, turn: Turn, data: dict[str, Any]) -> list[Button]:
        """Yes, no, and what else may be answered."""
        return turn.buttons("utter_confirm_buttons")

    async def finish(self, turn: Turn) -> None:
        """Do it, and say so."""
        result = await turn.carry_out(self.operation, await self.args(turn))
        if isinstance(result, Denied):
            raise Halt(result)
        await self.report(turn, result.data)


class _Asking:
    """Rasa's action that asks for a slot; the flow under way knows how."""

    step: ClassVar[str] = ""

    def name(self) -> str:
        """Name of the action."""
        return f"action_ask_{self.step}"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Ask."""
        flow = FLOWS[tracker.slots["goal"]]
        turn = _turn(dispatcher, tracker, domain, flow.matter)
        try:
            await flow.ask(turn, self.step)
        except ShopUnavailable:
            return outage(turn, flow)
        except (Halt, Reopen) as change:
            # Possible a moment ago, not any more.
            if change.denied:
                await flow.explain(turn, change.denied)
            leave(turn)
            turn.events.append(FollowupAction("action_listen"))
        return turn.events


class _Closing:
    """Ends a flow: does the thing, tidies up, and comes back to what was set aside."""

    form: ClassVar[str] = ""

    def name(self) -> str:
        """Name of the action."""
        return f"action_{FLOWS[self.form].subject()}"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Carry out and close."""
        flow = FLOWS[self.form]
        turn = _turn(dispatcher, tracker, domain, flow.matter)
        try:
            denied = turn.slot("denied")
            if denied:
                await flow.explain(turn, Denied(**denied))
            elif turn.slot("confirm") is False:
                await flow.decline(turn)
            else:
                await _finish(flow, turn)
        except ShopUnavailable:
            return outage(turn, flow)
        close_flow(turn)
        if turn.slot("offer") is None:
            offer_agenda(turn)
        return turn.events


async def _finish(flow: Flow, turn: Turn) -> None:
    try:
        await flow.finish(turn)
    except Halt as halt:
        if halt.denied:
            await flow.explain(turn, halt.denied)


def _turn(dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any], matter: str) -> Turn:
    turn = Turn(dispatcher, tracker, domain)
    turn.matter = matter
    if turn.intent not in ("nlu_fallback", "out_of_scope") and turn.slot("misunderstood"):
        turn.set("misunderstood", None)
    if turn.slot("upset") and not turn.is_choice and not turn.is_upset:
        turn.set("upset", None)
    return turn


def all_step_slots() -> set[str]:
    """Slots that belong to one matter and are emptied with it; the order stays the one talked about."""
    return {slot for flow in FLOWS.values() for slot in (*flow.steps, *flow.notes)} - {"order_number"}


def flow_of_intent(intent: str) -> Flow | None:
    """The flow that an intent starts."""
    return next((flow for flow in FLOWS.values() if intent in flow.intents), None)


def close_flow(turn: Turn) -> None:
    """Empty the slots of the matter that ends."""
    for slot in all_step_slots() | set(_EVERY_FLOW):
        turn.set(slot, None)
    turn.set("goal", None)


def leave(turn: Turn) -> None:
    """End the matter under way and its form."""
    close_flow(turn)
    turn.events += [SlotSet("requested_slot", None), ActiveLoop(None)]


def say_goodbye(turn: Turn) -> None:
    """End what is under way, say goodbye, and let the service ask its questions.

    Whoever leaves in the middle of a change is told that it was not made.
    """
    under_way = FLOWS.get(str((turn.tracker.active_loop or {}).get("name")))
    leave(turn)
    turn.set("agenda", None)
    turn.say(turn.t("utter_nothing_done") if isinstance(under_way, Change) else "", turn.t("utter_goodbye"))
    turn.request_survey()


def offer_agenda(turn: Turn) -> None:
    """Offer what was set aside last."""
    agenda = list(turn.slot("agenda") or [])
    if agenda:
        entry = agenda.pop()
        turn.set("agenda", agenda or None)
        turn.set("offer", entry)
        turn.tell(f"utter_resume_{FLOWS[entry['form']].subject()}", buttons=turn.buttons("utter_yes_no"))


def resume(turn: Turn, entry: dict[str, Any]) -> FollowupAction:
    """Go on with a flow where it was left; the event belongs at the end of the action's events."""
    close_flow(turn)
    flow = FLOWS[entry["form"]]
    for step, value in entry["slots"].items():
        turn.set(step, value)
    turn.set("opening", entry.get("opening"))
    turn.set("opened_with", entry.get("opened_with"))
    turn.set("goal", flow.form)
    if "opening" not in entry:
        turn.set("tries", {"step": None, "count": 0, "fresh": True})  # begun just now, not come back to
    return FollowupAction(flow.form)


def outage(turn: Turn, flow: Flow) -> list[EventType]:
    """Say that the shop cannot be reached, keep what was collected, and offer to try again."""
    flow.set_aside(turn)
    agenda = list(turn.slot("agenda") or [])
    turn.set("offer", agenda.pop())
    turn.set("agenda", agenda or None)
    close_flow(turn)
    turn.tell("utter_shop_unavailable_retry", buttons=turn.buttons("utter_offer_person"))
    return [*turn.events, SlotSet("requested_slot", None), ActiveLoop(None), FollowupAction("action_listen")]
