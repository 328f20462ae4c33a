"""A tenant or carrier nobody has ever had is refused; one that is known from records alone is not."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from trunkward.cli.main import app
from trunkward.control.declared import InForce
from trunkward.records.model import OutcomeRecord
from trunkward.settings import Paths
from trunkward.store.database import migrate, open_database
from trunkward.store.records import RecordStore
from unit.records.test_rated import decision, outcome

EXAMPLE = (Path(__file__).parents[3] / "examples/node.yaml").read_text(encoding="utf-8")
PERIOD = ("--from", "2027-01-01", "--to", "2027-02-01")

type Ask = Callable[..., Result]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """A node with the example's tenant and carriers, and one old call of others."""
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    paths = Paths.from_environment()
    for file in (paths.declared, paths.records_db):
        file.parent.mkdir(parents=True, exist_ok=True)
    in_force = InForce(version=1, node_file=EXAMPLE, certificates={"acme-hq": ["ab" * 32]}, evidence={})
    paths.declared.write_bytes(msgspec.json.encode(in_force))
    engine = open_database(paths.records_url)
    migrate(engine)
    over = OutcomeRecord(record_id="ab", at=1100.0, outcome=outcome(peer="past"))
    RecordStore(engine).ship([decision(tenant="gone"), over], "gate-0/1", 1)
    engine.dispose()
    return lambda *words: CliRunner().invoke(app, [*words, *PERIOD])


@pytest.mark.parametrize(
    ("option", "name", "said"),
    [
        ("--carrier", "nroth", "no carrier nroth: did you mean north? ./trunkward get carriers lists"),
        ("--tenant", "zz", "no tenant zz: ./trunkward get tenants lists those there are"),
        ("--carrier", "north", ""),
        ("--carrier", "past", ""),
        ("--tenant", "acme", ""),
        ("--tenant", "gone", ""),
    ],
)
def test_export(ask: Ask, option: str, name: str, said: str) -> None:
    told = ask("export", "billing", option, name)
    assert said in told.stderr
    assert (told.exit_code, bool(told.stdout)) == ((2, False) if said else (0, True)), told.output


@pytest.mark.parametrize("name", ["north", "past", "nroth"])
def test_reconcile(ask: Ask, tmp_path: Path, name: str) -> None:
    file = tmp_path / "theirs.csv"
    file.write_text("called,start,duration,charge\n+442079460123,2027-01-02 10:00:00,60,0.10\n")
    told = ask("reconcile", name, str(file))
    assert ("no carrier nroth: did you mean north?" in told.stderr) == (name == "nroth")
    assert told.exit_code == (2 if name == "nroth" else 3), told.output
