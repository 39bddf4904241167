"""One customer message as actions see it: what was said, what is known, how to answer, what to report."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.shop_client import Denied, Done, ShopClient
from actions.texts import Texts

__all__ = ["Button", "Turn", "choose"]

Button = dict[str, str]

NEGATIVE_VALENCE = -0.2
"""From this valence (-1..1) down a message is taken as negative."""
SURE_OF_EMOTION = 0.5
"""Confidence (0..1) from which an emotion is put into words: naming one that is not there is worse than silence."""

_UPSET = frozenset({"anger", "worry", "frustration", "disappointment"})
_CALM = frozenset({"bot_challenge", "greet", "help", "restock_notification"})
"""Intents whose words say nothing of a feeling; an emotion found in them is taken for a mistake."""


def choose(**values: Any) -> str:
    """The payload of a button that supplies values: `/inform{"line": "1"}`."""
    return "/inform" + json.dumps(values, ensure_ascii=False)


class Turn:
    """What an action needs of the message it answers, and what it does about it.

    Slots set here are seen by later reads of the same action and end up in `events`.
    """

    def __init__(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping[str, Any]) -> None:
        self._dispatcher = dispatcher
        self.tracker = tracker
        message = tracker.latest_message
        metadata: Mapping[str, Any] = message.get("metadata") or {}
        self.zone = ZoneInfo(metadata.get("timezone") or "Europe/Berlin")
        now = metadata.get("now")
        self.now = datetime.fromisoformat(now).astimezone(self.zone) if now else datetime.now(self.zone)
        self.language: str = tracker.slots.get("language") or "de"
        self.texts = Texts(domain, self.language, self.now, self.zone)
        self.intent: str = (message.get("intent") or {}).get("name") or ""
        self.confidence: float = (message.get("intent") or {}).get("confidence") or 0.0
        self.ranking: list[dict[str, Any]] = message.get("intent_ranking") or []
        raw = message.get("text") or ""
        self.is_choice: bool = metadata.get("chosen", raw.startswith("/"))
        self.text = "" if self.is_choice else raw
        self.entities: list[dict[str, Any]] = message.get("entities") or []
        self.emotion: Mapping[str, Any] | None = message.get("emotion")
        self.shop = ShopClient(tracker.sender_id, metadata.get("turn_id") or message.get("message_id") or "")
        self.events: list[EventType] = []
        self.matter = "default"

    # -- what was said and is known

    def slot(self, name: str) -> Any:
        """The slot's present value."""
        return self.tracker.slots.get(name)

    def set(self, name: str, value: Any) -> None:
        """Set a slot, if that changes anything."""
        if self.tracker.slots.get(name) != value:
            self.tracker.slots[name] = value
            self.events.append(SlotSet(name, value))

    def values(self, entity: str) -> list[Any]:
        """Values of one kind found in the message, in their order."""
        return [found["value"] for found in self.entities if found.get("entity") == entity]

    def value(self, entity: str) -> Any:
        """The first value of this kind, or None."""
        return next(iter(self.values(entity)), None)

    def heard(self, entity: str, *, opening: bool = False) -> Any:
        """The first value of this kind in this message, or in the one that began the matter."""
        return (self.slot("opened_with") or {}).get(entity) if opening else self.value(entity)

    def actions_before(self) -> list[str]:
        """Actions that already ran for this message."""
        names: list[str] = []
        for event in reversed(self.tracker.events):
            if event["event"] == "user":
                break
            if event["event"] == "action":
                names.append(event["name"])
        return names[::-1]

    def actions_before_form(self, form: str) -> bool:
        """Whether another action answered this message before the form asks again."""
        return any(name not in (form, "action_listen", "action_extract_slots") for name in self.actions_before())

    # -- the shop

    async def look_up(self, operation: str, **args: Any) -> Done | Denied:
        """Ask the shop something; nothing changes. Raises ShopUnavailable."""
        return await self.shop.call(operation, _given(args))

    async def preview(self, operation: str, args: Mapping[str, Any]) -> Done | Denied:
        """What a change would do exactly, or why it is not possible. Raises ShopUnavailable."""
        return await self.shop.call(operation, _given(args), dry_run=True)

    async def carry_out(self, operation: str, args: Mapping[str, Any]) -> Done | Denied:
        """Change something, and report it. Raises ShopUnavailable."""
        result = await self.shop.call(operation, _given(args))
        code = result.code if isinstance(result, Denied) else None
        if operation in ("verify", "confirm_code") and isinstance(result, Done) and result.data["state"] != "verified":
            code = result.data["state"]  # a wrong proof is an answer, not a denial
        self._report("operation", name=operation, order=args.get("order_number"), ok=code is None, code=code)
        return result

    # -- what is said

    def t(self, response: str, **values: Any) -> str:
        """A response of the domain as text. Raises KeyError where it or a value is missing."""
        return self.texts.text(response, **values)

    def buttons(self, response: str, **values: Any) -> list[Button]:
        """The buttons of a response of the domain."""
        return [
            {"title": button["title"].format_map(values), "payload": button["payload"]}
            for button in self.texts.variation(response).get("buttons") or []
        ]

    def button(self, title: str, payload: str, **values: Any) -> Button:
        """One button; the title is the name of a response."""
        return {"title": self.t(title, **values), "payload": payload}

    def tell(self, response: str, *, buttons: Iterable[Button] = (), **values: Any) -> None:
        """Say one response of the domain, with its own buttons and more."""
        self.say(self.t(response, **values), buttons=[*self.buttons(response, **values), *buttons])

    def say(
        self,
        *sentences: str,
        buttons: Iterable[Button] = (),
        card: dict[str, Any] | None = None,
        expects: dict[str, Any] | None = None,
        acknowledgement: str | None = None,
    ) -> None:
        """Say something in one message.

        Args:
            sentences: rendered texts, joined by blanks; empty ones are left out. A text may start a new paragraph.
            buttons: choices; equal payloads are offered once.
            card: what a channel may show beside the text, which must suffice alone.
            expects: a hint what kind of answer comes next, e.g. `{"type": "photo"}`.
            acknowledgement: a sentence that takes up the customer's feeling better than the matter's own,
                used only where there is a feeling to take up.
        """
        custom: dict[str, Any] = {}
        opening = self._acknowledgement(acknowledgement)
        if opening:
            custom["acknowledges"] = True
        if card:
            custom["card"] = card
        if expects:
            custom["input"] = expects
        text = _joined([opening, *sentences])
        offered: dict[str, Button] = {}
        for button in buttons:
            offered.setdefault(button["payload"], button)
        self._dispatcher.utter_message(text=text, buttons=list(offered.values()), json_message=custom)

    def _acknowledgement(self, own: str | None) -> str:
        if not self.is_upset or self.intent in _CALM or self._acknowledged_already():
            return ""
        before = self.slot("upset") or 0
        self.set("upset", before + 1)
        if before == 0 and own:
            return own
        label = str((self.emotion or {}).get("label"))
        again = "_again" if before else ""
        candidates = [
            f"utter_acknowledge_{self.matter}_{label}",
            f"utter_acknowledge_{self.matter}",
            f"utter_acknowledge_{label}",
        ]
        if again:
            candidates = [name + again for name in candidates]
            if before > 1:
                return ""
        name = next((name for name in candidates if self.texts.has(name)), f"utter_acknowledge_default{again}")
        return self.t(name)

    @property
    def is_upset(self) -> bool:
        """Whether the message shows a negative feeling, surely enough to be taken up."""
        emotion = self.emotion
        return bool(
            emotion
            and emotion["label"] in _UPSET
            and emotion["valence"] <= NEGATIVE_VALENCE
            and emotion["confidence"] >= SURE_OF_EMOTION
        )

    def _acknowledged_already(self) -> bool:
        if any((message.get("custom") or {}).get("acknowledges") for message in self._dispatcher.messages):
            return True
        for event in reversed(self.tracker.events):
            if event["event"] == "user":
                return False
            if event["event"] == "bot" and ((event.get("data") or {}).get("custom") or {}).get("acknowledges"):
                return True
        return False

    # -- what the service is told

    def promise(
        self, kind: str, wording: str, due: str | date, *, order: str | None = None, return_number: str | None = None
    ) -> None:
        """Report that a reply holds out a day; it is due at that day's end in the shop's zone."""
        day = due if isinstance(due, date) else date.fromisoformat(due[:10])
        end = datetime.combine(day, time(23, 59, 59), tzinfo=self.zone)
        self._report(
            "promise", kind=kind, order=order, **{"return": return_number}, wording=wording, due=end.isoformat()
        )

    def request_handoff(self, reason: str) -> None:
        """Ask the service for a person. It words the answer, with hours and wait."""
        self._report("request", kind="handoff", reason=reason)

    def request_survey(self) -> None:
        """Ask the service to offer its survey."""
        self._report("request", kind="survey")

    def understood(self) -> None:
        """Report that a message was answered although its intent was not recognised."""
        self._report("understood")

    def asked_again(self, slot: str) -> None:
        """Report that the customer has to say something again."""
        self._report("asked_again", slot=slot)

    def _report(self, fact: str, **fields: Any) -> None:
        self._dispatcher.utter_message(json_message={"fact": fact, **fields})


def _given(args: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in args.items() if value is not None}


def _joined(sentences: Iterable[str]) -> str:
    text = ""
    for sentence in sentences:
        if not sentence:
            continue
        text += ("" if not text or text.endswith("\n") or sentence.startswith("\n") else " ") + sentence
    return text.strip()
