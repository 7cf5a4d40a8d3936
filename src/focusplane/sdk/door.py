"""Where a request comes in: from method, path and headers to a tagged and admitted Request."""

from collections.abc import Iterable
from time import perf_counter_ns

from focusplane.control.admission import ADMIT
from focusplane.sdk.carried import METHODS, OTHER_METHOD, Reader
from focusplane.sdk.meter import Meter
from focusplane.sdk.request import Request
from focusplane.sdk.view import FocusInUse, View

NOBODY = FocusInUse("")
"""No focus that this process knows of."""


class Door:
    """Holds the view in force; the link replaces it, requests only read it."""

    def __init__(self, view: View, meter: Meter, tenant_header: str) -> None:
        self.view = view
        self.meter = meter
        self._read = Reader(tenant_header).read

    def begin(
        self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]], focus: str
    ) -> Request | None:
        """The request, already admitted or not; None if it belongs to no focus.

        An explicit focus wins, then the caller's baggage (known names only), then the declared boundaries. Without
        any snapshot it is measured by its route alone, and the plane finds the focus.
        """
        view = self.view
        match = view.match(method, path)
        request = Request(self.meter, NOBODY if match is None else match.focus)
        self._read(headers, request)
        if focus:
            request.focus = view.focus(focus)
        elif request.asked and request.asked in view.focuses:
            request.focus = view.focuses[request.asked]
        elif match is None and view.known:
            return None
        request.method = method if method in METHODS else OTHER_METHOD
        if match is not None:
            request.route = match.route
        admission = request.focus.admit(request.proved, request.started_ns)
        if admission is not ADMIT:
            request.admission = admission
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
