"""Makes the shop side from the settings: data, policies, operations, demo."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from bot.clock import Clock, utc_now
from bot.errors import InvalidInput
from bot.settings import Settings
from bot.shop.access import ShopAccess
from bot.shop.backend import ShopBackend
from bot.shop.calendar import Calendar
from bot.shop.demo import make_shop
from bot.shop.importing import ImportReport, LineError
from bot.shop.mailing import Mailer
from bot.shop.models import Customer, Order
from bot.shop.operations import Operations
from bot.shop.order_operations import order_operations
from bot.shop.policies import Policies, load_policies
from bot.shop.proof_operations import proof_operations
from bot.shop.samples import Sample, find_samples, tour_of
from bot.shop.service_operations import service_operations
from bot.shop.telling import ShopEvent, ShopListener, Webhook
from bot.shop.verification import Verifier
from bot.shop.views import OpeningHours
from bot.shop.woocommerce.client import WooClient
from bot.shop.woocommerce.shop import OrderNotes, WooShop
from bot.storage import migrate
from bot.storage.database import Database
from bot.storage.shop import SqlShop
from bot.storage.shop_events import ShopEvents
from bot.storage.shop_import import ShopImport
from bot.storage.shop_loading import ShopLoader
from bot.storage.shop_mirror import SqlMirror
from bot.storage.shop_trace import SqlOperationLog, SqlProofs

__all__ = ["DEMO_SEED", "ShopDesk", "ShopSystem", "make_operations", "make_verifier", "open_desk", "refresh", "tour"]

log = logging.getLogger(__name__)

DEMO_SEED = 7
DEMO = "demo"


class ShopSystem:
    """The shop system that the settings name, and who is told of changes that are made here.

    Attributes:
        backend: the shop's data.
        listener: is told; None if nobody is.
    """

    def __init__(self, settings: Settings, database: Database, policies: Policies, clock: Clock = utc_now) -> None:
        """Connect.

        Raises:
            InvalidInput: the settings do not go together.
        """
        self.backend: ShopBackend
        self.listener: ShopListener | None = _webhook(settings)
        self._woo: WooShop | None = None
        self._client: WooClient | None = None
        if not settings.woocommerce_url:
            self.backend = SqlShop(database)
            return
        key, secret = (value.get_secret_value() for value in (settings.woocommerce_key, settings.woocommerce_secret))
        if not (key and secret):
            raise InvalidInput(
                "ZUSAGE_WOOCOMMERCE_URL needs ZUSAGE_WOOCOMMERCE_KEY and ZUSAGE_WOOCOMMERCE_SECRET",
                code="settings_invalid",
            )
        self._client = WooClient(settings.woocommerce_url, key, secret)
        self._woo = self.backend = WooShop(
            self._client,
            SqlMirror(database, policies, settings.zone, clock),
            states=frozenset(policies.states),
            currency=policies.currency,
            transit=timedelta(days=settings.woocommerce_transit_days),
            by_number=settings.woocommerce_search_numbers,
            clock=clock,
        )
        if self.listener is None:
            self.listener = OrderNotes(self._woo, self._client)

    @property
    def is_elsewhere(self) -> bool:
        """Whether the shop's data is in another system, so that its catalogue must be read from there."""
        return self._woo is not None

    async def read_catalogue(self) -> None:
        """Read the other system's catalogue, for finding products by words."""
        if self._woo is not None:
            log.info("read %d products", await self._woo.read_catalogue())

    async def read_changes(self) -> None:
        """Read again what changed in the other system and is known here."""
        if self._woo is not None:
            log.info("read %d changed orders", await self._woo.read_changes())

    async def close(self) -> None:
        """Close connections."""
        if self.listener is not None:
            await self.listener.close()
        if self._client is not None:
            await self._client.close()


def make_verifier(
    settings: Settings, database: Database, policies: Policies, backend: ShopBackend, mailer: Mailer | None = None
) -> Verifier:
    """Return what checks proofs. All that it knows is in the database, so there may be several."""
    return Verifier(
        backend,
        SqlProofs(database),
        policies.verification,
        key=settings.signing_key,
        token_key=settings.identity_key,
        mailer=mailer,
    )


