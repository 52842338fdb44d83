"""A board made of processes: `python -m edge_deployer.virtual_board`.

The line process owns the pty, the line rate and power. The firmware is its forked child: boot logic with two slots,
SMP server, inference. TFLM runs in the firmware's child, so that a model that kills it is a fault with a reset.
"""
