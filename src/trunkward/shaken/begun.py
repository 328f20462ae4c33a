"""What every certificate made here begins with, whoever it is for."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

#: Tolerated difference of clocks: certificates are valid from this long before they are made.
BACKDATE = timedelta(minutes=5)


def begun(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    serial: int,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    """Names, key, number and time; its extensions are the caller's."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial)
        # one that lives for seconds must not have gone through most of its life when it is made
        .not_valid_before(now - min(BACKDATE, lifetime / 100))
        .not_valid_after(now + lifetime)
    )
