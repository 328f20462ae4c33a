"""Valkey's configuration: one unix socket, every write on disk within a second, a user for each door.

Its directory is open to its own group alone, which the gates, the worker and `web` have beside their own
(`engines.supervisor.Program.groups`). Behind it each kind of process is a user with a password that only it
can read, and may do what it needs and no more. The one without a password only tells how Valkey is.

What is in it is calls of this moment: nothing of a node is lost with it (docs/posture.md, row Redis).
"""

import re
import secrets
import sys
from hashlib import sha256
from pathlib import Path

from trunkward.settings import Paths
from trunkward.trunks.model import SharedLive

#: Bytes; a call takes a few hundred, a nonce a hundred. More is refused, never evicted: a count that is gone
#: would admit what it should not.
_MOST_BYTES = 256 << 20
#: Users with a password, and the group that may read it.
USERS = {"gate": "tw-gate", "worker": "tw-worker", "fetcher": "tw-fetcher", "root": "root"}
#: The one without: whoever reaches the socket may ask how Valkey is.
LOOKER = "look"
#: Of a Valkey that several nodes share each user has a password, and this group may read it.
SHARED_USERS = {**USERS, LOOKER: "tw-live"}
#: Keys of the ledger (`live/money.lua`).
MONEY_KEYS = ("money:*", "leg:*", "legs", "ledger")
#: Keys of `live/nodes.lua`.
NODE_KEYS = ("nodes", "left:*", "survivor")
#: Certificate chains, as the fetchers of all nodes share them (`live/shared_chains.py`).
CHAIN_KEYS = "chain:*"
#: Keys the functions of `live/library.lua` use.
KEYS = (
    *("calls:*", "rate:*", "rate-in:*", "nonce:*", "asked:*", "ended:*", "bindings:*", "epoch", "passport:*"),
    *MONEY_KEYS,
    *NODE_KEYS,
)
#: Commands in them. Valkey asks the caller's permission for each, so a gate may give them by itself, too; it
#: may not look for keys, read or change the configuration, load functions, or evaluate anything.
COMMANDS = (
    *("zadd", "zcard", "zcount", "zrange", "zrem", "zremrangebyscore", "zscore"),
    *("hdel", "hget", "hgetall", "hincrby", "hkeys", "hmget", "hset"),
    *("get", "set", "exists", "del", "pexpire", "time", "info"),
)


def valkey_command(paths: Paths) -> list[str]:
    """Its command line."""
    configuration = paths.valkey_run / "valkey.conf"
    return [sys.executable, "-m", "trunkward.live.start", str(configuration), str(paths.valkey_data)]


def render_valkey_conf(paths: Paths) -> str:
    """`valkey.conf`."""
    return f"""# Rendered by trunkward; changes here are lost.
port 0
unixsocket {paths.valkey_socket}
unixsocketperm 770
aclfile {paths.valkey_run}/users.acl
dir {paths.valkey_data}
# calls that were admitted are counted again after a restart: at most the last second is lost
appendonly yes
appenddirname aof
appendfsync everysec
# small: numbers of calls that are over stay no longer in it than they must
auto-aof-rewrite-min-size 4mb
save ""
maxmemory {_MOST_BYTES}
maxmemory-policy noeviction
# an owner's buckets are looked for by name: in a small hash, Valkey reads through all there are
hash-max-listpack-entries 16
# nothing here needs to be looked at ten times a second
hz 2
dynamic-hz yes
# its standard output is its log
logfile ""
loglevel notice
always-show-logo no
daemonize no
enable-debug-command no
enable-module-command no
enable-protected-configs no
"""


def render_users_acl(passwords: dict[str, str]) -> str:
    """`users.acl`: who may do what; for a Valkey of many nodes with a password for `LOOKER`, too."""
    keys = " ".join(f"~{pattern}" for pattern in KEYS)
    of_worker = " ".join(f"~{pattern}" for pattern in (*MONEY_KEYS, *NODE_KEYS))
    commands = " ".join(f"+{command}" for command in COMMANDS)
    may = {
        "gate": f"{keys} +fcall {commands}",
        "worker": f"{of_worker} +fcall +fcall_ro {commands} +function|load +function|list +acl|load",
        "fetcher": f"~{CHAIN_KEYS} +get +set +time",
        "root": f"{keys} +fcall_ro {commands} +scan +ttl",
    }
    looker = _password(passwords.get(LOOKER))
    lines = [
        # Nobody can be it, and it may do all: Valkey (8.1.1) replays its file as this user, and leaves out,
        # with no more than a line in its log, what that may not do
        "user default off resetpass ~* &* +@all",
        f"user {LOOKER} on {looker} resetkeys resetchannels -@all +ping +info +function|list",
    ]
    lines += [
        f"user {user} on {_password(passwords[user])} resetkeys resetchannels -@all +ping {may[user]}"
        for user in USERS
    ]
    return "\n".join(lines) + "\n"


def _password(text: str | None) -> str:
    return "nopass" if text is None else f"#{sha256(text.encode()).hexdigest()}"


def shared_secrets(shared: SharedLive) -> dict[str, str]:
    """By user, the passwords of a Valkey that somebody else runs. Raises `OSError`, which names the file."""
    found = {}
    for user in SHARED_USERS:
        file = Path(shared.secrets) / f"{user}.secret"
        found[user] = text = file.read_text(encoding="ascii", errors="replace").strip()
        # who runs it may have written anything: it is one word of a command
        if not re.fullmatch(r"[!-~]{16,512}", text):
            raise OSError(0, "not a password of 16 to 512 letters, digits and signs", str(file))
    return found


def valkey_passwords(paths: Paths) -> dict[str, str]:
    """By user; they stay as long as the node's run directory does: running processes know them."""
    held = {}
    for user in USERS:
        try:
            held[user] = paths.valkey_secret(user).read_text(encoding="ascii")
        except (FileNotFoundError, UnicodeDecodeError):
            held[user] = ""
    return {user: text if len(text) == 64 else secrets.token_hex(32) for user, text in held.items()}
