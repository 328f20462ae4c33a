"""Fetching a chain from whoever may answer there. Property 17: hostile hosts are refused within the deadline.

On real connections over loopback, which is let through here alone; in a namespace with a resolver, and with a
whole node: tests/wire/shaken.
"""

import asyncio
import ssl
import time
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from sipkit.certificate_host import CertificateHost, hostile
from sipkit.certificates import ThrowawayAuthority
from sipkit.transport import Address
from trunkward.fetch.chains import MAX_BODY, Fetched, NotFetched, Way, Why, fetch, host_context
from trunkward.routing.ports import NamesUnavailable, ZoneUnavailable
from trunkward.shaken.x5u import UrlRules
from trunkward.trunks.model import Address as IpAddress

HOST = "certificates.example.net"
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
#: Seconds for an answer that never ends, and for one that does, on a machine that has other work.
DEADLINE_S, PATIENCE_S = 0.6, 20.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> ThrowawayAuthority:
    return ThrowawayAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def chain(authority: ThrowawayAuthority) -> bytes:
    return authority.issue("signer").certificate.read_bytes()


def way(authority: ThrowawayAuthority, port: int, **changes: Any) -> Way:
    async def resolve(_: str) -> Sequence[IpAddress]:
        return [ip_address("127.0.0.1")]

    told: dict[str, Any] = {
        "resolve": resolve,
        "tls": host_context(str(authority.trust)),
        "exempt": LOOPBACK,
        "rules": UrlRules(ports=frozenset({port})),
        "deadline_s": PATIENCE_S,
    }
    return Way(**(told | changes))


async def fetched(host: CertificateHost, authority: ThrowawayAuthority, path: str, **changes: Any) -> Fetched:
    return await fetch(f"https://{HOST}:{host.port}{path}", way(authority, host.port, **changes))


def run_at_host(authority: ThrowawayAuthority, chain: bytes, scenario: Any, name: str = HOST) -> Any:
    async def whole() -> Any:
        credential = authority.issue(name)
        async with CertificateHost(Address(host="127.0.0.1", port=0), credential) as host:
            host.answers |= hostile(chain)
            host.publish("/good.pem", chain, cache_control="max-age=172800")
            return await scenario(host)

    return asyncio.run(whole())


def test_a_chain(authority: ThrowawayAuthority, chain: bytes) -> None:
    async def scenario(host: CertificateHost) -> None:
        found = await fetched(host, authority, "/good.pem")
        assert found.chain == chain
        assert found.headers["cache-control"] == "max-age=172800"
        assert 86_400 < found.not_after_s - time.time() < 3 * 86_400
        assert host.asked == {"/good.pem": 1}

    run_at_host(authority, chain, scenario)


REFUSED = {
    "/redirect.pem": Why.REDIRECT,
    "/moved.pem": Why.REDIRECT,
    "/not-modified.pem": Why.REDIRECT,
    "/slow-body.pem": Why.DEADLINE,
    "/slow-head.pem": Why.DEADLINE,
    "/slow-status.pem": Why.DEADLINE,
    "/never.pem": Why.DEADLINE,
    "/gigabyte.pem": Why.SIZE,
    "/endless.pem": Why.SIZE,
    "/endless-chunks.pem": Why.SIZE,
    "/huge-head.pem": Why.HTTP,
    "/many-heads.pem": Why.HTTP,
    "/continued.pem": Why.SIZE,
    "/bomb.pem": Why.ENCODING,
    "/deflated.pem": Why.ENCODING,
    "/gzip-chunked.pem": Why.HTTP,
    "/two-lengths.pem": Why.HTTP,
    "/negative.pem": Why.HTTP,
    "/short.pem": Why.SIZE,
    "/not-http.pem": Why.DEADLINE,
    "/no-pem.pem": Why.CONTENT,
    "/empty.pem": Why.CONTENT,
    "/more-than-pem.pem": Why.CONTENT,
    "/text.pem": Why.CONTENT,
    "/key-too.pem": Why.CONTENT,
    "/seven.pem": Why.CONTENT,
    "/server-error.pem": Why.STATUS,
    "/partial.pem": Why.STATUS,
    "/nothing.pem": Why.STATUS,
}


