"""What the edge has when no gate answers."""

import json
from copy import replace

from trunkward.admission.emergency import emergency_table
from trunkward.trunks.model import Declared
from trunkward.trunks.transit import Role


def test_one_row_a_trunk(declared: Declared) -> None:
    (row,) = emergency_table(declared, {})
    assert row["networks"] == ["127.0.0.1/32", "127.0.0.21/32"]
    assert row["certificate_sha256"] == "ab" * 32
    assert row["numbers"] == {"911": "911", "+911": "911", "933": "933", "+933": "933"}
    assert json.loads(json.dumps(row)) == row
    (route,) = row["routes"]
    assert route["ruri"] == "sip:{number}@127.0.0.31:25061;transport=tls"
    assert [hop["suffix"] for hop in route["media"]] == ["-a", "-b"]


def test_asserted_is_the_trunks_own_number_to_call_back(declared: Declared) -> None:
    """Nobody is there to say whose number From shows."""
    told = replace(declared.trunks[0], emergency_callback="+12025550102")
    for trunk, callback in ((declared.trunks[0], "+12025550101"), (told, "+12025550102")):
        (row,) = emergency_table(replace(declared, trunks=(trunk,)), {})
        assert row["callback"] == callback
        assert row["routes"][0]["headers"] == [
            ["P-Asserted-Identity", f"<sip:{callback}@sbc.example.com>"],
        ]
        assert {"P-Asserted-Identity", "P-Preferred-Identity", "Identity"} <= set(row["remove_headers"])


def test_in_transit_what_another_provider_signed_goes_on(declared: Declared) -> None:
    """47 CFR 64.6302(a); of a customer's nothing does."""
    for role in Role:
        (row,) = emergency_table(replace(declared, trunks=(replace(declared.trunks[0], role=role),)), {})
        kept = {"Identity", "Date"} - set(row["remove_headers"])
        assert kept == (set() if role is Role.ORIGINATING else {"Identity", "Date"})


def test_without_a_number_none_is_asserted(declared: Declared) -> None:
    (row,) = emergency_table(replace(declared, trunks=(replace(declared.trunks[0], numbers=()),)), {})
    assert (row["callback"], row["routes"][0]["headers"]) == ("", [])


def test_issued_certificates_come_by_name(declared: Declared) -> None:
    issued = replace(declared, trunks=(replace(declared.trunks[0], certificate_sha256=""),))
    (row,) = emergency_table(issued, {"acme-hq": "cd" * 32})
    assert row["certificate_sha256"] == "cd" * 32


def test_an_older_certificate_has_a_row_of_its_own(declared: Declared) -> None:
    renewed = replace(declared, trunks=(replace(declared.trunks[0], older_certificates=("ef" * 32,)),))
    rows = emergency_table(renewed, {})
    assert [row["certificate_sha256"] for row in rows] == ["ab" * 32, "ef" * 32]
    assert rows[1] == rows[0] | {"certificate_sha256": "ef" * 32}


def test_a_network_alone_identifies_nobody(declared: Declared) -> None:
    issued = replace(declared, trunks=(replace(declared.trunks[0], certificate_sha256=""),))
    assert emergency_table(issued, {}) == []


def test_a_disabled_trunk_is_in_it(declared: Declared) -> None:
    disabled = replace(declared, trunks=(replace(declared.trunks[0], enabled=False),))
    assert len(emergency_table(disabled, {})) == 1


def test_no_carrier_no_row(declared: Declared) -> None:
    carriers = tuple(replace(carrier, emergency=False) for carrier in declared.carriers)
    assert emergency_table(replace(declared, carriers=carriers), {}) == []


def test_the_media_of_a_trunk_behind_nat(declared: Declared) -> None:
    natted = replace(declared, trunks=(replace(declared.trunks[0], behind_nat=True),))
    for said, wanted in ((declared, False), (natted, True)):
        (row,) = emergency_table(said, {})
        first = row["routes"][0]["media"][0]
        assert ("SIP-source-address" in first["offer_forward"].split()) is wanted
