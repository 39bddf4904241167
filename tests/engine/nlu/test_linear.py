"""The linear classifier: what it learns, what it turns down, what it keeps on disk."""

from pathlib import Path

import numpy as np
import pytest
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from engine.nlu.classifier import LinearIntentClassifier
from engine.nlu.linear import LinearTextModel
from engine.nlu.ngrams import NgramVectorizer, normalise
from engine.nlu.persistence import ModelUnusable

EXAMPLES = {
    "track_order": [
        "where is my order",
        "track my parcel",
        "order status please",
        "has my parcel been sent",
        "tracking",
    ],
    "return_item": ["i want to return this", "send it back", "return the shoes", "how do i return it", "give it back"],
    "get_invoice": ["i need an invoice", "invoice please", "send me the bill", "where is the invoice", "bill as pdf"],
    "payment_methods": ["can i pay by card", "do you take paypal", "pay by invoice", "how can i pay", "apple pay"],
    "store_info": ["where are your shops", "is there a shop in town", "shop hours", "nearest shop", "visit your shop"],
}
TEXTS = [text for texts in EXAMPLES.values() for text in texts]
LABELS = [label for label, texts in EXAMPLES.items() for _ in texts]


def fitted(**options) -> LinearTextModel:  # type: ignore[no-untyped-def]
    return LinearTextModel.fitted(TEXTS, LABELS, cost=0.5, max_features=20_000, **options)


