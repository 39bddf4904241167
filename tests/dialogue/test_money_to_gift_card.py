"""Where money goes back to: a shopper who cancels or returns may choose a gift card, where the shop's policy has it."""

from collections.abc import Callable

import pytest

from bot.shop.models import Order, PaymentKind, PaymentStatus, RefundStatus, Stage
from tests.dialogue.case import Case, one_line, two_lines
from tests.dialogue.shop import DemoShop, Taken
from tests.dialogue.shopper import Shopper

Talk = Callable[..., Shopper]


def paid_with_paypal(fits: Callable[[Order], bool] = one_line) -> Callable[[Order, DemoShop], bool]:
    """Orders whose money came by PayPal."""

    def look(order: Order, shop: DemoShop) -> bool:
        payment = order.payment
        return (
            fits(order)
            and payment is not None
            and payment.kind is PaymentKind.PAYPAL
            and payment.status is PaymentStatus.PAID
        )

    return look


def refunded_to(kind: PaymentKind) -> Callable[[DemoShop, Taken], None]:
    """The order is cancelled, and all of its money goes there."""

    def look(shop: DemoShop, taken: Taken) -> None:
        order = shop.now(taken)
        assert order.stage is Stage.CANCELLED
        assert [(refund.to.kind, refund.amount) for refund in order.refunds] == [(kind, taken.order.total)]
        assert order.refunds[0].status is not RefundStatus.FAILED

    return look


def will_be_refunded_to(kind: PaymentKind) -> Callable[[DemoShop, Taken], None]:
    """A return is under way, whose money will go there."""

    def look(shop: DemoShop, taken: Taken) -> None:
        (entry,) = shop.now(taken).returns
        assert entry.refund_to is not None
        assert entry.refund_to.kind is kind

    return look


