"""Whether a client certificate leads to a peer's own authority: looked at when it calls, and remembered.

What Kamailio trusts, it trusts for every peer; a customer's authority is believed for one trunk only, and a
carrier's for that carrier (`tls.cfg`). The file of the authority must hold every certificate between,
because Kamailio hands on the peer's own and none it came with.
"""

from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from trunkward.engines.pause import Pause

#: Seconds for which a certificate that did not lead there is not looked at again.
_REFUSED_FOR_S = 60
_MOST = 16_384
#: RFC 5280 section 4.2.1.12: where purposes are named, this must be one.
_PURPOSES = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)


class Chains:
    """What is known of certificates and authorities; one for each gate."""

    def __init__(self) -> None:
        """Knows nothing yet."""
        #: By certificate and authority: whether it leads there, and how long that is so.
        self._known: dict[tuple[str, str], tuple[bool, Pause]] = {}

    def leads(self, certificate: x509.Certificate, sha256: str, authority: str, pem: str, now: float) -> bool:
        """Whether a certificate leads to an authority now; `sha256` and `authority` are their names."""
        known = self._known.get((sha256, authority))
        if known is None or known[1].is_over(now):
            if len(self._known) >= _MOST:
                self._known.clear()
            known = self._known[sha256, authority] = _look(certificate, pem, now)
        return known[0]


def _look(certificate: x509.Certificate, pem: str, now: float) -> tuple[bool, Pause]:
    verifier = (
        PolicyBuilder()
        .store(_store(pem))
        .time(datetime.fromtimestamp(now, UTC))
        .extension_policies(ca_policy=_AUTHORITIES, ee_policy=_PEERS)
        .build_client_verifier()
    )
    try:
        chain = verifier.verify(certificate, []).chain
    except VerificationError:
        return False, Pause(now, _REFUSED_FOR_S)
    return True, Pause(now, min(one.not_valid_after_utc for one in chain).timestamp() - now)


@lru_cache(maxsize=256)
def _store(pem: str) -> Store:
    # each of them is trusted: root or not, a person has put it there
    return Store(x509.load_pem_x509_certificates(pem.encode()))


def _authority(_: Policy, certificate: x509.Certificate, found: x509.BasicConstraints | None) -> None:
    if found is None or not found.ca:
        raise ValueError("not an authority")


def _signs(_: Policy, certificate: x509.Certificate, found: x509.KeyUsage | None) -> None:
    if found is not None and not found.key_cert_sign:
        raise ValueError("may not sign certificates")


def _peer(_: Policy, certificate: x509.Certificate, found: x509.BasicConstraints | None) -> None:
    if found is not None and found.ca:
        raise ValueError("an authority's own")


def _client(_: Policy, certificate: x509.Certificate, found: x509.ExtendedKeyUsage | None) -> None:
    if found is not None and not any(purpose in _PURPOSES for purpose in found):
        raise ValueError("not for clients of TLS")


# Private authorities are not held to the rules of the Web's: what RFC 5280 says of a path is all that counts.
_ANY = Criticality.AGNOSTIC
_AUTHORITIES = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, _ANY, _authority)
    .may_be_present(x509.KeyUsage, _ANY, _signs)
)
_PEERS = (
    ExtensionPolicy.permit_all()
    .may_be_present(x509.BasicConstraints, _ANY, _peer)
    .may_be_present(x509.ExtendedKeyUsage, _ANY, _client)
)
