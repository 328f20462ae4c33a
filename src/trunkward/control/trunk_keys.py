"""`tenants[].trunks`, as a person may write them."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from trunkward.control.addresses import DnsName, host_and_port
from trunkward.control.destination_keys import DestinationsPart, levels_of, wrong_in_destinations
from trunkward.control.identification_keys import IdentificationPart, wrong_in_identification
from trunkward.control.keys import MaxCall, Name, Suites, Wrong, twice, twice_in
from trunkward.control.limit_keys import LimitsPart, limits_of
from trunkward.control.node_keys import NodePart, unreachable
from trunkward.control.number_keys import (
    CallerPart,
    DialPlanPart,
    Number,
    NumberPart,
    caller_rule_of,
    dial_plan_of,
    emergency_numbers_of,
    number_rules_of,
    wrong_in_caller,
    wrong_in_dial_plan,
)
from trunkward.control.spend_keys import SpendPart, spending_of, wrong_in_spend
from trunkward.control.transit_keys import CallerNamePart, caller_name_of, wrong_in_transit
from trunkward.control.verification_keys import TransitVerificationPart, verification_of
from trunkward.control.yaml_lines import PathKey
from trunkward.media.suites import ALLOWED
from trunkward.trunks.callers import Diverting
from trunkward.trunks.destinations import DestinationPolicies, Level
from trunkward.trunks.model import TRUNK_LIMITS, CertifiedBy, Host, IdentifiedBy, Trunk
from trunkward.trunks.spending import TRUNK_CAPS
from trunkward.trunks.transit import Role

#: In the place of a trunk's host: its PBX registers, and takes its calls on that connection.
REGISTERED = "registered"
#: In one trunk's inventory; beyond any customer's.
_MOST_NUMBERS = 1_000_000


# ---- what may be written -------------------------------------------------------------------------


def _trunk_host(value: Any) -> Any:
    """`host:port`, or that the PBX registers."""
    if value == REGISTERED:
        return REGISTERED
    try:
        return host_and_port(value)
    except ValueError as problem:
        raise ValueError(f"{problem}; or registered, for a PBX that registers here") from None


class TrunkPart(IdentificationPart):
    """One of `tenants[].trunks`."""

    numbers: Annotated[list[NumberPart], Field(max_length=_MOST_NUMBERS)] = Field(default_factory=list)
    host: Annotated[Any, BeforeValidator(_trunk_host)] = None
    tls_names: list[DnsName] = Field(default_factory=list)
    srtp: Suites = Field(default_factory=lambda: list(ALLOWED))
    behind_nat: bool = False
    max_call_s: MaxCall | None = None
    enabled: bool = True
    unsafe_tls12: bool = False
    destinations: DestinationsPart = DestinationsPart()
    limits: LimitsPart = LimitsPart()
    spend: SpendPart = SpendPart()
    dial_plan: DialPlanPart | None = None
    caller: CallerPart = CallerPart()
    diversion: Annotated[Diverting, Field(strict=False)] = Diverting.DROP
    failover: list[Name] = Field(default_factory=list)
    emergency_callback: Number | None = None
    role: Annotated[Role, Field(strict=False)] = Role.ORIGINATING
    verification: TransitVerificationPart = TransitVerificationPart()
    rcd: CallerNamePart | None = None
    verstat: bool = True
    supplies_levels: bool = False

    @property
    def dialled(self) -> Host | None:
        """Where the node connects to its PBX; None: it does not."""
        return self.host if isinstance(self.host, Host) else None


#: A trunk, where it stands, and its tenant's name.
type Placed = tuple[PathKey, str, TrunkPart]


# ---- what does not go together -------------------------------------------------------------------


def wrong_in_trunks(trunks: Sequence[Placed], node: NodePart) -> Wrong:
    """Each trunk by itself, and what two of them share though it can be one's only."""
    yield from wrong_in_identification([(path, trunk) for path, _, trunk in trunks])
    numbers = [((*p, "numbers", i), part.number) for p, _, t in trunks for i, part in enumerate(t.numbers)]
    yield from twice(numbers, "this number stands here already; a number belongs to one trunk")
    for path, _, trunk in trunks:
        yield from _wrong_in_trunk(path, trunk, node)
    yield from _wrong_in_failover(trunks)


