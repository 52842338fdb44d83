"""The acceptance plan: thresholds as data."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class AcceptancePlan(BaseModel):
    """What is asked of every board, and what passes. The defaults suit an int8 classifier."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    samples: Annotated[int, Field(ge=1)] = Field(
        default=200, description="samples of the acceptance set that a staging board runs; fewer if the set is smaller"
    )
    golden_vectors: Annotated[int, Field(ge=1)] = Field(
        default=16, description="samples that a production board runs before its release is confirmed"
    )
    max_disagreement: Share = Field(
        default=0.01, description="share of samples on which a board may differ from TFLM's reference"
    )
    output_tolerance: Annotated[int, Field(ge=0)] = Field(
        default=2, description="steps of the output's quantisation that do not count as a difference"
    )
    min_accuracy: Share | None = Field(
        default=None,
        description="accuracy on the board; null: what TFLM reaches on the same samples, less max_disagreement",
    )
    max_latency_us: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="95th percentile of one inference, in microseconds; null asks for none"
    )
