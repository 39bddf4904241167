"""The shop's rules as data: reads and checks policies.yml. What each rule means is in docs/shop.md."""

from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.errors import InvalidInput
from bot.shop.models import LocalText, PaymentKind, Stage, normal_number
from bot.shop.money import Money

__all__ = [
    "CancelPolicy",
    "ChangePolicy",
    "ClaimPolicy",
    "Delivery",
    "DeliveryOption",
    "ItemsPolicy",
    "Level",
    "OperationPolicy",
    "Policies",
    "ReturnPolicy",
    "StateRule",
    "load_policies",
]

Level = Literal["none", "basic", "full"]
DropOff = Literal["service_point", "parcel_locker", "store", "collection"]
LabelKind = Literal["qr", "pdf"]
RefundTo = Literal["original", "gift_card"]

BEFORE_DISPATCH = (Stage.AWAITING_PAYMENT, Stage.ON_HOLD, Stage.PROCESSING)
AFTER_DELIVERY = (Stage.DELIVERED, Stage.PARTLY_SHIPPED, Stage.SHIPPED, Stage.RETURNED)


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Country(_Rule):
    """A country the shop delivers to."""

    name: LocalText
    extra_cost: Money = Money(cents=0)
    extra_days: int = Field(0, ge=0, description="working days on top of the option's")
    postcode: str = Field(r"[0-9A-Z ]{3,10}", description="regular expression a postcode must match")


class DeliveryOption(_Rule):
    """A way of shipping."""

    name: LocalText
    text: LocalText
    price: Money
    min_days: int = Field(ge=0, description="working days after dispatch")
    max_days: int = Field(ge=0)
    countries: tuple[str, ...] | None = Field(None, description="null: all countries")
    free: bool = Field(True, description="free from delivery.free_from on")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_days < self.min_days:
            raise ValueError("max_days is less than min_days")
        return self


class Delivery(_Rule):
    """How goods get to the customer."""

    cutoff: time = Field(description="orders before this time of a working day leave the same day")
    carriers: dict[str, str] = Field(description="name of each carrier's key")
    free_from: Money | None = None
    countries: dict[str, Country]
    options: dict[str, DeliveryOption]
    wishes: tuple[Literal["day", "window", "locker", "neighbour", "store", "safe_place"], ...] = ()
    windows: tuple[str, ...] = Field((), description="time windows carriers offer, e.g. 16-18")
    wish_days: int = Field(7, ge=1, description="how far ahead a day can be wished")


class PaymentMethod(_Rule):
    """A way to pay that is open to everyone."""

    name: LocalText
    text: LocalText
    limit: Money | None = Field(None, description="largest order")
    changeable: bool = Field(True, description="an order can be moved to it, also without one kept with the account")
    settles: Literal["by_customer", "after_delivery"] = Field(
        "by_customer", description="when an order is moved to it: the customer pays within pay_days, or after delivery"
    )
    pay_days: int = Field(7, ge=1)

    @property
    def pay_time(self) -> timedelta:
        """How long the customer has to pay."""
        return timedelta(days=self.pay_days)


class Store(_Rule):
    """A shop with a door."""

    name: str
    street: str
    postcode: str
    city: str
    hours: LocalText
    services: tuple[Literal["returns", "pickup", "advice"], ...] = ()


class DropOffPlace(_Rule):
    """A way to hand in a return."""

    name: LocalText
    text: LocalText
    carrier: str | None = None
    labels: tuple[LabelKind, ...] = Field(("qr", "pdf"), min_length=1)
    cost: Money = Money(cents=0)


class Shop(_Rule):
    """Who the shop is."""

    name: str
    email: str
    phone: str
    website: str
    account: dict[str, str] = Field(default_factory=dict, description="register, login, password: addresses")
    privacy_url: str = Field("", description="the shop's privacy page; empty: the chat's own")
    order_prefix: str = Field(
        "",
        pattern=r"^(|[A-Za-z0-9 ./#-]*[A-Za-z][A-Za-z0-9 ./#-]*)$",
        description="what every order number begins with; customers may leave it out: 105804 for LM-105804",
    )
    payment_url: str | None = Field(None, description="where a customer pays an order; {number} is its number")
    newsletter: LocalText | None = None
    stores: dict[str, Store] = Field(default_factory=dict)


class Verification(_Rule):
    """How customers prove who they are, and how often they may try."""

    valid_minutes: int = Field(60, ge=1)
    tries: int = Field(5, ge=1, description="wrong attempts within window_minutes")
    window_minutes: int = Field(15, ge=1)
    tries_per_day: int = Field(10, ge=1)
    answer_after_ms: int = Field(250, ge=0, description="a failed attempt is answered after a multiple of this")
    code_minutes: int = Field(10, ge=1)


