"""A small API server over real sockets: objects with versions, generations and owners, as the Kubernetes documentation says.

It stands in for a cluster, which cannot be had here. Every object that is written is validated by its real schema.
"""

import copy
import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.edge.kubernetes.schemas import Path_, crds, faults, fields

Object = dict[str, Any]
PLAIN = ("endpointslices", "replicasets", "pods", "services", "destinationrules")
"""What is only read here."""


@dataclass
class Answer:
    status: int
    body: Object | str
    headers: dict[str, str] = field(default_factory=dict)


def failure(status: int, reason: str, message: str, **details: Any) -> Answer:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "reason": reason}
    return Answer(status, {**body, "message": message, "details": details})


class ApiServer:
    """`controller` plays whoever carries out what is written: it may change the status of the object that it is given."""

    def __init__(
        self,
        controller: Callable[[Object], None] | None = None,
        token: str = "",
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self.controller = controller or (lambda obj: None)
        self.token = token
        self.objects: dict[str, Object] = {}
        self.lists: dict[str, list[Object]] = {}
        self.owners: dict[str, dict[str, set[Path_]]] = {}
        self.asked: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        """what was sent and does not fit its schema"""
        self.trouble: Answer | None = None
        """what every request is answered while it is there"""
        self.meanwhile: Callable[[], None] | None = None
        """happens once, between a read and the write that follows"""
        self.history: list[Object] = []
        """every object as it was after each change of its spec or status by a client"""
        self._version = 100
        self._lock = threading.RLock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send(server.answer("GET", self.path, self.headers.get("authorization", ""), b"", ""))

            def do_PATCH(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                kind = self.headers.get("content-type", "")
                self._send(
                    server.answer("PATCH", self.path, self.headers.get("authorization", ""), body, kind)
                )

            def _send(self, answer: Answer) -> None:
                text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Not on a test's output."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
            self._scheme = "https"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._http.server_port}"

    # -- what a person or another controller does ---------------------------------------------------------------------

    def create(self, path: str, obj: Object, manager: str = "focusplane") -> None:
        """`path` as in `gateway.networking.k8s.io/v1/httproutes`; the object says its namespace and name."""
        assert not faults(path, obj), faults(path, obj)
        where = self._where(path, obj)
        with self._lock:
            fresh = copy.deepcopy(obj)
            fresh["metadata"] |= {"generation": 1, "uid": f"uid-{where}"}
            self.objects[where] = fresh
            self.owners[where] = {manager: set(fields(path, fresh))}
            self._touch(where, fresh)
            self.controller(fresh)

    def edit(self, path: str, name: str, change: Callable[[Object], None], manager: str) -> None:
        """An update by somebody: what it changes it owns from then on, and nobody else."""
        where = next(one for one in self.objects if one.endswith(f"/{name}"))
        with self._lock:
            before = fields(path, self.objects[where])
            fresh = copy.deepcopy(self.objects[where])
            change(fresh)
            changed = {key for key, value in fields(path, fresh).items() if before.get(key) != value}
            for owned in self.owners[where].values():
                owned -= changed
            self.owners[where].setdefault(manager, set()).update(changed)
            self._store(where, fresh)

    def delete(self, name: str) -> None:
        with self._lock:
            for where in [one for one in self.objects if one.endswith(f"/{name}")]:
                del self.objects[where]

    def find(self, name: str) -> Object:
        with self._lock:
            return copy.deepcopy(
                next(obj for where, obj in self.objects.items() if where.endswith(f"/{name}"))
            )

    # -- what a client sees ---------------------------------------------------------------------------------------------

    def answer(self, method: str, target: str, authorization: str, body: bytes, kind: str) -> Answer:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.asked.append((method, parts.path))
        with self._lock:
            if self.trouble is not None:
                return self.trouble
            if self.token and authorization != f"Bearer {self.token}":
                return failure(401, "Unauthorized", "Unauthorized")
            if method == "GET":
                return self._read(parts.path, query)
            if self.meanwhile is not None:
                happens, self.meanwhile = self.meanwhile, None
                happens()
            return self._patch(parts.path, query, json.loads(body), kind)

    def _read(self, path: str, query: dict[str, str]) -> Answer:
        plural = path.rsplit("/", 1)[-1]
        if plural in PLAIN:
            wanted = dict(pair.split("=", 1) for pair in query.get("labelSelector", "").split(",") if pair)
            items = [
                one
                for one in self.lists.get(plural, [])
                if wanted.items() <= one["metadata"].get("labels", {}).items()
            ]
            return Answer(200, {"kind": "List", "items": items})
        if "/services/" in path:
            named = [one for one in self.lists.get("services", []) if one["metadata"]["name"] == plural]
            return Answer(200, named[0]) if named else self._missing(path)
        obj = self.objects.get(path)
        return Answer(200, copy.deepcopy(obj)) if obj is not None else self._missing(path)

    def _missing(self, path: str) -> Answer:
        kind, name = self._kind(path), path.rsplit("/", 1)[-1]
        if kind not in crds() and "/services/" not in path:
            return Answer(404, "404 page not found\n")
        plural = kind.rsplit("/", 1)[-1]
        return failure(404, "NotFound", f'{plural} "{name}" not found', name=name, kind=plural)

    def _patch(self, path: str, query: dict[str, str], body: Object, kind: str) -> Answer:
        status = path.endswith("/status")
        where = path.removesuffix("/status")
        live = self.objects.get(where)
        if live is None:
            return self._missing(where)
        asked = body.get("metadata", {}).get("resourceVersion")
        if asked is not None and asked != live["metadata"]["resourceVersion"]:
            words = (
                "the object has been modified; please apply your changes to the latest version and try again"
            )
            return failure(409, "Conflict", f"Operation cannot be fulfilled: {words}")
        if kind == "application/merge-patch+json":
            return self._merge(where, live, body, status)
        assert kind == "application/apply-patch+yaml"
        return self._apply(where, live, body, query)

    def _apply(self, where: str, live: Object, body: Object, query: dict[str, str]) -> Answer:
        kind, manager = self._kind(where), query["fieldManager"]
        asked, now = fields(kind, body), fields(kind, live)
        taken = [
            (key, other)
            for key, value in asked.items()
            for other, owned in self.owners[where].items()
            if other != manager and key in owned and now.get(key) != value
        ]
        if taken and query.get("force") != "true":
            version = body["apiVersion"]
            causes = [
                {
                    "reason": "FieldManagerConflict",
                    "message": f'conflict with "{other}" using {version}',
                    "field": "." + ".".join(key),
                }
                for key, other in taken
            ]
            many = f"Apply failed with {len(causes)} conflict{'s' if len(causes) > 1 else ''}"
            return failure(
                409, "Conflict", f"{many}: {causes[0]['message']}: {causes[0]['field']}", causes=causes
            )
        fresh = copy.deepcopy(live)
        before = self.owners[where].get(manager, set())
        others = set().union(*(owned for other, owned in self.owners[where].items() if other != manager))
        for key in before - set(asked) - others:
            _drop(fresh, key)
        for key, value in asked.items():
            _put(fresh, key, copy.deepcopy(value))
        wrong = faults(kind, {**fresh, "metadata": {}})
        if wrong:
            self.wrong += wrong
            return failure(422, "Invalid", f"is invalid: {wrong[0]}")
        for key, other in taken:
            self.owners[where][other].discard(key)
        changed = set(asked) != before or fresh != live
        self.owners[where][manager] = set(asked)
        if changed:
            self._store(where, fresh)
        return Answer(200, copy.deepcopy(self.objects[where]))

    def _merge(self, where: str, live: Object, body: Object, status: bool) -> Answer:
        """The status only by its own door, everything else only by the other: as for every CRD with that subresource."""
        fresh = copy.deepcopy(live)
        for key in ("status",) if status else ("spec",):
            _merge_into(fresh.setdefault(key, {}), body.get(key, {}))
        wrong = faults(self._kind(where), {**fresh, "metadata": {}})
        if wrong:
            self.wrong += wrong
            return failure(422, "Invalid", f"is invalid: {wrong[0]}")
        if fresh != live:
            self._store(where, fresh)
        return Answer(200, copy.deepcopy(self.objects[where]))

    def _store(self, where: str, fresh: Object) -> None:
        if fresh.get("spec") != self.objects[where].get("spec"):
            fresh["metadata"]["generation"] += 1
        self.objects[where] = fresh
        self._touch(where, fresh)
        self.controller(fresh)
        self.history.append(copy.deepcopy(fresh))

    def _touch(self, where: str, obj: Object) -> None:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        obj["metadata"]["managedFields"] = [
            {"manager": name, "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": _nested(owned)}
            for name, owned in self.owners[where].items()
            if owned
        ]

    def _where(self, path: str, obj: Object) -> str:
        group, version, plural = path.split("/")
        meta = obj["metadata"]
        return f"/apis/{group}/{version}/namespaces/{meta['namespace']}/{plural}/{meta['name']}"

    def _kind(self, where: str) -> str:
        parts = where.split("/")
        return "/".join((parts[2], parts[3], parts[6])) if len(parts) > 6 else where


def _nested(owned: set[Path_]) -> Object:
    found: Object = {}
    for path in owned:
        at = found
        for name in path:
            at = at.setdefault(f"f:{name}", {})
    return found


def _put(obj: Object, path: Path_, value: Any) -> None:
    for name in path[:-1]:
        obj = obj.setdefault(name, {})
    obj[path[-1]] = value


def _drop(obj: Object, path: Path_) -> None:
    for name in path[:-1]:
        obj = obj.get(name, {})
    obj.pop(path[-1], None)


def _merge_into(obj: Object, patch: Object) -> None:
    for name, value in patch.items():
        if value is None:
            obj.pop(name, None)
        elif isinstance(value, dict) and isinstance(obj.get(name), dict):
            _merge_into(obj[name], value)
        else:
            obj[name] = value
