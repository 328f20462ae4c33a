"""Holds and raises: who is refused what, what a raise is worth and for how long."""

from copy import replace
from pathlib import Path
from typing import Any

import pytest

from trunkward.control.node_file import read_node_file
from trunkward.control.spending import (
    MORE_S,
    MOST_S,
    SpendingRefused,
    held,
    journaled,
    lower_above,
    lowered,
    raised,
    released,
    said,
)
from trunkward.trunks.model import Declared
from trunkward.trunks.spending import (
    NO_CAPS,
    TRUNK_CAPS,
    Hold,
    HoldScope,
    OwnerSpending,
    Raise,
    Spending,
    Window,
)

NOW = 1_800_000_000.0
TRUNK = "trunk:acme-hq"
EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
DECLARED = replace(
    read_node_file(EXAMPLE, "node.yaml"), tenant_spending={"acme": Spending(day_micro=50_000_000)}
)


def raise_(declared: Declared = DECLARED, raises: tuple[Raise, ...] = (), **changed: Any) -> Raise:
    asked: dict[str, Any] = {
        "owner": TRUNK,
        "window": Window.DAY,
        "to_micro": 80_000_000,
        "for_s": 7200.0,
        "why": "ticket 4711",
        "more": False,
        "now": NOW,
    }
    change = raised(declared, raises, **asked | changed)
    assert change.raised is not None
    return change.raised


def test_a_raise_holds_for_its_time_and_no_moment_longer() -> None:
    found = raise_()
    assert found.until == NOW + 7200
    owner = OwnerSpending(owner=TRUNK, spending=TRUNK_CAPS, raises=(found,))
    assert owner.at(NOW + 7199.9) == replace(TRUNK_CAPS, day_micro=80_000_000)
    assert owner.at(NOW + 7200) == TRUNK_CAPS
    assert owner.account == "money:trunk:acme-hq"


