"""Evidence of whose numbers are, a customer's or ours to give, and of contracts: entered, reviewed, revoked.

One person enters a document, another one looks at it and accepts it: from then on calls that show these
numbers are signed A (`shaken.attest`), until it ends or somebody revokes it; of a block of ours those that
some trunk's inventory has (`control.blocks`), and by a contract what its provider supplies
(`control.contracts`). Each act is a version of the
configuration with the same file: it has a number, a time, an actor and a command, its journal entry names the
act, and gates judge by it as by any other.
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from math import ceil
from typing import Any

from trunkward.access.actor import Actor, Source
from trunkward.control.blocks import provider_of, signs_for
from trunkward.control.configuration import Version
from trunkward.control.evidence_journal import evidence_id
from trunkward.numbering.e164 import NotANumber
from trunkward.numbering.nanp import why_invalid
from trunkward.numbering.plan import DialPlan
from trunkward.numbering.written import read_range
from trunkward.shaken.evidence import MOST_NUMBERS, Kind
from trunkward.trunks.evidence import BLOCK, CONTRACT, GRACE_S, PORT, EvidenceChange, EvidenceRecord, State
from trunkward.trunks.model import Declared
from trunkward.trunks.transit import OF_NODE

#: Kinds a person enters; our own inventory is what the node file says, within blocks.
KINDS = (*(kind for kind in Kind if kind is not Kind.OWN_INVENTORY), BLOCK, CONTRACT)
#: Days a record may hold: who was never asked again for a year may have given the number away (our judgement,
#: as for `control.verified.MOST_DAYS`).
MOST_DAYS = 366
#: Characters of a reason in words, and of a file's name.
MOST_WHY = 500
MOST_NAME = 120
#: Bytes of a document: a scanned letter has a tenth of it.
MOST_BYTES = 10 * 1024 * 1024


class EvidenceActRefused(Exception):
    """An act that is not done; the message says why, and what to do."""


def numbers_of(text: str, plan: DialPlan) -> tuple[str, str]:
    """First and last of `+12025550100` or `+12025550100-+12025550199`. Raises `EvidenceActRefused`."""
    try:
        begin, end = read_range(text, plan)
    except NotANumber as problem:
        raise EvidenceActRefused(str(problem)) from None
    if len(begin) != len(end) or begin > end:
        raise EvidenceActRefused(f"{text}: the last number must be as long as the first, and not before it")
    if int(end) - int(begin) >= MOST_NUMBERS:
        raise EvidenceActRefused(f"{text}: more than {MOST_NUMBERS} numbers; enter one record for each block")
    return str(begin), str(end)


def _range_of(numbers: str, kind: str, plan: DialPlan) -> tuple[str, str]:
    """First and last of what a record is for, which somebody can have; of a contract none."""
    if kind == CONTRACT:
        if numbers:
            raise EvidenceActRefused(f"{numbers}: a contract is of no numbers; leave them out")
        return "", ""
    if not numbers:
        raise EvidenceActRefused(f"say for which numbers the {kind} is, such as +12025550100-+12025550199")
    first, last = numbers_of(numbers, plan)
    for number in (first, last):
        # exchange 555 is a laboratory's, or lies in a whole block of ours
        why_nobodys = why_invalid(number, fictional=True)
        if why_nobodys and why_nobodys != "exchange-555":
            raise EvidenceActRefused(f"{number} is a number nobody can have: {why_nobodys}")
    return first, last


def added(
    declared: Declared,
    records: Iterable[EvidenceRecord],
    *,
    numbers: str,
    kind: str,
    trunk: str = "",
    identity: str = "",
    file_name: str,
    document: bytes,
    until: float,
    why: str,
    actor: Actor,
    now: float,
    salt: str,
    replaces: int = 0,
    proof: str = "",
) -> EvidenceChange:
    """A new record, which nobody has reviewed. Raises `EvidenceActRefused`.

    `until` and `now` in seconds since the epoch; `salt`: 16 bytes of chance, hex. What is in another tenant's
    inventory is not this one's, nor what another's accepted record speaks for, unless it is that one which is
    to be replaced (`replaces`). A block is an `identity`'s ("": the node's), a contract a reseller's, and of
    no `numbers`; all else is a `trunk`'s. `proof`: of a delegate certificate, what was signed with its key.
    """
    check_login(actor)
    if kind not in KINDS:
        raise EvidenceActRefused(f"{kind}: write one of {', '.join(KINDS)}")
    first, last = _range_of(numbers, kind, declared.node.dial_plan)
    trunk, tenant, customer, identity = _whose(declared, kind, trunk, identity)
    _check_why(why)
    if not now < until <= now + MOST_DAYS * 86_400:
        end = datetime.fromtimestamp(now + (MOST_DAYS - 1) * 86_400, UTC)
        raise EvidenceActRefused(
            f"until is a day to come, at most {MOST_DAYS} days from now: {end:%Y-%m-%d} is the last possible"
        )
    if not document or len(document) > MOST_BYTES:
        raise EvidenceActRefused(
            f"{file_name}: {len(document)} bytes; a document has at least one, and at most {MOST_BYTES}"
        )
    record = EvidenceRecord(
        version=0,  # that of the act
        trunk=trunk,
        tenant=tenant,
        customer=customer,
        identity=identity,
        spc=declared.spc_of(identity),
        kind=kind,
        first=first,
        last=last,
        file_name=file_name[-MOST_NAME:],
        file_sha256=sha256(document).hexdigest(),
        why=why.strip(),
        until=until,
        replaces=replaces,
        proof=proof,
        salt=salt,
    )
    records = list(records)
    _check_nobody_elses(declared, record)
    if replaces and replaces not in {one.version for one in _of_others(records, record, now)}:
        raise EvidenceActRefused(
            f"record {replaces} is no accepted one of anybody else for any of these numbers: leave "
            "--replaces out"
        )
    for other in _of_others(records, record, now):
        if other.version != replaces:
            raise EvidenceActRefused(
                f"record {other.version} says that {other.numbers} are of {other.owner}: find out who is "
                f"right; if it is to end when this one is accepted, write --replaces {other.version}"
            )
    return EvidenceChange(act="add", record=record, packed=zlib.compress(document, 6), why=record.why)


def reviewed(
    declared: Declared,
    records: Iterable[EvidenceRecord],
    number: int,
    *,
    accept: bool,
    why: str,
    entered_by: Actor,
    actor: Actor,
    now: float,
) -> EvidenceChange:
    """What another person found of a record. Raises `EvidenceActRefused`.

    `entered_by`: the actor of the version that entered it. Two people, told apart by their number on this
    system, which their logins have set: whoever could accept what he entered could sign A for whatever number
    he likes. Whose the numbers are is looked at again: what was entered may have waited for long.
    """
    check_login(actor)
    records = list(records)
    record = _record(records, number)
    state = record.state(now)
    if state is not State.ENTERED:
        raise EvidenceActRefused(f"record {number} is {state} already: enter the document anew")
    if actor.uid == entered_by.uid:
        raise EvidenceActRefused(
            f"{actor} has entered record {number}: another person has to look at it, under a login of his own"
        )
    if accept and now >= record.until:
        raise EvidenceActRefused(f"record {number} has ended before it was reviewed: enter the document anew")
    if accept:
        _check_provider(declared, record)
        _check_nobody_elses(declared, record)
        for other in _of_others(records, record, now):
            raise EvidenceActRefused(
                f"record {other.version} says that {other.numbers} are of {other.owner}: ./trunkward "
                f"evidence revoke {other.version}, then accept this one; numbers never have two owners"
            )
    _check_why(why)
    # the version is that of the act
    after = replace(record, accepted=accept, review_why=why.strip())
    return EvidenceChange(act="accept" if accept else "reject", record=after, why=after.review_why)


def revoked(
    records: Iterable[EvidenceRecord], number: int, *, why: str, now: float, is_sound: bool = True
) -> EvidenceChange:
    """The end of a record, also of a trunk that is gone. Raises `EvidenceActRefused`.

    `is_sound`: it is as it was journaled. What else its row says of an end was written by nobody.
    """
    record = _record(records, number)
    if is_sound and record.state(now) in (State.REVOKED, State.REJECTED):
        raise EvidenceActRefused(f"record {number} is {record.state(now)} already")
    _check_why(why)
    after = replace(record, revoke_why=why.strip())
    return EvidenceChange(act="revoke", record=after, why=after.revoke_why)


def denied_by(records: Iterable[EvidenceRecord], now: float) -> dict[str, int]:
    """What the list of denied evidence says of those that were revoked: by id, until when it must.

    Until nobody could show a number by it any more. `now` and the ends in seconds since the epoch.
    """
    return {
        evidence_id(record.version): ceil(record.until + GRACE_S)
        for record in records
        if record.revoked and now < record.until + GRACE_S
    }


def described(record: EvidenceRecord, versions: Mapping[int, Version], now: float) -> dict[str, Any]:
    """A record for programs, with who did what when; times in seconds since the epoch.

    `versions` by number: those of its acts, at least.
    """
    entered, review, revoke = (
        versions.get(number) for number in (record.version, record.reviewed, record.revoked)
    )

    def by(version: Version | None) -> str | None:
        return str(version.actor) if version else None

    return {
        "id": record.version,
        "kind": record.kind,
        "numbers": record.numbers,
        "trunk": record.trunk or None,
        "tenant": record.tenant or None,
        "customer": record.customer or None,
        "identity": record.identity or None,
        "spc": record.spc or None,
        "state": record.state(now).value,
        "until": record.until,
        "replaces": record.replaces or None,
        "proof": record.proof or None,
        "file": record.file_name,
        "file_sha256": record.file_sha256,
        "entered_by": by(entered),
        "entered_at": entered.at if entered else None,
        "why": record.why,
        "reviewed_by": by(review),
        "reviewed_at": review.at if review else None,
        "accepted": record.accepted if review else None,
        "review_why": record.review_why or None,
        "revoked_by": by(revoke),
        "revoked_at": revoke.at if revoke else None,
        "revoke_why": record.revoke_why or None,
    }


def unpacked(packed: bytes) -> bytes:
    """A document as it was entered."""
    return zlib.decompress(packed)


def _record(records: Iterable[EvidenceRecord], number: int) -> EvidenceRecord:
    found = next((one for one in records if one.version == number), None)
    if found is None:
        raise EvidenceActRefused(f"there is no record {number}; ./trunkward evidence list shows them")
    return found


def _whose(declared: Declared, kind: str, trunk: str, identity: str) -> tuple[str, str, str, str]:
    """Trunk, tenant, customer and identity of a record."""
    if kind in (BLOCK, CONTRACT):
        if trunk:
            more = ", and give the numbers in the node file" if kind == BLOCK else ""
            raise EvidenceActRefused(f"a {kind} is no trunk's: leave --trunk out{more}")
        return "", "", "", _identity_for(declared, kind, identity)
    if identity:
        raise EvidenceActRefused(f"--identity is of a block or contract; whose a {kind} is, --trunk says")
    if not trunk:
        raise EvidenceActRefused("say by which trunk the customer calls: --trunk NAME")
    found = next((one for one in declared.trunks if one.name == trunk), None)
    if found is None:
        raise EvidenceActRefused(f"no trunk {trunk} in the newest version; ./trunkward get trunks lists them")
    if found.customer is None:
        raise EvidenceActRefused(
            f"tenant {found.tenant} has no KYC record: write its customer into the node file, and apply it"
        )
    # to a provider, of whose certificate it speaks; a letter is of the customer alone
    identity = signs_for(declared, found) if kind == PORT else ""
    return trunk, found.tenant, found.customer.reference, identity


def _identity_for(declared: Declared, kind: str, identity: str) -> str:
    """The name of whose certificate it is that a block or a contract is about."""
    resold = declared.reseller_identities
    if kind == CONTRACT:
        if identity not in resold or not resold[identity].third_party:
            raise EvidenceActRefused(
                "a contract is of a reseller for whom only the technical act is ours: --identity NAME, with "
                "identity.third_party: true in the newest version; everybody else is signed for by our levels"
            )
        return identity
    name = identity or OF_NODE
    if name not in (OF_NODE, *resold):
        raise EvidenceActRefused(
            f"no identity {name} in the newest version: a block is the node's ({OF_NODE}), or that of a "
            "reseller who has a certificate of his own (resellers[].identity)"
        )
    return name


def _of_others(records: Iterable[EvidenceRecord], record: EvidenceRecord, now: float) -> list[EvidenceRecord]:
    """Accepted records that hold now, and give any of the same numbers to somebody else.

    Blocks beside blocks, and those of trunks beside each other: whom we give a number out of a block is no
    contradiction. A contract is of no numbers, and beside nothing.
    """
    return [
        one
        for one in records
        if record.first
        and one.state(now) is State.ACCEPTED
        and one.of_identity == record.of_identity
        and _owner(one) != _owner(record)
        and len(one.first) == len(record.first)
        and one.first <= record.last
        and record.first <= one.last
    ]


def _owner(record: EvidenceRecord) -> tuple[str, str]:
    """Whose the numbers are by a record: an identity under another code is another provider."""
    if record.of_identity:
        return record.identity, record.spc
    return record.tenant, record.customer


def _check_provider(declared: Declared, record: EvidenceRecord) -> None:
    """Whether a provider's record is still his: the node file may have changed since."""
    identity, spc = provider_of(declared, record)
    if (identity, spc) != (record.identity, record.spc):
        its = "" if record.of_identity else f"its calls signed by identity {identity}, "
        raise EvidenceActRefused(
            f"record {record.version} was entered for {record.owner}, and the newest version has "
            f"{its}{f'SPC {spc}' if spc else 'no such identity'}: reject it, and enter the document anew"
        )


