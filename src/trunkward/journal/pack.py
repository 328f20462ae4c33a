"""Files that are handed out together, and what shows whether anybody has changed them since.

A list as `sha256sum` reads it names each with its SHA-256, and is signed with the key of the heads (Ed25519,
RFC 8032): `openssl` and `sha256sum` are enough to look. Its first line says what it is, as each line of the
heads does: neither is ever taken for the other.
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MANIFEST, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"
#: A comment for `sha256sum`.
_FORMAT = "# trunkward-manifest-2"
_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._-]*)", re.ASCII)


def sealed(files: Mapping[str, bytes], key: Ed25519PrivateKey) -> dict[str, bytes]:
    """The files with their manifest, and its signature: the 64 bytes as they are."""
    lines = [f"{sha256(files[name]).hexdigest()}  {name}" for name in sorted(files)]
    manifest = "".join(f"{line}\n" for line in (_FORMAT, *lines)).encode()
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
    except InvalidSignature:
        yield f"{MANIFEST} is not signed with this key: it was changed, or another key made it"
        return
    first, *lines = manifest.decode(errors="replace").splitlines() or [""]
    found = [_LINE.fullmatch(line) for line in lines]
    if first != _FORMAT or None in found:
        yield f"{MANIFEST} names no files: it is another thing, or of another version"
        return
    named = {one[2]: one[1] for one in found if one}
    # 2.
    for name, wanted in named.items():
        if name not in files:
            yield f"{name} is missing"
        elif sha256(files[name]).hexdigest() != wanted:
            yield f"{name} was changed"
    # 3.
    for name in sorted(files.keys() - named.keys() - {MANIFEST, SIGNATURE}):
        yield f"{name} was put in"
