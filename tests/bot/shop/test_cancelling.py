"""Cancelling an order or a line: what policy says, what it costs, and that it happens once."""

from bot.shop.changes import CancelLines
from bot.shop.models import LineQuantity, PaymentStatus, RefundOrigin, RefundStatus, Stage
from bot.shop.money import Money
from tests.bot.shop.conftest import Desk, desk_of, policies_of


async def stock_of(desk: Desk, sku: str) -> int:
    product = await desk.shop.product_of(sku)
    return next(variant.stock for variant in product.variants if variant.sku == sku)


class TestWholeOrder:
    async def test_a_preview_names_the_refund_and_changes_nothing(self, desk):
        order = await desk.proven("processing")
        data = await desk.done("cancel_order", order_number=order.number, dry=True)
        assert data["dry_run"] is True
        assert data["scope"] == "order"
        assert data["refund"]["amount"] == {"amount": order.total.amount, "currency": "EUR"}
        assert data["refund"]["expected_on"] == "2026-11-18"  # five working days after a Wednesday
        assert data["status"] == "cancelled"
        assert await desk.now(order) == order

    async def test_the_order_is_cancelled_the_money_on_its_way_and_the_goods_back_in_stock(self, desk):
        order = await desk.proven("processing")
        before = [await stock_of(desk, line.sku) for line in order.lines]
        data = await desk.done("cancel_order", order_number=order.number, reason="no_longer_needed")
        after = await desk.now(order)
        assert after.stage is Stage.CANCELLED
        assert after.cancel_reason == "no_longer_needed"
        assert after.cancelled_at == desk.clock.now
        assert [line.kept for line in after.lines] == [0] * len(order.lines)
        (refund,) = after.refunds
        assert refund.amount == order.total
        assert refund.origin is RefundOrigin.CANCELLATION
        assert refund.status is RefundStatus.PENDING
        assert refund.expected_on.isoformat() == data["refund"]["expected_on"]
        assert after.payment.status is PaymentStatus.REFUNDED
        restored = [await stock_of(desk, line.sku) for line in order.lines]
        assert restored == [stock + line.quantity for stock, line in zip(before, order.lines, strict=True)]

    async def test_nothing_paid_means_nothing_to_refund(self, desk):
        order = await desk.proven("processing_invoice")
        data = await desk.done("cancel_order", order_number=order.number)
        assert data["refund"] is None
        assert data["credit"] == {"amount": order.total.amount, "currency": "EUR"}
        after = await desk.now(order)
        assert after.refunds == ()
        assert after.payment.status is PaymentStatus.VOID

    async def test_the_customer_may_take_a_gift_card_at_once(self, desk):
        order = await desk.proven("processing")
        data = await desk.done("cancel_order", order_number=order.number, refund_to="gift_card", dry=True)
        assert data["refund"]["to"]["kind"] == "gift_card"
        assert data["refund"]["expected_on"] == "2026-11-11"

    async def test_a_parcel_that_is_only_announced_can_still_be_stopped(self, desk):
        order = await desk.proven("packed")
        await desk.done("cancel_order", order_number=order.number)
        assert (await desk.now(order)).stage is Stage.CANCELLED


class TestDenials:
    async def test_without_proof(self, desk):
        order = desk.sample("processing")
        assert await desk.denied("cancel_order", order_number=order.number) == (
            "not_verified",
            {"need": "basic", "have": "none", "order_number": order.number},
        )

    async def test_dispatched(self, desk):
        order = await desk.proven("in_transit")
        code, params = await desk.denied("cancel_order", order_number=order.number)
        assert code == "already_dispatched"
        assert params == {"expected_on": order.expected_on.isoformat(), "return_possible": True}

    async def test_delivered(self, desk):
        order = await desk.proven("delivered")
        code, params = await desk.denied("cancel_order", order_number=order.number, dry=True)
        assert code == "already_delivered"
        assert params["return_possible"] is True
        assert params["return_until"] > "2026-11-11"

    async def test_cancelled_before(self, desk):
        order = await desk.proven("cancelled")
        assert (await desk.denied("cancel_order", order_number=order.number))[0] == "already_cancelled"

    async def test_unknown_line(self, desk):
        order = await desk.proven("processing")
        code, params = await desk.denied("cancel_order", order_number=order.number, line_ids=["99"])
        assert code == "unknown_line"
        assert params["line_ids"] == [line.id for line in order.lines]

    async def test_a_reason_that_policy_does_not_accept(self, loaded, shop_data, clock):
        accepted = ("no_longer_needed", "ordered_by_mistake")
        strict = policies_of(cancel_order={"reasons": accepted, "reason_required": True})
        desk = desk_of(loaded, shop_data, strict, clock)
        order = await desk.proven("processing")
        assert await desk.denied("cancel_order", order_number=order.number) == (
            "reason_needed",
            {"reasons": list(accepted)},
        )
        code, _ = await desk.denied("cancel_order", order_number=order.number, reason="found_cheaper")
        assert code == "reason_not_accepted"
        await desk.done("cancel_order", order_number=order.number, reason="ordered_by_mistake")


