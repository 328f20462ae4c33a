"""A look that raises, hangs or ends late is a reason not to sign, and the next one is taken all the same."""

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from trunkward.engines.whole_file import write_whole
from trunkward.signer import looking as module
from trunkward.signer import server
from trunkward.signer.desk import SigningDesk
from trunkward.signer.identity import Identity, begin
from trunkward.signer.identity_files import IdentityUnfit
from trunkward.signer.looking import Found, Looking
from trunkward.signer.metrics import SignerMetrics
from trunkward.signer.server import _Office

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def reason(found: Found) -> str:
    identity, unfit = found
    assert identity is None
    assert unfit is not None
    return str(unfit)


class PanicException(BaseException):
    """As code in Rust raises it."""


@pytest.mark.parametrize(
    "problem", [RuntimeError("x"), RecursionError(), OSError(5, "I/O"), PanicException()]
)
def test_whatever_it_raises_nothing_may_be_signed(problem: BaseException) -> None:
    def look(*_: object) -> Found:
        raise problem

    async def run() -> None:
        looking = Looking(look)
        for _ in range(2):
            said = reason(await looking.again(None, NOW))  # type: ignore[arg-type]
            assert said.startswith("identity-unreadable: ")
            assert said.endswith(type(problem).__name__)

    asyncio.run(run())


def test_one_that_hangs_has_a_deadline_and_no_second_beside_it() -> None:
    goes_on, began = threading.Event(), list[int]()

    def look(*_: object) -> Found:
        began.append(1)
        goes_on.wait(20)
        return None, module._unreadable("of long ago")

    async def run() -> None:
        looking = Looking(look, deadline_s=0.05)
        assert "takes more than 0.05 s" in reason(await looking.again(None, NOW))  # type: ignore[arg-type]
        for _ in range(3):
            assert "not ended since an earlier look" in reason(await looking.again(None, NOW))  # type: ignore[arg-type]
        goes_on.set()
        assert looking._under_way is not None
        await looking._under_way
        assert len(began) == 1
        # the next one looks anew, and what the late one found is not taken for it
        await looking.again(None, NOW)  # type: ignore[arg-type]
        assert len(began) == 2

    asyncio.run(run())


class Office:
    """What a signer does again and again, without its sockets."""

    def __init__(self, house: Any) -> None:
        files = replace(house.identity(), ordered=True)
        now = datetime.fromtimestamp(house.now_s, UTC)
        self.metrics, self.lines = SignerMetrics(), list[Any]()
        self.office = _Office(
            settings=SimpleNamespace(  # type: ignore[arg-type]
                identity=files, journal=house.tmp / "journal", allowed_uids=frozenset[int]()
            ),
            desk=SigningDesk(begin(files, now)),
            journal=None,  # type: ignore[arg-type]
            committing=self,  # type: ignore[arg-type]
            forgetting=None,  # type: ignore[arg-type]
            metrics=self.metrics,
            clock=lambda: float(house.now_s),
        )

    def take(self, lines: Any, _: object) -> None:
        self.lines += [line.facts for line in lines]

    def failures(self, what: str) -> float:
        return float(self.metrics.failures.labels(what)._value.get())


def test_the_office_stops_signing_says_so_and_goes_on_looking(house: Any) -> None:
    """Property 3: the task that looks does not end; the journal and a counter say what became of it."""
    world = Office(house)
    office = world.office
    good = office._looking

    def look(*_: object) -> Found:
        raise ValueError("secp160r1")

    async def run() -> None:
        office._looking = Looking(look)
        await office.recheck()
        assert office.desk.unfit == "identity-unreadable"
        assert world.failures("look") == 1
        assert world.metrics.fit._value.get() == 0
        assert [(one["kind"], one["error"]) for one in world.lines] == [
            ("signing-stopped", "identity-unreadable")
        ]
        office._looking = good
        await office.recheck()
        assert office.desk.unfit == ""
        assert world.metrics.fit._value.get() == 1

    asyncio.run(run())


def test_signing_that_resumes_with_the_certificate_before_is_said_as_that(house: Any) -> None:
    """The list is good again, and what is in the files is not: both are in the journal, each once."""
    world = Office(house)
    office = world.office
    identity = office.desk.identity
    assert isinstance(identity, Identity)
    refused = IdentityUnfit("trusted-list-refused", "over")
    other = IdentityUnfit("certificate-spc-mismatch", "for 809J")
    found: list[Found] = [(None, refused), (None, other), (identity, other), (identity, other)]
    found += [(None, other), (identity, other), (identity, None), (identity, other)]
    looks = iter(found)

    async def run() -> None:
        office._looking = Looking(lambda *_: next(looks))
        for _ in found:
            await office.recheck()

    with structlog.testing.capture_logs() as logged:
        asyncio.run(run())
    stopped, not_taken = ("signing-stopped", other.reason), ("certificate-not-taken", other.reason)
    resumed = ("signing-resumed", "")
    assert [(one["kind"], one["error"]) for one in world.lines] == [
        ("signing-stopped", refused.reason),
        *(stopped, resumed, not_taken),
        *(stopped, resumed, not_taken),
        not_taken,
    ]
    assert [one["event"] for one in logged] == [one["kind"] for one in world.lines]


