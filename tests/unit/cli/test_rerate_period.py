"""`rerate` takes the calls a bill of the same time has, and says what it does not touch."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from trunkward.cli import rerate
from trunkward.records.rated import Corrected, rated
from trunkward.settings import Paths
from trunkward.spend.deck import Rate, deck
from trunkward.spend.table import DeckTable, compile_deck
from trunkward.spend.tariff import Tariff
from trunkward.store.rated import RatedFilter
from unit.records.test_rated import decision, outcome

CALL = rated(decision(), outcome())
assert CALL.sale.terms is not None
TERMS = CALL.sale.terms
RIGHT = deck("EUR", [Rate(prefix=TERMS.prefix, tariff=Tariff(rate_nano=TERMS.tariff.rate_nano * 2))])


def test_a_bill_and_a_rerating_of_one_time_are_of_the_same_calls(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[RatedFilter] = []
    added: list[Any] = []

    def newest(wanted: RatedFilter) -> list[list[Any]]:
        asked.append(wanted)
        return [[CALL]]

    by = Corrected(
        name=TERMS.deck,
        sha256="1" * 64,
        currency="EUR",
        table=DeckTable(compile_deck(RIGHT, 0)),
        tenants=frozenset({CALL.tenant}),
        carriers=frozenset(),
    )
    store = SimpleNamespace(is_there=lambda: True, newest=newest, add=added.extend)
    version = SimpleNamespace(number=7)
    monkeypatch.setattr(rerate.os, "geteuid", lambda: 0)  # type: ignore[attr-defined]
    monkeypatch.setattr(rerate, "configuration_store", lambda *_, **__: nullcontext())
    monkeypatch.setattr(rerate, "_corrected", lambda *_: by)
    monkeypatch.setattr(rerate, "RatedStore", lambda _: store)
    monkeypatch.setattr(rerate, "with_records_database", lambda _, done: done(None))
    monkeypatch.setattr(rerate, "put_down", lambda *_, **__: version)
    monkeypatch.setattr(rerate, "act", lambda _, __, decide: decide(None, None, 0.0, 0) and 0)
    done = rerate.run(Paths.from_environment(), TERMS.deck, since=1.0, until=2.0, why="mail", as_json=False)
    assert (done, [call.revision for call in added]) == (0, [2])
    # the end of a call is what export billing goes by, too
    assert {(one.since, one.until, one.by_end) for one in asked} == {(1.0, 2.0, True)}
    assert "caps still count what these calls were charged when they ran" in capsys.readouterr().err
