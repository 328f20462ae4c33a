"""What follows a restore: it is written down, and a person is told what to look at."""

import time

from trunkward.cli.actor import current_actor
from trunkward.cli.changing import configuration_store
from trunkward.cli.said import complain, say
from trunkward.control.acts import put_down
from trunkward.control.configuration import NoSuchVersion, Superseded
from trunkward.control.evidence import sound
from trunkward.control.restored import Restored, holding
from trunkward.engines.archive import Manifest
from trunkward.settings import Paths
from trunkward.store.configuration import TextDamaged


def write_down(paths: Paths, manifest: Manifest) -> None:
    """An act in the restored configuration, for whoever holds the lock; a PostgreSQL was not restored."""
    if paths.database or not paths.configuration_db.exists():
        return
    now = time.time()
    with configuration_store(paths, make=True) as store:
        records = holding(sound(store)[0], now)
        act = Restored(
            made_at=manifest.made_at,
            version=manifest.version,
            evidence=tuple(record.version for record in records),
        )
        try:
            version = put_down(store, act, actor=current_actor(), command="restore", at=now, beyond=0)
        except (NoSuchVersion, Superseded, TextDamaged) as problem:
            complain(f"no journal says that it was restored: {problem}")
            return
    say(f"journaled as version {version.number}: {version.summary}")
    say("what was written after the backup is in no journal any more. Heads that were copied elsewhere tell")
    say("how much that is: ./trunkward journal verify --heads COPY --key COPY")
    for record in records:
        what = f"evidence {record.version} ({record.kind}, trunk {record.trunk}) holds, as it did then"
        say(f"{what}: if it was revoked since, revoke it again", "yellow")
