"""Operations by which a customer proves who they are."""

from typing import Any

from bot.shop.access import ShopAccess
from bot.shop.arguments import ConfirmCode, SendCode, Verify
from bot.shop.operations import Call, Operation

__all__ = ["proof_operations"]


def proof_operations(shop: ShopAccess) -> list[Operation]:
    """Return verify, send_code and confirm_code."""

    async def verify(call: Call, args: Verify) -> dict[str, Any]:
        return await shop.verifier.verify(
            call.conversation_id, call.address, args.order_number, args.email, args.postcode, call.now
        )

    async def send_code(call: Call, args: SendCode) -> dict[str, Any]:
        key = f"{call.turn_id}:send_code"
        return await shop.verifier.send_code(
            call.conversation_id, call.address, args.order_number, args.email, call.now, key
        )

    async def confirm_code(call: Call, args: ConfirmCode) -> dict[str, Any]:
        return await shop.verifier.confirm_code(call.conversation_id, call.address, args.code, call.now)

    return [
        Operation("verify", Verify, verify, once=True),
        Operation("send_code", SendCode, send_code, once=True),
        Operation("confirm_code", ConfirmCode, confirm_code, once=True),
    ]
