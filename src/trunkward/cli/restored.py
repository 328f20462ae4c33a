"""What of a backup is not as it was: what the node at hand knows better; and what a person has to look at.

1. What the node at hand knows to be revoked stays revoked. It is the backup's own node where it has the same
   key of evidence, or has gone on from the backup: then ids of evidence mean the same.
2. If it has gone on from the backup, it knows of every revocation since. Else somebody has to look.
3. The restore is an act of the node that comes, with a number beyond all that were given: no later record has
   the id of one that was revoked.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import typer

from trunkward.cli.acting import act
from trunkward.cli.actor import current_actor
from trunkward.cli.changing import configuration_store
from trunkward.cli.said import complain, say
from trunkward.control.acts import put_down
from trunkward.control.configuration import HistoryBroken, NoSuchVersion, Superseded, Version, with_entries
from trunkward.control.evidence import EvidenceActRefused, check_login, denied_by
from trunkward.control.evidence_journal import evidence_id, revoked_by, sound, sound_by
from trunkward.control.restored import RestoreConfirmed, Restored, has_gone_on, holding
from trunkward.control.reviewing import reviewed_again
from trunkward.control.sound_journal import foreign_of, sound_journal
from trunkward.engines.archive import Manifest
from trunkward.engines.denied_file import deny, read_own
from trunkward.engines.in_force import read_in_force
from trunkward.engines.journals import head_of, signers_journals
from trunkward.engines.own_file import OwnFile
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.restore import DATABASE
from trunkward.engines.restored_mark import Unconfirmed, mark, unconfirmed
from trunkward.engines.whole_file import write_whole
from trunkward.journal.chain import ChainBroken, Entry
from trunkward.journal.heads import Head
from trunkward.settings import Paths, SettingsRefused, read_database
from trunkward.store.configuration import SqlConfiguration, TextDamaged
from trunkward.trunks.evidence import EvidenceRecord
from trunkward.trunks.model import Declared


class Restoring:
    """One restore: before the node that comes is in use, and after."""

    def __init__(self, paths: Paths) -> None:
        """`paths`: of the node at hand, if there is one."""
        self._paths = paths
        self._now = time.time()
        self._records: list[EvidenceRecord] = []
        self._version: Version | None = None
        self._made_at = ""
        #: The act, of a configuration that is in a PostgreSQL: written down when the node is in its place.
        self._elsewhere: Restored | None = None

    def unite(self, coming: Paths, manifest: Manifest) -> None:
        """Writes into the node that comes what the one at hand knows better. Raises `OSError`."""
        self._made_at = manifest.made_at
        self._keep_own(coming)
        if not coming.configuration_db.exists():
            self._without_acts(coming, manifest)
            return
        with configuration_store(coming, make=True) as store:
            entries = store.history()[1]
            self._take_over(store)
            gone_on, beyond, revoked = self._at_hand(entries[-1] if entries else None)
            # 1.
            its_own = gone_on or _public_key(self._paths) == _public_key(coming)
            if its_own:
                deny(coming, revoked, self._now)
            self._records = sound(store)[0]
            denied = _denied(coming, self._records)
            held = holding(self._records, self._now, denied)
            # 2.
            before = unconfirmed(self._paths if gone_on else coming)
            if not gone_on and held and before is None:
                before = Unconfirmed(manifest.made_at)
            mark(coming, before)
            # 3.
            put = Restored(
                made_at=manifest.made_at,
                version=manifest.version,
                evidence=tuple(one.version for one in held),
                denied=tuple(one.version for one in holding(self._records, self._now) if one not in held),
                known=gone_on,
                journals=_journals(coming),
            )
            self._put_down(store, put, beyond if its_own else 0)

    def tell(self) -> None:
        """Says what has become of evidence, once the node is in its place."""
        if self._elsewhere is not None:
            self._put_down_elsewhere(self._elsewhere)
        if self._version is not None:
            say(f"journaled as version {self._version.number}: {self._version.summary}")
            say("what was written after the backup is in no journal any more. Heads that were copied")
            say("elsewhere tell how much that is: ./trunkward journal verify --heads COPY --key COPY")
        denied = _denied(self._paths, self._records)
        for record in holding(self._records, self._now):
            if record.version in denied:
                what = f"evidence {record.version} was revoked after the backup, and nothing is signed by it"
                say(f"{what}: ./trunkward evidence revoke {record.version} writes that down again", "yellow")
        left = unconfirmed(self._paths)
        if left is None:
            return
        for record in holding(self._records, self._now, denied):
            what = f"evidence {record.version} ({record.kind}, {record.whose})"
            say(f"{what} holds, as it did then", "yellow")
        say(
            f"what evidence was revoked since {left.since} is not known here: look through ./trunkward "
            "evidence list, revoke what holds no more, then ./trunkward evidence confirm",
            "yellow",
        )

    def _without_acts(self, coming: Paths, manifest: Manifest) -> None:
        """Its configuration is in a PostgreSQL, or there is none: what is there is not of the backup."""
        if _public_key(self._paths) == _public_key(coming):
            deny(coming, read_own(self._paths).until, self._now)
        if coming.config.with_name(DATABASE).exists() and unconfirmed(coming) is None:
            mark(coming, Unconfirmed(self._made_at))
        self._elsewhere = Restored(
            made_at=manifest.made_at, version=manifest.version, evidence=(), journals=_journals(coming)
        )

    def _put_down_elsewhere(self, put: Restored) -> None:
        """What was decided on since is there, and so is who restored the node: its journals end before."""
        try:
            database, records_only = read_database(self._paths.config.with_name(DATABASE))
            paths = replace(self._paths, database=database, records_only=records_only)
            if paths.configuration_shared:
                with configuration_store(paths, make=True) as store:
                    self._put_down(store, put, 0)
            return
        except (SettingsRefused, OSError) as problem:
            complain(str(problem))
        except typer.Exit:
            pass  # why, it has said
        complain("no journal says that it was restored, and ./trunkward journal verify will miss lines")

    def _keep_own(self, coming: Paths) -> None:
        """Of a database that is in no backup the node at hand knows how far root has written its journal."""
        own = OwnFile(self._paths).path
        if (
            self._paths.configuration_shared
            and own.exists()
            and _public_key(self._paths) == _public_key(coming)
        ):
            coming.configuration_db.parent.mkdir(mode=0o700, exist_ok=True)
            write_whole(coming.configuration_db.with_name(own.name), own.read_bytes(), 0o600)

    @staticmethod
    def _take_over(store: SqlConfiguration) -> None:
        """The archive's own journal: root restores it, and it may end after what was kept beside it."""
        with suppress(ChainBroken, HistoryBroken):  # whoever needs it sound says so
            store.take_over([entry for _, entry in reversed(with_entries(store))])

    def _at_hand(self, head: Entry | None) -> tuple[bool, int, dict[str, int]]:
        """Of the node at hand: whether it has gone on from there, its last number, and what is revoked."""
        revoked = dict(read_own(self._paths).until)
        in_force = read_in_force(self._paths.declared)
        last = in_force.version if in_force is not None else 0
        if self._paths.configuration_shared or not self._paths.configuration_db.exists():
            return False, last, revoked
        try:
            with configuration_store(self._paths, make=False) as store:
                newest = store.head()
                last = max(last, newest.number if newest else 0)
                revoked |= denied_by(store.evidence(), self._now)
                try:
                    entries = sound_journal(store)
                except HistoryBroken as broken:
                    complain(f"{broken}: so it is not believed that it knows of all revocations")
                    return False, last, revoked
                return has_gone_on(entries, head), last, revoked | revoked_by(entries, self._now)
        except typer.Exit:
            complain("so what was revoked since the backup is not known but for the list of denied evidence")
            return False, last, revoked

    def _put_down(self, store: SqlConfiguration, put: Restored, beyond: int) -> None:
        try:
            self._version = put_down(
                store, put, actor=current_actor(), command="restore", at=self._now, beyond=beyond
            )
        except (NoSuchVersion, Superseded, TextDamaged) as problem:
            complain(f"no journal says that it was restored: {problem}")


