"""What goes wrong in the middle: side questions in every form, strangers, stock that goes, a shop that is out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest

from bot.shop.backend import ShopUnavailable
from bot.shop.models import Order, Stage
from bot.storage.shop import SqlShop
from tests.dialogue.shop import DemoShop, Taken
from tests.dialogue.shopper import Shopper

Talk = Callable[..., Shopper]
BOTH = pytest.mark.parametrize("language", ["de", "en"])
ASIDE = {
    "de": ("Bist du eigentlich ein Mensch?", "ein Bot; Zurück zu"),
    "en": ("are you a real person?", "I am a bot; Back to"),
}


def one_line(order: Order) -> bool:
    return len(order.lines) == 1 and order.lines[0].quantity == 1


def two_lines(order: Order) -> bool:
    return len(order.lines) == 2 and all(line.quantity == 1 for line in order.lines)


# Form, situation, how it is opened, and what is asked once the order is proved.
FORMS = [
    ("cancel", "processing", "Bitte {number} stornieren", "please cancel {number}", "warum", "why"),
    ("return", "delivered", "Ich möchte {number} zurücksenden", "I want to return {number}", "Woran lag es", "reason"),
    (
        "exchange",
        "delivered",
        "Ich möchte den Artikel aus {number} umtauschen",
        "I want to exchange the item from {number}",
        "stattdessen",
        "instead",
    ),
    (
        "address",
        "processing",
        "Bitte die Lieferadresse von {number} ändern",
        "please change the delivery address of {number}",
        "E-Mail-Adresse",
        "e-mail address",
    ),
    (
        "payment",
        "processing_invoice",
        "Bitte die Zahlungsart von {number} ändern",
        "please change the payment method of {number}",
        "E-Mail-Adresse",
        "e-mail address",
    ),
    (
        "claim",
        "delivered",
        "Aus {number} ist etwas kaputt angekommen",
        "something from {number} arrived damaged",
        "Ersatz",
        "replacement",
    ),
    (
        "warranty",
        "period_over",
        "Der Artikel aus {number} ist nach Monaten kaputtgegangen, Gewährleistung",
        "The item from {number} broke after months, warranty claim",
        "Was genau ist kaputt",
        "What exactly is broken",
    ),
    (
        "redirect",
        "in_transit",
        "Kann {number} an einem anderen Tag kommen?",
        "Can {number} come on another day?",
        "An welchem Tag",
        "On which day",
    ),
    (
        "search",
        "delivered_neighbour",
        "{number} ist angeblich zugestellt, aber ich habe nichts bekommen",
        "{number} says delivered but I never got it",
        "nachforschen",
        "traced",
    ),
]


@pytest.mark.parametrize(
    ("form", "situation", "german", "english", "asks", "asks_en"), FORMS, ids=[form[0] for form in FORMS]
)
@BOTH
def test_another_question_in_the_middle_of_every_form(
    form: str,
    situation: str,
    german: str,
    english: str,
    asks: str,
    asks_en: str,
    language: str,
    talk: Talk,
    shop: DemoShop,
) -> None:
    """The question is answered, the form asks its own again, and stopping leaves everything as it was."""
    taken = shop.take(situation, one_line)
    opening, asked = (german, asks) if language == "de" else (english, asks_en)
    aside, answer = ASIDE[language]
    end = {"de": "abbrechen | nichts geändert", "en": "stop | Nothing was changed"}[language]
    talk(f"{opening} |\n{{postcode}} | {asked}\n{aside} | {answer}; {asked}\n{end}", **taken.values)
    assert shop.now(taken) == taken.order


class TestOrders:
    @BOTH
    def test_two_orders_in_one_conversation(self, language: str, talk: Talk, shop: DemoShop) -> None:
        first, other = shop.take("processing", one_line), shop.take("delivered", one_line)
        talk(
            {
                "de": """
                    Bitte {number} stornieren |
                    {postcode} | warum
                    egal | Soll ich
                    ja | {number} ist storniert
                    Und aus {other} möchte ich etwas zurückschicken, zu groß | Postleitzahl
                    {other_postcode} | abgeben
                    Packstation | {other}; Soll ich
                    ja | angemeldet
                    """,
                "en": """
                    please cancel {number} |
                    {postcode} | why
                    doesn't matter | Shall I
                    yes | {number} is cancelled
                    And I want to return something from {other}, too big | postcode
                    {other_postcode} | hand in
                    parcel locker | {other}; Shall I
                    yes | is set up
                    """,
            }[language],
            **first.values,
            other=other.number,
            other_postcode=other.values["postcode"],
        )
        assert shop.now(first).stage is Stage.CANCELLED
        assert len(shop.now(other).returns) == 1

    @BOTH
    def test_the_wrong_order_and_then_the_right_one(self, language: str, talk: Talk, shop: DemoShop) -> None:
        wrong, right = shop.take("in_transit"), shop.take("processing", one_line)
        talk(
            {
                "de": """
                    Bitte {wrong} stornieren |
                    {wrong_postcode} | schon unterwegs
                    Ach, ich meinte {number}, die bitte stornieren | Postleitzahl
                    {postcode} | warum
                    aus Versehen bestellt | {number}; Soll ich
                    ja | {number} ist storniert
                    """,
                "en": """
                    please cancel {wrong} |
                    {wrong_postcode} | already on its way
                    Oh, I meant {number}, please cancel that one | postcode
                    {postcode} | why
                    ordered by mistake | {number}; Shall I
                    yes | {number} is cancelled
                    """,
            }[language],
            **right.values,
            wrong=wrong.number,
            wrong_postcode=wrong.values["postcode"],
        )
        assert shop.now(right).stage is Stage.CANCELLED
        assert shop.now(wrong) == wrong.order

    @BOTH
    def test_a_strangers_order_looks_like_none(self, language: str, talk: Talk, shop: DemoShop) -> None:
        """Neither the words nor the buttons differ, in any matter."""
        taken = shop.take("processing", one_line)
        for opening in (
            {"de": "Bitte {number} stornieren", "en": "please cancel {number}"}[language],
            {"de": "Bitte die Lieferadresse von {number} ändern", "en": "change the delivery address of {number}"}[
                language
            ],
            {"de": "Ich brauche die Rechnung zu {number}", "en": "I need the invoice for {number}"}[language],
        ):
            answers = []
            for number in (taken.number, {"de": "LM-999997", "en": "LM-999998"}[language]):
                shopper = talk(f"{opening} |\n99999 |", number=number)
                answers.append(shopper.answer.replace(number, "N"))
            assert answers[0] == answers[1]
        assert shop.now(taken) == taken.order


class TestChanges:
    @BOTH
    def test_another_choice_at_the_confirmation(self, language: str, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", two_lines)
        first, second = taken.order.lines
        names = {"de": (first.name, second.name), "en": (first.name_en, second.name_en)}[language]
        talk(
            {
                "de": """
                    Ich möchte etwas aus {number} zurückgeben |
                    {postcode} | Welchen Artikel
                    {first}, gefällt mir nicht | abgeben
                    Paketshop | {first}; Soll ich
                    nein, {second} | {second}; Soll ich
                    lieber im Laden | {second}; einem unserer Läden; Soll ich
                    ja | angemeldet; {second}; !{first}
                    """,
                "en": """
                    I want to return something from {number} |
                    {postcode} | Which item
                    {first}, I don't like it | hand in
                    parcel shop | {first}; Shall I
                    no, {second} | {second}; Shall I
                    rather in the store | {second}; one of our shops; Shall I
                    yes | is set up; {second}; !{first}
                    """,
            }[language],
            **taken.values,
            first=names[0],
            second=names[1],
        )
        (entry,) = shop.now(taken).returns
        assert [part.line_id for part in entry.lines] == [second.id]
        assert entry.drop_off == "store"

    @BOTH
    def test_a_step_back_and_a_later_answer_given_early(self, language: str, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        talk(
            {
                "de": """
                    Ich möchte {number} zurücksenden, ich gehe dann in den Paketshop |
                    {postcode} | Woran lag es
                    zu klein | Paketshop; Soll ich
                    zurück | Woran lag es
                    zu groß | Paketshop; Soll ich
                    ja | angemeldet
                    """,
                "en": """
                    I want to return {number}, parcel shop is best |
                    {postcode} | reason
                    too small | parcel shop; Shall I
                    back | reason
                    too big | parcel shop; Shall I
                    yes | is set up
                    """,
            }[language],
            **taken.values,
        )
        (entry,) = shop.now(taken).returns
        assert (entry.drop_off, entry.lines[0].reason) == ("service_point", "too_large")

    @BOTH
    def test_stock_that_goes_between_question_and_yes(self, language: str, talk: Talk, shop: DemoShop) -> None:
        def has_other(order: Order) -> bool:
            return one_line(order) and other(shop, Taken(order)) is not None

        taken = shop.take("delivered", has_other)
        variant = other(shop, taken)
        assert variant is not None
        name = (variant.name_en or variant.name) if language == "en" else variant.name
        shopper = talk(
            {
                "de": """
                    Ich möchte den Artikel aus {number} umtauschen, er ist zu klein |
                    {postcode} | stattdessen
                    {variant} | abgeben
                    Paketshop | {variant}; Soll ich
                    """,
                "en": """
                    I want to exchange the item from {number}, it is too small |
                    {postcode} | instead
                    {variant} | hand in
                    parcel shop | {variant}; Shall I
                    """,
            }[language],
            **taken.values,
            variant=name,
        )
        shop.set_stock(variant.sku, 0)
        try:
            shopper.says({"de": "ja | nicht vorrätig; !angemeldet", "en": "yes | out of stock; !is set up"}[language])
        finally:
            shop.set_stock(variant.sku, variant.stock)
        assert shop.now(taken) == taken.order


def other(shop: DemoShop, taken: Taken):  # type: ignore[no-untyped-def]
    """A variant of the first item that is in stock and that nobody else's dialogue takes."""
    line = taken.order.lines[0]
    return next((v for v in shop.product_of(taken).variants if v.sku != line.sku and v.stock > 30), None)


