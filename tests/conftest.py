"""What holds for all tests."""

import signal

# Tests started in the background may have been told to ignore Ctrl-C, which the commands they run would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
