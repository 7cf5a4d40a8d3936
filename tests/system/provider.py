"""An OpenFeature provider in a process of its own, and flags for it to ask for."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

POLICY = """apiVersion: focusplane/v1
kind: Focus
metadata: {name: NAME}
spec:
  owner: crew
  boundary: [{service: NAME}]
  objectives: [{name: availability, target: 99%, window: 30d, sli: {bad: {status: 5xx}}}]
  segments: {beta: {plan: gold}}
  controls:
    flags:
      fast:
        {variants: {on: true, off: false}, default: on, off: off, owner: crew, expires: 2099-01-01, percentage: 30%}
      theme:
        variants: {dark: "dark", light: "light"}
        default: light
        off: light
        owner: crew
        expires: 2099-01-01
        rules: [{when: {segment: beta}, serve: dark}]
"""


class Provider:
    """The process in which the official provider runs."""

    def __init__(self, popen: "subprocess.Popen[str]") -> None:
        self._popen = popen

    def ask(self, *words: object) -> Any:
        assert self._popen.stdin is not None
        self._popen.stdin.write(json.dumps(words) + "\n")
        self._popen.stdin.flush()
        return self.heard()

    def heard(self) -> Any:
        """The next line that it says."""
        assert self._popen.stdout is not None
        return json.loads(self._popen.stdout.readline())

    def value(self, key: str, default: object, **context: object) -> Any:
        return self.ask("value", key, default, context)


@contextmanager
def running(argv: Sequence[str]) -> Iterator[Provider]:
    """The process while it is needed."""
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as popen:
        try:
            yield Provider(popen)
        finally:
            popen.terminate()
