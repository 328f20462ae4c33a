"""Versions of the configuration: what is written is read back, whole or not at all, in one chain."""

from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from threading import Barrier, Thread

import msgspec
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from trunkward.access.actor import Actor
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.configuration import HistoryBroken, NoSuchVersion, Superseded, Version
from trunkward.control.effects import Effects
from trunkward.control.node_file import Accepted, accept_node_file
from trunkward.journal.chain import ChainBroken
from trunkward.store.configuration import SqlConfiguration, TextDamaged
from trunkward.store.configuration_schema import metadata
from trunkward.store.database import Kind, make_private, migrate, open_database
from trunkward.trunks.secret import SealedSecret, SecretChange

EXAMPLE = (Path(__file__).parents[2] / "examples" / "node.yaml").read_text(encoding="utf-8")
ALICE = Actor(name="alice", uid=1000)


@pytest.fixture
def store(configuration_engine: sa.Engine) -> SqlConfiguration:
    return SqlConfiguration(configuration_engine)


def read(text: str) -> Accepted:
    return accept_node_file(text, "node.yaml")


def accept(store: SqlConfiguration, text: str, *, command: str = "apply", beyond: int = 0) -> Version:
    planned = configuration.plan(store, read(text), Effects())
    return configuration.accept(store, planned, actor=ALICE, command=command, at=1000.5, beyond=beyond)


def test_a_version_is_read_back_as_it_was_written(store: SqlConfiguration) -> None:
    assert store.head() is None
    made = accept(store, EXAMPLE + "# ümläut\n")
    assert made == Version(
        number=1, at=1000.5, actor=ALICE, command="apply", text_sha256=sha256((EXAMPLE + "# ümläut\n").encode()).hexdigest(),
        summary="+node, +1 tenant (acme), +1 trunk (acme-hq), +3 numbers, +2 carriers (north, south)".replace(
            "+3 numbers", "+3 numbers (+12025550101, +12025550102, +12025550103)"),
    )  # fmt: skip
    assert store.head() == store.version(1) == made
    assert configuration.export(store, None) == EXAMPLE + "# ümläut\n"
    assert store.objects(made) == (read(EXAMPLE).objects, True)


def test_numbers_count_up_and_stay_beyond_what_was_in_force(store: SqlConfiguration) -> None:
    assert accept(store, EXAMPLE, beyond=7).number == 8
    assert accept(store, EXAMPLE + "#\n").number == 9
    assert [version.number for version in store.versions()] == [9, 8]
    assert [version.number for version in store.versions(1)] == [9]


