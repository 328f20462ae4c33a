"""Whose calls a corrected deck is asked about: those of everybody it rates, also through a reseller."""

from copy import replace

from trunkward.control.rerating import corrected_by
from trunkward.spend.deck import Rate, deck
from trunkward.spend.tariff import Tariff
from trunkward.trunks.model import Declared
from unit.control.test_decks import kept
from unit.control.test_spend_keys import accepted

DECK = deck("EUR", [Rate(prefix="44", tariff=Tariff(rate_nano=1))])


def declared() -> Declared:
    """One tenant of a reseller without a deck of its own, and one that has another."""
    found = accepted(carrier={"deck": "buying"}).declared
    trunk = replace(found.trunks[0], tenant="acme", reseller="bolt")
    return replace(
        found,
        tenants=("acme", "other"),
        resellers=("bolt",),
        trunks=(trunk, replace(trunk, name="other", tenant="other")),
        tenant_decks={"other": "theirs"},
        reseller_decks={"bolt": "retail"},
    )


def test_a_resellers_deck_rates_its_tenants() -> None:
    by = {
        name: corrected_by(kept(name), DECK, declared()) for name in ("retail", "theirs", "buying", "spare")
    }
    assert {name: (set(one.tenants), set(one.carriers)) for name, one in by.items()} == {
        "retail": ({"acme"}, set()),
        "theirs": ({"other"}, set()),
        "buying": (set(), {declared().carriers[0].name}),
        "spare": (set(), set()),
    }
    assert (by["retail"].sha256, by["retail"].table.find("442", 1)) == ("0" * 64, ("44", Tariff(rate_nano=1)))
