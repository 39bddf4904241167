"""The articles say what the policies say. Whoever changes a price in policies.yml learns here which articles lie."""

from collections.abc import Iterator
from datetime import time

import pytest
import yaml
from babel.numbers import format_decimal

from bot.knowledge.articles import Article, as_plain_text, read_folder
from bot.settings import Settings
from bot.shop.money import Money
from bot.shop.policies import Policies, load_policies
from tests.bot.knowledge.conftest import ROOT

POLICIES = load_policies(ROOT / "policies.yml")
ARTICLES = {(a.language, a.key): a for a in read_folder(ROOT / "knowledge")[0]}
Fact = tuple[str, str, str]  # article, German words, English words


def price(money: Money) -> tuple[str, str]:
    whole = money.cents % 100 == 0
    german = format_decimal(money.cents / 100, "#,##0" if whole else "#,##0.00", locale="de")
    return f"{german} €", "€" + format_decimal(money.cents / 100, "#,##0" if whole else "#,##0.00", locale="en")


def clock(at: time) -> tuple[str, str]:
    return f"{at.hour} Uhr", f"{at.hour % 12 or 12} {'am' if at.hour < 12 else 'pm'}"


def facts(p: Policies) -> Iterator[Fact]:
    delivery, operations = p.delivery, p.operations
    options = delivery.options
    assert delivery.free_from is not None
    for article in ("delivery-costs",):
        yield (article, *price(options["standard"].price))
        yield (article, *price(delivery.free_from))
        yield (article, *price(options["express"].price))
        yield (article, *price(options["evening"].price))
        yield (article, *price(delivery.countries["AT"].extra_cost))
        yield (article, *price(delivery.countries["CH"].extra_cost))
    yield ("delivery-time", *clock(delivery.cutoff))
    yield ("express-delivery", *clock(delivery.cutoff))
    yield ("express-delivery", *price(options["express"].price))
    yield ("evening-delivery", *price(options["evening"].price))
    standard = options["standard"]
    yield (
        "delivery-time",
        f"{standard.min_days} bis {standard.max_days} Werktagen",
        f"{standard.min_days} to {standard.max_days} working days",
    )
    pickup = options["pickup"]
    yield (
        "store-pickup",
        f"{pickup.min_days} bis {pickup.max_days} Werktagen",
        f"{pickup.min_days} to {pickup.max_days} working days",
    )
    yield ("switzerland", *price(delivery.countries["CH"].extra_cost))
    for country in delivery.countries.values():
        yield ("delivery-countries", {"Schweiz": "die Schweiz"}.get(country.name.de, country.name.de), country.name.en)
    for window in delivery.windows:
        yield ("evening-delivery", window.replace("-", "–"), window.replace("-", "–"))
    yield ("redirect-parcel", f"bis zu {delivery.wish_days} Tage", f"up to {delivery.wish_days} days")
    returns = operations.create_return
    yield ("return-item", f"{returns.period_days} Tage ab der Lieferung", f"{returns.period_days} days from delivery")
    yield ("return-item", f"{returns.hand_in_days} Tage Zeit", f"{returns.hand_in_days} days to hand in")
    yield ("return-drop-off", *price(returns.drop_offs["collection"].cost))
    yield ("return-costs", *price(returns.drop_offs["collection"].cost))
    yield ("refund-time", f"{returns.refund_days} Werktagen", f"{returns.refund_days} working days")
    yield ("refund-time", f"etwa {returns.transit_days} Werktage", f"about {returns.transit_days} working days")
    yield (
        "refund-time",
        f"binnen {operations.report_missing_refund.answer_days} Werktagen",
        f"within {operations.report_missing_refund.answer_days} working days",
    )
    yield ("exchange", f"{returns.period_days} Tagen", f"{returns.period_days} days")
    assert operations.exchange.limit == 2
    yield ("exchange", "zweimal", "twice")
    assert operations.cancel_order.fee.cents == 0
    yield ("cancel-order", "ohne Gebühr", "without a fee")
    yield (
        "cancel-order",
        f"{operations.cancel_order.refund_days} Werktagen",
        f"{operations.cancel_order.refund_days} working days",
    )
    claims = operations.claim_item
    yield ("damaged-item", *price(claims.decide_up_to))
    yield ("damaged-item", *price(claims.send_back_from))
    yield ("damaged-item", f"{claims.period_days} Tagen", f"{claims.period_days} days")
    yield ("damaged-item", f"{claims.answer_days} Werktagen", f"{claims.answer_days} working days")
    yield ("wrong-or-missing-item", f"{claims.period_days} Tage", f"{claims.period_days} days")
    search = operations.search_parcel
    yield ("delivered-not-received", f"{search.period_days} Tagen", f"{search.period_days} days")
    yield ("delivered-not-received", f"{search.answer_days} Werktagen", f"{search.answer_days} working days")
    assert search.overdue_days == 2
    yield ("late-delivery", "zwei Tage", "two days")
    assert operations.warranty_claim.years == 2
    yield ("warranty", "zwei Jahren", "two years")
    yield (
        "warranty",
        f"{operations.warranty_claim.answer_days} Werktagen",
        f"{operations.warranty_claim.answer_days} working days",
    )
    yield (
        "withdrawal",
        f"{operations.withdraw_contract.period_days} Tagen",
        f"{operations.withdraw_contract.period_days} days",
    )
    yield ("withdrawal", operations.withdraw_contract.path, "/withdrawal")
    payment = {kind.value: method for kind, method in p.payment.items()}
    for article, kind in (
        ("payment-methods", "invoice"),
        ("invoice-payment", "invoice"),
        ("payment-methods", "direct_debit"),
        ("direct-debit", "direct_debit"),
    ):
        yield (article, *price(payment[kind].limit))
    yield ("prepayment", f"{payment['prepayment'].pay_days} Tagen", f"{payment['prepayment'].pay_days} days")
    for store in p.shop.stores.values():
        for words in (store.street, store.postcode, store.city):
            yield ("stores", words, words)
        yield ("stores", store.hours.de, store.hours.en)
    yield ("contact", p.shop.email, p.shop.email)
    yield ("contact", p.shop.phone, p.shop.phone)
    yield ("how-to-order", p.shop.phone, p.shop.phone)


