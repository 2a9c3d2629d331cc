"""What a review of vault, store, server and authentication found, and what it looked for."""
import fcntl
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
import zlib

import pytest

from conftest import BINARY, OPEN, SLOW, canary, clean_environment, until
from test_processes import begin, certificate, shown
from test_secrets import check_error

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def checked(body):
    """A token's text with the right checksum behind it."""
    number, check = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        check = DIGITS[digit] + check
    return body + check


def open_files(pid):
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    return found


# --- processes ---

@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_abuse_105_closed_standard_descriptors_never_become_the_root_key(fresh, closed):
    s = fresh(start=False)

    def close():
        for fd in closed:
            os.close(fd)
    s.process = subprocess.Popen([BINARY, "serve", "--data", str(s.data), "--listen", "127.0.0.1:0"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env=clean_environment(), preexec_fn=close)
    until(lambda: s.operator("team", "list").returncode == 0, 20)
    pids = s.pids()
    assert sorted(pids) == ["api", "courier", "vault"]
    for name, pid in {**pids, "supervisor": s.process.pid}.items():
        assert not [link for link in open_files(pid) if "root.key" in link], name
        assert not [link for link in open_files(pid) if "safelight.db" in link and name != "api"], name
        for fd in closed:
            assert os.readlink(f"/proc/{pid}/fd/{fd}") == "/dev/null", name
    assert s.stop() == 0


def test_descriptors_of_the_starter_reach_no_child(fresh, folder):
    s = fresh(start=False)
    low = os.open(folder, os.O_RDONLY)
    high = fcntl.fcntl(low, fcntl.F_DUPFD, 1000)  # a number of its own: this process may have anything at any
    os.close(low)
    s.process = subprocess.Popen([BINARY, "serve", "--data", str(s.data), "--listen", "127.0.0.1:0"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env=clean_environment(), pass_fds=(high,))
    os.close(high)
    until(lambda: s.operator("team", "list").returncode == 0, 20)
    for name, pid in s.pids().items():
        assert str(folder) not in open_files(pid), name


def test_sigterm_to_all_processes_at_once_still_finishes_what_has_begun(fresh):
    """As a service manager stops a service."""
    s = fresh()
    body = b'{"name":"SLOW","value":"' + b"v" * 5000 + b'"}'
    with socket.create_connection((s.host, s.port), timeout=20) as c:
        begin(c, s, body)
        for pid in [*s.pids().values(), s.process.pid]:
            os.kill(pid, signal.SIGTERM)
        time.sleep(0.3)
        c.sendall(body[1000:])
        assert b" 201 " in c.recv(65536).split(b"\r\n")[0]
    assert s.process.wait(25 * SLOW) == 0
    s.start()
    assert [r["name"] for r in s.secrets()] == ["SLOW"]


def test_tls_files_behind_links_and_renewed_by_new_links(fresh, folder):
    """As certbot keeps them: live/ has links into archive/."""
    archive, live = folder / "archive", folder / "live"
    archive.mkdir()
    live.mkdir()

    def renew(name):
        for made, link in zip(certificate(archive, name), ("fullchain.pem", "privkey.pem")):
            (live / "new").symlink_to(os.path.relpath(made, live))
            (live / "new").rename(live / link)
    renew("first")
    s = fresh("--tls-cert", str(live / "fullchain.pem"), "--tls-key", str(live / "privkey.pem"))
    assert shown(s) == "first"
    renew("second")
    s.process.send_signal(signal.SIGHUP)
    until(lambda: shown(s) == "second", 10)
    assert "tls_beside_root_key" not in s.log()


def test_tls_files_beside_the_root_key_open_no_way_to_it(fresh, folder):
    s = fresh(start=False)
    cert, key = certificate(s.data, "first")
    s.flags = ["--tls-cert", str(cert), "--tls-key", str(key)]
    s.start()
    assert shown(s) == "first"
    assert s.log().count("tls_beside_root_key") == 1
    second, second_key = certificate(folder, "second")
    cert.write_bytes(second.read_bytes())
    key.write_bytes(second_key.read_bytes())
    s.process.send_signal(signal.SIGHUP)
    until(lambda: shown(s) == "second", 10)


@pytest.mark.parametrize("which", [0, 1], ids=["cert", "key"])
def test_tls_files_renewed_beside_the_root_key_need_a_restart_and_it_says_so(fresh, folder, which):
    s = fresh(start=False)
    pair = certificate(s.data, "first")
    s.flags = ["--tls-cert", str(pair[0]), "--tls-key", str(pair[1])]
    s.start()
    for old, new in list(zip(pair, certificate(folder, "second")))[which:]:
        new.rename(old)
    s.process.send_signal(signal.SIGHUP)
    until(lambda: "tls_not_reloaded" in s.log(), 20)
    told = next(line for line in s.log().splitlines() if "tls_not_reloaded" in line)
    assert f'why="tls-{("cert", "key")[which]}: it lies beside the root key' in told and 'remedy="restart the server"' in told
    assert shown(s) == "first"


# --- tokens ---

def test_abuse_018_every_reason_gives_the_same_answer(fresh):
    s = fresh()
    revoked, expired, good = (s.call("POST", "/tokens", {"role": "editor"}).json() for _ in range(3))
    s.call("DELETE", "/tokens/" + revoked["id"])
    s.stop()
    with sqlite3.connect(s.data / "db/safelight.db") as db:
        db.execute("UPDATE tokens SET expires_at_ms = created_at_ms + 1 WHERE id = ?", (expired["id"],))
    db.close()
    s.start()
    _, kind, name, tail = good["token"].split("_")
    secret = tail[:43]
    assert checked(f"slt_{kind}_{name}_{secret}") == good["token"]
    wrong = {"revoked": revoked["token"], "expired": expired["token"], "unknown id": checked(f"slt_edt_{'0' * 14}_{secret}"), "wrong secret": checked(f"slt_edt_{name}_{'0' * 43}"),
             "other kind": checked(f"slt_adm_{name}_{secret}"), "wrong checksum": good["token"][:-1] + ("0" if good["token"][-1] != "0" else "1"), "no token": "x"}
    answers = {}
    for why, token in wrong.items():
        for method, path, body in (("GET", "/secrets", None), ("PUT", "/secrets", {"name": "N", "value": "v" * 8}), ("GET", "/tokens", None)):
            answer = s.call(method, path, body, token=token)
            headers = tuple(sorted((k, v) for k, v in answer.headers.items() if k not in ("Date", "X-Request-Id")))
            answers.setdefault((method, path), {})[why] = (answer.status_code, answer.text, headers)
    for each in answers.values():
        assert len(set(each.values())) == 1 and next(iter(each.values()))[0] == 401, each
    assert s.call("GET", "/secrets", token=good["token"]).status_code == 200


def test_abuse_080_a_token_row_that_was_edited_fits_no_token(fresh):
    """Whoever can write to the database makes no admin of his token, and no other row his own."""
    s = fresh()
    mine = s.call("POST", "/tokens", {"role": "submit"}).json()
    other = s.call("POST", "/tokens", {"role": "admin"}).json()
    s.stop()
    with sqlite3.connect(s.data / "db/safelight.db") as db:
        db.execute("UPDATE tokens SET hash = (SELECT hash FROM tokens WHERE id = ?) WHERE id = ?", (mine["id"], other["id"]))
        db.execute("UPDATE tokens SET role = 0 WHERE id = ?", (mine["id"],))
    db.close()
    s.start()
    secret = mine["token"].split("_")[3][:43]
    check_error(s.call("GET", "/tokens", token=checked(f"slt_adm_{mine['id']}_{secret}")), 401)
    check_error(s.call("GET", "/tokens", token=checked(f"slt_adm_{other['id']}_{secret}")), 401)
    check_error(s.call("GET", "/tokens", token=mine["token"]), 401)


@pytest.mark.parametrize("method, path, body", [("POST", "/api/v2/tokens", b'{"role":"admin"}'), ("PUT", "/api/v2/secrets", b'{"name":"LATE","value":"late-value"}'),
                                                ("PATCH", "/api/v2/team", b'{"putExisting":"rotate"}')])
def test_a_token_revoked_while_its_body_is_on_the_way_does_nothing(fresh, method, path, body):
    s = fresh()
    stolen = s.call("POST", "/tokens", {"role": "admin"}).json()
    with socket.create_connection((s.host, s.port), timeout=20) as c:
        c.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {stolen['token']}\r\nContent-Type: application/json\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:5])
        time.sleep(0.3 * SLOW)
        assert s.call("DELETE", "/tokens/" + stolen["id"]).status_code == 200
        before = len(s.call("GET", "/tokens").json())
        c.sendall(body[5:])
        assert b" 401 " in c.recv(65536).split(b"\r\n")[0]
    assert len(s.call("GET", "/tokens").json()) == before and s.secrets() == []
    assert s.call("GET", "/team").json()["putExisting"] == "refuse"


