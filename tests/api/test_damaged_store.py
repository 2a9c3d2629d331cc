"""A database that is damaged, empty, missing or another installation's: serve, doctor and the commands for a
stopped server say which, and what to do. A root key of another installation likewise."""
import os

import pytest

from test_cli_doctor import look, verdict
from test_disks_and_keys import serve_once

RESTORE = "safelight restore FILE --recovery-key KEYFILE --data NEWDIR"
MISLEADING = ("try again later", "nothing at this address", "root.key belong", "brings it up to date", "safelight init makes")


def random_bytes(path):
    path.write_bytes(os.urandom(path.stat().st_size))


def random_pages(path):
    whole = bytearray(path.read_bytes())
    whole[4096:] = os.urandom(len(whole) - 4096)
    path.write_bytes(whole)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:4096 * 3])


def emptied(path):
    path.write_bytes(b"")


def missing(path):
    path.unlink()


@pytest.mark.parametrize("damage, word", [(random_bytes, "is damaged"), (random_pages, "is damaged"), (cut_off, "is damaged"), (emptied, "is empty"), (missing, "is missing")])
def test_what_is_wrong_with_a_database_is_said_with_what_to_do(fresh, damage, word):
    s = fresh()
    s.stop()
    for rest in ("-wal", "-shm"):
        (s.data / f"db/safelight.db{rest}").unlink(missing_ok=True)
    damage(s.data / "db/safelight.db")
    done = serve_once(s.data)
    assert done.returncode == 7 and done.stdout == ""
    assert f"{s.data}/db/safelight.db {word}" in done.stderr and RESTORE in done.stderr
    offline = s.operator("token", "list")
    assert offline.returncode != 0
    key = s.operator("recovery-key", "create", "--replace", "--yes", "--file", str(s.folder / "k"))
    code, found = look(s)
    told = " ".join(r["remedy"] for check, r in found.items() if r["verdict"] == "fail" and check.startswith("the database"))
    assert code == 7 and "restore a backup" in told
    for text in (done.stderr, offline.stderr, key.stderr, told):
        assert not [m for m in MISLEADING if m in text], text


def test_a_root_key_of_another_installation(fresh):
    s = fresh()
    name = "the root key is this database's"
    assert name not in look(s)[1]  # a server that runs says it of itself
    s.stop()
    assert verdict(s, name) == "ok"
    key = s.data / "root.key"
    key.write_bytes(os.urandom(32))
    code, found = look(s)
    assert code == 7 and found[name]["verdict"] == "fail" and "put your copy" in found[name]["remedy"]
    done = serve_once(s.data)
    assert done.returncode == 7 and "does DIR/root.key belong to this database?" in done.stderr and "damaged" not in done.stderr
