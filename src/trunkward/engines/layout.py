"""The node's directories: who owns each, who may look into it. The walls between processes."""

import os
from dataclasses import dataclass
from pathlib import Path

from trunkward.engines.users import gid, uid
from trunkward.settings import Paths


@dataclass(frozen=True, slots=True)
class _Directory:
    path: Path
    owner: str
    group: str
    mode: int


def ensure_directories(paths: Paths, gates: int) -> None:
    """Makes what is missing and puts owners and modes right. Needs root."""
    state, run = paths.state, paths.run
    wanted = [
        _Directory(state, "root", "root", 0o755),
        _Directory(paths.pki, "root", "root", 0o755),
        _Directory(paths.declared.parent, "root", "tw-worker", 0o750),
        _Directory(paths.records_db.parent, "tw-worker", "tw-worker", 0o750),
        _Directory(state / "signer", "tw-signer", "tw-signer", 0o700),
        # segments: each gate writes its own, the worker reads them all and deletes the shipped
        _Directory(paths.records, "tw-worker", "tw-gate", 0o2770),
        *(_Directory(paths.records / f"gate-{i}", "tw-gate", "tw-worker", 0o2770) for i in range(gates)),
        _Directory(run, "root", "root", 0o755),
        _Directory(run / "edge", "tw-edge", "tw-edge", 0o750),
        _Directory(paths.dialogs, "tw-edge", "tw-edge", 0o700),
        _Directory(paths.spool.parent, "tw-edge", "tw-worker", 0o2770),
        _Directory(run / "media", "tw-media", "tw-media", 0o750),
        _Directory(run / "gate", "tw-gate", "tw-edge", 0o2750),
        _Directory(run / "signer", "tw-signer", "tw-gate", 0o2750),
        _Directory(paths.policy, "tw-worker", "tw-gate", 0o2750),
        _Directory(paths.log, "root", "root", 0o755),
    ]
    for directory in wanted:
        directory.path.mkdir(parents=True, exist_ok=True)
        os.chown(
            directory.path, uid(directory.owner) if directory.owner != "root" else 0, _group(directory.group)
        )
        directory.path.chmod(directory.mode)
    _own_files(paths)


def write_private(path: Path, text: str, owner: str, group: str, mode: int = 0o640) -> None:
    """Writes a file whole or not at all, with its owner set before it has its name."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.chown(part, uid(owner) if owner != "root" else 0, _group(group))
    part.chmod(mode)
    os.replace(part, path)


def _own_files(paths: Paths) -> None:
    # a rebuilt platform may have given the users other numbers than the files still bear
    for directory, owner in ((paths.records_db.parent, "tw-worker"), (paths.state / "signer", "tw-signer")):
        for path in directory.iterdir():
            os.chown(path, uid(owner), gid(owner))
    for path in paths.records.glob("*/*"):
        os.chown(path, uid("tw-gate"), gid("tw-worker"))
    for path in paths.dialogs.iterdir():
        os.chown(path, uid("tw-edge"), gid("tw-edge"))


def _group(name: str) -> int:
    return 0 if name == "root" else gid(name)
