"""A real Alertmanager, and amtool against it or against a plane."""

import subprocess
from pathlib import Path

from tests.conftest import find_program
from tests.system.town import HOST, PATIENCE_S

from focusplane.demo.processes import Child, Processes, answers, free_ports, wait_until

SILENT = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


class RealAlertmanager:
    """Started at once, on a port and data that stay."""

    def __init__(self, processes: Processes, root: Path, config: str = SILENT) -> None:
        program = find_program("prometheus-alertmanager")
        assert program is not None
        folder = root / "alertmanager"
        folder.mkdir(parents=True)
        (folder / "alertmanager.yml").write_text(config)
        [port] = free_ports(1)
        self.url = f"http://{HOST}:{port}"
        self._argv = [
            program,
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={HOST}:{port}",
            "--cluster.listen-address=",
        ]
        self._processes = processes
        self.child: Child
        self.start()

    def start(self) -> None:
        self.child = self._processes.start("alertmanager", self._argv)
        wait_until(answers(f"{self.url}/-/ready"), self.child, PATIENCE_S)

    def kill(self) -> None:
        """SIGKILL: no last words."""
        self._processes.kill(self.child)


def amtool(url: str, root: Path, *arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
    """The exit status is for the caller to judge."""
    program = find_program("amtool")
    assert program is not None
    root.mkdir(parents=True, exist_ok=True)
    http = root / "http.yml"
    http.write_text(f"authorization: {{credentials: '{token}'}}\n" if token else "{}\n")
    argv = [
        program,
        f"--alertmanager.url={url}",
        f"--http.config.file={http}",
        "--no-version-check",
        *arguments,
    ]
    return subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
