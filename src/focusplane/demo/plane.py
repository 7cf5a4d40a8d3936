"""The plane as the demo uses it: over its HTTP API, like any pipeline."""

from typing import Any

import httpx

from focusplane.kernel.errors import FocusplaneError, UnreachableError

Shown = dict[str, Any]


class Plane:
    """One focus of one plane. Every call raises `UnreachableError` when nothing answers, `FocusplaneError` for a no."""

    def __init__(self, url: str, token: str, focus: str) -> None:
        self.focus = focus
        self._url = url
        self._http = httpx.Client(
            base_url=f"{url}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=30.0
        )

    def state(self) -> Shown:
        return self._call("GET", f"/focuses/{self.focus}")

    def status(self) -> Shown:
        return self._call("GET", "/status")

    def unready(self) -> str:
        """Why `/readyz` says no; empty if it says yes."""
        try:
            answer = self._http.get(f"{self._url}/readyz")
        except httpx.TransportError as error:
            return f"no answer: {error}"
        return "" if answer.status_code == 200 else f"{answer.status_code}: {answer.json()['reason']}"

    def rollout(self) -> Shown:
        return self._call("GET", f"/rollouts/{self.focus}")

    def start_rollout(self, version: str, flag: str = "") -> Shown:
        """Of a version, or of that variant of a flag."""
        return self._call("POST", f"/rollouts/{self.focus}", {"version": version, "flag": flag})

    def abort_rollout(self, reason: str) -> Shown:
        return self._call("POST", f"/rollouts/{self.focus}/abort", {"reason": reason})

    def brake(self, tenant: str = "") -> Shown:
        """May work in the background go on now, as far as all are concerned, and that tenant?"""
        return self._call("GET", f"/throttle/{self.focus}?tenant={tenant}", held=429)

    def freeze(self, reason: str) -> Shown:
        return self._call("POST", "/freeze", {"focus": self.focus, "reason": reason})

    def unfreeze(self) -> Shown:
        return self._call("POST", "/unfreeze", {"focus": self.focus})

    def incidents(self) -> list[Shown]:
        return list(self._call("GET", "/incidents")["items"])

    def incident(self, name: str) -> Shown:
        return self._call("GET", f"/incidents/{name}")

    def journal(self, after: int) -> list[Shown]:
        """The facts behind that sequence number, one page of them."""
        return list(self._call("GET", f"/journal?after={after}")["items"])

    def page_link(self) -> str:
        """A link that opens the pages once."""
        return f"{self._url}{self._call('POST', '/login-ticket')['path']}"

    def close(self) -> None:
        self._http.close()

    def _call(self, method: str, path: str, body: Shown | None = None, held: int = 0) -> Shown:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.TransportError as error:
            raise UnreachableError(f"the plane does not answer {method} {path}: {error}") from error
        if answer.is_error and answer.status_code != held:
            raise FocusplaneError(f"the plane says {answer.status_code} to {method} {path}: {_why(answer)}")
        found: Shown = answer.json()
        return found


def _why(answer: httpx.Response) -> str:
    """The detail of a problem (RFC 9457), or the whole text of what is none."""
    if "problem+json" not in answer.headers.get("content-type", ""):
        return answer.text
    return str(answer.json().get("detail", answer.text))
