"""The processes of a server: how they start, what confines them, what happens when one is killed, disks that
fill up, keys that change under way, certificates."""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest
import requests

from conftest import BINARY, OPEN, SANITIZED, SLOW, Web, canary, clean_environment, until
from common import all_audit, rotated

AS_ROOT = os.geteuid() == 0


def serve_once(data, *flags, env=None):
    """A serve that is expected to end by itself."""
    return subprocess.run([BINARY, "serve", "--data", str(data), "--listen", "127.0.0.1:0", *flags], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env=clean_environment(**(env or {})), timeout=20 * SLOW)


@pytest.fixture
def stopped(fresh):
    s = fresh()
    assert s.stop() == 0
    return s


# --- the end ---

def test_a_stop_while_a_rotation_waits_for_the_supervisor_is_a_clean_one(fresh):
    """Its answer comes after the word to stop, when nobody hears it; the next start finishes the rotation."""
    s = fresh()
    os.kill(s.process.pid, signal.SIGSTOP)
    assert s.operator("key", "rotate", "root").returncode == 0
    until(lambda: json.loads(s.operator("key", "status", "--json").stdout)["rotation"]["state"] == "running", 20, "the rotation")
    os.kill(s.process.pid, signal.SIGTERM)
    os.kill(s.process.pid, signal.SIGCONT)
    assert s.process.wait(60 * SLOW) == 0
    s.start()
    assert s.secrets() == []


# --- start ---

def test_abuse_100_a_second_server_on_the_data_directory_refuses(fresh):
    s = fresh()
    for _ in range(2):
        done = serve_once(s.data)
        assert done.returncode == 7 and done.stdout == "" and "already" in done.stderr.lower(), done.stderr
    link = s.folder / "link"
    link.symlink_to(s.data)
    assert serve_once(link).returncode == 7
    assert s.put("K", canary()).status_code == 201


@pytest.mark.parametrize("what, mode, remedy", [(".", 0o755, "chmod 700"), (".", 0o701, "chmod 700"), (".", 0o777, "chmod 700"), ("root.key", 0o644, "chmod 600"), ("root.key", 0o640, "chmod 600"),
                                                ("db", 0o755, "chmod 700"), ("spool", 0o750, "chmod 700")])
def test_abuse_109_open_permissions_are_refused_with_the_remedy(stopped, what, mode, remedy):
    (stopped.data / what).chmod(mode)
    done = serve_once(stopped.data)
    assert done.returncode == 7 and remedy in done.stderr and done.stdout == ""


@pytest.mark.parametrize("what", ["root.key", "db", "spool"])
def test_abuse_109_links_are_refused(stopped, what):
    moved = stopped.folder / "moved"
    (stopped.data / what).rename(moved)
    (stopped.data / what).symlink_to(moved)
    done = serve_once(stopped.data)
    assert done.returncode == 7 and "link" in done.stderr


@pytest.mark.skipif(not AS_ROOT, reason="needs root to give files away")
@pytest.mark.parametrize("what", [".", "root.key"])
def test_abuse_109_another_owner_is_refused(stopped, what):
    os.chown(stopped.data / what, 65534, 65534)
    done = serve_once(stopped.data)
    assert done.returncode == 7 and "another user" in done.stderr


@pytest.mark.parametrize("how", ["missing", "empty", "short", "long", "wrong"])
def test_abuse_089_a_root_key_that_does_not_fit_is_refused(stopped, how):
    key = stopped.data / "root.key"
    right = key.read_bytes()
    key.unlink()
    if how != "missing":
        key.write_bytes({"empty": b"", "short": right[:31], "long": right + b"x", "wrong": bytes(b ^ 1 for b in right)}[how])
        key.chmod(0o600)
    done = serve_once(stopped.data)
    assert done.returncode == 7 and done.stdout == "" and done.stderr.strip()
    assert "root" in done.stderr or "key" in done.stderr, done.stderr
    key.write_bytes(right)
    key.chmod(0o600)
    stopped.start()
    assert stopped.put("K", canary()).status_code == 201


