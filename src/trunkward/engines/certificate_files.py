"""Certificates from elsewhere, as Kamailio and who gets them find them at their start."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from trunkward.control.shown_certificate import CertificateRefused
from trunkward.engines.checked_files import text_of
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.shown_pair import places, read_pair
from trunkward.engines.whole_file import write_private
from trunkward.settings import Paths
from trunkward.trunks.model import AcmeSettings, Declared


def put_certificates(paths: Paths, declared: Declared, now: datetime) -> None:
    """What Kamailio starts with for certificates from elsewhere; later ones are `certificates.install`'s."""
    wanted, pki = places(declared, paths), PkiFiles(paths.pki)
    for place in wanted:
        try:
            pem = read_pair(place, now).pem
        except CertificateRefused:
            # nothing from the authority yet, or nothing good any more: peers that trust it will not connect
            pem = pki.node_key.read_bytes() + pki.node.read_bytes()
        write_private(Path(place.target), pem.decode("ascii"), "root", "tw-edge")
    document = msgspec.json.encode(wanted).decode()
    write_private(paths.run / "edge" / "certificates.json", document, "root", "tw-edge")
    for state in (paths.acme_state, paths.shown_state):  # of a node before this one
        with suppress(OSError):
            state.unlink()
    acme = declared.node.certificate
    if isinstance(acme, AcmeSettings):
        here = paths.acme_state.parent
        for source, name in ((acme.ca_file, "ca.pem"), (acme.external_key_file, "external.key")):
            if source:
                write_private(here / name, text_of(source), "root", "tw-cert")
