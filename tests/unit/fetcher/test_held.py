"""Chains of nobody we trust: a bounded number, those that calls name again last."""

from trunkward.fetcher.held import HeldChains
from trunkward.live.kept_chain import Kept

NOW = 1_790_000_000.0


def held(number: int) -> Kept:
    return Kept(url=f"https://c.example.net/{number}.pem", chain="x", until=NOW + 10)


def test_the_one_goes_that_was_longest_not_asked_for() -> None:
    chains = HeldChains(most=2)
    chains.put(held(0), NOW)
    chains.put(held(1), NOW)
    assert chains.get(held(0).url, NOW) == held(0)
    chains.put(held(2), NOW)
    assert [chains.get(held(number).url, NOW) is not None for number in range(3)] == [True, False, True]


def test_one_that_comes_again_takes_no_second_place() -> None:
    chains = HeldChains(most=2)
    for number in (0, 1, 1):
        chains.put(held(number), NOW)
    assert chains.get(held(0).url, NOW) is not None


def test_none_is_used_beyond_its_end() -> None:
    chains = HeldChains()
    chains.put(held(0), NOW)
    assert chains.get(held(0).url, NOW + 9.9) is not None
    assert chains.get(held(0).url, NOW + 10) is None
