"""Reading a node's file: good as a whole, or refused as a whole with everything that is wrong with it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

from pydantic import BaseModel, ValidationError

from trunkward.calls.attempt import Transport
from trunkward.control.destination_keys import DestinationsPart, policy_of
from trunkward.control.node_schema import (
    REGISTERED,
    CarrierPart,
    ClientCertificatePart,
    FilePart,
    FilesPart,
    LimitsPart,
    NodePart,
    ResellerPart,
    TenantPart,
    TrunkPart,
)
from trunkward.control.number_rules import (
    caller_rule,
    contradictions_of_numbers,
    dial_plan,
    emergency_numbers,
    number_rules,
)
from trunkward.control.objects import Objects, objects_of
from trunkward.control.yaml_lines import Document, PathKey, Problem, read_yaml, written
from trunkward.numbering.emergency import emergency_of
from trunkward.numbering.regions import REGIONS, main_region
from trunkward.trunks.callers import Diverting
from trunkward.trunks.destinations import DestinationPolicies, Level
from trunkward.trunks.model import (
    NO_LIMITS,
    TRUNK_LIMITS,
    AcmeSettings,
    Address,
    Carrier,
    CertificateFiles,
    CertificateSource,
    CertifiedBy,
    Declared,
    Host,
    IdentifiedBy,
    Limits,
    MediaPolicy,
    NodeSettings,
    Probes,
    Trunk,
)
from trunkward.trunks.retention import RetentionPolicy

_NOTHING_SAID = DestinationsPart()


class NodeFileRefused(Exception):
    """The file was not accepted; `problems` are in the order of their lines."""

    def __init__(self, problems: list[Problem], source: str = "node.yaml") -> None:
        """The message is one line for each problem, `source:line:column: path: what is wrong`."""
        self.problems = sorted(problems)
        super().__init__(
            "\n".join(
                f"{source}:{p.line}:{p.column}: {p.path + ': ' if p.path else ''}{p.message}"
                for p in self.problems
            )
        )


@dataclass(frozen=True)
class Accepted:
    """A node file that was found good."""

    #: Word for word.
    text: str
    #: The same as plain values, as YAML gave them: from these it is read again without YAML.
    values: Any
    parts: FilePart

    @cached_property
    def declared(self) -> Declared:
        """What it declares."""
        return _declared(self.parts)

    @cached_property
    def objects(self) -> Objects:
        """The same, object by object in the file's own words."""
        return objects_of(self.parts)

    @cached_property
    def sha256(self) -> str:
        """Of its text."""
        return sha256(self.text.encode()).hexdigest()


def read_node_file(
    text: str,
    source: str,
    why_no_authority: Callable[[str], str] = lambda _: "",
) -> Declared:
    """What the file declares; the arguments and what it raises are those of `accept_node_file`."""
    return accept_node_file(text, source, why_no_authority).declared


def declared_of(values: Any) -> Declared:
    """What a file declared that was accepted before, from its `Accepted.values`.

    Raises `NodeFileRefused` when this software does not understand it.
    """
    try:
        return _declared(FilePart.model_validate(values))
    except ValidationError as error:
        problems = [
            Problem(line=1, column=1, path=written(tuple(item["loc"])), message=_message(item))
            for item in error.errors(include_url=False)
        ]
        raise NodeFileRefused(problems, "the configuration in force") from None