def test_a_root_key_from_the_service_manager(stopped):
    credentials = stopped.folder / "credentials"
    credentials.mkdir()
    (stopped.data / "root.key").rename(credentials / "safelight-root-key")
    stopped.env["CREDENTIALS_DIRECTORY"] = str(credentials)
    stopped.start()
    assert stopped.put("K", canary()).status_code == 201
    stopped.operator("key", "rotate", "root")  # not ours to replace
    assert rotated(stopped)["rotation"]["state"] == "failed"
    assert [p.name for p in stopped.data.iterdir() if "root.key" in p.name] == []
    assert stopped.put("L", canary()).status_code == 201


def test_a_port_that_is_taken_says_so(stopped):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run([BINARY, "serve", "--data", str(stopped.data), "--listen", f"127.0.0.1:{taken.getsockname()[1]}"], capture_output=True, text=True,
                              env=clean_environment(), timeout=20 * SLOW)
    assert done.returncode == 7 and "in use" in done.stderr and "--listen" in done.stderr


@pytest.mark.parametrize("flags", [["--nope", "1"], ["--threads", "0"], ["--threads", "65"], ["--allow-http", "maybe"], ["--listen", "here"], ["--listen", "127.0.0.1:99999"],
                                   ["--lease-ms", "199"], ["--lease-ms", "60001"], ["--tls-cert", "x"], ["--log-level", "loud"], ["--log-format", "xml"], ["stray"]])
def test_bad_settings_are_refused_before_anything_starts(stopped, flags):
    done = serve_once(stopped.data, *flags)
    assert done.returncode in (2, 7, 9) and done.stdout == "" and done.stderr.strip()


def test_settings_from_file_and_environment(stopped):
    (stopped.data / "safelight.conf").write_text("# ours\nlog-format = json\n")
    stopped.env["SAFELIGHT_LOG_LEVEL"] = "debug"
    stopped.start()
    stopped.put("K", canary())
    stopped.stop()
    lines = [line for line in stopped.log().splitlines() if line.startswith("{")]
    assert all(isinstance(json.loads(line), dict) for line in lines)
    (stopped.data / "safelight.conf").write_text("nope\n")
    done = serve_once(stopped.data)
    assert done.returncode == 9 and "safelight.conf:1: " in done.stderr


def test_init_never_touches_what_is_there(stopped):
    before = {p: p.read_bytes() for p in stopped.data.rglob("*") if p.is_file()}
    done = subprocess.run([BINARY, "init", "--data", str(stopped.data)], capture_output=True, text=True, env=clean_environment(), timeout=20 * SLOW)
    assert done.returncode == 5 and done.stdout == ""
    assert {p: p.read_bytes() for p in stopped.data.rglob("*") if p.is_file()} == before


# --- what confines them ---

def status(pid):
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


@pytest.mark.parametrize("name", ["vault", "courier", "api"])
def test_abuse_104_106_107_each_process_is_confined(server, name):
    pid = server.pids()[name]
    said = status(pid)
    assert said["NoNewPrivs"] == "1" and said["Seccomp"] == "2"
    assert int(said["CapEff"], 16) == int(said["CapPrm"], 16) == int(said["CapAmb"], 16) == 0
    limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
    assert re.search(r"Max core file size\s+0\s+0", limits)
    # what is not dumpable belongs to root, whoever runs it
    assert os.stat(f"/proc/{pid}/mem").st_uid == 0


