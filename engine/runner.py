"""Runs Rasa's prediction graph by walking its nodes in an order worked out once."""

from typing import Any, Dict, List, Optional, Tuple, Type, TypeVar

from rasa.engine.exceptions import GraphRunError
from rasa.engine.graph import ExecutionContext, GraphComponent, GraphNode, GraphNodeHook, GraphSchema
from rasa.engine.runner.interface import GraphRunner
from rasa.engine.storage.storage import ModelStorage

C = TypeVar("C", bound=GraphComponent)


class OrderedGraphRunner(GraphRunner):
    """Rasa's `GraphRunner` without Dask: the order of a target's nodes never changes, so it is kept.

    Works for training graphs as well (nodes that are not eager are made when they run).

    Args:
        given: Outputs of nodes that need not be made nor run, because they are known already.
    """

    def __init__(
        self,
        graph_schema: GraphSchema,
        model_storage: ModelStorage,
        execution_context: ExecutionContext,
        hooks: Optional[List[GraphNodeHook]] = None,
        given: Optional[Dict[str, Any]] = None,
    ) -> None:
        self._schema = graph_schema
        self._given = given or {}
        self._nodes = {
            name: GraphNode.from_schema_node(name, node, model_storage, execution_context, hooks)
            for name, node in graph_schema.nodes.items()
            if name not in self._given
        }
        self._orders: Dict[Tuple[str, ...], List[Tuple[str, GraphNode, Tuple[str, ...]]]] = {}

    @classmethod
    def create(
        cls,
        graph_schema: GraphSchema,
        model_storage: ModelStorage,
        execution_context: ExecutionContext,
        hooks: Optional[List[GraphNodeHook]] = None,
    ) -> "OrderedGraphRunner":
        """Makes all eager components."""
        return cls(graph_schema, model_storage, execution_context, hooks)

    def run(self, inputs: Optional[Dict[str, Any]] = None, targets: Optional[List[str]] = None) -> Dict[str, Any]:
        """Runs what the targets need, each node once.

        Args:
            inputs: Values of the placeholders.
            targets: Nodes whose outputs are wanted; the schema's own targets by default.

        Raises:
            GraphRunError: A node needs an input that nothing provides.
        """
        wanted = tuple(targets or self._schema.target_names)
        if wanted not in self._orders:
            self._orders[wanted] = self._order(wanted)
        outputs: Dict[str, Any] = {**self._given, **(inputs or {})}
        for name, node, needs in self._orders[wanted]:
            try:
                received = [(need, outputs[need]) for need in needs]
            except KeyError as missing:
                raise GraphRunError(f"Node '{name}' needs {missing}, which is neither a node nor an input.") from None
            outputs[name] = node(*received)[1]
        return {target: outputs[target] for target in wanted}

    def component(self, kind: Type[C]) -> C:
        """The first component of this class. Raises LookupError where the graph has none."""
        for node in self._nodes.values():
            if isinstance(node._component, kind):
                return node._component
        raise LookupError(f"The graph has no {kind.__name__}.")

    def _order(self, targets: Tuple[str, ...]) -> List[Tuple[str, GraphNode, Tuple[str, ...]]]:
        ordered: List[Tuple[str, GraphNode, Tuple[str, ...]]] = []
        visited = set()

        def visit(name: str) -> None:
            if name in visited or name not in self._nodes:
                return
            visited.add(name)
            needs = tuple(dict.fromkeys(self._schema.nodes[name].needs.values()))
            for need in needs:
                visit(need)
            ordered.append((name, self._nodes[name], needs))

        for target in targets:
            visit(target)
        return ordered
