"""What credentials are worth, and that nobody learns more than that."""

from copy import replace
from hmac import compare_digest
from pathlib import Path
from typing import Any

import pytest

from sipkit.places import TABLE
from trunkward.admission.ports import Credentials, Proven, Stale, Wrong
from trunkward.admission.rows import SecretRow
from trunkward.admission.screen import screen
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Challenge, Reason
from trunkward.control.node_file import read_node_file
from trunkward.digest.algorithm import Algorithm, ha1_of, response_of
from trunkward.digest.header import parameters
from trunkward.digest.nonce import NONCE_LIFE_S, Nonces
from trunkward.digest.secret import derive, seal
from trunkward.gate import credentials as module
from trunkward.gate.credentials import Verifier
from trunkward.sip.transport import Transport
from trunkward.trunks.model import IdentifiedBy

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
MASTER = b"m" * 32
REALM = "sbc.example.com"
NOW = 1_800_000_000.0
CALLED = "sip:+12025550199@sbc.example.com"
NONCES = Nonces(key=derive(MASTER, "nonces"), realm=REALM)


def sealed(password: str, algorithm: Algorithm = Algorithm.SHA256, username: str = "acme") -> bytes:
    what: dict[str, Any] = {"username": username, "realm": REALM}
    ha1 = ha1_of(algorithm, password=password, **what)
    return seal(derive(MASTER, "secrets"), b"i" * 12, ha1, trunk="acme-hq", algorithm=algorithm, **what)


def policy_of(*rows: SecretRow, md5: bool = False, registers: bool = False) -> Snapshot:
    declared = read_node_file(EXAMPLE, "node.yaml")
    trunk = replace(
        *(declared.trunks[0],),
        identified_by=(IdentifiedBy.NETWORK, IdentifiedBy.DIGEST),
        username="acme",
        unsafe_md5=md5,
        registers=registers,
    )
    return Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), {}, 1, TABLE, {"acme-hq": rows}))


POLICY = policy_of(SecretRow(1, sealed("swordfish"), b"", None))


def header(
    password: str = "swordfish",
    method: str = "INVITE",
    algorithm: Algorithm = Algorithm.SHA256,
    **changed: str,
) -> str:
    said = {
        "username": "acme",
        "realm": REALM,
        "nonce": NONCES.make(NOW, b"c" * 12, 7),
        "uri": CALLED,
        "nc": "00000001",
        "cnonce": "0a4f113b",
    } | changed
    ha1 = ha1_of(algorithm, said["username"], said["realm"], password)
    response = response_of(
        *(algorithm, ha1),
        method=method,
        uri=said["uri"],
        nonce=said["nonce"],
        nc=said["nc"],
        cnonce=said["cnonce"],
    )
    return (
        f'Digest username="{said["username"]}", realm="{said["realm"]}", nonce="{said["nonce"]}", '
        f'uri="{said["uri"]}", response="{response}", algorithm={algorithm}, cnonce="{said["cnonce"]}", '
        f"qop=auth, nc={said['nc']}"
    )


def attempt(*values: str, name: str = "proxy-authorization", **changed: Any) -> CallAttempt:
    facts: dict[str, Any] = {
        "id": "a", "at": NOW, "source_ip": "127.0.0.1", "source_port": 5061, "transport": Transport.TLS,
        "local_ip": "127.0.0.10", "local_port": 5061, "ruri": CALLED, "from_uri": "sip:+12025550101@a.example.com",
        "to_uri": CALLED, "call_id": "c", "from_tag": "t", "headers": {name: list(values)},
    }  # fmt: skip
    return CallAttempt(**facts | changed)


def worth(*values: str, policy: Snapshot = POLICY, now: float = NOW, **changed: Any) -> Credentials:
    return Verifier(MASTER, lambda: 7).credentials(attempt(*values, **changed), policy, now)


