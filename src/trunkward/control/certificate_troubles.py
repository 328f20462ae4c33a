"""What the end of a certificate, or of what ends in the same way, means for calls; when it is a trouble."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from trunkward.admission.posture import Lost
from trunkward.control.health_facts import CertificateFacts, CertificateOf
from trunkward.control.trouble import Trouble, means

#: Certificates of the node's own are renewed when 30 days are left (`control.pki.RENEW_BEFORE`): with less
#: than this, nobody has.
CERTIFICATE_SOON = timedelta(days=15)

_AFTER_ITS_END = {
    CertificateOf.NODE: "peers that check it refuse the node's TLS connections",
    CertificateOf.SHOWN: "peers that check it refuse the node's TLS connections",
    CertificateOf.SIP_AUTHORITY: "peers refuse every certificate it issued",
    CertificateOf.SHAKEN: means(Lost.SIGNER),
    CertificateOf.SHAKEN_AUTHORITY: means(Lost.SIGNER),
    CertificateOf.SIGNING: means(Lost.SIGNER),
    CertificateOf.TRUSTED_LIST: "no signing certificate is trusted, ours or a caller's",
    CertificateOf.REVOCATIONS: "nobody knows which signing certificates are revoked; what then is policy",
    CertificateOf.PEER: "no call reaches this peer over TLS",
    CertificateOf.CARRIER_AUTHORITY: "no call reaches this carrier over TLS",
    CertificateOf.EVIDENCE: "outbound: signed B or C, not A",
    CertificateOf.CUSTOMER: "outbound: signed C",
}


#: From elsewhere: they have lives of their own length, and lines of their own where they are told of.
FROM_ELSEWHERE = frozenset(
    (CertificateOf.SHOWN, CertificateOf.SIGNING, CertificateOf.TRUSTED_LIST, CertificateOf.REVOCATIONS)
)


def after_its_end(of: CertificateOf) -> str:
    """What the end of such a certificate means for calls."""
    return _AFTER_ITS_END[of]


def of_certificates(certificates: tuple[CertificateFacts, ...], now: datetime) -> Iterable[Trouble]:
    """One trouble for all that have the same to say."""
    # thousands of trunks may have been issued theirs on one day: one line for all that have the same to say
    alike: dict[tuple[str, str], list[CertificateFacts]] = {}
    for certificate in certificates:
        after = _AFTER_ITS_END[certificate.of]
        if certificate.until is None:
            said = certificate.problem or "cannot be read", after
        elif certificate.until <= now:
            why = f"; {certificate.problem}" if certificate.problem else ""
            said = f"ended {_day(certificate.until, now)}{why}", after
        elif certificate.problem:
            said = certificate.problem, f"from {_day(certificate.until, now)} on: {after}"
        elif certificate.until - now < CERTIFICATE_SOON if certificate.late is None else certificate.late:
            said = f"ends {_day(certificate.until, now)}", f"from then on: {after}"
        else:
            continue
        alike.setdefault(said, []).append(certificate)
    for (problem, words), those in alike.items():
        what = those[0].name if len(those) == 1 else f"{those[0].name} and {len(those) - 1} more"
        kinds = ", ".join(sorted({one.of for one in those}))
        yield Trouble(
            what=what, problem=problem, means=words, nameless=f"certificates ({kinds}): {len(those)}"
        )


def _day(at: datetime, now: datetime) -> str:
    """A day; on that very day with the time."""
    return f"{at:%Y-%m-%d %H:%M} UTC" if at.date() == now.date() else f"{at:%Y-%m-%d}"
