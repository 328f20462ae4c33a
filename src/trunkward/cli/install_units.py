"""`trunkward install-units`: the node as a systemd unit, with walls around all of it.

Behind those walls the system is read-only, so what a first start makes in it is made here: the node's users,
and the link that names the version to start.
"""

import os
from pathlib import Path

from trunkward.cli.said import complain, say
from trunkward.engines.installed import this_installation, to_be_started
from trunkward.engines.up_lock import holder
from trunkward.engines.users import UserMissing, ensure_users
from trunkward.engines.whole_file import write_private
from trunkward.settings import Paths

UNIT = "trunkward.service"
_TEMPLATE = Path(__file__).parent.parent / "systemd" / UNIT
#: In the root of a Debian 13 that the launcher brought along: the machine's systemd is outside.
_STAMP = Path("/.trunkward-platform")


def run(paths: Paths, directory: Path) -> int:
    """Writes the unit; 0 done, 2 refused."""
    if os.geteuid() != 0:
        complain("trunkward install-units needs root: it writes what the system starts. Use sudo.")
        return 2
    if _STAMP.exists():
        complain(
            "this machine is not Debian 13, so the node runs in one of its own, which the launcher enters: "
            "the unit is for Debian 13 machines; docs/operations.md has one for others (systemd)"
        )
        return 2
    if not directory.is_dir():
        complain(f"{directory}: is no directory; --directory names another, as for looking at the unit first")
        return 2
    unit = directory / UNIT
    try:
        ensure_users()
        if not holder(paths):  # `upgrade` has it follow one that is up
            to_be_started()
        write_private(unit, unit_text(), "root", "root", 0o644)
    except (UserMissing, OSError) as problem:
        complain(f"no unit was written: {problem}")
        return 2
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
