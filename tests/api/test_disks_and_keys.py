"""Full and read-only disks, key rotation, and what an edited or stolen database is good for."""
import concurrent.futures
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import time

import pytest
import requests

from conftest import BINARY, OPEN, SLOW, Server, canary, clean_environment, until
from common import all_audit, key_status, rotated
from test_secrets import check_error

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


# --- disks ---

@pytest.fixture
def small_disk(folder):
    """A server whose database stands on a disk of 2 MiB."""
    if not AS_ROOT or not shutil.which("mount"):
        pytest.skip("needs root to mount")
    s = Server(folder, start=False)
    kept = folder / "kept"
    shutil.copytree(s.data / "db", kept)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", s.data / "db"], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("mount is not allowed here")
    try:
        for file in kept.iterdir():
            shutil.copy2(file, s.data / "db")
        yield s.start()
    finally:
        s.process.kill()
        s.process.wait()
        time.sleep(0.3)
        subprocess.run(["umount", "-l", s.data / "db"], check=True)


def test_abuse_086_092_a_full_disk_refuses_writes_whole_and_recovers(small_disk):
    s = small_disk
    names = []
    filler = s.data / "db" / "filler"
    with open(filler, "wb") as f:
        try:
            while True:
                f.write(b"x" * 65536)
                f.flush()
        except OSError:
            pass
    answer = None
    for i in range(200):
        answer = s.put(f"N{i}", "v" * 20000)
        if answer.status_code != 201:
            break
        names.append(f"N{i}")
    body = check_error(answer, 503)
    assert body["code"] in ("STORE_FULL", "STORE_UNAVAILABLE")
    before = sorted(r["name"] for r in s.secrets())  # reads go on
    assert before == sorted(names)
    assert requests.get(s.url + "/healthz", timeout=30).status_code == 200
    for i in range(40):  # small ones may still find room, but never half of it
        answer = s.put(f"M{i}", canary())
        assert answer.status_code in (201, 503)
        if answer.status_code == 201:
            names.append(f"M{i}")
        assert sorted(r["name"] for r in s.secrets()) == sorted(names)
    assert answer.status_code == 503
    before = sorted(r["name"] for r in s.secrets())
    filler.unlink()
    until(lambda: s.put("AFTER", canary()).status_code in (201, 409), 15)
    assert sorted(r["name"] for r in s.secrets()) == sorted([*before, "AFTER"])
    assert requests.get(s.url + "/readyz", timeout=30).status_code == 200
    rows = all_audit(s)
    assert [r["sequence"] for r in rows] == list(range(1, len(rows) + 1))
    s.kill()
    s.start()
    assert sorted(r["name"] for r in s.secrets()) == sorted([*before, "AFTER"])


def test_a_read_only_disk_at_start_is_said_plainly(small_disk):
    s = small_disk
    assert s.put("BEFORE", canary()).status_code == 201
    s.stop()
    subprocess.run(["mount", "-o", "remount,ro", s.data / "db"], check=True)
    done = serve_once(s.data)
    subprocess.run(["mount", "-o", "remount,rw", s.data / "db"], check=True)
    assert done.returncode == 7 and done.stdout == "" and ("read-only" in done.stderr or "written" in done.stderr), done.stderr
    s.start()
    assert [r["name"] for r in s.secrets()] == ["BEFORE"]


# --- keys ---

