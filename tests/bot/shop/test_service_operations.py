"""Beside orders: the shop, products, vouchers, mails, privacy, withdrawal."""

from typing import ClassVar

import pytest
from sqlalchemy import select

from bot.storage.shop_tables import NewsletterRow, RequestRow, StockWatchRow, WithdrawalRow
from tests.bot.shop.conftest import desk_of


async def rows(desk, table):
    async with desk.shop._database.read() as session:
        found = (await session.scalars(select(table))).all()
        session.expunge_all()
        return found


class TestShopInfo:
    async def test_says_what_policy_says(self, desk):
        data = await desk.done("shop_info")
        assert data["returns"]["period_days"] == 30
        assert data["delivery"]["free_from"] == {"amount": "60.00", "currency": "EUR"}
        express = next(option for option in data["delivery"]["options"] if option["id"] == "express")
        # Wednesday half past ten: it leaves today and is there tomorrow.
        assert express["arrives"] == {"from": "2026-11-12", "to": "2026-11-12"}
        assert data["service_hours"]["days"][0] == {
            "days": ["mon", "tue", "wed", "thu", "fri"],
            "from": "08:00",
            "to": "18:00",
        }
        assert {store["city"] for store in data["stores"]} == {"Hamburg", "Husum", "Berlin"}

    async def test_after_the_cutoff_it_leaves_a_day_later(self, desk):
        desk.clock.forward(hours=5)
        data = await desk.done("shop_info")
        express = next(option for option in data["delivery"]["options"] if option["id"] == "express")
        assert express["arrives"]["from"] == "2026-11-13"


class TestProducts:
    @pytest.mark.parametrize(
        ("query", "first"),
        [
            ("Regenjacken", "Regenjacke Sylt"),
            ("rain jacket", "Regenjacke Sylt"),
            ("wasserdichte Fahrradtasche", "Fahrradtasche Gegenwind"),
            ("habt ihr Gummistiefel für Kinder?", "Kindergummistiefel Pfütze"),
            ("muetze", "Mütze Bake"),
        ],
    )
    async def test_finds_what_is_meant(self, desk, query, first):
        data = await desk.done("product_search", query=query)
        assert first in [product["name"] for product in data["products"][:2]]

    async def test_finds_nothing_where_there_is_nothing(self, desk):
        assert (await desk.done("product_search", query="Rasenmäher"))["products"] == []

    async def test_availability_by_words(self, desk):
        data = await desk.done("product_availability", query="Troyer Hooge in Marine L")
        assert data["product"]["name"] == "Troyer Hooge"
        assert [variant["options"] for variant in data["variants"]] == [{"Farbe": "Marine", "Größe": "L"}]

    async def test_few_are_counted_many_are_not(self, desk):
        by_stock = {v.sku: v.stock for p in desk.data.products for v in p.variants}
        for wanted, state in ((range(1, 4), "low"), (range(4, 99), "in_stock"), (range(1), "out_of_stock")):
            sku = next(sku for sku, count in by_stock.items() if count in wanted)
            (variant,) = (await desk.done("product_availability", sku=sku))["variants"]
            assert variant["availability"] == state
            assert variant["stock"] == (by_stock[sku] if state == "low" else None)

    async def test_of_an_article_in_an_order(self, desk):
        order = await desk.proven("delivered")
        line = order.lines[0]
        data = await desk.done("product_availability", order_number=order.number, line_id=line.id)
        assert data["product"]["id"] == line.product_id
        other = desk.sample("in_transit", 5)
        code, _ = await desk.denied("product_availability", order_number=other.number, line_id="1")
        assert code == "not_verified"

    async def test_unclear_and_unknown(self, desk):
        code, params = await desk.denied("product_availability", query="Gummistiefel")
        assert code == "several_products"
        assert {p["name"] for p in params["products"]} == {"Gummistiefel Ebbe", "Kindergummistiefel Pfütze"}
        assert (await desk.denied("product_availability", query="Rasenmäher"))[0] == "unknown_product"


