"""What a configuration says about keys and certificates."""

from copy import replace
from pathlib import Path

import pytest

from trunkward.control.node_file import read_node_file
from trunkward.engines.pki_facts import pki_facts
from trunkward.settings import Paths
from trunkward.trunks.signing import Certificates, SigningSource

EXAMPLE = read_node_file((Path(__file__).parents[3] / "examples/node.yaml").read_text(), "node.yaml")


@pytest.mark.parametrize("source", Certificates)
def test_a_certificate_of_the_test_authority_is_for_who_signs_by_it(
    source: Certificates, tmp_path: Path
) -> None:
    """Summary: a node whose certificate is a public one is issued none beside it."""
    node = replace(EXAMPLE.node, signing=SigningSource(certificates=source))
    paths = Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)
    found = pki_facts(replace(EXAMPLE, node=node), paths, None)
    assert found.signs_tested is (source is Certificates.TEST)
