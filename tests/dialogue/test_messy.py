"""How people really talk: they correct themselves, ask in between, change their mind, stop, switch the language."""

from collections.abc import Callable

import pytest

from bot.shop.models import Order, Stage
from tests.dialogue.shop import DemoShop
from tests.dialogue.shopper import Shopper

Talk = Callable[..., Shopper]


def one_line(order: Order) -> bool:
    return len(order.lines) == 1 and order.lines[0].quantity == 1


def two_lines(order: Order) -> bool:
    return len(order.lines) == 2 and all(line.quantity == 1 for line in order.lines)


class TestQuestionsInTheMiddle:
    def test_a_question_is_answered_and_the_matter_goes_on(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            Ich möchte {number} zurücksenden, passt nicht |
            {postcode} | abgeben
            Was kostet eigentlich der Versand bei euch? | Express: 9,90 €; Zurück zu Ihrer Rücksendung; [Paketshop]
            Bist du ein Mensch? | ein Bot; Zurück zu Ihrer Rücksendung
            Paketshop | Soll ich
            Wie lange dauert eine Erstattung bei Ihnen normalerweise? | Werktage; Soll ich
            ja | angemeldet
            """,
            **taken.values,
        )
        assert len(shop.now(taken).returns) == 1

    def test_before_the_order_is_named(self, talk: Talk) -> None:
        talk(
            """
            Where is my order? | order number
            How long does delivery usually take? | working days; Back to your order; order number
            Are you a real person? | I am a bot; order number
            """
        )

    def test_another_wish_takes_over_and_the_first_is_offered_again(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            Ich möchte {number} zurücksenden, zu klein |
            {postcode} | abgeben
            Ich brauche zuerst die Rechnung für diese Bestellung | Rechnung; unterwegs an; zurücksenden; [Ja, bitte]
            ja | Zurück zu Ihrer Rücksendung; [Paketshop]
            Packstation | Soll ich
            ja | angemeldet
            """,
            **taken.values,
        )
        assert len(shop.now(taken).returns) == 1

    def test_what_was_set_aside_can_be_left(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            Ich möchte {number} zurücksenden, zu klein |
            {postcode} | abgeben
            schick mir erst mal die Rechnung für die Bestellung | Rechnung; [Nein, danke]
            [Nein, danke] | lasse ich es dabei
            """,
            **taken.values,
        )
        assert not shop.now(taken).returns


class TestCorrections:
    def test_another_item_at_the_confirmation(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", two_lines)
        first, second = taken.order.lines
        talk(
            """
            Ich will aus {number} was zurückgeben |
            {postcode} | Welchen Artikel
            {first} |
            gefällt mir nicht | abgeben
            Paketshop | {first}; Soll ich
            nein, {second} | {second}; Soll ich
            ja | angemeldet; {second}; !{first}
            """,
            **taken.values,
            first=first.name,
            second=second.name,
        )
        assert [part.line_id for part in shop.now(taken).returns[-1].lines] == [second.id]

    def test_another_way_to_hand_it_in(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            I want to return {number}, it's too big |
            {postcode} | hand in
            parcel shop | parcel shop; Shall I
            no, rather in the store | at one of our shops; Shall I
            yes | set up
            """,
            **taken.values,
        )
        assert shop.now(taken).returns[-1].drop_off == "store"

    def test_another_order(self, talk: Talk, shop: DemoShop) -> None:
        wrong = shop.take("processing", one_line)
        right = shop.take("processing", one_line)
        talk(
            """
            Bitte stornieren Sie {wrong} |
            {wrong_postcode} | warum
            egal | {wrong}; Soll ich
            Halt, doch eine andere Bestellung | Um welche Bestellung geht es
            {number} | Postleitzahl
            {postcode} |
            egal | {number}; Soll ich
            ja | {number} ist storniert
            """,
            **right.values,
            wrong=wrong.number,
            wrong_postcode=wrong.values["postcode"],
        )
        assert shop.now(right).stage is Stage.CANCELLED
        assert shop.now(wrong).stage is Stage.PROCESSING

    def test_a_step_back(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            Ich möchte {number} zurücksenden |
            {postcode} | Woran lag es
            zu klein | abgeben
            zurück | Woran lag es
            zu groß | abgeben
            Paketshop | Soll ich
            ja | angemeldet
            """,
            **taken.values,
        )
        assert shop.now(taken).returns[-1].lines[0].reason == "too_large"

    def test_exchange_instead_of_return_at_the_confirmation(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            Ich möchte {number} zurücksenden, zu klein |
            {postcode} |
            Paketshop | Soll ich
            nein, ich möchte es lieber gegen eine andere Größe umtauschen | stattdessen
            """,
            **taken.values,
        )
        assert not shop.now(taken).returns


