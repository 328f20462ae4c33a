"""`trunkward try`: one call or a table, by the policy in force or a file; a bad table is refused whole."""

import csv
import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sipkit.tokens import whose
from trunkward.access.actor import Actor, Source
from trunkward.admission.snapshot import compile_snapshot
from trunkward.cli import trial as command
from trunkward.cli.changing import configuration_store
from trunkward.cli.main import app
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.decks import imported
from trunkward.control.effects import Effects
from trunkward.control.evidence import added, reviewed
from trunkward.control.node_file import accept_node_file, read_node_file
from trunkward.engines.destinations_file import destinations_with
from trunkward.settings import Paths
from trunkward.spend.deck import Rate, deck
from trunkward.spend.table import compile_deck, deck_name
from trunkward.spend.tariff import Tariff
from trunkward.trunks.evidence import BLOCK, CONTRACT
from trunkward.trunks.model import IdentifiedBy

EXAMPLE = Path(__file__).parents[3] / "examples/node.yaml"
CALL = ("--from", "+12025550101", "--to", "+12025550199")

type Ask = Callable[..., Result]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    monkeypatch.setattr(command.console, "width", 250)
    policy = tmp_path / "run/policy"
    policy.mkdir(parents=True)
    declared = read_node_file(EXAMPLE.read_text(), "example")
    snapshot = compile_snapshot(declared, {}, 7, destinations_with(""), relationships=whose(declared))
    (policy / "7.snapshot").write_bytes(snapshot)
    (policy / "current").symlink_to("7.snapshot")
    return lambda *words: CliRunner().invoke(app, ["try", *words])


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / "cases.csv"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def _with_destinations(said: str) -> str:
    """The example, with this of its trunk's destinations."""
    text, trunk = EXAMPLE.read_text(), "      - name: acme-hq\n"
    assert trunk in text
    return text.replace(trunk, f"{trunk}        destinations: {said}\n", 1)


def test_an_admitted_call_and_what_was_not_asked(ask: Ask) -> None:
    told = ask("--trunk", "acme-hq", *CALL)
    assert "trunk acme-hq would call from +12025550101 to +12025550199" in told.stdout
    assert "by policy version 7" in told.stdout
    assert "  admitted: the call was let through" in told.stdout
    assert "but:" not in told.stdout
    assert "routes: north" in told.stdout
    # the policy in force has no declaration of this number: it is a level that is known
    assert "the signer would be asked for level B, by rule B-known-customer; for a higher one" in told.stdout
    assert [line.split()[1:] for line in told.stdout.splitlines() if "not asked" in line] == [
        ["drain", "not", "asked"],
        ["identity", "not", "asked"],
        ["credentials", "not", "asked"],
        ["limits", "not", "asked"],
        ["spend", "not", "asked"],
        ["replay", "not", "asked"],
        ["clock", "not", "asked"],
        ["signature", "not", "asked"],
    ]


def test_a_trunk_with_digest_and_without_a_secret_is_remarked(ask: Ask, tmp_path: Path) -> None:
    declared = read_node_file(EXAMPLE.read_text(), "example")
    trunk = replace(declared.trunks[0], identified_by=(IdentifiedBy.DIGEST,), username="acme")
    changed = replace(declared, trunks=(trunk, *declared.trunks[1:]))
    (tmp_path / "run/policy/7.snapshot").write_bytes(compile_snapshot(changed, {}, 7, destinations_with("")))
    told = ask("--trunk", "acme-hq", *CALL).stdout
    assert (
        "  but: trunk acme-hq has no secret, so nobody can call as it: ./trunkward secret new acme-hq" in told
    )


def _by_deck(policy: Path) -> Path:
    """The example's tenant is sold by a deck that has the United States; gives where it is compiled to."""
    said = replace(read_node_file(EXAMPLE.read_text(), "example"), tenant_decks={"acme": "retail"})
    snapshot = compile_snapshot(said, {}, 7, destinations_with(""), decks={"retail": "a" * 64})
    (policy / "7.snapshot").write_bytes(snapshot)
    return policy / deck_name("a" * 64)