def test_the_same_file_twice_is_no_change_and_kept_once(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    accept(store, EXAMPLE)
    accept(store, EXAMPLE + "#\n")
    assert configuration.plan(store, read(EXAMPLE + "#\n"), Effects()).same_text
    accept(store, EXAMPLE, command="rollback 1")
    with configuration_engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM node_files")) == 2
    assert configuration.export(store, 3) == configuration.export(store, 1) == EXAMPLE


def test_a_version_that_does_not_exist(store: SqlConfiguration) -> None:
    for number, said in ((None, "no version yet"), (3, "no version 3")):
        with pytest.raises(NoSuchVersion, match=said):
            configuration.export(store, number)


def test_what_was_expected_is_checked(store: SqlConfiguration) -> None:
    configuration.expect(store, 0)
    accept(store, EXAMPLE)
    configuration.expect(store, None)
    configuration.expect(store, 1)
    with pytest.raises(Superseded, match="version 0 was expected, but the newest is 1"):
        configuration.expect(store, 0)


def test_a_plan_somebody_overtook_is_refused(store: SqlConfiguration) -> None:
    planned = configuration.plan(store, read(EXAMPLE), Effects())
    accept(store, EXAMPLE + "#\n")
    with pytest.raises(Superseded):
        configuration.accept(store, planned, actor=ALICE, command="apply", at=1.0)
    assert [version.number for version in store.versions()] == [1]


def test_of_many_at_once_one_wins(url: str, configuration_engine: sa.Engine) -> None:
    engines = [open_database(url, durable=True) for _ in range(4)]
    barrier, won = Barrier(4), []

    def try_it(number: int, engine: sa.Engine) -> None:
        store = SqlConfiguration(engine)
        planned = configuration.plan(store, read(EXAMPLE + f"# {number}\n"), Effects())
        barrier.wait(20)
        with suppress(Superseded):
            won.append(configuration.accept(store, planned, actor=ALICE, command="apply", at=1.0))

    threads = [Thread(target=try_it, args=pair) for pair in enumerate(engines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for engine in engines:
        engine.dispose()
    assert len(won) == 1
    assert configuration.history(SqlConfiguration(configuration_engine), None) == won


def test_version_and_journal_go_together_or_not_at_all(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    with configuration_engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE journal RENAME TO gone"))
    with pytest.raises(sa.exc.DBAPIError):
        accept(store, EXAMPLE)
    with configuration_engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE gone RENAME TO journal"))
        assert connection.scalar(sa.text("SELECT count(*) FROM node_files")) == 0
    assert store.head() is None


@pytest.mark.parametrize(
    ("harm", "raised"),
    [
        ("UPDATE journal SET entry = replace(entry, 'alice', 'mallory') WHERE seq = 2", ChainBroken),
        ("DELETE FROM journal WHERE seq = 2", ChainBroken),
        ("DELETE FROM journal WHERE seq = 3", HistoryBroken),
        ("DELETE FROM versions WHERE number = 2", HistoryBroken),
        ("UPDATE versions SET actor = 'mallory' WHERE number = 2", HistoryBroken),
        ("UPDATE versions SET text_sha256 = (SELECT text_sha256 FROM versions WHERE number = 1) WHERE number = 2", HistoryBroken),
    ],
)  # fmt: skip
def test_history_sees_what_was_tampered_with(
    store: SqlConfiguration, configuration_engine: sa.Engine, harm: str, raised: type[Exception]
) -> None:
    for number in range(3):
        accept(store, EXAMPLE + "#\n" * number)
    assert len(configuration.history(store, None)) == 3
    with configuration_engine.begin() as connection:
        connection.execute(sa.text(harm))
    with pytest.raises(raised):
        configuration.history(store, None)


def test_a_version_that_comes_while_history_reads_is_no_tampering(
    store: SqlConfiguration, configuration_engine: sa.Engine, url: str
) -> None:
    accept(store, EXAMPLE)
    other = open_database(url, durable=True)

    added: list[Version] = []

    @sa.event.listens_for(configuration_engine, "after_cursor_execute")
    def _between(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM versions" in statement and not added:
            added.append(accept(SqlConfiguration(other), EXAMPLE + "#\n"))

    assert [version.number for version in configuration.history(store, None)] == [1]
    assert [version.number for version in configuration.history(store, None)] == [2, 1]
    other.dispose()


def test_damaged_objects_are_said_to_be_that(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    accept(store, EXAMPLE)
    with configuration_engine.begin() as connection:
        connection.execute(sa.text("UPDATE node_files SET objects = text"))
    with pytest.raises(TextDamaged, match="objects of version 1"):
        configuration.plan(store, read(EXAMPLE + "#\n"), Effects())


def test_a_damaged_text_is_never_given_out(store: SqlConfiguration, configuration_engine: sa.Engine) -> None:
    accept(store, EXAMPLE)
    with configuration_engine.begin() as connection:
        connection.execute(sa.text("UPDATE node_files SET text = objects"))
    with pytest.raises(TextDamaged, match="version 1"):
        configuration.export(store, 1)


def test_differences_between_versions(store: SqlConfiguration) -> None:
    accept(store, EXAMPLE)
    accept(store, EXAMPLE.replace("gates: 2", "gates: 3"))
    (change,) = configuration.diff(store, 1, None)
    assert list(change.lines()) == ["~ node", "    gates: 2 -> 3"]
    (back,) = configuration.diff(store, 2, 1)
    assert list(back.lines()) == ["~ node", "    gates: 3 -> 2"]


def test_objects_of_another_schema_are_read_anew_from_the_text(
    store: SqlConfiguration, configuration_engine: sa.Engine
) -> None:
    made = accept(store, EXAMPLE)
    with configuration_engine.begin() as connection:
        connection.execute(sa.text("UPDATE node_files SET schema_id = 'older'"))
    assert store.objects(made)[1] is False
    assert configuration.objects_of_version(store, made) == read(EXAMPLE).objects


def test_the_migrations_make_the_tables_the_code_names(configuration_engine: sa.Engine) -> None:
    with configuration_engine.connect() as connection:
        opts = {"compare_type": True, "version_table": "alembic_version_configuration"}
        compared = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(compared, metadata) == []


def secret(act: str, *, ends: dict[int, float] | None = None, added: bool = True) -> SecretChange:
    kept = SealedSecret(
        id=0, trunk="acme-hq", username="acme", realm="sbc.example.com", key_id="k" * 16, sha256=b"\x00sealed"
    )
    return SecretChange(act=act, trunk="acme-hq", added=kept if added else None, ends=ends or {})


def put(store: SqlConfiguration, change: SecretChange, at: float = 2000.5) -> Version:
    command = f"secret {change.act} acme-hq"
    return put_down(store, change, actor=ALICE, command=command, at=at, beyond=0)


def test_secrets_are_versions_with_an_actor_a_time_and_a_journal_entry(store: SqlConfiguration) -> None:
    assert store.secrets() == []
    with pytest.raises(NoSuchVersion, match="no version yet"):
        put(store, secret("new"))
    accept(store, EXAMPLE)
    made = put(store, secret("new"))
    assert (made.number, made.actor, made.command) == (2, ALICE, "secret new acme-hq")
    assert configuration.export(store, None) == EXAMPLE
    assert [(s.id, s.sha256, s.md5, s.until) for s in store.secrets()] == [(2, b"\x00sealed", b"", None)]
    put(store, secret("rotate", ends={2: 5000.25}))
    put(store, secret("revoke", ends={3: 6000.0}, added=False))
    assert [(s.id, s.until) for s in store.secrets()] == [(3, 6000.0), (2, 5000.25)]
    # the journal holds, and says what was done
    assert [version.number for version in configuration.history(store, None)] == [4, 3, 2, 1]
    _, entries = store.history()
    told = [msgspec.json.decode(entry.text).get("secret") for entry in entries]
    assert [one and (one["act"], one["added"], one["ends"]) for one in told] == [
        None,
        ("new", 2, {}),
        ("rotate", 3, {"2": 5000.25}),
        ("revoke", None, {"3": 6000.0}),
    ]
    assert "sealed" not in "".join(entry.text for entry in entries)


def test_a_secret_is_written_with_its_version_or_not_at_all(store: SqlConfiguration) -> None:
    first = accept(store, EXAMPLE)
    with pytest.raises(Superseded):
        store.add(replace(first, number=2), EXAMPLE, store.objects(first)[0], [], after=7, act=secret("new"))
    assert (store.secrets(), len(store.versions())) == ([], 1)


def test_before_anybody_has_migrated_there_are_no_secrets(url: str) -> None:
    engine = open_database(url)
    migrate(engine, Kind.CONFIGURATION, "0001")
    assert SqlConfiguration(engine).secrets() == []
    engine.dispose()


def test_both_kinds_live_in_one_database(url: str) -> None:
    engine = open_database(url)
    for _ in range(2):
        for kind in (Kind.RECORDS, Kind.CONFIGURATION):
            migrate(engine, kind)
    accept(SqlConfiguration(engine), EXAMPLE)
    tables = set(sa.inspect(engine).get_table_names())
    assert {"calls", "versions", "alembic_version", "alembic_version_configuration"} <= tables
    engine.dispose()


def test_migrating_again_keeps_everything(store: SqlConfiguration, configuration_engine: sa.Engine) -> None:
    made = accept(store, EXAMPLE)
    migrate(configuration_engine, Kind.CONFIGURATION)
    assert configuration.history(store, None) == [made]


def test_a_file_database_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.db"
    make_private(path)
    engine = open_database(f"sqlite:///{path}", durable=True)
    migrate(engine, Kind.CONFIGURATION)
    accept(SqlConfiguration(engine), EXAMPLE)
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    with engine.connect() as connection:
        # 2: a commit is on the disk when it returns (sqlite.org/pragma.html#pragma_synchronous)
        assert connection.scalar(sa.text("PRAGMA synchronous")) == 2
    engine.dispose()
