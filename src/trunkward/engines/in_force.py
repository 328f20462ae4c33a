"""The document of what is in force here, as root writes it and whoever may reads it."""

from pathlib import Path

import msgspec

from trunkward.control.declared import InForce
from trunkward.control.shown import VersionInForce
from trunkward.engines.whole_file import write_private
from trunkward.settings import Paths


def read_in_force(path: Path) -> InForce | None:
    """The document, None when there is none that can be read: a first start, or one broken off."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=InForce)
    except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
        return None


def put_down(paths: Paths, in_force: InForce) -> None:
    """Writes the document of what is in force: at this moment it is."""
    write_private(paths.declared, msgspec.json.encode(in_force).decode(), "root", "tw-worker")
    tell_version(paths, in_force.version)


def tell_version(paths: Paths, version: int) -> None:
    """Tells `web`, which sees by it that gates are behind, also when no worker tells of this version."""
    told = VersionInForce(version=version, since=paths.declared.stat().st_mtime)
    write_private(paths.shown_version, msgspec.json.encode(told).decode(), "root", "tw-web")
