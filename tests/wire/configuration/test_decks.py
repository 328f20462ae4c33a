"""Decks on a running node: taken in or refused whole, in force with the next call, never silently gone."""

import json

from wire.configuration.conftest import TEXT, Changed

DECK = "prefix,name,rate,increments\n1,North America,0.012,6/6\n1202,Washington,0.008,6/6\n"
RATED = TEXT.replace("  - name: acme\n", "  - name: acme\n    deck: retail\n", 1)


def test_taken_in_changed_refused_and_dropped(changed: Changed) -> None:
    """Summary: plan says that a named deck is missing; import takes it in while the node runs and says what it changes; a file with wrong lines changes nothing; gates have each deck with the policy that names it; one in use is not dropped; what looks like a slip is asked about, and an earlier state holds again."""
    node = changed.node
    file = node.home / "deck.csv"

    def deck(*words: str) -> tuple[int, str]:
        done = node.trunkward("deck", *words)
        return done.returncode, done.stdout + done.stderr

    assert deck("list") == (0, "there is no deck yet: ./trunkward deck import NAME FILE\n")
    done = changed.apply(RATED)
    assert done["decks"] == [
        "there is no deck retail, by which tenant acme would be rated: no call out goes by it before ./trunkward deck import retail FILE"
    ]
    file.write_text(DECK)
    code, said = deck("import", "retail", str(file))
    assert (code, "--currency EUR" in said) == (2, True)
    code, said = deck("import", "retail", str(file), "--currency", "EUR")
    assert (code, "new: 1202 Washington: 0.008" in said) == (0, True), said
    assert changed.history()[0]["summary"] == "deck retail taken in: 2 new"
    compiled = [path.name for path in (node.home / "run" / "policy").glob("*.deck")]
    assert len(compiled) == 1

    code, said = deck("show", "retail", "+12025550101")
    assert (code, "60 s: 0.008" in said) == (0, True)
    assert deck("show", "retail", "+442079460123")[0] == 1
    file.write_text(DECK.replace("0.012", "0.02") + "44,UK,free,6/6\n")
    code, said = deck("import", "retail", str(file), "--currency", "EUR")
    assert (code, "line 4, rate: 'free' is no amount" in said, "nothing was changed" in said) == (
        2,
        True,
        True,
    )
    file.write_text(DECK.replace("0.012", "0.02"))
    code, said = deck("diff", "retail", str(file), "--currency", "EUR")
    assert (code, "dearer: 1 North America: 0.012 -> 0.02 (+66.7 %)" in said) == (1, True)
    assert deck("import", "retail", str(file), "--currency", "EUR")[0] == 0
    code, said = deck("import", "retail", str(file), "--currency", "EUR")
    assert (code, "says all of that already" in said) == (2, True)

    # a list of changes that is taken for the whole deck; and when somebody has said that it is meant
    file.write_text("prefix,rate\n1,0.0\n")
    code, said = deck("import", "retail", str(file), "--currency", "EUR")
    assert (code, "1 of 2 prefixes have no rate any more" in said, "costs nothing to 1 (0.02)" in said) == (
        2,
        True,
        True,
    )
    assert deck("import", "retail", str(file), "--currency", "EUR", "--even-so")[0] == 0
    code, said = deck("show", "retail", "+12025550101")
    assert (code, "300 s: 0.00," in said) == (0, True), said
    before = [json.loads(line)["version"] for line in deck("list", "--all", "--json")[1].splitlines()][1]
    code, said = deck("restore", "retail", "--version", str(before))
    assert (code, "dearer: 1 North America: 0.00 -> 0.02 (was free)" in said) == (0, True), said
    assert "60 s: 0.008" in deck("show", "retail", "+12025550101")[1]

    code, said = deck("drop", "retail")
    assert (code, "what tenant acme are rated by" in said) == (2, True)
    told = [json.loads(line) for line in deck("list", "--all", "--json")[1].splitlines()]
    assert [(one["deck"], one["users"], bool(one["ended_at"])) for one in told] == [
        ("retail", ["tenant acme"], False),
        *[("retail", ["tenant acme"], True)] * 3,
    ]
    changed.apply(TEXT)
    assert deck("drop", "retail")[0] == 0
