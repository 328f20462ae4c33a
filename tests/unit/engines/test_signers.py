"""A signer for each identity: who has which user, what each is started with, and whom it trusts."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from trunkward.control.node_file import read_node_file
from trunkward.engines import signers
from trunkward.engines.signers import (
    POOL,
    NoUserLeft,
    Signer,
    metrics_document,
    read_ports,
    signer_programs,
    users_of,
)
from trunkward.settings import Paths
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates, SigningSource
from trunkward.trunks.transit import MAX_IDENTITIES, OF_NODE

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
RESOLD = """resellers:
  - name: resold
    identity: {spc: "001T", x5u: "https://cert.example.com/resold.pem", third_party: true}
  - name: other
    identity: {spc: "002T", x5u: "https://cert.example.com/other.pem"}
  - name: without
tenants:
"""


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setattr(signers, "uid", lambda _: 999)
    (tmp_path / "run").mkdir()
    return Paths(
        config=tmp_path / "node.yaml", state=tmp_path / "state", run=tmp_path / "run", log=tmp_path / "log"
    )


@pytest.fixture
def declared() -> Declared:
    return read_node_file(EXAMPLE.replace("tenants:\n", RESOLD), "node.yaml")


def options(command: list[str]) -> dict[str, str]:
    return {word: value for word, value in pairwise(command) if word.startswith("--")}


def test_each_identity_has_a_process_a_user_a_key_a_socket_and_a_journal_of_its_own(
    paths: Paths, declared: Declared
) -> None:
    made = signer_programs(declared, paths)
    assert [(one.name, one.user) for one in made] == [
        ("signer", "tw-signer"),
        ("signer-other", "tw-signer-1"),
        ("signer-resold", "tw-signer-2"),
    ]
    told = [options(one.command) for one in made]
    for own in ("--name", "--socket", "--key", "--certificate-chain", "--journal", "--head", "--gap", "--spc", "--x5u",
                "--metrics-port"):  # fmt: skip
        assert len({one[own] for one in told}) == 3, own
    assert [one["--spc"] for one in told] == ["000T", "002T", "001T"]
    assert ["--third-party" in one.command for one in made] == [False, False, True]


def test_journals_are_kept_for_ever_unless_the_file_says_for_how_long(
    paths: Paths, declared: Declared
) -> None:
    assert not [one for one in signer_programs(declared, paths) if "--journal-days" in one.command]
    kept = read_node_file(EXAMPLE.replace("  gates: 2", "  journal_retention: 1500\n  gates: 2"), "node.yaml")
    (signer,) = signer_programs(kept, paths)
    assert options(signer.command)["--journal-days"] == "1500"
    assert options(signer.command)["--keep-days"] == "730"
    # by what a signer deletes: heads it can read, and a clock that is synchronised unless a person says it is right
    assert options(signer.command)["--heads"] == str(paths.heads)
    assert "--unsafe-trusted-clock" in signer.command
    kernels = read_node_file(EXAMPLE.replace("  unsafe_trusted_clock: true\n", ""), "node.yaml")
    assert "--unsafe-trusted-clock" not in signer_programs(kernels, paths)[0].command


def test_whom_it_trusts(paths: Paths, declared: Declared, tmp_path: Path) -> None:
    command = signer_programs(declared, paths)[0].command
    assert "--trusted-list" not in command
    # nor is it asked for blocks of numbers
    assert "--recorded-only" not in command
    files = EXAMPLE.replace(
        '    spc: "000T"',
        '    spc: "000T"\n    certificates: files\n    files: {chain: /c.pem, key: /k.pem}\n    revocation: hard',
    ).replace(
        "  identity:\n",
        "  policy_administrator: {url: https://sti-pa.example.net, certificate: /pa.pem}\n  identity:\n",
    )
    command = signer_programs(read_node_file(files, "node.yaml"), paths)[0].command
    # a person's is there before the start, or the start is refused
    assert "--ordered" not in command
    told = options(command)
    assert "--authorities" not in told
    assert "--hard-revocation" in command
    assert "--recorded-only" in command
    assert (told["--key"], told["--certificate-chain"]) == ("/k.pem", "/c.pem")
    assert told["--trusted-list"] == str(paths.trusted_list)
    assert told["--policy-administrator"] == str(paths.policy_administrator)


def test_one_whose_certificate_is_ordered_waits_for_it(paths: Paths, declared: Declared) -> None:
    assert "--ordered" not in signer_programs(declared, paths)[0].command
    signing = SigningSource(certificates=Certificates.ACME)
    ordered = replace(declared, node=replace(declared.node, signing=signing))
    made = signer_programs(ordered, paths)
    assert [one.name for one in made if "--ordered" in one.command] == ["signer"]


@pytest.mark.parametrize(
    ("identities", "held", "found"),
    [
        ([], {}, {}),
        (["b", "a"], {}, {"a": "tw-signer-1", "b": "tw-signer-2"}),
        # one that comes before the others takes nobody's
        (["a", "b"], {"b": "tw-signer-1"}, {"a": "tw-signer-2", "b": "tw-signer-1"}),
        # nor what one left behind that is gone
        (["a"], {"gone": "tw-signer-1"}, {"a": "tw-signer-2"}),
        # two that a rebuilt platform gave one number
        (["a", "b"], {"a": "tw-signer-3", "b": "tw-signer-3"}, {"a": "tw-signer-3", "b": "tw-signer-1"}),
        (["a"], {"a": "tw-worker"}, {"a": "tw-signer-1"}),
    ],
)
def test_who_has_which_user(identities: list[str], held: dict[str, str], found: dict[str, str]) -> None:
    assert users_of(identities, held) == found


def test_as_many_as_there_are_users(declared: Declared) -> None:
    assert len(POOL) == MAX_IDENTITIES
    names = [f"r{number}" for number in range(MAX_IDENTITIES)]
    assert set(users_of(names, {}).values()) == set(POOL)
    with pytest.raises(NoUserLeft, match="signer of r9"):
        users_of([*names, "r9"], {})


def test_ports_are_told_and_read(paths: Paths, declared: Declared) -> None:
    assert read_ports(paths) == {"signer": 9309}
    paths.signers.write_text(metrics_document(declared, paths))
    assert read_ports(paths) == {"signer": 9309, "signer-other": 9291, "signer-resold": 9292}
    ports = {Signer(identity="x", user=user).metrics_port for user in POOL}
    assert ports == set(range(9291, 9299))
    assert Signer(identity=OF_NODE, user="tw-signer").metrics_port == 9309
