"""Telling `web` what it may know of the configuration in force."""

import os
from pathlib import Path

import msgspec

from trunkward.control.declared import InForce
from trunkward.control.showing import shown
from trunkward.trunks.model import Declared


def show(path: Path, in_force: InForce, declared: Declared, since: float) -> None:
    """Writes it whole or not at all; its directory gives the file its group."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(msgspec.json.encode(shown(in_force, declared, since)))
    part.chmod(0o640)
    os.rename(part, path)