def accept_node_file(
    text: str,
    source: str,
    why_no_authority: Callable[[str], str] = lambda _: "",
    wrong_destinations: Callable[[str], Iterable[str]] = lambda _: (),
    *,
    wrong_announcements: Callable[[str], Iterable[str]] = lambda _: (),
    wrong_list: Callable[[str], Iterable[str]] = lambda _: (),
) -> Accepted:
    """The file, found good; `source` is its name in messages. Raises `NodeFileRefused`.

    `why_no_authority` is asked for each file that a carrier's `ca` names: what is wrong with it, or "".
    `wrong_destinations` is asked for the file of `node.destinations`: everything that is wrong with it.
    `wrong_announcements` is asked for the directory of `node.announcements`, `wrong_list` for the file of
    `node.do_not_originate`: all that is wrong with them.
    """
    document, problems = read_yaml(text)
    if document is None:
        raise NodeFileRefused(problems, source)
    try:
        parts = FilePart.model_validate(document.value)
    except ValidationError as error:
        raise NodeFileRefused(problems + _explained(error, document), source) from None
    found = [*_contradictions(parts), *_of_authorities(parts, why_no_authority)]
    if parts.node.destinations is not None:
        found += [(("node", "destinations"), wrong) for wrong in wrong_destinations(parts.node.destinations)]
    if (place := parts.node.announcements) is not None:
        found += [(("node", "announcements"), wrong) for wrong in wrong_announcements(place)]
    if parts.node.do_not_originate is not None:
        found += [(("node", "do_not_originate"), wrong) for wrong in wrong_list(parts.node.do_not_originate)]
    problems += [document.problem(path, message) for path, message in found]
    if problems:
        raise NodeFileRefused(problems, source)
    return Accepted(text=text, values=document.value, parts=parts)


# ---- what Pydantic found, in words ---------------------------------------------------------------


def _explained(error: ValidationError, document: Document) -> list[Problem]:
    return [document.problem(tuple(item["loc"]), _message(item)) for item in error.errors(include_url=False)]


def _message(item: Any) -> str:
    kind, path, context = item["type"], tuple(item["loc"]), item.get("ctx", {})
    match kind:
        case "value_error":
            return str(context["error"])
        case "extra_forbidden":
            known = _known_keys(path[:-1])
            close = get_close_matches(str(path[-1]), known, n=1)
            return (
                f"unknown key; did you mean {close[0]}?"
                if close
                else f"unknown key; known here: {', '.join(known)}"
            )
        case "missing":
            return "missing; it must be written"
        case "string_type":
            # YAML reads +1202 as a number and drops its plus
            return "must be text" + ("; put it in quotes" if isinstance(item["input"], int | float) else "")
        case "int_type":
            return "must be a whole number, without quotes"
        case "bool_type":
            return "must be true or false"
        case "list_type":
            return "must be a list: one '- ' line each, or [a, b]"
        case "model_type" | "dict_type" | "model_attributes_type":
            known = _known_keys(path)
            return f"must be a group of keys: {', '.join(known)}"
        case "literal_error" | "enum":
            return f"must be {str(context['expected']).replace(chr(39), '')}"
        case "greater_than_equal":
            return f"must be {context['ge']} or more"
        case "less_than_equal":
            return f"must be {context['le']} or less"
        case "too_long":
            return f"must not have more than {context['max_length']}"
        case "too_short":
            return "must not be empty"
        case _:
            return str(item["msg"])


def _known_keys(path: PathKey) -> list[str]:
    """The keys the file may have in the group at `path`."""
    model: Any = FilePart
    for part in path:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        inner = getattr(annotation, "__args__", (annotation,))[0]
        model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
        if model is None:
            return []
    return list(model.model_fields)


# ---- what only shows when the parts are compared -------------------------------------------------


def _contradictions(parts: FilePart) -> Iterator[tuple[PathKey, str]]:
    trunks = list(_trunks(parts))
    yield from _of_node(parts.node, tls12=any(trunk.unsafe_tls12 for _, _, trunk in trunks))
    yield from _twice(
        [(("tenants", i, "name"), tenant.name) for i, tenant in enumerate(parts.tenants)],
        "another tenant has this name",
    )
    yield from _of_resellers(parts)
    # trunks and carriers stand side by side in records and statistics
    names = [((*path, "name"), trunk.name) for path, _, trunk in trunks]
    names += [(("carriers", i, "name"), carrier.name) for i, carrier in enumerate(parts.carriers)]
    yield from _twice(names, "another trunk or carrier has this name")
    numbers = [((*p, "numbers", i), part.number) for p, _, t in trunks for i, part in enumerate(t.numbers)]
    yield from _twice(numbers, "this number stands here already; a number belongs to one trunk")
    yield from _same_identity(trunks)
    for path, destinations in _destinations(parts):
        yield from _twice(
            [((*path, "allow", i), entry) for i, entry in enumerate(destinations.allow or ())],
            "this stands here already",
        )
    for path, _, trunk in trunks:
        yield from _of_trunk(path, trunk, parts.node)
    yield from contradictions_of_numbers(trunks, parts.node)
    for index, carrier in enumerate(parts.carriers):
        yield from _of_carrier(("carriers", index), carrier, parts.node)
    yield from _same_source(parts.carriers)
    yield from _same_name(trunks, parts.carriers)
    yield from _same_host(trunks, parts.carriers)
    if not trunks:
        yield ("tenants",), "no trunk in any tenant; a node needs one"
    if not parts.carriers:
        yield ("carriers",), "no carrier; a node needs one"


