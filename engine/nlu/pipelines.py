"""spaCy's pipelines without statistical models, one per language, shared by all components."""

from functools import lru_cache

import spacy
from spacy.language import Language


@lru_cache(maxsize=None)
def pipeline(language: str) -> Language:
    """The tokenizer and vocabulary of a language: nothing to download, a few MB."""
    return spacy.blank(language)
