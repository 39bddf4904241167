"""The feeling that a message shows."""

from typing import Any, Dict, List

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

EMOTION = "emotion"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class EmotionClassifier(GraphComponent):
    """Placeholder until its training data is there: every message is neutral."""

    @classmethod
    def create(
        cls, config: Dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> "EmotionClassifier":
        """The component."""
        return cls()

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Nothing."""
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        """Set `emotion` on each message."""
        for message in messages:
            message.set(EMOTION, None, add_to_output=True)
        return messages