class TestNotifyRestock:
    def gone(self, desk):
        return next((p, v) for p in desk.data.products for v in p.variants if v.stock == 0 and len(p.variants) > 1)

    async def test_a_guest_gives_an_address(self, desk):
        product, variant = self.gone(desk)
        data = await desk.done("notify_restock", sku=variant.sku, email="Gast@Example.org")
        assert data["email"] == "g•••@example.org"
        assert data["name"] == product.name
        (row,) = await rows(desk, StockWatchRow)
        assert (row.sku, row.email) == (variant.sku, "gast@example.org")

    async def test_twice_is_once(self, desk):
        _, variant = self.gone(desk)
        for _ in range(2):
            await desk.done("notify_restock", sku=variant.sku, email="gast@example.org")
        assert len(await rows(desk, StockWatchRow)) == 1

    async def test_a_known_customer_need_not_say_it_again(self, desk):
        order = await desk.proven("in_transit")
        _, variant = self.gone(desk)
        await desk.done("notify_restock", sku=variant.sku)
        assert (await rows(desk, StockWatchRow))[0].email == order.email

    async def test_denials(self, desk):
        _, variant = self.gone(desk)
        there = next(v for p in desk.data.products for v in p.variants if v.stock > 5)
        assert (await desk.denied("notify_restock", sku=variant.sku))[0] == "email_needed"
        assert (await desk.denied("notify_restock", sku=variant.sku, email="no address"))[0] == "email_invalid"
        assert (await desk.denied("notify_restock", sku=there.sku, email="a@example.org"))[0] == "in_stock"
        assert (await desk.denied("notify_restock", sku="NOPE", email="a@example.org"))[0] == "unknown_product"
        assert (await desk.denied("notify_restock", query="Troyer Hooge", email="a@example.org"))[
            0
        ] == "variant_unclear"


class TestMails:
    async def test_the_invoice_again(self, desk):
        order = await desk.proven("delivered")
        data = await desk.done("resend_invoice", order_number=order.number, turn="t-same")
        assert data["invoice_number"] == order.invoice_number
        assert data["sent_to"] == f"{order.email[0]}•••@{order.email.partition('@')[2]}"
        assert (desk.mails.last.kind, desk.mails.last.to) == ("invoice", order.email)
        assert desk.mails.last.data["order"]["number"] == order.number
        await desk.done("resend_invoice", order_number=order.number, turn="t-same")
        assert len(desk.mails.sent) == 1

    async def test_no_invoice_before_dispatch(self, desk):
        order = await desk.proven("processing")
        assert (await desk.denied("resend_invoice", order_number=order.number))[0] == "no_invoice_yet"

    async def test_a_preview_sends_nothing(self, desk):
        order = await desk.proven("delivered")
        await desk.done("resend_invoice", order_number=order.number, dry=True)
        await desk.done("create_return", order_number=order.number, dry=True)
        assert desk.mails.sent == {}

    async def test_the_confirmation_again(self, desk):
        order = await desk.proven("processing")
        await desk.done("resend_confirmation", order_number=order.number)
        assert desk.mails.last.kind == "order_confirmation"

    async def test_the_label_again_in_another_form(self, desk):
        order = next(
            o for n in range(12) if (o := desk.sample("return_requested", n)).returns[0].drop_off == "service_point"
        )
        await desk.prove(order)
        data = await desk.done("resend_label", order_number=order.number, label="pdf")
        assert data["number"] == order.returns[0].number
        assert data["label"]["reference"] == order.returns[0].label.reference
        assert desk.mails.last.kind == "return_label"
        assert desk.mails.last.data["label"]["kind"] == "pdf"

    async def test_no_label_without_a_return_or_after_it(self, desk):
        order = await desk.proven("delivered")
        code, params = await desk.denied("resend_label", order_number=order.number)
        assert (code, params["return_possible"]) == ("no_return", True)
        order = await desk.proven("return_received")
        assert (await desk.denied("resend_label", order_number=order.number))[0] == "return_closed"

    @pytest.mark.parametrize("name", ["resend_invoice", "resend_confirmation", "resend_label"])
    async def test_a_shop_without_mail_says_so(self, loaded, shop_data, policies, clock, name):
        desk = desk_of(loaded, shop_data, policies, clock)
        order = await desk.proven("delivered")
        assert await desk.denied(name, order_number=order.number) == ("shop_cannot", {"operation": name})


