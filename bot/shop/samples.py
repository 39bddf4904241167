"""Picks orders to try things with: one for every situation of the demo, or one for every stage of a real shop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.shop.calendar import Calendar
from bot.shop.demo import SCENARIOS
from bot.shop.models import LocalText, Order, Status
from bot.shop.order_state import status_of

__all__ = ["Sample", "find_samples", "tour_of"]

# What a newcomer should try first.
FIRST = ("in_transit", "delivered", "processing")
UNTOUCHED = "1"
NEVER_RETURNED = frozenset({"Tee", "Geschenkkarten"})


class SampleSource(Protocol):
    """Where orders are looked up."""

    async def order(self, order_number: str) -> Order | None:
        """Return one order."""
        ...

    async def one_of_each_stage(self) -> Sequence[str]:
        """Return the number of a recent order in every stage that occurs."""
        ...


@dataclass(frozen=True)
class Sample:
    """An order to try, with what proves it.

    ``situation`` is None in a shop that is not the demo.
    """

    number: str
    email: str
    postcode: str | None
    status: Status
    what: str
    situation: str | None = None
    ask: LocalText | None = None
    language: str = "de"


async def find_samples(
    source: SampleSource, demo_numbers: Mapping[str, Sequence[str]] | None, calendar: Calendar, now: datetime
) -> list[Sample]:
    """Return the samples of a shop.

    Args:
        source: where orders are.
        demo_numbers: the demo's order numbers by situation; None for a real shop.
        calendar: the shop's days.
        now: the present.
    """
    found: list[Sample] = []
    if demo_numbers is None:
        for number in await source.one_of_each_stage():
            order = await source.order(number)
            if order is not None:
                found.append(_sample(order, calendar, now, f"stage {order.stage}", None))
        return found
    # In the scenarios' order: a database may keep the names of an object in another.
    for situation in SCENARIOS:
        order = await _first_untouched(source, demo_numbers.get(situation, ()))
        if order is not None:
            found.append(_sample(order, calendar, now, SCENARIOS[situation].what, situation))
    return found


async def _first_untouched(source: SampleSource, numbers: Sequence[str]) -> Order | None:
    """Return an order that nobody has tried something with, for it is what it says; or any, if all were tried."""
    first = None
    for number in numbers:
        order = await source.order(number)
        if order is not None and order.version == UNTOUCHED and order.language == "de":
            return order
        first = first or order
    return first


def tour_of(samples: Sequence[Sample]) -> str:
    """Return three samples to start with, as a text for the terminal."""
    by_situation = {sample.situation: sample for sample in samples}
    chosen = [by_situation[key] for key in FIRST if key in by_situation] or list(samples[:3])
    lines = ["  Try these orders (more with: zusage shop samples):"]
    for sample in chosen:
        ask = f' - ask: "{sample.ask.de}" / "{sample.ask.en}"' if sample.ask else ""
        lines.append(f"    {sample.number}, {sample.email} or postcode {sample.postcode}: {sample.what}{ask}")
    return "\n".join(lines) + "\n"


def _sample(order: Order, calendar: Calendar, now: datetime, what: str, situation: str | None) -> Sample:
    return Sample(
        number=order.number,
        email=order.email,
        postcode=order.shipping_address.postcode if order.shipping_address else None,
        status=status_of(order, calendar, now),
        what=what,
        situation=situation,
        ask=_ask(order, situation) if situation else None,
        language=order.language,
    )


def _ask(order: Order, situation: str) -> LocalText:
    """What to ask; where it is about an article, one that is really in the order."""
    line = order.lines[0]
    if situation == "delivered_not_returnable":
        line = next(entry for entry in order.lines if entry.not_returnable or entry.category in NEVER_RETURNED)
    words = SCENARIOS[situation].ask
    return LocalText(
        de=words.de.replace("{article}", line.name), en=words.en.replace("{article}", line.name_en or line.name)
    )
