"""What a node file declares, object by object and key by key, in the file's own words.

An object is a flat dictionary: its keys as in the file (`media.ports`), defaults filled in, values as JSON.
Two files that mean the same give equal objects, however they are written.
"""

from collections.abc import Mapping
from enum import Enum
from hashlib import sha256
from typing import Any

from pydantic import BaseModel

from trunkward.control.file_keys import FilePart
from trunkward.numbering.emergency import emergency_of
from trunkward.numbering.regions import main_region
from trunkward.sip.transport import Transport
from trunkward.spend.money import shown
from trunkward.trunks.model import TRUNK_LIMITS, IdentifiedBy, MediaPolicy
from trunkward.trunks.spending import TRUNK_CAPS, Window
from trunkward.trunks.transit import Role

type Fields = dict[str, Any]
#: By kind, in the order of `KINDS`, then by name, in the file's order.
type Objects = dict[str, dict[str, Fields]]

#: What a trunk has for a way of recognising it.
_OF_WAY = {IdentifiedBy.NETWORK: "networks", IdentifiedBy.CERTIFICATE: "client_certificate"}
KINDS = ("node", "resellers", "tenants", "trunks", "numbers", "carriers")
#: The one object of its kind.
NODE = "node"


def objects_of(parts: FilePart) -> Objects:
    """The objects of a file that has been read."""
    tenants: dict[str, Fields] = {}
    trunks: dict[str, Fields] = {}
    numbers: dict[str, Fields] = {}
    for tenant in parts.tenants:
        tenants[tenant.name] = _flat(tenant, but=("name", "trunks"))
        for trunk in tenant.trunks:
            trunks[trunk.name] = {"tenant": tenant.name, **_flat(trunk, but=("name", "numbers"))}
            numbers |= {
                part.number: {"trunk": trunk.name, **_flat(part, but=("number",))} for part in trunk.numbers
            }
    carriers = {carrier.name: _flat(carrier, but=("name",)) for carrier in parts.carriers}
    return {
        "node": {NODE: _flat(parts.node)},
        "resellers": {reseller.name: _flat(reseller, but=("name",)) for reseller in parts.resellers},
        "tenants": tenants,
        "trunks": trunks,
        "numbers": numbers,
        "carriers": carriers,
    }


def effective(objects: Objects) -> Objects:
    """The same for a reader: what holds where nothing is written, and no key that its object may not have.

    Not for comparing: there a key that is left out differs from one that says the same. Objects of another
    version's schema stay as they are.
    """
    try:
        return _effective(objects)
    except KeyError:
        return objects


def _effective(objects: Objects) -> Objects:
    node = _effective_node(objects["node"][NODE])
    trunks = {name: _effective_trunk(name, fields, node) for name, fields in objects["trunks"].items()}
    tenants = {
        name: fields | {"retention": fields["retention"] or node["retention"]}
        for name, fields in objects["tenants"].items()
    }
    carriers = {name: _effective_carrier(fields) for name, fields in objects["carriers"].items()}
    numbers = {
        name: fields | {"failover": fields["failover"] or trunks[fields["trunk"]]["failover"]}
        for name, fields in objects["numbers"].items()
    }
    return objects | {
        "node": {NODE: node},
        "tenants": tenants,
        "trunks": trunks,
        "numbers": numbers,
        "carriers": carriers,
    }


def _effective_node(fields: Fields) -> Fields:
    low, high = fields["media.ports"]
    plan, country = "number_plan.emergency", fields["number_plan.country"]
    region = fields["number_plan.region"] or main_region(country)
    return _certificate_of(fields, "certificate") | {
        "contact_host": fields["contact_host"] or fields["name"],
        "media.address": fields["media.address"] or fields["address"],
        "media.ports": f"{low}-{high}",
        "realm": fields["realm"] or fields["name"],
        "number_plan.region": region,
        plan: fields[plan] or list(emergency_of(country, region)),
    }


def _effective_trunk(name: str, fields: Fields, node: Fields) -> Fields:
    found = fields | {"max_call_s": fields["max_call_s"] or node["max_call_s"]}
    for key in ("calls", "international", "per_second"):
        if found[f"limits.{key}"] is None:
            found[f"limits.{key}"] = getattr(TRUNK_LIMITS, key)
    for window in Window:
        if found[f"spend.{window}"] is None:
            found[f"spend.{window}"] = shown(TRUNK_CAPS.cap(window) or 0)
    ways = fields["identified_by"]
    if IdentifiedBy.DIGEST not in ways:
        found = _without(found, "username", "unsafe_md5")
    elif not found["username"]:
        found |= {"username": name}
    found = _without(found, *(key for way, key in _OF_WAY.items() if way not in ways))
    if found["role"] == Role.ORIGINATING:
        found = _without(found, *(key for key in found if key.startswith("verification.")))
    else:
        found = _without(found, "supplies_levels")
    return found if found["host"] else _without(found, "tls_names")


def _effective_carrier(fields: Fields) -> Fields:
    if fields["media"] == MediaPolicy.RTP:
        fields = _without(fields, "srtp")
    if fields["transport"] != Transport.TLS:
        return _without(fields, "tls_names", "ca", "client_certificate.files")
    # RFC 5922 7.3: domains stand for the names of those found by them
    names = fields["tls_names"] or fields["hosts"]
    return _certificate_of(fields, "client_certificate") | {"tls_names": names}


def _certificate_of(fields: Fields, key: str) -> Fields:
    """`local` where no source is written, in the place of the sources."""
    sources = [name for name in fields if name.startswith(f"{key}.")]
    written = [name for name in sources if fields[name] is not None]
    found: Fields = {}
    for name, value in fields.items():
        if name not in sources or name in written:
            found[name] = value
        elif not written:
            found[key] = "local"
    return found


def _without(fields: Fields, *names: str) -> Fields:
    return {name: value for name, value in fields.items() if name not in names}


def schema_id() -> str:
    """Changes when a key or a default does: objects of another schema cannot be compared key by key."""
    return sha256("\n".join(_keys(FilePart, "")).encode()).hexdigest()[:16]


def _keys(model: type[BaseModel], prefix: str) -> list[str]:
    found = []
    for name, field in sorted(model.model_fields.items()):
        found.append(f"{prefix}{name}={field.get_default(call_default_factory=True)!r}")
        for candidate in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                found += _keys(candidate, f"{prefix}{name}.")
    return found


def _flat(part: BaseModel, but: tuple[str, ...] = (), prefix: str = "") -> Fields:
    found: Fields = {}
    for name in type(part).model_fields:
        if name in but:
            continue
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            found |= _flat(value, prefix=f"{prefix}{name}.")
        else:
            found[prefix + name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if value is None or type(value) in (str, int, bool, float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, BaseModel):
        return _flat(value)
    return value.value if isinstance(value, Enum) else str(value)
