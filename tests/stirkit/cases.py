"""Calls with Identity headers, good and bad, each with what a verifier must say of it.

One table for the verification under test and for the independent verifier (`tests/vectors/shaken/independent.py`).
A cause is the code under test's own; the other verifier is held to the response codes alone.
"""

from __future__ import annotations

from stirkit.calls import Case
from stirkit.cases_of_form import CLAIMS, JOSE, SYNTAX
from stirkit.cases_of_several import DIVERSIONS, SEVERAL
from stirkit.cases_of_trust import CREDENTIALS, PARTIES, SIGNATURES, TIME

CASES: dict[str, Case] = {
    f"{group}: {name}": case
    for group, cases in (
        ("syntax", SYNTAX),
        ("jose", JOSE),
        ("claims", CLAIMS),
        ("parties", PARTIES),
        ("time", TIME),
        ("signatures", SIGNATURES),
        ("credentials", CREDENTIALS),
        ("diversions", DIVERSIONS),
        ("several", SEVERAL),
    )
    for name, case in cases.items()
}
