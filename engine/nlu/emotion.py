"""The feeling that a message shows: the linear classifier once more, trained on data/emotion.

Measured by five-fold cross-validation on those examples (macro F1): linear n-grams 0.745, spaCy's text
classifier 0.70 on single words, 0.64 on pairs, 0.60 as a convolutional network; hence the first.
"""

import logging
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from engine.nlu.component import PROJECT, LinearComponent, fingerprint
from engine.nlu.linear import LinearTextModel
from engine.nlu.persistence import ModelUnusable

logger = logging.getLogger(__name__)

EMOTION = "emotion"
VALENCE = {
    "anger": -0.9,
    "disappointment": -0.6,
    "frustration": -0.5,
    "worry": -0.4,
    "neutral": 0.0,
    "gratitude": 0.6,
    "joy": 0.9,
}
"""How pleasant each feeling is, -1..1. A message's valence is the mean of these, weighted by probability."""


def read_examples(folder: Path) -> List[Tuple[str, str]]:
    """(text, label) of all files `*.tsv` in a folder: one example a line, label, tab, text.

    Raises:
        InvalidConfigException: A line has another form or an unknown label; names file and line.
    """
    examples = []
    for path in sorted(folder.glob("*.tsv")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            label, _, text = line.partition("\t")
            if line.strip() and (label not in VALENCE or not text.strip()):
                raise InvalidConfigException(f"{path}:{number}: a label of {sorted(VALENCE)}, a tab, and a text")
            if line.strip():
                examples.append((text.strip(), label))
    return examples


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class EmotionClassifier(LinearComponent):
    """Sets `emotion` on each message: {"label", "valence" (-1..1), "confidence" (0..1)}, or None untrained."""

    VERSION = 3

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """The component's options.

        examples: folder with the training data, seen from the project; without files nothing is learned;
        cost: how dear a wrong training example is (LinearSVC's C);
        max_features: n-grams kept, those that most examples have.
        """
        return {"examples": "data/emotion", "cost": 0.3, "max_features": 40_000}

    @classmethod
    def load(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> "EmotionClassifier":
        """The trained component. Raises ModelUnusable where its files are not what training wrote."""
        component = super().load(config, model_storage, resource, execution_context, **kwargs)
        if not set(component._model.labels) <= set(VALENCE):
            raise ModelUnusable(f"{cls.__name__}: unknown labels {component._model.labels}")
        return component

    @classmethod
    def fingerprint_addon(cls, config: Dict[str, Any]) -> Optional[str]:
        """Rasa's own `rasa train` trains again when the examples change."""
        return fingerprint(_folder(config), "*.tsv")

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from the examples in the folder (those of the intents say nothing of feelings)."""
        examples = read_examples(_folder(self._config))
        if examples:
            self.fit(examples)
        else:
            logger.warning("No examples of feelings in %s: emotions will not be recognised.", _folder(self._config))
        return self._save()

    def fit(self, examples: Sequence[Tuple[str, str]]) -> None:
        """Learn. Raises InvalidConfigException where a label has no examples."""
        missing = set(VALENCE) - {label for _, label in examples}
        if missing:
            raise InvalidConfigException(f"There are no examples of {', '.join(sorted(missing))}.")
        self._model = LinearTextModel.fitted(
            [text for text, _ in examples],
            [label for _, label in examples],
            cost=self._config["cost"],
            max_features=self._config["max_features"],
        )

    def read(self, text: str) -> Optional[Dict[str, Any]]:
        """The feeling of one text."""
        if not self._model.labels:
            return None
        ranking = self._model.rank(text)
        label, confidence = ranking[0]
        valence = sum(VALENCE[known] * share for known, share in ranking)
        return {"label": label, "valence": round(valence, 3), "confidence": round(confidence, 3)}

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Nothing: no other component learns from feelings."""
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        """Set `emotion` on each message."""
        for message in messages:
            message.set(EMOTION, self.read(message.get(TEXT) or ""), add_to_output=True)
        return messages


def _folder(config: Dict[str, Any]) -> Path:
    return PROJECT / str(config["examples"])
