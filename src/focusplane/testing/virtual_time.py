"""An event loop whose time jumps to the next thing that happens, and processes in it that die at a chosen await."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

T = TypeVar("T")
_LIFE: ContextVar["Life | None"] = ContextVar("life", default=None)


class StuckError(Exception):
    """Nothing is left that could happen: what is waited for never comes."""


def _at_once() -> float:
    return 0.0


class VirtualTime(asyncio.BaseEventLoop):
    """Runs without a selector, a thread or a wait: the same coroutines take the same steps in every run.

    What is given to a thread runs in the loop instead, a `pause` after it was given and a `pause` before its result is
    seen. Tasks begun within a `Life` belong to that process.
    """

    def __init__(self, pause: Callable[[], float] = _at_once) -> None:
        super().__init__()
        self._now = 0.0
        self._pause = pause
        self._selector = self  # asked by BaseEventLoop for what has come in from outside: nothing ever does
        self.set_task_factory(_task)

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> Sequence[object]:
        if timeout is None:
            raise StuckError("nothing is left to happen, and somebody still waits")
        self._now += timeout
        return ()

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> "asyncio.Future[T]":  # type: ignore[override]
        return asyncio.shield(self.create_task(self._thread(func, args)))

    async def _thread(self, func: Callable[..., T], args: Sequence[Any]) -> T:
        await asyncio.sleep(self._pause())
        result = func(*args)
        await asyncio.sleep(self._pause())
        return result

    def _process_events(self, events: Sequence[object]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector, so nobody need be woken."""


class Life:
    """One life of a process: once killed, none of its tasks takes another step, not even a last one.

    It dies by itself as its tasks are about to go on for the `dies_after`th time: each await is such a moment.
    """

    def __init__(self, dies_after: int = 0) -> None:
        self.steps = 0
        self.ended = asyncio.Event()
        self._dies_after = dies_after
        self.tasks: list[asyncio.Task[Any]] = []
        self.works: list[Mortal[Any]] = []
        self._buried = False

    @property
    def alive(self) -> bool:
        return not self.ended.is_set()

    def kill(self) -> None:
        self.ended.set()

    def begin(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """A task of this process, and so are those that it begins."""
        context = copy_context()
        context.run(_LIFE.set, self)
        return asyncio.get_running_loop().create_task(work, context=context)

    async def ask(self, work: Coroutine[Any, Any, T]) -> T:
        """What the process answers somebody outside. Raises `ConnectionResetError` if it dies before."""
        task, end = self.begin(work), asyncio.ensure_future(self.ended.wait())
        await asyncio.wait((task, end), return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        if not task.done():
            raise ConnectionResetError("the process died")
        return task.result()

    def step(self) -> bool:
        """Whether a task of this process may go on."""
        self.steps += 1
        if self.steps == self._dies_after:
            self.kill()
        return self.alive

    def halt(self) -> "asyncio.Future[None]":
        """What a task of the dead waits for: until its burial."""
        if self._buried:
            raise asyncio.CancelledError
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        never._asyncio_future_blocking = True  # how a coroutine tells its task to wait for it
        return never

    async def bury(self) -> None:
        """Let go of what the dead has left, so that an event loop can be closed."""
        self.kill()
        self._buried = True
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for work in self.works:
            work.close()


class Mortal(Coroutine[Any, Any, T]):
    """A coroutine that goes on only while its process lives."""

    def __init__(self, inner: Coroutine[Any, Any, T], life: Life) -> None:
        self._inner, self._life = inner, life

    def send(self, value: Any) -> Any:
        return self._inner.send(value) if self._life.step() else self._life.halt()

    def throw(self, kind: Any, value: Any = None, trace: Any = None) -> Any:
        return self._inner.throw(kind) if self._life.step() else self._life.halt()

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):  # its last words wait for something, too
            self._inner.close()

    def __await__(self) -> Generator[Any, None, T]:
        return self._inner.__await__()


def _task(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> "asyncio.Task[Any]":
    context = more.get("context")
    life = context.get(_LIFE) if context is not None else _LIFE.get()
    if life is None:
        return asyncio.Task(work, loop=loop, **more)
    mortal: Mortal[Any] = Mortal(work, life)
    task: asyncio.Task[Any] = asyncio.Task(mortal, loop=loop, **more)
    life.works.append(mortal)
    life.tasks.append(task)
    return task
