"""doctor: each thing it looks at, broken on purpose."""
import datetime
import json
import os
import sqlite3
import subprocess

import pytest

from conftest import BINARY, Web, clean_environment

DONE, USAGE, FAILED = 0, 2, 7
JSON = {"Content-Type": "application/json"}


def look(s, *flags, env=None):
    """(exit code, {check: finding}) without a token in the environment unless env has one."""
    done = subprocess.run([BINARY, "doctor", "--data", str(s.data), "--json", *flags], capture_output=True, text=True, timeout=60, env=clean_environment(**(env or {})))
    rows = json.loads(done.stdout)
    assert all(("remedy" in r) == (r["verdict"] != "ok") and r["ok"] == (r["verdict"] != "fail") for r in rows), rows
    assert (done.returncode == FAILED) == any(r["verdict"] == "fail" for r in rows)
    return done.returncode, {r["check"]: r for r in rows}


def verdict(s, start, *flags, env=None):
    found = look(s, *flags, env=env)[1]
    match = [r["verdict"] for check, r in found.items() if check.startswith(start)]
    assert len(match) == 1, (start, list(found))
    return match[0]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    from conftest import Server
    s = Server(tmp_path_factory.mktemp("doctor"))
    s.stop()
    return s


def test_a_running_server_has_nothing_to_mend(fresh):
    s = fresh()
    code, found = look(s, env={"SAFELIGHT_URL": s.url, "SAFELIGHT_TOKEN": s.token})
    bad = {check: r for check, r in found.items() if r["verdict"] == "fail" and "disk" not in check and "Landlock" not in check}
    assert bad == {} and len(found) > 25
    plain = s.operator("doctor")
    assert plain.stdout.count("\n") >= len(found) and "to mend" in plain.stderr
    quiet = s.operator("doctor", "--quiet")
    assert not [line for line in quiet.stdout.splitlines() if line.startswith("ok")]


def test_usage():
    done = subprocess.run([BINARY, "doctor"], capture_output=True, text=True, env=clean_environment())
    assert done.returncode == USAGE and "--data DIR is missing" in done.stderr


@pytest.mark.parametrize("path, mode, remedy", [(".", 0o755, 700), ("root.key", 0o640, 600), ("db", 0o755, 700), ("root.key", 0o604, 600)])
def test_permissions_are_told_once_with_a_command_to_paste(stopped, path, mode, remedy):
    target = stopped.data / path
    before = target.stat().st_mode & 0o777
    assert verdict(stopped, "data directory and root key are ours") == "ok"
    target.chmod(mode)
    try:
        failed = [r["remedy"] for r in look(stopped)[1].values() if r["verdict"] == "fail" and r["check"] != "the server answers"]
        assert len(failed) == 1 and failed[0].endswith(f"mend it with: chmod {remedy} {os.path.normpath(target)}")
    finally:
        target.chmod(before)


@pytest.mark.parametrize("inside, told", [(0, 4), (4, 8), (5, 8)])
def test_all_that_is_open_to_others_is_told_with_one_command(stopped, inside, told):
    """At the limit of those that are named (8) and one past it."""
    files = [stopped.data / "spool" / f"left-{n}" for n in range(inside)]
    opened = {stopped.data: 0o755, stopped.data / "root.key": 0o644, stopped.data / "recovery.pub": 0o644, stopped.data / "spool": 0o750, **dict.fromkeys(files, 0o644)}
    for path, mode in opened.items():
        path.touch()
        path.chmod(mode)
    try:
        failed = [r["remedy"] for r in look(stopped)[1].values() if r["verdict"] == "fail" and r["check"].startswith("data directory and root key")]
        command = failed[0].split("mend them at once with: ")[1].split(" (and ")[0]
        assert len(failed) == 1 and f"open to others are {4 + inside};" in failed[0] and len(command.split()) == 2 + told
        assert ("(and 1 more, which doctor tells after these)" in failed[0]) == (4 + inside > told)
        subprocess.run(command, shell=True, check=True)
        assert verdict(stopped, "data directory and root key are ours") == "ok"  # of the rest, nobody gets to it
        assert stopped.data.stat().st_mode & 0o777 == 0o700 and (stopped.data / "root.key").stat().st_mode & 0o777 == 0o600
    finally:
        for path in opened:
            path.chmod(0o700 if path.is_dir() else 0o600)
        for path in [*files, stopped.data / "recovery.pub"]:
            path.unlink()


def test_a_directory_that_is_not_there_is_the_first_thing_told(stopped, folder):
    done = subprocess.run([BINARY, "doctor", "--data", folder / "farmx"], capture_output=True, text=True, env=clean_environment())
    assert done.returncode == FAILED and done.stdout.startswith("FAIL  the data directory is there\n")
    assert f"safelight init --data {folder}/farmx" in done.stdout and "chmod" not in done.stdout and "disk" not in done.stdout


