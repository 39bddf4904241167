"""Splits a message into spaCy's tokens, by the rules of its language."""

from typing import Any, Dict, List

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from engine.importer import LANGUAGES
from engine.nlu.context import LANGUAGE
from engine.nlu.pipelines import pipeline

SPACY_DOC = "spacy_doc"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class SpacyBlankTokenizer(Tokenizer):
    """spaCy's tokenizers without a statistical model: nothing to download, a few MB."""

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """Rasa's own options for intents with several parts (not used here)."""
        return {"intent_tokenization_flag": False, "intent_split_symbol": "_", "token_pattern": None}

    def tokenize(self, message: Message, attribute: str) -> List[Token]:
        """Tokens of one attribute; the text's spaCy document is kept for the components that follow."""
        doc = pipeline(message.get(LANGUAGE, LANGUAGES[0]))(message.get(attribute))
        if attribute == TEXT:
            message.set(SPACY_DOC, doc)
        return [Token(token.text, token.idx) for token in doc if not token.is_space]

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Nothing: the components that learn read the text itself."""
        return training_data
