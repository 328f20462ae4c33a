"""Certificate hosts that misbehave, seen from a whole node: calls wait no longer than they may, and go on.

Properties 17 (what is refused), 18 (whom a dead host keeps waiting: nobody else), 19 (what is kept).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from sipkit.certificate_host import CertificateHost, hostile, plain
from sipkit.provider import Provider
from sipkit.transport import Address
from trunkward.fetcher.chains import IN_ALL
from trunkward.trunks.verification import LEAST_WAIT_MS, WAIT_MS
from wire.node.parties import ACME_NUMBER, faults_in, run, until
from wire.records.parties import eventually
from wire.verification.conftest import EVIL, HOST, INSIDE, SILENT, Verified, path_of
from wire.verification.edges import Attempt, asked, at_once, connected
from wire.verification.test_calls_in import CALLING, call_in, record_of, shown, signed, why_of

#: Seconds: what a call waits for a certificate at most, and what it takes beside it where much else goes on. The
#: worst of these hosts would go on for a minute and more.
WITHIN_S = WAIT_MS / 1000 + 7.0


async def fails(verified: Verified, url_host: str, why: set[str], path: str = "") -> None:
    """A call signed with a certificate behind such a URL: not verified, in time, and it goes."""
    provider = verified.provider(url_host)
    if path:
        provider = provider.at(f"https://{url_host}{path}")
    began = time.monotonic()
    call, there, _ = await call_in(verified, signed(provider))
    assert time.monotonic() - began < WITHIN_S
    assert "verstat=No-TN-Validation" in shown(there)[1]
    record = await record_of(verified, call)
    told = record["verification"]
    assert told["verstat"] == "No-TN-Validation"
    assert told["errors"] == [{"code": 436, "cause": "certificate-unavailable"}]
    await asyncio.to_thread(
        eventually, lambda: why_of(verified.node, provider.url), 20, f"the fetcher gives up on {provider.url}"
    )
    assert set(why_of(verified.node, provider.url)) <= why


def test_hostile_answers(verified: Verified) -> None:
    """Summary: Property 17: redirects, drips, a gigabyte, a gzip bomb and the rest, each on a call: refused, once asked, the call goes."""

    async def scenario() -> None:
        provider = verified.provider()
        async with verified.host() as host:
            ways = {
                "/redirect.pem": {"redirected"},
                "/slow-body.pem": {"deadline"},
                "/slow-head.pem": {"deadline"},
                "/never.pem": {"deadline"},
                "/gigabyte.pem": {"too-large"},
                "/endless-chunks.pem": {"too-large"},
                "/many-heads.pem": {"http-malformed"},
                "/bomb.pem": {"encoded"},
                "/seven.pem": {"not-a-chain"},
                "/no-pem.pem": {"not-a-chain"},
                "/more-than-pem.pem": {"not-a-chain"},
                "/absent.pem": {"http-status"},
            }
            host.answers |= hostile(provider.chain)
            for path, why in ways.items():
                await fails(verified, "certificates.example.net", why, path)
                assert host.asked[path] == 1

    run(verified.node, scenario)
    assert not faults_in(verified.node.log("kamailio"))


@pytest.mark.parametrize("name", INSIDE)
def test_names_that_lead_inside(verified: Verified, name: str) -> None:
    """Summary: Property 17: a name for loopback, a v4-mapped or a private address is not connected to, though somebody serves the chain there."""

    async def scenario() -> None:
        provider = verified.provider(name)
        places = [Address(host="127.0.0.1", port=443), Address(host="::1", port=443)]
        async with CertificateHost(places, verified.credential) as host:
            host.publish(path_of(provider), provider.chain)
            await fails(verified, name, {"address-refused"})
            assert not host.asked

    run(verified.node, scenario)


def test_rebinding(verified: Verified) -> None:
    """Summary: Property 17: a name that is public when it is looked at and loopback a moment later is connected to where it was looked at."""

    async def scenario() -> None:
        name = "rebinding.example.net"
        answers = iter([HOST] + ["127.0.0.1"] * 100)

        class Rebinding(list):  # type: ignore[type-arg]
            """Another address each time the table is read for it."""

            def __iter__(self):  # type: ignore[no-untyped-def]
                kept = list(super().__iter__())
                if verified.dns.asked[-1:] == [f"A {name}"]:
                    kept.append((name, "A", next(answers)))
                elif verified.dns.asked[-1:] == [f"AAAA {name}"]:
                    kept.append((name, "TXT", "here"))
                return iter(kept)

        before = verified.dns.records
        verified.dns.records = Rebinding(before)
        try:
            provider = verified.provider(name)
            credential = verified.web.issue(name)
            honest = CertificateHost(Address(host=HOST, port=443), credential)
            inside = CertificateHost(Address(host="127.0.0.1", port=443), credential)
            async with honest, inside:
                for host in (honest, inside):
                    host.publish(path_of(provider), provider.chain)
                _, there, _ = await call_in(verified, signed(provider))
                assert "TN-Validation-Passed" in shown(there)[1]
                assert (honest.asked, inside.asked) == ({path_of(provider): 1}, {})
                assert verified.dns.asked.count(f"A {name}") == 1
                other = provider.at(f"https://{name}/other.pem")
                await call_in(verified, signed(other))
                await asyncio.to_thread(eventually, lambda: why_of(verified.node, other.url), 20, "refused")
                assert why_of(verified.node, other.url) == ["address-refused"]
                assert not inside.asked
        finally:
            verified.dns.records = before

    run(verified.node, scenario)


@pytest.mark.parametrize(
    "url",
    [
        "http://certificates.example.net/a.pem",
        "https://certificates.example.net:22/a.pem",
        "https://user@certificates.example.net/a.pem",
        "https://certificates.example.net./a.pem",
        "https://localhost/a.pem",
        "https://2130706433/a.pem",
        "https://[::ffff:192.0.2.10]/a.pem",
        "https://b\u00fccher.example/a.pem",
    ],
)
def test_urls_nobody_is_asked_for(verified: Verified, url: str) -> None:
    """Summary: Property 17: a URL against the rules is refused with 436 by itself, at once, and neither DNS nor the fetcher hears of it."""

    async def scenario() -> None:
        good = verified.provider()
        value = good.identity("+12125550142", "+12025550101")
        parts = value.partition(";info=<")
        forged = f"{parts[0]};info=<{url}>;alg=ES256;ppt=shaken"
        asked = len(verified.dns.asked)
        began = time.monotonic()
        call, there, _ = await call_in(verified, [("Identity", forged)])
        assert time.monotonic() - began < WAIT_MS / 1000, "it waited"
        assert "verstat=TN-Validation-Failed" in shown(there)[1]
        record = await record_of(verified, call)
        assert [error["code"] for error in record["verification"]["errors"]] in ([436], [438])
        assert len(verified.dns.asked) == asked

    run(verified.node, scenario)


def test_a_host_that_never_answers(verified: Verified) -> None:
    """Summary: Property 18: calls that need it wait their time, then nobody does for a while; calls beside them set up as fast as ever."""

    async def scenario() -> None:
        dead = verified.provider("silent.example.net")
        good = verified.provider()
        connections = 0

        async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await asyncio.sleep(10)
            writer.close()

        server = await asyncio.start_server(silent, SILENT, 443)
        async with verified.host() as host:
            host.publish(path_of(good), good.chain)
            await call_in(verified, signed(good))
            began = time.monotonic()
            waiting = asyncio.create_task(call_in(verified, signed(dead)))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            call, there, _ = await waiting
            assert 2.0 < time.monotonic() - began < WITHIN_S
            for at_once in (False, True):
                if at_once:
                    began = time.monotonic()
                    call, there, _ = await call_in(verified, signed(dead))
                    assert time.monotonic() - began < LEAST_WAIT_MS / 1000, "it waited, too"
                assert "No-TN-Validation" in shown(there)[1]
                record = await record_of(verified, call)
                assert record["verification"]["errors"] == [{"code": 436, "cause": "certificate-unavailable"}]
            assert connections == 1
            # and who may be refused is, however slow his host: another path each time is no excuse
            other = verified.provider("silent.example.net")
            call, there, _ = await call_in(verified, signed(other), name="west")
            assert (there, (await call.final()).status) == (None, 436)
            # nor does it excuse what is bad by itself
            [late], [forged] = (
                signed(verified.provider("silent.example.net")),
                signed(Provider(url=good.url, authority=verified.authority)),
            )
            for headers in ([late, forged], [forged, late]):
                call, there, _ = await call_in(verified, headers, name="west")
                assert (there, (await call.final()).status) in ((None, 436), (None, 438))
                causes = (await record_of(verified, call))["verification"]["errors"]
                assert {"code": 438, "cause": "signature"} in causes
        server.close()

    run(verified.node, scenario)


def test_what_is_kept_survives_restarts(verified: Verified) -> None:
    """Summary: Property 19: after kill -9 of fetcher, gates and Valkey a certificate's host is not asked again, and calls are verified."""

    async def scenario() -> None:
        provider = verified.provider()
        node = verified.node
        async with verified.host() as host:
            host.publish(path_of(provider), provider.chain, cache_control="no-store")
            await call_in(verified, signed(provider))
        assert host.asked == {path_of(provider): 1}
        with node.killed("fetcher", "gate-0", "gate-1"):
            pass
        await asyncio.to_thread(node.wait_ready)
        _, there, _ = await call_in(verified, signed(provider))
        assert "TN-Validation-Passed" in shown(there)[1]

    run(verified.node, scenario)


