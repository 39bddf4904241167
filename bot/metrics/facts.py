"""What one conversation came to: pure functions from its rows to its facts. docs/metrics.md has the rules in words."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

from bot.escalation import UPSET
from bot.metrics.expectations import ExpectationMap, expectation_map
from bot.metrics.statistics import rounded_time
from bot.settings import Settings
from bot.signals.ending import recovered
from bot.storage.facts import RawConversation, RawHandoff, RawPromise, RawTurn, Relation

__all__ = ["Rules", "facts_of", "relate", "rules_of"]

# Counted up when the rules in this module or in measures.py change: all facts are then made anew.
VERSION = 2
WITHDRAWN_WITHIN = timedelta(hours=72)
REPEATED_WITHIN = timedelta(days=7)
COMPLAINT_REPEATED_WITHIN = timedelta(days=90)
STRONG_ANGER = -0.8
SEVERE = 3

# Operations that prove who somebody is, or only ask about the shop: no matter is settled by them.
_PRELIMINARY = frozenset({"verify", "send_code", "confirm_code", "shop_info"})
# Denials that are no refusal: the customer may prove it, or try again.
_NOT_YET = frozenset({"not_verified", "locked", "just_changed"})
_SATISFIED = frozenset({"thank", "praise"})


@dataclass(frozen=True)
class Rules:
    """What the figures of a shop depend on beside its data."""

    zone: ZoneInfo
    map: ExpectationMap
    service_level_s: int = 120

    def fingerprint(self) -> str:
        """Return what changes whenever facts that were made before are no longer right."""
        content = f"{VERSION}|{self.zone.key}|{self.service_level_s}|{self.map.model_dump_json()}"
        return blake2b(content.encode(), digest_size=8).hexdigest()


def rules_of(settings: Settings) -> Rules:
    """Return the rules that a shop's figures follow."""
    return Rules(settings.zone, expectation_map(), settings.service_level_s)


@dataclass(frozen=True)
class _Step:
    """A turn with the matter that it belongs to."""

    turn: RawTurn
    matter: str | None  # the intent last wished for


def facts_of(raw: RawConversation, rules: Rules) -> dict[str, Any]:
    """Return the facts of one conversation, by column of conversation_facts.

    What depends on other conversations (``withdrawn`` by another one, ``repeated``, ``complaint_repeated``)
    is as if there were none; ``relate`` completes it.
    """
    steps = _steps(raw.turns, rules.map)
    matters = list(
        dict.fromkeys(step.turn.intent for step in steps if step.turn.intent and step.matter == step.turn.intent)
    )
    first = rules.map.matter(matters[0]) if matters else None
    last_at = steps[-1].turn.created_at if steps else raw.created_at
    accepted = [handoff for handoff in raw.handoffs if handoff.accepted_at is not None]
    signals = _Signals(raw)
    flows = _flows(steps)
    complaint = _complaint(steps, signals, raw.handoffs, rules.map)
    resolution = _resolution(raw, steps, flows, signals)
    reopened = _reopened(steps, signals.reopened)
    expectations = _expectations(raw, steps, resolution, rules.map)
    left = [flow for flow in flows if flow["end"] == "left"]
    promises = Counter(promise.state for promise in raw.promises)
    handoffs = [_handoff(handoff, rules.service_level_s) for handoff in raw.handoffs]
    return {
        "conversation_id": raw.id,
        "day": raw.created_at.astimezone(rules.zone).date(),
        "started_at": raw.created_at,
        "last_at": last_at,
        "closed_at": raw.closed_at,
        "customer": raw.customer_key or f"{raw.channel}:{raw.external_key}",
        "channel": raw.channel,
        "language": raw.language,
        "topic": first.topic if first is not None else "none",
        "handler": "person" if accepted else "bot",
        "intent": matters[0] if matters else None,
        "matter": bool(matters) or any(step.turn.understood is False for step in steps) or bool(raw.handoffs),
        "cross_channel": raw.channels > 1,
        "mixed_language": len({step.turn.language for step in steps if step.turn.language}) > 1,
        "customer_messages": raw.messages.get("customer", 0),
        "bot_messages": raw.messages.get("bot", 0),
        "agent_messages": raw.messages.get("agent", 0),
        "not_understood": sum(step.turn.understood is False for step in steps),
        "judged": sum(step.turn.understood is not None for step in steps),
        "handoffs": len(raw.handoffs),
        "handoff_reason": raw.handoffs[0].reason if raw.handoffs else None,
        "wait_abandoned": any(handoff.state == "abandoned" for handoff in raw.handoffs),
        "resolution": resolution,
        "withdrawn": reopened.withdrawn and resolution in ("confirmed", "assumed"),
        "repeated": bool(reopened.repeated),
        "reopened": len(signals.reopened),
        "complaint": complaint,
        "complaint_repeated": False,
        "upset": signals.upset,
        "recovered": recovered(signals.valences) if signals.upset else None,
        "abandoned_at": f"{left[-1]['goal']}/{left[-1]['steps'][-1]}"[:120] if left else None,
        "passed_over": sum(n for key, n in signals.acknowledgements.items() if key.endswith(":no")),
        "asked_again": signals.asked_again,
        "answer_bot_s": signals.slowest("first_response_bot", "response_time_bot"),
        "answer_agent_s": signals.slowest("first_response_agent", "response_time_agent"),
        "wait_s": signals.slowest("wait"),
        "level_missed": any(level == "beyond" for _, _, level, _, _ in handoffs),
        "announced_exceeded": any(kept is False for _, _, _, kept, _ in handoffs),
        **{item: _lowest(raw, item) for item in ("csat", "ces", "nps")},
        "surveys": len(raw.surveys),
        "answered_surveys": sum(bool(survey.answers) for survey in raw.surveys),
        "promises": len(raw.promises) - promises["superseded"],
        "promises_kept": promises["kept"],
        "promises_broken": promises["broken"],
        "unmet": _unmet_words(expectations, frozenset(reopened.repeated)),
        "person_seconds": sum(
            (handoff.ended_at - handoff.accepted_at).total_seconds()
            for handoff in accepted
            if handoff.ended_at is not None and handoff.accepted_at is not None
        ),
        "details": {
            "matters": matters,
            "times": {name: sorted(counts.items()) for name, counts in signals.times.items()},
            "load": dict(Counter(_hour(step.turn.created_at, rules.zone) for step in steps)),
            "acknowledgements": dict(signals.acknowledgements),
            "asked_again": signals.asked_again,
            "flows": flows,
            "handoffs": handoffs,
            "surveys": [[survey.trigger, bool(survey.answers)] for survey in raw.surveys],
            "answers": [
                [_item(kind, level), value, probability]
                for survey in raw.surveys
                for kind, level, value, probability in survey.answers
                if value is not None
            ],
            "promises": [[promise.kind, promise.made_by, promise.state, _told(promise)] for promise in raw.promises],
            "expectations": expectations,
            "repeated": sorted(reopened.repeated),
            "withdrawn": reopened.withdrawn,
        },
    }


