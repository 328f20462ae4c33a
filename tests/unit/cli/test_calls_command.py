"""`trunkward calls`: what is asked for, how it is told, and that wrong questions are refused with a right one."""

import contextlib
import csv
import io
import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from trunkward.calls.outcome import Ending, Outcome
from trunkward.cli import calls as command
from trunkward.cli.call_options import wanted_calls
from trunkward.cli.main import app
from trunkward.control.declared import InForce
from trunkward.records.export import COLUMNS
from trunkward.records.filter import ALL, CallFilter
from trunkward.records.model import (
    CheckRecord,
    DecisionRecord,
    MessageRecord,
    OutcomeRecord,
    VerificationRecord,
)
from trunkward.settings import Paths
from trunkward.store.database import migrate, open_database
from trunkward.store.records import RecordStore

type Ask = Callable[..., Result]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordStore]:
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr(command.console, "width", 250)
    (tmp_path / "state/db").mkdir(parents=True)
    engine = open_database(f"sqlite:///{tmp_path}/state/db/records.db")
    migrate(engine)
    store = RecordStore(engine)
    store.ship(
        [*_call("aa01", 0.0), *_call("aa02", 1.0, called="911"), _decision("bb03", 2.0, verdict="reject")],
        "x",
        1,
    )
    yield store
    store.disconnect()


@pytest.fixture
def ask(store: RecordStore) -> Ask:
    return lambda *words: CliRunner().invoke(app, ["calls", *words])


def _decision(name: str, at: float, verdict: str = "admit", called: str = "+12125550142") -> DecisionRecord:
    return DecisionRecord(
        record_id=name, at=1000.0 + at, attempt_id=name, call_id=f"{name}@pbx.example.com", verdict=verdict,
        reason="admitted" if verdict == "admit" else "no-route", trunk="acme-hq", source_name="acme-hq",
        direction="outbound", calling_number="+12025550101", called_number=called, source="192.0.2.1:5061",
    )  # fmt: skip


def _call(
    name: str, at: float, called: str = "+12125550142"
) -> list[DecisionRecord | OutcomeRecord | MessageRecord]:
    outcome = Outcome(record_id=name, call_id=f"{name}@pbx.example.com", ending=Ending.BYE, answered_at=1001.0,
                      ended_at=1004.0, status=200, ended_by="caller", peer="north")  # fmt: skip
    return [
        _decision(name, at, called=called),
        OutcomeRecord(record_id=name, at=1004.0, outcome=outcome),
        MessageRecord(record_id=name, at=999.9 + at, side="caller", way="in", what="INVITE", media="sdp"),
    ]


def _names(answered: Result) -> list[str]:
    assert answered.exit_code == 0, answered.output
    return [json.loads(line)["record_id"] for line in answered.stdout.splitlines()]


def test_lists_filters_and_limits(ask: Ask) -> None:
    assert _names(ask("--json")) == ["bb03", "aa02", "aa01"]
    assert _names(ask("--json", "--limit", "1")) == ["bb03"]
    assert _names(ask("--json", "--limit", "0")) == ["bb03", "aa02", "aa01"]
    assert _names(ask("--json", "--to", "911", "--verdict", "admit")) == ["aa02"]
    assert _names(ask("--json", "--from", "+1 (202) 555-0101", "--ending", "bye", "--min-duration", "3")) == [
        "aa02",
        "aa01",
    ]
    assert _names(ask("--json", "--since", "1970-01-01T00:16:42Z")) == ["bb03"]
    table = ask()
    assert table.exit_code == 0
    assert [line.split()[-1] for line in table.stdout.splitlines()[2:]] == ["3.0", "3.0"]


ROW = ["9f3a61c2", "2026-11-25 18:03:12", "acme-hq", "+12025550101", "+12075550142",
       "reject", "calling-number-malformed", "", "", "", "", "", ""]  # fmt: skip


