"""What a gate knows of certificates: of good ones and of others, those that calls need."""

from types import SimpleNamespace
from typing import Any

import pytest

from trunkward.engines.fetcher_wire import NoChain
from trunkward.gate.known import KnownChains
from trunkward.shaken.causes import Cause, CredentialFault
from trunkward.shaken.credential import Credential

ANSWER = NoChain(id=1, why="deadline", detail="", until=0.0)
GOOD = Credential(
    key=SimpleNamespace(),  # type: ignore[arg-type]
    spc="709J",
    serial="1",
    issuer="",
    not_before_s=0.0,
    not_after_s=1.0,
    revocation_known=False,
)


def needed(chains: KnownChains, url: str, credential: Any) -> None:
    """A call needs it, and this is what it was worth."""
    known = chains.peek(url)
    assert known is not None
    known.credential = credential
    chains.used(url, known)


@pytest.mark.parametrize("credential", [GOOD, CredentialFault(Cause.CERTIFICATE_UNAVAILABLE, "")])
def test_the_one_goes_that_no_call_has_needed_for_longest(credential: Any) -> None:
    chains = KnownChains(most_good=2, most_others=2)
    for url in "ab":
        chains.learn(url, ANSWER)
        needed(chains, url, credential)
    needed(chains, "a", credential)
    chains.learn("c", ANSWER)
    needed(chains, "c", credential)
    assert [chains.peek(url) is not None for url in "abc"] == [True, False, True]


def test_what_leads_to_nobody_drives_out_nothing_good() -> None:
    chains = KnownChains(most_good=2, most_others=2)
    chains.learn("good", ANSWER)
    needed(chains, "good", GOOD)
    for number in range(100):
        chains.learn(str(number), ANSWER)
    assert chains.peek("good") is not None
    assert [chains.peek(str(number)) is not None for number in (97, 98, 99)] == [False, True, True]


def test_one_that_is_good_no_more_is_among_the_others() -> None:
    """And bytes that are learned anew are looked at anew."""
    chains = KnownChains(most_good=1, most_others=1)
    chains.learn("a", ANSWER)
    needed(chains, "a", GOOD)
    needed(chains, "a", CredentialFault(Cause.CERTIFICATE_REVOKED, ""))
    chains.learn("b", ANSWER)
    assert chains.peek("a") is None
    needed(chains, "b", GOOD)
    chains.learn("b", ANSWER)
    known = chains.peek("b")
    assert known is not None
    assert known.credential is None
