"""Serves the help articles: a list at ``/hilfe`` and ``/help``, and each article below it."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from markdown_it import MarkdownIt
from markupsafe import Markup

from bot.channels.pages.page import Pages
from bot.conversation import Language
from bot.errors import NotFound
from bot.knowledge.operation import HELP_PATHS
from bot.storage.knowledge import KnowledgeStore

__all__ = ["help_routes"]

# An article belongs to the group of its first intent.
_GROUPS: tuple[tuple[dict[Language, str], frozenset[str]], ...] = (
    (
        {"de": "Lieferung", "en": "Delivery"},
        frozenset(
            (
                "delivery_costs",
                "delivery_time",
                "delivery_options",
                "delivery_area",
                "track_order",
                "reschedule_delivery",
                "delivery_late",
                "delivery_not_received",
                "damaged_item",
                "wrong_item",
                "missing_item",
            )
        ),
    ),
    (
        {"de": "Bestellung", "en": "Orders"},
        frozenset(
            (
                "place_order",
                "cancel_order",
                "cancellation_policy",
                "change_order",
                "change_delivery_address",
                "change_payment_method",
                "order_confirmation_missing",
                "get_invoice",
                "order_details",
            )
        ),
    ),
    (
        {"de": "Rückgabe und Erstattung", "en": "Returns and refunds"},
        frozenset(
            (
                "return_item",
                "return_policy",
                "return_channels",
                "return_label",
                "return_status",
                "exchange_item",
                "refund_policy",
                "refund_status",
                "withdraw_contract",
                "warranty_claim",
            )
        ),
    ),
    (
        {"de": "Zahlung", "en": "Payment"},
        frozenset(
            (
                "payment_methods",
                "payment_issue",
                "voucher_issue",
            )
        ),
    ),
    (
        {"de": "Unsere Artikel", "en": "Our goods"},
        frozenset(
            (
                "product_support",
                "product_advice",
                "product_availability",
                "restock_notification",
            )
        ),
    ),
    ({"de": "Konto und Service", "en": "Account and service"}, frozenset()),
)


def help_routes(pages: Pages, store: KnowledgeStore) -> APIRouter:
    """Return the pages of the help articles."""
    router = APIRouter(include_in_schema=False)
    environment = pages.environment(Path(__file__).parent / "templates")
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    async def listed(language: Language) -> HTMLResponse:
        groups: dict[str, list[tuple[str, str]]] = {names[language]: [] for names, _ in _GROUPS}
        for key, title, intents in await store.articles(language):
            groups[_group(intents, language)].append((key, title))
        return pages.respond(
            environment,
            "list.html",
            language,
            path=HELP_PATHS[language],
            groups={name: entries for name, entries in groups.items() if entries},
            other=HELP_PATHS[_other(language)],
        )

    async def article(language: Language, key: str) -> HTMLResponse:
        found = await store.article(language, key)
        if found is None:
            raise NotFound("There is no such article.")
        twin = await store.article(_other(language), key)
        return pages.respond(
            environment,
            "article.html",
            language,
            path=HELP_PATHS[language],
            title=found.title,
            source=found.url,
            body=Markup(markdown.render(found.body)),  # noqa: S704 - the renderer lets no HTML through
            other=f"{HELP_PATHS[_other(language)]}/{key}" if twin is not None else None,
        )

    @router.get("/hilfe")
    async def german() -> HTMLResponse:
        return await listed("de")

    @router.get("/help")
    async def english() -> HTMLResponse:
        return await listed("en")

    @router.get("/hilfe/{key}")
    async def german_article(key: str) -> HTMLResponse:
        return await article("de", key)

    @router.get("/help/{key}")
    async def english_article(key: str) -> HTMLResponse:
        return await article("en", key)

    return router


def _other(language: Language) -> Language:
    return "en" if language == "de" else "de"


def _group(intents: tuple[str, ...], language: Language) -> str:
    first = intents[0] if intents else ""
    return next((names[language] for names, members in _GROUPS if first in members), _GROUPS[-1][0][language])
