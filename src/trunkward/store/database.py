"""Opening a records database and bringing it to the newest form."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import event


def open_database(url: str) -> sa.Engine:
    """An engine for `url` (`sqlite:///...` or `postgresql+psycopg://...`); SQLite in WAL mode."""
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _pragmas)
    return engine


def migrate(engine: sa.Engine) -> None:
    """Brings the database to the newest form; does nothing when it is there."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def _pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # WAL: readers never wait for the one writer; NORMAL: a power cut may lose the last
    # transactions, which are still in the segments and shipped again
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
