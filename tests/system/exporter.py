"""A tiny service that Prometheus scrapes: one page of metrics, whose counters the test moves."""

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.system.native_page import PROTOBUF, native_page

BOUNDS = (0.1, 0.3, 1.0)


class Exporter:
    """Requests as `http_requests_total` under /counter, as a classic histogram under /histogram, a native one under /native."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, float]] = Counter()
        self.scrapes: Counter[str] = Counter()
        exporter = self

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                native = self.path == "/native"
                body = exporter.histograms() if native else exporter.page(self.path).encode()
                self.send_response(200)
                self.send_header("content-type", PROTOBUF if native else "text/plain; version=0.0.4")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def port(self) -> int:
        return self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, status: str, seconds: float, times: int) -> None:
        """So many requests have been answered with that status, each in that time."""
        with self._lock:
            self._requests[status, seconds] += times

    def restart(self) -> None:
        """The process begins again: all counters at nothing."""
        with self._lock:
            self._requests.clear()

    def histograms(self) -> bytes:
        """The same as native histograms, which only the protobuf format can tell."""
        with self._lock:
            self.scrapes["/native"] += 1
            requests = dict(self._requests)
        return native_page(requests)

    def page(self, path: str) -> str:
        with self._lock:
            self.scrapes[path] += 1
            requests = dict(self._requests)
        statuses = sorted({status for status, _ in requests})
        show = _histogram if path == "/histogram" else _counter
        return "".join(
            show(status, {s: n for (said, s), n in requests.items() if said == status}) for status in statuses
        )


def _counter(status: str, times: dict[float, int]) -> str:
    labels = f'method="POST",handler="/checkout",status="{status}"'
    return f"http_requests_total{{{labels}}} {sum(times.values())}\n"


def _histogram(status: str, times: dict[float, int]) -> str:
    name = "http_server_request_duration_seconds"
    labels = (
        f'http_request_method="POST",http_route="/checkout",http_response_status_code="{status}",'
        'service_version="v2"'
    )
    rows = [
        f'{name}_bucket{{{labels},le="{bound}"}} {sum(n for s, n in times.items() if s <= bound)}\n'
        for bound in BOUNDS
    ]
    total = sum(times.values())
    rows.append(f'{name}_bucket{{{labels},le="+Inf"}} {total}\n')
    rows.append(f"{name}_count{{{labels}}} {total}\n{name}_sum{{{labels}}} 1.5\n")
    return "".join(rows)
