"""A linear text classifier with calibrated probabilities, small on disk and quick to ask."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
import scipy.sparse as sp

from engine.nlu.ngrams import Grams, NgramVectorizer
from engine.nlu.persistence import ModelUnusable
from engine.nlu.rejection import Rejection

_FOLDS = 3
_WORDS, _CHARACTERS = (1, 2), (2, 5)
_WORD_WEIGHT, _UNKNOWN = 0.8, 0.5
_EMBEDDING_WEIGHT, _KNOWLEDGE_WEIGHT = 1.0, 1.0
_KNOWLEDGE_SHARPNESS = 5.0
_SMALL = 4000
"""Examples below which folds are drawn several times, because one drawing says too little."""
_REPEATS = 4
_TOPICS = 40
_KNOWLEDGE = "knowledge."

Ranking = List[Tuple[str, float]]


@dataclass(frozen=True)
class Reading:
    """What a model makes of one text.

    Attributes:
        ranking: All labels with their probabilities, likeliest first.
        assurance: Probability (0..1) that the text is of any of the labels at all.
    """

    ranking: Ranking
    assurance: float


class LinearTextModel:
    """One support vector machine per label over word and character n-grams.

    Two more kinds of features are possible: a sentence embedding, and what another such model, which learned other
    labels from many examples of the same kind of talk, makes of the text (`knowledge`). The latter tells a model with
    few examples what words mean: "get my money back" and "refund" look alike to it.

    The machines' margins become probabilities through a softmax whose temperature is fitted on examples
    that the machines had not seen (Guo et al. 2017). Weights are kept as single bytes.
    """

    def __init__(self) -> None:
        self.labels: List[str] = []
        self.rejection = Rejection.of_nothing()
        self._vectorizer = NgramVectorizer(_WORDS, _CHARACTERS, word_weight=_WORD_WEIGHT, unknown=_UNKNOWN)
        self._out_of_scope: Optional[int] = None
        self._temperature = 1.0
        self._weights = np.zeros((0, 0), dtype=np.int8)
        self._scale = np.zeros(0, dtype=np.float32)
        self._bias = np.zeros(0, dtype=np.float32)
        self._knowledge: Optional["LinearTextModel"] = None
        self._usual = np.zeros(0, dtype=np.float32)
        self._embedding_size = 0
        self._dense_weights = np.zeros((0, 0), dtype=np.float32)
        self._centres = np.zeros((0, 0), dtype=np.float32)

    @classmethod
    def fitted(
        cls,
        texts: Sequence[str],
        labels: Sequence[str],
        *,
        cost: float,
        max_features: int,
        balanced: bool = False,
        out_of_scope: Optional[str] = None,
        most_rejected: float = 0.0,
        background: Sequence[str] = (),
        knowledge: Optional["LinearTextModel"] = None,
        embeddings: Optional[np.ndarray] = None,
        calibrated: bool = True,
    ) -> "LinearTextModel":
        """Learn from labelled texts.

        Args:
            texts: The examples.
            labels: Their labels, at least two different ones.
            cost: How dear a wrong example is (LinearSVC's C).
            max_features: N-grams kept, those that most texts have.
            balanced: Whether rare labels weigh as much as common ones.
            out_of_scope: Learn to turn down what is out of scope; the name of its label, which need not occur.
            most_rejected: Share (0..1) of messages in scope that may be turned down, where it occurs.
            background: More texts, which only show how common words are.
            knowledge: A model with other labels, from more examples, that helps this one.
            embeddings: One row for each text.
            calibrated: Whether probabilities are wanted; margins alone are learned in a quarter of the time.
        """
        from sklearn.svm import LinearSVC

        model = cls()
        model._vectorizer.max_features = max_features
        matrix = model._vectorizer.fit(texts, background).matrix(texts)
        dense = model._learn_dense(texts, knowledge, embeddings)
        if dense.shape[1]:
            matrix = sp.hstack([matrix, sp.csr_matrix(dense)], format="csr", dtype=np.float32)
        names, targets = np.unique(np.asarray(labels), return_inverse=True)
        model.labels = [str(name) for name in names]
        model._out_of_scope = model.labels.index(out_of_scope) if out_of_scope in model.labels else None

        def machine(rows: np.ndarray) -> LinearSVC:
            weights = "balanced" if balanced else None
            return LinearSVC(C=cost, class_weight=weights, random_state=0).fit(matrix[rows], targets[rows])

        def unseen(round_: "_Round") -> Tuple[np.ndarray, np.ndarray]:
            margins = np.full((len(round_.unseen), len(names)), -np.inf)
            if len(np.unique(targets[round_.seen])) > 1:
                one = machine(round_.seen)
                margins[:, one.classes_] = _margins(one.decision_function(matrix[round_.unseen]))
            centres = _centres(dense[round_.seen], targets[round_.seen], len(names), wanted=embeddings is not None)
            return margins, model._closeness(margins, dense[round_.unseen], centres)

        rounds = (
            list(_rounds(matrix, targets, model._out_of_scope, rejects=out_of_scope is not None)) if calibrated else []
        )
        # liblinear lets other threads run meanwhile.
        with ThreadPoolExecutor(2) as pool:
            whole = pool.submit(machine, np.arange(len(texts)))
            measured = list(pool.map(unseen, rounds))
        margins = np.concatenate([found for found, _ in measured]) if measured else np.zeros((0, len(names)))
        closeness = np.concatenate([found for _, found in measured]) if measured else np.zeros(0)
        meant = np.concatenate([targets[one.unseen] for one in rounds]) if rounds else np.zeros(0, dtype=int)
        usable = np.isfinite(margins).sum(axis=1) > 1
        margins, closeness, meant = margins[usable], closeness[usable], meant[usable]
        held_out = ~np.isfinite(margins[np.arange(len(meant)), meant])
        if len(meant):
            model._temperature = _fitted_temperature(margins[~held_out], meant[~held_out])
        if out_of_scope is not None and len(meant):
            inside = ~held_out & (meant != (-1 if model._out_of_scope is None else model._out_of_scope))
            correct = inside & (model._best_in_scope(margins) == meant)
            model.rejection = Rejection.fitted(margins, closeness, correct, inside, model._out_of_scope, most_rejected)
        machine_of_all = whole.result()
        model._keep(_margins(machine_of_all.coef_.T), _margins(machine_of_all.intercept_[np.newaxis])[0])
        model._centres = _centres(dense, targets, len(names), wanted=embeddings is not None)
        return model

    def _learn_dense(
        self, texts: Sequence[str], knowledge: Optional["LinearTextModel"], embeddings: Optional[np.ndarray]
    ) -> np.ndarray:
        self._knowledge = knowledge
        self._embedding_size = 0 if embeddings is None else embeddings.shape[1]
        vectors = embeddings if embeddings is not None else [None] * len(texts)
        rows = [(self._vectorizer.grams(text), vector) for text, vector in zip(texts, vectors, strict=True)]
        if knowledge is not None:
            self._usual = np.mean([knowledge._margins_of(*row)[0] for row in rows], axis=0).astype(np.float32)
        return np.stack([self._dense(*row) for row in rows])

    def _dense(self, grams: Grams, embedding: Optional[np.ndarray]) -> np.ndarray:
        parts = [np.zeros(0, dtype=np.float32)]
        if self._knowledge is not None:
            margins, _ = self._knowledge._margins_of(grams, embedding)
            # How they differ from the usual in this task, and which stand out.
            parts.append(_unit(margins - self._usual) * _KNOWLEDGE_WEIGHT)
            parts.append(_unit(np.exp((margins - margins.max()) * _KNOWLEDGE_SHARPNESS)) * _KNOWLEDGE_WEIGHT)
        if self._embedding_size:
            parts.append(np.zeros(self._embedding_size) if embedding is None else embedding * _EMBEDDING_WEIGHT)
        return np.concatenate(parts).astype(np.float32)

    def _best_in_scope(self, margins: np.ndarray) -> np.ndarray:
        known = margins.copy()
        if self._out_of_scope is not None:
            known[..., self._out_of_scope] = -np.inf
        return np.asarray(known.argmax(axis=-1))

    def _closeness(self, margins: np.ndarray, dense: np.ndarray, centres: np.ndarray) -> np.ndarray:
        """Cosine (-1..1) between each text and its best label's examples; 0 without embeddings."""
        if not len(centres):
            return np.zeros(len(margins))
        return np.asarray((_unit(dense) * centres[self._best_in_scope(margins)]).sum(axis=1))

    def _keep(self, weights: np.ndarray, bias: np.ndarray) -> None:
        size = len(self._vectorizer.vocabulary)
        kept = weights[:size]
        self._bias = bias.astype(np.float32)
        self._scale = (np.maximum(np.abs(kept).max(axis=0), 1e-9) / 127).astype(np.float32)
        self._weights = np.rint(kept / self._scale).astype(np.int8)
        self._dense_weights = weights[size:].astype(np.float32)

    @property
    def knows_out_of_scope(self) -> bool:
        """Whether the training had examples of what is out of scope."""
        return self._out_of_scope is not None

    @property
    def needs_embeddings(self) -> bool:
        """Whether the model was trained with sentence embeddings, and cannot read without."""
        return self._embedding_size > 0

    def _margins_of(self, grams: Grams, embedding: Optional[np.ndarray]) -> Tuple[np.ndarray, np.ndarray]:
        """The labels' margins, and the features beside the n-grams, which are part of them."""
        columns, values = self._vectorizer.weighed(grams)
        margins = (values @ self._weights[columns].astype(np.float32)) * self._scale + self._bias
        dense = self._dense(grams, embedding)
        return np.asarray(margins + dense @ self._dense_weights if len(dense) else margins), dense

    def read(self, text: str, embedding: Optional[np.ndarray] = None) -> Reading:
        """Probabilities of all labels, and whether the text is of any of them.

        Where there is a label for what is out of scope, it has what assurance lacks to 1.
        """
        margins, dense = self._margins_of(self._vectorizer.grams(text), embedding)
        shares = _softmax(margins * self._temperature)
        closeness = self._closeness(margins[np.newaxis], dense[np.newaxis], self._centres)
        assurance = float(self.rejection.assurance(margins[np.newaxis], closeness, self._out_of_scope)[0])
        if self._out_of_scope is not None:
            shares[self._out_of_scope] = 0.0
            shares *= assurance / shares.sum()
            shares[self._out_of_scope] = 1 - assurance
        elif self.rejection.cut > 0:
            shares *= assurance
        order = np.argsort(-shares).tolist()
        labels, shown = self.labels, shares.tolist()
        return Reading([(labels[i], shown[i]) for i in order], assurance)

    def rank(self, text: str) -> Ranking:
        """All labels with their probabilities, likeliest first."""
        return self.read(text).ranking

    def state(self) -> Tuple[Dict[str, Any], Dict[str, np.ndarray]]:
        """What `restored` needs: facts for JSON, and arrays."""
        arrays = {
            "idf": self._vectorizer.idf,
            "weights": self._weights,
            "scale": self._scale,
            "bias": self._bias,
            "dense_weights": self._dense_weights,
            "usual": self._usual,
            "centres": self._centres,
        }
        facts = {
            "vocabulary": self._vectorizer.vocabulary,
            "strange": float(self._vectorizer.strange),
            "labels": self.labels,
            "out_of_scope": self._out_of_scope,
            "temperature": self._temperature,
            "rejection": asdict(self.rejection),
            "embedding_size": self._embedding_size,
            "knowledge": None,
        }
        if self._knowledge is not None:
            facts["knowledge"], more = self._knowledge.state()
            arrays.update({_KNOWLEDGE + name: array for name, array in more.items()})
        return facts, arrays

    @classmethod
    def restored(cls, facts: Dict[str, Any], arrays: Dict[str, np.ndarray]) -> "LinearTextModel":
        """The model of which this is the state. Raises ModelUnusable where the parts do not fit together."""
        model = cls()
        try:
            model.labels, model._out_of_scope = facts["labels"], facts["out_of_scope"]
            model._temperature = float(facts["temperature"])
            rejection = facts["rejection"]
            first, second, third = rejection["weights"]
            model.rejection = Rejection((first, second, third), rejection["bias"], rejection["cut"])
            model._vectorizer.restore(facts["vocabulary"], arrays["idf"], facts["strange"])
            model._weights, model._scale, model._bias = arrays["weights"], arrays["scale"], arrays["bias"]
            model._dense_weights, model._centres = arrays["dense_weights"], arrays["centres"]
            model._usual, model._embedding_size = arrays["usual"], int(facts["embedding_size"])
            if facts["knowledge"] is not None:
                size = len(_KNOWLEDGE)
                inner = {name[size:]: array for name, array in arrays.items() if name.startswith(_KNOWLEDGE)}
                model._knowledge = cls.restored(facts["knowledge"], inner)
        except (KeyError, ValueError, TypeError) as error:
            raise ModelUnusable(f"parts of a linear model are missing or wrong: {error}") from error
        shape = (len(facts["vocabulary"]), len(model.labels))
        if model._weights.shape != shape or model._weights.dtype != np.int8 or model._bias.shape != (shape[1],):
            raise ModelUnusable(f"weights {model._weights.shape} do not fit vocabulary and labels {shape}")
        known = 0 if model._knowledge is None else len(model._knowledge.labels)
        dense = 2 * known + model._embedding_size
        if len(model._usual) != known or (dense and model._dense_weights.shape != (dense, shape[1])):
            raise ModelUnusable(f"weights {model._dense_weights.shape} do not fit {dense} more features")
        return model


@dataclass(frozen=True)
class _Round:
    """One measurement during training: rows learned from, and rows asked about."""

    seen: np.ndarray
    unseen: np.ndarray


def _rounds(matrix: sp.csr_matrix, targets: np.ndarray, out_of_scope: Optional[int], rejects: bool) -> Iterator[_Round]:
    """Folds over the examples.

    What is out of scope is left out by topic, because what comes will be about something else. Where the training
    has no such label, every fold leaves out whole labels, which then are out of scope, and every other drawing leaves
    out examples that are worded alike: shoppers word things otherwise than those who wrote a few examples.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    rows = np.arange(len(targets))
    smallest = int(np.bincount(targets).min())
    label_count = int(targets.max()) + 1
    holds_out = rejects and out_of_scope is None and label_count >= 4
    if smallest < 2 and not holds_out:
        return  # a label with a single example leaves nothing to measure by
    folds = 4 if holds_out else min(_FOLDS, smallest)
    for repeat in range(_REPEATS if len(rows) < _SMALL and rejects else 1):
        if holds_out and repeat % 2:
            parts = _wordings(matrix, targets, folds, seed=repeat)
            splits = [(rows[parts != part], rows[parts == part]) for part in range(folds)]
        else:
            splitter = (KFold if smallest < folds else StratifiedKFold)(folds, shuffle=True, random_state=repeat)
            splits = list(splitter.split(rows, targets))
        strangers = np.array_split(np.random.RandomState(repeat).permutation(label_count), folds)
        topic_folds = None
        if rejects and out_of_scope is not None:
            outside = rows[targets == out_of_scope]
            topic_folds = outside, _topics(matrix[outside]) % folds
        for index, (others, fold) in enumerate(splits):
            if holds_out:
                strange = np.isin(targets, strangers[index])
                yield _Round(others[~strange[others]], np.union1d(fold, rows[strange]))
            elif topic_folds is not None:
                outside, topics = topic_folds
                known = rows[targets != out_of_scope]
                yield _Round(
                    np.concatenate([np.intersect1d(others, known), outside[topics != index]]),
                    np.concatenate([np.intersect1d(fold, known), outside[topics == index]]),
                )
            else:
                yield _Round(others, fold)


def _wordings(matrix: sp.csr_matrix, targets: np.ndarray, parts: int, seed: int) -> np.ndarray:
    """One of `parts` numbers for each row, the same for rows of a label that are worded alike."""
    from sklearn.cluster import KMeans

    random, numbers = np.random.RandomState(seed), np.zeros(len(targets), dtype=int)
    for label in range(int(targets.max()) + 1):
        rows = np.flatnonzero(targets == label)
        alike = np.arange(len(rows)) % parts
        if len(rows) >= parts:
            kinds = min(parts, max(2, len(rows) // 3))
            alike = KMeans(kinds, n_init=1, max_iter=10, random_state=seed).fit_predict(matrix[rows])
        numbers[rows] = random.permutation(parts)[alike]
    return numbers


def _topics(matrix: sp.csr_matrix) -> np.ndarray:
    """A number for each row, the same for rows about like things."""
    from sklearn.cluster import MiniBatchKMeans

    if matrix.shape[0] <= _TOPICS:
        return np.arange(matrix.shape[0])
    return np.asarray(MiniBatchKMeans(_TOPICS, random_state=0, n_init=1, batch_size=512).fit_predict(matrix))


def _centres(dense: np.ndarray, targets: np.ndarray, label_count: int, *, wanted: bool) -> np.ndarray:
    """The direction in which each label's examples lie, one row for each label; no rows where not wanted."""
    if not wanted:
        return np.zeros((0, 0), dtype=np.float32)
    sums = np.zeros((label_count, dense.shape[1]), dtype=np.float32)
    np.add.at(sums, targets, _unit(dense))
    return _unit(sums).astype(np.float32)


def _unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9))


def _margins(values: np.ndarray) -> np.ndarray:
    """One column per label, also for two labels, for which there is a single machine."""
    table = values.reshape(len(values), -1)
    return np.hstack([-table, table]) if table.shape[1] == 1 else table


def _softmax(scores: np.ndarray) -> np.ndarray:
    exponents = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True))


def _fitted_temperature(margins: np.ndarray, targets: np.ndarray) -> float:
    """The factor on the margins that makes their softmax as likely as possible."""
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(targets))

    def loss(exponent: float) -> float:
        return float(-np.log(_softmax(margins * np.exp(exponent))[rows, targets] + 1e-12).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 5), method="bounded").x))
