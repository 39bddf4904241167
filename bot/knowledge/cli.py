"""The commands ``zusage knowledge check | reload | ask | import``."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.conversation import Language
from bot.knowledge.articles import Article, read_folder
from bot.knowledge.loading import load
from bot.knowledge.search import GOOD_ENOUGH, KnowledgeSearch, Result
from bot.knowledge.web_pages import import_pages
from bot.settings import Settings
from bot.storage import migrate
from bot.storage.database import Database
from bot.storage.knowledge import KnowledgeStore

__all__ = ["knowledge_commands"]

knowledge_commands = typer.Typer(no_args_is_help=True, help="Help articles: check, load, try and import them.")
out = Console(highlight=False)


@knowledge_commands.command("check")
def check(folder: Annotated[Path | None, typer.Argument(help="Default: ZUSAGE_KNOWLEDGE.")] = None) -> None:
    """Read all articles and say what is wrong with them; nothing is loaded."""
    articles, problems = read_folder(folder or Settings().knowledge)
    for problem in problems:
        out.print(f"[red]{problem}[/red]", markup=True)
    for remark in _remarks(articles):
        out.print(remark)
    counts = Counter(article.language for article in articles)
    out.print(f"{counts['de']} German and {counts['en']} English articles, {len(problems)} that cannot be read.")
    raise typer.Exit(1 if problems or not articles else 0)


def _remarks(articles: list[Article]) -> list[str]:
    keys = {(article.language, article.key) for article in articles}
    remarks = [
        f"{language}/{key}: there is no such article in the other language"
        for language, key in sorted(keys)
        if ("en" if language == "de" else "de", key) not in keys
    ]
    remarks += [
        f"{article.language}/{article.key}: no keywords; add words that customers use"
        for article in articles
        if not article.keywords
    ]
    titles = Counter((article.language, article.title) for article in articles)
    return remarks + [
        f"{language}: {count} articles are called {title!r}" for (language, title), count in titles.items() if count > 1
    ]


@knowledge_commands.command("reload")
def reload(folder: Annotated[Path | None, typer.Argument(help="Default: ZUSAGE_KNOWLEDGE.")] = None) -> None:
    """Make the articles searchable; a running service uses them at once."""
    settings = Settings()
    migrate.upgrade(settings.database)

    async def run() -> int:
        database = Database(settings.database)
        try:
            loaded = await load(folder or settings.knowledge, KnowledgeStore(database), datetime.now(UTC))
        finally:
            await database.close()
        for problem in loaded.problems:
            out.print(f"[red]{problem}[/red]")
        out.print(f"{loaded.articles} articles {'loaded' if loaded.changed else 'are unchanged'}.")
        return 1 if loaded.problems else 0

    raise typer.Exit(asyncio.run(run()))


@knowledge_commands.command("ask")
def ask(
    question: Annotated[str, typer.Argument(help="As a customer would write it.")],
    language: Annotated[str, typer.Option(help="de or en")] = "de",
    intent: Annotated[str | None, typer.Option(help="What the question was understood to be about.")] = None,
) -> None:
    """Show which passages answer a question, and whether the assistant would give them."""
    if language not in ("de", "en"):
        raise typer.BadParameter("language is de or en")
    spoken: Language = "de" if language == "de" else "en"
    settings = Settings()

    async def run() -> Result:
        database = Database(settings.database)
        try:
            return await KnowledgeSearch(KnowledgeStore(database)).search(question, spoken, intent=intent)
        finally:
            await database.close()

    result = asyncio.run(run())
    for found in result.found:
        mark = "[green]answer[/green]" if found.score >= GOOD_ENOUGH else "[yellow]too unsure[/yellow]"
        heading = f" › {found.passage.heading}" if found.passage.heading else ""
        out.print(f"{found.score:.2f} {mark}  [bold]{found.article.title}{heading}[/bold]  ({found.article.key})")
        out.print(f"     {found.passage.text}\n", markup=False)
    if not result.found:
        out.print("Nothing fits. Is anything loaded? 'zusage knowledge reload' does it.")


@knowledge_commands.command("import")
def import_(
    source: Annotated[Path, typer.Argument(exists=True, help="An exported web page, or a folder of them.")],
    language: Annotated[str | None, typer.Option(help="de or en; default: what each page says")] = None,
    folder: Annotated[Path | None, typer.Option(help="Default: ZUSAGE_KNOWLEDGE.")] = None,
) -> None:
    """Make articles of exported web pages. Then add keywords and intents, and reload."""
    if language not in (None, "de", "en"):
        raise typer.BadParameter("language is de or en")
    spoken: Language | None = None if language is None else "de" if language == "de" else "en"
    written = failed = 0
    for path, article, problem in import_pages(source, folder or Settings().knowledge, spoken):
        written += article is not None
        failed += problem is not None
        out.print(f"{path} → {article}" if article else f"[red]{problem}[/red]")
    out.print(f"{written} articles written, {failed} pages left out.")
    raise typer.Exit(1 if failed else 0)
