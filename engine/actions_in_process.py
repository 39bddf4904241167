"""Runs the custom actions inside the engine, through rasa-sdk's own executor."""

import asyncio
import inspect
import json
import logging
import sys
from typing import Any, Dict, Optional

from rasa.utils.endpoints import ClientResponseError, EndpointConfig
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException

from engine.errors import EngineError

logger = logging.getLogger(__name__)


class InProcessActions(EndpointConfig):
    """Rasa's action endpoint without the HTTP between.

    The tracker still goes through JSON: what an action does to its copy stays there, and what would
    not survive the way to a stock action server does not work here either.

    Args:
        package: Package with the actions, imported completely.
        seconds: Longest time that one action may take.
    """

    def __init__(self, package: str, seconds: float) -> None:
        super().__init__(url="in-process")
        self._seconds = seconds
        self._package = package
        self._executor = ActionExecutor()
        self._executor.register_package(package)
        for name, run in self._executor.actions.items():
            if not inspect.iscoroutinefunction(run):
                raise TypeError(
                    f"{name}: run must be a coroutine, or it would stop every other conversation meanwhile."
                )

    async def request(
        self,
        method: str = "post",
        subpath: Optional[str] = None,
        content_type: Optional[str] = "application/json",
        compress: bool = False,
        **kwargs: Any,
    ) -> Optional[Dict[str, Any]]:
        """Run the action named in the call, as the action server's webhook does.

        Raises:
            ClientResponseError: 400, the action rejected execution (Rasa predicts another one).
            EngineError: `action_timeout` after `seconds`; `action_failed`, the action raised.
        """
        call = kwargs["json"]
        name = call["next_action"]
        copied = {**call, "tracker": json.loads(json.dumps(call["tracker"]))}
        try:
            result = await asyncio.wait_for(self._executor.run(copied), self._seconds)
        except ActionExecutionRejection as rejection:
            body = json.dumps({"action_name": rejection.action_name, "error": rejection.message})
            raise ClientResponseError(400, "rejected", body) from rejection
        except ActionNotFoundException as missing:
            raise EngineError.failed("action_unknown", f"There is no action {name}.", retry=False) from missing
        except asyncio.TimeoutError as late:
            raise EngineError.unavailable("action_timeout", f"{name} took more than {self._seconds:g} s.") from late
        except EngineError:
            raise
        except Exception as error:
            logger.exception("%s failed", name)
            raise EngineError.failed("action_failed", f"{name} failed: {type(error).__name__}", retry=True) from error
        return json.loads(json.dumps(result)) if result else result

    async def close(self) -> None:
        """Let go of what the actions hold open: a coroutine `close` of their package, where it has one."""
        close = getattr(sys.modules[self._package], "close", None)
        if close is not None:
            await close()
