"""Which attestation level a call may carry, by which rule, and what it lacks for a higher one.

ATIS-1000074 and RFC 8588 section 4, read as FCC 26-32 proposes to codify them: nothing that a caller says of
itself counts, and neither A nor B is for a customer nobody has verified. The rules are a table (`RULES`):
each one names the pieces it rests on, and each piece which rule is left without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from trunkward.shaken import relationship as relationships
from trunkward.shaken.evidence import Evidence, EvidenceRefused, Kind, require
from trunkward.shaken.relationship import Relationship, RelationshipRefused
from trunkward.trunks.customer import MOST_AGE_D
from trunkward.trunks.transit import OF_NODE, Role


class Attestation(StrEnum):
    """Attestation level (RFC 8588 section 4)."""

    A = "A"
    B = "B"
    C = "C"


class Rule(StrEnum):
    """Stable ids of the rules: in records, in the signer's journal, and in `trunkward why`."""

    A_OWN_INVENTORY = "A-own-inventory"
    A_LOA = "A-loa"
    A_PORT = "A-port"
    A_DELEGATE = "A-delegate"
    A_VETTED = "A-vetted"
    B_KNOWN_CUSTOMER = "B-known-customer"
    C_GATEWAY = "C-gateway"
    C_INTERMEDIATE_UNSIGNED = "C-intermediate-unsigned"
    C_UNKNOWN_CUSTOMER = "C-unknown-customer"
    NOT_AUTHENTICATED = "none-not-authenticated"
    #: The obligated provider's own level, where only the technical act is ours; or it has said none.
    A_SUPPLIED = "A-supplied"
    B_SUPPLIED = "B-supplied"
    C_SUPPLIED = "C-supplied"
    NOT_SUPPLIED = "none-level-not-supplied"
    SUPPLIED_TOO_HIGH = "none-supplied-level-too-high"
    SUPPLIED_OF_ANOTHER = "none-supplied-level-of-other-number"
    NO_CONTRACT = "none-without-contract"
    ALREADY_SIGNED = "none-already-signed"
    EMERGENCY = "none-emergency"
    NO_NUMBER = "none-caller-without-number"
    PRIVATE = "none-caller-private"


class Lack(StrEnum):
    """What a call lacks for the next higher level."""

    NOT_AUTHENTICATED = "trunk-not-authenticated"
    NOT_ORIGINATED_HERE = "not-originated-here"
    CUSTOMER_NOT_KNOWN = "customer-not-known"
    CUSTOMER_NOT_YET_VERIFIED = "customer-not-yet-verified"
    CUSTOMER_VERIFIED_TOO_LONG_AGO = "customer-verified-too-long-ago"
    RELATIONSHIP_OF_OTHER_IDENTITY = "relationship-of-other-identity"
    RELATIONSHIP_OF_OTHER_TRUNK = "relationship-of-other-trunk"
    RELATIONSHIP_EXPIRED = "relationship-expired"
    NO_EVIDENCE = "no-evidence-for-number"
    EVIDENCE_OF_OTHER_IDENTITY = "evidence-of-other-identity"
    EVIDENCE_OF_OTHER_TRUNK = "evidence-of-other-trunk"
    EVIDENCE_OF_OTHER_CUSTOMER = "evidence-of-other-customer"
    EVIDENCE_FOR_OTHER_NUMBER = "evidence-for-other-number"
    EVIDENCE_EXPIRED = "evidence-expired"
    NO_CONTRACT = "no-contract"
    CONTRACT_EXPIRED = "contract-expired"


