"""Preparing a node: from an accepted configuration to everything its processes need on disk.

A configuration comes into force in this order, whatever breaks it off: what it needs is issued, its version
is in the store (from then on it is the one that was decided on), and the document of what is in force names
it. Whoever comes next finds the newest version not in force, and goes on from there.
"""

import os
from collections.abc import Callable
from datetime import datetime

from trunkward.access.actor import Actor
from trunkward.control import configuration
from trunkward.control.borne_out import BorneOut
from trunkward.control.configuration import ConfigurationStore, Plan
from trunkward.control.declared import InForce, retention_of
from trunkward.control.delegate import delegates_of
from trunkward.control.secrets import by_trunk
from trunkward.control.traceback_register import register
from trunkward.control.traceback_requests import still_open
from trunkward.control.unsound import unproven
from trunkward.control.verified import in_force as verified_now
from trunkward.engines.certificate_files import put_certificates
from trunkward.engines.decks import put_decks
from trunkward.engines.engine_files import render
from trunkward.engines.identity_files import put_identities
from trunkward.engines.in_force import put_down, read_in_force, tell_version
from trunkward.engines.issuing import Issued, issue, issued_of
from trunkward.engines.peer_authorities import authority_texts
from trunkward.engines.users import gid
from trunkward.settings import Paths


def prepare(
    paths: Paths,
    planned: Plan,
    store: ConfigurationStore,
    *,
    kept: BorneOut,
    actor: Actor,
    command: str,
    now: datetime,
    tell: Callable[[str], None],
) -> InForce:
    """Everything a node needs before it starts. Needs root; safe to repeat. Nothing of the node may run.

    `kept`: what the journal of acts bears out now; `tell` hears of each change to keys and certificates that
    were there before.
    """
    before = read_in_force(paths.declared)
    issued = issue(paths, planned.accepted, before, records=kept.records, now=now, tell=tell)
    authority_texts(planned.accepted.declared)  # what cannot be read is found before anything is decided
    in_force = decide(
        *(paths, planned, store, issued, before),
        kept=kept,
        actor=actor,
        command=command,
        now=now,
    )
    # no gate may judge a call by the policy before this one: without a snapshot they wait for the worker. A
    # number proves nothing: state that was restored, or begun anew, counts from where it was
    for stale in (paths.policy / "current", *paths.policy.glob("*.snapshot")):
        stale.unlink(missing_ok=True)
    if in_force != before:
        put_down(paths, in_force)
    else:
        # a rebuilt platform may have given the worker's group another number
        os.chown(paths.declared, 0, gid("tw-worker"))
        tell_version(paths, in_force.version)
    render(paths, in_force, now=now)
    put_certificates(paths, in_force.declared(), now)
    put_identities(in_force.declared(), paths)
    return in_force


def decide(
    paths: Paths,
    planned: Plan,
    store: ConfigurationStore,
    issued: Issued,
    before: InForce | None,
    *,
    kept: BorneOut,
    actor: Actor,
    command: str,
    now: datetime,
) -> InForce:
    """What is in force from now on; `before` itself when that is what the store, the file and it agree on.

    A new file becomes a new version. The same file does too when what was issued for it has changed, or what
    is in force beside it is not as it was journaled. A version of the store that never came into force does
    now. `kept` as of `prepare`.
    """
    accepted, at = planned.accepted, now.timestamp()
    head = planned.base
    lost = before is None and paths.declared.exists()
    # a document that cannot be read took its version with it; without a store seconds go beyond any count
    beyond = before.version if before else int(at) if lost and head is None else 0
    if head is None or not planned.same_text:
        number = configuration.accept(
            store, planned, actor=actor, command=command, at=at, beyond=beyond
        ).number
    elif not lost and beyond < head.number:
        number = head.number
    elif before is None or beyond > head.number or issued_of(before) != issued or unproven(before, kept, at):
        number = configuration.renew(
            store, accepted, actor=actor, command=command, at=at, beyond=beyond
        ).number
    else:
        return before
    return InForce(
        version=number,
        node_file=accepted.text,
        values=accepted.values,
        certificates=issued.certificates,
        evidence=issued.evidence,
        relationships=issued.relationships,
        evidence_key=issued.evidence_key,
        blocks=issued.blocks,
        contracts=issued.contracts,
        authorities=issued.authorities,
        carrier_authorities=issued.carrier_authorities,
        secrets=by_trunk(store.secrets(), at),
        retention=retention_of(accepted.declared, before),
        destinations=issued.destinations,
        verified=verified_now(accepted.declared, kept.findings, at),
        do_not_originate=issued.do_not_originate,
        decks=put_decks(paths, store, accepted.declared),
        delegates=delegates_of(store, kept.records, at),
        holds=kept.holds,
        raises=kept.raises,
        traceback_requests=still_open(register(store)[0]),
    )
