"""Acceptance samples as pictures, where a sample is one."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from edge_deployer.acceptance.evidence import SampleEvidence
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.report.facts import SamplePicture
from edge_deployer.rollout.deployment import BoardRecord, Deployment
from edge_deployer.tensors import Array

_SHOWN = 12
_LARGEST_SIDE = 128


def sample_pictures(acceptance: AcceptanceSet, deployment: Deployment) -> list[SamplePicture]:
    """Pictures of the first samples that a staging board ran, those it got wrong before the others.

    Returns:
        At most 12; none where the samples are not pictures (``(h, w)``, or ``(h, w, channels)`` with 1 or 3 channels),
        or where no board got to them.
    """
    images = _as_images(acceptance.inputs)
    board = _examined_board(deployment)
    if images is None or board is None or board.evidence is None or board.evidence.samples is None:
        return []
    evidence = board.evidence.samples
    order = sorted(range(len(evidence.board_labels)), key=lambda index: (_is_right(evidence, index), index))
    return [
        SamplePicture(
            png=_png(images[index]),
            board=board.name,
            answer=_name(acceptance, evidence.board_labels[index]),
            truth=None if evidence.true_labels is None else _name(acceptance, evidence.true_labels[index]),
        )
        for index in order[:_SHOWN]
    ]


def _as_images(inputs: Array) -> Array | None:
    shape = inputs.shape[1:]
    if len(shape) == 3 and shape[2] == 1:
        inputs, shape = inputs[..., 0], shape[:2]
    is_picture = len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)
    if not is_picture or min(shape[:2]) < 4 or max(shape[:2]) > _LARGEST_SIDE:
        return None
    low, high = float(inputs.min()), float(inputs.max())
    scaled: Array = ((inputs.astype(np.float32) - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
    return scaled


def _examined_board(deployment: Deployment) -> BoardRecord | None:
    return next((board for board in deployment.boards if board.evidence and board.evidence.samples), None)


def _is_right(evidence: SampleEvidence, index: int) -> bool:
    expected = evidence.true_labels or evidence.reference_labels
    return evidence.board_labels[index] == expected[index]


def _name(acceptance: AcceptanceSet, label: int) -> str:
    return acceptance.class_names[label] if label < len(acceptance.class_names) else str(label)


def _png(image: Array) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
