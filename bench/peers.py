"""What Safelight is compared with over HTTP: nginx, the open-source farm's server; and the load of wrk."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from common import BUILD, ROOT, children, cpu_us, fail, run

WRK_CONNECTIONS = 32


def raw_answer(port, path, token):
    """The bytes of an answer's head and body, as they stand on the wire."""
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        data = b""
        while b"\r\n\r\n" not in data:
            data += s.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head, re.I).group(1))
        while len(body) < length:
            body += s.recv(65536)
    return head, body


class Nginx:
    """One worker that returns given bodies, with as many header fields and bytes as Safelight sends."""

    def __init__(self, folder, answers):
        self.folder = folder
        folder.mkdir()
        self.port = free_port()
        self.answers = answers
        padding = {path: "x" * 26 for path in answers}
        self.configure(padding)
        self.start()
        for path, (head, body) in answers.items():  # the padding makes up for the difference in names
            ours, theirs = len(head), len(raw_answer(self.port, path, "t")[0])
            padding[path] = "x" * max(1, 26 + ours - theirs)
        self.stop()
        self.configure(padding)
        self.start()
        for path, (head, body) in answers.items():
            got_head, got_body = raw_answer(self.port, path, "t")
            if got_body != body or len(got_head) != len(head) or got_head.count(b"\r\n") != head.count(b"\r\n"):
                fail("nginx does not return the same bytes")

    def configure(self, padding):
        places = ""
        for path, (_, body) in self.answers.items():
            text = body.decode().replace("\\", "\\\\")
            places += (f"location = {path} {{ default_type 'application/json; charset=utf-8'; "
                       f"add_header X-Request-Id {padding[path]}; return 200 '{text}'; }}\n")
        temporary = "".join(f"{name}_temp_path {self.folder}/{name};\n"
                            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "nginx.conf").write_text(
            f"{'user root;' if os.geteuid() == 0 else ''} daemon off; worker_processes 1; pid {self.folder}/pid;\n"
            f"error_log {self.folder}/error.log; events {{ worker_connections 1024; }}\n"
            f"http {{ access_log off; server_tokens off; keepalive_requests 1000000000; {temporary}\n"
            f"server {{ listen 127.0.0.1:{self.port}; {places} }} }}\n")

    def start(self):
        binary = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        if not binary:
            fail("nginx is not installed; tools/setup bench installs it")
        self.process = subprocess.Popen([binary, "-p", self.folder, "-c", self.folder / "nginx.conf"],
                                        stderr=subprocess.DEVNULL)
        wait_for(self.port)
        self.pids = children(self.process.pid)
        if len(self.pids) != 1:
            fail("nginx did not start")

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def wrk(port, path, token, seconds, pids):
    """CPU microseconds per request of the processes, and requests per second."""
    before = cpu_us(pids)
    out = run("wrk", "-t1", f"-c{WRK_CONNECTIONS}", f"-d{seconds}s", "-H", f"Authorization: Bearer {token}",
              f"http://127.0.0.1:{port}{path}")
    used = cpu_us(pids) - before
    if "Non-2xx" in out or "Socket errors" in out:
        fail("wrk met errors:\n" + out)
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    return used / requests, float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, seconds=20):
    for _ in range(int(seconds / 0.05)):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
    fail(f"nothing answers on port {port}")


class Farm:
    """nexrender-server (bench/package.json says which) on a database file that holds these jobs."""

    def __init__(self, folder, jobs, secret):
        script = self.installed() / "node_modules/@nexrender/server/src/bin.js"
        database = folder / "farm.json"
        database.write_text(json.dumps(jobs))
        self.port = free_port()
        self.process = subprocess.Popen(["node", script, "-p", str(self.port), "--secret", secret], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env={**os.environ, "NEXRENDER_DATABASE": str(database)})
        wait_for(self.port)
        self.pids = [self.process.pid]

    @staticmethod
    def installed():
        """From the npm registry, once."""
        folder = BUILD / "farm"
        wanted = (ROOT / "bench/package.json").read_text()
        if not (folder / "done").exists() or (folder / "package.json").read_text() != wanted:
            if not shutil.which("npm"):
                fail("npm is not installed; tools/setup bench installs it")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            (folder / "package.json").write_text(wanted)
            run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)
            (folder / "done").touch()
        return folder

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
