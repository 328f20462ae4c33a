"""Alerts: who is looked at, what is told once, what waits over a restart, and that nobody waits for anybody."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sipkit.certificates import ThrowawayAuthority
from sipkit.hooks import https_server, openssl_signature, smtp_server
from trunkward.calls.verdict import Reason
from trunkward.engines.alerts_file import Message, read_kept
from trunkward.fetch.webhook import NotDelivered
from trunkward.live.ask import NotAnswered
from trunkward.live.money import Spent
from trunkward.records.model import CheckRecord, DecisionRecord
from trunkward.trunks.alerting import Alerting, Mail, MailTls, Webhook
from trunkward.trunks.spending import OwnerSpending, Raise, Spending, Window
from trunkward.worker import outbox as outbox_module
from trunkward.worker.alerts import FULL_S, MOST_A_ROUND, Alerts, Watched
from trunkward.worker.outbox import MOST_WAITING, TOO_OLD_S, Outbox

NOW = 1_800_000_000.0
ACME = OwnerSpending(owner="trunk:acme-hq", spending=Spending(day_micro=30_000_000, month_micro=300_000_000))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Ledger:
    """What owners have spent in a day, and how often somebody asked."""

    def __init__(self) -> None:
        self.day: dict[str, int] = {}
        self.granted: dict[str, int] = {}
        self.asked: list[list[str]] = []
        self.lost = False

    def __call__(self, accounts: Sequence[str]) -> list[Spent]:
        if self.lost:
            raise NotAnswered("Valkey: gone")
        self.asked.append(list(accounts))
        return [
            Spent(
                granted=self.granted.get(one, 0),
                hour=0,
                day=self.day.get(one, 0),
                month=self.day.get(one, 0),
            )
            for one in accounts
        ]


class Log:
    """What was logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str, **facts: Any) -> None:
        self.lines.append(" ".join([line, *(f"{name}={value}" for name, value in facts.items())]))


def until(found: Callable[[], object], within_s: float = 20.0) -> None:
    end = time.monotonic() + within_s
    while not found():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "alerts.json"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> ThrowawayAuthority:
    return ThrowawayAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def boxes() -> Iterator[list[Outbox]]:
    """Those made in a test, whose threads end with it."""
    made: list[Outbox] = []
    yield made
    for one in made:
        one.stop()


def watching(ledger: Ledger, file: Path, log: Log, *owners: OwnerSpending) -> tuple[Alerts, Outbox]:
    outbox = Outbox(file, log)
    watch = Watched(node="sbc.example.com", currency="EUR", owners=owners)
    return Alerts(outbox, ledger, lambda: watch, log), outbox


def test_each_level_is_told_once_also_by_who_is_started_anew(file: Path) -> None:
    ledger, log = Ledger(), Log()
    told = []
    for micro in (10_000_000, 15_000_000, 15_100_000, 24_000_000, 30_000_000, 30_000_000):
        ledger.day["money:trunk:acme-hq"] = micro
        alerts, _ = watching(ledger, file, log, ACME)  # each round by another process
        alerts.round(NOW)
        told.append(alerts.raised)
    assert told == [0, 1, 0, 1, 1, 0]
    assert log.lines == [
        f"trunk:acme-hq is at {percent} % of what it may spend in 24 hours: {spent}.00 spent and 0.00 held for"
        " calls, of 30.00 EUR"
        f" owner=trunk:acme-hq window=day percent={percent}"
        for percent, spent in ((50, 15), (80, 24), (100, 30))
    ]
    ledger.day.clear()
    alerts, _ = watching(ledger, file, log, ACME)
    alerts.round(NOW)
    assert read_kept(file).told == {}


def test_what_is_held_counts_and_a_raise_is_of_the_moment(file: Path) -> None:
    ledger, log = Ledger(), Log()
    ledger.day["money:trunk:acme-hq"], ledger.granted["money:trunk:acme-hq"] = 20_000_000, 4_000_000
    more = Raise(version=2, owner=ACME.owner, window=Window.DAY, to_micro=60_000_000, until=NOW + 1)
    alerts, outbox = watching(ledger, file, log, replace(ACME, raises=(more,)))
    alerts.round(NOW)
    assert (alerts.raised, outbox.told) == (0, {})
    alerts.round(NOW + 1)
    assert outbox.told == {"trunk:acme-hq day": 80}


def refusal(reason: Reason, cap: str) -> DecisionRecord:
    found = CheckRecord(check="spend", refused=True, cap=cap)
    return DecisionRecord(
        record_id="a" * 32,
        at=NOW,
        attempt_id="a" * 32,
        call_id="c",
        verdict="reject",
        reason=reason,
        findings=[found],
    )