class StateRule(_Rule):
    """What one of the shop system's own order states means here."""

    stage: Stage
    done: tuple[str, ...] = Field((), description="operations that count as already used on such an order")


class OperationPolicy(_Rule):
    """What every operation's policy may say."""

    enabled: bool = True
    needs: Level = "basic"
    limit: int | None = Field(None, ge=1, description="times per order")
    limit_with: tuple[str, ...] = Field((), description="operations that share the limit")
    not_after: tuple[str, ...] = Field((), description="operations after which this one is closed")


class CancelPolicy(OperationPolicy):
    """Cancelling before dispatch."""

    stages: tuple[Stage, ...] = (*BEFORE_DISPATCH, Stage.PARTLY_SHIPPED)
    single_lines: bool = True
    reasons: tuple[str, ...] = Field((), description="accepted ones; empty: any")
    reason_required: bool = False
    fee: Money = Money(cents=0)
    refund_to: tuple[RefundTo, ...] = Field(("original",), min_length=1)
    refund_days: int = Field(5, ge=0, description="working days until the money is back")
    instant_refund_kinds: tuple[str, ...] = ("gift_card",)


class ChangePolicy(OperationPolicy):
    """Changing address or payment before dispatch."""

    needs: Level = "full"
    stages: tuple[Stage, ...] = BEFORE_DISPATCH


class PaymentPolicy(ChangePolicy):
    """Changing the payment method."""

    refund_days: int = Field(5, ge=0)


class ItemsPolicy(ChangePolicy):
    """Changing what is ordered."""

    same_product: bool = True
    quantity: bool = True
    removing: bool = True
    adding: bool = False
    refund_days: int = Field(5, ge=0)


class ReturnPolicy(OperationPolicy):
    """Sending something back."""

    stages: tuple[Stage, ...] = AFTER_DELIVERY
    period_days: int = Field(30, ge=1, description="days after delivery")
    reasons: tuple[str, ...] = ()
    reason_required: bool = False
    not_returnable: dict[str, LocalText] = Field(default_factory=dict, description="categories")
    labels: tuple[LabelKind, ...] = Field(("qr", "pdf"), min_length=1)
    drop_offs: dict[DropOff, DropOffPlace] = Field(min_length=1)
    hand_in_days: int = Field(14, ge=1)
    refund_to: tuple[RefundTo, ...] = Field(("original",), min_length=1)
    refund_days: int = Field(7, ge=0, description="working days after the goods arrived")
    transit_days: int = Field(3, ge=0, description="working days a return is usually on its way")
    text: LocalText

    @property
    def period(self) -> timedelta:
        """How long after delivery goods can be returned."""
        return timedelta(days=self.period_days)

    @property
    def hand_in(self) -> timedelta:
        """How long an announced return may take to be handed in."""
        return timedelta(days=self.hand_in_days)


class ExchangePolicy(OperationPolicy):
    """Swapping a delivered item for another variant. Period, drop-offs and labels are those of returns."""

    stages: tuple[Stage, ...] = AFTER_DELIVERY
    same_product: bool = True
    ships: Literal["now", "after_receipt"] = "now"
    reason_required: bool = False
    reasons: tuple[str, ...] = ()


class ClaimPolicy(OperationPolicy):
    """Damaged, wrong or missing goods."""

    stages: tuple[Stage, ...] = AFTER_DELIVERY
    period_days: int = Field(60, ge=1)
    photo_for: tuple[Literal["damaged", "wrong", "missing"], ...] = ()
    wishes: tuple[Literal["replacement", "refund"], ...] = Field(("replacement", "refund"), min_length=1)
    decide_up_to: Money = Field(Money(cents=15000), description="decided at once up to this value, above by a person")
    send_back_from: Money = Field(Money(cents=3000), description="worth less: the customer keeps it")
    answer_days: int = Field(2, ge=1, description="working days a person needs")
    refund_days: int = Field(5, ge=0)


class SearchPolicy(OperationPolicy):
    """A parcel that did not come."""

    period_days: int = Field(60, ge=1)
    overdue_days: int = Field(2, ge=0, description="days after the expected day before a parcel counts as overdue")
    answer_days: int = Field(7, ge=1, description="working days the carrier needs")


class MissingRefundPolicy(OperationPolicy):
    """Money that did not come back."""

    answer_days: int = Field(2, ge=1)


class WarrantyPolicy(OperationPolicy):
    """Goods that broke in use."""

    years: int = Field(2, ge=1)
    answer_days: int = Field(3, ge=1)
    text: LocalText


class RestockPolicy(OperationPolicy):
    """Telling customers that something is back."""

    needs: Level = "none"
    low_stock: int = Field(3, ge=0, description="from here down, stock is called low and named")


