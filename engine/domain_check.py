"""Checks the dialogue's files against each other and against the actions: `python -m engine.domain_check`.

`rasa data validate` lets pass what leaves a customer without an answer: a response that lacks a language,
a form whose question does not exist, a button that leads nowhere, an intent without a rule. This does not.
"""

import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parent.parent
LANGUAGES = ("de", "en")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PAYLOAD = re.compile(r"^/(?P<intent>\w+)(?P<values>\{.*\})?$")
# A refusal that offers nothing leaves the customer standing there.
_NEEDS_A_WAY_ON = ("utter_denied_", "utter_out_of_scope", "utter_shop_unavailable", "utter_ask_back")
_VARIANTS = ("_undated", "_plain", "_again")
"""Endings of responses that actions choose where a value is missing or something was said before."""
_NOT_INTENTS_OF_EXAMPLES = ("nlu_fallback",)


def problems(project: Path = PROJECT) -> list[str]:
    """Everything that is wrong, one sentence each, with the name to look for."""
    domain = _read(project / "domain.yml")
    rules = [
        rule for file in sorted((project / "data" / "rules").glob("*.yml")) for rule in _read(file).get("rules") or []
    ]
    return [
        *_response_problems(domain),
        *_slot_problems(domain),
        *_rule_problems(domain, rules),
        *_example_problems(domain, project / "data" / "nlu"),
        *_form_problems(domain),
        *_action_problems(domain, rules),
        *_text_problems(domain, project / "actions"),
    ]


def _response_problems(domain: Mapping[str, Any]) -> Iterator[str]:
    intents, entities = set(domain["intents"]), set(domain["entities"])
    for name, variations in domain["responses"].items():
        by_language: dict[str, Mapping[str, Any]] = {}
        for variation in variations:
            condition = variation.get("condition")
            language = (
                condition[0].get("value")
                if condition and len(condition) == 1 and condition[0].get("name") == "language"
                else None
            )
            if language not in LANGUAGES:
                yield f"{name}: every variation needs exactly the condition language = de or en, found {condition!r}"
            elif language in by_language:
                yield f"{name}: more than one variation in {language}"
            else:
                by_language[language] = variation
        missing = [language for language in LANGUAGES if language not in by_language]
        if missing:
            yield f"{name}: no text in {', '.join(missing)}"
            continue
        german, english = by_language["de"], by_language["en"]
        if _placeholders(german["text"]) != _placeholders(english["text"]):
            different = sorted(_placeholders(german["text"]) ^ _placeholders(english["text"]))
            yield f"{name}: placeholders differ: {different}"
        payloads = [[button["payload"] for button in variation.get("buttons") or []] for variation in (german, english)]
        if payloads[0] != payloads[1]:
            yield f"{name}: the buttons of the two languages lead to different places: {payloads[0]} and {payloads[1]}"
        for payload in payloads[0]:
            yield from _payload_problems(name, payload, intents, entities)
        if name.startswith(_NEEDS_A_WAY_ON) and not payloads[0]:
            yield f"{name}: a refusal without a button leads nowhere"


def _payload_problems(name: str, payload: str, intents: set[str], entities: set[str]) -> Iterator[str]:
    match = _PAYLOAD.match(payload)
    if not match:
        yield f"{name}: the payload {payload!r} is not of the form /intent{{...}}"
        return
    if match["intent"] not in intents:
        yield f"{name}: the payload {payload!r} names no intent"
    unknown = set(json.loads(match["values"] or "{}")) - entities
    if unknown:
        yield f"{name}: the payload {payload!r} has entities that the domain does not list: {sorted(unknown)}"


def _slot_problems(domain: Mapping[str, Any]) -> Iterator[str]:
    # A slot that takes whatever is typed swallows questions: "are you a bot?" would become the reason of a return.
    for name, slot in domain["slots"].items():
        kinds = [mapping["type"] for mapping in slot["mappings"]]
        if kinds != ["custom"]:
            yield f"slot {name}: filled by {', '.join(kinds)}; only an action that looks at the value may fill a slot"


def _rule_problems(domain: Mapping[str, Any], rules: list[Mapping[str, Any]]) -> Iterator[str]:
    answered = [step["intent"] for rule in rules for step in rule["steps"][:1] if "intent" in step]
    for intent in domain["intents"]:
        if answered.count(intent) == 0:
            yield f"intent {intent}: no rule answers it"
        elif answered.count(intent) > 1:
            yield f"intent {intent}: {answered.count(intent)} rules begin with it"
    for intent in sorted(set(answered) - set(domain["intents"])):
        yield f"intent {intent}: a rule answers it, the domain does not list it"
    for rule in rules:
        for step in [*(rule.get("condition") or []), *rule["steps"]]:
            form = step.get("active_loop")
            if form and form not in domain["forms"]:
                yield f"rule {rule['rule']}: there is no form {form}"
            for slot in (name for entry in step.get("slot_was_set") or [] for name in entry):
                if slot not in domain["slots"]:
                    yield f"rule {rule['rule']}: there is no slot {slot}"


