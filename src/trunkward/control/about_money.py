"""What a change does to money without a word about it: sentences for whoever is about to agree to it.

1. Calls that are counted by prices nobody has agreed on, or are not placed for want of one.
2. A currency, or a Valkey, in which what was spent is not known.
3. Calls that are kept for less than a month, and so their prices.
"""

from collections.abc import Iterator

from trunkward.admission.prices import INDICATIVE_CURRENCY
from trunkward.trunks.model import Declared

#: Days a bill looks back: the longest month, and a week until it is made.
BILLED_DAYS = 38
_NAMED = 3


def about_money(old: Declared | None, new: Declared) -> tuple[str, ...]:
    """A sentence for each; of what was so before nothing is said again."""
    return (*_indicative(old, new), *_forgotten(old, new), *_kept(old, new))


def _indicative(old: Declared | None, new: Declared) -> Iterator[str]:
    currency = new.node.currency
    before = set() if old is None or old.node.currency != currency else _without_deck(old)
    names = sorted(_without_deck(new) - before)
    if not names:
        return
    whose = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")
    if currency == INDICATIVE_CURRENCY:
        yield (
            f"no deck for calls of tenant {whose}: their caps count indicative prices, in"
            f" {INDICATIVE_CURRENCY}, or what a carrier's deck asks where that is more"
        )
    else:
        yield (
            f"no deck for calls of tenant {whose}, and indicative prices are in {INDICATIVE_CURRENCY}, not"
            f" {currency}: none of their calls that costs money is placed"
        )


def _without_deck(declared: Declared) -> set[str]:
    """Tenants whose calls count under some cap, and are sold by no deck."""
    decks = declared.selling_decks
    return {
        trunk.tenant
        for trunk in declared.trunks
        if trunk.tenant not in decks
        and (
            trunk.spending.has_caps
            or trunk.tenant in declared.tenant_spending
            or trunk.reseller in declared.reseller_spending
        )
    }


def _forgotten(old: Declared | None, new: Declared) -> Iterator[str]:
    if old is None:
        return
    was, now = old.node, new.node
    if was.currency != now.currency:
        yield (
            f"what is spent is counted in {was.currency}, and cannot be in {now.currency}: no call that costs"
            " money goes until it is forgotten (./trunkward spend forget), when all caps begin anew"
        )
    if (was.live.where if was.live else "") != (now.live.where if now.live else ""):
        yield "what is spent is counted in another Valkey from then on: caps begin anew with what that knows"


def _kept(old: Declared | None, new: Declared) -> Iterator[str]:
    def short(declared: Declared) -> dict[str, int]:
        days = {name: declared.retention.days(name) for name in declared.tenants}
        return {name: kept for name, kept in days.items() if kept < BILLED_DAYS}

    before = short(old) if old is not None else {}
    for name, days in short(new).items():
        if before.get(name) != days:
            yield (
                f"calls of tenant {name} are kept for {days} days, and so are their prices: a bill of a month"
                " is to be made before (./trunkward export billing)"
            )
