"""One request of a focus, and the calls it makes to others."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from time import perf_counter_ns
from types import TracebackType
from typing import Any, Self

from focusplane.control.admission import ADMIT, Admission, Admit, Reject
from focusplane.control.breaker import BreakerInUse
from focusplane.control.fallback import divert
from focusplane.control.flag import Evaluated, Reason
from focusplane.instrument.asked import written
from focusplane.instrument.conventions import CLIENT, COST, REASON_NAMED, TENANT_CLASS
from focusplane.instrument.cost import cost_said
from focusplane.instrument.exposed import MOST_FLAGS
from focusplane.kernel.ids import Json
from focusplane.sdk.asking import Context, Said, ask
from focusplane.sdk.attempts import JOINED_NS, Waiting
from focusplane.sdk.cells import Given, Key, Marks, Plain
from focusplane.sdk.meter import Meter
from focusplane.sdk.view import FocusInUse

CLIENT_CLOSED = 499
"""Nobody waits for the answer any more."""
MOST_MARKS, MOST_MARK = 8, 128
"""Marks of a request while no board says which are asked for, and characters of one."""
UNNAMED = "(unnamed)"
"""The value of a mark that no objective names: that it was said is worth knowing, what it was is not."""
_KEPT = frozenset({CLIENT, TENANT_CLASS})
"""Marks that are kept as they are said."""
_MS = 1_000_000

CURRENT: ContextVar["Request | None"] = ContextVar("focusplane_request", default=None)
"""The request that this task or thread is working on."""


class Request:
    """The unit of user success: what the middleware makes for each HTTP request, and `Client.request` for other work.

    As a context manager it measures from entry to exit; an exception is a failure (status 500 and its type).
    Of work that was cancelled the status is 499.
    `proved` is the tenant by its header alone, which spends its quota; `asked` is the focus that baggage names;
    `gone` that its caller has left before any answer.
    """

    __slots__ = (
        "_meter", "_nested", "_outer", "_token", "admission", "asked", "budget_ms", "error", "flags", "focus", "gone", "key", "marks", "method",
        "proved", "resend", "route", "said", "started_ns", "status", "synthetic", "tenant",
    )  # fmt: skip

    def __init__(self, meter: Meter, focus: FocusInUse) -> None:
        self._meter = meter
        self.focus = focus
        self.tenant = self.proved = self.asked = ""
        self.method = self.route = self.error = self.key = ""
        self.budget_ms = self.status = 0
        self.synthetic = self.resend = self.gone = False
        self.marks: Marks = ()
        self.flags: dict[str, Given] | None = None
        self.said: dict[str, Said] | None = None
        self._outer: Request | None = None
        self.admission: Admission = ADMIT
        self.started_ns = perf_counter_ns()

    @property
    def admitted(self) -> bool:
        """False if a throttle, a quota or a fallback stands against it; `admission` says which."""
        return self.admission is ADMIT or isinstance(self.admission, Admit)

    def left_ms(self, otherwise: int) -> int:
        """What is left of the request's time budget, at most `otherwise`; 0 if it is used up."""
        if not self.budget_ms:
            return otherwise
        return max(min(otherwise, self.budget_ms - (perf_counter_ns() - self.started_ns) // _MS), 0)

    def call(self, name: str, timeout_ms: int = 30_000) -> "Call":
        """A call to something that can fail, behind the breaker of that name."""
        return Call(self, name, self.left_ms(timeout_ms))

    def fail(self, error: str = "error", status: int = 500) -> None:
        """Count this request as failed although no exception leaves it."""
        self.status, self.error = status, error

    def mark(self, said: Mapping[str, Said]) -> None:
        """Say more of this request: `{"app.event": "session", "client.id": "ios"}`. Kept are the attributes that objectives
        of its focus ask for, and of their values those that they name; `client.id`; `tenant.class`, which has few; and
        `focus.cost`, in steps of 3 %, where a rollout is judged by it.
        What rules of flags ask for is kept for them alone.
        """
        if self._outer is not None:
            self._outer.mark(said)
            return
        part = self.focus.part
        asked = None if part is None else part.attributes
        kept = dict(self.marks)
        for key, value in said.items():
            text = cost_said(value) if key == COST else written(value)[:MOST_MARK]
            if key in self.focus.asks and len(text) < MOST_MARK:
                self.said = {**(self.said or {}), key: value}
            priced = key == COST and asked is not None and key in asked
            if key in _KEPT or priced or (asked is None and len(kept) < MOST_MARKS):
                kept[key] = text
            elif asked is not None and key in asked:
                kept[key] = text if text in asked[key] else UNNAMED
        self.marks = tuple(sorted(kept.items()))

    def flag(self, key: str, default: Json = False, context: Context | None = None) -> Json:
        """The value of a flag for this request; `default` if nobody declares it. Rules see its tenant, what `mark` said of
        it, and the `context`: `{"region": "eu"}`.
        """
        return evaluated(self, owner_of(self, key), key, default, context).value

    def exposed(self, flag: str, variant: str, revision: str = "", reason: str = "") -> None:
        """This request was given that variant of a flag: `evaluate` says so itself, this is for flags of another system."""
        if self._outer is not None:
            self._outer.exposed(flag, variant, revision, reason)
        elif self.flags is None:
            self.flags = {flag: (flag, variant, revision, reason)}
        elif flag in self.flags or len(self.flags) < MOST_FLAGS:
            self.flags[flag] = (flag, variant, revision, reason)

    def finish(self) -> None:
        """Count it; the ASGI and WSGI middleware call this instead of leaving a `with`.

        Without a focus and a route nobody could tell whose it was.
        """
        focus, route = self.focus, self.route
        if focus.name or route:
            # fmt: off
            key: Key = (focus.name, self.tenant, self.method, route, self.status, self.error, self.synthetic, self.resend)
            # fmt: on
            if self.marks:
                key = (*key[:8], self.marks)
            if self.key:
                self._attempt(key)
                return
            duration_ns = perf_counter_ns() - self.started_ns
            self._meter.record(key, focus.bounds_ns, duration_ns)
            if self.flags is not None:
                self._meter.expose(self.flags.values(), self._nameless(key), focus.bounds_ns, duration_ns)

    def _nameless(self, key: Key) -> Key:
        """Without tenant and client, unless an objective names them: who was given a variant is counted, not listed."""
        tenant = key[1] if key[1] in self.focus.told_apart else ""
        plain: Plain = (key[0], tenant, key[2], key[3], key[4], key[5], key[6], key[7])
        if not self.marks:
            return plain
        part = self.focus.part
        clients = () if part is None else part.attributes.get(CLIENT, ())
        marks = tuple(mark for mark in self.marks if mark[0] != CLIENT or mark[1] in clients)
        return (*plain, marks) if marks else plain

    def _attempt(self, key: Key) -> None:
        """One of perhaps several attempts of one request: it waits whether another one follows."""
        ended_ns, bounds_ns = perf_counter_ns(), self.focus.bounds_ns
        name = (key[0], key[1], key[2], key[3], self.key)
        attempt = Waiting(self.started_ns, ended_ns + JOINED_NS, self.resend, key, bounds_ns, ended_ns)
        if self.flags is not None:
            attempt.flags, attempt.nameless = self.flags, self._nameless(key)
        if not self._meter.attempts.join(name, attempt):
            self._meter.record(key, bounds_ns, ended_ns - self.started_ns)
            self._meter.expose(*attempt.exposure)

    def __enter__(self) -> Self:
        outer = CURRENT.get()
        # Inside a request of the same focus this is the same unit of user success: counting it twice would be wrong.
        self._nested = outer is not None and outer.focus.name == self.focus.name
        self._outer = outer if self._nested else None
        self._token = CURRENT.set(self)
        self.started_ns = perf_counter_ns()
        if not self._nested:
            self.admission = self.focus.admit(self.proved, self.started_ns)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        CURRENT.reset(self._token)
        if error is not None and _is_failure(error):
            # Work that was cancelled from outside has no outcome of its own; everything else is a failure.
            name = type(error).__name__
            self.fail(name, CLIENT_CLOSED if name == "CancelledError" else 500)
        elif not self.status:
            self.status = self.admission.status if isinstance(self.admission, Reject) else 200
        if not self._nested:
            self.finish()


def owner_of(request: Request, key: str) -> FocusInUse | None:
    """The focus whose flag that is: the request's own, else the first by name."""
    focus = request.focus
    return focus if key in focus.lamps else focus.everywhere.get(key)


def reason_of(found: Evaluated) -> str:
    """OpenFeature's word in small letters, as telemetry has it; whom a rollout names is told apart from whom chance chose."""
    return REASON_NAMED if found.named else found.reason.lower()


def evaluated(
    request: Request | None,
    owner: FocusInUse | None,
    key: str,
    default: Json,
    context: Context | None,
    tenant: str | None = None,
) -> Evaluated:
    """The answer for a request, or for a tenant in it, and that the request had it."""
    lamp = None if owner is None else owner.lamps.get(key)
    if owner is None or lamp is None:
        return Evaluated(default, "", Reason.DEFAULT, "no focus declares it")
    who = tenant if tenant is not None else "" if request is None else request.tenant
    said = None if request is None else (request._outer or request).said
    found = ask(lamp, who, said, context)
    if request is not None:
        flag = key if owner.name == request.focus.name else f"{owner.name}/{key}"
        request.exposed(flag, found.variant, lamp.revision, reason_of(found))
    return found


def _is_failure(error: BaseException) -> bool:
    """A generator that is closed, and a program that ends well, are none."""
    return not isinstance(error, GeneratorExit) and not (isinstance(error, SystemExit) and not error.code)


class Within:
    """The items of an iterator, each made while `request` is the current one; whichever thread asks for them."""

    def __init__(self, start: Callable[[], Iterable[Any]], request: Request) -> None:
        self._start = start
        self._request = request
        self._items: Iterator[Any] | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        token = CURRENT.set(self._request)
        try:
            if self._items is None:
                self._items = iter(self._start())
            return next(self._items)
        finally:
            CURRENT.reset(token)


class Call:
    """One call behind a breaker. `with` records how it ended; a call that is not `allowed` must not be made."""

    __slots__ = ("_breaker", "_recorded", "admission", "allowed", "timeout_ms")

    def __init__(self, request: Request, name: str, timeout_ms: int) -> None:
        self._breaker = request.focus.breakers.get(name)
        self._recorded = False
        self.timeout_ms = timeout_ms
        self.admission: Admission = ADMIT
        now = perf_counter_ns() // _MS
        wait = 0 if self._breaker is None else self._breaker.wait(now)
        if wait and self._breaker is not None:
            self.admission = _closed_door(request.focus, name, self._breaker, wait, now)
        self.allowed = self.admission is ADMIT

    @property
    def timeout_s(self) -> float:
        """For clients that count in seconds."""
        return self.timeout_ms / 1_000

    @property
    def fallback(self) -> Json:
        """The declared body to answer with instead; None if there is none, or it is too old to be safe."""
        return getattr(self.admission, "body", None)

    def done(self, failed: bool = False) -> None:
        """How the call ended; only the first word counts."""
        if self.allowed and not self._recorded and self._breaker is not None:
            self._breaker.record(failed, perf_counter_ns() // _MS)
        self._recorded = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done(failed=isinstance(error, Exception))


def _closed_door(focus: FocusInUse, name: str, breaker: BreakerInUse, wait_ms: int, now_ms: int) -> Admission:
    """The declared fallback if it belongs to this breaker, else a refusal with the time to wait."""
    forced = f"forced {breaker.forced}" if breaker.forced else breaker.circuit.reason
    why = f"breaker {name} is {breaker.circuit.phase}: {forced}"
    declared = focus.part.fallback if focus.part is not None else None
    if declared is None or declared.breaker != name:
        return Reject(why, wait_ms)
    return divert(declared, why, breaker.circuit.tripped_at or now_ms, now_ms)
