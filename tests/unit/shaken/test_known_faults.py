"""Faults seen in other implementations of STIR/SHAKEN, by their names: none of them is here.

Each names calls of the table (`stirkit.cases`) that such a fault would judge wrongly. Where the fault is in another
function, its test is named beside it.
"""

import pytest

from stirkit.cases import CASES
from stirkit.judging import judged

#: Fault, and the calls that show it.
FAULTS = {
    "chain is not checked": ["credentials: under another root", "credentials: intermediate missing"],
    # and the store of the system: test_credential.py, test_trust_comes_from_the_list_alone
    "a namesake of a trusted authority is trusted": ["credentials: under a namesake of the root"],
    "an iat of the future is accepted": ["time: 11 s ahead", "time: an hour ahead", "time: a year ahead"],
    "a second of skew is not tolerated": ["time: 10 s ahead", "time: Date 10 s ahead"],
    # URLs: test_x5u.py; redirects, large and slow answers: the fetcher's tests
    "http and any URL are fetched": [
        "jose: http",
        "jose: another port",
        "jose: user information",
        "jose: query",
    ],
    # revocation lists: test_crl.py, of which an unreadable one is no list at all
    "the token is rebuilt from its claims": [
        "claims: extra claims",
        "claims: another order of claims",
        "claims: claims with white space",
        "claims: two dests",
        "jose: unknown keys",
    ],
    "dest is not compared": ["parties: another To", "parties: replayed to another callee"],
    "the Request-URI is not compared": [
        "parties: another Request-URI",
        "diversions: no div, Request-URI changed",
    ],
    "only the first header is looked at": ["several: good and bad", "several: unknown kind first"],
    "one that passes is enough for all": ["several: bad and good"],
    "alg is not pinned": ["jose: alg none", "jose: alg HS256 with the public key", "jose: alg missing"],
    "ABC is a level": ["claims: level ABC", "claims: level a"],
    "canonical numbers without a plus are refused": ["syntax: good"],
    "numbers with a plus are refused": ["claims: numbers with a plus"],
    "B and C are no validation": ["claims: level B", "claims: level C"],
    "a mismatch is no validation instead of a failure": ["parties: another caller", "parties: another To"],
    "the level is told before it is verified": ["signatures: another key"],
    # the list of authorities without its signature: test_trusted_list.py
    "a div chain is not held against the Request-URI": [
        "diversions: ends elsewhere",
        "diversions: middle missing",
    ],
}


@pytest.mark.parametrize(
    ("fault", "name"), [(fault, name) for fault, names in FAULTS.items() for name in names]
)
def test_fault_is_not_here(fault: str, name: str) -> None:
    case = CASES[name]
    found = judged(case)
    assert str(found.outcome) == case.outcome, fault
    assert (found.attest is None) or case.outcome.endswith("Passed"), fault
