"""Every operation from the first wish to the changed shop, in both languages, and what each denies."""

from collections.abc import Callable

import pytest

from bot.shop.models import ClaimKind, Order, PaymentKind, ReturnKind, Stage
from tests.dialogue.shop import DemoShop, Taken, euro
from tests.dialogue.shopper import Shopper

Talk = Callable[..., Shopper]


def one_line(order: Order) -> bool:
    return len(order.lines) == 1 and order.lines[0].quantity == 1


def two_lines(order: Order) -> bool:
    return len(order.lines) == 2 and all(line.quantity == 1 for line in order.lines)


def german(order: Order) -> bool:
    return order.language == "de"


def other_variant(shop: DemoShop, taken: Taken) -> str:
    """Another variant of the first item that is in stock, as the shop names it."""
    line = taken.order.lines[0]
    product = next(product for product in shop.products if product.id == line.product_id)
    return next(v.name for v in product.variants if v.stock > 5 and v.sku != line.sku and v.price == line.price)


def with_variants(shop: DemoShop) -> Callable[[Order], bool]:
    def fits(order: Order) -> bool:
        line = order.lines[0]
        product = next((product for product in shop.products if product.id == line.product_id), None)
        return (
            one_line(order)
            and product is not None
            and any(v.stock > 5 and v.sku != line.sku and v.price == line.price for v in product.variants)
        )

    return fits


