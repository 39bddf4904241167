"""Another shop behind the same assistant: imported data with states of its own, and a stricter policy.

Pending orders are cancelled for two reasons only; address, payment and items change once; delivered orders go
back or are exchanged once; what policy denies is denied with its reason, and only the rest goes to a person.
"""

import asyncio
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import uvicorn
from pydantic import SecretStr

from bot.clock import utc_now
from bot.settings import Settings
from bot.shop.models import Order, PaymentKind, ReturnKind, Stage
from bot.shop.policies import load_policies
from bot.storage.database import Database
from bot.storage.shop import SqlShop
from bot.storage.shop_import import ShopImport
from tests.dialogue.conftest import ENGINE, PROJECT, TOKEN, _answers, _gone, _wait_until
from tests.dialogue.shopper import Shopper
from tests.engine_double import free_port

EXAMPLE = PROJECT / "docs" / "examples" / "policies-retail.yml"
LANGUAGES = ("de", "en")
BOTH = pytest.mark.parametrize("language", LANGUAGES)
CUSTOMER = {
    "type": "customer",
    "id": "yusuf_rossi_9620",
    "email": "yusuf.rossi@example.com",
    "first_name": "Yusuf",
    "last_name": "Rossi",
    "language": "en",
    "addresses": [{"street": "763 Broadway", "postcode": "19122", "city": "Philadelphia", "country": "US"}],
    "payment_options": [
        {"id": "credit_card_9513926", "kind": "card", "label": "Mastercard 2478"},
        {"id": "gift_card_1", "kind": "gift_card", "label": "Gift card 0001", "balance": "900.00"},
        {"id": "gift_card_2", "kind": "gift_card", "label": "Gift card 0002", "balance": "5.00"},
    ],
}
PRODUCT = {
    "type": "product",
    "id": "9523456873",
    "name": "T-Shirt",
    "currency": "USD",
    "variants": [
        {"sku": "1", "name": "blue, S", "options": {"color": "blue", "size": "S"}, "price": "48.52", "stock": 90},
        {"sku": "2", "name": "blue, M", "options": {"color": "blue", "size": "M"}, "price": "50.00", "stock": 90},
        {"sku": "3", "name": "red, M", "options": {"color": "red", "size": "M"}, "price": "46.00", "stock": 0},
    ],
}
# What each test works on, twice: in German and in English.
STATES = {
    "cancel": "pending",
    "cheaper": "pending",
    "gift_card": "pending",
    "address": "pending",
    "payment": "pending",
    "small_card": "pending",
    "items": "pending",
    "gone": "pending",
    "modified": "pending (item modified)",
    "processed": "processed",
    "return": "delivered",
    "exchange": "delivered",
    "returned": "return requested",
    "cancelled": "cancelled",
    "claim": "delivered",
}


def number(what: str, language: str) -> str:
    return f"#W{1000 + 10 * list(STATES).index(what) + LANGUAGES.index(language)}"


def order(what: str, language: str) -> dict[str, Any]:
    delivered = (datetime.now(UTC) - timedelta(days=4)).isoformat()
    return {
        "type": "order",
        "number": number(what, language),
        "customer": CUSTOMER["id"],
        "status": STATES[what],
        "currency": "USD",
        "lines": [{"sku": "1", "product": PRODUCT["id"], "name": "T-Shirt", "variant": "blue, S", "price": "48.52"}],
        "shipping_address": CUSTOMER["addresses"][0],  # type: ignore[index]
        "payments": [{"kind": "card", "label": "Mastercard 2478", "option": "credit_card_9513926"}],
        **({"delivered_at": delivered} if STATES[what] in ("delivered", "return requested") else {}),
    }


