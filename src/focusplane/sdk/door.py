"""Where a request comes in: from method, path and headers to a tagged and admitted Request."""

from collections.abc import Iterable
from time import perf_counter_ns

from focusplane.instrument.baggage import parse
from focusplane.sdk.carried import takers
from focusplane.sdk.meter import Meter
from focusplane.sdk.request import Request
from focusplane.sdk.view import FocusInUse, View, known_method

NOBODY = FocusInUse("")
"""No focus that this process knows of."""


class Door:
    """Holds the view in force; the link replaces it, requests only read it."""

    def __init__(self, view: View, meter: Meter, tenant_header: str) -> None:
        self.view = view
        self.meter = meter
        self._takers = takers(tenant_header)
        self.guarding = False
        """Whether every request of this process comes in here. One that only asks for flags counts nothing."""

    @property
    def serves(self) -> Iterable[str]:
        """The focuses whose requests would be counted here, if there were any."""
        return self.view.served if self.guarding else ()

    def begin(
        self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]], focus: str
    ) -> Request | None:
        """The request, already admitted or not; None if it belongs to no focus.

        An explicit focus wins, then the caller's baggage (known names only), then the declared boundaries. Without
        any snapshot it is measured by its route alone, and the plane finds the focus.
        """
        view = self.view
        try:
            match = view.paths[method, path]
        except KeyError:
            match = view.match(method, path)
        request = Request(self.meter, NOBODY if match is None else match.focus)
        take = self._takers
        for name, value in headers:
            if name in take:
                take[name](request, value)
        named = focus or request.asked
        if named and (focus or named in view.focuses):
            request.focus = view.focus(named)
        elif match is None and view.known:
            return None
        if match is None:
            request.method = known_method(method)
        else:
            request.method, request.route = match.method, match.route
        if request.focus.guarded:
            request.admission = request.focus.admit(request.proved, request.started_ns)
        return request

    def task(self, name: str, baggage: str, focus: str) -> Request | None:
        """A piece of work that was taken from a queue under this name; None if it belongs to no focus.

        It is measured and never refused: nobody waits at the other end, and a queue has a pace of its own.
        """
        view = self.view
        match = view.match("", f"/{name}")
        request = Request(self.meter, NOBODY if match is None else match.focus)
        carried = parse(baggage)
        request.tenant, request.route = carried.tenant, f"/{name}"
        named = focus or carried.focus
        if named and (focus or named in view.focuses):
            request.focus = view.focus(named)
        elif match is None and view.known:
            return None
        return request

    def request(self, focus: str, tenant: str, budget_ms: int) -> Request:
        """Work that is no HTTP request of ours."""
        request = Request(self.meter, self.view.focus(focus))
        request.tenant = request.proved = tenant
        request.budget_ms = budget_ms
        return request

    def now_ns(self) -> int:
        """The clock of all guards: monotonic, for durations only."""
        return perf_counter_ns()