@pytest.mark.skipif(not AS_ROOT, reason="needs root to become someone else and back")
def test_abuse_107_the_same_user_cannot_read_a_process(folder):
    """As an ordinary user, who owns the processes: their memory is closed to him all the same."""
    os.chmod(folder, 0o777)
    binary = shutil.copy(BINARY, folder / "safelight")  # where another user reaches it
    os.chmod(binary, 0o755)
    script = folder / "look.py"
    script.write_text(f"""
import os, pathlib, subprocess, sys, time
os.setgroups([]); os.setgid(65534); os.setuid(65534)
env = dict(os.environ, HOME="/nonexistent", ASAN_OPTIONS="detect_leaks=0")
data = {str(folder / 'data')!r}
subprocess.run([{str(binary)!r}, "init", "--data", data], check=True, env=env, stdout=subprocess.DEVNULL)
serve = subprocess.Popen([{str(binary)!r}, "serve", "--data", data, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True, env=env)
assert "ready" in serve.stdout.readline()
pids = [serve.pid] + [int(p) for p in pathlib.Path(f"/proc/{{serve.pid}}/task/{{serve.pid}}/children").read_text().split()]
open_ = []
for pid in pids:
    try:
        open(f"/proc/{{pid}}/mem", "rb").close()
        open_.append(pid)
    except PermissionError:
        pass
serve.terminate()
print(len(pids), open_, serve.wait(30))
""")
    done = subprocess.run(["python3", script], capture_output=True, text=True, timeout=60 * SLOW)
    assert done.stdout.strip() == "4 [] 0", done.stdout + done.stderr


def test_abuse_106_the_vault_has_no_files_and_no_network(server):
    pid = server.pids()["vault"]
    links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd") if int(fd) > 2]
    assert links and all(link.startswith("socket:") for link in links), links
    inodes = {re.search(r"\d+", link)[0] for link in links}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        rows = pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        assert not inodes & {row.split()[9] for row in rows}
    assert status(pid)["Threads"] == "1" or SANITIZED


def test_abuse_106_only_the_courier_may_connect_and_api_has_no_root_key(server):
    root = str(server.data / "root.key")
    for name, pid in server.pids().items():
        links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        assert root not in links and not any("root.key" in link for link in links), name
    courier = [os.readlink(f"/proc/{server.pids()['courier']}/fd/{fd}") for fd in os.listdir(f"/proc/{server.pids()['courier']}/fd")]
    assert not any("safelight.db" in link for link in courier)


