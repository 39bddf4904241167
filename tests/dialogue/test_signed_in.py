"""A customer who is signed in at the shop needs no proof in the chat, and may do all that needs the strongest one."""

import asyncio
from datetime import timedelta
from typing import Any

import jwt
import pytest

from bot.clock import utc_now
from bot.shop.models import Order
from tests.chat_client import tab
from tests.dialogue.shop import DemoShop

SCRIPTS = {
    "de": (
        ("Bitte die Lieferadresse von {number} ändern", "Straße und Hausnummer"),
        ("Deichweg 7, 25813 Husum", "Deichweg 7, 25813 Husum statt an"),
        ("ja", "Erledigt: Bestellung {number}"),
    ),
    "en": (
        ("Please change the delivery address of {number}", "street and number"),
        ("Deichweg 7, 25813 Husum", "Deichweg 7, 25813 Husum instead of"),
        ("yes", "Done: order {number}"),
    ),
}


@pytest.mark.parametrize("language", ["de", "en"])
async def test_changes_an_address_without_any_proof(
    language: str, service: str, shop: DemoShop, dialogue_settings: Any
) -> None:
    def alone(order: Order) -> bool:
        return len(order.lines) == 1

    taken = shop.take("processing", alone)
    claims = {"sub": taken.order.customer_id, "aud": "zusage", "iat": utc_now(), "exp": utc_now() + timedelta(hours=1)}
    token = jwt.encode(claims, dialogue_settings.identity_key, algorithm="HS256")
    async with tab(service, identity=token, language=language) as client:
        for said, answer in SCRIPTS[language]:
            await client.say(said.format(number=taken.number))
            await client.wait_for_text(answer.format(number=taken.number))
    address = (await asyncio.to_thread(shop.now, taken)).shipping_address
    assert address is not None
    assert address.street == "Deichweg 7"
