"""Each certificate that was ever signed with, by its serial number: `why` and `traceback` tell of it."""

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from trunkward.engines.whole_file import write_whole
from trunkward.signer.identity import Identity


def keep(directory: Path, identity: Identity) -> None:
    """Its chain, once, as PEM. Raises `OSError`."""
    file = directory / f"{identity.serial}.pem"
    if file.is_file():
        return
    directory.mkdir(exist_ok=True)
    chain = (identity.certificate, *identity.chain)
    write_whole(file, b"".join(one.public_bytes(Encoding.PEM) for one in chain), 0o644)
