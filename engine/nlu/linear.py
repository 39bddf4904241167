"""A linear text classifier with calibrated probabilities, small on disk and quick to ask."""

from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from engine.nlu.ngrams import NgramVectorizer
from engine.nlu.persistence import ModelUnusable

_FOLDS = 3
_WORDS, _CHARACTERS = (1, 2), (2, 5)


class LinearTextModel:
    """One support vector machine per label over word and character n-grams.

    The machines' margins become probabilities through a softmax whose temperature is fitted on examples
    that the machines had not seen (Guo et al. 2017). Weights are kept as single bytes.
    """

    def __init__(self) -> None:
        self.labels: List[str] = []
        self._vectorizer = NgramVectorizer(_WORDS, _CHARACTERS, min_count=1)
        self._weights = np.zeros((0, 0), dtype=np.int8)
        self._scale = np.zeros(0, dtype=np.float32)
        self._bias = np.zeros(0, dtype=np.float32)

    @classmethod
    def fitted(
        cls, texts: Sequence[str], labels: Sequence[str], *, cost: float, max_features: int
    ) -> "LinearTextModel":
        """Learn from labelled texts.

        Args:
            texts: The examples.
            labels: Their labels, at least two different ones.
            cost: How dear a wrong example is (LinearSVC's C).
            max_features: N-grams kept, those with the largest weights.
        """
        from sklearn.model_selection import StratifiedKFold
        from sklearn.svm import LinearSVC

        model = cls()
        matrix = model._vectorizer.fit(texts).matrix(texts)
        names, targets = np.unique(np.asarray(labels), return_inverse=True)

        def margins_of(machine: LinearSVC, rows: Any) -> np.ndarray:
            margins = machine.decision_function(rows)
            return margins if margins.ndim == 2 else np.stack([-margins, margins], axis=1)

        margins = np.zeros((len(texts), len(names)))
        fold_count = min(_FOLDS, int(np.bincount(targets).min()))
        if fold_count > 1:
            for seen, unseen in StratifiedKFold(fold_count, shuffle=True, random_state=0).split(matrix, targets):
                machine = LinearSVC(C=cost, random_state=0).fit(matrix[seen], targets[seen])
                margins[unseen] = margins_of(machine, matrix[unseen])
            temperature = _fitted_temperature(margins, targets)
        else:
            temperature = 1.0  # a label with a single example leaves nothing to measure by
        machine = LinearSVC(C=cost, random_state=0).fit(matrix, targets)
        weights, bias = machine.coef_.T * temperature, machine.intercept_ * temperature
        if weights.shape[1] == 1:
            weights, bias = np.hstack([-weights, weights]), np.concatenate([-bias, bias])
        kept = np.sort(np.argsort(-np.square(weights).sum(axis=1))[:max_features])
        model.labels = [str(name) for name in names]
        model._vectorizer = model._vectorizer.reduced(kept)
        model._bias = bias.astype(np.float32)
        model._scale = (np.abs(weights[kept]).max(axis=0) / 127).astype(np.float32)
        model._weights = np.rint(weights[kept] / model._scale).astype(np.int8)
        return model

    def probabilities(self, text: str) -> np.ndarray:
        """The share of each label, in the order of `labels`."""
        columns, values = self._vectorizer.features(text)
        scores = (values @ self._weights[columns].astype(np.float32)) * self._scale + self._bias
        return _softmax(scores)

    def rank(self, text: str) -> List[Tuple[str, float]]:
        """All labels with their probabilities, likeliest first."""
        probabilities = self.probabilities(text)
        return [(self.labels[i], float(probabilities[i])) for i in np.argsort(-probabilities)]

    def state(self) -> Tuple[Dict[str, Any], Dict[str, np.ndarray]]:
        """What `restored` needs: facts for JSON, and arrays."""
        arrays = {"idf": self._vectorizer.idf, "weights": self._weights, "scale": self._scale, "bias": self._bias}
        return {"vocabulary": self._vectorizer.vocabulary, "labels": self.labels}, arrays

    @classmethod
    def restored(cls, facts: Dict[str, Any], arrays: Dict[str, np.ndarray]) -> "LinearTextModel":
        """The model of which this is the state. Raises ModelUnusable where the parts do not fit together."""
        model = cls()
        try:
            model.labels = facts["labels"]
            model._vectorizer = NgramVectorizer.restored(_WORDS, _CHARACTERS, facts["vocabulary"], arrays["idf"])
            model._weights, model._scale, model._bias = arrays["weights"], arrays["scale"], arrays["bias"]
        except (KeyError, ValueError) as error:
            raise ModelUnusable(f"parts of a linear model are missing or wrong: {error}") from error
        shape = (len(facts["vocabulary"]), len(model.labels))
        if model._weights.shape != shape or model._weights.dtype != np.int8 or model._bias.shape != (shape[1],):
            raise ModelUnusable(f"weights {model._weights.shape} do not fit vocabulary and labels {shape}")
        return model


def _softmax(scores: np.ndarray) -> np.ndarray:
    exponents = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def _fitted_temperature(margins: np.ndarray, targets: np.ndarray) -> float:
    """The factor on the margins that makes their softmax as likely as possible."""
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(targets))

    def loss(exponent: float) -> float:
        return float(-np.log(_softmax(margins * np.exp(exponent))[rows, targets] + 1e-12).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 5), method="bounded").x))
