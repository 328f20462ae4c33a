"""Who a peer's certificate says it is: fingerprint and names, read once for each certificate."""

from copy import replace
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from trunkward.admission.ports import PeerIdentity
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import TlsFacts
from trunkward.gate.chain import Chains
from trunkward.sip.uri import MalformedUri, parse_uri

#: Names of one certificate that are looked at; one with more has none to us. Each is looked up for every
#: call, and whoever connects may show as many as he likes.
_MOST_NAMES = 100
#: Bytes a gate keeps of certificates it has read: 4,000 usual ones. To read one again takes some 50 µs.
_MOST_BYTES = 16 << 20
#: Bytes that one takes, read, for each character of its PEM.
_TAKES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    certificate: x509.Certificate
    identity: PeerIdentity
    #: Seconds since the epoch.
    valid_until: float


def peer_identity(
    tls: TlsFacts | None, policy: Snapshot | None = None, chains: Chains | None = None, now: float = 0.0
) -> PeerIdentity | None:
    """The identity behind a TLS connection `now` (seconds since the epoch), None for no certificate to read.

    With a policy: whether it leads to the authority of a trunk that is recognised by such a one and a subject
    the certificate has, or of a carrier with a name on it.
    """
    if tls is None or not tls.peer_certificate:
        return None
    read = _known.read(tls.peer_certificate, tls.peer_verified)
    if read is None:
        return None
    identity = read.identity
    if identity.chain_verified and now >= read.valid_until:
        # Kamailio has looked at it when the connection began, which may be weeks ago
        identity = replace(identity, chain_verified=False)
    if policy is None or chains is None:
        return identity
    wanted = {
        trunk.authority for name in identity.subjects for trunk in policy.trunks_by_subject(name.lower())
    }
    if identity.chain_verified:
        wanted |= {
            carrier.authority
            for name in identity.dns_names
            for carrier in policy.carriers_by_name.get(name.lower(), ())
            if carrier.authority
        }
    authorities = {
        authority
        for authority in wanted
        if chains.leads(
            *(read.certificate, identity.certificate_sha256, authority), *(policy.authority(authority), now)
        )
    }
    return replace(identity, authorities=frozenset(authorities)) if authorities else identity


class _Known:
    """What the certificates seen last say, bounded by what they take: strangers choose how long one is."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, bool], _Read | None] = {}
        self.bytes = 0

    def read(self, pem: str, chain_verified: bool) -> _Read | None:
        """What one says, None for one that cannot be read."""
        key = (pem, chain_verified)
        if key in self._read:
            found = self._read[key] = self._read.pop(key)  # the last one again
            return found
        found = self._read[key] = _read(pem, chain_verified)
        self.bytes += _TAKES * len(pem)
        while self.bytes > _MOST_BYTES:
            oldest = next(iter(self._read))
            del self._read[oldest]
            self.bytes -= _TAKES * len(oldest[0])
        return found


def _read(pem: str, chain_verified: bool) -> _Read | None:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        fingerprint = certificate.fingerprint(SHA256()).hex()
    except ValueError:
        return None
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns = tuple(names.get_values_for_type(x509.DNSName))
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (x509.ExtensionNotFound, ValueError):
        dns, uris = (), []
    readable = len(dns) + len(uris) <= _MOST_NAMES
    identity = PeerIdentity(
        certificate_sha256=fingerprint,
        dns_names=dns if readable else (),
        chain_verified=chain_verified,
        subjects=_subjects(certificate, dns, uris) if readable else (),
    )
    return _Read(
        certificate=certificate,
        identity=identity,
        valid_until=certificate.not_valid_after_utc.timestamp(),
    )


def _subjects(certificate: x509.Certificate, dns: tuple[str, ...], uris: list[str]) -> tuple[str, ...]:
    """RFC 5922 section 7.1: SIP URIs without a user, DNS names; the common name where there is neither."""
    found = [*filter(None, map(_domain, uris)), *dns]
    if not found:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        found = [str(one.value) for one in common]
    return tuple(name for name in dict.fromkeys(found) if name.isascii() and name.isprintable())


def _domain(uri: str) -> str:
    try:
        read = parse_uri(uri)
    except MalformedUri:
        return ""
    # a SIP URI with a user is a person's, not a domain's
    return read.host if read.scheme == "sip" and not read.user else ""


_known = _Known()
