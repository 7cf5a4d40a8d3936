"""Server-side apply drops what its owner no longer names: so what already is ours is named again, as it stands."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from focusplane.edge.kubernetes.client import MANAGER

Object = dict[str, Any]


def kept(obj: Mapping[str, Any]) -> Object:
    """The parts of the object that we own, as whole fields of its spec, labels and annotations. An object that was created
    in our name has more of them than weights.
    """
    found: Object = {}
    for entry in obj.get("metadata", {}).get("managedFields") or ():
        if (
            entry.get("manager") == MANAGER
            and entry.get("operation") == "Apply"
            and not entry.get("subresource")
        ):
            fields = entry.get("fieldsV1") or {}
            overlay(found, {"spec": _of(fields.get("f:spec"), obj.get("spec"))})
            for name in ("labels", "annotations"):
                ours = _of((fields.get("f:metadata") or {}).get(f"f:{name}"), obj["metadata"].get(name))
                overlay(found, {"metadata": {name: ours}} if ours else {})
    return {key: value for key, value in found.items() if value}


def _of(fields: object, values: object) -> Object:
    names = [key[2:] for key in fields if key.startswith("f:")] if isinstance(fields, dict) else []
    return {name: deepcopy(values[name]) for name in names if isinstance(values, dict) and name in values}


def overlay(under: Object, over: Object) -> None:
    """Put `over` onto `under`: mappings grow together, everything else is replaced."""
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(under.get(key), dict):
            overlay(under[key], value)
        else:
            under[key] = value
