"""Numbers that mean something: orders, parcels, mail addresses, postcodes, sizes, quantities, ratings."""

import re
from dataclasses import dataclass
from typing import Any, Iterator, List, Optional, Pattern, Sequence

from email_validator import EmailNotValidError, validate_email

ORDER_NUMBER, TRACKING_NUMBER, EMAIL, POSTCODE = "order_number", "tracking_number", "email", "postcode"
SIZE, QUANTITY, RATING = "size", "quantity", "rating"


@dataclass(frozen=True)
class Number:
    """A value of one type at a place of the text."""

    type: str
    start: int
    end: int
    value: Any


_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+'-]+\s?(?:@|\(at\)|\[at\]|\{at\})\s?(?:[\w-]+\s?(?:\.|\(dot\)|\[dot\]|\(punkt\))\s?)+[a-zA-Z]{2,}(?![\w-])"
)
_SPELT_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]+\s+(?:at|ät|ätt)\s+[\w-]+(?:\s+(?:dot|punkt)\s+[\w-]+)*\s+(?:dot|punkt)\s+[a-zA-Z]{2,}\b",
    re.IGNORECASE,
)
_CUE_ORDER = re.compile(
    r"(?:bestell\w*|order\w*|auftrag\w*|vorgang\w*|purchase|kauf\w*|bnr|best\.?|po)\.?\s*-?\s*(?:nummern?|numbers?|num|nr|no|id|ref\w*|code)?\.?\s*"
    r"(?:ist|is|lautet|wäre|war|was|die|the|my|mit\s+der|with|:|=|-|#|nr\.?|no\.?|nummer|number|von|from|\s)*$",
    re.IGNORECASE,
)
_CUE_NUMBER = re.compile(r"(?:#|\bnr\.?|\bnummer|\bnumber|\bno\.?)\s*(?:ist|is|lautet|:)?\s*$", re.IGNORECASE)
_CUE_TRACKING = re.compile(
    r"(?:sendungs?\W?(?:nummer|nr|code|id|verfolgung)\w*|tracking\W?(?:nummer|number|nr|no|code|id|link)?|trackingnummer|"
    r"(?:paket|parcel|shipment|consignment)\W?(?:nummer|number|nr|no|code|id))\.?\s*(?:ist|is|lautet|war|:|=|#|\s)*$",
    re.IGNORECASE,
)
_CUE_PHONE = re.compile(
    r"(?:\btel\w*|telefon\w*|phone|handy\w*|mobil\w*|mobile|ruf\w*|call|anruf\w*|whatsapp|erreichbar|unter)[\s.:]*(?:nummer|number|nr)?[\s.:]*(?:ist|is)?\s*$",
    re.IGNORECASE,
)
_CUE_POSTCODE = re.compile(
    r"(?:plz|postleitzahl|post\s?code|postal\s?code|zip(?:\s?code)?|wohne\s+in|wohnort|nach|in|to|live\s+in)\s*"
    r"(?:ist|is|lautet|wäre|:|=|von|the|my|die|\s)*$",
    re.IGNORECASE,
)
_CUE_STRONG_POSTCODE = re.compile(
    r"(?:plz|postleitzahl|post\s?code|postal\s?code|zip(?:\s?code)?)\W*(?:\w+\W+){0,3}$", re.IGNORECASE
)
_AFTER_POSTCODE = re.compile(r"\s+(?!Uhr|Euro|EUR|Stück|Tage|Wochen)[A-ZÄÖÜ][a-zäöüß]{2,}")
_STREET_BEFORE = re.compile(
    r"(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|ring|damm|ufer|street|road|lane|avenue)\s*$", re.IGNORECASE
)

_TRACKING: Sequence[Pattern[str]] = tuple(
    re.compile(rf"(?<![\w-]){pattern}(?![\w-])", re.IGNORECASE)
    for pattern in (
        r"1Z\s?[0-9A-Z]{3}\s?[0-9A-Z]{3}\s?[0-9A-Z]{2}\s?[0-9A-Z]{4}\s?[0-9A-Z]{4}",  # UPS
        r"[A-Z]{2}\s?\d{3}\s?\d{3}\s?\d{3}\s?[A-Z]{2}",  # Universal Postal Union, S10
        r"JJ?D\d{16,20}",  # DHL
        r"[A-Z]{1,2}\d{9,20}",  # Hermes, GLS, Evri
        r"\d{11,22}",  # DHL, DPD, Hermes
        r"\d{4}(?: \d{4}){2,4}(?: \d{1,4})?",  # the same in groups of four
    )
)
_POSTCODE_WITH_COUNTRY = re.compile(
    r"(?<![\w-])(?:(?:D|DE)\s?-\s?(?=\d{5}(?!\d))|(?:A|AT|CH)\s?-\s?(?=\d{4}(?!\d)))(?P<code>\d{4,5})(?![\d-])"
)
_DIGITS = re.compile(
    r"(?<![\w.,/:+#-])#?(?P<digits>\d{4,10})(?![\d€%]|[.,:/-]\d|\s?(?:€|euro?\b|eur\b|uhr\b|cm\b|mm\b|kg\b|g\b|prozent|percent|stk|mal\b))",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?<![\w-])(?:\+\d{1,3}|00\d{2}|0\d{2,5})[\s/().-]*\d{2,}(?:[\s/.-]?\d+)*")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[0-9A-Z]{4}){3,7}(?:\s?[0-9A-Z]{1,4})?\b")
