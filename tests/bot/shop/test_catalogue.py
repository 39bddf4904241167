"""docs/operations.md says what the code does: names, arguments and denial codes."""

import ast
import re
from pathlib import Path

import pytest

from tests.bot.shop.conftest import ROOT

DOCS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
# Belongs to the knowledge, not to the shop.
ELSEWHERE = {"knowledge_search", "knowledge_feedback"}


def section(name: str) -> str:
    match = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", DOCS, re.M | re.S)
    assert match, f"docs/operations.md has no section {name}"
    return match[1]


def test_every_operation_has_its_section_and_every_section_its_operation(desk):
    documented = set(re.findall(r"^### (\w+)$", DOCS, re.M)) - ELSEWHERE
    assert documented == set(desk.operations.all)


def test_arguments_are_documented(desk):
    for name, operation in desk.operations.all.items():
        text = section(name).split("Data:")[0]
        for argument, field in operation.args.model_fields.items():
            assert f"`{argument}`" in text, f"{name}: {argument} is not documented"
            optional = re.search(rf"`{argument}`\s?\?", text) is not None
            either = re.search(rf"(one of|or) .*`{argument}`|`{argument}` (or|\+)", text) is not None
            assert optional or either or field.is_required(), f"{name}: {argument} is optional"


def denials() -> dict[str, set[str]]:
    """Every code that the rules and operations deny with, by module."""
    found: dict[str, set[str]] = {}
    for path in [*(ROOT / "bot/shop").glob("*.py"), *(ROOT / "bot/shop/rules").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Denied":
                for value in ast.walk(node.args[0]):
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        found.setdefault(path.name, set()).add(value.value)
    return found


@pytest.mark.parametrize(("module", "codes"), sorted(denials().items()))
def test_denial_codes_are_documented(module, codes):
    missing = {code for code in codes if f"`{code}`" not in DOCS}
    assert not missing, f"{module} denies with {sorted(missing)}, which docs/operations.md does not name"


def test_possible_names_every_operation_on_an_order(desk):
    from bot.shop.views import CHECKS

    mails = {"resend_label", "resend_invoice", "resend_confirmation"}
    on_orders = {
        name
        for name, operation in desk.operations.all.items()
        if operation.once and "order_number" in operation.args.model_fields
    }
    assert set(CHECKS) == on_orders - mails - {"verify", "send_code"}


def test_the_policy_file_is_documented():
    from bot.shop.policies import Operations

    assert set(Operations.model_fields) >= {"cancel_order", "withdraw_contract"}
    assert Path(ROOT / "policies.yml").exists()
