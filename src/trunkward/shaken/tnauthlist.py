"""The TNAuthList certificate extension with one service provider code (RFC 8226 section 9)."""

import re

from cryptography.x509 import ObjectIdentifier

#: id-pe-TNAuthList.
TN_AUTH_LIST = ObjectIdentifier("1.3.6.1.5.5.7.1.26")

#: ATIS-1000080: exactly one service provider code of four characters.
_SPC = re.compile(r"[A-Z0-9]{4}")

# TNAuthorizationList ::= SEQUENCE OF TNEntry; TNEntry ::= CHOICE { spc [0] ServiceProviderCode, ... };
# ServiceProviderCode ::= IA5String; the module's tags are explicit. With four characters every length is
# known.
_BEFORE_SPC = bytes((0x30, 0x08, 0xA0, 0x06, 0x16, 0x04))


class TnAuthListError(ValueError):
    """Not one service provider code in DER."""


def encode_spc(spc: str) -> bytes:
    """DER of a TNAuthList with this one code. Raises `TnAuthListError` unless it is four of `A-Z0-9`."""
    if not _SPC.fullmatch(spc):
        raise TnAuthListError(f"a service provider code is four of A-Z and 0-9, not {spc!r}")
    return _BEFORE_SPC + spc.encode("ascii")


def decode_spc(der: bytes) -> str:
    """Return a TNAuthList's one code. Raises `TnAuthListError` for lists, numbers and malformed DER."""
    code = der[len(_BEFORE_SPC) :].decode("latin-1")
    if not der.startswith(_BEFORE_SPC) or not _SPC.fullmatch(code):
        raise TnAuthListError("the TNAuthList is not exactly one service provider code")
    return code
