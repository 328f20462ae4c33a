"""Caps that are set to what is spent already: the ledger is asked, where it answers; nothing is refused."""

from collections.abc import Iterable

from trunkward.admission.money import ACCOUNT
from trunkward.control.caps_reached import Cap, Used, reached
from trunkward.live import money
from trunkward.live.ask import NotAnswered, Valkey
from trunkward.live.money import Spent
from trunkward.live.spent import spent_by
from trunkward.settings import Paths
from trunkward.trunks.spending import Window


def caps_reached(paths: Paths, caps: list[Cap], currency: str, now: float) -> tuple[str, ...]:
    """Sentences on those (`control.caps_reached`); none where nobody answers, or counts in another currency.

    `now` in seconds since the epoch.
    """
    if not caps:
        return ()
    try:
        with Valkey(paths.valkey, "root", paths.valkey_secret("root")) as valkey:
            counted_in = (valkey.ask(*money.currency()) or b"").decode()
            if counted_in != currency:
                return ()
            accounts = sorted({f"{ACCOUNT}{cap.owner}" for cap in caps})
            return tuple(reached(caps, _used(caps, spent_by(valkey, accounts)), currency, now))
    except NotAnswered:
        return ()


def _used(caps: Iterable[Cap], spent: dict[str, Spent]) -> dict[Cap, Used]:
    found = {}
    for cap in caps:
        its = spent[f"{ACCOUNT}{cap.owner}"]
        settled = {Window.HOUR: its.hour, Window.DAY: its.day, Window.MONTH: its.month}[cap.window]
        found[cap] = Used(settled=settled, held=its.granted)
    return found
