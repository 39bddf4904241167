"""Makes articles of exported web pages: finds the text of a page among menus and banners, and writes it as Markdown."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from bs4 import BeautifulSoup, Tag
from markdownify import MarkdownConverter

from bot.conversation import Language
from bot.knowledge.articles import Problem

__all__ = ["ImportedPage", "import_pages", "read_page"]

LARGEST_PAGE = 5_000_000  # bytes
# What surrounds the text of a page.
_AROUND = (
    "script, style, noscript, template, iframe, form, button, nav, header, footer, aside, svg, dialog, "
    "[hidden], [aria-hidden=true], [role=navigation], [role=banner], [role=contentinfo], [role=search], [role=dialog]"
)
_TEXT_AT = ("article", "main", "[role=main]", "#content", ".content", "body")
LONGEST_QUESTION = 120  # characters; a longer paragraph in bold is a warning, not a heading
SHORTEST_TEXT = 40  # characters; less is no article


@dataclass(frozen=True)
class ImportedPage:
    """The text of a web page."""

    title: str
    url: str | None
    language: Language | None
    body: str

    @property
    def key(self) -> str:
        """A file name made of the title."""
        folded = self.title.casefold()
        for letter, written in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
            folded = folded.replace(letter, written)
        plain = unicodedata.normalize("NFKD", folded).encode("ascii", "ignore").decode()
        return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-") or "page"

    def as_article(self) -> str:
        """Return the article as it is kept in the folder, with a head for somebody to add keywords and intents to."""
        head: dict[str, object] = {"title": self.title, "keywords": [], "intents": []}
        if self.url:
            head["url"] = self.url
        return f"---\n{yaml.safe_dump(head, allow_unicode=True, sort_keys=False, width=1000)}---\n{self.body}\n"


class _Markdown(MarkdownConverter):
    """Links and pictures become their words: a chat shows the passage, and its source leads to the page."""

    def convert_a(self, _element: Tag, text: str, *_: object, **__: object) -> str:
        return text

    def convert_img(self, _element: Tag, _text: str, *_: object, **__: object) -> str:
        return ""


def read_page(html: bytes | str) -> ImportedPage:
    """Return the text of a web page.

    Raises:
        ValueError: if there is no title, or no text to speak of.
    """
    soup = BeautifulSoup(html, "html.parser")
    title = _title(soup)
    if not title:
        raise ValueError("the page has no title")
    url = _address(soup)
    language = _language(soup)
    content = next((found for place in _TEXT_AT if (found := soup.select_one(place)) is not None), soup)
    _mark_questions(content)
    for around in content.select(_AROUND):
        around.decompose()
    first = content.find("h1")
    if isinstance(first, Tag):
        first.decompose()  # it is the title
    body = _Markdown(heading_style="ATX", bullets="-", strip=["b", "strong", "i", "em", "span"]).convert_soup(content)
    body = re.sub(r"[ \t]+\n", "\n", re.sub(r"\n{3,}", "\n\n", str(body))).strip()
    # Headings keep their order but begin at the second level, below the title.
    body = re.sub(r"^#{1,6}(?= )", "##", body, flags=re.MULTILINE)
    if len(body) < SHORTEST_TEXT:
        raise ValueError("the page has no text; is it made by a script?")
    return ImportedPage(title=title, url=url, language=language, body=body)


def _mark_questions(content: Tag) -> None:
    """Make headings of what pages of questions show as such: each answer becomes a passage of its own."""
    for button in content.select("h1 button, h2 button, h3 button, h4 button, h5 button, h6 button, summary button"):
        button.unwrap()
    for heading in content.select("summary > :is(h1, h2, h3, h4, h5, h6)"):
        heading.unwrap()
    # Folded answers, definition lists, and the buttons that unfold something.
    for question in content.select("details > summary, dt, button[aria-expanded][aria-controls]"):
        question.name = "h2"
    for answer in content.select("dl, dd"):
        answer.name = "div"
    for paragraph in content.select("p"):
        inside = [child for child in paragraph.children if not isinstance(child, str) or child.strip()]
        only = inside[0] if len(inside) == 1 else None
        if isinstance(only, Tag) and only.name in ("strong", "b") and len(only.get_text()) <= LONGEST_QUESTION:
            paragraph.name = "h2"


def import_pages(
    source: Path, folder: Path, language: Language | None
) -> Iterator[tuple[Path, Path | None, Problem | None]]:
    """Write an article for every ``.html`` and ``.htm`` file; yield file, article, and what was wrong with it.

    A page that was imported before (same address) is written anew, with the keywords and intents that somebody
    has added since. No other file is overwritten.

    Args:
        source: a page, or a folder of pages.
        folder: the knowledge folder.
        language: of the pages; without one, what each page says of itself.
    """
    files = (
        sorted(p for p in source.rglob("*") if p.suffix.lower() in (".html", ".htm")) if source.is_dir() else [source]
    )
    for path in files:
        try:
            if path.stat().st_size > LARGEST_PAGE:
                raise ValueError(f"larger than {LARGEST_PAGE} bytes")
            page = read_page(path.read_bytes())
            spoken = language or page.language
            if spoken is None:
                raise ValueError("the page does not say its language; use --language")
            yield path, _write(page, folder / spoken), None
        except (ValueError, OSError) as error:
            yield path, None, Problem(path=path, message=str(error))


def _write(page: ImportedPage, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    earlier = _imported_before(page, folder)
    text = page.as_article()
    if earlier is not None:
        head = earlier.read_text(encoding="utf-8").split("---\n", 2)[1]
        earlier.write_text(f"---\n{head}---\n{page.body}\n", encoding="utf-8")
        return earlier
    path = folder / f"{page.key}.md"
    number = 2
    while path.exists():
        path = folder / f"{page.key}-{number}.md"
        number += 1
    path.write_text(text, encoding="utf-8")
    return path


def _imported_before(page: ImportedPage, folder: Path) -> Path | None:
    if page.url is None:
        return None
    line = re.compile(rf"^url:\s*['\"]?{re.escape(page.url)}['\"]?\s*$", re.MULTILINE)
    return next((path for path in sorted(folder.glob("*.md")) if line.search(path.read_text(encoding="utf-8"))), None)


def _title(soup: BeautifulSoup) -> str:
    for found in (soup.select_one("main h1, article h1"), soup.find("h1"), soup.find("title")):
        if isinstance(found, Tag) and (words := " ".join(found.get_text(" ", strip=True).split())):
            return words[:200]
    return ""


def _address(soup: BeautifulSoup) -> str | None:
    for found, name in (
        (soup.select_one("link[rel=canonical]"), "href"),
        (soup.select_one("meta[property='og:url']"), "content"),
    ):
        value = str(found.get(name) or "") if found is not None else ""
        if value.startswith(("http://", "https://")):
            return value
    return None


def _language(soup: BeautifulSoup) -> Language | None:
    found = soup.find("html")
    spoken = str(found.get("lang") or "")[:2].lower() if isinstance(found, Tag) else ""
    return "de" if spoken == "de" else "en" if spoken == "en" else None
