"""docs/shaken.md says what the tables of causes and of rules say."""

from collections.abc import Callable

from trunkward.shaken.causes import Cause
from trunkward.shaken.profile import ALL, RULES, Kind

type Table = Callable[[str, str], list[list[str]]]


def test_every_cause_has_its_row(table: Table) -> None:
    told = [row[:3] for row in table("docs/shaken.md", "Errors")]
    assert told == [[cause.value, str(cause.code), cause.clause] for cause in Cause]


def test_every_rule_has_its_row(table: Table) -> None:
    def names(kinds: frozenset[Kind]) -> str:
        return ", ".join(kind.value for kind in Kind if kind in kinds) or "no"

    wanted = [
        [
            rule.code,
            "all" if rule.kinds == ALL else names(rule.kinds),
            "all of them" if rule.kinds <= rule.binding else names(rule.kinds & rule.binding),
            rule.clause,
        ]
        for rule in RULES
    ]
    told = [[row[0], row[1], row[2], row[4]] for row in table("docs/shaken.md", "Certificate profile")]
    assert told == wanted
