"""The command line names what is wrong and what to do, in a line; a traceback is for faults of the program."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.storage import migrate


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run a command with settings of its own; returns its exit code and everything it printed."""
    monkeypatch.setenv("ZUSAGE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ZUSAGE_ENGINE_URL", "http://127.0.0.1:9")  # nobody listens at the discard port

    def run(*arguments: str, **settings: str) -> tuple[int, str]:
        for name, value in settings.items():
            monkeypatch.setenv(f"ZUSAGE_{name}", value)
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        return result.exit_code, " ".join(result.output.split())

    return run


UNUSABLE = [
    ("PORT", "eighty", "ZUSAGE_PORT: Input should be a valid integer"),
    ("TIMEZONE", "Europe/Nowhere", "ZUSAGE_TIMEZONE: is no time zone"),
    ("LEASE_S", "3", "ZUSAGE_LEASE_S must be longer"),
    ("POLICIES", "/nowhere.yml", "set ZUSAGE_POLICIES"),
    ("SURVEY", "/nowhere.yml", "/nowhere.yml"),
    ("SERVICE_HOURS", "always", "'always'"),
    ("ALLOWED_ORIGINS", "shop.example", "write e.g. https://shop.example"),
    ("SMTP_URL", "mail.example", "ZUSAGE_SMTP_URL must look like"),
    ("TELEGRAM_TOKEN", "botfather", "ZUSAGE_TELEGRAM_TOKEN"),
    ("DATABASE_URL", "mysql://h/d", "ZUSAGE_DATABASE_URL must be sqlite or postgresql"),
]


class TestUnusableSettings:
    @pytest.mark.parametrize(("name", "value", "said"), UNUSABLE)
    def test_are_named_before_anything_starts(self, run, name: str, value: str, said: str) -> None:
        code, output = run("up", "--no-engine", **{name: value})
        assert code == 1
        assert said in output
        assert "Traceback" not in output

    def test_a_secret_is_not_repeated(self, run) -> None:
        _, output = run("up", "--no-engine", SMTP_URL="geheim@mail.example")
        assert "geheim" not in output


class TestDoctor:
    def test_says_all_that_is_missing_and_what_to_do(self, run) -> None:
        code, output = run("doctor", POLICIES="/nowhere.yml")
        assert code == 1
        assert "✗ settings, policies, survey: policy file /nowhere.yml is missing" in output
        assert "✗ database: not up to date; 'zusage db upgrade'" in output
        assert "✗ engine: does not answer at http://127.0.0.1:9; 'zusage up' starts it" in output

    def test_changes_nothing(self, run, tmp_path: Path) -> None:
        run("doctor")
        assert not (tmp_path / "data" / "zusage.db").exists()

    def test_a_migrated_database_and_good_settings_are_right(self, run, tmp_path: Path) -> None:
        migrate.upgrade(f"sqlite:///{tmp_path}/data/zusage.db")
        _, output = run("doctor")
        assert "✓ settings, policies, survey" in output
        assert "✓ database" in output
