"""A linear text classifier with calibrated probabilities, small on disk and quick to ask."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
import scipy.sparse as sp

from engine.nlu.ngrams import NgramVectorizer
from engine.nlu.persistence import ModelUnusable
from engine.nlu.rejection import Rejection

_FOLDS = 3
_WORDS, _CHARACTERS = (1, 2), (2, 5)
_WORD_WEIGHT, _UNKNOWN = 0.8, 0.5
_EMBEDDING_WEIGHT = 2.0
_SMALL = 4000
"""Examples below which folds are drawn several times, because one drawing says too little."""
_REPEATS = 4
_TOPICS = 40

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
    """One support vector machine per label over word and character n-grams, and maybe a sentence embedding.

    The machines' margins become probabilities through a softmax whose temperature is fitted on examples
    that the machines had not seen (Guo et al. 2017). Weights are kept as single bytes.
    """

    def __init__(self) -> None:
        self.labels: List[str] = []
        self.rejection = Rejection((0.0, 0.0), 10.0, 0.0)
        self._vectorizer = NgramVectorizer(_WORDS, _CHARACTERS, word_weight=_WORD_WEIGHT, unknown=_UNKNOWN)
        self._out_of_scope: Optional[int] = None
        self._temperature = 1.0
        self._weights = np.zeros((0, 0), dtype=np.int8)
        self._scale = np.zeros(0, dtype=np.float32)
        self._bias = np.zeros(0, dtype=np.float32)
        self._embedding_weights = np.zeros((0, 0), dtype=np.float32)

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
        embeddings: Optional[np.ndarray] = None,
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
            embeddings: One row for each text.
        """
        from sklearn.svm import LinearSVC

        model = cls()
        model._vectorizer.max_features = max_features
        matrix = model._vectorizer.fit(texts, background).matrix(texts)
        if embeddings is not None:
            matrix = sp.hstack([matrix, sp.csr_matrix(embeddings * _EMBEDDING_WEIGHT)], format="csr", dtype=np.float32)
        names, targets = np.unique(np.asarray(labels), return_inverse=True)
        model.labels = [str(name) for name in names]
        model._out_of_scope = model.labels.index(out_of_scope) if out_of_scope in model.labels else None

        def machine(rows: np.ndarray) -> LinearSVC:
            weights = "balanced" if balanced else None
            return LinearSVC(C=cost, class_weight=weights, random_state=0).fit(matrix[rows], targets[rows])

        def unseen_margins(round_: "_Round") -> np.ndarray:
            margins = np.full((len(round_.unseen), len(names)), -np.inf)
            if len(np.unique(targets[round_.seen])) > 1:
                one = machine(round_.seen)
                margins[:, one.classes_] = _margins(one.decision_function(matrix[round_.unseen]))
            return margins

        rounds = list(_rounds(matrix, targets, model._out_of_scope, rejects=out_of_scope is not None))
        # liblinear lets other threads run meanwhile.
        with ThreadPoolExecutor(2) as pool:
            whole = pool.submit(machine, np.arange(len(texts)))
            measured = list(pool.map(unseen_margins, rounds))
        margins = np.concatenate(measured) if measured else np.zeros((0, len(names)))
        meant = np.concatenate([targets[one.unseen] for one in rounds]) if rounds else np.zeros(0, dtype=int)
        usable = np.isfinite(margins).sum(axis=1) > 1
        margins, meant = margins[usable], meant[usable]
        held_out = ~np.isfinite(margins[np.arange(len(meant)), meant])
        if len(meant):
            model._temperature = _fitted_temperature(margins[~held_out], meant[~held_out])
        if out_of_scope is not None and len(meant):
            inside = ~held_out & (meant != (-1 if model._out_of_scope is None else model._out_of_scope))
            in_scope = margins.copy()
            if model._out_of_scope is not None:
                in_scope[:, model._out_of_scope] = -np.inf
            correct = inside & (in_scope.argmax(axis=1) == meant)
            model.rejection = Rejection.fitted(margins, correct, inside, model._out_of_scope, most_rejected)
        machine_of_all = whole.result()
        model._keep(_margins(machine_of_all.coef_.T), _margins(machine_of_all.intercept_[np.newaxis])[0])
        return model

    def _keep(self, weights: np.ndarray, bias: np.ndarray) -> None:
        size = len(self._vectorizer.vocabulary)
        kept = weights[:size]
        self._bias = bias.astype(np.float32)
        self._scale = (np.maximum(np.abs(kept).max(axis=0), 1e-9) / 127).astype(np.float32)
        self._weights = np.rint(kept / self._scale).astype(np.int8)
        self._embedding_weights = (weights[size:] * _EMBEDDING_WEIGHT).astype(np.float32)

    @property
    def knows_out_of_scope(self) -> bool:
        """Whether the training had examples of what is out of scope."""
        return self._out_of_scope is not None

    @property
    def needs_embeddings(self) -> bool:
        """Whether the model was trained with sentence embeddings, and cannot read without."""
        return len(self._embedding_weights) > 0

    def read(self, text: str, embedding: Optional[np.ndarray] = None) -> Reading:
        """Probabilities of all labels, and whether the text is of any of them.

        Where there is a label for what is out of scope, it has what assurance lacks to 1.
        """
        columns, values = self._vectorizer.features(text)
        margins = (values @ self._weights[columns].astype(np.float32)) * self._scale + self._bias
        if embedding is not None and self.needs_embeddings:
            margins = margins + embedding @ self._embedding_weights
        shares = _softmax(margins * self._temperature)
        assurance = float(self.rejection.assurance(margins, self._out_of_scope))
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
            "embedding_weights": self._embedding_weights,
        }
        facts = {
            "vocabulary": self._vectorizer.vocabulary,
            "strange": float(self._vectorizer.strange),
            "labels": self.labels,
            "out_of_scope": self._out_of_scope,
            "temperature": self._temperature,
            "rejection": asdict(self.rejection),
        }
        return facts, arrays

    @classmethod
    def restored(cls, facts: Dict[str, Any], arrays: Dict[str, np.ndarray]) -> "LinearTextModel":
        """The model of which this is the state. Raises ModelUnusable where the parts do not fit together."""
        model = cls()
        try:
            model.labels, model._out_of_scope = facts["labels"], facts["out_of_scope"]
            model._temperature = float(facts["temperature"])
            rejection = facts["rejection"]
            first, second = rejection["weights"]
            model.rejection = Rejection((first, second), rejection["bias"], rejection["cut"])
            model._vectorizer.restore(facts["vocabulary"], arrays["idf"], facts["strange"])
            model._weights, model._scale, model._bias = arrays["weights"], arrays["scale"], arrays["bias"]
            model._embedding_weights = arrays["embedding_weights"]
        except (KeyError, ValueError, TypeError) as error:
            raise ModelUnusable(f"parts of a linear model are missing or wrong: {error}") from error
        shape = (len(facts["vocabulary"]), len(model.labels))
        if model._weights.shape != shape or model._weights.dtype != np.int8 or model._bias.shape != (shape[1],):
            raise ModelUnusable(f"weights {model._weights.shape} do not fit vocabulary and labels {shape}")
        return model