def test_calls_are_told_by_their_signatures(store: RecordStore, ask: Ask) -> None:
    """Of ours the level, of others' also whether it was good."""
    signed = msgspec.structs.replace(_decision("cc04", 3.0), attest="B")
    good, bad, none = (
        msgspec.structs.replace(_decision(name, 4.0), direction="inbound", verification=verification)
        for name, verification in (
            ("dd05", VerificationRecord(verstat="TN-Validation-Passed", attest="A")),
            ("dd06", VerificationRecord(verstat="TN-Validation-Failed")),
            ("dd07", VerificationRecord(verstat="No-TN-Validation", why="no-identity")),
        )
    )
    store.ship([signed, good, bad, none], "y", 1)
    assert _names(ask("--level", "B", "--json")) == ["cc04"]
    assert _names(ask("--level", "A", "--json")) == ["dd05"]
    assert _names(ask("--verstat", "failed", "--json")) == ["dd06"]
    assert _names(ask("--verstat", "none", "--json", "--limit", "1")) == ["dd07"]
    [head, line] = ask("--level", "A").stdout.splitlines()
    assert "verstat" in head.split()
    assert [word for word in line.split() if word in ("A", "passed")] == ["A", "passed"]
    assert ask("--level", "D").exit_code == 2


def test_a_program_gets_every_column_and_nothing_is_cut() -> None:
    head, line = command.table_lines([ROW], None, "2026-11-25 ")
    assert head.split() == ["id", "when", *command._HEADS[2:]]
    for cell in ROW:
        assert cell in line


@pytest.mark.parametrize(
    ("width", "gone", "still"),
    [
        (200, [], ["rule", "failed", "level", "by", "trunk"]),
        (115, ["rule", "failed", "level"], ["by", "2026-11-25", "trunk"]),
        (105, ["rule", "level", "by", "2026-11-25"], ["18:03:12", "trunk"]),
        (80, ["rule", "level", "by", "2026-11-25", "acme-hq", "reject"], ["18:03:12"]),
        (20, ["rule", "level", "by", "2026-11-25", "acme-hq", "reject"], ["18:03:12"]),
    ],
)
def test_a_narrow_terminal_is_spared_columns_but_no_number_and_no_reason(
    width: int, gone: list[str], still: list[str]
) -> None:
    row = [*ROW[:7], "A", "A-own-inventory", "failed", "north", "bye 200", "61.4"]
    told = "\n".join(command.table_lines([row], width, "2026-11-25 "))
    assert [word for word in gone if word in told.split()] == []
    for word in (*still, "9f3a61c2", "+12025550101", "+12075550142", "calling-number-malformed"):
        assert word in told
    if width >= 80:
        assert max(map(len, told.splitlines())) <= width


def test_the_list_names_calls_as_show_takes_them(store: RecordStore, ask: Ask) -> None:
    long = "9f3a61c2b4e04d0f8a7be2f40c1d9a55"
    store.ship([_decision(long, 9.0)], "long", 1)
    first = ask().stdout.splitlines()[1].split()[0]
    assert first == "9f3a61c2"
    assert json.loads(ask("show", first, "--json").stdout)["record_id"] == long
    store.ship([_decision("9f3a61c2ffffffffffffffffffffffff", 9.5)], "long", 2)
    assert ask("show", first).exit_code == 1


def test_no_such_call_is_said(ask: Ask) -> None:
    none = ask("--trunk", "nobody")
    assert (none.exit_code, none.stderr.strip()) == (0, "no such call")


def test_a_trunk_nobody_has_and_an_empty_house_are_said(store: RecordStore, ask: Ask) -> None:
    example = (Path(__file__).parents[3] / "examples/node.yaml").read_text(encoding="utf-8")
    certificates = {"acme-hq": ["ab" * 32]}
    in_force = InForce(version=1, node_file=example, certificates=certificates, evidence={})
    declared = Paths.from_environment().declared
    declared.parent.mkdir(parents=True)
    declared.write_bytes(msgspec.json.encode(in_force))
    said = ask("--trunk", "acme-hqq").stderr.strip()
    assert said == "no such call, and no trunk is called acme-hqq now; did you mean acme-hq?"
    store.delete_calls("", 1e12, 100)
    assert ask().stderr.strip() == "no calls yet"