def _of_resellers(parts: FilePart) -> Iterator[tuple[PathKey, str]]:
    yield from _twice(
        [(("resellers", i, "name"), reseller.name) for i, reseller in enumerate(parts.resellers)],
        "another reseller has this name",
    )
    known = [reseller.name for reseller in parts.resellers]
    for index, tenant in enumerate(parts.tenants):
        if tenant.reseller is not None and tenant.reseller not in known:
            close = get_close_matches(tenant.reseller, known, n=1)
            wanted = f"did you mean {close[0]}?" if close else "write it under resellers"
            yield ("tenants", index, "reseller"), f"no reseller has this name; {wanted}"


def _of_node(node: NodePart, *, tls12: bool) -> Iterator[tuple[PathKey, str]]:
    if node.tls_port == node.plain_port:
        yield ("node", "plain_port"), "the same as tls_port; write another"
    for name in ("tls_port", "plain_port"):
        if tls12 and node.tls12_port == getattr(node, name):
            yield ("node", "tls12_port"), f"the same as {name}; write another"
    spoken = _versions(node.address)
    if node.media.address is not None and _versions(node.media.address) != spoken:
        wanted = " and ".join(f"an IPv{version} address" for version in sorted(spoken))
        yield ("node", "media", "address"), f"other IP versions than node.address has; write {wanted}"
    if node.contact_host is not None and (why := _no_contact(node)):
        yield ("node", "contact_host"), why
    low, high = node.media.ports
    for name in ("tls_port", "plain_port", *(["tls12_port"] if tls12 else [])):
        if low <= getattr(node, name) <= high:
            yield ("node", name), "inside node.media.ports; write another"
    source = node.certificate
    if source.acme is not None and source.files is not None:
        yield ("node", "certificate", "files"), "the certificate comes from acme already; keep one of the two"
    if source.acme is not None and source.acme.http_port in (node.tls_port, node.plain_port):
        yield ("node", "certificate", "acme", "http_port"), "a port of SIP; write another"
    region, country = node.number_plan.region, node.number_plan.country
    if region is not None and region not in REGIONS.get(country, ()):
        known = ", ".join(REGIONS.get(country, ())) or "none"
        yield ("node", "number_plan", "region"), f"not of country code {country}; of it are: {known}"
    if region is None and not main_region(country):
        yield ("node", "number_plan", "country"), f"{country} is no country's code (ITU-T E.164)"
    emergency = node.number_plan.emergency or []
    yield from _twice(
        [(("node", "number_plan", "emergency", i), n) for i, n in enumerate(emergency)],
        "this number stands here already",
    )


def _no_contact(node: NodePart) -> str:
    """Why `contact_host` cannot be shown to every peer, "" when it can."""
    addresses = [str(address) for address in node.address]
    if len(addresses) == 1:
        return "a list, but node.address is one; write one name or address" if node.contact_host[1:] else ""
    if _is_name(node.contact_host[0]) or sorted(node.contact_host) == sorted(addresses):
        return ""
    return "node.address has two addresses, and peers of both versions: write a name, or both addresses"


def _is_name(host: str) -> bool:
    return Host(host=host).is_name


def _versions(addresses: Iterable[Address]) -> set[int]:
    return {address.version for address in addresses}


