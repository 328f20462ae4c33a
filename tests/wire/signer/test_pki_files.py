"""Summary: the node's keys and certificates heal after every break, and change only when they must."""

import os
import shutil
import ssl
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from trunkward.control import pki
from trunkward.control.pki import SipNames
from trunkward.engines import pki_files
from trunkward.engines.certificates import accepted_fingerprints, certificate_facts
from trunkward.engines.pki_files import (
    IdentityFacts,
    PkiFacts,
    PkiFiles,
    PkiOwners,
    ensure_pki,
    read_evidence_key,
    read_secret,
)
from trunkward.shaken.certificate import check_signing_certificate

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BEFORE = "the one before is accepted until 2027-11-23: give its owner the new one by then"
ROOT = os.geteuid() == 0
OWNERS = PkiOwners(
    edge_uid=64011, gate_uid=64012, signer_uid=64013, worker_uid=64016, cert_uid=64014, identities_uid=64015
)
FACTS = PkiFacts(
    node="sbc.example.com",
    node_names=SipNames(
        common_name="sbc.example.com",
        dns=("sbc.example.com",),
        addresses=(ip_address("192.0.2.10"), ip_address("2001:db8::10")),
    ),
    spc="709J",
    peers={"trunk-alpha": SipNames(common_name="alpha", dns=("pbx.alpha.example.com",))},
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert ensure_pki(tmp_path / "pki", FACTS, OWNERS, now=NOW)
    return tmp_path / "pki"


def again(home: Path, facts: PkiFacts = FACTS, now: datetime = NOW) -> tuple[str, ...]:
    changes = ensure_pki(home, facts, OWNERS, now=now)
    assert_good(home, facts, now)
    assert ensure_pki(home, facts, OWNERS, now=now) == ()
    return changes


def assert_good(home: Path, facts: PkiFacts, now: datetime) -> None:
    """Everything fits together, judged by what uses it."""
    files = PkiFiles(home)
    for certificate, key in [
        (files.node, files.node_key),
        *((files.peer(n), files.peer_key(n)) for n in facts.peers),
    ]:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
        x509.load_pem_x509_certificate(certificate.read_bytes()).verify_directly_issued_by(
            x509.load_pem_x509_certificate(files.sip_authority.read_bytes())
        )
    pair = pki.read_pair(files.shaken.read_bytes(), files.shaken_key.read_bytes())
    assert pair
    authority = x509.load_pem_x509_certificate(files.shaken_authority.read_bytes())
    check_signing_certificate(
        certificate=pair.certificate, key=pair.key, chain=(), authorities=(authority,), spc=facts.spc, now=now
    )
    public = read_evidence_key(files.evidence_key).public_key()
    assert load_pem_public_key(files.evidence_public_key.read_bytes()) == public
    assert len(read_secret(files.origid_secret)) == 32
    assert not list(home.rglob(".new-*"))


def test_second_run_changes_nothing(home: Path) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert again(home) == ()
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
    assert len(before) == 16


def test_modes_and_owners(home: Path) -> None:
    files = PkiFiles(home)
    owners = {
        files.node_key: OWNERS.edge_uid,
        files.shaken_key: OWNERS.signer_uid,
        files.origid_secret: OWNERS.gate_uid,
        files.heads_key: OWNERS.worker_uid,
        files.digest_secret: OWNERS.gate_uid,
    }
    for path in home.rglob("*"):
        status = path.stat()
        private = path.suffix in {".key", ".secret"} or path.name == "authority"
        assert bool(status.st_mode & 0o077) != private, path
        assert status.st_uid == (owners.get(path, 0) if ROOT else os.geteuid()), path
    assert stat.S_IMODE((home / "authority").stat().st_mode) == 0o700


def test_opened_files_are_closed_again(home: Path) -> None:
    files = PkiFiles(home)
    files.shaken_key.chmod(0o644)
    (home / "authority").chmod(0o755)
    files.evidence_key.chmod(0o666)
    assert again(home) == (
        "shaken.key: owner-or-mode-repaired",
        "authority/evidence.key: owner-or-mode-repaired",
    )
    test_modes_and_owners(home)


@pytest.mark.parametrize("damage", ["missing", "empty", "half", "garbage"])
@pytest.mark.parametrize(
    "name",
    [
        "authority/sip.key", "sip-ca.pem", "authority/shaken.key", "shaken-ca.pem", "node.key", "node.pem",
        "peers/trunk-alpha.key", "peers/trunk-alpha.pem", "shaken.key", "shaken.pem",
        "authority/evidence.key", "evidence.pub", "heads.key", "heads.pub", "origid.secret",
    ],
)  # fmt: skip
def test_each_file_damaged_is_healed(home: Path, name: str, damage: str) -> None:
    path = home / name
    match damage:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "half":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        case "garbage":
            path.write_bytes(b"\xff\x00 nonsense")
    kept = {path: path.read_bytes() for path in home.rglob("*.pem")}
    before = path.read_bytes() if path.exists() else b""
    assert any(change.startswith(f"{name}: ") for change in again(home))
    test_modes_and_owners(home)
    if name.endswith("-ca.pem"):
        # its key is its own still: nothing it issued is made anew
        assert {path for path, content in kept.items() if path.read_bytes() != content} <= {path}
    if name.startswith("authority/s") or name.endswith("-ca.pem"):
        assert before in [b"", *(aside.read_bytes() for aside in (home / "authority").glob("*.before-*"))]


class BrokenOff(Exception):
    """The machine lost power here."""


@pytest.mark.parametrize("step", range(13))
@pytest.mark.parametrize("renamed", [False, True])
def test_broken_off_at_any_file_it_is_healed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, renamed: bool
) -> None:
    count = 0
    replace_file = Path.replace

    def break_off(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count <= step:
            return replace_file(self, target)
        if renamed:
            replace_file(self, target)
        raise BrokenOff

    monkeypatch.setattr(Path, "replace", break_off)
    with pytest.raises(BrokenOff):
        ensure_pki(tmp_path / "pki", FACTS, OWNERS, now=NOW)
    monkeypatch.undo()
    made = sorted(path.name for path in (tmp_path / "pki").rglob("*") if path.is_file())
    assert len(made) == step + 1
    again(tmp_path / "pki")


def test_keys_of_two_pairs_swapped(home: Path) -> None:
    files = PkiFiles(home)
    shutil.copy(files.node_key, files.peer_key("trunk-alpha"))
    (said,) = again(home)
    assert said.startswith(
        "peers/trunk-alpha.pem: key-mismatch, issued anew; the one before is accepted until"
    )


@pytest.mark.parametrize(
    ("days", "renewed"),
    [(0, False), (334, False), (336, True), (400, True)],
)
def test_renewal_thirty_days_before_the_end(home: Path, days: int, renewed: bool) -> None:
    files = PkiFiles(home)
    key = files.shaken_key.read_bytes()
    changes = again(home, now=NOW + timedelta(days=days))
    assert {change.split(":")[0] for change in changes} == (
        {"node.pem", "peers/trunk-alpha.pem", "shaken.pem"} if renewed else set()
    )
    assert files.shaken_key.read_bytes() == key


def test_the_certificate_before_is_accepted_to_its_own_end(home: Path) -> None:
    files = PkiFiles(home)
    first = pki.certificate_sha256(files.peer("trunk-alpha").read_bytes())
    assert accepted_fingerprints(files, "trunk-alpha", now=NOW) == [first]
    renewed = NOW + timedelta(days=340)
    (said,) = [change for change in again(home, now=renewed) if change.startswith("peers/")]
    assert said == f"peers/trunk-alpha.pem: expiring, issued anew; {BEFORE}"
    second = pki.certificate_sha256(files.peer("trunk-alpha").read_bytes())
    assert accepted_fingerprints(files, "trunk-alpha", now=renewed) == [second, first]
    other_names = SipNames(common_name="alpha", dns=("new.example.com",))
    again(home, replace(FACTS, peers={"trunk-alpha": other_names}), renewed)
    third = pki.certificate_sha256(files.peer("trunk-alpha").read_bytes())
    assert accepted_fingerprints(files, "trunk-alpha", now=renewed) == [third, *sorted((first, second))]
    over = NOW + timedelta(days=366)
    assert accepted_fingerprints(files, "trunk-alpha", now=over) == [third, second]
    again(home, replace(FACTS, peers={"trunk-alpha": other_names}), over)
    assert len(list(files.peers_before.iterdir())) == 1


def test_a_deleted_certificate_is_accepted_no_longer(home: Path) -> None:
    files = PkiFiles(home)
    first = pki.certificate_sha256(files.peer("trunk-alpha").read_bytes())
    files.peer("trunk-alpha").unlink()
    files.peer_key("trunk-alpha").unlink()
    assert again(home) == ("peers/trunk-alpha.key: made", "peers/trunk-alpha.pem: made")
    assert first not in accepted_fingerprints(files, "trunk-alpha", now=NOW)


def test_when_each_certificate_ends(home: Path) -> None:
    files = PkiFiles(home)
    files.shaken.write_bytes(b"half")
    found = {
        each.name: each.until
        for each in certificate_facts(files, ["trunk-alpha"], {"north": NOW}, tested=["node"])
    }
    year, decade = NOW + timedelta(days=365), NOW + timedelta(days=3650)
    assert found == {
        "node.pem": year,
        "shaken.pem": None,
        "sip-ca.pem": decade,
        "shaken-ca.pem": decade,
        "peers/trunk-alpha.pem": year,
        "carrier north: ca": NOW,
    }
    resold = certificate_facts(files, [], {}, tested=["west"])
    assert [each.name for each in resold] == [
        "node.pem",
        "sip-ca.pem",
        "identities/west.pem",
        "shaken-ca.pem",
    ]
    assert "shaken-ca.pem" not in {each.name for each in certificate_facts(files, [], {}, tested=[])}


def test_authority_renewed_while_its_certificates_can_still_live_a_year(home: Path) -> None:
    before = PkiFiles(home).sip_authority.read_bytes()
    late = NOW + timedelta(days=3650 - 364)
    names = {change.split(":")[0] for change in again(home, now=late - timedelta(days=2))}
    assert not {"sip-ca.pem", "shaken-ca.pem"} & names
    names = {change.split(":")[0] for change in again(home, now=late)}
    # issued two days ago, by the same key in the same name: good
    assert names == {"sip-ca.pem", "shaken-ca.pem"}
    assert before in [path.read_bytes() for path in (home / "authority").glob("sip-ca.before-*.pem")]


def test_a_renamed_node_keeps_its_authority(home: Path) -> None:
    authority = {path: path.read_bytes() for path in (home / "sip-ca.pem", home / "authority" / "sip.key")}
    assert again(home, replace(FACTS, node="other.example.com")) == ()
    assert {path: path.read_bytes() for path in authority} == authority


@pytest.mark.parametrize(
    ("facts", "changes"),
    [
        (
            replace(FACTS, node_names=SipNames(common_name="sbc.example.com", dns=("sbc2.example.com",))),
            ("node.pem: names-changed, issued anew",),
        ),
        (
            replace(FACTS, peers={"trunk-alpha": SipNames(common_name="alpha", dns=("new.example.com",))}),
            (f"peers/trunk-alpha.pem: names-changed, issued anew; {BEFORE}",),
        ),
        (replace(FACTS, spc="809J"), ("shaken.pem: certificate-spc-mismatch, issued anew",)),
        (replace(FACTS, peers={}), ()),
    ],
)
def test_changed_configuration_changes_what_it_names(
    home: Path, facts: PkiFacts, changes: tuple[str, ...]
) -> None:
    assert again(home, facts) == changes


def test_a_node_that_signs_by_no_test_authority_has_no_such_certificate(tmp_path: Path) -> None:
    """Summary: none is made, and nothing is said of one; of a node that did before it stays, and is made good when it does again."""
    real = replace(FACTS, signs_tested=False)
    assert not [
        one for one in ensure_pki(tmp_path / "pki", real, OWNERS, now=NOW) if one.startswith("shaken.")
    ]
    files = PkiFiles(tmp_path / "pki")
    assert (files.shaken.exists(), files.shaken_key.exists()) == (False, False)
    changed = replace(FACTS, spc="809J")
    assert again(tmp_path / "pki") == (
        "shaken.key: made",
        "shaken.pem: made",
    )
    before = files.shaken.read_bytes()
    later = NOW + timedelta(days=4000)
    said = ensure_pki(tmp_path / "pki", replace(changed, signs_tested=False), OWNERS, now=later)
    assert not [one for one in said if one.startswith("shaken.")]
    assert files.shaken.read_bytes() == before
    assert again(tmp_path / "pki", changed, later) == ("shaken.pem: certificate-expired, issued anew",)


def test_what_a_request_asked_for_before_is_not_called_broken(home: Path) -> None:
    """Of a certificate that is ordered: another code is no damage."""
    said = []
    for spc in ("709J", "809J", "809J"):
        facts = replace(FACTS, identities={"node": IdentityFacts(spc=spc, signer_uid=OWNERS.signer_uid)})
        said.append([each for each in again(home, facts) if "node.csr" in each])
    anew = "identities/node.csr: asked for another key, code or revocation list, made anew"
    assert said == [["identities/node.csr: made"], [anew], []]


def test_tls_peers_are_checked_by_name(home: Path) -> None:
    """A handshake in memory by Python's ssl: TLS 1.3, both certificates, right and wrong names."""
    files = PkiFiles(home)

    def handshake(name: str) -> dict[str, object]:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(files.node, files.node_key)
        server.load_verify_locations(files.sip_authority)
        server.verify_mode = ssl.CERT_REQUIRED
        client = ssl.create_default_context(cafile=str(files.sip_authority))
        client.minimum_version = ssl.TLSVersion.TLSv1_3
        client.load_cert_chain(files.peer("trunk-alpha"), files.peer_key("trunk-alpha"))
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = [client.wrap_bio(down, up, server_hostname=name), server.wrap_bio(up, down, server_side=True)]
        done: set[int] = set()
        for _ in range(6):
            for number, end in enumerate(ends):
                try:
                    end.do_handshake()
                    done.add(number)
                except ssl.SSLWantReadError:
                    continue
        assert done == {0, 1}
        peer = ends[1].getpeercert()
        assert peer
        return dict(peer)

    # The certificates are of the test's time, not of the machine's: only meaningful when both agree.
    ensure_pki(home, FACTS, OWNERS, now=datetime.now(UTC))
    for name in ("sbc.example.com", "192.0.2.10", "2001:db8::10"):
        assert ("DNS", "pbx.alpha.example.com") in handshake(name)["subjectAltName"]  # type: ignore[operator]
    for name in ("other.example.com", "192.0.2.11", "alpha"):
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(name)


@pytest.mark.parametrize("name", ["../alpha", "a/b", "", ".hidden", "Ä"])
def test_peer_names_that_are_no_file_names(tmp_path: Path, name: str) -> None:
    facts = replace(FACTS, peers={name: SipNames(common_name="x", dns=("x.example.com",))})
    with pytest.raises(ValueError, match="file name"):
        ensure_pki(tmp_path / "pki", facts, OWNERS, now=NOW)
    assert not (tmp_path / "pki").exists()


def test_full_disk_leaves_no_half_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PkiFiles(home).node.unlink()
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:10]))
    with pytest.raises(OSError, match="No space"):
        ensure_pki(home, FACTS, OWNERS, now=NOW)
    monkeypatch.undo()
    assert not PkiFiles(home).node.exists()
    assert again(home) == ("node.pem: made",)


def test_unreadable_is_not_taken_for_missing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = PkiFiles(home).shaken_key.read_bytes()
    read: Callable[[Path], bytes] = Path.read_bytes

    def failing(self: Path) -> bytes:
        if self.name == "shaken.key":
            raise PermissionError(13, "Permission denied")
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", failing)
    with pytest.raises(PermissionError):
        pki_files.ensure_pki(home, FACTS, OWNERS, now=NOW)
    monkeypatch.undo()
    assert PkiFiles(home).shaken_key.read_bytes() == before
