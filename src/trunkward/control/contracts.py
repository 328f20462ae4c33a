"""Contracts with obligated providers: what a supplied level rests on, where only the technical act is ours.

The node file says that a reseller's identity is such a one (`third_party`), and whoever edits it writes it
alone. That its provider has agreed on it is said by the document of a contract (47 CFR 64.6301(b), FCC
24-120), which one person entered and another accepted (`control.evidence`). Without one that holds, nothing
that is supplied is signed.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.control.evidence_journal import evidence_id
from trunkward.shaken.contract import Contract, issue, read_token
from trunkward.trunks.evidence import CONTRACT, EvidenceRecord
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates


def needs_contract(declared: Declared, identity: str) -> bool:
    """Whether an identity signs what is supplied, under a certificate that could convince somebody.

    Signatures under the node's own TEST authority convince nobody, so there a trial goes without documents.
    """
    its = declared.reseller_identities.get(identity)
    return its is not None and its.third_party and its.signing.certificates is not Certificates.TEST


def contracts_of(declared: Declared, records: Iterable[EvidenceRecord], now: float) -> dict[str, Contract]:
    """By identity, the accepted contract with its provider of now; of several the one that holds longest.

    `now` in seconds since the epoch. One that has ended is known as such for its grace, as other records are.
    """
    found: dict[str, Contract] = {}
    for one in sorted(records, key=lambda record: (record.until, record.version)):
        if (
            one.kind == CONTRACT
            and one.in_force(now)
            and needs_contract(declared, one.identity)
            and one.spc == declared.spc_of(one.identity)
        ):
            found[one.identity] = Contract(
                identity=one.identity,
                spc=one.spc,
                id=evidence_id(one.version),
                not_after=int(one.until),
                version=one.reviewed,
            )
    return found


def contract_tokens(
    declared: Declared, records: Iterable[EvidenceRecord], key: Ed25519PrivateKey, now: float
) -> dict[str, str]:
    """The token of each of `contracts_of`; the same statement gives the same token (RFC 8032)."""
    return {name: issue(key, said) for name, said in contracts_of(declared, records, now).items()}


def read_contracts(tokens: Mapping[str, str]) -> dict[str, Contract]:
    """What tokens in force say, by identity; they are our own, and their signature the signer's to check."""
    return {name: read_token(token) for name, token in tokens.items()}


def wanting_by(declared: Declared, records: Iterable[EvidenceRecord], now: float) -> list[tuple[str, str]]:
    """`wanting` by the records there are, of a file that need not be in force."""
    return wanting(declared, contracts_of(declared, records, now), now)


def wanting(declared: Declared, contracts: Mapping[str, Contract], now: float) -> list[tuple[str, str]]:
    """Identities that sign nothing for want of a contract, and what to do: name, and a sentence.

    `now` in seconds since the epoch.
    """
    found = []
    for name in sorted(declared.reseller_identities):
        its = contracts.get(name)
        if needs_contract(declared, name) and (its is None or now >= its.not_after):
            found.append((name, _said(its, name, declared.spc_of(name))))
    return found


def _said(its: Contract | None, name: str, spc: str) -> str:
    lacks = f"no contract with the provider of SPC {spc} is accepted"
    if its is not None:
        # the last day on which it holds, not the midnight after it
        last = datetime.fromtimestamp(its.not_after - 1, UTC)
        lacks = f"its contract ({its.id}) has ended on {last:%Y-%m-%d}"
    return (
        f"{lacks}, so nothing that provider supplies is signed (none-without-contract): enter the written "
        f"agreement (./trunkward evidence add --kind contract --identity {name}), and have another person "
        "accept it"
    )