_PRICE_BEFORE = re.compile(r"[€$£]\s*$")
_SPACED_ORDER = re.compile(
    r"(?<![\w@.-])(?P<letters>[A-Z]{2,4})\s(?P<digits>\d{4,8})(?![\w@€%-]|[.,:/]\d)", re.IGNORECASE
)
"""Letters, a blank, digits: "lm 104882". Most such pairs are ordinary words before a number, see `_spaced_order`."""
_NO_PREFIX = re.compile(
    r"nr|num|nbr|no|id|po|re|bnr|knr|kdnr|rnr|tlf|tel|fax|plz|zip|str|pin|tan|art|sku|ref|eur|usd|gbp|chf|vat|ust"
    r"|dhl|dpd|gls|ups|hrs|min|std|st|th|nd|rd|cm|mm|km|kg|gr|ml|sz|ps|vs|bzw|pls|thx|lg|mfg|hh|wg|eu"
    r"|de|at|ch|li|lu|nl|be|dk|fr|gb|uk|us|it|es|pl",
    re.IGNORECASE,
)
"""Abbreviations that stand before numbers of other kinds."""
_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)
_ENOUGH_DIGITS = 6
"""Digits from which letters and a number are an order number by themselves; five are a postcode, four a year."""

_LETTER_SIZE = r"(?:xxs|xs|s|m|l|xl|xxl|xxxl|[2-6]xl)"
_SIZE_CUED = re.compile(
    rf"\b(?:gr(?:ö|oe)(?:ß|ss)e|gr\.?|size|sz|konfektionsgröße|schuhgröße|shoe\s+size)\s*:?\s*(?:von\s+|of\s+|in\s+|ist\s+|is\s+|eu\s+|uk\s+|us\s+)?"
    rf"(?P<size>{_LETTER_SIZE}|[wl]?\d{{2,3}}(?:[.,]5|[/-](?:l)?\d{{2,3}})?|small|medium|large|extra large)\b"
    r"(?!\s?(?:€|eur|%))",
    re.IGNORECASE,
)
_SIZE_IN = re.compile(
    rf"\b(?:in|auf|to|gegen|statt|instead\s+of|for|eine?|an?)\s+(?:der\s+|einer?\s+|the\s+|an?\s+|size\s+)?(?P<size>{_LETTER_SIZE.upper()}|xs|xl|xxl|xxxl|[2-6]xl)\b"
)
_SIZE_BARE = re.compile(
    r"(?<![\w-])(?P<size>XXS|XS|XL|XXL|XXXL|[2-6]XL|W\d{2}\s?/?\s?L\d{2}|[SML](?=\s*$|\s*[,!?.]|\s+(?:statt|instead|bitte|please)))(?![\w-])"
)
_SIZE_NUMBER_IN = re.compile(
    r"\b(?:eine?r?|a|gegen|auf|in(?=\s+\d\d(?:er)?\s*(?:$|[,.!?]|statt|instead|bitte|please|und|and|oder|or)))\s+(?P<size>3[2-9]|4[0-9]|5[0-4])(?:er)?\b(?!\s?(?:€|eur|%|(?:uhr|st|th|tage\w*|days?|min\w*|std\w*|stunde\w*|jahre\w*|years?|cm|kg|euros?)\b|\.\d))",
    re.IGNORECASE,
)

