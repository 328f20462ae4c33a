"""The grammar of an Identity header, read without looking into it. (Its cases: `stirkit.cases_of_form`, test_verify.py.)"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stirkit.cases_of_form import SYNTAX
from trunkward.shaken.causes import Refused
from trunkward.shaken.identity_header import MAX_HEADER, Parameters, read, read_parameters


def test_parts_and_parameters() -> None:
    found = read(' aa.bb.cc ; info=<https://example.com/1.pem> ;alg=ES256;ppt="sha\\ken";x="<;,";y')
    assert found[:3] == ("aa", "bb", "cc")
    assert read_parameters(found[3]) == Parameters("https://example.com/1.pem", "ES256", "shaken")


def test_compact_form_has_a_signature_alone() -> None:
    found = read("..cc;info=<https://example.com/1.pem>")
    assert found[:3] == ("", "", "cc")
    assert read_parameters(found[3]) == Parameters("https://example.com/1.pem", None, None)


GRAMMAR = {"header-malformed", "header-too-long", "parameter-twice"}
BAD = [name for name, case in SYNTAX.items() if case.causes[0] in GRAMMAR]


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_identity_header(name: str) -> None:
    (value,) = SYNTAX[name].values()
    with pytest.raises(Refused) as refused:
        read_parameters(read(value)[3])
    assert (str(refused.value.cause),) == SYNTAX[name].causes


def test_longest_header() -> None:
    most = "a.b.c;x=" + "a" * (MAX_HEADER - 8)
    assert read(most)[2] == "c"
    with pytest.raises(Refused, match="header-too-long"):
        read(most + "a")


@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(value: str) -> None:
    try:
        found = read(value)
        read_parameters(found[3])
    except Refused:
        return
    assert found[2]


WORD = st.from_regex(r"[A-Za-z0-9.!%*_+`'~-]{1,20}", fullmatch=True)


@given(WORD, WORD, WORD, st.sampled_from([" ", "", "\t", "  "]))
def test_every_parameter_comes_through(info: str, alg: str, ppt: str, space: str) -> None:
    value = f'a.b.c{space};{space}info{space}={space}<{info}>;alg={space}{alg}{space};ppt="{ppt}"'
    assert read_parameters(read(value)[3]) == Parameters(info, alg, ppt)
