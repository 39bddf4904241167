"""Reads an update: what a person did in Telegram, in the few words that the rest of the channel understands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from telegram import Bot, CallbackQuery, ChatMemberUpdated, Message, Update, User
from telegram.constants import ChatMemberStatus, ChatType, MessageEntityType

from bot.conversation import Language

__all__ = [
    "Blocked",
    "CameBack",
    "Commanded",
    "Event",
    "InGroup",
    "Origin",
    "Pictured",
    "Pressed",
    "Said",
    "Unread",
    "Unreadable",
    "chat_of",
    "read",
]

# What we cannot read, by the field that carries it.
Unread = Literal["sticker", "voice", "video", "document", "location", "contact", "other"]
_UNREADABLE: dict[str, Unread] = {
    "sticker": "sticker",
    "voice": "voice",
    "audio": "voice",
    "video_note": "voice",
    "video": "video",
    "animation": "video",
    "document": "document",
    "venue": "location",
    "location": "location",
    "contact": "contact",
}
# What Telegram itself notes in a chat; nobody waits for an answer to it.
_NOTES = (
    "pinned_message",
    "message_auto_delete_timer_changed",
    "write_access_allowed",
    "chat_background_set",
    "boost_added",
    "proximity_alert_triggered",
    "gift",
    "unique_gift",
    "forum_topic_created",
)
LONGEST_SIDE = 2560  # pixels; Telegram keeps several sizes of a picture
_IMAGES = ("image/jpeg", "image/png", "image/webp", "image/gif")


@dataclass(frozen=True)
class Origin:
    """Whose doing it was, and where."""

    chat_id: int
    message_id: int
    language: Language | None
    name: str


@dataclass(frozen=True)
class Said:
    """Somebody wrote. ``edited`` says that the message is a changed one."""

    origin: Origin
    text: str
    edited: bool = False
    caption: bool = False


@dataclass(frozen=True)
class Commanded:
    """Somebody gave a command: ``/name argument``."""

    origin: Origin
    name: str
    argument: str
    text: str


@dataclass(frozen=True)
class Pressed:
    """Somebody pressed a button below one of our messages; ``title`` is what stood on it."""

    origin: Origin
    callback_id: str
    data: str
    title: str


@dataclass(frozen=True)
class Pictured:
    """Somebody sent pictures: file ids and names. ``album`` is shared by pictures sent together."""

    origin: Origin
    files: tuple[tuple[str, str], ...]
    album: str | None


@dataclass(frozen=True)
class Unreadable:
    """Somebody sent something that is neither text nor picture."""

    origin: Origin
    what: Unread
    detail: str


@dataclass(frozen=True)
class Blocked:
    """Somebody blocked the bot."""

    chat_id: int


@dataclass(frozen=True)
class CameBack:
    """Somebody no longer blocks the bot."""

    chat_id: int


@dataclass(frozen=True)
class InGroup:
    """The bot was added to a group, or somebody wrote in one."""

    chat_id: int


Event = Said | Commanded | Pressed | Pictured | Unreadable | Blocked | CameBack | InGroup


def chat_of(body: Mapping[str, Any]) -> int | None:
    """Return the chat that an update belongs to, without understanding the rest of it."""
    for kind, content in body.items():
        if kind == "update_id" or not isinstance(content, dict):
            continue
        chat = content.get("chat") or (content.get("message") or {}).get("chat") or content.get("from") or {}
        return chat.get("id")
    return None


def read(body: Mapping[str, Any], bot: Bot) -> list[Event]:
    """Return what happened, in order; nothing where nobody waits for an answer."""
    update = Update.de_json(dict(body), bot)
    if update.callback_query is not None:
        return list(_pressed(update.callback_query))
    if update.my_chat_member is not None:
        return list(_membership(update.my_chat_member))
    message = update.message or update.edited_message
    return list(_message(message, edited=update.edited_message is not None)) if message is not None else []


def _pressed(query: CallbackQuery) -> Iterator[Event]:
    message = query.message
    if message is None or query.data is None or message.chat.type != ChatType.PRIVATE:
        return
    rows = message.reply_markup.inline_keyboard if isinstance(message, Message) and message.reply_markup else ()
    title = next((b.text for row in rows for b in row if b.callback_data == query.data), "")
    origin = Origin(message.chat.id, message.message_id, _language(query.from_user), query.from_user.full_name)
    yield Pressed(origin, query.id, str(query.data), title)


def _membership(change: ChatMemberUpdated) -> Iterator[Event]:
    status = change.new_chat_member.status
    gone = status in (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)
    if change.chat.type == ChatType.PRIVATE:
        yield Blocked(change.chat.id) if gone else CameBack(change.chat.id)
    elif not gone:
        yield InGroup(change.chat.id)


def _message(message: Message, *, edited: bool) -> Iterator[Event]:
    if message.chat.type in (ChatType.GROUP, ChatType.SUPERGROUP):
        yield InGroup(message.chat.id)
        return
    if message.chat.type != ChatType.PRIVATE or message.from_user is None or message.from_user.is_bot:
        return
    origin = Origin(message.chat.id, message.message_id, _language(message.from_user), message.from_user.full_name)
    if message.text is not None:
        command = None if edited else _command(message)
        yield Commanded(origin, *command, message.text) if command else Said(origin, message.text, edited)
        return
    words = message.caption
    if edited:
        # A live location moves by editing its message, and so on; only changed words call for an answer.
        if words:
            yield Said(origin, words, edited=True, caption=True)
        return
    picture = _picture(message)
    if words:
        # First what it is about, then what shows it: the answer to the words decides what the picture is for.
        yield Said(origin, words, caption=True)
    if picture is not None:
        yield Pictured(origin, (picture,), message.media_group_id)
        return
    for field, what in _UNREADABLE.items():
        if getattr(message, field):
            yield Unreadable(origin, what, _detail(message, what))
            return
    if not any(getattr(message, note, None) for note in _NOTES):
        yield Unreadable(origin, "other", "")


def _command(message: Message) -> tuple[str, str] | None:
    """Return name and argument of a command at the very beginning."""
    entity = next((e for e in message.entities if e.type == MessageEntityType.BOT_COMMAND and e.offset == 0), None)
    if entity is None:
        return None
    whole = message.parse_entity(entity)
    return whole[1:].partition("@")[0].lower(), (message.text or "")[len(whole) :].strip()


def _picture(message: Message) -> tuple[str, str] | None:
    """Return file id and name of a picture, also of one that was sent as a file."""
    if message.photo:
        sizes = sorted(message.photo, key=lambda size: size.width * size.height)
        fitting = [size for size in sizes if max(size.width, size.height) <= LONGEST_SIDE]
        return (fitting or sizes)[-1 if fitting else 0].file_id, "photo.jpg"
    document = message.document
    if document is not None and document.mime_type in _IMAGES:
        return document.file_id, document.file_name or "photo.jpg"
    return None


def _detail(message: Message, what: Unread) -> str:
    """Return what an agent may want to know of something that only Telegram can show."""
    if what == "sticker" and message.sticker:
        return message.sticker.emoji or ""
    if what == "document" and message.document:
        return message.document.file_name or ""
    return ""


def _language(user: User) -> Language | None:
    if not user.language_code:
        return None
    return "de" if user.language_code.startswith("de") else "en"
