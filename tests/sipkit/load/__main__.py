"""The load processes: `python -m sipkit.load caller|carrier|idle SETTINGS.json`, steered by JSON lines on
stdin."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

from sipkit.certificates import Credential
from sipkit.load.caller import Caller, Plan, TrunkNumbers
from sipkit.load.carrier import Carrier
from sipkit.load.idle import IdleCrowd
from sipkit.transport import Address, client_context, listen_stream, open_stream, server_context

Settings = dict[str, Any]


async def _commands() -> AsyncIterator[Settings]:
    """Yield commands until standard input ends: the parent's death ends the load too."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        yield json.loads(line)


def _say(report: Settings) -> None:
    print(json.dumps(report), flush=True)


def _credential(pair: Settings) -> Credential:
    return Credential(certificate=Path(pair["certificate"]), key=Path(pair["key"]))


async def run_caller(settings: Settings) -> None:
    """Settings: host, port, server_name, trust, trunks[certificate, key, caller, called]. Command: a
    `Plan`."""
    caller = Caller()
    for trunk in settings["trunks"]:
        context = client_context(Path(settings["trust"]), _credential(trunk))
        flow = await open_stream(
            Address(host=settings["host"], port=settings["port"]),
            caller.receive,
            tls=context,
            server_name=settings["server_name"],
        )
        caller.trunks.append((flow, TrunkNumbers(caller=trunk["caller"], called=trunk["called"])))
    _say({"ready": True, "tls": caller.trunks[0][0].tls_version, "cipher": caller.trunks[0][0].tls_cipher})
    async for command in _commands():
        tally = await caller.run(Plan(**command))
        _say(tally.report())


async def run_carrier(settings: Settings) -> None:
    """Settings: host, port, contact_host, credential, trust (or null), ring_s (or null). Any command:
    counts."""
    carrier = Carrier(settings["contact_host"], settings.get("ring_s"))
    trust = settings.get("trust")
    context = server_context(_credential(settings["credential"]), Path(trust) if trust else None)
    listener = await listen_stream(
        Address(host=settings["host"], port=settings["port"]), carrier.receive, tls=context
    )
    carrier.listen_on(listener.local)
    _say({"ready": True, "port": listener.local.port})
    async for _ in _commands():
        _say(carrier.counts.report() | {"connections": len(listener.flows)})


async def run_idle(settings: Settings) -> None:
    """Settings: host, port, server_name, trust, trunks[certificate, key], local_host, size, reconnecting. Any
    command: counts."""
    contexts = [client_context(Path(settings["trust"]), _credential(t)) for t in settings["trunks"]]
    remote = Address(host=settings["host"], port=settings["port"])
    crowd = IdleCrowd(remote, contexts, settings["server_name"], settings["local_host"])
    await crowd.open(settings["size"])
    keeper = asyncio.create_task(crowd.keep(settings["reconnecting"]))
    _say({"ready": True} | crowd.counts.report())
    async for _ in _commands():
        _say(crowd.counts.report() | {"alive": crowd.alive})
    keeper.cancel()


ROLES = {"caller": run_caller, "carrier": run_carrier, "idle": run_idle}


def _open_files() -> None:
    """As many files as the system lets us have: a connection each, and the usual limit is 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _run(main: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where it is installed: about twice the load per CPU second."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


if __name__ == "__main__":
    _open_files()
    _run(ROLES[sys.argv[1]](json.loads(Path(sys.argv[2]).read_text())))
