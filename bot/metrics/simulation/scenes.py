"""Plays one conversation and yields the rows that it would have left in every table."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from bot.engine_client import Emotion, Facts, IntentScore, OperationFact, PromiseFact
from bot.handoff.hours import ServiceHours
from bot.metrics.simulation.people import Customer, Experience, answers_survey
from bot.signals.ending import recovered
from bot.signals.turn import signals_of_turn
from bot.survey.bank import Bank, Kind
from bot.survey.draw import draw

__all__ = ["Scene", "Stage"]

PROMISE_DAYS = {"delivery": 2, "refund": 6, "return_label": 0, "answer": 1, "replacement": 4}
_UPSET_LABELS = ("anger", "frustration", "worry", "disappointment")

Rows = dict[str, list[dict[str, Any]]]


@cache
def _texts() -> dict[str, Any]:
    content = yaml.safe_load((Path(__file__).parent / "texts.yml").read_text(encoding="utf-8"))
    return dict(content)


@dataclass
class Stage:
    """What all scenes of a simulation share; ``rows`` collects what they leave, with ids counted from 1."""

    random: Random
    bank: Bank
    hours: ServiceHours
    end: datetime  # nothing happens after this
    agents: list[int]
    service_level_wait_s: int = 300
    rows: Rows = field(default_factory=lambda: defaultdict(list))

    def add(self, table: str, **values: Any) -> int:
        """Add a row and return its id."""
        rows = self.rows[table]
        rows.append({"id": len(rows) + 1, **values})
        return len(rows)


class Scene:
    """One conversation."""

    def __init__(self, stage: Stage, customer: Customer, start: datetime, public_id: str) -> None:
        self.stage, self.customer, self.random = stage, customer, stage.random
        self.now = self.start = start
        self.de = customer.language == "de"
        self.number = 0
        self.valences: list[float] = []
        self.upset_turns: list[tuple[int, datetime]] = []
        self.spoken = False
        self.channel = customer.channel
        self.last_customer_at = start
        self.matter = ""
        self.conversation = stage.add(
            "conversations",
            public_id=public_id,
            channel=customer.channel,
            external_key=customer.key,
            language=customer.language,
            state="bot",
            last_number=0,
            lease_epoch=0,
            not_understood_in_a_row=0,
            created_at=start,
            last_customer_at=start,
            last_activity_at=start,
            closed_at=None,
            close_reason=None,
            seen_number=0,
        )
        self.row = stage.rows["conversations"][-1]

    # -- the whole conversation

    def play(self, lived: Experience, *, outage_until: datetime | None = None) -> None:
        """Play from the first word to the end of the survey.

        Args:
            lived: what happens.
            outage_until: until when the engine does not answer.
        """
        self.matter = lived.intent
        if self.random.random() < 0.4:
            self.turn("greet", "greet", outage_until=outage_until)
        for _ in range(min(lived.misunderstood, 3)):
            self.turn(None, "not_understood", understood=False, outage_until=outage_until)
        if lived.misunderstood < 3:
            self.play_matter(lived, outage_until)
        if lived.handoff is not None:
            self.handoff(lived)
        self.end(lived)

    def play_matter(self, lived: Experience, outage_until: datetime | None = None) -> None:
        """Play the matter itself, with its steps if it has any."""
        emotion = self.upset_emotion(lived) if lived.upset else None
        steps = _texts()["matters"].get(lived.intent)
        if lived.handoff == "customer_asked" and lived.intent == "human_handoff":
            self.turn("human_handoff", "handoff", emotion=emotion, acknowledged=lived.acknowledged)
            return
        if steps is None:
            self.turn(
                lived.intent, "answer", emotion=emotion, acknowledged=lived.acknowledged, outage_until=outage_until
            )
        else:
            self.steps(lived, steps, emotion, outage_until)
        if lived.upset and lived.acknowledged and self.random.random() < 0.7:
            self.turn("affirm", "welcome", emotion=Emotion(label="neutral", valence=0.1, confidence=0.8), said="calm")
        elif lived.upset and not lived.acknowledged and self.random.random() < 0.5:
            self.turn("complaint", "answer", emotion=self.upset_emotion(lived), said="upset")

    def steps(
        self, lived: Experience, matter: list[Any], emotion: Emotion | None, outage_until: datetime | None
    ) -> None:
        """Play a matter in several steps: done, refused, or left on the way."""
        goal, names, operation, promise = matter
        self.turn(
            lived.intent, "ask", goal=goal, step=names[0], emotion=emotion, acknowledged=lived.acknowledged,
            outage_until=outage_until,
        )  # fmt: skip
        leave_after = None if lived.left_at is None else int(lived.left_at * len(names))
        if lived.handoff == "upset":
            return
        for i, name in enumerate(names):
            if leave_after == i:
                if self.random.random() < 0.3:
                    self.turn("stop", "welcome", said="stop")
                return
            last = i == len(names) - 1
            operations = [OperationFact(name="verify", order="LM-104217", ok=True)] if name == "proof" else []
            promises = []
            if last:
                code = "already_dispatched" if lived.refused else None
                operations.append(OperationFact(name=operation, order="LM-104217", ok=code is None, code=code))
                if promise and code is None:
                    due = self.now + timedelta(days=PROMISE_DAYS[promise], hours=4)
                    promises = [
                        PromiseFact.model_construct(
                            kind=promise, order="LM-104217", return_number=None, wording=promise, due=due
                        )
                    ]
            asked_again = ["order_number"] if self.random.random() < 0.01 else []
            self.turn(
                "inform",
                ("refused" if lived.refused else "done") if last else "ask",
                button=self.random.random() < 0.3,
                goal=None if last else goal,
                step=None if last else names[i + 1],
                operations=operations,
                promises=promises,
                asked_again=asked_again,
                kept=lived.promise_kept,
            )

    def upset_emotion(self, lived: Experience) -> Emotion:
        """Return a negative emotion of somebody of this temper."""
        label = self.random.choices(_UPSET_LABELS, (0.35, 0.3, 0.2, 0.15))[0]
        valence = -0.35 - 0.4 * self.customer.temper - 0.25 * self.random.random()
        return Emotion.model_construct(label=label, valence=round(max(-1.0, valence), 2), confidence=0.85)

    # -- one message and its answer

    def turn(
        self,
        intent: str | None,
        answer: str,
        *,
        understood: bool = True,
        said: str | None = None,
        emotion: Emotion | None = None,
        acknowledged: bool = False,
        goal: str | None = None,
        step: str | None = None,
        operations: list[OperationFact] | None = None,
        promises: list[PromiseFact] | None = None,
        asked_again: list[str] | None = None,
        button: bool = False,
        kept: bool = True,
        outage_until: datetime | None = None,
    ) -> None:
        """Let the customer say something and the bot answer."""
        self.now += timedelta(seconds=self.random.lognormvariate(2.9, 0.8))
        received = self.now
        name = said or intent or "not_understood"
        message = self.message("customer", _texts()["customer"].get(name, ["…", "…"]))
        delay = self.random.lognormvariate(-2.2, 0.7)
        answered = received + timedelta(seconds=delay)
        waited = outage_until is not None and outage_until > received
        if outage_until is not None and waited:
            answered = outage_until + timedelta(seconds=delay)
        if emotion is None and not button:
            value = round(max(-0.3, min(0.9, self.random.gauss(0.1, 0.12) + (0.5 if intent == "thank" else 0))), 2)
            label = "gratitude" if intent == "thank" else "neutral"
            emotion = Emotion.model_construct(label=label, valence=value, confidence=0.8)
        confidence = round(self.random.uniform(0.72, 0.99) if understood else self.random.uniform(0.15, 0.4), 3)
        facts = Facts.model_construct(
            language="de" if self.de != (self.random.random() < 0.005) else "en",
            intent=IntentScore.model_construct(name=intent or "nlu_fallback", confidence=confidence),
            ranking=[IntentScore.model_construct(name=intent or "nlu_fallback", confidence=confidence)],
            entities=[],
            emotion=emotion,
            understood=understood,
            acknowledged=acknowledged,
            asked_again=asked_again or [],
            goal=goal,
            step=step,
            operations=operations or [],
            promises=promises or [],
            requests=[],
        )
        turn = self.stage.add(
            "turns",
            public_id=f"{self.row['public_id']}-{message}",
            conversation_id=self.conversation,
            message_id=message,
            state="done",
            payload=f"/{intent}" if button else None,
            tries=2 if waited else 0,
            delay_told=waited,
            language=facts.language,
            intent=facts.intent.name if facts.intent else None,
            confidence=confidence,
            ranking=[{"name": intent or "nlu_fallback", "confidence": confidence}],
            entities=[],
            emotion=emotion.label if emotion else None,
            valence=emotion.valence if emotion else None,
            emotion_confidence=emotion.confidence if emotion else None,
            understood=understood,
            acknowledged=acknowledged,
            goal=goal,
            step=step,
            operations=[o.model_dump() for o in facts.operations],
            created_at=received,
            answered_at=answered,
        )
        self.stage.rows["messages"][message - 1]["turn_id"] = turn
        self.now = answered
        for fact in signals_of_turn(facts, received_at=received, answered_at=answered, first=not self.spoken):
            self.signal(fact.family, fact.kind, fact.value, fact.unit, fact.data, turn)
        if emotion is not None:
            self.valences.append(emotion.valence)
        self.spoken = True
        self.message("bot", _texts()["bot"]["sorry" if acknowledged else answer], acknowledges=acknowledged, turn=turn)
        for promise in facts.promises:
            self.promise(promise, turn, kept=kept)

    def message(
        self,
        author: str,
        text: list[str],
        *,
        acknowledges: bool = False,
        turn: int | None = None,
        agent: int | None = None,
    ) -> int:
        """Store what somebody says now."""
        self.number += 1
        if author == "customer":
            self.last_customer_at = self.now
        return self.stage.add(
            "messages",
            conversation_id=self.conversation,
            number=self.number,
            author=author,
            channel=self.channel if author == "customer" else None,
            external_key=self.customer.key if author == "customer" else None,
            external_id=f"{self.row['public_id']}-{self.number}" if author == "customer" else None,
            turn_id=turn,
            text=text[0 if self.de else 1],
            buttons=[],
            attachments=[],
            agent_id=agent,
            agent_name=None,
            private=False,
            acknowledges=acknowledges,
            created_at=self.now,
        )

    def signal(
        self,
        family: str,
        kind: str,
        value: float | None = None,
        unit: str | None = None,
        data: Mapping[str, Any] | None = None,
        turn: int | None = None,
    ) -> None:
        """Store a signal of this moment."""
        self.stage.add(
            "signals",
            conversation_id=self.conversation,
            turn_id=turn,
            family=family,
            kind=kind,
            value=value,
            unit=unit,
            data=dict(data or {}),
            at=self.now,
        )

    def promise(self, promise: PromiseFact, turn: int, *, kept: bool) -> None:
        """Store a promise, and how it ended if its time has come by the end of the simulation."""
        due, state, settled, told = promise.due, "open", None, None
        if due <= self.stage.end:
            state = "kept" if kept else "broken"
            settled = due if not kept else due - timedelta(hours=self.random.uniform(1, 12))
            if not kept and self.random.random() < 0.85:
                told = due + timedelta(hours=self.random.uniform(-20, 10))
                told = told if told <= self.stage.end else None
        self.stage.add(
            "promises",
            conversation_id=self.conversation,
            turn_id=turn,
            kind=promise.kind,
            order_number=promise.order,
            return_number=None,
            wording=promise.wording,
            made_by="bot",
            agent_id=None,
            made_at=self.now,
            due_at=due,
            state=state,
            settled_at=settled,
            told_at=told,
            evidence=None,
        )

    # -- people

    def handoff(self, lived: Experience) -> None:
        """Queue, wait, and talk with an agent, or give up."""
        queued = self.now
        is_open = self.stage.hours.is_open(queued)
        announced = self.stage.service_level_wait_s if is_open else None
        self.signal(
            "availability", "handoff_queued", float(announced) if announced else None, "s",
            {"reason": lived.handoff, "outside_hours": not is_open},
        )  # fmt: skip
        self.signal("empathy", "context_passed_on")
        if not is_open:
            self.signal("availability", "outside_hours")
        self.message("bot", _texts()["bot"]["handoff"])
        handoff: dict[str, Any] = {
            "conversation_id": self.conversation, "state": "queued", "reason": lived.handoff, "summary": {},
            "outside_hours": not is_open, "announced_wait_s": announced, "agent_id": None, "team": None,
            "queued_at": queued, "accepted_at": None, "first_reply_at": None, "ended_at": None,
            "delay_told": False, "seen_number": 0,
        }  # fmt: skip
        opens = None if is_open else self.stage.hours.opens_next(queued)
        accepted = (opens or queued) + timedelta(seconds=lived.wait_s if is_open else lived.wait_s / 30)
        gives_up = queued + timedelta(seconds=min(self.customer.patience_s, max(20.0, lived.wait_s * 0.9)))
        if lived.abandoned and gives_up <= self.stage.end:
            self.now = gives_up
            handoff |= {"state": "abandoned", "ended_at": self.now}
            self.signal(
                "availability", "handoff_abandoned", (self.now - queued).total_seconds(), "s",
                {"accepted": False, "announced_s": announced},
            )  # fmt: skip
        elif accepted <= self.stage.end - timedelta(hours=1):
            self.now = accepted
            handoff |= {"state": "accepted", "accepted_at": accepted, "agent_id": self.random.choice(self.stage.agents)}
            self.signal(
                "availability", "wait_for_person", (accepted - queued).total_seconds(), "s",
                {"announced_s": announced, "within_hours_s": self.stage.hours.open_seconds(queued, accepted)},
            )  # fmt: skip
            self.with_agent(lived, handoff)
        self.stage.add("handoffs", **handoff)
        if handoff["state"] == "queued":
            self.row["state"] = "waiting"

    def with_agent(self, lived: Experience, handoff: dict[str, Any]) -> None:
        """Talk with an agent until it is solved."""
        agent = int(handoff["agent_id"])
        self.now += timedelta(seconds=self.random.uniform(15, 120))
        handoff["first_reply_at"] = self.now
        self.agent_says("first_response", handoff["queued_at"], agent, acknowledging=False, pending=[])
        for i in range(self.random.randint(1, 4)):
            self.now += timedelta(seconds=self.random.lognormvariate(3.2, 0.8))
            since = self.now
            upset = i == 0 and lived.upset and self.random.random() < 0.5
            turn = self.to_agent(self.upset_emotion(lived) if upset else None)
            self.now += timedelta(seconds=self.random.lognormvariate(4.0, 0.7))
            self.agent_says(
                "response_time", since, agent,
                acknowledging=upset and lived.agent_acknowledges, pending=[(turn, since)] if upset else [],
            )  # fmt: skip
            if self.random.random() < 0.02 and self.stage.end - self.now > timedelta(hours=20):
                self.now += timedelta(hours=self.random.uniform(8, 14))  # goes on the next day
        if lived.solved:
            self.now += timedelta(seconds=20)
            self.to_agent(Emotion.model_construct(label="gratitude", valence=0.6, confidence=0.8))
            since = self.now
            self.now += timedelta(seconds=self.random.uniform(5, 60))
            self.agent_says("response_time", since, agent, acknowledging=False, pending=[])
        handoff |= {"state": "closed", "ended_at": self.now, "close_reason": "solved"}
        self.message("system", ["Das Gespräch ist beendet.", "The conversation has ended."])

    def to_agent(self, emotion: Emotion | None) -> int:
        """Let the customer say something to an agent."""
        message = self.message(
            "customer", _texts()["customer"]["upset" if emotion and emotion.valence < 0 else "to_agent"]
        )
        turn = self.stage.add(
            "turns",
            public_id=f"{self.row['public_id']}-{message}",
            conversation_id=self.conversation,
            message_id=message,
            state="with_person",
            tries=0,
            delay_told=False,
            emotion=emotion.label if emotion else None,
            valence=emotion.valence if emotion else None,
            emotion_confidence=emotion.confidence if emotion else None,
            created_at=self.now,
        )
        self.stage.rows["messages"][message - 1]["turn_id"] = turn
        if emotion is not None:
            self.valences.append(emotion.valence)
            self.signal(
                "empathy", "emotion", emotion.valence, "valence",
                {"label": emotion.label, "confidence": emotion.confidence, "to": "agent"}, turn,
            )  # fmt: skip
        return turn

    def agent_says(
        self, kind: str, since: datetime, agent: int, *, acknowledging: bool, pending: list[tuple[int, datetime]]
    ) -> None:
        """Let the agent answer what the customer has said since then."""
        words = _texts()["agent"]["sorry" if acknowledging else "plain"]
        self.message("agent", words, acknowledges=acknowledging, agent=agent)
        waited = (self.now - since).total_seconds()
        within = self.stage.hours.open_seconds(since, self.now)
        self.signal("availability", kind, waited, "s", {"by": "agent", "within_hours_s": within, "agent": agent})
        for turn, at in pending:
            details = {"by": "agent", "agent": agent}
            self.signal("empathy", "acknowledgement", 1.0 if acknowledging else 0.0, "bool", details, turn)
            if acknowledging:
                seconds = (self.now - at).total_seconds()
                self.signal("empathy", "time_to_acknowledgement", seconds, "s", details, turn)

    # -- the end

    def end(self, lived: Experience) -> None:
        """Thank, say goodbye or fall silent; answer the survey or not; close."""
        if self.row["state"] == "waiting":
            return self.settle(closed_at=None)
        with_person = any(
            h["conversation_id"] == self.conversation and h["accepted_at"] for h in self.stage.rows["handoffs"][-1:]
        )
        trigger = "agent_closed"
        if not with_person:
            if lived.solved and self.random.random() < 0.45:
                self.turn("thank", "welcome")
            trigger = "silence"
            if self.random.random() < 0.45:
                self.turn("goodbye", "welcome")
                trigger = "goodbye"
        silence = timedelta(minutes=15, seconds=self.random.uniform(0, 10))
        if trigger == "silence":
            self.now += silence
        if self.now > self.stage.end:
            return self.settle(closed_at=None)
        reason = self.survey(lived, trigger, with_person)
        if self.now + silence > self.stage.end:
            return self.settle(closed_at=None)
        self.now += silence
        if any(v <= -0.3 for v in self.valences) and recovered(self.valences) is not None:
            rise = self.valences[-1] - min(self.valences)
            self.signal("empathy", "recovery", rise, "valence", {"recovered": recovered(self.valences)})
        self.settle(closed_at=self.now, reason=reason)
        return None

    def survey(self, lived: Experience, trigger: str, with_person: bool) -> str:
        """Offer the survey and answer it as far as this customer does; return the trigger."""
        items = draw(self.stage.bank, self.random, with_person=with_person)
        described = []
        for drawn in items:
            item = self.stage.bank.items[drawn.item]
            described.append(
                {"item": drawn.item, "kind": item.kind.value, "level": item.level and item.level.value,
                 "probability": drawn.probability}
            )  # fmt: skip
        described.append({"item": "text", "kind": "text", "level": None, "probability": 1.0})
        answering = answers_survey(self.customer, lived, self.random)
        offered = self.now
        survey = self.stage.add(
            "surveys", conversation_id=self.conversation, state="expired", trigger=trigger,
            language=self.customer.language, items=described, position=0, asked_again=False, agent_id=None,
            offered_at=offered, ended_at=None,
        )  # fmt: skip
        row = self.stage.rows["surveys"][-1]
        self.message("bot", _texts()["bot"]["survey"])
        if answering and self.random.random() < 0.04:  # the next day, or later
            late = self.now + timedelta(hours=self.random.uniform(3, 60))
            answering = late <= self.stage.end
            self.now = late if answering else self.now
        for place, drawn in enumerate(items):
            if not answering or self.random.random() < 0.06:
                break
            self.now += timedelta(seconds=self.random.uniform(3, 25))
            value = self.answer_of(drawn.item, lived)
            self.survey_turn(str(value))
            self.stage.add(
                "survey_answers", survey_id=survey, conversation_id=self.conversation, item=drawn.item,
                kind=described[place]["kind"], level=described[place]["level"], value=value, text=None,
                probability=drawn.probability, answered_at=self.now,
            )  # fmt: skip
            row["position"] = place + 1
        else:
            if answering:
                row["state"] = "done"
                self.message("bot", _texts()["bot"]["thanks"])
        row["ended_at"] = self.now
        return trigger

    def answer_of(self, name: str, lived: Experience) -> int:
        """Return the customer's answer to an item of the bank."""
        item = self.stage.bank.items[name]
        key = (
            item.kind.value
            if item.level is None
            else f"{'importance_' if item.kind is Kind.IMPORTANCE else ''}{item.level}"
        )
        return lived.opinions[key]

    def survey_turn(self, text: str) -> None:
        """Store an answer to the survey as the message that it is."""
        message = self.message("customer", [text, text])
        turn = self.stage.add(
            "turns", public_id=f"{self.row['public_id']}-{message}", conversation_id=self.conversation,
            message_id=message, state="done", payload="survey:0:0:0", tries=0, delay_told=False, goal="survey",
            created_at=self.now, answered_at=self.now + timedelta(seconds=0.02),
        )  # fmt: skip
        self.stage.rows["messages"][message - 1]["turn_id"] = turn

    def come_back(self, lived: Experience, at: datetime) -> None:
        """Take the closed conversation up again."""
        self.now = at
        self.row["closed_at"], self.row["state"] = None, "bot"
        self.signal("availability", "reopened")
        if self.random.random() < 0.1:
            self.channel = "telegram" if self.channel == "web" else "web"  # on another device
        self.play_matter(lived)
        self.now += timedelta(minutes=15)
        if self.now <= self.stage.end:
            self.settle(closed_at=self.now, reason="silence")
        else:
            self.settle(closed_at=None)

    def settle(self, *, closed_at: datetime | None, reason: str | None = None) -> None:
        """Write into the conversation's row how things stand."""
        self.row |= {
            "last_number": self.number, "last_customer_at": self.last_customer_at, "last_activity_at": self.now,
            "closed_at": closed_at, "close_reason": reason,
        }  # fmt: skip
        if closed_at is not None:
            self.row["state"] = "closed"
