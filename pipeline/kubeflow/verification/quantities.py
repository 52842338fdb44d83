"""Kubernetes' amounts of processors, memory and storage (k8s.io/apimachinery, pkg/api/resource/quantity.go)."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

_QUANTITY: Final = re.compile(
    r"(?P<number>[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+))((?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]{1,3}))?"
)
_FACTORS: Final = {
    **{suffix: Decimal(10) ** (3 * power) for power, suffix in enumerate("num", start=-3)},
    **{suffix: Decimal(10) ** (3 * power) for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}


def quantity(text: str) -> Decimal:
    """The amount that a text names.

    Raises:
        ValueError: it is no Kubernetes quantity, or a negative one, which a pod may not have.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError("is no quantity that Kubernetes reads, such as 500m, 4, 1.5G or 512Mi")
    value = Decimal(match["number"])
    value *= _FACTORS[match["suffix"]] if match["suffix"] else Decimal(10) ** int(match["exponent"] or 0)
    if value < 0:
        raise ValueError("is negative")
    return value


def as_go_prints(number: float) -> str:
    """A float64 in Go's format %v, of which the driver makes a quantity (driver/driver.go, getPodResource)."""
    if not math.isfinite(number):
        return str(number)
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    magnitude = len(digits) + int(exponent) - 1
    if number == 0 or -4 <= magnitude < 6:
        return f"{Decimal(repr(number)).normalize():f}"
    rest = "".join(map(str, digits[1:]))
    return f"{'-' if sign else ''}{digits[0]}{'.' if rest else ''}{rest}e{magnitude:+03d}"
