"""Where the API server is and how it knows us: kubeconfigs as they are, and those that would tell a secret."""

import asyncio
import base64
import ssl
import subprocess
from pathlib import Path

import pytest
from tests.edge.kubernetes.api_server import ApiServer
from tests.edge.kubernetes.cluster import ROUTES, accept, http_route

from focusplane.edge.kubernetes import cluster as module
from focusplane.edge.kubernetes.client import MOST_BYTES, Client
from focusplane.edge.kubernetes.cluster import Cluster, cluster, from_kubeconfig
from focusplane.kernel.errors import DataError, UnreachableError, UsageError

CONFIG = """apiVersion: v1
kind: Config
current-context: here
contexts:
  - {name: here, context: {cluster: one, user: ana}}
  - {name: there, context: {cluster: two, user: bob}}
clusters:
  - {name: one, cluster: {server: "http://127.0.0.1:8001/"}}
  - {name: two, cluster: {server: "https://10.0.0.1:6443"}}
users:
  - {name: ana, user: {token: s3cret}}
  - {name: bob, user: {tokenFile: token}}
"""
PATH = f"/apis/{ROUTES.rsplit('/', 1)[0]}/namespaces/shop/httproutes/pay"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config"
    path.write_text(text)
    return path


def test_the_current_context_is_taken_or_the_one_that_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, CONFIG)
    here = from_kubeconfig(path)
    assert (here.server, here.bearer()) == ("http://127.0.0.1:8001", "s3cret")
    assert "s3cret" not in repr(here)
    there = from_kubeconfig(path, "there")
    assert there.server == "https://10.0.0.1:6443"
    assert isinstance(there.verify, ssl.SSLContext)
    assert there.verify.verify_mode is ssl.CERT_REQUIRED


def test_a_token_in_a_file_is_read_again_each_time(tmp_path: Path) -> None:
    there = from_kubeconfig(written(tmp_path, CONFIG), "there")
    with pytest.raises(UnreachableError, match="cannot be read"):
        there.bearer()
    for token in ("first", "second"):
        (tmp_path / "token").write_text(f"{token}\n")
        assert there.bearer() == token


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("current-context: here", "current-context: nowhere", "has no context 'nowhere'"),
        ("http://127.0.0.1:8001/", "http://10.0.0.1:8001", "would get our token in the open"),
        (
            '{server: "http://127.0.0.1:8001/"}',
            '{server: "https://x", insecure-skip-tls-verify: true}',
            "not to verify",
        ),
        ("{token: s3cret}", "{exec: {command: aws}}", "by 'exec', which a server cannot follow"),
        (
            '{server: "http://127.0.0.1:8001/"}',
            '{server: "https://x", certificate-authority-data: "%%"}',
            "cannot be used",
        ),
        ("http://127.0.0.1:8001/", "10.0.0.1", "names no server"),
        (
            "{token: s3cret}",
            "{token: s3cret, client-certificate: ana.pem}",
            "has a client-certificate and no client-key",
        ),
        (
            "{token: s3cret}",
            "{token: s3cret, client-key-data: QQ==}",
            "has a client-key and no client-certificate",
        ),
        ("{token: s3cret}", "{token: s3cret, as: admin}", "asks for 'as', which is not followed"),
        ("apiVersion: v1", "- a list", "is no"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_says_why(
    tmp_path: Path, before: str, after: str, what: str
) -> None:
    with pytest.raises(UsageError, match=what) as found:
        from_kubeconfig(written(tmp_path, CONFIG.replace(before, after)))
    assert "s3cret" not in str(found.value)


def test_without_a_kubeconfig_the_service_account_of_the_pod_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    monkeypatch.setattr(module, "SERVICE_ACCOUNT", tmp_path)
    assert cluster(None, environ={}) is None
    assert cluster(None, environ=pod) is None
    (tmp_path / "token").write_text("pod-token")
    authority = ssl.get_default_verify_paths().cafile or ssl.get_default_verify_paths().openssl_cafile
    (tmp_path / "ca.crt").write_bytes(Path(authority).read_bytes())
    found = cluster(None, environ=pod)
    assert found is not None
    assert (found.server, found.bearer()) == ("https://10.0.0.1:443", "pod-token")


def test_an_answer_without_end_is_cut_off() -> None:
    server = ApiServer(accept)
    server.create(ROUTES, http_route())
    server.objects[PATH]["metadata"]["annotations"] = {"long": "x" * MOST_BYTES}
    with server, pytest.raises(DataError, match="more than 8 MiB"):
        asyncio.run(_get(Cluster(server.url, verify=True)))


@pytest.mark.requires_server("openssl", "apt-get install openssl")
def test_only_a_server_that_its_authority_vouches_for_is_asked(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    argv = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    more = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*argv, *more], check=True, capture_output=True)
    server = ApiServer(accept, certificate=(certificate, key))
    server.create(ROUTES, http_route())
    text = CONFIG.replace("http://127.0.0.1:8001/", server.url)
    with server:
        with pytest.raises(UnreachableError, match="does not answer"):
            asyncio.run(_get(from_kubeconfig(written(tmp_path, text))))
        data = base64.b64encode(certificate.read_bytes()).decode()
        known = text.replace(f'"{server.url}"', f'"{server.url}", certificate-authority-data: {data}')
        assert asyncio.run(_get(from_kubeconfig(written(tmp_path, known)))) == "pay"


async def _get(where: Cluster) -> str:
    client = Client(where)
    try:
        return str((await client.get(PATH))["metadata"]["name"])
    finally:
        await client.close()