def test_what_a_stranger_said_he_is_stands_in_the_list_with_a_question_mark(
    store: RecordStore, ask: Ask
) -> None:
    stranger = msgspec.structs.replace(
        _decision("cc04", 3.0, verdict="reject"), trunk="", source_name="", claimed="acme-fax"
    )
    store.ship([stranger], "y", 1)
    assert _names(ask("--json", "--trunk", "acme-fax")) == ["cc04"]
    assert " acme-fax? " in ask("--trunk", "acme-fax").stdout


def test_a_refused_call_says_why_who_is_to_act_and_where_it_came_from(store: RecordStore, ask: Ask) -> None:
    refused = msgspec.structs.replace(
        _decision("cc04", 3.0, verdict="reject"), reason="called-number-unknown", blame="carrier", status=404,
        findings=[
            CheckRecord(check="source", detail="north"),
            CheckRecord(check="destination", detail="in no trunk's inventory", refused=True, remedy="add it"),
        ], transport="udp",
    )  # fmt: skip
    store.ship([refused], "refused", 1)
    told = ask("show", "cc04").stdout
    assert "refused with 404: called-number-unknown: in no trunk's inventory" in told
    assert "to let it pass: add it" in told
    assert "to act: the carrier" in told
    assert "it came from 192.0.2.1:5061, udp" in told
    assert "to act" not in ask("show", "aa01").stdout


