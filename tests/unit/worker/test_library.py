"""The worker loads Valkey's functions, and again when Valkey has been away; in between it looks at the ledger's time."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sipkit.valkey import OwnValkey
from trunkward.admission.money import RELEASE_S
from trunkward.control.node_file import read_node_file
from trunkward.engines.probes import valkey as look
from trunkward.live import money
from trunkward.worker import library as loader
from trunkward.worker.library import FunctionLibrary

NODE = replace(read_node_file(Path("examples/node.yaml").read_text("utf-8"), "node.yaml").node, id="sbc-1")


@pytest.fixture
def own() -> Iterator[OwnValkey]:
    running = OwnValkey(functions=False)
    yield running
    running.close()


def test_it_loads_at_its_start_and_after_a_loss(own: OwnValkey) -> None:
    told: list[Any] = []
    functions = FunctionLibrary(own.paths, lambda *words, **more: told.append((words, more)))
    with pytest.raises(OSError, match="functions are not loaded"):
        look(own.paths.valkey, own.paths.valkey_secret("look"))
    functions.load_first()
    version = look(own.paths.valkey, own.paths.valkey_secret("look"))["valkey_version"]
    assert version
    commands = look(own.paths.valkey, own.paths.valkey_secret("look"))["total_commands_processed"]
    for _ in range(5):
        functions.round()
    # the look's own four, and each round one: a function, which is counted with what it does
    info = look(own.paths.valkey, own.paths.valkey_secret("look"))
    assert int(info["total_commands_processed"]) - int(commands) <= 4 + 5 * 5
    with own.asks("worker") as worker:
        assert money.watched(worker.ask(*money.watch(0, None))).epoch > 10**12
    own.lose_everything()
    with pytest.raises(OSError, match="functions are not loaded"):
        look(own.paths.valkey, own.paths.valkey_secret("look"))
    functions.round()
    look(own.paths.valkey, own.paths.valkey_secret("look"))
    assert told == []
    functions.close()


def test_without_valkey_it_waits_a_little_and_says_so_once(
    own: OwnValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "_FIRST_WITHIN_S", 0.2)
    told: list[Any] = []
    functions = FunctionLibrary(own.paths, lambda *words, **more: told.append((words, more)))
    own.kill()
    began = time.monotonic()
    functions.load_first()
    assert time.monotonic() - began >= 0.2
    functions.round()
    functions.round()
    ((words, more),) = told
    assert words == ("Valkey's functions are not loaded",)
    assert "valkey.sock" in more["problem"]
    own.start()
    functions.round()
    look(own.paths.valkey, own.paths.valkey_secret("look"))
    functions.close()


def test_for_how_long_a_ledger_that_has_lost_all_is_frozen(own: OwnValkey) -> None:
    functions = FunctionLibrary(own.paths, print, lambda: NODE)
    own.lose_everything()
    functions.round()
    frozen_ms: list[int] = []
    functions.with_ledger(lambda _, watched: frozen_ms.append(watched.frozen_ms))
    functions.close()
    assert frozen_ms == [(NODE.grant_s + RELEASE_S) * 1125]


def test_two_nodes_of_one_name_are_found_out(own: OwnValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    libraries = []
    for instance in ("first", "second"):
        monkeypatch.setattr(loader, "_instance", lambda _, instance=instance: instance)
        libraries.append(
            FunctionLibrary(own.paths, lambda *words, **more: told.append((words, more)), lambda: NODE)
        )
    first, second = libraries
    for library in libraries:
        library.load_first()
        library.round()
        library.round()
    # once, by the one that came later; the first one keeps the name
    assert told == [(("another node goes by this one's name: write another node.id",), {"id": "sbc-1"})]
    assert not first.name_taken
    # a machine that was started anew is another for as long as its hold lasts: that is no trouble yet
    assert not second.name_taken
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 30)
    first.round()
    second.round()
    assert (first.name_taken, second.name_taken) == (False, True)
    for library in libraries:
        library.close()


def test_a_ledger_in_another_currency_is_told_of_once(own: OwnValkey) -> None:
    told: list[Any] = []

    def library(currency: str) -> FunctionLibrary:
        node = replace(NODE, currency=currency)
        made = FunctionLibrary(own.paths, lambda *words, **more: told.append((words, more)), lambda: node)
        made.load_first()
        made.round()
        made.round()
        return made

    first, second = library("EUR"), library("USD")
    ((words, more),) = told
    assert "another currency than node.currency" in words[0]
    assert more == {"ledger": "EUR", "node": "USD"}
    with own.asks("worker") as worker:
        assert worker.ask(*money.forget([], "USD")) == 0
    first.round()
    second.round()
    assert [more for _, more in told] == [{"ledger": "EUR", "node": "USD"}, {"ledger": "USD", "node": "EUR"}]
    first.close()
    second.close()
