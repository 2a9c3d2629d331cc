"""Backups made while everything runs: of one moment, encrypted for one key, whole or not there."""
import concurrent.futures
import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest

from backups import kept, restored, run, sample, second, small_disk  # noqa: F401
from common import rotated
from conftest import BINARY, ROOT, SLOW, canary, clean_environment, until
from terminal import Terminal

sys.path.insert(0, str(ROOT / "tests/peers"))
from search import forms  # noqa: E402


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_two_backups_of_the_same_share_nothing(sample):
    other = sample.backup("again").read_bytes()
    assert other[16:80] != sample.bytes[16:80]
    assert not {other[i:i + 16] for i in range(152, len(other) - 16, 16)} & {sample.bytes[i:i + 16] for i in range(152, len(sample.bytes) - 16, 16)}


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_second_implementation_as_a_program(sample):
    done = subprocess.run([sys.executable, ROOT / "tests/vectors/backup.py", sample.file, sample.key], capture_output=True, text=True)
    assert done.returncode == 0 and "1 values open" in done.stdout and sample.value not in done.stdout


@pytest.mark.slow
def test_the_result_as_json_and_without_notes(sample):
    plain = sample.backup("json", "--json", "--quiet", check=False)
    key = sample.s.operator("recovery-key", "show", check=True).stdout.strip()
    file = sample.folder / "json"
    assert plain.returncode == 0 and plain.stderr == ""
    assert json.loads(plain.stdout) == {"file": str(file), "bytes": file.stat().st_size, "recoveryKey": key}
    done = run("backup", "-", "--data", sample.s.data, "--json")
    assert done.returncode == 2 and done.stdout == "" and "--json" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("running", [True, False], ids=["serving", "stopped"])
def test_a_bar_on_a_terminal_and_nothing_with_quiet(kept, running):
    if not running:
        assert kept.s.stop() == 0
    with Terminal("backup", kept.folder / "a", "--data", kept.s.data) as t:
        assert t.end() == 0
        assert re.search(r"\rbackup \[[#.]+\] [0-9.]+ of [0-9.]+ MiB\x1b\[K", t.text) and "\r\x1b[KThe backup is whole" in t.text
    with Terminal("backup", kept.folder / "b", "--data", kept.s.data, "--quiet") as t:
        assert t.end() == 0 and t.text == ""


@pytest.mark.slow
def test_a_partial_file_of_something_else_is_left_alone(sample):
    part = sample.folder / "p.partial"
    other = sample.folder / "other"
    other.write_text("of mine")
    for make in (lambda: part.symlink_to(other), lambda: os.mkfifo(part), part.mkdir):
        make()
        done = sample.backup("p", check=False)
        assert done.returncode == 7 and ".partial" in done.stderr, done.stderr
        part.rmdir() if part.is_dir() else part.unlink()
    with open(part, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = sample.backup("p", check=False)
        assert done.returncode == 5 and "another backup" in done.stderr and part.exists()
    part.unlink()
    for content in ("of mine", ""):  # under another name as well; under this one alone, but no backup
        other.write_text(content)
        other.chmod(0o640)
        part.hardlink_to(other)
        for _ in range(2):
            done = sample.backup("p", check=False)
            assert done.returncode == 7 and ".partial" in done.stderr and part.read_text() == content, done.stderr
            assert part.stat().st_mode & 0o777 == 0o640
            if content:
                other.unlink(missing_ok=True)
        part.unlink()
        other.unlink(missing_ok=True)
    other.write_text("of mine")
    assert not (sample.folder / "p").exists() and other.read_text() == "of mine"
    part.write_bytes(b"SLBK" + b"x" * 10**6)  # of one that was killed
    part.chmod(0o644)
    file = sample.backup("p")
    sample.read(file)
    assert not part.exists() and file.stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_a_name_that_is_no_text_reaches_neither_terminal_nor_json(sample):
    name = sample.folder / os.fsdecode(b"n\xff\x1b[31m")
    with Terminal("backup", name, "--data", sample.s.data, pipes=["stdout"]) as t:
        assert t.end() == 0 and "n??[31m" in t.text and "\x1b[31m" not in t.text
    name.unlink()
    done = run("backup", name, "--data", sample.s.data, "--json", "--quiet")
    assert done.returncode == 0 and json.loads(done.stdout)["file"].endswith("n\ufffd\x1b[31m")


@pytest.mark.slow
def test_a_directory_in_use_without_a_server_is_told_apart(sample):
    with open(sample.s.data / "lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = sample.backup("l", check=False)
        assert done.returncode == 6 and "another command" in done.stderr and not list(sample.folder.glob("l*"))


@pytest.mark.slow
def test_a_stop_does_not_wait_for_a_backup_that_is_read_fast(kept):
    """8 GiB that take no room: whoever waits for their end is killed by the supervisor after 15 seconds."""
    with open(kept.s.data / "spool/01J00000000000000000000000", "wb") as hole:
        hole.truncate(8 << 30)
    out = subprocess.Popen([BINARY, "backup", "-", "--data", kept.s.data], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
    got = len(out.stdout.read(1 << 20))
    kept.s.process.terminate()
    while piece := out.stdout.read(1 << 20):
        got += len(piece)
    assert kept.s.stop() == 0 and got < 4 << 30
    assert out.wait(20 * SLOW) != 0 and b"no backup" in out.stderr.read()
