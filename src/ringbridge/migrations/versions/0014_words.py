"""Words by which people search: of what is told about a call, and of the names of the CRMs' clients.

The index of the story is SQLite's own full text index over the story's lines, which holds no second copy of them. Only
the words are asked for, not where in a line they are: that makes it half as large. SQLite knows nothing of Russian
spelling, in which ``ё`` is mostly written ``е``.
"""

from __future__ import annotations

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

A_FEW = 1000
WORD = re.compile(r"[^\W_]+")
STORY = (
    """
    CREATE VIEW story_told AS
    SELECT id, replace(replace(text, 'ё', 'е'), 'Ё', 'Е') AS text
    FROM story WHERE kind <> 'heard' OR text LIKE 'Newchannel %'
    """,
    """
    CREATE VIRTUAL TABLE story_words USING fts5(
        text, content='story_told', content_rowid='id', columnsize=0, detail='none',
        tokenize='unicode61 remove_diacritics 2'
    )
    """,
    """
    CREATE TRIGGER story_words_told AFTER INSERT ON story
    WHEN NEW.kind <> 'heard' OR NEW.text LIKE 'Newchannel %'
    BEGIN
        INSERT INTO story_words (rowid, text) VALUES (NEW.id, replace(replace(NEW.text, 'ё', 'е'), 'Ё', 'Е'));
    END
    """,
    """
    CREATE TRIGGER story_words_forgotten AFTER DELETE ON story
    WHEN OLD.kind <> 'heard' OR OLD.text LIKE 'Newchannel %'
    BEGIN
        INSERT INTO story_words (story_words, rowid, text)
        VALUES ('delete', OLD.id, replace(replace(OLD.text, 'ё', 'е'), 'Ё', 'Е'));
    END
    """,
    "INSERT INTO story_words (story_words) VALUES ('rebuild')",
)


def upgrade() -> None:
    for statement in STORY:
        op.execute(statement)
    _name_clients()


def _name_clients() -> None:
    """The mirror finds its clients by the words of their names too."""
    connection = op.get_bind()
    things = sa.table("mirror_things", *(sa.column(name) for name in ("portal", "kind", "id", "name", "company_name")))
    keys = sa.table("mirror_keys", *(sa.column(name) for name in ("portal", "key", "kind", "id")))
    clients = connection.execute(sa.select(things).where(things.c.kind != "deal"))
    for some in clients.mappings().partitions(A_FEW):
        named = [
            {"portal": row["portal"], "key": f"~{word}", "kind": row["kind"], "id": row["id"]}
            for row in some
            for word in _words(f"{row['name']} {row['company_name']}")
        ]
        if named:
            connection.execute(keys.insert(), named)


def _words(text: str) -> set[str]:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return {word[:40] for word in WORD.findall("".join(map(_bare, folded)))}


def _bare(sign: str) -> str:
    parts = unicodedata.normalize("NFKD", sign)
    return sign if sign == "й" else "".join(part for part in parts if not unicodedata.combining(part))