# -- turns and matters


def _steps(turns: Iterable[RawTurn], map_: ExpectationMap) -> list[_Step]:
    """Return the turns that are no survey answers; one that only answers a question belongs to the last matter."""
    steps = []
    matter = None
    for turn in turns:
        if turn.goal == "survey":
            continue
        if turn.understood and map_.matter(turn.intent) is not None:
            matter = turn.intent
        steps.append(_Step(turn, matter))
    return steps


def _hour(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local.weekday()}-{local.hour}"


def _flows(steps: Sequence[_Step]) -> list[dict[str, Any]]:
    """Return the matters that needed several steps, with the steps reached and how each ended.

    A matter is under way while turns carry its ``goal``. The turn after its last one tells its end: ``done``
    when an operation succeeded in it, ``refused`` when one was denied, else ``left`` at the last step.
    """
    found: dict[str, dict[str, Any]] = {}
    for i, step in enumerate(steps):
        goal = step.turn.goal
        if goal is None:
            continue
        flow = found.setdefault(goal, {"goal": goal, "steps": [], "end": "left"})
        name = step.turn.step or "start"
        if name in flow["steps"]:
            flow["steps"].remove(name)  # the last step is where the customer is
        flow["steps"].append(name)
        following = steps[i + 1].turn if i + 1 < len(steps) else None
        if following is not None and following.goal != goal:
            results = {
                bool(operation["ok"])
                for operation in following.operations or ()
                if operation["name"] not in _PRELIMINARY and operation.get("code") not in _NOT_YET
            }
            flow["end"] = "done" if True in results else "refused" if False in results else "left"
    return list(found.values())


# -- signals