def test_a_cap_a_call_was_refused_for_is_reached(file: Path) -> None:
    ledger, log = Ledger(), Log()
    ledger.day["money:trunk:acme-hq"] = 25_000_000
    alerts, outbox = watching(ledger, file, log, ACME)
    alerts.round(NOW)
    alerts.shipped([refusal(Reason.LIMIT_CALLS, ""), refusal(Reason.SPEND_CAP, "tenant:acme day")], NOW)
    alerts.round(NOW)
    assert (alerts.raised, outbox.told) == (1, {"trunk:acme-hq day": 80})
    for _ in range(3):  # each call that is refused
        alerts.shipped([refusal(Reason.SPEND_CAP, "trunk:acme-hq day")], NOW)
        alerts.round(NOW + 1)
    assert (alerts.raised, outbox.told) == (2, {"trunk:acme-hq day": 100})
    assert "a call was refused that needs more than is left" in log.lines[-1]
    alerts.round(NOW + FULL_S)
    assert (alerts.raised, outbox.told) == (2, {"trunk:acme-hq day": 80})


def test_a_ledger_that_is_lost_changes_nothing(file: Path) -> None:
    ledger, log = Ledger(), Log()
    ledger.day["money:trunk:acme-hq"] = 24_000_000
    alerts, outbox = watching(ledger, file, log, ACME)
    alerts.round(NOW)
    ledger.lost = True
    with pytest.raises(NotAnswered):
        alerts.round(NOW)
    ledger.lost = False
    alerts.round(NOW)
    assert (alerts.raised, outbox.told) == (1, {"trunk:acme-hq day": 80})


def test_of_very_many_each_has_its_turn_and_those_that_were_told_have_each(file: Path) -> None:
    ledger, log = Ledger(), Log()
    owners = [replace(ACME, owner=f"trunk:t{number}") for number in range(2 * MOST_A_ROUND + 500)]
    ledger.day["money:trunk:t3"] = 15_000_000
    alerts, _ = watching(ledger, file, log, *owners)
    for _ in range(3):
        alerts.round(NOW)
    assert {one for asked in ledger.asked for one in asked} == {one.account for one in owners}
    assert [asked.count("money:trunk:t3") for asked in ledger.asked] == [1, 1, 1]
    assert max(map(len, ledger.asked)) == MOST_A_ROUND + 1


def test_a_channel_that_hangs_delays_nobody(file: Path, boxes: list[Outbox]) -> None:
    hangs, got = threading.Event(), list[str]()

    def dead(_: Message) -> None:
        hangs.wait()

    outbox = Outbox(file, Log())
    boxes.append(outbox)
    outbox.channels({"dead": dead, "good": lambda one: got.append(one.subject)})
    for number in range(20):
        outbox.put([(str(number), "{}")])
    until(lambda: len(got) == 20)
    assert got == [str(number) for number in range(20)]
    # the last is taken off the disk when it is delivered
    until(lambda: {one.channel for one in read_kept(file).waiting} == {"dead"})
    hangs.set()


