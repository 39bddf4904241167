"""What all service tests share: a migrated database (SQLite, or PostgreSQL where its address is given)."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

TEST_DATABASE = os.environ.get("ZUSAGE_TEST_DATABASE_URL", "")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy from: migrating once is enough."""
    from bot.storage import migrate

    path = tmp_path_factory.mktemp("database") / "template.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> Iterator[str]:
    """The address of an empty, migrated database of this test's own."""
    if not TEST_DATABASE:
        path = tmp_path / "zusage.db"
        path.write_bytes(migrated_sqlite.read_bytes())
        yield f"sqlite:///{path}"
        return
    import psycopg

    from bot.storage import migrate

    name = f"zusage_test_{secrets.token_hex(6)}"
    template = f"zusage_template_{_migrations_fingerprint()}"
    with psycopg.connect(TEST_DATABASE, autocommit=True) as connection:
        # One process makes the template, the others wait for it.
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", (template,))
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (template,)).fetchone()
        if known is None:
            connection.execute(f"DROP DATABASE IF EXISTS {template}_new")
            connection.execute(f"CREATE DATABASE {template}_new")
            migrate.upgrade(_with_database(TEST_DATABASE, f"{template}_new"))
            connection.execute(f"ALTER DATABASE {template}_new RENAME TO {template}")
        connection.execute("SELECT pg_advisory_unlock(hashtext(%s))", (template,))
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _with_database(TEST_DATABASE, name)
    with psycopg.connect(TEST_DATABASE, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _migrations_fingerprint() -> str:
    from bot.storage import migrate

    files = sorted(Path(migrate.__file__).parent.rglob("*.py"))  # views are made by other modules
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _with_database(url: str, name: str) -> str:
    from sqlalchemy import make_url

    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def settings(database_url: str, tmp_path: Path):
    """Settings of a service on this test's database, with nothing read from the outside."""
    from bot.settings import Settings

    return Settings(
        _env_file=None,
        data_dir=tmp_path,
        database_url=database_url,
        engine_token="test-engine-token",
        secret_key="test-secret-key",
        rest_token="",
        demo=True,
        service_hours="Mon-Sun 00:00-23:59",
        holidays="",
        knowledge=tmp_path / "knowledge",  # none: indexing the demo shop's articles takes longer than most tests
    )


@pytest.fixture
async def database(settings) -> AsyncIterator[object]:
    """An open database."""
    from bot.storage.database import Database

    database = Database(settings.database)
    yield database
    await database.close()


@pytest.fixture
async def engine_double() -> AsyncIterator[object]:
    """A scripted engine, served on loopback; ``.url`` is its address."""
    from tests.engine_double import EngineDouble, serve

    double = EngineDouble()
    async with serve(double.app) as url:
        double.url = url
        yield double
