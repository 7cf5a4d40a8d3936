"""The architecture is held by these tests: import contracts, and the budgets that keep a file readable."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

from importlinter import api

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "focusplane"
BIN = Path(sys.executable).parent

LOOP = "kernel define instrument control observe act learn wire plane edge sdk web testing assembly demo cli"
ROOMS = tuple(LOOP.split(" "))
CORE = (
    "kernel",
    "define",
    "instrument",
    "control",
    "observe",
    "act",
    "learn",
    "plane/world",
    "plane/draft",
    "plane/arrows",
    "plane/step",
)
FACES = ("cli", "demo", "__main__")
"""Where an import inside a function is allowed, so that `focus --help` starts fast without the server extra."""

LOOPS_THAT_SURVIVE = frozenset(
    {
        "plane/loop.py",
        "plane/perform.py",
        "sdk/link.py",
    }
)
"""The only files that may catch `Exception`; each makes of it a recorded fact or a counted drop."""

CLOCK_READERS = frozenset({"wire/clock.py"})
CLOCKS = frozenset({"time", "time_ns", "now", "utcnow", "today"})
WORDS_THAT_NAME_NOTHING = frozenset(
    {"utils", "util", "helpers", "helper", "common", "misc", "manager", "service"}
)

SHARED_BY_CONTROLS = frozenset(
    {"admission", "board", "churn", "command", "limit", "reasons", "snapshot", "split", "state"}
)
"""What controls have in common: the Board, the words that change it, the answer to a request, a rate, a tenant's share.

