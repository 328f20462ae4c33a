"""What a node file declares, object by object and key by key, in the file's own words.

An object is a flat dictionary: its keys as in the file (`media.ports`), defaults filled in, values as JSON.
Two files that mean the same give equal objects, however they are written.
"""

from collections.abc import Mapping
from enum import Enum
from hashlib import sha256
from typing import Any

from pydantic import BaseModel

from trunkward.control.node_schema import FilePart

type Fields = dict[str, Any]
#: By kind, in the order of `KINDS`, then by name, in the file's order.
type Objects = dict[str, dict[str, Fields]]

KINDS = ("node", "tenants", "trunks", "numbers", "carriers")
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
            numbers |= {number: {"trunk": trunk.name} for number in trunk.numbers}
    carriers = {carrier.name: _flat(carrier, but=("name",)) for carrier in parts.carriers}
    return {
        "node": {NODE: _flat(parts.node)},
        "tenants": tenants,
        "trunks": trunks,
        "numbers": numbers,
        "carriers": carriers,
    }


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
