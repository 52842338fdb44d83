"""What holds for all tests."""

import signal

# Whoever starts the tests in the background may have them ignore Ctrl-C, and the commands under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