@pytest.mark.parametrize("fact", list(facts(POLICIES)), ids=lambda fact: f"{fact[0]}: {fact[1]}")
def test_the_article_agrees_with_the_policies(fact: Fact) -> None:
    key, german, english = fact
    assert german in as_plain_text(ARTICLES["de", key].body)
    assert english in as_plain_text(ARTICLES["en", key].body)


def test_all_ways_to_pay_are_named_and_no_others_offered() -> None:
    for language in ("de", "en"):
        text = as_plain_text(ARTICLES[language, "payment-methods"].body)
        for method in POLICIES.payment.values():
            assert getattr(method.name, language).split()[0].lower() in text.lower()


def test_service_hours_are_those_of_the_settings() -> None:
    assert Settings.model_fields["service_hours"].default == "Mon-Fri 08:00-18:00, Sat 09:00-14:00"
    assert "Montag bis Freitag 8 bis 18 Uhr, Samstag 9 bis 14 Uhr" in ARTICLES["de", "contact"].body
    assert "Monday to Friday 8 am to 6 pm, Saturday 9 am to 2 pm" in ARTICLES["en", "contact"].body


def test_what_is_said_of_privacy_is_what_the_settings_do() -> None:
    assert Settings.model_fields["retention_days"].default == 365
    assert "höchstens ein Jahr" in ARTICLES["de", "privacy"].body
    assert "one year at most" in ARTICLES["en", "privacy"].body
    days = Settings.model_fields["visitor_days"].default
    assert f"nach {days} Tagen" in ARTICLES["de", "cookies-chat"].body
    assert f"after {days} days" in ARTICLES["en", "cookies-chat"].body


def test_product_articles_agree_with_the_assortment() -> None:
    """Care, sizes and volumes stand in the assortment; the articles must not say otherwise."""
    products = {
        p["id"]: p
        for p in yaml.safe_load((ROOT / "bot/shop/demo_assortment.yml").read_text(encoding="utf-8"))["products"]
    }

    def attribute(product: str, name: str) -> str:
        return products[product]["attributes"][name]

    def german(key: str) -> str:
        return as_plain_text(ARTICLES["de", key].body)

    assert attribute("rj-sylt", "Pflege") == "30 °C Schonwäsche"
    assert "bei 30 °C im Schonwaschgang" in german("care-rain-jacket")
    assert attribute("tr-hooge", "Pflege") == "Wollwaschgang kalt"
    assert "Troyer Hooge: Wollwaschgang, kalt" in german("care-wool")
    for product, words in (
        ("ls-wyk", "40 °C"),
        ("fl-toenning", "40 °C"),
        ("ho-eider", "40 °C"),
        ("he-boesum", "60 °C"),
        ("zu-handtuch", "60 °C"),
    ):
        assert attribute(product, "Pflege") == words
        assert words in german("care-cotton")
    assert attribute("gs-ebbe", "Passform") == "fällt eine halbe Größe größer aus"
    assert "eine halbe Größe größer" in german("size-shoes")
    assert attribute("sn-flut", "Passform") == "fällt klein aus"
    assert "Segelschuh Flut: fällt klein aus" in german("size-shoes")
    assert attribute("zu-laterne", "Brenndauer") == "18 h"
    assert "18 Stunden" in german("storm-lantern")
    assert attribute("te-ostfriesen", "Ziehzeit") == "3–5 Minuten"
    assert "3 bis 5 Minuten" in german("tea")
    assert attribute("zu-thermo", "Spülmaschine") == "nur der Deckel"
    assert "Nur der Deckel darf in die Spülmaschine" in german("vacuum-flask")
    assert "42 l" in attribute("ta-seesack", "Volumen")
    assert "42 Liter" in german("duffel-bag")


def test_articles_are_for_the_same_language_as_their_folder() -> None:
    article: Article
    for (language, _), article in ARTICLES.items():
        words = set(as_plain_text(article.body).lower().split())
        assert bool(words & {"der", "die", "das", "und", "nicht", "sie", "ihr", "er"}) == (language == "de"), (
            article.key
        )
