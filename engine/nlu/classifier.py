"""The intent of a message: a linear classifier over word and character n-grams."""

from typing import Any, Dict, List, Sequence, Tuple

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
_FOLDS = 3
_WORDS, _CHARACTERS = (1, 2), (2, 5)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearIntentClassifier(GraphComponent, IntentClassifier):
    """Decides what a shopper wants, or that this is unclear, or nothing for a shop.

    One support vector machine per intent; their margins become probabilities through a softmax whose
    temperature is fitted on examples that the machines had not seen.
    """

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """The component's options.

        confidence: probability of the likeliest intent below which the bot asks back (`nlu_fallback`);
        cost: how dear a wrong training example is (LinearSVC's C);
        max_features: n-grams kept, those with the largest weights.
        """
        return {"confidence": 0.35, "cost": 0.5, "max_features": 120_000}

    def __init__(self, config: Dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config, self._storage, self._resource = config, model_storage, resource
        self._vectorizer = NgramVectorizer(_WORDS, _CHARACTERS, min_count=1)
        self._labels: List[str] = []
        self._weights = np.zeros((0, 0), dtype=np.int8)
        self._scale = np.zeros(0, dtype=np.float32)
        self._bias = np.zeros(0, dtype=np.float32)

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
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
        vocabulary, component._labels = facts["vocabulary"], facts["labels"]
        component._vectorizer = NgramVectorizer.restored(_WORDS, _CHARACTERS, vocabulary, arrays["idf"])
        component._weights = arrays["weights"]
        component._scale, component._bias = arrays["scale"], arrays["bias"]
        if component._weights.shape != (len(vocabulary), len(component._labels)):
            raise persistence.ModelUnusable(f"{cls.__name__}: weights do not fit vocabulary and labels")
        return component

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from all examples."""
        examples = [(e.get(TEXT), e.get(INTENT)) for e in training_data.intent_examples if e.get(TEXT)]
        self.fit([text for text, _ in examples], [intent for _, intent in examples])
        with self._storage.write_to(self._resource) as directory:
            persistence.save(
                directory,
                type(self).__name__,
                _VERSION,
                {"vocabulary": self._vectorizer.vocabulary, "labels": self._labels},
                {
                    "idf": self._vectorizer.idf,
                    "weights": self._weights,
                    "scale": self._scale,
                    "bias": self._bias,
                },
            )
        return self._resource

    def fit(self, texts: Sequence[str], intents: Sequence[str]) -> None:
        """Learn weights and temperature."""
        from sklearn.model_selection import StratifiedKFold
        from sklearn.svm import LinearSVC

        matrix = self._vectorizer.fit(texts).matrix(texts)
        labels, targets = np.unique(np.asarray(intents), return_inverse=True)
        folds = StratifiedKFold(min(_FOLDS, int(np.bincount(targets).min())), shuffle=True, random_state=0)
        margins = np.zeros((len(texts), len(labels)))
        for seen, unseen in folds.split(matrix, targets):
            machine = LinearSVC(C=self._config["cost"], random_state=0).fit(matrix[seen], targets[seen])
            margins[unseen] = machine.decision_function(matrix[unseen])
        temperature = _fitted_temperature(margins, targets)
        machine = LinearSVC(C=self._config["cost"], random_state=0).fit(matrix, targets)
        weights = machine.coef_.T * temperature
        self._labels = [str(label) for label in labels]
        self._bias = (machine.intercept_ * temperature).astype(np.float32)
        kept = np.sort(np.argsort(-np.square(weights).sum(axis=1))[: self._config["max_features"]])
        self._vectorizer = self._vectorizer.reduced(kept)
        weights = weights[kept]
        self._scale = (np.abs(weights).max(axis=0) / 127).astype(np.float32)
        self._weights = np.rint(weights / self._scale).astype(np.int8)

    def rank(self, text: str) -> List[Tuple[str, float]]:
        """All intents with their probabilities, likeliest first."""
        columns, values = self._vectorizer.features(text)
        scores = (values @ self._weights[columns].astype(np.float32)) * self._scale + self._bias
        probabilities = _softmax(scores)
        return [(self._labels[i], float(probabilities[i])) for i in np.argsort(-probabilities)]

    def process(self, messages: List[Message]) -> List[Message]:
        """Set the intent (or out_of_scope, or nlu_fallback) and the ranking of each message."""
        for message in messages:
            ranking = self.rank(message.get(TEXT) or "")
            name, confidence = ranking[0]
            if name != OUT_OF_SCOPE and confidence < self._config["confidence"]:
                name = FALLBACK
            message.set(INTENT, {"name": name, "confidence": confidence}, add_to_output=True)
            shown = [{"name": label, "confidence": share} for label, share in ranking[:_RANKED]]
            message.set(INTENT_RANKING_KEY, shown, add_to_output=True)
        return messages


def _softmax(scores: np.ndarray) -> np.ndarray:
    exponents = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def _fitted_temperature(margins: np.ndarray, targets: np.ndarray) -> float:
    """The factor on the margins that makes their softmax as likely as possible (Guo et al. 2017)."""
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(targets))

    def loss(exponent: float) -> float:
        return float(-np.log(_softmax(margins * np.exp(exponent))[rows, targets] + 1e-12).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 5), method="bounded").x))