def _unreachable(host: Host, node: NodePart) -> str:
    """Why a node cannot connect to a peer's host, "" when it can."""
    if host.is_name or ip_address(host.host).version in _versions(node.address):
        return ""
    return f"an IPv{ip_address(host.host).version} address, and node.address has none of that version"


def _dialled(trunk: TrunkPart) -> Host | None:
    """Where the node connects to a trunk's PBX; None: it does not."""
    return trunk.host if isinstance(trunk.host, Host) else None


def _of_trunk(path: PathKey, trunk: TrunkPart, node: NodePart) -> Iterator[tuple[PathKey, str]]:
    yield from _of_identification(path, trunk)
    host = _dialled(trunk)
    if host is not None and (why := _unreachable(host, node)):
        yield (*path, "host"), why
    if host is not None and not trunk.tls_names:
        yield (
            (*path, "host"),
            "calls are delivered over TLS: write the name on the PBX's certificate in tls_names",
        )
    if trunk.tls_names and trunk.host == REGISTERED:
        yield (
            (*path, "tls_names"),
            "with host: registered the PBX connects to us, and no name is asked of it; leave it out",
        )
    elif trunk.tls_names and host is None:
        yield (
            (*path, "tls_names"),
            "without host no call is delivered here; write host, or leave tls_names out",
        )
    yield from _twice(
        [((*path, "srtp", i), s) for i, s in enumerate(trunk.srtp)], "this suite stands here already"
    )


def _of_identification(path: PathKey, trunk: TrunkPart) -> Iterator[tuple[PathKey, str]]:
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


def _same_identity(trunks: list[tuple[PathKey, str, TrunkPart]]) -> Iterator[tuple[PathKey, str]]:
    """Each trunk is recognised by something that no other one has."""
    shown = [
        ((*path, "client_certificate"), str(trunk.client_certificate))
        for path, _, trunk in trunks
        if trunk.client_certificate not in (None, "issued")
    ]
    yield from _twice(shown, "another trunk is recognised by this certificate")
    with_digest = [(path, t) for path, _, t in trunks if IdentifiedBy.DIGEST in t.identified_by]
    named = [
        ((*path, "username" if trunk.username else "name"), trunk.username or trunk.name)
        for path, trunk in with_digest
    ]
    yield from _twice(named, "another trunk has this username")
    yield from _same_network(trunks)


def _same_network(trunks: list[tuple[PathKey, str, TrunkPart]]) -> Iterator[tuple[PathKey, str]]:
    """Who has nothing but its network has it alone; one with a certificate is told by that first."""
    alone, with_digest = _Networks(), _Networks()
    found: list[tuple[PathKey, Any, str, bool]] = []
    for path, _, trunk in trunks:
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


def _of_carrier(path: PathKey, carrier: CarrierPart, node: NodePart) -> Iterator[tuple[PathKey, str]]:
    for index, host in enumerate(carrier.hosts):
        if why := _unreachable(host, node):
            yield (*path, "hosts", index), why
    if carrier.transport is Transport.TLS:
        if not _names_of(carrier):
            yield (
                path,
                "a TLS carrier needs tls_names: the names of which its certificate must carry one (RFC 5922)",
            )
    else:
        if carrier.media is MediaPolicy.SRTP:
            yield (
                (*path, "media"),
                f"SRTP keys need TLS (RFC 4568 section 7), not {carrier.transport}: write tls, or media: rtp",
            )
        if carrier.tls_names:
            yield (*path, "tls_names"), "only for transport: tls; leave it out"
        if carrier.ca != "local":
            yield (*path, "ca"), "only for transport: tls; leave it out"
        if carrier.client_certificate.files is not None:
            yield (*path, "client_certificate"), "only for transport: tls; leave it out"
        for index, network in enumerate(carrier.networks):
            if network.prefixlen == 0:
                # nothing but its address tells this peer from any other
                yield (
                    (*path, "networks", index),
                    "the whole Internet, for a peer without a certificate: name its networks",
                )
    if carrier.media is MediaPolicy.RTP and "srtp" in carrier.model_fields_set:
        yield (*path, "srtp"), "this carrier has no SRTP; leave it out, or write media: srtp"
    if not carrier.prefixes and not carrier.emergency:
        yield path, "takes no numbers: write prefixes, or emergency: true"
    yield from _twice(
        [((*path, "prefixes", i), p) for i, p in enumerate(carrier.prefixes)],
        "this prefix stands here already",
    )
    yield from _twice(
        [((*path, "srtp", i), s) for i, s in enumerate(carrier.srtp)], "this suite stands here already"
    )


