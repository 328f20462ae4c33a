"""Secrets of trunks that are recognised by digest: made, exchanged, taken back; and what is missing.

Each of these acts is a version of the configuration with the same file: it has a number, a time, an actor and
a command, its journal entry names the act, and gates judge by it as by any other. What was a secret is shown
once, to whoever made it, and stands nowhere in clear.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from trunkward.digest.algorithm import Algorithm, ha1_of
from trunkward.digest.secret import IV_BYTES, derive, password_of, seal
from trunkward.trunks.model import Declared, IdentifiedBy, Trunk
from trunkward.trunks.secret import SealedSecret, SecretChange

#: Secrets of one trunk that are good at a time: one, and the one before it.
MOST = 2


class SecretRefused(Exception):
    """A secret that is not made, exchanged or taken back; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealer:
    """What it takes to make secrets: the node's key, and chance."""

    master: bytes
    #: A number below this one that nobody can guess.
    below: Callable[[int], int]
    #: So many bytes, likewise.
    chance: Callable[[int], bytes]


def key_id(master: bytes) -> str:
    """A name for the node's digest key that tells nothing of it."""
    return sha256(derive(master, "name")).hexdigest()[:16]


def good(secrets: Iterable[SealedSecret], now: float) -> list[SealedSecret]:
    """Those that are not at their end, the newest first."""
    return sorted((s for s in secrets if s.until is None or s.until > now), key=lambda s: -s.id)


def usable(declared: Declared, trunk: Trunk, secrets: Iterable[SealedSecret]) -> list[SealedSecret]:
    """Those of a trunk that are for its username and realm."""
    wanted = (trunk.name, trunk.username, declared.node.realm)
    return [secret for secret in secrets if (secret.trunk, secret.username, secret.realm) == wanted]


def by_trunk(secrets: Iterable[SealedSecret], now: float) -> dict[str, list[SealedSecret]]:
    """What is in force of them, by trunk, the newest first."""
    found: dict[str, list[SealedSecret]] = {}
    for secret in good(secrets, now):
        found.setdefault(secret.trunk, []).append(secret)
    return found


def made(
    act: str,
    declared: Declared,
    name: str,
    held: Iterable[SealedSecret],
    sealer: Sealer,
    *,
    now: float,
    overlap_s: float = 0,
) -> tuple[SecretChange, str]:
    """A new secret of a trunk, in clear beside it. Raises `SecretRefused`.

    `new`: the trunk has none that is good. `rotate`: it has, and that one is good for `overlap_s` more.
    """
    trunk = of_digest(declared, name)
    mine = usable(declared, trunk, good(held, now))
    if act == "new" and mine:
        raise SecretRefused(
            f"trunk {name} has a secret: ./trunkward secret rotate {name} makes another, "
            f"./trunkward secret revoke {name} takes it back"
        )
    if act == "rotate" and not mine:
        raise SecretRefused(
            f"trunk {name} has no secret that is good: ./trunkward secret new {name} makes one"
        )
    password = password_of(sealer.below)
    added = _sealed(trunk, declared.node.realm, password, sealer)
    # of three the oldest would never be looked at
    kept = {secret.id: min(now + overlap_s, secret.until or now + overlap_s) for secret in mine[: MOST - 1]}
    gone = {secret.id: now for secret in good(held, now) if secret.trunk == name and secret.id not in kept}
    return SecretChange(act=act, trunk=name, added=added, ends=kept | gone), password


def taken_back(name: str, held: Iterable[SealedSecret], *, now: float) -> SecretChange:
    """The end of all secrets of a trunk, which need not be declared any more. Raises `SecretRefused`."""
    mine = [secret for secret in good(held, now) if secret.trunk == name]
    if not mine:
        raise SecretRefused(f"trunk {name} has no secret that is good; ./trunkward secret list shows them")
    return SecretChange(act="revoke", trunk=name, ends={secret.id: now for secret in mine})


def of_digest(declared: Declared, name: str) -> Trunk:
    """A trunk that is recognised by digest. Raises `SecretRefused`."""
    trunk = next((trunk for trunk in declared.trunks if trunk.name == name), None)
    if trunk is None:
        raise SecretRefused(f"no trunk {name} in the newest version; ./trunkward get trunks lists them")
    if not trunk.demands(IdentifiedBy.DIGEST):
        raise SecretRefused(
            f"trunk {name} is not recognised by digest: add digest to its identified_by in the node file, "
            "and apply it"
        )
    return trunk


def said(change: SecretChange) -> str:
    """One line for the history."""
    done = {
        "new": "a secret of trunk {} made",
        "rotate": "the secret of trunk {} exchanged",
        "revoke": "the secret of trunk {} taken back",
    }
    return done[change.act].format(change.trunk)


def journaled(change: SecretChange, number: int) -> dict[str, object]:
    """What the journal says of an act besides its version; nothing of it helps to find the secret."""
    added = change.added
    return {
        "act": change.act,
        "trunk": change.trunk,
        "added": number if added else None,
        "username": added.username if added else None,
        "realm": added.realm if added else None,
        "md5": bool(added and added.md5),
        "ends": {str(number): until for number, until in change.ends.items()},
    }


def wanting(
    declared: Declared, secrets: Mapping[str, Iterable[SealedSecret]], key: str, now: float
) -> list[tuple[str, str]]:
    """Trunks nobody can call from by digest, and why: name, and a sentence with what to do."""
    found = []
    for trunk in declared.trunks:
        if not trunk.demands(IdentifiedBy.DIGEST):
            continue
        held = good(secrets.get(trunk.name, ()), now)
        mine = usable(declared, trunk, held)
        make = f"./trunkward secret new {trunk.name}"
        if not held:
            found.append((trunk.name, f"is recognised by digest and has no secret: {make}"))
        elif not mine:
            was = f"{held[0].username} at {held[0].realm}"
            now_is = f"{trunk.username} at {declared.node.realm}"
            found.append((trunk.name, f"its secret is for {was}, and it is {now_is} now: {make}"))
        elif key and all(secret.key_id != key for secret in mine):
            found.append(
                (
                    trunk.name,
                    f"its secret was sealed with a key that is gone: ./trunkward secret rotate {trunk.name}",
                )
            )
        elif trunk.unsafe_md5 and not any(secret.md5 for secret in mine):
            said = "may use MD5, and its secret was made before that"
            found.append((trunk.name, f"{said}: ./trunkward secret rotate {trunk.name}"))
        elif mine[0].until is not None:
            end = f"{datetime.fromtimestamp(mine[0].until, UTC):%Y-%m-%d %H:%M:%S} UTC"
            found.append((trunk.name, f"its secret ends at {end}: ./trunkward secret rotate {trunk.name}"))
    return found


def _sealed(trunk: Trunk, realm: str, password: str, sealer: Sealer) -> SealedSecret:
    def sealed(algorithm: Algorithm) -> bytes:
        return seal(
            derive(sealer.master, "secrets"),
            sealer.chance(IV_BYTES),
            ha1_of(algorithm, trunk.username, realm, password),
            trunk=trunk.name,
            username=trunk.username,
            realm=realm,
            algorithm=algorithm,
        )

    return SealedSecret(
        id=0,
        trunk=trunk.name,
        username=trunk.username,
        realm=realm,
        key_id=key_id(sealer.master),
        sha256=sealed(Algorithm.SHA256),
        md5=sealed(Algorithm.MD5) if trunk.unsafe_md5 else b"",
    )
