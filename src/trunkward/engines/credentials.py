"""What a file of certificates or keys holds, without whatever else stands in it.

A backup takes such files from anywhere on the machine, and a restore puts them back there as root: nothing
but this goes either way, so neither an archive nor a node file can make root write a program.
"""

import re

#: base64url (RFC 4648 section 5), with or without its padding: a MAC key as an authority gives it.
MAC_KEY = re.compile(r"[A-Za-z0-9_-]{16,1024}={0,2}", re.ASCII)
#: RFC 7468 sections 5 and 10, and the older forms of keys.
_BLOCK = re.compile(
    r"-----BEGIN (CERTIFICATE|(?:EC |RSA )?PRIVATE KEY|EC PARAMETERS)-----\s"
    r"[A-Za-z0-9+/=\s]+-----END \1-----"
)


def credentials_only(text: bytes) -> bytes:
    """The certificates and keys of a PEM file, or a MAC key; b"" when there is neither."""
    plain = text.decode("ascii", errors="replace")
    if MAC_KEY.fullmatch(plain.strip()):
        return f"{plain.strip()}\n".encode("ascii")
    return "".join(f"{block[0]}\n" for block in _BLOCK.finditer(plain)).encode("ascii")