def test_a_raise_never_lowers_and_caps_nobody_who_has_none() -> None:
    raises = (raise_(),)
    higher = replace(TRUNK_CAPS, day_micro=90_000_000)
    assert OwnerSpending(owner=TRUNK, spending=higher, raises=raises).at(NOW) == higher
    assert OwnerSpending(owner=TRUNK, spending=NO_CAPS, raises=raises).at(NOW) == NO_CAPS


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"owner": "acme-hq"}, "write whose it is as one of trunk:NAME"),
        ({"owner": "trunk:nobody"}, "no trunk nobody in the newest version"),
        ({"owner": "tenant:acme", "window": Window.HOUR}, "tenant acme has no cap for an hour"),
        ({"to_micro": 30_000_000}, "is 30.00 EUR already: a raise only raises"),
        ({"to_micro": 20_000_000}, "is 30.00 EUR already: a raise only raises"),
        ({"to_micro": 300_000_001}, "more than a month may cost .300.00 EUR."),
        ({"window": Window.CALL, "to_micro": 10_000_001}, "more than an hour may cost"),
        ({"window": Window.MONTH, "to_micro": 3_000_000_001}, "more than 10 times the cap"),
        ({"for_s": MOST_S + 1}, "at most 7 days, with --more for 31"),
        ({"for_s": MORE_S + 1, "more": True}, "for good, write it into the node file"),
        ({"for_s": 0}, "for good, write it into the node file"),
        ({"why": " "}, "say why"),
        ({"why": "two\nlines"}, "say why"),
    ],
)
def test_a_raise_that_is_refused(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(SpendingRefused, match=why):
        raise_(**changed)


def test_more_is_more() -> None:
    found = raise_(window=Window.MONTH, to_micro=3_000_000_001, more=True, for_s=MORE_S)
    assert (found.to_micro, found.until) == (3_000_000_001, NOW + MORE_S)


def test_another_raise_takes_the_place_of_the_one_before_and_is_no_lower() -> None:
    first = replace(raise_(), version=7)
    other = replace(raise_(window=Window.HOUR, to_micro=11_000_000), version=8)
    with pytest.raises(SpendingRefused, match=r"is 80\.00 EUR already"):
        raise_(raises=(first,), to_micro=70_000_000)
    change = raised(
        DECLARED,
        (first, other),
        owner=TRUNK,
        window=Window.DAY,
        to_micro=90_000_000,
        for_s=60,
        why="more",
        more=False,
        now=NOW,
    )
    assert change.ended == (7,)
    # one that is over is nobody's any more
    assert raise_(raises=(first,), to_micro=70_000_000, now=NOW + 7200).to_micro == 70_000_000


def test_a_raise_ends_early() -> None:
    day = replace(raise_(), version=7)
    hour = replace(raise_(window=Window.HOUR, to_micro=11_000_000), version=8)

    def ended(window: Window | None) -> tuple[int, ...]:
        return lowered((day, hour), owner=TRUNK, window=window, why="over", now=NOW).ended

    assert (ended(Window.DAY), ended(Window.HOUR)) == ((7,), (8,))
    # which one is meant is asked, not guessed
    with pytest.raises(SpendingRefused, match=r"say which one ends: --window day \(80\.00\), --window hour"):
        ended(None)
    change = lowered((day,), owner=TRUNK, window=None, why="over", now=NOW)
    assert said(change) == "trunk:acme-hq: the raise for a day ended early (over)"
    assert journaled(change)["window"] == "day"
    for raises, at in (((replace(day, ended=9),), NOW), ((day,), NOW + 7200)):
        with pytest.raises(SpendingRefused, match="no cap of trunk:acme-hq is raised"):
            lowered(raises, owner=TRUNK, window=None, why="over", now=at)


def test_a_raise_says_until_when() -> None:
    change = raised(
        *(DECLARED, ()),
        owner=TRUNK,
        window=Window.DAY,
        to_micro=80_000_000,
        for_s=7200,
        why="x",
        more=False,
        now=NOW,
    )
    assert said(change) == "trunk:acme-hq may spend 80.00 a day until 2027-01-15 10:00 UTC (x)"


@pytest.mark.parametrize(
    ("tenant", "reseller", "before", "told"),
    [
        (80, None, (), []),
        (50, None, (), ["tenant acme may spend 50.00 EUR in a day, which holds as well"]),
        (50, 60, (), ["tenant acme may spend 50.00", "reseller bolt may spend 60.00"]),
        # a raise of the tenant's own is long enough a day
        (50, None, ("tenant:acme",), []),
    ],
)
def test_a_lower_cap_above_a_raise_is_told(
    tenant: int, reseller: int | None, before: tuple[str, ...], told: list[str]
) -> None:
    declared = replace(
        DECLARED,
        trunks=tuple(replace(one, reseller="bolt") for one in DECLARED.trunks),
        resellers=("bolt",),
        tenant_spending={"acme": Spending(day_micro=tenant * 10**6)},
        reseller_spending={"bolt": Spending(day_micro=reseller * 10**6)} if reseller else {},
    )
    raises = [
        Raise(version=3, owner=owner, window=Window.DAY, to_micro=90_000_000, until=NOW + 60)
        for owner in before
    ]
    found = lower_above(declared, raises, [], raise_(declared), NOW)
    assert len(found) == len(told)
    assert all(one.startswith(begins) for one, begins in zip(found, told, strict=True)), found
    held_too = [Hold(version=4, owner="reseller:bolt"), Hold(version=5, owner="trunk:other")]
    assert [
        one for one in lower_above(declared, raises, held_too, raise_(declared), NOW) if one not in found
    ] == ["reseller bolt is held (calls out): ./trunkward release reseller:bolt --why TEXT"]


def hold(owner: str = TRUNK, *before: Hold, **changed: Any) -> Hold:
    asked: dict[str, Any] = {"scope": HoldScope.OUTBOUND, "cut": False, "why": "strange calls"}
    change = held(DECLARED, before, owner=owner, **asked | changed)
    assert change.hold is not None
    assert change.ended == tuple(one.version for one in before if not one.ended and one.owner == owner)
    return change.hold


def test_a_hold_takes_the_place_of_the_one_before() -> None:
    first = replace(hold(), version=5)
    with pytest.raises(SpendingRefused, match="trunk acme-hq is held so already: calls out"):
        hold(TRUNK, first)
    assert hold(TRUNK, first, cut=True).cut
    assert hold(TRUNK, replace(first, ended=6)) == hold()
    assert hold("tenant:acme", first).owner == "tenant:acme"


@pytest.mark.parametrize(
    ("owner", "why", "told"),
    [
        ("carrier:north", "text", "write whose it is as one of trunk:NAME, tenant:NAME, reseller:NAME"),
        ("tenant:nobody", "text", "no tenant nobody"),
        (TRUNK, "", "say why"),
    ],
)
def test_a_hold_that_is_refused(owner: str, why: str, told: str) -> None:
    with pytest.raises(SpendingRefused, match=told):
        hold(owner, why=why)


def test_who_is_not_held_is_not_released() -> None:
    found = replace(hold(), version=5)
    assert released((found,), owner=TRUNK, why="clean").ended == (5,)
    with pytest.raises(SpendingRefused, match="tenant:acme is not held; held now: trunk:acme-hq"):
        released((found,), owner="tenant:acme", why="clean")
    with pytest.raises(SpendingRefused, match="nor is anybody else"):
        released((replace(found, ended=6),), owner=TRUNK, why="clean")
    with pytest.raises(SpendingRefused, match="say why"):
        released((found,), owner=TRUNK, why="")


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (HoldScope.INTERNATIONAL, {"abroad"}),
        (HoldScope.OUTBOUND, {"home", "abroad"}),
        (HoldScope.ALL, {"in", "home", "abroad"}),
    ],
)
def test_what_a_hold_covers(scope: HoldScope, covered: set[str]) -> None:
    calls = {"in": (False, False), "home": (True, False), "abroad": (True, True)}
    found = Hold(version=1, owner=TRUNK, scope=scope)
    assert {name for name, (out, far) in calls.items() if found.covers(outbound=out, abroad=far)} == covered


def test_history_and_journal_say_what_and_why() -> None:
    change = held(DECLARED, (), owner=TRUNK, scope=HoldScope.INTERNATIONAL, cut=True, why="Latvia")
    assert said(change) == "trunk:acme-hq held: calls abroad, running ones ended (Latvia)"
    assert journaled(change) == {
        "act": "hold",
        "owner": TRUNK,
        "scope": "international",
        "cut": True,
        "window": None,
        "to_micro": None,
        "until": None,
        "why": "Latvia",
        "ended": [],
    }
    back = released((replace(change.hold or hold(), version=5),), owner=TRUNK, why="clean")
    assert said(back) == "trunk:acme-hq released (clean)"
    assert (journaled(back)["act"], journaled(back)["ended"]) == ("release", [5])
