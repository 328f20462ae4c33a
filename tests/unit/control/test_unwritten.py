"""What holds where a key is not written is said in words, and of keys there are."""

import pytest

from trunkward.control.file_keys import FilePart
from trunkward.control.objects import KINDS, objects_of
from trunkward.control.unwritten import _HELD, unwritten

EVERYTHING = {
    "node": {
        "name": "sbc.example.com",
        "address": "192.0.2.10",
        "identity": {"spc": "000T", "x5u": "https://cert.example.com/a.pem"},
        "number_plan": {"country": "1"},
    },
    "resellers": [{"name": "west"}],
    "tenants": [
        {
            "name": "acme",
            "trunks": [
                {"name": "plain", "numbers": [{"number": "+12025550101"}]},
                {"name": "own", "dial_plan": {}},
            ],
        }
    ],
    "carriers": [
        {"name": "north", "hosts": ["192.0.2.20:5061"], "transport": "tls", "networks": ["192.0.2.0/28"]}
    ],
}


def test_every_key_with_words_may_be_left_out() -> None:
    objects = objects_of(FilePart.model_validate(EVERYTHING))
    for kind, words in _HELD.items():
        assert kind in KINDS
        for key in words:
            assert any(fields.get(key, "") is None for fields in objects[kind].values()), (kind, key)


@pytest.mark.parametrize(
    ("kind", "key", "words"),
    [
        ("trunks", "limits.calls", "30 (default)"),
        ("tenants", "limits.calls", "no limit"),
        ("trunks", "spend.day", "30.00 (default)"),
        ("tenants", "spend.day", "no cap"),
        ("node", "number_plan.emergency", "what the country at home has"),
        ("node", "certificate.acme", "none"),
        ("carriers", "tls_names", "none"),
    ],
)
def test_words(kind: str, key: str, words: str) -> None:
    assert unwritten(kind, key) == words
