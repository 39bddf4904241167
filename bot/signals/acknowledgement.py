"""Tells whether a person's words take up what the customer feels."""

import re
import unicodedata

__all__ = ["acknowledges"]

# Regret, apology, understanding, and naming the feeling. Mere politeness ("leider", "bitte", "danke für Ihre
# Nachricht") does not count. Measured in tests/bot/signals/acknowledgement.tsv.
_PHRASES = re.compile(
    r"""\b(?:
      (?:das\ |es\ )?tut\ (?:mir|uns)\ (?:wirklich\ |sehr\ |aufrichtig\ |echt\ )?leid
    | tut\ (?:mir|uns)\ .{0,20}leid
    | (?:bitte\ )?(?:ent)?schuldig(?:en\ sie|e\ (?:ich|mich)|en\ wir|ung)
    | (?:ich\ |wir\ )?(?:bitte|bitten)\ (?:\w+\ ){0,3}(?:um\ )?(?:entschuldigung|verzeihung|nachsicht)
    | verzeih(?:en\ sie|ung) | sorry | bedauer(?:e|n|lich)
    | (?:ich|wir)\ (?:kann|können|kann\ das|versteh\w*|verstehe\w*)\ (?:\w+\ ){0,6}
        (?:ärger|frust|sorge\w*|unmut|enttäuschung|nachvollziehen|verstehen|gut\ verstehen)
    | (?:ich|wir)\ versteh\w*,?\ (?:\w+,?\ ){0,3}(?:dass\ sie|wie|warum|gut|ihren?|das)
    | (?:ihr|ihren)\ (?:ärger|frust|unmut|enttäuschung)
    | ihre\ (?:sorge|verärgerung|enttäuschung)
    | verständlich(?:erweise)? | nachvollziehbar
    | (?:das\ ist|ist\ das|das\ war|war\ das)\ (?:\w+\ ){0,4}
        (?:ärgerlich|unangenehm|nicht\ in\ ordnung|nicht\ schön|schade|blöd|frustrierend|enttäuschend
          |nicht\ gut\ gelaufen)
    | (?:sehr\ |wirklich\ |wie\ )?ärgerlich | da\ wäre\ ich\ auch
    | das\ hätte\ nicht\ (?:passieren|geschehen|sein)\ (?:dürfen|sollen) | das\ darf\ nicht\ passieren
    | das\ geht\ so\ nicht
    | (?:i\ am|i'm|we\ are|we're)\ (?:\w+\ ){0,3}sorry | apologi[sz]e | apolog(?:y|ies) | (?:i|we)\ regret
    | (?:i|we)\ (?:\w+\ ){0,2}understand\ (?:\w+\ ){0,3}
        (?:why|how|that|your|the|frustrat\w*|upset|angry|worr\w*|disappoint\w*)
    | understandabl[ey] | (?:i|we)\ can\ (?:\w+\ ){0,2}(?:see|imagine)\ (?:why|how|that)
    | (?:your|the)\ (?:frustration|anger|disappointment|worry|concern)
    | (?:that|this)(?:'s|\ is|\ was|\ must\ (?:be|have\ been))\ (?:\w+\ ){0,3}
        (?:frustrating|annoying|upsetting|disappointing|not\ ok(?:ay)?|worrying|not\ good\ enough|unacceptable)
    | how\ (?:frustrating|annoying) | should(?:n't|\ not)\ have\ happened
    )\b""",
    re.VERBOSE,
)
# The words are there, the meaning is not.
_NOT = re.compile(
    r"\b(?:tut mir nicht leid|not sorry|keine entschuldigung nötig|no need to apologi[sz]e|um entschuldigung zu)\b"
)


def acknowledges(text: str) -> bool:
    """Tell whether an agent's words acknowledge a customer's anger, worry, frustration or disappointment."""
    plain = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).lower().replace("’", "'"))
    return _PHRASES.search(_NOT.sub(" ", plain)) is not None