def _wrong_in_trunk(path: PathKey, trunk: TrunkPart, node: NodePart) -> Wrong:
    yield from _wrong_in_host(path, trunk, node)
    yield from twice_in((*path, "srtp"), trunk.srtp, "this suite stands here already")
    yield from wrong_in_destinations((*path, "destinations"), trunk.destinations)
    if "spend" in trunk.model_fields_set:
        yield from wrong_in_spend((*path, "spend"), trunk.spend)
    if "caller" in trunk.model_fields_set:
        yield from wrong_in_caller((*path, "caller"), trunk.caller, trunk.numbers)
    if (back := trunk.emergency_callback) and back not in {part.number for part in trunk.numbers}:
        yield (*path, "emergency_callback"), "not one of this trunk's numbers; write one of them"
    if trunk.dial_plan is not None:
        yield from wrong_in_dial_plan((*path, "dial_plan"), trunk.dial_plan, node.number_plan)
    yield from wrong_in_transit(path, trunk.role, trunk.model_fields_set)


def _wrong_in_host(path: PathKey, trunk: TrunkPart, node: NodePart) -> Wrong:
    host = trunk.dialled
    if host is not None and (why := unreachable(host, node)):
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


def _wrong_in_failover(trunks: Sequence[Placed]) -> Wrong:
    known = {trunk.name: (tenant, trunk) for _, tenant, trunk in trunks}
    for path, tenant, trunk in trunks:
        if trunk.failover:
            yield from _wrong_in_names((*path, "failover"), trunk, trunk.failover, tenant, known)
        for index, part in enumerate(trunk.numbers):
            if part.failover:
                where = (*path, "numbers", index, "failover")
                yield from _wrong_in_names(where, trunk, part.failover, tenant, known)


def _wrong_in_names(
    path: PathKey, trunk: TrunkPart, names: list[str], tenant: str, known: dict[str, tuple[str, TrunkPart]]
) -> Wrong:
    seen: set[str] = set()
    for index, name in enumerate(names):
        its_tenant, other = known.get(name, ("", None))
        if name == trunk.name:
            yield (*path, index), "this trunk itself; write others of its tenant"
        elif other is None or its_tenant != tenant:
            yield (*path, index), f"no trunk of tenant {tenant} has this name; calls stay with their tenant"
        elif other.host is None:
            yield (*path, index), "that trunk only calls out; write its host, or leave it out here"
        elif name in seen:
            yield (*path, index), "this trunk stands here already"
        seen.add(name)


# ---- what is declared ----------------------------------------------------------------------------


def trunk_of(
    trunk: TrunkPart, node: NodePart, *, tenant: str, reseller: str, above: DestinationPolicies
) -> Trunk:
    """A trunk; `above`: what its reseller and its tenant say of destinations."""
    shown, home, dialling = trunk.client_certificate, node.number_plan, trunk.dial_plan
    issued = shown == "issued"
    return Trunk(
        name=trunk.name,
        tenant=tenant,
        reseller=reseller,
        identified_by=trunk.identified_by,
        networks=tuple(trunk.networks or ()),
        certificate_sha256=shown.removeprefix("sha256:") if isinstance(shown, str) and not issued else "",
        certificate_issued_here=issued,
        certified_by=shown if isinstance(shown, CertifiedBy) else None,
        username=(trunk.username or trunk.name) if IdentifiedBy.DIGEST in trunk.identified_by else "",
        unsafe_md5=trunk.unsafe_md5,
        numbers=tuple([part.number for part in trunk.numbers]),
        host=trunk.dialled,
        registers=trunk.host == REGISTERED,
        tls_names=tuple(trunk.tls_names),
        srtp_suites=tuple(trunk.srtp),
        behind_nat=trunk.behind_nat,
        max_call_s=trunk.max_call_s or node.max_call_s,
        enabled=trunk.enabled,
        unsafe_tls12=trunk.unsafe_tls12,
        destinations=(*above, *levels_of(Level.TRUNK, trunk.destinations)),
        limits=limits_of(trunk.limits, TRUNK_LIMITS),
        spending=spending_of(trunk.spend, TRUNK_CAPS),
        dial_plan=dial_plan_of(dialling, home) if dialling else None,
        emergency_numbers=emergency_numbers_of(dialling, home) if dialling else (),
        caller=caller_rule_of(trunk.caller),
        diversion=Diverting(trunk.diversion),
        number_rules=number_rules_of(trunk.numbers),
        failover=tuple(trunk.failover),
        emergency_callback=trunk.emergency_callback or "",
        role=Role(trunk.role),
        verification=verification_of(trunk.verification),
        caller_name=caller_name_of(trunk.rcd) if trunk.rcd else None,
        verstat=trunk.verstat,
        supplies_levels=trunk.supplies_levels,
    )
