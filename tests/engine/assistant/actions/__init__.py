"""Custom actions of the test assistant: one for each thing that an action can do, or do wrong."""

import asyncio

from rasa_sdk import Action, FormValidationAction
from rasa_sdk.events import SlotSet


class Tell(Action):
    """Says something and hands over every kind of fact."""

    def name(self):
        return "action_tell"

    async def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(
            text="Hier.", buttons=[{"title": "Ja", "payload": "/affirm"}], json_message={"card": {"type": "order"}}
        )
        dispatcher.utter_message(
            json_message={
                "fact": "operation",
                "name": "order",
                "order": "ZU-10234",
                "ok": False,
                "code": "not_verified",
            }
        )
        dispatcher.utter_message(
            json_message={"fact": "promise", "kind": "answer", "wording": "morgen", "due": "2026-11-22T12:00:00+01:00"}
        )
        dispatcher.utter_message(json_message={"fact": "request", "kind": "handoff", "reason": "asked"})
        tracker.slots["note"] = "changed by the action, but never returned"
        return []


class Slow(Action):
    """Takes longer than any action may."""

    def name(self):
        return "action_slow"

    async def run(self, dispatcher, tracker, domain):
        await asyncio.sleep(60)


class Broken(Action):
    """Fails, having said something."""

    def name(self):
        return "action_broken"

    async def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="Das darf niemand sehen.")
        raise RuntimeError("anna@example.de")


class Fill(Action):
    """Puts more into a slot than a tracker may carry."""

    def name(self):
        return "action_fill"

    async def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="Gemerkt.")
        return [SlotSet("note", "x" * 20_000)]


class Stray(Action):
    """Hands over a fact that nobody knows."""

    def name(self):
        return "action_stray"

    async def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(json_message={"fact": "promise", "kind": "moon", "wording": "", "due": "soon"})


class Context(Action):
    """Says what it knows of the message's surroundings."""

    def name(self):
        return "action_context"

    async def run(self, dispatcher, tracker, domain):
        metadata = tracker.latest_message["metadata"]
        dispatcher.utter_message(
            text=f"{metadata['now']} {metadata['timezone']} {metadata['turn_id']} {tracker.sender_id}"
        )
        return []


class ValidateTrackingForm(FormValidationAction):
    """Refuses one order number."""

    def name(self):
        return "validate_tracking_form"

    async def validate_order_number(self, value, dispatcher, tracker, domain):
        return {"order_number": None if value == "ZU-99999" else value}

    async def validate_postcode(self, value, dispatcher, tracker, domain):
        return {"postcode": value}
