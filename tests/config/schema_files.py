"""The JSON schemas for editors as they are committed. `python tests/config/schema_files.py` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crmsync.assess.run import sections
from crmsync.config import config_json_schema, mapping_json_schema
from crmsync.program import json_schema

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "config" / "schema"


def schemas() -> dict[str, dict[str, Any]]:
    return {
        "program.schema.json": json_schema(sections()),
        "config.schema.json": config_json_schema(),
        "mapping.schema.json": mapping_json_schema(),
    }


def text_of(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (FOLDER / name).write_text(text_of(schema), encoding="utf-8")
