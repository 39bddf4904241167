"""Reads Telegram's HTML style into text and entities, with Telegram's own complaints about bad markup."""

from html.parser import HTMLParser
from typing import Any

__all__ = ["MarkupError", "read_html", "utf16_length"]

_ENTITIES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}


class MarkupError(ValueError):
    """The text is not valid in Telegram's HTML style."""


def utf16_length(text: str) -> int:
    """Return the length by which Telegram counts offsets."""
    return len(text.encode("utf-16-le")) // 2


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.entities: list[dict[str, Any]] = []
        self._open: list[tuple[str, int, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _ENTITIES:
            raise MarkupError(f'Unsupported start tag "{tag}" at byte offset {self.getpos()[1]}')
        self._open.append((tag, utf16_length(self.text), dict(attrs).get("href")))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            raise MarkupError(f"Unexpected end tag at byte offset {self.getpos()[1]}")
        _, start, href = self._open.pop()
        length = utf16_length(self.text) - start
        if length:
            entity = {"type": _ENTITIES[tag], "offset": start, "length": length}
            self.entities.append(entity | ({"url": href} if tag == "a" else {}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def end(self) -> None:
        self.close()
        if self._open:
            raise MarkupError(f'Can\'t find end tag corresponding to start tag "{self._open[-1][0]}"')


def read_html(html: str) -> tuple[str, list[dict[str, Any]]]:
    """Return text and entities.

    Raises:
        MarkupError: as Telegram would refuse it.
    """
    reader = _Reader()
    reader.feed(html)
    reader.end()
    return reader.text.strip(), sorted(reader.entities, key=lambda e: (e["offset"], -e["length"]))
