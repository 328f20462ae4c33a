"""`spend`, `deck` and `currency`, as a person may write them."""

from pathlib import Path

import pytest
import yaml

from trunkward.control.node_file import Accepted, NodeFileRefused, accept_node_file
from trunkward.trunks.spending import NO_CAPS, TRUNK_CAPS, AtCap, Spending

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


def accepted(**where: object) -> Accepted:
    """The example with keys at `node`, `tenant`, `trunk` or `carrier`."""
    values = yaml.safe_load(EXAMPLE)
    tenant = values["tenants"][0]
    places = {
        "node": values["node"],
        "tenant": tenant,
        "trunk": tenant["trunks"][0],
        "carrier": values["carriers"][0],
    }
    for place, keys in where.items():
        places[place].update(keys)
    return accept_node_file(yaml.safe_dump(values, sort_keys=False), "node.yaml")


def test_where_nothing_is_written_a_trunk_has_caps_and_nobody_else() -> None:
    declared = accepted().declared
    assert [trunk.spending for trunk in declared.trunks] == [TRUNK_CAPS] * len(declared.trunks)
    assert (declared.tenant_spending, declared.tenant_decks, declared.node.currency) == ({}, {}, "EUR")
    assert {(carrier.spending, carrier.deck) for carrier in declared.carriers} == {(NO_CAPS, "")}


def test_what_is_written_is_declared() -> None:
    declared = accepted(
        node={"currency": "USD"},
        tenant={"deck": "retail", "spend": {"day": "1000", "alerts": [90]}},
        trunk={"spend": {"call": "2.50", "day": 40, "month": "none", "escrow": "0.25", "at_cap": "at-once"}},
        carrier={"deck": "north-1", "spend": {"month": "9000.000001"}},
    ).declared
    assert declared.node.currency == "USD"
    tenant = declared.tenants[0]
    assert declared.tenant_decks == {tenant: "retail"}
    assert declared.tenant_spending == {tenant: Spending(day_micro=1_000_000_000, alerts=(90,))}
    assert declared.trunks[0].spending == Spending(
        call_micro=2_500_000,
        hour_micro=10_000_000,
        day_micro=40_000_000,
        month_micro=None,
        escrow_micro=250_000,
        at_cap=AtCap.AT_ONCE,
    )
    assert (declared.carriers[0].deck, declared.carriers[0].spending.month_micro) == (
        "north-1",
        9_000_000_001,
    )


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"trunk": {"spend": {"day": 12.5}}}, "write an amount in quotes"),
        ({"trunk": {"spend": {"day": True}}}, "write an amount in quotes"),
        ({"trunk": {"spend": {"day": "12,50"}}}, "is no amount of money"),
        ({"trunk": {"spend": {"day": "0.0000001"}}}, "more than 6 decimals"),
        ({"trunk": {"spend": {"hour": "50", "day": "40"}}}, "more than the day may cost"),
        ({"trunk": {"spend": {"alerts": [50, 50]}}}, "this stands here already"),
        ({"trunk": {"spend": {"alerts": [101]}}}, "write percent of a cap"),
        ({"trunk": {"spend": {"at_cap": "now"}}}, "choose from grant, at-once"),
        ({"trunk": {"spend": {"escrow": "none"}}}, "is no amount of money"),
        ({"node": {"currency": "eur"}}, "write a currency as ISO 4217 does"),
        ({"carrier": {"spend": {"day": "1"}}}, "write the deck it sells by"),
        ({"trunk": {"deck": "retail"}}, "unknown key"),
    ],
)
def test_refused(where: dict[str, dict[str, object]], said: str) -> None:
    with pytest.raises(NodeFileRefused, match=said):
        accepted(**where)
