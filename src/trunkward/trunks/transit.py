"""Whose calls a trunk brings, as the law of signatures asks (47 CFR 64.6300), and who signs them as whom."""

from dataclasses import dataclass
from enum import StrEnum

from trunkward.trunks.signing import TEST_CERTIFICATES, SigningSource


class Role(StrEnum):
    """What this node is to the calls of a trunk."""

    #: Their originating provider: the customer's own users call, and each call is signed for them.
    ORIGINATING = "originating"
    #: An intermediate one (64.6300(g)): another provider of the country has originated them. What it signed
    #: passes unaltered, what it did not is signed C (64.6302(a), (b)).
    INTERMEDIATE = "intermediate"
    #: A gateway (64.6300(d)): they come from abroad, and enter the country here (64.6302(c)).
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerName:
    """Under which name a trunk's users call, and why, after somebody has looked at it (RFC 9795 section 5).

    Nothing that would have to be fetched: no picture, no card.
    """

    #: `nam`, and `crn` (section 5.3); "": no reason is signed.
    name: str
    reason: str = ""
    #: When somebody last found that the customer is called so, ISO 8601.
    reviewed: str


#: The identity of the node itself; others have the name of the reseller whose certificate it is.
OF_NODE = "node"
#: Resellers with an identity on one node: each has a process, and a user of the system (our limit).
MAX_IDENTITIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningIdentity:
    """A certificate of a reseller's own, by which the calls of his customers are signed (FCC 24-120)."""

    #: Service provider code on it (ATIS-1000080), and the URL it is published at.
    spc: str
    x5u: str
    #: Only the technical act is ours: his own switch says which level a call has, and we sign no other.
    third_party: bool = False
    #: Where it comes from.
    signing: SigningSource = TEST_CERTIFICATES
