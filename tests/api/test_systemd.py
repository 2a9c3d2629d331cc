"""What a service manager does with the server: sockets that it passes, what it is told, its watchdog; and the public UNIX
socket. The manager here is this process."""
import contextlib
import fcntl
import grp
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import time

import pytest
import requests

from conftest import BINARY, SLOW, Server, canary, clean_environment, free_port, send_signal, until, zombie
from test_processes import certificate

START = 'export LISTEN_PID=$$ WATCHDOG_PID=$$; exec "$0" "$@"'  # the pid of the server: exec keeps it


class Served:
    """A server started by hand on a data directory."""

    def __init__(self, data, *flags, passed=(), env=None, start=START):
        self.data, self.out, self.log_path = pathlib.Path(data), pathlib.Path(data).parent / "out", pathlib.Path(data).parent / "err"

        def place():  # in the child: this process may have anything at any number
            for number, fd in enumerate([fcntl.fcntl(p.fileno(), fcntl.F_DUPFD, 10) for p in passed]):
                os.dup2(fd, 3 + number)
        more = {"LISTEN_FDS": str(len(passed))} if passed else {}
        with open(self.out, "w") as out, open(self.log_path, "a") as err:
            self.process = subprocess.Popen(["/bin/sh", "-c", start, BINARY, "serve", "--data", str(data), *map(str, flags)], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            env=clean_environment(**{**more, **(env or {})}), preexec_fn=place if passed else None, pass_fds=tuple(range(3, 3 + len(passed))))

    def log(self):
        return self.log_path.read_text(errors="replace")

    def ready(self):
        def line():
            assert self.process.poll() is None, f"serve ended with {self.process.returncode}: {self.log()[-2000:]}"
            return self.out.read_text().strip()
        return until(line, 20, "the server being ready").removeprefix("safelight is ready on ")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(25 * SLOW)

    pids = Server.pids


@contextlib.contextmanager
def serving(data, *flags, **options):
    s = Served(data, *flags, **options)
    try:
        s.where = s.ready()
        yield s
    finally:
        for child in s.pids().values() if s.process.poll() is None else ():
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGCONT)
        s.stop()


def refused(data, *flags, code=7, **options):
    """A start that fails; returns what was said."""
    s = Served(data, *flags, **options)
    assert s.process.wait(20 * SLOW) == code, s.log()
    assert s.out.read_text() == "" and not zombie_children(s)
    return s.log()


def zombie_children(s):
    return pathlib.Path(f"/proc/{s.process.pid}").exists() and not zombie(s.process.pid)


@pytest.fixture
def data(fresh):
    """A data directory without a server; its admin token in `.token`."""
    s = fresh(start=False)

    class Path(type(s.data)):
        pass
    path = Path(s.data)
    path.token = s.token
    return path


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.set_inheritable(True)
        yield s


def put(url, token, name="K"):
    return requests.put(url + "/api/v2/secrets", json={"name": name, "value": canary()}, headers={"Authorization": "Bearer " + token}, timeout=20).status_code


def confined(s):
    assert "sandbox_incomplete" not in s.log()
    for pid in s.pids().values():
        said = pathlib.Path(f"/proc/{pid}/status").read_text()
        assert re.search(r"^Seccomp:\t2$", said, re.M) and re.search(r"^NoNewPrivs:\t1$", said, re.M)


# --- sockets that are passed ---

def test_a_passed_tcp_socket_is_served_and_lives_on(data, port):
    """Connections wait while the server restarts: the socket is the manager's."""
    url = f"http://127.0.0.1:{port.getsockname()[1]}"
    with serving(data, "--listen", "127.0.0.1:1", passed=[port]) as s:
        assert s.where == url and put(url, data.token) == 201
        confined(s)
        for pid in s.pids().values():  # nobody but the api holds it
            held = [os.readlink(f) for f in pathlib.Path(f"/proc/{pid}/fd").iterdir() if os.path.islink(f)]
            inode = f"socket:[{os.fstat(port.fileno()).st_ino}]"
            assert (inode in held) == (pid == s.pids()["api"])
    with socket.create_connection(port.getsockname()) as waiting:  # nobody is there to accept it
        waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        with serving(data, passed=[port]) as s:
            waiting.settimeout(20)
            assert waiting.recv(100).startswith(b"HTTP/1.1 200")
            assert put(url, data.token, "L") == 201