CASES = [
    Case(
        "cancel: to a gift card, said at the beginning",
        "processing",
        """
        Bitte {number} stornieren und das Geld auf eine Geschenkkarte erstatten |
        {postcode} | warum
        egal | ganze Bestellung {number}; {total}; auf eine Geschenkkarte; !PayPal; Soll ich; [Lieber wie bezahlt]
        ja | ist storniert; {total}; auf eine Geschenkkarte
        """,
        """
        please cancel {number} and refund me to a gift card please |
        {postcode} | why
        no reason | the whole order {number}; {total}; on a gift card; !PayPal; Shall I; [The way I paid instead]
        yes | is cancelled; {total}; on a gift card
        """,
        refunded_to(PaymentKind.GIFT_CARD),
        paid_with_paypal(),
    ),
    Case(
        "cancel: to a gift card, said at the confirmation",
        "processing",
        """
        {number} stornieren bitte |
        {postcode} | warum
        zu teuer | PayPal; Soll ich; [Lieber als Geschenkkarte]
        ja, aber bitte als Gutschein erstatten | auf eine Geschenkkarte; !ist storniert; Soll ich
        ja | ist storniert; auf eine Geschenkkarte
        """,
        """
        cancel {number} please |
        {postcode} | why
        too expensive | PayPal; Shall I; [To a gift card instead]
        yes, but refund me to a gift card please | on a gift card; !is cancelled; Shall I
        yes | is cancelled; on a gift card
        """,
        refunded_to(PaymentKind.GIFT_CARD),
        paid_with_paypal(),
    ),
    Case(
        "cancel: to a gift card by the button, and back again",
        "processing",
        """
        {number} stornieren bitte |
        {postcode} | warum
        egal | PayPal; Soll ich
        [Lieber als Geschenkkarte] | auf eine Geschenkkarte; Soll ich
        nein, doch lieber auf mein PayPal-Konto | PayPal; !Geschenkkarte; Soll ich
        ja bitte | ist storniert; PayPal
        """,
        """
        cancel {number} please |
        {postcode} | why
        no reason | PayPal; Shall I
        [To a gift card instead] | on a gift card; Shall I
        no, rather the way I paid | PayPal; !gift card; Shall I
        yes please | is cancelled; PayPal
        """,
        refunded_to(PaymentKind.PAYPAL),
        paid_with_paypal(),
    ),
    Case(
        "cancel: a question in the middle does not lose the choice",
        "processing",
        """
        {number} bitte stornieren, Geld bitte als Gutschein zurück |
        {postcode} | warum
        egal | auf eine Geschenkkarte; Soll ich
        wie lange dauert eine Erstattung? | auf eine Geschenkkarte; Soll ich
        ja | ist storniert; auf eine Geschenkkarte
        """,
        """
        cancel {number}, I want the money as store credit |
        {postcode} | why
        no reason | on a gift card; Shall I
        how long does a refund take? | on a gift card; Shall I
        yes | is cancelled; on a gift card
        """,
        refunded_to(PaymentKind.GIFT_CARD),
        paid_with_paypal(),
    ),
    Case(
        "cancel: nothing was said, and it goes the way it came",
        "processing",
        """
        Bitte {number} stornieren |
        {postcode} | warum
        egal | PayPal; !Geschenkkarte; Soll ich
        ja | ist storniert; PayPal
        """,
        """
        Please cancel {number} |
        {postcode} | why
        no reason | PayPal; !gift card; Shall I
        yes | is cancelled; PayPal
        """,
        refunded_to(PaymentKind.PAYPAL),
        paid_with_paypal(),
    ),
    Case(
        "return: to a gift card, said at the beginning",
        "delivered",
        """
        Ich möchte alles aus {number} zurückgeben, es gefällt mir nicht; das Geld bitte auf eine Geschenkkarte |
        {postcode} | abgeben
        Paketshop | {item}; auf eine Geschenkkarte; !PayPal; Soll ich
        ja | angemeldet; auf eine Geschenkkarte
        """,
        """
        I want to return everything from {number}, I don't like it; refund me to a gift card please |
        {postcode} | hand in
        parcel shop | {item}; on a gift card; !PayPal; Shall I
        yes | is set up; on a gift card
        """,
        will_be_refunded_to(PaymentKind.GIFT_CARD),
        paid_with_paypal(two_lines),
    ),
    Case(
        "return: to a gift card, said while something else is asked",
        "delivered",
        """
        Ich möchte den Artikel aus {number} zurückgeben |
        {postcode} | Woran lag es
        bitte als Geschenkkarte erstatten | habe ich notiert; Woran lag es
        zu klein | abgeben
        Paketshop | auf eine Geschenkkarte; Soll ich
        ja | angemeldet; auf eine Geschenkkarte
        """,
        """
        I want to return the item from {number} |
        {postcode} | What was the reason
        refund me to a gift card please | have noted that; What was the reason
        too small | hand in
        parcel shop | on a gift card; Shall I
        yes | is set up; on a gift card
        """,
        will_be_refunded_to(PaymentKind.GIFT_CARD),
        paid_with_paypal(),
    ),
    Case(
        "return: to a gift card by the button",
        "delivered",
        """
        Der Artikel aus {number} ist zu klein, ich möchte ihn zurückgeben |
        {postcode} | abgeben
        Packstation | PayPal; Soll ich
        [Lieber als Geschenkkarte] | auf eine Geschenkkarte; Soll ich
        ja | angemeldet; auf eine Geschenkkarte
        """,
        """
        The item from {number} is too small, I would like to return it |
        {postcode} | hand in
        parcel locker | PayPal; Shall I
        [To a gift card instead] | on a gift card; Shall I
        yes | is set up; on a gift card
        """,
        will_be_refunded_to(PaymentKind.GIFT_CARD),
        paid_with_paypal(),
    ),
    Case(
        "return: a no to the gift card is no to all of it",
        "delivered",
        """
        Der Artikel aus {number} ist zu klein, ich möchte ihn zurückgeben, Geld bitte auf eine Geschenkkarte |
        {postcode} | abgeben
        Paketshop | auf eine Geschenkkarte; Soll ich
        nein | keine Rücksendung angemeldet
        """,
        """
        The item from {number} is too small, I would like to return it, money to a gift card please |
        {postcode} | hand in
        parcel shop | on a gift card; Shall I
        no | not set up a return
        """,
        fits=paid_with_paypal(),
    ),
]


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_dialogue(case: Case, language: str, talk: Talk, shop: DemoShop) -> None:
    taken = case.take(shop)
    script = case.de if language == "de" else case.en
    talk(script, **taken.values_in(language), **case.values(shop, taken, language))
    case.then(shop, taken)
