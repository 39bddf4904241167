"""Migrations lead to exactly the tables that the models describe."""

from bot.storage import migrate


def test_a_migrated_database_is_what_the_models_say(database_url: str) -> None:
    assert migrate.differences(database_url) == []


def test_migrating_again_changes_nothing(database_url: str) -> None:
    migrate.upgrade(database_url)
    assert migrate.differences(database_url) == []
