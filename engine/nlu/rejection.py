"""Whether a message is anything that was learned: the out-of-scope decision of a linear classifier.

A logistic model looks at how strong the best label is, (where there are examples of what is out of scope) how
strong that label is, and (with sentence embeddings) how close the text is to the best label's examples. The lead
before the second label, the share of known words and the nearest example were tried as well, and added little in
cross-validation. It is fitted on messages that the classifier had not seen: in scope, and out of scope. Where a
training set names nothing that is out of scope, whole labels are held out and play its part.
"""

from dataclasses import dataclass
from typing import List, Optional, Tuple

import numpy as np

EXPECTED_OUT_OF_SCOPE = 0.4
"""Share of out-of-scope messages assumed where training shows none: 42 % in the traffic of HINT3's mattress shop
(Arora et al. 2020), more in its two others."""


@dataclass(frozen=True)
class Rejection:
    """The fitted decision.

    Attributes:
        weights: For the best margin, the margin of `out_of_scope` (0 where there is none), and the closeness.
        bias: Added to their sum; the logistic function of both is the assurance.
        cut: Assurance (0..1) below which a message is turned down or asked back.
    """

    weights: Tuple[float, float, float]
    bias: float
    cut: float

    @classmethod
    def of_nothing(cls) -> "Rejection":
        """The decision that turns nothing down."""
        return cls((0.0, 0.0, 0.0), 10.0, 0.0)

    def assurance(self, margins: np.ndarray, closeness: np.ndarray, out_of_scope: Optional[int]) -> np.ndarray:
        """Probability of being in scope, for each row of margins."""
        odds = _features(margins, closeness, out_of_scope) @ np.array(self.weights) + self.bias
        return np.asarray(1 / (1 + np.exp(-odds)))

    @classmethod
    def fitted(
        cls,
        margins: np.ndarray,
        closeness: np.ndarray,
        correct: np.ndarray,
        inside: np.ndarray,
        out_of_scope: Optional[int],
        most_rejected: float,
    ) -> "Rejection":
        """Learn from margins of messages that the classifier had not seen.

        Args:
            margins: One row per message, one column per label; -inf for a label that was held out.
            closeness: Cosine of each message with its best label's examples; 0 without embeddings.
            correct: Whether the best label in scope is the right one.
            inside: Whether the message is in scope.
            out_of_scope: Column of the label for what is out of scope, if the training has one.
            most_rejected: With such a label, the share of what is in scope that may be turned down.
                Without one, the cut is where the share of right decisions is best.
        """
        from sklearn.linear_model import LogisticRegression

        if inside.all() or not inside.any():
            return cls.of_nothing()
        weights = np.ones(len(inside))
        if out_of_scope is None:
            weights[~inside] = EXPECTED_OUT_OF_SCOPE / (1 - EXPECTED_OUT_OF_SCOPE) * inside.sum() / (~inside).sum()
        features = _features(margins, closeness, out_of_scope)
        model = LogisticRegression(C=100.0).fit(features, inside, sample_weight=weights)
        first, second, third = (float(weight) for weight in model.coef_[0])
        fitted = cls((first, second, third), float(model.intercept_[0]), 0.0)
        assurance = fitted.assurance(margins, closeness, out_of_scope)
        if out_of_scope is None:
            cut = _best_cut(assurance, correct, inside, weights)
        else:
            cut = float(np.quantile(assurance[inside], most_rejected))
        return cls(fitted.weights, fitted.bias, cut)


def _features(margins: np.ndarray, closeness: np.ndarray, out_of_scope: Optional[int]) -> np.ndarray:
    known: List[int] = [column for column in range(margins.shape[1]) if column != out_of_scope]
    outside = np.zeros(len(margins)) if out_of_scope is None else margins[:, out_of_scope]
    return np.stack([margins[:, known].max(axis=1), outside, closeness], axis=1)


def _best_cut(assurance: np.ndarray, correct: np.ndarray, inside: np.ndarray, weights: np.ndarray) -> float:
    """Where most decisions are right: right labels let through, and what is outside turned down."""
    cuts = np.quantile(assurance, np.linspace(0, 1, 201))
    gains = [float(weights[((assurance >= cut) & correct) | ((assurance < cut) & ~inside)].sum()) for cut in cuts]
    return float(cuts[int(np.argmax(gains))])
