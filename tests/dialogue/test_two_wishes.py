"""Two wishes in one message: the first is answered, the second is announced, and the bot comes back to it."""

from collections.abc import Callable

from bot.shop.models import Order
from tests.dialogue.shop import DemoShop
from tests.dialogue.shopper import Shopper

Talk = Callable[..., Shopper]


def one_line(order: Order) -> bool:
    return len(order.lines) == 1 and order.lines[0].quantity == 1


class TestTwoQuestions:
    def test_both_are_answered_at_once_in_german(self, talk: Talk) -> None:
        talk(
            """
            Liefern Sie in die Schweiz? Und wie kann ich bezahlen? | Schweiz; zu Ihrem zweiten Anliegen; PayPal
            """
        )

    def test_both_are_answered_at_once_in_english(self, talk: Talk) -> None:
        talk(
            """
            Do you deliver to Austria? And how can I pay? | Austria; to your second point; PayPal
            """
        )


class TestAMatterAndAQuestion:
    def test_the_question_waits_until_the_matter_is_done_in_german(self, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            """
            Ich möchte {number} zurücksenden, zu klein. Und wie kann ich bei Ihnen bezahlen? | zweites Anliegen; !PayPal
            {postcode} | abgeben; !zweites Anliegen
            Paketshop | Soll ich
            ja | angemeldet; zu Ihrem zweiten Anliegen; PayPal
            """,
            **taken.values,
        )
        assert len(shop.now(taken).returns) == 1

    def test_the_question_waits_until_the_matter_is_done_in_english(self, talk: Talk) -> None:
        talk(
            """
            Where is my order? And how can I pay at your shop? | order number; come back to it; !PayPal
            """
        )

    def test_who_stops_is_not_asked_about_it_again(self, talk: Talk) -> None:
        talk(
            """
            Where is my order? And how can I pay at your shop? | order number; come back to it
            stop | !PayPal; !second point
            thanks | !PayPal
            """
        )


class TestOneWish:
    def test_a_story_that_leads_up_to_it_stays_whole(self, talk: Talk) -> None:
        talk(
            """
            Letzte Woche bestellt, für Mutter, und jetzt möchte ich wissen, wo es ist | Bestellnummer; !zweites
            """
        )