def attempt(
    verified: Verified, number: int, identities: Sequence[str], carrier: str = "north"
) -> tuple[Path, Attempt]:
    """A call from a carrier, and the gate the edge would ask about it."""
    certificate = verified.node.credential(carrier).certificate.read_text()
    return verified.node.run / "gate" / f"{number % 2}.sock", Attempt(number, certificate, identities)


@pytest.mark.alone  # the fetch has two seconds in all
def test_a_thousand_calls_at_once_make_one_fetch(verified: Verified) -> None:
    """Summary: Property 18: a thousand calls at once, at both gates, whose certificate nobody here has seen: its host is asked once, they wait, and all are verified."""

    async def scenario() -> None:
        provider = verified.provider()
        served = plain(provider.chain)
        attempts = [
            attempt(verified, number, [provider.identity(CALLING, ACME_NUMBER)]) for number in range(1000)
        ]
        async with verified.host() as host, at_once(attempts) as calls:

            async def late(writer: asyncio.StreamWriter) -> None:
                # half of what a fetch may take: on a busy machine the last of them come after the answer
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await calls.all_wait.wait()
                await served(writer)

            host.answers[path_of(provider)] = late
            found = await calls.verdicts()
            assert host.asked == {path_of(provider): 1}
        assert {verdict["verdict"] for verdict in found} == {"admit"}
        assert all("TN-Validation-Passed" in verdict["from_uri"] for verdict in found)

    run(verified.node, scenario)


