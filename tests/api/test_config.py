"""Settings: safelight config check and show, what is refused and how that is said, the documents made from the table."""
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from conftest import BINARY, ROOT, canary, clean_environment


def config(*words, env=None):
    return subprocess.run([BINARY, "config", *map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env=clean_environment(**(env or {})), timeout=30)


@pytest.fixture
def conf(folder):
    """conf(text, mode=0o600): a file with it."""
    def write(text, mode=0o600):
        path = folder / "safelight.conf"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path
    return write


def shown(*words, env=None):
    done = config("show", "--json", *words, env=env)
    assert done.returncode == 0, done.stderr
    return {row["name"]: row for row in json.loads(done.stdout)}


def test_what_is_valid_is_said_to_be(conf, folder):
    path = conf("# ours\n\nthreads = 3\n  log-format=json  \r\n")
    done = config("check", "--config", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "the settings are valid\n", "")
    done = config("check", "--data", folder)  # the file is found where serve finds it
    assert done.returncode == 0 and "no file" not in done.stdout
    path.unlink()
    assert "there is no file" in config("check", "--data", folder).stdout


@pytest.mark.parametrize("line, says", [
    ("threads = %s", "say a whole number from 1 to 64"), ("allow-http = %s", "say on or off"), ("log-level = %s", "say debug, info, warn or error"),
    ("listen = %s", "say address:port"), ("listen = unix:%s", "unix:/path"), ("listen = unix:@%s", "no abstract socket"), ("metrics = %s", "say off, loopback or token"),
    ("public-url = https://user:%s@x.example", "no user"), ("public-url = %s", "say http:// or https://"), ("listen-mode = %s", "octal"),
    ("metrics-token = short", "32 to 512"), ("%s", "say name = value"), ("%s = 1", "no setting of this name"), ("= %s", "no setting of this name"),
    ("stock-log = %s", "say off, temp or project"), ("log-format = %s", "say logfmt or json"), ("keep-outputs = -1%s", "whole number"),
    ("ca-file = %s\x07", "control character"), ("ca-file = " + "x" * 1024, "longer than 1023 bytes"), ("threads = 1\nthreads = 2", "was said in line 2 already"),
])
def test_abuse_061_what_is_wrong_is_named_by_file_and_line_and_never_quoted(conf, line, says):
    value = canary()
    path = conf("# first\n" + (line % value if "%s" in line else line) + "\n")
    number = 2 + line.count("\n")
    for done in (config("check", "--config", path), config("show", "--config", path)):
        assert done.returncode == 9 and done.stdout == ""
        [said] = done.stderr.splitlines()
        assert said.startswith(f"safelight config: {path}:{number}: ") and says in said and value not in said


@pytest.mark.parametrize("wrong, right", [("thread", "threads"), ("Listen", "listen"), ("lease_ms", "lease-ms"), ("alow-http", "allow-http"), ("tls_cert", "tls-cert")])
def test_a_name_that_is_nearly_right_is_guessed(conf, wrong, right):
    assert f":1: there is no setting of this name; did you mean {right}?" in config("check", "--config", conf(f"{wrong} = 1\n")).stderr
    assert f"there is no such flag; did you mean --{right}?" in config("check", f"--{wrong}", "1").stderr


def test_everything_that_is_wrong_is_told_at_once(conf):
    done = config("check", "--config", conf("threads = 0\nnope = 1\nlog-level = loud\n"), "--connections", "1", env={"SAFELIGHT_LEASE_MS": "x"})
    assert done.returncode == 9 and len(done.stderr.splitlines()) == 5
    assert "environment: SAFELIGHT_LEASE_MS: say a whole number" in done.stderr and "--connections: say a whole number from 16" in done.stderr


def test_files_are_looked_at_also_when_other_settings_are_wrong(fresh, conf):
    path = conf("listen-mode = 999\nlisten-group = nobody-has-this\nca-file = /etc/passwd\ntls-cert = /none\n")
    done = config("check", "--config", path)
    assert done.returncode == 9 and len(done.stderr.splitlines()) == 4
    for text in (":1: listen-mode: say octal", ":2: listen-group: there is no such group", ":3: ca-file: the file holds no certificate", "tls-key: tls-cert and tls-key go together"):
        assert text in done.stderr
    refused = subprocess.run([BINARY, "serve", "--data", fresh(start=False).data, "--config", path], capture_output=True, text=True, env=clean_environment(), timeout=60)
    assert (refused.returncode, refused.stderr) == (9, done.stderr.replace("safelight config: ", "safelight serve: "))


def test_files_that_are_none(conf, folder):
    assert "there is no such file" in config("check", "--config", folder / "none").stderr
    assert "cannot be read" in config("check", "--config", folder).stderr
    assert "larger than 64 KiB" in config("check", "--config", conf("#" * 65537)).stderr
    assert config("check", "--config", conf("#" * 65536)).returncode == 0
    for junk in (b"\x00" * 100, os.urandom(4000), b"=\n" * 20000, b"\xff\xfe=\n"):
        done = subprocess.run([BINARY, "config", "check", "--config", conf(junk)], capture_output=True, env=clean_environment(), timeout=30)
        assert done.returncode == 9 and len(done.stderr) < 64 * 1024


@pytest.mark.parametrize("words, code", [(["check", "stray"], 2), (["check", "--threads"], 2), (["check", "--nope", "1"], 2), (["check", "--"], 2), (["check", "--data="], 2),
                                         (["look"], 2), ([], 2), (["check", "--json=x"], 2), (["show", "--quiet"], 2), (["check", "--data", "x" * 2000], 2), (["check", "--threads", "0"], 9)])
def test_command_lines_that_are_refused(words, code):
    done = config(*words)
    assert done.returncode == code and done.stdout == "" and done.stderr


def test_check_tells_programs_all_that_is_wrong(conf, folder):
    value = canary()
    path = conf(f"threads = 0\nlog-lvl = info\nnonsense\nlog-level = loud\nlog-level = info\nca-file = {folder}/none\nmetrics-token = {value}\n", 0o644)
    done = config("check", "--json", "--config", path, "--connections", "1", env={"SAFELIGHT_LEASE_MS": "x", "SAFELIGHT_LOG_LVL": "info"})
    said = json.loads(done.stdout)
    assert done.returncode == 9 and done.stderr == "" and said["valid"] is False and value not in done.stdout
    assert {p.get("line") for p in said["problems"] if p.get("file") == str(path)} == {1, 2, 3, 4, 5, 6, 7}
    by_name = {p["name"]: p for p in said["problems"] if "name" in p}
    assert set(by_name) == {"threads", "log-level", "ca-file", "metrics-token", "connections", "lease-ms"} and "file" not in by_name["connections"]
    assert {p.get("variable") for p in said["problems"]} == {None, "SAFELIGHT_LEASE_MS", "SAFELIGHT_LOG_LVL"}
    assert all(p["message"] and str(path) not in p["message"] for p in said["problems"])
    plain = config("check", "--config", path, "--connections", "1", "--quiet", env={"SAFELIGHT_LEASE_MS": "x", "SAFELIGHT_LOG_LVL": "info"})
    assert plain.returncode == 9 and plain.stdout == "" and all(p["message"] in plain.stderr for p in said["problems"]) and len(plain.stderr.splitlines()) == len(said["problems"])


def test_check_of_valid_settings_for_programs(conf, folder):
    path = conf("threads = 1\n")
    done = config("check", "--json", "--config", path)
    assert done.returncode == 0 and json.loads(done.stdout) == {"valid": True, "problems": []}
    done = config("check", "--quiet", "--config", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    missing = json.loads(config("check", "--json", "--config", folder / "a: b:1").stdout)["problems"]
    assert missing == [{"file": str(folder / "a: b:1"), "message": "there is no such file"}]


def test_show_says_where_each_value_comes_from(conf):
    path = conf("threads = 3\nconnections = 300\nlog-level = warn\nallow-http = yes\n")
    rows = shown("--config", path, "--log-level", "error", env={"SAFELIGHT_CONNECTIONS": "400", "SAFELIGHT_LOG_LEVEL": "debug"})
    assert [rows[n]["value"] for n in ("threads", "connections", "log-level", "allow-http", "listen")] == ["3", "400", "error", "on", "127.0.0.1:4300"]
    assert [rows[n]["from"] for n in ("threads", "connections", "log-level", "listen")] == [f"{path}:1", "SAFELIGHT_CONNECTIONS", "--log-level", "default"]
    assert rows["log-level"]["reload"] and not rows["threads"]["reload"]
    text = config("show", "--config", path).stdout
    assert re.search(rf"^threads +3 +{re.escape(str(path))}:1$", text, re.M) and len(text.splitlines()) == len(rows)


def test_a_secret_is_shown_as_set_or_not_set(conf):
    assert shown()["metrics-token"] == {"name": "metrics-token", "value": "not set", "from": "default", "default": "", "secret": True, "reload": True}
    value = canary(40)
    path = conf(f"metrics-token = {value}\nmetrics = token\n")
    row = shown("--config", path)["metrics-token"]
    assert row["value"] == "set" and row["from"] == f"{path}:1"
    text = config("show", "--config", path).stdout
    assert re.search(r"^metrics-token +set ", text, re.M) and value not in text


@pytest.mark.parametrize("mode, fine", [(0o600, True), (0o640, True), (0o644, False), (0o604, False), (0o602, False)])
def test_abuse_109_a_secret_in_a_file_for_everybody_is_refused(conf, mode, fine):
    value = canary(40)
    done = config("check", "--config", conf(f"metrics-token = {value}\n", mode))
    assert done.returncode == (0 if fine else 9) and ("chmod 640" in done.stderr) != fine and value not in done.stderr
    assert config("check", "--config", conf("threads = 1\n", mode)).returncode == 0  # without a secret it is nobody's business


def test_abuse_061_a_secret_comes_from_no_flag_and_no_environment():
    value = canary(40)
    for done in (config("check", "--metrics-token", value), config("check", f"--metrics-token={value}")):
        assert done.returncode == 2 and "no such flag" in done.stderr and value not in done.stderr
    done = config("check", env={"SAFELIGHT_METRICS_TOKEN": value})
    assert done.returncode == 9 and "into the file" in done.stderr and value not in done.stderr
    assert "--metrics-token" not in subprocess.run([BINARY, "serve", "--help"], capture_output=True, text=True, env=clean_environment()).stdout


def test_serve_refuses_what_check_refuses(fresh):
    s = fresh(start=False)
    (s.data / "safelight.conf").write_text("thread = 1\nlog-level = loud\n")
    done = subprocess.run([BINARY, "serve", "--data", str(s.data)], capture_output=True, text=True, env=clean_environment(), timeout=30)
    assert done.returncode == 9 and done.stdout == "" and len(done.stderr.splitlines()) == 2
    assert "safelight.conf:1: there is no setting of this name; did you mean threads?" in done.stderr


@pytest.mark.parametrize("variable, right", [("LOG_LVL", "LOG_LEVEL"), ("THREAD", "THREADS"), ("ALOW_HTTP", "ALLOW_HTTP"), ("TLSCERT", "TLS_CERT"), ("METRICS_TOKE", "METRICS_TOKEN")])
def test_a_variable_that_is_nearly_a_setting_is_refused(fresh, variable, right):
    value = canary()
    env = {"SAFELIGHT_" + variable: value}
    done = config("check", env=env)
    assert done.returncode == 9 and done.stdout == "" and value not in done.stderr
    assert done.stderr == f"safelight config: environment: SAFELIGHT_{variable}: there is no such setting; did you mean SAFELIGHT_{right}?\n"


def test_variables_that_are_no_settings_are_nobodys_mistake():
    """Those of clients, workers and the packaged unit, and those that container platforms make for a service of this name."""
    env = {"SAFELIGHT_" + name: "x" for name in ("DATA", "URL", "TOKEN", "PROFILE", "OUTPUT", "JOB_ID", "ENGINE", "WORKER_ARGS", "SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT",
                                                 "PORT_4300_TCP", "PORT_4300_TCP_ADDR", "PORT_4300_TCP_PORT", "NAME", "ENV_PATH", "", "X" * 300)}
    done = config("check", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    used = set(re.findall(r'"(SAFELIGHT_[A-Z_]+)[="]', "".join(p.read_text() for p in (ROOT / "src").rglob("*.c") if not p.stem.endswith("_test"))))
    assert used - {"SAFELIGHT_VERSION"} and config("check", env={name: "" for name in used - {"SAFELIGHT_VERSION"}}).returncode == 0


@pytest.fixture
def pem(folder):
    """{name: path}: certificates and keys that are right and wrong."""
    def make(name):
        cert, key = folder / f"{name}.crt", folder / f"{name}.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=x"], check=True, capture_output=True)
        return {f"{name} cert": cert, f"{name} key": key}
    (folder / "junk").write_text("junk")
    files = {**make("a"), **make("b"), "none": folder / "none", "junk": folder / "junk", "folder": folder}
    return files


@pytest.mark.parametrize("settings, says", [
    ({"tls-cert": "a cert", "tls-key": "a key", "ca-file": "b cert"}, {}),
    ({"tls-cert": "none", "tls-key": "none"}, {"tls-cert": "no such file", "tls-key": "no such file"}),
    ({"tls-cert": "a cert", "tls-key": "b key"}, {"tls-key": "do not belong together"}),
    ({"tls-cert": "junk", "tls-key": "a key"}, {"tls-key": "not whole PEM"}),
    ({"tls-cert": "folder", "tls-key": "a key"}, {"tls-cert": "cannot be read"}),
    ({"ca-file": "none"}, {"ca-file": "no such file"}), ({"ca-file": "junk"}, {"ca-file": "no certificate in PEM"}), ({"ca-file": "a key"}, {"ca-file": "no certificate in PEM"}),
    ({"listen-group": "nobody-has-this"}, {"listen-group": "no such group"}),
])
def test_files_that_settings_name_are_looked_at_as_serve_would(fresh, pem, settings, says):
    s = fresh(start=False)
    (s.data / "safelight.conf").write_text("".join(f"{name} = {pem.get(word, word)}\n" for name, word in settings.items()))
    done = config("check", "--data", s.data)
    assert done.returncode == (9 if says else 0), done.stderr
    for number, name in enumerate(settings, 1):
        assert bool(re.search(rf"safelight.conf:{number}: {name}: .*{says.get(name)}", done.stderr)) == (name in says), done.stderr
    if says:
        refused = subprocess.run([BINARY, "serve", "--data", s.data, "--listen", "127.0.0.1:0"], capture_output=True, text=True, env=clean_environment(), timeout=60)
        assert (refused.returncode, refused.stderr) == (9, done.stderr.replace("safelight config: ", "safelight serve: "))


def test_every_setting_can_be_said_in_each_of_the_three_places(conf):
    """The table against itself: each default, written back, is what show shows."""
    rows = shown()
    assert len(rows) > 25
    for name, row in rows.items():
        if row["secret"] or row["default"] == "":
            continue
        variable = "SAFELIGHT_" + name.upper().replace("-", "_")
        for seen in (shown("--config", conf(f"{name} = {row['default']}\n")), shown(f"--{name}", row["default"]), shown(env={variable: row["default"]})):
            assert seen[name]["value"] == row["value"] and seen[name]["from"] != "default"


# --- what is made from the table ---

def test_documents_are_what_the_tables_say():
    done = subprocess.run([sys.executable, str(ROOT / "tools/tables"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_documents_have_every_setting():
    manual, page = (ROOT / "docs/configuration.md").read_text(), (ROOT / "docs/man/safelight.conf.5").read_text()
    for name, row in shown().items():
        assert f"| `{name}` | {'`' + row['default'] + '`' if row['default'] else ''} |" in manual
        assert f".It Cm {name} = ".replace("-", "\\-") in page


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
def test_the_man_page_is_clean():
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", str(ROOT / "docs/man/safelight.conf.5")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    text = subprocess.run(["mandoc", "-Tutf8", str(ROOT / "docs/man/safelight.conf.5")], capture_output=True, text=True).stdout
    assert "metrics-token" in re.sub(".\b", "", text)
