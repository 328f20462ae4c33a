"""Property 35: `trunkward attestation`, from a records database."""

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from trunkward.cli.main import app
from trunkward.control.declared import InForce
from trunkward.records.model import AttestationRecord, DecisionRecord
from trunkward.settings import Paths
from trunkward.store.database import migrate, open_database
from trunkward.store.records import RecordStore

NOW = time.time()
EXAMPLE = (Path(__file__).parents[3] / "examples/node.yaml").read_text(encoding="utf-8")
HOUR_S = 3600.0


def decision(number: int, ago_s: float, level: str, trunk: str = "acme-hq", **told: Any) -> DecisionRecord:
    rule, lack = {
        "A": ("A-own-inventory", ""),
        "B": ("B-known-customer", "no-evidence-for-number"),
        "": ("A-own-inventory", ""),
    }[level]
    values: dict[str, Any] = {
        "record_id": f"{number:032x}",
        "at": NOW - ago_s,
        "attempt_id": "a",
        "call_id": f"c{number}",
        "verdict": "admit",
        "reason": "admitted",
        "source_name": trunk,
        "tenant": "acme",
        "trunk": trunk,
        "direction": "outbound",
        "attest": level,
        "attest_reason": "" if level else "signer-timeout",
        "attestation": AttestationRecord(rule=rule, lack=lack),
    }
    return DecisionRecord(**(values | told))


#: Of acme-hq 40 calls an hour ago, half of them A; 40 two hours ago, all but one of them. beta stays as it is.
RECORDS = [
    *(decision(number, 0.5 * HOUR_S, "A" if number % 2 else "B") for number in range(39)),
    decision(39, 0.5 * HOUR_S, ""),
    *(decision(100 + number, 1.5 * HOUR_S, "A" if number else "B") for number in range(40)),
    *(
        decision(200 + number, ago * HOUR_S, "B", "beta")
        for ago in (0, 1)
        for number in range(ago * 30, 30 + ago * 30)
    ),
    decision(300, 2.5 * HOUR_S, "B"),
    decision(301, 0.5 * HOUR_S, "A", verdict="reject"),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "state" / "db").mkdir(parents=True)
    engine = open_database(f"sqlite:///{tmp_path / 'state' / 'db' / 'records.db'}")
    migrate(engine)
    RecordStore(engine).ship(RECORDS, "1", 1)
    engine.dispose()
    declared = Paths.from_environment().declared
    declared.parent.mkdir(parents=True, exist_ok=True)
    declared.write_bytes(
        msgspec.json.encode(
            InForce(version=1, node_file=EXAMPLE, certificates={"acme-hq": ["ab" * 32]}, evidence={})
        )
    )
    return tmp_path


def ask(*options: str) -> Result:
    return CliRunner().invoke(app, ["attestation", "--since", "1h", *options])


def test_property_35_each_trunk_and_the_time_before(home: Path) -> None:
    told = ask()
    assert told.exit_code == 0, told.stderr
    lines = told.stdout.splitlines()
    assert "trunk acme-hq of acme: 40 calls out, 40 in the time before" in lines
    (full,) = [line for line in lines if line.startswith("  A ")]
    assert full.split() == [
        *("A", "19", "47.5", "%,", "before", "97.5", "%", "CHANGED", "by", "-50.0", "points"),
        *("A-own-inventory", "(19)"),
    ]
    assert any("B-known-customer: no-evidence-for-number (20)" in line for line in lines)
    assert any(line.startswith("  none") and line.endswith("signer-timeout (1)") for line in lines)
    assert "trunk beta of acme: 30 calls out, 30 in the time before" in lines


def test_property_35_only_what_has_changed(home: Path) -> None:
    changed = ask("--changed", "--json")
    assert changed.exit_code == 1
    assert [(one["trunk"], one["moved"]) for one in json.loads(changed.stdout)] == [
        ("acme-hq", {"A": -50.0, "B": 47.5})
    ]
    same = ask("--changed", "--trunk", "beta")
    assert (same.exit_code, same.stdout) == (0, "no trunk's mix has changed\n")
    assert ask("--changed", "--points", "60").exit_code == 0


def test_property_35_a_trunk_that_was_silent_before_is_shown_with_what_has_changed(home: Path) -> None:
    engine = open_database(f"sqlite:///{home / 'state' / 'db' / 'records.db'}")
    dormant = [decision(400 + number, 0.5 * HOUR_S, "A", "gamma") for number in range(25)]
    RecordStore(engine).ship(dormant, "2", 1)
    engine.dispose()
    told = ask("--changed")
    assert told.exit_code == 1
    assert "trunk gamma of acme: 25 calls out, 0 in the time before: NEW" in told.stdout.splitlines()
    assert [(one["trunk"], one["new"]) for one in json.loads(ask("--changed", "--json").stdout)] == [
        ("acme-hq", False),
        ("gamma", True),
    ]
    _, _, _, gamma = csv.reader(io.StringIO(ask("--csv").stdout))
    assert (gamma[0], gamma[-1]) == ("gamma", "new")


def test_as_csv(home: Path) -> None:
    head, acme, beta = csv.reader(io.StringIO(ask("--csv").stdout))
    assert head == [
        *("trunk", "tenant", "now_calls", "now_A", "now_B", "now_C", "now_none"),
        *("before_calls", "before_A", "before_B", "before_C", "before_none", "changed"),
    ]
    assert acme == ["acme-hq", "acme", "40", "19", "20", "0", "1", "40", "39", "1", "0", "0", "A-50.0 B+47.5"]
    assert beta == ["beta", "acme", "30", "0", "30", "0", "0", "30", "0", "30", "0", "0", ""]


def test_what_cannot_be_meant_is_refused(home: Path) -> None:
    assert "nothing is called 'acme-hp'" in ask("--trunk", "acme-hp").stderr
    assert "did you mean acme" in ask("--tenant", "acmee").stderr
    assert "that time has no length" in ask("--until", "2h").stderr
    assert "either one" in ask("--json", "--csv").stderr
    assert ask("--trunk", "acme-hq", "--until", "1s").exit_code == 0
