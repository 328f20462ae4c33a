"""Users, processes and directories on the page are those the node really makes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from trunkward.control.node_file import read_node_file
from trunkward.engines import layout, supervisor
from trunkward.engines.users import USERS
from trunkward.settings import Paths

PAGE = "docs/operations.md"

type Table = Callable[[str, str], list[list[str]]]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(
        config=tmp_path / "node.yaml", state=tmp_path / "state", run=tmp_path / "run", log=tmp_path / "log"
    )


def test_the_processes_and_their_users(table: Table, paths: Paths, root: Path) -> None:
    example = (root / "examples/node.yaml").read_text(encoding="utf-8")
    acme = (
        "  certificate: {acme: {directory: https://ca.example.net/dir, terms_agreed: true}}\n  tls_port: 5061"
    )
    administrator = (
        "  policy_administrator: {url: https://sti-pa.example.net, certificate: /etc/trunkward/pa.pem}\n"
    )
    declared = read_node_file(example.replace("  tls_port: 5061", administrator + acme), "node.yaml")
    made = {
        (program.name.replace("gate-0", "gate-N").replace("gate-1", "gate-N"), program.user)
        for program in supervisor.programs(declared, paths, ["signer"])
    }
    assert {(row[0], row[1]) for row in table(PAGE, "Processes and users")} == made
    assert {user for _, user in made} == set(USERS)


def test_the_directories_with_owner_group_and_mode(table: Table, paths: Paths) -> None:
    made = {
        str(wanted.path): (wanted.owner, wanted.group, f"{wanted.mode:04o}")
        for wanted in layout.directories(paths, gates=1)
    }
    bases = {"/var/lib/trunkward": paths.state, "/run/trunkward": paths.run, "/var/log/trunkward": paths.log}
    written = {}
    for name, owner, group, mode, _ in table(PAGE, "Directories"):
        base = next(base for base in bases if name.startswith(base))
        path = bases[base] / name.removeprefix(base).strip("/").replace("gate-N", "gate-0")
        written[str(path)] = (owner, group, mode)
    assert written == made
