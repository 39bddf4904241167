"""What the trainable components around a linear model share: how they are made, kept and loaded."""

import hashlib
from pathlib import Path
from typing import Any, Dict, Type, TypeVar

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage

from engine.nlu import persistence
from engine.nlu.linear import LinearTextModel

PROJECT = Path(__file__).resolve().parent.parent.parent
Made = TypeVar("Made", bound="LinearComponent")


class LinearComponent(GraphComponent):
    """A component that knows what one linear model knows.

    Attributes:
        VERSION: Format of its files; another one is refused.
    """

    VERSION = 0

    def __init__(self, config: Dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config, self._storage, self._resource = config, model_storage, resource
        self._model = LinearTextModel()

    @classmethod
    def create(
        cls: Type[Made],
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Made:
        """A component without knowledge, for training."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls: Type[Made],
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> Made:
        """The trained component. Raises ModelUnusable where its files are not what training wrote."""
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as directory:
            component._model = LinearTextModel.restored(*persistence.load(directory, cls.__name__, cls.VERSION))
        return component

    def _save(self) -> Resource:
        with self._storage.write_to(self._resource) as directory:
            persistence.save(directory, type(self).__name__, self.VERSION, *self._model.state())
        return self._resource


def fingerprint(folder: Path, pattern: str) -> str:
    """Changes when a file of a folder changes: Rasa's own `rasa train` then trains again."""
    hashed = hashlib.sha256()
    for path in sorted(folder.glob(pattern)):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()
