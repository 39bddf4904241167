"""One turn through Rasa: understand the message, predict and run actions, collect what they say."""

import json
import logging
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Type, TypeVar, Union

from jsonschema import Draft7Validator
from rasa.core.actions.action import Action, ActionExecutionRejection, RemoteAction
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.core.nlg.generator import NaturalLanguageGenerator
from rasa.core.nlg.response import TemplatedNaturalLanguageGenerator
from rasa.core.policies.policy import PolicyPrediction
from rasa.core.policies.rule_policy import RulePolicy
from rasa.core.processor import MessageProcessor
from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.storage import ModelMetadata
from rasa.graph_components.providers.domain_provider import DomainProvider
from rasa.model import get_latest_model
from rasa.shared.core.constants import (
    ACTION_SESSION_START_NAME,
    DEFAULT_INTENTS,
    REQUESTED_SLOT,
)
from rasa.shared.core.events import ActionExecutionRejected, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.common import TempDirectoryPath, get_temp_dir_name
from rasa.utils.endpoints import EndpointConfig

from engine import tracker_store
from engine.api import MAX_TEXT, ParseRequest, TurnRequest, cleaned
from engine.errors import EngineError
from engine.nlu.classifier import FALLBACK, OUT_OF_SCOPE
from engine.nlu.context import LANGUAGE, LANGUAGE_SHOWN
from engine.nlu.emotion import EMOTION
from engine.output import TurnOutput
from engine.rule_policy import ServingRulePolicy
from engine.runner import OrderedGraphRunner
from engine.wishes import DROPPED_BY, LATER, NOW, two_wishes

logger = logging.getLogger(__name__)

C = TypeVar("C", bound=GraphComponent)

ASKED_ONCE = ("order_number", "email", "postcode")
"""Slots that a customer should have to give only once; asking again is reported as a fact."""

_PAYLOAD = re.compile(r"^/(?P<intent>\w+)\s*(?P<entities>\{.*\})?\s*$", re.DOTALL)
PARSED = ("intent", "intent_ranking", "entities", LANGUAGE, LANGUAGE_SHOWN, EMOTION)
_SECOND = "second_wish"
"""Slot with the second wish of a message, until it is answered."""
_NOT_UNDERSTOOD = (FALLBACK, OUT_OF_SCOPE)
_ALLOWED_DEFAULT_INTENTS = _NOT_UNDERSTOOD


# Rasa checks the schema itself again for every action (20 ms); the schema never changes.
_ACTION_RESULT = Draft7Validator(RemoteAction.action_response_format_spec())
RemoteAction._validate_action_result = lambda self, result: _ACTION_RESULT.validate(result) is None


class ModelMissing(Exception):
    """There is no trained assistant where one was expected."""


