"""Reads what a customer means from a short answer: yes or no, one of several choices, items, reasons."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rapidfuzz import fuzz

__all__ = [
    "ALL",
    "choice",
    "is_question",
    "items",
    "means_account_address",
    "means_cancelling",
    "means_default_address",
    "mentions_other_order",
    "number",
    "plain",
    "refund_target",
    "says_go_back",
    "says_goodbye",
    "says_none",
    "says_stop",
    "things",
    "wanted_words",
    "yes_or_no",
]

ALL = "all"
"""What `items` returns where somebody means everything."""

SIMILAR = 86
"""Similarity (0..100) from which a misspelt word counts as the one offered."""

_YES = re.compile(
    r"^(ja+\b|jo+\b|jap|jep|jepp|yes|yep|yeah|yup|ok\b|okay|oki|klar\b|gern|sicher|genau"
    r"|richtig|stimmt|passt|einverstanden|in ordnung|bitte\b"
    r"|absolut|auf jeden|unbedingt|bestätige|bestätigt|los\b|sure|correct|right|exactly"
    r"|absolutely|of course|please\b|go ahead|do it"
    r"|confirm|sounds good|fine\b|perfect|perfekt|super\b|mach(en)? (sie )?(das|es|so)"
    r"|so machen|tu(n)? (sie )?(das|es))",
    re.IGNORECASE,
)
_NO = re.compile(
    r"^(nein|nee+|nö+|ne\b|nicht\b|keinesfalls|auf keinen|lieber nicht|besser nicht|bloß nicht"
    r"|doch nicht|falsch|stimmt nicht"
    r"|no+\b|nope|nah\b|not\b|don'?t|do not|never|rather not|wrong|incorrect|that'?s not)",
    re.IGNORECASE,
)
_NO_INSIDE = re.compile(
    r"\b(doch nicht|lieber nicht|stimmt nicht|passt nicht|nicht richtig|not right|rather not|don'?t)\b", re.IGNORECASE
)
_CLEAR_YES = re.compile(r"^(ja+|jo+|jap|jep|yes|yep|yeah|yup|klar|genau|ok|okay)\b", re.IGNORECASE)
_CHANGED_MIND = re.compile(r"\b(doch nicht|lieber nicht|besser nicht|rather not|better not|don'?t do)\b", re.IGNORECASE)
_OTHER_ORDER = re.compile(
    r"\b(ander(e|en|er|es)|falsche|nicht (diese|die)) (bestellung|bestellnummer|order|auftrag)"
    r"|\b(other|different|another|wrong|not (this|that)) order\b",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"^(bitte )?(noch ?mal )?(einen schritt )?(zurück|back|go back|previous|one step back)( bitte| please)?[.!]?$",
    re.IGNORECASE,
)
_STOP = re.compile(
    r"^(stopp?|halt stopp?)\b|\b(abbrechen|abbruch|vergiss es|lass (es|gut sein)|never ?mind|forget it|leave it"
    r"|abort)\b|,? stopp?[.!]?$",
    re.IGNORECASE,
)
_WORDS_TO_STOP = 6
# A message that only takes leave: "danke, das war's", "thanks, that's all, bye".
_LEAVE = (
    r"das\s+(?:war|wär|wäre)(?:\s?['’]?s|\s+es|\s+alles)?|das ist alles|(?:war|wär)['’]?s"
    r"|sonst nichts|nichts (?:mehr|weiter)|mehr (?:brauche|wollte|möchte) ich nicht"
    r"|that(?:['’]?s| is| was| will be|['’]?ll be) (?:all|it|everything)|nothing (?:else|more)"
    r"|i['’]?m (?:all )?(?:done|good|set)"
    r"|auf wieder(?:sehen|schauen|hören)|tsch(?:ü|u|ue)(?:ss|ß)i?|tschau|ciao|servus"
    r"|(?:good)?bye(?:[ -]bye)?|see you|cheerio"
)
_AROUND_LEAVE = (
    r"danke(?:schön| schön| sehr| ihnen| dir| euch)?|(?:vielen|besten|herzlichen)(?: lieben)? dank"
    r"|thanks?(?: you)?|thx|cheers|merci|a lot|(?:very|so) much|ok(?:ay|i)?|gute?|alles klar|super|prima|perfe[kc]t"
    r"|great|fine|good|nein|nee|nö|no|nope|not now|für (?:heute|jetzt|den moment)|erst ?mal"
    r"|for (?:now|today|the moment)|dann|schon|auch|soweit|so far|it|then|alles|schöne[ns]?|tag|abend|wochenende|noch"
    r"|have a|nice|day|evening|weekend|und|and|von mir|from me|i need(?:ed)?|ich brauche?|was ich brauchte?"
)
_ONLY_LEAVE = re.compile(
    rf"^\W*(?:(?:{_AROUND_LEAVE})\W+)*(?:{_LEAVE})(?:\W+(?:{_LEAVE}|{_AROUND_LEAVE}))*\W*$", re.IGNORECASE
)
_MAYBE_AN_ANSWER = re.compile(r"^\W*(?:ok\w*\W+)?that(?:['’]?s| is) it\W*$", re.IGNORECASE)
# Where money goes back to.
_GIFT_CARD = (
    r"(?:geschenk(?:karte|gutschein)|gutschein|guthaben(?:karte)?"
    r"|gift ?(?:card|voucher|certificate)|(?:store|shop) credit|voucher)\w*"
)
_ONTO_GIFT_CARD = re.compile(
    r"\b(?:auf|als|in|per|to|onto|on|as|into)\s+"
    r"(?:(?:(?:m?eine)[nrms]?|die|den|der|dem|a|an|my|the|form|of|new|neue[nr]?)\s+){0,3}" + _GIFT_CARD,
    re.IGNORECASE,
)
_ANY_GIFT_CARD = re.compile(_GIFT_CARD, re.IGNORECASE)
_NO_GIFT_CARD = re.compile(
    r"\b(?:kein\w*|nicht|statt|anstatt|not|no|don'?t|rather than|instead of)\s+(?:[^\W\d]+\s+){0,3}" + _GIFT_CARD,
    re.IGNORECASE,
)
_MONEY_BACK = re.compile(
    r"erstatt|rückzahl|zurückzahl|zurück ?überweis|gutschreib|gutgeschrieben|\bgeld\b|\bbetrag\b"
    r"|refund|reimburs|money|pay me back|credited",
    re.IGNORECASE,
)
_PAYING = re.compile(
    r"bezahl|\bzahl(?:e|en|te)\b|einlös|eingelöst|gekauft|\bpaid\b|\bpay\b(?! me)|paying|redeem|bought", re.IGNORECASE
)
_AS_PAID = re.compile(
    r"ursprünglich\w*\s+(?:zahl|weg|konto|karte)|(?:wie|womit) (?:ich )?(?:es )?(?:be)?zahlt|wie ich bezahlt"
    r"|zahlungsweg|(?:gleichen|selben) weg|original (?:payment|method|way|card|account)|same way"
    r"|way i paid|how i paid|what i paid with"
    r"|(?:auf|to|onto|into) (?:mein|my)\w* (?:\w+-?)?(?:konto|paypal|kreditkarte|bank|account|card|visa|mastercard)"
    r"|(?:lieber|doch|rather) (?:das |the |in |my |mein )?(?:geld|money|cash|bar|paypal)",
    re.IGNORECASE,
)
_CANCELLING = re.compile(r"\bstornier(?:en|e|t mir|t bitte)\b|\bstornierung\b|\bcancel(?:ling|ing)?\b", re.IGNORECASE)
# Whose address is meant: that of an order, or the one that later orders begin with.
_DEFAULT_ADDRESS = re.compile(
    r"standard-?\s?(?:liefer-?)?(?:adresse|anschrift)|(?:hinterlegt|gespeichert)e\w* (?:liefer)?(?:adresse|anschrift)"
    r"|(?:adresse|anschrift) (?:in|auf) meinem (?:kunden)?(?:konto|profil)|kundenkonto"
    r"|default (?:delivery |shipping )?address|(?:saved|stored) address|address (?:you have )?on file"
    r"|address (?:in|of|on) my (?:account|profile)|account address",
    re.IGNORECASE,
)
_LATER_ORDERS = re.compile(
    r"(?:künftige|zukünftige|spätere|nächste|weitere|alle)[nr]? (?:bestellung|lieferung|einkäufe)|in zukunft"
    r"|künftig\b|zukünftig\b|(?:future|later|next|all my) (?:orders?|deliver\w+|purchases?)"
    r"|from now on|in (?:the )?future",
    re.IGNORECASE,
)
_ALSO_DEFAULT = re.compile(r"\b(?:auch|ebenfalls|and also|as well|too)\b", re.IGNORECASE)
_HOME_ADDRESS = re.compile(
    r"adress|anschrift|umgezogen|ziehe um|umzug|wohne jetzt|neue wohnung"
    r"|address|moved|moving|new (?:home|flat|place|house)",
    re.IGNORECASE,
)
_MAIL_WORDS = re.compile(r"(?:e-?\s?)?mail[- ]?(?:adress\w*|address\w*|anschrift)?", re.IGNORECASE)
_EVERYTHING = re.compile(
    r"\b(alles|alle\b|sämtliche|komplett|ganze|gesamte|beide[sn]?|everything|all( of (it|them))?|both|entire|whole)\b",
    re.IGNORECASE,
)
_CLEARLY_ALL = re.compile(
    r"\b(alles(?! (gut|klar|ok|andere|in ordnung))|alle artikel|(die|meine) (ganze|komplette|gesamte) bestellung"
    r"|everything(?! (else|is|was))|all of it|(the|my) (whole|entire) order)\b",
    re.IGNORECASE,
)
_NONE = re.compile(
    r"\b(egal|keine angabe|sage ich nicht|weiß nicht|kein grund|ohne grund|überspringen|skip"
    r"|no reason|doesn'?t matter|any)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"\?\s*$|^(was|wie|wo|wann|warum|wieso|weshalb|wer|welche[rsn]?|wieviel|kann ich"
    r"|können sie|darf ich|muss ich|gibt es|habt ihr|haben sie"
    r"|what|how|where|when|why|who|which|can i|can you|do you|is there|are you|is it|does)\b",
    re.IGNORECASE,
)
_ORDINALS: Sequence[tuple[int, re.Pattern[str]]] = [
    (number, re.compile(pattern, re.IGNORECASE))
    for number, pattern in (
        (1, r"^(nr\.? ?|nummer |number )?1[.)]?$|\b(erste[rsnm]?|first)\b|\b(das|die|der) obere"),
        (2, r"^(nr\.? ?|nummer |number )?2[.)]?$|\b(zweite[rsnm]?|second)\b"),
        (3, r"^(nr\.? ?|nummer |number )?3[.)]?$|\b(dritte[rsnm]?|third)\b"),
        (4, r"^(nr\.? ?|nummer |number )?4[.)]?$|\b(vierte[rsnm]?|fourth)\b"),
        (5, r"^(nr\.? ?|nummer |number )?5[.)]?$|\b(fünfte[rsnm]?|fifth)\b"),
    )
]
_LAST = re.compile(r"\b(letzte[rsnm]?|last)\b", re.IGNORECASE)

# Words of a question that name no product.
_ASKING = re.compile(
    r"\b(ist|sind|habt|haben|hätte|hat|gibt|gibts|es|ihr|euer|eure|sie|noch|wieder|wann|denn|der|die|das|den"
    r"|dem|ein|eine|einen|in|auf lager|lager|lieferbar|verfügbar|vorrätig|da|bitte|was|wie|viel|kostet|aus|woraus"
    r"|ich|möchte|suche|brauche|mir|sagen|bescheid|benachrichtigen|wenn|sobald|mal|auch|für|kann|darf|man|und|mit"
    r"|mich|welche[rsn]?|empfehlen|passt|zu"
    r"|is|are|do|does|you|have|has|the|a|an|in stock|stock|available|back|when|will|be|it|this|what|how|much|made|of"
    r"|please|i|want|need|me|tell|notify|let|know|again|any|still|which|recommend|for|my|can|with|and)\b",
    re.IGNORECASE,
)


_MAIL_ADDRESS = re.compile(r"\S+@\S+")


def plain(text: str) -> str:
    """Lower case, without punctuation, blanks single; for comparing."""
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s@%-]", " ", text.casefold())).strip()


def yes_or_no(text: str, intent: str) -> bool | None:
    """Whether somebody agrees; None where the answer is neither."""
    stripped = text.strip().lstrip("„\"'")
    if _CLEAR_YES.match(stripped) and not _CHANGED_MIND.search(stripped):
        return True  # "yes, they don't have it"
    if _NO.match(stripped) or _NO_INSIDE.search(stripped):
        return False
    if _YES.match(stripped):
        return True
    return {"affirm": True, "deny": False}.get(intent)


def says_go_back(text: str) -> bool:
    """Whether somebody wants the step before."""
    return bool(_BACK.match(text.strip()))


def says_stop(text: str) -> bool:
    """Whether a short message ends the matter, whatever else it looks like: "then leave it, stop"."""
    return len(text.split()) <= _WORDS_TO_STOP and bool(_STOP.search(text))


def means_cancelling(text: str) -> bool:
    """Whether somebody who wants money back wants it by cancelling, and has not cancelled already."""
    return bool(_CANCELLING.search(text))


def means_default_address(text: str, *, with_order: bool = False) -> bool:
    """Whether somebody who changes an address means the one of later orders, not that of an order.

    Args:
        text: what the customer wrote.
        with_order: an order is named, so that "in future" may be about both.
    """
    later = not with_order and _LATER_ORDERS.search(text)
    return bool(_DEFAULT_ADDRESS.search(text) or later) and not _ALSO_DEFAULT.search(text)


def means_account_address(text: str) -> bool:
    """Whether somebody who changes personal data means where they live, and not an e-mail address."""
    return bool(_HOME_ADDRESS.search(_MAIL_WORDS.sub(" ", text)))


def says_goodbye(text: str) -> bool:
    """Whether a message does nothing but take leave, whatever else it looks like: "thanks, that's all"."""
    # "that's it" alone may be an answer: that is the one
    return bool(_ONLY_LEAVE.match(text.strip())) and not _MAYBE_AN_ANSWER.match(text.strip())


def refund_target(text: str, *, asked: bool = False) -> str | None:
    """Where money shall go back to: `gift_card`, `original` (the way it was paid), or None where nothing is said.

    Args:
        text: what the customer wrote.
        asked: it answers a sentence that says where the money goes, so that fewer words will do.
    """
    if _NO_GIFT_CARD.search(text):
        return "original"
    if _AS_PAID.search(text) and not _ANY_GIFT_CARD.search(text):
        return "original" if asked or _MONEY_BACK.search(text) else None
    if _ONTO_GIFT_CARD.search(text) and _MONEY_BACK.search(text):
        return "gift_card"
    # "I paid with a gift card" says how it was paid.
    return "gift_card" if asked and _ANY_GIFT_CARD.search(text) and not _PAYING.search(text) else None


def says_none(text: str) -> bool:
    """Whether somebody does not care or does not want to say."""
    return bool(_NONE.search(text))


def mentions_other_order(text: str) -> bool:
    """Whether somebody means another order than the one talked about."""
    return bool(_OTHER_ORDER.search(text))


def is_question(text: str) -> bool:
    """Whether a text asks something."""
    return bool(_QUESTION.search(text.strip()))


def wanted_words(text: str) -> str:
    """What is left of a question when the asking is taken out: words for the product search."""
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s-]", " ", _ASKING.sub(" ", text))).strip()[:100]


def choice(text: str, options: Mapping[str, Iterable[str]], *, by_place: bool = True) -> str | None:
    """The option meant: by its words, misspelt or not, or by its place in the list.

    Args:
        text: what the customer wrote.
        options: words or phrases of each option, in the order shown.
        by_place: whether "the second" may be meant.
    """
    said = plain(_MAIL_ADDRESS.sub(" ", text))  # "anna.store@…" names no store
    if not said:
        return None
    scores: dict[str, float] = {}
    exact: dict[str, int] = {}
    for key, words in options.items():
        phrases = [plain(word) for word in words if word]
        likeness = {phrase: _likeness(phrase, said) for phrase in phrases}
        best = max(likeness.values(), default=0.0)
        if best >= SIMILAR:
            scores[key] = best
            # "gift card 0002" says more than "gift card".
            exact[key] = max((len(phrase) for phrase in phrases if likeness[phrase] >= 99), default=0)
    if scores:
        top = max(scores.values())
        winners = [key for key, score in scores.items() if score >= top - 0.5]
        if len(winners) == 1:
            return winners[0]
        return max(winners, key=lambda key: exact[key]) if top >= 99 else None
    return _by_place(text, list(options)) if by_place else None


_NUMBER_WORDS = {
    word: number
    for number, words in enumerate(
        (
            (),
            ("ein", "eine", "einen", "eins", "one", "a"),
            ("zwei", "beide", "two", "both"),
            ("drei", "three"),
            ("vier", "four"),
            ("fünf", "five"),
            ("sechs", "six"),
        )
    )
    for word in words
}


def number(text: str) -> int | None:
    """A small number in digits or in words."""
    digits = re.search(r"(?<!\d)\d{1,3}(?!\d)", text)
    if digits:
        return int(digits.group())
    return next((_NUMBER_WORDS[word] for word in plain(text).split() if word in _NUMBER_WORDS), None)


_THING = re.compile(
    r"\b(?:der|die|das|den|dem|mein\w*|diese\w*|einen?|eine|the|my|this|that|these|those|an?)"
    r"\s+(?P<first>[^\W\d]{4,})(?:\s+(?P<second>[^\W\d]{4,}))?",
    re.IGNORECASE,
)
_ADJECTIVE = re.compile(r"e[nrsm]?$")
_NO_THINGS = frozenset(
    plain(
        """
        bestellung bestellungen artikel sachen sache ware waren paket pakete päckchen sendung lieferung
        rücksendung teil teile produkt produkte geld rechnung etikett bestellnummer nummer größe farbe
        umtausch grund beiden ganze ganzen menge anzahl stückzahl adresse lieferadresse anschrift zahlungsart variante
        quantity amount address payment variant order orders item items parcel package thing things stuff goods
        product products money refund return size colour color number gift card voucher credit
        geschenkkarte gutschein guthaben
        """
    ).split()
)


def things(text: str) -> list[str]:
    """Words that may name an article ("die Jacke", "the blue boots"), at most three."""
    words = []
    for match in _THING.finditer(text):
        words.append(match["first"])
        if match["second"] and (_ADJECTIVE.search(match["first"]) or text.isascii()):
            words.append(match["second"])
    return [word for word in words if plain(word) not in _NO_THINGS and plain(word) not in _EMPTY_WORDS][:3]


def items(text: str, lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids of the order's lines that a text names by product, variant or place; `[ALL]` for everything."""
    said = plain(_MAIL_ADDRESS.sub(" ", text))
    if not said:
        return []
    words = [word for word in said.split() if len(word) > 2]
    scored = {str(line["id"]): _line_score(words, line) for line in lines}
    best = max(scored.values(), default=0)
    if best > 0:
        return [line_id for line_id, score in scored.items() if score == best]
    if _CLEARLY_ALL.search(said) or (_EVERYTHING.search(said) and len(said.split()) <= 8):
        return [ALL]
    placed = _by_place(text, list(scored))
    return [placed] if placed else []


