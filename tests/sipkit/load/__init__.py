"""Open-loop SIP load over TLS with as little parsing as it takes: caller, answering carrier, idle
connections.

Each part runs in a process of its own (`python -m sipkit.load caller|carrier|idle`), reads one JSON
command per line on standard input and writes one JSON report per line on standard output. All clocks are
CLOCK_MONOTONIC, which processes of one machine share.
"""