def test_the_right_ones() -> None:
    found = worth(header(nc="000000ff"))
    assert isinstance(found, Proven)
    assert (found.trunk, found.username, found.nc, found.algorithm) == (
        "acme-hq",
        "acme",
        255,
        Algorithm.SHA256,
    )
    assert found.until == pytest.approx(NOW + NONCE_LIFE_S)
    # a host may be another one (RFC 3261 section 22.4), and other realms' are not for us
    other = header(realm="elsewhere.example.net")
    for uri in (CALLED, "sip:+12025550199@192.0.2.1:5061;transport=tls", "sips:+12025550199@sbc.example.com"):
        assert isinstance(worth(other, header(uri=uri), "Bearer x"), Proven)
    # nor is how they are written
    assert isinstance(worth("Digest rubbish, realm=elsewhere", header()), Proven)


def test_none() -> None:
    assert worth() is None
    assert worth("Bearer x") is None
    assert worth(header(realm="elsewhere.example.net")) is None
    # of the other kind of request (RFC 3261 sections 22.2, 22.3)
    assert worth(header(), name="authorization") is None


def test_a_register_has_its_own_header() -> None:
    registers: dict[str, Any] = {"method": "REGISTER", "ruri": "sip:sbc.example.com"}
    shown = header(method="REGISTER", uri="sip:sbc.example.com")
    assert isinstance(worth(shown, name="authorization", **registers), Proven)
    assert worth(shown, name="proxy-authorization", **registers) is None


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([header("wrong")], 'username "acme": not the secret of trunk acme-hq'),
        ([header(username="nobody")], 'username "nobody": nobody has this username'),
        ([header(username="n" * 100)], f'username "{"n" * 64}": nobody has this username'),
        # usernames and names are apart, and case counts
        ([header(username="acme-hq")], "nobody has this username"),
        ([header(username="ACME")], "nobody has this username"),
        ([header(uri="sip:+12025550198@sbc.example.com")], "for another Request-URI"),
        ([header(uri="sip:sbc.example.com")], "for another Request-URI"),
        ([header(uri="tel:+12025550198")], "for another Request-URI"),
        ([header(uri="rubbish")], "for another Request-URI"),
        ([header(method="BYE")], "not the secret"),
        ([header(algorithm=Algorithm.MD5)], "not the secret"),
        ([header(), header()], "two of them"),
        ([header().replace("qop=auth, ", "")], "no qop"),
        ([header().replace("nc=00000001", "nc=00000002")], "not the secret"),
        ([header().replace("0a4f113b", "0a4f113c")], "not the secret"),
        ([header(), f"Digest rubbish of {REALM}"], "no parameter at"),
    ],
)
def test_wrong_ones(values: list[str], why: str) -> None:
    found = worth(*values)
    assert isinstance(found, Wrong)
    assert why in found.why


@pytest.mark.parametrize("at", range(64))
def test_any_digit_of_the_response_counts(at: int) -> None:
    value = header()
    place = value.index('response="') + len('response="') + at
    other = "0" if value[place] != "0" else "1"
    assert isinstance(worth(value[:place] + other + value[place + 1 :]), Wrong)


@pytest.mark.parametrize(
    ("nonce", "now"),
    [
        (NONCES.make(NOW, b"c" * 12, 7), NOW + NONCE_LIFE_S + 1),
        (NONCES.make(NOW + 60, b"c" * 12, 7), NOW),
        (Nonces(key=derive(b"o" * 32, "nonces"), realm=REALM).make(NOW, b"c" * 12, 7), NOW),
        (Nonces(key=derive(MASTER, "nonces"), realm="elsewhere").make(NOW, b"c" * 12, 7), NOW),
        ("made up", NOW),
    ],
)
def test_a_nonce_that_is_over_is_no_matter_of_passwords(nonce: str, now: float) -> None:
    for shown in (header(nonce=nonce), header("wrong", nonce=nonce), header(username="nobody", nonce=nonce)):
        found = worth(shown, now=now)
        assert isinstance(found, Stale)
        assert "swordfish" not in found.why


def test_both_secrets_are_good_until_the_old_ones_end() -> None:
    policy = policy_of(
        SecretRow(2, sealed("new"), b"", None), SecretRow(3, sealed("swordfish"), b"", NOW + 10)
    )
    fresh: dict[str, Any] = {"nonce": NONCES.make(NOW + 9, b"c" * 12, 7)}
    for password in ("new", "swordfish"):
        assert isinstance(worth(header(password, **fresh), policy=policy, now=NOW + 9.9), Proven)
    assert isinstance(worth(header("new", **fresh), policy=policy, now=NOW + 10.1), Proven)
    assert isinstance(worth(header("swordfish", **fresh), policy=policy, now=NOW + 10.1), Wrong)


