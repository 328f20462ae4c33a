"""What a file that the node file names holds: certificates and keys, or a table of numbers, and nothing else.

A backup takes such files from anywhere on the machine, and a restore puts them back there as root: nothing
but this goes either way, so neither an archive nor a node file can make root write a program.
"""

import re

from trunkward.control.do_not_originate import ListRefused, read_never_calls
from trunkward.numbering.overrides import OverridesRefused, read_overrides

#: base64url (RFC 4648 section 5), with or without its padding: a MAC key as an authority gives it.
MAC_KEY = re.compile(r"[A-Za-z0-9_-]{16,1024}={0,2}", re.ASCII)
#: RFC 7468 sections 5 and 10, and the older forms of keys.
_BLOCK = re.compile(
    r"-----BEGIN (CERTIFICATE|(?:EC |RSA )?PRIVATE KEY|EC PARAMETERS)-----\s"
    r"[A-Za-z0-9+/=\s]+-----END \1-----"
)
#: Of a table: words, numbers and what stands between them. Nothing of it is more to a shell.
_PLAIN = re.compile(r"\ufeff?[\w\s+*,.:;\"'()/#%-]*")


def kept_of(content: bytes) -> bytes:
    """What of a file goes into a backup, and back: its certificates and keys, or table; else b""."""
    return credentials_only(content) or (content if _is_table(content) else b"")


def _is_table(content: bytes) -> bool:
    """Whether these are lines for `node.destinations` or `node.do_not_originate`."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    if not _PLAIN.fullmatch(text):
        return False
    for read in (read_overrides, read_never_calls):
        try:
            if read(text):
                return True
        except (OverridesRefused, ListRefused):
            continue
    return False


def credentials_only(text: bytes) -> bytes:
    """The certificates and keys of a PEM file, or a MAC key; b"" when there is neither."""
    plain = text.decode("ascii", errors="replace")
    if MAC_KEY.fullmatch(plain.strip()):
        return f"{plain.strip()}\n".encode("ascii")
    return "".join(f"{block[0]}\n" for block in _BLOCK.finditer(plain)).encode("ascii")