@pytest.mark.parametrize("content, mode", [(b"x", 0o644), (b"", 0o600), (b"k" * 33, 0o600)])
def test_a_root_key_that_is_none_is_told_whatever_else_is_wrong(stopped, content, mode):
    key = stopped.data / "root.key"
    right = key.read_bytes()
    key.write_bytes(content)
    key.chmod(mode)
    try:
        found = look(stopped)[1]
        assert found["the root key is whole"]["verdict"] == "fail" and str(key) in found["the root key is whole"]["remedy"]
        assert (found["data directory and root key are ours alone"]["verdict"] == "fail") == (mode == 0o644)
    finally:
        key.write_bytes(right)
        key.chmod(0o600)


def test_a_server_that_does_not_run_is_one_line(stopped):
    done = subprocess.run([BINARY, "doctor", "--data", stopped.data], capture_output=True, text=True, env=clean_environment())
    assert f"start it: safelight serve --data {stopped.data}" in done.stdout
    assert len(done.stderr.splitlines()) == 1 and "to mend" in done.stderr


def test_the_root_key_and_its_place(stopped, folder):
    key = stopped.data / "root.key"
    env = {"CREDENTIALS_DIRECTORY": str(folder)}
    (folder / "safelight-root-key").write_bytes(key.read_bytes())
    assert verdict(stopped, "there is one root key") == "ok" and verdict(stopped, "there is one root key", env=env) == "warn"
    key.rename(folder / "away")
    try:
        assert verdict(stopped, "there is one root key", env=env) == "ok"
        assert verdict(stopped, "the root key is in") == "warn"
    finally:
        (folder / "away").rename(key)


@pytest.mark.parametrize("text, state", [("", "ok"), ("listen = 127.0.0.1:0\n", "ok"), ("nonsense\n", "fail"), ("listen = x\n", "fail"), ("threads = 0\n", "fail"), ("tls-cert = /x\n", "fail")])
def test_settings(stopped, folder, text, state):
    conf = stopped.data / "safelight.conf"
    conf.write_text(text)
    try:
        conf.chmod(0o600)
        assert verdict(stopped, "the settings are valid") == state
        assert verdict(stopped, "nobody else can change") == "ok"
        conf.chmod(0o666)
        assert verdict(stopped, "nobody else can change") == "fail"
        other = folder / "other.conf"
        other.write_text(text)
        assert verdict(stopped, "the settings are valid", "--config", other) == state
    finally:
        conf.unlink()
    assert verdict(stopped, "the settings are valid", "--config", folder / "none") == "fail"


def test_the_database(fresh):
    s = fresh(start=False)
    path = s.data / "db/safelight.db"
    assert verdict(s, "the database is sound") == "ok" and verdict(s, "the database has this program's schema") == "ok" and verdict(s, "the clock is not behind") == "ok"
    with sqlite3.connect(path) as db:
        version = db.execute("SELECT version FROM schema_version").fetchone()[0]
        for other, state in ((version - 1, "warn"), (version + 1, "fail")):
            db.execute("UPDATE schema_version SET version = ?", (other,))
            db.commit()
            assert verdict(s, "the database has this program's schema") == state
        db.execute("UPDATE schema_version SET version = ?", (version,))
        db.execute("UPDATE audit SET at_ms = ? WHERE sequence = (SELECT MAX(sequence) FROM audit)", (int(datetime.datetime.now().timestamp() * 1000) + 10 * 60000,))
        db.commit()
    found = look(s)[1]["the clock is not behind the database"]
    assert found["verdict"] == "fail" and "timedatectl" in found["remedy"]
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    code, found = look(s)
    assert code == FAILED and [r for c, r in found.items() if c.startswith("the database") and r["verdict"] == "fail"]
    path.unlink()
    assert verdict(s, "the database can be read") == "fail"


def certificate(folder, name, days=365, start=None):
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    dates = ["-days", str(days)]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=x", *dates], check=True, capture_output=True)
    key.chmod(0o600)
    return cert, key


