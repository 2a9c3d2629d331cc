"""Backups made while everything runs, and what becomes of them: encrypted for one key, verified whole, restored elsewhere.
The format is read a second time by tests/vectors/backup.py, with nothing but the recovery key."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import termios
import threading
import time

import pytest
import requests

from common import all_audit, arrived, hook, rotated
from conftest import BINARY, OPEN, ROOT, SLOW, Server, Web, canary, clean_environment, until

sys.path.insert(0, str(ROOT / "tests/vectors"))
import backup as second  # noqa: E402
sys.path.insert(0, str(ROOT / "tests/peers"))
from search import forms  # noqa: E402

AS_ROOT = os.geteuid() == 0
SCHEMA = 10**6


def run(*words, stdin=None, **options):
    return subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, input=stdin or "", env=clean_environment(),
                          timeout=120 * SLOW, **options)


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


def nothing_left(k, to):
    assert not (k.folder / to).exists()
    until(nothing_in_memory, 20, "the end of all checks")


def nothing_in_memory():
    """Tests beside this one may be checking just now."""
    return not list(pathlib.Path("/dev/shm").glob("safelight-check-*"))


# --- the recovery key ---

def test_without_a_recovery_key_there_is_no_backup(fresh):
    s = fresh()
    done = run("backup", s.folder / "b", "--data", s.data)
    assert done.returncode == 5 and "recovery-key create" in done.stderr
    assert not list(s.folder.glob("b*"))
    assert run("recovery-key", "show", "--data", s.data).returncode == 4
    assert s.stop() == 0
    done = run("backup", s.folder / "b", "--data", s.data)
    assert done.returncode == 5 and "recovery-key create" in done.stderr and not list(s.folder.glob("b*"))


@pytest.mark.parametrize("running", [True, False], ids=["serving", "stopped"])
def test_the_key_is_shown_once_and_changed_by_intent_only(fresh, running):
    s = fresh()
    if not running:
        assert s.stop() == 0
    first = s.operator("recovery-key", "create", check=True)
    assert second.key_from_text(first.stdout) and first.stdout.count("\n") == 1
    key_id = s.operator("recovery-key", "show", check=True).stdout.strip()
    public, _ = second.key_pair(second.key_from_text(first.stdout)[0])
    assert key_id == second.blake2b(public)[:8].hex() and key_id in first.stderr
    again = s.operator("recovery-key", "create")
    assert again.returncode == 5 and again.stdout == "" and "--replace" in again.stderr
    assert s.operator("recovery-key", "show").stdout.strip() == key_id
    other = s.operator("recovery-key", "create", "--replace", check=True)
    assert other.stdout != first.stdout
    assert (s.data / "recovery.pub").stat().st_mode & 0o777 == 0o600 and not (s.data / "recovery.pub.next").exists()
    if not running:
        s.start()
    changes = [r for r in instance_audit(s) if r["event"] == "recovery.changed"]
    assert [r["subject"] for r in changes] == [key_id, s.operator("recovery-key", "show").stdout.strip()]
    for text in (first.stdout.strip(), other.stdout.strip()):
        assert not s.places_of(text) and not s.places_of(second.key_from_text(text)[0])


def instance_audit(s):
    return operator_call(s, "GET", "/operator/audit?limit=1000")


def operator_call(s, method, path, body=None):
    import http.client
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(s.data / "safelight.sock"))
    connection.request(method, path, body=body and json.dumps(body), headers={"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    assert answer.status < 300, data
    return json.loads(data)


def test_the_api_process_cannot_choose_the_key(kept):
    """What it may ask for is that the supervisor reads the file again, which it cannot write."""
    with pytest.raises(AssertionError):
        operator_call(kept.s, "POST", "/operator/recovery-key", {"id": "00" * 8})
    with pytest.raises(AssertionError):
        operator_call(kept.s, "POST", "/operator/recovery-key", {"id": "x"})
    key_id = kept.s.operator("recovery-key", "show", check=True).stdout.strip()
    assert operator_call(kept.s, "GET", "/operator/recovery-key")["id"] == key_id
    kept.read(kept.backup("b"))


def test_the_calls_are_the_operators_alone(kept):
    for method, path in (("POST", "/operator/backup"), ("GET", "/operator/recovery-key"), ("POST", "/operator/recovery-key"),
                         ("POST", "/operator/teams/studio/approve-tokens")):
        assert kept.s.call(method, kept.s.url + path).status_code == 404
    with pytest.raises(AssertionError, match="must be yes or no"):
        operator_call(kept.s, "POST", "/operator/backup?spool=maybe")


def test_older_backups_open_with_the_older_key(kept):
    old_key, old = kept.key.read_text(), kept.backup("old")
    new_key = kept.folder / "new.txt"
    new_key.write_text(kept.s.operator("recovery-key", "create", "--replace", check=True).stdout)
    new = kept.backup("new")
    assert kept.check(old).returncode == 0 and kept.check(new, new_key).returncode == 0
    for file, key in ((old, new_key), (new, kept.key)):
        done = kept.check(file, key)
        assert done.returncode == 3 and "another recovery key" in done.stderr
    assert second.Backup(old.read_bytes(), old_key).instance == second.Backup(new.read_bytes(), new_key.read_text()).instance


@pytest.mark.parametrize("what", ["short", "zeros", "link", "pipe"])
def test_a_spoiled_public_half_stops_backups_and_nothing_else(fresh, what):
    s = fresh()
    k = Kept(s)
    assert s.stop() == 0
    file = s.data / "recovery.pub"
    good = file.read_bytes()
    file.unlink()
    if what == "short":
        file.write_bytes(good[:-1])
    elif what == "zeros":
        file.write_bytes(good[:8] + bytes(32))
    elif what == "link":
        (s.folder / "elsewhere").write_bytes(good)
        file.symlink_to(s.folder / "elsewhere")
    else:
        os.mkfifo(file)
    s.start()
    assert s.put("A", canary()).status_code == 201
    done = k.backup("b", check=False)
    assert done.returncode == 5 and "recovery-key create" in done.stderr and not list(k.folder.glob("b*"))


# --- making one ---

def test_abuse_090_a_backup_is_of_one_moment_while_everybody_writes(kept):
    """Every acknowledged write from before is in it, none from after, and what is in it fits together."""
    s, log, stop = kept.s, [], threading.Event()
    lock = threading.Lock()

    def writer(n):
        i = 0
        while not stop.is_set():
            name, value = f"W{n}_{i}", canary()
            begun = time.monotonic()
            answer = s.put(name, value)
            assert answer.status_code == 201, answer.text
            with lock:
                log.append((begun, time.monotonic(), name, value))
            if i % 5 == 4:
                gone = next(x["id"] for x in s.secrets() if x["name"] == f"W{n}_{i - 1}")
                assert s.call("DELETE", f"/secrets/{gone}").status_code == 200
                with lock:
                    log.append((begun, time.monotonic(), f"W{n}_{i - 1}", None))
            i += 1

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(writer, n) for n in range(4)]
        made = []
        try:
            until(lambda: len(log) > 20)
            for n in range(3):
                begun = time.monotonic()
                made.append((begun, kept.backup(f"b{n}"), time.monotonic()))
        finally:
            stop.set()
        for w in writers:
            w.result()
    for begun, file, ended in made:
        b = kept.read(file)
        values = {name: v.decode() for (_, name, _), v in b.values().items()}
        deleted = {name for b0, a0, name, value in log if value is None and b0 < ended}
        for started, acknowledged, name, value in log:
            if value is None:
                assert acknowledged > begun or name not in values
            elif acknowledged < begun and name not in deleted:
                assert values[name] == value
            elif started > ended:
                assert name not in values
        assert b.verify_audit() == len(b.tables["audit"])
        created = {r["id"] for r in b.tables["secrets"]}
        recorded = b"".join(r["record"] for r in b.tables["audit"])
        assert all(i.encode() in recorded for i in created)  # each with its record
        assert len(b.tables["versions"]) == len(created) == b.tables["teams"][0]["secret_count"]
    assert kept.check(made[-1][1]).returncode == 0


def test_abuse_090_nothing_in_a_backup_or_beside_it_is_in_clear(kept, studio):
    s, values = kept.s, [canary() for _ in range(3)]
    s.put("A", values[0])
    s.put("B", values[1])
    s.call("PUT", "/secrets", {"name": "C", "value": values[2]})
    worker = s.new_token("worker")
    file = kept.backup("b")
    shutil.rmtree(kept.folder / "x", ignore_errors=True)
    data, tokens = restored(kept, file, "new")
    assert kept.check(file).returncode == 0
    assert s.stop() == 0
    root = (s.data / "root.key").read_bytes()
    assert (data / "root.key").read_bytes() != root
    hidden = [*(v.encode() for v in values), s.token.encode(), worker.encode(), tokens["studio"].encode(), root,
              (data / "root.key").read_bytes(), second.key_from_text(kept.key.read_text())[0]]
    for path in [p for p in s.folder.rglob("*") if p.is_file() and p not in (kept.key, s.data / "root.key", data / "root.key")]:
        content = path.read_bytes()
        for secret in hidden:
            found = [f for f in forms(secret) if f in content] if secret.isascii() else [secret] if secret in content else []
            assert not found, path
    # What it is sealed in holds neither a name, a header's content, nor the root key.
    plain = kept.read(file).plain
    assert root not in plain and root not in file.read_bytes() and all(v.encode() not in plain for v in values)
    assert b"studio" in plain and b"studio" not in file.read_bytes() and b"SQLite" not in file.read_bytes()
    assert "keyring" not in [r["name"] for r in kept.read(file).tables["meta"]]


def test_two_backups_of_the_same_share_nothing(sample):
    other = sample.backup("again").read_bytes()
    assert other[16:80] != sample.bytes[16:80]
    assert not {other[i:i + 16] for i in range(152, len(other) - 16, 16)} & {sample.bytes[i:i + 16] for i in range(152, len(sample.bytes) - 16, 16)}


def test_a_backup_does_not_write_over_a_file(sample):
    done = sample.backup("good", check=False)
    assert done.returncode == 5 and "already" in done.stderr and sample.file.read_bytes() == sample.bytes
    done = run("backup", sample.folder / "no/such/folder/b", "--data", sample.s.data)
    assert done.returncode == 7 and "folder" in done.stderr


def test_a_backup_is_private_and_may_go_to_stdout(sample):
    assert sample.file.stat().st_mode & 0o777 == 0o600
    done = subprocess.run([BINARY, "backup", "-", "--data", sample.s.data], capture_output=True, env=clean_environment(), timeout=60)
    assert done.returncode == 0 and second.Backup(done.stdout, sample.key.read_text()).tables["secrets"]
    done = subprocess.run([BINARY, "restore", "--check", "-", "--recovery-key", str(sample.key)], input=done.stdout, capture_output=True,
                          env=clean_environment(), timeout=60)
    assert done.returncode == 0


@pytest.mark.parametrize("words", [
    ["backup"], ["backup", "f"], ["backup", "f", "--data"], ["backup", "f", "--data", ""], ["backup", "f", "g", "--data", "d"],
    ["backup", "f", "--data", "d", "--nonsense"], ["restore"], ["restore", "f"], ["restore", "f", "--data", "d"],
    ["restore", "--check", "f", "--data", "d", "--recovery-key", "k"], ["restore", "-", "--data", "d", "--recovery-key", "-"],
    ["restore", "f", "--recovery-key", "k"], ["recovery-key"], ["recovery-key", "create"], ["recovery-key", "make", "--data", "d"],
    ["recovery-key", "show", "--data", "d", "--replace"], ["token", "approve", "--data", "d", "--team", "t"]], ids=" ".join)
def test_commands_that_are_not_written_correctly(words, tmp_path):
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == "" and "safelight" in done.stderr and not list(tmp_path.iterdir())


def test_a_slow_reader_does_not_hold_up_the_server_and_the_next_backup_waits(kept):
    s = kept.s
    for i in range(40):
        s.submit({"engine": "never", "assets": [
            {"type": "data", "layerName": "l", "value": "x" * 60000} for _ in range(10)]})
    slow = socket.socket(socket.AF_UNIX)
    slow.connect(str(s.data / "safelight.sock"))
    slow.sendall(b"POST /operator/backup HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    assert b"200 OK" in slow.recv(1000)
    done = kept.backup("b", check=False)
    assert done.returncode == 5 and "already" in done.stderr and not list(kept.folder.glob("b*"))
    assert s.put("A", canary()).status_code == 201  # and everybody else goes on
    slow.close()
    until(lambda: kept.backup("b", check=False).returncode == 0, 20, "the next backup")
    kept.read(kept.folder / "b")
    assert "backup_failed" in s.log()


def test_a_server_that_is_stopped_or_killed_meanwhile_leaves_no_backup(kept):
    s = kept.s
    for i in range(40):
        s.submit({"engine": "never", "assets": [
            {"type": "data", "layerName": "l", "value": "x" * 60000} for _ in range(10)]})
    for stop in (s.process.terminate, s.kill):
        out = subprocess.Popen([BINARY, "backup", "-", "--data", s.data], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
        assert out.stdout.read(4) == b"SLBK"
        stop()
        if stop != s.kill:
            until(lambda: "backup_failed" in s.log(), 20, "the end of the backup")
        rest, said = out.communicate(timeout=60 * SLOW)
        s.stop()
        assert out.returncode != 0 and b"no backup" in said, said
        with pytest.raises(second.Bad):
            second.Backup(b"SLBK" + rest, kept.key.read_text())
        s.start()
    assert s.put("A", canary()).status_code == 201
    kept.read(kept.backup("b"))


def test_a_killed_backup_leaves_no_file_of_its_name(kept):
    s = kept.s
    for i in range(20):
        s.put(f"A{i}", "x" * 60000)
    for delay in (0, 0.005, 0.01, 0.02, 0.04, 0.08):
        process = subprocess.Popen([BINARY, "backup", kept.folder / "k", "--data", s.data], stderr=subprocess.DEVNULL, env=clean_environment())
        time.sleep(delay)
        process.kill()
        process.wait()
        if (kept.folder / "k").exists():  # it was done
            kept.read(kept.folder / "k")
            (kept.folder / "k").unlink()
    until(lambda: kept.backup("k", check=False).returncode == 0, 20, "a backup after those")
    assert len(kept.read(kept.folder / "k").values()) == 20 and not (kept.folder / "k.partial").exists()


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


@pytest.mark.parametrize("running", [True, False], ids=["serving", "stopped"])
def test_abuse_086_a_full_disk_makes_no_backup(kept, running):
    s = kept.s
    for i in range(10):
        s.put(f"A{i}", "x" * 60000)
    if not running:
        assert s.stop() == 0
    with small_disk(kept.folder / "small", "256k") as disk:
        done = run("backup", disk / "b", "--data", s.data)
        assert done.returncode == 7 and "disk" in done.stderr and not list(disk.iterdir())


# --- restoring one ---

def test_a_backup_is_restored_and_goes_on(kept, studio):
    s, value = kept.s, canary()
    s.put("A", "an older value")
    assert s.command("secret", "rotate", "A", stdin=value).returncode == 0
    s.team("others")
    reader = s.new_token("audit")
    before = all_audit(s)
    file = kept.backup("b")
    assert s.stop() == 0
    data, tokens = restored(kept, file, "new")
    assert set(tokens) == {"studio", "others"} and not list(data.glob(".restoring"))
    assert {p.name: p.stat().st_mode & 0o777 for p in data.iterdir()} == {"db": 0o700, "spool": 0o700, "root.key": 0o600, "recovery.pub": 0o600}
    with serving(data, tokens["studio"]) as t:
        assert [(x["name"], x["version"]) for x in t.secrets()] == [("A", 2)]
        # The value is the newest one, and goes where it is sent.
        t.render({"webhook": {"url": f"{studio.url}/hook/restored", "headers": {"X-Key": "${secret.A}"}}}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
        assert arrived(studio, "restored")[0]["headers"]["X-Key"] == value
        # Old tokens are void, whoever has them; the chain goes on behind what was.
        for old in (s.token, reader):
            assert t.call("GET", "/team", token=old).status_code == 401
        after = all_audit(t)
        assert [r["sequence"] for r in after] == list(range(1, len(after) + 1))
        assert after[:len(before)] == before
        assert [r["event"] for r in after[len(before):]].count("instance.restored") == 1
        assert "instance.restored" in [r["event"] for r in instance_audit(t)]
        # And the next generation works as the first did.
        again = kept.folder / "next"
        assert run("backup", again, "--data", data).returncode == 0
        assert kept.check(again).returncode == 0
        assert t.operator("key", "rotate", "root").returncode == 0
        assert rotated(t)["rotation"]["state"] == "done"


def test_abuse_022_tokens_are_void_until_they_are_approved(kept):
    s = kept.s
    revoked, fine = s.new_token("submit"), s.new_token("submit")
    ids = {t["id"]: t for t in s.call("GET", "/tokens").json()}
    file = kept.backup("b")
    revoked_id, fine_id = revoked.split("_")[2][:14], fine.split("_")[2][:14]
    assert {revoked_id, fine_id} <= set(ids)
    assert s.operator("token", "revoke", revoked_id, "--team", "studio").returncode == 0
    assert s.stop() == 0
    data, tokens = restored(kept, file, "new")
    with serving(data, tokens["studio"]) as t:
        for old in (s.token, revoked, fine):
            assert t.call("GET", "/jobs", token=old).status_code == 401
        rows = {x["id"]: x for x in t.call("GET", "/tokens").json()}
        assert all((rows[i]["suspendedAt"] is None) == (i == tokens["studio"].split("_")[2][:14]) for i in rows)
        # A token that is void makes none, and cannot approve itself: approval is the operator's.
        assert t.call("POST", f"/tokens/{fine_id}/approve").status_code in (404, 405)
        assert t.operator("token", "approve", "nosuchtokenid1", "--team", "studio").returncode == 4
        assert t.operator("token", "approve", fine_id, "--team", "studio", check=True).stdout.strip() == "1"
        assert t.operator("token", "approve", fine_id, "--team", "studio", check=True).stdout.strip() == "0"
        assert t.call("GET", "/jobs", token=fine).status_code == 200
        assert t.call("GET", "/jobs", token=revoked).status_code == 401
        assert [r["subject"] for r in all_audit(t) if r["event"] == "token.approved"] == [fine_id]
        t.stop()
        t.start()
        assert t.call("GET", "/jobs", token=fine).status_code == 200
        assert t.call("GET", "/jobs", token=revoked).status_code == 401
        assert t.operator("token", "approve", "all", "--team", "studio", check=True).stdout.strip() == "2"
        assert t.call("GET", "/jobs", token=s.token).status_code == 200


def test_abuse_022_what_was_revoked_since_stays_revoked(kept):
    s = kept.s
    gone_team = s.team("gone")
    revoked, fine = s.new_token("submit"), s.new_token("submit")
    file = kept.backup("b")
    assert s.operator("token", "revoke", revoked.split("_")[2][:14], "--team", "studio").returncode == 0
    assert s.operator("team", "delete", "gone", "--yes").returncode == 0
    late = s.new_token("submit")
    done = kept.restore(file, "no", "--revoked-from", s.data)
    assert done.returncode == 5 and "stop it first" in done.stderr
    assert s.stop() == 0
    before = {p.name: p.read_bytes() for p in (s.data / "db").iterdir() if p.name == "safelight.db"}
    data, tokens = restored(kept, file, "new", "--revoked-from", s.data)
    assert tokens == {} and before["safelight.db"] == (s.data / "db/safelight.db").read_bytes()
    with serving(data, s.token) as t:
        assert t.call("GET", "/jobs").status_code == 200 and t.call("GET", "/jobs", token=fine).status_code == 200
        for dead in (revoked, gone_team, late):
            assert t.call("GET", "/jobs", token=dead).status_code == 401
        assert t.operator("token", "approve", "all", "--team", "studio", check=True).stdout.strip() == "0"
        assert t.call("GET", "/jobs", token=revoked).status_code == 401


def test_the_old_directory_must_be_of_the_same_installation(sample, fresh):
    other = fresh(start=False)
    done = sample.restore(sample.file, "new", "--revoked-from", other.data)
    assert done.returncode == 5 and "another installation" in done.stderr
    nothing_left(sample, "new")
    done = sample.restore(sample.file, "new", "--revoked-from", sample.folder / "nowhere")
    assert done.returncode == 4 and "without --revoked-from" in done.stderr
    (other.data / "db/safelight.db").write_bytes(b"SQLite format 3\0" + os.urandom(8000))
    done = sample.restore(sample.file, "new", "--revoked-from", other.data)
    assert done.returncode != 0 and "cannot be read" in done.stderr
    nothing_left(sample, "new")


def test_what_was_open_then_is_not_done_twice(kept, studio):
    """A job that waited, one under a lease, one with its webhook due: all of them may have ended since."""
    s = kept.s
    program = 'echo x > "$SAFELIGHT_OUTPUT"\n'
    refused = Web(lambda handler, body: (503, {}, b"no"))
    with refused:
        s.put("K", canary())
        failing = s.render({"webhook": {"url": f"{refused.url}/hook", "headers": {"X": "${secret.K}"}}}, program)
        assert failing["status"] == "finished"
        lease_name = "e" + os.urandom(4).hex()
        leased = s.submit({"engine": lease_name, "webhook": hook(studio, "leased")}).json()["id"]
        assert s.call("POST", "/worker/lease", {"engines": lease_name, "worker": "w"}).status_code == 200
        queued_name = "e" + os.urandom(4).hex()
        queued = s.submit({"engine": queued_name, "webhook": hook(studio, "queued")}).json()["id"]
        file = kept.backup("b")
        row = next(d for d in kept.read(file).tables["deliveries"])
        assert row["state"] in (1, 3)
        assert not kept.read(file).tables.get("tickets")
    data, tokens = restored(kept, file, "new")
    with serving(data, tokens["studio"]) as t:
        for job in (leased, queued):
            shown = t.job(job)
            assert shown["status"] == "error" and "restored" in json.dumps(shown)
        for name in (lease_name, queued_name):
            assert t.call("POST", "/worker/lease", {"engines": name, "worker": "w"}).status_code == 204
        assert t.job(failing["id"])["status"] == "finished"
        time.sleep(0.5)
        assert not studio.received("/hook/leased") and not studio.received("/hook/queued")
    again, tokens = restored(kept, file, "resumed", "--resume-jobs")
    with serving(again, tokens["studio"]) as t:
        assert t.job(queued)["status"] == "queued"
        until(lambda: t.job(leased)["status"] == "queued", 20, "the lease's end")
        assert t.call("POST", "/worker/lease", {"engines": queued_name, "worker": "w"}).json()["job"]["id"] == queued


def test_templates_and_fonts_come_along_unless_they_are_left_out(kept):
    s, content = kept.s, b"RIFX" + os.urandom(200000)
    made = s.call("POST", "/templates", {"type": "aep", "displayName": "t"}).json()
    template = made.get("template", made)["id"]
    assert requests.put(made["uploadUrl"], data=content, timeout=30).status_code == 200
    from test_fonts import tiny
    font = s.call("POST", "/fonts", tiny_form(tiny()), headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert font.status_code in (200, 201), font.text
    (s.data / "spool/half.part").write_bytes(b"half")
    (s.data / "spool/odd").symlink_to("/etc/passwd")
    whole, rows = kept.backup("whole"), kept.backup("rows", "--without-spool")
    files = kept.read(whole).files
    assert content in files.values() and len(files) == 2 and not kept.read(rows).files
    data, tokens = restored(kept, whole, "new")
    with serving(data, tokens["studio"]) as t:
        got = t.call("GET", f"/templates/{template}/download").json()
        assert requests.get(got["url"], timeout=30).content == content
        assert len(t.call("GET", "/fonts").json()) == 1
    done = kept.restore(rows, "bare")
    assert done.returncode == 0 and "1 templates and 1 fonts" in done.stderr
    with serving(kept.folder / "bare", dict(l.split() for l in done.stdout.splitlines())["studio"]) as t:
        assert t.call("GET", f"/templates/{template}").json()["status"] == "error"
        assert t.call("GET", "/fonts").json() == []


def tiny_form(font):
    return b'--b\r\nContent-Disposition: form-data; name="font"; filename="tiny.ttf"\r\nContent-Type: font/ttf\r\n\r\n' + font + b"\r\n--b--\r\n"


def test_abuse_089_a_drill_needs_the_key_and_the_backup_alone(sample, tmp_path):
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    shutil.copy(sample.file, alone / "b")
    before = sorted(alone.iterdir())
    done = run("restore", "--check", alone / "b", "--recovery-key", "-", stdin=sample.key.read_text().lower().replace("-", " ").replace("slrk1 ", "slrk1-"))
    assert done.returncode == 0 and "is sound: 1 teams, 1 secrets in 1 versions" in done.stderr and done.stdout == ""
    assert sorted(alone.iterdir()) == before
    until(nothing_in_memory, 20, "the end of all checks")
    assert sample.value not in done.stderr


# --- what is refused ---

def test_every_damage_is_refused_and_leaves_nothing(sample):
    """Bits of every part flipped, and cut everywhere; src/backup/backup_test.c does each single one."""
    size = len(sample.bytes)
    spots = sorted({0, 4, 8, 15, 16, 48, 95, 96, 127, 128, 151, 152, 153, size // 2, size - 17, size - 16, size - 1})
    spoiled = [(f"bit {at}", sample.bytes[:at] + bytes([sample.bytes[at] ^ 0x10]) + sample.bytes[at + 1:]) for at in spots]
    spoiled += [(f"cut {at}", sample.bytes[:at]) for at in (0, 1, 7, 8, 100, 151, 152, 160, size // 2, size - 1)]
    spoiled += [("more", sample.bytes + b"\0"), ("twice", sample.bytes * 2), ("text", b"PRAGMA x;\n" * 50), ("zeros", bytes(5000))]
    file = sample.folder / "spoiled"

    def one(case):
        what, data = case
        path = sample.folder / f"spoiled-{what.replace(' ', '-')}"
        path.write_bytes(data)
        done = sample.restore(path, f"to-{what.replace(' ', '-')}")
        path.unlink()
        return what, done, sample.folder / f"to-{what.replace(' ', '-')}"
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for what, done, to in pool.map(one, spoiled):
            assert done.returncode in (3, 5, 9), (what, done.returncode, done.stderr)
            assert done.stdout == "" and done.stderr.startswith("safelight restore: "), what
            assert not to.exists(), what
    assert not file.exists()


def test_wrong_keys_are_refused(sample, fresh):
    other = Kept(fresh())
    good = sample.key.read_text().strip()
    typo = good[:20] + ("A" if good[20] != "A" else "B") + good[21:]
    for text, code, said in ((other.key.read_text(), 3, "another recovery key"), (typo, 9, "typo"), ("", 9, "typo"), (good + "0", 9, "typo"),
                             ("x" * 5000, 9, "typo"), ((sample.s.data / "root.key").read_bytes().hex(), 9, "typo")):
        done = run("restore", sample.file, "--data", sample.folder / "new", "--recovery-key", "-", stdin=text)
        assert done.returncode == code and said in done.stderr and done.stdout == "", done.stderr
        nothing_left(sample, "new")
    done = sample.restore(sample.file, "new", key=sample.folder / "nowhere")
    assert done.returncode == 4
    assert sample.restore(sample.folder / "nowhere", "new").returncode == 4


def test_two_restores_at_once_into_one_place(sample):
    both = [subprocess.Popen([BINARY, "restore", sample.file, "--data", sample.folder / "both", "--recovery-key", sample.key],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=clean_environment(), text=True) for _ in range(2)]
    said = [p.communicate(timeout=60 * SLOW)[1] for p in both]
    assert sorted(p.returncode for p in both) in ([0, 5], [0, 7]), said
    assert sorted(p.name for p in (sample.folder / "both").iterdir()) == ["db", "recovery.pub", "root.key", "spool"]
    with serving(sample.folder / "both") as t:
        assert t.call("GET", "/jobs", token=sample.s.token).status_code == 401


def test_the_key_is_typed_without_being_shown(sample):
    ours, theirs = os.openpty()
    process = subprocess.Popen([BINARY, "restore", "--check", sample.file, "--recovery-key", "-"], stdin=theirs, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=clean_environment(), text=True)
    until(lambda: not termios.tcgetattr(ours)[3] & termios.ECHO, 20, "the prompt")
    os.write(ours, sample.key.read_bytes())
    out, said = process.communicate(timeout=60 * SLOW)
    assert process.returncode == 0, said
    os.set_blocking(ours, False)
    with contextlib.suppress(BlockingIOError):
        assert b"SLRK1" not in os.read(ours, 4096)
    assert "SLRK1" not in out + said and termios.tcgetattr(ours)[3] & termios.ECHO
    os.close(ours)
    os.close(theirs)


def test_only_an_empty_place_is_taken(sample, tmp_path):
    full = sample.folder / "full"
    full.mkdir()
    (full / "something").write_text("of mine")
    (sample.folder / "file").write_text("of mine")
    (sample.folder / "link").symlink_to(full)
    for to in ("full", "file", "link", "../data"):
        done = sample.restore(sample.file, to)
        assert done.returncode == 5 and "empty" in done.stderr, (to, done.stderr)
    assert [p.name for p in full.iterdir()] == ["something"]
    assert sample.restore(sample.file, "no/such/place").returncode == 7
    empty = sample.folder / "empty"
    empty.mkdir(mode=0o755)
    assert sample.restore(sample.file, "empty").returncode == 0
    assert empty.stat().st_mode & 0o777 == 0o700
    assert sample.restore(sample.file, "empty").returncode == 5


def rewritten(sample, change, algorithm=b"\x01\x01"):
    """The sample's records changed and sealed anew with its public key, as a thief of the data directory's
    recovery.pub could do."""
    b = sample.read(sample.file)
    records = change([(kind, body) for kind, body, _ in b.records])
    return second.write(b.public, records, algorithm)


def newer(records):
    kind, body = records[0]
    return [(kind, struct.pack("<I", SCHEMA) + body[4:]), *records[1:]]


def changed_row(table, find, put):
    def change(records):
        out, here = [], False
        for kind, body in records:
            if kind == second.TABLE:
                here = second.Reader(body).lengthed().decode() == table
            if here and kind == second.ROW and find in body:
                body = body.replace(find, put)
            out.append((kind, body))
        return out
    return change


@pytest.mark.parametrize("what, change, code, said", [
    ("newer schema", newer, 5, "newer version"),
    ("nothing changed", lambda r: r, 9, "not made by the installation"),
    ("a row less", lambda r: [x for x in r if not (x[0] == second.ROW and b"first" in x[1])], 9, "not made by the installation"),
    ("another name", changed_row("secrets", b"\x02\x01\0\0\0A", b"\x02\x01\0\0\0B"), 9, "not made by the installation"),
    ("no secrets", lambda r: [r[0], *[x for x in r if x[0] >= second.ROWS_END]], 9, None),
    ("unknown table", lambda r: [r[0], (second.TABLE, struct.pack("<I", 3) + b"foo" + struct.pack("<HI", 1, 1) + b"a"), *r[1:]], 9, "damaged"),
    ("a file outside", lambda r: [*r[:-2], (second.FILE, struct.pack("<I", 11) + b"../../x.out" + struct.pack("<Q", 0)), *r[-2:]], 9, "damaged"),
    ("a file twice", lambda r: [*r[:-2], *[(second.FILE, struct.pack("<I", 1) + b"x" + struct.pack("<Q", 0))] * 2, *r[-2:]], 9, "damaged"),
    ("no end", lambda r: r[:-1], 9, "damaged"),
    ("schema 0", lambda r: [(r[0][0], bytes(4) + r[0][1][4:]), *r[1:]], 9, "damaged"),
], ids=lambda v: v if isinstance(v, str) and " " in v and len(v) < 20 else "")
def test_who_has_the_public_key_alone_makes_no_backup_that_is_taken(sample, what, change, code, said):
    file = sample.folder / "forged"
    file.write_bytes(rewritten(sample, change))
    for done in (sample.restore(file, "new"), sample.check(file)):
        assert done.returncode == code and (not said or said in done.stderr), (what, done.stderr)
        assert done.stdout == ""
        nothing_left(sample, "new")


def test_a_later_format_is_told_apart_from_damage(sample):
    file = sample.folder / "later"
    file.write_bytes(rewritten(sample, lambda r: r, b"\x02\x01"))
    done = sample.check(file)
    assert done.returncode == 5 and "does not know" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
@pytest.mark.parametrize("check", [True, False], ids=["check", "restore"])
def test_an_interrupted_restore_leaves_nothing(sample, check, number):
    words = ["--check", "-"] if check else ["-", "--data", sample.folder / "new"]
    process = subprocess.Popen([BINARY, "restore", *words, "--recovery-key", sample.key], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                               stdout=subprocess.PIPE, env=clean_environment())
    process.stdin.write(sample.bytes[:-100])
    process.stdin.flush()
    begun = f"safelight-check-{process.pid}-*" if check else "new/.restoring/root.key"
    until(lambda: list((pathlib.Path("/dev/shm") if check else sample.folder).glob(begun)), 20, "the restore's beginning")
    process.send_signal(number)
    out, said = process.communicate(timeout=60 * SLOW)
    assert process.returncode == 7 and out == b"" and b"nothing is left" in said, said
    nothing_left(sample, "new")


def test_abuse_086_a_full_disk_leaves_nothing(kept):
    s = kept.s
    for i in range(10):
        s.put(f"A{i}", os.urandom(30000).hex())
    file = kept.backup("b")
    with small_disk(kept.folder / "tiny", "512k") as disk:  # told before anything is written
        done = run("restore", file, "--data", disk / "new", "--recovery-key", kept.key)
        assert done.returncode == 7 and "room" in done.stderr and not list(disk.iterdir())
    size = sum(p.stat().st_size for p in (s.data / "db").iterdir())
    for kib in (size // 1024 + 40, size // 1024 + 200):  # and in the middle
        with small_disk(kept.folder / f"small{kib}", f"{kib}k") as disk:
            done = run("restore", file, "--data", disk / "new", "--recovery-key", kept.key)
            assert done.returncode == 0 or (done.returncode == 7 and not list(disk.iterdir())), done.stderr


def test_abuse_086_a_restore_that_is_killed_serves_nothing_and_can_be_made_again(kept):
    s, values = kept.s, {f"A{i}": canary() for i in range(8)}
    for name, value in values.items():
        s.put(name, value)
    file = kept.backup("b")
    to, ended = kept.folder / "new", 0
    for delay in [0.002 * i for i in range(1, 26)]:
        process = subprocess.Popen([BINARY, "restore", file, "--data", to, "--recovery-key", kept.key], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, env=clean_environment())
        time.sleep(delay)
        process.kill()
        process.wait()
        if (to / "root.key").exists():  # all or nothing: the root key comes last
            ended += 1
            with serving(to) as t:
                assert not t.call("GET", "/jobs", token=s.token).ok
            shutil.rmtree(to)
        elif to.exists():
            refused = run("serve", "--data", to, "--listen", "127.0.0.1:0")
            assert refused.returncode == 7, refused.stderr
    done = kept.restore(file, "new")
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in to.iterdir()) == ["db", "recovery.pub", "root.key", "spool"]
    second_one = subprocess.run([BINARY, "restore", file, "--data", to, "--recovery-key", kept.key], capture_output=True, env=clean_environment())
    assert second_one.returncode == 5


def test_an_older_root_key_or_team_key_in_the_middle_of_a_rotation(kept):
    """Backups while keys rotate open like any other."""
    s, values = kept.s, {f"R{i}": canary() for i in range(30)}
    for name, value in values.items():
        s.put(name, value)
    for n, level in enumerate(("team", "master", "root", "master")):
        words = ["key", "rotate", level] + (["--team", "studio"] if level == "team" else [])
        assert s.operator(*words).returncode == 0
        file = kept.backup(f"b{n}")
        assert rotated(s)["rotation"]["state"] == "done"
        assert {k[1]: v.decode() for k, v in kept.read(file).values().items()} == values
        assert kept.check(file).returncode == 0


def test_edited_rows_in_the_database_are_found_by_the_drill(kept):
    s = kept.s
    s.put("A", canary())
    assert s.stop() == 0
    database = s.data / "db/safelight.db"
    good = database.read_bytes()
    for n, (sql, said) in enumerate((("UPDATE versions SET epoch = epoch + 1", "secret does not open"),
                                     ("UPDATE secrets SET name = 'B', folded = 'b'", "secret does not open"),
                                     ("DELETE FROM versions", "value is missing"),
                                     ("UPDATE audit SET mac = randomblob(32) WHERE sequence = 1", "audit log"),
                                     ("DELETE FROM audit WHERE sequence = 1", "audit log"),
                                     ("UPDATE tokens SET role = 99", "token"))):
        with contextlib.closing(sqlite3.connect(database)) as db:
            db.execute(sql)
            db.commit()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file = kept.backup(f"b{n}")
        done = kept.check(file)
        assert done.returncode == 9 and "not sound" in done.stderr and said in done.stderr, (sql, done.stderr)
        for extra in database.parent.glob("safelight.db-*"):
            extra.unlink()
        database.write_bytes(good)
    assert kept.check(kept.backup("good")).returncode == 0


def test_the_second_implementation_as_a_program(sample):
    done = subprocess.run([sys.executable, ROOT / "tests/vectors/backup.py", sample.file, sample.key], capture_output=True, text=True)
    assert done.returncode == 0 and "1 values open" in done.stdout and sample.value not in done.stdout
