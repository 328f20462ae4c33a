"""The worker asks DNS for what is due, and its file says what is known."""

import json
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from trunkward.control.node_file import read_node_file
from trunkward.routing.ports import Answer, NamesUnavailable, Naptr, Srv
from trunkward.routing.targets import AGAIN_S
from trunkward.trunks.model import Address, Declared, Host
from trunkward.worker.resolve import TargetResolver

NOW = 1_800_000_000.0


class Names:
    """One address for everybody, or silence."""

    def __init__(self) -> None:
        self.address = "192.0.2.31"
        self.silent = False
        self.asked = 0

    def naptr(self, name: str) -> Answer[Naptr]:
        return Answer(records=(), ttl_s=300)

    def srv(self, name: str) -> Answer[Srv]:
        self.asked += 1
        if self.silent:
            raise NamesUnavailable(f"SRV of {name}: timed out")
        return Answer(records=(), ttl_s=300)

    def addresses(self, name: str, version: int) -> Answer[Address]:
        return Answer(records=(ip_address(self.address),), ttl_s=300)


@pytest.fixture
def declared() -> Declared:
    example = Path(__file__).parents[3] / "examples" / "node.yaml"
    read = read_node_file(example.read_text(encoding="utf-8"), "node.yaml")
    north = replace(read.carriers[0], hosts=(Host(host="north.example.net"),))
    return replace(read, carriers=(north,))


def document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def hosts(path: Path) -> list[str]:
    (server,) = document(path)["peers"]["carrier:north"]["north.example.net"]["servers"]
    found: list[str] = server["hosts"]
    return found


def resolver(path: Path, declared: Declared, names: Names) -> TargetResolver:
    return TargetResolver(path, lambda: declared, lambda *_, **__: None, lambda _: names)


def test_what_is_found_is_written_and_asked_again_in_time(tmp_path: Path, declared: Declared) -> None:
    path, names = tmp_path / "targets.json", Names()
    looks = resolver(path, declared, names)
    looks.round(NOW)
    assert hosts(path) == ["192.0.2.31:5061"]
    assert path.stat().st_mode & 0o777 == 0o644
    names.address = "192.0.2.32"
    looks.round(NOW + 299)
    assert (hosts(path), names.asked) == (["192.0.2.31:5061"], 1)
    looks.round(NOW + 300)
    assert (hosts(path), names.asked) == (["192.0.2.32:5061"], 2)
    assert document(path)["former"] == {"192.0.2.31:5061": "carrier:north"}


def test_silence_is_written_and_changes_no_address(tmp_path: Path, declared: Declared) -> None:
    path, names = tmp_path / "targets.json", Names()
    looks = resolver(path, declared, names)
    looks.round(NOW)
    names.silent = True
    looks.round(NOW + 300)
    known = document(path)["peers"]["carrier:north"]["north.example.net"]
    assert (hosts(path), known["problem"]) == (
        ["192.0.2.31:5061"],
        "SRV of _sips._tcp.north.example.net: timed out",
    )
    # another process goes on with what this one knew
    again = resolver(path, declared, names)
    again.round(NOW + 301)
    assert names.asked == 2
    again.round(NOW + 300 + AGAIN_S)
    assert (hosts(path), names.asked) == (["192.0.2.31:5061"], 3)


def test_a_host_that_takes_all_of_its_time_takes_none_of_anothers(tmp_path: Path, declared: Declared) -> None:
    names, asked = Names(), []
    both = replace(
        declared,
        carriers=(
            declared.carriers[0],
            replace(declared.carriers[0], name="other", hosts=(Host(host="other.example.net"),)),
        ),
    )

    def ask(_: Declared) -> Names:
        asked.append(names)
        if len(asked) == 1:
            raise NamesUnavailable("no DNS")
        return names

    TargetResolver(tmp_path / "t.json", lambda: both, lambda *_, **__: None, ask).round(NOW)
    peers = document(tmp_path / "t.json")["peers"].values()
    assert sorted(known["problem"] for of_peer in peers for known in of_peer.values()) == ["", "no DNS"]


def test_a_disk_without_room_has_nobody_asked_twice(tmp_path: Path, declared: Declared) -> None:
    path, names = tmp_path / "there" / "targets.json", Names()
    looks = resolver(path, declared, names)
    for second in range(3):
        with pytest.raises(FileNotFoundError):
            looks.round(NOW + second)
    assert names.asked == 1
    path.parent.mkdir()
    looks.round(NOW + 3)
    assert (hosts(path), names.asked) == (["192.0.2.31:5061"], 1)


def test_no_configuration_yet(tmp_path: Path) -> None:
    names = Names()
    TargetResolver(tmp_path / "t.json", lambda: None, lambda *_, **__: None, lambda _: names).round(NOW)
    assert names.asked == 0
