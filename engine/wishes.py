"""Two wishes in one message: "ich will stornieren und wo bleibt mein Geld?"

The message is cut where a sentence or a clause ends, and both parts are read for themselves. Only where both
parts are clear, and want things that no single matter covers, are there two wishes; a story that
leads up to one wish must stay whole.
"""

import re
from typing import Any, Callable, Dict, List, Optional, Tuple

Parsed = Dict[str, Any]

NOW, LATER = "utter_second_wish_now", "utter_second_wish_later"
"""What is said before the second wish is answered, and where it has to wait."""
DROPPED_BY = ("stop", "goodbye", "human_handoff")
"""Intents after which the bot does not come back to a second wish."""

_SURE = 0.6
"""Probability of each part's intent. Chosen on data/nlu: pairs of its examples against its own long examples."""
_FEWEST_WORDS, _MOST_CUTS = 3, 4
_PLAIN_WORD = re.compile(r"(?<![\w-])[^\W\d_]+(?![\w-])")
_CUT = re.compile(
    r"(?<=[.!?;\n])\s+|\s*[,–—]?\s+(?=(?:und|and|außerdem|ausserdem|zudem|sowie|also|plus|dann noch|then|&)\s)|,\s+",
    re.IGNORECASE,
)
_TRAILING = re.compile(r"[\s,;–—]+(?:(?:und|and|&)[\s,]*)?$", re.IGNORECASE)
_LEADING = re.compile(r"^(?:(?:und|and|außerdem|ausserdem|zudem|sowie|also|plus|dann|noch|then|&)\s+)+", re.IGNORECASE)

_WHERE_MONEY_GOES = re.compile(
    r"\b(geld|betrag|erstatt\w*|money|refund\w*)\b.{0,50}(geschenk(karte|gutschein)|gutschein|guthaben"
    r"|gift ?(card|voucher)|store credit)",
    re.IGNORECASE,
)
"""Says where the money of a cancellation or return shall go: part of that wish."""

_ONE_MATTER = (
    {"track_order", "order_details", "delivery_late", "delivery_not_received", "delivery_time", "reschedule_delivery"},
    {"track_order", "delivery_late", "order_confirmation_missing"},
    {
        "return_item",
        "exchange_item",
        "refund_request",
        "withdraw_contract",
        "return_policy",
        "return_channels",
        "return_label",
        "damaged_item",
        "wrong_item",
        "missing_item",
        "warranty_claim",
        "product_support",  # "the jacket does not fit, I want to send it back"
        "product_advice",
    },
    {"cancel_order", "cancellation_policy", "refund_request", "withdraw_contract", "delivery_late"},
    {"refund_request", "refund_status", "refund_policy", "return_status"},
    {"missing_item", "delivery_not_received", "delivery_late"},
    {"place_order", "product_availability", "product_advice", "product_support", "restock_notification"},
    {"change_order", "exchange_item", "cancel_order", "wrong_item"},
    {"delivery_options", "delivery_time", "delivery_costs", "delivery_area"},
    {"create_account", "registration_problem", "login_problem", "edit_account"},
    {"delete_account", "privacy_request"},
    {"payment_issue", "payment_methods", "change_payment_method", "voucher_issue"},
    {"store_info", "contact_info"},
)
"""Intents that are told together and answered together."""
_NO_WISH = {
    "complaint",
    "praise",
    "give_feedback",
    "greet",
    "goodbye",
    "thank",
    "affirm",
    "deny",
    "help",
    "bot_challenge",
    "chitchat",
    "stop",
    "inform",
    "human_handoff",
    "out_of_scope",
    "nlu_fallback",
}


def two_wishes(text: str, understand: Callable[[str], Parsed]) -> Optional[Tuple[Parsed, Parsed]]:
    """What both parts of a message mean, or None for a message with one wish.

    Args:
        text: The message.
        understand: Reads a text as the whole pipeline does.
    """
    best: Optional[Tuple[Parsed, Parsed]] = None
    surest = _SURE
    for left, right in _cuts(text):
        first = understand(left)
        if not _is_wish(first):
            continue
        second = understand(right)
        if not _is_wish(second) or _WHERE_MONEY_GOES.search(right) or _same_matter(_name(first), _name(second)):
            continue
        sure = min(first["intent"]["confidence"], second["intent"]["confidence"])
        if sure >= surest:
            best, surest = (first, second), sure
    return best


def _cuts(text: str) -> List[Tuple[str, str]]:
    cuts = []
    for found in _CUT.finditer(text):
        left, right = _TRAILING.sub("", text[: found.start()]), _LEADING.sub("", text[found.end() :])
        # "..., order LM-105804" belongs to what was said before.
        if min(len(_PLAIN_WORD.findall(left)), len(_PLAIN_WORD.findall(right))) >= _FEWEST_WORDS:
            cuts.append((left, right))
    # Those near the middle: parts of two words seldom say anything.
    return sorted(cuts, key=lambda cut: abs(len(cut[0]) - len(cut[1])))[:_MOST_CUTS]


def _name(parsed: Parsed) -> str:
    return str(parsed["intent"]["name"])


def _is_wish(parsed: Parsed) -> bool:
    return _name(parsed) not in _NO_WISH and parsed["intent"]["confidence"] >= _SURE


def _same_matter(one: str, other: str) -> bool:
    return one == other or any(one in matter and other in matter for matter in _ONE_MATTER)
