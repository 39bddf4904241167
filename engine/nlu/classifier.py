"""The intent of a message: a linear classifier over word and character n-grams."""

from typing import Any, Dict, List, Tuple

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from engine.nlu import persistence
from engine.nlu.ngrams import NgramVectorizer

OUT_OF_SCOPE = "out_of_scope"
FALLBACK = "nlu_fallback"
_VERSION = 1
_RANKED = 3


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearIntentClassifier(GraphComponent, IntentClassifier):
    """Decides what a shopper wants, or that this is unclear, or nothing for a shop."""

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """`confidence`: below it the bot asks back (intent nlu_fallback)."""
        return {"confidence": 0.3, "regularisation": 10.0}

    def __init__(self, config: Dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config, self._storage, self._resource = config, model_storage, resource
        self._vectorizer = NgramVectorizer((1, 2), (2, 5), min_count=1)
        self._labels: List[str] = []
        self._weights = np.zeros((0, 0), dtype=np.float32)
        self._bias = np.zeros(0, dtype=np.float32)

    @classmethod
    def create(
        cls, config: Dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> "LinearIntentClassifier":
        """A component without knowledge, for training."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> "LinearIntentClassifier":
        """The trained component. Raises ModelUnusable where its files are not what training wrote."""
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as directory:
            facts, arrays = persistence.load(directory, cls.__name__, _VERSION)
        component._vectorizer = NgramVectorizer.restored((1, 2), (2, 5), facts["vocabulary"], arrays["idf"])
        component._labels, component._weights, component._bias = facts["labels"], arrays["weights"], arrays["bias"]
        if component._weights.shape != (len(facts["vocabulary"]), len(component._labels)):
            raise persistence.ModelUnusable(f"{cls.__name__}: weights do not fit vocabulary and labels")
        return component

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from all examples."""
        from sklearn.linear_model import LogisticRegression

        examples = [(e.get(TEXT), e.get(INTENT)) for e in training_data.intent_examples if e.get(TEXT)]
        texts, intents = zip(*examples)
        matrix = self._vectorizer.fit(texts).matrix(texts)
        model = LogisticRegression(C=self._config["regularisation"], max_iter=200).fit(matrix, intents)
        self._labels = [str(label) for label in model.classes_]
        self._weights, self._bias = model.coef_.T.astype(np.float32), model.intercept_.astype(np.float32)
        with self._storage.write_to(self._resource) as directory:
            persistence.save(
                directory,
                type(self).__name__,
                _VERSION,
                {"vocabulary": self._vectorizer.vocabulary, "labels": self._labels},
                {"idf": self._vectorizer.idf, "weights": self._weights, "bias": self._bias},
            )
        return self._resource

    def rank(self, text: str) -> List[Tuple[str, float]]:
        """All intents with their probabilities, likeliest first."""
        columns, values = self._vectorizer.features(text)
        scores = values @ self._weights[columns] + self._bias
        exponents = np.exp(scores - scores.max())
        probabilities = exponents / exponents.sum()
        return [(self._labels[i], float(probabilities[i])) for i in np.argsort(-probabilities)]

    def process(self, messages: List[Message]) -> List[Message]:
        """Set the intent (or out_of_scope, or nlu_fallback) and the ranking of each message."""
        for message in messages:
            ranking = self.rank(message.get(TEXT) or "")
            name, confidence = ranking[0]
            if confidence < self._config["confidence"]:
                name = FALLBACK
            message.set(INTENT, {"name": name, "confidence": confidence}, add_to_output=True)
            shown = [{"name": label, "confidence": probability} for label, probability in ranking[:_RANKED]]
            message.set(INTENT_RANKING_KEY, shown, add_to_output=True)
        return messages
