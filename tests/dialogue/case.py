"""One branch of one operation's policy, as two conversations and what the shop looks like afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.shop.models import Order
from tests.dialogue.shop import DemoShop, Taken

__all__ = ["Case", "any_order", "one_line", "one_of_many", "single_parcel", "two_lines", "unchanged"]

Fits = Callable[[Order], bool]


def any_order(order: Order) -> bool:
    return True


def one_line(order: Order) -> bool:
    return len(order.lines) == 1 and order.lines[0].quantity == 1


def two_lines(order: Order) -> bool:
    return len(order.lines) == 2 and all(line.quantity == 1 for line in order.lines)


def one_of_many(order: Order) -> bool:
    """One line of two or three pieces."""
    return len(order.lines) == 1 and order.lines[0].quantity > 1


def single_parcel(order: Order) -> bool:
    return len(order.shipments) == 1


def unchanged(shop: DemoShop, taken: Taken) -> None:
    """Nothing was changed in the shop."""
    assert shop.now(taken) == taken.order


@dataclass(frozen=True)
class Case:
    """See the module.

    Attributes:
        name: operation and branch.
        situation: of the demo's order that the conversation is about; empty: it is about none.
        de: the script in German, see `Shopper.says`.
        en: the same in English.
        then: looks at the shop afterwards.
        fits: which orders of the situation will do; with the shop, where it must know more.
        change: makes the order different before the conversation.
        values: more values for the scripts: shop, order, language.
    """

    name: str
    situation: str
    de: str
    en: str
    then: Callable[[DemoShop, Taken], None] = unchanged
    fits: Callable[[Order, DemoShop], bool] = lambda order, shop: True
    change: Callable[[Order], Order] | None = None
    values: Callable[[DemoShop, Taken, str], dict[str, Any]] = lambda shop, taken, language: {}

    def take(self, shop: DemoShop) -> Taken:
        """Take an order for this case."""

        def fits(order: Order) -> bool:
            return self.fits(order, shop)

        return shop.make(self.situation, self.change, fits) if self.change else shop.take(self.situation, fits)
