"""Which model the candidate is measured against."""

from __future__ import annotations

from typing import Any

import ml_metadata as mlmd
from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.components.common import resolver

CANDIDATE = "candidate"
MODEL = "model"
MODEL_BLESSING = "model_blessing"


class LatestOtherBlessedModel(resolver.ResolverStrategy):
    """The latest blessed model that is not the candidate itself.

    TFX's own strategy takes the candidate for its own baseline when a run is repeated, so that the Evaluator sees new
    inputs, misses the cache and compares a model with itself.
    """

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]] | None:
        """Choose from everything the pipeline made so far.

        Args:
            store: not needed.
            input_dict: ``candidate`` (one model), ``model`` (all models) and ``model_blessing`` (all blessings).

        Returns:
            The same keys; ``model`` and ``model_blessing`` hold one artifact each, or none if there is no baseline.
        """
        del store
        candidates = input_dict[CANDIDATE]
        blessings = {_model_id(b): b for b in input_dict[MODEL_BLESSING] if _is_blessed(b)}
        known = {artifact.id for artifact in candidates}
        for model in sorted(input_dict[MODEL], key=lambda artifact: artifact.id, reverse=True):
            if model.id in blessings and model.id not in known:
                return {CANDIDATE: candidates, MODEL: [model], MODEL_BLESSING: [blessings[model.id]]}
        return {CANDIDATE: candidates, MODEL: [], MODEL_BLESSING: []}


def _is_blessed(blessing: types.Artifact) -> bool:
    return bool(blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY) == constants.BLESSED_VALUE)


def _model_id(blessing: types.Artifact) -> Any:
    return blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY)
