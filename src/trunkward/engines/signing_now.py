"""Whether a node's signers sign at this moment, and with what, as they say themselves.

What the process `identities` brought is what may be signed with; whether it is, only the signer knows: it has
the key, and goes by the lists it holds.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trunkward.engines.part_numbers import PartNumbers, read_part
from trunkward.engines.signer_wire import CERTIFICATE_AWAITED
from trunkward.engines.signers import read_ports
from trunkward.settings import Paths, signer_name

#: Bytes of a log that are looked at for why a signer did not start.
_TAIL = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningNow:
    """One signer."""

    #: Serial number of the certificate it holds, lower-case hex; "": it holds none.
    serial: str = ""
    #: Why it signs nothing; "": it signs.
    why_not: str = ""
    #: It holds no certificate, and waits for the one that was ordered.
    waits: bool = False

    @property
    def problem(self) -> str:
        """The same in words, of its signer; "" where it signs."""
        if self.why_not == CERTIFICATE_AWAITED:
            return "waits for its first certificate"
        return f"signs nothing: {self.why_not}" if self.why_not else ""


def signing_now(paths: Paths, identities: Iterable[str]) -> dict[str, SigningNow]:
    """Asks the signer of each identity; for root, who may read why one did not start."""
    ports = read_ports(paths)
    found = {}
    for identity in identities:
        name = signer_name(identity)
        try:
            found[identity] = told(read_part(ports[name]))
        except (OSError, KeyError):
            why = _why_not_started(paths.log / f"{name}.log") or "it does not answer"
            found[identity] = SigningNow(why_not=why)
    return found


def told(numbers: PartNumbers) -> SigningNow:
    """What a signer's numbers say."""
    labels = _labels(numbers)
    why = labels.get("unfit", "")
    if not why and numbers.value("trunkward_signer_fit") != 1:
        why = "its key or certificate may not sign"
    serial = labels.get("serial", "")
    return SigningNow(serial=serial, why_not=why, waits=bool(labels) and not serial)


def _labels(numbers: PartNumbers) -> Mapping[str, str]:
    for family in numbers.families:
        for sample in family.samples:
            if sample.name == "trunkward_signer_identity":
                return sample.labels
    return {}


def _why_not_started(log: Path) -> str:
    """The last reason it wrote down; "" where it has started since."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        try:
            said = json.loads(line)
        except ValueError:
            continue
        event = said.get("event") if isinstance(said, dict) else ""
        if event in ("not-started", "ready"):
            return str(said.get("error", ""))
    return ""
