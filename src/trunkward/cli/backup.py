"""`trunkward backup` and `restore`: one archive with everything a node is."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from trunkward import __version__
from trunkward.cli.changing import Busy, changing
from trunkward.cli.host_paths import hint
from trunkward.cli.restored import Restoring
from trunkward.cli.said import complain, in_words, say
from trunkward.cli.status import read_in_force
from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.engines.archive import ArchiveRefused, Manifest
from trunkward.engines.backup import back_up
from trunkward.engines.identity_task import copies, identities_of
from trunkward.engines.installed import in_use
from trunkward.engines.layout import LayoutRefused, ensure_directories
from trunkward.engines.restore import DATABASE, restore
from trunkward.engines.up_lock import NodeIsUp, holder, kept_down
from trunkward.engines.users import UserMissing, ensure_users
from trunkward.settings import Paths
from trunkward.store.sqlite_copy import copy_as, is_sqlite
from trunkward.trunks.model import AcmeSettings, Declared
from trunkward.trunks.token_key import SCHEME

#: Standard output, or input.
_STANDARD = "-"


def run_backup(paths: Paths, to: str) -> int:
    """Writes a backup, 0600; 0 done, 1 failed, 2 refused."""
    if os.geteuid() != 0:
        complain("trunkward backup needs root: keys of all parts are in it. Use sudo.")
        return 2
    in_force = read_in_force(paths)
    if in_force is None:
        return 2
    target = Path(to)
    if to == _STANDARD and sys.stdout.isatty():
        complain("a backup is nothing for a terminal: name a file, or lead it into a program")
        return 2
    if to != _STANDARD and (why := _why_not_there(target)):
        complain(f"{target}: {why}")
        return 2
    began = time.monotonic()
    try:
        declared = in_force.declared()
        with _written(target) if to != _STANDARD else _standard_output() as file:
            manifest = back_up(
                paths,
                file,
                node=declared.node.name,
                version=_of_the_node(paths),
                now=datetime.now(UTC),
                elsewhere=_files_elsewhere(paths, declared),
                not_in_it=_databases_elsewhere(paths),
                copy_database=copy_as,
                is_database=is_sqlite,
            )
            size = file.tell() if to != _STANDARD else 0
    except OSError as problem:
        complain(f"no backup was made: {in_words(problem)}")
        return 1
    except (ArchiveRefused, NodeFileRefused) as problem:
        complain(f"no backup was made: {problem}")
        return 1
    said = f"{len(manifest.members)} files and directories, {_size(size)}"
    # on standard output it would stand in the backup
    _tell(f"{to}: backup of {manifest.node}, {said}, {time.monotonic() - began:.1f} s", to)
    _tell("private keys are in it: keep it as you keep keys", to)
    for missing in manifest.not_in_it:
        _tell(f"not in it: {missing}", to)
    return 0


def run_restore(paths: Paths, source: str, *, replace: bool) -> int:
    """Restores a backup; 0 done, 1 failed with nothing changed, 2 refused."""
    if os.geteuid() != 0:
        complain("trunkward restore needs root: it gives each file to its user. Use sudo.")
        return 2
    try:
        ensure_users()
        with kept_down(paths), changing(paths, "restore"), _opened(source) as file:
            restoring = Restoring(paths)
            manifest, aside = restore(
                paths,
                file,
                version=__version__,
                now=datetime.now(UTC),
                replace=replace,
                unite=restoring.unite,
            )
            ensure_directories(paths, *_parts(paths))
            _say_restored(manifest, aside)
            restoring.tell()
    except NodeIsUp as up:
        complain(f"{up}: nothing is restored under a running node; stop it first")
        return 2
    except (Busy, UserMissing) as problem:
        complain(f"{problem}; nothing was changed")
        return 2
    except ArchiveRefused as refused:
        complain(f"{source}: {refused}; nothing was changed")
        return 2
    except (OSError, LayoutRefused) as problem:
        complain(f"broken off: {problem}. Once all has been checked, the next restore or up goes on with it")
        return 1
    say("start it: ./trunkward up")
    return 0


def _say_restored(manifest: Manifest, aside: Path | None) -> None:
    say(f"restored: {manifest.node} as of {manifest.made_at}, by version {manifest.version}", "green")
    if aside is not None:
        say(f"what was here before is in {aside}, its keys included: delete it when you are sure")
    for missing in manifest.not_in_it:
        say(f"not in it, and so not restored: {missing}", "yellow")


def _of_the_node(paths: Paths) -> str:
    """The version a restore needs: of a running node its own, which an upgrade may be about to change."""
    used = in_use(paths) if holder(paths) else None
    return used.now.version if used is not None else __version__


def _databases_elsewhere(paths: Paths) -> list[str]:
    """Databases that are no files of ours, which whoever keeps them backs up."""
    setting = paths.config.with_name(DATABASE)
    said = setting.read_text(encoding="utf-8", errors="replace") if setting.exists() else ""
    if not any(line.strip().startswith("postgresql:") for line in said.splitlines()):
        return []
    its_own = "its own pg_dump, taken before this, and the passfile it is reached with"
    return [f"configuration and records are in PostgreSQL: {its_own}"]


def _files_elsewhere(paths: Paths, declared: Declared) -> list[Path]:
    """Every file that is named, in force or in the node file as it stands now."""
    named = _named(paths, declared)
    try:
        named |= _named(paths, read_node_file(paths.config.read_text(encoding="utf-8"), str(paths.config)))
    except (NodeFileRefused, UnicodeDecodeError):
        complain(f"{paths.config}: is not good as it stands; it is in the backup all the same")
    return sorted(Path(name) for name in named if name)


def _named(paths: Paths, declared: Declared) -> set[str]:
    pairs = [carrier.client_certificate for carrier in declared.carriers]
    node = declared.node
    named = {carrier.ca_file for carrier in declared.carriers}
    named |= {node.destinations_file, node.do_not_originate_file, node.verification.ca_file}
    named |= set(copies(declared, paths).values())
    for _, _, signing in identities_of(declared).values():
        # what is in a token nobody can take
        named |= {signing.chain_file} | {file for file in [signing.key_file] if not file.startswith(SCHEME)}
    match declared.node.certificate:
        case AcmeSettings() as acme:
            named |= {acme.ca_file, acme.external_key_file}
        case files:
            pairs.append(files)
    return named.union(*((pair.chain, pair.key) for pair in pairs if pair is not None))


def _parts(paths: Paths) -> tuple[int, tuple[str, ...]]:
    """How many gates there are, and which resellers have signers."""
    try:
        declared = read_node_file(paths.config.read_text(encoding="utf-8"), str(paths.config))
    except (NodeFileRefused, UnicodeDecodeError):
        return 0, ()  # `up` refuses it, and makes what is missing once it is good
    return declared.node.gates, tuple(declared.reseller_identities)


def _why_not_there(target: Path) -> str:
    if target.exists():
        return "is there already: a backup replaces nothing, name another"
    if not target.parent.is_dir():
        return f"{target.parent} is no directory{hint(target.absolute().parent)}"
    return f"would be lost{lost}" if (lost := hint(target.absolute())) else ""


@contextmanager
def _written(target: Path) -> Iterator[IO[bytes]]:
    """A file whole or not at all, and nobody else's from its first byte on."""
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def _standard_output() -> Iterator[IO[bytes]]:
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


@contextmanager
def _opened(source: str) -> Iterator[IO[bytes]]:
    if source == _STANDARD:
        yield sys.stdin.buffer
        return
    path = Path(source)
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise ArchiveRefused(f"there is no such file{hint(path.absolute())}") from None
    with file:
        yield file


def _tell(text: str, to: str) -> None:
    told: Callable[[str], None] = say if to != _STANDARD else _on_standard_error
    told(text)


def _size(size_bytes: int) -> str:
    """In MB, and in kB what would be 0.0 MB."""
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 100_000 else f"{size_bytes / 1e3:.0f} kB"


def _on_standard_error(text: str) -> None:
    print(text, file=sys.stderr)
