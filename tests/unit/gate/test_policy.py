"""A gate takes a newer snapshot when it is good, and keeps the one it has when it is not."""

from pathlib import Path

import pytest

from sipkit.places import TABLE
from trunkward.admission.snapshot import compile_snapshot
from trunkward.control.node_file import read_node_file
from trunkward.gate.policy import PolicyInForce
from trunkward.settings import snapshot_name
from trunkward.spend.deck import Rate, deck
from trunkward.spend.table import compile_deck, deck_name
from trunkward.spend.tariff import Tariff

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


def put(directory: Path, version: int, content: bytes | None = None) -> None:
    good = compile_snapshot(read_node_file(EXAMPLE, "node.yaml"), {}, version, TABLE)
    (directory / snapshot_name(version)).write_bytes(good if content is None else content)
    link = directory / "current.part"
    link.symlink_to(snapshot_name(version))
    link.rename(directory / "current")


@pytest.fixture
def policy(tmp_path: Path) -> PolicyInForce:
    return PolicyInForce(tmp_path)


def test_without_a_snapshot_there_is_none(policy: PolicyInForce) -> None:
    assert not policy.is_behind()
    assert (policy.refresh(), policy.snapshot) == (None, None)


def test_a_newer_one_is_taken(policy: PolicyInForce, tmp_path: Path) -> None:
    for version in (1, 2):
        put(tmp_path, version)
        assert policy.is_behind()
        assert policy.refresh() is None
        assert not policy.is_behind()
        assert policy.snapshot is not None
        assert policy.snapshot.version == version


@pytest.mark.parametrize("content", [b"", b"not a snapshot" * 100])
def test_one_that_cannot_be_used_is_not_taken(policy: PolicyInForce, tmp_path: Path, content: bytes) -> None:
    put(tmp_path, 1)
    policy.refresh()
    put(tmp_path, 2, content)
    said = policy.refresh()
    assert said is not None
    assert "current" in said
    assert policy.snapshot is not None
    assert policy.snapshot.version == 1
    assert policy.is_behind()  # and looked at again: the worker may mend it
    put(tmp_path, 3)
    assert policy.refresh() is None
    assert policy.snapshot.version == 3


DECK = compile_deck(deck("EUR", [Rate(prefix="44", tariff=Tariff(rate_nano=5))]), 0)


def put_rated(directory: Path, version: int, sha256: str) -> None:
    text = EXAMPLE.replace("- name: acme\n", "- name: acme\n    deck: retail\n", 1)
    declared = read_node_file(text, "node.yaml")
    put(directory, version, compile_snapshot(declared, {}, version, TABLE, decks={"retail": sha256}))


def test_decks_come_with_it_and_are_mapped_once(policy: PolicyInForce, tmp_path: Path) -> None:
    (tmp_path / deck_name("aa")).write_bytes(DECK)
    found = []
    for version in (1, 2):
        put_rated(tmp_path, version, "aa")
        assert policy.refresh() is None
        assert policy.snapshot is not None
        trunk = policy.snapshot.trunk("acme-hq")
        assert trunk is not None
        found.append(policy.snapshot.selling(trunk))
        assert policy.snapshot.buying(policy.snapshot.carriers[0]) is None
    assert found[0] is found[1]
    assert found[0] is not None
    assert found[0].find("442079460000", 1.0) == ("44", Tariff(rate_nano=5))


@pytest.mark.parametrize("content", [None, b"", DECK[:-1], DECK[:-1] + b"\x01"])
def test_one_without_its_decks_is_not_taken(
    policy: PolicyInForce, tmp_path: Path, content: bytes | None
) -> None:
    put(tmp_path, 1)
    policy.refresh()
    if content is not None:
        (tmp_path / deck_name("bb")).write_bytes(content)
    put_rated(tmp_path, 2, "bb")
    assert policy.refresh() is not None
    assert policy.snapshot is not None
    assert policy.snapshot.version == 1
    (tmp_path / deck_name("bb")).write_bytes(DECK)
    assert (policy.refresh(), policy.snapshot.version) == (None, 2)