# --- the store ---

def test_abuse_079_a_pointer_set_back_makes_no_older_value_current(fresh, studio, unique):
    s = fresh(*OPEN)
    s.put("K", canary())
    newest = canary()
    s.put("K", newest, rotate=True)
    s.stop()
    with sqlite3.connect(s.data / "db/safelight.db") as db:
        assert db.execute("UPDATE secrets SET version = 1, epoch = 1").rowcount == 1
    db.close()
    s.start()
    s.render({"webhook": {"url": f"{studio.url}/hook/{unique}", "headers": {"A": "${secret.K}"}}}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    assert newest in str(until(lambda: studio.received(f"/hook/{unique}"), 15))


def test_abuse_091_a_deleted_record_leaves_the_files_without_a_stop_and_after_a_kill(fresh):
    s = fresh()
    made = [s.put(f"N{i}", canary()).json() for i in range(60)]
    copy = s.folder.parent / "copy.db"
    s.stop()
    shutil.copy(s.data / "db/safelight.db", copy)
    with sqlite3.connect(copy) as db:
        sealed = {i: bytes(v)[-24:] for i, v in db.execute("SELECT secret_id, sealed FROM versions")}
    db.close()
    s.start()
    for row in made[::2]:
        assert s.call("DELETE", "/secrets/" + row["id"]).status_code == 200
    until(lambda: not [r for r in made[::2] if s.places_of(sealed[r["id"]])], 10)
    for row in made[1::2]:
        assert s.call("DELETE", "/secrets/" + row["id"]).status_code == 200
    s.kill()
    s.start()
    until(lambda: not [r for r in made if s.places_of(sealed[r["id"]])], 10)
