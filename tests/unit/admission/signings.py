"""What tests of signing share: the example with its trunk changed, and a call judged in it."""

from collections.abc import Callable
from copy import replace
from dataclasses import replace as changed
from ipaddress import ip_address
from typing import Any

from sipkit.places import TABLE
from sipkit.tokens import token, whose
from trunkward.admission.judge import Judgement, judge_call
from trunkward.admission.ports import (
    NOTHING_ASKED,
    Facts,
    PeerIdentity,
    Signature,
    SigningClaims,
    Unverified,
    VerificationFact,
)
from trunkward.admission.screen import Case, screen, with_verification
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Admit
from trunkward.shaken.attest import Attestation
from trunkward.shaken.causes import Cause, StirError
from trunkward.shaken.verify import Judged, Verification, Verstat
from trunkward.trunks.callers import CallerRule
from trunkward.trunks.model import Declared
from trunkward.trunks.transit import OF_NODE, CallerName

NOW = 1_800_000_000
OWN, SECOND = "+12025550101", "+12025550102"
FOREIGN, OTHER, CALLED, ELSEWHERE = "+12125550150", "+12125550151", "+12025550199", "+13035550188"
NAME = CallerName(name="Example Corp", reason="Deliveries", reviewed="2026-11-20")
FORWARDED = CallerRule(forwarded=True)
#: A node that is on the Internet.
TEST_NODE = {"addresses": (ip_address("8.8.8.8"),)}

type Attempt = Callable[..., CallAttempt]


def world(declared: Declared, **changes: Any) -> Snapshot:
    """The example with its trunk changed, evidence for each of its numbers, and a second carrier not trusted."""
    identities, contracts = changes.pop("identities", {}), changes.pop("contracts", {})
    denied = changes.pop("denied", frozenset())
    node = changed(declared.node, **changes.pop("node", {}))
    trunk = changed(declared.trunks[0], **changes)
    signs = trunk.reseller if trunk.reseller in identities else OF_NODE
    north, south = declared.carriers
    carriers = (north, changed(south, trusted=False))
    tokens = [token(number, trunk=trunk.name, identity=signs) for number in trunk.numbers]
    world = changed(declared, node=node, trunks=(trunk,), carriers=carriers, reseller_identities=identities)
    compiled = compile_snapshot(world, tokens, 1, TABLE, relationships=whose(world), contracts=contracts)
    return Snapshot(compiled, denied=lambda: denied)


#: What a call came signed with was verified, or was not.
GOOD = Verification(outcome=Verstat.PASSED, attest=Attestation.A, replay_keys=("aa:12025550101",))
FORGED = Verification(
    outcome=Verstat.FAILED, passports=(Judged("shaken", StirError(cause=Cause.SIGNATURE, text="no")),)
)
LATE = Unverified(why="certificate-late")


def seen(attempt: CallAttempt, pbx: PeerIdentity, policy: Snapshot, found: VerificationFact = None) -> Case:
    case = with_verification(screen(attempt, pbx, policy), found, policy)
    assert case.source is not None
    return case


def claims_of(
    attempt: CallAttempt, pbx: PeerIdentity, policy: Snapshot, found: VerificationFact = None
) -> SigningClaims:
    claims = seen(attempt, pbx, policy, found).signing.claims
    assert claims is not None
    return claims


def judged(case: Case, *identities: str) -> Judgement:
    level = case.signing.claims.level if case.signing.claims else None
    signature = Signature(identities=identities or ("ours",), date="our date", iat=NOW, attest=level)
    room = replace(NOTHING_ASKED, reserved=True)
    return judge_call(case, Facts(signature=signature, clock_synchronised=True, live=room), "r", NOW)


def admitted(case: Case, *identities: str) -> Admit:
    verdict = judged(case, *identities).verdict
    assert isinstance(verdict, Admit), verdict
    return verdict


def names(said: list[tuple[str, str]], name: str) -> list[str]:
    return [value for found, value in said if found == name]


def diversion(*numbers: str) -> list[str]:
    """The newest on top."""
    return [f"<sip:{number}@10.9.8.7>;reason=no-answer" for number in numbers]
