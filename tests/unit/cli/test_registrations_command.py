"""`trunkward registrations`: who is registered, and who tried and was refused."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from trunkward.cli import calls
from trunkward.cli.main import app
from trunkward.control.declared import InForce
from trunkward.records.model import Event, EventRecord
from trunkward.settings import Paths
from trunkward.store.database import migrate, open_database
from trunkward.store.records import RecordStore

EXAMPLE = (Path(__file__).parents[3] / "examples/node.yaml").read_text(encoding="utf-8")
REGISTERS = EXAMPLE.replace("host: 127.0.0.21:15061", "host: registered").replace(
    "        tls_names: [pbx.acme.example.com]\n", ""
)
REFUSED = EventRecord(
    event_id="a", at=time.time(), since=time.time(), event=Event.REGISTRATION_REFUSED, count=3, tenant="acme",
    trunk="acme-hq", reason="address-of-another", source="127.0.0.1", network="127.0.0.0/24",
    detail="To: sip:bob@x is nobody's", remedy="register as sip:acme-hq@sbc.example.com",
)  # fmt: skip

type Ask = Callable[..., Result]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    monkeypatch.setattr(calls.console, "width", 250)
    paths = Paths.from_environment()
    for path in (paths.declared, paths.registrations, paths.records_db):
        path.parent.mkdir(parents=True, exist_ok=True)
    in_force = InForce(version=1, node_file=REGISTERS, certificates={"acme-hq": ["ab" * 32]}, evidence={})
    paths.declared.write_bytes(msgspec.json.encode(in_force))
    paths.registrations.write_text(json.dumps({"at": time.time(), "trunks": {}}))
    engine = open_database(f"sqlite:///{paths.records_db}")
    migrate(engine)
    store = RecordStore(engine)
    stranger = msgspec.structs.replace(
        REFUSED, event_id="b", event=Event.STRANGERS_REFUSED, tenant="", trunk="", reason="credentials-refused",
        claimed={"acme-hq": 2}, remedy="enter the secret anew",
    )  # fmt: skip
    nobody = msgspec.structs.replace(stranger, event_id="c", claimed={}, reason="unknown-source")
    store.ship([REFUSED, stranger, nobody], "x", 1)
    store.disconnect()
    return lambda *words: CliRunner().invoke(app, ["registrations", *words])


def test_who_is_not_registered_and_why_not(ask: Ask) -> None:
    told = ask()
    assert told.exit_code == 1
    assert "not registered: calls to it get 480" in told.stdout
    assert "3 REGISTER of acme-hq refused since" in told.stdout
    assert "to let it pass: register as sip:acme-hq@sbc.example.com" in told.stdout
    assert "said to be acme-hq (2)" in told.stdout
    assert "unknown-source" not in told.stdout


def test_a_trunk_that_is_not_meant_to_register(ask: Ask) -> None:
    told = ask("--trunk", "acme-fax")
    assert told.exit_code == 2
    assert "there is no trunk 'acme-fax' with host: registered" in told.stderr


def test_for_programs(ask: Ask) -> None:
    told = json.loads(ask("--json").stdout)
    assert told["trunk"] == "acme-hq"
    assert {one["reason"] for one in told["refused"]} == {"address-of-another", "credentials-refused"}
