"""A flag is cut out of any way to write it, and the rest of the file stays as it was."""

import os
import subprocess
from pathlib import Path

import pytest

from focusplane.define.load import load
from focusplane.edge.flag_removal import MOST_OCTETS, named_in, patch, without

HEAD = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: pay}
spec:
  owner: t
  objectives: [{name: a, sli: {bad: {status: 5xx}}, target: 99%, window: 30d}]
"""
TAIL = (
    "---\n{apiVersion: focusplane/v1, kind: Team, metadata: {name: t}, spec: {members: [a], channels: {}}}\n"
)
ONE = "variants: {on: true, off: false}, default: on, off: off, expires: 2099-01-01"
BLOCK = """  controls:
    flags:                    # the flags
      first: {ONE}
      # about the second
      second:
        variants: {on: "a, }b", off: 'c'}
        default: on

        off: off
        expires: 2099-01-01
    throttle: {rate: 5/s}
""".replace("ONE", ONE)
SECOND = '{variants: {on: "a, }b", off: c}, default: on, off: off, expires: 2099-01-01}'
FLOW = f"  controls: {{flags: {{first: {{{ONE}}}, second: {SECOND}}}, throttle: {{rate: 5/s}}}}\n"
MIXED = f"  controls:\n    flags: {{first: {{{ONE}}}}}  # one\n    throttle: {{rate: 5/s}}\n"
ALONE = f"  controls:\n    flags:  # one\n      first:\n        {{{ONE}}}\n"


def cut(body: str, key: str) -> str:
    text = HEAD + body + TAIL
    loaded = load({"p.yaml": text})
    assert not loaded.refused
    return without(text, loaded.places.of(f"pay.controls.flags.{key}"), "pay", key)


@pytest.mark.parametrize("body", [BLOCK, FLOW])
@pytest.mark.parametrize(("key", "other"), [("first", "second"), ("second", "first")])
def test_one_of_two_goes_and_the_other_stays(body: str, key: str, other: str) -> None:
    before = load({"p.yaml": HEAD + body + TAIL}).policies.focuses["pay"].controls
    loaded = load({"p.yaml": cut(body, key)})
    assert not loaded.refused
    controls = loaded.policies.focuses["pay"].controls
    assert controls.flags == {other: before.flags[other]}
    assert controls.throttle == before.throttle
    assert loaded.policies.removed == {f"pay/flag.{key}"}


@pytest.mark.parametrize("body", [MIXED, ALONE])
def test_the_last_flag_leaves_an_empty_mapping_and_its_comment(body: str) -> None:
    made = cut(body, "first")
    loaded = load({"p.yaml": made})
    assert not loaded.refused
    assert loaded.policies.focuses["pay"].controls.flags == {}
    assert "# one" in made


def test_the_patch_is_one_that_git_takes(tmp_path: Path) -> None:
    text = HEAD + BLOCK + TAIL
    told = patch("policies/pay.yaml", text, cut(BLOCK, "second"))
    assert told.startswith("--- a/policies/pay.yaml\n+++ b/policies/pay.yaml\n@@ ")
    assert "-      second:\n" in told
    assert "+{apiVersion: focusplane/v1, kind: Removed, metadata: {name: pay/flag.second}}\n" in told


def test_code_that_names_a_flag_is_found_as_a_whole_word_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").write_text('import x\nif flag("fast-pay"):\n    fast_pay_2 = "fast-pay-2"\n')
    (tmp_path / "src/b.bin").write_bytes(b"\0fast-pay")
    (tmp_path / "src/long.txt").write_text("fast-pay\n" + "x" * MOST_OCTETS)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/c.js").write_text("fast-pay")
    found = list(named_in(tmp_path, "fast-pay"))
    assert [(hit.path, hit.line, hit.text) for hit in found] == [
        (str(tmp_path / "src/a.py"), 2, 'if flag("fast-pay"):')
    ]


def test_a_pipe_among_the_sources_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.py").write_text("flag('second')\n")
    assert [hit.line for hit in named_in(tmp_path, "second")] == [1]


@pytest.mark.requires_server("patch", "apt-get install patch")
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_file_without_a_last_line_break_is_patched(tmp_path: Path, end: str) -> None:
    before, after = f"a: 1\nb: 2{end}", "a: 1\n---\nc: 3\n"
    (tmp_path / "x.yaml").write_text(before)
    told = patch("x.yaml", before, after)
    subprocess.run(["patch", "-p1"], input=told, text=True, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "x.yaml").read_text() == after