def _same_source(carriers: list[CarrierPart]) -> Iterator[tuple[PathKey, str]]:
    """Nothing but its address tells a carrier without TLS from another one."""
    plain = [(i, c) for i, c in enumerate(carriers) if c.enabled and c.transport is not Transport.TLS]
    for place, (index, carrier) in enumerate(plain):
        for _, earlier in plain[:place]:
            for at, network in enumerate(carrier.networks):
                if carrier.transport is earlier.transport and _overlaps(network, earlier.networks):
                    said = f"also carrier {earlier.name}'s, and without TLS only the address tells them apart"
                    yield ("carriers", index, "networks", at), f"{said}: write networks that do not overlap"


def _overlaps(network: Any, others: list[Any]) -> bool:
    return any(network.version == other.version and network.overlaps(other) for other in others)


def _same_name(
    trunks: list[tuple[PathKey, str, TrunkPart]], carriers: list[CarrierPart]
) -> Iterator[tuple[PathKey, str]]:
    """Which authority is believed and what is shown, where we connect, is found by the peer's first name."""
    believed: dict[str, tuple[str, str, bool]] = {}
    shown: dict[str, tuple[str, ClientCertificatePart]] = {}
    for path, _, trunk in trunks:
        if _dialled(trunk) is None or not trunk.tls_names:
            continue
        other, _, old = believed.setdefault(trunk.tls_names[0], (trunk.name, "local", trunk.unsafe_tls12))
        if old != trunk.unsafe_tls12:
            said = f"{other} has this name first, too, and {'may' if old else 'may not'} speak TLS 1.2"
            yield (*path, "tls_names", 0), f"{said}: write another name first"
        shown.setdefault(trunk.tls_names[0], (trunk.name, ClientCertificatePart()))
    for index, carrier in enumerate(carriers):
        if carrier.transport is not Transport.TLS or not (names := _names_of(carrier)):
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


def _same_host(
    trunks: list[tuple[PathKey, str, TrunkPart]], carriers: list[CarrierPart]
) -> Iterator[tuple[PathKey, str]]:
    """A connection is looked for by where it goes: it must be clear whose certificate is expected there."""
    expected: dict[Host, tuple[str, str]] = {}
    for path, _, trunk in trunks:
        if (host := _dialled(trunk)) is not None and trunk.tls_names:
            other, name = expected.setdefault(host, (trunk.name, trunk.tls_names[0]))
            if name != trunk.tls_names[0]:
                yield (*path, "host"), f"also {other}'s, with other tls_names: one host has one certificate"
    for index, carrier in enumerate(carriers):
        if carrier.transport is not Transport.TLS or not (names := _names_of(carrier)):
            continue
        for at, host in enumerate(carrier.hosts):
            other, name = expected.setdefault(host, (carrier.name, names[0]))
            if name != names[0]:
                said = f"also {other}'s, with other tls_names: one host has one certificate"
                yield ("carriers", index, "hosts", at), said


def _names_of(carrier: CarrierPart) -> tuple[str, ...]:
    """Names its certificate may carry: those written, else the domains it is found by (RFC 5922 7.3)."""
    if carrier.transport is not Transport.TLS:
        return ()
    if carrier.tls_names:
        return tuple(carrier.tls_names)
    if all(host.is_name and not host.port for host in carrier.hosts):
        return tuple(dict.fromkeys(host.host for host in carrier.hosts))
    return ()