def test_the_csv_has_its_header_and_each_call(ask: Ask) -> None:
    answered = ask("--csv")
    assert "\r\n" in answered.stdout_bytes.decode()
    rows = list(csv.DictReader(io.StringIO(answered.stdout, newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert [row["record_id"] for row in rows] == ["bb03", "aa02", "aa01"]
    assert rows[1]["calling_number"] == "+12025550101"


def test_pseudonyms_stay_the_same_from_one_export_to_the_next(ask: Ask, tmp_path: Path) -> None:
    first, again = ask("--csv", "--pseudonymise"), ask("--csv", "--pseudonymise")
    assert first.exit_code == 0, first.output
    assert first.stdout == again.stdout
    assert "2025550101" not in first.stdout
    assert "192.0.2.1" not in first.stdout
    assert "pbx.example.com" not in first.stdout
    assert ",+1202~" in ask("--csv", "--pseudonymise", "--keep-digits", "4").stdout
    secret = tmp_path / "state/pseudonym.secret"
    assert (secret.stat().st_mode & 0o777, secret.stat().st_size) == (0o600, 32)
    assert [path.name for path in secret.parent.iterdir() if "part" in path.name] == []
    secret.chmod(0o640)
    refused = ask("--csv", "--pseudonymise")
    assert refused.exit_code == 2
    assert "pseudonym.secret" in refused.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--verdict", "maybe"], "admit, reject, challenge, discard"), (["--reason", "because"], "no-route"),
        (["--reason", "not-registred"], "did you mean not-registered?"),
        (["--ending", "well"], "ended-unknown"), (["--from", "bob"], "+12025550101"), (["--number", "*"], "+1202*"),
        (["--from", "202*"], "+1202*"), (["--to", "2125550142"], "no country is known"),
        (["--since", "yesterday"], "15m"), (["--json", "--csv"], "either"), (["--pseudonymise"], "--csv"),
        (["--csv", "--keep-digits", "3"], "--pseudonymise"), (["--min-duration=-1"], "Invalid value"),
        (["--limit=-1"], "Invalid value"), (["shaw", "x"], "shaw"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_refused_with_a_right_one(ask: Ask, words: list[str], said: str) -> None:
    answered = ask(*words)
    assert answered.exit_code == 2
    assert said in " ".join(answered.stderr.replace("│", " ").split())


def test_times_a_person_writes() -> None:
    def since(text: str) -> float | None:
        return wanted_calls(*(None,) * 9, text, *(None,) * 3).since

    for text, ago_s in (("90s", 90), ("15m", 900), ("2h", 7200), ("7d", 604_800), ("1w", 604_800)):
        found = since(text)
        assert found is not None
        assert abs(time.time() - ago_s - found) < 5
    assert since("1970-01-01T00:00:10Z") == 10.0
    assert since("1970-01-01T01:00:10+01:00") == 10.0


def test_one_call_by_each_of_its_names(ask: Ask) -> None:
    for name in ("aa01", "aa01@pbx.example.com"):
        shown = ask("show", name)
        assert shown.exit_code == 0, shown.output
        assert "INVITE [sdp]" in shown.stdout
        assert "admit: admitted" in shown.stdout
        assert "talked 3.0 s" in shown.stdout
    told = json.loads(ask("show", "b", "--json").stdout)
    assert (told["record_id"], told["messages"]) == ("bb03", [])
    assert json.loads(ask("show", "aa01", "--json").stdout)["messages"][0]["what"] == "INVITE"


def test_no_call_and_more_than_one(ask: Ask) -> None:
    none, two = ask("show", "nobody"), ask("show", "aa")
    assert (none.exit_code, two.exit_code) == (1, 1)
    assert "no call nobody" in none.stderr
    assert "aa01" in two.stderr
    assert "aa02" in two.stderr


def test_without_records_it_says_what_makes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path / "nowhere"))
    answered = CliRunner().invoke(app, ["calls"])
    assert answered.exit_code == 2
    assert "trunkward up" in answered.stderr


# ---- following -----------------------------------------------------------------------------------


def _followed(
    store: RecordStore, wanted: CallFilter, limit: int, monkeypatch: pytest.MonkeyPatch, steps: list[Any]
) -> list[str]:
    """What is told while each of `steps` is shipped in its turn."""
    told: list[str] = []
    left = iter(enumerate(steps))

    def no_time_passes(_: float) -> None:
        number, step = next(left, (0, None))
        if step is None:
            raise KeyboardInterrupt
        store.ship(step, "follow", number)

    monkeypatch.setattr("trunkward.cli.calls.time.sleep", no_time_passes)
    with contextlib.suppress(KeyboardInterrupt):
        for view in command._followed(store, wanted, limit):
            told.append(f"{view['record_id']} {view['ending'] or view['verdict']}")
            assert len(told) < 100
    return told


def test_following_tells_of_each_call_when_it_begins_and_ends(
    store: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = _call("dd01", 10.0), _call("dd02", 11.0)
    steps = [
        [a[0], _decision("dd03", 12.0, verdict="reject")],
        [],
        [a[1]],
        [b[1]],  # an outcome whose decision comes later
        [b[0]],
        [*_call("dd04", 13.0)],
    ]
    told = _followed(store, ALL, 2, monkeypatch, steps)
    assert told == [
        "aa02 bye",
        "bb03 reject",
        "dd01 admit",
        "dd03 reject",
        "dd01 bye",
        "dd02 bye",
        "dd04 bye",
    ]


def test_following_tells_only_what_is_wanted(store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    running = _decision("cc01", 5.0)
    store.ship([running], "before", 1)
    steps = [
        [_call("cc01", 5.0)[1]],
        _call("dd01", 10.0)[:1],
        _call("dd01", 10.0)[1:],
        _call("dd02", 11.0, called="911"),
    ]
    wanted = CallFilter(ending="bye", called_number="+12125550142")
    monkeypatch.setattr(command, "_LONGEST_S", 1e12)
    assert _followed(store, wanted, 0, monkeypatch, steps) == ["cc01 bye", "dd01 bye"]


def test_many_at_once_are_all_told(store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkward.store.records._PAGE", 5)
    names = [f"ee{number:02d}" for number in range(23)]
    steps = [list(itertools.chain.from_iterable(_call(name, 20.0) for name in names)), [], []]
    told = _followed(store, ALL, 0, monkeypatch, steps)
    assert sorted(told) == [f"{name} bye" for name in names]