def test_every_way_to_misbehave_is_tried(chain: bytes) -> None:
    assert REFUSED.keys() == hostile(chain).keys() | {"/nothing.pem"}


@pytest.mark.parametrize("path", REFUSED)
def test_a_hostile_answer_is_refused_within_the_deadline(
    path: str, authority: ThrowawayAuthority, chain: bytes
) -> None:
    """Property 17: redirect, slow drip, a gigabyte, a gzip bomb."""

    async def scenario(host: CertificateHost) -> None:
        within_s = DEADLINE_S if REFUSED[path] is Why.DEADLINE else PATIENCE_S
        async with asyncio.timeout(2 * PATIENCE_S):  # it would go on for ever
            with pytest.raises(NotFetched) as refused:
                await fetched(host, authority, path, deadline_s=within_s)
        assert refused.value.why is REFUSED[path]
        assert host.asked == {path: 1}, "one request, and nowhere else"

    run_at_host(authority, chain, scenario)


def test_no_more_is_read_than_a_chain_may_have(authority: ThrowawayAuthority, chain: bytes) -> None:
    """The last byte that is taken, and the first that is not."""

    async def scenario(host: CertificateHost) -> None:
        padding = b"\n" * (MAX_BODY - len(chain))
        host.publish("/most.pem", chain + padding)
        host.publish("/more.pem", chain + padding + b"\n")
        assert (await fetched(host, authority, "/most.pem")).chain == chain, (
            "what it was padded with is not kept"
        )
        with pytest.raises(NotFetched) as refused:
            await fetched(host, authority, "/more.pem")
        assert refused.value.why is Why.SIZE

    run_at_host(authority, chain, scenario)


def test_what_is_kept_is_written_anew(authority: ThrowawayAuthority, chain: bytes) -> None:
    """Lines of any length and ends of any kind are no bytes of a stranger's to keep; PEM has one form here."""

    async def scenario(host: CertificateHost) -> None:
        begin, *lines, end = chain.decode().strip().splitlines()
        host.publish("/one-line.pem", f"\r\n{begin}\r\n{''.join(lines)}\r\n{end}".encode())
        assert (await fetched(host, authority, "/one-line.pem")).chain == chain

    run_at_host(authority, chain, scenario)


def test_a_certificate_of_another_name_or_authority(
    authority: ThrowawayAuthority, chain: bytes, tmp_path: Path
) -> None:
    async def scenario(host: CertificateHost) -> None:
        with pytest.raises(NotFetched) as refused:
            await fetched(host, authority, "/good.pem")
        assert refused.value.why is Why.TLS
        assert not host.asked

    run_at_host(authority, chain, scenario, name="other.example.net")
    run_at_host(ThrowawayAuthority(tmp_path), chain, scenario)


