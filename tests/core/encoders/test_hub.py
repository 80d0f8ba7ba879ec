import dataclasses
import hashlib
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core.encoders import load_encoder
from core.encoders.eegpt.family import FAMILY
from core.encoders.hub import fetch
from core.errors import InputError

EEGPT = FAMILY.named["eegpt"]
CONTENT = b"not really an encoder, but exactly these bytes" * 100
PINNED = dataclasses.replace(EEGPT, name="sample", sha256=hashlib.sha256(CONTENT).hexdigest())
FILE = f"/{EEGPT.repository}/resolve/{EEGPT.revision}/{EEGPT.filename}"
ELSEWHERE = dataclasses.replace(PINNED, sha256="0" * 64)


class Hub(BaseHTTPRequestHandler):
    """Answers as a Hugging Face hub does for one file of one revision."""

    def do_HEAD(self):
        self._answer(b"")

    def do_GET(self):
        self._answer(CONTENT)

    def _answer(self, body):
        self.server.asked.append((self.command, self.path, self.headers.get("Authorization")))
        self.send_response(self.server.status if self.path == FILE else 404)
        self.send_header("X-Repo-Commit", EEGPT.revision)
        self.send_header("ETag", f'"{hashlib.sha256(CONTENT).hexdigest()}"')
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetch_in_a_process(file, **environment):
    """The client reads its settings once a process."""
    script = (
        "from core.program import run_program\n"
        "from core.encoders.hub import HubFile, fetch\n"
        f"raise SystemExit(run_program('fetch', lambda: print(fetch({file!r}))))"
    )
    environment = {**os.environ, "HF_TOKEN": "not-a-token", **environment}
    environment = {k: v for k, v in environment.items() if not k.lower().endswith("_proxy")}
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=100
    )


@pytest.mark.slow
def test_a_file_is_downloaded_once_checked_and_kept(hub, home):
    endpoint = f"http://127.0.0.1:{hub.server_port}"
    ended = fetch_in_a_process(PINNED, HF_ENDPOINT=endpoint)
    assert ended.returncode == 0, ended.stderr
    path = home / "encoders" / "sample-e41cb3ae2ce4" / "model.safetensors"
    assert ended.stdout.strip() == str(path)
    assert path.read_bytes() == CONTENT
    assert hub.asked
    assert all(token is None for _, _, token in hub.asked)

    hub.asked.clear()
    assert fetch(PINNED) == path
    assert fetch(PINNED, home) == path
    assert not hub.asked


@pytest.mark.slow
def test_another_content_than_the_pinned_one_is_refused(hub):
    endpoint = f"http://127.0.0.1:{hub.server_port}"
    ended = fetch_in_a_process(ELSEWHERE, HF_ENDPOINT=endpoint)
    assert ended.returncode == 2
    assert 'is not the encoder "sample": its SHA-256' in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_a_hub_that_is_not_there_is_asked_once_and_ends_in_the_sentence_alone():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and nobody listens
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        ended = fetch_in_a_process(EEGPT, HF_ENDPOINT=endpoint)
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert "could not be downloaded" in ended.stderr


@pytest.mark.slow
def test_a_hub_that_is_in_trouble_is_asked_once(hub):
    hub.status = 503
    ended = fetch_in_a_process(PINNED, HF_ENDPOINT=f"http://127.0.0.1:{hub.server_port}")
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert [path for _, path, _ in hub.asked].count(FILE) == 1


@pytest.mark.slow
def test_a_hub_that_does_not_answer_is_not_waited_for(monkeypatch, tmp_path):
    monkeypatch.setattr("core.encoders.hub._PATIENCE", 0.05)
    held = threading.Event()
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda *_, **__: held.wait(60))
    with pytest.raises(InputError, match=r"could not be downloaded.*\(TimeoutError\)"):
        fetch(PINNED, tmp_path)
    held.set()


@pytest.mark.slow
def test_without_a_network_it_says_what_to_do(home):
    ended = fetch_in_a_process(EEGPT, HF_HUB_OFFLINE="1")
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "Connect to the network once, or put its model.safetensors at" in ended.stderr
    assert str(home / "encoders" / "eegpt-e41cb3ae2ce4" / "model.safetensors") in ended.stderr


def test_a_wrong_file_in_the_cache_is_refused(tmp_path):
    folder = tmp_path / "encoders" / "eegpt-e41cb3ae2ce4"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(CONTENT)
    with pytest.raises(InputError, match=r'is not the encoder "eegpt".*Delete it'):
        load_encoder("eegpt", home=tmp_path)
