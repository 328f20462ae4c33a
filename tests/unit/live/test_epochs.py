"""Each way in which a Valkey may know less than it did begins an epoch, and no two have one number."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from properties.ledger_server import Server
from sipkit.valkey import OwnValkey
from trunkward.admission.ports import Settlement
from trunkward.live import money

TRUNK = "money:trunk:hq"
LONGEST_S = 75.0
S = 1_000_000
#: Valkey's clock, in us since the epoch.
BEGAN = 1_800_000_000 * S


@pytest.fixture
def server() -> Iterator[Server]:
    with closing(Server()) as one:
        one.set_clock(BEGAN)
        one.load()
        yield one


def watch(server: Server, clock: int, *, vouched: bool = False, heard: int = 0) -> money.Watched:
    server.set_clock(clock)
    return money.watched(server.worker(*money.watch(LONGEST_S, clock / S if vouched else None, "", heard)))


def test_the_same_older_file_twice_is_two_epochs(server: Server) -> None:
    """Who has told of his calls in the first is to tell again in the second."""
    epochs = [watch(server, BEGAN).epoch]
    server.valkey.wait_until_written()
    file = server.copy(0)
    for later_s in (60, 120):
        server.restart(file, BEGAN + later_s * S)
        # the ledger's time is the same both times: it leaps by ten seconds at most
        epochs.append(watch(server, BEGAN + later_s * S).epoch)
    assert len(set(epochs)) == 3
    assert epochs == sorted(epochs)


def test_who_has_heard_of_a_later_epoch_begins_one(server: Server) -> None:
    """A server that others had taken over from, and that calls are sent back to, does not know that."""
    epoch = watch(server, BEGAN).epoch
    assert watch(server, BEGAN + S, heard=epoch).epoch == epoch
    back = watch(server, BEGAN + 2 * S, heard=epoch + 5_000_000)
    assert back.epoch == epoch + 5_000_001
    assert back.frozen_ms > 0
    assert watch(server, BEGAN + 3 * S, heard=epoch).epoch == back.epoch, "who is behind begins none"


def test_charges_are_known_until_the_clock_of_the_last_look(server: Server) -> None:
    """Records bear the time of clocks; the ledger's may be ahead of them for long, and never goes back."""
    watch(server, BEGAN)
    put_back = BEGAN - 600 * S
    assert watch(server, put_back, vouched=True).ahead_ms == 600_000
    server.valkey.wait_until_written()
    file = server.copy(0)
    server.restart(file, put_back + 300 * S)
    epoch = watch(server, put_back + 300 * S, vouched=True).epoch
    found = lost(server, "n1", epoch)
    assert found is not None
    assert (found[-1].kept_s, found[-1].until_s) == (put_back / S, put_back / S + 300)


def lost(server: Server, node: str, epoch: int, place: str = "here") -> list[money.Lost] | None:
    return money.lost(server.worker(*money.restoring(node, place, epoch)))


def restored(server: Server, node: str, epoch: int, place: str = "here") -> None:
    server.worker(*money.restored(node, place, epoch, []))


def test_what_is_lost_stays_lost_until_it_is_charged_again(server: Server) -> None:
    """Killed once more before that, by whom it may be: each epoch's time is told to each place, and to each node."""
    first = watch(server, BEGAN).epoch
    nothing = money.Lost(epoch=first, kept_s=0.0, until_s=BEGAN / S, by_another=False)
    for node, by_another in (("n1", False), ("n2", True)):
        assert lost(server, node, first) == [replace(nothing, by_another=by_another)]
        restored(server, node, first)
        assert lost(server, node, first) is None
    epochs = []
    for later_s in (100, 200):
        watch(server, BEGAN + (later_s - 10) * S, vouched=True)
        server.valkey.wait_until_written()
        server.restart(None, BEGAN + later_s * S)
        epochs.append(watch(server, BEGAN + later_s * S, vouched=True).epoch)
    found = [
        money.Lost(epoch=epoch, kept_s=BEGAN / S + at - 10, until_s=BEGAN / S + at, by_another=False)
        for epoch, at in zip(epochs, (100, 200), strict=True)
    ]
    assert lost(server, "n1", epochs[0]) is None, "it is another epoch by now"
    assert lost(server, "n1", epochs[1]) == found
    restored(server, "n1", epochs[1])
    assert lost(server, "n1", epochs[1]) is None
    # its own records may not have been there yet; in a place of its own nobody has looked
    assert lost(server, "n2", epochs[1]) == [replace(one, by_another=True) for one in found]
    assert lost(server, "n2", epochs[1], "elsewhere") == found
    assert lost(server, "new", epochs[1]) == [replace(nothing, by_another=True)], "it has had no calls since"
    restored(server, "new", epochs[1])
    assert lost(server, "new", epochs[1]) is None


def test_of_many_epochs_the_oldest_are_one(server: Server) -> None:
    epochs = [watch(server, BEGAN).epoch]
    restored(server, "n1", epochs[0])
    for nth in range(1, 20):
        epochs.append(watch(server, BEGAN + nth * 100 * S, vouched=True, heard=epochs[-1] + 1).epoch)
    found = lost(server, "n1", epochs[-1])
    assert found is not None
    assert [one.epoch for one in found] == epochs[4:]
    assert (found[0].kept_s, found[0].until_s) == (0.0, BEGAN / S + 400)


def test_a_server_that_has_been_a_replica_begins_one() -> None:
    """Its process is the same; what it knows is its master's, who may have lacked the last writes."""
    with closing(OwnValkey()) as first, closing(OwnValkey()) as second:
        ports = {one: reachable(one) for one in (first, second)}
        follow(second, ports[first])
        with first.asks("worker") as worker:
            before = money.watched(worker.ask(*money.watch(LONGEST_S, None)))
            ask(second, "REPLICAOF", "NO", "ONE")
            worker.ask(*money.settle([(Settlement(record_id="a" * 32, costs=((TRUNK, 900),)), None)]))
        follow(first, ports[second])
        ask(first, "REPLICAOF", "NO", "ONE")
        with first.asks("worker") as worker, first.asks("root") as root:
            after = money.watched(worker.ask(*money.watch(LONGEST_S, None)))
            (spent,) = money.windows_of(root.ask(*money.spent([TRUNK])))
    assert spent.day == 0, "it has lost it"
    assert after.epoch > before.epoch
    assert after.frozen_ms > 0


def reachable(valkey: OwnValkey) -> int:
    """Over the loopback interface, at this port, by a user who may do all."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    valkey.kill()
    users = valkey.paths.valkey_run / "users.acl"
    users.write_text(f"{users.read_text()}\nuser all on nopass ~* &* +@all\n")
    valkey.paths.valkey_secret("all").write_text("any")
    with valkey.configuration.open("a") as configuration:
        configuration.write(f"port {port}\nbind 127.0.0.1\nprimaryuser all\nprimaryauth any\n")
        configuration.write("repl-diskless-sync-delay 0\n")
    valkey.start()
    return port


def ask(valkey: OwnValkey, *words: str) -> bytes:
    with valkey.asks("all") as administrator:
        return bytes(administrator.ask(*words))


def follow(valkey: OwnValkey, port: int) -> None:
    ask(valkey, "REPLICAOF", "127.0.0.1", str(port))
    until = time.monotonic() + 20
    while b"master_link_status:up" not in ask(valkey, "INFO", "replication"):
        assert time.monotonic() < until
        time.sleep(0.05)
