"""Calls a stock action server (`rasa run actions`) where ZUSAGE_ACTIONS_URL names one."""

import asyncio
from typing import Any, Dict, Optional

import aiohttp
from rasa.utils.endpoints import ClientResponseError, EndpointConfig

from engine.errors import EngineError


class RemoteActions(EndpointConfig):
    """Rasa's action endpoint whose failures end the turn instead of passing in silence.

    Args:
        url: The server's webhook, such as http://127.0.0.1:5055/webhook.
        seconds: Longest time that one action may take.
    """

    def __init__(self, url: str, seconds: float) -> None:
        super().__init__(url=url)
        self._seconds = seconds

    async def request(
        self,
        method: str = "post",
        subpath: Optional[str] = None,
        content_type: Optional[str] = "application/json",
        compress: bool = False,
        **kwargs: Any,
    ) -> Optional[Dict[str, Any]]:
        """Post the call.

        Raises:
            ClientResponseError: 400, the action rejected execution.
            EngineError: `action_timeout`, `action_failed` or `actions_unreachable`.
        """
        name = kwargs["json"]["next_action"]
        call = super().request(method, subpath, content_type, compress, **{**kwargs, "timeout": self._seconds})
        try:
            response: Optional[Dict[str, Any]] = await asyncio.wait_for(call, self._seconds)
            return response
        except ClientResponseError as error:
            if error.status == 400:
                raise
            raise EngineError.failed(
                "action_failed", f"{name} failed: the action server answered {error.status}", retry=True
            ) from error
        except asyncio.TimeoutError as late:
            raise EngineError.unavailable("action_timeout", f"{name} took more than {self._seconds:g} s.") from late
        except aiohttp.ClientError as error:
            raise EngineError.unavailable(
                "actions_unreachable", f"The action server cannot be reached: {type(error).__name__}"
            ) from error
