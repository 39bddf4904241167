"""Every operation of docs/operations.md: proof, then policy, then the deed, once, with a trace."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast

from pydantic import BaseModel, ValidationError

from bot.clock import Clock
from bot.errors import InvalidInput, NotFound
from bot.shop.arguments import (
    CancelOrder,
    ConfirmCode,
    CreateReturn,
    MyOrders,
    NoArguments,
    OrderOnly,
    SendCode,
    Verify,
)
from bot.shop.backend import CannotDo, NoStock, ShopBackend, Stale
from bot.shop.calendar import Calendar
from bot.shop.models import Order, normal_number
from bot.shop.order_state import summarise
from bot.shop.policies import Policies
from bot.shop.rules.cancelling import plan_cancellation
from bot.shop.rules.ground import Denied, Ground, Plan
from bot.shop.rules.returning import plan_return
from bot.shop.verification import Verifier
from bot.shop.views import OpeningHours, order_view, plain, shop_view, summary_view

__all__ = ["Answer", "Logged", "Operation", "OperationLog", "Operations"]

TRIES_WHEN_STALE = 3
# Proofs are not kept in the trace; neither are other people's words.
UNTRACED = frozenset({"email", "postcode", "code", "receipt_to", "statement", "name", "address"})


@dataclass(frozen=True)
class Call:
    """One call of one operation."""

    conversation_id: str
    turn_id: str
    address: str | None
    dry_run: bool
    now: datetime


@dataclass(frozen=True)
class Answer:
    """What an operation answers: data, or a denial."""

    ok: bool
    data: dict[str, Any] | None = None
    code: str | None = None
    params: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the envelope of docs/operations.md."""
        if self.ok:
            return {"ok": True, "data": self.data}
        return {"ok": False, "error": {"code": self.code, "params": self.params or {}}}


@dataclass(frozen=True)
class Logged:
    """What the log knows of a key. ``answer`` is None while the first call has not ended, or never will."""

    preview: dict[str, Any] | None
    answer: dict[str, Any] | None


class OperationLog(Protocol):
    """The trace of operations; every method commits."""

    async def find(self, key: str) -> Logged | None:
        """Return what is known of a key."""
        ...

    async def begin(
        self,
        key: str,
        *,
        conversation_id: str,
        turn_id: str,
        name: str,
        order_key: str | None,
        args: Mapping[str, Any],
        preview: Mapping[str, Any] | None,
        at: datetime,
    ) -> None:
        """Write down what is about to be done; a second time only the preview is renewed."""
        ...

    async def finish(self, key: str, answer: Mapping[str, Any], at: datetime) -> None:
        """Write down how it ended."""
        ...


Handler = Callable[[Call, Any], Awaitable["dict[str, Any] | Plan"]]


@dataclass(frozen=True)
class Operation:
    """One operation: its arguments, what does it, and whether its answer is kept for repeated calls."""

    name: str
    args: type[BaseModel]
    run: Handler
    once: bool = False


