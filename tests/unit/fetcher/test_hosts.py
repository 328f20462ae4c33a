"""Property 35: how long hosts of certificates took, by whose calls named them, and within bounds."""

from pathlib import Path

import pytest

from trunkward.engines.fetcher_hosts import HostSeen, read_hosts, write_hosts
from trunkward.fetch.chains import Why
from trunkward.fetcher.hosts import MOST, Hosts

NORTH, WEST, HOST = "north", "west", "certificates.example.net"
NOW = 1_800_000_000.0


def test_property_35_each_host_by_whose_calls_named_it() -> None:
    hosts = Hosts(lambda: NOW)
    assert not hosts.has_changed
    hosts.asked(NORTH, HOST, 0.25)
    hosts.asked(NORTH, HOST, 2.0, Why.DEADLINE)
    hosts.asked(WEST, HOST, 0.5)
    assert hosts.has_changed
    told = hosts.told()
    assert not hosts.has_changed
    assert told.since == NOW
    assert told.hosts == [
        HostSeen(
            sender=NORTH, host=HOST, fetched=1, failed={"deadline": 1}, total_s=2.25, slowest_s=2.0, at=NOW
        ),
        HostSeen(sender=WEST, host=HOST, fetched=1, total_s=0.5, slowest_s=0.5, at=NOW),
    ]
    assert [one.asked for one in told.hosts] == [2, 1]


def test_who_names_hosts_without_end_has_his_own_forgotten() -> None:
    hosts = Hosts(lambda: NOW)
    hosts.asked(WEST, HOST, 0.5)
    for number in range(MOST):
        hosts.asked(NORTH, f"{number}.example.net", 0.1)
    hosts.asked(NORTH, "0.example.net", 0.1)  # it is the last again
    hosts.asked(NORTH, "one-more.example.net", 0.1)
    theirs = [one.host for one in hosts.told().hosts if one.sender == NORTH]
    assert len(theirs) == MOST
    assert "0.example.net" in theirs
    assert "1.example.net" not in theirs
    assert [one.host for one in hosts.told().hosts if one.sender == WEST] == [HOST]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    hosts, file = Hosts(lambda: NOW), tmp_path / "hosts.json"
    assert read_hosts(file) is None
    hosts.asked(NORTH, "x" * 1000, 0.25)
    write_hosts(file, hosts.told())
    assert read_hosts(file) == hosts.told()
    assert [len(one.host) for one in hosts.told().hosts] == [255]


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_what_is_no_such_file_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "hosts.json").write_text(text)
    assert read_hosts(tmp_path / "hosts.json") is None