class TestSingleLines:
    async def test_one_line_goes_the_rest_stays(self, desk):
        order = next(
            order
            for which in range(26)
            if len((order := desk.sample("processing", which)).lines) > 1 and not order.discount
        )
        await desk.prove(order)
        first = order.lines[0]
        data = await desk.done("cancel_order", order_number=order.number, line_ids=[first.id])
        assert data["scope"] == "lines"
        after = await desk.now(order)
        assert after.stage is Stage.PROCESSING
        assert after.line(first.id).kept == 0
        assert after.refunds[0].amount == first.price * first.quantity
        assert after.total == order.total - first.price * first.quantity
        assert after.payment.status is PaymentStatus.PARTLY_REFUNDED
        assert data["new_total"]["amount"] == after.total.amount

    async def test_a_discount_is_shared_out_over_the_lines(self, desk):
        order = next(
            order
            for which in range(26)
            if (order := desk.sample("processing", which)).discount and len(order.lines) > 1
        )
        await desk.prove(order)
        await desk.done("cancel_order", order_number=order.number, line_ids=[order.lines[0].id])
        first = await desk.now(order)
        gone = order.lines[0].price * order.lines[0].quantity
        assert first.refunds[0].amount.cents == gone.cents - round(gone.cents / 10)
        for line in order.lines[1:]:
            await desk.done("cancel_order", order_number=order.number, line_ids=[line.id])
        last = await desk.now(order)
        assert last.stage is Stage.CANCELLED
        assert sum(refund.amount.cents for refund in last.refunds) == order.total.cents

    async def test_what_has_left_stays_what_is_open_goes(self, desk):
        order = await desk.proven("partly_shipped")
        code, params = await desk.denied("cancel_order", order_number=order.number)
        assert code == "partly_dispatched"
        shipped = {part.line_id for shipment in order.shipments for part in shipment.lines}
        assert set(params["open_line_ids"]) == {line.id for line in order.lines} - shipped
        assert (await desk.denied("cancel_order", order_number=order.number, line_ids=sorted(shipped)))[
            0
        ] == "partly_dispatched"
        await desk.done("cancel_order", order_number=order.number, line_ids=params["open_line_ids"])
        after = await desk.now(order)
        assert after.stage is Stage.DELIVERED
        assert after.payment.status is PaymentStatus.PARTLY_REFUNDED


class TestOnce:
    async def test_the_same_turn_again_gives_the_same_answer_and_no_second_refund(self, desk):
        order = await desk.proven("processing")
        first = await desk.call("cancel_order", order_number=order.number, turn="t-same")
        again = await desk.call("cancel_order", order_number=order.number, turn="t-same")
        assert first == again
        assert len((await desk.now(order)).refunds) == 1

    async def test_a_later_turn_is_denied(self, desk):
        order = await desk.proven("processing")
        await desk.done("cancel_order", order_number=order.number)
        assert (await desk.denied("cancel_order", order_number=order.number))[0] == "already_cancelled"

    async def test_a_crash_after_the_deed_is_answered_as_if_nothing_had_happened(self, desk, monkeypatch):
        order = await desk.proven("processing")

        async def die(*_args, **_kwargs):
            raise ConnectionError("killed")

        with monkeypatch.context() as patch:
            patch.setattr(desk.operations._log, "finish", die)
            try:
                await desk.call("cancel_order", order_number=order.number, turn="t-crash")
            except ConnectionError:
                pass
            else:
                raise AssertionError("the crash did not happen")
        assert (await desk.now(order)).stage is Stage.CANCELLED
        data = await desk.done("cancel_order", order_number=order.number, turn="t-crash")
        assert data["refund"]["amount"]["amount"] == order.total.amount
        assert len((await desk.now(order)).refunds) == 1

    async def test_an_order_that_changed_meanwhile_is_looked_at_again(self, desk, monkeypatch):
        """Dispatch between the check and the deed: the customer is told the truth, nothing is cancelled."""
        order = await desk.proven("processing")
        whole = desk.shop.apply

        async def somebody_was_first(change, key):
            monkeypatch.undo()
            stolen = CancelLines(
                order_number=order.number,
                version=order.version,
                operation="cancel_order",
                at=desk.clock.now,
                lines=tuple(LineQuantity(line_id=line.id, quantity=line.kept) for line in order.lines),
                fee=Money(cents=0),
            )
            await whole(stolen, "somebody-else")
            return await whole(change, key)

        monkeypatch.setattr(desk.shop, "apply", somebody_was_first)
        assert (await desk.denied("cancel_order", order_number=order.number))[0] == "already_cancelled"
