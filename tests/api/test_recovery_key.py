"""The key that opens backups: shown once, in use from then on, and never one that nobody has."""
import fcntl
import http.server
import json
import os
import shutil
import signal
import socketserver
import subprocess
import threading

import pytest

from backups import Kept, instance_audit, kept, operator_call, run, sample, second  # noqa: F401
from conftest import BINARY, SLOW, canary, clean_environment, until
from terminal import Terminal


@pytest.mark.slow
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
    other = s.operator("recovery-key", "create", "--replace", "--yes", check=True)
    assert other.stdout != first.stdout
    assert (s.data / "recovery.pub").stat().st_mode & 0o777 == 0o600 and not (s.data / "recovery.pub.next").exists()
    if not running:
        s.start()
    changes = [r for r in instance_audit(s) if r["event"] == "recovery.changed"]
    assert [r["subject"] for r in changes] == [key_id, s.operator("recovery-key", "show").stdout.strip()]
    for text in (first.stdout.strip(), other.stdout.strip()):
        assert not s.places_of(text) and not s.places_of(second.key_from_text(text)[0])


def test_the_api_process_cannot_choose_the_key(kept):
    """What it may ask for is that the supervisor reads the file again, which it cannot write."""
    with pytest.raises(AssertionError):
        operator_call(kept.s, "POST", "/operator/recovery-key", {"id": "00" * 8})
    with pytest.raises(AssertionError):
        operator_call(kept.s, "POST", "/operator/recovery-key", {"id": "x"})
    key_id = kept.s.operator("recovery-key", "show", check=True).stdout.strip()
    assert operator_call(kept.s, "GET", "/operator/recovery-key")["id"] == key_id
    kept.read(kept.backup("b"))


@pytest.mark.slow
def test_the_calls_are_the_operators_alone(kept):
    for method, path in (("POST", "/operator/backup"), ("GET", "/operator/recovery-key"), ("POST", "/operator/recovery-key"),
                         ("POST", "/operator/teams/studio/approve-tokens")):
        assert kept.s.call(method, kept.s.url + path).status_code == 404
    with pytest.raises(AssertionError, match="must be yes or no"):
        operator_call(kept.s, "POST", "/operator/backup?spool=maybe")


@pytest.mark.slow
def test_older_backups_open_with_the_older_key(kept):
    old_key, old = kept.key.read_text(), kept.backup("old")
    new_key = kept.folder / "new.txt"
    new_key.write_text(kept.s.operator("recovery-key", "create", "--replace", "--yes", check=True).stdout)
    new = kept.backup("new")
    assert kept.check(old).returncode == 0 and kept.check(new, new_key).returncode == 0
    for file, key in ((old, new_key), (new, kept.key)):
        done = kept.check(file, key)
        assert done.returncode == 3 and "another recovery key" in done.stderr
    assert second.Backup(old.read_bytes(), old_key).instance == second.Backup(new.read_bytes(), new_key.read_text()).instance


@pytest.mark.slow
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


# --- shown before it counts, and nobody's key in between ---

def made(s, *flags, **options):
    return s.operator("recovery-key", "create", *flags, **options)


def id_of(text):
    return second.blake2b(second.key_pair(second.key_from_text(text)[0])[0])[:8].hex()


def in_use(s):
    return s.operator("recovery-key", "show", check=True).stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("running", [True, False], ids=["serving", "stopped"])
def test_a_key_that_cannot_be_shown_is_not_in_use(fresh, running):
    s = fresh()
    first = id_of(made(s, check=True).stdout)
    if not running:
        assert s.stop() == 0
    reader, writer = os.pipe()
    os.close(reader)
    with open("/dev/full", "w") as full, os.fdopen(writer, "w") as closed:
        for out in (full, closed):
            done = subprocess.run([BINARY, "recovery-key", "create", "--replace", "--yes", "--data", s.data], stdout=out, stderr=subprocess.PIPE,
                                  text=True, env=clean_environment(), timeout=60 * SLOW)
            assert done.returncode == 7 and "nothing was changed" in done.stderr
            assert in_use(s) == first and not (s.data / "recovery.pub.next").exists()