def _check_nobody_elses(declared: Declared, record: EvidenceRecord) -> None:
    """Whether none of the numbers is in another tenant's inventory; those of a block are to be given."""
    for other in declared.trunks if not record.of_identity else ():
        for number in other.numbers if other.tenant != record.tenant else ():
            if len(number) == len(record.first) and record.first <= number <= record.last:
                raise EvidenceActRefused(
                    f"{number} is a number of tenant {other.tenant}, not of {record.tenant}"
                )


def already_own(declared: Declared, record: EvidenceRecord) -> str:
    """What to tell of numbers that the trunk's own inventory has; "" where it has none of them."""
    if record.of_identity:
        return ""
    trunk = next((one for one in declared.trunks if one.name == record.trunk), None)
    own = [
        number
        for number in (trunk.numbers if trunk is not None else ())
        if len(number) == len(record.first) and record.first <= number <= record.last
    ]
    if not own:
        return ""
    which = ", ".join(map(str, own[:3])) + (" and more" if len(own) > 3 else "")
    return (
        f"in the inventory of trunk {record.trunk} already: {which}; for own numbers a block is what counts"
        " (evidence add --kind block)"
    )


def check_login(actor: Actor) -> None:
    """Two people are two logins; who acts without one could be anybody. Raises `EvidenceActRefused`."""
    if actor.source is not Source.LOGIN:
        sudo = " (SUDO_UID says so, which anybody who is root can set)" if actor.source is Source.SUDO else ""
        raise EvidenceActRefused(
            f"nobody knows who you are{sudo}: the kernel has no login of this process (/proc/self/loginuid). "
            "Log in to this machine under your own name, by ssh or at its console, and use sudo there; not "
            "in a container, by cron or by systemd-run"
        )


def _check_why(why: str) -> None:
    if not why.strip() or len(why) > MOST_WHY or not why.isprintable():
        raise EvidenceActRefused(f"say why in one line of at most {MOST_WHY} characters: --why TEXT")
