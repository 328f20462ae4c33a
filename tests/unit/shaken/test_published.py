"""Each chain has a URL of its own, for good."""

from trunkward.shaken.published import PUBLISHED, published_at, published_name

CHAIN = b"-----BEGIN CERTIFICATE-----\n"


def test_a_name_is_made_of_the_code_and_of_these_bytes() -> None:
    name = published_name("000T", CHAIN)
    assert PUBLISHED.fullmatch(name)
    assert name == published_name("000T", CHAIN)
    assert len({name, published_name("000T", CHAIN + b"\n"), published_name("111T", CHAIN)}) == 3


def test_below_a_directory_each_has_its_own_and_a_whole_url_stays() -> None:
    below = published_at("https://cert.example.com/shaken/", "000T", CHAIN)
    assert below == f"https://cert.example.com/shaken/{published_name('000T', CHAIN)}"
    assert published_at("https://cert.example.com/a.pem", "000T", CHAIN) == "https://cert.example.com/a.pem"


def test_no_other_name_is_ours_to_delete() -> None:
    for name in (
        "a.pem",
        "000T.pem",
        "000T-0123456789abcdef.pem.bak",
        "000t-0123456789abcdef.pem",
        "../x.pem",
    ):
        assert not PUBLISHED.fullmatch(name)