def test_the_office_waits_for_its_first_certificate_and_says_so_once(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks often while there is none, tells why it signs nothing, and signs at once when it is there."""
    monkeypatch.setattr(server, "AWAITED_S", 0.001)
    chain = house.files.shaken.read_bytes()
    house.files.shaken.unlink()
    world = Office(house)
    numbers = world.metrics

    def told() -> tuple[object, ...]:
        (sample,) = next(iter(numbers.identity.collect())).samples
        return numbers.fit._value.get(), numbers.files_fit._value.get(), *sample.labels.values()

    async def until(unfit: str) -> None:
        for _ in range(2000):
            if told()[-1] == unfit:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(told())

    async def run() -> None:
        await world.office.recheck()
        assert told() == (0, 1, "", "certificate-awaited")
        task = asyncio.create_task(world.office.look(60.0))
        await asyncio.sleep(0.05)
        write_whole(house.files.shaken, b"no certificate", 0o644)  # a look sees no half of it
        await until("certificate-unreadable")
        assert told() == (0, 0, "", "certificate-unreadable")
        write_whole(house.files.shaken, chain, 0o644)
        await until("")
        task.cancel()

    with structlog.testing.capture_logs() as logged:
        asyncio.run(run())
    serial = world.office.desk.identity.serial
    assert told() == (1, 1, serial, "")
    assert [(one["kind"], one.get("error", one.get("serial"))) for one in world.lines] == [
        ("waits-for-certificate", "certificate-awaited"),
        ("waits-for-certificate", "certificate-unreadable"),
        ("signing-resumed", ""),
        ("certificate-changed", serial),
    ]
    assert [one["event"] for one in logged] == [
        "waits-for-certificate",
        "waits-for-certificate",
        "signing-resumed",
        "certificate-changed",
    ]


def test_one_that_signs_is_looked_at_in_its_time(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "AWAITED_S", 0.001)
    world, looks = Office(house), list[int]()

    def look(*_: object) -> Found:
        looks.append(1)
        return None, module._unreadable("never")

    async def run() -> None:
        world.office._looking = Looking(look)
        task = asyncio.create_task(world.office.look(60.0))
        await asyncio.sleep(0.1)
        task.cancel()

    asyncio.run(run())
    assert looks == []


@pytest.mark.parametrize("ordered", [True, False])
def test_its_end_is_told_when_it_comes_and_the_next_one_taken_at_once(
    ordered: bool, house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told of a signer does not contradict what calls get; one that nobody ordered is no hurry."""
    monkeypatch.setattr(server, "AWAITED_S", 0.001)
    world, began_s = Office(house), house.now_s
    identity = world.office.desk.identity
    assert isinstance(identity, Identity)
    ends_s = identity.certificate.not_valid_after_utc.timestamp()
    world.office.desk.identity = replace(identity, files=replace(identity.files, ordered=ordered))

    def unfit() -> str:
        (sample,) = next(iter(world.metrics.identity.collect())).samples
        return sample.labels["unfit"]

    async def run() -> str:
        await world.office.recheck()
        assert unfit() == ""
        house.now_s = ends_s - 0.05
        task = asyncio.create_task(world.office.look(60.0))
        await asyncio.sleep(0.01)
        house.now_s = ends_s + 1
        for _ in range(2000):
            if unfit():
                break
            await asyncio.sleep(0.01)
        assert unfit() == "certificate-expired"
        house.now_s = began_s
        for _ in range(2000 if ordered else 10):
            if not unfit():
                break
            await asyncio.sleep(0.01)
        task.cancel()
        return unfit()

    assert asyncio.run(run()) == ("" if ordered else "certificate-expired")


def test_what_is_done_again_and_again_outlives_any_exception(house: Any) -> None:
    world = Office(house)
    done: list[int] = []

    def act() -> None:
        done.append(1)
        if len(done) == 3:
            thrice.set()
        raise RecursionError("too deep")

    thrice = asyncio.Event()

    async def run() -> None:
        task = asyncio.create_task(world.office.every(0.001, "forget", act))
        await asyncio.wait_for(thrice.wait(), 20)
        await asyncio.sleep(0)
        assert not task.done()
        task.cancel()

    with structlog.testing.capture_logs() as said:
        asyncio.run(run())
    assert world.failures("forget") >= 3
    assert said[0] == {
        "event": "not-done",
        "what": "forget",
        "error": "RecursionError: too deep",
        "log_level": "error",
    }
