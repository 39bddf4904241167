"""The customer's orders beside the conversation; what agents do with them are the bot's operations, by its rules."""

import secrets
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse

from bot.clock import Clock
from bot.console.auth import SignedIn
from bot.console.guard import Door
from bot.console.operation_forms import CHOICES_OF, FORMS, OperationForm, done_words
from bot.console.rendering import Pages
from bot.conversation import Listener
from bot.errors import NotFound, Unavailable, ZusageError
from bot.shop.operations import Answer, Operations
from bot.storage.database import Database
from bot.storage.handoffs import Handoffs
from bot.storage.inbox import Inbox
from bot.storage.records import Records
from bot.storage.tables import ConversationRow

__all__ = ["order_routes"]

SHOWN = 10  # orders
TOKEN = r"^[A-Za-z0-9_-]{8,40}$"  # noqa: S105 - a pattern


@dataclass(frozen=True)
class _Desk:
    """Calls operations for an agent in a conversation: whose proofs count is the conversation, who did it the agent."""

    database: Database
    operations: Operations
    clock: Clock

    async def conversation(self, conversation_id: int) -> ConversationRow:
        async with self.database.read() as session:
            row = await Inbox(session).conversation(conversation_id)
        if row is None:
            raise NotFound("There is no such conversation.")
        return row

    async def mentioned(self, conversation: ConversationRow) -> str:
        """Return the order number that came up last, to spare the agent typing it."""
        async with self.database.read() as session:
            handoff = await Handoffs(session).latest_of(conversation.id)
        orders = (handoff.summary.get("orders") or []) if handoff else []
        return str(orders[-1]) if orders else ""

    async def call(
        self,
        who: SignedIn,
        conversation: ConversationRow,
        name: str,
        args: dict[str, Any],
        *,
        key: str,
        dry: bool = False,
    ) -> Answer:
        """Carry out an operation; ``key`` makes it happen once however often the same form is sent."""
        return await self.operations.call(
            name,
            conversation_id=conversation.public_id,
            turn_id=_turn(who, key),
            args=args,
            dry_run=dry,
        )

    async def done(self, who: SignedIn, conversation: ConversationRow, name: str, *, key: str) -> Answer | None:
        """Return how an operation ended that this form has carried out already, or None."""
        return await self.operations.done(name, conversation_id=conversation.public_id, turn_id=_turn(who, key))

    async def audit(
        self, who: SignedIn, conversation: ConversationRow, action: str, subject: str | None, **data: Any
    ) -> None:
        async with self.database.begin() as session:
            Records(session).audit(
                f"agent:{who.agent.id}", action, self.clock(), conversation_id=conversation.id, subject=subject, **data
            )


def _turn(who: SignedIn, key: str) -> str:
    return f"agent:{who.agent.id}:{key}"


