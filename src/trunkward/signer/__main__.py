"""`python -m trunkward.signer`: run the signer, or check a journal of it."""

import argparse
import asyncio
import gc
import logging
import resource
import signal
import sys
import time
from pathlib import Path

import structlog

from trunkward.signer.identity import IdentityFiles, IdentityUnfit
from trunkward.signer.journal import JournalError, verify
from trunkward.signer.server import SignerSettings, SocketInUse, serve

#: sysexits.h EX_CONFIG: a restart does not help, a person has to act.
EXIT_CONFIG = 78

_NEEDED = (
    "socket",
    "key",
    "certificate-chain",
    "authorities",
    "x5u",
    "spc",
    "evidence-key",
    "journal",
    "allow-uid",
)


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m trunkward.signer", description=__doc__, allow_abbrev=False
    )
    parser.add_argument(
        "--verify-journal", type=Path, metavar="FILE", help="check a journal's chain and exit"
    )
    needed = parser.add_argument_group("needed to sign")
    needed.add_argument("--socket", type=Path, metavar="PATH", help="unix socket to listen on")
    needed.add_argument("--key", type=Path, metavar="PEM", help="private key, mode 0600")
    needed.add_argument("--certificate-chain", type=Path, metavar="PEM", help="leaf first, without the root")
    needed.add_argument("--authorities", type=Path, metavar="PEM", help="roots that may issue it")
    needed.add_argument("--x5u", metavar="URL", help="where the chain is published")
    needed.add_argument("--spc", metavar="CODE", help="our own service provider code")
    needed.add_argument("--evidence-key", type=Path, metavar="PEM", help="public key of the evidence tokens")
    needed.add_argument("--journal", type=Path, metavar="FILE", help="append-only journal")
    needed.add_argument(
        "--allow-uid", type=int, action="append", metavar="N", help="user that may ask; repeatable"
    )
    parser.add_argument("--metrics-port", type=int, metavar="N", help="Prometheus metrics on 127.0.0.1")
    arguments = parser.parse_args(argv)
    if arguments.verify_journal is None:
        missing = [option for option in _NEEDED if getattr(arguments, option.replace("-", "_")) is None]
        if missing:
            parser.error("missing: " + ", ".join(f"--{option}" for option in missing))
    return arguments


def _settings(arguments: argparse.Namespace) -> SignerSettings:
    return SignerSettings(
        socket=arguments.socket,
        identity=IdentityFiles(
            key=arguments.key,
            certificate_chain=arguments.certificate_chain,
            authorities=arguments.authorities,
            evidence_key=arguments.evidence_key,
            x5u=arguments.x5u,
            spc=arguments.spc,
        ),
        journal=arguments.journal,
        allowed_uids=frozenset(arguments.allow_uid),
        metrics_port=arguments.metrics_port,
    )


def _configure_log() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


async def _run(settings: SignerSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(settings, stop=stop, clock=time.time)


def main(argv: list[str]) -> int:
    """Run. Returns 0 after SIGTERM or SIGINT, 78 when it must not or cannot start."""
    arguments = _arguments(argv)
    if arguments.verify_journal is not None:
        try:
            print(f"{arguments.verify_journal}: {verify(arguments.verify_journal)} lines, chain unbroken")
        except (JournalError, OSError) as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    _configure_log()
    # A core dump would carry the private key.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        import uvloop

        loop_factory = uvloop.new_event_loop
    except ImportError:
        loop_factory = None
    # what is loaded stays, and a signature makes no cycles: collections may be rare
    gc.freeze()
    gc.set_threshold(50_000)
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_run(_settings(arguments)))
    except (IdentityUnfit, JournalError, SocketInUse, OSError) as error:
        structlog.get_logger("signer").error("not-started", error=str(error))
        return EXIT_CONFIG
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
