"""What every command that changes the node needs: the lock, the store, the node file in use."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TextIO

import sqlalchemy as sa
import typer
from sqlalchemy.exc import DBAPIError

from trunkward.cli.host_paths import hint
from trunkward.cli.said import complain, in_words
from trunkward.control.configuration import HistoryBroken, with_entries
from trunkward.control.node_file import Accepted, NodeFileRefused, accept_node_file, read_node_file
from trunkward.engines.announcements import wrong_announcements
from trunkward.engines.certificates import why_no_authority
from trunkward.engines.destinations_file import wrong_destinations
from trunkward.engines.journals import tell_acts
from trunkward.engines.number_lists import wrong_list
from trunkward.engines.own_file import OwnFile
from trunkward.journal.chain import ChainBroken
from trunkward.settings import DATABASE_FILE, Paths
from trunkward.store.configuration import SqlConfiguration, TextDamaged
from trunkward.store.database import Kind, make_private, migrate, open_database

#: Seconds a second change waits for the first one.
_PATIENCE_S = 10.0


class Busy(Exception):
    """Somebody else is changing this node; the message says who, and what to do."""


def is_root(command: str) -> bool:
    """Whether root types; who is not root is told why `trunkward COMMAND` needs it."""
    if os.geteuid() == 0:
        return True
    complain(f"trunkward {command} needs root: the configuration is root's. Use sudo.")
    return False


def read_config(path: Path, bring_back: str = "") -> Accepted:
    """The node file, found good, or an exit with every problem of it.

    `bring_back`: what to add when there is no such file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        complain(f"{path}: there is no such file{hint(path)}{bring_back}")
        raise typer.Exit(2) from None
    except OSError as problem:
        complain(f"cannot be read: {in_words(problem)}")
        raise typer.Exit(2) from None
    except UnicodeDecodeError as problem:
        complain(f"{path}: cannot be read: {in_words(problem)}")
        raise typer.Exit(2) from None
    return accepted(text, str(path))


def read_wanted(paths: Paths, file: Path | None, working: Path) -> Accepted:
    """The file a person named, or else the node's own, of which more is known when it is gone."""
    if file is None and not working.exists():
        return read_config(working, how_to_bring_back(paths, working))
    return read_config(file or working)


def accepted(text: str, source: str) -> Accepted:
    """A node file's text, found good, or an exit with every problem of it."""
    try:
        return accept_node_file(
            text,
            source,
            _why_no_authority,
            _wrong_destinations,
            wrong_announcements=_wrong_announcements,
            wrong_list=_wrong_list,
        )
    except NodeFileRefused as refused:
        complain(str(refused))
        complain(f"{source}: refused whole; nothing was changed")
        raise typer.Exit(2) from None


@contextmanager
def changing(paths: Paths, command: str, *, inherited: bool = False) -> Iterator[int]:
    """One change of this node at a time, whatever it is: a second one waits for a while.

    Gives the lock's descriptor. `inherited`: whoever started this process holds the lock, and has handed it
    on. Raises `Busy`, `OSError`.
    """
    paths.run.mkdir(parents=True, exist_ok=True)
    with paths.configuration_lock.open("a+", encoding="ascii", errors="replace") as lock:
        os.fchmod(lock.fileno(), 0o600)
        if not inherited:
            _wait_for(lock)
        lock.truncate(0)
        lock.write(f"trunkward {command} (process {os.getpid()})")
        lock.flush()
        yield lock.fileno()


def _wait_for(lock: TextIO) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                lock.seek(0)
                who = lock.read().strip() or "somebody"
                raise Busy(f"{who} is changing this node: try again when that has ended") from None
            time.sleep(0.05)
        else:
            return


@contextmanager
def configuration_store(paths: Paths, *, make: bool) -> Iterator[SqlConfiguration]:
    """The versions of this node; an exit when they cannot be had. `make`: for whoever may write."""
    with _database(paths, make=make) as engine:
        if make:
            migrate(engine, Kind.CONFIGURATION)
        elif not _has_versions(engine):
            where = paths.configuration_url
            complain(f"{where}: there is no configuration in it yet; up or apply makes the first version")
            raise typer.Exit(2)
        store = SqlConfiguration(engine, partial(tell_acts, paths), OwnFile(paths))
        _check_whose(paths, store)
        if make:
            _take_over(store)
        yield store