@contextmanager
def shop_is_out() -> Iterator[None]:
    """The shop's system does not answer."""

    async def fails(*_args: object, **_values: object) -> None:
        raise ShopUnavailable("the shop does not answer")

    with patch.object(SqlShop, "order", fails), patch.object(SqlShop, "apply", fails):
        yield


class TestOutage:
    @BOTH
    def test_said_honestly_nothing_lost_and_gone_on_with(self, language: str, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered", one_line)
        shopper = talk(
            {
                "de": """
                    Ich möchte {number} zurücksenden, zu klein |
                    {postcode} | abgeben
                    Paketshop | Soll ich
                    """,
                "en": """
                    I want to return {number}, too small |
                    {postcode} | hand in
                    parcel shop | Shall I
                    """,
            }[language],
            **taken.values,
        )
        with shop_is_out():
            shopper.says(
                {
                    "de": "ja | erreiche das Bestellsystem gerade nicht; gemerkt; [Noch einmal versuchen]",
                    "en": "yes | cannot reach the order system; kept; [Try again]",
                }[language]
            )
        assert not shop.now(taken).returns
        shopper.says(
            {
                "de": "[Noch einmal versuchen] | Paketshop; Soll ich; !Woran lag\nja | angemeldet",
                "en": "[Try again] | parcel shop; Shall I; !reason\nyes | is set up",
            }[language]
        )
        (entry,) = shop.now(taken).returns
        assert (entry.drop_off, entry.lines[0].reason) == ("service_point", "too_small")
