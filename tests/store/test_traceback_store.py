"""Property 31: the register of traceback requests, kept with its acts and their journal entries, or not at all."""

from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from trunkward.access.actor import Actor, Source
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.configuration import Superseded
from trunkward.control.effects import Effects
from trunkward.control.node_file import accept_node_file
from trunkward.control.traceback_register import register
from trunkward.control.traceback_requests import (
    Answer,
    Request,
    State,
    TracebackAct,
    TracebackAnswered,
    closed,
    named,
    opened,
    still_open,
)
from trunkward.store.configuration import SqlConfiguration

EXAMPLE = (Path(__file__).parents[2] / "examples" / "node.yaml").read_text(encoding="utf-8")
ALICE = Actor(name="alice", uid=1000, source=Source.LOGIN)
NOW = 1_800_000_000.0
HASH, OTHER_HASH = "ab" * 32, "cd" * 32


@pytest.fixture
def store(configuration_engine: sa.Engine) -> SqlConfiguration:
    """With one version."""
    made = SqlConfiguration(configuration_engine)
    planned = configuration.plan(made, accept_node_file(EXAMPLE, "node.yaml"), Effects())
    configuration.accept(made, planned, actor=ALICE, command="apply", at=NOW - 10)
    return made


def requests(store: SqlConfiguration) -> list[Request]:
    found, doubt = register(store)
    assert doubt == ""
    return found


def do(store: SqlConfiguration, act: TracebackAct) -> int:
    return put_down(store, act, actor=ALICE, command="traceback", at=NOW, beyond=0).number


def answering(store: SqlConfiguration, asked_by: str, digest: str = HASH) -> TracebackAnswered:
    one = named(requests(store), asked_by)
    return TracebackAnswered(
        asked_by=asked_by, received_at=NOW, calls=1, manifest_sha256=digest, request=one.version if one else 0
    )


def test_property_31_a_request_is_in_the_register_until_it_is_answered(store: SqlConfiguration) -> None:
    assert requests(store) == []
    assert do(store, opened(requests(store), "ITG 7", NOW - 3600)) == 2
    assert requests(store) == [Request(version=2, asked_by="ITG 7", received_at=NOW - 3600)]
    assert [one.due_at for one in still_open(requests(store))] == [NOW + 23 * 3600]
    assert do(store, answering(store, "itg 7")) == 3
    assert do(store, answering(store, "ITG 7", OTHER_HASH)) == 4  # and more of it
    (one,) = requests(store)
    assert one.state is State.ANSWERED
    assert one.answers == (
        Answer(version=3, request=2, calls=1, manifest_sha256=HASH),
        Answer(version=4, request=2, calls=1, manifest_sha256=OTHER_HASH),
    )
    assert still_open([one]) == []
    _, entries = store.history()
    told = [msgspec.json.decode(entry.text)["traceback"] for entry in entries[1:]]
    assert [entry["act"] for entry in told] == ["open", "answer", "answer"]
    assert [entry.get("manifest_sha256") for entry in told] == [None, HASH, OTHER_HASH]
    assert [version.number for version in configuration.history(store, None)] == [4, 3, 2, 1]


def test_property_31_an_answer_that_nobody_has_opened_is_in_the_register_too(store: SqlConfiguration) -> None:
    assert do(store, answering(store, "ITG 8")) == 2
    (one,) = requests(store)
    assert (one.version, one.asked_by, one.received_at, one.state) == (2, "ITG 8", NOW, State.ANSWERED)


def test_property_31_one_is_closed_with_its_reason_and_no_other(store: SqlConfiguration) -> None:
    for name in ("ITG 7", "ITG 8"):
        do(store, opened(requests(store), name, NOW))
    do(store, closed(requests(store), "ITG 7", "taken back"))
    eight, seven = requests(store)
    assert (seven.closed, seven.close_why, seven.state) == (4, "taken back", State.CLOSED)
    assert (eight.closed, eight.state) == (0, State.OPEN)


def test_without_its_version_there_is_no_request(store: SqlConfiguration) -> None:
    act = opened([], "ITG 7", NOW)
    version, text, objects, after = configuration.same_file_again(
        store, "x", actor=ALICE, command="traceback", at=NOW, beyond=0
    )
    do(store, opened([], "ITG 6", NOW))
    with pytest.raises(Superseded):
        store.add(version, text, objects, [], after=after, act=act)
    assert [one.asked_by for one in requests(store)] == ["ITG 6"]