def make_operations(
    settings: Settings,
    database: Database,
    policies: Policies,
    backend: ShopBackend,
    hours: OpeningHours,
    clock: Clock = utc_now,
    mailer: Mailer | None = None,
) -> Operations:
    """Return the shop's operations.

    Args:
        settings: time zone and keys.
        database: where proofs and the trace of operations are kept.
        policies: the shop's rules.
        backend: the shop's data.
        hours: when people are there.
        clock: the time.
        mailer: sends mails; None: operations that are nothing without mail are denied.
    """
    verifier = make_verifier(settings, database, policies, backend, mailer)
    shop = ShopAccess(backend, policies, Calendar(settings.zone, settings.holidays), hours, verifier, mailer)
    return Operations(
        [*proof_operations(shop), *order_operations(shop), *service_operations(shop)],
        backend=backend,
        log=SqlOperationLog(database),
        mailer=mailer,
        zone=settings.zone,
        clock=clock,
        key=settings.signing_key,
        whole_number=policies.whole_number,
    )


def _webhook(settings: Settings) -> Webhook | None:
    if not settings.shop_webhook_url:
        return None
    if not (secret := settings.shop_webhook_secret.get_secret_value()):
        raise InvalidInput("ZUSAGE_SHOP_WEBHOOK_URL needs ZUSAGE_SHOP_WEBHOOK_SECRET", code="settings_invalid")
    return Webhook(settings.shop_webhook_url, secret)


class ShopDesk:
    """The shop's data for the command line."""

    def __init__(self, settings: Settings, database: Database, clock: Clock = utc_now) -> None:
        self.policies = load_policies(settings.policies)
        self.calendar = Calendar(settings.zone, settings.holidays)
        self.now = clock
        self.local = SqlShop(database)
        self.backend: ShopBackend = self.local
        self._loader = ShopLoader(database)
        self._database = database

    @property
    def abilities(self) -> frozenset[str]:
        """Names of the operations the shop can carry out."""
        return self.backend.abilities

    async def order(self, order_number: str) -> Order | None:
        """Return one order."""
        return await self.backend.order(order_number)

    async def customer(self, customer_id: str) -> Customer | None:
        """Return one customer."""
        return await self.backend.customer(customer_id)

    async def samples(self) -> list[Sample]:
        """Return orders to try things with."""
        state = await self._loader.state(DEMO)
        return await find_samples(self.local, state["samples"] if state else None, self.calendar, self.now())

    async def refresh_demo(self, seed: int, *, force: bool = False) -> bool:
        """Make the demo shop of today, unless it is there; return whether anything was written."""
        now = self.now()
        wanted = {"seed": seed, "day": self.calendar.day(now).isoformat(), "policies": self._fingerprint()}
        state = await self._loader.state(DEMO)
        if not force and state is not None and wanted.items() <= state.items():
            return False
        shop = make_shop(seed, now, self.policies, self.calendar)
        await self._loader.replace_all(
            DEMO,
            customers=shop.customers,
            products=shop.products,
            orders=shop.orders,
            vouchers=shop.vouchers,
            state_key=DEMO,
            state={**wanted, "samples": shop.samples},
            now=now,
        )
        return True

    async def import_files(
        self, paths: Sequence[Path], progress: Callable[[str, int], None], on_error: Callable[[LineError], None]
    ) -> ImportReport:
        """Import files of customers, products, orders, shipments and returns."""
        work = ShopImport(self._database, self.policies, self.calendar.zone)
        return await work.run(paths, self.now(), progress=progress, on_error=on_error)

    async def changes(self, since: datetime | None, *, untold: bool) -> AsyncIterator[ShopEvent]:
        """Return changes that were made here, in their order."""
        async with self._database.read() as session:
            async for event in ShopEvents(session).since(since, untold=untold):
                yield event

    def _fingerprint(self) -> str:
        """Changed policies make another shop: delivery options and periods shape the orders."""
        return sha256(self.policies.model_dump_json().encode()).hexdigest()[:16]


@asynccontextmanager
async def open_desk() -> AsyncIterator[ShopDesk]:
    """Open the shop of the present settings, its database migrated."""
    settings = Settings()
    await asyncio.to_thread(migrate.upgrade, settings.database)
    async with _desk(settings) as desk:
        yield desk


async def refresh(settings: Settings) -> None:
    """Make the demo shop of today, unless it is there."""
    async with _desk(settings) as desk:
        await desk.refresh_demo(DEMO_SEED)


async def tour(settings: Settings) -> str:
    """Return three sample orders and what to ask about them."""
    async with _desk(settings) as desk:
        return tour_of(await desk.samples())


@asynccontextmanager
async def _desk(settings: Settings) -> AsyncIterator[ShopDesk]:
    database = Database(settings.database)
    try:
        yield ShopDesk(settings, database)
    finally:
        await database.close()
