"""A chain shows what was changed, taken out, put in or moved; a hash is checked by another implementation."""

import json
import subprocess
from dataclasses import replace

import pytest

from trunkward.journal.chain import GENESIS, ChainBroken, Entry, begin_or_continue, verify


def chain(length: int) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(length):
        entries.append(begin_or_continue(entries[-1] if entries else None, {"what": f"ä{number}"}))
    return entries


def test_an_empty_chain_holds() -> None:
    assert verify([]) is None


def test_a_chain_holds_and_ends_with_its_last() -> None:
    entries = chain(4)
    assert verify(entries) == entries[-1]
    assert [entry.seq for entry in entries] == [1, 2, 3, 4]
    assert json.loads(entries[0].text) == {"what": "ä0", "seq": 1, "prev": GENESIS}
    assert json.loads(entries[3].text)["prev"] == entries[2].hash


def test_the_hash_is_that_of_sha256sum() -> None:
    entry = chain(2)[1]
    said = subprocess.run(["sha256sum"], input=entry.text.encode(), capture_output=True, check=True)
    assert said.stdout.split()[0].decode() == entry.hash


def test_facts_cannot_take_the_place_of_the_link() -> None:
    entry = begin_or_continue(None, {"seq": 7, "prev": "x"})
    assert json.loads(entry.text) == {"seq": 1, "prev": GENESIS}


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda e: [*e[:1], replace(e[1], text=e[1].text.replace("ä1", "ä9")), *e[2:]], "entry 2 was changed"),
        (lambda e: [e[0], *e[2:]], "entry 2 is missing"),
        (lambda e: e[1:], "entry 1 is missing"),
        (lambda e: [e[0], begin_or_continue(e[0], {"what": "put in"}), *e[2:]], "entry 3 does not follow"),
        (lambda e: [e[0], begin_or_continue(None, {}), *e[2:]], "entry 2 is missing: 1 follows"),
        (lambda e: [replace(e[0], text="{}", hash=sha256sum("{}")), *e[1:]], "entry 1 cannot be read"),
    ],
)  # fmt: skip
def test_harm_is_named_at_its_first_entry(harm: object, said: str) -> None:
    with pytest.raises(ChainBroken, match=said):
        verify(harm(chain(4)))  # type: ignore[operator]


def sha256sum(text: str) -> str:
    return subprocess.run(
        ["sha256sum"], input=text.encode(), capture_output=True, check=True
    ).stdout.split()[0].decode()  # fmt: skip
