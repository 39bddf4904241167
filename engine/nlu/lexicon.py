"""Finds values that have a name (carriers, colours, reasons ...) with spaCy's phrase matcher."""

import itertools
from functools import lru_cache
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Tuple

import yaml
from rapidfuzz import fuzz, process
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from engine.nlu.pipelines import pipeline

_FILE = Path(__file__).with_name("lexicon.yml")
_ADJECTIVE_ENDINGS = ("", "e", "en", "er", "es", "em")
_FUZZY_FROM = 8
"""Letters from which a word may have one of them wrong."""
_LIKENESS = 90


class _Named(NamedTuple):
    """What a language's matcher needs: whole phrases, beginnings of words, and words that may be misspelt."""

    phrases: PhraseMatcher
    stems: List[Tuple[str, str]]
    words: Dict[str, str]


def _entries() -> Iterator[Tuple[str, str]]:
    """(label, phrase) of the whole lexicon; a label is the type and the value."""
    content: Dict[str, Dict[str, List[str]]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    for kind, values in content.items():
        for value, phrases in values.items():
            for phrase in phrases:
                yield f"{kind}\t{value}", phrase


def _inflected(phrase: str) -> List[str]:
    words = [
        [word[:-1] + end for end in _ADJECTIVE_ENDINGS] if word.endswith("~") else [word] for word in phrase.split()
    ]
    return [" ".join(choice) for choice in itertools.product(*words)]


@lru_cache(maxsize=None)
def _named(language: str) -> _Named:
    spacy_pipeline = pipeline(language)
    matcher = PhraseMatcher(spacy_pipeline.vocab, attr="LOWER")
    stems: List[Tuple[str, str]] = []
    words: Dict[str, str] = {}
    for label, phrase in _entries():
        if phrase.endswith("*") and " " not in phrase:
            stems.append((phrase[:-1], label))
            continue
        for form in _inflected(phrase.rstrip("*")):
            matcher.add(label, [spacy_pipeline(form)])
            if " " not in form and len(form) >= _FUZZY_FROM:
                words[form] = label
    return _Named(matcher, stems, words)


def find_named(doc: Doc, language: str) -> List[Tuple[str, str, int, int]]:
    """(type, value, start, end) of the lexicon's values in a document; the longer of two counts."""
    named = _named(language)
    spans: List[Span] = named.phrases(doc, as_spans=True)
    for token in doc:
        word = token.lower_
        label = next((label for stem, label in named.stems if word.startswith(stem)), None)
        if label is None and len(word) >= _FUZZY_FROM and word not in named.words:
            likest = process.extractOne(word, named.words.keys(), scorer=fuzz.ratio, score_cutoff=_LIKENESS)
            label = named.words[likest[0]] if likest else None
        if label:
            spans.append(Span(doc, token.i, token.i + 1, label=label))
    found = []
    for span in filter_spans(spans):
        # "ups" is what Germans say when something went wrong.
        if not (span.text == "ups" and language == "de"):
            kind, _, value = span.label_.partition("\t")
            found.append((kind, value, span.start_char, span.end_char))
    return found