class OpenPolicy(OperationPolicy):
    """An operation that needs no proof."""

    needs: Level = "none"


class FullPolicy(OperationPolicy):
    """An operation on all of a customer's data."""

    needs: Level = "full"


class WithdrawalPolicy(OpenPolicy):
    """The legal withdrawal from the contract."""

    needs: Literal["none"] = "none"
    period_days: int = Field(14, ge=14)
    path: str = "/widerruf"


class Operations(_Rule):
    """One policy for each operation that has one."""

    my_orders: OperationPolicy = OperationPolicy()
    order: OperationPolicy = OperationPolicy()
    cancel_order: CancelPolicy = CancelPolicy()
    change_delivery_address: ChangePolicy = ChangePolicy()
    change_payment_method: PaymentPolicy = PaymentPolicy()
    change_items: ItemsPolicy = ItemsPolicy()
    create_return: ReturnPolicy
    resend_label: OperationPolicy = OperationPolicy()
    exchange: ExchangePolicy = ExchangePolicy()
    claim_item: ClaimPolicy = ClaimPolicy()
    search_parcel: SearchPolicy = SearchPolicy()
    reschedule_delivery: OperationPolicy = OperationPolicy()
    report_missing_refund: MissingRefundPolicy = MissingRefundPolicy()
    warranty_claim: WarrantyPolicy
    notify_restock: RestockPolicy = RestockPolicy()
    resend_invoice: OperationPolicy = OperationPolicy()
    resend_confirmation: OperationPolicy = OperationPolicy()
    check_voucher: OpenPolicy = OpenPolicy()
    newsletter: OpenPolicy = OpenPolicy()
    privacy_request: FullPolicy = FullPolicy()
    withdraw_contract: WithdrawalPolicy = WithdrawalPolicy()

    @model_validator(mode="after")
    def _known_operations(self) -> Self:
        known = set(type(self).model_fields)
        for name in known:
            policy: OperationPolicy = getattr(self, name)
            for other in (*policy.limit_with, *policy.not_after):
                if other not in known:
                    raise ValueError(f"{name} names an unknown operation {other!r}")
        return self


class Policies(_Rule):
    """The whole file."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    shop: Shop
    delivery: Delivery
    payment: dict[PaymentKind, PaymentMethod]
    verification: Verification = Verification()
    operations: Operations
    states: dict[str, StateRule] = Field(default_factory=dict, description="the shop system's own order states")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known = set(Operations.model_fields)
        for word, state in self.states.items():
            if unknown := set(state.done) - known:
                raise ValueError(f"states.{word}.done names unknown operations: {', '.join(sorted(unknown))}")
        for key, option in self.delivery.options.items():
            if unknown := set(option.countries or ()) - set(self.delivery.countries):
                raise ValueError(f"delivery.options.{key}.countries: {', '.join(unknown)} not in delivery.countries")
        for key, place in self.operations.create_return.drop_offs.items():
            if place.carrier is not None and place.carrier not in self.delivery.carriers:
                raise ValueError(f"create_return.drop_offs.{key}.carrier is not in delivery.carriers: {place.carrier}")
        return self

    def operation(self, name: str) -> OperationPolicy:
        """Return the policy of an operation; one that has none of its own is open to everyone."""
        policy = getattr(self.operations, name, None)
        return policy if isinstance(policy, OperationPolicy) else OpenPolicy()

    def whole_number(self, order_number: str) -> str:
        """Return an order number with the shop's prefix, where somebody wrote its digits only."""
        bare = normal_number(order_number)
        return f"{self.shop.order_prefix}{bare}" if self.shop.order_prefix and bare.isdecimal() else order_number

    def with_privacy_page(self, url: str) -> Self:
        """Return the same policies with a privacy page, where the shop names none of its own."""
        if self.shop.privacy_url:
            return self
        return self.model_copy(update={"shop": self.shop.model_copy(update={"privacy_url": url})})

    def state(self, word: str) -> StateRule | None:
        """Return what a state of the shop system means, or None if neither this file nor we know the word."""
        if word in self.states:
            return self.states[word]
        folded = word.strip().lower().replace(" ", "_").replace("-", "_")
        return StateRule(stage=Stage(folded)) if folded in set(Stage) else None


def load_policies(path: Path) -> Policies:
    """Read a policy file.

    Raises:
        InvalidInput: if it is missing, is not YAML or breaks a rule; the message names the place.
    """
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidInput(f"policy file {path} is missing; set ZUSAGE_POLICIES", code="policies_missing") from error
    except yaml.YAMLError as error:
        raise InvalidInput(f"{path} is not YAML: {error}", code="policies_invalid") from error
    try:
        return Policies.model_validate(data)
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors())
        raise InvalidInput(f"{path}: {places}", code="policies_invalid") from error
