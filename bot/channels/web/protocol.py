"""The frames that the chat in the browser and the service exchange; docs/chat-protocol.md is generated from them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from bot.conversation import Attachment, Author, Button, ConversationState, Language, Message
from bot.errors import InvalidInput

__all__ = [
    "FRAME_LIMIT",
    "VERSION",
    "AskEarlier",
    "AskPromises",
    "AskService",
    "ClientFrame",
    "CustomerMessage",
    "Exchange",
    "Hello",
    "Identify",
    "Messages",
    "Page",
    "Ping",
    "Pong",
    "PromiseItem",
    "Promises",
    "Received",
    "Refused",
    "Restart",
    "Say",
    "ServerFrame",
    "Service",
    "SetLanguage",
    "SetPage",
    "State",
    "Sync",
    "Typing",
    "Welcome",
    "Writing",
    "parse",
    "seen_by_customer",
]

VERSION = 1
FRAME_LIMIT = 16 * 1024  # bytes

MessageId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
PublicId = Annotated[str, StringConstraints(max_length=40)]
Token = Annotated[str, StringConstraints(max_length=4000)]


class _Frame(BaseModel):
    # A client that is newer than this process may know more fields; what it must not do is send wrong ones.
    model_config = ConfigDict(frozen=True, extra="ignore")


# -- from the customer's browser


class Page(_Frame):
    """What the customer is looking at, as the shop's page says it. Shown to agents, never trusted."""

    url: str | None = Field(None, max_length=500)
    title: str | None = Field(None, max_length=200)
    product: str | None = Field(None, max_length=120, description="The shop's id or SKU of the product looked at.")


class Hello(_Frame):
    """Opens a connection; always the first frame. Answered by ``welcome`` and then by what is new."""

    type: Literal["hello"] = "hello"
    protocol: int = Field(VERSION, description="Version of this protocol.")
    visitor: Token | None = Field(None, description="The token of the last ``welcome``; none on the first visit.")
    conversation: PublicId | None = Field(None, description="The conversation that ``after`` counts in.")
    after: int = Field(0, ge=0, description="The last number the browser has; everything later is sent.")
    language: Language | None = Field(None, description="Language of the page.")
    identity: Token | None = Field(None, description="The shop's signed token of its signed-in customer.")
    page: Page | None = None


class Say(_Frame):
    """A message of the customer: typed text, a button that was offered, pictures, or the wish for a person.

    Answered by ``received`` once it is stored, or by ``refused``. Send the next one only then: that keeps
    the order whatever lies between. Sending one again under the same id is harmless.
    """

    type: Literal["message"] = "message"
    id: MessageId = Field(description="Made by the browser, unique for its visitor.")
    text: str | None = Field(None, max_length=FRAME_LIMIT)
    button: str | None = Field(None, max_length=24, description="Id of a button of an earlier message.")
    attachments: list[PublicId] = Field([], max_length=4, description="Ids that the upload gave.")
    person: bool = Field(False, description="The customer pressed 'talk to a person'.")


class Sync(_Frame):
    """Asks for everything after a number, because a gap was noticed."""

    type: Literal["sync"] = "sync"
    conversation: PublicId | None = None
    after: int = Field(ge=0)


class AskEarlier(_Frame):
    """Asks for messages before a number of a conversation, or for the visitor's conversation before that one."""

    type: Literal["earlier"] = "earlier"
    conversation: PublicId
    before: int = Field(ge=1)


class Identify(_Frame):
    """Hands over the shop's signed token, or says that the customer signed out."""

    type: Literal["identify"] = "identify"
    token: Token | None


class SetPage(_Frame):
    """Says what the customer is looking at now."""

    type: Literal["page"] = "page"
    page: Page


class SetLanguage(_Frame):
    """Says which language the customer chose."""

    type: Literal["language"] = "language"
    language: Language


class Writing(_Frame):
    """Says that the customer is typing, or has stopped; shown to the person who has the conversation."""

    type: Literal["writing"] = "writing"
    on: bool


class AskPromises(_Frame):
    """Asks what was promised in this conversation."""

    type: Literal["promises"] = "promises"


class AskService(_Frame):
    """Asks whether people are there and how long it would take now."""

    type: Literal["service"] = "service"


class Restart(_Frame):
    """Ends the conversation and forgets this browser: answered by a ``welcome`` with a new visitor."""

    type: Literal["restart"] = "restart"


class Ping(_Frame):
    """Asks for a ``pong``: browsers cannot see whether a silent socket is still alive."""

    type: Literal["ping"] = "ping"


ClientFrame = Annotated[
    Hello
    | Say
    | Sync
    | AskEarlier
    | Identify
    | SetPage
    | SetLanguage
    | Writing
    | AskPromises
    | AskService
    | Restart
    | Ping,
    Field(discriminator="type"),
]


class Exchange(_Frame):
    """Body of ``POST /chat``, for browsers that get no WebSocket through: frames there and back by request."""

    hello: Hello
    frames: list[ClientFrame] = Field([], max_length=8)
    wait_s: float = Field(0, ge=0, le=25, description="How long to wait for news if there is none, in seconds.")


