"""Restores that are refused, interrupted or killed: nothing is left behind."""
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import signal
import sqlite3
import struct
import subprocess
import time

import pytest

from backups import Kept, kept, nothing_left, run, sample, second, serving, small_disk  # noqa: F401
from conftest import BINARY, SLOW, canary, clean_environment, until

SCHEMA = 10**6


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
    assert done.returncode == 9
    assert sample.restore(sample.folder / "nowhere", "new").returncode == 9


@pytest.mark.slow
def test_two_restores_at_once_into_one_place(sample):
    both = [subprocess.Popen([BINARY, "restore", sample.file, "--data", sample.folder / "both", "--recovery-key", sample.key],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=clean_environment(), text=True) for _ in range(2)]
    said = [p.communicate(timeout=60 * SLOW)[1] for p in both]
    assert sorted(p.returncode for p in both) in ([0, 5], [0, 7]), said
    assert sorted(p.name for p in (sample.folder / "both").iterdir()) == ["db", "recovery.pub", "root.key", "spool"]
    with serving(sample.folder / "both") as t:
        assert t.call("GET", "/jobs", token=sample.s.token).status_code == 401


@pytest.mark.slow
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
    assert process.returncode == -number and out == b"" and b"nothing is left" in said, said
    nothing_left(sample, "new", process.pid)


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_check_that_is_killed_leaves_no_key_and_the_next_one_cleans_up(sample):
    process = subprocess.Popen([BINARY, "restore", "--check", "-", "--recovery-key", sample.key], stdin=subprocess.PIPE, env=clean_environment())
    process.stdin.write(sample.bytes[:-100])
    process.stdin.flush()
    place = lambda: list(pathlib.Path("/dev/shm").glob(f"safelight-check-{process.pid}-*"))
    until(lambda: place() and (place()[0] / "db").exists(), 20, "the check's beginning")
    process.kill()
    process.wait()
    process.stdin.close()
    assert [p.name for p in place()[0].iterdir() if p.name not in ("db", "spool")] == []
    assert sample.check(sample.file).returncode == 0 and not place()
