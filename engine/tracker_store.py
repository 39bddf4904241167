"""The tracker that travels: made from the request, written into the response, never stored here.

Rasa keeps every event of a conversation and replays all of them for each message. What travels is
bounded: the slots, the active form, and the events of the last few messages. A form that runs, the
slots and the rules see the same as with the whole history (tests/engine/test_tracker_store.py plays
long dialogues with both).
"""

import json
from typing import Any, Dict, Iterable, List, Optional, Set, Type

from rasa.shared.core.constants import ACTION_LISTEN_NAME, DEFAULT_SLOT_NAMES
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    Event,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.utils.common import all_subclasses

from engine.errors import EngineError

MAX_BYTES = 16 * 1024
_VERSION = 1
_KEPT_MESSAGES = 3
"""Customer messages whose events travel. A rule looks back one (Rasa's `restrict_rules`)."""
_FEWEST_MESSAGES = 2
_OLD_TEXT = 120
"""Characters kept of a message that is not the latest; Rasa does not read it, actions hardly do."""


def restore(document: Optional[Dict[str, Any]], conversation_id: str, domain: Domain) -> DialogueStateTracker:
    """The tracker that a former response described, or an empty one for None.

    Slots and forms that a newly trained assistant no longer has are left out.

    Raises:
        EngineError: `tracker_unreadable`, where it is not what `dump` wrote.
    """
    tracker = DialogueStateTracker(conversation_id, domain.slots)
    if document is None:
        return tracker
    try:
        if document["v"] != _VERSION:
            raise ValueError(f"version {document['v']}")
        events = [_event(parameters) for parameters in document["events"]]
        slots = document["slots"].items()
    except Exception as error:
        raise EngineError.bad_request("tracker_unreadable", f"The tracker cannot be read: {error!r:.200}") from error
    for name, value in slots:
        if name in tracker.slots:
            tracker.update(SlotSet(name, value))
    for event in events:
        if isinstance(event, SlotSet) and event.key not in tracker.slots:
            continue
        is_lost_form = isinstance(event, ActiveLoop) and event.name and event.name not in domain.form_names
        tracker.update(ActiveLoop(None) if is_lost_form else event)
    return tracker


def dump(tracker: DialogueStateTracker, domain: Domain) -> Dict[str, Any]:
    """The document that travels, at most `MAX_BYTES` as JSON in UTF-8.

    Raises:
        EngineError: `tracker_too_large`, where the slots alone are larger: an action puts too much there.
    """
    for messages in range(_KEPT_MESSAGES, _FEWEST_MESSAGES - 1, -1):
        document = _document(tracker, domain, messages)
        if len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()) <= MAX_BYTES:
            return document
    raise EngineError.failed("tracker_too_large", "The slots hold more than fits into a tracker.", retry=False)


def _document(tracker: DialogueStateTracker, domain: Domain, messages: int) -> Dict[str, Any]:
    # Without what was reverted, repeated within a form, or came before a restart.
    events = tracker.applied_events()
    cut = _cut(events, messages)
    before = DialogueStateTracker(tracker.sender_id, domain.slots)
    for event in events[:cut]:
        before.update(event)
    # Slots that do not influence the prediction are needed with their present value only.
    plain = {
        slot.name for slot in domain.slots if not slot.influence_conversation and slot.name not in DEFAULT_SLOT_NAMES
    }
    slots = {name: (tracker if name in plain else before).slots[name].value for name in tracker.slots}
    initial = {slot.name: slot.initial_value for slot in domain.slots}
    return {
        "v": _VERSION,
        "slots": {name: value for name, value in slots.items() if value != initial.get(name)},
        "events": _baseline(before, cut) + _compact(events[cut:], plain),
    }


def _cut(events: List[Event], messages: int) -> int:
    """Index of the listening before the last but `messages` customer message, 0 where there are fewer."""
    listening = 0
    starts = []
    for index, event in enumerate(events):
        if isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME:
            listening = index
        elif isinstance(event, UserUttered):
            starts.append(listening)
    return starts[-messages] if len(starts) > messages else 0


def _baseline(before: DialogueStateTracker, cut: int) -> List[Dict[str, Any]]:
    """Events that stand for everything before the cut."""
    if not cut:
        return []
    # Two listenings in a row never happen in a real conversation, so that no rule for the beginning
    # of a conversation takes the cut for one.
    baseline = [{"event": "action", "name": ACTION_LISTEN_NAME}] * 2
    if before.active_loop_name:
        form = before.active_loop_name
        baseline += [{"event": "action", "name": form}, {"event": "active_loop", "name": form}]
        if before.is_active_loop_rejected:
            baseline.append({"event": "action_execution_rejected", "name": form})
    return baseline


def _compact(events: List[Event], plain_slots: Set[str]) -> List[Dict[str, Any]]:
    latest = max((i for i, event in enumerate(events) if isinstance(event, UserUttered)), default=-1)
    compact = []
    for index, event in enumerate(events):
        if isinstance(event, BotUttered) or (isinstance(event, SlotSet) and event.key in plain_slots):
            continue
        compact.append(_user(event, index == latest) if isinstance(event, UserUttered) else _parameters(event))
    return compact


def _user(event: UserUttered, latest: bool) -> Dict[str, Any]:
    text = event.text or ""
    entities = [{key: value for key, value in entity.items() if key != "extractor"} for entity in event.entities]
    if not latest:
        text = text[:_OLD_TEXT]
        entities = [{"entity": entity["entity"], "value": entity["value"]} for entity in entities]
    return {"event": "user", "text": text, "parse_data": {"intent": event.intent, "entities": entities}}


_NOISE: Iterable[str] = ("timestamp", "metadata", "policy", "confidence", "action_text", "hide_rule_turn")


def _parameters(event: Event) -> Dict[str, Any]:
    return {
        key: value
        for key, value in event.as_dict().items()
        if (key not in _NOISE and value is not None) or key == "value"
    }


# Rasa searches all event classes for each event; this is the same search, done once.
_EVENT_TYPES: Dict[str, Type[Event]] = {}
for _type in all_subclasses(Event):
    _EVENT_TYPES.setdefault(_type.type_name, _type)


def _event(parameters: Dict[str, Any]) -> Event:
    event: Optional[Event] = _EVENT_TYPES[parameters["event"]]._from_parameters(parameters)
    if event is None:
        raise ValueError(f"unusable event {parameters['event']!r}")
    return event
