"""Turns a message into what Telegram shows: escaped HTML in parts of bearable length, and keyboards."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.channels.telegram.pictures import PROGRESS
from bot.conversation import Attachment, Author, Button, Language, Message
from bot.texts import text

__all__ = ["DONE", "Part", "chosen_keyboard", "keyboard", "render", "split"]

# Telegram allows 4096 characters after the markup is taken out, counted in UTF-16; some room for our own words.
TEXT_LIMIT = 3900
CAPTION_LIMIT = 1000  # of 1024, below a picture
# Stands behind a button that only shows what was chosen.
DONE = "-"
_SHORT, _MIDDLE = 10, 22  # characters of a title of which three, or two, fit into a row


@dataclass(frozen=True)
class Part:
    """One message as Telegram counts them: text, picture or document, the last one with the buttons.

    ``progress_of`` is the status of an order that a picture shows; the text then stands below the picture.
    """

    html: str = ""
    keyboard: InlineKeyboardMarkup | None = None
    picture: Attachment | None = None
    picture_url: str | None = None
    progress_of: str | None = None
    label_of: Mapping[str, Any] | None = None


def render(message: Message, language: Language, *, asked: str | None = None) -> list[Part]:
    """Return the parts of a message, in order; none if there is nothing to show.

    Args:
        message: what is to be sent.
        language: of the conversation, for the few words that a card needs.
        asked: the customer's words if they were written elsewhere, so that the answer is understood here.
    """
    card = message.card or {}
    words = _words(message)
    if asked:
        quoted = escape(asked if len(asked) <= 200 else asked[:199] + "…")
        quote = f"<blockquote>{text('telegram_asked_on_website', language)}\n{quoted}</blockquote>"
        words = _joined(quote, words, "\n")
    shown = _card(card, language)
    if shown:
        words = [*words[:-1], *_joined(words[-1], [shown], "\n\n")] if words else [shown]
    buttons = keyboard(message.buttons, message.input, card, language)
    if buttons is not None and not words:
        words = [text("telegram_choose", language)]
    parts = [Part(picture=attachment) for attachment in message.attachments]
    if card.get("image"):
        parts.append(Part(picture_url=str(card["image"])))
    parts += [Part(html=html) for html in words[:-1]]
    if words:
        status = card.get("status") if card.get("type") == "order" and _length(words[-1]) <= CAPTION_LIMIT else None
        parts.append(Part(html=words[-1], keyboard=buttons, progress_of=status if status in PROGRESS else None))
    label = card.get("label") or {} if card.get("type") == "return" else {}
    if label.get("kind"):
        key = "telegram_code_caption" if label["kind"] == "qr" else "telegram_label_caption"
        caption = text(key, language, reference=f"<code>{escape(str(label.get('reference') or ''))}</code>")
        parts.append(Part(html=caption, label_of=card))
    return parts


def _joined(first: str, rest: list[str], between: str) -> list[str]:
    """Return pieces with the first put before the next one, if both together are bearable."""
    if rest and _length(first + between + rest[0]) <= TEXT_LIMIT:
        return [first + between + rest[0], *rest[1:]]
    return [first, *rest]


def _words(message: Message) -> list[str]:
    pieces = [escape(piece) for piece in split(message.text or "")]
    if not pieces:
        return []
    if message.author is Author.AGENT and message.agent_name:
        pieces[0] = f"<b>{escape(message.agent_name)}</b>\n{pieces[0]}"
    elif message.author is Author.SYSTEM:
        pieces = [f"<i>{piece}</i>" for piece in pieces]
    return pieces


def _length(words: str) -> int:
    return len(words.encode("utf-16-le")) // 2


_BREAKS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"(?<=[.!?…])[\"'“”»)]*\s+"), re.compile(r"\s+"))


def split(words: str, limit: int = TEXT_LIMIT) -> list[str]:
    """Cut text into pieces of at most ``limit`` UTF-16 units: between paragraphs, else lines, sentences, words."""
    words = words.strip()
    if not words:
        return []
    if _length(words) <= limit:
        return [words]
    # Characters beyond the basic plane count twice, so this is where a piece ends at the latest.
    end = limit
    while _length(words[:end]) > limit:
        end -= 1
    for pattern in _BREAKS:
        breaks = [match for match in pattern.finditer(words, 0, end + 1) if match.start() <= end]
        # A cut in the first third leaves a stub; a finer kind of break does better then.
        if breaks and breaks[-1].start() > limit // 3:
            return [words[: breaks[-1].start()].rstrip(), *split(words[breaks[-1].end() :], limit)]
    return [words[:end], *split(words[end:], limit)]


# -- cards


def _card(card: Mapping[str, Any], language: Language) -> str:
    """Return a card as formatted lines, empty if there is none or it says no more than the text beside it."""
    kind = card.get("type")
    if kind == "order":
        return _order(card, language)
    if kind == "return":
        return _return(card, language)
    return ""


def _order(card: Mapping[str, Any], language: Language) -> str:
    head = f"<b>{text('telegram_card_order', language, number=escape(str(card.get('number', ''))))}</b>"
    if card.get("status_text"):
        head += f" · {escape(str(card['status_text']))}"
    lines = [head, *_lines(card)]
    if card.get("total"):
        lines.append(text("telegram_card_total", language, total=escape(str(card["total"]))))
    if card.get("expected_text"):
        lines.append(text("telegram_card_expected", language, day=escape(str(card["expected_text"]))))
    if card.get("tracking_number"):
        carrier = escape(str(card.get("carrier") or ""))
        lines.append(f"{carrier} <code>{escape(str(card['tracking_number']))}</code>".strip())
    return "<blockquote>" + "\n".join(lines) + "</blockquote>"


def _return(card: Mapping[str, Any], language: Language) -> str:
    head = text("telegram_card_return", language, number=escape(str(card.get("number", ""))))
    lines = [f"<b>{head}</b>", *_lines(card)]
    if card.get("hand_in_text"):
        lines.append(text("telegram_card_hand_in", language, day=escape(str(card["hand_in_text"]))))
    reference = (card.get("label") or {}).get("reference")
    if reference:
        lines.append(f"<code>{escape(str(reference))}</code>")
    if card.get("refund"):
        lines.append(text("telegram_card_refund", language, amount=escape(str(card["refund"]))))
    return "<blockquote>" + "\n".join(lines) + "</blockquote>"


def _lines(card: Mapping[str, Any]) -> list[str]:
    shown = []
    for line in card.get("lines") or ():
        name = escape(str(line.get("name", "")))
        variant = f" ({escape(str(line['variant']))})" if line.get("variant") else ""
        price = f" · {escape(str(line['price']))}" if line.get("price") else ""
        shown.append(f"{line.get('quantity', 1)} × {name}{variant}{price}")
    return shown


# -- keyboards


def keyboard(
    buttons: Sequence[Button], hint: Mapping[str, Any] | None, card: Mapping[str, Any], language: Language
) -> InlineKeyboardMarkup | None:
    """Return the buttons of a message, laid out by what they ask, with links of its card below."""
    rows = _scale(buttons, hint) if hint and hint.get("type") in ("scale", "stars", "ces") else _rows(buttons)
    link = str(card.get("tracking_url") or "")
    if link.startswith(("https://", "http://")):
        rows.append([InlineKeyboardButton(text("telegram_button_track", language), url=link)])
    return InlineKeyboardMarkup(rows) if rows else None


def chosen_keyboard(title: str) -> InlineKeyboardMarkup:
    """Return what is left of a keyboard after use: the choice, as a button that does nothing."""
    return InlineKeyboardMarkup([[InlineKeyboardButton(f"✓ {title}", callback_data=DONE)]])


def _scale(buttons: Sequence[Button], hint: Mapping[str, Any]) -> list[list[InlineKeyboardButton]]:
    """Lay out a scale: stars and the seven of CES in one row, NPS in two of six and five; skip and stop below."""
    values = [b for b in buttons if b.title.isdigit()]
    rest = [b for b in buttons if not b.title.isdigit()]
    star = " ★" if hint["type"] == "stars" else ""
    width = 6 if len(values) > 8 else max(1, len(values))
    rows = [
        [InlineKeyboardButton(f"{b.title}{star}", callback_data=b.id) for b in values[i : i + width]]
        for i in range(0, len(values), width)
    ]
    return rows + _rows(rest)


def _rows(buttons: Sequence[Button]) -> list[list[InlineKeyboardButton]]:
    """Put as many buttons into a row as their titles leave legible on a phone."""
    longest = max((len(button.title) for button in buttons), default=0)
    width = 3 if longest <= _SHORT else 2 if longest <= _MIDDLE else 1
    return [
        [InlineKeyboardButton(b.title, callback_data=b.id) for b in buttons[i : i + width]]
        for i in range(0, len(buttons), width)
    ]