@pytest.mark.slow
@pytest.mark.parametrize("running", [True, False], ids=["serving", "stopped"])
def test_two_at_once_print_the_key_that_is_in_use_or_none(fresh, running):
    s = fresh()
    if not running:
        assert s.stop() == 0
    known = {id_of(made(s, check=True).stdout)}
    for _ in range(6):
        both = [subprocess.Popen([BINARY, "recovery-key", "create", "--replace", "--yes", "--data", s.data], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True, env=clean_environment()) for _ in range(2)]
        for p in both:
            out, said = p.communicate(timeout=60 * SLOW)
            if p.returncode == 0:
                known.add(id_of(out))
            else:
                assert (p.returncode == 5 and out == "") or "void" in said, said
        assert in_use(s) in known
    folder = os.open(s.data, os.O_RDONLY)  # as another one of these commands holds it
    fcntl.flock(folder, fcntl.LOCK_EX)
    done = made(s, "--replace", "--yes")
    os.close(folder)
    assert done.returncode == 5 and done.stdout == "" and "just now" in done.stderr


def test_what_is_in_the_file_is_what_was_named(kept):
    """Somebody else's key in recovery.pub.next does not become the one in use because an id is named."""
    s, before = kept.s, (kept.s.data / "recovery.pub").read_bytes()
    public = second.key_pair(os.urandom(32))[0]
    (s.data / "recovery.pub.next").write_bytes(before[:8] + public)
    with pytest.raises(AssertionError, match="not changed"):
        operator_call(s, "POST", "/operator/recovery-key", {"id": "00" * 8})
    assert (s.data / "recovery.pub").read_bytes() == before and "recovery_key_not_changed" in s.log()
    kept.read(kept.backup("b"))
    its = second.blake2b(public)[:8].hex()
    assert operator_call(s, "POST", "/operator/recovery-key", {"id": its})["id"] == its


def test_a_key_that_is_refused_is_said_to_be_void(fresh):
    s = fresh()
    (s.data / "recovery.pub").mkdir()
    done = made(s)
    assert done.returncode == 7 and "void" in done.stderr and second.key_from_text(done.stdout)
    assert operator_call(s, "GET", "/operator/recovery-key")["id"] is None
    (s.data / "recovery.pub").rmdir()
    assert made(s).returncode == 0


def test_a_server_that_goes_away_leaves_no_doubt_unsaid(fresh):
    s = fresh()
    s.process.send_signal(signal.SIGSTOP)  # the supervisor: everything up to the change itself is answered
    process = subprocess.Popen([BINARY, "recovery-key", "create", "--data", s.data], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=clean_environment())
    key = process.stdout.readline()
    s.kill()
    out, said = process.communicate(timeout=60 * SLOW)
    assert process.returncode == 6 and "not known" in said and id_of(key) in said and out == ""


class Answers(http.server.BaseHTTPRequestHandler):
    """The operator's socket of a server that says to a change whatever is asked of it here."""
    status = 0

    def do_GET(self, status=200):
        body = b'{"id":null,"mark":"%s","error":"told"}' % (b"00" * 13)
        self.wfile.write(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET(self.status)

    def address_string(self):
        return "socket"

    def log_message(self, *words):
        pass


@pytest.mark.slow
def test_only_what_refuses_a_change_makes_the_key_void(fresh):
    """Of every other answer nobody knows whether the supervisor goes on: a 408, say, when it was slow."""
    s = fresh(start=False)
    with open(s.data / "lock", "w") as held, socketserver.ThreadingUnixStreamServer(str(s.data / "safelight.sock"), Answers) as server:
        fcntl.flock(held, fcntl.LOCK_EX)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        for Answers.status in (400, 404, 409, 401, 403, 408, 429, 500, 502, 503, 201):
            done = made(s)
            void = Answers.status in (400, 404, 409)
            assert second.key_from_text(done.stdout) and done.returncode == (7 if void else 6), (Answers.status, done.stderr)
            assert ("void" in done.stderr, "not known" in done.stderr) == (void, not void), done.stderr
        server.shutdown()
    (s.data / "safelight.sock").unlink()


@pytest.mark.slow
@pytest.mark.parametrize("words", [["recovery-key", "show"], ["recovery-key", "show", "--json"], ["config", "check"]], ids=" ".join)
def test_a_result_that_cannot_be_written_is_an_error(sample, words):
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, *words, "--data", sample.s.data], stdout=full, stderr=subprocess.PIPE, text=True, env=clean_environment())
    assert done.returncode == 7 and "standard output" in done.stderr


