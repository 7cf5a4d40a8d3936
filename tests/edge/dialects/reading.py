"""What the tests of importers share: fixtures by name, and what came of them."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from focusplane.define.load import Loaded, load
from focusplane.define.problem import Severity
from focusplane.edge.dialects.draft import Wanted
from focusplane.edge.dialects.reading import Imported, import_from

DATA = Path(__file__).resolve().parents[2] / "data" / "dialects"
FILES = {
    "sloth": ("sloth.yaml",),
    "sloth-crd": ("sloth_crd.yaml",),
    "pyrra": ("pyrra.yaml",),
    "slo-generator": ("slo_generator.yaml", "slo_generator_config.yaml"),
    "openslo": ("openslo.yaml",),
}


def texts(name: str) -> dict[str, str]:
    return {file: (DATA / file).read_text(encoding="utf-8") for file in FILES[name]}


def tool_of(name: str) -> str:
    return name.removesuffix("-crd")


def imported(name: str, **wanted: Any) -> Imported:
    return import_from(tool_of(name), texts(name), Wanted(**wanted))


def taken(tool: str, text: str, **wanted: Any) -> Imported:
    return import_from(tool, {"theirs.yaml": text}, Wanted(**wanted))


def policies(found: Imported) -> Loaded:
    """As `focus check` sees it; nothing that was written may be refused."""
    loaded = load(dict(found.files))
    assert [str(one) for one in loaded.problems if one.severity is Severity.ERROR] == []
    return loaded


def said(found: Imported, code: str = "") -> list[str]:
    """`line what` of the notes with that code."""
    return [f"{note.line} {note.what}" for note in found.notes if note.code.startswith(code)]


def spec(found: Imported, file: str) -> dict[str, Any]:
    """The body of a focus as it was written."""
    read: dict[str, Any] = YAML(typ="safe", pure=True).load(found.files[file])
    body: dict[str, Any] = read["spec"]
    return body


def objectives(found: Imported, file: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in spec(found, file)["objectives"]}
