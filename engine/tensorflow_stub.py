"""Stand-in for TensorFlow and Keras, so that Rasa's unconditional imports pass without them.

Rasa imports TensorFlow wherever one of its neural components is defined, also when the pipeline
uses none of them. The modules served here let class definitions, annotations and decorators pass;
calling or instantiating anything raises `TensorFlowMissing`.
"""

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, ClassVar, FrozenSet, List, Optional

_PACKAGES = frozenset({"tensorflow", "tensorflow_hub", "tensorflow_text", "tensorflow_addons", "keras"})

_UNUSED_IN_SERVING = frozenset(
    # Channels, brokers and stores of Rasa's own server; training and plotting.
    {
        "aiogram",
        "boto3",
        "botocore",
        "fbmessenger",
        "mattermostwrapper",
        "pymongo",
        "rocketchat_API",
        "slack_sdk",
        "socketio",
    }
    | {"engineio", "twilio", "webexteamssdk", "matplotlib", "sklearn", "google", "apscheduler"}
)


class TensorFlowMissing(ImportError):
    """Something tried to compute with TensorFlow, which this environment leaves out."""


class _Placeholder(type):
    """Type of every name in the stand-in: fit to be a base class or an annotation, nothing else."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") or not cls.__dict__.get("_is_placeholder"):
            raise AttributeError(name)
        return _placeholder(f"{cls.__module__}.{cls.__name__}", name)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise TensorFlowMissing(
            f"{cls.__module__}.{cls.__qualname__} was used, but TensorFlow is not part of this environment. "
            "Remove the component that needs it from config.yml, or use a stock Rasa installation."
        )


def _placeholder(module: str, name: str) -> _Placeholder:
    return _Placeholder(name, (), {"__module__": module, "_is_placeholder": True})


class _StubModule(ModuleType):
    __path__: ClassVar[List[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = _placeholder(self.__name__, name)
        setattr(self, name, value)
        return value


class _StubFinder(MetaPathFinder, Loader):
    def __init__(self, packages: FrozenSet[str]) -> None:
        self._packages = packages

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        if fullname.partition(".")[0] not in self._packages:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StubModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run: names come into being when they are asked for."""


def install() -> None:
    """Serve the stand-in for imports that find no real TensorFlow (it is asked last)."""
    if not any(isinstance(finder, _StubFinder) for finder in sys.meta_path):
        sys.meta_path.append(_StubFinder(_PACKAGES))


def leave_out_for_serving() -> None:
    """Serve the stand-in also for installed packages that Rasa imports and serving never uses.

    Saves the serving process memory and start-up time. To be called before Rasa is imported.
    """
    sys.meta_path.insert(0, _StubFinder(_UNUSED_IN_SERVING))
