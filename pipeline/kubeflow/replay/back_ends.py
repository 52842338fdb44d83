"""The releases of Kubeflow Pipelines' back end that can be replayed, and what a step notices of each.

A row is what changed since the one before. Each fact has its place in the source of kubeflow/pipelines at the tag that
the row is pinned to, below backend/src/v2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from edge_deployer.errors import TinyopsError


@dataclass(frozen=True)
class BackEnd:
    """What a step, its driver and its launcher do in one release."""

    release: str  # Which; `--back-end` takes it.
    tag: str  # In kubeflow/pipelines; the newest of the release when this was read.
    output_names: bool = False  # Each output's name is its key, and not empty.
    output_file_in_task_root: bool = False  # The output file lies beside the outputs, and not in a folder of its own.
    custom_paths: bool = False  # A step may say that an output lies elsewhere on its disk.
    literals: bool = False  # A parameter that may only be one of some values is held to them.
    creation_time: bool = False  # The driver fills in when the run was made.
    failure_logs: bool = False  # The log of a step that failed is kept in the object store.
    numbered_logs: bool = False  # The log's URI ends with the number of the try.
    driver_fills_in: bool = False  # The driver, and not the launcher, puts parameters in the place of placeholders.


_V2_14: Final = BackEnd("2.14", "2.14.4")
_V2_15: Final = replace(
    _V2_14,
    release="2.15",
    tag="2.15.0",
    output_names=True,  # driver/driver.go:700
    output_file_in_task_root=True,  # driver/driver.go:720
    custom_paths=True,  # component/launcher_v2.go:971,1023
)
_V2_16: Final = replace(
    _V2_15,
    release="2.16",
    tag="2.16.1",
    literals=True,  # driver/resolve.go:343
    creation_time=True,  # driver/resolve.go:438
    failure_logs=True,  # component/launcher_v2.go:758
    numbered_logs=True,  # component/launcher_v2.go:389,507; not in 2.16.0
)
_V2_17: Final = replace(
    _V2_16,
    release="2.17",
    tag="2.17.0",
    driver_fills_in=True,  # driver/driver.go:309, driver/util.go:263
)

BACK_ENDS: Final = {back_end.release: back_end for back_end in (_V2_14, _V2_15, _V2_16, _V2_17)}
"""Each by its release, oldest first."""

NEWEST: Final = _V2_17


def back_end(release: str) -> BackEnd:
    """A release's back end.

    Raises:
        TinyopsError: it is not one of `BACK_ENDS`.
    """
    if release not in BACK_ENDS:
        *others, last = BACK_ENDS
        raise TinyopsError(
            f"--back-end {release}: that release is not replayed", remedy=f"take {', '.join(others)} or {last}"
        )
    return BACK_ENDS[release]
