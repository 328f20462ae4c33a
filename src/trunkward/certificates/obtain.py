"""Obtains the node's certificate by ACME and renews it: `python -m trunkward.certificates.obtain`.

Its user holds the key of our account with the authority, and nothing else of worth: no key of a certificate,
no way to Kamailio. What it brings is a file; `install` decides whether it is used. The certificate there is
goes on until then, whatever happens here.
"""

import argparse
import asyncio
import os
import random
import signal
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import structlog
from cryptography import x509

from trunkward import __version__
from trunkward.certificates import bind
from trunkward.certificates.responder import Responder
from trunkward.control.pki import SipNames
from trunkward.control.renewal import Attempts, next_attempt
from trunkward.control.shown_certificate import (
    MAX_CHAIN_BYTES,
    CertificateRefused,
    Lifetime,
    Use,
    chain_pem,
    check_chain,
    read_chain,
)
from trunkward.engines.certificate_state import ObtainState, write_state
from trunkward.engines.pause import NO_PAUSE, Pause
from trunkward.engines.process_log import log_as_json
from trunkward.engines.whole_file import read_plain, write_whole
from trunkward.fetch.acme_authority import AcmeClient, AcmeFailed, Authority
from trunkward.fetch.http01 import Http01Answers

#: Seconds between two looks at the clock, and between two signs of life.
ROUND_S = 1.0
#: Seconds until this process is gone when it is told to go.
_LEAVES_WITHIN_S = 2.0
#: Seconds until an authority whose suggestion could not be had is asked again.
_ASK_AGAIN_S = 6 * 3600
#: The same, at least and at most, whatever the authority says (RFC 9773 section 4.3.3: within reason).
_SOONEST_S, _LATEST_S = 60.0, 86_400.0
#: Chance here only spreads load; nothing secret depends on it.
_chance = random.SystemRandom().random

log = structlog.get_logger(process="acme")


