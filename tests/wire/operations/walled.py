"""`python walled.py UNIT HOME COMMAND...`: becomes COMMAND behind the walls of a systemd unit, as far as they can be had without systemd.

Had are: the read-only system, the capabilities, no new privileges, no memory both writable and executable, the system
calls and the address families. They are set by the same kernel calls that systemd makes. Not had: what hides devices,
`/proc`, and the rest of the `Protect...` settings.
"""

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

_PR_SET_MDWE, _MDWE_REFUSE_EXEC_GAIN = 65, 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWNS = 0x20000
#: seccomp.h of libseccomp 2.
_ALLOW, _EPERM = 0x7FFF0000, 0x00050000 | 1
_EAFNOSUPPORT = 0x00050000 | 97
_MASKED_EQ, _EQ = 7, 4
_FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
_MOST_FAMILIES = 46
_SYSTEM = ("/usr", "/etc", "/var", "/opt", "/srv")


class _Compared(ctypes.Structure):
    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def settings_of(unit: Path) -> dict[str, list[str]]:
    """Every setting of a unit, by name; a line each."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if match := re.match(r"([A-Za-z]+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def calls_of(group: str) -> set[str]:
    """System calls of one of systemd's groups (systemd.exec(5), SystemCallFilter)."""
    told = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter", group],
        env={name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"},  # it would use it
        capture_output=True,
        text=True,
        check=True,
    )
    names = {line.strip() for line in told.stdout.splitlines()[1:] if line.startswith("    ")}
    found = {name for name in names if not name.startswith(("@", "#"))}
    for inner in names:
        if inner.startswith("@"):
            found |= calls_of(inner)
    return found


def _filter_calls(allowed: set[str], families: list[str]) -> None:
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(_EPERM)))
    for name in sorted(allowed):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0 and name != "socket":
            assert seccomp.seccomp_rule_add(context, ctypes.c_uint32(_ALLOW), number, 0) == 0, name
    socket = seccomp.seccomp_syscall_resolve_name(b"socket")
    wanted = {_FAMILIES[name] for name in families}
    for family in range(_MOST_FAMILIES):
        action = _ALLOW if family in wanted else _EAFNOSUPPORT
        compared = (_Compared * 1)(_Compared(arg=0, op=_EQ, a=family, b=0))
        added = seccomp.seccomp_rule_add_array(context, ctypes.c_uint32(action), socket, 1, compared)
        assert added == 0, family
    assert seccomp.seccomp_load(context) == 0


def own_mounts() -> None:
    """What is mounted from now on nobody else sees."""
    assert ctypes.CDLL(None).unshare(_CLONE_NEWNS) == 0
    # fails where the root is a chroot's, whose launcher has seen to it
    subprocess.run(["mount", "--make-rprivate", "/"], check=False, stderr=subprocess.DEVNULL)
    assert " shared:" not in Path("/proc/self/mountinfo").read_text()


def main(unit: Path, home: Path, command: list[str]) -> None:
    """Sets the walls and becomes the command."""
    wanted, libc = settings_of(unit), ctypes.CDLL(None, use_errno=True)
    allowed = set().union(*(calls_of(group) for line in wanted["SystemCallFilter"] for group in line.split()))
    own_mounts()
    subprocess.run(["mount", "--bind", home, home], check=True)
    # beside the home: where the node is installed
    for directory in (*_SYSTEM, home.parent):
        subprocess.run(["mount", "--rbind", directory, directory], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", directory], check=True)
    assert wanted["MemoryDenyWriteExecute"] == ["yes"]
    assert libc.prctl(_PR_SET_MDWE, _MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())
    capabilities = [
        f"+{name.removeprefix('CAP_').lower()}" for name in wanted["CapabilityBoundingSet"][0].split()
    ]
    bounds = ["setpriv", f"--bounding-set=-all,{','.join(capabilities)}", "--inh-caps=-all"]
    # last, for the filter forbids much of the above
    code = "import sys; sys.path.insert(0, sys.argv[1]); import walled; walled.last(sys.argv[2:])"
    here = str(Path(__file__).parent)
    words = [" ".join(sorted(allowed)), " ".join(wanted["RestrictAddressFamilies"]), *command]
    os.execvp(bounds[0], [*bounds, "--", sys.executable, "-c", code, here, *words])


def with_other_etc(etc: str, *command: str) -> None:
    """Becomes the command on a machine whose `/etc`, and so whose users, are others."""
    own_mounts()
    subprocess.run(["mount", "--bind", etc, "/etc"], check=True)
    os.execvp(command[0], command)


def last(arguments: list[str]) -> None:
    """No new privileges, the filter, and the command."""
    allowed, families, *command = arguments
    assert ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    _filter_calls(set(allowed.split()), families.split())
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
