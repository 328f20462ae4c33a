"""A cap that is set to no more than is spent is told of, with until when nothing goes; and only then."""

from copy import replace
from typing import Any

import pytest

from trunkward.control.caps_reached import Cap, Used, new_caps, reached
from trunkward.trunks.model import Declared, SharedLive
from trunkward.trunks.spending import TRUNK_CAPS, Raise, Spending, Window
from unit.control.test_spend_keys import accepted

NOW = 1_795_644_000.0  # 2026-11-25 22:00 UTC
OLD = accepted().declared
DAY = Cap(owner="tenant:acme", window=Window.DAY, micro=5_000_000)


def capped(**caps: Any) -> Declared:
    return replace(OLD, tenant_spending={"acme": Spending(**caps)})


def said(cap: Cap, settled: int, held: int = 0) -> list[str]:
    return list(reached([cap], {cap: Used(settled=settled, held=held)}, "EUR", NOW))


def test_what_is_spent_and_until_when_nothing_goes() -> None:
    (day,) = said(DAY, 7_200_000, 400_000)
    assert day == (
        "tenant acme may cost 5.00 EUR a day, and 7.20 are spent of it already and 0.40 held for calls: no call"
        " of it that costs money goes until enough of that is free again: what is held when its calls end, what"
        " is spent when it is more than 24 hours ago, all of it by 2026-11-26 22:30 UTC"
    )
    (hour,) = said(Cap(owner="carrier:north", window=Window.HOUR, micro=10), 10)
    assert hour.startswith("carrier north may cost 0.00001 EUR an hour, and 0.00001 are spent")
    assert "no call that costs money goes by it until" in hour
    assert hour.endswith("more than an hour ago, all of it by 2026-11-25 23:01 UTC")
    (month,) = said(Cap(owner="trunk:acme-hq", window=Window.MONTH, micro=1), 2)
    assert month.endswith("more than 30 days ago, all of it by 2026-12-26 10:00 UTC")
    (never,) = said(Cap(owner="trunk:acme-hq", window=Window.DAY, micro=0), 1)
    assert never.endswith("no call of it that costs money goes as long as that stands")


@pytest.mark.parametrize(
    ("settled", "held", "told"),
    [
        (4_999_999, 0, False),
        (5_000_000, 0, True),
        (4_000_000, 999_999, False),
        (4_000_000, 1_000_000, True),
        (0, 5_000_000, True),
    ],
)
def test_what_is_held_counts_as_it_does_for_calls(settled: int, held: int, told: bool) -> None:
    assert bool(said(DAY, settled, held)) is told


def test_nothing_is_said_of_who_has_spent_nothing_or_was_not_asked_about() -> None:
    assert said(replace(DAY, micro=0), 0) == []
    assert list(reached([DAY], {}, "EUR", NOW)) == []


def test_only_caps_that_hold_otherwise_than_before() -> None:
    """Summary: of those that stay, and of those for one call, nothing is asked; a raise that runs counts."""
    assert new_caps(OLD, OLD, [], NOW) == []
    assert new_caps(OLD, capped(day_micro=5_000_000, call_micro=1), [], NOW) == [DAY]
    both = capped(day_micro=5_000_000, month_micro=7)
    assert new_caps(capped(day_micro=5_000_000), both, [], NOW) == [
        replace(DAY, window=Window.MONTH, micro=7)
    ]
    assert new_caps(both, capped(), [], NOW) == []
    raised = Raise(version=3, owner="tenant:acme", window=Window.DAY, to_micro=9_000_000, until=NOW + 60)
    higher = capped(day_micro=8_000_000)
    assert new_caps(higher, capped(day_micro=5_000_000), [raised], NOW) == []
    assert new_caps(higher, capped(day_micro=5_000_000), [raised], NOW + 60) == [DAY]


def test_an_owner_that_is_new_may_have_been_there_before() -> None:
    new = accepted()
    without = replace(OLD, trunks=tuple(one for one in OLD.trunks if one.name != "acme-hq"))
    found = {cap.window: cap.micro for cap in new_caps(without, new.declared, [], NOW)}
    assert found == {
        Window.HOUR: TRUNK_CAPS.hour_micro,
        Window.DAY: TRUNK_CAPS.day_micro,
        Window.MONTH: TRUNK_CAPS.month_micro,
    }


def test_what_is_counted_anew_is_not_compared() -> None:
    new = capped(day_micro=1)
    assert new_caps(OLD, replace(new, node=replace(new.node, currency="USD")), [], NOW) == []
    live = SharedLive(where="live.example.net:6380", secrets="/s")
    assert new_caps(OLD, replace(new, node=replace(new.node, live=live)), [], NOW) == []
