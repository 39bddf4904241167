"""Values in a message: order numbers, addresses, days, carriers, reasons and the like, found by rules."""

import os
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from engine.importer import LANGUAGES
from engine.nlu.catalogue import Catalogue
from engine.nlu.context import LANGUAGE, context_of
from engine.nlu.dates import find_days, find_windows
from engine.nlu.lexicon import find_named
from engine.nlu.numbers import find_numbers, order_patterns
from engine.nlu.pipelines import pipeline
from engine.nlu.tokenizer import SPACY_DOC

DATE, TIME_WINDOW, PRODUCT = "date", "time_window", "product"

Entity = Tuple[str, Any, int, int]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class ShopEntityExtractor(GraphComponent, EntityExtractorMixin):
    """Finds what a shop's service needs. Values are JSON:

    `date` "2026-11-24" or {"from", "to"} for a week or a part of a month; `time_window` {"from": "14:00",
    "to": "16:00"}, either may be None; `order_number` upper case with hyphens; `email` lower case;
    `postcode` its digits; `quantity` and `rating` numbers; `carrier`, `delivery_option`, `return_reason`,
    `colour` the names of engine/nlu/lexicon.yml; `product` the shop's name for it; `size` upper case.
    """

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """The component's options.

        order_numbers: the shop's forms of an order number, regular expressions for whole words, in any case;
            the environment variable ZUSAGE_ORDER_NUMBERS (separated by blanks) goes before. Bare digits are
            read by what stands around them and what was asked for.
        """
        return {"order_numbers": [r"[A-Z]{1,4}[-–_]?\d{4,8}", r"[A-Z]{1,3}[-–]\d{2,4}[-–]\d{3,6}"]}

    def __init__(self, order_numbers: Sequence[str], products: Catalogue) -> None:
        self._orders = order_patterns(order_numbers)
        self._products = products

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "ShopEntityExtractor":
        """The component; there is nothing to train."""
        patterns = os.environ.get("ZUSAGE_ORDER_NUMBERS", "").split() or config["order_numbers"]
        products = os.environ.get("ZUSAGE_PRODUCT_NAMES")
        return cls(patterns, Catalogue(Path(products) if products else None))

    def process(self, messages: List[Message]) -> List[Message]:
        """Add the entities of each message."""
        for message in messages:
            found = [
                {"entity": kind, "value": value, "start": start, "end": end, "extractor": self.name}
                for kind, value, start, end in self.find(message)
            ]
            message.set(ENTITIES, message.get(ENTITIES, []) + found, add_to_output=True)
        return messages

    def find(self, message: Message) -> List[Entity]:
        """Entities in the order of the text."""
        text = message.get(TEXT) or ""
        context = context_of(message)
        language = message.get(LANGUAGE) or LANGUAGES[0]
        days = find_days(text, context.now)
        windows = find_windows(text, days)
        places = [range(one.start, one.end) for one in [*days, *windows]]
        entities: List[Entity] = [(DATE, one.value, one.start, one.end) for one in days]
        entities += [(TIME_WINDOW, one.value, one.start, one.end) for one in windows]
        entities += [
            (one.type, one.value, one.start, one.end)
            for one in find_numbers(text, self._orders, context.expected, places)
        ]
        entities += find_named(message.get(SPACY_DOC) or pipeline(language)(text), language)
        entities += [(PRODUCT, name, start, end) for name, start, end in self._products.find(text)]
        return sorted(entities, key=lambda entity: entity[2])