class _Signals:
    """The signals of one conversation, sorted."""

    def __init__(self, raw: RawConversation) -> None:
        self.times: dict[str, Counter[float]] = defaultdict(Counter)
        self.acknowledgements: Counter[str] = Counter()
        self.valences: list[float] = []
        self.upset = 0
        self.angriest = 0.0
        self.asked_again = 0
        self.reopened: list[datetime] = []
        self.last_label: str | None = None
        for signal in raw.signals:
            by = signal.data.get("by", "bot")
            if signal.kind in ("first_response", "response_time", "wait_for_person") and signal.value is not None:
                name = "wait" if signal.kind == "wait_for_person" else f"{signal.kind}_{by}"
                self.times[name][rounded_time(signal.value)] += 1
                if "within_hours_s" in signal.data:
                    self.times[f"{name}_open"][rounded_time(signal.data["within_hours_s"])] += 1
            elif signal.kind == "time_to_acknowledgement" and signal.value is not None:
                self.times[f"acknowledgement_{by}"][rounded_time(signal.value)] += 1
            elif signal.kind == "acknowledgement":
                self.acknowledgements[f"{by}:{'yes' if signal.value else 'no'}"] += 1
            elif signal.kind == "emotion" and signal.value is not None:
                self.valences.append(signal.value)
                self.last_label = signal.data.get("label")
                if self.last_label in UPSET:
                    self.upset += 1
                if self.last_label == "anger":
                    self.angriest = min(self.angriest, signal.value)
            elif signal.kind == "asked_again":
                self.asked_again += 1
            elif signal.kind == "reopened":
                self.reopened.append(signal.at)

    def slowest(self, *names: str) -> float | None:
        """Return the longest of some times, in seconds."""
        return max((seconds for name in names for seconds in self.times.get(name, ())), default=None)


@dataclass(frozen=True)
class _Reopened:
    withdrawn: bool
    repeated: frozenset[str]


def _reopened(steps: Sequence[_Step], moments: Sequence[datetime]) -> _Reopened:
    """Tell whether the customer came back to this conversation with a matter that had been in it."""
    withdrawn, repeated = False, set()
    for moment in moments:
        before = [step for step in steps if step.turn.created_at < moment]
        if not before:
            continue
        gap = moment - before[-1].turn.created_at
        same = {step.matter for step in before if step.matter} & {
            step.turn.intent
            for step in steps
            if step.turn.created_at >= moment and step.turn.intent and step.matter == step.turn.intent
        }
        withdrawn |= bool(same) and gap <= WITHDRAWN_WITHIN
        if gap <= REPEATED_WITHIN:
            repeated |= {matter for matter in same if matter}
    return _Reopened(withdrawn, frozenset(repeated))


# -- outcomes


def _complaint(steps: Sequence[_Step], signals: _Signals, handoffs: Sequence[RawHandoff], map_: ExpectationMap) -> int:
    """Return how serious the dissatisfaction is, 0 (none) to 3 (severe)."""
    if any(handoff.reason == "keyword" for handoff in handoffs):
        return SEVERE
    entries = [map_.matter(step.matter) for step in steps if step.matter]
    severity = max((entry.severity for entry in entries if entry is not None), default=0)
    return min(SEVERE, severity + (1 if signals.angriest <= STRONG_ANGER else 0))


def _resolution(
    raw: RawConversation, steps: Sequence[_Step], flows: Sequence[dict[str, Any]], signals: _Signals
) -> str:
    """Return how the bot's handling ended: none (no matter), open, handed_over, unresolved, confirmed or assumed."""
    last_matter = max(
        (i for i, step in enumerate(steps) if step.matter and step.turn.intent == step.matter), default=None
    )
    if raw.handoffs:
        return "handed_over"
    if last_matter is None and not any(step.turn.understood is False for step in steps):
        return "none"
    if raw.closed_at is None:
        return "open"
    scores = [(kind, value) for survey in raw.surveys for kind, _, value, _ in survey.answers if value is not None]
    judged = [step.turn.understood for step in steps if step.turn.understood is not None]
    if (
        last_matter is None
        or not judged
        or judged[-1] is False
        or (flows and flows[-1]["end"] == "left")
        or signals.last_label in UPSET
        or any((kind == "csat" and value <= 2) or (kind == "ces" and value <= 3) for kind, value in scores)
    ):
        return "unresolved"
    thanked = any(step.turn.intent in _SATISFIED for step in steps[last_matter + 1 :])
    scored = any((kind == "csat" and value >= 4) or (kind == "ces" and value >= 5) for kind, value in scores)
    return "confirmed" if thanked or scored else "assumed"


