"""Scene of a small scenario: how to look at the plane while it runs, and what its journal says."""

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console

from focusplane.demo.plane import Plane, Shown
from focusplane.demo.record import Promise, Record
from focusplane.demo.report import diff_view
from focusplane.demo.small.stage import SmallStage
from focusplane.demo.stage import Doors
from focusplane.wire.clock import SystemClock

LOOK_S = 0.25
SHOW_S = 2.0
OVER = ("rolled-back", "promoted", "aborted")


class SmallScene:
    """What is on stage, and how to look at it. `promise` writes down what was promised and what was measured."""

    def __init__(self, stage: SmallStage, doors: Doors, record: Record, console: Console) -> None:
        self.stage = stage
        self.plane = Plane(doors.api, doors.token, stage.focus)
        self._record = record
        self._console = console
        self._clock = SystemClock()
        self._facts: list[Shown] = []
        self._shown_at, self._told = 0.0, ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.plane.close()

    def now(self) -> int:
        return self._clock.now_ms()

    def act(self, title: str) -> None:
        """A new act begins."""
        self._console.print(f"\n[bold]{title}[/bold]", highlight=False)

    def say(self, text: str) -> None:
        self._console.print(f"  {text}", highlight=False, markup=False, soft_wrap=True)

    def promise(self, name: str, held: bool, measured: str) -> None:
        self._record.promises.append(Promise(name, held, measured))

    def note(self, text: str) -> None:
        """Stands below the promises at the end."""
        self._record.notes.append(text)

    def rest(self, seconds: float) -> None:
        """Goes on looking for so long."""
        self.until(lambda: False, seconds)

    def until(self, true: Callable[[], bool], within_s: float) -> bool:
        """Whether it became true in time; meanwhile what changes is shown."""
        deadline = time.monotonic() + within_s
        while not (seen := true()) and time.monotonic() < deadline:
            self._show()
            time.sleep(LOOK_S)
        return seen

    def rollout_over(self, version: str, within_s: float) -> Shown:
        """The rollout once its phase is final, else as it stands after so long."""

        def over() -> bool:
            seen = self.plane.rollout()
            return seen["version"] == version and seen["phase"] in OVER

        self.until(over, within_s)
        seen = self.plane.rollout()
        self._tell(seen)
        return seen

    def edit(self, path: Sequence[str], value: str) -> None:
        """Edits the policy file, shows the diff, and waits until the plane obeys it."""
        before = self._digest()
        text = self.stage.edit(path, value)
        self._console.print(diff_view(text))
        self._record.diffs.append(text)
        self.until(lambda: self._digest() != before, 15)

    def facts(self, kind: str = "", since: int = 0) -> list[Shown]:
        """The journal so far: all of it, or those of a kind from then on."""
        while page := self.plane.journal(self._facts[-1]["seq"] if self._facts else 0):
            self._facts.extend(page)
        return [one for one in self._facts if kind in ("", one["kind"]) and one["at"] >= since]

    def _digest(self) -> str:
        return next((str(fact["subject"]) for fact in reversed(self.facts("policy.loaded"))), "")

    def _show(self) -> None:
        """A line when what happens has changed, at most every two seconds."""
        now = time.monotonic()
        if now - self._shown_at < SHOW_S:
            return
        seen = self.plane.rollout()
        if seen["phase"] != "idle":
            self._tell(seen)
        self._shown_at = now

    def _tell(self, seen: Shown) -> None:
        """The same is said once, also if its end was seen on the way."""
        said = f"{seen['phase']:<11} {seen.get('sentence') or seen.get('reason', '')}"
        if said != self._told:
            self.say(said)
        self._told = said
