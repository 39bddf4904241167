"""``zusage agents``: people are made, listed, shut out and let in again; passwords are printed once."""

import re
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from bot.cli import app


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, migrated_sqlite: Path):
    database = tmp_path / "cli.db"
    database.write_bytes(migrated_sqlite.read_bytes())
    monkeypatch.setenv("ZUSAGE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ZUSAGE_DATABASE_URL", f"sqlite:///{database}")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["agents", *arguments], catch_exceptions=False)
        return result.exit_code, " ".join(result.output.split())

    run.query = lambda sql: _query(database, sql)  # type: ignore[attr-defined]
    return run


def _query(database: Path, sql: str):
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        found = connection.execute(text(sql)).all()
    engine.dispose()
    return found


def password_of(output: str) -> str:
    found = re.search(r"with the password (\S+)", output)
    assert found is not None, output
    return found[1]


class TestAdd:
    def test_prints_a_first_password_that_is_stored_hashed_and_must_be_changed(self, run) -> None:
        code, output = run("add", "Lena@Shop.example", "--name", "Lena", "--role", "manager", "--team", "Service")
        assert code == 0
        ((email, role, hashed, must_change),) = run.query(
            "SELECT email, role, password_hash, must_change_password FROM agents"
        )
        assert (email, role, bool(must_change)) == ("lena@shop.example", "manager", True)
        assert PasswordHasher().verify(hashed, password_of(output))
        assert password_of(output) not in str(run.query("SELECT * FROM audit"))

    @pytest.mark.parametrize(
        "arguments",
        [("lena", "--name", "Lena"), ("lena@shop.example", "--name", "Lena", "--role", "boss")],
    )
    def test_what_cannot_be_is_named_and_adds_nobody(self, run, arguments) -> None:
        code, output = run("add", *arguments)
        assert code == 1
        assert arguments[0] in output or "boss" in output
        assert run.query("SELECT * FROM agents") == []

    def test_an_address_is_taken_once(self, run) -> None:
        assert run("add", "lena@shop.example", "--name", "Lena")[0] == 0
        assert run("add", "LENA@shop.example", "--name", "Magdalena")[0] == 1
        assert run.query("SELECT name FROM agents") == [("Lena",)]


class TestList:
    def test_names_everybody(self, run) -> None:
        run("add", "lena@shop.example", "--name", "Lena", "--team", "Service", "--places", "6")
        code, output = run("list")
        assert code == 0
        for words in ("lena@shop.example", "Lena", "agent", "Service", "6"):
            assert words in output


class TestDisableAndReset:
    def test_disabled_and_let_in_again_with_a_new_password(self, run) -> None:
        _, added = run("add", "lena@shop.example", "--name", "Lena")
        assert run("disable", "lena@shop.example")[0] == 0
        assert run.query("SELECT disabled_at IS NOT NULL FROM agents") == [(1,)]
        assert "disabled" in run("list")[1]
        code, reset = run("reset", "lena@shop.example")
        assert code == 0
        assert password_of(reset) != password_of(added)
        ((hashed, disabled),) = run.query("SELECT password_hash, disabled_at FROM agents")
        assert disabled is None
        assert PasswordHasher().verify(hashed, password_of(reset))
        actions = [row[0] for row in run.query("SELECT action FROM audit ORDER BY id")]
        assert actions == ["agent.add", "agent.disable", "agent.reset"]

    @pytest.mark.parametrize("command", ["disable", "reset"])
    def test_nobody_of_that_address(self, run, command: str) -> None:
        code, output = run(command, "nobody@shop.example")
        assert code == 1
        assert "nobody@shop.example" in output
