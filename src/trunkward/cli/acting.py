"""Acts that are versions of the same node file: decided on under the lock, then in force within a second.

They change what gates judge by (secrets of trunks, findings about numbers, evidence, decks, holds and
raises); of other parts only the edge has to know, and of secrets alone.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from trunkward.cli.changing import Busy, changing, configuration_store
from trunkward.cli.ready import gate_policy
from trunkward.cli.said import complain, in_words, say
from trunkward.cli.unsound import tell_unsound
from trunkward.control import configuration
from trunkward.control.borne_out import borne_out
from trunkward.control.configuration import NoSuchVersion, Superseded, Version
from trunkward.control.decks import DeckActRefused
from trunkward.control.declared import InForce
from trunkward.control.delegate import delegates_of
from trunkward.control.evidence import EvidenceActRefused, denied_by
from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.control.secrets import SecretRefused, by_trunk
from trunkward.control.spending import SpendingRefused
from trunkward.control.traceback_register import register
from trunkward.control.traceback_requests import TracebackRefused, still_open
from trunkward.control.verified import VerificationRefused, in_force
from trunkward.engines.checked_files import NotPrepared
from trunkward.engines.decks import put_decks
from trunkward.engines.denied_file import deny
from trunkward.engines.in_force import read_in_force
from trunkward.engines.installed import OtherVersion, check_runs_this
from trunkward.engines.live import NotApplied, is_running, put_policy_in_force
from trunkward.engines.tokens import Tokens, tokens_for
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration, TextDamaged
from trunkward.trunks.evidence import EvidenceRecord
from trunkward.trunks.model import Declared

#: Writes the act down, at a time in seconds since the epoch, with a number beyond the one given.
type Decide = Callable[[SqlConfiguration, Declared, float, int], Version]


class NotInForce(Exception):
    """The newest version is not what the node runs by; the message says what to do first."""


def act(paths: Paths, command: str, decide: Decide, *, goes_on: bool = False) -> int:
    """Decides, and puts it in force where a node runs: 0 done, 1 not in force yet, 2 nothing was changed.

    `goes_on`: what the same command decided on last, and was killed before it was in force, is put in force
    instead.
    """
    try:
        with changing(paths, command), configuration_store(paths, make=True) as store:
            running = is_running(paths)
            if running:
                check_runs_this(paths)
            head = configuration.get_version(store, None)
            text = store.text(head)
            declared = read_node_file(text, f"version {head.number}")
            before = read_in_force(paths.declared)
            if running and goes_on and before is not None and _only_acts_since(before, head, text, command):
                return _put_in_force(paths, store, before, declared, head)
            if running and (before is None or before.version != head.number):
                raise NotInForce(f"version {head.number} is not in force: ./trunkward apply finishes that")
            if running and before is not None and text != before.node_file:
                # tokens are made by it: of which customer, when he was looked at
                raise NotInForce(
                    f"the node file of version {head.number} in the database is not the one in force: find "
                    "out who wrote to the database, and bring it back from a backup; then ./trunkward apply"
                )
            version = decide(store, declared, time.time(), before.version if before else 0)
            if running and before is not None:
                return _put_in_force(paths, store, before, declared, version)
            say(
                f"version {version.number} ({version.summary}): no node runs here, the next up takes it",
                err=True,
            )
            return 0
    except (
        Busy,
        Superseded,
        NoSuchVersion,
        NotInForce,
        NodeFileRefused,
        SecretRefused,
        VerificationRefused,
        DeckActRefused,
        SpendingRefused,
        EvidenceActRefused,
        TracebackRefused,
        TextDamaged,
        OtherVersion,
        OSError,
    ) as why:
        complain(f"nothing was changed: {in_words(why) if isinstance(why, OSError) else why}")
        return 2


def _only_acts_since(before: InForce, head: Version, text: str, command: str) -> bool:
    """Whether the newest, with this node file, is this command's, not in force, and of the file that is."""
    return text == before.node_file and head.command == command and head.number != before.version


def _put_in_force(
    paths: Paths, store: SqlConfiguration, before: InForce, declared: Declared, version: Version
) -> int:
    began, now = time.monotonic(), datetime.now(UTC)
    try:
        kept = borne_out(store, before, version.at)
        tell_unsound(paths, store, kept)
        requests, doubt = register(store)
        if doubt:
            complain(doubt)
        tokens = _tokens(paths, store, kept.records, before, declared, now)
        after = msgspec.structs.replace(
            before,
            version=version.number,
            secrets=by_trunk(store.secrets(), version.at),
            verified=in_force(declared, kept.findings, version.at),
            decks=put_decks(paths, store, declared),
            delegates=delegates_of(store, kept.records, version.at),
            holds=kept.holds,
            raises=kept.raises,
            traceback_requests=still_open(requests),
            evidence=tokens.evidence,
            relationships=tokens.relationships,
            evidence_key=tokens.evidence_key,
            blocks=tokens.blocks,
            contracts=tokens.contracts,
        )
        put_policy_in_force(paths, before, after, gate_policy, now=now)
    except (NotApplied, NotPrepared, OSError) as problem:
        complain(f"version {version.number} is decided on, but not everywhere in force: {problem}")
        complain("./trunkward apply, or the next up, goes on from there")
        return 1
    took = time.monotonic() - began
    say(f"version {version.number} is in force after {took:.1f} s: {version.summary}", "green", err=True)
    return 0


def _tokens(
    paths: Paths,
    store: SqlConfiguration,
    records: Sequence[EvidenceRecord],
    before: InForce,
    declared: Declared,
    now: datetime,
) -> Tokens:
    """The tokens of trunks that evidence was ever entered for, anew; those of all others as they are.

    And the blocks: of those that are there now, or not any more, trunks with a number in them are looked at.
    `records`: those that are as they were journaled.
    """
    trunks = frozenset(record.trunk for record in store.evidence())
    if not trunks:
        return Tokens(
            evidence=before.evidence,
            relationships=before.relationships,
            evidence_key=before.evidence_key,
            blocks=before.blocks,
            contracts=before.contracts,
        )
    if lost := deny(paths, denied_by(records, now.timestamp()), now.timestamp()):
        complain(lost)
    return tokens_for(paths, declared, records, before, now=now, only=trunks)
