"""The real binary, its processes and its peers, for the tests of this folder.

A Server is one data directory with `safelight serve` on it; fixtures give a shared one (`server`), fresh ones
(`fresh`), and the peers: a real S3 server (`s3`) and a web server of the studio's (`studio`). Values that
tests store are random canaries: `canary()`.
"""
import contextlib
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SAFELIGHT", str(ROOT / "build/safelight"))
PEERS = ROOT / "tests/peers"
SANITIZED = b"__asan_init" in pathlib.Path(BINARY).read_bytes()
SLOW = 5 if SANITIZED else 1  # how much longer things may take


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: left out of the run under sanitizers, where it only repeats")


def canary(length=32):
    """A random value that is found nowhere by chance."""
    return "cnry" + secrets.token_hex(length)[: length - 4]


def pytest_make_parametrize_id(config, val, argname):
    """Tests have the same names in each process that runs them: none from what is random, none from a file's bytes; and short ones."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and ("cnry" in val or len(val) > 200)) else None


def until(condition, seconds=20.0, what="the condition"):
    """Waits for a condition to give something true, and returns it. Never less than 20 s: the machine may be busy."""
    end = time.monotonic() + max(seconds, 20.0) * SLOW
    while True:
        got = condition()
        if got:
            return got
        assert time.monotonic() < end, f"{what} did not come true"
        time.sleep(0.02)


def refused_in_the_end(server, request):
    """Says the bytes of a bad request again and again, all at once: the allowance grows back at 20 a second, faster than a busy machine asks one by one.
    Returns the answers."""
    def some():
        with socket.create_connection((server.host, server.port), timeout=20 * SLOW) as s:
            s.sendall(request * 400 + b"GET / HTTP/1.0\r\n\r\n")
            heard = b""
            while piece := s.recv(65536):
                heard += piece
            return heard if b"HTTP/1.1 429 " in heard else None
    return until(some, what="a refusal")


def clean_environment(**extra):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SAFELIGHT_", "NEXRENDER_"))}
    env["XDG_CONFIG_HOME"] = "/nonexistent"  # no profile of whoever runs the tests
    env.pop("NO_COLOR", None), env.pop("COLUMNS", None)
    env.update(ASAN_OPTIONS="detect_leaks=0", **extra)
    return env


PORTS, FIRST_PORT = 5500, 10000 + 5500 * {"gw0": 0, "gw1": 1, "gw2": 2}.get(os.environ.get("PYTEST_XDIST_WORKER"), 3)


def free_port():
    """Below those that outgoing connections get: a server that starts again finds its own free. Each test process has others."""
    while True:
        port = FIRST_PORT + secrets.randbelow(PORTS)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


class Server:
    def __init__(self, folder, *flags, env=None, start=True):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.flags = list(flags)
        self.env = env or {}
        self.process = None
        self.log_path = self.folder / "serve.log"
        if not self.data.exists():
            done = self.command("init", "--data", str(self.data), "--team", "studio", check=True)
            self.token = done.stdout.strip()
        if start:
            self.start()

    # --- processes ---
    def start(self, binary=BINARY):
        ready = self.folder / "ready"
        with open(ready, "w") as out, open(self.log_path, "a") as err:
            self.process = subprocess.Popen(
                [binary, "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{free_port()}", *self.flags],
                stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=clean_environment(**self.env))

        def line():
            assert self.process.poll() is None, f"serve ended with {self.process.returncode}: {self.log()[-2000:]}"
            return ready.read_text().strip()
        said = until(line, 20, "the server being ready")
        self.url = said.removeprefix("safelight is ready on ")
        self.base = self.url + "/api/v2"
        if not said.endswith(".sock"):
            self.host, port = self.url.split("//")[1].rsplit(":", 1)
            self.port = int(port)
        return self

    def stop(self):
        """SIGTERM; returns the exit code."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(25 * SLOW)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        return self.process.returncode if self.process else None

    def kill(self):
        """SIGKILL to the supervisor; its children die with it."""
        children = list(self.pids().values())
        self.process.kill()
        self.process.wait()
        until(lambda: not any(os.path.exists(f"/proc/{p}/exe") and not zombie(p) for p in children), 10, "the children's end")

    def pids(self):
        """{'vault': pid, 'courier': pid, 'api': pid}"""
        found = {}
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in children:
            with contextlib.suppress(FileNotFoundError):  # it has just ended
                found[pathlib.Path(f"/proc/{pid}/comm").read_text().strip()] = int(pid)
        return found

    def log(self):
        return self.log_path.read_text(errors="replace")

    # --- talking ---
    def call(self, method, path, body=None, token=None, headers=None, **options):
        """One request; `body` a dict (JSON) or bytes; path is under /api/v2 unless it has '//'."""
        all_headers = {"Authorization": f"Bearer {self.token if token is None else token}"} if token != "" else {}
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            all_headers["Content-Type"] = "application/json"
        all_headers.update(headers or {})
        url = path if "://" in path else (self.url + path[1:] if path.startswith("!") else self.base + path)
        return requests.request(method, url, data=body, headers=all_headers, timeout=30 * SLOW, **options)

    def put(self, name, value, token=None, **more):
        return self.call("PUT", "/secrets", {"name": name, "value": value, **more}, token=token)

    def secrets(self, token=None):
        answer = self.call("GET", "/secrets", token=token)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def submit(self, payload, token=None):
        return self.call("POST", "/jobs", payload, token=token)

    def job(self, job_id, token=None):
        return self.call("GET", f"/jobs/{job_id}", token=token).json()

    def wait(self, job_id, seconds=30, states=("finished", "error", "manually_cancelled")):
        return until(lambda: (lambda j: j if j["status"] in states else None)(self.job(job_id)), seconds, "the job's end")

    def job_log(self, job_id):
        answer = self.call("GET", f"/jobs/{job_id}/logs")
        return answer.text if answer.status_code == 200 else ""

    # --- command line ---
    def command(self, *words, check=False, stdin=None, token=None, env=None):
        more = dict(env or {})
        if getattr(self, "url", None):
            more.setdefault("SAFELIGHT_URL", self.url)
            more.setdefault("SAFELIGHT_TOKEN", token or self.token)
        done = subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, input=stdin if stdin is not None else "",
                              env=clean_environment(**more), timeout=60 * SLOW)
        if check:
            assert done.returncode == 0, f"{words}: {done.returncode}: {done.stderr}"
        return done

    def operator(self, *words, **options):
        return self.command(*words, "--data", self.data, **options)

    def team(self, name):
        """A new team; returns its admin token."""
        return self.operator("team", "create", name, check=True).stdout.strip()

    def new_token(self, role, team="studio", **flags):
        words = [w for k, v in flags.items() for w in (f"--{k}", v)]
        return self.operator("token", "create", "--team", team, "--role", role, *words, check=True).stdout.strip()

    def worker(self, *flags, engine="ffmpeg", token=None, folder=None):
        """Starts a worker; the caller waits for it."""
        work = self.folder / "worker-tmp"  # goes with the server, also when the worker is killed
        work.mkdir(exist_ok=True)
        env = clean_environment(SAFELIGHT_URL=self.url, SAFELIGHT_TOKEN=token or self.new_token("worker"), TMPDIR=str(work))
        log = open(self.folder / "worker.log", "a")
        return subprocess.Popen([BINARY, "worker", "--engine", str(engine), "--poll-ms", "50",
                                 *(["--work", str(folder)] if folder else []), *flags],
                                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env)

    def audit(self, token=None, event=None, after=0):
        """All records of the team's audit log, oldest first; only those of one event if named."""
        rows = []
        while True:
            answer = self.call("GET", f"/audit?limit=1000&after={rows[-1]['sequence'] if rows else after}", token=token)
            assert answer.status_code == 200, answer.text
            if not answer.json():
                return [r for r in rows if event is None or r["event"] == event]
            rows += answer.json()

    def restart(self):
        """Starts again at the same address, so that workers find it."""
        self.flags = [*self.flags, "--listen", f"{self.host}:{self.port}"]
        return self.start()

    def render(self, payload, script, seconds=30, work=None, **options):
        """Submits a job for an engine made of `script`, lets one worker do it, and returns the ended job."""
        program = engine(self.folder, script)
        made = self.submit({"engine": program.name, "priority": 1000, **payload})
        assert made.status_code == 201, made.text
        worker = self.worker("--once", engine=program, folder=work, **options)
        try:
            job = self.wait(made.json()["id"], seconds)
            worker.wait(20 * SLOW)
        finally:
            worker.kill()
            worker.wait()
        return job

    def files(self):
        """Every file of the data directory and the logs, not those of workers."""
        return [p for p in self.folder.rglob("*") if p.is_file() and "worker-tmp" not in p.parts]

    def places_of(self, value):
        """Files that hold the value in clear."""
        needle = value if isinstance(value, bytes) else value.encode()
        return [str(p) for p in self.files() if needle in p.read_bytes()]


