"""The emotion component: training, saving, loading, and what it says of a message."""

from pathlib import Path

import pytest
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from engine.nlu.emotion import VALENCE, EmotionClassifier, read_examples
from engine.nlu.persistence import ModelUnusable

CONFIG = {**EmotionClassifier.get_default_config(), "examples": "tests/engine/assistant/emotion"}
RESOURCE = Resource("emotion")


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> LocalModelStorage:
    storage = LocalModelStorage(tmp_path_factory.mktemp("storage"))
    EmotionClassifier.create(CONFIG, storage, RESOURCE, None).train(TrainingData())  # type: ignore[arg-type]
    return storage


def loaded(storage: LocalModelStorage) -> EmotionClassifier:
    return EmotionClassifier.load(CONFIG, storage, RESOURCE, None)  # type: ignore[arg-type]


def test_what_was_learned_is_recognised_after_loading(storage: LocalModelStorage) -> None:
    classifier = loaded(storage)
    for text, label in read_examples(Path("tests/engine/assistant/emotion")):
        (message,) = classifier.process([Message({"text": text})])
        emotion = message.get("emotion")
        assert emotion["label"] == label
        assert 0 <= emotion["confidence"] <= 1
        assert -1 <= emotion["valence"] <= 1


def test_valence_has_the_sign_of_the_feeling(storage: LocalModelStorage) -> None:
    classifier = loaded(storage)
    assert classifier.read("das ist eine unverschämtheit")["valence"] < 0
    assert classifier.read("super ich freue mich riesig")["valence"] > 0
    assert list(VALENCE) == sorted(VALENCE, key=lambda label: VALENCE[label])


def test_without_examples_there_is_no_emotion(tmp_path: Path) -> None:
    storage = LocalModelStorage(tmp_path)
    config = {**CONFIG, "examples": str(tmp_path / "none")}
    EmotionClassifier.create(config, storage, RESOURCE, None).train(TrainingData())  # type: ignore[arg-type]
    assert loaded(storage).read("das ist eine unverschämtheit") is None


@pytest.mark.parametrize("content", ["joy", "rage\thmpf", "joy\t ", "ich freue mich\tjoy"])
def test_examples_of_another_form_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "broken.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(InvalidConfigException, match=r"broken\.tsv:1"):
        read_examples(tmp_path)


def test_a_missing_feeling_is_refused() -> None:
    with pytest.raises(InvalidConfigException, match="worry"):
        EmotionClassifier(CONFIG, None, None).fit([("hurra", "joy")])  # type: ignore[arg-type]


def test_files_that_training_did_not_write_are_refused(tmp_path: Path) -> None:
    storage = LocalModelStorage(tmp_path)
    with storage.write_to(RESOURCE) as directory:
        (directory / "facts.json").write_text('{"component": "EmotionClassifier", "version": 1}', encoding="utf-8")
    with pytest.raises(ModelUnusable):
        loaded(storage)
