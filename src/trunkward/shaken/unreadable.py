"""Reading certificates and lists of somebody else's with `cryptography`: what it warns of is refused."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning

#: What it may raise, whichever part is looked at. `DuplicateExtension` and its like are no `ValueError`s.
UNREADABLE = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
    CryptographyDeprecationWarning,
)


@contextmanager
def strictly() -> Iterator[None]:
    """Within it, what only old software wrote (a serial number of zero, bits that are no DER) is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        yield
