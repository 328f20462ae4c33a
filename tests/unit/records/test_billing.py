"""Lines for billing: stable columns, exact decimals, nothing a spreadsheet runs, sums that add up."""

from dataclasses import replace

import pytest

from trunkward.records.billing import COLUMNS, Totals, amount, line, row
from unit.records.test_rated import call


def test_the_columns_and_what_stands_in_them() -> None:
    made = line(call(), None)
    assert tuple(made) == COLUMNS
    assert (made["price"], made["cost"], made["margin"], made["lasted_s"]) == (
        "0.022000",
        "0.012200",
        "0.009800",
        "61.000",
    )
    assert (made["price_rate"], made["price_increments"], made["cost_deck"]) == ("0.02", "60/6", "north")
    assert (made["started_at"], made["ended_at"]) == ("1970-01-01T00:16:40.000Z", "1970-01-01T00:17:44.000Z")
    assert (made["price_before"], made["revised_at"]) == (
        "",
        "",
    )


def test_what_is_not_known_is_empty_and_nothing_is_zero() -> None:
    made = line(call({"money": None}), None)
    assert (made["price"], made["price_basis"], made["margin"]) == ("", "unknown", "")
    assert line(call({"called_number": "911"}), None)["price"] == "0.000000"


def test_a_correction_can_be_told() -> None:
    was = call()
    now = replace(
        was,
        revision=2,
        cost=replace(was.cost, micro=6_100),
        version=7,
        actor="ann",
        revised_at=5000.0,
        why="=1+1",
    )
    made = line(now, was)
    assert (made["revision"], made["cost"], made["cost_before"], made["margin"]) == (
        "2",
        "0.006100",
        "0.012200",
        "0.015900",
    )
    assert (made["revised_by"], made["revision_version"]) == ("ann", "7")
    cells = dict(zip(COLUMNS, row(made), strict=True))
    assert (cells["revision_reason"], cells["called_number"]) == ("'=1+1", "+442079460123")


def test_a_loss_is_a_number_and_no_formula() -> None:
    was = call()
    loss = replace(was, cost=replace(was.cost, micro=30_000))
    assert dict(zip(COLUMNS, row(line(loss, None)), strict=True))["margin"] == "-0.008000"


@pytest.mark.parametrize(
    ("micro", "text"),
    [(0, "0.000000"), (1, "0.000001"), (-1, "-0.000001"), (12_345_678, "12.345678"), (None, "")],
)
def test_an_amount(micro: int | None, text: str) -> None:
    assert amount(micro) == text


def test_sums() -> None:
    totals = Totals()
    for one in (call(), call({"money": None}), replace(call(), revision=2), call({"called_number": "911"})):
        totals.add(one)
    assert totals.document() == {
        "calls": 4,
        "billed_s": 132,
        "price": {"EUR": "0.044000"},
        "cost": {"EUR": "0.024400"},
        "without_price": 1,
        "without_cost": 1,
        "revised": 1,
        "open": 0,
    }
