"""What one turn says: replies and cards for the customer, facts for the service."""

from typing import Any, Dict, List, Optional

from pydantic import ValidationError
from rasa.core.channels.channel import OutputChannel

from engine.api import FACTS, Button, Operation, Promise, Reply, Request
from engine.errors import EngineError


class TurnOutput(OutputChannel):
    """Sorts what responses and actions utter.

    A response of the domain may carry `metadata: {acknowledges: true}` when it takes up the customer's
    feeling. An action hands over `json_message`, with any of the keys `card`, `input` and `acknowledges`
    beside text and buttons, or `{"fact": KIND, ...}`, which the customer does not see.
    """

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self.replies: List[Reply] = []
        self.operations: List[Operation] = []
        self.promises: List[Promise] = []
        self.requests: List[Request] = []
        self.asked_again: List[str] = []
        self.understood = False

    def name(self) -> str:  # type: ignore[override]
        """The customer's channel, for responses that differ by channel."""
        return self._channel

    async def send_response(self, recipient_id: str, message: Dict[str, Any]) -> None:
        """Take one message of the dialogue.

        Raises:
            EngineError: `response_invalid`, where a message or fact has not the agreed form.
        """
        try:
            self._take(message)
        except (ValidationError, KeyError, TypeError) as error:
            source = message.get("utter_action") or "an action"
            raise EngineError.failed(
                "response_invalid", f"{source} uttered something unusable: {error!s:.300}", retry=False
            ) from error

    def _take(self, message: Dict[str, Any]) -> None:
        custom = dict(message.get("custom") or {})
        if "fact" in custom:
            self._take_fact(custom.pop("fact"), custom)
            return
        acknowledges = custom.pop("acknowledges", False) or (message.get("metadata") or {}).get("acknowledges", False)
        reply = Reply(
            text=message.get("text") or None,
            buttons=[
                Button(title=button["title"], payload=button["payload"]) for button in message.get("buttons") or []
            ],
            card=custom.pop("card", None),
            input=custom.pop("input", None),
            acknowledges=acknowledges or message.get("acknowledges", False),
        )
        unknown = [*custom, *(key for key in ("image", "attachment", "elements", "quick_replies") if message.get(key))]
        if unknown:
            raise KeyError(f"no channel shows {', '.join(unknown)}")
        if reply.text or reply.buttons or reply.card:
            self.replies.append(reply)

    def _take_fact(self, kind: str, fields: Dict[str, Any]) -> None:
        if kind == "asked_again":
            self.asked_again.append(str(fields["slot"]))
            return
        if kind == "understood":
            self.understood = True
            return
        fact = FACTS[kind].parse_obj(fields)
        target: Optional[List[Any]] = {
            "operation": self.operations,
            "promise": self.promises,
            "request": self.requests,
        }[kind]
        target.append(fact)
