"""What the tests of backups share: a server with a recovery key, its backups, and servers on what was restored of them.
The format is read a second time by tests/vectors/backup.py, with nothing but the recovery key."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys

import pytest

from conftest import BINARY, OPEN, ROOT, SLOW, Server, canary, clean_environment, until

sys.path.insert(0, str(ROOT / "tests/vectors"))
import backup as second  # noqa: E402

AS_ROOT = os.geteuid() == 0


started = set()  # by this process of tests: others check beside it


def run(*words, stdin=None, env=None, **options):
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([BINARY, *map(str, words)], **pipes, text=True, env=env or clean_environment(), **options) as process:
        started.add(process.pid)
        try:
            out, said = process.communicate(stdin or "", timeout=120 * SLOW)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, said)


class Kept:
    """A server with a recovery key, and a folder for what is made of it."""

    def __init__(self, server):
        self.s = server
        self.folder = server.folder / "kept"
        self.folder.mkdir()
        self.key = self.folder / "recovery.txt"
        self.key.write_text(server.operator("recovery-key", "create", check=True).stdout)

    def backup(self, name, *flags, check=True):
        done = run("backup", self.folder / name, "--data", self.s.data, *flags)
        assert not check or done.returncode == 0, done.stderr
        return self.folder / name if check else done

    def read(self, file):
        return second.Backup(file.read_bytes(), self.key.read_text())

    def restore(self, file, to, *flags, key=None):
        return run("restore", file, "--data", self.folder / to, "--recovery-key", key or self.key, *flags)

    def check(self, file, key=None):
        return run("restore", "--check", file, "--recovery-key", key or self.key)


@pytest.fixture
def kept(fresh):
    return Kept(fresh(*OPEN))


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """One backup of a stopped server with a secret, a token and a job, for tests that only spoil it."""
    folder = tmp_path_factory.mktemp("sample")
    s = Server(folder)
    k = Kept(s)
    k.value = canary()
    s.put("A", k.value)
    assert s.stop() == 0
    k.file = k.backup("good")
    k.bytes = k.file.read_bytes()
    return k


@contextlib.contextmanager
def serving(data, token=""):
    """A server on a data directory that was restored."""
    s = Server.__new__(Server)
    s.folder, s.data, s.flags, s.env, s.process = data.parent, data, list(OPEN), {}, None
    s.log_path, s.token = data.parent / f"{data.name}.log", token
    s.start()
    try:
        yield s
    finally:
        s.stop()


def restored(k, file, to, *flags):
    """(data directory, {team: new admin token})"""
    done = k.restore(file, to, *flags)
    assert done.returncode == 0, done.stderr
    return k.folder / to, dict(line.split() for line in done.stdout.splitlines())


def nothing_left(k, to, *pids):
    assert not (k.folder / to).exists()
    nothing_in_memory(*pids)


def nothing_in_memory(*pids):
    """Of commands that were run here, or of those."""
    left = [p.name for p in pathlib.Path("/dev/shm").glob("safelight-check-*") if int(p.name.split("-")[2]) in started.union(pids)]
    assert not left, left


def instance_audit(s):
    return operator_call(s, "GET", "/operator/audit?limit=1000")


def operator_call(s, method, path, body=None):
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(s.data / "safelight.sock"))
    connection.request(method, path, body=body and json.dumps(body), headers={"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    assert answer.status < 300, data
    return json.loads(data)


@contextlib.contextmanager
def small_disk(at, size):
    at.mkdir()
    if not AS_ROOT or not shutil.which("mount") or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", at], capture_output=True).returncode != 0:
        pytest.skip("needs root to mount")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", at], check=True)