def test_abuse_111_the_environment_of_the_starter_has_no_effect(fresh, studio, unique):
    keylog = "/tmp/" + unique
    s = fresh(*OPEN, env={"SSLKEYLOGFILE": keylog, "OPENSSL_CONF": "/nonexistent", "CURL_HOME": "/nonexistent", "HTTPS_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9",
                          "TZ": "Asia/Tokyo", "LC_ALL": "tr_TR.UTF-8", "SQLITE_TMPDIR": "/nonexistent", "TMPDIR": "/nonexistent"})
    s.put("K", canary())
    job = s.render({"webhook": {"url": f"{studio.url}/hook/{unique}", "headers": {"A": "${secret.K}"}}}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    assert job["status"] == "finished"
    until(lambda: studio.received(f"/hook/{unique}"), 10)
    assert not os.path.exists(keylog)


# --- ends ---

@pytest.mark.parametrize("name", ["vault", "api"])
def test_the_server_stops_with_7_when_a_process_it_needs_is_gone(fresh, name):
    s = fresh()
    others = list(s.pids().values())
    os.kill(s.pids()[name], 9)
    assert s.process.wait(20 * SLOW) == 7
    until(lambda: not any(os.path.exists(f"/proc/{pid}/exe") for pid in others), 10)
    assert "process_ended" in s.log() and name in s.log()
    s.start()
    assert s.put("K", canary()).status_code == 201


def test_a_killed_courier_is_started_again(fresh, studio, unique):
    s = fresh(*OPEN)
    s.put("K", canary())
    for i in range(2):
        old = s.pids()["courier"]
        os.kill(old, 9)
        new = until(lambda: (lambda p: p if p and p != old else None)(s.pids().get("courier")), 10)
        until(lambda: status(new)["Seccomp"] == "2", 10, "its confinement")
        s.render({"webhook": {"url": f"{studio.url}/hook/{unique}{i}", "headers": {"A": "${secret.K}"}}}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
        until(lambda: studio.received(f"/hook/{unique}{i}"), 15)


def begin(c, s, body):
    """A request that the server has begun with: it asked for the body, and has a part of it."""
    c.sendall(b"PUT /api/v2/secrets HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nAuthorization: Bearer " + s.token.encode() +
              b"\r\nContent-Type: application/json\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n")
    assert c.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    c.sendall(body[:1000])


def test_sigterm_finishes_what_has_begun(fresh):
    s = fresh()
    value = b'{"name":"SLOW","value":"' + b"v" * 5000 + b'"}'
    with socket.create_connection((s.host, s.port), timeout=20) as c:
        begin(c, s, value)
        s.process.terminate()
        time.sleep(0.3)
        c.sendall(value[1000:])
        answer = c.recv(65536)
    assert s.process.wait(25 * SLOW) == 0
    s.start()
    if b" 201 " in answer.split(b"\r\n")[0]:
        assert [r["name"] for r in s.secrets()] == ["SLOW"]
    else:
        assert b" 503 " in answer.split(b"\r\n")[0] or answer == b""
        assert s.secrets() == []


def test_sigint_stops_too_and_idle_connections_do_not_hold_it(fresh):
    s = fresh()
    idle = [socket.create_connection((s.host, s.port)) for _ in range(20)]
    start = time.monotonic()
    s.process.send_signal(signal.SIGINT)
    assert s.process.wait(25 * SLOW) == 0 and time.monotonic() - start < 20 * SLOW
    for c in idle:
        c.close()


@pytest.mark.slow
def test_abuse_086_095_kill_9_under_load_loses_nothing_acknowledged(fresh):
    s = fresh()
    acknowledged, asked = set(), set()
    for turn in range(5):
        stop = False

        def put(thread):
            number = 0
            while not stop:
                name = f"T{turn}_{thread}_{number}"
                asked.add(name)
                try:
                    if s.put(name, canary()).status_code == 201:
                        acknowledged.add(name)
                except requests.RequestException:
                    return
                number += 1
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            running = [pool.submit(put, i) for i in range(8)]
            before = len(acknowledged)
            time.sleep(0.3 + 0.13 * turn)
            until(lambda: len(acknowledged) >= before + 20)
            s.kill()
            stop = True
            for r in running:
                r.result()
        s.start()
        names = [r["name"] for r in s.secrets()]
        assert len(names) == len(set(names)) and acknowledged <= set(names) <= asked
    rows = all_audit(s)
    assert [r["sequence"] for r in rows] == list(range(1, len(rows) + 1))
    created = [r["name"] for r in rows if r["event"] == "secret.created"]
    assert sorted(created) == sorted(names)


# --- doctor ---

def findings(s):
    done = s.operator("doctor", "--json")
    return done.returncode, {f["check"]: f for f in json.loads(done.stdout)}


def test_doctor_finds_nothing_wrong_and_then_something(fresh):
    s = fresh()
    code, found = findings(s)
    bad = [f for f in found.values() if not f["ok"] and "disk" not in f["check"] and "Landlock" not in f["check"]]
    assert bad == [] and len(found) > 8
    assert all("remedy" in f for f in found.values() if not f["ok"])
    assert "ok" in s.operator("doctor").stdout
    s.stop()
    code, found = findings(s)
    assert code == 7 and found["the server answers"]["ok"] is False and "serve" in found["the server answers"]["remedy"]
    (s.data / "root.key").chmod(0o644)
    s.data.chmod(0o755)
    code, found = findings(s)
    assert code == 7 and not found["data directory and root key are ours alone"]["ok"]
    assert "FAIL" in s.operator("doctor").stdout
    s.data.chmod(0o700)
    (s.data / "root.key").chmod(0o600)


# --- TLS ---

def certificate(folder, name):
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
    key.chmod(0o600)
    return cert, key


def shown(s):
    pem = ssl.get_server_certificate((s.host, s.port), timeout=30)
    return subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, capture_output=True, text=True, check=True).stdout.strip().split("=")[-1].strip()


def test_tls_and_its_reload(fresh, folder):
    cert, key = certificate(folder, "first")
    s = fresh("--tls-cert", str(cert), "--tls-key", str(key))
    assert s.url.startswith("https://") and shown(s) == "first"
    listing = lambda ca: requests.get(s.base + "/secrets", headers={"Authorization": "Bearer " + s.token}, verify=str(ca), timeout=30)
    assert listing(cert).text == "[]"
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(s.base + "/secrets", timeout=30)
    with pytest.raises(requests.exceptions.RequestException):
        answer = requests.get(s.base.replace("https", "http") + "/secrets", headers={"Authorization": "Bearer " + s.token}, timeout=30)
        assert answer.status_code == 400  # or a refusal in clear
        raise requests.exceptions.RequestException
    with socket.create_connection((s.host, s.port)) as c:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(c) as t:
            assert t.version() in ("TLSv1.2", "TLSv1.3")
            old = t  # a connection that is open goes on over a reload
            second, second_key = certificate(folder, "second")
            cert.write_bytes(second.read_bytes())
            key.write_bytes(second_key.read_bytes())
            s.process.send_signal(signal.SIGHUP)
            until(lambda: shown(s) == "second", 10)
            old.sendall(f"GET /api/v2/secrets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {s.token}\r\n\r\n".encode())
            assert b" 200 " in old.recv(4096)
    assert listing(cert).status_code == 200
    for broken in (b"", b"not a certificate", cert.read_bytes()[:200]):
        cert.write_bytes(broken)
        s.process.send_signal(signal.SIGHUP)
        time.sleep(0.3 * SLOW)
        assert shown(s) == "second" and s.process.poll() is None
    third, _ = certificate(folder, "third")  # a key that does not belong to it
    cert.write_bytes(third.read_bytes())
    s.process.send_signal(signal.SIGHUP)
    time.sleep(0.3 * SLOW)
    assert shown(s) == "second"
    assert "reload" in s.log() or "tls" in s.log().lower()


def test_tls_files_that_do_not_fit_are_refused_at_start(stopped, folder):
    cert, key = certificate(folder, "a")
    _, other = certificate(folder, "b")
    for flags in (["--tls-cert", str(cert), "--tls-key", str(other)], ["--tls-cert", str(folder / "none"), "--tls-key", str(key)], ["--tls-cert", str(cert)]):
        done = serve_once(stopped.data, *flags)
        assert done.returncode in (7, 9) and done.stdout == "" and done.stderr.strip()


# --- TLS on the way out ---

def signed(folder, name, names=("localhost",), days=2, issuer=None):
    """A certificate in PEM files, and its key; without an issuer it signs itself."""
    import datetime
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer[0].subject if issuer else subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=9)).not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False).sign(issuer[1] if issuer else key, hashes.SHA256()))
    (folder / f"{name}.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return made, key


def test_abuse_074_certificates_that_do_not_fit_end_the_request(fresh, folder, unique):
    issuer = signed(folder, "issuer")
    for name, names, days in (("right", ("localhost",), 2), ("expired", ("localhost",), -1), ("elsewhere", ("elsewhere.example",), 2)):
        signed(folder, name, names, days, issuer)
    signed(folder, "alone")
    s = fresh("--allow-loopback", "on", "--ca-file", str(folder / "issuer.crt"))
    s.put("K", canary())
    seen = {}
    for name in ("right", "expired", "elsewhere", "alone"):
        with Web(lambda handler, body: (200, {}, b"")) as web:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
            web.server.socket = context.wrap_socket(web.server.socket, server_side=True)
            url = web.url.replace("http://127.0.0.1", "https://localhost")
            job = s.render({"webhook": {"url": url, "headers": {"A": "${secret.K}"}}}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
            until(lambda: "[webhook" in s.job_log(job["id"]), 15)
            seen[name] = len(web.seen), "200 (attempt 1)" in s.job_log(job["id"])
    assert seen == {"right": (1, True), "expired": (0, False), "elsewhere": (0, False), "alone": (0, False)}
