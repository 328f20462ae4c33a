"""Which version is in use, and the links that lead to it."""

import os
import sys
from pathlib import Path

import msgspec
import pytest

from trunkward.engines import installed
from trunkward.engines.installed import (
    Installation,
    InUse,
    OtherVersion,
    check_runs_this,
    edge_fingerprint,
    edge_followed,
    in_use,
    put_in_use,
    started,
    this_installation,
    to_be_started,
)
from trunkward.settings import Paths


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setattr(installed, "edge_fingerprint", lambda _: "edge")
    (tmp_path / "run").mkdir()
    return Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path / "run", log=tmp_path)


def _version(home: Path, name: str) -> Installation:
    (home / "versions" / name).mkdir(parents=True)
    return Installation(version=name, prefix=str(home / "versions" / name))


def test_links_follow_what_is_in_use(tmp_path: Path, paths: Paths) -> None:
    one, two = _version(tmp_path, "1"), _version(tmp_path, "2")
    assert in_use(paths) is None
    put_in_use(paths, InUse(now=one))
    assert (tmp_path / "current").resolve() == Path(one.prefix)
    assert not (tmp_path / "previous").exists()
    # half moved: what is started anew is still the one before
    put_in_use(paths, InUse(now=one, moving_to=two.prefix))
    assert (tmp_path / "current").resolve() == Path(one.prefix)
    put_in_use(paths, InUse(now=two, before=one))
    assert (tmp_path / "current").resolve() == Path(two.prefix)
    assert (tmp_path / "previous").resolve() == Path(one.prefix)
    assert in_use(paths) == InUse(now=two, before=one)


def test_an_installation_of_its_own_has_no_links(tmp_path: Path, paths: Paths) -> None:
    put_in_use(paths, InUse(now=Installation(version="1", prefix=str(tmp_path / "venv"))))
    assert not (tmp_path / "current").is_symlink()


def test_a_start_remembers_the_version_before(
    tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = _version(tmp_path, "1"), _version(tmp_path, "2")
    for here, before in ((one, None), (one, None), (two, one), (two, one), (one, two)):
        monkeypatch.setattr(sys, "prefix", here.prefix)
        started(paths)
        found = in_use(paths)
        assert found is not None
        assert found.now.prefix == here.prefix
        assert found.before == before
        assert found.edge == "edge"


def test_links_that_lead_there_are_left_alone(
    tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = _version(tmp_path, "1"), _version(tmp_path, "2")
    put_in_use(paths, InUse(now=two, before=one))
    monkeypatch.setattr(sys, "prefix", two.prefix)

    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "replace", read_only)
    monkeypatch.setattr(os, "symlink", read_only)
    monkeypatch.setattr(installed, "write_private", lambda *_: None)
    started(paths)
    monkeypatch.setattr(sys, "prefix", one.prefix)
    with pytest.raises(OSError, match="Read-only"):
        started(paths)


def test_what_is_to_be_started_is_named_before_it_is(
    tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = _version(tmp_path, "1"), _version(tmp_path, "2")
    for here in (one, two):
        monkeypatch.setattr(sys, "prefix", here.prefix)
        to_be_started()
        assert (tmp_path / "current").resolve() == Path(here.prefix)
    assert in_use(paths) is None
    started(paths)
    found = in_use(paths)
    assert found is not None
    assert found.before == one


def test_what_cannot_be_read_is_unknown(paths: Paths) -> None:
    (paths.run / "version.json").write_text("{")
    assert in_use(paths) is None


def test_only_the_version_that_runs_changes_a_node(tmp_path: Path, paths: Paths) -> None:
    with pytest.raises(OtherVersion, match=r"version\.json cannot be read"):
        check_runs_this(paths)
    here, other = this_installation(), _version(tmp_path, "2")
    put_in_use(paths, InUse(now=here))
    check_runs_this(paths)
    put_in_use(paths, InUse(now=here, moving_to=other.prefix))
    with pytest.raises(
        OtherVersion, match=r"versions/2 was broken off half way: \./trunkward upgrade ends it"
    ):
        check_runs_this(paths)
    put_in_use(paths, InUse(now=other, before=here))
    with pytest.raises(
        OtherVersion,
        match=r"versions/2/bin/trunkward does it at once; .*\./trunkward upgrade must come first",
    ):
        check_runs_this(paths)


def test_what_kamailio_follows_while_it_runs_is_noted(tmp_path: Path, paths: Paths) -> None:
    put_in_use(paths, InUse(now=_version(tmp_path, "1"), before=_version(tmp_path, "2"), edge="at its start"))
    before = in_use(paths)
    assert before is not None
    edge_followed(paths)
    assert in_use(paths) == msgspec.structs.replace(before, edge="edge")


@pytest.mark.parametrize(
    ("file", "text", "differs"),
    [
        ("edge.json", '{"version": 2, "departed": {}, "plain_networks": []}', True),
        ("edge.json", '{"version": 1, "departed": {"a": []}, "plain_networks": ["10.0.0.0/8"]}', False),
        ("kamailio.cfg", "other", True),
        ("tls.cfg", "other", True),
        ("peers-ca.pem", "other", True),
        ("ca-north.pem", "other", True),
        # shown certificates are followed without a restart, whatever a carrier's name is
        ("client-cadence.pem", "other", False),
        ("nobody-ca.pem", "other", False),
    ],
)
def test_what_kamailio_is_started_with(tmp_path: Path, file: str, text: str, differs: bool) -> None:
    paths = Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)
    (edge := tmp_path / "edge").mkdir()
    (edge / "edge.json").write_text('{"version": 1, "departed": {}, "plain_networks": []}')
    for name in ("kamailio.cfg", "tls.cfg", "peers-ca.pem", "ca-north.pem", "client-cadence.pem"):
        (edge / name).write_text("as it is")
    before = edge_fingerprint(paths)
    (edge / file).write_text(text)
    assert (edge_fingerprint(paths) != before) is differs