def _check_whose(paths: Paths, store: SqlConfiguration) -> None:
    """Two nodes in one database would take each other's configuration, and delete each other's trunks.

    Whose it is its newest version says, by the name of the node in the ledger (`node.id`); what root here has
    written is this node's by whatever name.
    """
    if not paths.configuration_shared or store.is_taken or (newest := store.head()) is None:
        return
    try:
        theirs = read_node_file(store.text(newest), "the newest version").node.ledger_name
        ours = read_node_file(paths.config.read_text(encoding="utf-8"), str(paths.config)).node.ledger_name
    except FileNotFoundError:
        return  # of a node that comes back to life here: `export` gives its file
    except (NodeFileRefused, TextDamaged, OSError, UnicodeDecodeError) as problem:
        complain(f"whose configuration this is cannot be told: {problem}")
        raise typer.Exit(2) from None
    if ours != theirs:
        complain(
            f"{paths.configuration_url}: the configuration in it is that of node {theirs}, and this is "
            f"{ours}. Nodes may have their records in one database, and each its own configuration: write "
            f"records-only before the URL in {paths.config.with_name(DATABASE_FILE)}. If this is node "
            f"{theirs} under a new name, on a new machine, bring it up under the old name first"
        )
        raise typer.Exit(2)


def _take_over(store: SqlConfiguration) -> None:
    """Of a version that kept nothing beside the journal, or another machine's: as it is found, once.

    The next act says so in it.
    """
    try:
        if store.is_taken or store.head() is None:
            return
        entries = [entry for _, entry in reversed(with_entries(store))]
        store.take_over(entries)
    except (ChainBroken, HistoryBroken):
        return  # whoever needs it sound says so
    except OSError as problem:
        complain(f"how far root has written the journal of acts: {problem}")
        raise typer.Exit(2) from None
    complain(
        f"from now on root answers for the journal of acts, {len(entries)} entries as they were found; "
        "./trunkward history shows them"
    )


def how_to_bring_back(paths: Paths, file: Path) -> str:
    """For a node file that is gone from its place: where its text still is; "" where no version is known."""
    if not paths.configuration_shared and not paths.configuration_db.exists():
        return ""
    with _database(paths, make=False) as engine:
        newest = SqlConfiguration(engine).head() if _has_versions(engine) else None
    if newest is None:
        return ""
    return f", but version {newest.number} of it is known: bring it back with ./trunkward export >{file}"


def _has_versions(engine: sa.Engine) -> bool:
    return sa.inspect(engine).has_table("versions")


@contextmanager
def _database(paths: Paths, *, make: bool) -> Iterator[sa.Engine]:
    engine = None
    try:
        if not paths.configuration_shared:
            if make:
                make_private(paths.configuration_db)
            elif not paths.configuration_db.exists():
                complain("there is no configuration yet; ./trunkward up or apply makes the first version")
                raise typer.Exit(2)
        engine = open_database(paths.configuration_url, durable=True)
        yield engine
    except PermissionError:
        complain("the node's configuration is root's: use sudo")
        raise typer.Exit(2) from None
    except DBAPIError as problem:
        complain(f"{paths.configuration_url}: {database_problem(problem)}")
        raise typer.Exit(2) from None
    finally:
        if engine is not None:
            engine.dispose()


def database_problem(problem: DBAPIError) -> str:
    """What a database said, in one line."""
    return " ".join(str(problem.orig).split())


def node_file_in_use(paths: Paths, *, running: bool) -> Path:
    """The working copy: what the running node was started with, else the usual place."""
    if running:
        try:
            return Path(paths.taken.read_text(encoding="utf-8").strip())
        except FileNotFoundError:
            pass
    return paths.config


def _wrong_destinations(file: str) -> list[str]:
    return [f"{why}{hint(Path(file))}" for why in wrong_destinations(file)]


def _wrong_announcements(directory: str) -> list[str]:
    path = Path(directory)
    return [f"{wrong}{hint(path)}" for wrong in wrong_announcements(path)]


def _wrong_list(file: str) -> list[str]:
    return [f"{why}{hint(Path(file))}" for why in wrong_list(file)]


def _why_no_authority(file: str) -> str:
    path = Path(file)
    why = why_no_authority(path)
    return f"{why}{hint(path)}" if why else ""
