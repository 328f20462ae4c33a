"""The parts of a decision's record: who it was of, how it was signed and verified, what it costs."""

from collections.abc import Sequence
from hashlib import sha256

from trunkward.admission.judge import Judgement
from trunkward.admission.ports import Facts
from trunkward.admission.prices import Price
from trunkward.admission.screen import Case
from trunkward.admission.verified import worth_of
from trunkward.records.model import (
    AttestationRecord,
    MoneyRecord,
    RatedBy,
    StirErrorRecord,
    VerificationRecord,
)
from trunkward.shaken.identity_header import MAX_HEADERS
from trunkward.trunks.model import IdentifiedBy, Trunk


def hashes(identities: Sequence[str]) -> list[str]:
    """Of more than are ever looked at, the first."""
    return [sha256(value.encode(errors="surrogatepass")).hexdigest() for value in identities[:MAX_HEADERS]]


def authenticated_by(case: Case) -> list[str] | None:
    """Nobody is asked for credentials who calls for help."""
    if not isinstance(case.source, Trunk):
        return None
    return [way for way in case.source.identified_by if not (case.emergency and way is IdentifiedBy.DIGEST)]


def customer_of(case: Case) -> str | None:
    """Reference of the KYC record of whose trunk it is; "": there is none; None: it is of no trunk."""
    if not isinstance(case.source, Trunk):
        return None
    return case.source.customer.reference if case.source.customer else ""


def attestation_of(case: Case, judgement: Judgement) -> AttestationRecord | None:
    """By which rule, on which evidence and by which signature; None: no rule was asked."""
    attested, signed = judgement.attested, judgement.signature
    if attested is None:
        return None
    return AttestationRecord(
        rule=attested.rule,
        lack=attested.lack or "",
        evidence=attested.evidence_id,
        evidence_version=attested.evidence_version,
        identity=case.signing_request.identity if signed and case.signing_request else "",
        serial=signed.serial if signed else "",
        journal=signed.journal if signed else None,
    )


def verification_of(facts: Facts) -> VerificationRecord | None:
    """What others' signatures were worth; None: nobody looked."""
    if facts.verification is None:
        return None
    worth, passed = worth_of(facts), worth_of(facts).passed
    return VerificationRecord(
        verstat=worth.verstat,
        why=worth.why,
        attest=passed.attest.value if passed is not None and passed.attest is not None else "",
        spc=(passed.spc or "") if passed is not None else "",
        origid=(passed.origid or "") if passed is not None else "",
        x5u=(passed.x5u or "") if passed is not None else "",
        errors=[StirErrorRecord(code=error.code, cause=error.cause) for error in worth.errors],
    )


def money_of(case: Case) -> MoneyRecord | None:
    """The prices it goes by, and who pays; None: it has none."""
    prices, charge = case.prices, case.charge
    if prices.sale is None and not prices.costs:
        return None
    return MoneyRecord(
        currency=case.node.currency,
        reseller=case.source.reseller if isinstance(case.source, Trunk) else "",
        sale=_rated(prices.sale) if prices.sale is not None else None,
        owners=[share.owner.removeprefix("money:") for share in charge.shares] if charge is not None else [],
        costs={carrier: _rated(cost) for carrier, cost in prices.costs.items()},
    )


def _rated(price: Price) -> RatedBy:
    return RatedBy(
        tariff=price.tariff.compact(), prefix=price.prefix, deck=price.deck, deck_sha256=price.sha256
    )
