"""Which language a message is in, and when a conversation changes it."""

from pathlib import Path

import pytest
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource

from engine.importer import LanguageAwareImporter, declared_language
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


def test_file_names_declare_the_language_of_examples() -> None:
    assert declared_language("data/nlu/orders.de.yml") == "de"
    assert declared_language("data/nlu/orders.en.yml") == "en"
    assert declared_language("data/nlu/orders.yml") is None
