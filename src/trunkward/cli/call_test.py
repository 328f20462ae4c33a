"""`trunkward call-test`: real calls through the running node, and a report of what was seen.

All of them, or one: of the customer's, at whatever level it is signed; or of the carrier's, signed by another
provider, well or badly. To one call belongs what the node itself says of it: its ladder, and why.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from trunkward.calltest.parties import Lab, NotALabError
from trunkward.calltest.run import call_test, signed_call_test
from trunkward.calltest.scenario import plan_one
from trunkward.calltest.signed_call import Wanted
from trunkward.cli.call_ladder import ladder_lines
from trunkward.cli.calls import record_store
from trunkward.cli.lab import read_lab
from trunkward.cli.why import known
from trunkward.control import why
from trunkward.live.kept_chain import Kept
from trunkward.live.shared_chains import SharedChains
from trunkward.records import ladder
from trunkward.settings import Paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which calls: of a trunk or of a carrier one, of neither all."""

    trunk: str
    carrier: str
    wanted: Wanted


def run(paths: Paths, asked: Asked, *, as_json: bool, keep: Path | None = None) -> int:
    """Place the calls and report; the exit code (0 all held, 1 something did not, 2 not possible)."""

    def lookup(call_id: str) -> Mapping[str, Any] | None:
        return record_store(paths).call(call_id)

    if asked.carrier:
        lab = partial(_lab, paths, asked.carrier, lambda lab: lab.tls_carrier.name)
        return signed_call_test(
            lab, lookup, partial(_lay, paths), partial(_told, paths), asked.wanted, as_json=as_json, keep=keep
        )
    if asked.trunk:
        lab = partial(_lab, paths, asked.trunk, lambda lab: lab.customer.name)
        one = partial(plan_one, calling=asked.wanted.calling)
        return call_test(lab, lookup, as_json=as_json, keep=keep, plan=one, tell=partial(_told, paths))
    return call_test(partial(read_lab, paths), lookup, as_json=as_json, keep=keep)


def _lab(paths: Paths, name: str, played: Callable[[Lab], str]) -> Lab:
    """The lab, in which this one is played. Raises `NotALabError`."""
    lab = read_lab(paths)
    if name != played(lab):
        raise NotALabError(f"{name} is not who call-test places a call for: write {played(lab)}")
    return lab


async def _lay(paths: Paths, url: str, chain: str, until: datetime) -> bool:
    """Lays a chain where nodes share what they have fetched: no laboratory has a host for it, or its name.

    What is there makes no certificate good: each gate finds that out by itself.
    """
    shared = SharedChains(paths.valkey, "fetcher", paths.valkey_secret("fetcher"))
    try:
        kept = Kept(url=url, chain=chain, until=until.timestamp())
        return await shared.lay(kept, datetime.now(UTC).timestamp())
    finally:
        shared.close()


def _told(paths: Paths, call: Mapping[str, Any]) -> Iterator[str]:
    """What `calls show` and `why` say of it."""
    messages = record_store(paths).messages(ladder.keys(call), *ladder.period(call, time.time()))
    yield ""
    yield from ladder_lines(dict(call), messages)
    yield ""
    yield from why.lines(why.document(call, known(paths, call)))
