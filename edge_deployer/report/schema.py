"""What `report.json` looks like, as JSON Schema."""

from __future__ import annotations

import json

from edge_deployer.report.facts import Report


def report_schema() -> str:
    """The schema, draft 2020-12, as JSON text."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Report.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2) + "\n"
