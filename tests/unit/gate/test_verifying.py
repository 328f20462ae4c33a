"""A gate's verification: what it knows, what it asks for, how long a call waits for it."""

import asyncio
from copy import replace
from ipaddress import ip_address
from types import SimpleNamespace

import pytest

import trunkward.gate.verifying as module
from sipkit.carrier_call import CALLED, CALLING, NOW, call_in, call_in_transit
from sipkit.provider import Provider
from trunkward.admission.ports import NO_FACTS, Unverified
from trunkward.calls.verdict import Wait
from trunkward.engines.fetcher_client import ALIVE_S, ALONE_S, UNHEARD, FetcherBusy, FetcherLost
from trunkward.engines.fetcher_wire import ChainAnswer, NoChain
from trunkward.fetch.chains import DEADLINE_S, FAULT_OF, Fault, Why
from trunkward.gate.known import MOST_OTHERS
from trunkward.gate.verifying import FIRST_WAIT_MS, MOST_ASKED, MOST_WAIT_MS
from trunkward.shaken.attest import Attestation
from trunkward.shaken.causes import Cause
from trunkward.shaken.diversion import MAX_DEPTH
from trunkward.shaken.passport import RcdClaims
from trunkward.shaken.verify import Verification, Verstat
from trunkward.trunks.verification import LEAST_WAIT_MS, WAIT_MS, VerificationPolicy
from unit.gate.verifying_world import DAY, LATE, NOBODY_TRUSTED, THEN, World, errors, run


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider(now=THEN)


def test_a_signed_call(provider: Provider) -> None:
    """Verified with what the fetcher has; from then on nobody is asked."""

    async def scenario(world: World) -> None:
        for _ in range(2):
            found = await world.look(world.case())
            assert isinstance(found, Verification)
            assert (found.outcome, found.attest, found.spc) == (Verstat.PASSED, Attestation.A, "709J")
            assert found.orig == CALLING[1:]
            assert found.replay_keys
        assert world.fetcher.asked == [provider.url]

    run(provider, scenario)


def test_a_call_in_transit(provider: Provider) -> None:
    """Verified like a carrier's, waited for by its trunk's policy, and counted under its trunk's name."""

    async def scenario(world: World) -> None:
        signed = [provider.identity(CALLING, CALLED, iat=NOW)]
        world.fetcher.open.clear()
        for wait_ms, found in ((500, Wait), (0, Unverified)):
            case = call_in_transit(signed, VerificationPolicy(wait_ms=wait_ms))
            assert isinstance(await world.look(case), found)
        world.fetcher.open.set()
        case = call_in_transit(signed, VerificationPolicy())
        found = await world.look(case)
        assert (found.outcome, found.attest, found.spc) == (Verstat.PASSED, Attestation.A, "709J")
        world.verifying.count(case, replace(NO_FACTS, verification=found))
        counted = {
            (sample.name, *sample.labels.values()): sample.value
            for metric in world.counts.collect()
            for sample in metric.samples
        }
        assert counted["trunkward_gate_verified_levels_total", "acme-hq", "A"] == 1

    run(provider, scenario)


def test_what_is_not_looked_at(provider: Provider) -> None:
    async def scenario(world: World) -> None:
        assert await world.look(call_in([])) == Unverified(why="no-identity")
        for state in (False, SimpleNamespace()):
            world.synchronised = state
            found = await world.look(world.case())
            assert found == Unverified(why="clock-not-synchronised", node_wide=True)
        world.synchronised = True
        # our own TEST authority, by an address on the Internet
        world.trust.trust = replace(world.trust.trust, is_test=True)
        node = replace(world.case().node, addresses=(ip_address("8.8.8.8"),))
        found = await world.look(replace(world.case(), node=node))
        assert found == Unverified(why="no-trusted-list", node_wide=True)
        world.trust.trust = None
        assert await world.look(world.case()) == NOBODY_TRUSTED
        assert not world.fetcher.asked

    run(provider, scenario)


