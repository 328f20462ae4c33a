"""`python -m trunkward.signer`: run the signer of one identity."""

import argparse
import asyncio
import gc
import resource
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import structlog

from trunkward.engines.process_log import log_as_json
from trunkward.signer.forgetting import Retention
from trunkward.signer.identity import check_files
from trunkward.signer.identity_files import Administered, IdentityFiles, IdentityUnfit
from trunkward.signer.segments import JournalError
from trunkward.signer.server import SignerSettings, SocketInUse, serve
from trunkward.trunks.token_key import SCHEME, TokenKey

#: sysexits.h EX_CONFIG: a restart does not help, a person has to act.
EXIT_CONFIG = 78


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m trunkward.signer", description=__doc__, allow_abbrev=False
    )

    def needed(option: str, kind: type, metavar: str, said: str, *, needed: bool = True) -> None:
        parser.add_argument(option, type=kind, metavar=metavar, help=said, required=needed)

    needed("--name", str, "NAME", "of the identity: node, or a reseller's")
    needed("--socket", Path, "PATH", "unix socket to listen on")
    needed("--key", str, "PEM", "private key, mode 0600; or where it is in a token (pkcs11:, RFC 7512)")
    needed("--certificate-chain", Path, "PEM", "leaf first, without the root")
    needed("--x5u", str, "URL", "where the chain is published; with / at its end: below it, by its own name")
    needed("--spc", str, "CODE", "our own service provider code")
    needed("--evidence-key", Path, "PEM", "public key of the evidence tokens")
    needed("--denied-evidence", Path, "LIST", "what of it was revoked, signed with that key")
    needed("--journal", Path, "DIRECTORY", "append-only journal; what it commits to is beside it")
    needed("--head", Path, "FILE", "tells how far the journal is")
    needed("--gap", Path, "FILE", "keeps count of lines that no disk took, in memory")
    needed("--keep-days", int, "DAYS", "how long the values are kept that the journal commits to")
    needed("--journal-days", int, "DAYS", "how long the journal is kept; without: for ever", needed=False)
    needed("--heads", Path, "FILE", "signed heads of all journals, by which the clock is judged")
    needed("--authorities", Path, "PEM", "roots that may issue it; or the next three", needed=False)
    needed("--trusted-list", Path, "JWT", "the policy administrator's list of authorities", needed=False)
    needed("--revocations", Path, "CRL", "its revocation list", needed=False)
    needed("--policy-administrator", Path, "PEM", "certificates both are signed under", needed=False)
    parser.add_argument(
        "--ordered", action="store_true", help="the chain comes by an order: wait until it is there"
    )
    parser.add_argument(
        "--hard-revocation", action="store_true", help="no list that is good: nothing is signed"
    )
    parser.add_argument(
        "--third-party", action="store_true", help="sign the level that each request says was supplied"
    )
    parser.add_argument(
        "--recorded-only",
        action="store_true",
        help="no A without a block or record, nothing supplied without a contract",
    )
    parser.add_argument(
        "--unsafe-trusted-clock",
        action="store_true",
        help="what is no longer kept is deleted though the kernel does not call the clock synchronised",
    )
    parser.add_argument(
        "--allow-uid",
        type=int,
        action="append",
        metavar="N",
        required=True,
        help="user that may ask; repeatable",
    )
    parser.add_argument(
        "--check", action="store_true", help="only say whether key and certificate can be signed with"
    )
    needed("--metrics-port", int, "N", "Prometheus metrics on 127.0.0.1", needed=False)
    arguments = parser.parse_args(argv)
    administered = (arguments.trusted_list, arguments.revocations, arguments.policy_administrator)
    if (arguments.authorities is None) == (None in administered):
        parser.error("needed: --authorities; or --trusted-list, --revocations and --policy-administrator")
    return arguments


def _settings(arguments: argparse.Namespace) -> SignerSettings:
    trust = arguments.authorities or Administered(
        trusted_list=arguments.trusted_list,
        revocations=arguments.revocations,
        administrator=arguments.policy_administrator,
        kept=arguments.journal.parent,
        hard=arguments.hard_revocation,
    )
    return SignerSettings(
        name=arguments.name,
        third_party=arguments.third_party,
        recorded_only=arguments.recorded_only,
        socket=arguments.socket,
        identity=IdentityFiles(
            key=TokenKey.read(arguments.key) if arguments.key.startswith(SCHEME) else Path(arguments.key),
            certificate_chain=arguments.certificate_chain,
            trust=trust,
            evidence_key=arguments.evidence_key,
            denied=arguments.denied_evidence,
            x5u=arguments.x5u,
            spc=arguments.spc,
            ordered=arguments.ordered,
        ),
        journal=arguments.journal,
        head=arguments.head,
        gap=arguments.gap,
        retention=Retention(
            keep_days=arguments.keep_days,
            journal_days=arguments.journal_days,
            heads=arguments.heads,
            clock_trusted=arguments.unsafe_trusted_clock,
        ),
        allowed_uids=frozenset(arguments.allow_uid),
        metrics_port=arguments.metrics_port,
    )


async def _run(settings: SignerSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(settings, stop=stop, clock=time.time)


def _check(files: IdentityFiles) -> int:
    try:
        check_files(files, datetime.now(UTC))
    except IdentityUnfit as unfit:
        print(unfit, file=sys.stderr)
        return EXIT_CONFIG
    return 0


def main(argv: list[str]) -> int:
    """Run. Returns 0 after SIGTERM or SIGINT, or a check; 78 when it must not or cannot start."""
    arguments = _arguments(argv)
    if arguments.check:
        return _check(_settings(arguments).identity)
    log_as_json(sys.stderr)
    # A core dump would carry the private key.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        import uvloop

        loop_factory = uvloop.new_event_loop
    except ImportError:
        loop_factory = None
    # what is loaded stays
    gc.freeze()
    # the thread that waits for the disk has hardly anything to do: it is not to wait long for its turn
    sys.setswitchinterval(0.0005)
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_run(_settings(arguments)))
    except (IdentityUnfit, JournalError, SocketInUse, OSError) as error:
        structlog.get_logger("signer").error("not-started", error=str(error))
        return EXIT_CONFIG
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
