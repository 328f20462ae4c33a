"""What was spent is forgotten for another currency; in the same one only where somebody says that he means it."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from trunkward.cli import spending as command
from trunkward.control.borne_out import BorneOut
from trunkward.control.node_file import read_node_file
from trunkward.control.spending import SpendingRefused, journaled
from trunkward.settings import Paths
from trunkward.trunks.spending import HoldScope, SpendingChange

EXAMPLE = (Path(__file__).parents[3] / "examples/node.yaml").read_text(encoding="utf-8")
#: By account, as `spent` answers: held, and settled in an hour, a day, a month.
LEDGER = {"money:trunk:acme-hq": (0, 0, 2_500_000, 30_000_000), "money:carrier:north": (0, 0, 0, 0)}


class FakeValkey:
    """Answers as a ledger that counts in a currency; keeps what it was asked to do."""

    currency: bytes | None = b"EUR"
    asked: tuple[str, ...] = ()
    hindering = 0

    def __init__(self, *_: object) -> None:
        """Asks nobody."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def ask(self, *words: str) -> Any:
        """One answer."""
        match words:
            case ("HGET", "ledger", "currency"):
                return self.currency
            case ("SCAN", *_):
                return b"0", [account.encode() for account in LEDGER]
            case ("FCALL_RO", "tw5_spent", _, "ledger", *accounts):
                return [LEDGER[account] for account in accounts]
            case ("FCALL", *_):
                type(self).asked = words
                return self.hindering
        raise AssertionError(words)


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., SpendingChange]:
    """What a version would do; what is refused is raised."""
    monkeypatch.setattr(command, "Valkey", FakeValkey)
    for name, value in {"currency": b"EUR", "asked": (), "hindering": 0}.items():
        monkeypatch.setattr(FakeValkey, name, value)
    found: list[SpendingChange] = []

    def act(_: Paths, __: str, do: Any) -> int:
        found.append(do(None, read_node_file(EXAMPLE, "example"), 1.0))
        return 0

    monkeypatch.setattr(command, "act_on_spending", act)
    paths = Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)

    def run(*, even_so: bool = False) -> SpendingChange:
        command.run_forget(paths, why="because", even_so=even_so)
        return found[-1]

    return run


def test_in_the_same_currency_only_where_it_is_meant(
    forget: Callable[..., SpendingChange], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SpendingRefused, match=r"counted in EUR already.*1 owners.*--even-so"):
        forget()
    assert FakeValkey.asked == ()
    assert capsys.readouterr().out == ""
    forget(even_so=True)
    assert "tw5_forget" in FakeValkey.asked


@pytest.mark.parametrize("counted_in", [b"USD", None])
def test_in_another_currency_without_a_word(
    forget: Callable[..., SpendingChange],
    counted_in: bytes | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(FakeValkey, "currency", counted_in)
    told = journaled(forget())
    written = (counted_in or b"").decode()
    assert (told["act"], told["currency"]) == ("forget", written)
    assert told["forgotten_micro"] == {"trunk:acme-hq": {"hour": 0, "day": 2_500_000, "month": 30_000_000}}
    assert capsys.readouterr().out == (
        f"forgotten: trunk:acme-hq: hour 0.00, day 2.50, month 30.00 {written}".rstrip() + "\n"
    )


def test_what_calls_still_need_is_not_told_as_forgotten(
    forget: Callable[..., SpendingChange],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(FakeValkey, "hindering", 2)
    with pytest.raises(SpendingRefused, match="2 calls that cost money"):
        forget(even_so=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("live", "told"),
    [
        ("", ""),
        (
            (
                '  id: sbc-1\n  live: {nodes: [sbc-1, sbc-2], host: "valkey.example.com:6379", ca: /etc/c.pem,'
                " secrets: /etc/live}\n"
            ),
            "on this node alone: the same is to be done on sbc-2\n",
        ),
    ],
)
def test_an_act_of_one_node_says_on_which_others_it_is_to_be_done(
    live: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    declared = read_node_file(EXAMPLE.replace("node:\n", f"node:\n{live}", 1), "example")

    def act(_: Paths, __: str, decide: Any) -> int:
        decide(SimpleNamespace(), declared, 1.0, 0)
        return 0

    monkeypatch.setattr(command, "act", act)
    monkeypatch.setattr(command, "borne_out", lambda *_: BorneOut())
    monkeypatch.setattr(command, "put_down", lambda *_, **__: None)
    monkeypatch.setattr(command, "_root", lambda: True)
    paths = Paths.from_environment()
    assert command.run_hold(paths, "trunk:acme-hq", scope=HoldScope.OUTBOUND, cut=False, why="x") == 0
    assert capsys.readouterr().err == told
