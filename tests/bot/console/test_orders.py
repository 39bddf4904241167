"""Orders beside the conversation, and operations on them: shown and done only on proof, by the bot's rules, once."""

import re
from dataclasses import dataclass

import pytest

from bot.shop_side import ShopDesk, refresh
from bot.storage.shop import SqlShop
from bot.storage.shop_tables import OperationRow, ProofAttemptRow
from bot.storage.tables import Audit
from tests.bot.console.conftest import Browser, Desk


@dataclass
class Counter:
    """An agent with a conversation, at a demo shop."""

    desk: Desk
    lena: Browser
    url: str
    samples: dict

    async def verify(self, order, proof: str | None = None):
        form = {"order_number": order.number, "proof": proof or order.postcode}
        return await self.lena.post(f"{self.url}/verify", form)

    async def form(self, name: str, order) -> str:
        """Open the form of an operation and return its key."""
        page = await self.lena.get(f"{self.url}/operations/{name}?order_number={order.number}")
        assert page.status_code == 200, page.text
        return re.search(r'name="key" value="([^"]+)"', page.text)[1]

    async def send(self, name: str, order, key: str, /, *, sure: bool = False, **values):
        form = {"order_number": order.number, "key": key} | values | ({"sure": "true"} if sure else {})
        return await self.lena.post(f"{self.url}/operations/{name}", form)

    async def order(self, sample):
        return await SqlShop(self.desk.database).order(sample.number)


@pytest.fixture
async def counter(desk: Desk) -> Counter:
    await refresh(desk.settings)
    samples = {s.status: s for s in await ShopDesk(desk.settings, desk.database).samples()}
    conversation_id = await desk.customer("anna")
    lena = await desk.agent()
    url = f"/conversations/{conversation_id}"
    await lena.post(f"{url}/accept")
    return Counter(desk, lena, url, samples)


class TestProof:
    async def test_without_proof_nothing_is_shown_and_that_is_unmissable(self, counter: Counter) -> None:
        page = (await counter.lena.get(f"{counter.url}/orders")).text
        assert 'class="proof none"' in page
        assert "Not verified." in page
        assert "LM-" not in page

    async def test_an_order_cannot_be_looked_at_or_changed_without_proof(self, counter: Counter) -> None:
        order = counter.samples["processing"]
        shown = await counter.lena.get(f"{counter.url}/orders/{order.number}")
        assert "The proof for this is missing." in shown.text
        assert order.number not in shown.text
        form = await counter.lena.get(f"{counter.url}/operations/cancel_order?order_number={order.number}")
        assert form.status_code == 404
        done = await counter.send("cancel_order", order, "abcdefgh", sure=True, line="1")
        assert done.status_code == 404
        assert (await counter.order(order)).stage == "processing"

    async def test_the_proof_the_customer_gives_opens_their_order_alone(self, counter: Counter) -> None:
        order, other = counter.samples["processing"], counter.samples["delivered"]
        page = (await counter.verify(order)).text
        assert 'class="proof basic"' in page
        assert order.number in page
        assert other.number not in page
        shown = await counter.lena.get(f"{counter.url}/orders/{other.number}")
        assert "The proof for this is missing." in shown.text

    async def test_mail_and_postcode_together_verify_the_customer(self, counter: Counter) -> None:
        order = counter.samples["processing"]
        await counter.verify(order)
        page = (await counter.verify(order, order.email)).text
        assert 'class="proof full"' in page
        name = (await counter.order(order)).shipping_address.name
        assert name.split()[-1] in (await counter.lena.get(counter.url)).text

    async def test_a_wrong_proof_and_an_unknown_order_look_the_same_and_are_counted(self, counter: Counter) -> None:
        order = counter.samples["processing"]
        wrong = (await counter.verify(order, "00000")).text
        unknown = (
            await counter.lena.post(f"{counter.url}/verify", {"order_number": "LM-999999", "proof": "00000"})
        ).text
        assert "That does not fit." in wrong
        assert "That does not fit." in unknown
        assert len(await counter.desk.rows(ProofAttemptRow)) == 2

    async def test_an_agent_cannot_guess_on_a_customers_behalf(self, counter: Counter) -> None:
        order = counter.samples["processing"]
        for number in range(5):
            last = await counter.verify(order, f"1000{number}")
        assert "locked until" in last.text
        assert 'class="proof none"' in (await counter.verify(order)).text

    async def test_looking_and_checking_are_in_the_audit(self, counter: Counter) -> None:
        order = counter.samples["processing"]
        await counter.verify(order)
        await counter.lena.get(f"{counter.url}/orders/{order.number}")
        actions = [a.action for a in await counter.desk.rows(Audit) if a.action in ("customer.verify", "order.view")]
        assert actions == ["customer.verify", "order.view"]
        assert order.postcode not in str([a.data for a in await counter.desk.rows(Audit)])


