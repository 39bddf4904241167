"""The full-text index over messages. Alembic does not know such indexes; they are made beside the migrations."""

from sqlalchemy import Connection, text

__all__ = ["forget_deleted_words", "make_message_index"]

# Triggers keep the index true whatever changes a message: erasing one erases its words from the index too.
_SQLITE = (
    """CREATE VIRTUAL TABLE message_index USING fts5(
         text, content='messages', content_rowid='id', tokenize='unicode61 remove_diacritics 2')""",
    "INSERT INTO message_index(message_index) VALUES ('rebuild')",
    """CREATE TRIGGER message_index_insert AFTER INSERT ON messages BEGIN
         INSERT INTO message_index(rowid, text) VALUES (new.id, new.text);
       END""",
    """CREATE TRIGGER message_index_delete AFTER DELETE ON messages BEGIN
         INSERT INTO message_index(message_index, rowid, text) VALUES ('delete', old.id, old.text);
       END""",
    """CREATE TRIGGER message_index_update AFTER UPDATE OF text ON messages BEGIN
         INSERT INTO message_index(message_index, rowid, text) VALUES ('delete', old.id, old.text);
         INSERT INTO message_index(rowid, text) VALUES (new.id, new.text);
       END""",
)
# "LM-104217" must be found by "104217", and "Föhr" by "fohr", as on SQLite; left to itself the parser reads a
# hyphen before digits as a minus sign.
_FOLDED, _PLAIN = "äöüéèêëáàâåíìîïóòôúùûñç", "aoueeeeaaaaiiiiooouuunc"
WORDS_ON_POSTGRESQL = (
    "to_tsvector('simple', translate(lower("
    f"regexp_replace(coalesce(text, ''), '[^[:alnum:]@.]+', ' ', 'g')), '{_FOLDED}', '{_PLAIN}'))"
)
_POSTGRESQL = f"CREATE INDEX IF NOT EXISTS message_index ON messages USING gin ({WORDS_ON_POSTGRESQL})"


def fold(word: str) -> str:
    """Return a word of a search as the index on PostgreSQL has it."""
    return word.lower().translate(str.maketrans(_FOLDED, _PLAIN))


def make_message_index(connection: Connection) -> None:
    """Make the index if it is not there, and fill it with what is."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(_POSTGRESQL))
        return
    known = connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'message_index'")).scalar()
    if not known:
        for statement in _SQLITE:
            connection.execute(text(statement))


def forget_deleted_words(connection: Connection) -> None:
    """Let the index forget what was deleted; until then SQLite keeps the words in pages that nobody reads any more.

    It rewrites the index, which takes a second for every few hundred thousand messages. PostgreSQL's vacuum does it
    by itself.
    """
    if connection.dialect.name == "sqlite":
        connection.execute(text("INSERT INTO message_index(message_index) VALUES ('optimize')"))
