"""Numbers that are not a trunk's own, and that somebody found it may show: found, listed, taken back.

A finding says who found it, on what evidence, and until when. Each act is a version of the configuration
with the same file: it has a number, a time, an actor and a command, its journal entry names the act, and
gates judge by it as by any other. Such a number is signed B (`shaken.attest`): that a trunk may show a number
is not yet the proof that level A needs.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import msgspec

from trunkward.journal.chain import Entry
from trunkward.journal.commitment import commitment
from trunkward.numbering.e164 import NotANumber
from trunkward.numbering.written import read_written
from trunkward.trunks.callers import NumberChange, Verification, VerifiedNumber
from trunkward.trunks.model import Declared

#: Days a finding may hold: who was never asked again for a year may have given the number away.
MOST_DAYS = 366
#: Characters of the evidence in words.
MOST_EVIDENCE = 500
NOTHING: Mapping[int, str] = MappingProxyType({})


class VerificationRefused(Exception):
    """A finding that is not written down, or not taken back; the message says why, and what to do."""


def in_force(declared: Declared, found: Iterable[Verification], at: float) -> list[VerifiedNumber]:
    """What holds at a time of all findings there ever were: one for each trunk and number.

    Not of a trunk that is gone, nor of one with its name that is another tenant's.
    """
    tenants = {trunk.name: trunk.tenant for trunk in declared.trunks}
    return [
        VerifiedNumber(number=one.number, trunk=one.trunk, until=one.until)
        for one in found
        if one.holds(at) and tenants.get(one.trunk) == one.tenant
    ]


def verified(
    declared: Declared,
    found: Iterable[Verification],
    *,
    number: str,
    trunk: str,
    evidence: str,
    file_sha256: str,
    until: float,
    now: float,
    salt: str,
    unproven: Mapping[int, str] = NOTHING,
) -> NumberChange:
    """A new finding; it takes the place of one before it. Raises `VerificationRefused`.

    `until` and `now` in seconds since the epoch; `salt`: 16 bytes of chance, hex. `unproven`: as of
    `borne_out`; those of the trunk end.
    """
    try:
        tn = str(read_written(number, declared.node.dial_plan))
    except NotANumber as problem:
        raise VerificationRefused(str(problem)) from None
    whose = next((one for one in declared.trunks if one.name == trunk), None)
    if whose is None:
        raise VerificationRefused(
            f"no trunk {trunk} in the newest version; ./trunkward get trunks lists them"
        )
    if tn in whose.numbers:
        raise VerificationRefused(f"{tn} is trunk {trunk}'s own: it may show it anyhow")
    other = next((one for one in declared.trunks if tn in one.numbers), None)
    if other is not None and other.tenant != whose.tenant:
        raise VerificationRefused(f"{tn} is a number of tenant {other.tenant}, not of {whose.tenant}")
    if not evidence.strip() or len(evidence) > MOST_EVIDENCE or not evidence.isprintable():
        raise VerificationRefused(
            f"evidence is one line of at most {MOST_EVIDENCE} characters: what was seen, and where it is kept"
        )
    if not now < until <= now + MOST_DAYS * 86_400:
        last = datetime.fromtimestamp(now + (MOST_DAYS - 1) * 86_400, UTC)
        raise VerificationRefused(
            f"until is a day to come, at most {MOST_DAYS} days from now: {last:%Y-%m-%d} is the last possible"
        )
    added = Verification(
        version=0,  # that of the act
        number=tn,
        trunk=trunk,
        tenant=whose.tenant,
        evidence=evidence.strip(),
        file_sha256=file_sha256,
        until=until,
        salt=salt,
    )
    before = (one.version for one in found if (one.number, one.trunk) == (tn, trunk) and one.holds(now))
    ended = _with_unproven(before, unproven, trunk)
    return NumberChange(act="verify", number=tn, trunk=trunk, added=added, ended=ended)


def withdrawn(
    declared: Declared,
    found: Iterable[Verification],
    *,
    number: str,
    trunk: str | None,
    now: float,
    unproven: Mapping[int, str] = NOTHING,
) -> NumberChange:
    """The end of a finding, also of a trunk that is gone. Raises `VerificationRefused`.

    `unproven`: as of `verified`. Such a one is in no row with its number, so its trunk has to be named.
    """
    try:
        number = str(read_written(number, declared.node.dial_plan))
    except NotANumber as problem:
        raise VerificationRefused(str(problem)) from None
    good = [one for one in found if one.number == number and one.holds(now) and trunk in (None, one.trunk)]
    if trunk is not None and not good and trunk in unproven.values():
        ended = _with_unproven((), unproven, trunk)
        return NumberChange(act="withdraw", number=number, trunk=trunk, ended=ended)
    if not good:
        raise VerificationRefused(f"{number} is not verified now; ./trunkward number list shows what is")
    trunks = sorted({one.trunk for one in good})
    if len(trunks) > 1:
        raise VerificationRefused(f"{number} is verified for {', '.join(trunks)}: say which with --trunk")
    ended = _with_unproven((one.version for one in good), unproven, trunks[0])
    return NumberChange(act="withdraw", number=number, trunk=trunks[0], ended=ended)


def said(change: NumberChange) -> str:
    """One line for the history, which is never deleted: no number."""
    done = "verified" if change.act == "verify" else "not verified any more"
    return f"a number {done} for trunk {change.trunk}"


def journaled(change: NumberChange) -> dict[str, object]:
    """What the journal says of an act besides its version: what is personal only as commitments.

    The journal is never changed, and the finding, which opens them, is deleted when its time is over.
    """
    added, commits = change.added, {}
    if added is not None and added.salt is not None:
        salt = bytes.fromhex(added.salt)
        private = {"number": added.number, "evidence": added.evidence}
        commits = {name: commitment(salt, name, value) for name, value in private.items()}
    return {
        "act": change.act,
        "commits": commits,
        "trunk": change.trunk,
        "tenant": added.tenant if added else None,
        "file_sha256": added.file_sha256 if added else None,
        "until": added.until if added else None,
        "ended": list(change.ended),
    }


def borne_out(
    found: Iterable[Verification], entries: Iterable[Entry], at: float
) -> tuple[list[Verification], dict[int, str]]:
    """Findings nobody took back that are as they were journaled; of others in force the trunk, by version.

    Those are in force by their row alone, or by the journal alone: whoever could write rows could have a
    trunk show a stranger's number, or hide one from who is to take it back. `at` in seconds since the epoch.
    """
    found = list(found)
    made: dict[int, dict[str, Any]] = {}
    for entry in entries:
        facts = msgspec.json.decode(entry.text)
        if (act := facts.get("number")) is not None:
            for ended in act["ended"]:
                made.pop(ended, None)
            if act["act"] == "verify":
                made[facts["version"]] = act
    good = [one for one in found if not one.withdrawn and _is_as_made(one, made.get(one.version))]
    alone = {one.version: one.trunk for one in found if one.holds(at)}
    alone |= {number: act["trunk"] for number, act in made.items() if at < act["until"]}
    proven = {one.version for one in good}
    return good, {number: trunk for number, trunk in alone.items() if number not in proven}


def unproven_told(number: int, trunk: str) -> str:
    """A sentence on a finding, by the number of its version."""
    return (
        f"a verified number of trunk {trunk} (version {number}) is not in the database as it was journaled,"
        " and is not the trunk's to show: find out who wrote to the database, then"
        f" ./trunkward number withdraw NUMBER --trunk {trunk}, and verify it anew"
    )


def _is_as_made(one: Verification, act: dict[str, Any] | None) -> bool:
    if act is None:
        return False
    said = journaled(NumberChange(act="verify", number=one.number, trunk=one.trunk, added=one))
    return said | {"ended": act["ended"]} == act


def _with_unproven(ended: Iterable[int], unproven: Mapping[int, str], trunk: str) -> tuple[int, ...]:
    return tuple(sorted({*ended, *(number for number, its in unproven.items() if its == trunk)}))
