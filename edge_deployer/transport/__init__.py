"""The way to a board: SMP messages over a serial port, local or remote, or over UDP."""
