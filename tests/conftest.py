"""What every test may take for granted."""

import signal

# a run in the background of a shell without job control has these ignored, and so had all that the tests
# start: bash cannot trap what was ignored when it began
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