def test_the_certificate(stopped, folder):
    good, soon, other = certificate(folder, "good"), certificate(folder, "soon", 3), certificate(folder, "other")
    tls = lambda cert, key: {"SAFELIGHT_TLS_CERT": str(cert), "SAFELIGHT_TLS_KEY": str(key)}
    assert verdict(stopped, "the TLS key is the certificate's", env=tls(*good)) == "ok"
    assert verdict(stopped, "the TLS certificate is good", env=tls(*good)) == "ok"
    assert verdict(stopped, "the TLS certificate is good", env=tls(*soon)) == "warn"
    assert verdict(stopped, "the TLS key is the certificate's", env=tls(good[0], other[1])) == "fail"
    assert verdict(stopped, "the TLS key is the certificate's", env=tls(folder / "none", good[1])) == "fail"
    assert verdict(stopped, "the TLS key is not open", env=tls(*good)) == "ok"
    good[1].chmod(0o644)
    assert verdict(stopped, "the TLS key is not open", env=tls(*good)) == "fail"
    assert not [c for c in look(stopped)[1] if "TLS" in c or "certificate" in c]
    apart = "the certificate lies apart"
    assert verdict(stopped, apart, env=tls(*good)) == "ok"
    links = [folder / "link.pem", folder / "link.key"]
    for link, file in zip(links, certificate(stopped.data, "beside")):
        link.symlink_to(file)
        assert verdict(stopped, apart, env=tls(file if link == links[0] else good[0], file if link == links[1] else good[1])) == "warn"
    assert verdict(stopped, apart, env=tls(*links)) == "warn"


def test_a_file_is_no_data_directory(stopped):
    done = subprocess.run([BINARY, "doctor", "--data", stopped.data / "root.key"], capture_output=True, text=True, env=clean_environment())
    assert done.returncode == FAILED and done.stdout.startswith("FAIL  the data directory is there\n")
    assert "is no folder" in done.stdout and "disk" not in done.stdout and "schema" not in done.stdout and "start it" not in done.stdout


def test_the_private_ca(stopped, folder):
    authority, _ = certificate(folder, "ca")
    assert verdict(stopped, "the private CA", env={"SAFELIGHT_CA_FILE": str(authority)}) == "ok"
    for wrong in (folder / "none", stopped.data / "root.key"):
        assert verdict(stopped, "the private CA", env={"SAFELIGHT_CA_FILE": str(wrong)}) == "fail"


def test_the_token_and_its_server(stopped, server):
    def env(url, token):
        return {"SAFELIGHT_URL": url, "SAFELIGHT_TOKEN": token}
    assert not [c for c in look(stopped)[1] if "token" in c]
    assert verdict(stopped, "the token is valid", env=env(server.url, server.token)) == "ok"
    assert verdict(stopped, "this clock and the server's", env=env(server.url, server.token)) == "ok"
    assert verdict(stopped, "the token is valid", env=env(server.url, "slt_wrong")) == "fail"
    assert verdict(stopped, "the token's server answers", env=env("http://127.0.0.1:9", "x")) == "fail"
    assert verdict(stopped, "the token's role", env=env(server.url, server.new_token("worker"))) == "warn"
    assert verdict(stopped, "the token is good for", env=env(server.url, server.new_token("submit", expires="3d"))) == "warn"
    assert verdict(stopped, "the token is good for", env=env(server.url, server.new_token("submit", expires="30d"))) == "ok"
    assert verdict(stopped, "there is a token", env={"SAFELIGHT_PROFILE": "none-such"}) == "fail"


def test_clocks_that_differ(stopped):
    class Late(Web):
        pass
    with Late(lambda handler, body: (200, {**JSON, "Date": "Sun, 06 Nov 1994 08:49:37 GMT"}, b'{"role":"admin"}')) as web:
        def old_date(self, timestamp=None):
            return "Sun, 06 Nov 1994 08:49:37 GMT"
        web.server.RequestHandlerClass.date_time_string = old_date
        assert verdict(stopped, "this clock and the server's", env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "x"}) == "warn"


def test_a_disk_with_too_little_room(stopped):
    assert verdict(stopped, "there is room for render outputs", env={"SAFELIGHT_SPOOL_MIN_FREE_BYTES": str(1 << 60)}) == "warn"
    assert verdict(stopped, "there is room for render outputs", env={"SAFELIGHT_SPOOL_MIN_FREE_BYTES": "0"}) == "ok"


def test_limits_of_the_shell(stopped):
    done = subprocess.run(["sh", "-c", f'ulimit -l 64; ulimit -n 200; exec "{BINARY}" doctor --data "{stopped.data}" --json'], capture_output=True, text=True, env=clean_environment())
    found = {r["check"]: r["verdict"] for r in json.loads(done.stdout)}
    assert found["enough files may be open (ulimit -n)"] == "warn"


def test_nothing_is_changed_by_looking(stopped):
    before = {p: (p.stat().st_mtime_ns, p.stat().st_mode) for p in stopped.data.rglob("*") if not p.name.endswith(("-shm", "-wal"))}
    look(stopped)
    assert {p: (p.stat().st_mtime_ns, p.stat().st_mode) for p in stopped.data.rglob("*") if not p.name.endswith(("-shm", "-wal"))}.keys() == before.keys()
