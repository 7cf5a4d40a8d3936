"""Policies from the command line: what `apply` leaves behind is a good set or nothing, `check` tells all, `init` fits in."""

import json
from pathlib import Path

import pytest

from focusplane.cli.main import run
from focusplane.define.load import load

FOCUS = """\
apiVersion: focusplane/v1
kind: Focus
metadata: {{name: {name}}}
spec:
  description: What customers get.
  owner: shop
  boundary: [{{service: {name}}}]
  objectives:
    - {{name: availability, target: {target}, window: 30d, sli: {{bad: {{status: 5xx}}}}}}
"""
TEAM = """\
apiVersion: focusplane/v1
kind: Team
metadata: {name: shop}
spec: {members: [a@example.org], channels: {night: {url: "env:NIGHT"}}}
"""


def focus(name: str, target: str = "99.9%") -> str:
    return FOCUS.format(name=name, target=target)


def written(at: Path, **files: str) -> Path:
    at.mkdir(exist_ok=True)
    for name, text in files.items():
        (at / f"{name}.yaml").write_text(text)
    return at


def texts(at: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(at.iterdir())}


def tombstone(name: str) -> str:
    return f"apiVersion: focusplane/v1\nkind: Removed\nmetadata: {{name: {name}}}\n"


def test_a_removed_focus_leaves_the_directory_and_the_set_stays_good(tmp_path: Path) -> None:
    new = written(tmp_path / "new", team=TEAM, pay=focus("pay"))
    live = written(tmp_path / "focus", team=TEAM, pay=focus("pay"), search=focus("search"))
    assert run(["apply", str(new), str(live), "--remove", "search"]) == 0
    assert set(texts(live)) == {"team.yaml", "pay.yaml", "removed-search.yaml"}
    loaded = load(texts(live))
    assert (loaded.problems, loaded.policies.removed) == ((), frozenset({"search"}))
    assert run(["apply", str(new), str(live), "--remove", "search"]) == 0
    assert set(texts(live)) == {"team.yaml", "pay.yaml", "removed-search.yaml"}


def test_one_document_leaves_a_file_of_several_and_its_neighbours_stay_word_for_word(tmp_path: Path) -> None:
    both = f"# ours\n{focus('pay')}---\n# theirs\n{focus('search')}---\n{TEAM}"
    new, live = (
        written(tmp_path / "new", pay=focus("pay", "99%"), team=TEAM),
        written(tmp_path / "focus", all=both),
    )
    (new / "team.yaml").unlink()
    assert run(["apply", str(new), str(live), "--remove", "search"]) == 1, "the source alone has no team"
    (new / "team.yaml").write_text(TEAM)
    assert run(["apply", str(new), str(live), "--remove", "search"]) == 0
    assert set(texts(live)) == {"pay.yaml", "removed-search.yaml", "team.yaml"}
    assert load(texts(live)).policies.focuses["pay"].objectives[0].target.numerator == 99
    (live / "rest.yaml").write_text(f"# ours\n{focus('cart')}---\n# theirs\n{focus('search')}")
    (live / "removed-search.yaml").unlink()
    assert run(["apply", str(new), str(live), "--remove", "search"]) == 0
    assert texts(live)["rest.yaml"] == f"# ours\n{focus('cart')}"


def test_a_focus_that_moved_to_another_file_or_came_back_is_not_there_twice(tmp_path: Path) -> None:
    new = written(tmp_path / "new", team=TEAM, money=focus("pay"))
    live = written(tmp_path / "focus", team=TEAM, pay=focus("pay"), gone=tombstone("pay"))
    (live / "pay.yaml").unlink()
    assert run(["apply", str(new), str(live)]) == 0
    assert set(texts(live)) == {"team.yaml", "money.yaml"}
    assert load(texts(live)).problems == ()


def test_a_tombstone_of_the_source_takes_the_focus_out_of_the_directory(tmp_path: Path) -> None:
    new = written(tmp_path / "new", team=TEAM, pay=focus("pay"), gone=tombstone("search"))
    live = written(tmp_path / "focus", team=TEAM, search=focus("search"))
    assert run(["apply", str(new), str(live)]) == 0
    assert set(texts(live)) == {"team.yaml", "pay.yaml", "gone.yaml"}


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--remove", "pay"], 4, "is declared by the source and to be removed at once"),
        (["--remove", "serch"], 1, "did you mean 'search'?"),
        (["--remove", "../evil"], 2, "cannot be the name of anything"),
        (["--remove", "a}, b: {"], 2, "cannot be the name of anything"),
        (["--remove-held", "a}, b: {"], 2, "cannot be the name of anything"),
        (["--remove", "team/shop"], 4, "is declared by the source"),
        (["--remove-held", "search"], 0, "kept  team/other"),
    ],
)
def test_what_cannot_be_removed_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, told: str
) -> None:
    new = written(tmp_path / "new", team=TEAM, pay=focus("pay"))
    other = TEAM.replace("shop", "other")
    live = written(tmp_path / "focus", team=TEAM, pay=focus("pay"), search=focus("search"), other=other)
    before = texts(live)
    assert run(["apply", str(new), str(live), *words]) == status
    assert told in capsys.readouterr().err
    if status:
        assert texts(live) == before