class TestVoucher:
    async def test_a_good_one(self, desk):
        data = await desk.done("check_voucher", code="watt-10")
        assert (data["code"], data["kind"], data["percent"]) == ("WATT10", "percent", 10)
        assert data["min_total"]["amount"] == "40.00"
        card = await desk.done("check_voucher", code="GK7H4K92MP")
        assert card["balance"]["amount"] == "37.50"

    @pytest.mark.parametrize(
        ("args", "code"),
        [
            ({"code": "HERBST15"}, "expired"),
            ({"code": "NIKOLAUS"}, "not_yet_valid"),
            ({"code": "STURM20"}, "used_up"),
            ({"code": "WATT10", "order_total": "39.99"}, "min_total"),
            ({"code": "GIBTSNICHT"}, "unknown_voucher"),
        ],
    )
    async def test_the_others(self, desk, args, code):
        assert (await desk.denied("check_voucher", **args))[0] == code

    async def test_codes_cannot_be_guessed(self, desk):
        for number in range(5):
            await desk.denied("check_voucher", code=f"GUESS{number}")
        assert (await desk.denied("check_voucher", code="WATT10"))[0] == "locked"


class TestNewsletter:
    async def test_on_needs_a_word_by_mail_off_does_not(self, desk):
        data = await desk.done("newsletter", subscribe=True, email="neu@example.org")
        assert data["state"] == "confirmation_sent"
        assert (desk.mails.last.kind, desk.mails.last.to) == ("newsletter_confirmation", "neu@example.org")
        assert {r.email: r.state for r in await rows(desk, NewsletterRow)}["neu@example.org"] == "asked"
        data = await desk.done("newsletter", subscribe=False, email="neu@example.org")
        assert data["state"] == "unsubscribed"
        assert {r.email: r.state for r in await rows(desk, NewsletterRow)}["neu@example.org"] == "ended"

    async def test_nobody_learns_who_reads_it(self, desk):
        reader = next(c for c in desk.data.customers if c.newsletter)
        known = await desk.done("newsletter", subscribe=False, email=reader.email)
        unknown = await desk.done("newsletter", subscribe=False, email="nobody@example.org")
        assert {**known, "email": ""} == {**unknown, "email": ""}


class TestPrivacyRequest:
    async def test_filed_for_whoever_proved_it(self, desk):
        order = await desk.proven("in_transit", full=True)
        data = await desk.done("privacy_request", kind="access")
        assert data["answer_by"] == "2026-12-11"
        (row,) = await rows(desk, RequestRow)
        assert (row.number, row.kind) == (data["number"], "access")
        assert desk.mails.last.to == order.email
        code, params = await desk.denied("privacy_request", kind="access")
        assert (code, params["number"]) == ("already_requested", data["number"])

    async def test_a_half_proof_is_not_enough(self, desk):
        await desk.proven("in_transit")
        code, params = await desk.denied("privacy_request", kind="erasure")
        assert (code, params["need"]) == ("not_verified", "full")

    async def test_a_month_is_a_month(self, desk):
        desk.clock.now = desk.clock.now.replace(month=1, day=31)
        await desk.proven("period_over", full=True)
        data = await desk.done("privacy_request", kind="access")
        assert data["answer_by"] == "2026-02-28"


class TestWithdrawal:
    ARGS: ClassVar = {"name": "Jana Müller", "contract": "LM-104217", "receipt_to": "jana@example.org"}

    async def test_anybody_may_at_any_time_without_a_reason(self, desk):
        data = await desk.done("withdraw_contract", **self.ARGS)
        assert data["received_at"] == "2026-11-11T10:30:00+01:00"
        assert "Jana Müller" in data["text"]["de"]
        assert "LM-104217" in data["text"]["en"]
        (row,) = await rows(desk, WithdrawalRow)
        assert (row.number, row.name, row.contract) == (data["number"], "Jana Müller", "LM-104217")
        assert row.received_at == desk.clock.now
        mail = desk.mails.last
        assert (mail.kind, mail.to) == ("withdrawal_receipt", "jana@example.org")
        assert mail.data["number"] == data["number"]
        assert mail.data["received_at"] == data["received_at"]

    async def test_an_order_that_does_not_exist_is_not_argued_about(self, desk):
        assert (await desk.done("withdraw_contract", **{**self.ARGS, "contract": "die blaue Jacke"}))["number"]

    async def test_a_receipt_must_have_somewhere_to_go(self, desk):
        assert (await desk.denied("withdraw_contract", **{**self.ARGS, "receipt_to": "jana"}))[0] == "email_invalid"

    async def test_one_declaration_however_often_the_turn_runs(self, desk):
        for _ in range(3):
            await desk.done("withdraw_contract", turn="t-same", **self.ARGS)
        assert len(await rows(desk, WithdrawalRow)) == 1
        assert len(desk.mails.sent) == 1
