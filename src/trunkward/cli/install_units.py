"""`trunkward install-units`: the node as a systemd unit, with walls around all of it."""

import os
from pathlib import Path

from trunkward.cli.said import complain, say
from trunkward.engines.installed import this_installation
from trunkward.engines.layout import write_private

UNIT = "trunkward.service"
_TEMPLATE = Path(__file__).parent.parent / "systemd" / UNIT
#: In the root of a Debian 13 that the launcher brought along: the machine's systemd is outside.
_STAMP = Path("/.trunkward-platform")


def run(directory: Path) -> int:
    """Writes the unit; 0 done, 2 refused."""
    if os.geteuid() != 0:
        complain("trunkward install-units needs root: it writes what the system starts. Use sudo.")
        return 2
    if _STAMP.exists():
        complain(
            "this machine is not Debian 13, so the node runs in one of its own, which the launcher enters: "
            "have your init start `trunkward up` from the checkout; the unit is for Debian 13 machines"
        )
        return 2
    if not directory.is_dir():
        complain(f"{directory}: is no directory; --directory names another, as for looking at the unit first")
        return 2
    unit = directory / UNIT
    write_private(unit, unit_text(), "root", "root", 0o644)
    say(f"{unit}: written; it starts {command()}")
    say("next: systemctl daemon-reload && systemctl enable --now trunkward")
    say("how exposed it is: systemd-analyze security trunkward")
    return 0


def unit_text() -> str:
    """The unit for this installation."""
    package = str(Path(__file__).parent.parent)
    text = _TEMPLATE.read_text(encoding="utf-8")
    return text.replace("@TRUNKWARD@", command()).replace("@PACKAGE@", package)


def command() -> str:
    """What to start: where versions stand beside each other the one in use, whichever that is by then."""
    prefix = Path(this_installation().prefix)
    if prefix.parent.name == "versions":
        prefix = prefix.parent.parent / "current"
    return str(prefix / "bin" / "trunkward")
