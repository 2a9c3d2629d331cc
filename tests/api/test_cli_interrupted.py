"""Commands that a signal ends: nothing half drawn or half written stays, and the process dies by that signal."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading

import pytest

from backups import nothing_left, sample  # noqa: F401
from conftest import BINARY, SLOW, Web, clean_environment, until
from terminal import Terminal

NEVER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])

# openat with O_TMPFILE fails, as on NFS.
WITHOUT_UNNAMED_FILES = """
import ctypes, errno, os, sys
class Cmp(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]
seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
rules = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(0x7fff0000)))
bit = os.O_TMPFILE & ~os.O_DIRECTORY
one = Cmp(2, 7, bit, bit)
assert seccomp.seccomp_rule_add_array(rules, ctypes.c_uint32(0x00050000 | errno.EOPNOTSUPP), seccomp.seccomp_syscall_resolve_name(b"openat"), 1, ctypes.byref(one)) == 0
assert seccomp.seccomp_load(rules) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


@contextlib.contextmanager
def half_an_output():
    """A server that sends half of a job's output, and the other half at the end of the test."""
    enough = threading.Event()

    def answer(handler, body):
        if handler.path.startswith("/api/v2/"):
            return 200, {"Content-Type": "application/json"}, json.dumps({"id": NEVER, "status": "finished", "outputUrl": web.url + "/out.mp4", "stats": {}}).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(2 << 20))
        handler.end_headers()
        handler.wfile.write(bytes(1 << 20))
        enough.wait(120 * SLOW)
        raise OSError
    with Web(answer) as web:
        try:
            yield {"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "slt_x"}
        finally:
            enough.set()


def keeps_unnamed_files(folder):
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("flags", [[], ["--force"]], ids=str)
@SIGNALS
def test_a_download_that_is_interrupted_leaves_neither_file_nor_line(folder, number, flags):
    out = folder / "out.mp4"
    if flags:
        out.write_text("old")
    with half_an_output() as env, Terminal("job", "output", NEVER, "--file", out, *flags, env=env) as t:
        t.until("1.0 of 2.0 MiB").process.send_signal(number)
        assert t.end() == -number
        assert t.text.endswith("\r\x1b[K") and "safelight:" not in t.text
    assert [p.read_text() for p in folder.iterdir()] == (["old"] if flags else [])


def test_a_download_that_is_killed_leaves_nothing(folder):
    with half_an_output() as env, Terminal("job", "output", NEVER, "--file", folder / "out.mp4", env=env) as t:
        t.until("1.0 of 2.0 MiB").process.kill()
        assert t.end() == -signal.SIGKILL
    assert list(folder.iterdir()) == [] or not keeps_unnamed_files(folder)


@SIGNALS
def test_where_every_file_has_a_name_a_signal_takes_it_away(folder, number):
    words = [sys.executable, "-c", WITHOUT_UNNAMED_FILES, BINARY, "job", "output", NEVER, "--file", folder / "out.mp4"]
    with half_an_output() as env, subprocess.Popen(words, env=clean_environment(**env), preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as process:
        until(lambda: [p for p in folder.glob("out.mp4.part-*") if p.stat().st_size == 1 << 20], 20, "half of the file")
        process.send_signal(number)
        assert process.wait(20 * SLOW) == -number
    assert list(folder.iterdir()) == []


@SIGNALS
def test_waiting_that_is_interrupted_leaves_no_line(number):
    job = {"id": NEVER, "status": "rendering", "progress": 42, "stats": {}}
    with Web(lambda handler, body: (200, {"Content-Type": "application/json"}, json.dumps(job).encode())) as web:
        with Terminal("job", "wait", NEVER, env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "slt_x"}) as t:
            t.until("42%").process.send_signal(number)
            assert t.end() == -number and t.text.endswith("\r\x1b[K")


def children(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return []


@pytest.mark.parametrize("check", [True, False], ids=["check", "restore"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_restore_that_is_interrupted_while_it_verifies_leaves_nothing(sample, check, number):
    """The vault is there once all is read. A restore that ends before the signal comes is whole; every other leaves nothing."""
    where = ["--check"] if check else ["--data", sample.folder / "new"]
    with Terminal("restore", sample.file, *where, "--recovery-key", sample.key, pipes=["stdout"]) as t:
        while not children(t.process.pid) and t.process.poll() is None:
            t.read(0)
        t.process.send_signal(number)
        code = t.end()
        assert code in (0, -number)
        if code == 0:
            assert check or sorted(p.name for p in (sample.folder / "new").iterdir()) == ["db", "recovery.pub", "root.key", "spool"]
            shutil.rmtree(sample.folder / "new", ignore_errors=True)
            return
        assert t.process.stdout.read() == b"" and "nothing is left" in t.text
        last = t.text.rsplit("\r\x1b[K", 1)
        assert len(last) == 2 and last[1].startswith("safelight restore: it was interrupted")
        nothing_left(sample, "new", t.process.pid)
