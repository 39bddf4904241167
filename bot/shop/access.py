"""What operations stand on: the shop, its rules, and whether a conversation may touch an order."""

from dataclasses import dataclass, field

from bot.shop.backend import ShopBackend
from bot.shop.calendar import Calendar
from bot.shop.mailing import Mailer
from bot.shop.models import Customer, Order, normal_number
from bot.shop.operations import Call
from bot.shop.policies import Policies
from bot.shop.rules.ground import Denied, Ground
from bot.shop.verification import Verifier
from bot.shop.views import OpeningHours

__all__ = ["ShopAccess"]


@dataclass(frozen=True)
class ShopAccess:
    """The parts that the operations share."""

    backend: ShopBackend
    policies: Policies
    calendar: Calendar
    hours: OpeningHours
    verifier: Verifier
    mailer: Mailer | None = field(default=None)

    def ground(self, call: Call, customer: Customer | None = None) -> Ground:
        """Return the rules as of a call."""
        return Ground(self.policies, self.calendar, call.now, customer)

    async def proven(self, call: Call, name: str, order_number: str) -> tuple[Order, Ground]:
        """Return an order that this conversation may act on, and the rules with its customer.

        Raises:
            Denied: what is not proven and what is not there are denied alike; and what the shop cannot do.
        """
        need = self.policies.operation(name).needs
        order = await self.backend.order(order_number)
        key = normal_number(order.number) if order is not None else ""
        owner = order.customer_id if order is not None else None
        access = await self.verifier.for_order(call.conversation_id, key, owner, need, call.now)
        if order is None or access is None:
            weaker = await self.verifier.for_order(call.conversation_id, key, owner, "basic", call.now)
            raise Denied("not_verified", need=need, have=weaker.level if weaker else "none", order_number=order_number)
        return order, self.ground(call, await self.backend.customer(order.customer_id))

    async def customer(self, call: Call, name: str) -> Customer:
        """Return the customer that this conversation proved itself to be.

        Raises:
            Denied: nobody, or not well enough for the operation.
        """
        need = self.policies.operation(name).needs
        grants = await self.verifier.grants(call.conversation_id, call.now)
        fitting = [grant for grant in grants if need != "full" or grant.level == "full"]
        if fitting:
            found = await self.backend.customer(fitting[-1].customer_id)
            if found is not None:
                return found
        have = await self.verifier.level(call.conversation_id, call.now)
        raise Denied("not_verified", need=need, have=have, order_number=None)

    def must_be_able(self, name: str) -> None:
        """Deny an operation that the shop system does not have, or that policy has switched off."""
        if name not in self.backend.abilities or not self.policies.operation(name).enabled:
            raise Denied("shop_cannot", operation=name)

    def must_have_mail(self, name: str) -> None:
        """Deny an operation that is nothing without mail."""
        if self.mailer is None:
            raise Denied("shop_cannot", operation=name)