def test_a_host_without_tls_and_one_that_says_nothing(authority: ThrowawayAuthority) -> None:
    async def scenario() -> None:
        async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(60)
            writer.close()

        async def clear(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.sleep(60)

        for answers, within_s, why in (
            (silent, DEADLINE_S, {Why.DEADLINE, Why.CONNECTION}),
            (clear, PATIENCE_S, {Why.TLS}),
        ):
            server = await asyncio.start_server(answers, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            async with asyncio.timeout(2 * PATIENCE_S):
                with pytest.raises(NotFetched) as refused:
                    await fetch(f"https://{HOST}:{port}/a.pem", way(authority, port, deadline_s=within_s))
            assert refused.value.why in why
            server.close()

    asyncio.run(scenario())


SPECIAL = (
    "127.0.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "10.0.0.1",
    "169.254.169.254",
    "fe80::1",
    "64:ff9b::7f00:1",
)


@pytest.mark.parametrize("address", SPECIAL)
def test_a_name_that_leads_inside_is_not_connected_to(
    address: str, authority: ThrowawayAuthority, chain: bytes
) -> None:
    """Property 17: v4-mapped forms, and localhost by another name; also as one of several addresses."""

    async def scenario(host: CertificateHost) -> None:
        for addresses in ([address], ["8.8.8.8", address]):

            async def resolve(_: str, found: list[str] = addresses) -> Sequence[IpAddress]:
                return [ip_address(one) for one in found]

            with pytest.raises(NotFetched) as refused:
                await fetched(host, authority, "/good.pem", resolve=resolve, exempt=())
            assert refused.value.why is Why.ADDRESS
        assert not host.asked

    run_at_host(authority, chain, scenario)


def test_a_name_that_changes_its_address_is_asked_once(authority: ThrowawayAuthority, chain: bytes) -> None:
    """Property 17, DNS rebinding: what was looked at is what is connected to."""
    asked = []

    async def resolve(name: str) -> Sequence[IpAddress]:
        asked.append(name)
        return [ip_address("127.0.0.1" if len(asked) == 1 else "127.0.0.2")]

    async def scenario(host: CertificateHost) -> None:
        only_the_first = (ip_network("127.0.0.1/32"),)
        found = await fetched(host, authority, "/good.pem", resolve=resolve, exempt=only_the_first)
        assert found.chain == chain
        assert asked == [HOST]
        with pytest.raises(NotFetched) as refused:
            await fetched(host, authority, "/good.pem", resolve=resolve, exempt=only_the_first)
        assert refused.value.why is Why.ADDRESS

    run_at_host(authority, chain, scenario)


def test_the_next_address_is_tried(authority: ThrowawayAuthority, chain: bytes) -> None:
    async def resolve(_: str) -> Sequence[IpAddress]:
        return [ip_address("127.0.0.9"), ip_address("127.0.0.1")]

    async def scenario(host: CertificateHost) -> None:
        assert (await fetched(host, authority, "/good.pem", resolve=resolve)).chain == chain

    run_at_host(authority, chain, scenario)


def test_dns_that_says_nothing(authority: ThrowawayAuthority) -> None:
    async def nobody(_: str) -> Sequence[IpAddress]:
        return []

    async def lost(name: str) -> Sequence[IpAddress]:
        raise NamesUnavailable(f"A of {name}: timed out")

    async def unserved(name: str) -> Sequence[IpAddress]:
        raise ZoneUnavailable(f"A of {name}: SERVFAIL")

    async def slow(_: str) -> Sequence[IpAddress]:
        await asyncio.sleep(60)
        return []

    for resolve, why in (
        (nobody, Why.NAME),
        (lost, Why.DNS),
        (unserved, Why.ZONE),
        (slow, Why.DEADLINE),
    ):
        with pytest.raises(NotFetched) as refused:
            asyncio.run(
                fetch(f"https://{HOST}/a.pem", way(authority, 443, resolve=resolve, deadline_s=DEADLINE_S))
            )
        assert refused.value.why is why


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/a.pem",
        f"https://{HOST}:22/a.pem",
        f"https://user@{HOST}/a.pem",
        f"https://{HOST}/a.pem?b",
        f"https://{HOST}/a.pem#b",
        f"https://{HOST}./a.pem",
        "https://localhost/a.pem",
        "https://127.0.0.1/a.pem",
        "https://2130706433/a.pem",
        "https://[::ffff:127.0.0.1]/a.pem",
        "https://b\u00fccher.example/a.pem",
        "file:///etc/passwd",
    ],
)
def test_a_url_against_the_rules_is_asked_of_nobody(url: str, authority: ThrowawayAuthority) -> None:
    """Property 17: bypass forms, decimal addresses, localhost, trailing dot, IDN."""

    async def nobody(_: str) -> Sequence[IpAddress]:
        raise AssertionError("DNS was asked")

    with pytest.raises(NotFetched) as refused:
        asyncio.run(fetch(url, way(authority, 443, resolve=nobody, rules=UrlRules())))
    assert refused.value.why is Why.URL


def test_hosts_are_held_to_a_tls_that_is_not_broken(authority: ThrowawayAuthority) -> None:
    context = host_context(str(authority.trust))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
