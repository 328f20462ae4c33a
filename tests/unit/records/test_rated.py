"""Calls rated from what they carried, and once more by a deck that was wrong."""

from dataclasses import replace
from typing import Any

import pytest

from trunkward.calls.outcome import Ending, Outcome
from trunkward.records.model import DecisionRecord, MoneyRecord, RatedBy
from trunkward.records.rated import Corrected, RatedCall, rated, rerated
from trunkward.spend.deck import Rate, deck
from trunkward.spend.rating import Basis, Charged
from trunkward.spend.table import DeckTable, compile_deck
from trunkward.spend.tariff import Tariff

MONEY = MoneyRecord(
    currency="EUR",
    reseller="bolt",
    sale=RatedBy(tariff="20000000:0:60:6", prefix="44", deck="retail", deck_sha256="a" * 64),
    costs={"north": RatedBy(tariff="12000000:0:1:1", prefix="4420", deck="north", deck_sha256="b" * 64)},
)


def decision(**more: Any) -> DecisionRecord:
    facts: dict[str, Any] = {
        "record_id": "ab", "at": 1000.0, "attempt_id": "ab", "call_id": "c", "verdict": "admit", "reason": "admitted",
        "tenant": "acme", "trunk": "acme-hq", "source_name": "acme-hq", "direction": "outbound",
        "calling_number": "+12025550101", "called_number": "+442079460123", "money": MONEY,
    }  # fmt: skip
    return DecisionRecord(**facts | more)


def outcome(**more: Any) -> Outcome:
    facts: dict[str, Any] = {
        "record_id": "ab", "call_id": "c", "ending": Ending.BYE, "answered_at": 1003.0, "ended_at": 1064.0, "peer": "north",
    }  # fmt: skip
    return Outcome(**facts | more)


def call(d: dict[str, Any] | None = None, o: dict[str, Any] | None = None) -> RatedCall:
    return rated(decision(**d or {}), outcome(**o or {}))


def test_a_call_is_rated_by_what_it_carried() -> None:
    found = call()
    assert (found.sale.micro, found.sale.billed_s, found.cost.micro, found.cost.billed_s) == (
        22_000,
        66,
        12_200,
        61,
    )
    assert (found.margin_micro, found.reseller, found.carrier, found.lasted_ms) == (
        9_800,
        "bolt",
        "north",
        61_000,
    )
    assert (found.revision, found.charged, found.currency) == (1, Charged.YES, "EUR")


@pytest.mark.parametrize(
    ("d", "o", "charged", "sale", "cost"),
    [
        ({}, {"answered_at": None, "ending": Ending.FAILED}, Charged.UNANSWERED, 0, 0),
        ({}, {"answered_at": None, "ending": Ending.CANCELLED, "peer": None}, Charged.UNANSWERED, 0, 0),
        ({"called_number": "911"}, {}, Charged.EMERGENCY, 0, 0),
        (
            {"direction": "inbound", "source_name": "north", "money": None},
            {"peer": "acme-hq"},
            Charged.INBOUND,
            0,
            0,
        ),
        ({"money": None}, {}, Charged.YES, None, None),
        ({}, {"peer": "spare"}, Charged.YES, 22_000, None),
        ({}, {"ended_at": None}, Charged.YES, None, None),
        ({}, {"ending": Ending.ENDED_UNKNOWN, "answered_at": None}, Charged.END_UNKNOWN, None, None),
        # what the edge has measured is what is charged
        ({}, {"answered_ms": 66_001}, Charged.YES, 24_000, 13_400),
        # a record that is damaged holds up nothing, and is no free call
        (
            {"money": MoneyRecord(currency="EUR", sale=RatedBy(tariff="?", prefix="44"))},
            {},
            Charged.YES,
            None,
            None,
        ),
    ],
)
def test_what_is_charged(
    d: dict[str, Any], o: dict[str, Any], charged: Charged, sale: int | None, cost: int | None
) -> None:
    found = call(d, o)
    assert (found.charged, found.sale.micro, found.cost.micro) == (charged, sale, cost)


@pytest.mark.parametrize(
    ("o", "ended_at"),
    [
        ({}, 1064.0),
        ({"answered_at": None, "ending": Ending.FAILED, "ended_at": 1001.5}, 1001.5),
        # the moment at which it was found gone
        ({"ending": Ending.ENDED_UNKNOWN, "answered_at": None, "ended_at": 1300.0}, 1300.0),
        ({"ended_at": None}, 1003.0),
        ({"ended_at": None, "answered_ms": 2500}, 1005.5),
        ({"ended_at": None, "answered_at": None, "ending": Ending.FAILED}, 1000.0),
    ],
)
def test_every_call_has_an_end(o: dict[str, Any], ended_at: float) -> None:
    assert call({}, o).ended_at == ended_at


def test_an_indicative_price_is_one() -> None:
    price = MoneyRecord(currency="EUR", sale=RatedBy(tariff="20000000:0:60:60", prefix="44"))
    found = call({"money": price})
    assert (found.sale.basis, found.cost.basis) == (Basis.INDICATIVE, Basis.UNKNOWN)


def corrected(rate: int, **more: Any) -> Corrected:
    rates = [
        Rate(prefix="44", tariff=Tariff(rate_nano=rate)),
        Rate(prefix="44", tariff=Tariff(rate_nano=rate * 2), since=2000),
    ]
    facts: dict[str, Any] = {
        "name": "north", "sha256": "c" * 64, "currency": "EUR", "table": DeckTable(compile_deck(deck("EUR", rates), 0)),
        "tenants": frozenset(), "carriers": frozenset({"north"}),
    }  # fmt: skip
    return Corrected(**facts | more)


def test_a_corrected_deck_changes_the_side_it_rates() -> None:
    was = call()
    now = rerated(was, corrected(6_000_000)).after
    assert (now.cost.micro, now.sale) == (6_100, was.sale)
    assert now.cost.terms is not None
    assert (now.cost.terms.deck, now.cost.terms.deck_sha256) == ("north", "c" * 64)
    later = rerated(call({"at": 2000.5}), corrected(6_000_000)).after
    assert later.cost.micro == 12_200


@pytest.mark.parametrize(
    ("was", "by", "left"),
    [
        (call(), corrected(12_000_000), False),
        (call(), corrected(6_000_000, name="other", carriers=frozenset()), False),
        # an agreed price is not replaced by another deck its owner has by now
        (call(), corrected(6_000_000, name="other", carriers=frozenset({"north"})), False),
        (call({"called_number": "+33123456789"}), corrected(6_000_000), True),
        (call(), corrected(6_000_000, currency="USD"), True),
        (call({}, {"answered_at": None, "ending": Ending.FAILED}), corrected(6_000_000), False),
        (call({"called_number": "911"}), corrected(6_000_000), False),
    ],
)
def test_what_stays_as_it_is(was: RatedCall, by: Corrected, left: bool) -> None:
    done = rerated(was, by)
    assert (done.after, done.left) == (was, left)


def test_a_price_nobody_knew_is_found() -> None:
    unknown = call({"money": None})
    assert unknown.cost.micro is None
    now = rerated(unknown, corrected(6_000_000)).after
    assert (now.cost.micro, now.cost.basis, now.currency, now.sale.micro) == (6_100, Basis.DECK, "EUR", None)
    assert rerated(replace(now, revision=2), corrected(6_000_000)).after == replace(now, revision=2)
