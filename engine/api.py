"""The engine's HTTP messages; golden files in tests/contract are checked against these."""

import re
import unicodedata
from datetime import datetime
from typing import Any, Dict, List, Optional, Type
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Extra, Field, root_validator, validator

MAX_TEXT = 1000
"""Characters of a customer's message; Rasa's time grows with them, on the event loop."""


class _Strict(BaseModel):
    class Config:
        extra = Extra.forbid
        allow_population_by_field_name = True


class IncomingMessage(_Strict):
    """What the customer typed, or the payload of a button that the bot offered; exactly one."""

    text: Optional[str]
    payload: Optional[str]

    @root_validator
    def _exactly_one(cls, values: Dict[str, Any]) -> Dict[str, Any]:
        if (values.get("text") is None) == (values.get("payload") is None):
            raise ValueError("exactly one of text and payload")
        return values


class Context(_Strict):
    """Surroundings of the message."""

    now: datetime
    timezone: str
    channel: str
    language: Optional[str]
    default_language: str

    @validator("now")
    def _with_offset(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("needs an offset")
        return value

    @validator("timezone")
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except Exception:
            raise ValueError("is no time zone") from None
        return value

    @validator("language", "default_language")
    def _known_language(cls, value: Optional[str]) -> Optional[str]:
        if value not in (None, "de", "en"):
            raise ValueError("is neither de nor en")
        return value


class TurnRequest(_Strict):
    """POST /turn."""

    conversation_id: str = Field(min_length=1, max_length=200)
    turn_id: str = Field(min_length=1, max_length=200)
    message: IncomingMessage
    tracker: Optional[Dict[str, Any]]
    context: Context


class ParseRequest(_Strict):
    """POST /parse."""

    text: str
    language: Optional[str]


class Button(_Strict):
    """A choice offered; the payload is Rasa's `/intent{...}` form."""

    title: str = Field(min_length=1)
    payload: str = Field(regex=r"^/")


class Reply(_Strict):
    """One message to the customer."""

    text: Optional[str]
    buttons: List[Button] = []
    card: Optional[Dict[str, Any]]
    input: Optional[Dict[str, Any]]
    acknowledges: bool = False


class Operation(_Strict):
    """A shop operation that an action asked for, and how it ended."""

    name: str
    order: Optional[str]
    ok: bool
    code: Optional[str]


class Promise(_Strict):
    """A date, time or amount held out to the customer."""

    kind: str = Field(regex="^(delivery|refund|return_label|callback|answer|replacement|restock)$")
    order: Optional[str]
    return_: Optional[str] = Field(alias="return")
    wording: str
    due: datetime


class Request(_Strict):
    """What the service is asked to do next."""

    kind: str = Field(regex="^(handoff|survey)$")
    reason: Optional[str]

    @root_validator
    def _reason_with_handoff(cls, values: Dict[str, Any]) -> Dict[str, Any]:
        if (values.get("kind") == "handoff") != bool(values.get("reason")):
            raise ValueError("a handoff, and only a handoff, has a reason")
        return values

    def as_json(self) -> Dict[str, Any]:
        """Without the reason where there is none."""
        return self.dict(exclude_none=True)


FACTS: Dict[str, Type[BaseModel]] = {"operation": Operation, "promise": Promise, "request": Request}

# C0 and C1 controls but line break and tab, and the controls that reorder text.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")


def cleaned(text: str) -> str:
    """A customer's text in Unicode normal form C, without control characters and outer blanks.

    Empty where nothing of it can be seen.
    """
    text = _CONTROLS.sub("", unicodedata.normalize("NFC", text)).strip()
    return text if any(unicodedata.category(character)[0] not in "CZ" for character in text) else ""
