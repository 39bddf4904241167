"""Two service processes on one PostgreSQL: the customer on one, the agent on the other, live all the same."""

from typing import Any

import pytest

from tests.chat_client import tab
from tests.conftest import TEST_DATABASE
from tests.console_client import console
from tests.engine_double import turn_response
from tests.faults.service_process import ServiceProcess

WISH = "Ich möchte einen Menschen"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not TEST_DATABASE.startswith("postgresql"), reason="NO POSTGRESQL: set ZUSAGE_TEST_DATABASE_URL"
    ),
]


def person(body: dict[str, Any]) -> dict[str, Any]:
    return turn_response(body, [], requests=[{"kind": "handoff", "reason": "customer_asked"}])


@pytest.fixture
async def services(settings, engine_double):
    engine_double.script[WISH] = person
    pair = [ServiceProcess(settings, engine_double.url) for _ in range(2)]
    for service in pair:
        await service.start()
    yield pair
    for service in pair:
        service.kill()


async def test_customer_and_agent_meet_across_processes(services, database) -> None:
    one, other = services
    async with tab(one.url) as customer, console(other.url, database, "Lena") as lena:
        await lena.listen()
        await customer.say(WISH)
        row = await lena.heard("row", lambda data: data.get("section") == "queue")
        conversation_id = row["id"]
        assert WISH in row["html"]

        assert (await lena.post(f"/conversations/{conversation_id}/accept")).status_code == 204
        await customer.wait_for_text("Lena ist jetzt für Sie da.")
        await lena.heard("row", lambda data: data.get("section") == "mine")

        # Typing is kept nowhere and read by nobody again: it arrives through NOTIFY or not at all.
        await customer.wait_until(lambda: any(f["type"] == "state" and f["state"] == "agent" for f in customer.frames))
        await customer.send({"type": "writing", "on": True})
        await lena.heard("typing", lambda data: data["by"] == "customer" and data["on"])
        await lena.post(f"/conversations/{conversation_id}/typing", on="true")
        await customer.wait_until(lambda: any(f["type"] == "typing" and f.get("on") for f in customer.frames))

        await customer.say("Mein Paket fehlt")
        await lena.heard("row", lambda data: "Mein Paket fehlt" in data.get("html", ""))
        assert (await lena.post(f"/conversations/{conversation_id}/reply", text="Ich sehe nach")).status_code == 204
        await customer.wait_for_text("Ich sehe nach")
        assert [text for text in customer.texts if text in ("Mein Paket fehlt", "Ich sehe nach")] == [
            "Mein Paket fehlt",
            "Ich sehe nach",
        ]


async def test_one_of_two_processes_dies_and_the_other_carries_on_with_everything(services, database) -> None:
    one, other = services
    async with tab(one.url) as customer, console(one.url, database, "Lena") as lena:
        await customer.say(WISH)
        await customer.wait_for_text("Team weiter")
        (conversation_id,) = (await lena.lists())["queue"]
        assert (await lena.post(f"/conversations/{conversation_id}/accept")).status_code == 204
        visitor = customer.visitor
        cookies = lena.http.cookies
    one.kill()
    async with tab(other.url, visitor=visitor) as customer, console(other.url, database, "Murat") as murat:
        await customer.wait_for_text("Lena ist jetzt für Sie da.")
        assert (await murat.lists())["colleagues"] == [conversation_id]
        murat.http.cookies = cookies  # Lena's browser, sent to the other process by the balancer
        await murat.read_token()
        assert (await murat.lists())["mine"] == [conversation_id]
        assert (await murat.post(f"/conversations/{conversation_id}/reply", text="Weiter geht es")).status_code == 204
        await customer.wait_for_text("Weiter geht es")
