"""The assistant's custom actions: what it says and does about orders, parcels, returns and the rest.

One class per matter (a `Flow`, see flows.py) asks for what is needed and carries it out through the
service's operations API. rasa-sdk imports everything in this package, so it stays flat.
"""

from actions.shop_client import close

__all__ = ["close"]
