"""What a change does to the processes of a running node, told from what each would be started with."""

from pathlib import Path

import pytest

from trunkward.control.node_file import read_node_file
from trunkward.engines import signers
from trunkward.engines.live import effects_of
from trunkward.settings import Paths

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
TRUSTED = "  unsafe_trusted_clock: true\n"
RESOLD = """resellers:
  - name: resold
    identity: {spc: "001T", x5u: "https://cert.example.com/resold.pem"}
tenants:
"""
SOUTH = EXAMPLE[EXAMPLE.index("  - name: south") :]


@pytest.fixture
def paths(monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setattr(signers, "uid", lambda _: 999)
    return Paths(config=Path("/c"), state=Path("/s"), run=Path("/r"), log=Path("/l"))


@pytest.mark.parametrize(
    ("old", "new", "kind", "restart", "start", "stop"),
    [
        ("# One", "# A", "nothing", (), (), ()),
        ("          - \"+12025550103\"\n", "", "reload", (), (), ()),
        ('prefixes: ["+1303"]', 'prefixes: ["+1304"]', "reload", (), (), ()),
        ('country: "1"', 'country: "44"', "reload", (), (), ()),
        ("hosts: [127.0.0.41:35060]", "hosts: [127.0.0.42:35060]", "reload", (), (), ()),
        ("gates: 2", "gates: 4", "reload", (), ("gate-2", "gate-3"), ()),
        ("gates: 2", "gates: 1", "restart", (), (), ("gate-1",)),
        (TRUSTED, "", "restart", ("signer", "gate-0", "gate-1"), (), ()),
        ("  tls_port: 5061", "  tls_port: 5063", "restart", ("kamailio",), (), ()),
        ("  plain_port: 5060", "  plain_port: 5062", "restart", ("kamailio",), (), ()),
        ("contact_host: 127.0.0.10", "contact_host: sbc.example.com", "restart", ("kamailio",), (), ()),
        (SOUTH, "", "restart", ("kamailio",), (), ()),
        ('spc: "000T"', 'spc: "000S"', "restart", ("signer",), (), ()),
        ("tenants:\n", RESOLD, "reload", (), ("signer-resold",), ()),
        ("  gates: 2", "  signature_retention: 900\n  gates: 2", "restart", ("signer",), (), ()),
        ("  gates: 2", "  journal_retention: 900\n  gates: 2", "restart", ("signer",), (), ()),
        ('ports: "30000-39999"', 'ports: "30000-31999"', "restart", ("rtpengine",), (), ()),
    ],
)  # fmt: skip
def test_effects(
    paths: Paths, old: str, new: str, kind: str,
    restart: tuple[str, ...], start: tuple[str, ...], stop: tuple[str, ...],
) -> None:  # fmt: skip
    assert EXAMPLE.count(old) == 1
    before = read_node_file(EXAMPLE, "node.yaml")
    after = read_node_file(EXAMPLE.replace(old, new), "node.yaml")
    found = effects_of(before, after, paths)
    assert (found.kind, found.restart, found.start, found.stop) == (kind, restart, start, stop)
    assert found.lines()


def test_what_restarts_kamailio_also_with_another_address(paths: Paths) -> None:
    moved = EXAMPLE.replace("127.0.0.10", "127.0.0.11")
    before, after = read_node_file(EXAMPLE, "node.yaml"), read_node_file(moved, "node.yaml")
    assert effects_of(before, after, paths).restart == ("rtpengine", "kamailio")


def test_a_database_is_told_to_the_worker_alone(paths: Paths) -> None:
    from dataclasses import replace

    from trunkward.engines.supervisor import programs

    declared = read_node_file(EXAMPLE, "node.yaml")
    url = "postgresql://trunkward@/trunkward?host=/run/postgresql"
    told = [p.name for p in programs(declared, replace(paths, database=url), []) if url in p.command]
    assert told == ["worker"]
    assert not [p for p in programs(declared, paths, []) if "--database" in p.command]
