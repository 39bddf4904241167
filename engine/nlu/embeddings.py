"""Sentence embeddings for the intent classifier: off unless config.yml names a model."""

import os
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from engine.nlu.encoder import SentenceEncoder, locate

SENTENCE_EMBEDDING, EMBEDDING_MODEL = "sentence_embedding", "embedding_model"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceEmbeddings(GraphComponent):
    """Sets the sentence embedding of each message and the name of its model, if there is one; else does nothing."""

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """The component's options.

        model: a sentence-transformers model: a folder, an installed package that carries one, or a name in
            Hugging Face's local cache. The environment variable ZUSAGE_EMBEDDINGS goes before. None: none.
        """
        return {"model": None}

    def __init__(self, model: Optional[str]) -> None:
        self._model = model
        self._encoder = SentenceEncoder(locate(model)) if model else None

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "SentenceEmbeddings":
        """The component. Raises EmbeddingsUnusable where the model is named and not there."""
        return cls(os.environ.get("ZUSAGE_EMBEDDINGS") or config["model"])

    @property
    def is_on(self) -> bool:
        """Whether a model is named."""
        return self._encoder is not None

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings of texts, one row each; only where `is_on`."""
        assert self._encoder is not None
        return self._encoder.encode(texts)

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Embed all examples."""
        self._embed(training_data.training_examples)
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        """Embed messages."""
        return self._embed(messages)

    def _embed(self, messages: List[Message]) -> List[Message]:
        if self._encoder:
            vectors = self._encoder.encode([message.get(TEXT) or "" for message in messages])
            for message, vector in zip(messages, vectors, strict=True):
                message.set(SENTENCE_EMBEDDING, vector)
                message.set(EMBEDDING_MODEL, self._model)
        return messages