def test_a_call_waits_in_steps_that_double_and_no_longer_than_its_policy(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing here waits: each time the edge is told when to ask again."""

    async def scenario(world: World) -> None:
        world.fetcher.open.clear()
        waited, steps, case = 0, list[int](), world.case()
        await world.look(case)
        # no worker of the edge waits for what was asked for before
        monkeypatch.setattr(module, "QUICK_S", 600.0)
        async with asyncio.timeout(60):
            while isinstance(
                found := await world.look(replace(case, attempt=replace(case.attempt, waited_ms=waited))),
                Wait,
            ):
                steps.append(found.for_ms)
                waited += found.for_ms
        assert steps == [100, 100, 200, 400, 500, 500, 500, 200]
        assert [error.cause for error in errors(found)] == [Cause.CERTIFICATE_UNAVAILABLE], (
            "its host had its time"
        )
        assert world.fetcher.asked == [provider.url], "one question, however often the call came back"
        hasty = world.case(policy=VerificationPolicy(wait_ms=0))
        assert await world.look(hasty) == LATE
        world.fetcher.open.set()
        await asyncio.sleep(0)
        assert isinstance(await world.look(world.case()), Verification)

    run(provider, scenario)


def test_a_thousand_calls_ask_once_and_a_bounded_number_waits(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Property 18: single flight in the gate, too."""
    monkeypatch.setattr(module, "MOST_WAITING", 1200)

    async def scenario(world: World) -> None:
        world.fetcher.open.clear()
        cases = [world.case()] * 1000
        cases = [
            replace(case, attempt=replace(case.attempt, id=f"{number:032x}"))
            for number, case in enumerate(cases)
        ]
        found = await asyncio.gather(*(world.look(case) for case in cases))
        assert world.fetcher.asked == [provider.url]
        assert (
            sum(one == Wait(id=one.id, for_ms=FIRST_WAIT_MS) for one in found if isinstance(one, Wait)) == 600
        )
        assert sum(one == LATE for one in found) == 400

    run(provider, scenario)


def test_whoever_was_judged_waits_no_longer(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place among those that wait is the next one's."""
    monkeypatch.setattr(module, "MOST_WAITING", 2)

    async def scenario(world: World) -> None:
        world.fetcher.open.clear()
        case = world.case()
        first, second = (replace(case, attempt=replace(case.attempt, id=digit * 32)) for digit in "12")
        assert isinstance(await world.look(first), Wait)
        late = await world.look(second)
        assert late == LATE
        world.verifying.count(first, replace(NO_FACTS, verification=late))
        assert isinstance(await world.look(second), Wait)

    run(provider, scenario)


def test_what_is_known_of_good_certificates_no_caller_drives_out(provider: Provider) -> None:
    """Whoever calls chooses URLs: no number of bad ones makes a good one be asked for again."""

    async def scenario(world: World) -> None:
        await world.look(world.case())
        for number in range(MOST_OTHERS + 10):
            url = f"https://evil.example.net/{number}.pem"
            world.verifying._known.learn(url, NoChain(id=1, why="deadline", detail="", until=NOW + 30))
        await world.look(world.case())
        assert world.fetcher.asked == [provider.url]

    run(provider, scenario)


def test_of_one_call_few_urls_are_asked_for(provider: Provider) -> None:
    """However often the edge comes back with it; what is known of the others is used."""

    async def scenario(world: World) -> None:
        world.fetcher.open.clear()
        urls = [f"https://certificates.example.net/{number}.pem" for number in range(10)]
        call = call_in([provider.at(url).identity(CALLING, CALLED, iat=NOW) for url in urls])
        for _ in range(3):
            assert isinstance(await world.look(call), Wait)
        assert world.fetcher.asked == urls[:MOST_ASKED]
        assert set(world.fetcher.senders) == {"north"}
        for url in urls[MOST_ASKED:]:
            world.verifying._known.learn(url, world.given())
        for url in urls[:MOST_ASKED]:
            world.fetcher.answers[url] = world.given()
        world.fetcher.open.set()
        await asyncio.sleep(0.01)
        assert (await world.look(call)).outcome is Verstat.PASSED

    run(provider, scenario)


def test_one_sender_is_not_refused_for_anothers_number(provider: Provider) -> None:
    """The same URL, wanted by two: what the one hears of its share the other does not."""

    async def scenario(world: World) -> None:
        signed = [provider.identity(CALLING, CALLED, iat=NOW)]
        hostile = call_in_transit(signed, VerificationPolicy())
        world.fetcher.open.clear()
        world.fetcher.answers[provider.url] = FetcherBusy("too-many-fetches")
        first = asyncio.create_task(world.look(hostile))
        await asyncio.sleep(0.001)
        second = asyncio.create_task(world.look(world.case()))
        await asyncio.sleep(0.001)
        assert world.fetcher.senders == ["acme-hq", "north"]
        world.fetcher.open.set()
        await asyncio.gather(first, second)

    run(provider, scenario)


def test_whoever_waited_hears_that_his_senders_share_was_used_up(provider: Provider) -> None:
    """The fetcher says so between two looks; unheard, it would be its host that was late: 436."""

    async def scenario(world: World) -> None:
        world.fetcher.open.clear()
        world.fetcher.answers[provider.url] = FetcherBusy("too-many-fetches")
        case = world.case()
        assert isinstance(await world.look(case), Wait)
        world.fetcher.open.set()
        await asyncio.sleep(0.01)
        world.fetcher.open.clear()
        waited = replace(case, attempt=replace(case.attempt, waited_ms=2400))
        assert await world.look(waited) == Unverified(why="too-many-fetches")
        assert world.fetcher.asked == [provider.url]

    run(provider, scenario)


def test_what_does_not_decide_need_not_be_there(provider: Provider) -> None:
    """A name whose certificate cannot be had is not shown; the number is verified all the same."""

    async def scenario(world: World) -> None:
        named = provider.at("https://certificates.example.net/name.pem")
        rcd = named.sign(
            RcdClaims(orig_tn=CALLING[1:], dest_tns=(CALLED[1:],), iat=int(NOW), nam="Example Corp", crn="")
        )
        found = await world.look(call_in([provider.identity(CALLING, CALLED, iat=NOW), rcd]))
        assert isinstance(found, Verification)
        assert (found.outcome, found.rcd) == (Verstat.PASSED, None)

    run(provider, scenario)


def test_a_lost_fetcher_makes_nobody_wait(provider: Provider) -> None:
    """Posture: goes unverified; what is known is verified on."""

    async def scenario(world: World) -> None:
        world.fetcher.answers[provider.url] = FetcherLost("fetcher-lost")
        assert await world.look(world.case()) == Unverified(why="fetcher-lost", node_wide=True)
        world.fetcher.answers[provider.url] = world.given()
        assert isinstance(await world.look(world.case()), Verification)
        world.fetcher.answers[provider.url] = FetcherLost("fetcher-lost")
        assert isinstance(await world.look(world.case()), Verification)

    run(provider, scenario)


@pytest.mark.parametrize("why", Why)
def test_whose_fault_it_is_that_there_is_no_chain(provider: Provider, why: Why) -> None:
    """By the table: 436 for what a stranger's host brings about; what is ours is nobody's error."""

    async def scenario(world: World) -> None:
        world.fetcher.answers[provider.url] = NoChain(id=1, why=why, detail="", until=NOW + 30)
        found = await world.look(world.case())
        if FAULT_OF[why] is Fault.SENDER:
            assert [error.cause for error in errors(found)] == [Cause.CERTIFICATE_UNAVAILABLE]
        else:
            assert found == Unverified(why=why, node_wide=FAULT_OF[why] is Fault.NODE)

    run(provider, scenario)


def test_the_table_of_faults_is_whole() -> None:
    """And what whoever calls can bring about by himself is never the node's."""
    assert set(FAULT_OF) == set(Why)
    assert [why for why in Why if FAULT_OF[why] is Fault.NODE] == [Why.DNS]
    assert [why for why in Why if FAULT_OF[why] is Fault.LIMIT] == [Why.BUSY]


def test_a_fault_nobody_here_knows_refuses_nobody(provider: Provider) -> None:
    async def scenario(world: World) -> None:
        world.fetcher.answers[provider.url] = NoChain(
            id=1, why="of-another-version", detail="", until=NOW + 30
        )
        assert await world.look(world.case()) == Unverified(why="of-another-version")

    run(provider, scenario)


SILENT = "https://silent.example.net/never.pem"
OURS: list[tuple[ChainAnswer | Exception | None, bool]] = [
    (NoChain(id=1, why=Why.DNS, detail="", until=NOW + 30), True),
    (NoChain(id=1, why=Why.BUSY, detail="", until=NOW + 30), False),
    (FetcherLost("fetcher-lost"), True),
    (FetcherBusy("fetcher-overloaded"), False),
    (None, False),
]


@pytest.mark.parametrize(("answer", "node_wide"), OURS)
def test_a_definite_error_stands_whatever_we_could_not_look_at(
    provider: Provider, answer: ChainAnswer | Exception | None, node_wide: bool
) -> None:
    """One more header, whose certificate nobody can have now, excuses none; and is no error of its sender's.

    `None`: it does not come, and the call has not waited for it.
    """

    async def scenario(world: World) -> None:
        assert (await world.look(world.case())).outcome is Verstat.PASSED
        if answer is None:
            world.fetcher.open.clear()
        else:
            world.fetcher.answers[SILENT] = answer
        good, beside = (one.identity(CALLING, CALLED, iat=NOW) for one in (provider, provider.at(SILENT)))
        forger = Provider(url=provider.url, now=THEN, authority=(provider.authority_key, provider.root))
        forged = forger.identity(CALLING, CALLED, iat=NOW)
        policy = VerificationPolicy(wait_ms=0)
        for values in ([forged, beside], [beside, forged]):
            found = await world.look(call_in(values, policy=policy))
            assert found.outcome is Verstat.FAILED
            assert [error.cause for error in errors(found)] == [Cause.SIGNATURE]
        found = await world.look(call_in([good, beside], policy=policy))
        assert isinstance(found, Unverified), "nor does a good one vouch for what nobody has looked at"
        assert found.node_wide is node_wide

    run(provider, scenario)


def test_what_hindered_us_is_the_nodes_only_if_nothing_else_did(provider: Provider) -> None:
    async def scenario(world: World) -> None:
        for path, (answer, _) in enumerate(OURS[:2]):
            assert answer is not None
            world.fetcher.answers[f"https://silent.example.net/{path}.pem"] = answer
        there = [provider.at(f"https://silent.example.net/{path}.pem") for path in (0, 1)]
        for order in (there, there[::-1]):
            found = await world.look(call_in([one.identity(CALLING, CALLED, iat=NOW) for one in order]))
            assert found == Unverified(why=Why.BUSY)

    run(provider, scenario)


def test_a_name_we_could_not_look_at_is_no_error_of_a_good_call(provider: Provider) -> None:
    async def scenario(world: World) -> None:
        world.fetcher.answers[SILENT] = FetcherLost("fetcher-lost")
        rcd = provider.at(SILENT).sign(
            RcdClaims(orig_tn=CALLING[1:], dest_tns=(CALLED[1:],), iat=int(NOW), nam="Example Corp", crn="")
        )
        found = await world.look(call_in([provider.identity(CALLING, CALLED, iat=NOW), rcd]))
        assert (found.outcome, errors(found)) == (Verstat.PASSED, [])

    run(provider, scenario)


def test_a_call_that_may_be_refused_waits_longer_than_a_fetch_may_take() -> None:
    """Else whoever has a slow host could not be refused; and a fetcher that is lost is known to be by then."""
    assert ALIVE_S * UNHEARD * 1000 < DEADLINE_S * 1000 < LEAST_WAIT_MS < WAIT_MS
    assert MOST_WAIT_MS < ALONE_S * 1000, "and hears of it when it asks again"


def test_a_host_that_has_no_chain_is_its_signers_fault(provider: Provider) -> None:
    async def scenario(world: World) -> None:
        none = NoChain(id=1, why="deadline", detail="", until=NOW + 30)
        world.fetcher.answers[provider.url] = none
        found = await world.look(world.case())
        assert isinstance(found, Verification)
        assert [judged.error.cause for judged in found.passports if judged.error] == [
            Cause.CERTIFICATE_UNAVAILABLE
        ]
        world.fetcher.answers[provider.url] = world.given()
        await world.look(world.case(), NOW + 29)
        assert world.fetcher.asked == [provider.url], "left alone until then"
        late = call_in([provider.identity(CALLING, CALLED, iat=NOW + 30)])
        found = await world.look(late, NOW + 30)
        assert found.outcome is Verstat.PASSED

    run(provider, scenario)


def test_the_asserted_number_is_held_against_the_signature_first(provider: Provider) -> None:
    async def scenario(world: World) -> None:
        asserted = {"p-asserted-identity": [f"<sip:{CALLING};verstat=TN-Validation-Passed@x>"]}
        signed = {"identity": [provider.identity(CALLING, CALLED, iat=NOW)]}
        shown = "sip:+12125550199@north.example.net"
        case = call_in([], headers=asserted | signed, from_uri=shown)
        assert (await world.look(case)).orig == CALLING[1:]
        found = await world.look(call_in([], headers=signed, from_uri=shown))
        assert found.passports[0].error.cause is Cause.ORIG_MISMATCH

    run(provider, scenario)


@pytest.mark.parametrize(
    ("date", "cause"),
    [
        ("Mon, 21 Sep 2026 14:13:20 GMT", None),
        ("Mon, 21 Sep 2026 14:12:20 GMT", None),
        ("Mon, 21 Sep 2026 14:12:19 GMT", Cause.DATE_OUTSIDE_WINDOW),
        ("yesterday", Cause.DATE_OUTSIDE_WINDOW),
    ],
)
def test_a_date_is_of_the_same_time(provider: Provider, date: str, cause: Cause | None) -> None:
    async def scenario(world: World) -> None:
        headers = {"identity": [provider.identity(CALLING, CALLED, iat=NOW)], "date": [date]}
        found = await world.look(call_in([], headers=headers))
        error = found.passports[0].error
        assert (error.cause if error else None) is cause

    run(provider, scenario)


def test_a_clock_that_was_ahead_for_a_moment_leaves_no_call_without_a_look(provider: Provider) -> None:
    """Neither a host that failed then is shut out, nor what was found of a certificate then believed."""

    async def scenario(world: World) -> None:
        ahead = NOW + 10 * DAY
        world.fetcher.answers[provider.url] = NoChain(id=1, why="deadline", detail="", until=ahead + 30)
        await world.look(world.case(), ahead)
        world.fetcher.answers[provider.url] = world.given(until=ahead + DAY)
        assert (await world.look(world.case())).outcome is Verstat.PASSED
        known = world.verifying._known.peek(provider.url)
        assert known is not None
        looked = known.credential
        await world.look(world.case(), ahead)
        await world.look(world.case())
        assert known.credential is not looked
        assert known.at_s == NOW

    run(provider, scenario)


def test_each_signature_of_the_longest_chain_is_asked_for(provider: Provider) -> None:
    """One `shaken` and as many `div`s as there may be, each by another provider: none is 436 for ever."""

    async def scenario(world: World) -> None:
        urls = [f"https://sp{number}.example.net/c.pem" for number in range(1 + MAX_DEPTH)]
        world.fetcher.answers = dict.fromkeys(urls, world.given())
        call = call_in([provider.at(url).identity(CALLING, CALLED, iat=NOW) for url in urls])
        await world.look(call)
        assert world.fetcher.asked == urls

    run(provider, scenario)
