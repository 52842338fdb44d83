"""What client and board share: SMP's header and framings, the MCUboot image format and SMP group 65.

Group 65 is specified in ``docs/inference-group.md``.
"""