class Operations:
    """The operations of one shop."""

    def __init__(
        self,
        *,
        backend: ShopBackend,
        policies: Policies,
        calendar: Calendar,
        hours: OpeningHours,
        verifier: Verifier,
        log: OperationLog,
        clock: Clock,
        key: str,
    ) -> None:
        self._backend = backend
        self._policies = policies
        self._calendar = calendar
        self._hours = hours
        self._verifier = verifier
        self._log = log
        self._clock = clock
        self._key = key.encode()
        self._operations: dict[str, Operation] = {}
        for operation in (
            Operation("verify", Verify, self._verify, once=True),
            Operation("send_code", SendCode, self._send_code, once=True),
            Operation("confirm_code", ConfirmCode, self._confirm_code, once=True),
            Operation("my_orders", MyOrders, self._my_orders),
            Operation("order", OrderOnly, self._order),
            Operation("shop_info", NoArguments, self._shop_info),
            Operation("cancel_order", CancelOrder, self._cancel_order, once=True),
            Operation("create_return", CreateReturn, self._create_return, once=True),
        ):
            self.register(operation)

    @property
    def names(self) -> tuple[str, ...]:
        """All operations."""
        return tuple(self._operations)

    @property
    def verifier(self) -> Verifier:
        """Who proved what."""
        return self._verifier

    def register(self, operation: Operation) -> None:
        """Add an operation that belongs to another part, such as searching the knowledge.

        Raises:
            ValueError: if the name is taken.
        """
        if operation.name in self._operations:
            raise ValueError(f"operation {operation.name!r} exists")
        self._operations[operation.name] = operation

    async def call(
        self,
        name: str,
        *,
        conversation_id: str,
        turn_id: str,
        args: Mapping[str, Any],
        dry_run: bool = False,
        address: str | None = None,
    ) -> Answer:
        """Carry out one operation.

        Args:
            name: of the operation.
            conversation_id: whose proofs count.
            turn_id: the same turn, name and arguments have one effect, however often they are called.
            args: of the operation.
            dry_run: tell what would be done.
            address: hash of the network address or channel key, to count attempts.

        Raises:
            NotFound: no such operation.
            InvalidInput: the arguments are wrong.
            ShopUnavailable: the shop system does not answer.
        """
        operation = self._operations.get(name)
        if operation is None:
            raise NotFound(f"there is no operation {name!r}", code="unknown_operation")
        try:
            parsed = operation.args.model_validate(dict(args))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "args"
            raise InvalidInput(f"{name}: {where}: {first['msg']}", code="invalid_arguments") from error
        call = Call(conversation_id, turn_id, address, dry_run, self._clock())
        if not operation.once or dry_run:
            return await self._attempt(operation, call, parsed, None)

        key = self._key_of(call, name, parsed)
        logged = await self._log.find(key)
        if logged is not None and logged.answer is not None:
            return _answer(logged.answer)
        if logged is not None and logged.preview is not None:
            # An earlier call ended between the deed and the note of it.
            applied = await self._backend.applied(key)
            if applied is not None:
                answer = Answer(True, _complete(logged.preview, self._plain(applied)))
                await self._log.finish(key, answer.as_json(), self._clock())
                return answer
        answer = await self._attempt(operation, call, parsed, key)
        await self._log.finish(key, answer.as_json(), self._clock())
        return answer

    async def _attempt(self, operation: Operation, call: Call, args: BaseModel, key: str | None) -> Answer:
        try:
            return Answer(True, await self._carry_out(operation, call, args, key))
        except Denied as denial:
            if key is not None:
                await self._begin(key, call, operation.name, args, None)
            return Answer(False, code=denial.code, params=self._plain(denial.params))

    async def _carry_out(self, operation: Operation, call: Call, args: BaseModel, key: str | None) -> dict[str, Any]:
        for _ in range(TRIES_WHEN_STALE):
            outcome = await operation.run(call, args)
            if not isinstance(outcome, Plan):
                data: dict[str, Any] = self._plain(outcome)
                if key is not None:
                    await self._begin(key, call, operation.name, args, None)
                return data
            data = {"dry_run": call.dry_run, **self._plain(outcome.data)}
            if key is None:
                return data
            await self._begin(key, call, operation.name, args, data)
            try:
                applied = await self._backend.apply(outcome.change, key)
            except Stale:
                continue
            except NoStock as error:
                raise Denied("out_of_stock", sku=error.sku, stock=error.stock, restock_on=None, options=[]) from error
            except CannotDo as error:
                raise Denied("shop_cannot", operation=operation.name) from error
            return _complete(data, self._plain(applied))
        raise Denied("just_changed", order_number=getattr(args, "order_number", None))

    async def _begin(self, key: str, call: Call, name: str, args: BaseModel, preview: Mapping[str, Any] | None) -> None:
        number = getattr(args, "order_number", None)
        await self._log.begin(
            key,
            conversation_id=call.conversation_id,
            turn_id=call.turn_id,
            name=name,
            order_key=normal_number(number)[:40] if number else None,
            args=self._plain(args.model_dump(exclude=set(UNTRACED), exclude_none=True)),
            preview=preview,
            at=call.now,
        )

    def _key_of(self, call: Call, name: str, args: BaseModel) -> str:
        """Make the key that a repeated call has too. Keyed, so that a short proof cannot be guessed from it."""
        body = json.dumps([call.conversation_id, self._plain(args)], sort_keys=True, ensure_ascii=False)
        digest = hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()[:32]
        return f"{call.turn_id}:{name}:{digest}"

    def _plain(self, value: Any) -> Any:
        return plain(value, self._calendar.zone)

    def _ground(self, call: Call) -> Ground:
        return Ground(self._policies, self._calendar, call.now)

    async def _proven(self, call: Call, name: str, order_number: str) -> Order:
        """Return an order that this conversation may act on; deny alike what is not proven and what is not there."""
        need = self._policies.operation(name).needs
        order = await self._backend.order(order_number)
        key = normal_number(order.number) if order is not None else ""
        owner = order.customer_id if order is not None else None
        access = await self._verifier.for_order(call.conversation_id, key, owner, need, call.now)
        if order is None or access is None:
            weaker = await self._verifier.for_order(call.conversation_id, key, owner, "basic", call.now)
            raise Denied("not_verified", need=need, have=weaker.level if weaker else "none", order_number=order_number)
        return order

    def _check_able(self, name: str) -> None:
        if name not in self._backend.abilities:
            raise Denied("shop_cannot", operation=name)

    # Proof

    async def _verify(self, call: Call, args: Verify) -> dict[str, Any]:
        return await self._verifier.verify(
            call.conversation_id, call.address, args.order_number, args.email, args.postcode, call.now
        )

    async def _send_code(self, call: Call, args: SendCode) -> dict[str, Any]:
        return await self._verifier.send_code(
            call.conversation_id, call.address, args.order_number, args.email, call.now
        )

    async def _confirm_code(self, call: Call, args: ConfirmCode) -> dict[str, Any]:
        return await self._verifier.confirm_code(call.conversation_id, call.address, args.code, call.now)

    # Looking things up

    async def _my_orders(self, call: Call, args: MyOrders) -> dict[str, Any]:
        grants = await self._verifier.grants(call.conversation_id, call.now)
        if not grants:
            raise Denied("not_verified", need="basic", have="none", order_number=None)
        orders: dict[str, Order] = {}
        for customer_id in dict.fromkeys(grant.customer_id for grant in grants if grant.level == "full"):
            for order in await self._backend.orders_of(customer_id, args.limit + 1):
                orders[normal_number(order.number)] = order
        for grant in grants:
            if grant.order_key and grant.order_key not in orders:
                order_or_none = await self._backend.order(grant.order_key)
                if order_or_none is not None and order_or_none.customer_id == grant.customer_id:
                    orders[grant.order_key] = order_or_none
        oldest = datetime.min.replace(tzinfo=call.now.tzinfo)
        newest_first = sorted(orders.values(), key=lambda order: order.placed_at or oldest, reverse=True)
        return {
            "level": await self._verifier.level(call.conversation_id, call.now),
            "orders": [
                summary_view(summarise(order, self._calendar, call.now), self._calendar.zone)
                for order in newest_first[: args.limit]
            ],
            "more": len(newest_first) > args.limit,
        }

    async def _order(self, call: Call, args: OrderOnly) -> dict[str, Any]:
        order = await self._proven(call, "order", args.order_number)
        customer = await self._backend.customer(order.customer_id)
        name = customer.name if customer is not None else ""
        return order_view(order, name, self._ground(call), self._backend.abilities)

    async def _shop_info(self, call: Call, args: NoArguments) -> dict[str, Any]:
        return shop_view(self._ground(call), self._hours)

    # Changing an order

    async def _cancel_order(self, call: Call, args: CancelOrder) -> Plan:
        order = await self._proven(call, "cancel_order", args.order_number)
        self._check_able("cancel_order")
        return plan_cancellation(order, args, self._ground(call))

    async def _create_return(self, call: Call, args: CreateReturn) -> Plan:
        order = await self._proven(call, "create_return", args.order_number)
        self._check_able("create_return")
        return plan_return(order, args, self._ground(call))


def _answer(stored: Mapping[str, Any]) -> Answer:
    if stored["ok"]:
        return Answer(True, cast("dict[str, Any]", stored["data"]))
    return Answer(False, code=stored["error"]["code"], params=stored["error"]["params"])


def _complete(data: dict[str, Any], applied: dict[str, Any]) -> dict[str, Any]:
    """Put in what only exists afterwards: numbers and labels."""
    done = dict(data, dry_run=False)
    if "number" in done and applied["number"]:
        done["number"] = applied["number"]
    if done.get("label") and applied["label"]:
        done["label"] = applied["label"]
    if done.get("return") and applied["return_number"]:
        done["return"] = {**done["return"], "number": applied["return_number"], "label": applied["return_label"]}
    return done