@pytest.mark.slow
def test_replacing_asks_and_names_the_key(fresh):
    s = fresh()
    key = id_of(made(s, check=True).stdout)
    done = made(s, "--replace")
    assert done.returncode == 2 and done.stdout == "" and "--yes" in done.stderr and in_use(s) == key
    with Terminal("recovery-key", "create", "--replace", "--data", s.data) as t:
        t.until("[y/N]").type("n\n")
        assert t.end() == 2 and key in t.text and "nothing was changed" in t.text
    assert in_use(s) == key
    with Terminal("recovery-key", "create", "--replace", "--data", s.data, "--quiet", pipes=["stdout"]) as t:
        t.until("[y/N]").type("y\n")
        new = t.process.stdout.read().decode()
        assert t.end() == 0 and in_use(s) == id_of(new) != key


@pytest.mark.slow
def test_results_as_json(fresh):
    s = fresh(start=False)
    done = made(s, "--json", "--quiet", check=True)
    assert done.stderr == ""
    assert set(json.loads(done.stdout)) == {"id", "key"} and id_of(json.loads(done.stdout)["key"]) == json.loads(done.stdout)["id"]
    assert json.loads(s.operator("recovery-key", "show", "--json", check=True).stdout) == {"id": json.loads(done.stdout)["id"]}


# --- where the root key is a credential ---

@pytest.mark.slow
def test_with_the_root_key_as_a_credential_backups_are_made_through_the_server(fresh):
    s = fresh(start=False)
    credentials = s.folder / "credentials"
    credentials.mkdir()
    shutil.move(s.data / "root.key", credentials / "safelight-root-key")
    s.env = {"CREDENTIALS_DIRECTORY": str(credentials)}
    s.start()
    k = Kept(s)
    value = canary()
    s.put("A", value)
    assert [v.decode() for v in k.read(k.backup("b")).values().values()] == [value]
    found = {r["check"]: r for r in json.loads(s.operator("doctor", "--json").stdout)}
    seen = json.loads(s.operator("doctor", "--json", env=s.env).stdout)
    assert not [r for r in [*found.values(), *seen] if "root key" in r["check"] and r["verdict"] == "fail"]
    assert s.stop() == 0
    for done in (k.backup("c", check=False), made(s, "--replace", "--yes")):
        assert done.returncode == 7 and "credential" in done.stderr and "start the service" in done.stderr and done.stdout == ""
    done = run("backup", k.folder / "d", "--data", s.data, "--quiet", env={**clean_environment(), **s.env})
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert k.check(k.folder / "d").returncode == 0


@pytest.mark.slow
def test_doctor_says_when_there_is_no_recovery_key(fresh):
    s = fresh(start=False)
    check = lambda: next(r for r in json.loads(s.operator("doctor", "--json").stdout) if r["check"] == "there is a recovery key")
    assert check()["verdict"] == "warn" and "recovery-key create" in check()["remedy"]
    made(s, check=True)
    assert check()["verdict"] == "ok"
    (s.data / "recovery.pub").write_bytes(b"short")
    assert check()["verdict"] == "fail" and "--replace" in check()["remedy"]
    other = {"CREDENTIALS_DIRECTORY": str(s.folder)}  # of which none is ours
    assert "root key" not in " ".join(r["check"] for r in json.loads(s.operator("doctor", "--json", env=other).stdout) if r["verdict"] == "fail")
