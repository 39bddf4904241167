"""What a message's surroundings say: the time, the shop's time zone, the conversation's language.

The engine's server puts this into the message's metadata. Under the stock `rasa` commands there is
none, and the clock and the settings stand in.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Dict, Optional
from zoneinfo import ZoneInfo

from rasa.shared.nlu.training_data.message import Message

from engine.importer import LANGUAGES

METADATA = "metadata"
LANGUAGE = "language"
LANGUAGE_SHOWN = "language_shown"


@dataclass(frozen=True)
class MessageContext:
    """Surroundings of one message.

    Attributes:
        now: When the message was written, with the shop's offset.
        language: The conversation's language so far, or None at its beginning.
        default_language: The shop's language, for messages that show none.
        expected: What the bot has just asked for (a slot's name), or None.
    """

    now: datetime
    language: Optional[str]
    default_language: str
    expected: Optional[str]


def context_of(message: Message) -> MessageContext:
    """The context that travels in the message's metadata, or the defaults of the settings."""
    metadata: Dict[str, Any] = message.get(METADATA) or {}
    zone = ZoneInfo(metadata.get("timezone") or os.environ.get("ZUSAGE_TIMEZONE", "Europe/Berlin"))
    now = metadata.get("now")
    language = metadata.get("language")
    default = metadata.get("default_language") or os.environ.get("ZUSAGE_DEFAULT_LANGUAGE", "de")
    return MessageContext(
        now=datetime.fromisoformat(now).astimezone(zone) if now else datetime.now(zone),
        language=language if language in LANGUAGES else None,
        default_language=default if default in LANGUAGES else LANGUAGES[0],
        expected=metadata.get("expected"),
    )
