"""Which language a message is in, and when a conversation changes it."""

from pathlib import Path

import pytest
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import INTENT, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from engine.importer import METADATA_LANGUAGE, LanguageAwareImporter, declared_language
from engine.nlu.language import LanguageIdentifier

HERE = Path(__file__).parent.parent / "assistant"


@pytest.fixture(scope="module")
def identifier(tmp_path_factory: pytest.TempPathFactory) -> LanguageIdentifier:
    storage, resource = LocalModelStorage(tmp_path_factory.mktemp("storage")), Resource("language")
    config = LanguageIdentifier.get_default_config()
    data = LanguageAwareImporter(None, None, [str(HERE / "data")]).get_nlu_data()
    LanguageIdentifier.create(config, storage, resource, None).train(data)  # type: ignore[arg-type]
    return LanguageIdentifier.load(config, storage, resource, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "current", "language"),
    [
        ("wo ist mein paket", None, "de"),
        ("where is my parcel", None, "en"),
        ("wo ist mein paket", "en", "de"),
        ("where is my parcel", "de", "en"),
    ],
)
def test_a_message_that_shows_its_language_decides(
    identifier: LanguageIdentifier, text: str, current: str, language: str
) -> None:
    assert identifier.identify(text, current, "de") == language


@pytest.mark.parametrize("text", ["ok", "LM-104217", "charles.davids@example.org", "10115", "😡", "DHL", "?"])
@pytest.mark.parametrize("current", ["de", "en"])
def test_a_message_that_shows_none_stays_in_the_conversation_s(
    identifier: LanguageIdentifier, text: str, current: str
) -> None:
    assert identifier.identify(text, current, "de") == current


@pytest.mark.parametrize("default", ["de", "en"])
def test_at_the_beginning_the_shop_s_language_stands_in(identifier: LanguageIdentifier, default: str) -> None:
    assert identifier.identify("LM-104217", None, default) == default


@pytest.fixture(scope="module")
def borrower(tmp_path_factory: pytest.TempPathFactory) -> LanguageIdentifier:
    """Has learned from a German that borrows "cancel" now and then, as people do."""
    storage, resource = LocalModelStorage(tmp_path_factory.mktemp("storage")), Resource("language")
    german = [f"bitte {word} sie das {count}" for word in ("schicken", "liefern", "ändern") for count in range(30)]
    german += [f"ich cancel das {count}" for count in range(3)] + [f"der status bitte {count}" for count in range(9)]
    english = [f"please cancel this {count}" for count in range(100)] + [f"the status {count}" for count in range(9)]
    data = TrainingData(
        [
            Message({TEXT: text, INTENT: "any", METADATA: {METADATA_LANGUAGE: language}})
            for language, texts in (("de", german), ("en", english))
            for text in texts
        ]
    )
    config = {**LanguageIdentifier.get_default_config(), "decide": 50.0}  # the n-grams never decide
    LanguageIdentifier.create(config, storage, resource, None).train(data)  # type: ignore[arg-type]
    return LanguageIdentifier.load(config, storage, resource, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("default", ["de", "en"])
@pytest.mark.parametrize(
    ("text", "language"), [("cancel LM-104882", "en"), ("Cancel", "en"), ("bitte LM-104882", "de"), ("schicken!", "de")]
)
def test_a_word_of_one_language_decides_at_the_beginning(
    borrower: LanguageIdentifier, text: str, language: str, default: str
) -> None:
    assert borrower.identify(text, None, default) == language
    assert borrower.shows(text)


@pytest.mark.parametrize("text", ["status LM-104882", "LM-104882", "104882", "bitte cancel", "Anna", ""])
@pytest.mark.parametrize("default", ["de", "en"])
def test_words_of_both_languages_or_none_leave_it_to_the_shop(
    borrower: LanguageIdentifier, text: str, default: str
) -> None:
    assert borrower.identify(text, None, default) == default
    assert not borrower.shows(text)


def test_one_word_does_not_change_a_conversation_s_language(borrower: LanguageIdentifier) -> None:
    assert borrower.identify("cancel", "de", "de") == "de"


def test_file_names_declare_the_language_of_examples() -> None:
    assert declared_language("data/nlu/orders.de.yml") == "de"
    assert declared_language("data/nlu/orders.en.yml") == "en"
    assert declared_language("data/nlu/orders.yml") is None
