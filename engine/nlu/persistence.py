"""Saves and loads what components have learned: arrays as safetensors, the rest as JSON. No pickle.

Every file says which component and format version wrote it. Anything unexpected stops the loading:
an engine that understands nothing must not look like one that does.
"""

import json
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
from rasa.shared.exceptions import RasaException
from safetensors.numpy import load_file, save_file

_ARRAYS, _FACTS = "arrays.safetensors", "facts.json"


class ModelUnusable(RasaException):
    """A trained component cannot be loaded; train the assistant again."""


def save(directory: Path, component: str, version: int, facts: Dict[str, Any], arrays: Dict[str, np.ndarray]) -> None:
    """Write one component's state into an existing directory."""
    shapes = {name: [str(array.dtype), *array.shape] for name, array in arrays.items()}
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, str(directory / _ARRAYS))
    document = {"component": component, "version": version, "shapes": shapes, "facts": facts}
    (directory / _FACTS).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def load(directory: Path, component: str, version: int) -> Tuple[Dict[str, Any], Dict[str, np.ndarray]]:
    """Read what `save` wrote. Raises ModelUnusable where anything is missing or not as declared."""
    try:
        document = json.loads((directory / _FACTS).read_text(encoding="utf-8"))
        arrays = load_file(str(directory / _ARRAYS))
    except Exception as error:
        raise ModelUnusable(f"{component}: {directory} cannot be read ({error})") from error
    found = (document.get("component"), document.get("version"))
    if found != (component, version):
        raise ModelUnusable(f"{component}: expected format {version}, found {found}")
    shapes = {name: [str(array.dtype), *array.shape] for name, array in arrays.items()}
    if shapes != document.get("shapes"):
        raise ModelUnusable(f"{component}: arrays are not as declared: {shapes} instead of {document.get('shapes')}")
    for name, array in arrays.items():
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            raise ModelUnusable(f"{component}: array {name} holds values that are no numbers")
    return document["facts"], arrays
