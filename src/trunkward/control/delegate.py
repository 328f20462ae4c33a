"""Delegate certificates as evidence: whose one is was given its numbers by whom they belong to (RFC 9060)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trunkward.control.configuration import ConfigurationStore
from trunkward.control.evidence import EvidenceActRefused
from trunkward.control.evidence_documents import as_entered
from trunkward.control.evidence_journal import evidence_id
from trunkward.shaken.causes import CredentialFault
from trunkward.shaken.credential import credential_of
from trunkward.shaken.crl import Revocations
from trunkward.shaken.evidence import Kind
from trunkward.shaken.possession import PossessionRefused, Purpose, require
from trunkward.shaken.tnauthlist import TnAuthList
from trunkward.shaken.trusted_list import TrustedList
from trunkward.trunks.evidence import EvidenceRecord


def check_delegate(
    chain_pem: bytes,
    trusted: TrustedList,
    revoked: Revocations,
    *,
    first: str,
    last: str,
    until: float,
    now: float,
    hard: bool = False,
) -> ec.EllipticCurvePublicKey:
    """The key of a chain (PEM, leaf first) that is a delegate's for all these numbers.

    Raises `EvidenceActRefused` for what is none.

    `first` and `last` are E.164 with `+`; `until` and `now` in seconds since the epoch; `hard`: what no fresh
    revocation list speaks for is not taken.

    1. A good chain to a root of the trusted list, each issuer within what it had to give.
    2. It has numbers, not a code: a provider's own certificate says nothing of numbers.
    3. All numbers of the record are among them.
    4. It lasts as long as the record is to hold.
    """
    # 1.
    try:
        found = credential_of(chain_pem, trusted, revoked, now, hard=hard)
    except CredentialFault as fault:
        raise EvidenceActRefused(f"no delegate certificate that is good: {fault}") from None
    # 2.
    if found.numbers is None:
        raise EvidenceActRefused(f"the certificate of {found.spc} is a provider's own: it holds no numbers")
    # 3.
    wanted = TnAuthList(numbers=((first.removeprefix("+"), last.removeprefix("+")),))
    if not wanted.within(TnAuthList(numbers=found.numbers)):
        held = ", ".join(f"+{a}" if a == b else f"+{a}-+{b}" for a, b in found.numbers[:10])
        raise EvidenceActRefused(f"the certificate holds {held}: not all from {first} to {last}")
    # 4.
    if until > found.not_after_s:
        last_day = datetime.fromtimestamp(found.not_after_s, UTC) - timedelta(days=1)
        raise EvidenceActRefused(f"the certificate ends before: --until {last_day:%Y-%m-%d} is the last day")
    return found.key


def check_possession(
    proof: str, *, ours: Ed25519PublicKey, delegate: ec.EllipticCurvePublicKey, purpose: Purpose, now: float
) -> None:
    """Raise `EvidenceActRefused` unless a challenge for this was signed with the delegate's key."""
    try:
        require(proof, ours=ours, delegate=delegate, purpose=purpose, now_s=now)
    except PossessionRefused as refused:
        raise EvidenceActRefused(
            f"no proof that the certificate's key is the customer's: {refused}; without --proof this command "
            "gives the challenge to have signed"
        ) from None


def delegates_of(store: ConfigurationStore, records: Iterable[EvidenceRecord], now: float) -> dict[str, str]:
    """By id of evidence, the chains that accepted records rest on. `now` in seconds since the epoch.

    `records`: those that are as they were journaled (`control.evidence_journal.sound`).
    """
    return {
        evidence_id(record.version): _as_entered(store.document(record), record)
        for record in records
        if record.kind == Kind.DELEGATE and record.in_force(now)
    }


def _as_entered(packed: bytes, record: EvidenceRecord) -> str:
    """The chain; "": the document is not the one that was entered. Whoever looks at it finds no certificate.

    Nothing is signed by one that is not good, so who exchanges a document wins no time for a revoked one.
    """
    document = as_entered(packed, record)
    return document.decode("ascii", "replace") if document is not None else ""
