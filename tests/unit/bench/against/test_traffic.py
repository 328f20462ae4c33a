"""The calls of a run, against what is cited for them."""

import statistics

import pytest
from bench.against.traffic import ABROAD, FAMILIES, HOME, HORIZON_S, HOUR_S, Channel, attack, honest

from unit.bench.against.calls import FAMILY


def test_an_office_calls_by_day_and_rarely_at_the_weekend() -> None:
    calls = [pair for seed in range(20) for pair in honest(seed)]
    assert all(0 <= at < HORIZON_S for at, _ in calls)
    by_day = [sum(at // 86_400 == day for at, _ in calls) / 20 for day in range(4)]
    assert 70 < by_day[0] < 90
    assert 70 < by_day[3] < 90
    assert by_day[1] < 20
    assert sum(7 <= at % 86_400 / HOUR_S < 19 for at, _ in calls) / len(calls) > 0.9
    assert 0.5 < sum(call.wants_s > 0 for _, call in calls) / len(calls) < 0.6
    talk = [call.wants_s for _, call in calls if call.wants_s > 6]
    assert 100 < statistics.median(talk) < 160


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_each_attack_begins_on_friday_evening_with_all_its_channels(family: object) -> None:
    for one in FAMILIES:
        if one is family:
            begins = [at for at, _ in attack(1, one)]
            assert len(begins) == one.channels
            assert min(begins) >= 18 * HOUR_S
            assert max(begins) < 22 * HOUR_S + 300


def test_every_number_has_a_rule() -> None:
    numbers = [call.number for _, call in honest(1)]
    numbers += [channel.call().number for family in FAMILIES for _, channel in attack(1, family)]
    assert all(number.startswith((*HOME, *ABROAD)) for number in numbers)


def test_who_is_refused_waits_twice_as_long_each_time() -> None:
    channel = Channel(0, 0, FAMILY, (60, 60), 0)
    waits = [channel.again_in_s(refused=True) for _ in range(6)]
    assert waits == [60, 120, 240, 480, 900, 900]
    assert channel.again_in_s(refused=False) <= 60
    assert channel.again_in_s(refused=True) == 60