#: The same in words.
LACKS: Mapping[Lack, str] = MappingProxyType(
    {
        Lack.NOT_AUTHENTICATED: "proof of which trunk it is",
        Lack.NOT_ORIGINATED_HERE: "a beginning here: another provider has put it on the IP network",
        Lack.CUSTOMER_NOT_KNOWN: "a KYC record of the customer (tenants[].customer in the node file)",
        Lack.CUSTOMER_NOT_YET_VERIFIED: "a KYC record whose date has come",
        Lack.CUSTOMER_VERIFIED_TOO_LONG_AGO: f"a KYC record that is not older than {MOST_AGE_D} days",
        Lack.RELATIONSHIP_OF_OTHER_IDENTITY: "a customer for whom the certificate that signs its calls is",
        Lack.RELATIONSHIP_OF_OTHER_TRUNK: "a customer of this trunk: the one there is is of another one",
        Lack.RELATIONSHIP_EXPIRED: "a declaration of whose trunk it is that has not ended (apply, or up)",
        Lack.NO_EVIDENCE: "live evidence that the number belongs to the customer",
        Lack.EVIDENCE_OF_OTHER_IDENTITY: "evidence for the certificate that signs its calls",
        Lack.EVIDENCE_OF_OTHER_TRUNK: "evidence of this trunk: what there is is of another one",
        Lack.EVIDENCE_OF_OTHER_CUSTOMER: "evidence of this customer: what there is is of another one",
        Lack.EVIDENCE_FOR_OTHER_NUMBER: "evidence for this number: what there is is for another one",
        Lack.EVIDENCE_EXPIRED: "evidence that has not ended",
        Lack.NO_CONTRACT: "a contract with the provider who supplied it (evidence add --kind contract)",
        Lack.CONTRACT_EXPIRED: "a contract with the provider who supplied it that has not ended",
    }
)


class Piece(StrEnum):
    """What a rule rests on; each can be gone by the next call."""

    #: The trunk proved who it is, in every way its configuration demands.
    AUTHENTICATED = "authenticated"
    #: The call entered the IP network here.
    ORIGINATED_HERE = "originated-here"
    #: A KYC record of its tenant, old enough and not too old, and declared for this trunk.
    CUSTOMER = "customer"
    #: A live record that this number belongs to this customer, who calls by this trunk.
    NUMBER = "number"
    #: A live record that the provider who supplies the level has us sign for him.
    CONTRACT = "contract"


