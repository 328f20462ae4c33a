"""When a certificate is asked for: in time, not too often, and never later than a third of its life allows."""

from datetime import UTC, datetime, timedelta

import pytest

from trunkward.control.renewal import Attempts, next_attempt, wait_s
from trunkward.control.shown_certificate import Lifetime

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NONE = Attempts()
NINETY = Lifetime(begins=NOW - 10 * DAY, ends=NOW + 80 * DAY)


def due(
    lifetime: Lifetime | None = NINETY, attempts: Attempts = NONE, suggested: datetime | None = None
) -> datetime:  # fmt: skip
    return next_attempt(lifetime, attempts, suggested=suggested, now=NOW, renewal_chance=0, retry_chance=0)


def test_without_one_it_is_asked_for_at_once_and_with_one_at_a_third() -> None:
    assert due(lifetime=None) == NOW
    assert due() == NINETY.ends - 30 * DAY


def test_a_suggestion_makes_it_earlier_never_later() -> None:
    assert due(suggested=NOW - DAY) == NOW - DAY  # they revoke it: now
    assert due(suggested=NINETY.ends - DAY) == NINETY.ends - 30 * DAY


def test_an_authority_that_always_suggests_the_past_gets_no_order_a_second() -> None:
    just_issued = Attempts(last=NOW)
    assert due(attempts=just_issued, suggested=NOW - DAY) == NOW + timedelta(hours=1)
    assert due(attempts=just_issued) == NINETY.ends - 30 * DAY


def test_waits_double_up_to_six_hours_and_to_one_without_a_certificate() -> None:
    waits = [wait_s(Attempts(failures=n, last=NOW), None, NOW, 0) for n in range(1, 12)]
    assert waits[:5] == [120, 240, 480, 960, 1920]
    assert waits[-1] == 3600
    assert wait_s(Attempts(failures=11, last=NOW), NINETY, NOW, 0) == 6 * 3600
    assert wait_s(Attempts(failures=11, last=NOW), NINETY, NINETY.ends, 0) == 3600
    # what public authorities allow: five failed proofs of a name in an hour
    begun = [0.0]
    for wait in waits:
        begun.append(begun[-1] + wait)
    assert sum(moment < 3600 for moment in begun) == 5
    assert wait_s(Attempts(failures=10_000, last=NOW), None, NOW, 0) == 3600
    assert wait_s(Attempts(failures=1, last=NOW), None, NOW, 1) == 150


@pytest.mark.parametrize(("days", "longest_h"), [(90, 6), (47, 6), (6, 6), (1, 1)])
def test_a_short_life_is_tried_more_often(days: int, longest_h: int) -> None:
    life = Lifetime(begins=NOW, ends=NOW + days * DAY)
    assert wait_s(Attempts(failures=30, last=NOW), life, NOW, 0) == longest_h * 3600
    # however long the waits, several tries fit into the third that is left
    assert life.length.total_seconds() / 3 / wait_s(Attempts(failures=30, last=NOW), life, NOW, 1) >= 6


def test_after_the_end_it_is_tried_as_often_as_before() -> None:
    life = Lifetime(begins=NOW - timedelta(minutes=6), ends=NOW)
    failed = Attempts(failures=12, last=NOW)
    assert due(lifetime=life, attempts=failed) == NOW + timedelta(seconds=15)


def test_what_the_authority_asks_for_is_kept_to() -> None:
    limited = Attempts().failed(NOW, asked_s=7200)
    assert limited.failures == 1
    assert due(lifetime=None, attempts=limited) == NOW + timedelta(hours=2)
    assert due(lifetime=None, attempts=limited.failed(NOW, asked_s=0)) == NOW + timedelta(seconds=240)


def test_a_failure_never_hurries_a_renewal() -> None:
    assert due(attempts=Attempts(failures=1, last=NOW - DAY)) == NINETY.ends - 30 * DAY


def test_a_try_by_a_clock_that_was_ahead_puts_none_off() -> None:
    ahead = NOW + 300 * DAY
    assert due(lifetime=None, attempts=Attempts(failures=3, last=ahead)) == NOW
    assert due(attempts=Attempts(last=ahead), suggested=NOW - DAY) == NOW - DAY
