"""A shop of today in the test's database, and its operations with a clock that can be turned."""

import asyncio
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.handoff.hours import ServiceHours
from bot.shop.access import ShopAccess
from bot.shop.calendar import Calendar
from bot.shop.demo import DemoData, make_shop
from bot.shop.mailing import Mail
from bot.shop.models import Customer, Order
from bot.shop.operations import Operations
from bot.shop.order_operations import order_operations
from bot.shop.policies import Policies, load_policies
from bot.shop.proof_operations import proof_operations
from bot.shop.service_operations import service_operations
from bot.shop.verification import Verifier
from bot.storage.database import Database
from bot.storage.shop import SqlShop
from bot.storage.shop_loading import ShopLoader
from bot.storage.shop_trace import SqlOperationLog, SqlProofs

ROOT = Path(__file__).resolve().parents[3]
# A Wednesday with neither holiday nor weekend near.
WEDNESDAY = datetime(2026, 11, 11, 9, 30, tzinfo=UTC)


@dataclass
class TurnableClock:
    """A clock that only moves when told to."""

    now: datetime = WEDNESDAY

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Desk:
    """Talks to the operations the way the actions do."""

    operations: Operations
    verifier: Verifier
    shop: SqlShop
    data: DemoData
    policies: Policies
    calendar: Calendar
    clock: TurnableClock
    mails: Any = None
    turns: int = 0

    async def call(
        self,
        name: str,
        /,
        *,
        who: str = "c1",
        dry: bool = False,
        turn: str | None = None,
        at: str | None = None,
        **args: Any,
    ) -> dict[str, Any]:
        self.turns += 1
        answer = await self.operations.call(
            name, conversation_id=who, turn_id=turn or f"t{self.turns}", args=args, dry_run=dry, address=at
        )
        return answer.as_json()

    async def done(self, name: str, /, **args: Any) -> dict[str, Any]:
        """Call and return the data; the call must succeed."""
        answer = await self.call(name, **args)
        assert answer["ok"], answer
        return answer["data"]

    async def denied(self, name: str, /, **args: Any) -> tuple[str, dict[str, Any]]:
        """Call and return code and params of the denial; the call must be denied."""
        answer = await self.call(name, **args)
        assert not answer["ok"], answer
        return answer["error"]["code"], answer["error"]["params"]

    def sample(self, situation: str, which: int = 0) -> Order:
        number = self.data.samples[situation][which]
        return next(order for order in self.data.orders if order.number == number)

    def customer_of(self, order: Order) -> Customer:
        return next(customer for customer in self.data.customers if customer.id == order.customer_id)

    async def prove(self, order: Order, *, who: str = "c1", full: bool = False) -> Order:
        """Prove an order with its e-mail, and its postcode if everything is needed."""
        more = {"postcode": order.shipping_address.postcode} if full else {}
        data = await self.done("verify", who=who, order_number=order.number, email=order.email, **more)
        assert data["state"] == "verified"
        return order

    async def proven(self, situation: str, which: int = 0, *, who: str = "c1", full: bool = False) -> Order:
        return await self.prove(self.sample(situation, which), who=who, full=full)

    async def now(self, order: Order) -> Order:
        """Return the order as the database has it."""
        found = await self.shop.order(order.number)
        assert found is not None
        return found


def policies_of(**changes: Any) -> Policies:
    """The shop's policies with some operations' rules replaced."""
    policies = load_policies(ROOT / "policies.yml")
    verification = policies.verification.model_copy(update={"answer_after_ms": 0})
    operations = policies.operations.model_copy(
        update={name: getattr(policies.operations, name).model_copy(update=rules) for name, rules in changes.items()}
    )
    return policies.model_copy(update={"verification": verification, "operations": operations})


def desk_of(
    database: Any, data: DemoData, policies: Policies, clock: TurnableClock, *, mailer: Any = None, token_key: str = ""
) -> Desk:
    calendar = Calendar(ZoneInfo("Europe/Berlin"), "DE")
    backend = SqlShop(database)
    verifier = Verifier(
        backend, SqlProofs(database), policies.verification, key="test-key", token_key=token_key, mailer=mailer
    )
    hours = ServiceHours("Mon-Fri 08:00-18:00, Sat 09:00-14:00", ZoneInfo("Europe/Berlin"), "DE")
    shop = ShopAccess(backend, policies, calendar, hours, verifier, mailer)
    operations = Operations(
        [*proof_operations(shop), *order_operations(shop), *service_operations(shop)],
        backend=backend,
        log=SqlOperationLog(database),
        mailer=mailer,
        zone=calendar.zone,
        clock=clock,
        key="test-key",
        whole_number=policies.whole_number,
    )
    return Desk(operations, verifier, backend, data, policies, calendar, clock, mailer)


class KeptMails:
    """Stands where mails would be sent."""

    def __init__(self) -> None:
        self.sent: dict[str, Mail] = {}

    async def send(self, mail: Mail, key: str) -> None:
        self.sent.setdefault(key, mail)

    @property
    def last(self) -> Mail:
        return list(self.sent.values())[-1]


@pytest.fixture
def mails() -> KeptMails:
    return KeptMails()


@pytest.fixture(scope="session")
def policies() -> Policies:
    return policies_of()


@pytest.fixture(scope="session")
def shop_data(policies: Policies) -> DemoData:
    return make_shop(7, WEDNESDAY, policies, Calendar(ZoneInfo("Europe/Berlin"), "DE"))


async def load(database: Any, data: DemoData) -> None:
    await ShopLoader(database).replace_all(
        "demo",
        customers=data.customers,
        products=data.products,
        orders=data.orders,
        vouchers=data.vouchers,
        state_key="demo",
        state={"samples": data.samples},
        now=WEDNESDAY,
    )


@pytest.fixture(scope="session")
def loaded_sqlite(migrated_sqlite: Path, shop_data: DemoData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the demo shop in it, to copy from: loading once is enough."""
    path = tmp_path_factory.mktemp("shop") / "loaded.db"
    path.write_bytes(migrated_sqlite.read_bytes())

    async def fill() -> None:
        database = Database(f"sqlite:///{path}")
        await load(database, shop_data)
        await database.close()  # the last connection to close folds the log into the file

    asyncio.run(fill())
    return path


@pytest.fixture
async def loaded(database_url: str, loaded_sqlite: Path, shop_data: DemoData, settings, database):
    """The test's database with the demo shop in it."""
    if database.is_sqlite:
        await asyncio.to_thread(shutil.copyfile, loaded_sqlite, database_url.removeprefix("sqlite:///"))
    else:
        await load(database, shop_data)
    return database


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture
def desk(loaded, shop_data: DemoData, policies: Policies, clock: TurnableClock, mails: KeptMails) -> Desk:
    return desk_of(loaded, shop_data, policies, clock, mailer=mails)
