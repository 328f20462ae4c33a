"""What certificates of carriers and trunks must lead to: read from the files their `ca` names."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from trunkward.engines.certificates import why_no_authority
from trunkward.engines.checked_files import NotPrepared
from trunkward.engines.pki_files import PkiFiles
from trunkward.settings import Paths
from trunkward.sip.transport import Transport
from trunkward.trunks.model import Carrier, Declared


def authority_texts(declared: Declared) -> dict[str, str]:
    """By carrier, the authorities its `ca` names. Raises `NotPrepared`."""
    texts = {}
    for carrier in declared.carriers:
        if carrier.ca_file:
            if why := why_no_authority(Path(carrier.ca_file)):  # read before, and gone meanwhile
                raise NotPrepared(f"carrier {carrier.name}: {why}")
            pem = Path(carrier.ca_file).read_text(encoding="ascii", errors="replace")
            texts[carrier.name] = pem if pem.endswith("\n") else pem + "\n"
    return texts


def authorities_of_carriers(declared: Declared, pki: PkiFiles) -> dict[str, str]:
    """By carrier that speaks TLS, what its certificate must lead to. Raises `NotPrepared`."""
    texts, own = authority_texts(declared), pki.sip_authority.read_text(encoding="ascii")
    return {c.name: texts.get(c.name, own) for c in declared.carriers if c.transport is Transport.TLS}


def authorities_of_trunks(declared: Declared) -> dict[str, str]:
    """By trunk, what the `ca` of its `client_certificate` names holds now. Raises `NotPrepared`."""
    read: dict[str, str] = {}
    found = {}
    for trunk in declared.trunks:
        if trunk.certified_by is None:
            continue
        file = trunk.certified_by.ca
        if file not in read:
            if why := why_no_authority(Path(file)):  # read before, and gone meanwhile
                raise NotPrepared(f"trunk {trunk.name}: {why}")
            read[file] = Path(file).read_text(encoding="ascii", errors="replace")
        found[trunk.name] = read[file]
    return found


def with_authorities(declared: Declared, paths: Paths) -> Declared:
    """The same, each carrier's authorities in a file of the edge's: the one named may be root's alone."""
    carriers: Iterable[Carrier] = (
        replace(c, ca_file=str(authority_copy(paths, c.name))) if c.ca_file else c for c in declared.carriers
    )
    return replace(declared, carriers=tuple(carriers))


def authority_copy(paths: Paths, carrier: str) -> Path:
    """Where the edge has a copy of the authorities that a carrier's `ca` names."""
    return paths.run / "edge" / f"ca-{carrier}.pem"
