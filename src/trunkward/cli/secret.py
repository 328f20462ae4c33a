"""`trunkward secret`: what a PBX proves by digest that it is a trunk; made, exchanged, taken back, listed.

A secret is shown once: on a terminal, or written to a file of its own. It stands in no log, no record and no
database; what is kept of it is encrypted (`digest.secret`).
"""

import json
import os
import re
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.table import Table
from rich.text import Text

from trunkward.cli.acting import act
from trunkward.cli.actor import current_actor
from trunkward.cli.changing import configuration_store
from trunkward.cli.host_paths import hint
from trunkward.cli.said import complain, say, wide
from trunkward.control.acts import put_down
from trunkward.control.configuration import Version
from trunkward.control.secrets import Sealer, SecretRefused, made, taken_back
from trunkward.digest.secret import ALPHABET, CHARACTERS
from trunkward.engines.pki_files import PkiFiles, read_secret
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration
from trunkward.trunks.model import Declared
from trunkward.trunks.secret import SealedSecret, SecretChange

_OVERLAP = re.compile(r"([0-9]{1,5})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
#: Days; who has not changed a PBX by then has forgotten it.
_MOST_OVERLAP_D = 90


def run_new(paths: Paths, trunk: str, output: Path | None) -> int:
    """Makes a trunk's secret: 0 done, 1 not everywhere in force, 2 nothing was changed."""
    return _shown_once(paths, "new", trunk, output)


def run_rotate(paths: Paths, trunk: str, overlap: str, output: Path | None) -> int:
    """Makes another one, with which the one before is good for a while; exit codes as of `run_new`."""
    found = _OVERLAP.fullmatch(overlap)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else -1
    if not 0 <= seconds <= _MOST_OVERLAP_D * 86_400:
        raise typer.BadParameter(
            f"{overlap!r}: write a time such as 0s, 12h or 7d, at most {_MOST_OVERLAP_D}d"
        )
    return _shown_once(paths, "rotate", trunk, output, overlap_s=seconds)


def run_revoke(paths: Paths, trunk: str) -> int:
    """Ends all secrets of a trunk at once; exit codes as of `run_new`."""
    if not _root():
        return 2
    command = f"secret revoke {trunk}"

    def decide(store: SqlConfiguration, _: Declared, now: float, beyond: int) -> Version:
        change = taken_back(trunk, store.secrets(), now=now)
        version = put_down(store, change, actor=current_actor(), command=command, at=now, beyond=beyond)
        say(f"trunk {trunk} can call no more by digest, until ./trunkward secret new {trunk}", err=True)
        return version

    return act(paths, command, decide)


def run_list(paths: Paths, *, as_json: bool) -> int:
    """All secrets there ever were, the newest first; none of them in clear, because nobody has that."""
    if not _root():
        return 2
    with configuration_store(paths, make=False) as store:
        found = store.secrets()
        by = {version.number: version for version in store.versions()}
    now = time.time()
    if as_json:
        for secret in found:
            print(
                json.dumps(
                    _document(secret, now) | {"made_at": by[secret.id].at, "by": by[secret.id].actor.name}
                )
            )
        return 0
    if not found:
        say("no secret was made yet: ./trunkward secret new TRUNK")
        return 0
    table = Table(box=None)
    for head in ("trunk", "version", "username", "realm", "made (UTC)", "by", "good"):
        table.add_column(head, overflow="fold")  # names are whole, in however many lines
    for secret in found:
        version = by[secret.id]
        cells = (secret.trunk, str(secret.id), secret.username, secret.realm, _when(version.at))
        table.add_row(*(Text(cell) for cell in (*cells, version.actor.name, _good(secret, now))))
    wide().print(table)
    return 0


def _shown_once(paths: Paths, what: str, trunk: str, output: Path | None, overlap_s: float = 0) -> int:
    if not _root():
        return 2
    if output is not None and (why := _no_output(output)):
        complain(why)
        return 2
    try:
        file = _made_ready(output) if output is not None else None
    except OSError as problem:
        complain(f"nothing was changed: {output}: {problem.strerror}")
        return 2

    command = f"secret {what} {trunk}"

    def decide(store: SqlConfiguration, declared: Declared, now: float, beyond: int) -> Version:
        try:
            master = read_secret(PkiFiles(paths.pki).digest_secret)
        except (OSError, ValueError):
            raise SecretRefused(
                f"{PkiFiles(paths.pki).digest_secret}: no key to keep secrets with; ./trunkward up makes it"
            ) from None
        sealer = Sealer(master=master, below=secrets.randbelow, chance=os.urandom)
        held = store.secrets()
        change, password = made(what, declared, trunk, held, sealer, now=now, overlap_s=overlap_s)
        if output is None and not sys.stdout.isatty():
            raise SecretRefused(
                "a secret is shown on a terminal only: use --output FILE, which nobody but you can read"
            )
        version = put_down(store, change, actor=current_actor(), command=command, at=now, beyond=beyond)
        # what is shown is good: it is decided on before
        _show(password, output, file)
        for line in entered_and_ended(change, held, now):
            say(line, err=True)
        return version

    done = act(paths, command, decide)
    if done == 2 and output is not None:
        output.unlink()  # nothing is in it
    return done


def entered_and_ended(change: SecretChange, held: Sequence[SealedSecret], now: float) -> Iterator[str]:
    """What to enter beside a new secret, and what becomes of the others of its trunk; times are UTC."""
    assert change.added is not None
    yield f"in the PBX: username {change.added.username}, realm {change.added.realm}"
    was = {secret.id: secret.until for secret in held}
    for number, until in sorted(change.ends.items(), reverse=True):
        if until > now:
            yield f"the one before, of version {number}, is good until {_when(until)} UTC"
        else:
            before = was.get(number)
            promised = f", which was to be good until {_when(before)} UTC," if before is not None else ""
            yield f"that of version {number}{promised} has ended now"


def _no_output(output: Path) -> str:
    if output.exists() or output.is_symlink():
        return f"{output}: there is such a file; a secret is written to a new one"
    if not output.absolute().parent.is_dir():
        return f"{output}: there is no such directory{hint(output)}"
    return f"{output}: what is written there is lost{why}" if (why := hint(output)) else ""


def _made_ready(output: Path) -> int:
    """A new file with room for a secret, before there is one: a secret that cannot be written is lost."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(output, flags, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, CHARACTERS + 1)
    except OSError:
        output.unlink()
        raise
    return descriptor


def _show(password: str, output: Path | None, descriptor: int | None) -> None:
    if descriptor is None:
        bits = CHARACTERS * (len(ALPHABET).bit_length() - 1)
        say(f"the secret, shown this once ({CHARACTERS} characters, {bits} bits):", err=True)
        print(password)
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{password}\n")
        file.flush()
        os.fsync(file.fileno())
    say(f"{output}: the secret, for you alone to read", err=True)


def _document(secret: SealedSecret, now: float) -> dict[str, object]:
    return {
        "trunk": secret.trunk,
        "version": secret.id,
        "username": secret.username,
        "realm": secret.realm,
        "md5": bool(secret.md5),
        "until": secret.until,
        "good": secret.until is None or secret.until > now,
    }


def _good(secret: SealedSecret, now: float) -> str:
    if secret.until is None:
        return "yes"
    return f"{'until' if secret.until > now else 'ended'} {_when(secret.until)}"


def _when(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def _root() -> bool:
    if os.geteuid() == 0:
        return True
    complain("trunkward secret needs root: the configuration is root's. Use sudo.")
    return False
