"""What a conversation is made of: the words, the states, and what channels must be able to do."""

import re
import unicodedata
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "CHANNEL_PAYLOAD",
    "Attachment",
    "Author",
    "Button",
    "Conversation",
    "ConversationState",
    "DeliveryState",
    "Destination",
    "HandoffState",
    "Incoming",
    "Language",
    "Listener",
    "Message",
    "PermanentFailure",
    "Reply",
    "Sender",
    "Sent",
    "TemporaryFailure",
    "TurnState",
    "clean_text",
]

Language = Literal["de", "en"]

# Begins the payload of a button that only the channel which offered it understands. The name of the channel follows.
CHANNEL_PAYLOAD = "channel:"


class ConversationState(StrEnum):
    """Who the conversation is with."""

    BOT = "bot"
    WAITING = "waiting"  # for a person; the bot still answers
    AGENT = "agent"
    CLOSED = "closed"


class TurnState(StrEnum):
    """How far a customer's message has come."""

    PENDING = "pending"
    DONE = "done"
    WITH_PERSON = "with_person"  # routed to an agent, or given up by the bot
    FAILED = "failed"


class HandoffState(StrEnum):
    """The life of a transfer to a person."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    CLOSED = "closed"
    ABANDONED = "abandoned"


# Channels whose clients read on by number, whenever they are there: a message is sent once it is stored.
READ_BY_NUMBER = frozenset({"web"})


class DeliveryState(StrEnum):
    """How far a message to the customer has come."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"  # can be tried again
    DEAD = "dead"  # cannot
    AMBIGUOUS = "ambiguous"  # may or may not have arrived


class Author(StrEnum):
    """Who wrote a message."""

    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"
    SYSTEM = "system"  # status for both sides: "Lena joined"
    NOTE = "note"  # internal, never shown to the customer


class Attachment(BaseModel):
    """A stored file, by its public id."""

    id: str
    name: str
    media_type: str
    size: int = Field(description="bytes")


class Button(BaseModel):
    """A choice offered to the customer; ``id`` is issued by us and the only thing a click sends back."""

    id: str
    title: str


class Incoming(BaseModel):
    """What a channel received, parsed."""

    model_config = ConfigDict(frozen=True)

    channel: str
    external_key: str = Field(description="The channel's own key of the conversation, e.g. a chat id.")
    external_id: str = Field(description="The channel's own key of the message; repeated ones are dropped.")
    text: str | None = None
    button_id: str | None = None
    attachments: tuple[Attachment, ...] = ()
    wants_person: bool = Field(False, description="The customer pressed 'talk to a person'.")
    language: Language | None = Field(None, description="What the page or app is set to, if known.")
    address: str | None = Field(None, description="Hash of the network address, to count attempts.")
    answers: tuple["Reply", ...] = Field(
        (), description="What the channel answers by itself, in its turn, instead of the engine: commands, a sticker."
    )


class Reply(BaseModel):
    """One message to be recorded and sent."""

    text: str | None = None
    buttons: list[dict[str, str]] = Field(default_factory=list, description="title and payload")
    card: dict[str, Any] | None = None
    input: dict[str, Any] | None = None
    acknowledges: bool = False
    author: Author = Author.BOT
    agent_name: str | None = None
    attachments: list[Attachment] = Field(default_factory=list)


class Message(BaseModel):
    """A stored message. ``number`` counts within its conversation and orders it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    conversation_id: int
    number: int
    author: Author
    text: str | None
    buttons: list[Button] = []
    card: dict[str, Any] | None = None
    input: dict[str, Any] | None = None
    attachments: list[Attachment] = []
    agent_name: str | None = None
    external_id: str | None = None
    event: dict[str, Any] | None = None
    created_at: datetime


class Conversation(BaseModel):
    """The part of a stored conversation that other packages may see."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    public_id: str
    channel: str
    external_key: str
    language: Language
    state: ConversationState
    last_number: int


class Destination(BaseModel):
    """Where a delivery goes. ``part`` counts what was sent of a message for which a channel needs several."""

    conversation_id: int
    channel: str
    external_key: str
    part: int = 0


class Sent(BaseModel):
    """What became of a sending. With ``more`` the message has parts that are still to be sent."""

    external_id: str | None = None
    more: bool = False


class TemporaryFailure(Exception):
    """Sending failed and may work later.

    ``retry_after_s`` is what the other side asked for, in seconds. ``ambiguous`` says that the message may have
    arrived all the same, and ``more`` that it has parts after this one. ``unreachable`` says that nobody was
    there at all, which is an outage of the channel.
    """

    def __init__(
        self,
        message: str,
        retry_after_s: float | None = None,
        ambiguous: bool = False,
        *,
        more: bool = False,
        unreachable: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.ambiguous = ambiguous
        self.more = more
        self.unreachable = unreachable


class PermanentFailure(Exception):
    """Sending failed and will not work later.

    ``address_gone`` says that nothing at all can be sent there any more, e.g. because the customer blocked the
    bot; otherwise only this message is refused.
    """

    def __init__(self, message: str, *, address_gone: bool = True) -> None:
        super().__init__(message)
        self.address_gone = address_gone


class Sender(Protocol):
    """What a channel offers to get a message to the customer."""

    async def send(self, to: Destination, message: Message) -> Sent:
        """Send one message, or the next part of it, and return the channel's id of it, if it has one.

        Raises:
            TemporaryFailure: may be tried again.
            PermanentFailure: must not be tried again.
        """
        ...


# Called with a conversation's id after something new was committed in it.
Listener = Callable[[int], Awaitable[None]]


# Controls (line breaks and tabs stay), lone surrogates, and the marks that reorder what stands around them.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff]")


def clean_text(text: str) -> str:
    """Return text in Unicode normal form C, without what no person types and databases or screens choke on.

    A text of which nothing would be visible comes back empty.
    """
    text = unicodedata.normalize("NFC", _UNWANTED.sub("", text)).strip()
    visible = any(unicodedata.category(c)[0] not in "CZ" for c in text)
    return text if visible else ""