def test_a_deck_that_is_in_use(ask: Ask, tmp_path: Path) -> None:
    file = _by_deck(tmp_path / "run/policy")
    for prefix, reason in (("1", "admitted"), ("44", "no-price")):
        file.write_bytes(compile_deck(deck("EUR", [Rate(prefix=prefix, tariff=Tariff(rate_nano=1))]), 0))
        told = ask("--trunk", "acme-hq", *CALL, "--json")
        assert json.loads(told.stdout)["reason"] == reason, told.output


@pytest.mark.parametrize(
    ("content", "said"), [(None, "is not there"), (b"", "it is cut short"), (b"x" * 99, "it is no deck")]
)
def test_a_deck_that_cannot_be_read(ask: Ask, tmp_path: Path, content: bytes | None, said: str) -> None:
    file = _by_deck(tmp_path / "run/policy")
    if content is not None:
        file.write_bytes(content)
    told = ask("--trunk", "acme-hq", *CALL)
    assert (told.exit_code, told.stdout) == (2, "")
    assert file.name in told.stderr
    assert said in told.stderr


def _file_by_decks(directory: Path) -> Path:
    """A file that is not applied, in which the tenant is sold by `retail`, and north sells by `north`."""
    file = directory / "next.yaml"
    text = EXAMPLE.read_text()
    for line, name in (("  - name: acme\n", "retail"), ("  - name: north\n", "north")):
        assert text.count(line) == 1
        text = text.replace(line, f"{line}    deck: {name}\n")
    file.write_text(text)
    return file


def test_decks_a_file_names(ask: Ask, tmp_path: Path) -> None:
    file = _file_by_decks(tmp_path)
    paths = Paths.from_environment()
    tried = ("--trunk", "acme-hq", *CALL, "--json", "--file", str(file))
    told = ask(*tried)
    assert json.loads(told.stdout)["reason"] == "no-price"
    assert "the file names decks, and none is to be read here" in told.stderr
    paths.configuration_db.parent.mkdir(parents=True)
    with configuration_store(paths, make=True) as store:
        accepted = accept_node_file(EXAMPLE.read_text(), "example", lambda _: "", lambda _: [])
        alice = Actor(name="alice", uid=1000)
        configuration.accept(
            store, configuration.plan(store, accepted, Effects()), actor=alice, command="apply", at=1
        )
        for name, wanted in (("retail", "there is no deck north"), ("north", "")):
            said = deck("EUR", [Rate(prefix="1", tariff=Tariff(rate_nano=10_000_000))])
            change, _ = imported(name, None, said, b"", 1, whole=True, even_so=True)
            put_down(store, change, actor=alice, command="deck import", at=1, beyond=0)
            told = ask(*tried)
            assert wanted in told.stderr
            assert json.loads(told.stdout)["reason"] == ("no-price" if wanted else "admitted")
        assert (told.exit_code, told.stderr) == (0, "")


def test_who_is_on_the_other_side(ask: Ask) -> None:
    told = ask("--trunk", "north", *CALL)
    assert told.stderr.strip() == "no trunk is called 'north': it is a carrier; write --carrier north"
    told = ask("--carrier", "acme-hq", *CALL)
    assert told.stderr.strip().endswith("it is a trunk; write --trunk acme-hq")


def test_a_refused_call_says_what_would_let_it_pass(ask: Ask) -> None:
    told = ask("--trunk", "acme-hq", "--from", "+12025550101", "--to", "+12125550142").stdout
    assert "refused with 404, no-route: no carrier has a prefix" in told
    assert "to act: whoever runs this node" in told
    assert 'to let it pass: add a beginning of +12125550142 to prefixes of a carrier, or "+"' in told
    lines = {line.split()[1]: line for line in told.splitlines() if line[:4].strip().isdigit()}
    assert lines["destination"].split()[2:5] == ["refused", "no", "carrier"]
    assert lines["media"].endswith("not reached")
    assert lines["calling"].split()[2] == "passed"


