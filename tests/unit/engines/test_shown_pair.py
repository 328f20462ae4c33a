"""Certificates from elsewhere: how their files are read, what Kamailio is given, and what is said of them."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from sipkit.certificates import Credential, ThrowawayAuthority
from trunkward.certificates import install
from trunkward.certificates.install import Installer
from trunkward.control.node_file import read_node_file
from trunkward.control.shown_certificate import CertificateRefused, Lifetime, Use
from trunkward.engines.certificate_state import ObtainState, PlaceState, ShownState, write_state
from trunkward.engines.certificates import shown
from trunkward.engines.kamailio import render_tls_cfg
from trunkward.engines.kamailio_control import NotDone
from trunkward.engines.shown_pair import Place, places, public_names, read_pair, stamp
from trunkward.settings import Paths
from trunkward.trunks.model import AcmeSettings, CertificateFiles, Declared

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
ACME = AcmeSettings(directory="https://ca.example.net/directory")
NAME = "sbc.example.com"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(config=tmp_path / "node.yaml", state=tmp_path / "state", run=tmp_path / "run", log=tmp_path)
    for directory in (found.acme_state, found.shown_state, found.run / "edge" / "x"):
        directory.parent.mkdir(parents=True)
    return found


@pytest.fixture
def authority(tmp_path: Path) -> ThrowawayAuthority:
    return ThrowawayAuthority(tmp_path / "authority")


def declared_with(certificate: AcmeSettings | CertificateFiles | None) -> Declared:
    declared = read_node_file(EXAMPLE, "node.yaml")
    return replace(declared, node=replace(declared.node, certificate=certificate))


def place_of(credential: Credential, target: Path, *, from_acme: bool = False) -> Place:
    return Place(
        name="server", chain=str(credential.certificate), key=str(credential.key), use=Use.SERVER,
        target=str(target), dns=[NAME], from_acme=from_acme,
    )  # fmt: skip


def test_what_comes_from_elsewhere(paths: Paths) -> None:
    assert places(declared_with(None), paths) == []
    (server,) = places(declared_with(ACME), paths)
    assert (server.chain, server.key) == (str(paths.acme_chain), str(paths.pki / "server.key"))
    assert server.from_acme
    # the name, and what stands in Contact
    assert (server.dns, server.addresses) == ([NAME], ["127.0.0.10"])
    own = declared_with(None).node
    named = replace(own, contact_hosts=("edge.example.com",))
    assert public_names(replace(declared_with(None), node=named)).dns == (NAME, "edge.example.com")
    files = CertificateFiles(chain="/c.pem", key="/k.pem")
    declared = declared_with(None)
    north, south = declared.carriers
    given = replace(declared, carriers=(replace(north, client_certificate=files), south))
    (client,) = places(given, paths)
    assert (client.name, client.use, client.dns) == ("client-north", Use.CLIENT, [])


def test_kamailio_shows_each_side_its_own(paths: Paths) -> None:
    def profiles(declared: Declared) -> dict[str, str]:
        """The certificate of each profile, by the profile and its server name."""
        found = {}
        for text in render_tls_cfg(declared, paths).split("\n[")[0:]:
            lines = dict(line.split(" = ", 1) for line in text.splitlines() if " = " in line)
            key = lines.get("server_name", text.partition("]")[0].strip("["))
            assert lines["method"] == "TLSv1.3"
            found[key] = Path(lines["private_key"]).name + " " + Path(lines["certificate"]).name
        return found

    own, pair = "node.key node.pem", "server.pem server.pem"
    everybody = {"server:default", "client:default", "north.example.net", "pbx.acme.example.com"}
    assert profiles(declared_with(None)) == dict.fromkeys(everybody, own)
    assert profiles(declared_with(ACME)) == dict.fromkeys(everybody, own) | {"server:default": pair}
    north, south = (declared := declared_with(ACME)).carriers
    client = replace(north, client_certificate=CertificateFiles(chain="/c", key="/k"))
    assert profiles(replace(declared, carriers=(client, south)))["north.example.net"] == (
        "client-north.pem client-north.pem"
    )


def test_a_pair_is_one_file(authority: ThrowawayAuthority, tmp_path: Path) -> None:
    credential = authority.issue(NAME)
    pair = read_pair(place_of(credential, tmp_path / "server.pem"), datetime.now(UTC))
    assert pair.pem.count(b"PRIVATE KEY") == 2
    assert pair.pem.endswith(credential.certificate.read_bytes())


def test_files_that_are_none(authority: ThrowawayAuthority, tmp_path: Path) -> None:
    credential = authority.issue(NAME)
    pipe, link = tmp_path / "pipe", tmp_path / "link.pem"
    os.mkfifo(pipe)
    link.symlink_to(credential.certificate)
    now = datetime.now(UTC)

    def reason(chain: Path, *, from_acme: bool = False) -> str:
        try:
            read_pair(place_of(replace(credential, certificate=chain), tmp_path, from_acme=from_acme), now)
        except CertificateRefused as refused:
            return f"{refused.reason}: {refused}"
        return "good"

    assert (
        reason(tmp_path / "missing.pem") == f"unreadable: {tmp_path}/missing.pem: No such file or directory"
    )
    assert reason(pipe).startswith(f"unreadable: {pipe}: no file, but a pipe, ")
    assert reason(link) == "good"  # certbot's `live` is links
    assert reason(link, from_acme=True).startswith("unreadable")
    assert reason(credential.key).startswith("no-certificate")


class Kamailio:
    """Stands where Kamailio would: what it shows, and what it refuses."""

    def __init__(self, file: Path) -> None:
        self.file, self.refuses, self.starting, self.loaded = file, False, False, 0

    def reload(self, _control: Path) -> None:
        if self.refuses:
            raise NotDone("error: 500 - Error while fixing TLS configuration")
        self.loaded += 1
        self.shows = self.file.read_bytes()

    def shown(self, _host: str, _port: int) -> str:
        from trunkward.control.pki import certificate_sha256

        if self.starting:
            raise ConnectionRefusedError("Connection refused")
        return certificate_sha256(self.shows)


@pytest.fixture
def kamailio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kamailio:
    stands = Kamailio(tmp_path / "server.pem")
    monkeypatch.setattr(install, "reload_tls", stands.reload)
    monkeypatch.setattr(install, "shown_sha256", stands.shown)
    monkeypatch.setattr(install, "RETRY_S", 0.0)
    return stands


def test_a_new_pair_is_put_into_use(
    authority: ThrowawayAuthority, tmp_path: Path, kamailio: Kamailio
) -> None:
    first, second = authority.issue(NAME), authority.issue(NAME)
    target = tmp_path / "server.pem"
    place = place_of(first, target)
    now = datetime.now(UTC)
    target.write_bytes(read_pair(place, now).pem)
    kamailio.shows = target.read_bytes()
    installer = Installer([place], control=tmp_path, host="127.0.0.10", port=5061)

    def problem() -> str:
        return installer.round(now).places["server"].problem

    assert problem() == ""
    assert kamailio.loaded == 0  # it shows it already
    before = target.read_bytes()
    first.certificate.write_bytes(second.certificate.read_bytes())
    assert problem() == "the first certificate is not for this private key"
    assert target.read_bytes() == before
    kamailio.refuses = True
    first.key.write_bytes(second.key.read_bytes())
    assert problem() == "not shown yet: error: 500 - Error while fixing TLS configuration"
    assert target.read_bytes() == before  # for Kamailio's own next start
    kamailio.refuses = False
    assert problem() == ""
    assert kamailio.loaded == 1
    assert second.certificate.read_bytes() in target.read_bytes()
    state = installer.round(now).places["server"]
    assert state.sha256 == kamailio.shown("", 0)
    assert target.stat().st_mode & 0o777 == 0o600
    first.certificate.unlink()
    assert "No such file" in problem()
    assert "No such file" in problem()  # and goes on being said
    # what is in use goes on
    assert installer.round(now).places["server"].until == state.until


def test_a_kamailio_that_starts_is_waited_for(
    authority: ThrowawayAuthority, tmp_path: Path, kamailio: Kamailio
) -> None:
    place = place_of(authority.issue(NAME), tmp_path / "server.pem")
    now = datetime.now(UTC)
    (tmp_path / "server.pem").write_bytes(read_pair(place, now).pem)
    kamailio.shows = (tmp_path / "server.pem").read_bytes()
    kamailio.starting = True
    installer = Installer([place], control=tmp_path, host="127.0.0.10", port=5061)
    assert installer.round(now).places["server"].problem == "not shown yet: Connection refused"
    kamailio.starting = False
    assert installer.round(now).places["server"].problem == ""
    assert kamailio.loaded == 0


def test_each_change_of_either_file_is_noticed(authority: ThrowawayAuthority, tmp_path: Path) -> None:
    credential = authority.issue(NAME)
    place = place_of(credential, tmp_path)
    seen = {stamp(place)}
    for file in (credential.certificate, credential.key):
        content = file.read_bytes()
        file.unlink()
        seen.add(stamp(place))
        file.write_bytes(content)
        seen.add(stamp(place))
    assert len(seen) == 5
    assert stamp(place) in seen


def test_what_is_said_of_it(paths: Paths) -> None:
    now = datetime.now(UTC)
    declared = declared_with(ACME)
    (one,) = shown(declared, paths)
    assert (one.name, one.source, one.lifetime, one.problem) == ("server", f"acme {ACME.directory}", None, "")
    assert one.is_worrying(now)
    used = PlaceState(begins=now - timedelta(days=10), until=now + timedelta(days=80), sha256="ab")
    write_state(paths.shown_state, ShownState(at=now, places={"server": used}))
    told = ObtainState(at=now, directory=ACME.directory, until=used.until, next_attempt=now)
    write_state(paths.acme_state, told)
    (one,) = shown(declared, paths)
    assert one.lifetime is not None
    assert one.next_attempt == now
    assert not one.is_worrying(now)
    assert one.is_worrying(now + timedelta(days=60))
    write_state(paths.acme_state, msgspec.structs.replace(told, failures=2, problem="no way"))
    assert shown(declared, paths)[0].problem == "asked for 2 times in vain: no way"
    (own,) = shown(declared_with(None), paths)
    assert (own.source, own.lifetime) == ("local", None)
    year = Lifetime(begins=now - timedelta(days=300), ends=now + timedelta(days=65))
    assert not replace(own, lifetime=year).is_worrying(now)
    assert replace(own, lifetime=year).is_worrying(now + timedelta(days=40))
    paths.acme_state.write_bytes(b"{")
    assert shown(declared, paths)[0].next_attempt is None
