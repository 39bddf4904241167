"""The intent of a message: a linear classifier over word and character n-grams."""

from typing import Any, Dict, List, Tuple

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from engine.nlu import persistence
from engine.nlu.linear import LinearTextModel

OUT_OF_SCOPE = "out_of_scope"
FALLBACK = "nlu_fallback"
_VERSION = 1
_RANKED = 3

Ranking = List[Tuple[str, float]]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearIntentClassifier(GraphComponent, IntentClassifier):
    """Decides what a shopper wants, or that this is unclear, or nothing for a shop."""

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """The component's options.

        confidence: probability of the likeliest intent below which the bot asks back (`nlu_fallback`);
        out_of_scope: share of `out_of_scope` from which a message is none of the shop's, although
            another intent is a little likelier;
        cost: how dear a wrong training example is (LinearSVC's C);
        max_features: n-grams kept, those with the largest weights.
        """
        return {"confidence": 0.35, "out_of_scope": 0.4, "cost": 0.5, "max_features": 120_000}

    def __init__(self, config: Dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config, self._storage, self._resource = config, model_storage, resource
        self._model = LinearTextModel()

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
            component._model = LinearTextModel.restored(*persistence.load(directory, cls.__name__, _VERSION))
        return component

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from all examples."""
        examples = [(e.get(TEXT), e.get(INTENT)) for e in training_data.intent_examples if e.get(TEXT)]
        self._model = LinearTextModel.fitted(
            [text for text, _ in examples],
            [intent for _, intent in examples],
            cost=self._config["cost"],
            max_features=self._config["max_features"],
        )
        with self._storage.write_to(self._resource) as directory:
            persistence.save(directory, type(self).__name__, _VERSION, *self._model.state())
        return self._resource

    def use(self, model: LinearTextModel) -> None:
        """Take a model that was fitted elsewhere, to measure it."""
        self._model = model

    def rank(self, text: str) -> Ranking:
        """All intents with their probabilities, likeliest first."""
        return self._model.rank(text)

    def decide(self, ranking: Ranking) -> str:
        """The intent to act on: the likeliest, `out_of_scope`, or `nlu_fallback`."""
        name, confidence = ranking[0]
        if dict(ranking).get(OUT_OF_SCOPE, 0.0) >= self._config["out_of_scope"]:
            return OUT_OF_SCOPE
        return name if confidence >= self._config["confidence"] else FALLBACK

    def process(self, messages: List[Message]) -> List[Message]:
        """Set the intent (or out_of_scope, or nlu_fallback) and the ranking of each message."""
        for message in messages:
            ranking = self.rank(message.get(TEXT) or "")
            name = self.decide(ranking)
            confidence = dict(ranking).get(name, ranking[0][1])
            message.set(INTENT, {"name": name, "confidence": confidence}, add_to_output=True)
            shown = [{"name": label, "confidence": share} for label, share in ranking[:_RANKED]]
            message.set(INTENT_RANKING_KEY, shown, add_to_output=True)
        return messages
