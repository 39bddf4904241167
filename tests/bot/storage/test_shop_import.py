"""Importing a shop's data: what arrives in the database, what is refused and why, and doing it again."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.errors import InvalidInput
from bot.shop.calendar import Calendar
from bot.shop.changes import CancelLines
from bot.shop.importing import LineError
from bot.shop.models import LineQuantity, PaymentKind, PaymentStatus, RefundStatus, ReturnStatus, ShipmentStatus, Stage
from bot.shop.money import Money
from bot.shop.order_state import status_of
from bot.shop.policies import Policies, StateRule
from bot.storage.shop import SqlShop
from bot.storage.shop_import import ShopImport
from tests.bot.shop.conftest import policies_of

NOW = datetime(2026, 11, 11, 9, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")

CUSTOMER = {
    "type": "customer",
    "id": "C1",
    "email": "Jana@Example.org",
    "first_name": "Jana",
    "last_name": "Müller",
    "addresses": [{"street": "Lindenstraße 4", "postcode": "20257", "city": "Hamburg"}],
    "payment_options": [{"id": "gc1", "kind": "gift_card", "balance": "50.00"}],
}
ORDER = {
    "type": "order",
    "number": "B-1001",
    "customer": "C1",
    "status": "shipped",
    "placed_at": "2026-11-06T19:02:11",
    "lines": [
        {"sku": "RJ-M", "name": "Regenjacke Sylt", "variant": "Marine, M", "price": "149.00"},
        {"sku": "WS-3", "name": "Wollsocken", "quantity": 2, "price": 19},
    ],
    "shipping_cost": "4.90",
    "discount": "10.00",
    "shipping_address": {"name": "Jana Müller", "street": "Lindenstraße 4", "postcode": "20257", "city": "Hamburg"},
    "payments": [{"kind": "paypal", "label": "PayPal", "paid_at": "2026-11-06T19:02:20+01:00"}],
    "shipments": [
        {
            "carrier": "dhl",
            "tracking_number": "0034",
            "status": "in_transit",
            "expected_on": "2026-11-12",
            "events": [{"at": "2026-11-07T17:00:00", "status": "in_transit", "text": "Unterwegs"}],
        }
    ],
}


def write(path: Path, *documents: dict | str) -> Path:
    lines = (item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in documents)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class Importer:
    def __init__(self, database, policies: Policies) -> None:
        self.shop = SqlShop(database)
        self.work = ShopImport(database, policies, BERLIN)
        self.errors: list[LineError] = []

    async def __call__(self, *paths: Path):
        self.errors = []
        return await self.work.run(list(paths), NOW, on_error=self.errors.append)

    async def order(self, number: str = "B-1001"):
        order = await self.shop.order(number)
        assert order is not None
        return order


@pytest.fixture
def read(database) -> Importer:
    return Importer(database, policies_of())


class TestJsonLines:
    async def test_everything_arrives(self, read, tmp_path):
        report = await read(write(tmp_path / "shop.jsonl", CUSTOMER, ORDER))
        assert report.written == {"customer": 1, "order": 1}
        order = await read.order()
        assert order.stage is Stage.SHIPPED
        assert order.email == "Jana@Example.org"
        assert [(line.id, line.name, line.quantity, line.price.cents) for line in order.lines] == [
            ("1", "Regenjacke Sylt", 1, 14900),
            ("2", "Wollsocken", 2, 1900),
        ]
        assert order.total == Money(cents=14900 + 3800 - 1000 + 490)
        assert order.placed_at == datetime(2026, 11, 6, 18, 2, 11, tzinfo=UTC)  # the shop's time, where nothing is said
        (payment,) = order.payments
        assert (payment.kind, payment.status, payment.amount) == (PaymentKind.PAYPAL, PaymentStatus.PAID, order.total)
        (shipment,) = order.shipments
        assert shipment.status is ShipmentStatus.IN_TRANSIT
        assert [(part.line_id, part.quantity) for part in shipment.lines] == [("1", 1), ("2", 2)]
        assert shipment.events[0].text.de == "Unterwegs"
        customer = await read.shop.customer("C1")
        assert customer.addresses[0].name == "Jana Müller"
        assert customer.payment_options[0].balance == Money(cents=5000)

    async def test_it_can_be_proved_and_is_on_time(self, read, tmp_path):
        await read(write(tmp_path / "shop.jsonl", CUSTOMER, ORDER))
        proof = await read.shop.proof("b1001")
        assert proof.emails == {"jana@example.org"}
        assert proof.postcodes == {"20257"}
        assert status_of(await read.order(), Calendar(BERLIN, "DE"), NOW) == "shipped"

    async def test_returns_and_refunds(self, read, tmp_path):
        order = {
            **ORDER,
            "status": "delivered",
            "shipments": [{"status": "delivered", "delivered_at": "2026-11-09T12:00:00"}],
            "returns": [
                {
                    "number": "R-1",
                    "status": "received",
                    "lines": [{"line": "2", "quantity": 1, "reason": "too_small"}],
                    "created_at": "2026-11-10T08:00:00",
                    "refund_amount": "18.00",
                }
            ],
            "refunds": [{"amount": "18.00", "return_number": "R-1", "created_at": "2026-11-10T09:00:00"}],
        }
        await read(write(tmp_path / "shop.jsonl", CUSTOMER, order))
        found = await read.order()
        assert found.returns[0].status is ReturnStatus.RECEIVED
        assert found.returns[0].lines[0].reason == "too_small"
        assert (found.refunds[0].amount.cents, found.refunds[0].status) == (1800, RefundStatus.PENDING)
        assert found.refunds[0].to.kind is PaymentKind.PAYPAL

    async def test_shipments_and_returns_may_come_later(self, read, tmp_path):
        await read(write(tmp_path / "shop.jsonl", CUSTOMER, {**ORDER, "shipments": []}))
        before = await read.order()
        shipment = {"order": "B-1001", "id": "S1", "carrier": "dhl", "status": "in_transit"}
        back = {
            "order": "b 1001",
            "number": "R-2",
            "status": "requested",
            "lines": [{"line": "1"}],
            "created_at": "2026-11-10T08:00:00",
        }
        await read(write(tmp_path / "shipments.jsonl", shipment), write(tmp_path / "returns.jsonl", back))
        order = await read.order()
        assert [entry.id for entry in order.shipments] == ["S1"]
        assert [entry.number for entry in order.returns] == ["R-2"]
        assert order.version != before.version
        await read(write(tmp_path / "shipments.jsonl", {**shipment, "status": "delivered"}))
        assert [entry.status for entry in (await read.order()).shipments] == [ShipmentStatus.DELIVERED]

    async def test_files_are_read_in_the_order_they_need_each_other(self, read, tmp_path):
        orders = write(tmp_path / "a-orders.jsonl", ORDER)
        customers = write(tmp_path / "z-customers.jsonl", CUSTOMER)
        report = await read(orders, customers)
        assert report.errors == 0
        assert (await read.order()).customer_id == "C1"

    async def test_a_large_file_is_checked_in_other_processes(self, read, tmp_path, monkeypatch):
        monkeypatch.setattr("bot.storage.shop_import.WORTH_PROCESSES", 0)
        monkeypatch.setattr("bot.storage.shop_import.BATCH", 100)
        orders = [{**ORDER, "number": f"B-{number}"} for number in range(1000)]
        report = await read(write(tmp_path / "shop.jsonl", CUSTOMER, *orders, "nonsense"))
        assert report.written == {"customer": 1, "order": 1000}
        assert [error.number for error in read.errors] == [1002]
        assert (await read.order("B-999")).total == (await read.order("B-0")).total

    async def test_gzipped(self, read, tmp_path):
        plain = write(tmp_path / "shop.jsonl", CUSTOMER, ORDER)
        packed = tmp_path / "packed.jsonl.gz"
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        await read(packed)
        assert await read.order()


class TestAgain:
    async def test_the_same_file_changes_nothing(self, read, tmp_path):
        path = write(tmp_path / "shop.jsonl", CUSTOMER, ORDER)
        await read(path)
        before = await read.order()
        report = await read(path)
        assert report.written == {"customer": 0, "order": 0}
        assert report.unchanged == {"customer": 1, "order": 1}
        assert await read.order() == before

    async def test_what_was_done_since_is_not_undone(self, read, tmp_path):
        path = write(tmp_path / "shop.jsonl", CUSTOMER, {**ORDER, "status": "processing", "shipments": []})
        await read(path)
        order = await read.order()
        cancel = CancelLines(
            order_number=order.number,
            version=order.version,
            operation="cancel_order",
            at=NOW,
            lines=tuple(LineQuantity(line_id=line.id, quantity=line.kept) for line in order.lines),
            fee=Money(cents=0),
        )
        await read.shop.apply(cancel, "key")
        await read(path)
        assert (await read.order()).stage is Stage.CANCELLED

    async def test_news_replace_what_was_there(self, read, tmp_path):
        await read(write(tmp_path / "shop.jsonl", CUSTOMER, ORDER))
        before = await read.order()
        news = {**ORDER, "status": "delivered", "lines": ORDER["lines"][:1]}
        news["shipments"] = [{"status": "delivered", "delivered_at": "2026-11-10T12:00:00"}]
        report = await read(write(tmp_path / "shop.jsonl", {**CUSTOMER, "last_name": "Meyer"}, news))
        assert report.written == {"customer": 1, "order": 1}
        order = await read.order()
        assert (order.stage, len(order.lines), len(order.shipments)) == (Stage.DELIVERED, 1, 1)
        assert order.version != before.version
        assert (await read.shop.customer("C1")).last_name == "Meyer"

    async def test_twice_in_one_file_the_last_one_counts(self, read, tmp_path):
        await read(write(tmp_path / "shop.jsonl", CUSTOMER, ORDER, {**ORDER, "status": "delivered", "shipments": []}))
        assert (await read.order()).stage is Stage.DELIVERED


class TestErrors:
    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ('{"type": "order", ', "not JSON"),
            ('{"number": "B-1"}', '"type" must be one of customer, product, order, shipment, return'),
            ('{"type": "basket"}', '"type" must be one of'),
            ({**ORDER, "status": "teleported"}, "status: 'teleported' is unknown; 'states' in the policy file"),
            ({**ORDER, "customer": "C9"}, "customer: there is no 'C9'; import customers first"),
            ({**ORDER, "lines": []}, "lines: "),
            ({**ORDER, "colour": "red"}, "colour: there is no such field"),
            ({**ORDER, "placed_at": "yesterday"}, "placed_at: "),
            ({**ORDER, "shipping_cost": "4,90"}, "shipping_cost: an amount is a number such as 149.00, not '4,90'"),
            (
                {**ORDER, "shipments": [{"status": "delivered", "lines": [{"line": "9"}]}]},
                "a shipment holds line '9', which the order does not have",
            ),
            ({"type": "shipment", "order": "B-9", "id": "1", "status": "lost"}, "order: there is no 'B-9'"),
        ],
    )
    async def test_a_wrong_line_is_named_and_the_rest_is_imported(self, read, tmp_path, line, message):
        report = await read(write(tmp_path / "shop.jsonl", CUSTOMER, line, {**ORDER, "number": "B-2000"}))
        assert report.errors == 1
        (error,) = read.errors
        assert (error.file, error.number) == ("shop.jsonl", 2)
        assert message in error.message
        assert await read.order("B-2000")

    async def test_every_wrong_line_is_counted_some_are_kept(self, read, tmp_path):
        report = await read(write(tmp_path / "shop.jsonl", *["nonsense"] * 50))
        assert (report.errors, len(report.first_errors), len(read.errors)) == (50, 20, 50)

    async def test_an_endless_line_does_not_fill_the_memory(self, read, tmp_path):
        await read(write(tmp_path / "shop.jsonl", "x" * 3_000_000, CUSTOMER))
        assert [str(error) for error in read.errors] == ["shop.jsonl, line 1: longer than 1048576 bytes"]
        assert await read.shop.customer("C1")

    @pytest.mark.parametrize("name", ["nowhere.jsonl", "shop.xlsx", "stuff.csv"])
    async def test_a_file_that_cannot_be_read_at_all(self, read, tmp_path, name):
        if not name.startswith("nowhere"):
            (tmp_path / name).write_text("x")
        good = write(tmp_path / "customers.jsonl", CUSTOMER)
        with pytest.raises(InvalidInput, match=name):
            await read(good, tmp_path / name)
        assert await read.shop.customer("C1") is None


class TestCsv:
    async def test_a_spreadsheet_of_a_german_shop(self, read, tmp_path):
        customers = tmp_path / "kunden-customers.csv"
        customers.write_bytes(
            "\ufeffid;email;first_name;last_name;street;postcode;city\r\n"
            "C1;jana@example.org;Jana;Müller;Lindenstraße 4;20257;Hamburg\r\n".encode()
        )
        orders = tmp_path / "orders.csv"
        orders.write_text(
            "number;customer;status;placed_at;sku;name;variant;quantity;price;shipping_cost;payment_kind;"
            "shipping_name;shipping_street;shipping_postcode;shipping_city\n"
            'B-1;C1;delivered;2026-11-01 10:00;RJ-M;"Jacke; blau";M;1;1.149,00;4,90;paypal;'
            "Jana Müller;Weg 1;20257;Hamburg\n"
            "B-1;C1;delivered;2026-11-01 10:00;WS;Socken;;2;19,00;4,90;paypal;Jana Müller;Weg 1;20257;Hamburg\n"
            "\n"
            "B-2;C1;processing;2026-11-02 10:00;WS;Socken;;1;19,00;0;invoice;Jana Müller;Weg 1;20257;Hamburg\n",
            encoding="utf-8",
        )
        report = await read(orders, customers)
        assert report.errors == 0
        assert report.written == {"customer": 1, "order": 2}
        order = await read.order("B-1")
        assert [(line.name, line.quantity, line.price.cents) for line in order.lines] == [
            ("Jacke; blau", 1, 114900),
            ("Socken", 2, 1900),
        ]
        assert order.shipping_cost.cents == 490
        assert order.shipping_address.street == "Weg 1"
        assert order.payment.kind is PaymentKind.PAYPAL
        assert (await read.shop.customer("C1")).addresses[0].city == "Hamburg"

    async def test_products_with_options(self, read, tmp_path):
        path = tmp_path / "products.csv"
        path.write_text(
            "id,name,name_en,category,sku,variant,price,stock,option:Farbe,option:Größe,attribute:Material\n"
            'j1,Jacke,jacket,Jacken,J-M,"Marine, M",149.00,3,Marine,M,Wolle\n'
            'j1,Jacke,jacket,Jacken,J-L,"Marine, L",149.00,0,Marine,L,Wolle\n'
        )
        await read(path)
        product = await read.shop.product("j1")
        assert product.attributes == {"Material": "Wolle"}
        assert [(v.sku, v.stock, v.options) for v in product.variants] == [
            ("J-M", 3, {"Farbe": "Marine", "Größe": "M"}),
            ("J-L", 0, {"Farbe": "Marine", "Größe": "L"}),
        ]
        found = await read.shop.search_products("jackets", None, 5)
        assert [entry.product.id for entry in found] == ["j1"]

    async def test_shipments_and_returns(self, read, tmp_path):
        await read(write(tmp_path / "shop.jsonl", CUSTOMER, {**ORDER, "shipments": []}))
        shipments = tmp_path / "shipments.csv"
        shipments.write_text(
            "order,id,carrier,tracking_number,status,delivered_at,lines\nB-1001,1,dpd,0150,delivered,2026-11-09T10:00:00,2x1\n"
        )
        returns = tmp_path / "returns.csv"
        returns.write_text(
            "order,number,status,created_at,line,quantity,reason\nB-1001,R-5,requested,2026-11-10T10:00:00,2,1,dislike\n"
        )
        assert (await read(shipments, returns)).errors == 0
        order = await read.order()
        assert [(part.line_id, part.quantity) for part in order.shipments[0].lines] == [("2", 1)]
        assert order.returns[0].lines[0].reason == "dislike"

    async def test_errors_name_the_row_an_order_begins_with(self, read, tmp_path):
        await read(write(tmp_path / "shop.jsonl", CUSTOMER))
        orders = tmp_path / "orders.csv"
        orders.write_text(
            "number,customer,status,sku,name,quantity,price\n"
            "B-1,C1,processing,A,Article,1,1.00\n"
            "B-2,C1,processing,A,Article,none,1.00\n"
            "B-2,C1,processing,B,Article,1,1.00\n"
            "B-3,C1,processing,A,Article,1\n"
        )
        report = await read(orders)
        assert report.written["order"] == 1
        assert sorted((error.number, error.message) for error in read.errors) == [
            (3, "lines.0.quantity: Input should be a valid integer, unable to parse string as an integer"),
            (5, "6 columns instead of 7"),
        ]

    async def test_another_encoding_is_said(self, read, tmp_path):
        path = tmp_path / "customers.csv"
        path.write_bytes("id,email,last_name\nC1,jana@example.org,Müller\n".encode("cp1252"))
        await read(path)
        assert "not UTF-8" in read.errors[0].message


class TestOtherStates:
    async def test_the_policy_file_says_what_a_shops_words_mean(self, database, tmp_path):
        words = {
            "pending": StateRule(stage=Stage.PROCESSING),
            "pending (item modified)": StateRule(stage=Stage.PROCESSING, done=("change_items",)),
            "return requested": StateRule(stage=Stage.DELIVERED, done=("create_return",)),
        }
        read = Importer(database, policies_of().model_copy(update={"states": words}))
        orders = [
            {**ORDER, "number": f"#W{at}", "status": word, "shipments": []} for at, word in enumerate(words, start=1)
        ]
        report = await read(write(tmp_path / "shop.jsonl", CUSTOMER, *orders))
        assert report.errors == 0
        modified = await read.order("w2")
        assert (modified.stage, modified.shop_status) == (Stage.PROCESSING, "pending (item modified)")
        assert [done.operation for done in modified.done] == ["change_items"]
        assert [done.operation for done in (await read.order("#W3")).done] == ["create_return"]

    async def test_an_order_without_any_day(self, read, tmp_path):
        order = {key: ORDER[key] for key in ("type", "number", "customer", "lines")}
        await read(write(tmp_path / "shop.jsonl", CUSTOMER, {**order, "status": "delivered"}))
        found = await read.order()
        assert found.placed_at is None
        assert found.expected_on is None
        assert found.promised_on is None


class TestBeingKilled:
    def test_no_checker_is_left_behind(self, tmp_path):
        """Killed without a chance to tidy up, as a supervisor or the kernel does it."""
        import os
        import signal
        import subprocess
        import sys
        import time

        script = (
            "from concurrent.futures import ProcessPoolExecutor\n"
            "from multiprocessing import get_context\n"
            "from bot.storage import shop_import\n"
            "import os, time\n"
            "if __name__ == '__main__':\n"
            "    pool = ProcessPoolExecutor(2, get_context('spawn'), initializer=shop_import._set_up,\n"
            "                               initargs=(None, None))\n"
            "    futures = [pool.submit(time.sleep, 0.3) for _ in range(2)]\n"
            "    [future.result() for future in futures]\n"
            "    print(*pool._processes, flush=True)\n"
            "    time.sleep(600)\n"
        )
        path = tmp_path / "importing.py"
        path.write_text(script, encoding="utf-8")
        importing = subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True)
        assert importing.stdout is not None
        checkers = [int(word) for word in importing.stdout.readline().split()]
        assert checkers
        importing.send_signal(signal.SIGKILL)
        importing.wait()
        until = time.monotonic() + 60

        def alive(pid: int) -> bool:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return False
            # One that ended and that nobody has looked after yet has ended.
            state = Path(f"/proc/{pid}/stat")
            return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"

        while any(map(alive, checkers)) and time.monotonic() < until:
            time.sleep(0.05)
        assert not any(map(alive, checkers))
