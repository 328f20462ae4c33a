"""The fetcher's process: `python -m trunkward.fetcher ...`."""

import argparse
import asyncio
import signal
import time
from contextlib import suppress
from functools import partial
from ipaddress import ip_network
from pathlib import Path

import structlog
import uvloop

from trunkward.engines.exporter import BEAT_S
from trunkward.engines.fetcher_hosts import write_hosts
from trunkward.engines.process_log import log_as_json
from trunkward.engines.trust import TrustFiles
from trunkward.engines.users import uid
from trunkward.fetch.chains import Way, fetch, host_context
from trunkward.fetch.resolver import Resolver
from trunkward.fetcher.chains import Chains
from trunkward.fetcher.held import HeldChains
from trunkward.fetcher.hosts import Hosts
from trunkward.fetcher.kept import KeptChains
from trunkward.fetcher.leading import Leading
from trunkward.fetcher.metrics import FetcherMetrics
from trunkward.fetcher.server import Door
from trunkward.live.shared_chains import SharedChains
from trunkward.settings import FETCHER_METRICS_PORT, Paths
from trunkward.trunks.model import Host

#: Seconds between two looks for chains whose time is over.
_SWEEP_S = 60.0
#: The same of hosts that are told of.
_TELL_S = 2.0


def main() -> None:
    """Runs until SIGTERM."""
    arguments = _arguments()
    log_as_json()
    uvloop.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> None:
    log = structlog.get_logger("fetcher")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    paths = Paths(**{name: getattr(arguments, name) for name in ("config", "state", "run", "log", "live")})
    metrics, hosts = FetcherMetrics(), Hosts()
    way = Way(
        resolve=Resolver(tuple(arguments.resolver)),
        tls=host_context(arguments.authorities),
        exempt=tuple(arguments.unsafe_network),
    )
    disk = KeptChains(paths.chains)
    shared = SharedChains(paths.valkey, "fetcher", paths.valkey_secret("fetcher"))
    trust = TrustFiles(paths, administered=arguments.policy_administrator)
    trust.refresh()
    chains = Chains(
        fetch=partial(fetch, way=way),
        leads=Leading(trust),
        disk=disk,
        held=HeldChains(),
        shared=shared,
        metrics=metrics,
        hosts=hosts,
    )

    async def beat() -> None:
        while True:
            metrics.heartbeat.beat()
            if trust.is_behind():
                await asyncio.to_thread(trust.refresh)
            await asyncio.sleep(BEAT_S)

    async def sweep() -> None:
        while True:
            disk.sweep(time.time())
            await asyncio.sleep(_SWEEP_S)

    async def tell() -> None:
        while True:
            if hosts.has_changed:
                with suppress(OSError):  # a full disk: the next change is told
                    await asyncio.to_thread(write_hosts, paths.fetcher_hosts, hosts.told())
            await asyncio.sleep(_TELL_S)

    paths.fetcher_hosts.unlink(missing_ok=True)
    beside = [asyncio.create_task(each()) for each in (beat, sweep, tell)]
    try:
        metrics.serve(FETCHER_METRICS_PORT)
    except OSError as problem:  # chains are worth more than counters
        log.error("no metrics", port=FETCHER_METRICS_PORT, problem=str(problem))
    await Door(chains, {0, uid("tw-gate")}, metrics).listen(paths.fetcher_socket, stop)
    for task in beside:
        task.cancel()
    shared.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="trunkward.fetcher", description=__doc__)
    parser.add_argument("--authorities", required=True, help="PEM: whom hosts' TLS certificates lead to")
    parser.add_argument(
        "--resolver", action="append", default=[], type=_resolver, help="ADDRESS:PORT of a DNS server"
    )
    parser.add_argument("--unsafe-network", action="append", default=[], type=ip_network)
    parser.add_argument(
        "--policy-administrator", action="store_true", help="one is named: its list says whom to trust"
    )
    parser.add_argument("--live", default="")
    for name in ("config", "state", "run", "log"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    return parser.parse_args()


def _resolver(text: str) -> Host:
    host, _, port = text.rpartition(":")
    return Host(host=host.strip("[]"), port=int(port))


if __name__ == "__main__":
    main()