class Assistant(MessageProcessor):
    """A trained assistant that answers turns without remembering any.

    Args:
        model: A model archive, or a folder whose latest one is taken.
        actions: Where custom actions run.

    Raises:
        ModelMissing: There is no model.
    """

    def __init__(self, model: Path, actions: EndpointConfig) -> None:
        super().__init__(
            model_path=model,
            tracker_store=None,  # type: ignore[arg-type]  # trackers travel with the requests
            lock_store=None,  # type: ignore[arg-type]  # the service allows one turn in flight per conversation
            generator=TemplatedNaturalLanguageGenerator({}),
            action_endpoint=actions,
        )
        self.nlg = TemplatedNaturalLanguageGenerator(self.domain.responses)
        # Rasa's last node reads texts that begin with "/" as intents. A customer's text never goes there.
        regex_handler = self.model_metadata.predict_schema.nodes[str(self.model_metadata.nlu_target)]
        self._nlu_target = regex_handler.needs["messages"]

    @staticmethod
    def _load_model(model_path: Union[str, Path]) -> Tuple[str, ModelMetadata, OrderedGraphRunner]:
        archive = str(model_path) if Path(model_path).is_file() else get_latest_model(str(model_path))
        if not archive:
            raise ModelMissing(f"No trained assistant in {model_path}. Train one with: python -m engine.train")
        with TempDirectoryPath(get_temp_dir_name()) as directory:
            storage, metadata = LocalModelStorage.from_model_archive(Path(directory), archive)
            schema = metadata.predict_schema
            for node in schema.nodes.values():
                if node.uses is RulePolicy:
                    node.uses = ServingRulePolicy
            # The domain came with the metadata; its provider would parse it again from YAML, for seconds.
            domain = {name: metadata.domain for name, node in schema.nodes.items() if node.uses is DomainProvider}
            runner = OrderedGraphRunner(schema, storage, ExecutionContext(schema, metadata.model_id), given=domain)
        return Path(archive).name, metadata, runner

    def component(self, kind: Type[C]) -> C:
        """The trained component of this class. Raises LookupError where config.yml has none."""
        return self.graph_runner.component(kind)

    async def turn(self, request: TurnRequest) -> Dict[str, Any]:
        """Answer one message: the response of POST /turn.

        Raises:
            EngineError: The request is wrong, the turn failed, or the dialogue has nothing to say.
        """
        document = request.tracker
        known = set((document or {}).get("known", ()))
        tracker = tracker_store.restore(document, request.conversation_id, self.domain)
        output = TurnOutput(request.context.channel)
        requested_before = tracker.get_slot(REQUESTED_SLOT)
        metadata = {**_metadata(request), "expected": requested_before}
        guessed = document is None or bool(document.get("language_guessed"))
        if guessed and document is not None:
            # No message has shown its language yet: what the conversation is held in is still a guess.
            metadata |= {"language": None, "default_language": request.context.language or metadata["default_language"]}
        parsed = self._parse_message(request, metadata)
        if document is None:
            await self._run_action(
                self._get_action(ACTION_SESSION_START_NAME),
                tracker,
                output,
                self.nlg,
                PolicyPrediction.for_action_name(self.domain, ACTION_SESSION_START_NAME),
            )
        if tracker.get_slot(LANGUAGE) != parsed[LANGUAGE]:
            tracker.update(SlotSet(LANGUAGE, parsed[LANGUAGE]))
        first_new = len(tracker.events)
        heard = parsed
        if request.message.text is not None and not tracker.active_loop_name:
            heard = self._first_of_two(tracker, parsed, metadata)
        self._hear(tracker, request, heard, metadata)
        await self.run_action_extract_slots(output, tracker)
        await self._run_prediction_loop(output, tracker)
        await self._come_back_to_second(tracker, request, heard, metadata, output)
        if not output.replies and not output.requests:
            raise EngineError.failed(
                "no_reply", f"The dialogue has no answer to the intent {parsed['intent']['name']}.", retry=False
            )
        new = list(tracker.events)[first_new:]
        output.asked_again += self._asked_again(new, known, output)
        known |= {slot for slot in ASKED_ONCE if slot in tracker.slots and tracker.get_slot(slot) is not None}
        return {
            "replies": [reply.dict() for reply in output.replies],
            "tracker": {
                **tracker_store.dump(tracker, self.domain),
                "known": sorted(known),
                "language_guessed": guessed and not parsed.get(LANGUAGE_SHOWN),
            },
            "facts": self._facts(tracker, {**parsed, "intent": heard["intent"]}, new, requested_before, output),
        }

    def _first_of_two(
        self, tracker: DialogueStateTracker, parsed: Dict[str, Any], metadata: Dict[str, Any]
    ) -> Dict[str, Any]:
        """What to answer now; a second wish is put aside."""
        if _SECOND not in tracker.slots:
            return parsed
        in_this_language = {**metadata, "language": parsed[LANGUAGE]}
        wishes = two_wishes(parsed["text"], lambda part: self._understand(part, in_this_language))
        if not wishes:
            return parsed
        first, second = wishes
        tracker.update(SlotSet(_SECOND, {"text": second["text"], "intent": second["intent"], "said": False}))
        return {**first, EMOTION: parsed[EMOTION], LANGUAGE: parsed[LANGUAGE]}

    async def _come_back_to_second(
        self,
        tracker: DialogueStateTracker,
        request: TurnRequest,
        heard: Dict[str, Any],
        metadata: Dict[str, Any],
        output: TurnOutput,
    ) -> None:
        """Answer the wish that was put aside once nothing else is under way; until then say that it waits."""
        second = tracker.get_slot(_SECOND) if _SECOND in tracker.slots else None
        if not second:
            return
        if heard["intent"]["name"] in DROPPED_BY or output.requests:
            tracker.update(SlotSet(_SECOND, None))
            return
        if tracker.active_loop_name or ("offer" in tracker.slots and tracker.get_slot("offer")):
            if not second["said"]:
                await self._say(LATER, tracker, output, before_last=True)
                tracker.update(SlotSet(_SECOND, {**second, "said": True}))
            return
        tracker.update(SlotSet(_SECOND, None))
        await self._say(NOW, tracker, output)
        parsed = self._understand(second["text"], {**metadata, "language": tracker.get_slot(LANGUAGE)})
        parsed.update({"intent": second["intent"], EMOTION: None, LANGUAGE: tracker.get_slot(LANGUAGE)})
        self._hear(tracker, request, parsed, {**metadata, "chosen": False})
        await self.run_action_extract_slots(output, tracker)
        await self._run_prediction_loop(output, tracker)

    async def _say(
        self, response: str, tracker: DialogueStateTracker, output: TurnOutput, *, before_last: bool = False
    ) -> None:
        """Say a response of the domain; `before_last` leaves what was said last, mostly a question, at the end."""
        message = await self.nlg.generate(response, tracker, output.name())
        if message:
            await output.send_response(tracker.sender_id, message)
            if before_last and len(output.replies) > 1:
                output.replies.insert(-1, output.replies.pop())

    def parse(self, request: ParseRequest, now: datetime, default_language: str) -> Dict[str, Any]:
        """What a text means, outside of any conversation: the response of POST /parse.

        Raises:
            EngineError: `text_empty` or `text_too_long`.
        """
        context = {"now": now.isoformat(), "language": request.language, "default_language": default_language}
        parsed = self._understand(_checked(request.text), context)
        return {
            "language": parsed[LANGUAGE],
            "intent": parsed["intent"],
            "ranking": parsed["intent_ranking"],
            "entities": _entities(parsed, parsed["text"]),
            "emotion": parsed[EMOTION],
            "understood": parsed["intent"]["name"] not in _NOT_UNDERSTOOD,
        }

    def _parse_message(self, request: TurnRequest, metadata: Dict[str, Any]) -> Dict[str, Any]:
        context, message = request.context, request.message
        if message.text is not None:
            return self._understand(_checked(message.text), metadata)
        assert message.payload is not None
        intent, entities = self._unpack(message.payload)
        return {
            "text": message.payload,
            "intent": {"name": intent, "confidence": 1.0},
            "intent_ranking": [{"name": intent, "confidence": 1.0}],
            "entities": entities,
            LANGUAGE: context.language or context.default_language,
            EMOTION: None,
        }

    def _understand(self, text: str, metadata: Dict[str, Any]) -> Dict[str, Any]:
        message = UserMessage(text, metadata=metadata)
        target = self._nlu_target
        parsed = self.graph_runner.run(
            inputs={PLACEHOLDER_MESSAGE: [message], PLACEHOLDER_TRACKER: None}, targets=[target]
        )[target][0]
        return {
            "text": text,
            **{key: parsed.get(key) for key in PARSED},
        }

    def _unpack(self, payload: str) -> Tuple[str, List[Dict[str, Any]]]:
        """Intent and entities of a button's payload."""
        match = _PAYLOAD.match(payload)
        if not match:
            raise EngineError.bad_request("payload_invalid", "The payload is not of the form /intent{...}.")
        intent = match["intent"]
        if intent not in self.domain.intents or (intent in DEFAULT_INTENTS and intent not in _ALLOWED_DEFAULT_INTENTS):
            raise EngineError.bad_request("payload_invalid", "The payload names no intent of this assistant.")
        try:
            values = json.loads(match["entities"] or "{}")
        except ValueError as error:
            raise EngineError.bad_request("payload_invalid", "The payload's values are not JSON.") from error
        if unknown := set(values) - set(self.domain.entities):
            raise EngineError.bad_request("payload_invalid", f"The payload has unknown entities: {sorted(unknown)}")
        return intent, [{"entity": name, "value": value, "start": 0, "end": 0} for name, value in values.items()]

    @staticmethod
    def _hear(
        tracker: DialogueStateTracker, request: TurnRequest, parsed: Dict[str, Any], metadata: Dict[str, Any]
    ) -> None:
        tracker.update(
            UserUttered(
                parsed["text"],
                parsed["intent"],
                parsed["entities"],
                parsed,  # type: ignore[arg-type]
                input_channel=request.context.channel,
                message_id=request.turn_id,
                metadata=metadata,
            )
        )

    async def run_action_extract_slots(
        self, output_channel: OutputChannel, tracker: DialogueStateTracker
    ) -> DialogueStateTracker:
        """Fill slots from the message just heard."""
        events = await self._get_action("action_extract_slots").run(output_channel, self.nlg, tracker, self.domain)
        await self._send_bot_messages(events, tracker, output_channel)
        tracker.update_with_events(events, self.domain)
        return tracker

    async def _run_prediction_loop(self, output_channel: OutputChannel, tracker: DialogueStateTracker) -> None:
        predict = True
        while predict and self._should_handle_message(tracker):
            if self.is_action_limit_reached(tracker, predict):
                raise EngineError.failed("action_limit", "The dialogue runs in circles.", retry=False)
            prediction = self._predict_next_with_tracker(tracker)
            action = self._get_action(self.domain.action_names_or_texts[prediction.max_confidence_index])
            predict = await self._run_action(action, tracker, output_channel, self.nlg, prediction)

    async def _run_action(
        self,
        action: Optional[Action],
        tracker: DialogueStateTracker,
        output_channel: OutputChannel,
        nlg: NaturalLanguageGenerator,
        prediction: PolicyPrediction,
    ) -> bool:
        """Rasa's method, without its swallowing of exceptions: a turn is whole or it is none."""
        assert action is not None
        seen = tracker
        if prediction.events:
            # The action sees the policy's events, which are dropped if it rejects.
            seen = tracker.copy()
            seen.update_with_events(prediction.events, self.domain)
        try:
            events = await action.run(output_channel, nlg, seen, self.domain)
        except ActionExecutionRejection:
            tracker.update(ActionExecutionRejected(action.name(), prediction.policy_name, prediction.max_confidence))
            return self.should_predict_another_action(action.name())
        except EngineError:
            raise
        except Exception as error:
            logger.exception("%s failed", action.name())
            raise EngineError.failed(
                "action_failed", f"{action.name()} failed: {type(error).__name__}", retry=True
            ) from error
        self._log_action_on_tracker(tracker, action, events, prediction)
        await self._send_bot_messages(events, tracker, output_channel)
        return self.should_predict_another_action(action.name())

    def _log_action_on_tracker(
        self, tracker: DialogueStateTracker, action: Action, events: Optional[List[Event]], prediction: PolicyPrediction
    ) -> None:
        events = events or []
        if not any(isinstance(event, ActionExecutionRejected) for event in events):
            tracker.update_with_events(prediction.events, self.domain)
            tracker.update(action.event_for_successful_execution(prediction))
        tracker.update_with_events(events, self.domain)

    @staticmethod
    def _asked_again(new: List[Event], known: set, output: TurnOutput) -> List[str]:
        requested = [event.value for event in new if isinstance(event, SlotSet) and event.key == REQUESTED_SLOT]
        return [
            slot for slot in requested[-1:] if slot in known and slot in ASKED_ONCE and slot not in output.asked_again
        ]

    def _facts(
        self,
        tracker: DialogueStateTracker,
        parsed: Dict[str, Any],
        new: List[Event],
        requested_before: Optional[str],
        output: TurnOutput,
    ) -> Dict[str, Any]:
        intent = parsed["intent"]
        # "10234" alone may look like nothing, and is understood where an order number was asked for.
        answered = any(
            isinstance(event, SlotSet) and event.key == requested_before and event.value is not None for event in new
        )
        form = tracker.active_loop_name
        return {
            "language": tracker.get_slot(LANGUAGE),
            "intent": intent,
            "ranking": parsed["intent_ranking"],
            "entities": _entities(parsed, parsed["text"]),
            "emotion": parsed[EMOTION],
            "understood": intent["name"] not in _NOT_UNDERSTOOD
            or bool(requested_before and answered)
            or output.understood,
            "acknowledged": any(reply.acknowledges for reply in output.replies),
            "asked_again": output.asked_again,
            "goal": (tracker.get_slot("goal") if "goal" in tracker.slots else None) or form,
            "step": tracker.get_slot(REQUESTED_SLOT) if form else None,
            "operations": [operation.dict() for operation in output.operations],
            "promises": [
                {**promise.dict(by_alias=True), "due": promise.due.isoformat()} for promise in output.promises
            ],
            "requests": [request.as_json() for request in output.requests],
        }


def _checked(text: str) -> str:
    text = cleaned(text)
    if not text:
        raise EngineError.bad_request("text_empty", "The message has no text.")
    if len(text) > MAX_TEXT:
        raise EngineError.bad_request("text_too_long", f"The message is longer than {MAX_TEXT} characters.")
    return text


def _metadata(request: TurnRequest) -> Dict[str, Any]:
    """What components and actions may know of the message's surroundings; JSON."""
    context = request.context
    return {
        "now": context.now.isoformat(),
        "timezone": context.timezone,
        "channel": context.channel,
        "language": context.language,
        "default_language": context.default_language,
        "turn_id": request.turn_id,
        "chosen": request.message.payload is not None,
    }


def _entities(parsed: Dict[str, Any], text: str) -> List[Dict[str, Any]]:
    return [
        {
            "type": entity["entity"],
            "value": entity["value"],
            "text": text[entity["start"] : entity["end"]] if entity["end"] else str(entity["value"]),
            "start": entity["start"],
            "end": entity["end"],
        }
        for entity in parsed["entities"] or []
    ]


def utc_now() -> datetime:
    """The present instant, for texts parsed outside of a conversation."""
    return datetime.now(timezone.utc)