class TestOperations:
    async def test_cancelling_is_previewed_then_done_once_with_a_sentence_for_the_customer(
        self, counter: Counter
    ) -> None:
        order = counter.samples["processing"]
        await counter.verify(order)
        lines = [line.id for line in (await counter.order(order)).lines if line.kept]
        key = await counter.form("cancel_order", order)
        preview = await counter.send("cancel_order", order, key, line=lines, reason="no_longer_needed")
        assert "This will happen" in preview.text
        assert (await counter.order(order)).stage == "processing"
        done = await counter.send("cancel_order", order, key, sure=True, line=lines, reason="no_longer_needed")
        assert "Cancel: done" in done.text
        assert f"Ich habe das in Ihrer Bestellung {order.number} storniert." in done.text
        assert (await counter.order(order)).stage == "cancelled"
        again = await counter.send("cancel_order", order, key, sure=True, line=lines, reason="no_longer_needed")
        assert "Cancel: done" in again.text
        rows = [o for o in await counter.desk.rows(OperationRow) if o.name == "cancel_order"]
        assert len(rows) == 1
        assert rows[0].turn_id.startswith(f"agent:{counter.lena.agent.id}:")
        (entry,) = await counter.desk.rows(Audit, action="operation.cancel_order")
        assert (entry.actor, entry.subject) == (f"agent:{counter.lena.agent.id}", order.number)

    async def test_the_preview_keeps_what_was_ticked_so_that_nothing_else_is_done(self, counter: Counter) -> None:
        order = counter.samples["processing"]
        await counter.verify(order)
        lines = [line for line in (await counter.order(order)).lines if line.kept]
        assert len(lines) > 1
        key = await counter.form("cancel_order", order)
        preview = await counter.send("cancel_order", order, key, line=lines[0].id)
        assert f'value="{lines[0].id}" checked' in preview.text
        assert preview.text.count(" checked") == 1
        effect = preview.text[preview.text.index("This will happen") :]
        assert lines[0].name_en in effect
        assert lines[1].name_en not in effect

    @pytest.mark.parametrize("sure", [False, True])
    async def test_with_nothing_ticked_nothing_is_cancelled(self, counter: Counter, sure: bool) -> None:
        order = counter.samples["processing"]
        await counter.verify(order)
        key = await counter.form("cancel_order", order)
        page = await counter.send("cancel_order", order, key, sure=sure, reason="no_longer_needed")
        assert "Tick at least one item." in page.text
        assert (await counter.order(order)).stage == "processing"

    async def test_a_return_carries_lines_reason_and_the_day_to_hand_it_in(self, counter: Counter) -> None:
        order = counter.samples["delivered"]
        await counter.verify(order)
        line = (await counter.order(order)).lines[0].id
        key = await counter.form("create_return", order)
        values = {
            "line": line,
            f"quantity_{line}": "1",
            "reason": "too_small",
            "drop_off": "service_point",
            "label": "qr",
        }
        preview = await counter.send("create_return", order, key, **values)
        assert "Refund" in preview.text
        done = await counter.send("create_return", order, key, sure=True, **values)
        assert "Return: done" in done.text
        (made,) = [r for r in (await counter.order(order)).returns if r.lines[0].reason == "too_small"]
        assert made.lines[0].line_id == line

    async def test_policy_binds_agents_as_it_binds_the_bot(self, counter: Counter) -> None:
        order = counter.samples["delivered"]
        await counter.verify(order)
        page = (await counter.lena.get(f"{counter.url}/orders/{order.number}")).text
        assert 'Cancel: <span class="quiet">already delivered</span>' in page
        key = await counter.form("cancel_order", order)
        denied = await counter.send("cancel_order", order, key, sure=True, line="1")
        assert "already delivered" in denied.text

    async def test_an_address_change_needs_full_proof(self, counter: Counter) -> None:
        order = counter.samples["processing"]
        await counter.verify(order)
        key = await counter.form("change_delivery_address", order)
        address = {
            "name": "Anna Muster",
            "street": "Neue Straße 5",
            "postcode": "20095",
            "city": "Hamburg",
            "country": "DE",
        }
        denied = await counter.send("change_delivery_address", order, key, sure=True, **address)
        assert "The proof for this is missing." in denied.text
        await counter.verify(order, order.email)
        key = await counter.form("change_delivery_address", order)
        done = await counter.send("change_delivery_address", order, key, sure=True, **address)
        assert "Change address: done" in done.text
        assert (await counter.order(order)).shipping_address.street == "Neue Straße 5"

    async def test_choices_that_the_shop_offers_are_shown(self, counter: Counter) -> None:
        order = counter.samples["awaiting_payment"]
        await counter.verify(order)
        await counter.verify(order, order.email)
        key = await counter.form("change_payment_method", order)
        page = (await counter.send("change_payment_method", order, key)).text
        assert '<select name="method">' in page

    @pytest.mark.parametrize("name", ["verify", "my_orders", "nothing", "privacy_request"])
    async def test_only_operations_with_a_form_can_be_called(self, counter: Counter, name: str) -> None:
        order = counter.samples["processing"]
        await counter.verify(order)
        assert (await counter.send(name, order, "abcdefgh", sure=True)).status_code == 404

    @pytest.mark.parametrize(
        "values", [{"line": "999"}, {"line": "x" * 500}, {"line": "1", "quantity_1": "-5"}, {}, {"reason": "<script>"}]
    )
    async def test_nonsense_is_answered_and_changes_nothing(self, counter: Counter, values: dict[str, str]) -> None:
        order = counter.samples["delivered"]
        await counter.verify(order)
        before = len((await counter.order(order)).returns)
        key = await counter.form("create_return", order)
        page = await counter.send("create_return", order, key, **values)
        assert page.status_code == 200
        assert "<script>" not in page.text
        assert len((await counter.order(order)).returns) == before
