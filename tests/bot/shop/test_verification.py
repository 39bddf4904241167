"""Who proved what: levels, locks, and answers that give nothing away."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from bot.errors import Unauthenticated
from tests.bot.shop.conftest import desk_of, policies_of


class TestProof:
    async def test_number_and_mail_open_that_order(self, desk):
        order = desk.sample("in_transit")
        data = await desk.done("verify", order_number=order.number, email=f" {order.email.upper()} ")
        assert (data["state"], data["level"], data["order_number"]) == ("verified", "basic", order.number)
        assert (await desk.done("order", order_number=order.number))["number"] == order.number

    async def test_number_and_postcode_open_that_order(self, desk):
        order = desk.sample("in_transit")
        postcode = order.shipping_address.postcode
        data = await desk.done("verify", order_number=order.number.lower().replace("-", " "), postcode=f"D-{postcode}")
        assert (data["state"], data["level"]) == ("verified", "basic")

    async def test_both_at_once_open_everything_of_the_customer(self, desk):
        customer, orders = customer_with_several(desk)
        data = await desk.done(
            "verify",
            order_number=orders[0].number,
            email=customer.email,
            postcode=orders[0].shipping_address.postcode,
        )
        assert data["level"] == "full"
        mine = await desk.done("my_orders")
        assert {entry["number"] for entry in mine["orders"]} == {order.number for order in orders}
        assert await desk.done("order", order_number=orders[1].number)

    async def test_the_second_proof_may_come_later(self, desk):
        order = await desk.proven("in_transit")
        data = await desk.done("verify", order_number=order.number, postcode=order.shipping_address.postcode)
        assert data["level"] == "full"

    async def test_two_halves_of_two_orders_do_not_make_a_whole(self, desk):
        _, orders = customer_with_several(desk)
        await desk.done("verify", order_number=orders[0].number, email=orders[0].email)
        data = await desk.done("verify", order_number=orders[1].number, postcode=orders[1].shipping_address.postcode)
        assert data["level"] == "basic"

    async def test_a_right_mail_with_a_wrong_postcode_is_wrong(self, desk):
        order = desk.sample("in_transit")
        data = await desk.done("verify", order_number=order.number, email=order.email, postcode="00000")
        assert (data["state"], data["level"]) == ("failed", "none")

    async def test_basic_does_not_open_the_other_orders(self, desk):
        customer, orders = customer_with_several(desk)
        await desk.done("verify", order_number=orders[0].number, email=customer.email)
        code, params = await desk.denied("order", order_number=orders[1].number)
        assert (code, params["have"]) == ("not_verified", "none")
        mine = await desk.done("my_orders")
        assert [entry["number"] for entry in mine["orders"]] == [orders[0].number]

    async def test_another_conversation_has_proved_nothing(self, desk):
        order = await desk.proven("in_transit", who="c1")
        assert (await desk.denied("order", order_number=order.number, who="c2"))[0] == "not_verified"
        assert (await desk.denied("my_orders", who="c2"))[0] == "not_verified"

    async def test_a_proof_ends(self, desk):
        order = await desk.proven("in_transit")
        desk.clock.forward(minutes=61)
        assert (await desk.denied("order", order_number=order.number))[0] == "not_verified"

    async def test_a_stranger_with_an_own_order_sees_no_other(self, desk):
        await desk.proven("delivered", full=True)
        other = desk.sample("in_transit", 1)
        assert (await desk.denied("order", order_number=other.number))[0] == "not_verified"


class TestDigitsOnly:
    """Customers leave out what every number begins with; shop.order_prefix of the policies says what that is."""

    async def test_the_digits_open_the_order(self, desk):
        order = desk.sample("in_transit")
        digits = order.number.removeprefix("LM-")
        data = await desk.done("verify", order_number=f" {digits} ", email=order.email)
        assert (data["state"], data["order_number"]) == ("verified", order.number)
        assert (await desk.done("order", order_number=digits))["number"] == order.number

    async def test_they_reveal_nothing(self, desk):
        order = desk.sample("in_transit")
        digits = order.number.removeprefix("LM-")
        wrong = await desk.call("verify", who="c1", order_number=digits, email="nobody@example.org")
        unknown = await desk.call("verify", who="c2", order_number="999999", email="nobody@example.org")
        assert wrong == unknown
        assert (await desk.denied("order", who="c3", order_number=digits))[0] == "not_verified"
        assert (await desk.denied("order", who="c3", order_number="999999"))[0] == "not_verified"

    async def test_another_spelling_gives_no_further_attempts(self, desk):
        order = desk.sample("in_transit")
        spellings = (order.number, order.number.removeprefix("LM-"), order.number.lower().replace("-", " "))
        for number, who in zip(spellings * 2, "abcdef", strict=True):
            data = await desk.done("verify", who=who, order_number=number, email="x@example.org")
        assert data["state"] == "locked"

    async def test_a_shop_without_prefix_takes_numbers_as_they_are(self, desk):
        shop = desk.policies.shop.model_copy(update={"order_prefix": ""})
        assert desk.policies.model_copy(update={"shop": shop}).whole_number("105804") == "105804"
        assert desk.policies.whole_number("B 105804") == "B 105804"


class TestGivesNothingAway:
    @pytest.mark.parametrize("field", ["email", "postcode"])
    async def test_unknown_and_wrong_do_the_same_work(self, desk, database, field):
        """As many statements of the same kind, so that even without the pause the time tells nothing."""
        from sqlalchemy import event

        order = desk.sample("in_transit")
        kinds = []
        for who, number in (("c1", order.number), ("c2", "LM-999999")):
            seen: list[str] = []
            engine = database.engine.sync_engine

            def note(_conn, _cursor, statement, *_rest, seen=seen):
                seen.append(" ".join(statement.split()))

            event.listen(engine, "before_cursor_execute", note)
            await desk.call("verify", who=who, order_number=number, **{field: "00000"})
            event.remove(engine, "before_cursor_execute", note)
            kinds.append(seen)
        assert kinds[0] == kinds[1]

    async def test_unknown_order_and_wrong_mail_answer_alike(self, desk):
        order = desk.sample("in_transit")
        wrong = await desk.call("verify", who="c1", order_number=order.number, email="nobody@example.org")
        unknown = await desk.call("verify", who="c2", order_number="LM-999999", email="nobody@example.org")
        assert wrong == unknown

    async def test_looking_at_an_unknown_order_is_like_looking_at_a_strangers(self, desk):
        order = desk.sample("in_transit")
        for name in ("order", "cancel_order", "create_return"):
            strangers = await desk.denied(name, order_number=order.number)
            unknown = await desk.denied(name, order_number="LM-999999")
            assert strangers[0] == unknown[0] == "not_verified"
            assert {**strangers[1], "order_number": None} == {**unknown[1], "order_number": None}

    async def test_a_failure_takes_the_same_time_whatever_its_cause(self, loaded, shop_data, clock):
        policies = policies_of()
        policies = policies.model_copy(
            update={"verification": policies.verification.model_copy(update={"answer_after_ms": 200})}
        )
        desk = desk_of(loaded, shop_data, policies, clock)
        took = []
        for who, number in (("c1", desk.sample("in_transit").number), ("c2", "LM-999999")):
            began = time.monotonic()
            await desk.done("verify", who=who, order_number=number, email="nobody@example.org")
            took.append(time.monotonic() - began)
        # Not a measurement of speed: both must have waited for the end of a step.
        assert all(spent >= 0.2 for spent in took)

    async def test_proofs_are_not_in_the_trace(self, desk, database):
        from sqlalchemy import select

        from bot.storage.shop_tables import OperationRow

        order = await desk.proven("in_transit", full=True)
        async with database.read() as session:
            rows = (await session.scalars(select(OperationRow))).all()
            assert [row.args for row in rows] == [{"order_number": order.number}]
            assert order.email not in str([(row.key, row.answer) for row in rows])


class TestLocks:
    async def test_after_five_wrong_tries_nothing_goes_not_even_the_truth(self, desk):
        order = desk.sample("in_transit")
        for left in (4, 3, 2, 1):
            data = await desk.done("verify", order_number=order.number, email="x@example.org")
            assert (data["state"], data["attempts_left"]) == ("failed", left)
        data = await desk.done("verify", order_number=order.number, email="x@example.org")
        assert (data["state"], data["attempts_left"]) == ("locked", 0)
        assert data["locked_until"] == "2026-11-11T10:45:00+01:00"
        data = await desk.done("verify", order_number=order.number, email=order.email)
        assert (data["state"], data["level"]) == ("locked", "none")

    async def test_the_lock_opens_when_its_time_is_over(self, desk):
        order = desk.sample("in_transit")
        for _ in range(6):
            await desk.done("verify", order_number=order.number, email="x@example.org")
        desk.clock.forward(minutes=15, seconds=1)
        data = await desk.done("verify", order_number=order.number, email=order.email)
        assert data["state"] == "verified"

    async def test_tries_while_locked_do_not_make_it_longer(self, desk):
        order = desk.sample("in_transit")
        for _ in range(5):
            await desk.done("verify", order_number=order.number, email="x@example.org")
        desk.clock.forward(minutes=14)
        await desk.done("verify", order_number=order.number, email="x@example.org")
        desk.clock.forward(minutes=1, seconds=1)
        assert (await desk.done("verify", order_number=order.number, email=order.email))["state"] == "verified"

    async def test_an_order_is_locked_for_all_conversations(self, desk):
        order = desk.sample("in_transit")
        for which in range(5):
            await desk.done("verify", who=f"c{which}", order_number=order.number, email="x@example.org")
        data = await desk.done("verify", who="another", order_number=order.number, email=order.email)
        assert data["state"] == "locked"

    async def test_an_unknown_order_is_locked_just_the_same(self, desk):
        for which in range(5):
            await desk.done("verify", who=f"c{which}", order_number="LM-999999", email="x@example.org")
        data = await desk.done("verify", who="another", order_number="lm 999999", email="x@example.org")
        assert data["state"] == "locked"

    async def test_an_address_is_locked_over_many_conversations_and_orders(self, desk):
        for which in range(5):
            order = desk.sample("in_transit", which)
            await desk.done("verify", who=f"c{which}", at="net-1", order_number=order.number, email="x@example.org")
        order = desk.sample("delivered")
        locked = await desk.done("verify", who="c9", at="net-1", order_number=order.number, email=order.email)
        assert locked["state"] == "locked"
        other = await desk.done("verify", who="c9", at="net-2", order_number=order.number, email=order.email)
        assert other["state"] == "verified"

    async def test_ten_a_day(self, desk):
        order = desk.sample("in_transit")
        for _ in range(10):
            desk.clock.forward(minutes=16)
            await desk.done("verify", order_number=order.number, email="x@example.org")
        desk.clock.forward(minutes=16)
        data = await desk.done("verify", order_number=order.number, email=order.email)
        assert data["state"] == "locked"
        desk.clock.forward(hours=24)
        assert (await desk.done("verify", order_number=order.number, email=order.email))["state"] == "verified"

    async def test_right_ones_are_not_counted(self, desk):
        for which in range(12):
            await desk.proven("in_transit", which)

    async def test_tries_side_by_side_all_count(self, desk):
        order = desk.sample("in_transit")
        guesses = [f"guess{number}@example.org" for number in range(29)] + [order.email]
        answers = await asyncio.gather(
            *(
                desk.done("verify", who=f"c{number}", order_number=order.number, email=guess)
                for number, guess in enumerate(guesses)
            )
        )
        assert sum(answer["state"] != "locked" for answer in answers) <= 5

    async def test_the_same_turn_again_is_not_another_try(self, desk):
        order = desk.sample("in_transit")
        for _ in range(8):
            data = await desk.done("verify", turn="t-same", order_number=order.number, email="x@example.org")
        assert (data["state"], data["attempts_left"]) == ("failed", 4)


class TestCode:
    @pytest.fixture
    def mail(self, mails):
        return mails

    async def test_a_code_opens_everything_of_the_customer(self, desk, mail):
        order = desk.sample("in_transit")
        await desk.done("send_code", order_number=order.number)
        code = mail.last.data["code"]
        assert (mail.last.kind, mail.last.to) == ("code", order.email)
        data = await desk.done("confirm_code", code=f"{code[:3]} {code[3:]}")
        assert (data["state"], data["level"]) == ("verified", "full")
        assert await desk.done("order", order_number=order.number)

    async def test_a_mail_address_will_do(self, desk, mail):
        order = desk.sample("in_transit")
        await desk.done("send_code", email=order.email)
        assert (await desk.done("confirm_code", code=mail.last.data["code"]))["level"] == "full"

    async def test_nobody_learns_who_is_a_customer(self, desk, mail):
        known = await desk.call("send_code", who="c1", email=desk.sample("in_transit").email)
        unknown = await desk.call("send_code", who="c2", email="nobody@example.org")
        assert known == unknown
        assert len(mail.sent) == 1

    async def test_a_code_holds_once_and_not_for_long(self, desk, mail):
        order = desk.sample("in_transit")
        await desk.done("send_code", order_number=order.number)
        desk.clock.forward(minutes=11)
        assert (await desk.done("confirm_code", code=mail.last.data["code"]))["state"] == "failed"
        await desk.done("send_code", order_number=order.number)
        assert (await desk.done("confirm_code", code=mail.last.data["code"]))["state"] == "verified"
        assert (await desk.done("confirm_code", code=mail.last.data["code"]))["state"] == "failed"

    async def test_a_code_of_another_conversation_is_wrong(self, desk, mail):
        await desk.done("send_code", who="c1", order_number=desk.sample("in_transit").number)
        assert (await desk.done("confirm_code", who="c2", code=mail.last.data["code"]))["state"] == "failed"

    async def test_a_mailbox_cannot_be_flooded(self, desk, mail):
        order = desk.sample("in_transit")
        for which in range(5):
            await desk.done("send_code", who=f"c{which}", order_number=order.number)
        assert (await desk.denied("send_code", who="c9", order_number=order.number))[0] == "locked"
        assert len(mail.sent) == 5

    async def test_without_mail_there_are_no_codes(self, loaded, shop_data, policies, clock):
        desk = desk_of(loaded, shop_data, policies, clock)
        assert (await desk.denied("send_code", email="a@example.org"))[0] == "shop_cannot"


class TestSignedIn:
    KEY = "a key that the shop and we share, long enough"

    @pytest.fixture
    def desk(self, loaded, shop_data, policies, clock):
        return desk_of(loaded, shop_data, policies, clock, token_key=self.KEY)

    def token(self, subject: str, *, key: str = KEY, audience: str = "zusage", minutes: int = 5) -> str:
        now = datetime.now(UTC)
        claims = {"sub": subject, "aud": audience, "iat": now, "exp": now + timedelta(minutes=minutes)}
        return jwt.encode(claims, key, algorithm="HS256")

    async def test_the_shops_word_opens_everything_of_the_customer(self, desk):
        order = desk.sample("in_transit")
        await desk.verifier.sign_in("c1", self.token(order.customer_id), desk.clock.now)
        assert await desk.done("order", order_number=order.number)

    @pytest.mark.parametrize(
        "wrong",
        [{"key": "another key of the same length, that nobody shared"}, {"audience": "elsewhere"}, {"minutes": -1}],
    )
    async def test_a_wrong_token_opens_nothing(self, desk, wrong):
        order = desk.sample("in_transit")
        with pytest.raises(Unauthenticated):
            await desk.verifier.sign_in("c1", self.token(order.customer_id, **wrong), desk.clock.now)
        assert (await desk.denied("order", order_number=order.number))[0] == "not_verified"

    async def test_an_unsigned_token_opens_nothing(self, desk):
        claims = {"sub": desk.sample("in_transit").customer_id, "aud": "zusage", "iat": 0, "exp": 9_999_999_999}
        with pytest.raises(Unauthenticated):
            await desk.verifier.sign_in("c1", jwt.encode(claims, "", algorithm="none"), desk.clock.now)

    async def test_somebody_unknown_is_refused(self, desk):
        with pytest.raises(Unauthenticated):
            await desk.verifier.sign_in("c1", self.token("K-unknown"), desk.clock.now)

    async def test_without_a_key_no_token_is_believed(self, loaded, shop_data, policies, clock):
        desk = desk_of(loaded, shop_data, policies, clock)
        with pytest.raises(Unauthenticated):
            await desk.verifier.sign_in("c1", self.token("K20000"), desk.clock.now)


def customer_with_several(desk):
    """A customer who has at least two orders, with all of them."""
    for customer in desk.data.customers:
        orders = [order for order in desk.data.orders if order.customer_id == customer.id]
        if len(orders) > 1 and all(order.shipping_address.country == "DE" for order in orders):
            return customer, orders
    raise AssertionError("the demo has nobody with two orders")
