"""Writes the frames of protocol.py into docs/chat-protocol.md: ``python -m bot.channels.web.schema``."""

import inspect
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from bot.channels.web import protocol
from bot.conversation import Attachment, Button

__all__ = ["described", "with_frames"]

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "chat-protocol.md"
BEGIN, END = "<!-- frames: begin -->", "<!-- frames: end -->"
PARTS: tuple[type[BaseModel], ...] = (protocol.CustomerMessage, Button, Attachment, protocol.PromiseItem, protocol.Page)


def described() -> str:
    """Return all frames as Markdown."""
    client = get_args(get_args(protocol.ClientFrame)[0])
    service = get_args(protocol.ServerFrame)
    sections = ["## Frames from the browser", *map(_frame, client), "## Frames from the service", *map(_frame, service)]
    sections += ["## What frames are made of", *map(_part, PARTS)]
    sections += ["## Body of `POST /chat`", _lines(protocol.Exchange)]
    return "\n\n".join(sections)


def with_frames(document: str) -> str:
    """Return the document with the frames as they are now."""
    before, rest = document.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{described()}\n\n{END}{after}"


def _frame(model: type[BaseModel]) -> str:
    return f"### `{model.model_fields['type'].default}`\n\n{_lines(model)}"


def _part(model: type[BaseModel]) -> str:
    return f"### {model.__name__}\n\n{_lines(model)}"


def _lines(model: type[BaseModel]) -> str:
    paragraphs = (inspect.getdoc(model) or "").split("\n\n")
    words = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).replace("``", "`")
    schema = model.model_json_schema()
    required = set(schema.get("required", ()))
    rows = [
        f"| `{name}` | {_type(field)} | {'yes' if name in required else ''} | {_said(field)} |"
        for name, field in schema["properties"].items()
        if name != "type"
    ]
    if not rows:
        return words
    return "\n".join([words, "", "| field | type | needed | |", "|---|---|---|---|", *rows])


def _said(field: dict[str, Any]) -> str:
    return str(field.get("description", "")).replace("``", "`")


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(part) for part in field["anyOf"] if part.get("type") != "null"))
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        most = f", {field['maxItems']} at most" if "maxItems" in field else ""
        return f"list of {_type(field['items'])}{most}"
    if "oneOf" in field:
        return "frame"
    name = str(field.get("format") or field.get("type", "any"))
    limits = [f"`{field['pattern']}`"] if "pattern" in field else []
    limits += [f"{field['maxLength']} characters at most"] if "maxLength" in field else []
    limits += [f"{field['minimum']} or more"] if "minimum" in field else []
    limits += [f"{field['maximum']} at most"] if "maximum" in field else []
    return ", ".join([name, *limits])


if __name__ == "__main__":
    DOCUMENT.write_text(with_frames(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