@pytest.mark.parametrize(
    "row",
    [
        None,
        SecretRow(4, sealed("swordfish"), b"", NOW - 1),
        SecretRow(5, b"rubbish", b"", None),
        # sealed for another username: moved in the database
        SecretRow(6, sealed("swordfish", username="other"), b"", None),
    ],
)
def test_without_a_secret_that_is_good_nothing_is_right(row: SecretRow | None) -> None:
    assert isinstance(worth(header(), policy=policy_of(*([row] if row else []))), Wrong)


def test_md5_where_the_trunk_says_so_by_its_own_hash() -> None:
    row = SecretRow(7, sealed("swordfish"), sealed("swordfish", Algorithm.MD5), None)
    shown = header(algorithm=Algorithm.MD5)
    found = worth(shown, policy=policy_of(row, md5=True))
    assert isinstance(found, Proven)
    assert found.algorithm is Algorithm.MD5
    # a hash that is left from a time when it did
    left = worth(shown, policy=policy_of(row))
    assert isinstance(left, Wrong)
    assert "has no unsafe_md5" in left.why
    assert isinstance(worth(shown, policy=policy_of(SecretRow(8, row.sha256, b"", None), md5=True)), Wrong)


def test_the_same_is_computed_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not measured here, counted: hashes, and comparisons in constant time."""
    done: list[str] = []
    real, compare = response_of, compare_digest

    def counted(*args: Any, **named: Any) -> str:
        done.append("hash")
        return real(*args, **named)

    def compared(a: str, b: str) -> bool:
        done.append("compare")
        return compare(a, b)

    monkeypatch.setattr(module, "response_of", counted)
    monkeypatch.setattr(module, "compare_digest", compared)
    two = policy_of(SecretRow(9, sealed("a"), b"", None), SecretRow(10, sealed("b"), b"", NOW + 1))
    work = []
    for shown, policy in [
        (header(), POLICY),
        (header("wrong"), POLICY),
        (header("wrong"), two),
        (header(username="nobody"), POLICY),
        (header(), policy_of()),
        (header(uri="sip:other@sbc.example.com"), POLICY),
    ]:
        done.clear()
        worth(shown, policy=policy)
        work.append(tuple(done))
    assert set(work) == {("hash", "compare") * 2}


def asked() -> list[tuple[str, str]]:
    case = screen(attempt(), None, policy_of(), None)
    challenge = Challenge(id="a", record_id="r", reason=Reason.CREDENTIALS_REQUIRED, status=407, phrase="p")
    return Verifier(MASTER, lambda: 7).asked(challenge, case, NOW)


def test_a_challenge_is_answered_by_the_same_node_and_by_no_two_alike() -> None:
    ((name, value),) = asked()
    assert name == "Proxy-Authenticate"
    given = parameters(value)
    assert (given["realm"], given["algorithm"], given["qop"]) == (
        (REALM, True),
        ("SHA-256", False),
        ("auth", True),
    )
    assert isinstance(worth(header(nonce=given["nonce"][0])), Proven)
    assert asked() != asked()


def test_who_is_asked_how() -> None:
    verifier, policy = Verifier(MASTER, lambda: 7), policy_of(md5=True)
    case = screen(attempt(), None, policy, None)
    for status, reason, name, stale in [
        (401, Reason.CREDENTIALS_REQUIRED, "WWW-Authenticate", False),
        (407, Reason.CREDENTIALS_STALE, "Proxy-Authenticate", True),
        (407, Reason.CREDENTIALS_REPLAYED, "Proxy-Authenticate", True),
    ]:
        challenge = Challenge(id="a", record_id="r", reason=reason, status=status, phrase="p")
        lines = verifier.asked(challenge, case, NOW)
        # RFC 8760 section 2.3: the one preferred first
        assert [(n, "MD5" in v, v.endswith("stale=true")) for n, v in lines] == [
            (name, False, stale),
            (name, True, stale),
        ]
