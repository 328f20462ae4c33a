"""Why a signer that does not answer did not start, as it wrote it down itself."""

import json
from pathlib import Path

import pytest

from trunkward.engines.signing_now import SigningNow, signing_now
from trunkward.settings import Paths

NOT_STARTED = {"event": "not-started", "error": "key-unreadable: /x.key: no key"}
READY = {"event": "ready", "spc": "000T"}


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ([NOT_STARTED], "key-unreadable: /x.key: no key"),
        ([READY, NOT_STARTED, {"event": "other"}, "no object"], "key-unreadable: /x.key: no key"),
        # it has started since: that was another time
        ([NOT_STARTED, READY], "it does not answer"),
        ([], "it does not answer"),
    ],
)
def test_why_it_did_not_start(log: list[object], why: str, tmp_path: Path) -> None:
    paths = Paths(config=tmp_path / "c", state=tmp_path / "s", run=tmp_path / "r", log=tmp_path)
    (tmp_path / "signer.log").write_text("".join(f"{json.dumps(line)}\n" for line in log) + "a torn li")
    # nobody says where it tells its numbers
    paths.signers.parent.mkdir(parents=True)
    paths.signers.write_text("{}")
    assert signing_now(paths, ["node"]) == {"node": SigningNow(why_not=why)}