def run_confirm(paths: Paths) -> int:
    """A person has looked: 0 done, 1 not everywhere in force, 2 nothing was changed."""
    if os.geteuid() != 0:
        complain("trunkward evidence needs root: the configuration is root's. Use sudo.")
        return 2

    def decide(store: SqlConfiguration, _: Declared, now: float, beyond: int) -> Version:
        actor, left = current_actor(), unconfirmed(paths)
        check_login(actor)
        rows = store.evidence()
        try:
            acts = [(version, entry) for version, entry in reversed(with_entries(store))]
        except (ChainBroken, HistoryBroken) as broken:
            raise EvidenceActRefused(f"{broken}: bring the database back from a backup") from None
        entries = [entry for _, entry in acts]
        foreign = foreign_of(store, entries)
        if left is None and foreign is None:
            raise EvidenceActRefused("there is nothing to confirm: ./trunkward status would say so")
        if foreign is not None:
            _name_foreign([version for version, _ in acts[foreign.first - 1 :]])
        records = sound_by(rows, entries, (foreign, actor) if foreign else None)[0]
        held = holding(records, now, _denied(paths, records))
        put = RestoreConfirmed(
            made_at=left.since if left else "",
            evidence=tuple(one.version for one in held),
            foreign=foreign,
        )
        version = put_down(store, put, actor=actor, command="evidence confirm", at=now, beyond=beyond)
        mark(paths, None)
        for number in sorted(reviewed_again(rows, records)):
            what = f"evidence {number} was accepted by acts that root has not written, and signs nothing"
            say(f"{what} until another person says so: ./trunkward evidence review {number}", "yellow")
        return version

    return act(paths, "evidence confirm", decide)


def _name_foreign(versions: list[Version]) -> None:
    """What the person who confirms it answers for from then on."""
    say("from now on you answer for these acts, which root has not written:", "yellow")
    for one in versions:
        at = datetime.fromtimestamp(one.at, UTC)
        line = (
            f"  version {one.number}, {at:%Y-%m-%d %H:%M} UTC, by {one.actor}, {one.command}: {one.summary}"
        )
        # whoever has written it has chosen the words
        say("".join(character if character.isprintable() else "?" for character in line))


def _denied(paths: Paths, records: Sequence[EvidenceRecord]) -> set[int]:
    """Numbers of those that nothing is signed by, whatever they say themselves."""
    until = read_own(paths).until
    return {one.version for one in records if evidence_id(one.version) in until}


def _public_key(paths: Paths) -> bytes:
    """The key of evidence; of a node without one, that of nobody."""
    try:
        return PkiFiles(paths.pki).evidence_public_key.read_bytes()
    except OSError:
        return str(paths.state).encode()


def _journals(paths: Paths) -> tuple[Head, ...]:
    found = []
    for name, journal in signers_journals(paths).items():
        try:
            found.append(head_of(name, journal))
        except (OSError, ChainBroken) as problem:
            complain(f"{journal}: {problem}")
    return tuple(found)
