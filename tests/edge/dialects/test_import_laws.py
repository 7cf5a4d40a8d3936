"""Laws of importing: nothing is dropped in silence, nothing that is written is refused, and no text breaks it."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.edge.dialects.reading import FILES, imported, said, taken, texts, tool_of

from focusplane.edge.dialects.draft import Wanted
from focusplane.edge.dialects.reading import TOOLS, import_from

KEYED = re.compile(r"^(\s*)(?:- )?[A-Za-z_.]+:")


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_key_that_is_put_anywhere_is_told_with_its_line(name: str, data: st.DataObject) -> None:
    files = texts(name)
    file = data.draw(st.sampled_from(sorted(files)))
    lines = files[file].splitlines()
    places = [at for at, line in enumerate(lines) if KEYED.match(line) and not _inside_block(lines, at)]
    at = data.draw(st.sampled_from(places))
    indent = re.match(r"\s*(- )?", lines[at])
    assert indent is not None
    lines.insert(at, indent[0] + "zzNewKey: something")
    lines[at + 1] = " " * len(indent[0]) + lines[at + 1][len(indent[0]) :]
    found = import_from(tool_of(name), {**files, file: "\n".join(lines) + "\n"}, Wanted())
    whole = [note.line for note in found.notes if note.path == file and "left out" in note.what]
    told = [
        note for note in found.notes if (note.path, note.line) == (file, at + 1) and "zzNewKey" in note.what
    ]
    told += [note for note in found.notes if note.line in whole and note.line in _around(lines, at)]
    refused = any(note.severity == "error" for note in found.notes if note.path == file)
    assert told or refused, [str(note) for note in found.notes]


def _around(lines: list[str], at: int) -> set[int]:
    """Where a mapping begins that holds this line: it may be left out as a whole."""
    begins, width = {at + 1}, len(lines[at]) - len(lines[at].lstrip())
    for number in range(at - 1, -1, -1):
        indent = len(lines[number]) - len(lines[number].lstrip())
        if indent < width and lines[number].strip():
            begins |= {number + 1, number + 2}
            width = indent
    return begins


def _inside_block(lines: list[str], at: int) -> bool:
    """Within a text of several lines, there are no keys."""
    width = len(lines[at]) - len(lines[at].lstrip())
    for line in reversed(lines[:at]):
        if len(line) - len(line.lstrip()) < width:
            return line.rstrip().endswith(("|", ">"))
    return False


@pytest.mark.parametrize("name", FILES)
def test_the_same_files_give_the_same_text_and_notes(name: str) -> None:
    assert imported(name) == imported(name)


@pytest.mark.parametrize("name", FILES)
def test_every_note_names_a_line_that_is_there(name: str) -> None:
    lengths = {file: len(text.splitlines()) for file, text in texts(name).items()}
    assert [str(note) for note in imported(name).notes if not 1 <= note.line <= lengths[note.path]] == []


@given(text=st.text(max_size=300), tool=st.sampled_from(sorted(TOOLS)))
@settings(max_examples=150, deadline=None)
def test_no_text_breaks_an_importer(text: str, tool: str) -> None:
    import_from(tool, {"theirs.yaml": text}, Wanted())


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_value_of_a_wrong_type_is_told_and_never_breaks_it(name: str, data: st.DataObject) -> None:
    files = texts(name)
    file = data.draw(st.sampled_from(sorted(files)))
    lines = files[file].splitlines()
    at = data.draw(st.sampled_from([n for n, line in enumerate(lines) if ": " in line and "{{" not in line]))
    key = lines[at].split(": ", 1)[0]
    wrong = json.dumps(data.draw(TREES), allow_nan=False) if data.draw(st.booleans()) else "!!binary x"
    lines[at] = f"{key}: {wrong}"
    import_from(tool_of(name), {**files, file: "\n".join(lines) + "\n"}, Wanted())


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_a_bomb_of_aliases_is_an_error_with_its_place(tool: str) -> None:
    found = taken(tool, BOMB)
    assert any(note.code == "D002" and "unfold" in note.what for note in found.notes)
    assert found.files == {}


def test_anchors_and_merge_keys_are_read_as_their_writers_meant() -> None:
    text = """\
version: prometheus/v1
service: shop
x: &usual {name: A, page_alert: {disable: false}}
slos:
  - name: up
    objective: 99.9
    sli: {events: {error_query: e_total, total_query: t_total}}
    alerting: {<<: *usual, name: B}
"""
    found = taken("sloth", text)
    assert not found.refused
    assert "up" in found.files["shop.yaml"]


def test_a_huge_file_is_refused_as_a_whole_and_said_to_be() -> None:
    found = taken("sloth", "version: prometheus/v1\n" + "#" * 600_000)
    assert said(found, "D002") != []


def test_a_file_of_another_tool_is_said_to_be_none_of_theirs() -> None:
    for tool in TOOLS:
        found = taken(tool, "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n")
        assert said(found, "D330") != []
        assert found.files == {}
