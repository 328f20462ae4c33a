"""Whether a certificate that a person has named as a signer of lists may sign one now."""

from collections.abc import Callable

from cryptography import x509


def may_sign(certificate: x509.Certificate, use: Callable[[x509.KeyUsage], bool], now_s: float) -> bool:
    """Whether it is valid at `now_s` (seconds since the epoch) and its key usage has the bit `use` looks for.

    One without a key usage may not (RFC 5280 section 4.2.1.3): who named it has not said what for. A key that
    was stolen from a certificate that has ended since signs nothing either, whoever left that in the file.
    """
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return use(usage) and begins.timestamp() <= now_s <= ends.timestamp()
