"""Which paths are the machine's own, where a node runs in a Debian 13 root that was brought along."""

from pathlib import Path

#: Stands in the root of a platform the launcher made.
_STAMP = Path("/.trunkward-platform")
_MOUNTS = Path("/proc/self/mountinfo")


def hint(path: Path) -> str:
    """What to add to a complaint about `path` when it is not the machine's own; "" when it is."""
    if not _STAMP.exists():
        return ""
    if is_mounted(path.resolve(), _MOUNTS.read_text(encoding="utf-8", errors="replace")):
        return ""
    return (
        ": the node runs in a Debian 13 of its own and sees nothing of this machine's there; "
        "use /home, /root, /srv, /tmp or /etc/trunkward"
    )


def is_mounted(path: Path, mountinfo: str) -> bool:
    """Whether `path` is on something that was mounted into the platform's root."""
    # proc_pid_mountinfo(5): the fifth field, with space, tab, newline and backslash in octal
    points = [line.split(" ")[4] for line in mountinfo.splitlines()]
    mounted = {Path(point.encode().decode("unicode_escape")) for point in points}
    # the platform's /run is its own and goes with it
    mounted -= {Path("/"), Path("/run")}
    return any(point in mounted for point in (path, *path.parents))
