"""What became of decks between versions, and what a rollback leaves."""

from copy import replace

import pytest

from trunkward.control.deck_versions import as_of, changes_between, not_rolled_back, state_by_sha256
from trunkward.control.decks import DeckActRefused
from trunkward.control.difference import Action
from trunkward.spend.kept import KeptDeck

FIRST = KeptDeck(
    version=2, name="north", currency="EUR", sha256="a1" * 32, rates=3, file_sha256="f" * 64, ended=5
)
SECOND = replace(FIRST, version=5, sha256="a2" * 32, rates=4, ended=8)
OTHER = replace(FIRST, version=4, name="retail", sha256="b1" * 32, ended=0)
#: The newest first, as a store has them; north was dropped by version 8.
KEPT = [SECOND, OTHER, FIRST]


@pytest.mark.parametrize(
    ("version", "there"),
    [
        (1, {}),
        (2, {"north": 2}),
        (4, {"north": 2, "retail": 4}),
        (5, {"north": 5, "retail": 4}),
        (7, {"north": 5, "retail": 4}),
        (8, {"retail": 4}),
    ],
)
def test_what_was_in_force(version: int, there: dict[str, int]) -> None:
    assert {name: one.version for name, one in as_of(KEPT, version).items()} == there


def test_what_became_of_them() -> None:
    (change,) = changes_between(KEPT, 4, 6)
    assert (change.action, change.kind, change.name) == (Action.CHANGE, "decks", "north")
    assert list(change.lines()) == [
        "~ deck north",
        "    version: 2 -> 5",
        "    rates: 3 -> 4",
        f"    sha256: {'a1' * 32} -> {'a2' * 32}",
    ]
    assert [(one.action.value, one.name) for one in changes_between(KEPT, 1, 8)] == [("+", "retail")]
    assert [(one.action.value, one.name) for one in changes_between(KEPT, 5, 8)] == [("-", "north")]
    assert [(one.action.value, one.name) for one in changes_between(KEPT, 8, 5)] == [("+", "north")]
    assert changes_between(KEPT, 5, 7) == []


@pytest.mark.parametrize(
    ("version", "newest", "told"),
    [
        (5, 7, []),
        (4, 7, ["./trunkward deck restore north --version 4"]),
        # dropped since
        (5, 8, ["./trunkward deck restore north --version 5"]),
        (3, 7, ["./trunkward deck restore north --version 3", "./trunkward deck drop retail"]),
    ],
)
def test_a_rollback_names_what_brings_a_deck_back(version: int, newest: int, told: list[str]) -> None:
    found = list(not_rolled_back(KEPT, version, newest))
    assert len(found) == len(told)
    assert all(command in line for command, line in zip(told, found, strict=True)), found


def test_a_state_by_what_a_bill_says() -> None:
    assert state_by_sha256("north", "A1" * 32, KEPT) is FIRST
    assert state_by_sha256("north", "a2", KEPT) is SECOND
    # the same rates again: the newest of those states
    again = replace(FIRST, version=9, ended=0)
    assert state_by_sha256("north", "a1", [again, *KEPT]) is again
    with pytest.raises(DeckActRefused, match=r"no state of deck north .* a2a2a2a2a2a2 \(version 5\), a1"):
        state_by_sha256("north", "b1", KEPT)
    with pytest.raises(DeckActRefused, match="more than one state of deck north"):
        state_by_sha256("north", "a", KEPT)