class TestStopping:
    def test_stop_changes_nothing(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", one_line)
        talk(
            """
            Ich möchte {number} stornieren |
            {postcode} | warum
            Vergiss es, abbrechen | nichts geändert
            ja | womit ich Ihnen helfen
            """,
            **taken.values,
        )
        assert shop.now(taken).stage is Stage.PROCESSING

    def test_a_person_at_any_time(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            Ich möchte {number} zurücksenden |
            {postcode} |
            Ich möchte bitte mit einem Mitarbeiter sprechen | Team; !Woran lag es
            """,
            **taken.values,
        )

    def test_goodbye_in_the_middle(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            Ich möchte {number} zurücksenden |
            {postcode} |
            danke, hat sich erledigt, tschüss | Auf Wiedersehen
            """,
            **taken.values,
        )
        assert not shop.now(taken).returns


class TestLanguages:
    def test_a_shopper_who_switches_is_followed(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            Wo ist meine Bestellung {number}? | Postleitzahl
            {postcode} | zugestellt
            Sorry, my German is bad. I would like to return it please | reason
            too small | hand in
            parcel shop | Shall I
            ok | set up
            """,
            **taken.values,
        )

    def test_values_do_not_switch(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            Wo ist meine Bestellung? | Bestellnummer
            {number} | Postleitzahl
            {email} | zugestellt
            ok | Sagen Sie mir
            """,
            **taken.values,
        )


class TestNotUnderstood:
    def test_asks_back_twice_then_a_person(self, talk: Talk) -> None:
        talk(
            """
            xqzv blorp frumm | !Traceback
            grmpf tralala quux | [Mit einem Menschen sprechen]
            zzz knarz wobbel | Team
            """
        )

    def test_unusable_answers_are_helped(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            Ich möchte {number} zurücksenden, zu klein |
            {postcode} | abgeben
            mit der Brieftaube | bieten wir leider nicht an; [Paketshop]
            mit dem Hubschrauber | [Mit einem Menschen sprechen]
            [Paketshop] | Soll ich
            vielleicht | ja oder nein; Soll ich
            nein | keine Rücksendung
            """,
            **taken.values,
        )


class TestFeelings:
    def test_anger_is_taken_up_once_and_truly(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delayed", lambda order: len(order.shipments) == 1)
        shopper = talk(
            """
            Das ist eine absolute Frechheit, ich warte seit Tagen auf mein Paket {number}!!! |
            {postcode} | verspätet
            """,
            **taken.values,
        )
        assert "unendlich leid" not in str(shopper)


LEAVING = {
    "de": ("danke, das war's", "Tschüss", "ok danke, das wär's dann", "Nein danke, das war alles"),
    "en": ("Thanks, that's all", "bye", "ok thanks, that's all for today", "no thank you, nothing else"),
}
NOTHING_DONE = {"de": "nichts veranlasst; Auf Wiedersehen; !Soll ich", "en": "I have done nothing; Goodbye; !Shall I"}


class TestTakingLeave:
    """Who leaves in the middle of a change is told that it was not made."""

    @pytest.mark.parametrize("language", ["de", "en"])
    @pytest.mark.parametrize("way", range(4))
    def test_at_an_open_confirmation(self, way: int, language: str, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", one_line)
        start = {"de": "Bitte {number} stornieren, versehentlich bestellt", "en": "Please cancel {number}, by mistake"}
        talk(
            f"""
            {start[language]} |
            {{postcode}} | {{number}}
            {LEAVING[language][way]} | {NOTHING_DONE[language]}
            """,
            **taken.values,
        )
        assert shop.now(taken) == taken.order

    @pytest.mark.parametrize("language", ["de", "en"])
    def test_at_any_other_question_of_a_change(self, language: str, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        start = {"de": "Ich möchte {number} zurücksenden", "en": "I want to return {number}"}
        talk(
            f"""
            {start[language]} |
            {{postcode}} | {"Woran lag es" if language == "de" else "What was the reason"}
            {LEAVING[language][0]} | {NOTHING_DONE[language]}
            """,
            **taken.values,
        )
        assert shop.now(taken) == taken.order

    @pytest.mark.parametrize("language", ["de", "en"])
    def test_a_yes_before_it_is_a_yes(self, language: str, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", one_line)
        start = {"de": "Bitte {number} stornieren, versehentlich bestellt", "en": "Please cancel {number}, by mistake"}
        done = {"de": "ja bitte, das war's | ist storniert", "en": "yes please, that's all | is cancelled"}
        talk(
            f"""
            {start[language]} |
            {{postcode}} | {{number}}
            {done[language]}
            """,
            **taken.values,
        )
        assert shop.now(taken).stage is Stage.CANCELLED

    def test_where_nothing_was_to_be_changed_nothing_is_said_of_it(self, talk: Talk) -> None:
        talk(
            """
            Where is my order? | order number
            thanks, that's all | Goodbye; !done nothing
            """
        )


class TestLanguageOfTheFirstWord:
    def test_an_english_word_and_a_number_open_in_english(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", one_line)
        talk(
            """
            cancel {number} | postcode; !Postleitzahl
            {postcode} | telling me why
            """,
            **taken.values,
        )
        assert shop.now(taken) == taken.order

    def test_a_bare_number_opens_in_the_shop_s_language(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", one_line)
        talk("{number} | Was möchten Sie zu Bestellung {number}", **taken.values)

    def test_a_number_with_a_blank_is_found(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", one_line)
        talk(
            """
            Wo ist {spaced}? | {number}; Postleitzahl
            {postcode} | {number}
            """,
            spaced=taken.number.lower().replace("-", " "),
            **taken.values,
        )
