"""TNAuthList in DER, both ways, and nothing that only resembles one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stirkit.der import encode_numbers
from trunkward.shaken.tnauthlist import (
    TnAuthList,
    TnAuthListError,
    covers,
    decode,
    decode_spc,
    encode_spc,
)


def test_code_is_what_rfc8226_prescribes() -> None:
    assert encode_spc("709J").hex() == "3008a0061604" + b"709J".hex()
    assert decode_spc(encode_spc("A1B2")) == "A1B2"
    for wrong in ("", "709", "709j", "709JJ", "70 J", "70\nJ", "７09J"):
        with pytest.raises(TnAuthListError):
            encode_spc(wrong)


def test_numbers_and_ranges() -> None:
    der = encode_numbers(("12025550100", 1), ("12025550110", 20), ("*67", 1))
    assert der.hex() == (
        "302a"
        "a20d160b" + b"12025550100".hex() + "a1123010160b" + b"12025550110".hex() + "020114"
        "a2051603" + b"*67".hex()
    )
    found = decode(der)
    assert found == TnAuthList(
        numbers=(("12025550100", "12025550100"), ("12025550110", "12025550129"), ("*67", "*67"))
    )
    for number, inside in (
        ("12025550100", True),
        ("12025550101", False),
        ("12025550109", False),
        ("12025550110", True),
        ("12025550129", True),
        ("12025550130", False),
        # between the two as text, but longer
        ("120255501150", False),
        ("2025550110", False),
        ("112025550110", False),
        ("*67", True),
    ):
        assert found.covers(number) is inside, number


def test_long_lists_have_longer_lengths() -> None:
    numbers = [(str(12025550100 + n), 1) for n in range(2000)]
    assert decode(encode_numbers(*numbers)).covers("12025552099")
    assert decode(encode_numbers(("12025550000", 100_000))).covers("12025649999")


@pytest.mark.parametrize(
    "der",
    [
        "",
        "3000",
        "30",
        "3080a006160437303a4a0000",  # indefinite length
        "308108a00616043730394a",  # a length that is not the shortest
        "30820008a00616043730394a",
        "3109a00616043730394a",  # a set
        "3008a00616043730394a00",  # something behind
        "3009a0061604373039",  # cut off
        "3008a3061604" + "3730394a",  # a kind nobody knows
        "30088006160437303a4a",  # implicit
        "300480023132",
        "3008a006130437303a4a",  # PrintableString
        "3006a0041602ff37",
        "3004a2021600",  # an empty number
        "3014a212161031323334353637383930313233343536",  # sixteen digits
        "3007a2051603" + b"12a".hex(),
        "300ca10a30081603313233020101",  # a range of one
        "300ca10a30081603313233020100",
        "300ca10a300816033132330201ff",  # a negative count
        "300da10b3009160331323302020002",  # a count not in its shortest form
        "300ca10a30081603393939020102",  # beyond its digits
        "300ca10a30081603" + b"1*3".hex() + "020102",
        "3009a10730051603313233",  # without a count
        "300fa10d300b1603313233020102020101",  # with something more
        "1f8101",
    ],
)
def test_what_only_resembles_a_list(der: str) -> None:
    with pytest.raises(TnAuthListError):
        decode(bytes.fromhex(der))


def test_only_one_code_is_a_providers() -> None:
    for der in ("3010a006160437303941a006160437303942", "3014a00616043730394aa20a1608" + b"12025550".hex()):
        assert decode(bytes.fromhex(der)).spcs
        with pytest.raises(TnAuthListError, match="exactly one"):
            decode_spc(bytes.fromhex(der))


def test_scope_of_a_parent() -> None:
    """RFC 9060 section 6."""
    parent = TnAuthList(numbers=(("12025550100", "12025550109"), ("*67", "*67")))
    for numbers, within in (
        ((("12025550100", "12025550109"),), True),
        ((("12025550104", "12025550104"), ("*67", "*67")), True),
        ((("12025550100", "12025550110"),), False),
        ((("12025550099", "12025550100"),), False),
        ((("2025550100", "2025550101"),), False),
    ):
        assert TnAuthList(numbers=numbers).within(parent) is within
    assert not TnAuthList(spcs=("709J",)).within(parent)
    code = TnAuthList(spcs=("709J",))
    assert TnAuthList(numbers=(("1", "9"),)).within(code)
    assert code.within(code)
    assert not TnAuthList(spcs=("809J",)).within(code)


@given(
    st.lists(
        st.tuples(st.from_regex(r"[0-9]{8,14}", fullmatch=True), st.integers(1, 9_999)),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_written_is_read(numbers: list[tuple[str, int]]) -> None:
    fits = [(first, count) for first, count in numbers if len(str(int(first) + count)) <= len(first)]
    if not fits:
        return
    found = decode(encode_numbers(*fits))
    for first, count in fits:
        last = str(int(first) + count - 1).zfill(len(first))
        assert found.covers(first)
        assert found.covers(last)
    assert covers(found.numbers, fits[0][0])


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = decode(data)
    except TnAuthListError:
        return
    assert found.spcs or found.numbers
