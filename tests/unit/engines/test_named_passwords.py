"""A password file that is not there is found before anything is put in force."""

from dataclasses import replace
from pathlib import Path

from trunkward.control.node_file import read_node_file
from trunkward.engines.named_passwords import missing_passwords
from trunkward.trunks.signing import Certificates, SigningSource, StiAuthority

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


def test_it_is_named_until_it_is_there(tmp_path: Path) -> None:
    file = tmp_path / "password"
    held = read_node_file(EXAMPLE, "node.yaml")
    authority = StiAuthority(
        directory="https://ca.example.com/dir", account="709J", user="u", password_file=str(file)
    )
    signing = SigningSource(certificates=Certificates.ACME, authority=authority)
    declared = replace(held, node=replace(held.node, signing=signing))
    assert [str(file) in said for said in missing_passwords(declared)] == [True]
    file.write_text("secret")
    assert not list(missing_passwords(declared))
    assert not list(missing_passwords(held))
