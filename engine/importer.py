"""Reads the training data: Rasa's own files, plus the language that each file name declares.

`data/nlu/orders.de.yml` holds German examples, `data/nlu/orders.en.yml` English ones. The language
is put into each example's metadata, where the language identifier learns from it.
"""

from pathlib import Path
from typing import Any, Dict, List, Optional, Text, Union

import yaml
from rasa.shared.core.domain import Domain
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.constants import METADATA
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.utils.common import cached_method

LANGUAGES = ("de", "en")
METADATA_LANGUAGE = "language"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def declared_language(path: Union[str, Path]) -> Optional[str]:
    """The language in a file name such as `orders.de.yml`, or None where it declares none."""
    suffixes = Path(path).suffixes
    candidate = suffixes[-2].lstrip(".") if len(suffixes) > 1 else None
    return candidate if candidate in LANGUAGES else None


def read_examples(path: Union[str, Path]) -> List[Message]:
    """Plain examples of one file; raises ValueError naming the file where the format is another."""
    with open(path, encoding="utf-8") as file:
        content: Dict[str, Any] = yaml.load(file, Loader=_LOADER) or {}  # noqa: S506 - a safe one
    language = declared_language(path)
    messages = []
    for block in content.get("nlu") or []:
        intent, examples = block.get("intent"), block.get("examples")
        if not intent or not isinstance(examples, str):
            raise ValueError(
                f"{path}: every block under 'nlu' needs 'intent' and a text block 'examples', found {block!r:.80}"
            )
        for line in examples.splitlines():
            if not line.startswith("- "):
                raise ValueError(f"{path}: intent {intent}: examples start with '- ', found {line!r:.80}")
            message = Message.build(line[2:].strip(), intent)
            message.set(METADATA, {METADATA_LANGUAGE: language})
            messages.append(message)
    return messages


class LanguageAwareImporter(RasaFileImporter):
    """Rasa's file importer with a quick reader for plain examples.

    Rasa validates and parses YAML in pure Python, half a minute for 20,000 examples. The examples
    here are plain text without inline entity annotations: entities come from rules.
    """

    @cached_method
    def get_nlu_data(self, language: Optional[Text] = "en") -> TrainingData:
        """All examples, each with its file's language in the metadata."""
        return TrainingData([message for path in self._nlu_files for message in read_examples(path)])

    @cached_method
    def get_domain(self) -> Domain:
        """The domain, read once."""
        domain: Domain = super().get_domain()
        return domain
