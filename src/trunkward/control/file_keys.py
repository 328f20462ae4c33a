"""The whole file, group by group, as a person may write it."""

from collections.abc import Iterator

from pydantic import Field

from trunkward.control.carrier_keys import CarrierPart, carrier_of, wrong_in_carriers
from trunkward.control.connections import wrong_in_connections
from trunkward.control.identity_keys import IdentityPart
from trunkward.control.keys import Part, Wrong, twice
from trunkward.control.node_keys import NodePart, node_of, wrong_in_node
from trunkward.control.tenant_keys import (
    ResellerPart,
    TenantPart,
    decks_by_name,
    identities_by_name,
    limits_by_name,
    placed,
    spending_by_name,
    trunks_of,
    wrong_in_identities,
    wrong_in_switches,
    wrong_in_tenants,
)
from trunkward.control.trunk_keys import wrong_in_trunks
from trunkward.control.yaml_lines import PathKey
from trunkward.trunks.model import CertifiedBy, Declared
from trunkward.trunks.retention import RetentionPolicy


class FilePart(Part):
    """The whole file."""

    node: NodePart
    resellers: list[ResellerPart] = Field(default_factory=list)
    tenants: list[TenantPart]
    carriers: list[CarrierPart]


def wrong_in_file(parts: FilePart) -> Wrong:
    """Everything that does not go together, in the file alone."""
    trunks = placed(parts.tenants)
    yield from wrong_in_node(parts.node, tls12=any(trunk.unsafe_tls12 for _, _, trunk in trunks))
    yield from wrong_in_tenants(parts.tenants, parts.resellers)
    yield from wrong_in_identities(parts.resellers, parts.node)
    yield from wrong_in_switches(parts.tenants, parts.resellers)
    yield from wrong_in_trunks(trunks, parts.node)
    yield from wrong_in_carriers(parts.carriers, parts.node)
    yield from wrong_in_connections(trunks, parts.carriers)
    # trunks and carriers stand side by side in records and statistics
    names = [((*path, "name"), trunk.name) for path, _, trunk in trunks]
    names += [(("carriers", i, "name"), carrier.name) for i, carrier in enumerate(parts.carriers)]
    yield from twice(names, "another trunk or carrier has this name")
    if not trunks:
        yield ("tenants",), "no trunk in any tenant; a node needs one"
    if not parts.carriers:
        yield ("carriers",), "no carrier; a node needs one"


def authority_files(parts: FilePart) -> Iterator[tuple[PathKey, str]]:
    """Each file of an authority that it names, and where."""
    acme = parts.node.certificate.acme
    if acme is not None and acme.ca is not None:
        yield ("node", "certificate", "acme", "ca"), acme.ca
    yield from _of_shaken(parts.node)
    for index, reseller in enumerate(parts.resellers):
        if reseller.identity is not None:
            yield from _of_identity(("resellers", index, "identity"), reseller.identity)
    for index, carrier in enumerate(parts.carriers):
        if carrier.ca != "local":
            yield ("carriers", index, "ca"), carrier.ca
    for path, _, trunk in placed(parts.tenants):
        if isinstance(trunk.client_certificate, CertifiedBy):
            yield (*path, "client_certificate"), trunk.client_certificate.ca


def _of_shaken(node: NodePart) -> Iterator[tuple[PathKey, str]]:
    identity, administrator = node.identity, node.policy_administrator
    if administrator is not None:
        yield ("node", "policy_administrator", "certificate"), administrator.certificate
        if administrator.ca is not None:
            yield ("node", "policy_administrator", "ca"), administrator.ca
    yield from _of_identity(("node", "identity"), identity)


def _of_identity(path: PathKey, identity: IdentityPart) -> Iterator[tuple[PathKey, str]]:
    if identity.authority is not None and identity.authority.ca is not None:
        yield (*path, "authority", "ca"), identity.authority.ca
    if identity.publish.ca is not None:
        yield (*path, "publish", "ca"), identity.publish.ca


def declared_by(parts: FilePart) -> Declared:
    """The declared world."""
    return Declared(
        node=node_of(parts.node),
        resellers=tuple(reseller.name for reseller in parts.resellers),
        tenants=tuple(tenant.name for tenant in parts.tenants),
        trunks=tuple(trunks_of(parts.tenants, parts.resellers, parts.node)),
        carriers=tuple(carrier_of(carrier) for carrier in parts.carriers),
        retention=RetentionPolicy(
            calls_days=parts.node.retention,
            ladder_days=parts.node.ladder_retention,
            signatures_days=parts.node.signature_retention,
            journals_days=parts.node.journal_retention,
            evidence_days=parts.node.evidence_retention,
            tenants={tenant.name: tenant.retention for tenant in parts.tenants if tenant.retention},
        ),
        tenant_limits=limits_by_name(parts.tenants),
        reseller_limits=limits_by_name(parts.resellers),
        tenant_spending=spending_by_name(parts.tenants),
        reseller_spending=spending_by_name(parts.resellers),
        tenant_decks=decks_by_name(parts.tenants),
        reseller_decks=decks_by_name(parts.resellers),
        reseller_identities=identities_by_name(parts.resellers),
    )
