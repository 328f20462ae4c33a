"""`trunkward verification`, from a records database, and its part of `explain`."""

import json
import time
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from trunkward.cli.explain import document, lines
from trunkward.cli.main import app
from trunkward.control.declared import InForce
from trunkward.records.model import DecisionRecord, StirErrorRecord, VerificationRecord
from trunkward.records.view import call_view
from trunkward.settings import Paths
from trunkward.store.database import migrate, open_database
from trunkward.store.records import RecordStore

NOW = time.time()


def decision(number: int, verification: VerificationRecord | None, **told: object) -> DecisionRecord:
    values = {
        "record_id": f"{number:032x}",
        "at": NOW - 60 * number,
        "attempt_id": "a",
        "call_id": f"c{number}",
        "verdict": "admit",
        "reason": "admitted",
        "source_name": "north",
        "direction": "inbound",
    }
    return DecisionRecord(**(values | told), verification=verification)  # type: ignore[arg-type]


GOOD = VerificationRecord(
    verstat="TN-Validation-Passed", attest="A", spc="709J", x5u="https://c.example.net/1.pem"
)
BAD = VerificationRecord(verstat="TN-Validation-Failed", errors=[StirErrorRecord(code=438, cause="replayed")])
GONE = VerificationRecord(
    verstat="No-TN-Validation", errors=[StirErrorRecord(code=436, cause="certificate-unavailable")]
)
UNSIGNED = VerificationRecord(verstat="No-TN-Validation", why="no-identity")
LATE = VerificationRecord(verstat="No-TN-Validation", why="certificate-late")
RECORDS = [
    decision(1, GOOD),
    decision(2, GOOD),
    decision(3, BAD),
    decision(4, LATE),
    decision(5, GOOD, source_name="west"),
    decision(6, None, direction="outbound", source_name="acme-hq"),
    decision(7, GOOD, direction="outbound", source_name="upstream"),
    decision(60 * 24 * 3, GOOD),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    (tmp_path / "state" / "db").mkdir(parents=True)
    url = f"sqlite:///{tmp_path / 'state' / 'db' / 'records.db'}"
    engine = open_database(url)
    migrate(engine)
    RecordStore(engine).ship(RECORDS, "1", 1)
    engine.dispose()
    return tmp_path


def ask(*options: str) -> Result:
    return CliRunner().invoke(app, ["verification", *options])


def test_each_upstream_in_a_time(home: Path) -> None:
    told = ask().stdout
    assert "carrier north: 4 calls, 100.0 % signed" in told
    assert "carrier west: 1 calls, 100.0 % signed" in told
    assert "trunk upstream: 1 calls, 100.0 % signed" in told
    assert "438 replayed (1)" in told
    assert "came with another call before" in told
    assert "certificate-late: its certificate did not come in time" in told
    assert "709J (2)" in told
    assert "acme-hq" not in told


def test_its_rows_sum_up_to_the_calls(home: Path) -> None:
    engine = open_database(f"sqlite:///{home / 'state' / 'db' / 'records.db'}")
    many = [GOOD, BAD, GONE, GONE, UNSIGNED, LATE, VerificationRecord(verstat="No-TN-Validation")]
    several = VerificationRecord(
        verstat="TN-Validation-Failed",
        errors=[StirErrorRecord(code=438, cause="signature"), StirErrorRecord(code=438, cause="alg")],
    )
    shipped = [decision(100 + n, one, source_name="east") for n, one in enumerate([*many, several])]
    RecordStore(engine).ship(shipped, "2", 1)
    engine.dispose()
    told = ask("--upstream", "east").stdout
    [one] = json.loads(ask("--upstream", "east", "--json").stdout)
    parts = one["unsigned"] + one["passed"] + one["failed"] + sum(one["unverified"].values())
    assert (one["calls"], parts, one["signed"]) == (8, 8, 7)
    assert one["unverified"] == {"436 certificate-unavailable": 2, "certificate-late": 1, "unknown-kind": 1}
    assert one["errors"] == {"438 replayed": 1, "438 signature": 1}
    assert "not verified       2  436 certificate-unavailable: its certificate could not be had" in told
    assert "unsigned           1" in told


def test_a_name_nobody_has_is_refused_with_those_there_are(home: Path) -> None:
    node_file = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
    refused = ask("--upstream", "nosuch")
    assert (refused.exit_code, refused.stdout) == (2, "")
    held = InForce(version=1, node_file=node_file, certificates={"acme-hq": ["ab" * 32]}, evidence={})
    declared = Paths.from_environment().declared
    declared.parent.mkdir(parents=True, exist_ok=True)
    declared.write_bytes(msgspec.json.encode(held))
    refused = ask("--upstream", "sout")
    said = " ".join(refused.stderr.replace("│", " ").split())
    assert refused.exit_code == 2
    assert "did you mean south? there are acme-hq" in said, said
    assert ask("--upstream", "south").exit_code == 0


def test_for_programs_and_of_one(home: Path) -> None:
    [north] = json.loads(ask("--upstream", "north", "--since", "7d", "--json").stdout)
    assert (north["upstream"], north["calls"], north["levels"]) == ("north", 5, {"A": 3})
    assert json.loads(ask("--since", "2d", "--until", "1d", "--json").stdout) == []
    assert ask("--since", "2d", "--until", "1d").stdout.strip() == "no calls that others signed in that time"


@pytest.mark.parametrize(
    ("verification", "said"),
    [
        (GOOD, "signature verified: level A, by 709J, certificate https://c.example.net/1.pem"),
        (BAD, "signature not good: 438 replayed"),
        (LATE, "signature not verified, certificate-late: its certificate did not come in time"),
    ],
)
def test_explain_says_what_a_signature_was_worth(verification: VerificationRecord, said: str) -> None:
    view = call_view(msgspec.to_builtins(decision(1, verification)), None)
    assert any(said in line for line in lines(document(view)))