def _of_authorities(parts: FilePart, why_not: Callable[[str], str]) -> Iterator[tuple[PathKey, str]]:
    acme = parts.node.certificate.acme
    if acme is not None and acme.ca is not None and (why := why_not(acme.ca)):
        yield ("node", "certificate", "acme", "ca"), why
    for index, carrier in enumerate(parts.carriers):
        if carrier.ca != "local" and (why := why_not(carrier.ca)):
            yield ("carriers", index, "ca"), why
    for path, _, trunk in _trunks(parts):
        if isinstance(trunk.client_certificate, CertifiedBy) and (
            why := why_not(trunk.client_certificate.ca)
        ):
            yield (*path, "client_certificate"), why


def _trunks(parts: FilePart) -> Iterator[tuple[PathKey, str, TrunkPart]]:
    for i, tenant in enumerate(parts.tenants):
        for j, trunk in enumerate(tenant.trunks):
            yield ("tenants", i, "trunks", j), tenant.name, trunk


def _destinations(parts: FilePart) -> Iterator[tuple[PathKey, DestinationsPart]]:
    for i, reseller in enumerate(parts.resellers):
        yield ("resellers", i, "destinations"), reseller.destinations
    for i, tenant in enumerate(parts.tenants):
        yield ("tenants", i, "destinations"), tenant.destinations
    for path, _, trunk in _trunks(parts):
        yield (*path, "destinations"), trunk.destinations


def _twice(found: list[tuple[PathKey, str]], message: str) -> Iterator[tuple[PathKey, str]]:
    seen: set[str] = set()
    for path, value in found:
        if value in seen:
            yield path, message
        seen.add(value)


# ---- the declared world --------------------------------------------------------------------------


def _declared(parts: FilePart) -> Declared:
    return Declared(
        node=_node(parts.node),
        resellers=tuple(reseller.name for reseller in parts.resellers),
        tenants=tuple(tenant.name for tenant in parts.tenants),
        trunks=tuple(
            _trunk(tenant, trunk, parts.node, above)
            for tenant, above in _with_destinations(parts)
            for trunk in tenant.trunks
        ),
        carriers=tuple(_carrier(carrier) for carrier in parts.carriers),
        retention=RetentionPolicy(
            calls_days=parts.node.retention,
            ladder_days=parts.node.ladder_retention,
            tenants={tenant.name: tenant.retention for tenant in parts.tenants if tenant.retention},
        ),
        tenant_limits=_some_limits(parts.tenants),
        reseller_limits=_some_limits(parts.resellers),
    )


def _node(node: NodePart) -> NodeSettings:
    low, high = node.media.ports
    plan = node.number_plan
    return NodeSettings(
        name=node.name,
        contact_hosts=node.contact_host or (node.name,),
        addresses=node.address,
        tls_port=node.tls_port,
        plain_port=node.plain_port,
        tls12_port=node.tls12_port,
        media_addresses=node.media.address or node.address,
        media_port_min=low,
        media_port_max=high,
        spc=node.identity.spc,
        x5u=node.identity.x5u,
        country=plan.country,
        region=plan.region or main_region(plan.country),
        emergency_numbers=tuple(plan.emergency or emergency_of(plan.country, plan.region or "")),
        gates=node.gates,
        certificate=_certificate(node),
        max_call_s=node.max_call_s,
        grant_s=node.grant_s,
        realm=node.realm or node.name,
        resolvers=tuple(node.resolvers),
        probes=Probes(
            every_s=node.probes.every_s, down_after=node.probes.down_after, up_after=node.probes.up_after
        ),
        unsafe_unanchored_media=node.media.unsafe_unanchored,
        unsafe_trusted_clock=node.unsafe_trusted_clock,
        destinations_file=node.destinations or "",
        announcements=node.announcements or "",
        do_not_originate_file=node.do_not_originate or "",
        unsafe_fictional_numbers=node.unsafe_fictional_numbers,
    )


def _certificate(node: NodePart) -> CertificateSource:
    acme = node.certificate.acme
    if acme is None:
        return _files(node.certificate.files)
    external = acme.external_account
    return AcmeSettings(
        directory=acme.directory,
        contact=acme.contact or "",
        ca_file=acme.ca or "",
        external_key_id=external.key_id if external else "",
        external_key_file=external.hmac_file if external else "",
        http_port=acme.http_port,
        profile=acme.profile or "",
    )


