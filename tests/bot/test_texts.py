"""The service's own texts: both languages say the same things."""

from string import Formatter

import pytest

from bot.texts import keys, text


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_both_languages_have_the_same_texts() -> None:
    assert keys("de") == keys("en")


@pytest.mark.parametrize("key", sorted(keys("de")))
def test_both_languages_use_the_same_values(key: str) -> None:
    import tomllib
    from importlib.resources import files

    de, en = (tomllib.loads(files("bot.texts").joinpath(f"{name}.toml").read_text("utf-8")) for name in ("de", "en"))
    assert placeholders(de[key]) == placeholders(en[key])


def test_a_missing_value_is_an_error_not_a_gap() -> None:
    with pytest.raises(KeyError):
        text("agent_joined", "de")
