"""`node.live`, `node.id` and `carriers[].session_timer_s`: as a person may write them, and what processes they make."""

from pathlib import Path

import pytest
import yaml

from trunkward.admission.rows import node_of, node_row
from trunkward.control.deviations import deviations
from trunkward.control.node_file import Accepted, NodeFileRefused, accept_node_file
from trunkward.engines.live import effects_of
from trunkward.engines.supervisor import programs
from trunkward.engines.valkey import SHARED_USERS, shared_secrets
from trunkward.settings import Paths
from trunkward.trunks.model import SharedLive

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
SECRETS = "/etc/trunkward/live"
SOCKET = {"socket": "/run/shared/valkey.sock", "secrets": SECRETS}
HOST = {"host": "valkey.example.com:6379", "ca": "/etc/trunkward/valkey.pem", "secrets": SECRETS}
PATHS = Paths(config=Path("/e/node.yaml"), state=Path("/s"), run=Path("/r"), log=Path("/l"))


def accepted(node: dict[str, object] | None = None, carrier: dict[str, object] | None = None) -> Accepted:
    values = yaml.safe_load(EXAMPLE)
    values["node"].update(node or {})
    values["carriers"][0].update(carrier or {})
    return accept_node_file(yaml.safe_dump(values, sort_keys=False), "node.yaml")


@pytest.mark.parametrize(
    ("written", "declared"),
    [
        (SOCKET, SharedLive(where="/run/shared/valkey.sock", secrets=SECRETS)),
        (
            HOST,
            SharedLive(where="valkey.example.com:6379", secrets=SECRETS, ca_file="/etc/trunkward/valkey.pem"),
        ),
        (
            {"host": "[2001:db8::5]:6379", "secrets": SECRETS},
            SharedLive(where="[2001:db8::5]:6379", secrets=SECRETS),
        ),
    ],
)
def test_what_is_written_is_declared(written: dict[str, object], declared: SharedLive) -> None:
    node = accepted({"live": written, "id": "sbc-2"}).declared.node
    assert (node.live, node.ledger_name) == (declared, "sbc-2")
    # a gate knows its name in the ledger, too
    assert node_of(node_row(node)).ledger_name == "sbc-2"
    alone = accepted().declared.node
    assert (alone.ledger_name, alone.ledger_nodes) == ("sbc.example.com", ("sbc.example.com",))


def test_all_nodes_of_one_valkey_may_be_named() -> None:
    assert accepted({"live": HOST, "id": "sbc-2"}).declared.node.ledger_nodes == ()
    node = accepted({"live": {**HOST, "nodes": ["sbc-1", "sbc-2"]}, "id": "sbc-2"}).declared.node
    assert node_of(node_row(node)).ledger_nodes == ("sbc-1", "sbc-2")


@pytest.mark.parametrize(
    ("node", "carrier", "said"),
    [
        ({"live": {"secrets": SECRETS}}, {}, "write either host"),
        ({"live": {**HOST, **SOCKET}}, {}, "write either host"),
        ({"live": {**SOCKET, "ca": "/etc/ca.pem"}}, {}, "a socket has no certificate"),
        ({"live": {"socket": "/run/v.sock"}}, {}, "node.live.secrets"),
        ({"live": {**HOST, "host": "valkey.example.com"}}, {}, "write host:port"),
        ({"live": {**HOST, "secrets": "live"}}, {}, "absolute path of a directory"),
        ({"live": {**HOST, "nodes": ["sbc-1"]}, "id": "sbc-2"}, {}, "sbc-2, this node, is not among them"),
        ({"id": "SBC 1"}, {}, "a name is lower-case letters"),
        ({}, {"session_timer_s": 60}, "90 to 7200, or 0 for none"),
    ],
)
def test_refused(node: dict[str, object], carrier: dict[str, object], said: str) -> None:
    with pytest.raises(NodeFileRefused, match=said):
        accepted(node, carrier)


def test_a_node_that_shares_one_starts_none_and_a_change_restarts_whoever_asks_it() -> None:
    own, shared = accepted().declared, accepted({"live": HOST}).declared
    names = {program.name for program in programs(shared, PATHS, [])}
    assert {program.name for program in programs(own, PATHS, [])} - names == {"valkey"}
    effects = effects_of(own, shared, PATHS)
    assert (set(effects.restart), effects.stop) == (
        {"worker", "fetcher", "gate-0", "gate-1", "web"},
        ("valkey",),
    )
    assert "stops valkey" in effects.lines()


def test_a_carrier_without_a_session_timer_is_a_deviation() -> None:
    assert not [found for found in deviations(accepted().declared) if "session timer" in found.what]
    (found,) = [
        found
        for found in deviations(accepted(carrier={"session_timer_s": 0}).declared)
        if "session timer" in found.what
    ]
    assert found.where == "carrier north"


def test_passwords_of_one_that_is_shared_are_words(tmp_path: Path) -> None:
    shared = SharedLive(where="/run/v.sock", secrets=str(tmp_path))
    for user in SHARED_USERS:
        (tmp_path / f"{user}.secret").write_text(f"{user * 8}\n")
    assert shared_secrets(shared) == {user: user * 8 for user in SHARED_USERS}
    for text in ("short", "two words of sixteen letters", "x" * 600):
        (tmp_path / "look.secret").write_text(text)
        with pytest.raises(OSError, match="not a password of 16 to 512"):
            shared_secrets(shared)
    (tmp_path / "look.secret").unlink()
    with pytest.raises(FileNotFoundError, match=r"look\.secret"):
        shared_secrets(shared)
