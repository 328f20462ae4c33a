"""`certs renew` tells how it stands after what it has brought was taken over, not a moment before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from trunkward.cli import certs_renew
from trunkward.control.node_file import read_node_file
from trunkward.engines.certificate_state import IdentitiesState, IdentityState, ListState, write_state
from trunkward.engines.signing_now import SigningNow
from trunkward.settings import Paths
from trunkward.trunks.signing import Certificates, PolicyAdministrator, SigningSource

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
NOW = datetime.now(UTC)
ENDED, SIGNS = SigningNow(serial="1", why_not="certificate-expired"), SigningNow(serial="2")
USED = IdentityState(
    spc="000T", source="acme x", begins=NOW, until=NOW + timedelta(days=9), serial="2", found=NOW, url="u"
)
NONE = IdentityState(spc="000T", source="acme x", problem="Connection refused", failures=1)


@pytest.mark.parametrize(
    ("one", "signers", "asked", "code", "said"),
    [
        (USED, [ENDED, ENDED, SIGNS], 3, 0, "its signer signs, with serial 2"),
        (USED, [SIGNS], 1, 0, "its signer signs, with serial 2"),
        # what no certificate would put right is not waited for, and nobody is told that all is well
        (USED, [ENDED], 3, 1, "its signer signs nothing: certificate-expired"),
        (NONE, [ENDED], 1, 1, "Connection refused"),
    ],
)
def test_what_was_issued_is_waited_for_until_its_signer_has_it(
    one: IdentityState,
    signers: list[SigningNow],
    asked: int,
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = Paths(config=tmp_path / "c", state=tmp_path / "s", run=tmp_path / "r", log=tmp_path / "l")
    paths.identities_state.parent.mkdir(parents=True)
    paths.declared.parent.mkdir(parents=True, exist_ok=True)
    declared = read_node_file(EXAMPLE, "node.yaml")
    administrator = PolicyAdministrator(url="https://sti-pa.example.net", certificate_file="/etc/pa.pem")
    node = replace(
        declared.node,
        signing=SigningSource(certificates=Certificates.ACME),
        policy_administrator=administrator,
    )
    declared = replace(declared, node=node)
    good = ListState(at=NOW, until=NOW + timedelta(days=1), entries=1)
    state = IdentitiesState(at=NOW, trusted_list=good, revocations=good, identities={"node": one})
    answers, times = iter(signers), list[int]()
    clock = iter(range(0, 100, 2))  # seconds

    def ask(*_: object) -> dict[str, SigningNow]:
        times.append(1)
        return {"node": next(answers, signers[-1])}

    def wished(_: Path, wish: str, *__: str) -> None:
        write_state(paths.identities_state, msgspec.structs.replace(state, renewed=wish))

    in_force = type("", (), {"declared": lambda _: declared})()
    monkeypatch.setattr(certs_renew, "is_root", lambda _: True)
    monkeypatch.setattr(certs_renew, "read_in_force", lambda _: in_force)
    monkeypatch.setattr(certs_renew, "lives", lambda _: None)
    monkeypatch.setattr(certs_renew, "write_private", wished)
    monkeypatch.setattr(certs_renew, "asked", ask)
    monkeypatch.setattr("trunkward.cli.certs_renew.time.monotonic", lambda: float(next(clock)))
    assert certs_renew.run(paths, sleep=lambda _: None) == code
    assert said in capsys.readouterr().out
    assert len(times) == asked
