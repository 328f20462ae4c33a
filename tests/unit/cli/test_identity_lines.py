"""What a person reads of signing certificates and lists, and what a program does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from trunkward.cli import identity_lines
from trunkward.cli.identity_lines import asked, document, is_wrong, lines
from trunkward.control.node_file import read_node_file
from trunkward.control.pki import SipNames, read_certificate
from trunkward.engines.certificate_state import IdentitiesState, IdentityState, ListState, write_state
from trunkward.engines.identity_task import signing_files
from trunkward.engines.part_numbers import PartNumbers
from trunkward.engines.pki_files import PkiFacts, PkiOwners, ensure_pki
from trunkward.engines.signing_now import SigningNow, told
from trunkward.settings import Paths
from trunkward.shaken.crl import Status
from trunkward.signer.metrics import SignerMetrics
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates, PolicyAdministrator, SigningSource
from trunkward.trunks.transit import SigningIdentity

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
GOOD = IdentityState(
    spc="000T",
    source="acme https://ca.example.net/dir",
    begins=NOW - timedelta(days=30),
    until=NOW + timedelta(days=60),
    serial="75a1",
    issuer="CN=An authority",
    url="https://cert.example.com/000T-1.pem",
    found=NOW,
    revocation="good",
    next_attempt=NOW + timedelta(days=30),
)
WELL = IdentitiesState(
    at=NOW,
    trusted_list=ListState(at=NOW - timedelta(minutes=41), until=NOW + timedelta(days=1), entries=12),
    revocations=ListState(at=NOW - timedelta(minutes=12), until=NOW + timedelta(days=1), entries=3),
    identities={"node": GOOD},
)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(config=tmp_path / "c", state=tmp_path / "s", run=tmp_path / "r", log=tmp_path / "l")
    found.identities_state.parent.mkdir(parents=True)
    return found


@pytest.fixture
def declared() -> Declared:
    found = read_node_file(EXAMPLE, "node.yaml")
    administrator = PolicyAdministrator(url="https://sti-pa.example.net", certificate_file="/etc/pa.pem")
    signing = SigningSource(certificates=Certificates.ACME)
    return replace(found, node=replace(found.node, signing=signing, policy_administrator=administrator))


def said(
    declared: Declared,
    paths: Paths,
    state: IdentitiesState = WELL,
    signers: dict[str, SigningNow] | None = None,
) -> str:
    write_state(paths.identities_state, state)
    return "\n".join(line.plain for line in lines(declared, paths, NOW, signers or {}))


def test_what_whose_until_when_published_where(declared: Declared, paths: Paths) -> None:
    assert said(declared, paths).splitlines() == [
        "  signs as node                000T, acme https://ca.example.net/dir: 60 days left, until 2027-01-25 12:00:00 UTC",
        "    serial 75a1, issued by CN=An authority; revocation: good",
        "    published at https://cert.example.com/000T-1.pem; last found there 2026-11-26 12:00:00 UTC",
        "    renewal at 2026-12-26 12:00:00 UTC",
        "  trusted list                 12 authorities, 41 min old, good until 2026-11-27 12:00:00 UTC",
        "  revocation list              3 revoked, 12 min old, good until 2026-11-27 12:00:00 UTC",
    ]


def test_what_is_wrong_stands_in_it_and_breaks_no_terminal(declared: Declared, paths: Paths) -> None:
    waits = IdentityState(
        spc="000T", source="acme x", waiting_url="https://cert.example.com/2.pem", problem="404\x1b[2J"
    )
    refused = ListState(problem="list-signature", next_attempt=NOW)
    found = said(declared, paths, IdentitiesState(at=NOW, trusted_list=refused, identities={"node": waits}))
    assert "no certificate: calls go unsigned" in found
    assert "waits until it is found at https://cert.example.com/2.pem" in found
    assert "404 [2J" in found
    assert "trusted list                 none yet" in found
    assert "list-signature; tried again at 2026-11-26 12:00:00 UTC" in found


def styled(declared: Declared, paths: Paths, state: IdentitiesState, now: datetime = NOW) -> dict[str, str]:
    """By what is said, the colour it is said in; without the names in front."""
    write_state(paths.identities_state, state)
    found = {}
    for line in lines(declared, paths, now, {}):
        spans = [span for span in line.spans if span.style]
        said = line.plain[spans[0].start :] if spans else line.plain.strip()
        found[said] = str(spans[0].style if spans else line.style)
    return found


#: A certificate of 100 days from NOW on.
LASTS = msgspec.structs.replace(GOOD, begins=NOW, until=NOW + timedelta(days=100))


@pytest.mark.parametrize(
    ("passed", "begins", "style"),
    [
        (timedelta(days=75), "25 days left", ""),
        (timedelta(days=75, seconds=1), "24 days left", "yellow"),
        (timedelta(days=100) - timedelta(minutes=120), "2 hours left", "yellow"),
        (timedelta(days=100) - timedelta(minutes=119), "119 min left", "yellow"),
        (timedelta(days=97), "3 days left", "yellow"),
        (timedelta(days=97, minutes=1), "71 hours left", "yellow"),
        (timedelta(days=100), "ended", "red"),
        (timedelta(days=101), "ended", "red"),
    ],
)
def test_how_long_it_lasts_is_said_in_its_colour(
    declared: Declared, paths: Paths, passed: timedelta, begins: str, style: str
) -> None:
    state = msgspec.structs.replace(WELL, identities={"node": LASTS})
    words = f"{begins}, until 2027-03-06 12:00:00 UTC"
    (found,) = [its for said, its in styled(declared, paths, state, NOW + passed).items() if words in said]
    assert found == style


def test_one_that_has_ended_says_when_and_when_the_next_is_asked_for(
    declared: Declared, paths: Paths
) -> None:
    ended = IdentityState(spc="000T", source="acme x", ended=NOW - timedelta(days=1), next_attempt=NOW)
    found = styled(declared, paths, msgspec.structs.replace(WELL, identities={"node": ended}))
    words = "000T, acme x: its certificate ended 2026-11-25 12:00:00 UTC: calls go unsigned"
    assert found[words] == "red"
    assert "will be asked for at 2026-11-26 12:00:00 UTC" in found
    in_vain = msgspec.structs.replace(ended, failures=1)
    found = styled(declared, paths, msgspec.structs.replace(WELL, identities={"node": in_vain}))
    assert "tried again at 2026-11-26 12:00:00 UTC" in found


def test_how_it_is_published(declared: Declared, paths: Paths) -> None:
    odd = msgspec.structs.replace(GOOD, found=None, served="text/html")
    found = said(declared, paths, msgspec.structs.replace(WELL, identities={"node": odd}))
    served = "served as text/html instead of application/pem-certificate-chain"
    assert f"published at {odd.url}; not looked for yet, {served}" in found


def test_who_is_new_to_the_process_that_orders_is_named(declared: Declared, paths: Paths) -> None:
    found = styled(declared, paths, msgspec.structs.replace(WELL, identities={}))
    assert found["000T: nobody says yet how it stands"] == "yellow"


@pytest.mark.parametrize(
    ("until", "words", "style"),
    [
        (NOW + timedelta(seconds=1), "12 authorities, 41 min old, good until 2026-11-26 12:00:01 UTC", ""),
        (NOW, "12 authorities, 41 min old, good until 2026-11-26 12:00:00 UTC", "red"),
        (None, "12 authorities, 41 min old", ""),
    ],
)
def test_a_list_that_has_ended_is_red(
    declared: Declared, paths: Paths, until: datetime | None, words: str, style: str
) -> None:
    trusted = ListState(at=NOW - timedelta(minutes=41), until=until, entries=12, problem="refused")
    found = styled(declared, paths, msgspec.structs.replace(WELL, trusted_list=trusted))
    line = {said.removeprefix("trusted list").strip(): style for said, style in found.items()}
    assert line[words] == style
    # nobody has said when it is tried again
    assert line["refused"] == "red"


@pytest.mark.parametrize("runs", [True, False])
def test_signers_are_asked_where_a_node_runs(
    declared: Declared, paths: Paths, monkeypatch: pytest.MonkeyPatch, *, runs: bool
) -> None:
    monkeypatch.setattr(identity_lines, "is_running", lambda _: runs)
    found = asked(declared, paths)
    assert found == ({"node": SigningNow(why_not="it does not answer")} if runs else {})


def test_the_test_authority_is_called_what_it_is(paths: Paths) -> None:
    found = read_node_file(EXAMPLE, "node.yaml")
    (line,) = lines(found, paths, NOW, {})
    assert "TEST authority, which no carrier trusts" in line.plain
    assert "numbers of inventories are signed A without a block" in line.plain
    theirs = SigningIdentity(spc="222T", x5u="https://cert.example.com/222.pem", third_party=True)
    _, other = lines(replace(found, reseller_identities={"switched": theirs}), paths, NOW, {})
    assert other.plain.strip().startswith("signs as switched")
    assert "what is supplied is signed without a contract" in other.plain
    assert document(found, paths, {}) == {
        "identities": {"node": {"spc": "000T", "certificates": "test"}},
        "trusted_list": None,
        "revocations": None,
    }


def test_whether_the_signer_signs_is_what_the_signer_says(declared: Declared, paths: Paths) -> None:
    stopped = SigningNow(serial="75a1", why_not="certificate-revoked")
    assert "    its signer signs nothing: certificate-revoked" in said(
        declared, paths, signers={"node": stopped}
    )
    waits = SigningNow(why_not="certificate-awaited")
    assert "    its signer waits for its first certificate" in said(declared, paths, signers={"node": waits})
    assert "    its signer signs, with serial 75a1" in said(
        declared, paths, signers={"node": SigningNow(serial="75a1")}
    )


def test_what_a_signer_s_numbers_say() -> None:
    metrics = SignerMetrics()
    for unfit in ("certificate-expired", ""):
        metrics.identity_checked(
            serial="75a1", unfit=unfit, taken=True, not_after=NOW, revocation=Status.GOOD
        )
        numbers = PartNumbers(families=tuple(metrics.registry.collect()))
        assert told(numbers) == SigningNow(serial="75a1", why_not=unfit)
    metrics.identity_awaited("certificate-awaited")
    numbers = PartNumbers(families=tuple(metrics.registry.collect()))
    assert told(numbers) == SigningNow(why_not="certificate-awaited", waits=True)
    # what tells no such thing
    assert told(PartNumbers()) == SigningNow(why_not="its key or certificate may not sign")


def test_for_programs(declared: Declared, paths: Paths) -> None:
    said(declared, paths)
    found = document(declared, paths, {"node": SigningNow(serial="75a1")})
    node = found["identities"]["node"]
    assert (node["spc"], node["until"], node["revocation"]) == ("000T", "2027-01-25T12:00:00+00:00", "good")
    assert (node["signs"], node["signs_with"], node["signs_nothing_because"]) == (True, "75a1", "")
    assert found["trusted_list"]["entries"] == 12
    assert found["revocations"]["fetched"] == "2026-11-26T11:48:00+00:00"


@pytest.mark.parametrize(
    ("state", "wrong"),
    [
        (WELL, False),
        (IdentitiesState(at=NOW), True),
        (msgspec.structs.replace(WELL, identities={"node": IdentityState(spc="000T", source="x")}), True),
    ],
)
def test_what_a_person_should_look_at(state: IdentitiesState, wrong: bool) -> None:
    assert is_wrong(state) is wrong


def test_until_when_a_test_certificate_lasts(paths: Paths) -> None:
    found = read_node_file(EXAMPLE, "node.yaml")
    owners = PkiOwners(edge_uid=0, gate_uid=0, signer_uid=0, worker_uid=0, cert_uid=0, identities_uid=0)
    names = SipNames(common_name="sbc.example.com", dns=("sbc.example.com",))
    ensure_pki(paths.pki, PkiFacts(node="sbc.example.com", node_names=names, spc="000T"), owners, now=NOW)
    ends = read_certificate((paths.pki / "shaken.pem").read_bytes())
    assert ends is not None
    (line,) = lines(found, paths, NOW, {})
    assert f" left, until {ends.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC; published" in line.plain
    assert document(found, paths, {})["identities"]["node"]["until"] == ends.not_valid_after_utc.isoformat()


@pytest.mark.parametrize(
    ("source", "what_to_do"),
    [
        (Certificates.TEST, "issues one for this key"),
        (Certificates.ACME, "asked for"),
        (Certificates.FILES, "belong together"),
    ],
)
def test_a_key_of_another_certificate_has_its_files_and_a_remedy(
    source: Certificates, what_to_do: str, paths: Paths
) -> None:
    found = read_node_file(EXAMPLE, "node.yaml")
    signing = SigningSource(certificates=source, chain_file="/etc/x.pem", key_file="/etc/x.key")
    found = replace(found, node=replace(found.node, signing=signing))
    wrong = SigningNow(serial="75a1", why_not="certificate-key-mismatch")
    told = [line.plain for line in lines(found, paths, NOW, {"node": wrong})]
    at = told.index("    its signer signs nothing: certificate-key-mismatch") + 1
    chain, key = signing_files(found, paths)
    assert told[at].startswith(f"    its files: {chain} and {key}; ")
    assert what_to_do in told[at]
    revoked = SigningNow(serial="75a1", why_not="certificate-revoked")
    assert f"    its files: {chain} and {key}" in [
        line.plain for line in lines(found, paths, NOW, {"node": revoked})
    ]
