"""Cancelling and changing orders before they leave: every branch of the policy, in both languages."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.shop.models import Order, PaymentKind, PaymentOption, PaymentStatus, Stage
from tests.dialogue.case import Case, one_line, one_of_many, two_lines, unchanged
from tests.dialogue.shop import DemoShop, Taken, euro
from tests.dialogue.shopper import Shopper

Talk = Callable[..., Shopper]


def plain(fits: Callable[[Order], bool]) -> Callable[[Order, DemoShop], bool]:
    """A German order (so that a change to another language of the shop does not matter) that fits."""
    return lambda order, shop: fits(order)


# -- what is looked for afterwards


def cancelled(shop: DemoShop, taken: Taken) -> None:
    order = shop.now(taken)
    assert order.stage is Stage.CANCELLED
    assert [refund.amount for refund in order.refunds] == [taken.order.total]


def cancelled_unpaid(shop: DemoShop, taken: Taken) -> None:
    order = shop.now(taken)
    assert order.stage is Stage.CANCELLED
    assert not order.refunds


def second_cancelled(shop: DemoShop, taken: Taken) -> None:
    order = shop.now(taken)
    assert [line.kept for line in order.lines] == [1, 0]
    assert order.refunds[-1].amount.cents == taken.order.total.cents - order.total.cents


def rest_cancelled(shop: DemoShop, taken: Taken) -> None:
    before, after = taken.order, shop.now(taken)
    sent = {part.line_id for shipment in before.shipments for part in shipment.lines}
    assert all(line.kept == (before.line(line.id).quantity if line.id in sent else 0) for line in after.lines)


def address_is(street: str, postcode: str, *, default: bool = False) -> Callable[[DemoShop, Taken], None]:
    def look(shop: DemoShop, taken: Taken) -> None:
        address = shop.now(taken).shipping_address
        assert address is not None
        assert (address.street, address.postcode) == (street, postcode)
        kept = shop.customer_now(taken).addresses[0]
        assert (kept.street == street) is default

    return look


def only_default_is(street: str, postcode: str) -> Callable[[DemoShop, Taken], None]:
    """The customer's address is another one, and the order's the same as before."""

    def look(shop: DemoShop, taken: Taken) -> None:
        unchanged(shop, taken)
        kept = shop.customer_now(taken).addresses[0]
        assert (kept.street, kept.postcode) == (street, postcode)

    return look


def default_as_before(shop: DemoShop, taken: Taken) -> None:
    unchanged(shop, taken)
    assert shop.customer_now(taken).addresses == shop.customers[taken.order.customer_id].addresses


def own_address(shop: DemoShop, taken: Taken) -> str:
    address = shop.customers[taken.order.customer_id].addresses[0]
    return f"{address.street}, {address.postcode} {address.city}"


def paid_with(kind: PaymentKind, *, refunded: bool = False) -> Callable[[DemoShop, Taken], None]:
    def look(shop: DemoShop, taken: Taken) -> None:
        order = shop.now(taken)
        assert order.payment is not None
        assert order.payment.kind is kind
        assert bool(order.refunds) is refunded

    return look


def variant_is(name: str) -> Callable[[DemoShop, Taken], None]:
    def look(shop: DemoShop, taken: Taken) -> None:
        chosen = VARIANTS[name](shop, taken)
        assert shop.now(taken).lines[0].sku == chosen.sku

    return look


def one_left(shop: DemoShop, taken: Taken) -> None:
    order = shop.now(taken)
    assert order.lines[0].kept == 1
    assert order.total.cents < taken.order.total.cents


# -- variants of the first item, for changes


def variants_of(shop: DemoShop, taken: Taken) -> list[Any]:
    line = taken.order.lines[0]
    return [v for v in shop.product_of(taken).variants if v.sku != line.sku]


VARIANTS = {
    "same price": lambda shop, taken: next(
        v for v in variants_of(shop, taken) if v.stock > 5 and v.price == taken.order.lines[0].price
    ),
    "dearer": lambda shop, taken: next(
        v for v in variants_of(shop, taken) if v.stock > 5 and v.price.cents == taken.order.lines[0].price.cents + 1000
    ),
    "cheaper": lambda shop, taken: next(
        v for v in variants_of(shop, taken) if v.stock > 5 and v.price.cents == taken.order.lines[0].price.cents - 1000
    ),
    "gone": lambda shop, taken: next(v for v in variants_of(shop, taken) if v.stock == 0),
}


def has(name: str, fits: Callable[[Order], bool] = one_line) -> Callable[[Order, DemoShop], bool]:
    def look(order: Order, shop: DemoShop) -> bool:
        if not fits(order) or order.payment is None or order.payment.kind is PaymentKind.GIFT_CARD:
            return False
        try:
            VARIANTS[name](shop, Taken(order))
        except StopIteration:
            return False
        return True

    return look


def with_variant(name: str) -> Callable[[DemoShop, Taken, str], dict[str, Any]]:
    def values(shop: DemoShop, taken: Taken, language: str) -> dict[str, Any]:
        variant = VARIANTS[name](shop, taken)
        return {
            "variant": (variant.name_en or variant.name) if language == "en" else variant.name,
            "ten": {"de": "10,00 €", "en": "€10.00"}[language],
        }

    return values


def with_second(shop: DemoShop, taken: Taken, language: str) -> dict[str, Any]:
    first, second = taken.order.lines
    names = {"de": (first.name, second.name), "en": (first.name_en, second.name_en)}[language]
    return {"first": names[0], "second": names[1]}


# -- customers with a gift card


def gift_card(order: Order, shop: DemoShop) -> PaymentOption | None:
    options = shop.customers[order.customer_id].payment_options
    return next((option for option in options if option.kind is PaymentKind.GIFT_CARD), None)


def covering(enough: bool) -> Callable[[Order, DemoShop], bool]:
    def fits(order: Order, shop: DemoShop) -> bool:
        card = gift_card(order, shop)
        return card is not None and card.balance is not None and (card.balance.cents >= order.total.cents) is enough

    return fits


def on_card(shop: DemoShop, taken: Taken, language: str) -> dict[str, Any]:
    card = gift_card(taken.order, shop)
    assert card is not None
    assert card.balance is not None
    return {"balance": euro(card.balance, language)}


def charged_on_card(shop: DemoShop, taken: Taken) -> None:
    paid_with(PaymentKind.GIFT_CARD, refunded=taken.order.payment.status is PaymentStatus.PAID)(shop, taken)
    card = gift_card(taken.order, shop)
    left = next(o for o in shop.customer_now(taken).payment_options if o.kind is PaymentKind.GIFT_CARD)
    assert left.balance.cents == card.balance.cents - taken.order.total.cents


def not_by(kind: PaymentKind) -> Callable[[Order], bool]:
    return lambda order: order.payment is not None and order.payment.kind is not kind


CANCELLING = [
    Case(
        "cancel: the whole order",
        "processing",
        """
        Hallo, bitte storniert {number} komplett |
        {postcode} | warum
        brauche ich nicht mehr | ganze Bestellung {number}; {total}; spätestens; Soll ich
        ja, bitte | Erledigt: Bestellung {number} ist storniert; {total}
        """,
        """
        Hi, please cancel all of {number} |
        my postcode is {postcode} | telling me why
        I ordered it by mistake | the whole order {number}; {total}; at the latest; Shall I
        yes please | Done: order {number} is cancelled; {total}
        """,
        cancelled,
        plain(one_line),
    ),
    Case(
        "cancel: one item of two",
        "processing",
        """
        Aus {number} bitte nur {second} stornieren |
        {postcode} | warum
        möchte ich nicht sagen, egal | {second}; !{first} (; Der Rest bleibt; Soll ich
        passt | Erledigt; {second}
        """,
        """
        please cancel only the {second} from {number} |
        {email} | why
        found it cheaper elsewhere | {second}; The rest stays; Shall I
        yes, do that | Done; {second}
        """,
        second_cancelled,
        plain(two_lines),
        values=with_second,
    ),
    Case(
        "cancel: not paid yet",
        "processing_invoice",
        """
        {number} will ich doch nicht mehr haben, bitte stornieren |
        {postcode} |
        alles |
        dauert mir zu lange | {number}; Bezahlt haben Sie noch nicht; Soll ich
        ja | storniert
        """,
        """
        I don't want {number} any more, cancel it please |
        {postcode} |
        all of it |
        it takes too long | {number}; You have not paid yet; Shall I
        yes | is cancelled
        """,
        cancelled_unpaid,
        plain(two_lines),
    ),
    Case(
        "cancel: packed, but still in the house",
        "packed",
        """
        Kann ich {number} jetzt noch stornieren? |
        {postcode} | warum
        egal | {number}; Soll ich
        ja | storniert
        """,
        """
        Can I still cancel {number}? |
        {postcode} | why
        doesn't matter | {number}; Shall I
        yes | is cancelled
        """,
        cancelled,
        plain(one_line),
    ),
    Case(
        "cancel: what has not been sent of a partly sent order",
        "partly_shipped",
        """
        Den Rest von {number} bitte stornieren |
        {postcode} |
        alles |
        egal | Soll ich
        ja | Erledigt
        """,
        """
        Please cancel the rest of {number} |
        {postcode} |
        all of it |
        no reason | Shall I
        yes | Done
        """,
        rest_cancelled,
        plain(lambda order: len(order.lines) == 4),
    ),
    Case(
        "cancel: denied on its way, with the way out",
        "in_transit",
        """
        Ich möchte {number} stornieren |
        {postcode} | schon unterwegs; nicht mehr stornieren; die Annahme verweigern; [Wo ist das Paket?]
        """,
        """
        I want to cancel {number} |
        {postcode} | already on its way; no longer be cancelled; refuse to accept; [Where is the parcel?]
        """,
    ),
    Case(
        "cancel: denied after delivery, with a return",
        "delivered",
        """
        Bitte stornieren Sie meine Bestellung {number} |
        {postcode} | schon zugestellt; Zurücksenden können Sie sie bis; [Jetzt zurücksenden]
        """,
        """
        Cancel order {number} please |
        {postcode} | already been delivered; send it back; [Return it now]
        """,
    ),
    Case(
        "cancel: denied a second time",
        "cancelled_refund_pending",
        """
        Bestellung {number} stornieren bitte |
        {postcode} | bereits storniert; [Wo bleibt mein Geld?]
        """,
        """
        Could you cancel {number} for me? |
        {postcode} | already cancelled; [Where is my refund?]
        """,
    ),
    Case(
        "cancel: a no changes nothing",
        "processing",
        """
        {number} bitte stornieren |
        {postcode} |
        zu teuer | Soll ich
        lieber nicht | nichts storniert
        """,
        """
        please cancel {number} |
        {postcode} |
        too expensive | Shall I
        no, keep it | cancelled nothing
        """,
        fits=plain(one_line),
    ),
]

ADDRESS = [
    Case(
        "address: of the order only",
        "processing",
        """
        Ich bin umgezogen, {number} muss an eine andere Adresse |
        {postcode} | E-Mail-Adresse
        {email} | Straße und Hausnummer
        Lindenstraße 4, 20257 Hamburg | Lindenstraße 4, 20257 Hamburg statt an; Soll ich; [Ja, auch für künftige]
        ja gern | Erledigt; Lindenstraße 4, 20257 Hamburg; !künftige
        """,
        """
        I have moved, {number} has to go to another address |
        {email} | postcode
        {postcode} | street and number
        Lindenstraße 4, 20257 Hamburg | instead of; Shall I; [Yes, and for later orders]
        yes please | Done; Lindenstraße 4; !later orders
        """,
        address_is("Lindenstraße 4", "20257"),
    ),
    Case(
        "address: kept for the future as well",
        "processing",
        """
        Die Lieferadresse von {number} soll geändert werden, meine Mail ist {email} | Postleitzahl
        {postcode} | Straße
        Deichweg 7a, 25813 Husum | Soll ich
        [Ja, auch für künftige] | Erledigt; auch für künftige Bestellungen gespeichert
        """,
        """
        Please change the delivery address of {number}, my mail is {email} | postcode
        {postcode} | street
        Deichweg 7a, 25813 Husum | Shall I
        [Yes, and for later orders] | Done; saved for later orders
        """,
        address_is("Deichweg 7a", "25813", default=True),
    ),
    Case(
        "address: abroad costs more, and that is said first",
        "processing",
        """
        Bitte {number} an eine andere Adresse schicken |
        {postcode} |
        {email} | Straße
        Mariahilfer Straße 12, 1070 Wien, Österreich | Wien; kostet 4,00 € mehr; Soll ich
        ja | Erledigt; Wien
        """,
        """
        Please send {number} to a different address |
        {postcode} |
        {email} | street
        Mariahilfer Straße 12, 1070 Wien, Austria | Wien; costs €4.00 more; Shall I
        yes | Done; Wien
        """,
        address_is("Mariahilfer Straße 12", "1070"),
        lambda order, shop: order.delivery_option == "standard",
    ),
    Case(
        "address: what is missing or wrong is asked for again",
        "processing",
        """
        Lieferadresse ändern für {number} |
        {postcode} |
        {email} | Straße
        20257 Hamburg | fehlt noch; Straße
        Hafenweg 3 | Soll ich
        nein, doch Hafenweg 30, 24103 Kiel | Hafenweg 30, 24103 Kiel; Soll ich
        ja | Erledigt; Hafenweg 30
        """,
        """
        change the delivery address of {number} |
        {postcode} |
        {email} | street
        20257 Hamburg | still need; street
        Hafenweg 3 | Shall I
        no, Hafenweg 30, 24103 Kiel | Hafenweg 30, 24103 Kiel; Shall I
        yes | Done; Hafenweg 30
        """,
        address_is("Hafenweg 30", "24103"),
    ),
    Case(
        "address: denied where the shop does not deliver",
        "processing",
        """
        Adresse von {number} ändern |
        {postcode} |
        {email} |
        12 Rue de Rivoli, 75001 Paris, Frankreich | liefern wir leider nicht
        abbrechen | nichts geändert
        """,
        """
        change the address of {number} |
        {postcode} |
        {email} |
        12 Rue de Rivoli, 75001 Paris, France | do not deliver there
        stop | Nothing was changed
        """,
    ),
    Case(
        "address: one proof is not enough, a code by mail does",
        "processing",
        """
        Ich muss die Lieferadresse von {number} ändern |
        {postcode} | E-Mail-Adresse; [Code per E-Mail schicken]
        andere@example.org | passt nicht zur Bestellung
        """,
        """
        I need to change the delivery address of {number} |
        {postcode} | e-mail address; [Send me a code by mail]
        other@example.org | does not match
        """,
    ),
    Case(
        "address: denied when packed",
        "packed",
        """
        Die Lieferadresse von {number} stimmt nicht mehr, bitte ändern |
        {postcode} | schon gepackt; [Stornieren]
        """,
        """
        The delivery address of {number} is wrong, please change it |
        {postcode} | packed already; [Cancel it]
        """,
    ),
    Case(
        "address: denied on its way, with redirecting",
        "in_transit",
        """
        Lieferadresse von {number} bitte ändern |
        {postcode} | schon unterwegs; Paketdienst; [Zustellung ändern]
        """,
        """
        Change the delivery address of {number}, please |
        {postcode} | already on its way; carrier; [Change the delivery]
        """,
    ),
    Case(
        "address: denied after delivery",
        "delivered",
        """
        Lieferadresse von {number} bitte ändern |
        {postcode} | schon zugestellt
        """,
        """
        Change the delivery address of {number}, please |
        {postcode} | already been delivered
        """,
    ),
]

DEFAULT_ADDRESS = [
    Case(
        "default address: without touching an order",
        "in_transit",
        """
        Ich bin umgezogen, bitte meine Adresse in meinem Kundenkonto ändern | Nummer einer Ihrer Bestellungen
        {number} | Postleitzahl
        {postcode} | E-Mail-Adresse
        {email} | Ihre neue Adresse
        Deichweg 7a, 25813 Husum | künftigen Bestellungen; 25813 Husum statt an; bleibt, wie es ist; Soll ich
        ja | Erledigt; künftigen Bestellungen gehen an Deichweg 7a
        """,
        """
        I have moved, please change the address in my account | the number of one of your orders
        {number} | postcode
        {postcode} | e-mail address
        {email} | your new address
        Deichweg 7a, 25813 Husum | later orders; Deichweg 7a, 25813 Husum instead of; stays as it is; Shall I
        yes | Done; later orders go to Deichweg 7a
        """,
        only_default_is("Deichweg 7a", "25813"),
    ),
    Case(
        "default address: named as such, with the address at once",
        "delivered",
        """
        Bitte meine Standardadresse ändern: Hafenweg 30, 24103 Kiel | Nummer einer Ihrer Bestellungen
        {number} |
        {email} | Postleitzahl
        {postcode} | Hafenweg 30, 24103 Kiel statt an; Soll ich
        ja bitte | Erledigt; Hafenweg 30
        """,
        """
        Please change my default address: Hafenweg 30, 24103 Kiel | the number of one of your orders
        {number} |
        {email} | postcode
        {postcode} | Hafenweg 30, 24103 Kiel instead of; Shall I
        yes please | Done; Hafenweg 30
        """,
        only_default_is("Hafenweg 30", "24103"),
    ),
    Case(
        "default address: a no changes nothing",
        "processing",
        """
        Bitte die Adresse für künftige Bestellungen ändern | Nummer einer Ihrer Bestellungen
        {number} |
        {postcode} |
        {email} | Ihre neue Adresse
        Lindenstraße 4, 20257 Hamburg | Lindenstraße 4; Soll ich
        nein | nichts geändert
        """,
        """
        Please change the address for future orders | the number of one of your orders
        {number} |
        {postcode} |
        {email} | your new address
        Lindenstraße 4, 20257 Hamburg | Lindenstraße 4; Shall I
        no | changed nothing
        """,
        default_as_before,
    ),
    Case(
        "default address: denied for what it is already",
        "processing",
        """
        Bitte meine Standardadresse ändern | Nummer einer Ihrer Bestellungen
        {number} |
        {postcode} |
        {email} | Ihre neue Adresse
        {own} | schon Ihre Adresse für künftige
        abbrechen | nichts geändert
        """,
        """
        Please change my default address | the number of one of your orders
        {number} |
        {postcode} |
        {email} | your new address
        {own} | already your address for later
        stop | Nothing was changed
        """,
        default_as_before,
        values=lambda shop, taken, language: {"own": own_address(shop, taken)},
    ),
]

PAYMENT = [
    Case(
        "payment: from invoice to PayPal",
        "processing_invoice",
        """
        Ich möchte {number} lieber mit PayPal bezahlen statt auf Rechnung |
        {postcode} |
        {email} | PayPal statt mit Rechnung; {total}; Soll ich
        ja | Erledigt; PayPal
        """,
        """
        I'd rather pay {number} with PayPal than by invoice |
        {postcode} |
        {email} | PayPal instead of; {total}; Shall I
        yes | Done; PayPal
        """,
        paid_with(PaymentKind.PAYPAL),
    ),
    Case(
        "payment: a gift card that covers it",
        "processing",
        """
        Zahlungsart von {number} ändern |
        {postcode} |
        {email} | Wie möchten Sie
        mit meiner Geschenkkarte | Geschenkkarte; {total}; Soll ich
        ja | Erledigt; Geschenkkarte
        """,
        """
        change the payment method of {number} |
        {postcode} |
        {email} | How would you like to pay
        with my gift card | {total}; Shall I
        yes | Done
        """,
        charged_on_card,
        covering(True),
        values=on_card,
    ),
    Case(
        "payment: denied with a gift card that does not cover it",
        "processing_invoice",
        """
        Kann ich {number} mit meiner Geschenkkarte bezahlen? Bitte umstellen. |
        {postcode} |
        {email} | Auf der Geschenkkarte sind {balance}; {total}; reicht leider nicht
        abbrechen | nichts geändert
        """,
        """
        Please change the payment of {number} to my gift card |
        {postcode} |
        {email} | There is {balance} on the gift card; {total}; not enough
        stop | Nothing was changed
        """,
        fits=covering(False),
        values=on_card,
    ),
    Case(
        "payment: denied to what it is already",
        "processing_invoice",
        """
        Bitte die Zahlungsart von {number} ändern |
        {postcode} |
        {email} | Wie möchten Sie
        auf Rechnung | So wird die Bestellung schon bezahlt; [PayPal]
        """,
        """
        please change the payment method of {number} |
        {postcode} |
        {email} | How would you like
        by invoice | already paid that way; [PayPal]
        """,
    ),
    Case(
        "payment: denied on its way",
        "in_transit",
        """
        Kann ich bei {number} noch die Zahlungsart ändern? |
        {postcode} | schon unterwegs; nur bis zum Versand
        """,
        """
        Can I still change the payment method of {number}? |
        {postcode} | already on its way; before dispatch
        """,
    ),
    Case(
        "payment: denied after cancelling",
        "cancelled",
        """
        Ich möchte {number} anders bezahlen | Postleitzahl
        {postcode} | storniert
        """,
        """
        I want to pay {number} another way |
        {postcode} | cancelled
        """,
    ),
]

ITEMS = [
    Case(
        "items: another variant at the same price",
        "processing",
        """
        Ich habe bei {number} die falsche Größe bestellt, kann ich das noch ändern? |
        {postcode} |
        {email} | Was soll bei {item}
        {variant} | {variant} statt; Am Preis ändert sich nichts; Soll ich
        ja | Erledigt; {variant}
        """,
        """
        I ordered the wrong size in {number}, can I still change it? |
        {postcode} |
        {email} | What should be different about {item}
        {variant} | {variant} instead of; price stays the same; Shall I
        yes | Done; {variant}
        """,
        variant_is("same price"),
        has("same price"),
        values=with_variant("same price"),
    ),
    Case(
        "items: a dearer variant, the difference named first",
        "processing",
        """
        Bitte ändern Sie den Artikel in {number} noch |
        {postcode} |
        {email} |
        lieber in {variant} | Unterschied von {ten} zahlen Sie; Soll ich
        ja | Erledigt; {variant}
        """,
        """
        Please change the item in {number} |
        {postcode} |
        {email} |
        rather in {variant} | pay the difference of {ten}; Shall I
        yes | Done; {variant}
        """,
        variant_is("dearer"),
        has("dearer"),
        values=with_variant("dearer"),
    ),
    Case(
        "items: a cheaper variant, the rest comes back",
        "processing",
        """
        Bei {number} brauche ich eine andere Größe, bitte ändern |
        {postcode} |
        {email} |
        {variant} | Unterschied von {ten} bekommen Sie; zurück; Soll ich
        ja | Erledigt; {variant}
        """,
        """
        I need another size in {number}, please change the order |
        {postcode} |
        {email} |
        {variant} | get the difference of {ten} back; Shall I
        yes | Done; {variant}
        """,
        variant_is("cheaper"),
        has("cheaper"),
        values=with_variant("cheaper"),
    ),
    Case(
        "items: fewer pieces",
        "processing",
        """
        Ich habe in {number} zu viel bestellt, bitte die Menge ändern |
        {postcode} |
        {email} | Was soll bei {item}
        nur 1 Stück | 1 statt; Soll ich
        ja | Erledigt
        """,
        """
        I ordered too many in {number}, please change the quantity |
        {postcode} |
        {email} | What should be different
        just 1 piece | 1 instead of; Shall I
        yes | Done
        """,
        one_left,
        plain(one_of_many),
    ),
    Case(
        "items: one of two is taken out",
        "processing",
        """
        Aus {number} soll {second} raus, bitte die Bestellung ändern |
        {postcode} |
        {email} | {second}; fällt weg
        entfernen | {second}; fällt weg; Soll ich
        ja, raus damit | Erledigt
        """,
        """
        Please take the {second} out of my order {number} |
        {postcode} |
        {email} | {second}; is removed
        remove it | {second}; is removed; Shall I
        yes | Done
        """,
        second_cancelled,
        plain(two_lines),
        values=with_second,
    ),
    Case(
        "items: denied when it is gone, with a note for when it is back",
        "processing",
        """
        Ich habe bei {number} die falsche Größe bestellt, kann ich das noch ändern? |
        {postcode} |
        {email} | Was soll bei {item}
        {variant} | nicht vorrätig
        dann lass es, abbrechen | nichts geändert
        """,
        """
        I would like another variant in {number} |
        {postcode} |
        {email} | What should be different
        {variant} | out of stock
        then leave it, stop | Nothing was changed
        """,
        fits=has("gone"),
        values=with_variant("gone"),
    ),
    Case(
        "items: denied when packed",
        "packed",
        """
        Ich möchte bei {number} noch die Größe ändern |
        {postcode} | schon gepackt; [Stornieren]
        """,
        """
        I want to change the size in {number} |
        {postcode} | packed already; [Cancel it]
        """,
    ),
    Case(
        "items: denied on its way",
        "in_transit",
        """
        Ich möchte an Bestellung {number} noch etwas ändern, eine andere Farbe |
        {postcode} | schon unterwegs; Nach der Zustellung
        """,
        """
        I want to change something in order {number}, another colour |
        {postcode} | already on its way; After delivery
        """,
    ),
]


CASES = [*CANCELLING, *ADDRESS, *DEFAULT_ADDRESS, *PAYMENT, *ITEMS]


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_dialogue(case: Case, language: str, talk: Talk, shop: DemoShop) -> None:
    taken = case.take(shop)
    script = case.de if language == "de" else case.en
    talk(script, **taken.values_in(language), **case.values(shop, taken, language))
    case.then(shop, taken)


def test_every_denial_leaves_the_order_alone() -> None:
    """A case that denies must look at the shop, too."""
    assert all(case.then in (unchanged, default_as_before) for case in CASES if "denied" in case.name)