def _expectations(
    raw: RawConversation, steps: Sequence[_Step], resolution: str, map_: ExpectationMap
) -> list[list[Any]]:
    """Return every expectation that was touched, as [level, kind, status, matters, whether the survey told].

    What the customer says of the level in the survey decides (4, 5: met; 1, 2: unmet). Else a broken promise,
    a refused operation or a complaint after it leaves it unmet; a kept promise, an operation done, or a
    confirmed resolution meets it. Else it is unknown.
    """
    touched: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        entry = map_.matter(step.matter)
        if entry is not None and step.matter:
            matters = touched.setdefault((entry.level.value, entry.kind.value), [])
            if step.matter not in matters:
                matters.append(step.matter)
    said = {
        level: value
        for survey in raw.surveys
        for kind, level, value, _ in survey.answers
        if kind == "level" and value is not None
    }
    matter_of = {step.turn.id: step.matter for step in steps}
    good: set[str] = set()
    bad: set[str] = set()
    for promise in raw.promises:
        matter = matter_of.get(promise.turn_id or 0)
        if matter and promise.state in ("kept", "broken"):
            (good if promise.state == "kept" else bad).add(matter)
    before: set[str] = set()
    for step in steps:
        if step.matter is None:
            continue
        if step.turn.intent == "complaint" and step.turn.understood:
            bad |= before
        for operation in step.turn.operations or ():
            if operation["name"] in _PRELIMINARY or operation.get("code") in _NOT_YET:
                continue
            (good if operation["ok"] else bad).add(step.matter)
        before.add(step.matter)
    result = []
    for (level, kind), matters in touched.items():
        score = said.get(level)
        if score is not None and score != 3:
            status = "met" if score > 3 else "unmet"
        elif bad & set(matters):
            status = "unmet"
        elif good & set(matters) or resolution == "confirmed":
            status = "met"
        else:
            status = "unknown"
        result.append([level, kind, status, matters, score is not None and score != 3])
    return result


def final_status(expectation: Sequence[Any], repeated: Iterable[str]) -> str:
    """Return an expectation's status once it is known which matters the customer had to come back for."""
    _, _, status, matters, said = expectation
    return "unmet" if not said and set(matters) & set(repeated) else str(status)


def _unmet_words(expectations: Iterable[Sequence[Any]], repeated: Iterable[str]) -> str:
    unmet = [f"{e[0]}/{e[1]}" for e in expectations if final_status(e, repeated) == "unmet"]
    return f";{';'.join(unmet)};"[:400] if unmet else ""


def _handoff(handoff: RawHandoff, service_level_s: int) -> list[Any]:
    """Return [reason, end, service level, announced wait kept, seconds waited beyond the announced]."""
    end = "accepted" if handoff.accepted_at is not None else handoff.state
    level = announced = beyond = None
    if handoff.accepted_at is not None:
        waited = (handoff.accepted_at - handoff.queued_at).total_seconds()
        if not handoff.outside_hours:
            level = "within" if waited <= service_level_s else "beyond"
        if handoff.announced_wait_s is not None:
            beyond = waited - handoff.announced_wait_s
            announced = beyond <= 0
    elif handoff.state == "abandoned" and not handoff.outside_hours and handoff.ended_at is not None:
        # Whoever gives up sooner than the level asks for proves nothing about it.
        waited = (handoff.ended_at - handoff.queued_at).total_seconds()
        level = "beyond" if waited > service_level_s else None
    return [handoff.reason, end, level, announced, beyond]


def _told(promise: RawPromise) -> str | None:
    """Tell whether the customer was told of a broken promise in time, late or never."""
    if promise.state != "broken":
        return None
    if promise.told_at is None:
        return "never"
    return "in_time" if promise.told_at <= promise.due_at else "late"


def _lowest(raw: RawConversation, item: str) -> int | None:
    """Return the lowest answer to a question of the survey."""
    given = (value for survey in raw.surveys for kind, _, value, _ in survey.answers if kind == item)
    return min((value for value in given if value is not None), default=None)


def _item(kind: str, level: str | None) -> str:
    if kind == "level":
        return str(level)
    return f"importance_{level}" if kind == "importance" else kind


# -- other conversations of the same customer


def relate(relations: Sequence[Relation]) -> dict[int, dict[str, Any]]:
    """Complete the facts of one customer's conversations by what they tell of each other.

    Args:
        relations: all of the customer's conversations, in order of their beginning.

    Returns:
        The columns to set, by conversation.
    """
    result = {}
    for i, one in enumerate(relations):
        matters = set(one.details["matters"])
        repeated = set(one.details["repeated"])
        withdrawn = bool(one.details["withdrawn"])
        for later in relations[i + 1 :]:
            gap = later.started_at - one.last_at
            same = matters & set(later.details["matters"])
            if gap > REPEATED_WITHIN:
                break
            repeated |= same
            withdrawn |= bool(same) and gap <= WITHDRAWN_WITHIN
        resolved = one.resolution in ("confirmed", "assumed")
        result[one.conversation_id] = {
            "withdrawn": withdrawn and resolved,
            "repeated": bool(repeated),
            "complaint_repeated": one.complaint > 0
            and any(
                earlier.complaint > 0 and one.started_at - earlier.started_at <= COMPLAINT_REPEATED_WITHIN
                for earlier in relations[:i]
            ),
            "unmet": _unmet_words(one.details["expectations"], repeated),
            "details": {**one.details, "repeated_all": sorted(repeated)},
        }
    return result