def test_it_is_tried_again_later_and_later_with_the_same_id(
    file: Path, boxes: list[Outbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "FIRST_RETRY_S", 0.02)
    tries, log = list[tuple[str, float]](), Log()

    def send(message: Message) -> None:
        tries.append((message.id, time.monotonic()))
        if len(tries) < 5:
            raise NotDelivered("nobody there")

    outbox = Outbox(file, log)
    boxes.append(outbox)
    outbox.channels({"hook": send})
    outbox.put([("80 %", "{}")])
    until(lambda: read_kept(file).waiting == [])  # the last that is done when it is delivered
    assert len({message_id for message_id, _ in tries}) == 1
    waits = [after - before for (_, before), (_, after) in pairwise(tries)]
    assert all(wait >= 0.02 * 2**place for place, wait in enumerate(waits))
    # said once, not five times
    assert log.lines == [
        "alert not delivered: tried again channel=hook problem=nobody there",
        "alert delivered channel=hook tries=5",
    ]
    assert (outbox.failures, outbox.waiting) == (4, 0)


def test_what_waits_outlives_the_process(file: Path, boxes: list[Outbox]) -> None:
    def lost(_: Message) -> None:
        raise NotDelivered("nobody there")

    first = Outbox(file, Log(), lambda: NOW)
    first.channels({"hook": lost, "gone": lost})
    first.put([("80 %", '{"percent": 80}')])
    until(lambda: [one.tries for one in read_kept(file).waiting] == [1, 1])
    first.stop()
    got, log = list[Message](), Log()
    second = Outbox(file, log, lambda: NOW + 6)
    boxes.append(second)
    second.channels({"hook": got.append})
    until(lambda: second.delivered)
    assert [(one.body, one.tries) for one in got] == [('{"percent": 80}', 1)]
    assert "alert given up channel=gone" in log.lines[0]


def test_it_is_given_up_when_it_is_old_or_too_many_wait(file: Path, boxes: list[Outbox]) -> None:
    def lost(_: Message) -> None:
        raise NotDelivered("nobody there")

    clock = [NOW]
    outbox = Outbox(file, Log(), lambda: clock[0])
    boxes.append(outbox)
    outbox.channels({"hook": lost})
    outbox.put([("80 %", "{}")])
    until(lambda: outbox.failures)
    clock[0] = NOW + TOO_OLD_S
    outbox.put([])
    until(lambda: outbox.given_up)
    assert outbox.waiting == 0
    outbox.put([(str(number), "{}") for number in range(MOST_WAITING + 3)])
    assert (outbox.waiting, outbox.given_up) == (MOST_WAITING, 4)


def test_a_clock_that_was_ahead_for_a_moment_puts_off_no_message(file: Path, boxes: list[Outbox]) -> None:
    """Nor of a process after that one: when it is tried again is in the file."""
    lost, got = [True], list[Message]()

    def send(message: Message) -> None:
        if lost[0]:
            raise NotDelivered("nobody there")
        got.append(message)

    clock = [NOW + 300 * 86_400]
    first = Outbox(file, Log(), lambda: clock[0])
    first.channels({"hook": send})
    first.put([("80 %", "{}")])
    until(lambda: [one.tries for one in read_kept(file).waiting] == [1])
    first.stop()
    lost[0] = False
    boxes.append(Outbox(file, Log(), lambda: NOW))
    boxes[0].channels({"hook": send})
    until(lambda: got)


def test_a_refusal_by_a_clock_that_was_ahead_counts_for_no_year(file: Path) -> None:
    ledger, log = Ledger(), Log()
    ledger.day["money:trunk:acme-hq"] = 25_000_000
    alerts, outbox = watching(ledger, file, log, ACME)
    alerts.shipped([refusal(Reason.SPEND_CAP, "trunk:acme-hq day")], NOW + 300 * 86_400)
    alerts.round(NOW)
    assert outbox.told == {"trunk:acme-hq day": 80}


def test_a_file_that_is_no_file_of_ours_is_begun_anew(file: Path) -> None:
    file.write_bytes(b"\x00 half of")
    alerts, outbox = watching(Ledger(), file, Log(), ACME)
    alerts.round(NOW)
    assert (outbox.told, outbox.waiting) == ({}, 0)


def test_from_the_ledger_to_webhook_and_mail(
    file: Path, authority: ThrowawayAuthority, boxes: list[Outbox], tmp_path: Path
) -> None:
    """Both on real connections, with a third that nobody answers."""
    (tmp_path / "secret").write_text(SECRET)
    credential, trust = authority.issue("127.0.0.1"), str(authority.trust)
    ledger, log = Ledger(), Log()
    ledger.day["money:trunk:acme-hq"] = 24_000_000
    with https_server(credential) as hooks, smtp_server(credential, starttls=True) as server:
        alerting = Alerting(
            webhooks=(
                Webhook(url="https://127.0.0.1:1/gone", secret_file=str(tmp_path / "secret"), ca_file=trust),
                Webhook(url=hooks.url, secret_file=str(tmp_path / "secret"), ca_file=trust),
            ),
            mail=Mail(
                host=server.host,
                port=server.port,
                sender="node@example.com",
                to=("noc@example.com",),
                tls=MailTls.STARTTLS,
                ca_file=trust,
            ),
        )
        watch = Watched(node="sbc.example.com", currency="EUR", owners=(ACME,), alerting=alerting)
        outbox = Outbox(file, log)
        boxes.append(outbox)
        alerts = Alerts(outbox, ledger, lambda: watch, log)
        alerts.round(time.time())
        until(lambda: outbox.delivered == 2 and outbox.failures)
        alerts.round(time.time())
        (hook,) = hooks.received
        (message,) = server.messages
    assert hook[0]["webhook-signature"] == openssl_signature(SECRET, hook)
    assert json.loads(hook[1])["data"]["percent"] == 80
    assert message["Subject"].startswith("[sbc.example.com] trunk:acme-hq is at 80 % of what it may spend in")
    assert outbox.waiting == 1


def test_who_looks_at_certificates_too_waits_for_no_ledger(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Valkey that is lost, and a look that fails, keep nobody else from looking; each is told once."""
    monkeypatch.setattr("trunkward.worker.alerts.ROUND_S", 0.01)
    ledger, log, stopped = Ledger(), Log(), threading.Event()
    looks: list[float] = []
    ledger.lost = True
    watch = Watched(node="sbc.example.com", currency="EUR", owners=(ACME,))

    def also(now: float) -> None:
        looks.append(now)
        raise OSError("no such directory")

    alerts = Alerts(Outbox(file, log), ledger, lambda: watch, log, {"certificates": also})
    thread = threading.Thread(target=alerts.follow, args=(stopped,))
    thread.start()
    until(lambda: len(looks) >= 3)
    stopped.set()
    thread.join()
    assert log.lines == [
        "what is spent cannot be looked at problem=Valkey: gone",
        "certificates cannot be looked at problem=OSError('no such directory')",
    ]