class TestAnotherAddress:
    def test_with_mail_and_postcode(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", german)
        talk(
            """
            Ich bin umgezogen, könnt ihr {number} an eine andere Adresse schicken? |
            {postcode} | E-Mail-Adresse der Bestellung; [Code per E-Mail schicken]
            {email} | Straße und Hausnummer
            Lindenstraße 4, 20257 Hamburg | {number}; Lindenstraße 4, 20257 Hamburg statt an; Soll ich
            ja | Erledigt; Lindenstraße 4, 20257 Hamburg
            """,
            **taken.values,
        )
        address = shop.now(taken).shipping_address
        assert address is not None
        assert (address.street, address.postcode, address.city) == ("Lindenstraße 4", "20257", "Hamburg")

    @pytest.mark.telegram
    def test_in_english_one_piece_after_the_other(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", german)
        talk(
            """
            please send my order {number} to a different address |
            {email} | delivery postcode
            {postcode} | street and number
            Hafenweg 12a | postcode; town
            24103 Kiel | Hafenweg 12a, 24103 Kiel; Shall I
            yes | Done
            """,
            **taken.values,
        )
        address = shop.now(taken).shipping_address
        assert address is not None
        assert address.street == "Hafenweg 12a"

    def test_a_country_that_is_not_served(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", german)
        before = taken.order.shipping_address
        talk(
            """
            Lieferadresse von {number} ändern bitte |
            {postcode} |
            {email} | Straße
            Via Roma 5, 20121 Milano, Italien | liefern wir leider nicht
            dann doch Lindenstraße 4, 20257 Hamburg | Soll ich
            nein | nichts geändert
            """,
            **taken.values,
        )
        assert shop.now(taken).shipping_address == before

    def test_already_on_its_way(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("in_transit")
        talk(
            """
            Bitte ändern Sie die Lieferadresse für {number} |
            {postcode} | schon unterwegs; [Zustellung ändern]
            """,
            **taken.values,
        )


class TestAnotherPayment:
    def test_from_invoice_to_paypal(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing_invoice", german)
        talk(
            """
            Kann ich {number} doch lieber mit PayPal zahlen? |
            {postcode} | E-Mail
            {email} | mit PayPal statt mit Rechnung; {total}; Soll ich
            ja | Erledigt; PayPal
            """,
            **taken.values,
        )
        payment = shop.now(taken).payment
        assert payment is not None
        assert payment.kind is PaymentKind.PAYPAL

    @pytest.mark.telegram
    def test_the_ways_there_are(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing_invoice", german)
        talk(
            """
            change the payment method of {number} please |
            {email} | postcode
            {postcode} | How would you like to pay; [PayPal]
            [PayPal] | PayPal instead of; Shall I
            no | changed nothing
            """,
            **taken.values,
        )
        payment = shop.now(taken).payment
        assert payment is not None
        assert payment.kind is PaymentKind.INVOICE


class TestOtherItems:
    @pytest.mark.telegram
    def test_another_variant(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", with_variants(shop))
        variant = other_variant(shop, taken)
        talk(
            """
            Ich möchte an meiner Bestellung {number} noch etwas ändern, bevor sie rausgeht |
            {postcode} |
            {email} | Was soll bei {item}
            {variant} | {item}; {variant} statt; Am Preis ändert sich nichts; Soll ich
            ja | Erledigt; {variant}
            """,
            **taken.values,
            variant=variant,
        )
        assert shop.now(taken).lines[0].variant == variant

    def test_fewer_pieces(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", lambda order: len(order.lines) == 1 and order.lines[0].quantity == 2)
        talk(
            """
            I ordered too many in {number}, can you change the order? |
            {postcode} |
            {email} | What should be different
            only 1 piece | 1 instead of 2 pieces; difference; Shall I
            yes | Done; changed
            """,
            **taken.values,
        )
        assert shop.now(taken).lines[0].kept == 1

    def test_too_late_when_packed(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("packed")
        talk(
            """
            Ich möchte bei {number} noch einen Artikel ändern |
            {postcode} | schon gepackt; [Stornieren]
            """,
            **taken.values,
        )


class TestExchange:
    @pytest.mark.telegram
    def test_another_size(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", with_variants(shop))
        variant = other_variant(shop, taken)
        talk(
            """
            Ich möchte den Artikel aus {number} umtauschen, er ist zu klein |
            {postcode} | stattdessen
            {variant} | abgeben
            Paketshop | {item}; {variant}; Soll ich
            ja | Ihr Umtausch; angemeldet; {variant}
            """,
            **taken.values,
            variant=variant,
        )
        entry = shop.now(taken).returns[-1]
        assert entry.kind is ReturnKind.EXCHANGE
        assert entry.replacement is not None
        assert entry.replacement.variant == variant

    def test_before_dispatch_the_order_is_changed_instead(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", with_variants(shop))
        talk(
            """
            Ich möchte den Artikel aus {number} gegen eine andere Größe umtauschen |
            {postcode} | noch nicht verschickt; [Ja, Bestellung ändern]
            [Ja, Bestellung ändern] | E-Mail
            {email} | Was soll bei {item}
            """,
            **taken.values,
        )

    def test_not_before_it_is_there(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("in_transit")
        talk(
            """
            I want to exchange something from {number} for a bigger size |
            {postcode} | has not reached you yet
            """,
            **taken.values,
        )


class TestSomethingWrong:
    @pytest.mark.telegram
    def test_the_wrong_item(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            Ihr habt mir etwas völlig Falsches geschickt, Bestellung {number} |
            {postcode} | Ersatz; Geld
            [Geld zurück] | {item}; Soll ich
            ja | aufgenommen
            """,
            **taken.values,
        )
        claim = shop.now(taken).claims[-1]
        assert claim.kind is ClaimKind.WRONG
        assert claim.wish == "refund"

    def test_something_is_missing(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", two_lines)
        missing = taken.order.lines[1]
        talk(
            """
            In my parcel {number} something was missing |
            {postcode} | Which item
            {missing} | replacement; money back
            I'd rather have my money back | {english}; was missing; Shall I
            yes | taken it down
            """,
            **taken.values,
            missing=missing.name,
            english=missing.name_en,
        )
        claim = shop.now(taken).claims[-1]
        assert claim.kind is ClaimKind.MISSING
        assert [part.line_id for part in claim.lines] == [missing.id]

    def test_damage_needs_a_picture_or_a_person(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            Bei mir ist etwas kaputt angekommen, Bestellnummer {number} |
            {postcode} | Ersatz
            Ersatz bitte | Foto
            ich habe keins | Ohne Foto; [Mit einem Menschen sprechen]
            """,
            **taken.values,
        )
        assert not shop.now(taken).claims

    def test_broken_in_use(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("period_over", one_line)
        talk(
            """
            Nach ein paar Monaten ist der Artikel aus {number} kaputtgegangen, das ist doch Gewährleistung |
            {postcode} | Was genau ist kaputt
            Die Naht ist aufgegangen, obwohl ich sie kaum benutzt habe | {item}; Die Naht ist aufgegangen; Soll ich
            ja | Aufgenommen; Antwort
            """,
            **taken.values,
        )
        assert shop.now(taken).claims[-1].kind is ClaimKind.WARRANTY


class TestParcels:
    def test_marked_delivered_but_not_there(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered_neighbour")
        talk(
            """
            Bestellung {number} soll zugestellt sein, aber hier ist nichts angekommen |
            {postcode} | als zugestellt; nachgefragt; nachforschen lassen
            ja, da war ich schon | Nachforschung; Antwort
            """,
            **taken.values,
        )
        assert shop.now(taken).claims[-1].kind is ClaimKind.PARCEL_SEARCH

    def test_another_time(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("in_transit", lambda order: len(order.shipments) == 1)
        talk(
            """
            Can you deliver {number} between 4 and 6 pm instead? |
            {postcode} | between 16:00 and 18:00; Shall I
            yes please | carrier has been told
            """,
            **taken.values,
        )
        wish = shop.now(taken).shipments[0].wish
        assert wish is not None
        assert wish.kind == "window"

    @pytest.mark.telegram
    def test_to_a_neighbour(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("in_transit", lambda order: len(order.shipments) == 1)
        talk(
            """
            Ich bin nicht da, kann {number} zu einem Nachbarn? |
            {postcode} | welchem Nachbarn
            Frau Krüger, Hausnummer 12 | Krüger; Soll ich
            ja | Paketdienst weiß Bescheid; Krüger
            """,
            **taken.values,
        )
        wish = shop.now(taken).shipments[0].wish
        assert wish is not None
        assert wish.kind == "neighbour"
        assert "Krüger" in (wish.place or "")

    def test_out_for_delivery_is_too_late(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("out_for_delivery")
        talk(
            """
            Bitte {number} an einem anderen Tag zustellen |
            {postcode} | schon im Zustellfahrzeug
            """,
            **taken.values,
        )


class TestPapers:
    def test_the_invoice_again(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered")
        talk(
            """
            Ich brauche die Rechnung für {number} |
            {postcode} | Rechnung {invoice}; ist unterwegs an
            """,
            **taken.values,
            invoice=taken.order.invoice_number,
        )

    def test_no_invoice_before_dispatch(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing")
        talk(
            """
            Can you send me the invoice for {number}? |
            {postcode} | no invoice for order {number} yet
            """,
            **taken.values,
        )

    def test_the_confirmation_again(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing")
        talk(
            """
            Ich habe keine Bestellbestätigung bekommen, Nummer {number} |
            {postcode} | ist da, aufgegeben; noch einmal an
            """,
            **taken.values,
        )

    @pytest.mark.telegram
    def test_the_label_again(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("return_requested")
        talk(
            """
            Ich habe das Rücksendeetikett für {number} verloren |
            {postcode} | Etikett zu Rücksendung {returned}; unterwegs an
            """,
            **taken.values,
            returned=taken.order.returns[-1].number,
        )

    def test_no_label_without_a_return(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered")
        talk(
            """
            I lost the return label for {number} |
            {postcode} | No return has been set up; [Set up a return]
            """,
            **taken.values,
        )


class TestProducts:
    def test_what_is_in_stock(self, talk: Talk) -> None:
        talk(
            """
            Ist die Regenjacke Sylt auf Lager? | Regenjacke Sylt ist vorrätig
            """
        )

    def test_a_product_nobody_knows(self, talk: Talk) -> None:
        talk(
            """
            Do you have the espresso machine Turbo 3000 in stock? | Which item
            """
        )

    @pytest.mark.telegram
    def test_a_voucher(self, talk: Talk) -> None:
        talk(
            """
            Mein Gutschein funktioniert nicht | Wie lautet der Code
            WATT10 | WATT10 gilt; 10 %; 40,00 €
            """
        )

    def test_a_voucher_that_is_over(self, talk: Talk) -> None:
        talk(
            """
            my voucher code HERBST15 does not work | HERBST15 expired; [Check another code]
            """
        )


class TestAccount:
    @pytest.mark.telegram
    def test_unsubscribing(self, talk: Talk) -> None:
        talk(
            """
            Ich will den Newsletter abbestellen | E-Mail-Adresse
            jana@example.org | jana@example.org dann ab; Soll ich
            ja | kein Newsletter mehr
            """
        )

    def test_subscribing_needs_the_link(self, talk: Talk) -> None:
        talk(
            """
            I'd like to subscribe to your newsletter with jana@example.org | subscribe jana@example.org; link
            yes | click the link
            """
        )

    def test_which_data_are_held(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered")
        talk(
            """
            Welche Daten speichern Sie über mich? | Bestellnummer
            {number} | Postleitzahl
            {postcode} | E-Mail
            {email} | Kopie Ihrer gespeicherten Daten; Antwort; Soll ich
            ja | Aufgenommen
            """,
            **taken.values,
        )


class TestWithdrawal:
    @pytest.mark.telegram
    def test_two_steps_no_proof_no_reason(self, talk: Talk) -> None:
        talk(
            """
            Hiermit widerrufe ich meinen Vertrag | Um welche Bestellung
            LM-104321 | Vor- und Nachname; !Postleitzahl
            Jana Müller | E-Mail-Adresse
            jana@example.org | Hiermit widerrufe ich; LM-104321; Jana Müller; [Widerruf bestätigen]
            [Widerruf bestätigen] | Ihr Widerruf ist; eingegangen; jana@example.org
            """
        )

    def test_in_english(self, talk: Talk) -> None:
        talk(
            """
            I hereby withdraw from the contract for order LM-104321 | first and last names; !postcode
            My name is Jana Müller | e-mail address
            jana@example.org | I hereby withdraw; [Confirm withdrawal]
            [Confirm withdrawal] | Your withdrawal reached us; jana@example.org
            """
        )


class TestGeneralQuestions:
    def test_delivery(self, talk: Talk) -> None:
        talk(
            """
            Welche Versandarten bieten Sie an? | Standardversand; 4,90 €; Express; 60,00 €
            Wie lange dauert die Lieferung normalerweise? | Standardversand: 1 bis 3 Werktage
            Was kostet der Versand? | Express: 9,90 €
            Liefern Sie auch nach Österreich? | Österreich
            """
        )

    def test_returns_and_money(self, talk: Talk) -> None:
        talk(
            """
            How do returns work? | 30 days; [Return something]
            Where can I drop off my parcel to return it? | parcel shop; parcel locker
            When do I get refunds usually? | working days
            Until when can I cancel an order? | as long as the order has not been sent
            """
        )

    def test_the_shop(self, talk: Talk) -> None:
        talk(
            """
            Wie kann ich euch telefonisch erreichen? | +49 40; [Mit einem Menschen sprechen]
            Wo sind eure Läden? | Bahrenfelder Straße 112
            Welche Zahlungsarten gibt es? | PayPal; Rechnung
            Ich habe mein Passwort vergessen | passwort
            """
        )


def test_money_is_written_the_way_people_write_it(shop: DemoShop) -> None:
    taken = shop.take("delivered")
    assert euro(taken.order.total).endswith(" €")
    assert euro(taken.order.total, "en").startswith("€")
    assert taken.order.stage is Stage.DELIVERED
