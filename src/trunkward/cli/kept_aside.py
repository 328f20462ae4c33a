"""What commands put aside and only a person deletes: node files never applied, nodes before a restore."""

from glob import escape
from pathlib import Path

from trunkward.cli.changing import node_file_in_use
from trunkward.engines.restore import ASIDE
from trunkward.settings import Paths

#: Between the node file's name and the time, in the name of a copy with edits that were never applied.
UNAPPLIED = ".unapplied-"


def kept_aside(paths: Paths) -> list[Path]:
    """All of it."""
    return [*_node_files(paths), *_nodes(paths)]


def kept_lines(paths: Paths) -> list[str]:
    """The same for people, a line for each kind."""
    said = []
    if files := _node_files(paths):
        words = "node file" if len(files) == 1 else "node files"
        said.append(f"{len(files)} {words} never applied: {_pattern(files, UNAPPLIED)}")
    if nodes := _nodes(paths):
        words = "earlier node" if len(nodes) == 1 else "earlier nodes"
        said.append(f"{len(nodes)} {words}, private keys included: {_pattern(nodes, ASIDE)}")
    return said


def _node_files(paths: Paths) -> list[Path]:
    # the running node's own, or the one it was started with last
    file = node_file_in_use(paths, running=True)
    return sorted(file.parent.glob(f"{escape(file.name)}{UNAPPLIED}*"))


def _nodes(paths: Paths) -> list[Path]:
    return sorted(paths.state.glob(f"{ASIDE}*"))


def _pattern(found: list[Path], mark: str) -> str:
    path = found[0]
    return str(path if len(found) == 1 else path.with_name(path.name.partition(mark)[0] + f"{mark}*"))