class Retail:
    """The other shop: where it can be talked to, and how its orders ended up."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.address = f"http://127.0.0.1:{settings.port}"

    async def fill(self, folder: Path) -> None:
        """Import everything from a file, as a shop would."""
        documents = [CUSTOMER, PRODUCT, *(order(what, language) for what in STATES for language in LANGUAGES)]
        path = folder / "shop.jsonl"
        path.write_text("\n".join(json.dumps(document) for document in documents))
        database = Database(self.settings.database)
        try:
            importing = ShopImport(database, load_policies(EXAMPLE), ZoneInfo("America/New_York"))
            report = await importing.run([path], utc_now())
        finally:
            await database.close()
        assert report.errors == 0

    def now(self, what: str, language: str) -> Order:
        async def look() -> Order | None:
            database = Database(self.settings.database)
            try:
                return await SqlShop(database).order(number(what, language))
            finally:
                await database.close()

        found = asyncio.run(look())
        assert found is not None
        return found

    def talk(self, what: str, language: str, german: str, english: str) -> Shopper:
        shopper = Shopper(self.address, f"{what}-{language}-{os.urandom(4).hex()}")
        return shopper.says(
            german if language == "de" else english,
            number=number(what, language),
            email=CUSTOMER["email"],
            postcode="19122",
        )


@pytest.fixture(scope="module")
def retail(
    dialogue_settings: Settings, engine: str, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Retail]:
    """A service and an engine of its own: the engine calls one service."""
    from bot.app import create_app

    folder = tmp_path_factory.mktemp("retail")
    (folder / "zusage.db").write_bytes(migrated_sqlite.read_bytes())
    engine_port, port = free_port(), free_port()
    settings = dialogue_settings.model_copy(
        update={
            "data_dir": folder,
            "database_url": f"sqlite:///{folder / 'zusage.db'}",
            "port": port,
            "engine_url": f"http://127.0.0.1:{engine_port}",
            "policies": EXAMPLE,
            "telegram_token": SecretStr(""),
        }
    )
    shop = Retail(settings)
    asyncio.run(shop.fill(folder))
    log = folder / "engine.log"
    environment = {**os.environ, "ZUSAGE_ENGINE_TOKEN": TOKEN, "ZUSAGE_SERVICE_URL": shop.address}
    command = [str(ENGINE), "-m", "engine", "--model", "models", "--port", str(engine_port)]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    server = uvicorn.Server(uvicorn.Config(create_app(settings), host="127.0.0.1", port=port, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    try:
        _wait_until(lambda: _answers(f"{settings.engine_url}/healthz") or _gone(process, log), "the second engine")
        thread.start()
        _wait_until(lambda: _answers(f"{shop.address}/readyz"), "the second service")
        yield shop
    finally:
        server.should_exit = True
        thread.join(10)
        process.terminate()
        process.wait(10)


Look = Callable[[Order], None]


@BOTH
class TestPending:
    def test_is_cancelled_for_an_accepted_reason(self, retail: Retail, language: str) -> None:
        retail.talk(
            "cancel",
            language,
            """
            Bitte storniert meine Bestellung {number} |
            {email} | Aus welchem Grund; [Nicht mehr gebraucht]; [Aus Versehen bestellt]; ![Woanders günstiger]
            habe ich aus Versehen bestellt | 48,52; Karte; Soll ich
            ja | ist storniert
            """,
            """
            Please cancel my order {number} |
            {email} | For which reason; [No longer needed]; [Ordered by mistake]; ![Cheaper elsewhere]
            I ordered it by mistake | 48.52; card; Shall I
            yes | is cancelled
            """,
        )
        changed = retail.now("cancel", language)
        assert (changed.stage, changed.cancel_reason) == (Stage.CANCELLED, "ordered_by_mistake")

    def test_not_to_a_gift_card_which_policy_has_for_returns_only(self, retail: Retail, language: str) -> None:
        retail.talk(
            "gift_card",
            language,
            """
            Bitte {number} stornieren und das Geld auf eine Geschenkkarte erstatten |
            {email} | Aus welchem Grund
            aus Versehen bestellt | Auf eine Geschenkkarte erstattet unser Shop hier nicht; ![Lieber als Geschenkkarte]
            bitte doch als Gutschein | Auf eine Geschenkkarte erstattet unser Shop hier nicht; Soll ich
            ja | ist storniert; auf Ihre Karte
            """,
            """
            Please cancel {number} and refund me to a gift card |
            {email} | For which reason
            I ordered it by mistake | does not refund to a gift card here; card; Shall I; ![To a gift card instead]
            as a gift card please | does not refund to a gift card here; Shall I
            yes | is cancelled; to your card
            """,
        )
        changed = retail.now("gift_card", language)
        assert changed.stage is Stage.CANCELLED
        assert [refund.to.kind for refund in changed.refunds] == [PaymentKind.CARD]

    def test_for_no_other_reason(self, retail: Retail, language: str) -> None:
        retail.talk(
            "cheaper",
            language,
            """
            Ich möchte {number} stornieren |
            {email} | Aus welchem Grund
            ich habe es woanders billiger gesehen | nur aus einem dieser Gründe; [Nicht mehr gebraucht]
            abbrechen | nichts geändert
            """,
            """
            I want to cancel {number} |
            {email} | For which reason
            I found it cheaper elsewhere | only for one of these reasons; [No longer needed]
            stop | Nothing was changed
            """,
        )
        assert retail.now("cheaper", language).stage is Stage.PROCESSING

    def test_address_once(self, retail: Retail, language: str) -> None:
        retail.talk(
            "address",
            language,
            """
            Die Lieferadresse von {number} bitte ändern |
            {email} |
            {postcode} | Straße
            1 Main Street, 10001 New York | New York; Soll ich
            ja | Erledigt
            Lieferadresse von {number} nochmal ändern | die Grenze erreicht
            """,
            """
            Please change the delivery address of {number} |
            {email} |
            {postcode} | street
            1 Main Street, 10001 New York | New York; Shall I
            yes | Done
            change the delivery address of {number} again | reached the limit
            """,
        )
        address = retail.now("address", language).shipping_address
        assert address is not None
        assert address.city == "New York"

    def test_payment_once_by_a_gift_card_that_covers_it(self, retail: Retail, language: str) -> None:
        retail.talk(
            "payment",
            language,
            """
            Bitte die Zahlungsart von {number} ändern |
            {email} |
            {postcode} | [Gift card 0001 (900,00 $)]
            [Gift card 0001 (900,00 $)] | Gift card 0001 statt; 48,52; Soll ich
            ja | Erledigt
            Zahlungsart von {number} wieder ändern | die Grenze erreicht
            """,
            """
            Please change the payment method of {number} |
            {email} |
            {postcode} | How would you like
            Gift card 0001 | Gift card 0001 instead; 48.52; Shall I
            yes | Done
            change the payment method of {number} again | reached the limit
            """,
        )
        payment = retail.now("payment", language).payment
        assert payment is not None
        assert payment.kind is PaymentKind.GIFT_CARD

    def test_not_by_one_that_does_not(self, retail: Retail, language: str) -> None:
        before = retail.now("small_card", language)
        retail.talk(
            "small_card",
            language,
            """
            Bitte die Zahlungsart von {number} ändern |
            {email} |
            {postcode} | Wie möchten Sie
            Gift card 0002 | 5,00; reicht leider nicht
            """,
            """
            Please change the payment method of {number} |
            {email} |
            {postcode} | How would you like
            Gift card 0002 | 5.00; not enough
            """,
        )
        assert retail.now("small_card", language) == before

    def test_items_once_and_then_no_cancelling(self, retail: Retail, language: str) -> None:
        retail.talk(
            "items",
            language,
            """
            Ich möchte bei {number} eine andere Größe, bitte die Bestellung ändern |
            {email} |
            {postcode} | Was soll bei T-Shirt
            blue, M | 1,48; Soll ich
            ja | Erledigt
            Bitte {number} jetzt stornieren | schon einmal geändert
            """,
            """
            I want another size in {number}, please change the order |
            {email} |
            {postcode} | What should be different
            blue, M | 1.48; Shall I
            yes | Done
            Please cancel {number} now | already been changed
            """,
        )
        assert retail.now("items", language).lines[0].variant == "blue, M"

    def test_not_to_what_is_gone(self, retail: Retail, language: str) -> None:
        retail.talk(
            "gone",
            language,
            """
            Ich möchte bei {number} eine andere Größe, bitte die Bestellung ändern |
            {email} |
            {postcode} | Was soll bei T-Shirt
            red, M | nicht vorrätig
            """,
            """
            I want another size in {number}, please change the order |
            {email} |
            {postcode} | What should be different
            red, M | out of stock
            """,
        )
        assert retail.now("gone", language).lines[0].variant == "blue, S"


@BOTH
class TestOtherStates:
    @pytest.mark.parametrize(
        ("what", "german", "english"),
        [
            ("modified", "schon einmal geändert", "already been changed"),
            ("processed", "schon unterwegs", "already on its way"),
            ("cancelled", "bereits storniert", "already cancelled"),
        ],
    )
    def test_cancelling_is_denied_with_the_reason(
        self, retail: Retail, what: str, german: str, english: str, language: str
    ) -> None:
        before = retail.now(what, language)
        retail.talk(
            what,
            language,
            f"Bitte {{number}} stornieren |\n{{email}} | {german}",
            f"please cancel {{number}} |\n{{email}} | {english}",
        )
        assert retail.now(what, language) == before


@BOTH
class TestDelivered:
    def test_is_returned_once(self, retail: Retail, language: str) -> None:
        retail.talk(
            "return",
            language,
            """
            Ich möchte {number} zurückgeben, zu klein |
            {email} | 48,52; Soll ich die Rücksendung
            ja | angemeldet
            Ich möchte aus {number} noch etwas umtauschen | die Grenze erreicht
            """,
            """
            I want to return {number}, too small |
            {email} | 48.52; Shall I set it up
            yes | is set up
            I want to exchange something from {number} | reached the limit
            """,
        )
        (entry,) = retail.now("return", language).returns
        assert entry.kind is ReturnKind.RETURN

    def test_or_exchanged_once(self, retail: Retail, language: str) -> None:
        retail.talk(
            "exchange",
            language,
            """
            Ich möchte das T-Shirt aus {number} umtauschen, zu klein |
            {email} | stattdessen
            blue, M | 1,48; Soll ich
            ja | Ihr Umtausch
            Ich möchte {number} zurückgeben | die Grenze erreicht
            """,
            """
            I want to exchange the T-shirt from {number}, too small |
            {email} | instead
            blue, M | 1.48; Shall I
            yes | Your exchange
            I want to return {number} | reached the limit
            """,
        )
        (entry,) = retail.now("exchange", language).returns
        assert entry.kind is ReturnKind.EXCHANGE

    def test_what_was_returned_in_the_shop_counts(self, retail: Retail, language: str) -> None:
        before = retail.now("returned", language)
        retail.talk(
            "returned",
            language,
            "Ich möchte {number} zurückgeben |\n{email} | die Grenze erreicht",
            "I want to return {number} |\n{email} | reached the limit",
        )
        assert retail.now("returned", language) == before

    def test_what_the_shop_leaves_to_people_goes_to_people(self, retail: Retail, language: str) -> None:
        retail.talk(
            "claim",
            language,
            """
            Aus {number} kam etwas kaputt an |
            {email} | ein Mensch; [Mit einem Menschen sprechen]
            """,
            """
            Something from {number} arrived damaged |
            {email} | someone from the team; [Talk to a person]
            """,
        )
