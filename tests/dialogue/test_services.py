"""What needs no order, or little of it: mails, vouchers, stock, newsletter, data, withdrawal; and answers in words."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.shop.models import Product, Variant
from bot.storage.mail_tables import MailRow
from bot.storage.shop_tables import NewsletterRow, RequestRow, StockWatchRow, WithdrawalRow
from bot.storage.tables import Signal
from tests.dialogue.shop import DemoShop, Taken, euro
from tests.dialogue.shopper import Shopper

Talk = Callable[..., Shopper]
BOTH = pytest.mark.parametrize("language", ["de", "en"])


def mails_to(shop: DemoShop, taken: Taken, template: str) -> list[MailRow]:
    return shop.rows(MailRow, template=template, to=taken.order.email)


class TestPapers:
    @pytest.mark.parametrize(
        ("situation", "template", "german", "english"),
        [
            (
                "delivered",
                "invoice",
                "Ich brauche die Rechnung zu {number} | Postleitzahl\n{postcode} | Die Rechnung RE-; unterwegs an",
                "I need the invoice for {number} | postcode\n{postcode} | Invoice RE-; on its way to",
            ),
            (
                "processing",
                "order_confirmation",
                "Zu {number} habe ich keine Bestellbestätigung bekommen |\n{postcode} | ist da; noch einmal an",
                "I never got a confirmation for {number} |\n{postcode} | is here; again",
            ),
            (
                "return_requested",
                "return_label",
                "Ich finde das Rücksendeetikett zu {number} nicht mehr |\n{postcode} | Etikett; unterwegs an",
                "I lost the return label for {number} |\n{postcode} | label for return; on its way to",
            ),
        ],
    )
    @BOTH
    def test_a_copy_goes_to_the_address_of_the_order(
        self, situation: str, template: str, german: str, english: str, language: str, talk: Talk, shop: DemoShop
    ) -> None:
        taken = shop.take(situation)
        before = len(mails_to(shop, taken, template))
        talk(german if language == "de" else english, **taken.values_in(language))
        assert len(mails_to(shop, taken, template)) == before + 1

    @pytest.mark.parametrize(
        ("situation", "german", "english"),
        [
            (
                "processing",
                "Schicken Sie mir die Rechnung zu {number} |\n{postcode} | noch keine Rechnung; mit dem Versand",
                "Please send me the invoice for {number} |\n{postcode} | no invoice; yet; comes with the dispatch",
            ),
            (
                "delivered",
                "Ich habe das Retourenlabel zu {number} verloren |\n{postcode} | noch keine Rücksendung angemeldet",
                "I can't find the return label for {number} |\n{postcode} | No return has been set up",
            ),
        ],
    )
    @BOTH
    def test_what_does_not_exist_is_not_sent(
        self, situation: str, german: str, english: str, language: str, talk: Talk, shop: DemoShop
    ) -> None:
        taken = shop.take(situation)
        before = len(shop.rows(MailRow, to=taken.order.email))
        talk(german if language == "de" else english, **taken.values_in(language))
        assert len(shop.rows(MailRow, to=taken.order.email)) == before


class TestCodeByMail:
    @BOTH
    def test_instead_of_the_second_proof(self, language: str, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing")
        shopper = talk(
            {
                "de": """
                    Bitte die Lieferadresse von {number} ändern |
                    {postcode} | [Code per E-Mail schicken]
                    [Code per E-Mail schicken] | sechsstelligen Code
                    000 000 | nicht der Code
                    """,
                "en": """
                    Please change the delivery address of {number} |
                    {postcode} | [Send me a code by mail]
                    [Send me a code by mail] | six-digit code
                    000 000 | not the code
                    """,
            }[language],
            **taken.values,
        )
        mail = mails_to(shop, taken, "code")[-1]
        code = re.search(r"\b\d{6}\b", mail.text or "")
        assert code is not None
        shopper.says(
            {
                "de": "{code} | Straße und Hausnummer\nDeichweg 7, 25813 Husum | Soll ich\nja | Erledigt",
                "en": "{code} | street and number\nDeichweg 7, 25813 Husum | Shall I\nyes | Done",
            }[language],
            code=code.group(),
        )
        address = shop.now(taken).shipping_address
        assert address is not None
        assert address.street == "Deichweg 7"


def sold_out(shop: DemoShop, which: int) -> tuple[Product, Variant]:
    found = [
        (product, variant)
        for product in shop.products
        if len(product.variants) == 3 and sum(variant.stock == 0 for variant in product.variants) == 1
        for variant in product.variants
        if variant.stock == 0
    ]
    return found[which % len(found)]


class TestStock:
    @BOTH
    def test_what_is_there(self, language: str, talk: Talk) -> None:
        talk(
            {
                "de": "Habt ihr die Regenjacke Sylt noch auf Lager? | Regenjacke Sylt ist vorrätig",
                "en": "Is the Sylt rain jacket in stock? | Sylt rain jacket is in stock",
            }[language]
        )

    @BOTH
    def test_a_note_when_it_is_back(self, language: str, talk: Talk, shop: DemoShop) -> None:
        product, variant = sold_out(shop, ["de", "en"].index(language))
        values = {
            "product": product.name if language == "de" else product.name_en,
            "variant": variant.name if language == "de" else variant.name_en or variant.name,
            "mail": f"neugierig-{language}@example.org",
        }
        talk(
            {
                "de": """
                    Sagt mir bitte Bescheid, wenn {product} wieder da ist | E-Mail-Adresse
                    {mail} | {product}; {variant}; {mail}; Soll ich
                    ja gern | Notiert
                    """,
                "en": """
                    Please tell me when the {product} is back in stock | e-mail address
                    {mail} | {product}; {variant}; {mail}; Shall I
                    yes please | Noted
                    """,
            }[language],
            **values,
        )
        watch = shop.rows(StockWatchRow, email_key=values["mail"])
        assert [row.sku for row in watch] == [variant.sku]

    @BOTH
    def test_no_note_for_what_is_there(self, language: str, talk: Talk, shop: DemoShop) -> None:
        mail = f"eilig-{language}@example.org"
        talk(
            {
                "de": """
                    Sagt mir Bescheid, wenn der Seesack Hallig wieder da ist |
                    {mail} | vorrätig
                    """,
                "en": """
                    Let me know when the Hallig duffel bag is back |
                    {mail} | in stock
                    """,
            }[language],
            mail=mail,
        )
        assert not shop.rows(StockWatchRow, email_key=mail)


class TestVouchers:
    @pytest.mark.parametrize(
        ("code", "german", "english"),
        [
            ("WATT10", "10 %; ab einem Einkauf von 40,00 €", "10%; from €40.00"),
            ("MOIN5", "5,00 € wert", "worth €5.00"),
            ("GK-7H4K-92MP", "noch 37,50 €", "€37.50 left"),
            ("HERBST15", "abgelaufen; [Anderen Code prüfen]", "expired; [Check another code]"),
            ("NIKOLAUS12", "kenne ich nicht", "do not know"),
            ("STURM20", "schon eingelöst", "already been used"),
        ],
    )
    @BOTH
    def test_what_a_code_is_worth(self, code: str, german: str, english: str, language: str, talk: Talk) -> None:
        talk(
            {
                "de": f"Mein Gutscheincode geht nicht | Wie lautet der Code\n{code} | {german}",
                "en": f"my discount code does not work | What is the code\n{code} | {english}",
            }[language]
        )


class TestNewsletter:
    @BOTH
    def test_off(self, language: str, talk: Talk, shop: DemoShop) -> None:
        subscriber = shop.rows(NewsletterRow, state="subscribed")[["de", "en"].index(language)]
        talk(
            {
                "de": """
                    Bitte tragt mich aus dem Newsletter aus | E-Mail-Adresse
                    {mail} | bestelle den Newsletter; ab; Soll ich
                    ja | kein Newsletter mehr
                    """,
                "en": """
                    Please unsubscribe me from the newsletter | e-mail address
                    {mail} | unsubscribe {mail}; Shall I
                    yes | no newsletter goes
                    """,
            }[language],
            mail=subscriber.email,
        )
        assert shop.rows(NewsletterRow, email_key=subscriber.email_key)[0].state == "ended"

    @BOTH
    def test_on_needs_the_link_in_the_mail(self, language: str, talk: Talk, shop: DemoShop) -> None:
        mail = f"neu-{language}@example.org"
        talk(
            {
                "de": """
                    Ich möchte euren Newsletter abonnieren | E-Mail-Adresse
                    {mail} | melde {mail}; Link; Soll ich
                    ja | klicken Sie
                    """,
                "en": """
                    I want to subscribe to your newsletter | e-mail address
                    {mail} | subscribe {mail}; link; Shall I
                    yes | click the link
                    """,
            }[language],
            mail=mail,
        )
        assert shop.rows(NewsletterRow, email_key=mail)[0].state == "asked"
        assert len(shop.rows(MailRow, template="newsletter_confirmation", to=mail)) == 1

    @BOTH
    def test_a_no_changes_nothing(self, language: str, talk: Talk, shop: DemoShop) -> None:
        mail = f"nein-{language}@example.org"
        talk(
            {
                "de": "Newsletter abonnieren mit {mail} | Soll ich\nnein, doch nicht | nichts geändert",
                "en": "subscribe {mail} to the newsletter | Shall I\nno, rather not | changed nothing",
            }[language],
            mail=mail,
        )
        assert not shop.rows(NewsletterRow, email_key=mail)


class TestPrivacy:
    @pytest.mark.parametrize(
        ("kind", "german", "english", "said"),
        [
            (
                "access",
                "Welche Daten habt ihr über mich gespeichert?",
                "Which data do you hold about me?",
                ("Kopie", "copy"),
            ),
            ("erasure", "Bitte löscht mein Kundenkonto", "please delete my account", ("gelöscht", "erased")),
        ],
    )
    @BOTH
    def test_a_request_is_taken_from_the_customer_alone(
        self, kind: str, german: str, english: str, said: tuple[str, str], language: str, talk: Talk, shop: DemoShop
    ) -> None:
        taken = shop.take("delivered")
        before = len(shop.rows(RequestRow, kind=kind))
        talk(
            {
                "de": f"""
                    {german} | Bestellnummer
                    {{number}} | Postleitzahl
                    {{postcode}} | E-Mail
                    {{email}} | {said[0]}; Antwort bekommen Sie; Soll ich
                    ja | Aufgenommen
                    """,
                "en": f"""
                    {english} | order number
                    {{number}} | postcode
                    {{postcode}} | e-mail
                    {{email}} | {said[1]}; have an answer; Shall I
                    yes | Taken down
                    """,
            }[language],
            **taken.values,
        )
        assert len(shop.rows(RequestRow, kind=kind)) == before + 1


class TestWithdrawal:
    @BOTH
    def test_two_steps_without_proof_or_reason(self, language: str, talk: Talk, shop: DemoShop) -> None:
        name = {"de": "Jorinde Müller", "en": "Jane Miller"}[language]
        talk(
            {
                "de": """
                    Ich widerrufe meinen Vertrag | Um welche Bestellung
                    die Gummistiefel von letzter Woche | Vor- und Nachname; !Postleitzahl; !warum
                    Jorinde Müller | E-Mail-Adresse
                    jorinde@example.org | Hiermit widerrufe ich; Gummistiefel; [Widerruf bestätigen]
                    [Widerruf bestätigen] | eingegangen; jorinde@example.org
                    """,
                "en": """
                    I withdraw from the contract | Which order
                    the rubber boots of last week | first and last names; !postcode; !why
                    Jane Miller | e-mail address
                    jane@example.org | I hereby withdraw; rubber boots; [Confirm withdrawal]
                    [Confirm withdrawal] | reached us; jane@example.org
                    """,
            }[language]
        )
        (row,) = shop.rows(WithdrawalRow, name=name)
        assert datetime.now(UTC) - row.received_at < timedelta(minutes=5)
        assert len(shop.rows(MailRow, template="withdrawal_receipt", to=row.receipt_to)) == 1

    @BOTH
    def test_nothing_is_declared_without_the_second_step(self, language: str, talk: Talk, shop: DemoShop) -> None:
        before = len(shop.rows(WithdrawalRow))
        talk(
            {
                "de": """
                    Hiermit widerrufe ich die Bestellung LM-104999 |
                    Paul Peters |
                    paul@example.org | [Widerruf bestätigen]
                    nein, ich überlege es mir noch | keinen Widerruf aufgenommen
                    """,
                "en": """
                    I hereby withdraw from order LM-104999 |
                    Paul Peters |
                    paul@example.org | [Confirm withdrawal]
                    no, I need to think about it | no withdrawal
                    """,
            }[language]
        )
        assert len(shop.rows(WithdrawalRow)) == before


@pytest.mark.usefixtures("shop")
class TestKnowledge:
    """What the shop has written answers what no operation does."""

    @BOTH
    def test_product_data_first_with_the_page(self, language: str, talk: Talk) -> None:
        talk(
            {
                "de": """
                    Ist die Regenjacke Sylt wasserdicht? | Regenjacke Sylt; Wassersäule; /rj-sylt; Hilft Ihnen das
                    ja, danke | !Was kann
                    Was kostet der Rucksack Warft? | 94,00 €; [Ja, danke]
                    """,
                "en": """
                    How much is the Warft backpack? | Warft backpack; €94.00; /ta-rucksack; Does that help
                    [Yes, thanks] | Good to hear
                    """,
            }[language]
        )

    @BOTH
    def test_a_passage_with_its_source_and_whether_it_helped(self, language: str, talk: Talk, shop: DemoShop) -> None:
        before = shop.rows(Signal, kind="answer_helped")
        talk(
            {
                "de": """
                    Warum rußt meine Sturmlaterne? | Quelle; /hilfe/storm-lantern; [Nein]
                    [Nein] | Schade; [Mit einem Menschen sprechen]
                    Wie wasche ich Wolle richtig? | Wollwaschgang; /hilfe/care-wool
                    ja | Das freut mich
                    """,
                "en": """
                    Why does my storm lantern smoke? | Source; /help/storm-lantern; [No]
                    no | A pity; [Talk to a person]
                    How do I wash wool? | /help/care-wool
                    [Yes, thanks] | Good to hear
                    """,
            }[language]
        )
        noted = shop.rows(Signal, kind="answer_helped")[len(before) :]
        assert [(row.data["article"], row.value) for row in noted] == [("storm-lantern", 0.0), ("care-wool", 1.0)]
        assert {row.data["language"] for row in noted} == {language}

    @BOTH
    def test_in_the_middle_of_a_matter_the_matter_goes_on(self, language: str, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("processing", lambda order: len(order.lines) == 1)
        talk(
            {
                "de": """
                    {number} stornieren |
                    {postcode} |
                    egal | Soll ich
                    Wie wasche ich Wolle richtig? | /hilfe/care-wool; Soll ich das so machen; !Hilft Ihnen das
                    ja | ist storniert
                    """,
                "en": """
                    cancel {number} |
                    {postcode} |
                    doesn't matter | Shall I
                    How do I wash wool? | /help/care-wool; Shall I go ahead; !Does that help
                    yes | is cancelled
                    """,
            }[language],
            **taken.values,
        )

    @pytest.mark.parametrize(
        "question",
        [
            "Wie wechsle ich beim Fahrrad die Kette?",
            "Welche Zündkerze passt in den Rasenmäher?",
            "Wie verbinde ich den Lautsprecher mit meinem Telefon?",
            "Wie reinige ich den Filter vom Aquarium?",
        ],
    )
    def test_what_nobody_wrote_is_not_made_up(self, question: str, talk: Talk) -> None:
        talk(f"{question} | [Mit einem Menschen sprechen]; !Hilft Ihnen das")

    @pytest.mark.parametrize(
        "question",
        [
            "How do I reset the router?",
            "Which spark plug fits the lawn mower?",
            "How do I connect the speaker with my phone?",
            "How do I clean the filter of the aquarium?",
        ],
    )
    def test_nor_in_english(self, question: str, talk: Talk) -> None:
        talk(f"{question} | [Talk to a person]; !Does that help")


class TestAnOrderNumberAlone:
    @BOTH
    def test_is_asked_what_it_is_for(self, language: str, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("in_transit")
        talk(
            {
                "de": """
                    {number} | Was möchten Sie zu Bestellung {number}; [Wo ist sie?]
                    [Wo ist sie?] | Postleitzahl; !Wie lautet Ihre Bestellnummer
                    """,
                "en": """
                    hello, it's about {number} | about order {number}; [Where is it?]
                    [Where is it?] | postcode; !What is your order number
                    """,
            }[language],
            **taken.values,
        )

    @BOTH
    def test_with_its_proof_is_shown(self, language: str, talk: Talk, shop: DemoShop) -> None:
        taken = shop.take("delivered")
        talk(
            {
                "de": "{number} {postcode} | wurde; zugestellt; [Etwas zurücksenden]\n{number} | zugestellt",
                "en": "order {number}, {email} | was delivered; [Return something]\n{number} | was delivered",
            }[language],
            **taken.values,
        )


def test_amounts_are_written_as_people_do(shop: DemoShop) -> None:
    taken = shop.take("delivered")
    assert euro(taken.order.total).endswith(" €")
    assert euro(taken.order.total, "en").startswith("€")
