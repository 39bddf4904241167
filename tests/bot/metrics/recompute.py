"""Recomputes every figure from raw exports. Plain Python; nothing of it comes from the service.

    python recompute.py EXPORTS FIRST LAST EXPECTATIONS [NOW]

EXPORTS is a folder with one JSON Lines file per dataset, FIRST and LAST are days, EXPECTATIONS is the table of
expectations, NOW the instant the figures are of (default: the present). Prints {figure: value} and, for shares and
means, {figure: [value, low, high]}. It is written from docs/metrics.md, as anybody could write it again.
"""

import json
import math
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist
from zoneinfo import ZoneInfo

import yaml

ZONE = ZoneInfo("Europe/Berlin")
SERVICE_LEVEL_S = 120
COST_CONVERSATION, COST_HOUR = 0.05, 40.0
UPSET = {"anger", "worry", "frustration", "disappointment"}
PROOF = {"verify", "send_code", "confirm_code", "shop_info"}
NOT_YET = {"not_verified", "locked", "just_changed"}
LEVELS = ("accuracy", "availability", "partnership", "advice")


def at(text):
    return None if text is None else datetime.fromisoformat(text)


def local_day(text):
    return at(text).astimezone(ZONE).date()


def read(folder, name):
    with open(folder / f"{name}.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


# -- estimates


def t_quantile(p, df):
    """Quantile of Student's t by bisection on its distribution function."""

    def cdf(x):
        z = df / (df + x * x)
        half = 0.5 * incomplete_beta(df / 2, 0.5, z)
        return 1 - half if x > 0 else half

    low, high = -1e3, 1e3
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if cdf(middle) < p else (low, middle)
    return (low + high) / 2


def incomplete_beta(a, b, x):
    """Regularised incomplete beta function by its continued fraction (Numerical Recipes 6.4)."""
    if x in (0, 1):
        return float(x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x >= (a + 1) / (a + b + 2):
        return 1 - front * fraction(b, a, 1 - x) / b
    return front * fraction(a, b, x) / a


def fraction(a, b, x):
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    h = d
    for m in range(1, 500):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + step * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + step / c
            c = c if abs(c) > tiny else tiny
            h *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return h


def wilson(k, n):
    z = NormalDist().inv_cdf(0.975)
    p = k / n
    low = (p + z * z / (2 * n) - z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    high = (p + z * z / (2 * n) + z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    return max(0, low), min(1, high)


def share(k, n):
    return None if n == 0 else [k / n, *wilson(k, n)]


def weighted_mean(pairs):
    if not pairs:
        return None
    total = math.fsum(w for _, w in pairs)
    value = math.fsum(y * w for y, w in pairs) / total
    n = len(pairs)
    if n < 2:
        return [value, None, None]
    variance = n / (n - 1) * math.fsum((w * (y - value)) ** 2 for y, w in pairs) / total**2
    half = t_quantile(0.975, n - 1) * math.sqrt(variance)
    return [value, value - half, value + half]


def weighted_share(pairs, at_least):
    if not pairs:
        return None
    total = math.fsum(w for _, w in pairs)
    effective = total**2 / math.fsum(w * w for _, w in pairs)
    value = math.fsum(w for y, w in pairs if y >= at_least) / total
    return [value, *wilson(value * effective, effective)]


def nps(pairs):
    points = [(1 if y >= 9 else -1 if y <= 6 else 0, w) for y, w in pairs]
    estimate = weighted_mean(points)
    if estimate is None:
        return None
    value, low, high = estimate
    return [100 * value, None if low is None else max(-100, 100 * low), None if high is None else min(100, 100 * high)]


def as_read(seconds):
    """Round a duration as finely as it is reported, halves up."""
    seconds = max(0, seconds)
    steps = ((10, 0.1), (120, 1), (1200, 10), (10800, 60), (86400, 600), (math.inf, 3600))
    step = next(step for limit, step in steps if seconds < limit)
    return round(math.floor(seconds / step + 0.5) * step, 1)


def nearest_rank(values, percent):
    if not values:
        return None
    return sorted(values)[math.ceil(percent * len(values) / 100 - 1e-12) - 1]


# -- conversations


class Conversation:
    def __init__(self, row):
        self.row = row
        self.turns, self.signals, self.handoffs, self.promises = [], [], [], []
        self.answers, self.surveys, self.messages = [], {}, []
        self.start = at(row["started_at"])

    def settle(self, table):
        self.table = table
        self.real = [t for t in self.turns if t["goal"] != "survey"]
        self.end = at(self.real[-1]["received_at"]) if self.real else self.start
        self.wish_of, wish = {}, None
        self.matters = []
        for turn in self.real:
            entry = table.get(turn["intent"] or "")
            if turn["understood"] and entry and entry.get("matter", True):
                wish = turn["intent"]
            self.wish_of[turn["turn_id"]] = wish
            if turn["intent"] and wish == turn["intent"] and wish not in self.matters:
                self.matters.append(wish)
        self.emotions = [s for s in self.signals if s["kind"] == "emotion" and s["value"] is not None]
        self.unknown_turn = any(t["understood"] is False for t in self.real)
        self.has_matter = bool(self.matters) or self.unknown_turn or bool(self.handoffs)
        self.flows = self.find_flows()
        self.severity = self.find_severity()
        self.resolution = self.find_resolution()
        self.came_back()

    def results(self, turn):
        for word in filter(None, (turn["operations"] or "").split(";")):
            name, code = word.split(":")
            if name not in PROOF and code not in NOT_YET:
                yield code == "ok"

    def find_flows(self):
        """Return how each matter in several steps ended, in the order in which they first came up."""
        flows = {}
        for turn, following in zip(self.real, [*self.real[1:], None], strict=True):
            goal = turn["goal"]
            if goal is None:
                continue
            flows.setdefault(goal, "left")
            if following is not None and following["goal"] != goal:
                results = set(self.results(following))
                flows[goal] = "done" if True in results else "refused" if False in results else "left"
        return flows

    def find_severity(self):
        if any(h["reason"] == "keyword" for h in self.handoffs):
            return 3
        wishes = {w for w in self.wish_of.values() if w}
        worst = max((self.table[w]["severity"] for w in wishes), default=0)
        furious = any(s["data"].get("label") == "anger" and s["value"] <= -0.8 for s in self.emotions)
        return min(3, worst + furious)

    def find_resolution(self):
        if self.handoffs:
            return "handed_over"
        last = max(
            (i for i, t in enumerate(self.real) if t["intent"] and self.wish_of[t["turn_id"]] == t["intent"]),
            default=None,
        )
        if last is None and not self.unknown_turn:
            return "none"
        if self.row["closed_at"] is None:
            return "open"
        judged = [t["understood"] for t in self.real if t["understood"] is not None]
        scores = [(a["kind"], a["value"]) for a in self.answers if a["value"] is not None]
        bad_score = any((k == "csat" and v <= 2) or (k == "ces" and v <= 3) for k, v in scores)
        good_score = any((k == "csat" and v >= 4) or (k == "ces" and v >= 5) for k, v in scores)
        upset_last = bool(self.emotions) and self.emotions[-1]["data"].get("label") in UPSET
        left = bool(self.flows) and list(self.flows.values())[-1] == "left"
        if last is None or not judged or not judged[-1] or left or upset_last or bad_score:
            return "unresolved"
        thanked = any(t["intent"] in ("thank", "praise") for t in self.real[last + 1 :])
        return "confirmed" if thanked or good_score else "assumed"

    def came_back(self):
        self.withdrawn, self.repeated = False, set()
        for signal in self.signals:
            if signal["kind"] != "reopened":
                continue
            moment = at(signal["at"])
            before = [t for t in self.real if at(t["received_at"]) < moment]
            if not before:
                continue
            again = {
                t["intent"]
                for t in self.real
                if at(t["received_at"]) >= moment and t["intent"] and self.wish_of[t["turn_id"]] == t["intent"]
            }
            same = again & {self.wish_of[t["turn_id"]] for t in before}
            gap = moment - at(before[-1]["received_at"])
            self.withdrawn |= bool(same) and gap <= timedelta(hours=72)
            if gap <= timedelta(days=7):
                self.repeated |= same

    def expectations(self):
        """Yield (level, status) of every expectation touched."""
        touched = defaultdict(set)
        for wish in self.wish_of.values():
            if wish:
                touched[self.table[wish]["level"], self.table[wish]["kind"]].add(wish)
        said = {}
        for a in self.answers:
            if a["kind"] == "level" and a["value"] is not None:
                said[a["level"]] = a["value"]
        good, bad, before = set(), set(), set()
        for p in self.promises:
            wish = self.wish_of.get(p["turn_id"])
            if wish and p["state"] == "kept":
                good.add(wish)
            if wish and p["state"] == "broken":
                bad.add(wish)
        for turn in self.real:
            wish = self.wish_of[turn["turn_id"]]
            if not wish:
                continue
            if turn["intent"] == "complaint" and turn["understood"]:
                bad |= before
            for ok in self.results(turn):
                (good if ok else bad).add(wish)
            before.add(wish)
        for (level, _kind), wishes in touched.items():
            score = said.get(level)
            if score is not None and score != 3:
                yield level, "met" if score > 3 else "unmet"
            elif wishes & (bad | self.repeated):
                yield level, "unmet"
            elif wishes & good or self.resolution == "confirmed":
                yield level, "met"
            else:
                yield level, "unknown"


def gather(folder, table):
    conversations = {row["conversation_id"]: Conversation(row) for row in read(folder, "conversations")}
    for name in ("turns", "signals", "handoffs", "promises", "messages"):
        for row in read(folder, name):
            if row["conversation_id"] is not None:
                getattr(conversations[row["conversation_id"]], name).append(row)
    for row in read(folder, "survey"):
        conversation = conversations[row["conversation_id"]]
        conversation.surveys[row["survey_id"]] = (
            conversation.surveys.get(row["survey_id"], False) or row["answered_at"] is not None
        )
        if row["answered_at"] is not None:
            conversation.answers.append(row)
    by_customer = defaultdict(list)
    for conversation in conversations.values():
        # Answers count in the order they were given.
        conversation.answers.sort(key=lambda a: (a["survey_id"], a["answered_at"]))
        conversation.settle(table)
        by_customer[conversation.row["customer"]].append(conversation)
    for several in by_customer.values():
        several.sort(key=lambda c: (c.start, c.row["conversation_id"]))
        for i, one in enumerate(several):
            for later in several[i + 1 :]:
                gap = later.start - one.end
                same = set(one.matters) & set(later.matters)
                if gap <= timedelta(days=7):
                    one.repeated |= same
                if same and gap <= timedelta(hours=72):
                    one.withdrawn = True
            one.complained_before = any(
                c.severity > 0 and one.start - c.start <= timedelta(days=90) for c in several[:i]
            )
    return list(conversations.values()), by_customer


# -- figures


def compute(folder, first, last, table, now):
    everyone, by_customer = gather(folder, table)
    chosen = [c for c in everyone if first <= c.start.astimezone(ZONE).date() <= last]
    n = len(chosen)
    f = {"conversations": n, "matters": sum(c.has_matter for c in chosen)}
    matters = [c for c in chosen if c.has_matter]
    said = Counter(m["author"] for c in chosen for m in c.messages)
    f["messages"] = said["customer"] + said["bot"] + said["agent"]
    f["messages_per_conversation"] = f["messages"] / n if n else None
    f["cross_channel"] = share(
        sum(len({m["channel"] for m in c.messages if m["author"] == "customer" and m["channel"]}) > 1 for c in chosen),
        n,
    )
    f["mixed_language"] = share(sum(len({t["language"] for t in c.real if t["language"]}) > 1 for c in chosen), n)
    signals = [s for c in chosen for s in c.signals]
    f |= times(signals)
    f |= waiting([h for c in chosen for h in c.handoffs])
    flows = [end for c in chosen for end in c.flows.values()]
    f["flow_left"] = share(flows.count("left"), len(flows))
    f |= outcomes(chosen, matters)
    judged = [t["understood"] for c in chosen for t in c.real if t["understood"] is not None]
    f["not_understood"] = share(judged.count(False), len(judged))
    f["asked_again"] = 100 * sum(s["kind"] == "asked_again" for s in signals) / n if n else None
    f |= outages(read(folder, "outages"), first, last, now)
    f |= survey(chosen)
    met = Counter(pair for c in chosen for pair in c.expectations())
    for level in LEVELS:
        f[f"met_{level}"] = share(met[level, "met"], met[level, "met"] + met[level, "unmet"])
    complaining = [c for c in matters if c.severity > 0]
    f["complaint_rate"] = share(len(complaining), len(matters))
    f["complaint_serious"] = share(sum(c.severity >= 2 for c in complaining), len(matters))
    f["complaint_severe"] = share(sum(c.severity >= 3 for c in complaining), len(matters))
    f["complaint_repeated"] = share(sum(c.complained_before for c in complaining), len(complaining))
    f |= customers(read(folder, "orders"), by_customer, first, last, now)
    promises = Counter(p["state"] for c in chosen for p in c.promises)
    broken = [p for c in chosen for p in c.promises if p["state"] == "broken"]
    f["promises"] = sum(promises.values()) - promises["superseded"]
    f["promises_kept"] = share(promises["kept"], promises["kept"] + promises["broken"])
    f["promises_broken"] = len(broken)
    f["promises_told"] = share(
        sum(p["told_at"] is not None and at(p["told_at"]) <= at(p["due_at"]) for p in broken), len(broken)
    )
    f |= empathy(chosen, signals)
    accepted = [h for c in chosen for h in c.handoffs if h["accepted_at"]]
    hours = sum((at(h["ended_at"]) - at(h["accepted_at"])).total_seconds() for h in accepted if h["ended_at"]) / 3600
    resolved = sum(c.resolution in ("confirmed", "assumed") and not c.withdrawn for c in chosen) + len(accepted)
    f["cost_per_resolution"] = (n * COST_CONVERSATION + hours * COST_HOUR) / resolved if resolved else None
    return f


def times(signals):
    spans = defaultdict(list)
    for s in signals:
        if s["value"] is None or s["kind"] not in ("first_response", "response_time", "wait_for_person"):
            continue
        name = "wait" if s["kind"] == "wait_for_person" else f"{s['kind']}_{s['data'].get('by', 'bot')}"
        spans[name].append(as_read(s["value"]))
        if "within_hours_s" in s["data"]:
            spans[f"{name}_open"].append(as_read(s["data"]["within_hours_s"]))
    names = [f"{kind}_{by}" for kind in ("first_response", "response_time") for by in ("bot", "agent")] + ["wait"]
    names += ["first_response_agent_open", "response_time_agent_open", "wait_open"]
    return {f"{name}_p{p}": nearest_rank(spans[name], p) for name in names for p in (50, 90, 99)}


def waiting(handoffs):
    waited = {
        h["handoff_id"]: (at(h["accepted_at"]) - at(h["queued_at"])).total_seconds()
        for h in handoffs
        if h["accepted_at"]
    }
    gave_up = [h for h in handoffs if h["state"] == "abandoned" and not h["accepted_at"]]
    in_hours = [h for h in handoffs if not h["outside_hours"]]
    good = sum(waited[h["handoff_id"]] <= SERVICE_LEVEL_S for h in in_hours if h["accepted_at"])
    late = sum(waited[h["handoff_id"]] > SERVICE_LEVEL_S for h in in_hours if h["accepted_at"])
    late += sum(
        (at(h["ended_at"]) - at(h["queued_at"])).total_seconds() > SERVICE_LEVEL_S
        for h in gave_up
        if not h["outside_hours"] and h["ended_at"]
    )
    told = [
        waited[h["handoff_id"]] - h["announced_wait_s"]
        for h in handoffs
        if h["accepted_at"] and h["announced_wait_s"] is not None
    ]
    return {
        "service_level": share(good, good + late),
        "announced_kept": share(sum(gap <= 0 for gap in told), len(told)),
        "announced_gap": math.fsum(told) / len(told) if told else None,
        "wait_abandoned": share(len(gave_up), len(gave_up) + len(waited)),
    }


def outcomes(chosen, matters):
    over = sum(bool(c.handoffs) for c in matters)
    ended = [c for c in chosen if c.resolution in ("handed_over", "unresolved", "confirmed", "assumed")]
    confirmed = sum(c.resolution == "confirmed" and not c.withdrawn for c in ended)
    assumed = sum(c.resolution == "assumed" and not c.withdrawn for c in ended)
    taken_back = sum(c.resolution in ("confirmed", "assumed") and c.withdrawn for c in ended)
    reopened = [c for c in chosen if any(s["kind"] == "reopened" for s in c.signals)]
    ever_closed = {id(c) for c in reopened} | {id(c) for c in chosen if c.row["closed_at"]}
    return {
        "containment": share(len(matters) - over, len(matters)),
        "handoff_rate": share(over, len(matters)),
        "automated_resolution": share(confirmed + assumed, len(ended)),
        "resolution_confirmed": share(confirmed, len(ended)),
        "resolution_assumed": share(assumed, len(ended)),
        "resolution_withdrawn": share(taken_back, len(ended)),
        "repeat_rate": share(sum(bool(c.repeated) for c in matters), len(matters)),
        "reopen_rate": share(len(reopened), len(ever_closed)),
    }


def outages(rows, first, last, now):
    since = datetime.combine(first, datetime.min.time(), ZONE)
    until = datetime.combine(last + timedelta(days=1), datetime.min.time(), ZONE)
    until = min(until.astimezone(UTC), now)
    # Cut the time at every start and end, and count the pieces in which anything was out.
    spans = [(max(at(r["started_at"]), since), min(at(r["ended_at"]) or now, until)) for r in rows]
    spans = [(a, b) for a, b in spans if a < b]
    cuts = sorted({moment for span in spans for moment in span})
    seconds = sum((b - a).total_seconds() for a, b in pairwise(cuts) if any(s <= a and b <= e for s, e in spans))
    affected = sum(r["messages_affected"] for r in rows if since <= at(r["started_at"]) < until)
    return {"outage_minutes": seconds / 60, "outage_messages": affected}


def survey(chosen):
    offered = [answered for c in chosen for answered in c.surveys.values()]
    pairs = defaultdict(list)
    for c in chosen:
        for a in c.answers:
            if a["value"] is None:
                continue
            name = (
                a["level"]
                if a["kind"] == "level"
                else f"importance_{a['level']}"
                if a["kind"] == "importance"
                else a["kind"]
            )
            pairs[name].append((a["value"], 1 / a["probability"]))
    f = {
        "survey_response": share(sum(offered), len(offered)),
        "csat": weighted_share(pairs["csat"], 4),
        "csat_mean": weighted_mean(pairs["csat"]),
        "ces": weighted_mean(pairs["ces"]),
        "nps": nps(pairs["nps"]),
    }
    for level in LEVELS:
        f[level] = weighted_mean(pairs[level])
        f[f"importance_{level}"] = weighted_mean(pairs[f"importance_{level}"])
    return f


def customers(orders, by_customer, first, last, now):
    of = defaultdict(list)
    for order in orders:
        if order["placed_at"] is not None:
            of[order["customer"]].append((at(order["placed_at"]), order["order_id"], order))
    delivered = returned = 0
    again = Counter()
    for customer, placed in of.items():
        placed.sort(key=lambda p: p[:2])
        for i, (moment, _, order) in enumerate(placed):
            if not first <= moment.astimezone(ZONE).date() <= last or moment > now:
                continue
            if order["delivered_at"]:
                delivered += 1
                returned += order["returned_at"] is not None
            if order["cancelled_at"] or moment + timedelta(days=90) > now:
                continue
            talked = any(moment <= c.start <= moment + timedelta(days=30) for c in by_customer.get(customer, ()))
            back = i + 1 < len(placed) and placed[i + 1][0] - moment <= timedelta(days=90)
            again[talked, back] += 1
    return {
        "return_rate": share(returned, delivered),
        "retention_with": share(again[True, True], again[True, True] + again[True, False]),
        "retention_without": share(again[False, True], again[False, True] + again[False, False]),
    }


def empathy(chosen, signals):
    f = {}
    answers = Counter((s["data"].get("by"), bool(s["value"])) for s in signals if s["kind"] == "acknowledgement")
    for key, who in (("", ("bot", "agent")), ("_bot", ("bot",)), ("_agent", ("agent",))):
        yes = sum(answers[by, True] for by in who)
        f[f"acknowledged{key}"] = share(yes, yes + sum(answers[by, False] for by in who))
    for by in ("bot", "agent"):
        spans = [
            as_read(s["value"]) for s in signals if s["kind"] == "time_to_acknowledgement" and s["data"].get("by") == by
        ]
        f[f"acknowledgement_{by}_p50"] = nearest_rank(spans, 50)
    states = Counter()
    for c in chosen:
        if not any(s["data"].get("label") in UPSET for s in c.emotions):
            continue
        values = [s["value"] for s in c.emotions]
        lowest = values.index(min(values))
        if lowest == len(values) - 1:
            continue
        fine = values[-1] >= -0.1 and values[-1] - values[lowest] >= 0.3
        states["person" if any(h["accepted_at"] for h in c.handoffs) else "bot", fine] += 1
        replies = [bool(s["value"]) for s in c.signals if s["kind"] == "acknowledgement"]
        if replies:
            states["acknowledged" if any(replies) else "passed_over", fine] += 1
    for key, who in (("", ("bot", "person")), ("_bot", ("bot",)), ("_person", ("person",))):
        yes = sum(states[w, True] for w in who)
        f[f"recovery{key}"] = share(yes, yes + sum(states[w, False] for w in who))
    for reply in ("acknowledged", "passed_over"):
        f[f"recovery_{reply}"] = share(states[reply, True], states[reply, True] + states[reply, False])
    return f


def main():
    folder, first, last, expectations = sys.argv[1:5]
    now = at(sys.argv[5]) if len(sys.argv) > 5 else datetime.now(UTC)
    with open(expectations, encoding="utf-8") as file:
        table = yaml.safe_load(file)["intents"]
    figures = compute(Path(folder), date.fromisoformat(first), date.fromisoformat(last), table, now)
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