def test_a_result_that_a_plane_would_refuse_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = written(tmp_path / "new", team=TEAM, pay=focus("pay"))
    live = written(tmp_path / "focus", shop=focus("shop").replace("service: shop", "service: pay"))
    before = texts(live)
    assert run(["apply", str(new), str(live)]) == 1
    assert "D119" in capsys.readouterr().err
    assert texts(live) == before


def test_a_directory_that_cannot_be_written_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = written(tmp_path / "new", team=TEAM, pay=focus("pay", "99%"), search=focus("search"))
    live = written(tmp_path / "focus", team=TEAM, pay=focus("pay"))
    before, honest = texts(live), Path.write_text

    def full(path: Path, text: str, **more: str) -> int:
        if "search" in path.name:
            raise OSError(28, "No space left on device")
        return honest(path, text, **more)

    monkeypatch.setattr(Path, "write_text", full)
    assert run(["apply", str(new), str(live)]) == 4
    assert texts(live) == before


def test_apply_says_as_json_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = written(tmp_path / "new", team=TEAM, pay=focus("pay"))
    live = written(tmp_path / "focus", team=TEAM, search=focus("search"), cart=focus("cart"))
    assert run(["apply", str(new), str(live), "--remove", "search", "--json", "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "target": str(live),
        "written": ["pay.yaml", "removed-search.yaml"],
        "deleted": ["search.yaml"],
        "kept": ["cart"],
        "dry_run": True,
    }
    assert set(texts(live)) == {"team.yaml", "search.yaml", "cart.yaml"}


def test_a_wrong_name_hides_no_other_mistake_of_its_document() -> None:
    broken = focus("Pay", "100%").replace("boundary", "bundary")
    codes = [one.code for one in load({"a.yaml": broken + "---\n" + TEAM}).problems]
    assert sorted(codes) == ["D010", "D017", "D101"]
    nameless = focus("x", "0%").replace("metadata: {name: x}\n", "")
    assert {"D011", "D101"} <= {one.code for one in load({"a.yaml": nameless, "t.yaml": TEAM}).problems}


def test_a_link_that_leads_nowhere_is_a_problem_with_its_place_beside_all_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = written(tmp_path / "focus", team=TEAM, pay=focus("pay", "0%"))
    (here / "dead.yaml").symlink_to(here / "nowhere.yaml")
    assert run(["check", str(here)]) == 1
    told = capsys.readouterr()
    assert f"{here}/dead.yaml:1:1  error D006  the file cannot be taken: it is no regular file" in told.out
    assert "error D101" in told.out
    assert told.err.startswith("1 focus, 2 errors")
    assert run(["apply", str(here), str(tmp_path / "live")]) == 1
    assert not (tmp_path / "live").exists()


def test_a_second_focus_of_a_team_does_not_declare_the_team_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "focus"
    assert run(["init", "pay", "--into", str(here)]) == 0
    assert run(["init", "search", "--into", str(here)]) == 0
    written(here, team=TEAM)
    assert run(["init", "cart", "--owner", "shop", "--into", str(here), "--json"]) == 0
    assert capsys.readouterr().out.endswith('"team": false\n}\n')
    assert "alerts: {page: [night], ticket: [night]}" in (here / "cart.yaml").read_text()
    assert run(["check", str(here), "--strict"]) == 0


@pytest.mark.parametrize(
    ("name", "owner"), [("Pay", "shop"), ("pay day", "shop"), ("a/b", "shop"), ("pay", "My Team"), ("-", "x")]
)
def test_a_first_file_has_a_name_that_can_stand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, owner: str
) -> None:
    assert run(["init", "--into", str(tmp_path / "focus"), "--owner", owner, "--", name]) == 2
    assert "cannot be the name of" in capsys.readouterr().err
    assert not (tmp_path / "focus").exists()


def test_a_focus_that_stands_in_another_file_is_not_declared_a_second_time(tmp_path: Path) -> None:
    here = written(tmp_path / "focus", team=TEAM, money=focus("pay"))
    assert run(["init", "pay", "--owner", "shop", "--into", str(here)]) == 4
    assert set(texts(here)) == {"team.yaml", "money.yaml"}


def test_a_difference_as_json_is_a_list_like_every_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = written(tmp_path / "one", team=TEAM, pay=focus("pay"))
    other = written(tmp_path / "other", team=TEAM, pay=focus("pay", "99%"))
    assert run(["diff", str(one), str(other), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (set(told), [change["before"] for change in told["items"]]) == (
        {"items", "next", "churn"},
        ["99.9%"],
    )


def test_an_edit_of_a_flag_says_how_many_get_another_variant_and_warns_of_a_loss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = focus("pay")
    text += "  controls: {flags: {x: {variants: {on: true, off: false}, default: on, off: off, expires: 2099-01-01, percentage: 50%}}}\n"
    one = written(tmp_path / "one", team=TEAM, pay=text)
    other = written(tmp_path / "other", team=TEAM, pay=text.replace("50%", "20%"))
    assert run(["diff", str(one), str(other)]) == 1
    said = capsys.readouterr()
    assert "pay controls.flags.x.percentage: 50% -> 20%" in said.out
    assert said.err.startswith("warning  pay flag.x: about 29.6% of all tenants")
    assert "lose one that they have" in said.err
    assert run(["diff", str(other), str(one), "--json"]) == 1
    (moved,) = json.loads(capsys.readouterr().out)["churn"]
    assert (moved["key"], moved["lost"], moved["warns"], moved["of"]) == ("x", 0, False, 10_000)