def test_numbers_are_read_as_people_write_them(ask: Ask) -> None:
    told = json.loads(
        ask("--trunk", "acme-hq", "--from", "(202) 555-0101", "--to", "+1 (212) 555-0142", "--json").stdout
    )
    calling, called = (
        next(check["detail"] for check in told["checks"] if check["check"] == name)
        for name in ("calling", "called")
    )
    assert (calling, called) == ("+12025550101", "+12125550142")


def test_an_inbound_call_for_programs(ask: Ask) -> None:
    told = json.loads(
        ask("--carrier", "south", "--from", "anonymous", "--to", "+12025550104", "--json").stdout
    )
    assert (told["verdict"], told["reason"], told["status"]) == ("reject", "called-number-unknown", 404)
    assert told["checks"][10] == {
        "number": 11,
        "check": "destination",
        "state": "refused",
        "detail": "in no trunk's inventory",
        "remedy": "add +12025550104 to numbers of the trunk it belongs to",
    }


@pytest.mark.parametrize(
    ("level", "said"),
    [((), "no-identity"), (("--level", "B"), "B, of a delegate"), (("--level", "bad"), "signature: ")],
)
def test_an_inbound_call_says_how_it_is_signed(ask: Ask, level: tuple[str, ...], said: str) -> None:
    call = ("--carrier", "south", "--from", "+13035550142", "--to", "+12025550101")
    told = json.loads(ask(*call, *level, "--json").stdout)
    [identity] = [one for one in told["checks"] if one["check"] == "identity"]
    assert (identity["state"], identity["detail"].startswith(said)) == ("passed", True), identity


def test_a_bad_signature_is_a_carriers(ask: Ask) -> None:
    refused = ask("--trunk", "acme-hq", *CALL, "--level", "bad")
    assert (refused.exit_code, "of a call from a carrier alone" in refused.output) == (2, True)


def test_a_level_nobody_may_supply_is_remarked(ask: Ask) -> None:
    assert (
        "but: trunk acme-hq has no supplies_levels" in ask("--trunk", "acme-hq", *CALL, "--level", "A").stdout
    )