def order_routes(
    database: Database, door: Door, pages: Pages, operations: Operations, publish: Listener, clock: Clock
) -> APIRouter:
    """Return the routes of the orders and the operations of one conversation."""
    router = APIRouter(prefix="/conversations/{conversation_id}")
    Who = Annotated[SignedIn, Depends(door.signed_in)]
    desk = _Desk(database, operations, clock)

    async def overview(
        request: Request, who: SignedIn, conversation: ConversationRow, *, proof: dict[str, Any] | None = None
    ) -> Response:
        mentioned = await desk.mentioned(conversation)
        try:
            answer = await desk.call(who, conversation, "my_orders", {"limit": SHOWN}, key="overview")
        except Unavailable:
            return pages.page(request, "_orders.html", who, conversation=conversation, down=True, proof=proof,
                              level="none", orders=[], more=False, mentioned=mentioned)  # fmt: skip
        data = answer.data or {}
        return pages.page(
            request, "_orders.html", who, conversation=conversation, down=False, proof=proof,
            level=data.get("level", "none"), orders=data.get("orders", []), more=data.get("more", False),
            mentioned=mentioned,
        )  # fmt: skip

    @router.get("/orders", response_class=HTMLResponse)
    async def orders(request: Request, who: Who, conversation_id: int) -> Response:
        """Show the orders that this conversation has proved to be the customer's."""
        return await overview(request, who, await desk.conversation(conversation_id))

    @router.post("/verify", response_class=HTMLResponse)
    async def verify(
        request: Request,
        who: Who,
        conversation_id: int,
        order_number: Annotated[str, Form(max_length=40)],
        proof: Annotated[str, Form(max_length=200)],
    ) -> Response:
        """Check a proof that the customer gave the agent, under the same limits as the bot's."""
        conversation = await desk.conversation(conversation_id)
        given = {"email": proof} if "@" in proof else {"postcode": proof}
        key = f"verify-{clock().timestamp()}"
        answer = await desk.call(who, conversation, "verify", {"order_number": order_number, **given}, key=key)
        state = (answer.data or {}).get("state", "failed")
        await desk.audit(who, conversation, "customer.verify", order_number[:40], state=state, by=next(iter(given)))
        await publish(conversation_id)
        return await overview(request, who, conversation, proof=answer.data)

    @router.get("/orders/{order_number}", response_class=HTMLResponse)
    async def order(request: Request, who: Who, conversation_id: int, order_number: str) -> Response:
        """Show one order whole, with what can be done to it now."""
        conversation = await desk.conversation(conversation_id)
        answer = await desk.call(who, conversation, "order", {"order_number": order_number}, key="order")
        if not answer.ok:
            return pages.page(request, "_denied.html", who, answer=answer)
        await desk.audit(who, conversation, "order.view", order_number)
        able = {name: answer.data["possible"].get(name, {"allowed": True}) for name in FORMS} if answer.data else {}
        return pages.page(
            request, "_order.html", who, conversation=conversation, order=answer.data, forms=FORMS, possible=able
        )

    async def form_of(
        who: SignedIn, conversation: ConversationRow, name: str, order_number: str
    ) -> tuple[OperationForm, dict[str, Any]]:
        form = FORMS.get(name)
        if form is None:
            raise NotFound("There is no such operation here.")
        answer = await desk.call(who, conversation, "order", {"order_number": order_number}, key="order")
        if not answer.ok or answer.data is None:
            raise NotFound("This conversation has not proved that the order is the customer's.", code="not_verified")
        return form, answer.data

    @router.get("/operations/{name}", response_class=HTMLResponse)
    async def ask(request: Request, who: Who, conversation_id: int, name: str, order_number: str) -> Response:
        """Show the form of an operation."""
        conversation = await desk.conversation(conversation_id)
        form, order = await form_of(who, conversation, name, order_number)
        return await _show(request, who, conversation, form, order, {"key": [secrets.token_urlsafe(12)]})

    @router.post("/operations/{name}", response_class=HTMLResponse)
    async def carry_out(
        request: Request,
        who: Who,
        conversation_id: int,
        name: str,
        order_number: Annotated[str, Form(max_length=40)],
        key: Annotated[str, Form(pattern=TOKEN)],
        sure: Annotated[bool, Form()] = False,
    ) -> Response:
        """Preview an operation, or with ``sure`` carry it out."""
        conversation = await desk.conversation(conversation_id)
        form, order = await form_of(who, conversation, name, order_number)
        answer = await desk.done(who, conversation, name, key=key) if sure else None
        if answer is None:
            given = await request.form()
            values = {field: given.getlist(field) for field in given}
            try:
                answer = await desk.call(who, conversation, name, form.arguments(order, values), key=key, dry=not sure)
            except ZusageError as error:
                return await _show(request, who, conversation, form, order, values, error=error)
            if not answer.ok or not sure:
                return await _show(request, who, conversation, form, order, values, answer=answer)
            await desk.audit(who, conversation, f"operation.{name}", order_number, key=key)
            await publish(conversation_id)
        words = done_words(name, answer.data or {}, "de" if conversation.language == "de" else "en")
        return pages.page(
            request, "_operation_done.html", who, conversation=conversation, form=form, answer=answer, words=words,
            headers={"HX-Trigger": "orders-changed"},
        )  # fmt: skip

    async def _show(
        request: Request,
        who: SignedIn,
        conversation: ConversationRow,
        form: OperationForm,
        order: dict[str, Any],
        values: dict[str, list[Any]],
        *,
        answer: Answer | None = None,
        error: ZusageError | None = None,
    ) -> Response:
        return pages.page(
            request, "_operation.html", who, conversation=conversation, form=form, order=order, values=values,
            fields=form.fields(order), answer=answer, error=error, choices_of=CHOICES_OF,
        )  # fmt: skip

    return router
