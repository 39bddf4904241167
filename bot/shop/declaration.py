"""The words of a withdrawal from a contract: the same on the page, in the chat, in the receipt and in the record."""

from bot.shop.models import LocalText

__all__ = ["declaration"]


def declaration(*, shop: str, name: str, contract: str, goods: str | None, statement: str | None) -> LocalText:
    """Return the declaration as the customer makes it, in both languages."""
    part = f" ({goods})" if goods else ""
    more = f" {statement}" if statement else ""
    return LocalText(
        de=f"Hiermit widerrufe ich, {name}, den mit {shop} geschlossenen Vertrag {contract}{part}.{more}",
        en=f"I, {name}, hereby withdraw from my contract {contract} with {shop}{part}.{more}",
    )
