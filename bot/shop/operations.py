"""Carries out the operations of docs/operations.md: arguments, preview or deed, once, with a trace."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Protocol, cast
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from bot.clock import Clock
from bot.errors import InvalidInput, NotFound
from bot.shop.backend import CannotDo, NoStock, ShopBackend, Stale
from bot.shop.changes import Applied
from bot.shop.mailing import Mail, Mailer
from bot.shop.models import normal_number
from bot.shop.rules.ground import Denied, Plan
from bot.shop.views import plain

__all__ = ["Answer", "Call", "Logged", "Operation", "OperationLog", "Operations"]

TRIES_WHEN_STALE = 3
# Not kept in the trace: proofs, and whatever else says who somebody is.
UNTRACED = frozenset({"address", "code", "email", "name", "postcode", "receipt_to", "statement"})


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

    async def done(self, name: str, *, conversation_id: str, turn_id: str) -> dict[str, Any] | None:
        """Return the answer of an operation that a turn carried out, whatever its arguments; None if it did not."""
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
    """One operation.

    Attributes:
        name: as called.
        args: what it takes.
        run: answers data, or plans a change.
        once: its answer is kept, so that a repeated call of the same turn has the effects of one.
    """

    name: str
    args: type[BaseModel]
    run: Handler
    once: bool = False


class Operations:
    """The operations of one shop."""

    def __init__(
        self,
        operations: Iterable[Operation],
        *,
        backend: ShopBackend,
        log: OperationLog,
        mailer: Mailer | None,
        zone: ZoneInfo,
        clock: Clock,
        key: str,
        whole_number: Callable[[str], str] = str,
    ) -> None:
        """``whole_number`` completes an order number of which a customer wrote the digits only."""
        self._whole_number = whole_number
        self._operations: dict[str, Operation] = {}
        self._backend = backend
        self._log = log
        self._mailer = mailer
        self._zone = zone
        self._clock = clock
        self._key = key.encode()
        for operation in operations:
            self.register(operation)

    @property
    def all(self) -> Mapping[str, Operation]:
        """The operations by name."""
        return self._operations

    def register(self, operation: Operation) -> None:
        """Add an operation, also one that belongs to another part, such as searching the knowledge.

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
        if (number := getattr(parsed, "order_number", None)) is not None:
            # Here, before anything is looked up or counted, so that no spelling gives more attempts than another.
            parsed = parsed.model_copy(update={"order_number": self._whole_number(number)})
        call = Call(conversation_id, turn_id, address, dry_run, self._clock())
        if not operation.once or dry_run:
            return await self._attempt(operation, call, parsed, None)

        key = self._key_of(call, name, parsed)
        logged = await self._log.find(key)
        if logged is not None and logged.answer is not None:
            return _answer(logged.answer)
        answer = await self._resume(key, logged.preview) if logged is not None and logged.preview is not None else None
        if answer is None:
            answer = await self._attempt(operation, call, parsed, key)
        await self._log.finish(key, answer.as_json(), self._clock())
        return answer

    async def done(self, name: str, *, conversation_id: str, turn_id: str) -> Answer | None:
        """Return how an operation ended that a turn has carried out already; None if it has not.

        For forms: sent a second time, their arguments may read otherwise, because the first time changed the order.
        """
        answer = await self._log.done(name, conversation_id=conversation_id, turn_id=turn_id)
        return _answer(answer) if answer is not None else None

    async def _resume(self, key: str, preview: dict[str, Any]) -> Answer | None:
        """Finish an earlier call that ended between the deed and the note of it; None if the deed was not done."""
        applied = await self._backend.applied(key) if preview["changes"] else Applied()
        if applied is None:
            return None
        data = _complete(preview["data"], self._plain(applied))
        await self._send(tuple(Mail(**mail) for mail in preview["mails"]), data, key)
        return Answer(True, data)

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
            mails = [self._plain(asdict(mail)) for mail in outcome.mails]
            preview = {"data": data, "mails": mails, "changes": outcome.change is not None}
            await self._begin(key, call, operation.name, args, preview)
            try:
                applied = await self._backend.apply(outcome.change, key) if outcome.change is not None else Applied()
            except Stale:
                continue
            except NoStock as error:
                raise Denied("out_of_stock", sku=error.sku, stock=error.stock, restock_on=None, options=[]) from error
            except CannotDo as error:
                raise Denied("shop_cannot", operation=operation.name) from error
            data = _complete(data, self._plain(applied))
            await self._send(outcome.mails, data, key)
            return data
        raise Denied("just_changed", order_number=getattr(args, "order_number", None))

    async def _send(self, mails: Iterable[Mail], data: dict[str, Any], key: str) -> None:
        if self._mailer is None:
            return
        for position, mail in enumerate(mails):
            whole = self._plain(mail.data) | data
            await self._mailer.send(replace(mail, data=whole), f"{key}:{position}")

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
        return plain(value, self._zone)


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
