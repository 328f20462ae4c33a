"""Property 11: certificates change under calls that are signed and verified all the while, and none of them fails."""

import json
import ssl
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from sipkit.sti import SPC, Provider
from trunkward.shaken.attest import Attestation
from trunkward.shaken.credential import Credential, credential_of
from trunkward.shaken.passport import PassportSigner, ShakenClaims
from trunkward.shaken.published import published_at
from trunkward.shaken.verify import CalledAs, Verstat, urls_of, verify
from wire.shaken.authority.conftest import wait_until

#: Seconds a certificate lives here; renewed after two thirds, with time to spare on a busy machine.
LIFETIME_S = 24
#: Certificates that must have been used before the test is content.
WANTED = 3
FROM, TO = "12025550101", "12025550199"


class Verifier:
    """Somebody's verification service: keeps what it found behind a URL for a day, as ATIS-1000074 has it."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._kept: dict[str, bytes] = {}
        self.fetched: list[str] = []

    def __call__(self, identity: str) -> str:
        """ "" when it verifies, else why not."""
        now_s = time.time()
        (url,) = urls_of([identity])
        if url not in self._kept:
            self._kept[url] = self._fetch(url)
            self.fetched.append(url)
        # the lists as any gate reads them
        trusted, revoked = self._provider.trusted_list(now_s), self._provider.revocations(now_s)
        credential: Credential = credential_of(self._kept[url], trusted, revoked, now_s, hard=True)
        called = CalledAs(orig=(FROM,), to=TO, request_uri=TO, date_s=now_s, call_id="1")
        found = verify([identity], call=called, credentials={url: credential}, now_s=now_s)
        if found.outcome is Verstat.PASSED and found.spc == SPC:
            return ""
        return str(found)

    def _fetch(self, url: str) -> bytes:
        parts = urlsplit(url)
        context = ssl.create_default_context(cafile=str(self._provider.trust))
        context.check_hostname = False
        where = f"https://{self._provider.sti.where.address}:{parts.port}{parts.path}"
        with urllib.request.urlopen(where, context=context, timeout=20) as answer:
            found: bytes = answer.read()
        return found


class Signer:
    """Signs with the chain in use, which it reads anew each second, as the node's signer each minute."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._read_at = 0.0
        self._passports: PassportSigner | None = None
        self.urls: list[str] = []

    def __call__(self) -> str:
        if time.monotonic() - self._read_at > 1:
            self._read_at = time.monotonic()
            url = published_at(self._provider.sti.published_url, SPC, self._provider.chain.read_bytes())
            if url not in self.urls:
                self.urls.append(url)
                self._passports = PassportSigner.create(self._provider.key, url)
        assert self._passports is not None
        claims = ShakenClaims(
            orig_tn=FROM,
            dest_tns=(TO,),
            attest=Attestation.A,
            iat=int(time.time()),
            origid=str(uuid.uuid4()),
        )
        return self._passports.identity(claims)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path, lifetime=timedelta(seconds=LIFETIME_S))
    made.sti.start()
    task, state = tmp_path / "task.json", tmp_path / "state.json"
    task.write_bytes(msgspec.json.encode(made.task(list_every_s=5, revocations_every_s=3)))
    command = [sys.executable, "-m", "trunkward.certificates.identities"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--task", str(task), "--state", str(state)], stdout=log, stderr=log
        )
    try:
        yield made
    finally:
        process.terminate()
        process.wait()
        made.sti.stop()
        print((tmp_path / "log").read_text())


def test_certificates_change_under_calls_and_no_signature_fails(provider: Provider) -> None:
    """Summary: Property 11: three certificates in a minute, a verifier that keeps URLs for a day, and not one failure."""
    until = time.monotonic() + 60
    while not provider.chain.exists():
        assert time.monotonic() < until
        time.sleep(0.1)
    signer, verifier = Signer(provider), Verifier(provider)
    failures, signed = [], 0
    end = time.monotonic() + LIFETIME_S * (WANTED + 1)
    while len(signer.urls) < WANTED:
        assert time.monotonic() < end, signer.urls
        if failed := verifier(signer()):
            failures.append(failed)
        signed += 1
        time.sleep(0.02)
    assert failures == []
    assert signed > 200
    # each URL was fetched once by the verifier, and once before, from outside, by who switched to it
    assert verifier.fetched == signer.urls
    names = [url.rpartition("/")[2] for url in signer.urls]
    assert provider.sti.asked == [name for name in names for _ in range(2)]
    # and all of them are there still
    assert all((provider.published / name).exists() for name in names)

    def told() -> tuple[str, str]:
        state = json.loads((provider.directory / "state.json").read_text())["identities"]["node"]
        return state["problem"], state["url"]

    # of the last one, or, where this comes late, of the one after that
    before = ("", *signer.urls[:-1])
    wait_until(lambda: told()[0] == "" and told()[1] not in before, "it tells so of itself, each second")