def _likeness(phrase: str, said: str) -> float:
    if re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", said):
        return 100.0
    if len(phrase) < 4:
        return 0.0
    return max((fuzz.ratio(phrase, window) for window in _windows(said, len(phrase.split()))), default=0.0)


def _windows(said: str, size: int) -> Iterable[str]:
    words = said.split()
    return (" ".join(words[i : i + size]) for i in range(max(1, len(words) - size + 1)))


def _by_place(text: str, keys: Sequence[str]) -> str | None:
    said = text.strip().casefold()
    if len(said.split()) > 6:
        return None
    for number, pattern in _ORDINALS:
        if pattern.search(said) and number <= len(keys):
            return keys[number - 1]
    return keys[-1] if keys and _LAST.search(said) else None


# Words that say nothing about which item is meant.
_EMPTY_WORDS = frozenset(
    plain(
        """
        der die das den dem ein eine einen und mit für von auf ist sind war habe hab ich sie ihr mein meine
        meinen bitte nur auch noch möchte will zurück zurückschicken zurückgeben zurücksenden umtauschen
        stornieren tauschen artikel bestellung bestellt nicht passt passen klein groß the and with for from
        this that have got want would like please only also return send back cancel exchange item order
        ordered too small big large not fit fits does zu nein doch lieber eher schon mal einfach wieder
        haben kann können was wie another other andere anderen
        """
    ).split()
)


def _line_score(words: Sequence[str], line: Mapping[str, Any]) -> int:
    """How many words name this line; German compounds count by their last part (Jacke in Regenjacke)."""
    named = " ".join(str(line.get(key) or "") for key in ("name", "name_en", "variant", "variant_en", "sku"))
    parts = plain(named).split()
    score = 0
    for word in words:
        if word in _EMPTY_WORDS:
            continue
        stem = re.sub(r"(en|er|es|e|n|s)$", "", word) if len(word) > 4 else word
        if any(
            part == word or (len(stem) > 3 and (part.endswith((stem, word)) or part.startswith(stem))) for part in parts
        ):
            score += 2
        elif len(word) > 5 and any(fuzz.ratio(word, part) >= SIMILAR for part in parts):
            score += 1
    return score