#: The same in words.
PIECES: Mapping[Piece, str] = MappingProxyType(
    {
        Piece.AUTHENTICATED: "proof of which trunk it is",
        Piece.ORIGINATED_HERE: "a beginning here (role: originating)",
        Piece.CUSTOMER: "a valid KYC record of the customer",
        Piece.NUMBER: "a live record that the number is this customer's",
        Piece.CONTRACT: "a live contract with the provider who supplied it",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """One rule."""

    #: None: not signed by us.
    level: Attestation | None
    #: In one sentence, for whoever asks why.
    words: str
    #: Where it stands.
    clause: str
    rests_on: tuple[Piece, ...] = ()


#: Which rule is left when one piece is gone and all others are there. Without `ORIGINATED_HERE` the role of
#: the trunk says which: `C_GATEWAY` or `C_INTERMEDIATE_UNSIGNED`.
WITHOUT: Mapping[Piece, tuple[Rule, ...]] = MappingProxyType(
    {
        Piece.AUTHENTICATED: (Rule.NOT_AUTHENTICATED,),
        Piece.ORIGINATED_HERE: (Rule.C_GATEWAY, Rule.C_INTERMEDIATE_UNSIGNED),
        Piece.CUSTOMER: (Rule.C_UNKNOWN_CUSTOMER,),
        Piece.NUMBER: (Rule.B_KNOWN_CUSTOMER,),
        Piece.CONTRACT: (Rule.NO_CONTRACT,),
    }
)
_KNOWN = (Piece.AUTHENTICATED, Piece.ORIGINATED_HERE, Piece.CUSTOMER)
_FULL = (*_KNOWN, Piece.NUMBER)
_ATIS = "ATIS-1000074 (full attestation); RFC 8588 section 4"


def _full(words: str, clause: str = "") -> RuleRow:
    return RuleRow(
        level=Attestation.A,
        words=f"our customer's call, and {words}",
        clause=f"{_ATIS}{f'; {clause}' if clause else ''}",
        rests_on=_FULL,
    )


def _supplied(level: Attestation) -> RuleRow:
    return RuleRow(
        level=level,
        words="its own provider said at which level, and we made the signature alone",
        clause="47 CFR 64.6301(b) (FCC 24-120)",
        rests_on=(Piece.AUTHENTICATED, Piece.CONTRACT),
    )


RULES: Mapping[Rule, RuleRow] = MappingProxyType(
    {
        Rule.A_OWN_INVENTORY: _full("we assigned the number to its trunk ourselves"),
        Rule.A_LOA: _full("a letter of authorisation gives it the number"),
        Rule.A_PORT: _full("the number was ported to us for it"),
        Rule.A_DELEGATE: _full("a delegate certificate holds the number", "RFC 9060; ATIS-1000092"),
        Rule.A_VETTED: _full("vetting found the number to be its own", "ATIS-1000089"),
        Rule.B_KNOWN_CUSTOMER: RuleRow(
            level=Attestation.B,
            words="our customer's call, and nothing live says that the number is its own",
            clause="ATIS-1000074 (partial attestation); RFC 8588 section 4",
            rests_on=_KNOWN,
        ),
        Rule.C_GATEWAY: RuleRow(
            level=Attestation.C,
            words="the call enters the country here, and was not signed before; or it shows a number of the"
            " country, and no A that was verified speaks for it",
            clause="47 CFR 64.6302(c); ATIS-1000074 (gateway attestation)",
            rests_on=(Piece.AUTHENTICATED,),
        ),
        Rule.C_INTERMEDIATE_UNSIGNED: RuleRow(
            level=Attestation.C,
            words="another provider's call that was not signed before, or not well; it is the first that we"
            " can name",
            clause="47 CFR 64.6302(d); ATIS-1000074 (gateway attestation)",
            rests_on=(Piece.AUTHENTICATED,),
        ),
        Rule.C_UNKNOWN_CUSTOMER: RuleRow(
            level=Attestation.C,
            words="a trunk of ours, and no valid KYC record says whose it is",
            clause="FCC 26-32 (proposed: a completed KYC before A or B)",
            rests_on=(Piece.AUTHENTICATED, Piece.ORIGINATED_HERE),
        ),
        Rule.NOT_AUTHENTICATED: RuleRow(
            level=None, words="the trunk did not prove who it is", clause="ATIS-1000074"
        ),
        Rule.A_SUPPLIED: _supplied(Attestation.A),
        Rule.B_SUPPLIED: _supplied(Attestation.B),
        Rule.C_SUPPLIED: _supplied(Attestation.C),
        Rule.NOT_SUPPLIED: RuleRow(
            level=None,
            words="its own provider did not say one level of A, B or C, and nobody else may",
            clause="47 CFR 64.6301(b) (FCC 24-120)",
        ),
        Rule.SUPPLIED_TOO_HIGH: RuleRow(
            level=None,
            words="its own provider said A for a number that is none of its customer's: a forwarded call's",
            clause="ATIS-1000074 (full attestation); 47 CFR 64.6301(b) (FCC 24-120)",
        ),
        Rule.SUPPLIED_OF_ANOTHER: RuleRow(
            level=None,
            words="its own provider said a level for another number than the one that is shown in its place",
            clause="47 CFR 64.6301(b) (FCC 24-120)",
        ),
        Rule.NO_CONTRACT: RuleRow(
            level=None,
            words="its own provider said at which level, and no written agreement that two people have looked"
            " at has us sign for him",
            clause="47 CFR 64.6301(b) (FCC 24-120)",
        ),
        Rule.ALREADY_SIGNED: RuleRow(
            level=None,
            words="it came signed, and what was signed goes on as it came",
            clause="47 CFR 64.6302(a)",
        ),
        Rule.EMERGENCY: RuleRow(
            level=None,
            words="a call for help waits for nobody, and no signature by us says who calls",
            clause="RFC 9027; 47 CFR 9.4",
        ),
        Rule.NO_NUMBER: RuleRow(
            level=None, words="it shows no number that could be signed", clause="RFC 8588 section 4"
        ),
        Rule.PRIVATE: RuleRow(
            level=None,
            words="an anonymous call to carriers that are not to hear who calls, as a signature tells",
            clause="RFC 3325 section 7",
        ),
    }
)
#: Those by which a level was supplied.
SUPPLIED = frozenset(rule for rule, row in RULES.items() if Piece.CONTRACT in row.rests_on)
#: The rule of each kind of evidence.
A_RULES: Mapping[Kind, Rule] = MappingProxyType({kind: Rule(f"A-{kind}") for kind in Kind})


class Came(StrEnum):
    """What another provider's call came signed with, and what that was found to be worth."""

    UNSIGNED = "unsigned"
    #: Nobody has looked at it: not yet, or at this moment nobody's could be looked at here.
    SIGNED = "signed"
    #: Verified, of level A.
    FULL = "full"
    #: Verified, of another level, or of none.
    NOT_FULL = "not-full"
    #: It has an error, or this one could not be looked at.
    NOT_GOOD = "not-good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress:
    """What we know of a call ourselves at this moment; of what it says of itself only the number."""

    trunk: str
    #: Whose certificate signs its calls.
    identity: str = OF_NODE
    role: Role
    #: It proved who it is, in every way that its configuration demands.
    authenticated: bool
    #: Whose it is, by what `control` has declared; None: nobody has said.
    relationship: Relationship | None
    #: The number it shows, canonical.
    orig_tn: str
    #: What speaks for that number; their signatures are checked, here or by the signer.
    evidence: tuple[Evidence, ...] = ()
    #: What it came signed with, where another provider has originated it.
    came: Came = Came.UNSIGNED
    #: It shows a number of this node's country.
    domestic: bool = False
    emergency: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestDecision:
    """A rule, and what the call lacks for a higher level."""

    rule: Rule
    #: None: nothing is lacking, or nothing would change it.
    lack: Lack | None = None
    #: Of level A: what it rests on. Of B: what would have been it, but for `lack`.
    evidence: Evidence | None = None

    @property
    def level(self) -> Attestation | None:
        """The level, or None for "not signed by us"."""
        return RULES[self.rule].level


def decide_attestation(call: Ingress, now_s: int) -> AttestDecision:
    """The level of one call. `now_s` in seconds since the epoch.

    1. A call for help is not signed.
    2. Nor is one of a trunk that is not authenticated.
    3. One that was not put on the IP network here goes on as it was signed, or is signed C (`_is_signed`).
    4. Without a valid KYC record of the customer: C.
    5. With live evidence for this trunk, this customer and this number: A, by the kind of evidence.
    6. Everything else: B.

    What a customer says of its own number is no argument of this function.
    """
    # 1.
    if call.emergency:
        return AttestDecision(rule=Rule.EMERGENCY)
    # 2.
    if not call.authenticated:
        return AttestDecision(rule=Rule.NOT_AUTHENTICATED, lack=Lack.NOT_AUTHENTICATED)
    # 3.
    if call.role is not Role.ORIGINATING:
        if _is_signed(call):
            return AttestDecision(rule=Rule.ALREADY_SIGNED)
        gateway = call.role is Role.GATEWAY
        rule = Rule.C_GATEWAY if gateway else Rule.C_INTERMEDIATE_UNSIGNED
        return AttestDecision(rule=rule, lack=Lack.NOT_ORIGINATED_HERE)
    # 4.
    customer, lack = _known(call, now_s)
    if lack is not None:
        return AttestDecision(rule=Rule.C_UNKNOWN_CUSTOMER, lack=lack)
    # 5.
    nearest, lack = None, Lack.NO_EVIDENCE
    for evidence in call.evidence:
        try:
            require(
                evidence,
                identity=call.identity,
                trunk=call.trunk,
                customer=customer,
                tn=call.orig_tn,
                now_s=now_s,
            )
        except EvidenceRefused as refused:
            nearest, lack = evidence, Lack(refused.reason)
        else:
            return AttestDecision(rule=A_RULES[evidence.kind], evidence=evidence)
    # 6.
    return AttestDecision(rule=Rule.B_KNOWN_CUSTOMER, lack=lack, evidence=nearest)


def _is_signed(call: Ingress) -> bool:
    """Whether what a call in transit came with stands for it; it goes on in any case (47 CFR 64.6302(a)).

    At an intermediate whatever is good does; what is not leaves the call unauthenticated (64.6302(d)). At a
    gateway a number of the country is authenticated by an A that was verified, and by nothing less
    (64.6302(c)). Nobody is lowered while we can look at nobody's.
    """
    match call.came:
        case Came.UNSIGNED:
            return False
        case Came.SIGNED | Came.FULL:
            return True
    if call.role is Role.INTERMEDIATE:
        return call.came is Came.NOT_FULL
    return not call.domestic


def _known(call: Ingress, now_s: int) -> tuple[str, Lack | None]:
    """The customer's KYC record if that is valid now, else what is wrong with it."""
    if call.relationship is None:
        return "", Lack.CUSTOMER_NOT_KNOWN
    try:
        relationships.require(call.relationship, identity=call.identity, trunk=call.trunk, now_s=now_s)
        return relationships.require_customer(call.relationship, now_s), None
    except RelationshipRefused as refused:
        return "", Lack(refused.reason)
