"""What `apply` says when the database goes away after the version was decided on, and whom it looks at."""

from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from trunkward.access.actor import Actor
from trunkward.cli import apply, node_file_copy
from trunkward.control import configuration
from trunkward.control.configuration import Plan, Version
from trunkward.control.declared import InForce
from trunkward.control.difference import difference
from trunkward.control.effects import Effects
from trunkward.control.node_file import accept_node_file
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration
from trunkward.store.database import Kind, migrate, open_database

ACME = "\ntenants:\n  - name: acme\n"
TEXT = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


def test_a_version_that_exists_is_not_called_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(*_: object) -> list[str]:
        raise OperationalError("SELECT", {}, Exception("server closed the\nconnection"))

    engine = open_database(f"sqlite:///{tmp_path}/config.db")
    migrate(engine, Kind.CONFIGURATION)
    store = SqlConfiguration(engine)
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path / "run", log=tmp_path)
    planned = configuration.plan(store, accept_node_file(TEXT, "node.yaml"), Effects(running=False))
    monkeypatch.setattr(node_file_copy, "settle", gone)
    assert apply._apply_stopped(paths, planned, store, "apply", apply.Held(paths)) == (1, 1)
    said = capsys.readouterr().err
    assert "version 1 is decided on, but not everywhere in force: server closed the connection" in said
    assert configuration.get_version(store, None).number == 1
    engine.dispose()


@pytest.mark.parametrize(
    ("old", "new", "looked_at"),
    [
        ("verified: 2026-01-15", "verified: 2026-02-15", {"acme", "acme-hq"}),
        ('          - "+12025550103"\n', "", {"+12025550103", "acme-hq"}),
        ("        host: 127.0.0.21:15061\n", "        host: 127.0.0.22:15061\n", {"acme-hq"}),
        # another signs its calls
        (
            ACME,
            f"\nresellers: [{{name: resale}}]\n{ACME}    reseller: resale\n",
            {"acme", "acme-hq", "resale"},
        ),
        # nothing that evidence or a certificate says is another's
        ("  - name: acme\n", "  - name: acme\n    limits: {calls: 7}\n", {"acme"}),
    ],
)
def test_evidence_and_certificates_are_looked_at_for_whom_a_change_concerns(
    old: str, new: str, looked_at: set[str]
) -> None:
    assert TEXT.count(old) == 1
    assert looked_at_for(TEXT, TEXT.replace(old, new)) == frozenset(looked_at)


def test_evidence_is_looked_at_for_whose_calls_another_signs() -> None:
    """A token is for the signer of one identity."""
    sold = TEXT.replace(ACME, f"\nresellers: [{{name: resale}}]\n{ACME}    reseller: resale\n")
    identity = '{spc: "567T", x5u: "https://cr.resale.example.com/c.pem"}'
    own = sold.replace("{name: resale}", f"{{name: resale, identity: {identity}}}")
    assert looked_at_for(sold, own) == looked_at_for(own, sold) == frozenset({"acme-hq", "resale"})


def looked_at_for(old: str, new: str) -> frozenset[str] | None:
    """Whom a change from one text to another concerns."""
    before, after = accept_node_file(old, "old"), accept_node_file(new, "new")
    base = Version(
        number=1, at=1.0, actor=Actor(name="a", uid=0), command="c", summary="s", text_sha256=before.sha256
    )
    planned = Plan(
        base=base, accepted=after, changes=difference(before.objects, after.objects), effects=Effects()
    )
    return apply._peers_to_look_at(planned, InForce(version=1, node_file=old, certificates={}, evidence={}))
