"""Returns, exchanges, money, damaged goods and parcels: every branch of the policy, in both languages."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.shop.models import ClaimKind, Order, PaymentStatus, Return, ReturnKind, ReturnStatus, ShipmentStatus
from bot.shop.money import Money
from tests.dialogue.case import Case, one_line, one_of_many, single_parcel, two_lines, unchanged
from tests.dialogue.shop import DemoShop, Taken, euro, on
from tests.dialogue.shopper import Shopper

Talk = Callable[..., Shopper]
Then = Callable[[DemoShop, Taken], None]


def plain(fits: Callable[[Order], bool]) -> Callable[[Order, DemoShop], bool]:
    return lambda order, shop: fits(order)


def newest(shop: DemoShop, taken: Taken) -> Return:
    entry = shop.now(taken).returns[-1]
    assert entry.status is ReturnStatus.REQUESTED
    return entry


def returned(drop_off: str, *, reason: str = "too_small", label: str = "qr", quantity: int = 1) -> Then:
    def look(shop: DemoShop, taken: Taken) -> None:
        entry = newest(shop, taken)
        assert entry.kind is ReturnKind.RETURN
        assert (entry.drop_off, entry.label.kind) == (drop_off, label)
        assert [(part.line_id, part.quantity, part.reason) for part in entry.lines] == [("1", quantity, reason)]

    return look


def all_returned(shop: DemoShop, taken: Taken) -> None:
    assert [part.line_id for part in newest(shop, taken).lines] == [line.id for line in taken.order.lines]


def exchanged_for(name: str) -> Then:
    def look(shop: DemoShop, taken: Taken) -> None:
        entry = newest(shop, taken)
        assert entry.kind is ReturnKind.EXCHANGE
        assert entry.replacement is not None
        assert entry.replacement.sku == variant(shop, taken, name).sku

    return look


def claimed(kind: ClaimKind, *, wish: str | None = None, goes_back: bool | None = None) -> Then:
    def look(shop: DemoShop, taken: Taken) -> None:
        order = shop.now(taken)
        claim = order.claims[-1]
        assert claim.kind is kind
        assert wish is None or claim.wish == wish
        if goes_back is not None:
            assert bool(order.returns) is goes_back

    return look


def wished(kind: str, place: str | None = None) -> Then:
    def look(shop: DemoShop, taken: Taken) -> None:
        wish = next(shipment.wish for shipment in shop.now(taken).shipments if shipment.wish is not None)
        assert wish.kind == kind
        assert place is None or place in (wish.place or "")

    return look


# -- variants and values


def variant(shop: DemoShop, taken: Taken, name: str) -> Any:
    line = taken.order.lines[0]
    fits = {
        "same price": lambda v: v.stock > 5 and v.price == line.price,
        "dearer": lambda v: v.stock > 5 and v.price.cents == line.price.cents + 1000,
        "gone": lambda v: v.stock == 0,
    }[name]
    return next(v for v in shop.product_of(taken).variants if v.sku != line.sku and fits(v))


def own_variant(shop: DemoShop, taken: Taken, language: str) -> str:
    """The variant that was bought, in words."""
    bought = next(v for v in shop.product_of(taken).variants if v.sku == taken.order.lines[0].sku)
    return (bought.name_en or bought.name) if language == "en" else bought.name


def has(name: str) -> Callable[[Order, DemoShop], bool]:
    def look(order: Order, shop: DemoShop) -> bool:
        if not one_line(order) or order.payment.status is not PaymentStatus.PAID:
            return False
        return any(True for _ in _found(shop, order, name))

    return look


def _found(shop: DemoShop, order: Order, name: str) -> list[Any]:
    try:
        return [variant(shop, Taken(order), name)]
    except StopIteration:
        return []


def with_variant(name: str) -> Callable[[DemoShop, Taken, str], dict[str, Any]]:
    def values(shop: DemoShop, taken: Taken, language: str) -> dict[str, Any]:
        chosen = variant(shop, taken, name)
        return {
            "variant": (chosen.name_en or chosen.name) if language == "en" else chosen.name,
            "ten": {"de": "10,00 €", "en": "€10.00"}[language],
        }

    return values


def with_second(shop: DemoShop, taken: Taken, language: str) -> dict[str, Any]:
    names = [line.name if language == "de" else line.name_en or line.name for line in taken.order.lines]
    return {"second": names[1]}


def with_refund(shop: DemoShop, taken: Taken, language: str) -> dict[str, Any]:
    refund = taken.order.refunds[-1]
    return {
        "amount": euro(refund.amount, language),
        "day": on(refund.expected_on, language) if refund.expected_on else "",
    }


def with_day(shop: DemoShop, taken: Taken, language: str) -> dict[str, Any]:
    """A day on which the carrier could come instead, as people write it."""
    day = taken.order.shipments[0].expected_on + timedelta(days=2)
    while day.weekday() == 6:
        day += timedelta(days=1)
    return {"written": f"{day.day}.{day.month}.", "day": on(day, language), "english": f"{day:%d/%m/%Y}"}


def worth(least: int, most: int) -> Callable[[Order, DemoShop], bool]:
    """One article that costs between so many cents."""
    return lambda order, shop: one_line(order) and least <= order.lines[0].price.cents <= most and not order.discount


def in_stock(more: Callable[[Order, DemoShop], bool], stocked: bool) -> Callable[[Order, DemoShop], bool]:
    def fits(order: Order, shop: DemoShop) -> bool:
        if not more(order, shop):
            return False
        line = order.lines[0]
        product = next(product for product in shop.products if product.id == line.product_id)
        return any(
            v.sku == line.sku and (v.stock > 3) is stocked and (v.stock == 0) is not stocked for v in product.variants
        )

    return fits


def cheap(order: Order) -> Order:
    """The first article cost 20 euros."""
    line = order.lines[0].model_copy(update={"price": Money(cents=2000)})
    return order.model_copy(update={"lines": (line,), "discount": Money(cents=0)})


def dear(order: Order) -> Order:
    """The first article cost 200 euros: more than the bot decides alone."""
    line = order.lines[0].model_copy(update={"price": Money(cents=20000)})
    return order.model_copy(update={"lines": (line,), "discount": Money(cents=0)})


def years_old(order: Order) -> Order:
    """Everything about the order happened three years ago."""

    def earlier(moment: datetime) -> datetime:
        return moment - timedelta(days=3 * 365)

    parcels = tuple(
        parcel.model_copy(
            update={"shipped_at": earlier(parcel.shipped_at), "delivered_at": earlier(parcel.delivered_at)}
        )
        for parcel in order.shipments
    )
    assert order.placed_at is not None
    return order.model_copy(update={"placed_at": earlier(order.placed_at), "shipments": parcels})


def warranty_end(order: Order) -> date:
    """Two years after the parcel came."""
    came = order.shipments[0].delivered_at
    assert came is not None
    day = came.astimezone(ZoneInfo("Europe/Berlin")).date()
    return day.replace(year=day.year + 2)


def overdue(order: Order) -> Order:
    """The parcel should have been there five days ago."""
    parcel = order.shipments[0]
    past = parcel.expected_on - timedelta(days=14)
    late = parcel.model_copy(update={"expected_on": past, "promised_on": past, "status": ShipmentStatus.DELAYED})
    return order.model_copy(update={"shipments": (late,), "promised_on": past, "expected_on": past})


def _drop_off(name: str, de: str, en: str, said_de: str, said_en: str, label: str = "qr", more: str = "") -> Case:
    return Case(
        f"return: handed in by {name}",
        "delivered",
        f"""
        Der Artikel aus {{number}} ist zu klein, ich möchte ihn zurückgeben |
        {{postcode}} | abgeben; [Paketshop]; [Packstation]; [Rückgabe im Laden]; [Abholung zu Hause]
        {de} | {{item}}; {said_de}; {more}Soll ich
        ja, machen Sie das | angemeldet; {{item}}
        """,
        f"""
        The item from {{number}} is too small, I would like to return it |
        {{postcode}} | hand in; [parcel shop]; [parcel locker]; [return in store]; [collection at home]
        {en} | {{item}}; {said_en}; Shall I
        yes, go ahead | is set up; {{item}}
        """,
        returned(name, label=label),
        plain(one_line),
    )


RETURNING = [
    _drop_off(
        "service_point", "ich bring's in den Paketshop", "I'll take it to a parcel shop", "Paketshop", "parcel shop"
    ),
    _drop_off("parcel_locker", "an der Packstation", "at a parcel locker", "Packstation", "parcel locker"),
    _drop_off("store", "bei euch im Laden", "in your store", "einem unserer Läden", "one of our shops"),
    _drop_off(
        "collection",
        "könnt ihr es bei mir abholen",
        "please collect it at home",
        "abgeholt bei Ihnen",
        "collected from your home",
        label="pdf",
        more="kostet 4,90 €; ",
    ),
    Case(
        "return: one piece of several",
        "delivered",
        """
        Ich möchte etwas aus {number} zurückschicken |
        {postcode} | Wie viele gehen zurück
        nur eins davon | Woran lag es
        zu klein | abgeben
        Paketshop | {item}; !2 ×; Soll ich
        ja | angemeldet
        """,
        """
        I want to send back something from {number} |
        {postcode} | How many are going back
        just one of them | What was the reason
        too small | hand in
        parcel shop | {item}; !2 ×; Shall I
        yes | is set up
        """,
        returned("service_point"),
        plain(one_of_many),
    ),
    Case(
        "return: how many, and which way, in digits only",
        "delivered",
        """
        Ich möchte etwas aus {number} zurückschicken, zu klein |
        {postcode} | Wie viele gehen zurück
        9 | So viele
        1 | abgeben
        2 | {item}; !2 ×; Packstation; Soll ich
        ja | angemeldet
        """,
        """
        I want to send back something from {number}, it is too small |
        {postcode} | How many are going back
        9 | that many
        1 | hand in
        2 | {item}; !2 ×; parcel locker; Shall I
        yes | is set up
        """,
        returned("parcel_locker"),
        plain(one_of_many),
    ),
    Case(
        "return: everything",
        "delivered",
        """
        Ich möchte alles aus {number} zurückschicken, gefällt mir nicht |
        {postcode} | abgeben
        Packstation | {item}; {second}; {total}; Soll ich
        ja | angemeldet; {second}
        """,
        """
        I want to return everything from {number}, I don't like it |
        {postcode} | hand in
        parcel locker | {item}; {second}; Shall I
        yes | is set up; {second}
        """,
        all_returned,
        lambda order, shop: two_lines(order) and not order.shipping_cost,
        values=with_second,
    ),
    Case(
        "return: denied for what cannot go back",
        "delivered_not_returnable",
        """
        Ich möchte {number} zurückgeben |
        {postcode} | nichts, was zurückgehen kann
        """,
        """
        I want to return {number} |
        {postcode} | nothing in order; can go back
        """,
        fits=plain(one_line),
    ),
    Case(
        "return: denied when the period is over, with the warranty",
        "period_over",
        """
        Kann ich {number} noch zurückgeben? |
        {postcode} | Rückgabefrist von 30 Tagen; abgelaufen; [Etwas ist kaputt]
        """,
        """
        Can I still return {number}? |
        {postcode} | return period of 30 days; ended; [Something is broken]
        """,
    ),
    Case(
        "return: denied before it is there",
        "in_transit",
        """
        Ich möchte {number} zurücksenden |
        {postcode} | noch nicht bei Ihnen angekommen; [Wo ist das Paket?]
        """,
        """
        I'd like to return {number} |
        {postcode} | has not reached you yet; [Where is the parcel?]
        """,
    ),
    Case(
        "return: denied twice, with the one there is",
        "return_in_transit",
        """
        Ich möchte {number} zurücksenden |
        {postcode} | gibt es schon die Rücksendung; [Wie steht es damit?]
        """,
        """
        I'd like to return {number} |
        {postcode} | already a return; [How far is it?]
        """,
        fits=lambda order, shop: len(order.returns[0].lines) == len(order.lines),
    ),
    Case(
        "return: denied after cancelling",
        "cancelled",
        """
        Ich möchte {number} zurückschicken |
        {postcode} | storniert und war nie unterwegs
        """,
        """
        I want to send {number} back |
        {postcode} | was cancelled and never sent
        """,
    ),
]

EXCHANGING = [
    Case(
        "exchange: another variant at the same price",
        "delivered",
        """
        Ich möchte den Artikel aus {number} gegen eine andere Größe umtauschen |
        {postcode} | stattdessen
        {variant} bitte, meine ist zu klein | abgeben
        Paketshop | {variant}; Am Preis ändert sich nichts; Soll ich
        ja | Ihr Umtausch; angemeldet; {variant}
        """,
        """
        I would like to exchange the item from {number} for another size |
        {postcode} | instead
        {variant} please, mine is too small | hand in
        parcel shop | {variant}; price stays the same; Shall I
        yes | Your exchange; is set up; {variant}
        """,
        exchanged_for("same price"),
        has("same price"),
        values=with_variant("same price"),
    ),
    Case(
        "exchange: a dearer variant, the difference named first",
        "delivered",
        """
        Bitte tauschen Sie mir den Artikel aus {number} um, er ist zu klein |
        {postcode} | stattdessen
        {variant} | abgeben
        Packstation | {variant}; Unterschied von {ten}; Soll ich
        ja | Ihr Umtausch; {variant}
        """,
        """
        Please exchange the item from {number} for me, it is too small |
        {postcode} | instead
        {variant} | hand in
        parcel locker | {variant}; difference of {ten}; Shall I
        yes | Your exchange; {variant}
        """,
        exchanged_for("dearer"),
        has("dearer"),
        values=with_variant("dearer"),
    ),
    Case(
        "exchange: denied when it is gone",
        "delivered",
        """
        Ich will den Artikel aus {number} umtauschen, er passt nicht |
        {postcode} | stattdessen
        {variant} | nicht vorrätig; !abgeben
        abbrechen | nichts geändert
        """,
        """
        I want to exchange the item from {number}, it doesn't fit |
        {postcode} | instead
        {variant} | out of stock; !hand in
        stop | Nothing was changed
        """,
        fits=has("gone"),
        values=with_variant("gone"),
    ),
    Case(
        "exchange: another one after the first was gone",
        "delivered",
        """
        Ich will den Artikel aus {number} umtauschen |
        {postcode} | stattdessen
        {gone} bitte, meine ist zu klein | nicht vorrätig; !abgeben
        dann {variant} | abgeben
        Paketshop | {variant}; Soll ich
        ja | Ihr Umtausch; {variant}
        """,
        """
        I want to exchange the item from {number} |
        {postcode} | instead
        {gone} please, mine is too small | out of stock; !hand in
        then {variant} | hand in
        parcel shop | {variant}; Shall I
        yes | Your exchange; {variant}
        """,
        exchanged_for("same price"),
        lambda order, shop: has("gone")(order, shop) and has("same price")(order, shop),
        values=lambda shop, taken, language: {
            **with_variant("same price")(shop, taken, language),
            "gone": with_variant("gone")(shop, taken, language)["variant"],
        },
    ),
    Case(
        "exchange: denied for the variant that it is already",
        "delivered",
        """
        Ich möchte den Artikel aus {number} umtauschen |
        {postcode} | stattdessen
        {own} | die Variante, die Sie schon haben; !abgeben
        abbrechen | nichts geändert
        """,
        """
        I would like to exchange the item from {number} |
        {postcode} | instead
        {own} | the variant you already have; !hand in
        stop | Nothing was changed
        """,
        fits=has("same price"),
        values=lambda shop, taken, language: {"own": own_variant(shop, taken, language)},
    ),
    Case(
        "exchange: denied before it is there",
        "in_transit",
        """
        Ich möchte etwas aus {number} umtauschen |
        {postcode} | noch nicht bei Ihnen angekommen
        """,
        """
        I want to exchange something from {number} |
        {postcode} | has not reached you yet
        """,
    ),
    Case(
        "exchange: denied when the period is over",
        "period_over",
        """
        Ich möchte den Artikel aus {number} umtauschen |
        {postcode} | abgelaufen
        """,
        """
        I'd like to exchange the item from {number} |
        {postcode} | ended
        """,
    ),
]

MONEY = [
    Case(
        "refund: under way, with amount and day",
        "return_received",
        """
        Wann bekomme ich mein Geld für {number} zurück? |
        {postcode} | {amount}; {day}
        """,
        """
        When do I get my money back for {number}? |
        {postcode} | {amount}; {day}
        """,
        values=with_refund,
    ),
    Case(
        "refund: issued",
        "refunded",
        """
        Ist die Erstattung für {number} schon raus? |
        {postcode} | {amount}; Je nach Bank
        """,
        """
        Has the refund for {number} been sent? |
        {postcode} | {amount}; Depending on the bank
        """,
        values=with_refund,
    ),
    Case(
        "refund: overdue, and reported",
        "refund_overdue",
        """
        Mein Geld für {number} ist immer noch nicht da |
        {postcode} | überfällig; Soll ich das der Buchhaltung melden
        ja bitte | {amount}; Soll ich nachforschen
        ja | Gemeldet unter der Nummer; Antwort
        """,
        """
        My refund for {number} still has not arrived |
        {postcode} | overdue; Shall I report it
        yes please | {amount}; Shall I have it traced
        yes | Reported under number; answer
        """,
        claimed(ClaimKind.MISSING_REFUND),
        values=with_refund,
    ),
    Case(
        "refund: overdue, and left at that",
        "refund_overdue",
        """
        Wo bleibt meine Erstattung zu {number}? |
        {postcode} | überfällig
        nein danke | lasse ich es dabei
        """,
        """
        Where is the refund for {number}? |
        {postcode} | overdue
        no thanks | leave it at that
        """,
    ),
    Case(
        "refund: none, with what would bring one",
        "delivered",
        """
        Wo bleibt mein Geld für {number}? |
        {postcode} | keine Erstattung offen; [Etwas zurücksenden]
        """,
        """
        Where is my refund for {number}? |
        {postcode} | no open refund; [Return something]
        """,
    ),
    Case(
        "return status: on its way",
        "return_in_transit",
        """
        Ist meine Rücksendung zu {number} schon angekommen? |
        {postcode} | auf dem Weg zu uns
        """,
        """
        Has my return for {number} arrived yet? |
        {postcode} | on its way to us
        """,
    ),
]

WRONG = [
    Case(
        "claim: wrong article, a replacement, the other goes back",
        "delivered",
        """
        In {number} war ein ganz falscher Artikel drin |
        {postcode} | Ersatz, oder lieber Ihr Geld
        bitte den richtigen als Ersatz schicken | {item}; Ersatz kommt; zurück; Soll ich
        ja | aufgenommen; Rücksendung
        """,
        """
        There was a completely wrong item in {number} |
        {postcode} | replacement, or rather your money
        a replacement please | {item}; replacement should arrive; send the item back; Shall I
        yes | taken it down; return
        """,
        claimed(ClaimKind.WRONG, wish="replacement", goes_back=True),
        in_stock(worth(3000, 12000), True),
    ),
    Case(
        "claim: worth little, the customer keeps it",
        "delivered",
        """
        Bei {number} habt ihr mir das Falsche geschickt |
        {postcode} |
        Geld zurück | 20,00 €; Zurücksenden müssen Sie nichts; Soll ich
        ja | aufgenommen
        """,
        """
        You sent me the wrong thing in {number} |
        {postcode} |
        money back please | €20.00; do not have to send anything back; Shall I
        yes | taken it down
        """,
        claimed(ClaimKind.WRONG, wish="refund", goes_back=False),
        plain(one_line),
        change=cheap,
    ),
    Case(
        "claim: worth much, a person looks first",
        "delivered",
        """
        Sie haben mir bei {number} den falschen Artikel geliefert |
        {postcode} |
        ich möchte mein Geld zurück | Ein Mensch aus dem Team sieht es sich an; Soll ich
        ja | aufgenommen; meldet sich
        """,
        """
        You delivered the wrong item in {number} |
        {postcode} |
        I want my money back | Someone from the team will look at it; Shall I
        yes | taken it down; get back to you
        """,
        claimed(ClaimKind.WRONG, goes_back=False),
        plain(one_line),
        change=dear,
    ),
    Case(
        "claim: missing, the money",
        "delivered",
        """
        Im Paket {number} fehlte etwas |
        {postcode} | Um welchen Artikel
        {second} | Ersatz, oder lieber
        lieber das Geld | {second}; gefehlt; Soll ich
        ja | aufgenommen
        """,
        """
        Something was missing from parcel {number} |
        {postcode} | Which item
        the {second} | replacement, or rather
        I'd rather have the money | {second}; was missing; Shall I
        yes | taken it down
        """,
        claimed(ClaimKind.MISSING, wish="refund", goes_back=False),
        plain(two_lines),
        values=with_second,
    ),
    Case(
        "claim: damage denied without a picture, with a person",
        "delivered",
        """
        Mein Artikel aus {number} ist kaputt angekommen |
        {postcode} | Ersatz
        das Geld bitte | Foto
        hab ich leider nicht | Ohne Foto; [Mit einem Menschen sprechen]
        """,
        """
        My item from {number} arrived broken |
        {postcode} | replacement
        the money please | photo
        I haven't got one | without a photo; [Talk to a person]
        """,
        fits=plain(one_line),
    ),
    Case(
        "warranty: broken in use",
        "period_over",
        """
        Der Artikel aus {number} ist nach ein paar Monaten kaputtgegangen, ist das ein Garantiefall? |
        {postcode} | Was genau ist kaputt
        Der Reißverschluss klemmt seit letzter Woche | {item}; Der Reißverschluss klemmt; Gewährleistung; Soll ich
        ja | Aufgenommen unter der Nummer; Antwort
        """,
        """
        The item from {number} broke after a few months, is that a warranty case? |
        {postcode} | What exactly is broken
        The zip has been stuck since last week | {item}; The zip has been stuck; warranty; Shall I
        yes | Taken down under number; answer
        """,
        claimed(ClaimKind.WARRANTY),
        plain(one_line),
    ),
]

WRONG += [
    Case(
        "warranty: denied when it is over",
        "period_over",
        """
        Der Artikel aus {number} ist kaputtgegangen, ist das ein Garantiefall? |
        {postcode} | Gewährleistung; ist am {over}; abgelaufen; [Mit einem Menschen sprechen]; !Was genau
        """,
        """
        The item from {number} has broken, is that a warranty case? |
        {postcode} | warranty; ended on {over}; [Talk to a person]; !What exactly
        """,
        fits=plain(one_line),
        change=years_old,
        values=lambda shop, taken, language: {"over": on(warranty_end(taken.order), language)},
    ),
]

PARCELS = [
    Case(
        "search: left with a neighbour, who has been asked",
        "delivered_neighbour",
        """
        {number} ist angeblich zugestellt, aber ich habe nichts bekommen |
        {postcode} | als zugestellt; nachgefragt; nachforschen
        ja, die haben es nicht | Nachforschung; Antwort
        """,
        """
        {number} says delivered but I never got it |
        {postcode} | marked as delivered; asked here already; traced
        yes, they don't have it | search with; answer
        """,
        claimed(ClaimKind.PARCEL_SEARCH),
        plain(single_parcel),
    ),
    Case(
        "search: which of two parcels",
        "delivered_twice",
        """
        Von {number} ist ein Paket nie bei mir angekommen, obwohl zugestellt |
        {postcode} | Welches fehlt
        das zweite | als zugestellt; nachforschen
        ja | Nachforschung
        """,
        """
        One parcel of {number} is marked delivered but never came |
        {postcode} | Which one is missing
        the second one | marked as delivered; traced
        yes | search with
        """,
        claimed(ClaimKind.PARCEL_SEARCH),
    ),
    Case(
        "search: overdue",
        "in_transit",
        """
        Mein Paket {number} sollte längst da sein |
        {postcode} | Soll ich beim Paketdienst nachforschen lassen
        ja bitte | überfällig; Soll ich
        ja | Nachforschung
        """,
        """
        My parcel {number} should have been here long ago |
        {postcode} | Shall I have the carrier trace it
        yes please | overdue; Shall I
        yes | search with
        """,
        claimed(ClaimKind.PARCEL_SEARCH),
        plain(single_parcel),
        change=overdue,
    ),
    Case(
        "search: denied while it is on time",
        "in_transit",
        """
        Laut Status zugestellt, aber {number} ist nicht bei mir |
        {postcode} | noch nicht überfällig
        """,
        """
        It says delivered, but {number} is not here |
        {postcode} | not overdue yet
        """,
        fits=plain(single_parcel),
    ),
    Case(
        "search: denied while it is searched already",
        "lost",
        """
        Sendung {number} zugestellt, aber nicht angekommen |
        {postcode} | wird schon gesucht
        """,
        """
        Parcel {number} marked delivered but not received |
        {postcode} | already being traced
        """,
    ),
    Case(
        "redirect: another day",
        "in_transit",
        """
        Kann {number} an einem anderen Tag kommen? |
        {postcode} | An welchem Tag
        am {written} | {day}; Soll ich
        ja | Paketdienst weiß Bescheid; {day}
        """,
        """
        Can {number} come on another day? |
        {postcode} | On which day
        on {english} | {day}; Shall I
        yes | carrier has been told; {day}
        """,
        wished("day"),
        plain(single_parcel),
        values=with_day,
    ),
    Case(
        "redirect: a time window",
        "in_transit",
        """
        Ich möchte die Zustellung von {number} verschieben |
        {postcode} | Was soll anders sein; [Bestimmte Uhrzeit]
        zwischen 16 und 18 Uhr | zwischen 16 und 18 Uhr; Soll ich
        ja | Paketdienst weiß Bescheid
        """,
        """
        I'd like to change the delivery of {number} |
        {postcode} | What should be different; [A time window]
        between 4 and 6 pm | between 16:00 and 18:00; Shall I
        yes | carrier has been told
        """,
        wished("window"),
        plain(single_parcel),
    ),
    Case(
        "redirect: a parcel locker",
        "in_transit",
        """
        Bitte {number} an eine Packstation umleiten |
        {postcode} | Welche Packstation
        Packstation 145 in Hamburg | Packstation 145; Soll ich
        ja | Bescheid; Packstation 145
        """,
        """
        Please redirect {number} to a parcel locker |
        {postcode} | Which parcel locker
        locker 145 in Hamburg | 145; Shall I
        yes | carrier has been told; 145
        """,
        wished("locker", "145"),
        plain(single_parcel),
    ),
    Case(
        "redirect: a neighbour",
        "in_transit",
        """
        Ich bin nicht zu Hause, gebt {number} bitte beim Nachbarn ab |
        {postcode} | welchem Nachbarn
        Familie Özdemir, Hausnummer 12 | Özdemir; Soll ich
        ja | Bescheid; Özdemir
        """,
        """
        I won't be home, please leave {number} with a neighbour |
        {postcode} | Which neighbour
        the Özdemir family, number 12 | Özdemir; Shall I
        yes | told; Özdemir
        """,
        wished("neighbour", "Özdemir"),
        plain(single_parcel),
    ),
    Case(
        "redirect: a store",
        "in_transit",
        """
        Kann ich {number} auch in einem eurer Läden abholen? Bitte die Zustellung ändern. |
        {postcode} | In welchen Laden; [Lüttmoor Husum]; ![Lüttmoor Berlin-Prenzlauer Berg]
        Husum | Lüttmoor Husum; Soll ich
        ja | Bescheid; Lüttmoor Husum
        """,
        """
        Please change the delivery of {number}: I'd like to pick it up in your shop |
        {postcode} | Which shop; [Lüttmoor Husum]; ![Lüttmoor Berlin-Prenzlauer Berg]
        Husum | Lüttmoor Husum; Shall I
        yes | told; Lüttmoor Husum
        """,
        wished("store", "Husum"),
        plain(single_parcel),
    ),
    Case(
        "redirect: a safe place",
        "in_transit",
        """
        Das Paket {number} soll an einen Ablageort |
        {postcode} | Wo soll das Paket abgelegt werden
        in der Garage | Garage; Soll ich
        ja | Bescheid; Garage
        """,
        """
        Please leave parcel {number} in a safe place |
        {postcode} | Where should the parcel be left
        in the garage | garage; Shall I
        yes | told; garage
        """,
        wished("safe_place"),
        plain(single_parcel),
    ),
    Case(
        "redirect: denied when on the vehicle",
        "out_for_delivery",
        """
        Ich bin nicht da, kann {number} zu einem Nachbarn? |
        {postcode} | heute schon im Zustellfahrzeug
        """,
        """
        Can {number} go to a neighbour instead? |
        {postcode} | already out for delivery today
        """,
    ),
    Case(
        "redirect: denied when it waits to be collected",
        "ready_for_pickup",
        """
        Bitte {number} auf einen anderen Tag verschieben |
        {postcode} | liegt schon zur Abholung bereit
        """,
        """
        Please move the delivery of {number} to another day |
        {postcode} | already waiting for you
        """,
    ),
    Case(
        "redirect: denied after delivery, with a search",
        "delivered",
        """
        Bitte liefert {number} an einem anderen Tag |
        {postcode} | schon zugestellt; [Nachforschen]
        """,
        """
        Please deliver {number} on another day |
        {postcode} | already been delivered; [Trace it]
        """,
    ),
    Case(
        "redirect: denied before it is sent, with the address",
        "processing",
        """
        Ich bin nicht da, kann {number} zu einem Nachbarn? |
        {postcode} | noch gar nicht unterwegs; [Adresse ändern]
        """,
        """
        Can the delivery of {number} go to my neighbour? |
        {postcode} | not on its way yet; [Change the address]
        """,
    ),
]

CASES = [*RETURNING, *EXCHANGING, *MONEY, *WRONG, *PARCELS]


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_dialogue(case: Case, language: str, talk: Talk, shop: DemoShop) -> None:
    taken = case.take(shop)
    script = case.de if language == "de" else case.en
    talk(script, **taken.values_in(language), **case.values(shop, taken, language))
    case.then(shop, taken)


def test_every_denial_leaves_the_order_alone() -> None:
    """A case that denies must look at the shop, too."""
    assert all(case.then is unchanged for case in CASES if "denied" in case.name)
