"""Settings: where they come from, what is refused, and that the documentation tells the truth."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.cli import settings_table
from bot.settings import Settings


def test_the_documentation_lists_exactly_the_settings_of_the_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    assert settings_table() in page, "run 'zusage settings' and put its table into docs/settings.md"


def test_a_secret_can_come_from_a_file_and_wins_over_the_environment(monkeypatch, tmp_path) -> None:
    (tmp_path / "key").write_text("from the file\n")
    monkeypatch.setenv("ZUSAGE_SECRET_KEY", "from the environment")
    monkeypatch.setenv("ZUSAGE_SECRET_KEY_FILE", str(tmp_path / "key"))
    assert Settings(_env_file=None).signing_key == "from the file"


def test_a_secret_that_nobody_sets_is_made_once_and_kept(tmp_path) -> None:
    first = Settings(_env_file=None, data_dir=tmp_path).signing_key
    assert Settings(_env_file=None, data_dir=tmp_path).signing_key == first
    assert (tmp_path / "secrets" / "secret_key").stat().st_mode & 0o077 == 0


def test_lists_are_separated_by_commas(monkeypatch) -> None:
    monkeypatch.setenv("ZUSAGE_ALLOWED_ORIGINS", "https://a.example, https://b.example")
    assert Settings(_env_file=None).allowed_origins == ["https://a.example", "https://b.example"]


@pytest.mark.parametrize("name", ["PORT", "TIMEZONE", "DEFAULT_LANGUAGE", "ENGINE_TIMEOUT_S"])
def test_nonsense_is_refused(monkeypatch, name) -> None:
    monkeypatch.setenv(f"ZUSAGE_{name}", "nonsense")
    with pytest.raises(ValidationError):
        Settings(_env_file=None)


def test_a_lease_outlasts_the_wait_for_the_engine() -> None:
    with pytest.raises(ValidationError, match="ZUSAGE_LEASE_S"):
        Settings(_env_file=None, engine_timeout_s=30, lease_s=30)


def test_no_secret_shows_in_a_printout() -> None:
    settings = Settings(_env_file=None, telegram_token="123:geheim", smtp_url="smtp://u:geheim@h")
    assert "geheim" not in repr(settings)
