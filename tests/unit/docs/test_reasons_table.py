"""Every reason a call can be refused for is explained to the person it happens to."""

from collections.abc import Callable

from trunkward.calls.verdict import Blame, Reason

type Table = Callable[[str, str], list[list[str]]]


def test_the_tutorial_explains_every_code_and_no_other(table: Table) -> None:
    explained = [row[0] for row in table("docs/tutorial.md", "Reason codes")]
    assert sorted(explained) == sorted(reason.value for reason in Reason)


def test_every_code_says_who_acts_and_what_to_do(table: Table) -> None:
    parties = {blame.value for blame in Blame}
    for code, status, who, _meaning, what_to_do in table("docs/tutorial.md", "Reason codes"):
        assert set(who.replace(" or ", ",").replace(" ", "").split(",")) <= parties, code
        assert status == "none" or all(part.isdigit() for part in status.replace(",", " ").split()), code
        assert what_to_do, code