def deliver(s, studio, mark, name, value):
    job = s.render({"webhook": {"url": f"{studio.url}/hook/{mark}", "headers": {"A": "${secret.%s}" % name}}}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    assert job["status"] == "finished"
    assert until(lambda: studio.received(f"/hook/{mark}"), 15)[0]["headers"]["A"] == value


def test_abuse_088_every_key_rotates_while_secrets_are_used(fresh, studio, unique):
    s = fresh(*OPEN)
    values = {f"N{i}": canary() for i in range(300)}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert {a.status_code for a in pool.map(lambda n: s.put(n, values[n]), values)} == {201}
    root_before = (s.data / "root.key").read_bytes()
    for level in (["team", "--team", "studio"], ["master"], ["root"]):
        before = key_status(s)
        stop = False

        def use():
            codes = set()
            number = 0
            while not stop:
                name = f"{level[0]}{number}"
                value = canary()
                answer = s.put(name, value)
                codes.add(answer.status_code)
                if answer.status_code == 201:
                    values[name] = value
                number += 1
            return codes
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            user = pool.submit(use)
            s.operator("key", "rotate", *level, check=True)
            after = rotated(s)
            stop = True
            assert user.result() <= {201, 503}, level
        assert after["rotation"]["state"] == "done" and after["rotation"]["level"] == level[0], after
        assert not after["pendingRoot"] and after["masterVersion"] == before["masterVersion"] + (level[0] == "master")
        assert after["masterVersions"] == 1
        deliver(s, studio, unique + level[0], "N7", values["N7"])
    assert (s.data / "root.key").read_bytes() != root_before and not (s.data / "root.key.next").exists()
    assert [r["event"] for r in json.loads(subprocess.run(["curl", "-s", "--unix-socket", s.data / "safelight.sock", "http://x/operator/audit?limit=1000"],
                                                          capture_output=True, check=True).stdout)].count("key.rotated") >= 2
    assert s.stop() == 0
    s.start()
    assert {r["name"] for r in s.secrets()} == set(values)
    for name in ("N299", max(values, key=lambda n: n.startswith("root"))):
        deliver(s, studio, unique + "late" + name, name, values[name])
    # the old root key opens nothing any more
    s.stop()
    new = (s.data / "root.key").read_bytes()
    (s.data / "root.key").write_bytes(root_before)
    assert serve_once(s.data).returncode == 7
    (s.data / "root.key").write_bytes(new)
    s.start()


def test_key_rotation_is_refused_for_what_is_not_there(server):
    for words, code in ((["team", "--team", "none-such"], 4), (["team"], 9), (["master", "--team", "studio"], 9), (["moon"], 9)):
        assert server.operator("key", "rotate", *words).returncode == code, words


@pytest.mark.slow
@pytest.mark.parametrize("level", ["team", "master", "root"])
def test_abuse_088_a_rotation_that_is_killed_resumes(fresh, studio, unique, level):
    s = fresh(*OPEN)
    values = {f"N{i}": canary() for i in range(400)}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: s.put(n, values[n]), values))
    for turn in range(5):
        flags = ["--team", "studio"] if level == "team" else []
        assert s.operator("key", "rotate", level, *flags).returncode in (0, 5)
        time.sleep(0.004 * turn * SLOW)
        s.kill()
        s.start()
        after = rotated(s)
        assert after["rotation"]["state"] in ("done", "idle") and not after["pendingRoot"] and after["masterVersions"] == 1, after
    assert not (s.data / "root.key.next").exists()
    for name in ("N0", "N399"):
        deliver(s, studio, unique + name, name, values[name])
    assert len(s.secrets()) == 400
    s.operator("key", "rotate", level, *flags, check=True)
    assert rotated(s)["rotation"]["state"] == "done"


# --- what the database gives away, and what editing it does ---

@contextlib.contextmanager
def database(s):
    """The database of a server that is stopped."""
    with sqlite3.connect(s.data / "db/safelight.db") as db:
        yield db
    db.close()


def delivery_fails(s, studio, mark, name):
    job = s.render({"webhook": {"url": f"{studio.url}/hook/{mark}", "headers": {"A": "${secret.%s}" % name}}}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    until(lambda: "not tried again" in s.job_log(job["id"]), 15)
    assert studio.received(f"/hook/{mark}") == []


def test_abuse_077_078_079_swapped_and_aged_rows_do_not_open(fresh, studio, unique):
    s = fresh(*OPEN)
    other = s.team("other")
    for name in ("A", "B", "C"):
        s.put(name, canary())
    s.put("C", canary(), rotate=True)
    s.put("A", canary(), token=other)
    s.stop()
    with database(s) as db:
        rows = {(name, team, version): (secret, sealed) for secret, version, sealed, name, team in db.execute(
            "SELECT v.secret_id, v.version, v.sealed, s.name, t.name FROM versions v JOIN secrets s ON s.id = v.secret_id JOIN teams t ON t.id = s.team_id")}
        put = lambda to, sealed: db.execute("UPDATE versions SET sealed = ? WHERE secret_id = ? AND version = ?", (sealed, rows[to][0], to[2]))
        put(("A", "studio", 1), rows["B", "studio", 1][1])      # 77: of the same team
        put(("B", "studio", 1), rows["A", "other", 1][1])       # 78: of another team
        put(("C", "studio", 2), rows["C", "studio", 1][1])      # 79: an older one of the same secret
    s.start()
    for name in ("A", "B", "C"):
        delivery_fails(s, studio, unique + name, name)


@pytest.mark.slow
def test_abuse_082_flipped_bits_in_sealed_rows_never_open(fresh, studio, unique):
    s = fresh(*OPEN)
    value = canary()
    s.put("A", value)
    s.stop()
    with database(s) as db:
        sealed = db.execute("SELECT sealed FROM versions").fetchone()[0]
        db.execute("UPDATE versions SET sealed = ?", (sealed[:-1] + bytes([sealed[-1] ^ 1]),))
    s.start()
    delivery_fails(s, studio, unique, "A")


def test_abuse_019_078_nothing_can_be_used_without_the_root_key(fresh):
    """The whole data directory but the key, under another installation's key: it does not even start."""
    s, thief = fresh(), fresh()
    s.put("K", canary())
    s.stop()
    thief.stop()
    shutil.rmtree(thief.data / "db")
    shutil.copytree(s.data / "db", thief.data / "db")
    done = serve_once(thief.data)
    assert done.returncode == 7 and done.stdout == ""


def test_abuse_091_a_deleted_secrets_sealed_bytes_are_gone_from_the_files(fresh):
    s = fresh()
    made = s.put("GONE", canary()).json()
    s.stop()
    with database(s) as db:
        sealed = bytes(db.execute("SELECT sealed FROM versions").fetchone()[0])
    assert s.places_of(sealed[-24:])
    s.start()
    assert s.call("DELETE", "/secrets/" + made["id"]).status_code == 200
    s.stop()
    assert s.places_of(sealed[-24:]) == []
