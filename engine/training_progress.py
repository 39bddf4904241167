"""A line for every step of the training, with the time it took."""

import time
from typing import Any, Dict

from rasa.engine.graph import ExecutionContext, GraphNodeHook, GraphSchema


class ProgressHook(GraphNodeHook):
    """Prints steps as they end; quick ones without a name of their own stay silent."""

    def __init__(self, schema: GraphSchema) -> None:
        self._names = {name: node.uses.__name__ for name, node in schema.nodes.items()}
        self._trains = {name for name, node in schema.nodes.items() if node.is_target}

    def on_before_node(
        self,
        node_name: str,
        execution_context: ExecutionContext,
        config: Dict[str, Any],
        received_inputs: Dict[str, Any],
    ) -> Dict[str, Any]:
        """Take the time."""
        return {"started": time.monotonic()}

    def on_after_node(
        self,
        node_name: str,
        execution_context: ExecutionContext,
        config: Dict[str, Any],
        output: Any,
        input_hook_data: Dict[str, Any],
    ) -> None:
        """Print what was done."""
        seconds = time.monotonic() - input_hook_data["started"]
        if node_name in self._trains or seconds > 0.5:
            print(f"  {seconds:6.1f} s  {self._names[node_name]}", flush=True)
