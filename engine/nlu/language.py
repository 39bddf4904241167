"""Decides for each message whether it is German or English."""

import math
import re
from collections import Counter
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from engine.importer import LANGUAGES, METADATA_LANGUAGE
from engine.nlu import persistence
from engine.nlu.context import LANGUAGE, LANGUAGE_SHOWN, context_of
from engine.nlu.ngrams import NgramVectorizer

_VERSION = 2
_CODES = re.compile(r"\S*[\d@]\S*|https?:\S+")
"""Order numbers, mail addresses and the like: their letters belong to no language."""
_ADDRESS = re.compile(
    r"\b\d{4,5}\s+[A-ZÄÖÜ][\w.äöüß-]*(\s+(am|an|der|im|[A-ZÄÖÜ][\w.äöüß-]*))*|(\b[A-ZÄÖÜ][\w.äöüß-]*\s+){1,3}\d{1,4}\s?[a-z]?\b"
)
"""Streets and towns: they keep their names in every language."""
_NAMES_ASKED = frozenset({"address", "place", "customer_name", "contract"})
"""Questions that are answered with names of places and people."""
_WORD = re.compile(r"(?<![\w@.])[^\W\d_]{2,}(?![\w@])")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class LanguageIdentifier(GraphComponent):
    """Weighs the n-grams of a message for German against English.

    Evidence below `decide` (log odds) leaves the conversation's language as it is; against a conversation's
    language it must reach `switch`. At the beginning the words themselves decide where the n-grams do not ("cancel"
    is borrowed in German, and still an English word); where there is no telling word, the shop's default stands in.
    """

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """The component's options.

        decide, switch: log odds needed to decide at all, and to leave the language of the conversation;
        switch_words: words needed for that;
        telling: log odds from which a single word tells the language, 3 being about 20 to 1.
        """
        return {"decide": 0.5, "switch": 1.5, "switch_words": 3, "telling": 3.0}

    def __init__(self, config: Dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config, self._storage, self._resource = config, model_storage, resource
        self._vectorizer = NgramVectorizer((1, 1), (2, 4), min_count=2)
        self._weights = np.zeros(0, dtype=np.float32)
        self._bias = 0.0
        self._telling: Dict[str, str] = {}

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "LanguageIdentifier":
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
    ) -> "LanguageIdentifier":
        """The trained component. Raises ModelUnusable where its files are not what training wrote."""
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as directory:
            facts, arrays = persistence.load(directory, cls.__name__, _VERSION)
        component._vectorizer.restore(facts["vocabulary"], arrays["idf"])
        component._weights, component._bias = arrays["weights"], facts["bias"]
        component._telling = {word: language for language, words in facts["telling"].items() for word in words}
        return component

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from the examples whose file name declares a language."""
        from sklearn.linear_model import LogisticRegression

        labelled = [
            (_CODES.sub(" ", example.get(TEXT) or ""), (example.get(METADATA) or {}).get(METADATA_LANGUAGE))
            for example in training_data.intent_examples
        ]
        labelled = [(text, language) for text, language in labelled if text.strip() and language in LANGUAGES]
        texts, languages = [text for text, _ in labelled], [language for _, language in labelled]
        matrix = self._vectorizer.fit(texts).matrix(texts)
        model = LogisticRegression(C=10.0, solver="liblinear").fit(
            matrix, [language == LANGUAGES[0] for language in languages]
        )
        self._weights, self._bias = model.coef_[0].astype(np.float32), 0.0
        telling = _telling_words(texts, languages, self._config["telling"])
        self._telling = {word: language for language, words in telling.items() for word in words}
        with self._storage.write_to(self._resource) as directory:
            persistence.save(
                directory,
                type(self).__name__,
                _VERSION,
                {"vocabulary": self._vectorizer.vocabulary, "bias": self._bias, "telling": telling},
                {"idf": self._vectorizer.idf, "weights": self._weights},
            )
        return self._resource

    def evidence(self, text: str) -> float:
        """Log odds of German against English; 0 says nothing either way."""
        columns, values = self._vectorizer.features(_CODES.sub(" ", text))
        return float(self._weights[columns] @ values) + self._bias

    def shows(self, text: str) -> bool:
        """Whether a text shows its language at all; "Hi" and an order number do not."""
        text = _ADDRESS.sub(" ", text)
        return abs(self.evidence(text)) >= self._config["decide"] or self._told_by_words(text) is not None

    def identify(self, text: str, current: Optional[str], default: str) -> str:
        """The language of `text` in a conversation that was in `current` so far."""
        text = _ADDRESS.sub(" ", text)
        evidence = self.evidence(text)
        seen = LANGUAGES[0] if evidence > 0 else LANGUAGES[1]
        if current not in (None, seen) and len(_WORD.findall(text)) < self._config["switch_words"]:
            return current  # a name, a place or a mail address has no language
        needed = self._config["decide"] if current in (None, seen) else self._config["switch"]
        if abs(evidence) >= needed:
            return seen
        return current or self._told_by_words(text) or default

    def _told_by_words(self, text: str) -> Optional[str]:
        """The one language whose words a text has, None where it has none or those of both."""
        told = {self._telling[word] for word in _words(text) if word in self._telling}
        return told.pop() if len(told) == 1 else None

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Put the declared language where `process` puts the identified one."""
        for example in training_data.training_examples:
            example.set(LANGUAGE, (example.get(METADATA) or {}).get(METADATA_LANGUAGE) or LANGUAGES[0])
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        """Set `language` on each message."""
        for message in messages:
            context = context_of(message)
            language = self.identify(message.get(TEXT) or "", context.language, context.default_language)
            if context.expected in _NAMES_ASKED and context.language:
                language = context.language  # "12 Rue de Rivoli, 75001 Paris" is no change of language
            message.set(LANGUAGE, language, add_to_output=True)
            message.set(LANGUAGE_SHOWN, self.shows(message.get(TEXT) or ""), add_to_output=True)
        return messages


def _words(text: str) -> List[str]:
    return [word.casefold() for word in _WORD.findall(_CODES.sub(" ", text))]


def _telling_words(texts: Sequence[str], languages: Sequence[str], least: float) -> Dict[str, List[str]]:
    """Words that tell the language by themselves: in how many examples of each language they stand decides."""
    counts: Dict[str, Counter] = {language: Counter() for language in LANGUAGES}
    for text, language in zip(texts, languages):  # noqa: B905 - as long as each other
        counts[language].update(set(_words(text)))
    one, other = LANGUAGES
    telling: Dict[str, List[str]] = {one: [], other: []}
    for word in sorted(counts[one].keys() | counts[other].keys()):
        odds = math.log((counts[one][word] + 1) / (counts[other][word] + 1))
        if abs(odds) >= least:
            telling[one if odds > 0 else other].append(word)
    return telling
