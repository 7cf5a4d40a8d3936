"""Any flagd document can be read by `focus flag lint`."""

import json

import pytest

from focusplane.cli.main import run

RULE = {"if": [{"<": [{"var": "age"}, 18]}, "on", "off"]}
FLAG = {
    "state": "ENABLED",
    "variants": {"on": True, "off": False},
    "defaultVariant": "off",
    "targeting": RULE,
}
PLACE = "targeting.if[0].<"


@pytest.fixture
def written(tmp_path):
    def write(**flags):
        path = tmp_path / "flags.json"
        path.write_text(json.dumps({"flags": flags}), encoding="utf-8")
        return str(path)

    return write


def test_faults_and_doubts_are_told_with_their_places(written, capsys):
    path = written(new=FLAG, bad=FLAG | {"defaultVariant": "of"})
    assert run(["flag", "lint", path, "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["flags"] == 2
    told = {(one["flag"], one["kind"], one["what"].partition(":")[0]) for one in shown["items"]}
    assert told == {("bad", "fault", "defaultVariant"), ("bad", "doubt", PLACE), ("new", "doubt", PLACE)}


def test_a_sound_document_has_nothing_said_against_it(written, capsys):
    assert run(["flag", "lint", written(new=FLAG | {"targeting": None})]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "1 flags, and nothing to say against them\n")


def test_a_flag_of_the_document_is_explained(written, capsys):
    assert run(["flag", "lint", written(new=FLAG), "--flag", "new", "--context", '{"age": 12}']) == 0
    assert capsys.readouterr().out == (
        "flag new: ENABLED, bucketing v2\n"
        '  targeting if -> "on"\n'
        "    [0] < saw 12, 18 -> true\n"
        '      [0] var "age" -> 12\n'
        "variant on = true, TARGETING_MATCH: its rule named the variant\n"
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--flag", "gone"], "the document has no flag 'gone'"),
        (["--flag", "new", "--context", "{"], "--context is no JSON"),
        (["--flag", "new", "--context", "7"], "--context is not an object"),
    ],
)
def test_what_cannot_be_asked_is_said(written, capsys, more, said):
    assert run(["flag", "lint", written(new=FLAG), *more]) in (1, 2)
    assert said in capsys.readouterr().err


def test_what_is_no_flag_set_is_refused(tmp_path, capsys):
    (tmp_path / "no.json").write_text("[]", encoding="utf-8")
    assert run(["flag", "lint", str(tmp_path / "no.json")]) == 2
    assert "the document is not an object" in capsys.readouterr().err
