"""Who types: the person who logged in, also behind sudo."""

import os
import pwd
from pathlib import Path

from trunkward.access.actor import Actor, Source

#: What the kernel keeps of a login.
_LOGIN = Path("/proc/self/loginuid")
#: No login (a service, a container): the kernel's (uid_t)-1.
_NOBODY_LOGGED_IN = 2**32 - 1


def current_actor() -> Actor:
    """The login's user as the kernel keeps it, else sudo's caller, else the process' own user.

    The kernel's word (audit's `loginuid`) is set once at the login and follows through su and sudo;
    `SUDO_UID` is an environment variable that root could set to anything: it names who acts, and proves
    nothing. So the actor says which of them it was.
    """
    uid, source = _login(), Source.LOGIN
    if uid is None and os.geteuid() == 0:
        uid, source = _number(os.environ.get("SUDO_UID", "")), Source.SUDO
    if uid is None:
        uid, source = os.getuid(), Source.PROCESS
    sudo = os.environ.get("SUDO_USER", "") if _number(os.environ.get("SUDO_UID", "")) == uid else ""
    return Actor(name=_name(uid) or sudo or f"#{uid}", uid=uid, source=source)


def _login() -> int | None:
    try:
        uid = _number(_LOGIN.read_text(encoding="ascii").strip())
    except OSError:
        return None  # a kernel without audit
    return None if uid == _NOBODY_LOGGED_IN else uid


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 else None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""  # the platform does not know the machine's people
