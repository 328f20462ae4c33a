"""How a trunk is recognised, as a person may write it."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from trunkward.control.addresses import Networks
from trunkward.control.keys import Name, Part, Wrong, is_path, twice
from trunkward.control.yaml_lines import PathKey
from trunkward.trunks.model import CertifiedBy, IdentifiedBy

_FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
#: X.520: a common name has 64 characters at most, a DNS name 253.
_SUBJECT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._@+-]{0,251}[A-Za-z0-9])?", re.ASCII)
#: Stands in quotes in headers, and before a colon in what is hashed.
_USERNAME = re.compile(r"[A-Za-z0-9._+@-]{1,64}", re.ASCII)


# ---- what may be written -------------------------------------------------------------------------


def _identified_by(value: Any) -> tuple[IdentifiedBy, ...]:
    known = [way.value for way in IdentifiedBy]
    if not isinstance(value, list) or not value or any(way not in known for way in value):
        other = next((way for way in value if way not in known), "") if isinstance(value, list) else ""
        close = get_close_matches(str(other), known, n=1) if other else []
        if close:
            raise ValueError(f"{other} is no way to recognise a trunk; did you mean {close[0]}?")
        raise ValueError(f"write a list of one or more of {', '.join(known)}, all of which must hold")
    if len(set(value)) != len(value):
        raise ValueError("the same way twice")
    return tuple(way for way in IdentifiedBy if way.value in value)


def _client_certificate(value: Any) -> str | CertifiedBy:
    if isinstance(value, str) and (value == "issued" or _FINGERPRINT.fullmatch(value)):
        return value
    if not isinstance(value, dict):
        raise ValueError(
            "write issued, or sha256: and 64 lower-case hex digits of the certificate's fingerprint, or ca: "
            "and subject: below it"
        )
    return _certified_by(value)


def _certified_by(value: dict[Any, Any]) -> CertifiedBy:
    ca, subject = value.get("ca"), value.get("subject")
    if value.keys() != {"ca", "subject"} or not (isinstance(ca, str) and isinstance(subject, str)):
        raise ValueError("write two keys below it: ca, a PEM file, and subject, who its certificate is for")
    if not is_path(ca):
        raise ValueError("ca: write the absolute path of a PEM file, such as /etc/trunkward/acme-ca.pem")
    # RFC 5922 section 7.2: whole names; a wildcard is nobody's
    if not _SUBJECT.fullmatch(subject):
        raise ValueError(
            "subject: write the DNS name on the certificate, such as pbx.acme.example.com, or its common name"
        )
    return CertifiedBy(ca=ca, subject=subject.lower())


def _username(text: str) -> str:
    if not _USERNAME.fullmatch(text):
        raise ValueError("a username is 1 to 64 letters, digits and any of . _ + @ -, such as acme-hq")
    return text


class IdentificationPart(Part):
    """Those of a trunk's keys that say who it is."""

    name: Name
    identified_by: Annotated[Any, BeforeValidator(_identified_by)] = (
        IdentifiedBy.NETWORK,
        IdentifiedBy.CERTIFICATE,
    )
    networks: Networks | None = None
    client_certificate: Annotated[Any, BeforeValidator(_client_certificate)] = None
    username: Annotated[str, AfterValidator(_username)] | None = None
    unsafe_md5: bool = False


type Identified = Sequence[tuple[PathKey, IdentificationPart]]


# ---- what does not go together -------------------------------------------------------------------


def wrong_in_identification(trunks: Identified) -> Wrong:
    """Each trunk by itself, and that each is recognised by something that no other one has."""
    for path, trunk in trunks:
        yield from _wrong_in_ways(path, trunk)
    shown = [
        ((*path, "client_certificate"), str(trunk.client_certificate))
        for path, trunk in trunks
        if trunk.client_certificate not in (None, "issued")
    ]
    yield from twice(shown, "another trunk is recognised by this certificate")
    named = [
        ((*path, "username" if trunk.username else "name"), trunk.username or trunk.name)
        for path, trunk in trunks
        if IdentifiedBy.DIGEST in trunk.identified_by
    ]
    yield from twice(named, "another trunk has this username")
    yield from _same_network(trunks)


def _wrong_in_ways(path: PathKey, trunk: IdentificationPart) -> Wrong:
    """What a way needs is written, and nothing for one that is not demanded: it would be thought to hold."""
    ways: tuple[IdentifiedBy, ...] = trunk.identified_by
    for way, key in ((IdentifiedBy.NETWORK, "networks"), (IdentifiedBy.CERTIFICATE, "client_certificate")):
        if way in ways and getattr(trunk, key) is None:
            # where the ways are written, that is the line to look at
            said = "missing; it must be written" + (
                f", or take {way} out of identified_by" if "identified_by" in trunk.model_fields_set else ""
            )
            yield (*path, key), said
        if way not in ways and getattr(trunk, key) is not None:
            yield (*path, key), f"{way} is not in identified_by: add it there, or leave {key} out"
    if IdentifiedBy.DIGEST not in ways:
        for key in ("username", "unsafe_md5"):
            if key in trunk.model_fields_set:
                yield (*path, key), f"digest is not in identified_by: add it there, or leave {key} out"
    elif trunk.unsafe_md5 and IdentifiedBy.NETWORK not in ways:
        # RFC 8760 section 2.3: who is offered the weaker one may take it, so nobody else is
        said = "MD5 is offered to the trunk's own networks alone: add network to identified_by"
        yield (*path, "unsafe_md5"), said
    for index, network in enumerate(trunk.networks or ()):
        if ways == (IdentifiedBy.NETWORK,) and network.prefixlen == 0:
            yield (*path, "networks", index), "the whole Internet, and nothing else tells this trunk"


def _same_network(trunks: Identified) -> Wrong:
    """Who has nothing but its network has it alone; one with a certificate is told by that first."""
    alone, with_digest = _Networks(), _Networks()
    found: list[tuple[PathKey, Any, str, bool]] = []
    for path, trunk in trunks:
        if (
            IdentifiedBy.NETWORK in trunk.identified_by
            and IdentifiedBy.CERTIFICATE not in trunk.identified_by
        ):
            only = trunk.identified_by == (IdentifiedBy.NETWORK,)
            for index, network in enumerate(trunk.networks or ()):
                found.append(((*path, "networks", index), network, trunk.name, only))
                (alone if only else with_digest).add(network, trunk.name)
    for path, network, name, only in found:
        if other := alone.around(network, but=name):
            said = f"also trunk {other}'s, and nothing but its network tells that one"
            yield path, f"{said}: write networks that do not overlap"
        elif only and (other := with_digest.around(network, but=name)):
            # its calls without credentials would be taken for this one's, and never challenged
            said = f"also trunk {other}'s, and nothing but its network tells this one"
            yield path, f"{said}: write networks that do not overlap"


class _Networks:
    """Networks with their owners, asked which one is around another: also for 10,000 of them."""

    def __init__(self) -> None:
        self._owners: dict[Any, str] = {}
        self._lengths: set[tuple[int, int]] = set()

    def add(self, network: Any, owner: str) -> None:
        self._owners.setdefault(network, owner)
        self._lengths.add((network.version, network.prefixlen))

    def around(self, network: Any, *, but: str) -> str:
        """Who owns a network that is `network` or wider; "" for nobody else."""
        for version, length in self._lengths:
            if version == network.version and length <= network.prefixlen:
                owner = self._owners.get(network.supernet(new_prefix=length), but)
                if owner != but:
                    return owner
        return ""
