"""Where a trunk may call, on a running node: refused, opened, made dearer, by node file and by the file it names."""

from wire.configuration.conftest import TEXT, Changed
from wire.node.parties import carrier_agent, connect, customer_agent, place, run, tls_carrier

LONDON = "+442079460123"
ROUTED = TEXT.replace('prefixes: ["+1202"]', 'prefixes: ["+1202", "+44"]')
OPENED = ROUTED.replace(
    "      - name: acme-hq\n", "      - name: acme-hq\n        destinations: {allow: [US, GB]}\n"
)


def test_a_country_is_opened_and_its_price_counts(changed: Changed) -> None:
    """Summary: a call to a country nobody opened is refused, 403 with its reason; `apply` opens it and says so; a dearer price in the file of destinations closes it, a changed file opens it again with the same node file."""
    node, deck = changed.node, changed.node.home / "destinations.csv"
    deck.write_text("prefix,country,class,risk,rate\n+44,,,,9.50\n")
    dear = OPENED.replace("  gates: 2\n", f"  gates: 2\n  destinations: {deck}\n")
    assert dear.count(str(deck)) == 1

    def apply(text: str) -> dict[str, object]:
        done = changed.apply(text)
        changed.until_gates_have(int(done["version"]))
        return done

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        async with tls_carrier(node, carrier):
            flow = await connect(node, customer, "acme-hq")

            async def refused() -> tuple[str, ...]:
                call = await place(customer, flow, LONDON)
                answer = await call.final()
                assert answer.status == 403
                return answer.get_all("Reason")

            async def goes() -> None:
                call = await place(customer, flow, LONDON)
                there = await carrier.incoming()
                await call.answered()
                await there.confirmed()
                assert (await call.bye()).status == 200

            apply(ROUTED)
            assert any("destination-not-allowed" in reason for reason in await refused())
            done = apply(OPENED)
            assert done["opens"] == [
                {"trunks": ["acme-hq"], "places": ["GB"], "hours": False, "warnings": []}
            ]
            assert "acme-hq may now call GB" in str(done["said"])
            await goes()
            apply(dear)
            assert any("rate-too-high" in reason for reason in await refused())
            deck.write_text("prefix,country,class,risk,rate\n+44,,,,0.01\n")
            planned = node.trunkward("plan")
            assert planned.returncode == 3
            assert f"{deck} has changed" in planned.stdout
            assert "acme-hq may now call GB" in planned.stdout
            apply(dear)
            await goes()
            deck.write_text("prefix,country,class,risk,rate\n+44,UK,,,0.01\n")
            wrong = node.trunkward("apply")
            assert wrong.returncode == 2
            assert f"node.destinations: {deck}: line 2" in wrong.stdout + wrong.stderr
            await goes()

    run(node, scenario)