`churn` and `reasons` ask flags, and no control asks them."""

MAX_LINES = 400

Node = TypeVar("Node", bound=ast.AST)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def sources() -> list[Path]:
    """Every product file; generated protobuf modules say so in their names."""
    return sorted(path for path in SOURCE.rglob("*.py") if not path.name.endswith("_pb2.py"))


def checks() -> list[Path]:
    return sorted((ROOT / "tests").rglob("*.py"))


def short(path: Path) -> str:
    return path.relative_to(SOURCE if path.is_relative_to(SOURCE) else ROOT).as_posix()


def nodes(path: Path, *kinds: type[Node]) -> Iterator[Node]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, kinds):
            yield node


def in_core(path: Path) -> bool:
    return any(short(path) == f"{room}.py" or short(path).startswith(f"{room}/") for room in CORE)


def test_the_import_contracts_hold() -> None:
    checked = subprocess.run(
        [BIN / "lint-imports", "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_contracts_name_every_room_in_the_order_of_the_loop() -> None:
    loop = next(one for one in api.read_configuration()["contracts_options"] if one["type"] == "layers")
    named = [word.strip(" ()") for layer in loop["layers"] for word in layer.split("|")]
    rank = {
        room: place for place, room in enumerate(reversed([word for word in named if word != "__main__"]))
    }
    assert set(rank) == set(ROOMS)
    kernel_to_plane = ROOMS[: ROOMS.index("edge")]
    assert sorted(kernel_to_plane, key=rank.__getitem__) == list(kernel_to_plane)
    assert loop["exhaustive"] in (True, "true", "True")


def test_every_control_stands_in_the_contract_of_independence() -> None:
    contracts = api.read_configuration()["contracts_options"]
    independent = next(one for one in contracts if one["name"].startswith("The controls"))["modules"]
    found = {f"focusplane.control.{path.stem}" for path in (SOURCE / "control").glob("[a-z]*.py")}
    assert found - set(independent) == {f"focusplane.control.{name}" for name in SHARED_BY_CONTROLS}


def test_every_room_says_what_goes_in_and_out() -> None:
    silent = [room for room in ROOMS if (init := SOURCE / room / "__init__.py").exists() and not _says(init)]
    assert not silent


def _says(init: Path) -> bool:
    return bool(ast.get_docstring(parsed(init)))


def test_every_module_says_in_one_sentence_what_it_is() -> None:
    assert [short(path) for path in sources() if not ast.get_docstring(parsed(path))] == []


def test_no_file_is_longer_than_its_budget() -> None:
    long = {
        short(path): len(path.read_text(encoding="utf-8").splitlines()) for path in [*sources(), *checks()]
    }
    assert {name: lines for name, lines in long.items() if lines > MAX_LINES} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [short(path) for path in sources() if path.stem in WORDS_THAT_NAME_NOTHING] == []


def test_no_import_is_relative() -> None:
    relative = [
        f"{short(path)}:{node.lineno}"
        for path in sources()
        for node in nodes(path, ast.ImportFrom)
        if node.level
    ]
    assert relative == []


def test_imports_stand_at_the_top_of_the_file() -> None:
    """Outside the faces, an import inside a function is for an optional dependency and says so in a comment."""
    hidden = []
    for path in sources():
        if short(path).split("/")[0].removesuffix(".py") in FACES:
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        for function in nodes(path, ast.FunctionDef, ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if (
                    isinstance(node, ast.Import | ast.ImportFrom)
                    and "# optional" not in lines[node.lineno - 1]
                ):
                    hidden.append(f"{short(path)}:{node.lineno}")
    assert hidden == []


def test_exceptions_are_caught_broadly_only_where_a_loop_must_survive() -> None:
    broad = {
        short(path)
        for path in sources()
        for handler in nodes(path, ast.ExceptHandler)
        if _swallows_all(handler)
    }
    assert broad <= LOOPS_THAT_SURVIVE


def _swallows_all(handler: ast.ExceptHandler) -> bool:
    """A broad clause that raises again after cleaning up swallows nothing."""
    last = handler.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        return False
    names = (
        {one.id for one in ast.walk(handler.type) if isinstance(one, ast.Name)}
        if handler.type
        else {"Exception"}
    )
    return bool(names & {"Exception", "BaseException"})


def test_only_one_file_reads_the_wall_clock() -> None:
    reads = []
    for path in sources():
        if short(path) in CLOCK_READERS:
            continue
        for node in nodes(path, ast.Attribute):
            owner = (
                node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            )
            if owner in ("time", "datetime", "date") and node.attr in CLOCKS:
                reads.append(f"{short(path)}:{node.lineno} {owner}.{node.attr}")
    assert reads == []


def test_the_core_opens_nothing_prints_nothing_and_remembers_nothing() -> None:
    found = []
    for path in filter(in_core, sources()):
        for node in nodes(path, ast.Call, ast.Global):
            name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if isinstance(node, ast.Global) or name in ("open", "print", "input", "eval", "exec"):
                found.append(f"{short(path)}:{node.lineno} {name or 'global'}")
    assert found == []


def test_the_core_takes_of_urllib_only_the_parsing() -> None:
    """import-linter sees `urllib` as one; quoting and splitting are pure, opening is not."""
    found = [
        f"{short(path)}:{node.lineno}"
        for path in filter(in_core, sources())
        for node in nodes(path, ast.Import, ast.ImportFrom)
        if "urllib" in ast.unparse(node) and getattr(node, "module", "") != "urllib.parse"
    ]
    assert found == []


def test_the_core_defines_no_coroutine() -> None:
    found = [
        f"{short(path)} {node.name}"
        for path in filter(in_core, sources())
        for node in nodes(path, ast.AsyncFunctionDef)
    ]
    assert found == []


def test_every_test_that_can_be_skipped_says_how_to_install_what_it_needs() -> None:
    """Use `@pytest.mark.requires_server(name, install)`; a bare skip hides a hole."""
    bare = []
    for path in checks():
        for node in nodes(path, ast.Call):
            if _skips(node) and "install" not in ast.unparse(node):
                bare.append(f"{short(path)}:{node.lineno}")
    assert bare == []


def _skips(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in ("skip", "skipif", "importorskip")


def test_the_sdk_starts_without_the_server_dependencies() -> None:
    """Not only by contract: what a fresh interpreter has loaded after importing the SDK."""
    heavy = (
        "numpy",
        "ruamel",
        "msgspec",
        "fastapi",
        "google.protobuf",
        "sqlalchemy",
        "click",
        "grpc",
        "cattrs",
    )
    script = f"import sys, focusplane.sdk; print([name for name in {heavy!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_nothing_of_one_machine_is_in_the_tree() -> None:
    checked = subprocess.run(
        [sys.executable, ROOT / "tools" / "tree.py"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
