"""Many nodes on one Valkey: over TLS, its name checked, each user with a password; and nodes know of each other."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sipkit.certificates import ThrowawayAuthority
from sipkit.transport import Address
from sipkit.valkey import OwnValkey
from trunkward.admission.ports import Asked, Counter, Held, Unavailable
from trunkward.engines.probes import valkey as look
from trunkward.live import nodes
from trunkward.live.ask import NotAnswered, Valkey
from trunkward.live.client import LiveClient
from trunkward.settings import Place

PLACE = Counter(key="calls:trunk:a", most=1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> ThrowawayAuthority:
    return ThrowawayAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def shared(authority: ThrowawayAuthority) -> Iterator[tuple[OwnValkey, Place]]:
    """One that listens over TLS, with a certificate for localhost."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = OwnValkey(
        tls=(Address(host="127.0.0.1", port=port), authority.issue("valkey", hosts=("localhost",)))
    )
    yield running, Place(where=f"localhost:{port}", authorities=authority.trust)
    running.close()


def test_a_gate_asks_over_tls(shared: tuple[OwnValkey, Place]) -> None:
    own, place = shared

    async def scenario() -> None:
        live = LiveClient(place, "gate", own.paths.valkey_secret("gate"), 10)
        try:
            assert isinstance(await live.admit(Asked(record_id="a", hold_s=60, counters=(PLACE,))), Held)
        finally:
            await live.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("wrong", ["name", "authority", "password"])
def test_whoever_is_not_who_was_meant_is_asked_nothing(
    shared: tuple[OwnValkey, Place], tmp_path: Path, wrong: str
) -> None:
    own, place = shared
    secret = own.paths.valkey_secret("gate")
    if wrong == "name":  # the certificate has no address
        place = replace(place, where=place.where.replace("localhost", "127.0.0.1"))
    elif wrong == "authority":
        place = replace(place, authorities=ThrowawayAuthority(tmp_path).trust)
    else:
        secret = own.paths.valkey_secret("worker")
    why = {"password": "redis-refused"}.get(wrong, "redis-unreachable")

    async def scenario() -> None:
        live = LiveClient(place, "gate", secret, 10)
        try:
            fact = await live.admit(Asked(record_id="b", hold_s=60, counters=(PLACE,)))
            assert fact == Unavailable(what="redis", why=why)
        finally:
            await live.close()

    asyncio.run(scenario())
    with pytest.raises(
        NotAnswered, match="WRONGPASS" if wrong == "password" else "certificate verify failed"
    ):
        Valkey(place, "gate", secret)


def test_worker_root_and_probe_ask_over_tls(shared: tuple[OwnValkey, Place]) -> None:
    own, place = shared
    with Valkey(place, "worker", own.paths.valkey_secret("worker")) as worker:
        worker.load(users=False)
        assert worker.is_there(), "session tickets of TLS 1.3 are no end"
        assert look(place, own.paths.valkey_secret("look"))["valkey_version"]
        with pytest.raises(OSError, match="WRONGPASS"):
            look(place, own.paths.valkey_secret("worker"))
        with own.asks("root") as root:
            root.ask("PING")
        own.kill()
        with pytest.raises(OSError, match="refused"):
            look(place, own.paths.valkey_secret("look"))
        assert not worker.is_there()
    own.start()


def test_functions_that_are_there_are_left(own: OwnValkey) -> None:
    """A second node loads nothing: a nonce made before is good (`epoch`)."""
    with own.asks("worker") as first, own.asks("gate") as gate:
        first.load(users=True)
        epoch = gate.ask("FCALL", "tw5_epoch", "1", "epoch")
        with own.asks("worker") as second:
            second.load(users=False)
        assert gate.ask("FCALL", "tw5_epoch", "1", "epoch") == epoch


def test_nodes_know_of_each_other_and_of_one_that_goes_by_their_name(own: OwnValkey) -> None:
    with own.asks("worker") as worker:

        def here(name: str, instance: str) -> nodes.Nodes:
            return nodes.nodes_of(worker.ask(*nodes.here(name, instance)))

        assert here("sbc-1", "a") == nodes.Nodes(taken=False, left_s={"sbc-1": nodes.HOLD_S})
        assert here("sbc-2", "b").left_s.keys() == {"sbc-1", "sbc-2"}
        assert here("sbc-1", "a").taken is False, "it says so each second"
        assert here("sbc-1", "c").taken is True
        # who has it keeps it
        assert here("sbc-1", "a").taken is False
        # it is gone: its hold is over
        with own.asks("root") as root:
            seconds, _ = root.ask("TIME")
        over = (int(seconds) - 5) * 1000
        worker.ask("HSET", "nodes", "sbc-1", f"a {over}")
        found = here("sbc-2", "b")
        assert -60 < found.left_s["sbc-1"] < -3
        assert here("sbc-1", "c").taken is False
        assert here("sbc-1", "a").taken is True
        # one that nobody has heard of for long is told of no more
        worker.ask("HSET", "nodes", "sbc-3", f"d {over - 8 * 86_400_000}")
        assert "sbc-3" in here("sbc-2", "b").left_s
        assert "sbc-3" not in here("sbc-2", "b").left_s