def test_a_passed_unix_socket_is_served_and_not_removed(data, folder):
    from test_metrics import local
    path = folder / "passed.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(10)
        for _ in range(2):
            with serving(data, passed=[listener]) as s:
                assert s.where == f"unix:{path}" and local(path, "/healthz")[0] == 200
                confined(s)
            assert path.is_socket()


def test_a_socket_for_somebody_else_is_not_taken(data, port):
    with serving(data, "--listen", "127.0.0.1:0", passed=[port], start='export LISTEN_PID=1; exec "$0" "$@"') as s:
        assert s.where != f"http://127.0.0.1:{port.getsockname()[1]}" and put(s.where, data.token) == 201
    with serving(data, "--listen", "127.0.0.1:0", env={"LISTEN_FDS": "0"}) as s:
        assert put(s.where, data.token, "L") == 201


def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    return s


def not_listening():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    return s


def abstract():
    s = socket.socket(socket.AF_UNIX)
    s.bind("\0" + canary())
    s.listen(1)
    return s


@pytest.mark.parametrize("make, says", [(udp, "not a listening stream socket"), (not_listening, "not a listening stream socket"), (abstract, "abstract"),
                                        (lambda: open("/dev/null"), "not a listening stream socket")])
def test_what_is_no_listening_stream_socket_is_refused(data, make, says):
    with contextlib.closing(make()) as s:
        assert says in refused(data, passed=[s])


def test_several_sockets_are_refused(data, port):
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert "one ListenStream=" in refused(data, passed=[port, other])


@pytest.mark.parametrize("fds", ["x", "-1", "1001", "", "1 "])
def test_a_count_that_is_none_is_refused(data, fds):
    assert "LISTEN_FDS" in refused(data, env={"LISTEN_FDS": fds})


def test_a_descriptor_that_is_not_open_is_refused(data):
    assert "not a listening stream socket" in refused(data, env={"LISTEN_FDS": "1"})


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd's own tool is not here")
def test_with_systemds_own_tool(data, folder):
    number = free_port()
    log = open(folder / "activate.log", "w")
    manager = subprocess.Popen(["systemd-socket-activate", "-l", f"127.0.0.1:{number}", "-E", "ASAN_OPTIONS", BINARY, "serve", "--data", str(data)],
                               stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=clean_environment())
    try:
        until(lambda: "Listening on" in (folder / "activate.log").read_text(), 10)
        assert put(f"http://127.0.0.1:{number}", data.token) == 201  # the first connection starts it
    finally:
        manager.terminate()
        manager.wait(20 * SLOW)


# --- sd_notify ---

class Manager:
    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        self.env = {"NOTIFY_SOCKET": address}

    def hear(self, seconds=20):
        """The next message as a dict; None when none comes."""
        self.socket.settimeout(seconds * SLOW)
        try:
            return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())
        except TimeoutError:
            return None

    def until(self, wanted, seconds=20):
        """Messages up to one that has `wanted`, which is returned."""
        while True:
            message = self.hear(seconds)
            assert message is not None, f"{wanted} did not come"
            if wanted in message:
                return message


@pytest.fixture
def manager(folder):
    m = Manager(str(folder / "notify.sock"))
    yield m
    m.socket.close()