_COUNTS = {
    word: number
    for number, words in enumerate(
        (
            "",
            "ein eine einen one",
            "zwei two",
            "drei three",
            "vier four",
            "fünf five",
            "sechs six",
            "sieben seven",
            "acht eight",
            "neun nine",
            "zehn ten",
        )
    )
    for word in words.split()
}
_COUNT = rf"(?P<count>\d{{1,3}}|{'|'.join(_COUNTS)})"
_QUANTITY = re.compile(
    rf"(?<![\w.,-])(?:(?P<times>\d{{1,3}})\s?(?:x|mal)\b|{_COUNT}\s?(?:stück\b|stueck\b|stk\b\.?|paare?\b|"
    r"exemplare?\b|pieces?\b|pcs\b|pairs?\b|units?\b|copies\b|copy\b|(?<!one )of\s+(?:them|these|those|it)\b|davon\b))"
    rf"|\b(?:anzahl|menge|quantity|qty)\s*:?\s*(?:of\s+|von\s+|ist\s+|is\s+)?(?P<count2>\d{{1,3}})\b|\bx\s?(?P<count3>\d{{1,2}})\b",
    re.IGNORECASE,
)
_STARS = re.compile(rf"(?<![\w.,]){_COUNT}\s*(?:sternen?|stars?|★|⭐)", re.IGNORECASE)
_STAR_SIGNS = re.compile(r"(?:⭐️?|★)+")
_OUT_OF = re.compile(
    r"(?<![\w.,/])(?P<value>\d{1,2})\s*(?:von|out\s+of|/)\s*(?P<of>5|10)(?![\w/]|[.,]\d)(?!\s*(?:sternen?|stars?)?\s*(?:artikel\w*|items?|teil\w*|stück|paketen?|parcels?|tage\w*|days?|sachen|things|uhr))",
    re.IGNORECASE,
)
_GRADE = re.compile(
    r"\b(?:note|schulnote|bewertung|rating|punkte?|score)\s*:?\s*(?:von\s+|of\s+|ist\s+|is\s+)?(?P<value>\d{1,2})\b(?![.,/]\d)",
    re.IGNORECASE,
)


def order_patterns(patterns: Sequence[str]) -> List[Pattern[str]]:
    """The shop's own forms of an order number, as whole words. Raises re.error for one that is wrong."""
    return [re.compile(rf"(?<![\w@.-])(?:{pattern})(?![\w@-])", re.IGNORECASE) for pattern in patterns]


def _normalised_order(text: str) -> str:
    return re.sub(r"[\s–—_]+", "-", text.strip()).upper()


