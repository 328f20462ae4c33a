"""The process that keeps a certificate fresh: asks when it must, keeps what it has, tells how it goes."""

import asyncio
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from trunkward.certificates import obtain
from trunkward.certificates.obtain import Obtainer
from trunkward.control.pki import SipNames, request_certificate
from trunkward.engines.certificate_state import ObtainState, read_state
from trunkward.fetch.acme_authority import AcmeFailed, Authority

NAMES = SipNames(
    common_name="sbc.example.com", dns=("sbc.example.com",), addresses=(ip_address("127.0.0.10"),)
)
KEY = ec.generate_private_key(ec.SECP256R1())
REQUEST = request_certificate(KEY, NAMES)
DIRECTORY = "https://ca.example.net/directory"


class FakeClient:
    """Stands where the authority's client would; `script`: what comes of each order, in turn."""

    script: list[bytes | Exception] = []  # noqa: RUF012
    orders = 0

    def __init__(self, _authority: Authority) -> None: ...

    def issue(self, request: bytes, _solvers: object) -> bytes:
        assert request == REQUEST
        FakeClient.orders += 1
        outcome = FakeClient.script.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def suggested_renewal(self, _chain: bytes) -> tuple[datetime | None, datetime]:
        return None, datetime.now(UTC) + timedelta(hours=6)


def issued(
    *, lifetime: timedelta = timedelta(days=90), names: tuple[str, ...] = ("sbc.example.com",)
) -> bytes:
    now = datetime.now(UTC)
    issuer = ec.generate_private_key(ec.SECP256R1())
    sans = [*map(x509.DNSName, names), x509.IPAddress(ip_address("127.0.0.10"))]
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([])).issuer_name(x509.Name([])).public_key(KEY.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(minutes=1)).not_valid_after(now + lifetime)
        .add_extension(x509.SubjectAlternativeName(sans), critical=True)
        .sign(issuer, SHA256()).public_bytes(Encoding.PEM)
    )  # fmt: skip


@pytest.fixture
def bound() -> Iterator[socket.socket]:
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        yield port


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obtain, "AcmeClient", FakeClient)
    monkeypatch.setattr(obtain, "ROUND_S", 0.01)
    FakeClient.orders = 0


def run_until(
    home: Path,
    bound: socket.socket,
    script: list[bytes | Exception],
    *,
    failures: int = 0,
    directory: str = DIRECTORY,
) -> ObtainState:
    """Runs until it tells of a certificate, or of so many failures."""
    FakeClient.script = script
    state_file = home / "state.json"

    async def whole() -> ObtainState:
        obtainer = Obtainer(
            Authority(directory=directory, account_key=home / "key", trusted=home / "ca"),
            request=REQUEST, chain=home / "chain.pem", state=state_file, bound=[bound],
        )  # fmt: skip
        stop = asyncio.Event()
        running = asyncio.create_task(obtainer.run(stop))
        async with asyncio.timeout(20):
            while True:
                told = read_state(state_file, ObtainState)
                if told and (told.failures == failures if failures else told.until and not told.ordering):
                    break
                await asyncio.sleep(0.01)
        stop.set()
        await running
        return told

    try:
        return asyncio.run(whole())
    finally:
        state_file.unlink()


def test_asked_for_at_once_and_then_left_alone(tmp_path: Path, bound: socket.socket) -> None:
    told = run_until(tmp_path, bound, [issued()])
    assert told.until is not None
    assert told.next_attempt is not None
    left = told.until - told.next_attempt
    assert timedelta(days=30) <= left <= timedelta(days=35)
    assert (told.problem, told.failures) == ("", 0)
    # a restart keeps it, and asks nobody
    assert run_until(tmp_path, bound, []).until == told.until
    assert FakeClient.orders == 1


def test_another_directory_is_another_certificate(tmp_path: Path, bound: socket.socket) -> None:
    run_until(tmp_path, bound, [issued(lifetime=timedelta(days=60))])
    told = run_until(tmp_path, bound, [issued()], directory="https://other.example.net/directory")
    assert FakeClient.orders == 2
    assert told.until is not None
    assert told.until - datetime.now(UTC) > timedelta(days=80)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (AcmeFailed("https://ca.example.net/directory: Connection refused"), "Connection refused"),
        (issued(names=("other.example.com",)), "does not carry sbc.example.com"),
        (RuntimeError("a fault of ours"), "a fault of ours"),
        (b"<html>", "no certificate in PEM"),
        (issued(lifetime=timedelta(seconds=-1)), "ended at"),
    ],
)
def test_what_fails_changes_nothing_and_is_told(
    outcome: bytes | Exception, said: str, tmp_path: Path, bound: socket.socket
) -> None:
    told = run_until(tmp_path, bound, [outcome], failures=1)
    assert said in told.problem
    assert told.until is None
    assert not (tmp_path / "chain.pem").exists()
    assert told.next_attempt is not None
    wait_s = (told.next_attempt - datetime.now(UTC)).total_seconds()
    assert 100 < wait_s <= 151


def test_what_the_authority_asked_to_wait_is_waited(tmp_path: Path, bound: socket.socket) -> None:
    told = run_until(tmp_path, bound, [AcmeFailed("slow down", retry_after_s=7200)], failures=1)
    assert told.next_attempt is not None
    assert told.next_attempt - datetime.now(UTC) > timedelta(minutes=115)


def test_a_renewal_that_fails_keeps_what_is_there(tmp_path: Path, bound: socket.socket) -> None:
    old = issued(lifetime=timedelta(minutes=0.2))  # more than two thirds of it are over
    (tmp_path / "chain.pem").write_bytes(old)
    (tmp_path / "issued-by").write_text(f"{DIRECTORY} \n")
    told = run_until(tmp_path, bound, [AcmeFailed("no")], failures=1)
    assert told.until is not None
    assert (tmp_path / "chain.pem").read_bytes() == old


def test_a_clock_that_was_ahead_for_a_moment_puts_off_no_question(
    tmp_path: Path, bound: socket.socket
) -> None:
    (tmp_path / "chain.pem").write_bytes(issued())

    async def whole() -> None:
        obtainer = Obtainer(
            Authority(directory=DIRECTORY, account_key=tmp_path / "key", trusted=tmp_path / "ca"),
            request=REQUEST, chain=tmp_path / "chain.pem", state=tmp_path / "state.json", bound=[bound],
        )  # fmt: skip
        now = datetime.now(UTC)
        await obtainer._ask_suggestion(now)
        assert not obtainer._unasked.is_over(now.timestamp() + 3600)
        await obtainer._ask_suggestion(now + timedelta(days=300))
        assert obtainer._unasked.is_over(now.timestamp() + 3600)

    asyncio.run(whole())
