"""The node's directories: who owns each, who may look into it. The walls between processes.

This runs as root in directories that belong to less trusted users, who may have put a link in the
place of a file: nothing here follows one.
"""

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trunkward.engines.signers import departed, signers_of
from trunkward.engines.users import gid, uid
from trunkward.settings import Paths


class LayoutRefused(Exception):
    """Something stands where a directory of the node should be; the message names it."""


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory with its owner, group and mode."""

    path: Path
    owner: str
    group: str
    mode: int


def directories(paths: Paths, gates: int, resellers: Collection[str]) -> list[Directory]:
    """The directories of a node, outer ones first. `resellers`: those who have an identity.

    Raises `NoUserLeft`.
    """
    run, signers = paths.run, signers_of(resellers, paths)
    return [
        *outer_directories(paths),
        Directory(paths.pki, "root", "root", 0o755),
        Directory(paths.records_db.parent, "tw-worker", "tw-worker", 0o750),
        *(Directory(paths.signer_state(its.identity), its.user, its.user, 0o700) for its in signers),
        *(
            Directory(place, its.user, its.user, 0o700)
            for its in signers
            for place in _kept_by(paths, its.identity)
        ),
        # signed, and no secret: a copy of it elsewhere is worth more than this one
        Directory(paths.heads.parent, "tw-worker", "tw-worker", 0o755),
        Directory(paths.chains, "tw-fetcher", "tw-fetcher", 0o700),
        # what a public authority issued; the edge's own process takes it from here
        Directory(paths.acme_chain.parent, "tw-cert", "tw-edge", 0o2750),
        # for anybody to read: what is in it is signed, or published anyway
        Directory(paths.identities, "tw-identity", "tw-identity", 0o755),
        Directory(paths.published, "tw-identity", "tw-identity", 0o755),
        Directory(paths.held_lists, "tw-gate", "tw-gate", 0o755),
        # segments: each gate and the edge write their own, the worker reads them all and deletes the shipped
        Directory(paths.records, "tw-worker", "tw-worker", 0o751),
        *(Directory(paths.gate_records(i), "tw-gate", "tw-worker", 0o2770) for i in range(gates)),
        Directory(paths.edge_records, "tw-edge", "tw-worker", 0o2770),
        Directory(paths.targets.parent, "tw-worker", "tw-worker", 0o755),
        Directory(run, "root", "root", 0o755),
        # for anyone to read: addresses of carriers, and whether they answer
        Directory(paths.target_health.parent, "tw-edge", "tw-edge", 0o755),
        Directory(run / "edge", "tw-edge", "tw-edge", 0o750),
        Directory(paths.dialogs, "tw-edge", "tw-edge", 0o700),
        Directory(paths.edge_overflow, "tw-edge", "tw-worker", 0o2770),
        Directory(paths.edge_ladder, "tw-edge", "tw-worker", 0o2770),
        Directory(paths.edge_numbers.parent, "tw-edge", "tw-web", 0o2750),
        Directory(paths.shown.parent, "tw-worker", "tw-web", 0o2750),
        Directory(run / "media", "tw-media", "tw-media", 0o750),
        Directory(run / "gate", "tw-gate", "tw-edge", 0o2750),
        *(Directory(paths.signer_run(its.identity), its.user, "tw-gate", 0o2750) for its in signers),
        Directory(run / "heads", "root", "root", 0o755),
        *(
            Directory(paths.signer_head(its.identity).parent, its.user, "tw-worker", 0o2750)
            for its in signers
        ),
        Directory(paths.fetcher_socket.parent, "tw-fetcher", "tw-gate", 0o2750),
        Directory(paths.policy, "tw-worker", "tw-gate", 0o2750),
        Directory(paths.acme_state.parent, "tw-cert", "tw-cert", 0o755),
        Directory(paths.identities_state.parent, "tw-identity", "tw-identity", 0o755),
        # gates, worker and web have its group beside their own
        Directory(paths.valkey_run, "tw-live", "tw-live", 0o2750),
        Directory(paths.valkey_data, "tw-live", "tw-live", 0o700),
        Directory(paths.valkey_data / "aof", "tw-live", "tw-live", 0o700),
        Directory(paths.shown_state.parent, "tw-edge", "tw-edge", 0o755),
        Directory(paths.log, "root", "root", 0o755),
    ]


def outer_directories(paths: Paths) -> list[Directory]:
    """Those a configuration can be decided on in, before there is a node."""
    return [
        Directory(paths.state, "root", "root", 0o755),
        Directory(paths.declared.parent, "root", "tw-worker", 0o750),
        Directory(paths.decks, "root", "tw-worker", 0o750),
    ]


def ensure_directories(
    paths: Paths, gates: int, resellers: Collection[str], *, running: bool = False
) -> None:
    """Makes what is missing and puts owners and modes right. Needs root. Raises `LayoutRefused`.

    `running`: the node is up, and its sockets are in use.
    """
    for wanted in directories(paths, gates, resellers):
        # a person may have moved the three outer ones elsewhere by a link; nobody moves the inner ones
        ensure_directory(wanted, may_be_link=wanted.path in (paths.state, paths.run, paths.log))
    if running:
        return
    _own_files(paths, resellers)
    # of a node before this one; a rebuilt platform's users could not take another number's away
    signers = [paths.signer_run(its.identity) for its in signers_of(resellers, paths)]
    for place in (paths.gate_socket(0).parent, *signers, paths.fetcher_socket.parent, paths.valkey_run):
        with _opened(place, os.O_DIRECTORY | os.O_NOFOLLOW) as directory:
            for name in os.listdir(directory):
                if stat.S_ISSOCK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
                    os.unlink(name, dir_fd=directory)
    paths.supervisor_socket.unlink(missing_ok=True)
    for log in paths.log.glob("*.log*"):
        if not log.is_symlink() and log.name != "setup.log":  # the launcher's own
            log.chmod(0o640)


def ensure_directory(wanted: Directory, *, may_be_link: bool = False) -> None:
    """Makes one, or puts its owner and mode right. Needs root. Raises `LayoutRefused`."""
    try:
        wanted.path.mkdir(parents=True, exist_ok=True)
        with _opened(wanted.path, os.O_DIRECTORY | (0 if may_be_link else os.O_NOFOLLOW)) as directory:
            os.fchown(directory, _uid(wanted.owner), _gid(wanted.group))
            os.fchmod(directory, wanted.mode)
    except OSError as problem:
        raise LayoutRefused(f"{wanted.path}: not a directory of this node: {problem.strerror}") from None


def _kept_by(paths: Paths, identity: str) -> tuple[Path, ...]:
    """What a signer keeps: its journal, what that commits to, each certificate that it signed with."""
    certificates = paths.signed_with(identity, "any").parent
    return paths.signer_journal(identity), paths.signer_state(identity) / "details", certificates


def _own_files(paths: Paths, resellers: Collection[str]) -> None:
    """Gives the files of the node's users to them: a rebuilt platform may have given them other numbers."""
    signers = [(its.identity, its.user) for its in signers_of(resellers, paths)]
    # what a signer kept that is no more: its user may be another's from now on
    for identity in departed(resellers, paths):
        signers.append((identity, "root"))
        for place in filter(Path.is_dir, (paths.signer_state(identity), *_kept_by(paths, identity))):
            with _opened(place, os.O_DIRECTORY | os.O_NOFOLLOW) as gone:
                os.fchown(gone, 0, 0)
    owners = [
        (paths.records_db.parent, "tw-worker", "tw-worker"),
        *((paths.signer_state(identity), user, user) for identity, user in signers),
        *(
            (place, user, user)
            for identity, user in signers
            for place in filter(Path.is_dir, _kept_by(paths, identity))
        ),
        (paths.heads.parent, "tw-worker", "tw-worker"),
        (paths.chains, "tw-fetcher", "tw-fetcher"),
        (paths.dialogs, "tw-edge", "tw-edge"),
        (paths.edge_overflow, "tw-edge", "tw-worker"),
        (paths.edge_ladder, "tw-edge", "tw-worker"),
        (paths.policy, "tw-worker", "tw-gate"),
        (paths.acme_chain.parent, "tw-cert", "tw-edge"),
        (paths.identities, "tw-identity", "tw-identity"),
        (paths.published, "tw-identity", "tw-identity"),
        (paths.held_lists, "tw-gate", "tw-gate"),
        (paths.edge_numbers.parent, "tw-edge", "tw-web"),
        (paths.shown.parent, "tw-worker", "tw-web"),
        (paths.valkey_data / "aof", "tw-live", "tw-live"),
    ]
    for directory in paths.records.iterdir():
        if directory.is_symlink() or not directory.is_dir():
            continue
        owner = "tw-edge" if directory == paths.edge_records else "tw-gate"
        owners.append((directory, owner, "tw-worker"))
        with _opened(directory, os.O_DIRECTORY | os.O_NOFOLLOW) as inner:
            os.fchown(inner, _uid(owner), _gid("tw-worker"))
    for directory, owner, group in owners:
        with _opened(directory, os.O_DIRECTORY | os.O_NOFOLLOW) as outer:
            for name in os.listdir(outer):
                _own(outer, name, _uid(owner), _gid(group))


def _own(directory: int, name: str, owner: int, group: int) -> None:
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        return  # a link or a socket: not ours to give away
    try:
        # a second name may be a file of somebody else's, linked in here
        found = os.fstat(file)
        # only what is another's: it changes the time that tells when a call's file was marked as ended
        foreign = (found.st_uid, found.st_gid) != (owner, group)
        if foreign and stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
            os.fchown(file, owner, group)
    finally:
        os.close(file)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _uid(name: str) -> int:
    return 0 if name == "root" else uid(name)


def _gid(name: str) -> int:
    return 0 if name == "root" else gid(name)