def test_it_says_ready_reloading_and_stopping(data, manager):
    with serving(data, "--listen", "127.0.0.1:0", env=manager.env) as s:
        first = manager.hear()
        assert first == {"READY": "1", "STATUS": f"serving on {s.where.removeprefix('http://')}"}
        before = time.clock_gettime(time.CLOCK_MONOTONIC)
        s.process.send_signal(signal.SIGHUP)
        reloading = manager.hear()
        assert reloading["RELOADING"] == "1" and before <= int(reloading["MONOTONIC_USEC"]) / 1e6 <= time.clock_gettime(time.CLOCK_MONOTONIC)
        assert manager.hear() == {"READY": "1", "STATUS": "reloaded"}
        (data / "safelight.conf").write_text("nope\n")
        s.process.send_signal(signal.SIGHUP)
        assert manager.hear()["RELOADING"] == "1"
        again = manager.hear()
        assert again["READY"] == "1" and "refused" in again["STATUS"]
        (data / "safelight.conf").unlink()
        s.process.terminate()
        assert manager.hear()["STOPPING"] == "1"
        assert s.process.wait(20 * SLOW) == 0


def test_the_status_says_why_a_certificate_is_refused(data, manager, folder):
    cert, key = certificate(folder, "first")
    with serving(data, "--listen", "127.0.0.1:0", "--tls-cert", str(cert), "--tls-key", str(key), env=manager.env) as s:
        assert manager.hear()["READY"] == "1"
        key.write_bytes(certificate(folder, "second")[1].read_bytes())
        s.process.send_signal(signal.SIGHUP)
        assert manager.hear()["RELOADING"] == "1"
        again = manager.hear()
        assert set(again) == {"READY", "STATUS"}
        assert again["STATUS"].startswith("the certificate was refused, the old one stays: tls-key: certificate and key do not belong together")


def test_ready_is_said_when_it_is_true_and_not_before(data, manager, port):
    s = Served(data, passed=[port], env=manager.env)
    try:
        assert manager.hear()["READY"] == "1"
        assert requests.get(f"http://127.0.0.1:{port.getsockname()[1]}/readyz", timeout=30).status_code == 200
    finally:
        s.stop()
    (data / "root.key").rename(data.parent / "away")
    refused(data, env=manager.env)
    manager.until("STOPPING")  # of the first
    assert manager.hear(0.2) is None


def test_an_abstract_notify_socket(data):
    m = Manager("@safelight-test-" + canary())
    with contextlib.closing(m.socket), serving(data, "--listen", "127.0.0.1:0", env=m.env):
        assert m.hear()["READY"] == "1"


@pytest.mark.parametrize("where", ["relative/path", "/", "@", "vsock:2:1234", "/" + "x" * 200, "/nonexistent/notify.sock", ""])
def test_a_notify_socket_that_is_none_stops_nobody(data, where):
    with serving(data, "--listen", "127.0.0.1:0", env={"NOTIFY_SOCKET": where, "WATCHDOG_USEC": "100000"}) as s:
        assert put(s.where, data.token) == 201


# --- the watchdog ---

@pytest.mark.parametrize("stuck", ["vault", "courier", "api"])
def test_life_is_told_only_while_all_processes_answer(data, manager, stuck):
    with serving(data, "--listen", "127.0.0.1:0", env={**manager.env, "WATCHDOG_USEC": "300000"}) as s:
        for _ in range(3):
            manager.until("WATCHDOG")
        pid = s.pids()[stuck]
        send_signal(pid, signal.SIGSTOP)
        on_its_way = 0
        while manager.hear(1) is not None:
            on_its_way += 1
            assert on_its_way < 5
        send_signal(pid, signal.SIGCONT)
        manager.until("WATCHDOG")


@pytest.mark.parametrize("env, start", [({"WATCHDOG_USEC": "90000"}, 'export WATCHDOG_PID=1; exec "$0" "$@"'), ({"WATCHDOG_USEC": "0"}, START), ({"WATCHDOG_USEC": "soon"}, START), ({}, START)])
def test_without_a_watchdog_of_ours_nothing_is_told(data, manager, env, start):
    with serving(data, "--listen", "127.0.0.1:0", env={**manager.env, **env}, start=start):
        assert manager.hear()["READY"] == "1"
        assert manager.hear(0.3) is None


# --- listen = unix:/path ---

