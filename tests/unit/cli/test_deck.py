"""What the deck commands print, and their exit codes."""

import json
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from copy import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from trunkward.cli import deck as command
from trunkward.control.decks import DeckActRefused
from trunkward.engines.behind_calls import NICE
from trunkward.settings import Paths
from trunkward.spend.deck import Deck, Rate, deck, written
from trunkward.spend.deck_csv import Defaults
from trunkward.spend.kept import KeptDeck
from trunkward.spend.tariff import Tariff

HELD = deck("EUR", [Rate(prefix="44", tariff=Tariff(rate_nano=10**7, first_s=60, next_s=6), name="UK")])
KEPT = KeptDeck(version=5, name="north", currency="EUR", sha256="0" * 64, rates=1, file_sha256="1" * 64)


@pytest.mark.parametrize(
    ("held", "text", "code", "told"),
    [
        (HELD, "44,UK,0.01,60/6,0,\n", 0, "the same: 1\n"),
        (HELD, "44,UK,0.01,60/6,0.5,\n", 1, "fee 0.00 -> 0.50, from now\n"),
        (HELD, "44,UK,0.01,60/60,0,\n", 1, "increments 60/6 -> 60/60, from now\n"),
        (HELD, "44,UK,0.01,60/6,0,\n44,UK,0.02,60/6,0,2099-01-01\n", 1, "from 2099-01-01 00:00 UTC\n"),
        (None, "44,UK,0.01,60/6,0,\n", 1, "new: 44 UK: 0.01, 60/6, fee 0.00, from now\n"),
        (HELD, "44,UK,0.01,,0,\n", 1, "--even-so: the file does not say the increments"),
    ],
)
def test_diff_tells_whatever_an_import_would_change(
    held: Deck | None,
    text: str,
    code: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "_root", lambda: True)
    monkeypatch.setattr(command, "configuration_store", lambda *_, **__: nullcontext())
    monkeypatch.setattr(command, "held_deck", lambda *_: (KEPT, held) if held else None)
    file = tmp_path / "north.csv"
    file.write_text(f"prefix,name,rate,increments,connect fee,effective\n{text}")
    paths = Paths.from_environment()
    found = command.run_diff(paths, "north", file, defaults=Defaults(currency="EUR"), whole=True)
    assert (found, told in capsys.readouterr().out) == (code, True)


class Store:
    """Has one state of one deck, of version 5."""

    def decks(self) -> list[KeptDeck]:
        return [KEPT]

    def packed_deck(self, kept: KeptDeck) -> bytes:
        raise DeckActRefused(f"looked at {kept.version}")


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (5, ""),
        (8, "version 8 did not change deck north: its newest state up to then is that of version 5\n"),
    ],
)
def test_restore_says_whose_state_it_takes(
    version: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def act(_paths: Paths, _command: str, decide: Callable[..., object]) -> int:
        with pytest.raises(DeckActRefused, match="looked at 5"):
            decide(Store(), None, 0.0, 0)
        return 2

    monkeypatch.setattr(command, "_root", lambda: True)
    monkeypatch.setattr(command, "act", act)
    command.run_restore(Paths.from_environment(), "north", version)
    assert capsys.readouterr().err == told


def test_list_shows_prefixes_and_states(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = [Rate(prefix="44", tariff=Tariff(rate_nano=1), since=since) for since in (0, 100, 300)]
    text = written(deck("EUR", rates)).encode()
    kept = replace(KEPT, sha256=sha256(text).hexdigest(), rates=3)
    made = SimpleNamespace(number=5, at=200.0, actor=SimpleNamespace(name="ann"))
    store = SimpleNamespace(
        decks=lambda: [kept], versions=lambda: [made], packed_deck=lambda _: zlib.compress(text)
    )
    monkeypatch.setattr(command, "_root", lambda: True)
    monkeypatch.setattr(command, "configuration_store", lambda *_, **__: nullcontext(store))
    monkeypatch.setattr(command, "declared_by", lambda _: None)
    monkeypatch.setattr(command, "users_of", lambda _: {})
    command.run_list(Paths.from_environment(), every=True, as_json=False)
    header, line = capsys.readouterr().out.splitlines()
    assert "currency  prefixes  states" in header
    assert line.split()[:5] == ["north", "5", "EUR", "1", "3"]
    command.run_list(Paths.from_environment(), every=True, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["prefixes"], told["rates"]) == (1, 3)


@pytest.mark.parametrize("since", [None, 100.0])
def test_import_asks_about_increments_and_says_that_nobody_uses_it(
    since: float | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def act(_paths: Paths, _command: str, decide: Callable[..., object]) -> int:
        try:
            decide(SimpleNamespace(decks=lambda: [KEPT]), None, 500.0, 0)
        except DeckActRefused as refused:
            refusals.append(str(refused))
            return 2
        return 0

    monkeypatch.setattr(command, "_root", lambda: True)
    stood: list[int] = []
    monkeypatch.setattr("os.nice", stood.append)
    monkeypatch.setattr(command, "act", act)
    monkeypatch.setattr(command, "put_down", lambda *_, **__: None)
    monkeypatch.setattr(command, "held_deck", lambda *_: (KEPT, HELD))
    monkeypatch.setattr(command, "unused", lambda name, *_: [f"nobody uses {name}"])
    file = tmp_path / "north.csv"
    file.write_text("prefix,rate\n44,0.012\n")
    refusals: list[str] = []
    codes = []
    for increments, even_so in (("", False), ("", True), ("1/1", False), ("60/6", False)):
        defaults = command.defaults_of("EUR", increments, "")
        code = command.run_import(
            Paths.from_environment(),
            "north",
            file,
            defaults=defaults,
            whole=True,
            even_so=even_so,
            since=since,
        )
        codes.append(code)
    assert codes == [2, 0, 0, 0]
    assert stood == [NICE] * len(codes)  # calls first
    assert "does not say the increments" in refusals[0]
    assert capsys.readouterr().out.count("nobody uses north") == 3