def engine(folder, script):
    """A render engine: a shell script in a file whose name is an engine's name."""
    path = pathlib.Path(folder) / ("engine-" + secrets.token_hex(6))
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return path


class Web:
    """A web server in this process for one test: `answer(handler, body)` gives (status, headers, body)."""

    def __init__(self, answer):
        seen = self.seen = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def serve(self):
                try:
                    seen.append((self.command, self.path, dict(self.headers)))
                    body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                    status, headers, text = answer(self, body)
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(text)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    self.close_connection = True
            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def zombie(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture
def folder():
    path = tempfile.mkdtemp(prefix="safelight-test-")
    yield pathlib.Path(path)
    shutil.rmtree(path, ignore_errors=True)


OPEN = ("--allow-loopback", "on", "--allow-http", "on")


@pytest.fixture(scope="session")
def shared_server():
    path = tempfile.mkdtemp(prefix="safelight-test-")
    s = Server(path, *OPEN)
    yield s
    code = s.stop()
    log = s.log()
    shutil.rmtree(path, ignore_errors=True)
    assert code == 0, log[-3000:]
    assert "ERROR: AddressSanitizer" not in log and "runtime error:" not in log, log[-5000:]


@pytest.fixture(scope="module")
def server(shared_server):
    """The server that all files share, without the jobs that another file left for no worker: the next would get them."""
    def of(states):
        return [job["id"] for job in shared_server.call("GET", f"/jobs?states={states}&minimal=true").json()]
    for job in of("render:dorender"):
        shared_server.call("PATCH", f"/jobs/{job}/cancel?running=true")
    while waiting := of("queued,pending"):
        assert shared_server.call("POST", "/jobs/cancel", {"jobs": waiting}).status_code == 200
    return shared_server


@pytest.fixture(scope="session")
def server_short_deadlines():
    path = tempfile.mkdtemp(prefix="safelight-test-")
    s = Server(path, "--head-deadline-ms", "2000", "--body-progress-ms", "2000")
    yield s
    s.stop()
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def fresh(folder):
    """fresh(*flags, env={}): a server of one's own; stopped at the end."""
    made = []

    def make(*flags, **options):
        path = folder / f"server{len(made)}"
        path.mkdir()
        s = Server(path, *flags, **options)
        made.append(s)
        return s
    yield make
    for s in made:
        if s.process and s.process.poll() is None:
            s.stop()
        log = s.log() if s.log_path.exists() else ""
        assert "ERROR: AddressSanitizer" not in log and "runtime error:" not in log, log[-5000:]


class Peer:
    def __init__(self, *command):
        self.process = subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.said = json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.terminate()
        self.process.wait()


@pytest.fixture(scope="session")
def s3():
    """.said has endpoint, bucket, region, accessKeyId, secretAccessKey; .get(key) reads an object."""
    import boto3
    peer = Peer(PEERS / "s3.py")
    said = peer.said
    client = boto3.client("s3", endpoint_url=said["endpoint"], region_name=said["region"], aws_access_key_id=said["accessKeyId"],
                          aws_secret_access_key=said["secretAccessKey"])
    peer.get = lambda key: client.get_object(Bucket=said["bucket"], Key=key)["Body"].read()
    yield peer
    peer.stop()


class Studio(Peer):
    def __init__(self, folder):
        self.log = pathlib.Path(folder) / "received.jsonl"
        self.log.touch()
        self.asset = pathlib.Path(folder) / "asset.bin"
        self.key_file = pathlib.Path(folder) / "asset.key"
        self.asset.write_bytes(secrets.token_bytes(5000))
        self.key = canary()
        self.key_file.write_text(self.key)
        super().__init__(PEERS / "receiver.py", "--log", self.log, "--asset", self.asset, "--asset-key-file", self.key_file)
        self.url = self.said["url"]

    def received(self, path=""):
        return [r for r in map(json.loads, self.log.read_text().splitlines()) if r["path"].startswith(path)]


@pytest.fixture(scope="session")
def studio():
    folder = tempfile.mkdtemp(prefix="safelight-studio-")
    peer = Studio(folder)
    yield peer
    peer.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def unique():
    """A name nobody else uses."""
    return "N_" + secrets.token_hex(6)


def send_signal(pid, number=signal.SIGKILL):
    os.kill(pid, number)


@pytest.fixture(scope="session")
def keys(shared_server, s3):
    """The S3 server's credentials as the team's secrets."""
    for name, member in (("AWS_ACCESS_KEY_ID", "accessKeyId"), ("AWS_SECRET_ACCESS_KEY", "secretAccessKey")):
        assert shared_server.put(name, s3.said[member]).status_code in (201, 409)
    return s3
