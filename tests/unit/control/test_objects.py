"""What a reader is shown of a configuration: what holds, and only keys that may be written there."""

from pathlib import Path

import pytest

from trunkward.control.node_file import accept_node_file
from trunkward.control.objects import Fields, Objects, effective

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


def shown(old: str = "", new: str = "") -> Objects:
    assert EXAMPLE.count(old) == 1 or not old
    return effective(accept_node_file(EXAMPLE.replace(old, new) if old else EXAMPLE, "node.yaml").objects)


def test_what_is_not_written_is_shown_as_it_holds() -> None:
    found = shown("  gates: 2\n", "  gates: 2\n  max_call_s: 600\n  retention: 90\n")
    node: Fields = found["node"]["node"]
    assert found["trunks"]["acme-hq"]["max_call_s"] == 600
    assert found["tenants"]["acme"]["retention"] == 90
    assert (node["certificate"], node["media.ports"]) == ("local", "30000-39999")
    assert node["number_plan.emergency"] == ["911", "933"]
    assert "certificate.acme" not in node
    assert found["carriers"]["north"]["client_certificate"] == "local"


def test_what_is_written_stays() -> None:
    own = "  certificate:\n    files:\n      chain: /a.pem\n      key: /b.pem\n"
    node = shown("node:\n", f"node:\n{own}")["node"]["node"]
    assert node["certificate.files.chain"] == "/a.pem"
    assert "certificate" not in node
    trunk = shown("      - name: acme-hq\n", "      - name: acme-hq\n        max_call_s: 60\n")["trunks"][
        "acme-hq"
    ]
    assert trunk["max_call_s"] == 60


def test_a_plain_carrier_has_no_key_it_may_not_have() -> None:
    south = shown()["carriers"]["south"]
    for key in ("ca", "srtp", "tls_names", "client_certificate", "client_certificate.files"):
        assert key not in south
    assert {"ca", "srtp", "tls_names"} <= set(shown()["carriers"]["north"])


def test_only_a_trunk_in_transit_has_a_policy_for_signatures() -> None:
    own = shown()["trunks"]["acme-hq"]
    assert not [key for key in own if key.startswith("verification.")]
    name = "      - name: acme-hq\n"
    rule = '        caller: {other: replace, number: "+12025550101"}\n'
    text = EXAMPLE.replace(rule, "").replace(name, f"{name}        role: gateway\n")
    found = effective(accept_node_file(text, "node.yaml").objects)["trunks"]["acme-hq"]
    assert "supplies_levels" in own
    assert "supplies_levels" not in found
    policy = {key: value for key, value in found.items() if key.startswith("verification.")}
    assert policy == {
        "verification.missing": "pass",
        "verification.failed": "pass",
        "verification.wait_ms": 2500,
    }


@pytest.mark.parametrize("objects", [{"node": {"node": {}}}, {}])
def test_objects_of_another_schema_stay_as_they_are(objects: Objects) -> None:
    assert effective(objects) == objects
