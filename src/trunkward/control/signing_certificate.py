"""A signing certificate that was issued: whether it is what was asked for, and may be used."""

from datetime import UTC, datetime

from cryptography import x509

from trunkward.control.shown_certificate import CertificateRefused, Lifetime, chain_pem, read_chain
from trunkward.shaken.causes import Refused
from trunkward.shaken.credential import credential_of
from trunkward.shaken.crl import Revocations
from trunkward.shaken.tnauthlist import TN_AUTH_LIST, encode_spc
from trunkward.shaken.trusted_list import TrustedList


def as_published(pem: bytes) -> bytes:
    """A chain as it is published: written anew, leaf first, without its root. Raises `CertificateRefused`."""
    chain = read_chain(pem)
    below_root = [one for one in chain if one.subject != one.issuer]
    if not below_root:
        raise CertificateRefused("no-certificate", "nothing but a root")
    return chain_pem(below_root)


def check_signing_chain(
    pem: bytes,
    *,
    spc: str,
    public_key: object,
    trusted: TrustedList,
    revocations: Revocations,
    now: datetime,
) -> Lifetime:
    """How long a chain can be used. Raises `CertificateRefused` with a stable reason and a sentence.

    `public_key`: that of the key we have; None: only its signer knows.

    1. It has the profile, leads to an authority of the trusted list, holds now, and is not revoked; what no
       list says is for the signer's policy (`credential_of`).
    2. It is for this service provider code, DER for DER, and for nothing else.
    3. It is for the key we have.
    """
    # 1.
    try:
        credential = credential_of(pem, trusted, revocations, now.timestamp())
    except Refused as refused:
        said = str(refused)
        if refused.text.startswith(str(refused.cause)):
            said = refused.text
        raise CertificateRefused(str(refused.cause), said) from None
    # 2.
    listed = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_oid(TN_AUTH_LIST).value
    if not isinstance(listed, x509.UnrecognizedExtension) or listed.value != encode_spc(spc):
        raise CertificateRefused(
            "certificate-spc-mismatch", f"it is for {credential.spc or 'numbers'}, not for {spc}"
        )
    # 3.
    if public_key is not None and credential.key != public_key:
        raise CertificateRefused("key-mismatch", "the certificate is not for the key we have")
    return Lifetime(
        begins=datetime.fromtimestamp(credential.not_before_s, UTC),
        ends=datetime.fromtimestamp(credential.not_after_s, UTC),
    )
