"""What a change does to money is told once, when it does it."""

from copy import replace
from typing import Any

import pytest

from trunkward.control.about_money import about_money
from trunkward.trunks.model import Declared, SharedLive
from trunkward.trunks.retention import RetentionPolicy
from trunkward.trunks.spending import NO_CAPS, Spending
from unit.control.test_spend_keys import accepted

PLAIN = accepted().declared
DECK = replace(PLAIN, tenant_decks={"acme": "retail"})
INDICATIVE = (
    "no deck for calls of tenant acme: their caps count indicative prices, in EUR, or what a carrier's deck asks"
    " where that is more"
)
DOLLARS = (
    "no deck for calls of tenant acme, and indicative prices are in EUR, not USD: none of their calls that costs"
    " money is placed"
)
FORGET = (
    "what is spent is counted in EUR, and cannot be in USD: no call that costs money goes until it is forgotten"
    " (./trunkward spend forget), when all caps begin anew"
)
SHORT = (
    "calls of tenant acme are kept for 30 days, and so are their prices: a bill of a month is to be made before"
    " (./trunkward export billing)"
)


def in_dollars(declared: Declared) -> Declared:
    return replace(declared, node=replace(declared.node, currency="USD"))


def kept(days: int) -> Declared:
    return replace(DECK, retention=RetentionPolicy(calls_days=days))


def uncapped(**more: Any) -> Declared:
    trunks = tuple(replace(trunk, spending=NO_CAPS) for trunk in PLAIN.trunks)
    return replace(PLAIN, trunks=trunks, **more)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        # at the first plan, and when a deck goes; not again
        (None, PLAIN, (INDICATIVE,)),
        (PLAIN, PLAIN, ()),
        (DECK, PLAIN, (INDICATIVE,)),
        (None, DECK, ()),
        (None, uncapped(), ()),
        (uncapped(), uncapped(tenant_spending={"acme": Spending(day_micro=1)}), (INDICATIVE,)),
        (None, in_dollars(PLAIN), (DOLLARS,)),
        (PLAIN, in_dollars(PLAIN), (DOLLARS, FORGET)),
        (in_dollars(DECK), DECK, (FORGET.replace("EUR", "!").replace("USD", "EUR").replace("!", "USD"),)),
        (None, in_dollars(DECK), ()),
        (DECK, kept(38), ()),
        (
            DECK,
            kept(30),
            (SHORT,),
        ),
        (kept(30), kept(30), ()),
    ],
)
def test_what_is_told(old: Declared | None, new: Declared, told: tuple[str, ...]) -> None:
    assert about_money(old, new) == told


def test_another_valkey_knows_other_sums() -> None:
    live = SharedLive(where="192.0.2.20:6379", secrets="/etc/trunkward/live")
    shared = replace(DECK, node=replace(DECK.node, live=live))
    (told,) = about_money(DECK, shared)
    assert told.startswith("what is spent is counted in another Valkey")
    otherwise = replace(shared, node=replace(DECK.node, live=replace(live, secrets="/elsewhere")))
    assert about_money(shared, otherwise) == about_money(None, shared) == ()


def test_of_many_tenants_some_are_named() -> None:
    names = tuple(f"t{n}" for n in range(5))
    trunks = tuple(replace(PLAIN.trunks[0], name=name, tenant=name) for name in names)
    (told,) = about_money(None, replace(PLAIN, tenants=names, trunks=trunks))
    assert "of tenant t0, t1, t2 and 2 more:" in told
