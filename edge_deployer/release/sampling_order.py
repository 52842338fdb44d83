"""The order in which samples are taken: wherever a test stops, it has seen something of everything. Numpy only."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt


def stratified_order(strata: Sequence[Hashable], seed: int) -> npt.NDArray[np.int64]:
    """A random order in which the first n samples hold each stratum in proportion, for every n.

    Within a stratum the order is random. Of a stratum with share s the first n samples hold ``n s`` up to
    ``1 - 1 / (2k - 2)``, k the number of strata: rounded up or down, and no rule does better for every n. Largest
    remainders would move samples back and forth between one n and the next; this is the chairman assignment problem,
    solved by Tijdeman 1980: of the strata that are behind by ``1 / (2k - 2)`` or more, take the one that would be
    ahead of its bound soonest. The tests' error rates are for independent samples: drawn in proportion, the number of
    failures spreads less (Neyman 1934).

    Args:
        strata: of each sample, e.g. its class and slice.
        seed: 0 to 2^32 - 1; the same seed gives the same order on every machine.

    Returns:
        int64, shape (samples,): indices of the samples, each once.
    """
    # RandomState, since numpy promises its stream for good (NEP 19); default_rng's may change with a release.
    random = np.random.RandomState(seed)
    members: dict[Hashable, list[int]] = {}
    for index in random.permutation(len(strata)):
        members.setdefault(strata[index], []).append(int(index))
    found = list(members.values())
    queues = [found[stratum] for stratum in random.permutation(len(found))]
    picked = _chairmen(np.array([len(queue) for queue in queues], np.int64))
    return np.array([queues[stratum].pop() for stratum in picked], np.int64)


def _chairmen(sizes: npt.NDArray[np.int64]) -> list[int]:
    """The stratum of each sample in turn, in whole numbers: all shares are multiplied by samples and by 2k - 2."""
    total, scale = int(sizes.sum()), max(2 * len(sizes) - 2, 1)
    taken = np.zeros_like(sizes)
    picked = []
    for samples in range(1, total + 1):
        behind = scale * (samples * sizes - total * taken)
        deadline = ((scale - 1) * total - behind) / sizes
        stratum = int(np.argmin(np.where(behind >= total, deadline, np.inf)))
        taken[stratum] += 1
        picked.append(stratum)
    return picked
