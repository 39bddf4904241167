"""Rasa's rule policy without the work that serving does not need."""

import json
from functools import cached_property
from typing import Optional, Tuple

from rasa.core.policies.rule_policy import RULES, RulePolicy
from rasa.shared.core.constants import USER
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import TEXT


class ServingRulePolicy(RulePolicy):
    """Takes the place of `RulePolicy` when a model is served; the model itself stays a stock one.

    Rasa looks for every rule twice, first by the text of the message (end-to-end rules), then by its
    intent. Where no rule is written with a text the first search cannot find anything.
    """

    @cached_property
    def _has_text_rules(self) -> bool:
        return any(TEXT in state.get(USER, {}) for key in self.lookup[RULES] for state in json.loads(key))

    def _find_action_from_rules(
        self, tracker: DialogueStateTracker, domain: Domain, use_text_for_last_user_input: bool
    ) -> Tuple[Optional[str], Optional[str], bool]:
        if use_text_for_last_user_input and not self._has_text_rules:
            return None, None, False
        found: Tuple[Optional[str], Optional[str], bool] = super()._find_action_from_rules(
            tracker, domain, use_text_for_last_user_input
        )
        return found
