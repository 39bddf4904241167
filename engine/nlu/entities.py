"""Values in a message: order numbers, addresses, dates and the like, found by rules."""

import re
from typing import Any, Dict, List

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class ShopEntityExtractor(GraphComponent, EntityExtractorMixin):
    """Finds the values that a shop's service needs."""

    @classmethod
    def create(
        cls, config: Dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> "ShopEntityExtractor":
        """The component; there is nothing to train."""
        return cls()

    def process(self, messages: List[Message]) -> List[Message]:
        """Add the entities of each message."""
        for message in messages:
            found = []
            for m in re.finditer(r"\bZU-\d{4,8}\b|(?<!\d)\d{5}(?!\d)", message.get(TEXT) or ""):
                kind = "order_number" if "-" in m.group() or m.group().startswith("10") else "postcode"
                found.append({"entity": kind, "value": m.group(), "start": m.start(), "end": m.end(), "extractor": self.name})
            message.set(ENTITIES, message.get(ENTITIES, []) + found, add_to_output=True)
        return messages