# -- from the service


class CustomerMessage(_Frame):
    """A message as the customer may see it. Notes of agents and payloads of buttons are never part of it."""

    number: int
    author: Literal["customer", "bot", "agent", "system"]
    text: str | None = None
    buttons: list[Button] = []
    card: dict[str, Any] | None = None
    input: dict[str, Any] | None = Field(None, description="Hint for the next answer, e.g. {'type': 'stars'}.")
    attachments: list[Attachment] = []
    agent: str | None = Field(None, description="Name of the person who wrote.")
    id: str | None = Field(None, description="The browser's own id of a customer's message.")
    at: datetime


class Service(_Frame):
    """Whether people are there."""

    type: Literal["service"] = "service"
    open: bool
    until: datetime | None = Field(None, description="When today's service ends, while it is open.")
    opens: datetime | None = Field(None, description="When it opens next, while it is closed.")
    wait_s: int | None = Field(
        None, description="Expected wait for a person in seconds; none when nobody is signed in."
    )


class Welcome(_Frame):
    """Answers ``hello``. ``visitor`` is to be kept and sent with the next one."""

    type: Literal["welcome"] = "welcome"
    protocol: int = VERSION
    visitor: str = Field(description="Signed id of this browser, renewed from time to time.")
    known: bool = Field(description="Whether the token of the hello was good; if not, forget what it showed.")
    conversation: str | None = Field(None, description="The visitor's conversation, once there is one.")
    state: ConversationState = ConversationState.BOT
    agent: str | None = None
    language: Language
    service: Service


class Messages(_Frame):
    """Messages in order, complete between two numbers of one conversation.

    Numbers that are missing in between belong to what the customer does not see. A browser that has less
    than ``after`` has a gap and asks with ``sync``; one that has ``upto`` already drops the frame.
    """

    type: Literal["messages"] = "messages"
    conversation: str
    after: int
    upto: int
    messages: list[CustomerMessage]
    start: bool = Field(False, description="Begin here: what came before is not sent unasked.")
    earlier: bool = Field(False, description="Answers ``earlier``.")
    more: bool = Field(False, description="With start or earlier: there is still more before.")


class Received(_Frame):
    """The message is stored and will be answered."""

    type: Literal["received"] = "received"
    id: str
    conversation: str
    number: int
    at: datetime


class Refused(_Frame):
    """A frame was not accepted; nothing of it was stored."""

    type: Literal["refused"] = "refused"
    id: str | None = Field(None, description="Id of the refused message, if it was one.")
    code: str
    message: str
    retry: bool = Field(description="Whether the same frame may be accepted later.")
    retry_after_s: float | None = None


class Typing(_Frame):
    """Somebody is about to answer. Ends with their message, when said so, or by itself after a few seconds."""

    type: Literal["typing"] = "typing"
    conversation: str
    on: bool
    who: Literal["bot", "agent"] = "bot"
    number: int = Field(description="The number this answers; stale once a later message is there.")


class State(_Frame):
    """Who the conversation is with now."""

    type: Literal["state"] = "state"
    conversation: str
    state: ConversationState
    agent: str | None = None
    language: Language


class PromiseItem(_Frame):
    """Something that was held out to the customer."""

    kind: str
    wording: str
    order: str | None
    due: datetime
    made_at: datetime
    state: Literal["open", "kept", "broken", "withdrawn", "superseded"]


class Promises(_Frame):
    """Answers ``promises``; the latest first, without those that gave way to newer ones."""

    type: Literal["promises"] = "promises"
    promises: list[PromiseItem]


class Pong(_Frame):
    """Answers ``ping``."""

    type: Literal["pong"] = "pong"


ServerFrame = Welcome | Messages | Received | Refused | Typing | State | Promises | Service | Pong

_client_frame: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)


def parse(raw: str) -> ClientFrame:
    """Read a frame from the browser.

    Raises:
        InvalidInput: it is too large, no JSON, or none of the frames above; the message says where.
    """
    if len(raw.encode("utf-8", "replace")) > FRAME_LIMIT:
        raise InvalidInput(f"A frame may have {FRAME_LIMIT} bytes at most.", code="frame_too_large")
    try:
        return _client_frame.validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "frame"
        raise InvalidInput(f"{where}: {first['msg']}", code="invalid_frame") from error


def seen_by_customer(message: Message) -> CustomerMessage | None:
    """Return a message as the customer may see it, or None if it is not for their eyes."""
    if message.author is Author.NOTE:
        return None
    return CustomerMessage(
        number=message.number,
        author=message.author.value,
        text=message.text,
        buttons=message.buttons,
        card=message.card,
        input=message.input,
        attachments=message.attachments,
        agent=message.agent_name if message.author is Author.AGENT else None,
        id=message.external_id if message.author is Author.CUSTOMER else None,
        at=message.created_at,
    )