class TestReading:
    def test_probabilities_are_a_distribution(self) -> None:
        ranking = fitted().rank("where is my parcel")
        assert ranking[0][0] == "track_order"
        assert sum(share for _, share in ranking) == pytest.approx(1, abs=1e-5)

    def test_the_state_makes_the_same_model(self) -> None:
        model = fitted(out_of_scope="none_of_it")
        again = LinearTextModel.restored(*model.state())
        for text in [*TEXTS, "", "völlig anderes", "42"]:
            assert again.read(text) == model.read(text)

    def test_a_state_with_missing_parts_is_refused(self) -> None:
        facts, arrays = fitted().state()
        with pytest.raises(ModelUnusable):
            LinearTextModel.restored({**facts, "vocabulary": facts["vocabulary"][1:]}, arrays)
        with pytest.raises(ModelUnusable):
            LinearTextModel.restored({**facts, "rejection": None}, arrays)

    def test_two_labels_are_enough(self) -> None:
        model = LinearTextModel.fitted(["yes", "no", "yes yes", "no no"], list("abab"), cost=1.0, max_features=1000)
        assert model.rank("yes")[0][0] == "a"
        assert model.rank("no")[0][0] == "b"

    def test_embeddings_decide_where_words_do_not(self) -> None:
        vectors = np.array([[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 5)
        texts = [f"thing {i}" for i in range(10)]
        model = LinearTextModel.fitted(texts, ["a"] * 5 + ["b"] * 5, cost=1.0, max_features=1000, embeddings=vectors)
        assert model.needs_embeddings
        again = LinearTextModel.restored(*model.state())
        assert again.read("nothing known", np.array([1.0, 0.0])).ranking[0][0] == "a"
        assert again.read("nothing known", np.array([0.0, 1.0])).ranking[0][0] == "b"


class TestKnowledge:
    TALK = (
        ("i want my money back", "refund"),
        ("refund please", "refund"),
        ("give me back my money", "refund"),
        ("when is my refund here", "refund"),
        ("it is broken", "damaged"),
        ("arrived damaged", "damaged"),
        ("broken on arrival, damaged", "damaged"),
        ("the box was damaged, the lamp broken", "damaged"),
        ("where is my parcel", "track"),
        ("track my order", "track"),
        ("where is it, track it", "track"),
    )

    def helped(self) -> LinearTextModel:
        texts, labels = zip(*self.TALK, strict=True)
        knowledge = LinearTextModel.fitted(texts, labels, cost=1.0, max_features=1000, calibrated=False)
        return LinearTextModel.fitted(
            ["refund", "damaged"], ["r", "d"], cost=1.0, max_features=1000, knowledge=knowledge
        )

    def test_other_labels_teach_what_words_mean(self) -> None:
        model = self.helped()
        assert model.rank("money")[0][0] == "r"
        assert model.rank("broken")[0][0] == "d"

    def test_the_state_makes_the_same_model(self) -> None:
        model = self.helped()
        again = LinearTextModel.restored(*model.state())
        for text, _ in self.TALK:
            assert again.read(text) == model.read(text)

    def test_a_state_that_lacks_it_is_refused(self) -> None:
        facts, arrays = self.helped().state()
        with pytest.raises(ModelUnusable):
            LinearTextModel.restored({**facts, "knowledge": None}, arrays)
        with pytest.raises(ModelUnusable):
            LinearTextModel.restored(facts, {name: array for name, array in arrays.items() if "." not in name})


class TestBackground:
    @pytest.mark.parametrize("named", ["tests/engine/assistant/data", ["tests/engine/assistant/data"]])
    def test_a_folder_of_other_intents_helps_a_shop_with_its_own(
        self, tmp_path: Path, named: "str | list[str]"
    ) -> None:
        storage, resource = LocalModelStorage(tmp_path), Resource("intents")
        texts = [("refund", "own_refund"), ("damaged", "own_damage"), ("parcel", "own_parcel"), ("shop", "own_shop")]
        own = TrainingData([Message.build(text, intent) for text, intent in texts])
        config = {**LinearIntentClassifier.get_default_config(), "background": named}
        LinearIntentClassifier.create(config, storage, resource, None).train(own)  # type: ignore[arg-type]
        loaded = LinearIntentClassifier.load(config, storage, resource, None)  # type: ignore[arg-type]
        (message,) = loaded.process([Message({"text": "refund"})])
        assert message.get("intent_ranking")[0]["name"] == "own_refund"
        assert LinearIntentClassifier.fingerprint_addon(config)
        assert LinearIntentClassifier.fingerprint_addon({**config, "background": None}) is None


class TestTurningDown:
    def test_without_examples_of_it_what_is_strange_is_less_sure(self) -> None:
        model = fitted(out_of_scope="none_of_it")
        assert not model.knows_out_of_scope
        assert model.rejection.cut > 0
        strange = ["my cat sleeps on the sofa", "who won the match yesterday", "zzz"]
        surest = max(model.read(text).assurance for text in strange)
        assert surest < min(model.read(text).assurance for text in TEXTS)
        assert surest < model.rejection.cut

    def test_with_examples_of_it_its_label_has_what_assurance_lacks(self) -> None:
        outside = ["tell me a joke", "who won the match", "what is the weather", "sing a song", "capital of france"]
        model = LinearTextModel.fitted(
            [*TEXTS, *outside],
            [*LABELS, *["out_of_scope"] * len(outside)],
            cost=0.5,
            max_features=20_000,
            out_of_scope="out_of_scope",
            most_rejected=0.05,
        )
        for text in [*TEXTS, *outside]:
            reading = model.read(text)
            assert dict(reading.ranking)["out_of_scope"] == pytest.approx(1 - reading.assurance)
            assert sum(share for _, share in reading.ranking) == pytest.approx(1, abs=1e-5)
        assert model.read("who won the match").assurance < model.read("where is my order").assurance

    def test_with_embeddings_what_lies_far_from_the_examples_is_less_sure(self) -> None:
        generator = np.random.RandomState(0)
        labels = [label for label in "abcdef" for _ in range(6)]
        directions = np.eye(12)[[ord(label) - ord("a") for label in labels]]
        vectors = directions + 0.1 * generator.standard_normal(directions.shape)
        texts = [f"thing {i}" for i in range(len(labels))]
        model = LinearTextModel.fitted(
            texts, labels, cost=1.0, max_features=1000, out_of_scope="none_of_it", embeddings=vectors
        )
        near, far = model.read("thing", np.eye(12)[0]), model.read("thing", np.eye(12)[10])
        assert near.assurance > far.assurance
        assert LinearTextModel.restored(*model.state()).read("thing", np.eye(12)[0]) == near

    def test_one_example_of_a_label_stops_nothing(self) -> None:
        model = LinearTextModel.fitted(["a b", "c d", "e f"], list("xyz"), cost=1.0, max_features=99, out_of_scope="o")
        assert model.rank("a b")[0][0] == "x"


class TestFeatures:
    def test_what_is_supplied_does_not_outweigh_what_is_wanted(self) -> None:
        assert normalise("wo ist LM-105804?") == normalise("wo ist 4711-0815-99?") == "wo ist #?"
        assert normalise("Jo@Example.org bitte") == "@ bitte"
        assert normalise("soooo guuut") == "soo guut"

    def test_unknown_words_make_a_text_weaker(self) -> None:
        vectorizer = NgramVectorizer((1, 2), (2, 5), unknown=0.5).fit(TEXTS)
        _, plain = vectorizer.features("where is my order")
        columns, mixed = vectorizer.features("where is my order qqqq xxxx jjjj")
        assert len(columns) >= len(plain)
        assert float(mixed @ mixed) < float(plain @ plain)

    def test_the_rarest_are_left_out_where_there_are_too_many(self) -> None:
        vectorizer = NgramVectorizer((1, 2), (2, 5), max_features=60).fit(TEXTS)
        assert 0 < len(vectorizer.vocabulary) <= 60
