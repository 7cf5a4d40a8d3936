"""Celery by its signals: focus and tenant travel with a task, and each task is counted once, by its last outcome."""

from collections.abc import Callable, MutableMapping
from contextvars import Token
from typing import Any

from celery import signals  # type: ignore[import-untyped]

from focusplane.instrument.baggage import render
from focusplane.instrument.conventions import BAGGAGE
from focusplane.sdk.door import Door
from focusplane.sdk.request import CURRENT, Request

_UNFINISHED = frozenset({"RETRY", "REJECTED", "IGNORED"})
"""States of an attempt that say nothing about the task: it comes again, or was nobody's to do."""


class Tasks:
    """Connects itself. The focus of a task: `@app.task(focus="checkout")`, else what its sender worked on, else a boundary
    with the route `/` and the name of the task.

    Measured is the last attempt, without its time in the queue. A task whose process was lost, or that was killed by
    its time limit, is counted by the process that sees it: the pool's parent.
    """

    def __init__(self, door: Door, flush: Callable[[], object]) -> None:
        self._door, self._flush = door, flush
        self._running: dict[str, tuple[Request, Token[Request | None]]] = {}
        for signal, receiver in {
            signals.before_task_publish: self._sent,
            signals.task_prerun: self._begun,
            signals.task_failure: self._failed,
            signals.task_postrun: self._ended,
            signals.worker_process_shutdown: self._leaving,
        }.items():
            signal.connect(receiver, weak=False)

    def _sent(self, headers: MutableMapping[str, Any] | None = None, **_: Any) -> None:
        request = CURRENT.get()
        if request is not None and headers is not None:
            said = render(request.focus.name, request.tenant, str(headers.get(BAGGAGE) or ""))
            if said:
                headers[BAGGAGE] = said

    def _begun(self, task_id: str, task: Any, **_: Any) -> None:
        request = self._request(task)
        if request is not None:
            self._running[task_id] = (request, CURRENT.set(request))

    def _failed(self, task_id: str, exception: BaseException, sender: Any = None, **_: Any) -> None:
        ours = self._running.get(task_id)
        if ours is not None:
            ours[0].fail(type(exception).__name__)
            return
        lost = self._request(sender)
        if lost is not None:
            lost.fail(type(exception).__name__)
            lost.finish()

    def _ended(self, task_id: str, state: str = "", **_: Any) -> None:
        ours = self._running.pop(task_id, None)
        if ours is None:
            return
        request, token = ours
        CURRENT.reset(token)
        if state in _UNFINISHED:
            return
        request.status = request.status or 200
        request.finish()

    def _leaving(self, **_: Any) -> None:
        """A process of the pool leaves without the end of an interpreter."""
        self._flush()

    def _request(self, task: Any) -> Request | None:
        context = getattr(task, "request", None)
        carried = getattr(context, BAGGAGE, None) or (getattr(context, "headers", None) or {}).get(BAGGAGE)
        focus = getattr(task, "focus", "")
        return self._door.task(str(task.name), str(carried or ""), focus if isinstance(focus, str) else "")
