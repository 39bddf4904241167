"""The intent of a message: a linear classifier over word and character n-grams, and sentence embeddings if wanted."""

import re
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from engine.nlu.background import background_for
from engine.nlu.component import PROJECT, LinearComponent, fingerprint
from engine.nlu.embeddings import EMBEDDING_MODEL, SENTENCE_EMBEDDING
from engine.nlu.encoder import SentenceEncoder, locate
from engine.nlu.linear import LinearTextModel, Reading

OUT_OF_SCOPE = "out_of_scope"
FALLBACK = "nlu_fallback"
_RANKED = 3
_BACKGROUND_COST, _BACKGROUND_FEATURES = 0.3, 30_000
_BACKGROUND_ENCODED = 30
"""Examples of each background intent that are encoded: not all, because that takes long."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearIntentClassifier(LinearComponent, IntentClassifier):
    """Decides what a shopper wants, or that this is unclear, or nothing for a shop."""

    VERSION = 4

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """The component's options.

        confidence: probability of the likeliest intent below which the bot asks back (`nlu_fallback`);
        most_rejected: share of messages in scope that may be turned down or asked back for looking strange;
            measured on training examples that were left out;
        cost: how dear a wrong training example is (LinearSVC's C);
        max_features: n-grams kept, those that most examples have;
        background: folders with examples of other intents, seen from the project, for a shop with few examples of
            its own intents: they show what words mean to shoppers. Without any the examples suffice.
        """
        return {"confidence": 0.35, "most_rejected": 0.07, "cost": 0.5, "max_features": 160_000, "background": []}

    @classmethod
    def fingerprint_addon(cls, config: Dict[str, Any]) -> Optional[str]:
        """Rasa's own `rasa train` trains again when the background changes."""
        return "".join(fingerprint(folder, "*.yml") for folder in _folders(config["background"])) or None

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from all examples."""
        examples = [example for example in training_data.intent_examples if example.get(TEXT)]
        texts = [example.get(TEXT) for example in examples]
        background = background_for(texts, _folders(self._config["background"]))
        model = examples[0].get(EMBEDDING_MODEL) if examples else None
        self.fit(
            texts,
            [example.get(INTENT) for example in examples],
            background=background,
            embeddings=np.stack([example.get(SENTENCE_EMBEDDING) for example in examples]) if model else None,
            encode=SentenceEncoder(locate(model)).encode if model and background else None,
        )
        return self._save()

    def fit(
        self,
        texts: Sequence[str],
        intents: Sequence[str],
        *,
        background: Sequence[Tuple[str, str]] = (),
        embeddings: Optional[np.ndarray] = None,
        encode: Optional[Callable[[Sequence[str]], np.ndarray]] = None,
    ) -> None:
        """Learn from labelled texts.

        Args:
            texts: The examples.
            intents: Their intents.
            background: Texts of the same kind of talk with other labels, which show what words mean.
            embeddings: One row for each text.
            encode: Makes such rows of the background's texts; without it the background has none.
        """
        # The words of an intent's name belong to it: "refund_status" says much where there are ten examples.
        names = sorted({*intents} - {OUT_OF_SCOPE})
        if embeddings is not None:
            embeddings = np.vstack([embeddings, np.zeros((len(names), embeddings.shape[1]), dtype=embeddings.dtype)])
        knowledge = None
        if len({label for _, label in background}) > 1:
            knowledge = LinearTextModel.fitted(
                [text for text, _ in background],
                [label for _, label in background],
                cost=_BACKGROUND_COST,
                max_features=_BACKGROUND_FEATURES,
                embeddings=_encoded_sample(background, encode) if encode else None,
                calibrated=False,
            )
        self._model = LinearTextModel.fitted(
            [*texts, *(re.sub(r"[\W_]+", " ", name).lower() for name in names)],
            [*intents, *names],
            cost=self._config["cost"],
            max_features=self._config["max_features"],
            balanced=True,
            out_of_scope=OUT_OF_SCOPE,
            most_rejected=self._config["most_rejected"],
            background=[text for text, _ in background],
            knowledge=knowledge,
            embeddings=embeddings,
        )

    def read(self, text: str, embedding: Optional[np.ndarray] = None) -> Reading:
        """All intents with their probabilities, likeliest first, and how sure it is that any of them is meant."""
        return self._model.read(text, embedding)

    def decide(self, reading: Reading) -> str:
        """The intent to act on: the likeliest, `out_of_scope`, or `nlu_fallback`."""
        name, confidence = reading.ranking[0]
        if name == OUT_OF_SCOPE:
            return OUT_OF_SCOPE
        strange = reading.assurance < self._model.rejection.cut
        # Where training shows nothing out of scope, the cut was set where most decisions are right: it covers both.
        unclear = self._model.knows_out_of_scope and confidence < self._config["confidence"]
        return FALLBACK if strange or unclear else name

    def process(self, messages: List[Message]) -> List[Message]:
        """Set the intent (or out_of_scope, or nlu_fallback) and the ranking of each message."""
        for message in messages:
            reading = self.read(message.get(TEXT) or "", message.get(SENTENCE_EMBEDDING))
            ranking, name = reading.ranking, self.decide(reading)
            confidence = dict(ranking).get(name, ranking[0][1])
            message.set(INTENT, {"name": name, "confidence": confidence}, add_to_output=True)
            shown = [{"name": label, "confidence": share} for label, share in ranking[:_RANKED]]
            message.set(INTENT_RANKING_KEY, shown, add_to_output=True)
        return messages


def _folders(named: Union[str, Sequence[str], None]) -> List[Path]:
    """One folder, several or none, as a person may write it in config.yml."""
    return [PROJECT / name for name in ([named] if isinstance(named, str) else named or [])]


def _encoded_sample(examples: Sequence[Tuple[str, str]], encode: Callable[[Sequence[str]], np.ndarray]) -> np.ndarray:
    """Embeddings of some examples of each label, from the first to the last; the other rows are zero."""
    places: Dict[str, List[int]] = {}
    for place, (_, label) in enumerate(examples):
        places.setdefault(label, []).append(place)
    chosen = [
        of_label[i]
        for of_label in places.values()
        for i in np.linspace(0, len(of_label) - 1, min(_BACKGROUND_ENCODED, len(of_label))).astype(int)
    ]
    vectors = encode([examples[place][0] for place in chosen])
    rows = np.zeros((len(examples), vectors.shape[1]), dtype=vectors.dtype)
    rows[chosen] = vectors
    return rows
