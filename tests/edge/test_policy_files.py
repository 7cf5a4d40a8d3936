"""The directory of policies: what is read, what is refused, when a change is told."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from focusplane.edge.policy_files import MAX_FILE_BYTES, PolicyDirectory


def test_every_policy_file_below_the_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("b.yaml", "a.yml", "deep/c.yaml", "notes.md", ".hidden.yaml", ".git/d.yaml"):
        (tmp_path / name).write_text(name)
    source = PolicyDirectory(tmp_path)
    assert source.read() == {"a.yml": "a.yml", "b.yaml": "b.yaml", "deep/c.yaml": "deep/c.yaml"}
    assert source.unreadable == ()


def test_a_single_file_is_a_policy_set_too(tmp_path: Path) -> None:
    file = tmp_path / "focus.yaml"
    file.write_text("x")
    assert PolicyDirectory(file).read() == {"focus.yaml": "x"}


def test_what_cannot_be_taken_is_told(tmp_path: Path) -> None:
    inside, outside = tmp_path / "policies", tmp_path / "secret.yaml"
    inside.mkdir()
    outside.write_text("secret")
    (inside / "good.yaml").write_text("good")
    (inside / "link.yaml").symlink_to(outside)
    (inside / "alias.yaml").symlink_to(inside / "good.yaml")
    (inside / "dead.yaml").symlink_to(inside / "nowhere.yaml")
    (inside / "large.yaml").write_bytes(b" " * (MAX_FILE_BYTES + 1))
    source = PolicyDirectory(inside)
    assert source.read() == {"good.yaml": "good", "alias.yaml": "good"}
    assert {one.path for one in source.unreadable} == {"link.yaml", "dead.yaml", "large.yaml"}


def test_a_directory_that_is_not_there_is_told_and_empty(tmp_path: Path) -> None:
    source = PolicyDirectory(tmp_path / "nowhere")
    assert source.read() == {}
    assert len(source.unreadable) == 1


def test_bytes_that_are_no_text_are_read_with_marks(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe")
    assert PolicyDirectory(tmp_path).read() == {"a.yaml": "\ufffd\ufffd"}


def test_a_change_is_told_once_and_only_when_it_holds_still(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("old")

    class Writer(PolicyDirectory):
        """Writes the next text just before each look."""

        looks = 0

        def read(self) -> Mapping[str, str]:
            script = ["old", "old", "ha", "half", "whole", "whole", "whole", "old", "old"]
            file.write_text(script[min(self.looks, len(script) - 1)])
            self.looks += 1
            return super().read()

    async def watch() -> list[str]:
        changes = Writer(tmp_path, poll_seconds=0).changes()
        told = [(await anext(changes))["a.yaml"] for _ in range(2)]
        await changes.aclose()  # type: ignore[attr-defined]
        return told

    assert asyncio.run(watch()) == ["whole", "old"]


def test_an_edit_between_the_first_reading_and_the_first_look_is_not_missed(tmp_path: Path) -> None:
    """A plane that starts reads its policies, and watches them a moment later."""
    (tmp_path / "shop.yaml").write_text("a: 1\n")
    directory = PolicyDirectory(tmp_path, poll_seconds=0)
    assert directory.read() == {"shop.yaml": "a: 1\n"}
    (tmp_path / "shop.yaml").write_text("a: 2\n")

    async def first() -> Mapping[str, str]:
        changes = directory.changes()
        told = await anext(changes)
        await changes.aclose()  # type: ignore[attr-defined]
        return told

    assert asyncio.run(first()) == {"shop.yaml": "a: 2\n"}
