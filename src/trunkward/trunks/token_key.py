"""Where a private key is that no file holds: in a token, by its PKCS#11 URI (RFC 7512)."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

SCHEME = "pkcs11:"
_HOW = "pkcs11:token=LABEL;object=LABEL?module-path=/usr/lib/...so&pin-source=/a/file"
_PATH = re.compile(r"/[A-Za-z0-9._/@+-]{1,200}", re.ASCII)
_MOST = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """A key in a token."""

    #: Labels of the token, and of the private key and its public one in it.
    token: str
    label: str
    #: The token's library.
    module: str
    #: File with the user's PIN, readable by the signer's user alone.
    pin_file: str

    @classmethod
    def read(cls, uri: str) -> Self:
        """What a URI names; exactly these four attributes. Raises `ValueError`, which says how."""
        path, _, query = uri.removeprefix(SCHEME).partition("?")
        parts = [part.partition("=") for part in (*path.split(";"), *query.split("&"))]
        found = {name: unquote(value, errors="strict") for name, _, value in parts}
        good = (
            uri.startswith(SCHEME)
            and uri.isascii()
            and len(uri) <= _MOST
            and len(parts) == len(found)
            and found.keys() == {"token", "object", "module-path", "pin-source"}
            and all(found.values())
            and _PATH.fullmatch(found["module-path"])
            and _PATH.fullmatch(found["pin-source"])
        )
        if not good:
            raise ValueError(f"a key in a token is written {_HOW} (RFC 7512)")
        return cls(
            token=found["token"],
            label=found["object"],
            module=found["module-path"],
            pin_file=found["pin-source"],
        )