def test_a_unix_socket_is_served_and_removed(data, folder):
    from test_metrics import local
    path = folder / "http.sock"
    with serving(data, "--listen", f"unix:{path}") as s:
        assert s.where == f"unix:{path}" and stat.S_IMODE(path.stat().st_mode) == 0o660
        status, headers, text = local(path, "/api/v2/secrets", Authorization="Bearer " + data.token)
        assert status == 200 and text == "[]" and headers["X-Request-Id"]
        assert local(path, "/api/v2/secrets")[0] == 401
        assert local(path, "/operator/status")[0] == 404  # it is the public one
        confined(s)
        assert 'address="unix"' in s.log()
    assert not path.exists()


@pytest.mark.parametrize("mode", ["0600", "0666", "660"])
def test_permissions_as_said(data, folder, mode):
    path = folder / "http.sock"
    with serving(data, "--listen", f"unix:{path}", "--listen-mode", mode):
        assert stat.S_IMODE(path.stat().st_mode) == int(mode, 8)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a socket to a group")
@pytest.mark.parametrize("group", ["daemon", "1"])
def test_the_group_as_said(data, folder, group):
    path = folder / "http.sock"
    with serving(data, "--listen", f"unix:{path}", "--listen-group", group):
        assert path.stat().st_gid == (int(group) if group.isdigit() else grp.getgrnam(group).gr_gid)


def test_a_group_that_there_is_not_is_refused_and_leaves_nothing(data, folder):
    path = folder / "http.sock"
    assert "there is no such group" in refused(data, "--listen", f"unix:{path}", "--listen-group", "nobody-has-this-group", code=9)
    assert not path.exists()


def test_a_socket_that_was_left_behind_is_replaced(data, folder):
    path = folder / "http.sock"
    s = Served(data, "--listen", f"unix:{path}")
    s.ready()
    children = s.pids().values()
    s.process.kill()
    s.process.wait()
    until(lambda: all(zombie(pid) for pid in children), what="the children's end")
    assert path.is_socket()
    from test_metrics import local
    with serving(data, "--listen", f"unix:{path}"):
        assert local(path, "/healthz")[0] == 200


def test_a_socket_in_use_is_left_alone(data, folder):
    path = folder / "http.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen(5)
        inode = path.stat().st_ino
        assert "is listening there already" in refused(data, "--listen", f"unix:{path}")
        assert path.stat().st_ino == inode


@pytest.mark.parametrize("what", ["file", "folder", "link", "link to a socket"])
def test_anything_else_in_its_place_is_left_alone(data, folder, what):
    path, target = folder / "http.sock", folder / "target"
    if what == "file":
        path.write_text("mine")
    elif what == "folder":
        path.mkdir()
    elif what == "link":
        path.symlink_to(folder / "nowhere")
    else:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(target))
        path.symlink_to(target)
    before = os.lstat(path)
    assert "not a socket" in refused(data, "--listen", f"unix:{path}")
    assert os.lstat(path).st_ino == before.st_ino


@pytest.mark.parametrize("listen", ["unix:", "unix:relative.sock", "unix:@abstract", "unix:/", "unix:/" + "x" * 107, "unix:/tmp/", "unix://x:y/@"])
def test_paths_that_are_none_are_refused(data, listen):
    refused(data, "--listen", listen, code=9 if listen != "unix://x:y/@" else 7)


def test_a_folder_that_is_not_there_is_refused(data, folder):
    assert "does its folder exist" in refused(data, "--listen", f"unix:{folder}/none/http.sock")


def test_another_socket_that_took_the_place_is_not_removed(data, folder):
    path = folder / "http.sock"
    with serving(data, "--listen", f"unix:{path}"):
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
    assert path.is_socket()


def test_a_token_bound_to_addresses_does_not_work_over_it(data, folder):
    from test_metrics import local
    path = folder / "http.sock"
    with serving(data, "--listen", f"unix:{path}"):
        made = subprocess.run([BINARY, "token", "create", "--data", str(data), "--team", "studio", "--role", "admin", "--addresses", "127.0.0.0/8"], capture_output=True, text=True, env=clean_environment())
        assert local(path, "/api/v2/secrets", Authorization="Bearer " + made.stdout.strip())[0] == 401