@dataclass(frozen=True)
class _Round:
    """One measurement during training: rows learned from, and rows asked about."""

    seen: np.ndarray
    unseen: np.ndarray


def _rounds(matrix: sp.csr_matrix, targets: np.ndarray, out_of_scope: Optional[int], rejects: bool) -> Iterator[_Round]:
    """Folds over the examples.

    What is out of scope is left out by topic, because what comes will be about something else. Where the training
    has no such label, every fold leaves out whole labels, which then are out of scope.
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
        if smallest < folds:
            splitter = KFold(folds, shuffle=True, random_state=repeat)
        else:
            splitter = StratifiedKFold(folds, shuffle=True, random_state=repeat)
        strangers = np.array_split(np.random.RandomState(repeat).permutation(label_count), folds)
        topic_folds = None
        if rejects and out_of_scope is not None:
            outside = rows[targets == out_of_scope]
            topic_folds = outside, _topics(matrix[outside]) % folds
        for index, (others, fold) in enumerate(splitter.split(rows, targets)):
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


def _topics(matrix: sp.csr_matrix) -> np.ndarray:
    """A number for each row, the same for rows about like things."""
    from sklearn.cluster import MiniBatchKMeans

    if matrix.shape[0] <= _TOPICS:
        return np.arange(matrix.shape[0])
    return np.asarray(MiniBatchKMeans(_TOPICS, random_state=0, n_init=1, batch_size=512).fit_predict(matrix))


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
