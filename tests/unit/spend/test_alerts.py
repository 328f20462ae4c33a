"""Levels of a cap: told once on the way up, again only after what is spent has fallen."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.spend.alerts import FALLEN, Alert, crossed, event, in_words
from trunkward.trunks.spending import ALERTS, Window

CAP = 30_000_000


def run(*percents: float, levels: tuple[int, ...] = ALERTS) -> list[int]:
    """What is told while this much of the cap is spent, one look after the other."""
    told, found = 0, []
    for percent in percents:
        told, alert = crossed(told, levels, round(percent * CAP / 100), CAP)
        found.append(alert)
    return found


@pytest.mark.parametrize(
    ("spent", "alerts"),
    [
        ((0, 49.9, 50, 50, 79, 80, 99.99, 100, 100), [0, 0, 50, 0, 0, 80, 0, 100, 0]),
        # several at once: the highest
        ((10, 100), [0, 100]),
        # a grant that is given back and taken again tells nothing
        ((81, 79, 81, 76, 80), [80, 0, 0, 0, 0]),
        # a fall does
        ((81, 74.9, 80), [80, 0, 80]),
        ((100, 94.9, 100, 60, 80), [100, 0, 100, 0, 80]),
        ((100, 0, 50), [100, 0, 50]),
    ],
)
def test_once_a_crossing(spent: tuple[float, ...], alerts: list[int]) -> None:
    assert run(*spent) == alerts


def test_levels_are_the_owners_own() -> None:
    assert run(50, 80, 91, 100, levels=(90,)) == [0, 0, 90, 0]
    assert run(100, levels=()) == [0]
    # one that is so low that nothing lies below it by as much
    assert run(3, 0, 3, levels=(3,)) == [3, 0, 3]


def test_a_cap_that_is_raised_arms_them_again() -> None:
    told, alert = crossed(0, ALERTS, 25_000_000, CAP)
    assert (told, alert) == (80, 80)
    told, alert = crossed(told, ALERTS, 25_000_000, 2 * CAP)
    assert (told, alert) == (0, 0)
    assert crossed(told, ALERTS, 30_000_000, 2 * CAP) == (50, 50)


@given(st.lists(st.integers(0, 120), max_size=60))
def test_between_two_alerts_of_a_level_it_has_fallen(percents: list[int]) -> None:
    last: dict[int, int] = {}
    for place, level in enumerate(run(*percents)):
        if not level:
            continue
        assert percents[place] >= level
        # nothing higher that was reached is passed over
        assert not any(level < other <= percents[place] for other in ALERTS)
        if level in last:
            assert min(percents[last[level] : place]) < level - FALLEN
        last[level] = place


def test_what_is_told() -> None:
    alert = Alert(
        owner="trunk:acme-hq",
        window=Window.DAY,
        percent=80,
        settled_micro=23_950_001,
        granted_micro=500_000,
        cap_micro=CAP,
        currency="EUR",
        at=1_800_000_000.0,
    )
    assert in_words(alert) == (
        "trunk:acme-hq is at 80 % of what it may spend in 24 hours: 23.950001 spent and 0.50 held for calls, of"
        " 30.00 EUR"
    )
    refused = replace(alert, percent=100, refused=True)
    assert in_words(refused) == (
        "trunk:acme-hq: a call was refused that needs more than is left for 24 hours: 23.950001 spent and 0.50"
        " held for calls, of 30.00 EUR"
    )
    told = json.loads(json.dumps(event(alert, "sbc.example.com", "2027-01-15T08:00:00Z")))
    assert (told["type"], told["timestamp"]) == ("spend.threshold", "2027-01-15T08:00:00Z")
    assert told["data"] | {"text": ""} == {
        "node": "sbc.example.com",
        "owner": "trunk:acme-hq",
        "window": "day",
        "percent": 80,
        "settled": "23.950001",
        "granted": "0.50",
        "cap": "30.00",
        "currency": "EUR",
        "text": "",
    }
