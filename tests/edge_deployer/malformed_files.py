"""Files that harm a careless reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np

BOMB = "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))])
"""YAML of a few hundred bytes that means millions of values."""

# In a ZIP file, a member's header, its name and its extra field come before its data.
_NAME_LENGTH, _EXTRA_LENGTH = slice(26, 28), slice(28, 30)
_LOCAL_HEADER_BYTES = 30


def write_torn(path: Path) -> None:
    """A compressed file whose first block has a type that DEFLATE does not have."""
    np.savez_compressed(path, inputs=np.zeros((100, 4)))
    data = bytearray(path.read_bytes())
    lengths = (int.from_bytes(data[part], "little") for part in (_NAME_LENGTH, _EXTRA_LENGTH))
    data[_LOCAL_HEADER_BYTES + sum(lengths)] |= 0b110
    path.write_bytes(data)
