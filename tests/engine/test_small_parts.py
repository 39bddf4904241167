"""The engine's small parts: stand-in for TensorFlow, graph runner, logs, settings, knowing when to train."""

import importlib
import logging
from pathlib import Path

import pytest

from engine.logs import current_text, masked
from engine.settings import SettingMissing, read
from engine.tensorflow_stub import TensorFlowMissing
from engine.train import digest, is_current, sources
from engine.turn import Assistant


class TestTensorFlowStub:
    def test_class_definitions_and_annotations_pass(self) -> None:
        tensorflow = importlib.import_module("tensorflow")
        layers = importlib.import_module("tensorflow.keras.layers")

        class Layer(layers.Layer):
            def call(self, inputs: tensorflow.Tensor) -> tensorflow.Tensor: ...

        assert issubclass(Layer, layers.Layer)

    def test_using_it_fails_loudly(self) -> None:
        tensorflow = importlib.import_module("tensorflow")
        with pytest.raises(TensorFlowMissing, match=r"tensorflow\.constant"):
            tensorflow.constant(1)
        layer = type("Layer", (tensorflow.keras.layers.Layer,), {})
        with pytest.raises(TensorFlowMissing):
            layer()


class TestRunner:
    def test_nodes_run_after_what_they_need(self, assistant: Assistant) -> None:
        order = [name for name, _, _ in assistant.graph_runner._order(("select_prediction",))]
        assert order.index("run_RulePolicy0") < order.index("select_prediction")
        assert "domain_provider" not in order  # known already

    def test_a_missing_component_is_an_error(self, assistant: Assistant) -> None:
        with pytest.raises(LookupError):
            assistant.component(TestRunner)  # type: ignore[type-var]


class TestLogs:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("mail from anna@example.de", "mail from [mail]"),
            ("order LM-104217 failed", "order [number] failed"),
            ("call 0171 2345678", "call [number]"),
            ("status 500 after 12 ms", "status 500 after 12 ms"),
        ],
    )
    def test_personal_data_is_masked(self, line: str, expected: str) -> None:
        assert masked(line) == expected

    def test_the_message_being_answered_is_cut_out(self) -> None:
        token = current_text.set("Ich heiße Käthe")
        try:
            assert masked("could not parse 'Ich heiße Käthe'") == "could not parse '[message]'"
        finally:
            current_text.reset(token)
        assert logging.getLogger("rasa").level == logging.WARNING


class TestSettings:
    def test_without_a_token_the_engine_does_not_start(self) -> None:
        with pytest.raises(SettingMissing, match="ZUSAGE_ENGINE_TOKEN"):
            read({})

    def test_the_token_may_come_from_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("secret\n", encoding="utf-8")
        assert read({"ZUSAGE_ENGINE_TOKEN_FILE": str(tmp_path / "token")}).token == "secret"


class TestTraining:
    def test_is_needed_when_a_source_changes(self, model: Path, tmp_path: Path) -> None:
        config = tmp_path / "config.yml"
        config.write_text("recipe: default.v1", encoding="utf-8")
        before = digest(sources(config, config, tmp_path))
        config.write_text("recipe: default.v2", encoding="utf-8")
        assert digest(sources(config, config, tmp_path)) != before

    def test_is_not_needed_for_a_model_of_the_same_sources(self, model: Path) -> None:
        here = Path(__file__).parent / "assistant"
        wanted = digest(sources(here / "config.yml", here / "domain.yml", here / "data"))
        assert is_current(model.parent, wanted)
        assert not is_current(model.parent, "other")
        assert not is_current(model.parent / "nowhere", wanted)