def test_a_file_that_is_not_applied(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "next.yaml"
    text = _with_destinations("{allow: [US, GB]}")
    file.write_text(text.replace('prefixes: ["+1', 'prefixes: ["+44", "+1', 1))
    call = ("--trunk", "acme-hq", "--from", "+12025550101", "--to", "+442079460123")
    assert json.loads(ask(*call, "--json").stdout)["reason"] == "destination-not-allowed"
    told = json.loads(ask(*call, "--json", "--file", str(file)).stdout)
    assert (told["reason"], told["level"], told["policy_version"]) == ("admitted", "A", 0)
    assert (told["rule"], told["lacks"]) == ("A-own-inventory", "")
    assert ask(*call, "--file", str(tmp_path / "none.yaml")).exit_code == 2


def accepted_evidence(text: str, kind: str, *, numbers: str = "", identity: str = "") -> None:
    """A store whose first version is a file, and a record that alice has entered and bob accepted."""
    paths, alice = Paths.from_environment(), Actor(name="alice", uid=1000, source=Source.LOGIN)
    bob = replace(alice, name="bob", uid=1001)
    paths.configuration_db.parent.mkdir(parents=True)
    with configuration_store(paths, make=True) as store:
        accepted = accept_node_file(text, "example", lambda _: "", lambda _: [])
        configuration.accept(
            store, configuration.plan(store, accepted, Effects()), actor=alice, command="apply", at=1
        )
        now = time.time()
        record = added(
            accepted.declared,
            (),
            numbers=numbers,
            kind=kind,
            identity=identity,
            file_name="paper.pdf",
            document=b"x",
            until=now + 86_400,
            why="filed",
            actor=alice,
            now=now,
            salt="5a" * 16,
        )
        put_down(store, record, actor=alice, command="evidence add", at=now, beyond=0)
        found = reviewed(
            *(accepted.declared, store.evidence(), 2),
            accept=True,
            why="looked it up",
            entered_by=alice,
            actor=bob,
            now=now,
        )
        put_down(store, found, actor=bob, command="evidence review", at=now, beyond=0)


def test_a_file_under_a_real_certificate_counts_the_blocks_the_node_knows(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, x5u = tmp_path / "next.yaml", "    x5u: https://cert.example.com/trunkward/test.pem\n"
    text = EXAMPLE.read_text()
    assert text.count(x5u) == 1
    real = (
        f"{x5u}    certificates: files\n    files: {{chain: /etc/s.pem, key: /etc/s.key}}\n"
        "  policy_administrator: {url: https://sti-pa.example.net, certificate: /etc/pa.pem}\n"
    )
    file.write_text(text.replace(x5u, real))
    # the files it names are nobody's here
    read = partial(accept_node_file, text.replace(x5u, real), "next.yaml", lambda _: "", lambda _: [])
    monkeypatch.setattr(command, "read_config", lambda _: read())
    tried = ("--trunk", "acme-hq", *CALL, "--json", "--file", str(file))
    told = ask(*tried)
    assert told.exit_code == 0, told.output
    assert (json.loads(told.stdout)["level"], "lie in no block of identity node" in told.stderr) == (
        "B",
        True,
    )
    accepted_evidence(text, BLOCK, numbers="+12025550000-+12025559999")
    told = ask(*tried)
    assert (json.loads(told.stdout)["level"], told.stderr) == ("A", "")


def test_a_file_with_a_provider_who_says_the_level_counts_the_contract_the_node_knows(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = EXAMPLE.read_text()
    switch = text.replace("  - name: acme\n", "  - name: acme\n    reseller: switched\n", 1)
    switch = switch.replace(
        "      - name: acme-hq\n", "      - name: acme-hq\n        supplies_levels: true\n", 1
    )
    resellers = (
        "\nresellers:\n  - name: switched\n    identity: {spc: 222T, x5u: https://cert.example.com/222.pem, "
        "third_party: true, certificates: files, files: {chain: /etc/s.pem, key: /etc/s.key}}\n\ntenants:\n"
    )
    trusted = "  policy_administrator: {url: https://sti-pa.example.net, certificate: /etc/pa.pem}\n"
    switch = switch.replace("\ntenants:\n", resellers, 1)
    switch = switch.replace("  number_plan:\n", f"{trusted}  number_plan:\n", 1)
    read = partial(accept_node_file, switch, "next.yaml", lambda _: "", lambda _: [])
    monkeypatch.setattr(command, "read_config", lambda _: read())
    tried = ("--trunk", "acme-hq", *CALL, "--level", "A", "--json", "--file", "next.yaml")
    told = ask(*tried)
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert (found["level"], found["rule"], found["lacks"]) == ("", "none-without-contract", "no-contract")
    assert "identity switched: no contract with the provider of SPC 222T is accepted" in told.stderr
    accepted_evidence(switch, CONTRACT, identity="switched")
    told = ask(*tried)
    found = json.loads(told.stdout)
    assert (found["level"], found["rule"]) == ("A", "A-supplied")
    assert "no contract" not in told.stderr


@pytest.mark.parametrize(
    ("at", "reason"),
    [("2026-11-23T10:00:00-05:00", "admitted"), ("2026-11-22T10:00:00-05:00", "outside-hours")],
)
def test_another_time(ask: Ask, tmp_path: Path, at: str, reason: str) -> None:
    hours = '{zone: America/New_York, open: ["mon-fri 07:00-20:00"], outside: nothing}'
    file = tmp_path / "next.yaml"
    file.write_text(_with_destinations(f"{{hours: {hours}}}"))
    told = json.loads(ask("--trunk", "acme-hq", *CALL, "--file", str(file), "--at", at, "--json").stdout)
    assert told["reason"] == reason


def test_a_table_of_cases(ask: Ask, table: Callable[[str], str]) -> None:
    cases = table(
        "from,to,trunk,carrier,expect\n"
        "+12025550101,+12025550199,acme-hq,,admit\n"
        "+12025550101,911,acme-hq,,admitted-emergency\n"
        "\n"
        "+12025550101,+12125550142,acme-hq,,admit\n"
        "anonymous,+12025550101,,south,\n"
    )
    told = ask("--csv", cases)
    assert told.exit_code == 1
    assert "1 of 4 calls would not get what is expected" in told.stderr
    rows = list(csv.DictReader(io.StringIO(told.stdout, newline="")))
    assert [(row["reason"], row["status"], row["differs"]) for row in rows] == [
        ("admitted", "", ""),
        ("admitted-emergency", "", ""),
        ("no-route", "404", "differs"),
        ("admitted", "", ""),
    ]
    assert rows[2]["remedy"].startswith("add a beginning of +12125550142")
    assert [json.loads(line)["differs"] for line in ask("--csv", cases, "--json").stdout.splitlines()] == [
        False, False, True, False,
    ]  # fmt: skip


def test_a_table_for_one_trunk_all_as_expected(ask: Ask, table: Callable[[str], str]) -> None:
    told = ask("--csv", table("to,from,expect\n911,+12025550101,admit\n"), "--trunk", "acme-hq")
    assert (told.exit_code, told.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: there is no column from"),
        ("from,to\n", "there is no case in it"),
        ("from,to,weight\n1,2,3\n", "line 1: no such column: 'weight'"),
        ("from,to,to\n", "line 1: column to stands there twice"),
        ("from,to,trunk\n+12025550101,911\n", "line 2: 2 cells under 3 columns"),
        ("from,to,trunk\n,911,acme-hq\n", "line 2: from '': write a number"),
        ("from,to,trunk\na@b,911,acme-hq\n", "line 2: from 'a@b': write a number"),
        ("from,to\n+12025550101,911\n", "line 2: name one: the trunk it comes from, or the carrier"),
        ("from,to,trunk,carrier\n1,911,acme-hq,south\n", "line 2: name one"),
        ("from,to,trunk\n1,911,nobody\n", "line 2: no trunk is called 'nobody'"),
        ("from,to,carrier\n1,911,nobody\n", "line 2: no enabled carrier is called 'nobody'"),
        ("from,to,trunk,at\n1,911,acme-hq,noon\n", "line 2: at 'noon': write a time"),
        ("from,to,trunk,at\n1,911,acme-hq,9999-12-31T23:59:59-14:00\n", "line 2: at '9999"),
        ("from,to,trunk,at\n1,911,acme-hq,0001-01-01T00:00:00+14:00\n", "line 2: at '0001"),
        ("from,to,trunk,expect\n1,911,acme-hq,yes\n", "line 2: expect 'yes': write admit or a reason code"),
        ('from,to,trunk\n1,911,"acme-hq\n', "unexpected end of data"),
    ],
)
def test_a_bad_table_is_refused_whole(ask: Ask, table: Callable[[str], str], text: str, said: str) -> None:
    told = ask("--csv", table(text))
    assert (told.exit_code, told.stdout) == (2, "")
    assert said in told.stderr
    assert "refused whole; nothing was tried" in told.stderr


def test_every_bad_line_is_told(ask: Ask, table: Callable[[str], str]) -> None:
    told = ask("--csv", table("from,to,trunk\n1,911,acme-hq\n1,2,3,4\n?,911,acme-hq\n")).stderr
    assert "line 3: 4 cells" in told
    assert "line 4: from '?'" in told
    told = ask("--csv", table("from,to,trunk,at\n1,911,acme,noon\n")).stderr
    assert "line 2: at 'noon'" in told
    assert "line 2: no trunk is called 'acme'" in told


@pytest.mark.parametrize(
    "words",
    [(), ("--from", "1"), ("--csv", "x", "--from", "1"), ("--csv", "x", "--from", "1", "--to", "2")],
)
def test_either_a_call_or_a_table(ask: Ask, words: tuple[str, ...]) -> None:
    assert ask(*words).exit_code == 2


def test_without_a_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    told = CliRunner().invoke(app, ["try", "--trunk", "acme-hq", *CALL])
    assert told.exit_code == 2
    assert "no policy is in force; start the node, or name a node file with --file" in told.stderr
