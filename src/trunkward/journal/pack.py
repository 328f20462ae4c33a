"""Files that are handed out together, and what shows whether anybody has changed them since.

A manifest names each with its SHA-256, and is signed with the key of the heads (Ed25519, RFC 8032). It says
that it is one (`format`), as each line of theirs says what it is: neither is ever taken for the other.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
FORMAT: Literal["trunkward-manifest-1"] = "trunkward-manifest-1"


class _Manifest(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["trunkward-manifest-1"]
    #: SHA-256 in lower-case hex, by name.
    files: dict[str, str]


def sealed(files: Mapping[str, bytes], key: Ed25519PrivateKey) -> dict[str, bytes]:
    """The files with their manifest, and its signature: the 64 bytes as they are."""
    hashes = {name: sha256(files[name]).hexdigest() for name in sorted(files)}
    manifest = (
        msgspec.json.format(msgspec.json.encode(_Manifest(format=FORMAT, files=hashes)), indent=1) + b"\n"
    )
    return {**files, MANIFEST: manifest, SIGNATURE: key.sign(manifest)}


def not_as_sealed(files: Mapping[str, bytes], key: Ed25519PublicKey) -> Iterator[str]:
    """Sentences on what is not as it was sealed with this key; none: all of it is.

    1. The manifest is signed with the key.
    2. Each file it names is there, with that hash.
    3. There is no other.
    """
    # 1.
    manifest = files.get(MANIFEST, b"")
    try:
        key.verify(files.get(SIGNATURE, b""), manifest)
        named = msgspec.json.decode(manifest, type=_Manifest).files
    except InvalidSignature:
        yield f"{MANIFEST} is not signed with this key: it was changed, or another key made it"
        return
    except msgspec.MsgspecError as problem:
        yield f"{MANIFEST} names no files: {problem}"
        return
    # 2.
    for name, wanted in named.items():
        if name not in files:
            yield f"{name} is missing"
        elif sha256(files[name]).hexdigest() != wanted:
            yield f"{name} was changed"
    # 3.
    for name in sorted(files.keys() - named.keys() - {MANIFEST, SIGNATURE}):
        yield f"{name} was put in"
