"""How long a chain is kept. Property 19: at least a day, never beyond its end."""

import pytest

from trunkward.fetch.chain_lifetime import LEAST_S, kept_until

NOW, YEAR = 1_790_000_000.0, 365 * 86_400.0
DATE, LATER = "Mon, 21 Sep 2026 14:13:20 GMT", "Wed, 23 Sep 2026 14:13:20 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, LEAST_S),
        ({"cache-control": "no-store"}, LEAST_S),
        ({"cache-control": "max-age=60"}, LEAST_S),
        ({"cache-control": "max-age=172800"}, 172_800),
        ({"cache-control": "public, MAX-AGE=172800, immutable"}, 172_800),
        ({"cache-control": 'max-age="172800"'}, 172_800),
        # this cache is shared (RFC 9111 section 5.2.2.10)
        ({"cache-control": "max-age=172800, s-maxage=259200"}, 259_200),
        ({"cache-control": "max-age=172800", "age": "80000"}, 92_800),
        ({"cache-control": "max-age=172800", "age": "much"}, 172_800),
        ({"cache-control": "max-age=172800", "expires": DATE}, 172_800),
        ({"cache-control": "max-age=-1"}, LEAST_S),
        ({"cache-control": "max-age=99999999999999999999"}, LEAST_S),
        ({"cache-control": "x-max-age=172800"}, LEAST_S),
        ({"date": DATE, "expires": LATER}, 172_800),
        ({"expires": LATER}, 172_800),
        ({"expires": "0"}, LEAST_S),
        ({"expires": "Wed, 99 Sep 2026"}, LEAST_S),
    ],
)
def test_what_the_answer_says_and_no_less_than_a_day(headers: dict[str, str], seconds: float) -> None:
    assert kept_until(headers, NOW, NOW + YEAR) == NOW + seconds


def test_never_beyond_the_chains_end() -> None:
    assert kept_until({"cache-control": "max-age=9999999"}, NOW, NOW + 100) == NOW + 100
    assert kept_until({}, NOW, NOW + 3600) == NOW + 3600
    assert kept_until({}, NOW, NOW - 1) < NOW
