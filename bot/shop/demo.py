"""Makes a believable German shop around today. The same seed on the same day makes the same shop."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import yaml
from faker import Faker

from bot.shop.calendar import Calendar
from bot.shop.models import (
    Address,
    Claim,
    ClaimKind,
    ClaimStatus,
    Customer,
    Label,
    Line,
    LineQuantity,
    LocalText,
    Order,
    Payment,
    PaymentKind,
    PaymentOption,
    PaymentStatus,
    Product,
    Refund,
    RefundOrigin,
    RefundStatus,
    Replacement,
    Return,
    ReturnKind,
    ReturnLine,
    ReturnStatus,
    Shipment,
    ShipmentStatus,
    Stage,
    TrackingEvent,
    Variant,
    Voucher,
    Window,
)
from bot.shop.money import Money, parse_amount
from bot.shop.policies import Policies
from bot.shop.rules.ground import goods_value
from bot.shop.search_words import fold

__all__ = ["SCENARIOS", "DemoData", "Scenario", "make_shop"]

ASSORTMENT = Path(__file__).parent / "demo_assortment.yml"
SITUATIONS = Path(__file__).parent / "demo_situations.yml"
CUSTOMERS = 240
CURRENCY = "EUR"
# Real towns, so that postcode and place fit; streets that most of them have.
TOWNS = [
    "20257 Hamburg",
    "22765 Hamburg",
    "20144 Hamburg",
    "22303 Hamburg",
    "10437 Berlin",
    "10967 Berlin",
    "12047 Berlin",
    "13187 Berlin",
    "24103 Kiel",
    "24937 Flensburg",
    "23552 Lübeck",
    "25813 Husum",
    "28203 Bremen",
    "26121 Oldenburg",
    "26603 Aurich",
    "30449 Hannover",
    "38100 Braunschweig",
    "37073 Göttingen",
    "48143 Münster",
    "33602 Bielefeld",
    "44137 Dortmund",
    "45127 Essen",
    "40213 Düsseldorf",
    "50672 Köln",
    "52062 Aachen",
    "53111 Bonn",
    "56068 Koblenz",
    "60316 Frankfurt am Main",
    "65183 Wiesbaden",
    "55116 Mainz",
    "66111 Saarbrücken",
    "68159 Mannheim",
    "69115 Heidelberg",
    "76133 Karlsruhe",
    "79098 Freiburg im Breisgau",
    "70176 Stuttgart",
    "72070 Tübingen",
    "89073 Ulm",
    "86150 Augsburg",
    "80469 München",
    "81541 München",
    "93047 Regensburg",
    "90403 Nürnberg",
    "97070 Würzburg",
    "99084 Erfurt",
    "04109 Leipzig",
    "04229 Leipzig",
    "01099 Dresden",
    "06108 Halle (Saale)",
    "39104 Magdeburg",
    "14467 Potsdam",
    "18055 Rostock",
    "19053 Schwerin",
    "17489 Greifswald",
    "78462 Konstanz",
    "73728 Esslingen am Neckar",
]
ABROAD = (
    ("AT", "1070", "Wien"),
    ("AT", "8010", "Graz"),
    ("AT", "5020", "Salzburg"),
    ("CH", "8004", "Zürich"),
    ("CH", "3011", "Bern"),
    ("NL", "3512 JE", "Utrecht"),
    ("DK", "8000", "Aarhus"),
)
STREETS = [
    "Lindenstraße",
    "Gartenweg",
    "Bäckergasse",
    "Am Mühlbach",
    "Hauptstraße",
    "Schillerstraße",
    "Goethestraße",
    "Kirchweg",
    "Rosenweg",
    "Am Südhang",
    "Fährstraße",
    "Deichweg",
    "Grüner Weg",
    "Schulstraße",
    "Bahnhofstraße",
    "Löwengasse",
    "Eichenallee",
    "Königstraße",
    "Bergstraße",
    "Am Brunnen",
    "Marktstraße",
    "Uferstraße",
    "Wiesengrund",
    "Möwenweg",
    "Mozartstraße",
    "Feldstraße",
    "Hafenstraße",
]
HUBS = {
    "dhl": ("Hamburg-Allermöhe", "Neumünster", "Börnicke", "Greven", "Köngen", "Nürnberg-Feucht", "Staufenberg"),
    "dpd": ("Hamburg", "Lauenau", "Aschaffenburg", "Oranienburg", "Raunheim"),
    "hermes": ("Hückelhoven", "Löhne", "Haldensleben", "Graben", "Friedewald"),
    "gls": ("Neuenstein", "Bornheim", "Kassel", "Hildesheim"),
    "post": ("Wien-Inzersdorf", "Wernberg"),
    "swisspost": ("Härkingen", "Frauenfeld"),
}
MAIL_DOMAINS = ("example.org", "example.com", "example.net")
TEXTS: dict[str, LocalText] = {
    "announced": LocalText(
        de="Die Sendung wurde angekündigt, das Paket ist noch bei uns.",
        en="The shipment was announced; the parcel is still with us.",
    ),
    "accepted": LocalText(de="Das Paket wurde an {carrier} übergeben.", en="The parcel was handed over to {carrier}."),
    "hub": LocalText(
        de="Das Paket wurde im Paketzentrum bearbeitet.", en="The parcel was processed in the parcel centre."
    ),
    "region": LocalText(
        de="Das Paket ist in der Zielregion angekommen.", en="The parcel has arrived in the delivery region."
    ),
    "customs": LocalText(de="Die Zollabfertigung ist abgeschlossen.", en="Customs clearance is complete."),
    "out_for_delivery": LocalText(de="Das Paket ist im Zustellfahrzeug.", en="The parcel is on the delivery vehicle."),
    "delivered": LocalText(de="Das Paket wurde zugestellt.", en="The parcel was delivered."),
    "neighbour": LocalText(
        de="Das Paket wurde in der Nachbarschaft abgegeben: {place}.",
        en="The parcel was left with a neighbour: {place}.",
    ),
    "delayed": LocalText(
        de="Die Zustellung verzögert sich, weil im Paketzentrum mehr Pakete liegen als sonst.",
        en="Delivery is delayed because the parcel centre is busier than usual.",
    ),
    "delivery_failed": LocalText(
        de="Niemand wurde angetroffen; ein neuer Versuch folgt am nächsten Werktag.",
        en="Nobody was at home; another attempt follows on the next working day.",
    ),
    "ready_for_pickup": LocalText(de="Das Paket liegt zur Abholung bereit.", en="The parcel is ready for collection."),
    "lost": LocalText(
        de="Das Paket ist nicht auffindbar; {carrier} sucht danach.",
        en="The parcel cannot be found; {carrier} is searching for it.",
    ),
    "return_received": LocalText(
        de="Die Rücksendung ist bei uns angekommen.", en="The return has arrived at our warehouse."
    ),
    "return_accepted": LocalText(de="Die Rücksendung wurde abgegeben.", en="The return was handed in."),
}


@dataclass(frozen=True)
class Scenario:
    """A situation a customer can be in.

    Attributes:
        count: how many orders of the demo are in it.
        age: about how many days ago such an order was placed; older ones have lower numbers.
        what: what is the matter, for `zusage shop samples`.
        ask: what a customer would ask, in German and English.
    """

    count: int
    age: int
    what: str
    ask: LocalText


def _situations() -> dict[str, Scenario]:
    data = yaml.safe_load(SITUATIONS.read_text(encoding="utf-8"))
    return {
        name: Scenario(entry["count"], entry["age"], entry["what"], LocalText(**entry["ask"]))
        for name, entry in data.items()
    }


SCENARIOS = _situations()


@dataclass(frozen=True)
class DemoData:
    """A whole shop. ``samples`` names the orders of each scenario."""

    customers: list[Customer]
    products: list[Product]
    orders: list[Order]
    vouchers: list[Voucher]
    samples: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class _Draft:
    """An order in the making."""

    rng: random.Random
    number: str
    customer: Customer
    lines: list[Line]
    placed_on: date
    option: str
    payment_kind: PaymentKind
    address: Address
    discount: Money
    shipping: Money
    carrier: str


def make_shop(seed: int, now: datetime, policies: Policies, calendar: Calendar) -> DemoData:
    """Make the shop of one seed and one day.

    Args:
        seed: another one makes other people and orders.
        now: only its day counts.
        policies: delivery options and periods the orders keep to.
        calendar: working days and holidays.
    """
    return _ShopMaker(seed, calendar.day(now), policies, calendar).make()


class _ShopMaker:
    def __init__(self, seed: int, today: date, policies: Policies, calendar: Calendar) -> None:
        self.seed = seed
        self.today = today
        self.policies = policies
        self.calendar = calendar
        self.assortment: dict[str, Any] = yaml.safe_load(ASSORTMENT.read_text(encoding="utf-8"))
        self.personalised = {entry["id"] for entry in self.assortment["products"] if entry.get("personalised")}
        self.products = self._products()
        self.customers = self._customers()

    def make(self) -> DemoData:
        makers: dict[str, Callable[[_Draft], Order]] = {
            name.removeprefix("_make_"): getattr(self, name) for name in dir(self) if name.startswith("_make_")
        }
        # The number grows with the order's age as planned, so it is the same every day.
        plan = [(name, index) for name, scenario in SCENARIOS.items() for index in range(scenario.count)]
        spread = random.Random(f"{self.seed}:numbers")  # noqa: S311 - believable, not secret
        number = 104_100
        orders: list[Order] = []
        samples: dict[str, list[str]] = {name: [] for name in SCENARIOS}
        spread.shuffle(plan)
        for name, index in sorted(plan, key=lambda entry: -SCENARIOS[entry[0]].age):
            number += spread.randint(1, 9)
            draft = self._draft(name, index, f"LM-{number}")
            order = makers[name](draft)
            orders.append(order)
            samples[name].append(order.number)
        return DemoData(self.customers, self.products, orders, self._vouchers(), samples)

    # The assortment and the people

    def _products(self) -> list[Product]:
        rng = random.Random(f"{self.seed}:stock")  # noqa: S311
        sizes = self.assortment["sizes"]
        return [
            Product(
                id=entry["id"],
                name=entry["name"],
                name_en=entry["en"],
                category=entry["category"],
                description=entry["text"],
                description_en=entry["text_en"],
                attributes={str(key): str(value) for key, value in entry["attributes"].items()},
                url=f"{self.policies.shop.website}/{entry['id']}",
                variants=tuple(
                    self._variant(rng, entry, colour, size)
                    for colour in (entry["colours"] or [None])
                    for size in (sizes[entry["sizes"]] or [None])
                ),
            )
            for entry in self.assortment["products"]
        ]

    def _variant(self, rng: random.Random, entry: dict[str, Any], colour: str | None, size: str | None) -> Variant:
        german, english = self.assortment["colours"][colour] if colour else ("", "")
        options = ({"Farbe": german} if colour else {}) | ({"Größe": size} if size else {})
        stock = rng.choices([0, rng.randint(1, 3), rng.randint(4, 60)], weights=[12, 12, 76])[0]
        sku = "-".join(filter(None, [entry["id"].upper(), colour and colour[:2].upper(), size]))
        return Variant(
            sku=fold(sku).upper().replace("–", "-"),
            name=", ".join(options.values()),
            name_en=", ".join(filter(None, [english, size])) or None,
            options=options,
            price=Money(cents=parse_amount(entry["price"]), currency=CURRENCY),
            stock=stock,
            restock_on=self.calendar.after(self.today, rng.randint(3, 18))
            if stock == 0 and rng.random() < 0.7
            else None,
        )

    def _customers(self) -> list[Customer]:
        rng = random.Random(f"{self.seed}:people")  # noqa: S311
        german, english = Faker("de_DE"), Faker("en_GB")
        german.seed_instance(self.seed)
        english.seed_instance(self.seed)
        taken: set[str] = set()
        customers = []
        for index in range(CUSTOMERS):
            speaks_english = rng.random() < 0.09
            names = english if speaks_english else german
            first, last = names.first_name(), names.last_name()
            mailbox = fold(f"{first}.{last}").replace(" ", "-").replace("'", "")
            while mailbox in taken:
                mailbox += str(rng.randint(2, 99))
            taken.add(mailbox)
            address = self._address(rng, f"{first} {last}")
            guest = rng.random() < 0.3
            options: list[PaymentOption] = []
            if not guest:
                options.append(PaymentOption(id="paypal", kind=PaymentKind.PAYPAL, label="PayPal"))
                if rng.random() < 0.5:
                    brand = rng.choice(("Visa", "Mastercard"))
                    options.append(
                        PaymentOption(id="card", kind=PaymentKind.CARD, label=f"{brand} •••• {rng.randint(1000, 9999)}")
                    )
                if rng.random() < 0.3:
                    options.append(
                        PaymentOption(
                            id="gift_card",
                            kind=PaymentKind.GIFT_CARD,
                            label=f"Geschenkkarte •••• {rng.randint(1000, 9999)}",
                            balance=Money(cents=rng.choice((2500, 5000, 15000, 30000)), currency=CURRENCY),
                        )
                    )
            extra = (self._address(rng, f"{first} {last}"),) if not guest and rng.random() < 0.2 else ()
            customers.append(
                Customer(
                    id=f"K{20_000 + index}",
                    email=f"{mailbox}@{rng.choice(MAIL_DOMAINS)}",
                    first_name=first,
                    last_name=last,
                    # Numbers the Federal Network Agency keeps free for films.
                    phone=f"+49 171 39200{rng.randint(10, 99)}" if rng.random() < 0.6 else None,
                    language="en" if speaks_english else "de",
                    guest=guest,
                    newsletter=rng.random() < 0.3,
                    addresses=(address, *extra),
                    payment_options=tuple(options),
                )
            )
        return customers

    def _address(self, rng: random.Random, name: str) -> Address:
        postcode, _, city = rng.choice(TOWNS).partition(" ")
        house = str(rng.randint(1, 120)) + rng.choice(("", "", "", "", "a", "b"))
        return Address(name=name, street=f"{rng.choice(STREETS)} {house}", postcode=postcode, city=city, country="DE")

    def _vouchers(self) -> list[Voucher]:
        day = self.today
        return [
            Voucher(
                code="WATT10",
                kind="percent",
                percent=10,
                min_total=Money(cents=4000),
                valid_from=day - timedelta(days=20),
                valid_until=day + timedelta(days=25),
                excluded_categories=("Geschenkkarten",),
            ),
            Voucher(
                code="MOIN5",
                kind="amount",
                value=Money(cents=500),
                min_total=Money(cents=3000),
                valid_until=day + timedelta(days=60),
            ),
            Voucher(code="HERBST15", kind="percent", percent=15, valid_until=day - timedelta(days=6)),
            Voucher(code="NIKOLAUS", kind="percent", percent=12, valid_from=day + timedelta(days=9)),
            Voucher(code="STURM20", kind="amount", value=Money(cents=2000), uses_left=0),
            Voucher(code="GK-7H4K-92MP", kind="gift_card", balance=Money(cents=3750), value=Money(cents=5000)),
        ]

    # One order

    def _draft(self, scenario: str, index: int, number: str) -> _Draft:
        rng = random.Random(f"{self.seed}:{scenario}:{index}")  # noqa: S311
        customer = rng.choice(self.customers)
        address = customer.addresses[0]
        if scenario == "abroad":
            country, postcode, city = ABROAD[index % len(ABROAD)]
            address = Address(name=customer.name, street=address.street, postcode=postcode, city=city, country=country)
        pick = {
            "partly_shipped": (2, 4),
            "delivered_twice": (2, 4),
            "partly_returned": (2, 3),
            "partly_cancelled": (2, 3),
            "exchange": (1, 1),
        }.get(scenario, (1, 3))
        lines = self._lines(rng, rng.randint(*pick), scenario)
        kinds = [PaymentKind.PAYPAL, PaymentKind.CARD, PaymentKind.DIRECT_DEBIT, PaymentKind.INVOICE]
        kind = rng.choices(kinds[:3], weights=[55, 30, 15])[0]
        option = rng.choices(["standard", "express", "evening"], weights=[84, 10, 6])[0]
        if scenario == "abroad":
            option = "standard"
        subtotal = sum((line.price * line.quantity for line in lines), Money(cents=0))
        discount = Money(cents=subtotal.cents // 10 if rng.random() < 0.12 else 0)
        carrier = {"AT": "post", "CH": "swisspost"}.get(address.country) or rng.choices(
            ["dhl", "dpd", "hermes", "gls"], weights=[60, 15, 15, 10]
        )[0]
        shipping_option = self.policies.delivery.options[option]
        free_from = self.policies.delivery.free_from
        free = shipping_option.free and free_from is not None and (subtotal - discount).cents >= free_from.cents
        shipping = Money(cents=0 if free else shipping_option.price.cents)
        country_rule = self.policies.delivery.countries.get(address.country)
        if country_rule is not None:
            shipping += country_rule.extra_cost
        return _Draft(
            rng=rng,
            number=number,
            customer=customer,
            lines=lines,
            placed_on=self.today,
            option=option,
            payment_kind=kind,
            address=address,
            discount=discount,
            shipping=shipping,
            carrier=carrier,
        )

    def _lines(self, rng: random.Random, count: int, scenario: str) -> list[Line]:
        cannot = {"Tee", "Geschenkkarten"}
        normal = [p for p in self.products if p.category not in cannot and p.id not in self.personalised]
        sized = [p for p in normal if "Größe" in p.variants[0].options]
        special = [p for p in self.products if p not in normal]
        if scenario == "exchange":
            products: Sequence[Product] = rng.sample(sized, 1)
        elif scenario == "delivered_not_returnable":
            products = rng.sample(special, 1) + rng.sample(normal, count - 1)
        elif scenario == "delivered":
            # The tour says "the jacket does not fit": the article must be called one, in both languages.
            jackets = [p for p in sized if "jacke" in p.name.lower() and "jacket" in (p.name_en or "").lower()]
            products = rng.sample(jackets, 1) + rng.sample([p for p in normal if p not in sized], count - 1)
        elif scenario in {"processing", "partly_shipped"}:
            products = rng.sample(sized, 1) + rng.sample([p for p in normal if p not in sized], count - 1)
        else:
            weighted = normal * 4 + special
            products = []
            while len(products) < count:
                product = rng.choice(weighted)
                if product not in products:
                    products.append(product)
        lines = []
        for position, product in enumerate(products, start=1):
            variant = rng.choice(product.variants)
            lines.append(
                Line(
                    id=str(position),
                    sku=variant.sku,
                    product_id=product.id,
                    name=product.name,
                    name_en=product.name_en,
                    variant=variant.name,
                    variant_en=variant.name_en,
                    category=product.category,
                    quantity=rng.choices([1, 2, 3], weights=[82, 14, 4])[0],
                    price=variant.price,
                    not_returnable="personalised" if product.id in self.personalised else None,
                )
            )
        return lines

    def _at(self, rng: random.Random, day: date, hour: int, span: int = 1) -> datetime:
        return self.calendar.at(day, time(hour, rng.randint(0, 59), rng.randint(0, 59))) + timedelta(
            hours=rng.randint(0, max(0, span - 1))
        )

    def _order(self, draft: _Draft, stage: Stage, **facts: Any) -> Order:
        rng = draft.rng
        placed = (
            self._at(rng, draft.placed_on, 8, 14) if draft.placed_on < self.today else self._at(rng, self.today, 0, 5)
        )
        order = Order(
            number=draft.number,
            customer_id=draft.customer.id,
            email=draft.customer.email,
            language=draft.customer.language,
            stage=stage,
            placed_at=placed,
            lines=tuple(draft.lines),
            shipping_cost=draft.shipping,
            discount=draft.discount,
            shipping_address=draft.address,
            billing_address=draft.customer.addresses[0],
            delivery_option=draft.option,
            promised_on=facts.pop("promised_on", None),
            version="1",
        )
        payment = facts.pop("payment", None) or self._paid(draft, order, placed)
        dispatched = stage in {Stage.PARTLY_SHIPPED, Stage.SHIPPED, Stage.DELIVERED, Stage.RETURNED}
        facts.setdefault(
            "invoice_number", f"RE-{placed.year}-{draft.number.removeprefix('LM-')}" if dispatched else None
        )
        return order.model_copy(update={"payments": (payment,), **facts})

    def _paid(self, draft: _Draft, order: Order, placed: datetime) -> Payment:
        kept = next((o for o in draft.customer.payment_options if o.kind is draft.payment_kind), None)
        label = kept.label if kept else self.policies.payment[draft.payment_kind].name.de
        return Payment(
            id="1",
            kind=draft.payment_kind,
            label=label,
            option_id=kept.id if kept else None,
            status=PaymentStatus.PAID,
            amount=order.ordered_total,
            paid_at=placed,
        )

    def _unpaid(self, draft: _Draft, kind: PaymentKind, status: PaymentStatus, pay_by: date | None) -> Payment:
        goods = sum((line.price * line.quantity for line in draft.lines), Money(cents=0))
        return Payment(
            id="1",
            kind=kind,
            label=self.policies.payment[kind].name.de,
            status=status,
            amount=goods + draft.shipping - draft.discount,
            pay_by=pay_by,
        )

    def _promise(self, draft: _Draft) -> date:
        option = self.policies.delivery.options[draft.option]
        extra = self.policies.delivery.countries[draft.address.country].extra_days
        leaves = self.calendar.after(draft.placed_on, 0)
        return self.calendar.delivered_after(leaves, option.max_days + extra)

    # Parcels

    def _tracking(self, rng: random.Random, carrier: str) -> str:
        digits = {"dhl": ("003404341", 11), "dpd": ("01505", 9), "hermes": ("H100", 16), "gls": ("ZK", 9)}
        prefix, count = digits.get(carrier, ("RR", 11))
        return prefix + "".join(str(rng.randint(0, 9)) for _ in range(count))

    def _shipment(
        self,
        draft: _Draft,
        key: str,
        lines: Sequence[Line],
        shipped_on: date,
        status: ShipmentStatus,
        expected_on: date,
        promised_on: date,
        delivered_on: date | None = None,
        **facts: Any,
    ) -> Shipment:
        rng, carrier = draft.rng, draft.carrier
        number = self._tracking(rng, carrier)
        name = self.policies.delivery.carriers[carrier]
        city = draft.address.city
        hubs = HUBS[carrier]
        shipped = self._at(rng, shipped_on, 17)
        events = [self._event(shipped - timedelta(hours=5), ShipmentStatus.ANNOUNCED, None, "announced", name)]
        if status is not ShipmentStatus.ANNOUNCED:
            events.append(self._event(shipped, ShipmentStatus.IN_TRANSIT, "Hamburg", "accepted", name))
            hub_day = min(shipped_on + timedelta(days=1), self.today)
            if hub_day > shipped_on:
                hub = self._at(rng, hub_day, 1, 3)
                events.append(self._event(hub, ShipmentStatus.IN_TRANSIT, rng.choice(hubs), "hub", name))
        moved = status not in {ShipmentStatus.ANNOUNCED, ShipmentStatus.IN_TRANSIT, ShipmentStatus.DELAYED}
        moved = moved and status is not ShipmentStatus.LOST
        last = delivered_on or facts.pop("last_on", None) or expected_on
        if moved:
            events.append(self._event(self._at(rng, last, 4), ShipmentStatus.IN_TRANSIT, city, "region", name))
            events.append(
                self._event(self._at(rng, last, 6), ShipmentStatus.OUT_FOR_DELIVERY, city, "out_for_delivery", name)
            )
        delivered = None
        if status is ShipmentStatus.DELIVERED:
            delivered = self._at(rng, last, 9, 8)
            neighbour = facts.get("delivered_to")
            text = "neighbour" if neighbour else "delivered"
            events.append(self._event(delivered, status, city, text, name, neighbour))
        elif status is ShipmentStatus.DELAYED:
            day = self.calendar.delivery_day_before(self.today - timedelta(days=1), 0)
            if day > shipped_on:
                events.append(self._event(self._at(rng, day, 11), status, rng.choice(hubs), "delayed", name))
        elif status is ShipmentStatus.LOST:
            events.append(self._event(self._at(rng, self.today - timedelta(days=2), 15), status, None, "lost", name))
        elif status in {ShipmentStatus.DELIVERY_FAILED, ShipmentStatus.READY_FOR_PICKUP}:
            events.append(self._event(self._at(rng, last, 13), status, city, status.value, name))
        return Shipment(
            id=key,
            carrier=carrier,
            tracking_number=number,
            tracking_url=f"{self.policies.shop.website}/sendung/{number}",
            status=status,
            lines=tuple(LineQuantity(line_id=line.id, quantity=line.kept) for line in lines),
            shipped_at=None if status is ShipmentStatus.ANNOUNCED else shipped,
            promised_on=promised_on,
            expected_on=expected_on,
            delivered_at=delivered,
            events=tuple(events),
            **facts,
        )

    def _event(
        self, at: datetime, status: ShipmentStatus, where: str | None, text: str, carrier: str, place: str | None = None
    ) -> TrackingEvent:
        words = TEXTS[text]
        filled = LocalText(
            de=words.de.format(carrier=carrier, place=place), en=words.en.format(carrier=carrier, place=place)
        )
        return TrackingEvent(at=at, status=status, place=where, text=filled)

    # Before dispatch

    def _make_awaiting_payment(self, draft: _Draft) -> Order:
        draft.placed_on = self.today - timedelta(days=draft.rng.randint(1, 4))
        pay_by = draft.placed_on + timedelta(days=self.policies.payment[PaymentKind.PREPAYMENT].pay_days)
        payment = self._unpaid(draft, PaymentKind.PREPAYMENT, PaymentStatus.OPEN, pay_by)
        return self._order(draft, Stage.AWAITING_PAYMENT, payment=payment)

    def _make_payment_failed(self, draft: _Draft) -> Order:
        draft.placed_on = self.today - timedelta(days=draft.rng.randint(0, 2))
        payment = self._unpaid(draft, PaymentKind.CARD, PaymentStatus.FAILED, self.today + timedelta(days=3))
        return self._order(draft, Stage.AWAITING_PAYMENT, payment=payment, late_cause="payment")

    def _make_on_hold(self, draft: _Draft) -> Order:
        draft.placed_on = self.today - timedelta(days=draft.rng.randint(1, 3))
        draft.address = draft.address.model_copy(update={"street": draft.address.street.rsplit(" ", 1)[0]})
        return self._order(draft, Stage.ON_HOLD)

    def _fresh(self, draft: _Draft) -> date:
        """Place an order so lately that it cannot have left yet; return the day it is promised for."""
        draft.placed_on = self.today - timedelta(days=1 if draft.rng.random() < 0.7 else 0)
        return self._promise(draft)

    def _make_processing(self, draft: _Draft) -> Order:
        promised = self._fresh(draft)
        return self._order(draft, Stage.PROCESSING, promised_on=promised, expected_on=promised)

    def _make_processing_invoice(self, draft: _Draft) -> Order:
        promised = self._fresh(draft)
        payment = self._unpaid(draft, PaymentKind.INVOICE, PaymentStatus.OPEN, None)
        return self._order(draft, Stage.PROCESSING, promised_on=promised, expected_on=promised, payment=payment)

    def _make_packed(self, draft: _Draft) -> Order:
        promised = self._fresh(draft)
        leaves = self.calendar.after(self.today, 0)
        shipment = self._shipment(draft, "1", draft.lines, self.today, ShipmentStatus.ANNOUNCED, promised, promised)
        events = tuple(event.model_copy(update={"at": self._at(draft.rng, self.today, 5)}) for event in shipment.events)
        shipment = shipment.model_copy(update={"events": events})
        promised = max(promised, self.calendar.delivered_after(leaves, 1))
        return self._order(draft, Stage.PROCESSING, promised_on=promised, expected_on=promised, shipments=(shipment,))

    def _make_late_stock(self, draft: _Draft) -> Order:
        draft.placed_on = self.today - timedelta(days=draft.rng.randint(8, 14))
        promised = self._promise(draft)
        expected = self.calendar.after(self.today, draft.rng.randint(2, 6))
        return self._order(draft, Stage.PROCESSING, promised_on=promised, expected_on=expected, late_cause="stock")

    # On the way

    def _underway(self, draft: _Draft, days_ago: int) -> date:
        """Place an order that left so many working days ago; return the day it left."""
        shipped = self.calendar.working_day_before(self.today - timedelta(days=1), max(0, days_ago - 1))
        draft.placed_on = self.calendar.working_day_before(shipped, 1 if draft.rng.random() < 0.4 else 0)
        if draft.placed_on == shipped:
            draft.placed_on -= timedelta(days=1)
        return shipped

    def _make_in_transit(self, draft: _Draft) -> Order:
        shipped = self._underway(draft, 1)
        draft.option = "standard"
        expected = self.calendar.delivered_after(self.today, draft.rng.randint(1, 2))
        promised = max(self._promise(draft), expected)
        window = None
        if draft.rng.random() < 0.4:
            start = draft.rng.choice((9, 10, 12, 14, 16))
            window = Window(start=f"{start:02d}:00", end=f"{start + 3:02d}:00")
        shipment = self._shipment(
            draft, "1", draft.lines, shipped, ShipmentStatus.IN_TRANSIT, expected, promised, window=window
        )
        return self._order(draft, Stage.SHIPPED, promised_on=promised, expected_on=expected, shipments=(shipment,))

    _make_abroad = _make_in_transit

    def _make_out_for_delivery(self, draft: _Draft) -> Order:
        shipped = self._underway(draft, 2)
        draft.option = "standard"
        day = self.today if self.calendar.is_delivery(self.today) else self.calendar.delivered_after(self.today, 1)
        promised = max(self._promise(draft), day)
        start = draft.rng.choice((9, 11, 13, 15, 17))
        shipment = self._shipment(
            draft,
            "1",
            draft.lines,
            shipped,
            ShipmentStatus.OUT_FOR_DELIVERY,
            day,
            promised,
            last_on=self.today,
            window=Window(start=f"{start:02d}:00", end=f"{start + 2:02d}:00"),
        )
        return self._order(draft, Stage.SHIPPED, promised_on=promised, expected_on=day, shipments=(shipment,))

    def _make_ready_for_pickup(self, draft: _Draft) -> Order:
        shipped = self._underway(draft, 4)
        arrived = self.calendar.delivery_day_before(self.today - timedelta(days=1), 0)
        promised = max(self._promise(draft), arrived)
        draft.carrier = "dhl"
        place = draft.rng.choice(
            (
                f"Packstation {draft.rng.randint(101, 199)}, {draft.address.postcode} {draft.address.city}",
                f"Postfiliale {draft.rng.randint(501, 560)}, {draft.address.postcode} {draft.address.city}",
            )
        )
        shipment = self._shipment(
            draft,
            "1",
            draft.lines,
            shipped,
            ShipmentStatus.READY_FOR_PICKUP,
            arrived,
            promised,
            last_on=arrived,
            pickup_place=place,
            pickup_until=arrived + timedelta(days=7),
        )
        return self._order(draft, Stage.SHIPPED, promised_on=promised, expected_on=arrived, shipments=(shipment,))

    def _make_delivery_failed(self, draft: _Draft) -> Order:
        shipped = self._underway(draft, 3)
        tried = self.calendar.delivery_day_before(self.today - timedelta(days=1), 0)
        again = self.calendar.delivered_after(self.today - timedelta(days=1), 1)
        promised = max(self._promise(draft), again)
        shipment = self._shipment(
            draft, "1", draft.lines, shipped, ShipmentStatus.DELIVERY_FAILED, again, promised, last_on=tried
        )
        return self._order(draft, Stage.SHIPPED, promised_on=promised, expected_on=again, shipments=(shipment,))

    def _make_delayed(self, draft: _Draft) -> Order:
        shipped = self._underway(draft, draft.rng.randint(5, 8))
        promised = self.calendar.delivery_day_before(self.today - timedelta(days=1), draft.rng.randint(0, 2))
        expected = self.calendar.delivered_after(self.today, draft.rng.randint(1, 3))
        shipment = self._shipment(draft, "1", draft.lines, shipped, ShipmentStatus.DELAYED, expected, promised)
        return self._order(
            draft,
            Stage.SHIPPED,
            promised_on=promised,
            expected_on=expected,
            late_cause="carrier",
            shipments=(shipment,),
        )

    def _make_lost(self, draft: _Draft) -> Order:
        shipped = self._underway(draft, draft.rng.randint(10, 14))
        promised = self._promise(draft)
        shipment = self._shipment(draft, "1", draft.lines, shipped, ShipmentStatus.LOST, promised, promised)
        shipment = shipment.model_copy(update={"expected_on": None})
        claim = Claim(
            number=self._number(draft, "F"),
            kind=ClaimKind.PARCEL_SEARCH,
            status=ClaimStatus.OPEN,
            lines=shipment.lines,
            shipment_id="1",
            created_at=self._at(draft.rng, self.today - timedelta(days=2), 15),
            answer_by=self.calendar.after(self.today, 4),
        )
        return self._order(
            draft,
            Stage.SHIPPED,
            promised_on=promised,
            late_cause="carrier",
            shipments=(shipment,),
            claims=(claim,),
        )

    def _make_partly_shipped(self, draft: _Draft) -> Order:
        delivered = self.calendar.delivery_day_before(self.today - timedelta(days=1), draft.rng.randint(0, 2))
        shipped = self.calendar.working_day_before(delivered - timedelta(days=1), 0)
        draft.placed_on = self.calendar.working_day_before(shipped, 1)
        expected = self.calendar.after(self.today, draft.rng.randint(2, 5))
        # Most customers knew from the start that the rest comes later; for some it was a surprise.
        promised = expected if draft.rng.random() < 0.7 else max(self._promise(draft), delivered)
        split = max(1, len(draft.lines) // 2)
        first = self._shipment(
            draft, "1", draft.lines[:split], shipped, ShipmentStatus.DELIVERED, delivered, promised, delivered
        )
        return self._order(
            draft,
            Stage.PARTLY_SHIPPED,
            promised_on=promised,
            expected_on=expected,
            late_cause="stock",
            shipments=(first,),
        )

    # Delivered

    def _delivered(self, draft: _Draft, days_ago: int, parcels: int = 1, **facts: Any) -> dict[str, Any]:
        """Place an order that was delivered so many days ago, in one parcel or several; return its facts."""
        delivered = self.calendar.delivery_day_before(self.today - timedelta(days=days_ago), 0)
        travel = draft.rng.randint(1, 2)
        shipped = self.calendar.working_day_before(
            self.calendar.delivery_day_before(delivered - timedelta(days=1), travel - 1), 0
        )
        draft.placed_on = self.calendar.working_day_before(shipped, 1 if draft.rng.random() < 0.4 else 0)
        if draft.placed_on == shipped:
            draft.placed_on -= timedelta(days=1)
        promised = max(self._promise(draft), delivered)
        kept = [line for line in draft.lines if line.kept]
        split = max(1, len(kept) // 2) if parcels > 1 else len(kept)
        groups = [group for group in (kept[:split], kept[split:]) if group]
        shipments = tuple(
            self._shipment(
                draft, str(at), group, shipped, ShipmentStatus.DELIVERED, delivered, promised, delivered, **facts
            )
            for at, group in enumerate(groups, start=1)
        )
        return {"promised_on": promised, "expected_on": delivered, "shipments": shipments}

    def _make_delivered(self, draft: _Draft) -> Order:
        return self._order(draft, Stage.DELIVERED, **self._delivered(draft, draft.rng.randint(1, 18)))

    def _make_delivered_neighbour(self, draft: _Draft) -> Order:
        names = ("Krüger", "Özdemir", "Schäfer", "Nowak", "Böhm", "Jansen")
        facts = self._delivered(draft, draft.rng.randint(1, 4), delivered_to=draft.rng.choice(names))
        return self._order(draft, Stage.DELIVERED, **facts)

    def _make_delivered_twice(self, draft: _Draft) -> Order:
        return self._order(draft, Stage.DELIVERED, **self._delivered(draft, draft.rng.randint(2, 12), parcels=2))

    def _make_delivered_not_returnable(self, draft: _Draft) -> Order:
        return self._order(draft, Stage.DELIVERED, **self._delivered(draft, draft.rng.randint(2, 12)))

    def _make_delivered_invoice(self, draft: _Draft) -> Order:
        facts = self._delivered(draft, draft.rng.randint(2, 9))
        pay_by = facts["expected_on"] + timedelta(days=14)
        payment = self._unpaid(draft, PaymentKind.INVOICE, PaymentStatus.OPEN, pay_by)
        return self._order(draft, Stage.DELIVERED, payment=payment, **facts)

    def _make_period_over(self, draft: _Draft) -> Order:
        days = self.policies.operations.create_return.period_days
        return self._order(draft, Stage.DELIVERED, **self._delivered(draft, days + draft.rng.randint(6, 200)))

    # On the way back

    def _number(self, draft: _Draft, prefix: str) -> str:
        return f"{prefix}-{draft.rng.randint(100, 999)}{draft.number[-4:]}"

    def _return(
        self, draft: _Draft, order: Order, status: ReturnStatus, announced_on: date, lines: Sequence[Line]
    ) -> Return:
        rng = draft.rng
        policy = self.policies.operations.create_return
        drop_off = rng.choices(["service_point", "parcel_locker", "store"], weights=[60, 28, 12])[0]
        carrier = None if drop_off == "store" else "dhl"
        created = self._at(rng, announced_on, 9, 11)
        handed_in = self.calendar.delivered_after(announced_on, 1)
        received = None
        events: list[TrackingEvent] = []
        if status is not ReturnStatus.REQUESTED:
            events.append(
                self._event(
                    self._at(rng, handed_in, 16),
                    ShipmentStatus.IN_TRANSIT,
                    draft.address.city,
                    "return_accepted",
                    "DHL",
                )
            )
        if status in {ReturnStatus.RECEIVED, ReturnStatus.COMPLETED}:
            received_on = self.calendar.after(handed_in, 2)
            received = self._at(rng, received_on, 10)
            events.append(self._event(received, ShipmentStatus.DELIVERED, "Hamburg", "return_received", "DHL"))
        amount = goods_value(order, [(line, line.kept) for line in lines])
        base = self.calendar.day(received) if received else self.calendar.day(created) + policy.hand_in
        transit = 0 if received or drop_off == "store" else policy.transit_days
        payment = order.payment
        to = PaymentOption(id="original", kind=PaymentKind.OTHER, label="")
        if payment is not None:
            to = PaymentOption(id=payment.option_id or payment.kind, kind=payment.kind, label=payment.label)
        reasons = ("too_small", "too_large", "does_not_fit", "dislike", "not_as_described")
        return Return(
            number=self._number(draft, "R"),
            status=status,
            lines=tuple(ReturnLine(line_id=line.id, quantity=line.kept, reason=rng.choice(reasons)) for line in lines),
            drop_off=drop_off,
            label=Label(kind="qr", reference=self._number(draft, "L")),
            carrier=carrier,
            tracking_number=self._tracking(rng, carrier) if carrier and events else None,
            created_at=created,
            hand_in_by=self.calendar.day(created) + policy.hand_in,
            received_at=received,
            refund_amount=amount,
            refund_to=to,
            refund_expected_on=self.calendar.after(self.calendar.after(base, transit), policy.refund_days),
            events=tuple(events),
        )

    def _returning(self, draft: _Draft, delivered_ago: int, announced_ago: int, status: ReturnStatus) -> Order:
        facts = self._delivered(draft, delivered_ago)
        order = self._order(draft, Stage.DELIVERED, **facts)
        announced = max(
            self.calendar.day(facts["shipments"][0].delivered_at), self.today - timedelta(days=announced_ago)
        )
        some = status is not ReturnStatus.COMPLETED and draft.rng.random() < 0.5
        count = 1 if some else len(order.lines)
        entry = self._return(draft, order, status, announced, [line for line in order.lines if line.kept][:count])
        return order.model_copy(update={"returns": (entry,)})

    def _make_return_requested(self, draft: _Draft) -> Order:
        return self._returning(draft, draft.rng.randint(4, 10), draft.rng.randint(1, 3), ReturnStatus.REQUESTED)

    def _make_return_in_transit(self, draft: _Draft) -> Order:
        return self._returning(draft, draft.rng.randint(8, 14), 3, ReturnStatus.IN_TRANSIT)

    def _with_refund(self, order: Order, status: RefundStatus, issued: datetime | None, expected_on: date) -> Order:
        entry = order.returns[0]
        assert entry.refund_amount is not None
        assert entry.refund_to is not None
        assert entry.received_at is not None
        refund = Refund(
            id="1",
            amount=entry.refund_amount,
            to=entry.refund_to,
            status=status,
            origin=RefundOrigin.RETURN,
            return_number=entry.number,
            created_at=entry.received_at,
            issued_at=issued,
            expected_on=expected_on,
        )
        everything = sum(part.quantity for part in entry.lines) == sum(line.kept for line in order.lines)
        paid = tuple(
            payment.model_copy(
                update={"status": PaymentStatus.REFUNDED if everything else PaymentStatus.PARTLY_REFUNDED}
            )
            for payment in order.payments
        )
        stage = Stage.RETURNED if everything else order.stage
        changed = entry.model_copy(update={"refund_expected_on": expected_on})
        return order.model_copy(update={"refunds": (refund,), "payments": paid, "stage": stage, "returns": (changed,)})

    def _make_return_received(self, draft: _Draft) -> Order:
        order = self._returning(draft, draft.rng.randint(13, 18), 8, ReturnStatus.RECEIVED)
        received = order.returns[0].received_at
        assert received is not None
        if self.calendar.day(received) >= self.today:
            received = self.calendar.at(
                self.calendar.working_day_before(self.today - timedelta(days=1), 0), time(10, 12)
            )
            entry = order.returns[0]
            events = tuple(
                event.model_copy(update={"at": received}) if event.status is ShipmentStatus.DELIVERED else event
                for event in entry.events
            )
            order = order.model_copy(
                update={"returns": (entry.model_copy(update={"received_at": received, "events": events}),)}
            )
        days = self.policies.operations.create_return.refund_days
        expected = max(self.calendar.after(self.calendar.day(received), days), self.calendar.after(self.today, 1))
        return self._with_refund(order, RefundStatus.PENDING, None, expected)

    def _make_refund_overdue(self, draft: _Draft) -> Order:
        order = self._returning(draft, 28, 24, ReturnStatus.RECEIVED)
        received = order.returns[0].received_at
        assert received is not None
        expected = self.calendar.after(self.calendar.day(received), self.policies.operations.create_return.refund_days)
        return self._with_refund(order, RefundStatus.PENDING, None, min(expected, self.today - timedelta(days=2)))

    def _make_refunded(self, draft: _Draft) -> Order:
        order = self._returning(draft, draft.rng.randint(26, 60), draft.rng.randint(21, 24), ReturnStatus.COMPLETED)
        received = order.returns[0].received_at
        assert received is not None
        issued = self.calendar.after(self.calendar.day(received), draft.rng.randint(1, 4))
        issued_at = self._at(draft.rng, min(issued, self.today - timedelta(days=1)), 9)
        return self._with_refund(order, RefundStatus.ISSUED, issued_at, self.calendar.day(issued_at))

    def _make_partly_returned(self, draft: _Draft) -> Order:
        facts = self._delivered(draft, 26)
        order = self._order(draft, Stage.DELIVERED, **facts)
        entry = self._return(draft, order, ReturnStatus.COMPLETED, self.today - timedelta(days=22), [order.lines[0]])
        order = order.model_copy(update={"returns": (entry,)})
        received = entry.received_at
        assert received is not None
        issued = self._at(draft.rng, self.calendar.after(self.calendar.day(received), 2), 9)
        return self._with_refund(order, RefundStatus.ISSUED, issued, self.calendar.day(issued))

    def _make_exchange(self, draft: _Draft) -> Order:
        facts = self._delivered(draft, draft.rng.randint(6, 10))
        order = self._order(draft, Stage.DELIVERED, **facts)
        line = order.lines[0]
        product = next(product for product in self.products if product.id == line.product_id)
        other = draft.rng.choice([variant for variant in product.variants if variant.sku != line.sku])
        entry = self._return(draft, order, ReturnStatus.IN_TRANSIT, self.today - timedelta(days=3), [line])
        number = entry.number
        expected = self.calendar.delivered_after(self.today, 2)
        replacement = Replacement(
            sku=other.sku,
            name=product.name,
            name_en=product.name_en,
            variant=other.name,
            variant_en=other.name_en,
            quantity=line.kept,
            price=other.price,
            ships="now",
            expected_on=expected,
        )
        entry = entry.model_copy(
            update={
                "kind": ReturnKind.EXCHANGE,
                "replacement": replacement,
                "refund_amount": None,
                "refund_to": None,
                "refund_expected_on": None,
            }
        )
        shipped = self.calendar.working_day_before(self.today - timedelta(days=1), 0)
        parcel = self._shipment(draft, "2", [line], shipped, ShipmentStatus.IN_TRANSIT, expected, expected)
        parcel = parcel.model_copy(update={"replacement_for": number})
        return order.model_copy(update={"returns": (entry,), "shipments": (*order.shipments, parcel)})

    def _make_claim_open(self, draft: _Draft) -> Order:
        facts = self._delivered(draft, draft.rng.randint(2, 4))
        order = self._order(draft, Stage.DELIVERED, **facts)
        line = order.lines[0]
        claim = Claim(
            number=self._number(draft, "F"),
            kind=ClaimKind.DAMAGED,
            status=ClaimStatus.OPEN,
            lines=(LineQuantity(line_id=line.id, quantity=1),),
            wish="replacement",
            description="Die Naht ist aufgegangen." if draft.customer.language == "de" else "The seam came apart.",
            created_at=self._at(draft.rng, self.today - timedelta(days=1), 19),
            answer_by=self.calendar.after(self.today, 2),
        )
        return order.model_copy(update={"claims": (claim,)})

    # Cancelled

    def _cancel(self, draft: _Draft, order: Order, lines: Sequence[Line], day: date, *, issued: bool) -> Order:
        gone = {line.id for line in lines}
        whole = len(gone) == len(order.lines)
        amount = order.ordered_total if whole else goods_value(order, [(line, line.quantity) for line in lines])
        left = tuple(
            line.model_copy(update={"cancelled": line.quantity}) if line.id in gone else line for line in order.lines
        )
        at = self._at(draft.rng, day, 10, 8)
        payment = order.payments[0]
        days = self.policies.operations.cancel_order.refund_days
        refund = Refund(
            id="1",
            amount=amount,
            to=PaymentOption(id=payment.option_id or payment.kind, kind=payment.kind, label=payment.label),
            status=RefundStatus.ISSUED if issued else RefundStatus.PENDING,
            origin=RefundOrigin.CANCELLATION,
            created_at=at,
            issued_at=self._at(draft.rng, self.calendar.after(day, 2), 9) if issued else None,
            expected_on=self.calendar.after(day, days),
        )
        status = PaymentStatus.REFUNDED if whole else PaymentStatus.PARTLY_REFUNDED
        update: dict[str, Any] = {
            "lines": left,
            "refunds": (refund,),
            "payments": (payment.model_copy(update={"status": status}),),
        }
        if whole:
            update |= {"stage": Stage.CANCELLED, "cancelled_at": at, "cancel_reason": "no_longer_needed"}
        return order.model_copy(update=update)

    def _make_cancelled_refund_pending(self, draft: _Draft) -> Order:
        draft.placed_on = self.today - timedelta(days=2)
        promised = self._promise(draft)
        order = self._order(draft, Stage.PROCESSING, promised_on=promised)
        return self._cancel(draft, order, order.lines, self.today - timedelta(days=1), issued=False)

    def _make_cancelled(self, draft: _Draft) -> Order:
        draft.placed_on = self.today - timedelta(days=draft.rng.randint(14, 60))
        order = self._order(draft, Stage.PROCESSING, promised_on=self._promise(draft))
        return self._cancel(draft, order, order.lines, draft.placed_on + timedelta(days=1), issued=True)

    def _make_partly_cancelled(self, draft: _Draft) -> Order:
        draft.placed_on = self.today - timedelta(days=1)
        promised = self._promise(draft)
        order = self._order(draft, Stage.PROCESSING, promised_on=promised, expected_on=promised)
        return self._cancel(draft, order, order.lines[-1:], self.today - timedelta(days=1), issued=False)