def _mail(found: "re.Match[str]") -> Optional[Number]:
    text = found.group()
    written = re.sub(r"\s*(?:\(at\)|\[at\]|\{at\}|\s(?:at|ätt?)\s)\s*", "@", text, flags=re.IGNORECASE)
    written = re.sub(r"\s*(?:\(dot\)|\[dot\]|\(punkt\)|\s(?:dot|punkt)\s)\s*", ".", written, flags=re.IGNORECASE)
    written = re.sub(r"\s+", "", written)
    try:
        checked = validate_email(written, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return Number(EMAIL, *found.span(), checked.normalized.lower())


def find_numbers(
    text: str, orders: Sequence[Pattern[str]], expected: Optional[str], dated: Sequence[range]
) -> List[Number]:
    """All numbers of the text, none overlapping.

    Args:
        text: The message.
        orders: The shop's forms of an order number.
        expected: What the bot has just asked for; decides what bare digits are.
        dated: Places of days and hours, whose digits are taken.
    """
    taken: List[Number] = []
    blocked = [(place.start, place.stop) for place in dated]

    def free(start: int, end: int) -> bool:
        return not any(start < e and s < end for s, e in [*blocked, *((one.start, one.end) for one in taken)])

    for found in [*_EMAIL.finditer(text), *_SPELT_EMAIL.finditer(text)]:
        mail = _mail(found)
        if mail and free(mail.start, mail.end):
            taken.append(mail)
    for found in _IBAN.finditer(text):
        blocked.append(found.span())
    for found in _POSTCODE_WITH_COUNTRY.finditer(text):
        if free(*found.span()):
            taken.append(Number(POSTCODE, *found.span(), found["code"]))
    for pattern in orders:
        for found in pattern.finditer(text):
            if free(*found.span()) and not _CUE_TRACKING.search(text[: found.start()]):
                taken.append(Number(ORDER_NUMBER, *found.span(), _normalised_order(found.group())))
    for found in _SPACED_ORDER.finditer(text):
        if free(*found.span()) and _spaced_order(text, found, expected):
            taken.append(Number(ORDER_NUMBER, *found.span(), _normalised_order(found.group())))
    taken.extend(_tracking_numbers(text, free))
    for found in _PHONE.finditer(text):
        digits = re.sub(r"\D", "", found.group())
        if (
            7 <= len(digits) <= 15
            and free(*found.span())
            and not _CUE_ORDER.search(text[: found.start()])
            and expected != ORDER_NUMBER
        ):
            # "01067" alone is a postcode of Dresden, and too short for a telephone.
            blocked.append(found.span())
    for found in _DIGITS.finditer(text):
        if free(*found.span()):
            kind = _kind_of_digits(text, found, expected)
            if kind:
                taken.append(Number(kind, *found.span("digits"), found["digits"]))
    taken.extend(_sizes_and_counts(text, free))
    return sorted(taken, key=lambda one: one.start)


def _tracking_numbers(text: str, free: Any) -> Iterator[Number]:
    for pattern in _TRACKING:
        for found in pattern.finditer(text):
            before = text[: found.start()]
            if not free(*found.span()) or _CUE_PHONE.search(before):
                continue
            value = re.sub(r"\s", "", found.group()).upper()
            if not any(character.isdigit() for character in value):
                continue
            looks_like_phone = value.isdigit() and value.startswith(("01", "0049", "0043", "0041")) and len(value) < 14
            if _CUE_ORDER.search(before) and value.isdigit() and len(value) < 14:
                yield Number(ORDER_NUMBER, *found.span(), value)
            elif not looks_like_phone or _CUE_TRACKING.search(before):
                yield Number(TRACKING_NUMBER, *found.span(), value)


def _spaced_order(text: str, found: "re.Match[str]", expected: Optional[str]) -> bool:
    """Whether letters and digits with a blank between them are one order number.

    Letters that can be spoken are taken for a word ("ist 104882", "the 104882"), unless they stand out as capitals.
    """
    before, letters = text[: found.start()], found["letters"]
    if _NO_PREFIX.fullmatch(letters) or _CUE_TRACKING.search(before) or _CUE_PHONE.search(before):
        return False
    stands_out = letters.isupper() and text.upper() != text and len(letters) < 4
    if _VOWEL.search(letters) and not stands_out:
        return False
    asked = expected == ORDER_NUMBER or bool(_CUE_ORDER.search(before))
    return asked or len(found["digits"]) >= _ENOUGH_DIGITS


def _kind_of_digits(text: str, found: "re.Match[str]", expected: Optional[str]) -> Optional[str]:
    before, after, count = text[: found.start()], text[found.end() :], len(found["digits"])
    if _PRICE_BEFORE.search(before) or _STREET_BEFORE.search(before) or _CUE_PHONE.search(before):
        return None
    if _CUE_STRONG_POSTCODE.search(before) and count <= 5:
        return POSTCODE
    if _CUE_ORDER.search(before) or found.group().startswith("#"):
        return ORDER_NUMBER
    if _CUE_TRACKING.search(before) and count >= 8:
        return TRACKING_NUMBER
    followed_by_town = bool(_AFTER_POSTCODE.match(after))
    is_year = bool(re.fullmatch(r"(19|20)\d\d", found["digits"]))
    if count <= 5 and followed_by_town and not is_year:
        return POSTCODE
    if expected in (ORDER_NUMBER, POSTCODE) or expected == "proof":
        return POSTCODE if expected != ORDER_NUMBER and count <= 5 else ORDER_NUMBER
    if count >= 6:
        return ORDER_NUMBER
    if _CUE_NUMBER.search(before):
        return ORDER_NUMBER
    if count == 5:
        return POSTCODE
    # Four digits may be a year, a price, a house number: only with a word that says so.
    return POSTCODE if _CUE_POSTCODE.search(before) and not is_year else None


def _sizes_and_counts(text: str, free: Any) -> Iterator[Number]:
    places: List[range] = []

    def unused(start: int, end: int) -> bool:
        return free(start, end) and not any(start < place.stop and place.start < end for place in places)

    for found in _STARS.finditer(text):
        if unused(*found.span()):
            places.append(range(*found.span()))
            yield Number(RATING, *found.span(), _count(found["count"]))
    for found in _STAR_SIGNS.finditer(text):
        if unused(*found.span()):
            places.append(range(*found.span()))
            yield Number(RATING, *found.span(), len(re.findall("[⭐★]", found.group())))
    for pattern in (_OUT_OF, _GRADE):
        for found in pattern.finditer(text):
            if unused(*found.span()):
                places.append(range(*found.span()))
                yield Number(RATING, *found.span(), int(found["value"]))
    for pattern in (_SIZE_CUED, _SIZE_BARE, _SIZE_IN, _SIZE_NUMBER_IN):
        for found in pattern.finditer(text):
            if unused(*found.span("size")):
                places.append(range(*found.span("size")))
                words = {"SMALL": "S", "MEDIUM": "M", "LARGE": "L", "EXTRA LARGE": "XL"}
                size = re.sub(r"\s", "", found["size"]).upper()
                yield Number(SIZE, *found.span("size"), words.get(found["size"].upper(), size))
    for found in _QUANTITY.finditer(text):
        if unused(*found.span()):
            count = found["times"] or found["count"] or found["count2"] or found["count3"]
            yield Number(QUANTITY, *found.span(), _count(count))


def _count(text: str) -> int:
    return int(text) if text.isdigit() else _COUNTS[text.lower()]
