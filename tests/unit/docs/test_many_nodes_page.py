"""What somebody else's Valkey is given as users is what our own has, each with a password."""

from collections.abc import Callable
from hashlib import sha256

from trunkward.engines.valkey import SHARED_USERS, render_users_acl


def test_the_users_on_the_page_are_those_of_this_version(page: Callable[[str], str]) -> None:
    rendered = render_users_acl(dict.fromkeys(SHARED_USERS, "x"))
    wanted = rendered.replace(f"#{sha256(b'x').hexdigest()}", "#SHA256")
    assert "nopass" not in wanted
    assert f"```\n{wanted}```" in page("docs/many-nodes.md")
