"""Makes subject, text and HTML of a mail from one Markdown template per language."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.conversation import Language
from bot.shop.policies import Shop

__all__ = ["Rendered", "Templates"]

HERE = Path(__file__).parent / "templates"
_LOCALES: dict[Language, str] = {"de": "de_DE", "en": "en_GB"}
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_CONTACT: dict[Language, str] = {
    "de": "Fragen? Antworten Sie einfach auf diese E-Mail oder rufen Sie uns an: {phone}.",
    "en": "Questions? Just reply to this mail or call us: {phone}.",
}
# A receipt quotes what somebody typed, and goes to an address that somebody typed: it must not carry live links.
_LINK = re.compile(r"(?i)\b(https?|ftp):(?=//)|\bwww\.")


@dataclass(frozen=True)
class Rendered:
    """A mail, ready to be sent."""

    subject: str
    text: str
    html: str


class Templates:
    """The templates of one shop.

    A template is Markdown whose heading is the subject. Values are put in as plain words: whatever
    Markdown or HTML they contain is shown, not obeyed.
    """

    def __init__(self, shop: Shop, zone: ZoneInfo, url: str) -> None:
        self._zone = zone
        self._markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table")
        self._layout = Environment(loader=FileSystemLoader(HERE), autoescape=select_autoescape(["html"]))
        self._shop = shop
        self._words = {
            language: self._environment(language, {"shop": shop, "url": url, "language": language})
            for language in _LOCALES
        }

    def names(self, language: Language) -> set[str]:
        """Return the templates a language has, so that a test can compare them."""
        return {path.stem for path in (HERE / language).glob("*.md")}

    def render(self, name: str, language: Language, values: Mapping[str, Any]) -> Rendered:
        """Fill a template in.

        Raises:
            jinja2.UndefinedError: if the template asks for a value that is not given.
            jinja2.TemplateNotFound: if there is no such template.
        """
        source = self._words[language].get_template(f"{name}.md").render(values)
        tokens = self._markdown.parse(source)
        assert tokens[0].type == "heading_open", f"{language}/{name}.md must begin with a heading"
        subject = " ".join(_inline_text(tokens[1]).split())
        html = self._layout.get_template("layout.html").render(
            language=language,
            subject=subject,
            body=self._markdown.renderer.render(tokens, self._markdown.options, {}),
            contact=_CONTACT[language].format(phone=self._shop.phone),
            shop=self._shop,
        )
        return Rendered(subject, _text(tokens) + _footer(self._shop, language), html)

    def _environment(self, language: Language, known: Mapping[str, Any]) -> Environment:
        # The output is Markdown, not HTML; ``finalize`` escapes what Markdown would obey.
        environment = Environment(  # noqa: S701
            loader=FileSystemLoader(HERE / language),
            undefined=StrictUndefined,
            finalize=_as_words,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.globals.update(known)
        locale = _LOCALES[language]

        def money(value: Mapping[str, str]) -> str:
            return str(format_currency(value["amount"], value["currency"], locale=locale))

        def day(value: str | date) -> str:
            parsed = date.fromisoformat(value[:10]) if isinstance(value, str) else value
            return str(format_date(parsed, "EEEE, d. MMMM y" if language == "de" else "EEEE d MMMM y", locale=locale))

        def moment(value: str | datetime) -> str:
            """An instant to the second, with its zone: it may have to prove something."""
            parsed = datetime.fromisoformat(value) if isinstance(value, str) else value
            pattern = "d. MMMM y, HH:mm:ss 'Uhr' (z)" if language == "de" else "d MMMM y, HH:mm:ss (z)"
            return str(format_datetime(parsed, pattern, tzinfo=self._zone, locale=locale))

        def said(value: Mapping[str, str | None] | str | None, fallback: str | None = None) -> str:
            """A text that the shop has in both languages."""
            if isinstance(value, Mapping):
                return str(value.get(language) or value.get("de") or "")
            return str((fallback if language == "en" else None) or value or "")

        def quoted(value: str) -> str:
            return _LINK.sub(lambda found: found[0][:-1] + " " + found[0][-1], value)

        environment.filters.update(money=money, day=day, moment=moment, said=said, quoted=quoted)
        return environment


def _as_words(value: Any) -> Any:
    """Escape what Markdown would obey. Line breaks stay, indentation goes: it would make code of words."""
    if not isinstance(value, str):
        return value
    return "\n".join(_PUNCTUATION.sub(r"\\\1", line.strip()) for line in value.splitlines())


def _inline_text(token: Token) -> str:
    words = []
    link: str | None = None
    for child in token.children or []:
        match child.type:
            case "softbreak" | "hardbreak":
                words.append("\n")
            case "link_open":
                link = str(child.attrGet("href") or "")
            case "link_close" if link is not None:
                # An address behind words is written out; one that stands for itself is not repeated.
                if not words or words[-1] != link:
                    words.append(f": {link}")
                link = None
            case _:
                words.append(child.content)
    return "".join(words)


def _text(tokens: Sequence[Token]) -> str:
    """Write parsed Markdown as plain text, the way people write mails."""
    parts: list[str] = []
    row: list[str] = []
    bullet = quote = ""
    for token in tokens:
        match token.type:
            case "bullet_list_open":
                bullet = "- "
            case "bullet_list_close":
                bullet = ""
                parts.append("")
            case "blockquote_open":
                quote = "> "
            case "blockquote_close":
                quote = ""
            case "tr_open":
                row = []
            case "tr_close":
                parts.append("  ".join(cell for cell in row if cell))
            case "table_close":
                parts.append("")
            case "hr":
                parts += ["--", ""]
            case "inline" if token.level >= 3 and not bullet and not quote:
                row.append(_inline_text(token))
            case "inline":
                first, *rest = _inline_text(token).split("\n")
                lines = [f"{quote}{bullet}{first}", *(f"{quote}{' ' * len(bullet)}{line}" for line in rest)]
                parts += lines if bullet else [*lines, ""]
            case _:
                pass
    return "\n".join(parts[2:]).strip() + "\n"  # without the heading: it is the subject


def _footer(shop: Shop, language: Language) -> str:
    contact = _CONTACT[language].format(phone=shop.phone)
    return f"\n-- \n{shop.name}\n{contact}\n{shop.website}\n"
