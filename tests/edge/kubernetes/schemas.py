"""The real schemas of the objects that drivers move: what an API server that knows their CRDs accepts, and what is owned."""

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema

Schema = dict[str, Any]
Path_ = tuple[str, ...]
FOLDER = Path(__file__).parents[2] / "data" / "crds"
HEAD: Schema = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}


@functools.cache
def crds() -> dict[str, Schema]:
    """`group/version/plural` -> the schema of the object, with what every object has."""
    found: dict[str, Schema] = {}
    for file in sorted(FOLDER.glob("*.json")):
        spec = json.loads(file.read_text())["spec"]
        for version in spec["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            schema = {**schema, "properties": {**schema["properties"], **HEAD}}
            found[f"{spec['group']}/{version['name']}/{spec['names']['plural']}"] = schema
    return found


def faults(kind: str, obj: dict[str, Any]) -> list[str]:
    """Why a server with strict field validation would refuse that object; fields that it does not know among it."""
    found = _validator(kind).iter_errors(obj)
    return [f"{'.'.join(map(str, one.absolute_path))}: {one.message[:150]}" for one in found]


@functools.cache
def _validator(kind: str) -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(_strict(crds()[kind]))


def _strict(schema: Any) -> Any:
    """OpenAPI v3 as JSON Schema: objects are closed unless they keep what they do not know."""
    if not isinstance(schema, dict):
        return schema
    made = {
        key: _strict(value) if key in ("items", "additionalProperties", "not") else value
        for key, value in schema.items()
    }
    made |= {
        key: [_strict(one) for one in schema[key]] for key in ("allOf", "anyOf", "oneOf") if key in schema
    }
    if "properties" in schema:
        made["properties"] = {name: _strict(one) for name, one in schema["properties"].items()}
        if "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            made["additionalProperties"] = schema.get("type") != "object"
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    if schema.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def fields(kind: str, obj: dict[str, Any]) -> dict[Path_, Any]:
    """The fields that an applied object sets, each with its value: lists are atomic (the default of CRDs), maps are not."""
    found: dict[Path_, Any] = {}
    _walk(crds()[kind], {key: value for key, value in obj.items() if key in ("spec",)}, (), found)
    for key, value in (obj.get("metadata", {}).get("annotations") or {}).items():
        found["metadata", "annotations", key] = value
    return found


def _walk(schema: Schema, value: Any, path: Path_, found: dict[Path_, Any]) -> None:
    if not isinstance(value, dict) or schema.get("x-kubernetes-map-type") == "atomic":
        found[path] = value
        return
    more = schema.get("additionalProperties")
    for name, item in value.items():
        inner = schema.get("properties", {}).get(name, more if isinstance(more, dict) else {})
        _walk(inner, item, (*path, name), found)
