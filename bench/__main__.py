"""`./trunkward bench [WHAT]`, or `python -m bench [WHAT]`.

WHAT: signalling, record, records, calls, ladder, configuration, swap, decks, admission, ledger, losses,
shaken, signer or verification.
"""

import sys

from bench import (
    admission,
    calls,
    configuration,
    decks,
    ladder,
    ledger,
    losses,
    records,
    run,
    shaken,
    signer,
    swap,
    verification,
)

_OTHERS = {
    "records": records.main,
    "calls": calls.main,
    "ladder": ladder.main,
    "configuration": configuration.main,
    "swap": swap.main,
    "decks": decks.main,
    "admission": admission.main,
    "ledger": ledger.main,
    "losses": losses.main,
    "shaken": shaken.main,
    "signer": signer.main,
    "verification": verification.main,
}

if __name__ == "__main__":  # not in a process that multiprocessing has made
    _main = _OTHERS.get(sys.argv[1] if len(sys.argv) > 1 else "")
    sys.exit(_main(sys.argv[2:]) if _main else run.main())
