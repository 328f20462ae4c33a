"""`trunkward explain`: the verdict in words, every check, what would have changed it, and what became of it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from trunkward.admission.checks import CHECKS
from trunkward.calls.outcome import Ending, Outcome, RouteTried
from trunkward.cli import calls
from trunkward.cli.main import app
from trunkward.records.model import AttestationRecord, CheckRecord, DecisionRecord, OutcomeRecord, Record
from trunkward.store.database import migrate, open_database
from trunkward.store.records import RecordStore

type Ask = Callable[..., Result]

ADMITTED = DecisionRecord(
    record_id="aa01",
    at=1000.0,
    attempt_id="aa01",
    call_id="aa01@pbx.example.com",
    verdict="admit",
    reason="admitted",
    tenant="acme",
    trunk="acme-hq",
    source_name="acme-hq",
    direction="outbound",
    calling_number="+12025550101",
    called_number="+12125550142",
    routes=["busy", "north"],
    source="192.0.2.1:5061",
    transport="tls",
    tls_version="TLSv1.3",
    attest_reason="clock-not-synchronised",
    findings=[CheckRecord(check=check) for check in CHECKS],
    policy_version=7,
    gate=1,
    took_ms=0.8,
)
PASSED = [CheckRecord(check=check) for check in CHECKS[: CHECKS.index("destination")]]


def _changed(name: str, **changed: Any) -> DecisionRecord:
    return msgspec.structs.replace(ADMITTED, record_id=name, call_id=f"{name}@pbx.example.com", **changed)


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    monkeypatch.setattr(calls.console, "width", 250)
    (tmp_path / "state/db").mkdir(parents=True)
    engine = open_database(f"sqlite:///{tmp_path}/state/db/records.db")
    migrate(engine)
    store = RecordStore(engine)
    ended = Outcome(
        record_id="aa01",
        call_id="aa01@pbx.example.com",
        ending=Ending.BYE,
        ringing_at=1000.5,
        answered_at=1001.0,
        ended_at=1004.0,
        status=200,
        ended_by="caller",
        peer="north",
        tried=[RouteTried(peer="busy", status=503)],
    )
    lost = Outcome(
        record_id="ab07", call_id="ab07@pbx.example.com", ending=Ending.FAILED, ended_at=1001.0, status=480,
        ended_by="us", reason="not-registered", tried=[RouteTried(peer="acme-hq", problem="not-registered")],
    )  # fmt: skip
    remedy = "add a beginning of +12125550142 to prefixes of a carrier"
    refused = CheckRecord(check="destination", detail="no carrier takes it", refused=True, remedy=remedy)
    reject: dict[str, Any] = {
        "verdict": "reject",
        "reason": "no-route",
        "blame": "us",
        "status": 404,
        "routes": [],
    }
    records: list[Record] = [
        ADMITTED,
        OutcomeRecord(record_id="aa01", at=1004.0, outcome=ended),
        _changed("bb02", **reject, findings=[*PASSED, refused], attest_reason=""),
        _changed("cc03", gate=-1, **reject | {"reason": "gate-unavailable", "status": 503},
                 findings=[CheckRecord(check="edge", detail="no gate", refused=True, remedy="look")]),
        _changed("dd04", attest="A", attest_reason="", attestation=AttestationRecord(rule="A-loa")),
        OutcomeRecord(record_id="ee05", at=1004.0, outcome=msgspec.structs.replace(ended, record_id="ee05")),
        _changed("ab07", direction="inbound", source_name="north"),
        OutcomeRecord(record_id="ab07", at=1004.0, outcome=lost),
        _changed("ce08", **reject | {"reason": "spend-cap", "blame": "customer", "status": 403}),
        _changed("ff06", **reject | {"reason": "of-tomorrow"}, findings=[CheckRecord(check="new", refused=True)]),
    ]  # fmt: skip
    store.ship(records, "x", 1)
    yield lambda *words: CliRunner().invoke(app, ["explain", *words])
    store.disconnect()


def test_a_refused_call(ask: Ask) -> None:
    told = ask("bb02@pbx.example.com").stdout
    assert "trunk acme-hq (192.0.2.1:5061, tls, TLSv1.3) called from +12025550101 to +12125550142" in told
    assert "refused with 404, no-route: no carrier has a prefix of this number" in told
    assert "to act: whoever runs this node" in told
    assert "what to do: add a beginning of the number to a carrier's prefixes" in told
    numbered = [line.split()[:2] for line in told.splitlines() if line[:4].strip().isdigit()]
    assert numbered == [[str(number), check] for number, check in enumerate(CHECKS, 1)]
    states = {line.split()[1]: line for line in told.splitlines() if line[:4].strip().isdigit()}
    assert "passed" in states["called"]
    assert "refused      no carrier takes it" in states["destination"]
    assert "not reached" in states["media"]
    assert "to let it pass: add a beginning of +12125550142 to prefixes of a carrier" in told
    assert "judged by gate 1, policy version 7, in 0.8 ms" in told
    assert "routes" not in told


def test_a_cap_is_not_raised_by_whose_it_is(ask: Ask) -> None:
    told = ask("ce08").stdout
    assert "to act: the customer, who asks; whoever runs this node raises the cap\n" in told


def test_an_admitted_call_its_posture_and_how_it_went(ask: Ask) -> None:
    told = ask("aa01").stdout
    assert "  admitted: the call was let through" in told
    assert "not signed, clock-not-synchronised: this machine's clock was not known to be right" in told
    assert "routes: busy, north" in told
    assert "tried: busy, 503" in told
    assert "taken by north; ended: bye by caller, 200, rang 0.5 s, talked 3.0 s" in told
    assert "refused" not in told
    running = ask("dd").stdout
    assert "signed at level A" in running
    assert "it has not ended yet" in running


def test_a_call_that_was_let_through_and_then_refused(ask: Ask) -> None:
    told = ask("ab07").stdout
    assert "tried: acme-hq, not-registered" in told
    assert "ended: failed by us, 480" in told
    assert "refused after that, not-registered: a call to a trunk with host: registered" in told
    assert "to act: the customer\n  what to do: ./trunkward registrations" in told
    told = json.loads(ask("ab07", "--json").stdout)
    assert (told["end_reason"], told["end_blames"]) == ("not-registered", ["customer"])


def test_a_call_the_edge_refused_alone(ask: Ask) -> None:
    told = ask("cc03").stdout
    assert "refused with 503, gate-unavailable: no gate gave a usable verdict in time" in told
    assert "decided by the edge itself" in told
    assert "not reached" not in told


def test_a_signed_call_names_its_rule_and_who_tells_more(ask: Ask) -> None:
    assert "signed at level A, by rule A-loa (./trunkward why dd04)" in ask("dd04").stdout


def test_what_another_version_wrote(ask: Ask) -> None:
    told = ask("ff06").stdout
    assert "of-tomorrow: a code this version does not know" in told
    assert "1 new" in told


def test_a_call_without_its_verdict_yet(ask: Ask) -> None:
    assert "no verdict is on record yet" in ask("ee05").stdout


def test_for_programs(ask: Ask) -> None:
    told = json.loads(ask("bb02", "--json").stdout)
    assert told["means"].startswith("no carrier has a prefix")
    assert [line["state"] for line in told["checks"]].count("not reached") == len(CHECKS) - len(PASSED) - 1
    assert told["checks"][len(PASSED)]["remedy"].startswith("add a beginning")
    assert json.loads(ask("aa01", "--json").stdout)["unsigned"].startswith("this machine's clock")


def test_no_such_call(ask: Ask) -> None:
    told = ask("nobody")
    assert (told.exit_code, told.stderr.strip()) == (
        1,
        "no call nobody: write a record id, its beginning, or a Call-ID",
    )
