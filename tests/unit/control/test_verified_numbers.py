"""Findings about numbers: what is written down, what is refused, and what holds when."""

from pathlib import Path
from typing import Any

import pytest

from trunkward.control.node_file import read_node_file
from trunkward.control.verified import VerificationRefused, in_force, verified, withdrawn
from trunkward.trunks.callers import NumberChange, Verification
from trunkward.trunks.model import Declared

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
MORE = """
  - name: globex
    trunks:
      - name: globex-hq
        networks: [192.0.2.0/24]
        client_certificate: issued
        numbers: ["+13035550101"]

carriers:
"""
NOW, DAY = 1_800_000_000.0, 86_400
NUMBER = "+12125550150"


@pytest.fixture
def declared() -> Declared:
    return read_node_file(EXAMPLE.replace("\ncarriers:\n", MORE), "node.yaml")


def found(declared: Declared, held: tuple[Verification, ...] = (), **changed: Any) -> NumberChange:
    said: dict[str, Any] = {
        "number": NUMBER,
        "trunk": "acme-hq",
        "evidence": "letter of the carrier, folder 7",
        "file_sha256": "",
        "until": NOW + DAY,
        "now": NOW,
        "salt": "5a" * 16,
    }
    return verified(declared, held, **said | changed)


def held(version: int, until: float = NOW + DAY, trunk: str = "acme-hq", withdrawn: int = 0) -> Verification:
    return Verification(
        version=version,
        number=NUMBER,
        trunk=trunk,
        tenant="acme",
        evidence="x",
        file_sha256="",
        until=until,
        withdrawn=withdrawn,
    )


def test_a_finding_takes_the_place_of_the_one_before(declared: Declared) -> None:
    change = found(declared, (held(5), held(4, until=NOW - 1), held(3, withdrawn=4), held(2, trunk="other")))
    assert change.added is not None
    assert (change.added.number, change.added.trunk, change.added.tenant) == (NUMBER, "acme-hq", "acme")
    assert change.ended == (5,)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"number": "5550150"}, "write it with +"),
        ({"trunk": "acme"}, "no trunk acme"),
        ({"number": "+12025550101"}, "trunk acme-hq's own"),
        ({"number": "+13035550101"}, "a number of tenant globex"),
        ({"evidence": " "}, "evidence is one line"),
        ({"evidence": "a\nb"}, "evidence is one line"),
        ({"evidence": "x" * 501}, "evidence is one line"),
        ({"until": NOW}, "a day to come"),
        ({"until": NOW + 367 * DAY}, "2028-01-15 is the last possible"),
    ],
)
def test_what_is_not_written_down(declared: Declared, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(VerificationRefused) as refused:
        found(declared, **changed)
    assert said in str(refused.value)


def test_a_number_is_read_as_people_write_it(declared: Declared) -> None:
    assert found(declared, number="(212) 555-0150").number == found(declared).number == NUMBER
    taken = withdrawn(declared, (held(5),), number="212 555 0150", trunk=None, now=NOW)
    assert taken.number == NUMBER


def test_taking_back(declared: Declared) -> None:
    change = withdrawn(declared, (held(5), held(3, until=NOW - 1)), number=NUMBER, trunk=None, now=NOW)
    assert (change.act, change.trunk, change.ended) == ("withdraw", "acme-hq", (5,))
    both = (held(5), held(4, trunk="globex-hq"))
    assert withdrawn(declared, both, number=NUMBER, trunk="globex-hq", now=NOW).ended == (4,)
    with pytest.raises(VerificationRefused, match="say which with --trunk"):
        withdrawn(declared, both, number=NUMBER, trunk=None, now=NOW)
    for gone in ((), (held(5, until=NOW),), (held(5, withdrawn=6),)):
        with pytest.raises(VerificationRefused, match="not verified now"):
            withdrawn(declared, gone, number=NUMBER, trunk=None, now=NOW)


def test_what_is_in_force(declared: Declared) -> None:
    all_of_them = (held(5), held(4, until=NOW), held(3, withdrawn=4), held(2, trunk="gone"))
    assert [(one.trunk, one.until) for one in in_force(declared, all_of_them, NOW)] == [
        ("acme-hq", NOW + DAY)
    ]
    # a trunk of that name, and another customer's
    theirs = read_node_file(EXAMPLE.replace("- name: acme\n", "- name: initech\n"), "node.yaml")
    assert in_force(theirs, all_of_them, NOW) == []
