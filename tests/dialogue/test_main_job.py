"""The main job: where is it, send it back, cancel it, where is the money; in both languages."""

from collections.abc import Callable

import pytest

from bot.shop.models import Order, Return, ReturnStatus, Stage
from tests.dialogue.shop import DemoShop, euro, on
from tests.dialogue.shopper import Shopper

Talk = Callable[..., Shopper]


def one_line(order: Order) -> bool:
    return len(order.lines) == 1 and order.lines[0].quantity == 1


def two_lines(order: Order) -> bool:
    return len(order.lines) == 2 and all(line.quantity == 1 for line in order.lines)


def newest_return(order: Order) -> Return:
    return order.returns[-1]


class TestTracking:
    def test_status_carrier_day_and_what_if_late(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("in_transit", lambda order: len(order.shipments) == 1)
        parcel = taken.order.shipments[0]
        talk(
            """
            Hallo, wo bleibt meine Bestellung? | Bestellnummer
            {number} | Postleitzahl; E-Mail-Adresse
            {postcode} | {number} ist mit {carrier} unterwegs; {day}; {tracking}; lasse ich beim Paketdienst
            """,
            **taken.values,
            carrier={"dhl": "DHL", "dpd": "DPD", "hermes": "Hermes", "gls": "GLS"}[parcel.carrier],
            day=on(parcel.expected_on),
            tracking=parcel.tracking_number,
        )

    @pytest.mark.telegram
    def test_in_english(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("in_transit", lambda order: len(order.shipments) == 1)
        talk(
            """
            Hi, where is my order please? | order number
            {number} | postcode; e-mail
            {email} | {number} is on its way; {day}; tracking number
            """,
            **taken.values,
            day=on(taken.order.shipments[0].expected_on, "en"),
        )

    def test_what_is_known_is_not_asked_again(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered")
        talk(
            """
            Wo ist meine Bestellung {number}? | Postleitzahl; !Wie lautet Ihre Bestellnummer
            {postcode} | zugestellt
            Was hatte ich da eigentlich bestellt? | {item}; {total}; !Postleitzahl der Lieferadresse
            """,
            **taken.values,
        )

    def test_a_second_order_of_the_same_customer_needs_no_second_proof(self, talk: Talk, shop: DemoShop) -> None:
        first = shop.take("delivered")
        other = shop.take("in_transit", lambda order: order.customer_id != first.order.customer_id)
        talk(
            """
            Wo ist {number}? |
            {postcode} | zugestellt
            und wo ist {other}? | Postleitzahl
            {other_postcode} | {other} ist
            """,
            **first.values,
            other=other.number,
            other_postcode=other.values["postcode"],
        )

    def test_a_strangers_order_is_not_shown(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("in_transit")
        shown = talk(
            """
            Wo ist meine Bestellung {number}? | Postleitzahl
            01099 | passen nicht zusammen; !unterwegs; [Andere Bestellnummer]
            """,
            **taken.values,
        )
        unknown = talk(
            """
            Wo ist meine Bestellung LM-999999? | Postleitzahl
            01099 | passen nicht zusammen
            """
        )
        assert shown.answer == unknown.answer

    def test_the_right_postcode_after_a_wrong_one(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("in_transit")
        talk(
            """
            Wo ist meine Bestellung {number}? |
            01099 | passen nicht zusammen
            Ach so, {postcode} | {number} ist
            """,
            **taken.values,
        )

    def test_five_wrong_tries_end_in_a_pause_and_a_person(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("in_transit")
        talk(
            """
            Wo ist meine Bestellung {number}? |
            01099 | passen nicht zusammen
            02099 | passen nicht zusammen
            03099 | Versuche
            04099 |
            05099 | zu viele Versuche; [Mit einem Menschen sprechen]
            """,
            **taken.values,
        )


class TestBeingLate:
    def test_how_late_and_the_new_day(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delayed", lambda order: len(order.shipments) == 1)
        talk(
            """
            Mein Paket sollte längst da sein, Bestellung {number} |
            {postcode} | zu spät; verspätet sich; [Mit einem Menschen sprechen]
            """,
            **taken.values,
        )

    def test_an_order_that_is_not_late(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("in_transit", lambda order: len(order.shipments) == 1)
        talk(
            """
            Meine Bestellung {number} ist überfällig, die müsste schon da sein! |
            {postcode} | Noch liegt sie im Plan; unterwegs
            """,
            **taken.values,
        )


class TestReturning:
    def test_from_tracking_to_the_label(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", lambda order: one_line(order) and not order.shipping_cost)
        talk(
            """
            wo bleibt meine Bestellung? | Bestellnummer
            {number} | Postleitzahl
            {postcode} | zugestellt; [Etwas zurücksenden]
            die Sachen passen nicht, ich will sie zurückschicken | abgeben; [Paketshop]; !Bestellnummer
            [Paketshop] | {item}; kostenlos; {total}; Soll ich; [Ja, so machen]
            [Ja, so machen] | Ihre Rücksendung R-; ist angemeldet; QR-Code; in einem Paketshop
            danke, das wars | Auf Wiedersehen
            """,
            **taken.values,
        )
        entry = newest_return(shop.now(taken))
        assert entry.status is ReturnStatus.REQUESTED
        assert entry.drop_off == "service_point"
        assert entry.lines[0].reason == "does_not_fit"

    def test_the_tour_in_the_readme_works_word_for_word(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered")
        talk(
            """
            wo bleibt meine Bestellung? | Bestellnummer
            {number} | Postleitzahl
            {postcode} | zugestellt
            die Jacke passt nicht, ich will sie zurückschicken |
            """,
            **taken.values,
        )
        english = shop.take("delivered")
        shopper = talk(
            """
            where is my order? | Just so you know; order number
            {number} | postcode
            {postcode} | was delivered
            the jacket does not fit, I want to send it back | !cannot find; !Which item
            """,
            **english.values,
        )
        if english.order.lines[0].quantity > 1:
            shopper.says("all of them |")
        shopper.says(
            """
            parcel shop | jacket; Shall I
            yes | is set up; jacket
            thanks, that's all | Goodbye
            """
        )
        assert [part.line_id for part in newest_return(shop.now(english)).lines] == ["1"]

    def test_in_english(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            I'd like to send something back | order number
            {number} | postcode
            {postcode} | reason
            too small | hand in the parcel; [parcel locker]
            at a parcel locker please | {english}; free for you; Shall I; [Yes, go ahead]
            yes please | Your return R-; is set up; parcel locker
            """,
            **taken.values,
            english=taken.order.lines[0].name_en,
        )
        assert newest_return(shop.now(taken)).drop_off == "parcel_locker"

    def test_one_of_two_items(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", two_lines)
        second = taken.order.lines[1]
        talk(
            """
            Ich möchte etwas aus {number} zurücksenden |
            {postcode} | Welchen Artikel; [Alles zusammen]
            {second} | !Welchen Artikel
            gefällt mir nicht | abgeben
            abholen lassen | {second}; !{item}; Soll ich
            ja | angemeldet; abgeholt
            """,
            **taken.values,
            second=second.name,
        )
        assert [part.line_id for part in newest_return(shop.now(taken)).lines] == [second.id]

    def test_an_article_that_is_not_in_the_order_is_not_mistaken_for_another(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", lambda order: one_line(order) and order.lines[0].category == "Jacken")
        talk(
            """
            Die Wolldecke gefällt mir nicht, ich will sie zurückschicken |
            {number} |
            {postcode} | „Wolldecke“ finde ich in Bestellung {number} nicht; Welchen Artikel
            {item} | abgeben
            """,
            **taken.values,
        )

    def test_nothing_happens_without_a_yes(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            Ich möchte {number} zurückschicken, zu groß |
            {postcode} | abgeben
            im Laden | Soll ich
            nein | keine Rücksendung angemeldet
            """,
            **taken.values,
        )
        assert not shop.now(taken).returns

    def test_too_late_for_a_return(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("period_over")
        talk(
            """
            Ich möchte {number} zurücksenden |
            {postcode} | Rückgabefrist; abgelaufen; [Etwas ist kaputt]
            """,
            **taken.values,
        )
        assert not shop.now(taken).returns

    def test_not_there_yet(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("in_transit")
        talk(
            """
            Ich möchte {number} zurücksenden |
            {postcode} | noch nicht bei Ihnen angekommen
            """,
            **taken.values,
        )

    def test_how_far_a_return_is(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("return_in_transit")
        entry = newest_return(taken.order)
        talk(
            """
            Ist meine Rücksendung zu {number} schon bei euch? |
            {postcode} | Rücksendung {return_number}; auf dem Weg zu uns
            """,
            **taken.values,
            return_number=entry.number,
        )


class TestRefunds:
    def test_when_the_money_comes(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("return_received")
        refund = taken.order.refunds[-1]
        talk(
            """
            Wo bleibt mein Geld für {number}? |
            {postcode} | Erstattung von {amount}; {day}
            """,
            **taken.values,
            amount=euro(refund.amount),
            day=on(refund.expected_on),
        )

    def test_money_that_did_not_come_is_reported(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("refund_overdue")
        talk(
            """
            Where is my refund for {number}? |
            {postcode} | overdue; Shall I report it; [Yes, please report it]
            [Yes, please report it] | report to accounting; Shall I
            yes | Reported under number; answer
            """,
            **taken.values,
        )
        assert shop.now(taken).claims[-1].kind == "missing_refund"


class TestCancelling:
    @pytest.mark.telegram
    def test_the_whole_order(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", two_lines)
        talk(
            """
            Ich möchte meine Bestellung stornieren | Bestellnummer
            {number} | Postleitzahl
            {postcode} | ganze Bestellung; [Die ganze Bestellung]
            [Die ganze Bestellung] | warum; [Aus Versehen bestellt]
            [Aus Versehen bestellt] | ganze Bestellung {number}; {total}; Soll ich; [Ja, so machen]
            ja | Erledigt; storniert; {total}
            """,
            **taken.values,
        )
        order = shop.now(taken)
        assert order.stage is Stage.CANCELLED
        assert order.cancel_reason == "ordered_by_mistake"
        assert order.refunds[-1].amount == taken.order.total

    def test_in_english(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", one_line)
        talk(
            """
            please cancel my order {number} |
            {postcode} | telling me why
            I don't need it any more | cancel the whole order {number}; {total}; [Yes, go ahead]
            yes, go ahead | Done; cancelled
            """,
            **taken.values | {"total": euro(taken.order.total, "en")},
        )
        assert shop.now(taken).stage is Stage.CANCELLED

    def test_one_item_of_two(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", two_lines)
        kept, gone = taken.order.lines
        talk(
            """
            Storniert bitte nur einen Artikel aus {number} |
            {postcode} | ganze Bestellung
            {gone} |
            egal | {gone}; Der Rest bleibt; Soll ich
            ja bitte | Erledigt; {gone}
            """,
            **taken.values,
            gone=gone.name,
        )
        order = shop.now(taken)
        assert order.line(gone.id).kept == 0
        assert order.line(kept.id).kept == kept.quantity

    def test_a_change_of_mind(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", one_line)
        talk(
            """
            Bitte {number} stornieren |
            {postcode} |
            egal | Soll ich
            ach nee, doch nicht | nichts storniert
            """,
            **taken.values,
        )
        assert shop.now(taken).stage is Stage.PROCESSING

    def test_too_late(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("in_transit")
        talk(
            """
            Ich will {number} stornieren |
            {postcode} | schon unterwegs; nicht mehr stornieren; [Wo ist das Paket?]
            """,
            **taken.values,
        )

    def test_twice(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("cancelled")
        talk(
            """
            I want to cancel {number} |
            {postcode} | already cancelled
            """,
            **taken.values,
        )
