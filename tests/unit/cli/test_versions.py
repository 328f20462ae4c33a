"""What `history` and `diff` say where no version exists, and where decks have changed; the journal in full."""

import json
import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from trunkward.access.actor import Actor
from trunkward.cli import apply
from trunkward.cli.changing import configuration_store
from trunkward.cli.deck_export import run as run_export
from trunkward.cli.versions import run_diff, run_history
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.decks import corrected, imported, unpacked
from trunkward.control.effects import Effects
from trunkward.control.node_file import accept_node_file
from trunkward.settings import Paths
from trunkward.spend.deck import Deck, Rate, deck, written
from trunkward.spend.deck_csv import Defaults, read_deck
from trunkward.spend.tariff import Tariff
from trunkward.store.database import Kind, make_private, migrate, open_database

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
ALICE = Actor(name="alice", uid=1000)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the configuration is root's")


@pytest.fixture
def empty(tmp_path: Path) -> Paths:
    """A store that was made, as by an `apply` that was refused, and has no version."""
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path, log=tmp_path)
    paths.configuration_db.parent.mkdir()
    make_private(paths.configuration_db)
    engine = open_database(paths.configuration_url)
    migrate(engine, Kind.CONFIGURATION)
    engine.dispose()
    return paths


@pytest.mark.parametrize("as_json", [False, True])
def test_there_is_none(empty: Paths, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    none = "there is no version yet; ./trunkward up or apply makes the first"
    assert run_history(empty, 20, as_json=as_json) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.strip()) == ("", none)
    assert run_diff(empty, None, None, as_json=as_json) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.strip()) == ("", none)


def prices(**nano: int) -> Deck:
    return deck("EUR", [Rate(prefix=p[1:], tariff=Tariff(rate_nano=rate)) for p, rate in nano.items()])


@pytest.fixture
def decks(empty: Paths) -> Paths:
    """Version 1 is a file; 2 a deck, 3 the same dearer, 4 a correction of it since second 150; 5 another deck."""
    with configuration_store(empty, make=True) as store:
        accepted = accept_node_file(EXAMPLE, "example", lambda _: "", lambda _: [])
        planned = configuration.plan(store, accepted, Effects())
        configuration.accept(store, planned, actor=ALICE, command="apply", at=50)
        held = None
        for at, said in ((100, prices(_44=10**7)), (200, prices(_44=2 * 10**7, _49=10**7))):
            change, _ = imported("north", held, said, b"", at, whole=True, even_so=True)
            version = put_down(store, change, actor=ALICE, command="deck import", at=at, beyond=0)
            assert change.added is not None
            kept = replace(change.added, version=version.number)
            held = (kept, unpacked(kept, store.packed_deck(kept)))
        change, _ = corrected(
            *("north", held, prices(_44=3 * 10**7), b"", 150, 300), whole=False, even_so=True
        )
        put_down(store, change, actor=ALICE, command="deck correct north", at=300, beyond=0)
        change, _ = imported("retail", None, prices(_1=10**7), b"", 400, whole=True, even_so=True)
        put_down(store, change, actor=ALICE, command="deck import", at=400, beyond=0)
    return empty


@pytest.mark.parametrize(
    ("old", "new", "code", "told"),
    [
        (1, 2, 3, ["+ deck north", "    version: 2"]),
        (
            *(2, 3, 3),
            [
                *("~ deck north", "    version: 2 -> 3", "prices of deck north: 1 new, 1 dearer"),
                "    dearer: 44: 0.01 -> 0.02 (+100.0 %)",
            ],
        ),
        (3, 2, 3, ["    cheaper: 44: 0.02 -> 0.01 (-50.0 %)"]),
        (4, None, 3, ["+ deck retail"]),
        (4, 4, 0, []),
    ],
)
def test_diff_tells_of_decks(
    decks: Paths, old: int, new: int | None, code: int, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_diff(decks, old, new, as_json=False) == code
    said = capsys.readouterr().out
    assert all(f"{line}\n" in said for line in told), said
    assert run_diff(decks, old, new, as_json=True) == code
    assert [one["kind"] for one in json.loads(capsys.readouterr().out)] == (["decks"] if code else [])


def test_the_journal_in_full(decks: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_history(decks, 2, as_json=True, full=True) == 0
    newest, before = capsys.readouterr().out.splitlines()
    told = json.loads(before)
    # the text itself: its SHA-256 is what the next entry holds
    assert json.loads(newest)["prev"] == sha256(before.encode()).hexdigest()
    assert (told["version"], told["deck"]["act"], told["deck"]["since"]) == (
        4,
        "correct",
        "1970-01-01T00:02:30Z",
    )
    assert run_history(decks, 2, as_json=False, full=True) == 0
    said = capsys.readouterr().out
    assert f"entry 4, sha256 {sha256(before.encode()).hexdigest()}\n" in said
    assert "  at: 1970-01-01 00:05:00 UTC\n" in said
    assert "    since: 1970-01-01T00:02:30Z\n" in said
    assert "  summary: deck north corrected since 1970-01-01T00:02:30Z: " in said


@pytest.mark.parametrize(
    ("number", "told"),
    [(2, "./trunkward deck restore north --version 2"), (4, "./trunkward deck drop retail"), (5, "")],
)
def test_rollback_names_the_decks_it_leaves(
    decks: Paths, number: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(paths: Paths, wanted: object, *_: object, **__: object) -> int:
        with configuration_store(paths, make=True) as store:
            wanted(store, paths.config)  # type: ignore[operator]
        return 0

    monkeypatch.setattr(apply, "_change", change)
    asked = {"may_delete": False, "may_restart": False, "expected": None, "as_json": False}
    assert apply.run_rollback(decks, number, **asked) == 0  # type: ignore[arg-type]
    said = capsys.readouterr().err
    assert (told in said) if told else not said


def test_export_of_a_deck(decks: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    def exported(version: int | None = None, sha256: str = "", *, every: bool = False) -> tuple[Deck, str]:
        assert run_export(decks, "north", version=version, sha256=sha256, every=every) == 0
        said = capsys.readouterr()
        return read_deck(said.out, Defaults()).deck, said.err

    now, told = exported()
    assert [(rate.prefix, rate.tariff.rate_nano, rate.since) for rate in now.rates] == [
        ("44", 3 * 10**7, 150),
        ("49", 10**7, 200),
    ]
    assert told.startswith("deck north of version 4, in EUR, sha256 ")
    # as of version 2, whose state has ended: what held when it was taken in
    then, told = exported(version=2)
    assert [(rate.tariff.rate_nano, rate.since, rate.until) for rate in then.rates] == [(10**7, 100, None)]
    digest = told.rpartition(" ")[2].strip()
    assert exported(sha256=digest[:10])[0] == then
    whole, _ = exported(version=2, every=True)
    assert sha256_of(whole) == digest
    assert run_export(decks, "nort", version=None, sha256="", every=False) == 2
    assert "there is no deck nort now" in capsys.readouterr().err


def sha256_of(source: Deck) -> str:
    return sha256(written(source).encode()).hexdigest()
