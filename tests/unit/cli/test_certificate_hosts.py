"""Property 35: `trunkward verification --hosts`: the slowest certificate hosts first."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from trunkward.cli.main import app
from trunkward.engines.fetcher_hosts import HostSeen, HostsSeen, write_hosts
from trunkward.settings import Paths

NOW = 1_800_000_000.0
SEEN = HostsSeen(
    since=NOW,
    hosts=[
        HostSeen(
            sender="north", host="quick.example.net", fetched=4, total_s=0.2, slowest_s=0.1, at=NOW + 60
        ),
        HostSeen(
            sender="west",
            host="slow.example.net",
            fetched=1,
            failed={"deadline": 2},
            total_s=4.5,
            slowest_s=2.0,
            at=NOW + 120,
        ),
    ],
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def ask(*options: str) -> Result:
    return CliRunner().invoke(app, ["verification", "--hosts", *options])


@pytest.fixture
def seen() -> None:
    file = Paths.from_environment().fetcher_hosts
    file.parent.mkdir(parents=True)
    write_hosts(file, SEEN)


@pytest.mark.usefixtures("seen")
def test_property_35_the_slowest_host_is_first() -> None:
    said, _, slow, quick = ask().stdout.splitlines()
    assert said == "since 2027-01-15 08:00 UTC, the slowest first"
    assert slow.split() == [
        *("west", "slow.example.net", "1", "deadline", "(2)", "1500", "ms", "2000", "ms"),
        *("2027-01-15", "08:02", "UTC"),
    ]
    assert quick.split()[:7] == ["north", "quick.example.net", "4", "50", "ms", "100", "ms"]
    (one,) = json.loads(ask("--upstream", "west", "--json").stdout)
    assert (one["host"], one["failed"]) == ("slow.example.net", {"deadline": 2})


def test_where_nothing_was_fetched_nobody_can_say() -> None:
    told = ask()
    assert (told.exit_code, told.stdout) == (2, "")
    assert "no certificate was fetched since the fetcher was started" in told.stderr
