"""Where we connect, trunks and carriers alike: it must be clear whose certificate is expected there."""

from collections.abc import Sequence

from trunkward.control.carrier_keys import CarrierPart
from trunkward.control.certificate_keys import ClientCertificatePart
from trunkward.control.keys import Wrong
from trunkward.control.trunk_keys import Placed
from trunkward.trunks.model import Host


def wrong_in_connections(trunks: Sequence[Placed], carriers: list[CarrierPart]) -> Wrong:
    """Names and hosts that two peers have, with different words of what is there."""
    yield from _same_name(trunks, carriers)
    yield from _same_host(trunks, carriers)


def _same_name(trunks: Sequence[Placed], carriers: list[CarrierPart]) -> Wrong:
    """Which authority is believed and what is shown, where we connect, is found by the peer's first name."""
    believed: dict[str, tuple[str, str, bool]] = {}
    shown: dict[str, tuple[str, ClientCertificatePart]] = {}
    for path, _, trunk in trunks:
        if trunk.dialled is None or not trunk.tls_names:
            continue
        other, _, old = believed.setdefault(trunk.tls_names[0], (trunk.name, "local", trunk.unsafe_tls12))
        if old != trunk.unsafe_tls12:
            said = f"{other} has this name first, too, and {'may' if old else 'may not'} speak TLS 1.2"
            yield (*path, "tls_names", 0), f"{said}: write another name first"
        shown.setdefault(trunk.tls_names[0], (trunk.name, ClientCertificatePart()))
    for index, carrier in enumerate(carriers):
        if not (names := carrier.certified_names):
            continue
        other, ca, old = believed.setdefault(names[0], (carrier.name, carrier.ca, False))
        place = ("carriers", index, "tls_names" if carrier.tls_names else "hosts", 0)
        if ca != carrier.ca:
            said = f"{other} has this name first, too, with another authority (ca: {ca})"
            yield place, f"{said}: write the same ca, or another name first"
        elif old:
            yield place, f"{other} has this name first, too, and may speak TLS 1.2: write another name first"
        other, certificate = shown.setdefault(names[0], (carrier.name, carrier.client_certificate))
        if certificate != carrier.client_certificate:
            said = f"{other} has this name first, too, with another client_certificate"
            yield place, f"{said}: write the same, or another name first"


def _same_host(trunks: Sequence[Placed], carriers: list[CarrierPart]) -> Wrong:
    """A connection is looked for by where it goes."""
    expected: dict[Host, tuple[str, str]] = {}
    for path, _, trunk in trunks:
        if (host := trunk.dialled) is not None and trunk.tls_names:
            other, name = expected.setdefault(host, (trunk.name, trunk.tls_names[0]))
            if name != trunk.tls_names[0]:
                yield (*path, "host"), f"also {other}'s, with other tls_names: one host has one certificate"
    for index, carrier in enumerate(carriers):
        if not (names := carrier.certified_names):
            continue
        for at, host in enumerate(carrier.hosts):
            other, name = expected.setdefault(host, (carrier.name, names[0]))
            if name != names[0]:
                said = f"also {other}'s, with other tls_names: one host has one certificate"
                yield ("carriers", index, "hosts", at), said