class Obtainer:
    """One certificate, kept fresh."""

    def __init__(
        self,
        authority: Authority,
        *,
        request: bytes,
        chain: Path,
        state: Path,
        bound: Sequence[socket.socket],
    ) -> None:
        """`request`: what is asked for, PEM; `chain`: where what was issued goes.

        `bound`: HTTP-01's port, on each address.
        """
        self._since = datetime.now(UTC)
        self._authority = authority
        self._request = request
        self._chain = chain
        #: Who issued it: one from an authority before, such as one for tests, does not count as held.
        self._issued_by = chain.with_name("issued-by")
        self._source = f"{authority.directory} {authority.profile}\n".encode()
        self._state = state
        self._answers = Http01Answers()
        self._responder = Responder(bound, self._answers.answer)
        self._public_key, self._names = _wanted(request)
        self._attempts = Attempts()
        self._problem = ""
        self._ordering = False
        self._suggested: datetime | None = None
        self._unasked = NO_PAUSE
        self._renewal_chance, self._retry_chance = _chance(), _chance()
        self._lifetime = self._held()

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop."""
        log.info("ready", directory=self._authority.directory, until=_text(self._lifetime))
        work: asyncio.Task[None] | None = None
        while not stop.is_set():
            now = datetime.now(UTC)
            if work is not None and work.done():
                work.result()
                work = None
            if work is None and self._lifetime is not None and self._unasked.is_over(now.timestamp()):
                work = asyncio.create_task(self._ask_suggestion(now))
            elif work is None and now >= self._due(now):
                self._ordering = True
                work = asyncio.create_task(self._order())
            self._tell(self._due(now))
            try:
                async with asyncio.timeout(ROUND_S):
                    await stop.wait()
            except TimeoutError:
                continue

    def _due(self, now: datetime) -> datetime:
        return next_attempt(
            self._lifetime,
            self._attempts,
            suggested=self._suggested,
            now=now,
            renewal_chance=self._renewal_chance,
            retry_chance=self._retry_chance,
        )

    async def _order(self) -> None:
        names = [*self._names.dns, *map(str, self._names.addresses)]
        log.info("order", directory=self._authority.directory, names=names)
        try:
            async with self._responder.listening():
                pem = await asyncio.to_thread(self._issue)
            chain, lifetime = self._checked(pem)
            write_whole(self._chain, chain_pem(chain), 0o640)
            # after it: broken off between the two, it is asked for once more
            write_whole(self._issued_by, self._source, 0o640)
        except Exception as problem:  # whatever it is: the next try comes later, not with a restart at once
            if not isinstance(problem, AcmeFailed | CertificateRefused | OSError):
                log.exception("order broken off")
            asked_s = problem.retry_after_s if isinstance(problem, AcmeFailed) else 0
            self._attempts = self._attempts.failed(datetime.now(UTC), asked_s)
            self._retry_chance = _chance()
            self._problem = str(problem) or type(problem).__name__
            log.error(
                "no certificate",
                problem=self._problem,
                failures=self._attempts.failures,
                until=_text(self._lifetime),
                next_attempt=self._due(datetime.now(UTC)).isoformat(timespec="seconds"),
            )
        else:
            self._lifetime = lifetime
            self._attempts, self._problem = Attempts(last=datetime.now(UTC)), ""
            self._suggested, self._unasked = None, NO_PAUSE
            self._renewal_chance = _chance()
            log.info("certificate issued", until=_text(lifetime))
        finally:
            self._ordering = False

    def _issue(self) -> bytes:
        return AcmeClient(self._authority).issue(self._request, [self._answers])

    async def _ask_suggestion(self, now: datetime) -> None:
        try:
            pem = self._chain.read_bytes()
            self._suggested, ask_again = await asyncio.to_thread(
                lambda: AcmeClient(self._authority).suggested_renewal(pem)
            )
        except (AcmeFailed, OSError) as problem:
            # nothing is lost: a third of the lifetime is what it is renewed at
            log.warning("no suggestion when to renew", problem=str(problem))
            ask_again = now + timedelta(seconds=_ASK_AGAIN_S)
        for_s = min(max((ask_again - now).total_seconds(), _SOONEST_S), _LATEST_S)
        self._unasked = Pause(now.timestamp(), for_s)

    def _held(self) -> Lifetime | None:
        """How long what is there lasts; None when there is nothing that could be used."""
        try:
            if read_plain(self._issued_by, MAX_CHAIN_BYTES) != self._source:
                return None
            return self._checked(read_plain(self._chain, MAX_CHAIN_BYTES + 1))[1]
        except (OSError, CertificateRefused):
            return None

    def _checked(self, pem: bytes) -> tuple[tuple[x509.Certificate, ...], Lifetime]:
        chain = read_chain(pem)
        now = datetime.now(UTC)
        return chain, check_chain(chain, self._public_key, self._names, use=Use.SERVER, now=now)

    def _tell(self, due: datetime) -> None:
        state = ObtainState(
            at=datetime.now(UTC),
            version=__version__,
            since=self._since,
            directory=self._authority.directory,
            ordering=self._ordering,
            until=self._lifetime.ends if self._lifetime else None,
            next_attempt=due,
            failures=self._attempts.failures,
            problem=self._problem,
        )
        try:
            write_state(self._state, state)
        except OSError as problem:
            log.error("state not written", file=str(self._state), problem=str(problem))


def _wanted(request: bytes) -> tuple[object, SipNames]:
    """The key and the names that a request is for."""
    read = x509.load_pem_x509_csr(request)
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    dns = tuple(names.get_values_for_type(x509.DNSName))
    addresses = tuple(names.get_values_for_type(x509.IPAddress))
    plain = tuple(address for address in addresses if isinstance(address, IPv4Address | IPv6Address))
    return read.public_key(), SipNames(common_name=dns[0], dns=dns, addresses=plain)


def _text(lifetime: Lifetime | None) -> str:
    return f"{lifetime.ends:%Y-%m-%dT%H:%M:%SZ}" if lifetime else ""


async def _main(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def leave() -> None:
        stop.set()
        # an order that runs waits for the authority in a thread, and is left to it; every file here is whole
        loop.call_later(_LEAVES_WITHIN_S, os._exit, 0)

    loop.add_signal_handler(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    obtainer = Obtainer(
        Authority(
            directory=arguments.directory,
            account_key=arguments.account_key,
            trusted=arguments.trusted,
            contact=arguments.contact,
            external_key_id=arguments.external_key_id,
            external_key=arguments.external_key,
            profile=arguments.profile,
        ),
        request=arguments.request.read_bytes(),
        chain=arguments.chain,
        state=arguments.state,
        bound=bind.taken(),
    )
    await obtainer.run(stop)
    log.info("stopped")
    # not by way of the interpreter, which would wait for the thread of an order
    os._exit(0)


def main() -> None:
    """Runs until SIGTERM."""
    log_as_json()
    parser = argparse.ArgumentParser(prog="trunkward.certificates.obtain")
    for name in ("account-key", "trusted", "request", "chain", "state"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--directory", required=True)
    for name in ("contact", "external-key-id", "profile"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--external-key", type=Path, default=None)
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