def _example_problems(domain: Mapping[str, Any], folder: Path) -> Iterator[str]:
    taught: dict[str, set[str]] = {language: set() for language in LANGUAGES}
    for file in sorted(folder.glob("*.yml")):
        language = file.suffixes[0].lstrip(".")
        intents = re.findall(r"^\s*- intent:\s*(\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        taught.setdefault(language, set()).update(intents)
    wanted = set(domain["intents"]) - set(_NOT_INTENTS_OF_EXAMPLES)
    for language in LANGUAGES:
        for intent in sorted(wanted - taught[language]):
            yield f"intent {intent}: no examples in {language}"
        for intent in sorted(taught[language] - wanted):
            yield f"intent {intent}: examples in {language}, the domain does not list it"


def _form_problems(domain: Mapping[str, Any]) -> Iterator[str]:
    flows = _flows()
    listed, slots, responses = set(domain["actions"]), set(domain["slots"]), set(domain["responses"])
    for form in sorted(set(domain["forms"]) ^ set(flows)):
        yield f"form {form}: only in {'the domain' if form in domain['forms'] else 'the actions'}"
    for form in sorted(set(domain["forms"]) & set(flows)):
        flow = flows[form]
        subject = flow.subject()
        required = domain["forms"][form]["required_slots"]
        if list(flow.steps) != required:
            yield f"form {form}: the domain asks for {required}, the flow for {list(flow.steps)}"
        for step in flow.steps:
            if step not in slots:
                yield f"form {form}: there is no slot {step}"
            asked = {f"utter_ask_{subject}_{step}", f"utter_ask_{step}"} & responses
            if not asked and not hasattr(flow, f"ask_{step}"):
                yield f"form {form}: nothing asks for {step}"
            if not hasattr(flow, f"read_{step}"):
                yield f"form {form}: nothing reads {step} from a message"
            if f"action_ask_{step}" not in listed:
                yield f"form {form}: the domain does not list action_ask_{step}"
        for action in (f"validate_{form}", f"action_{subject}"):
            if action not in listed:
                yield f"form {form}: the domain does not list {action}"
        for response in (f"utter_back_to_{subject}", f"utter_resume_{subject}"):
            if response not in responses:
                yield f"form {form}: {response} is missing"
    for response in sorted(responses):
        shadowed = next((form for form in flows if response.startswith(f"utter_ask_{form}_")), None)
        if shadowed:
            yield f"{response}: Rasa would say it instead of running the action that asks; name it without _form"


def _action_problems(domain: Mapping[str, Any], rules: list[Mapping[str, Any]]) -> Iterator[str]:
    known = _registered()
    listed = set(domain["actions"])
    for action in sorted(listed - known):
        yield f"action {action}: the domain lists it, no class has this name"
    for action in sorted(known - listed):
        yield f"action {action}: a class has this name, the domain does not list it"
    used = {step["action"] for rule in rules for step in rule["steps"] if "action" in step}
    for action in sorted(used - listed - set(domain["forms"]) - set(domain["responses"])):
        yield f"action {action}: a rule uses it, the domain does not list it"
    for action in sorted(listed - used):
        if not action.startswith(("validate_", "action_ask_")):
            yield f"action {action}: no rule leads to it"


def _text_problems(domain: Mapping[str, Any], package: Path) -> Iterator[str]:
    literals, patterns = _named_in_code(package)
    responses = set(domain["responses"])
    if r"utter_\w+" in patterns:  # the response named after the intent
        patterns = patterns - {r"utter_\w+"} | {
            f"utter_{intent}" for intent in domain["intents"] if f"utter_{intent}" in responses
        }
    for name in sorted(literals - responses):
        yield f"{name}: an action says it, the domain does not have it"
    for pattern in sorted(patterns):
        if not any(re.fullmatch(pattern, name) for name in responses):
            yield f"an action says responses like {pattern}, the domain has none"
    for name in sorted(responses - literals):
        names = {name, *(name.removesuffix(suffix) for suffix in _VARIANTS)}
        if not names & literals and not any(re.fullmatch(pattern, one) for pattern in patterns for one in names):
            yield f"{name}: nothing says it"


def _named_in_code(package: Path) -> tuple[set[str], set[str]]:
    """Names of responses in the actions' code, and patterns for those put together (`f"utter_status_{status}"`)."""
    literals: set[str] = set()
    patterns: set[str] = set()
    # A second wish is announced by the engine itself.
    for file in [*sorted(package.glob("*.py")), Path(__file__).with_name("wishes.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [re.escape(part.value) if isinstance(part, ast.Constant) else r"\w+" for part in node.values]
                if "".join(parts).startswith("utter_"):
                    patterns.add("".join(parts))
            elif (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.fullmatch(r"utter_\w*\w", node.value)
            ):
                literals.add(node.value)
    # Pieces of f-strings are constants of their own; a piece is no name.
    pieces = {name for name in literals if name.endswith("_")}
    return literals - pieces, patterns


def _flows() -> Mapping[str, Any]:
    _registered()
    from actions.flows import FLOWS

    return FLOWS


def _registered() -> set[str]:
    from rasa_sdk.executor import ActionExecutor

    executor = ActionExecutor()
    executor.register_package("actions")
    # The SDK registers every action class in the process, also those of other packages.
    return {name for name, run in executor.actions.items() if type(run.__self__).__module__.startswith("actions.")}


def _placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field}


def _read(file: Path) -> Any:
    return yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a safe one


def main(found: Iterable[str] = ()) -> None:
    """Print what is wrong; exit 1 if anything is."""
    found = list(found) or problems()
    for problem in found:
        print(problem)
    if found:
        sys.exit(f"{len(found)} problems in the dialogue")
    print("The dialogue fits together.")


if __name__ == "__main__":
    main()