def _files(part: FilesPart | None) -> CertificateFiles | None:
    return CertificateFiles(chain=part.chain, key=part.key) if part else None


def _trunk(tenant: TenantPart, trunk: TrunkPart, node: NodePart, above: DestinationPolicies) -> Trunk:
    shown = trunk.client_certificate
    issued = shown == "issued"
    return Trunk(
        name=trunk.name,
        tenant=tenant.name,
        reseller=tenant.reseller or "",
        identified_by=trunk.identified_by,
        networks=tuple(trunk.networks or ()),
        certificate_sha256=shown.removeprefix("sha256:") if isinstance(shown, str) and not issued else "",
        certificate_issued_here=issued,
        certified_by=shown if isinstance(shown, CertifiedBy) else None,
        username=(trunk.username or trunk.name) if IdentifiedBy.DIGEST in trunk.identified_by else "",
        unsafe_md5=trunk.unsafe_md5,
        numbers=tuple([part.number for part in trunk.numbers]),
        host=_dialled(trunk),
        registers=trunk.host == REGISTERED,
        tls_names=tuple(trunk.tls_names),
        srtp_suites=tuple(trunk.srtp),
        max_call_s=trunk.max_call_s or node.max_call_s,
        enabled=trunk.enabled,
        unsafe_tls12=trunk.unsafe_tls12,
        destinations=(*above, *_level(Level.TRUNK, trunk.destinations)),
        limits=_limits(trunk.limits, TRUNK_LIMITS),
        dial_plan=dial_plan(trunk.dial_plan, node),
        emergency_numbers=emergency_numbers(trunk.dial_plan, node),
        caller=caller_rule(trunk.caller),
        diversion=Diverting(trunk.diversion),
        number_rules=number_rules(trunk.numbers),
        failover=tuple(trunk.failover),
    )


def _with_destinations(parts: FilePart) -> Iterator[tuple[TenantPart, DestinationPolicies]]:
    """Each tenant with what its reseller and itself say of destinations."""
    resellers = {r.name: _level(Level.RESELLER, r.destinations) for r in parts.resellers}
    for tenant in parts.tenants:
        above = resellers[tenant.reseller] if tenant.reseller else ()
        yield tenant, (*above, *_level(Level.TENANT, tenant.destinations))


def _level(level: Level, part: DestinationsPart) -> DestinationPolicies:
    return ((level, policy_of(part)),) if part != _NOTHING_SAID else ()


def _limits(part: LimitsPart, default: Limits = NO_LIMITS) -> Limits:
    def said[T](value: T | None, otherwise: T | None) -> T | None:
        return otherwise if value is None else value

    return Limits(
        calls=said(part.calls, default.calls),
        international=said(part.international, default.international),
        classes=dict(part.classes),
        per_second=said(part.per_second, default.per_second),
        number_calls=part.number.calls,
        number_per_second=part.number.per_second,
    )


def _some_limits(parts: Iterable[TenantPart | ResellerPart]) -> dict[str, Limits]:
    found = {part.name: _limits(part.limits) for part in parts}
    return {name: limits for name, limits in found.items() if limits != NO_LIMITS}


def _carrier(carrier: CarrierPart) -> Carrier:
    local = carrier.transport is Transport.TLS and carrier.ca == "local"
    return Carrier(
        name=carrier.name,
        hosts=tuple(carrier.hosts),
        transport=Transport(carrier.transport),
        media=MediaPolicy(carrier.media),
        prefixes=tuple(carrier.prefixes),
        networks=tuple(carrier.networks),
        tls_names=_names_of(carrier),
        srtp_suites=tuple(carrier.srtp),
        certificate_issued_here=local,
        ca_file="" if carrier.ca == "local" else carrier.ca,
        client_certificate=_files(carrier.client_certificate.files),
        emergency=carrier.emergency,
        enabled=carrier.enabled,
        trusted=carrier.trusted,
    )