def hostile_call(verified: Verified, number: int) -> tuple[Path, Attempt]:
    """One of a carrier's with ten URLs nobody has asked for, of a host that never answers."""
    hostile = verified.provider()
    name = EVIL[number % len(EVIL)]
    urls = [f"https://{name}/{number}/{at}.pem" for at in range(10)]
    identities = [hostile.at(url).identity(CALLING, ACME_NUMBER) for url in urls]
    return attempt(verified, number, identities, "west")


async def floods(gate: Path, call: Attempt) -> str:
    """The first verdict of one."""
    streams = await connected(gate)
    verdict = await asked(streams, call)
    streams[1].close()
    return str(verdict["verdict"])


def test_a_carrier_that_names_urls_without_end_blinds_itself_alone(verified: Verified) -> None:
    """Summary: Property 18: 160 calls of one carrier, ten URLs each of hosts that never answer, take a share of the fetches; another carrier's new certificate is fetched and its call verified meanwhile."""

    async def scenario() -> None:
        open_now = most_at_once = 0

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal open_now, most_at_once
            open_now += 1
            most_at_once = max(most_at_once, open_now)
            with suppress(OSError):
                await reader.read()  # until the fetcher has enough
            open_now -= 1
            writer.close()

        # all made before, and all at once
        calls = [hostile_call(verified, number) for number in range(160)]
        server = await asyncio.start_server(silent, SILENT, 443)
        found = await asyncio.gather(*(floods(*call) for call in calls))
        assert "wait" in found, "some are fetched for; others go, or are refused with 436"
        await until(lambda: most_at_once, "the host is asked", 20)
        honest = verified.provider()
        async with verified.host() as host:
            host.publish(path_of(honest), honest.chain)
            _, there, _ = await call_in(verified, signed(honest))
            assert "TN-Validation-Passed" in shown(there)[1]
            assert host.asked == {path_of(honest): 1}
        assert most_at_once <= IN_ALL // 2
        server.close()

    run(verified.node, scenario)
    eventually(lambda: "too-many-fetches" in verified.node.log("fetcher"), 20, "it says so")


def test_what_leads_to_nobody_is_not_kept(verified: Verified) -> None:
    """Summary: Property 19: a chain that leads to no trusted root is on no disk, whatever its host says of how long it is good; one that does is."""

    async def scenario() -> None:
        stranger = Provider(url="https://certificates.example.net/stranger.pem")
        honest = verified.provider()
        kept = verified.node.state / "chains"
        async with verified.host() as host:
            for provider, more in ((stranger, 0), (honest, 1)):
                host.publish(path_of(provider), provider.chain, cache_control="max-age=2147483648")
                before = len(list(kept.glob("*.json")))
                await call_in(verified, signed(provider))
                assert host.asked[path_of(provider)] == 1
                assert len(list(kept.glob("*.json"))) == before + more

    run(verified.node, scenario)
