"""The command line: help, exit codes, what goes to stdout, and that no value stands in argv."""
import json
import os
import re
import subprocess

import pytest

from conftest import BINARY, ROOT, SLOW, Web, canary, clean_environment, engine, until

COMMANDS = [(w, v) for w, v in re.findall(r'^(?:COMMAND|PROGRAM)\("(\w+)", (?:"([\w-]+)"|NULL)', (ROOT / "src/cli/commands.def").read_text(), re.M)]
ALL = [[w, v] if v else [w] for w, v in COMMANDS]
DONE, USAGE, NOT_ALLOWED, NOT_FOUND, CONFLICT, UNREACHABLE, FAILED, INVALID = 0, 2, 3, 4, 5, 6, 7, 9


def run(*words, stdin="", env=None):
    return subprocess.run([BINARY, *map(str, words)], capture_output=True, text=isinstance(stdin, str), input=stdin, env=clean_environment(**(env or {})), timeout=30 * SLOW)


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_of_every_command(words):
    done = run(*words, "--help")
    assert done.returncode == DONE and done.stdout.startswith("usage: safelight " + " ".join(words)) and done.stderr == ""


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], ["secret", "--help"]])
def test_overview(words):
    done = run(*words)
    assert done.returncode == DONE and "usage: safelight" in done.stdout and "secret" in done.stdout
    assert run("--version").stdout.startswith("safelight ")


@pytest.mark.parametrize("words", [[], ["nope"], ["secret"], ["secret", "nope"], ["secret", "set"], ["secret", "set", "A", "B"], ["secret", "set", "A", "--value", "x"],
                                   ["secret", "set", "A", "--nope"], ["secret", "set", "A", "--file"], ["job", "show"], ["token", "create"], ["team", "create", "x"],
                                   ["secret", "delete", "A"], ["init"], ["init", "--data"], ["serve"], ["worker"], ["worker", "--engine"], ["key", "rotate", "--data", "x"], ["doctor"]])
def test_wrong_usage_is_2_and_nothing_on_stdout(words):
    done = run(*words, env={"SAFELIGHT_URL": "http://127.0.0.1:9", "SAFELIGHT_TOKEN": "x"})
    assert done.returncode == USAGE and done.stdout == "" and "usage" in done.stderr


def test_abuse_061_no_flag_takes_a_value():
    usages = (ROOT / "src/cli/commands.def").read_text()
    assert not re.search(r"--(value|secret|password|token)(?![\w-])", usages)
    for words in ([["secret", "set"], ["secret", "rotate"]]):
        assert "--value" not in run(*words, "--help").stdout


def test_exit_codes_of_client_commands(server, unique):
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    value = canary()
    assert run("secret", "set", unique, stdin=value, env=env).returncode == DONE
    again = run("secret", "set", unique, stdin=value, env=env)
    assert again.returncode == CONFLICT and "already exists" in again.stderr and again.stdout == ""
    assert run("secret", "rotate", unique, stdin=value, env=env).returncode == DONE
    assert run("secret", "rotate", unique + "x", stdin=value, env=env).returncode == NOT_FOUND
    assert run("secret", "set", "a b", stdin=value, env=env).returncode == INVALID
    assert run("secret", "set", unique + "e", stdin="", env=env).returncode == INVALID
    assert run("secret", "set", unique + "e", stdin="v" * 65537, env=env).returncode == INVALID
    assert run("secret", "set", unique + "e", "--file", "/nonexistent", env=env).returncode == INVALID
    assert run("secret", "delete", unique, "--yes", env=env).returncode == DONE
    assert run("secret", "delete", unique, "--yes", env=env).returncode == NOT_FOUND
    for words in (["secret", "list"], ["job", "list"], ["token", "list"], ["secret", "set", "A"], ["job", "submit"]):
        assert run(*words, stdin="{}", env={**env, "SAFELIGHT_TOKEN": "wrong"}).returncode == NOT_ALLOWED
        assert run(*words, stdin="{}", env={**env, "SAFELIGHT_URL": "http://127.0.0.1:9"}).returncode == UNREACHABLE
    worker = server.new_token("worker")
    assert run("secret", "list", env={**env, "SAFELIGHT_TOKEN": worker}).returncode == NOT_ALLOWED
    bad = run("job", "submit", stdin='{"template":{"id":"X","src":"https://e.com/"},"webhook":{"url":"https://e.com/${secret.NONE_SUCH}"}}', env=env)
    assert bad.returncode == INVALID and "/webhook/url" in bad.stderr and bad.stdout == ""
    for words in (["job", "submit"], ["job", "join"], ["batch", "submit"], ["secret", "import"], ["template", "upload", "--type", "aep"], ["font", "upload"], ["audit", "verify"]):
        for path in ("/nonexistent", "/"):  # what cannot be read is the same mistake everywhere
            assert run(*words, path, env=env).returncode == INVALID, words


ABSENT = [*(["job", verb] for verb in ("show", "logs", "wait", "output", "cancel", "retry-delivery")), *(["batch", verb] for verb in ("show", "wait", "cancel")),
          ["template", "show"], ["template", "download"], ["template", "delete", "--yes"], ["font", "delete", "--yes"], ["token", "revoke"], ["secret", "delete", "--yes"], ["secret", "rollback"]]


@pytest.mark.parametrize("words", ABSENT, ids=" ".join)
def test_what_is_not_there_is_4_in_its_own_words_also_when_the_id_can_be_none(server, words):
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    for name in ("nope", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "../jobs"):
        done = run(*words[:2], name, *words[2:], env=env)
        assert done.returncode == NOT_FOUND and done.stdout == "" and f"there is no {words[0]} of this " in done.stderr and name not in done.stderr, done.stderr


def test_a_job_without_a_log_yet_is_no_mistake(server):
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    job = run("job", "submit", stdin='{"engine":"nobody-has-this"}', env=env).stdout.strip()
    done = run("job", "logs", job, env=env)
    assert (done.returncode, done.stdout) == (DONE, "") and "no log yet" in done.stderr
    assert "OUTPUT" not in run("job", "show", job, env=env).stdout  # there is nothing at that address yet


def test_tokens_and_addresses_that_are_none_are_9_and_named(server):
    good = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    for end in ("\r", "\n", "\r\n", " x", "\x01", "é"):
        done = run("secret", "list", env={**good, "SAFELIGHT_TOKEN": server.token + end})
        assert done.returncode == INVALID and "SAFELIGHT_TOKEN" in done.stderr and server.token not in done.stderr, done.stderr
    for url in ("foo", "http://", "http://127.0.0.1:99999", "http://user:pass@host", "ftp://host", "http://a b"):
        for words in (["secret", "list"], ["worker", "--engine", "x", "--once"]):
            done = run(*words, env={**good, "SAFELIGHT_URL": url})
            assert done.returncode == INVALID and "SAFELIGHT_URL" in done.stderr and "pass" not in done.stderr.replace("password", ""), (url, done.stderr)
    assert run("worker", "--engine", "x", "--once", env={**good, "SAFELIGHT_TOKEN": "slt_x\r"}).returncode == INVALID


def test_a_secret_without_an_older_version_is_there_all_the_same(server, unique):
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    run("secret", "set", unique, stdin=canary(), env=env)
    for flags, said in (([], "one version only"), (["--version", "7"], "no such version")):
        done = run("secret", "rollback", unique, *flags, env=env)
        assert done.returncode == NOT_FOUND and said in done.stderr and "no such secret" not in done.stderr


def test_policies_and_keys_in_words(server, unique):
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    run("secret", "set", unique, "--sinks", "header,url", "--hosts", "a.example.com", stdin=canary(), env=env)
    assert run("secret", "policy", unique, env=env).stdout == "SINKS    header, url\nHOSTS    a.example.com\n"
    assert run("secret", "policy", unique, "--json", env=env).stdout.startswith('{"sinks":["header","url"]')
    status = server.operator("key", "status").stdout
    assert "resume" not in status and "idle" not in status and "false" not in status
    assert "  must be an object" in run("job", "submit", stdin="[]", env=env).stderr.split("\n")


def test_a_file_that_is_there_is_not_overwritten(server, folder):
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    for verb in ("export", "checkpoint"):
        path = folder / verb
        path.write_text("mine")
        done = run("audit", verb, "--file", path, env=env)
        assert done.returncode == CONFLICT and "--force" in done.stderr and path.read_text() == "mine"
        assert run("audit", verb, "--file", path, "--force", env=env).returncode == DONE and path.read_text() != "mine"
        (folder / "dangling").unlink(missing_ok=True)
        (folder / "dangling").symlink_to(folder / "nowhere")
        assert run("audit", verb, "--file", folder / "dangling", env=env).returncode == CONFLICT
        assert run("audit", verb, "--file", "/dev/null", "--force", env=env).returncode == INVALID  # a device is not replaced
        assert run("audit", verb, "--file", folder / "new", env=env).returncode == DONE
        (folder / "new").unlink()
    assert [p.name for p in folder.iterdir() if ".part" in p.name] == []


def test_without_url_or_token_it_says_what_to_set():
    for env in ({}, {"SAFELIGHT_URL": "http://127.0.0.1:9"}, {"SAFELIGHT_URL": "nonsense", "SAFELIGHT_TOKEN": "x"}):
        done = run("secret", "list", env=env)
        assert done.returncode in (USAGE, NOT_ALLOWED, UNREACHABLE, INVALID) and done.stdout == "" and "SAFELIGHT_" in done.stderr


def test_the_vendors_variables_are_read_too(server):
    env = {"NEXRENDER_API_URL": server.base, "NEXRENDER_API_KEY": server.token}
    assert run("secret", "list", "--json", env=env).returncode == DONE


def test_json_output_parses_and_tables_show_the_same(server, unique):
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    made = json.loads(run("secret", "set", unique, "--json", stdin=canary(), env=env).stdout)
    assert made["name"] == unique and made["version"] == 1
    assert unique in [r["name"] for r in json.loads(run("secret", "list", "--json", env=env).stdout)]
    assert unique in run("secret", "list", env=env).stdout and made["id"] in run("secret", "list", env=env).stdout
    job = json.loads(run("job", "submit", "--json", stdin='{"engine":"nobody-has-this"}', env=env).stdout)
    assert json.loads(run("job", "show", job["id"], "--json", env=env).stdout)["status"] == "queued"
    assert job["id"] in run("job", "show", job["id"], env=env).stdout
    assert job["id"] in run("job", "list", "--states", "queued", "--limit", "1000", env=env).stdout
    assert isinstance(json.loads(run("job", "list", "--json", env=env).stdout), list)
    plain = run("job", "submit", stdin='{"engine":"nobody-has-this"}', env=env).stdout
    assert re.fullmatch(r"[0-9A-Z]{26}\n", plain)
    late = run("job", "wait", plain.strip(), "--timeout", "0", env=env)
    assert late.returncode == FAILED
    token = json.loads(run("token", "create", "--role", "submit", "--json", env=env).stdout)
    assert token["token"].startswith("slt_sub_")
    assert token["id"] in [t["id"] for t in json.loads(run("token", "list", "--json", env=env).stdout)]
    assert run("token", "revoke", token["id"], env=env).returncode == DONE
    for words in (["team", "list"], ["key", "status"], ["token", "list", "--team", "studio"]):
        json.loads(server.operator(*words, "--json", check=True).stdout)
        assert server.operator(*words, check=True).stdout


@pytest.mark.parametrize("value, note", [("exact", False), ("line\n", True), ("\n", True), (" both \t", False), ('q"\\\u2028é\x01', False), ("v" * 65536, False)])
@pytest.mark.parametrize("way", ["stdin", "file"])
def test_08_values_are_stored_byte_for_byte(server, studio, unique, folder, value, note, way):
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    path = folder / "value"
    path.write_bytes(value.encode())
    done = run("secret", "set", unique, *(["--file", path] if way == "file" else []), stdin=value if way == "stdin" else "", env=env)
    assert done.returncode == DONE and ("newline" in done.stderr) == note
    if len(value) < 1000 and way == "stdin":
        server.render({"webhook": {"url": f"{studio.url}/hook/{unique}", "custom": True, "data": {"v": "${secret.%s}" % unique}}}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
        assert json.loads(until(lambda: studio.received(f"/hook/{unique}"), 10)[0]["body"]) == {"v": value}


def test_values_that_are_not_text_are_refused(server, unique):
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    for value in (b"\xff\xfe", b"a\x00b", b"\xc0\x80"):
        done = run("secret", "set", unique, stdin=value, env=env)
        assert done.returncode == INVALID and value not in done.stderr


def test_job_wait_and_submit_wait(server, folder):
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    for script, code in (('echo said; echo x > "$SAFELIGHT_OUTPUT"\n', DONE), ("echo said; exit 1\n", FAILED)):
        program = engine(server.folder, script)
        path = folder / "job.json"
        path.write_text(json.dumps({"engine": program.name}))
        worker = server.worker("--once", engine=program)
        done = run("job", "submit", path, "--wait", "--json", env=env)
        worker.wait(20 * SLOW)
        assert done.returncode == code and worker.returncode == code
        job = json.loads(done.stdout)
        assert run("job", "wait", job["id"], env=env).returncode == code
        assert "said" in run("job", "logs", job["id"], env=env).stdout


def test_what_a_server_says_cannot_drive_the_terminal(unique):
    with Web(lambda handler, body: (400, {"Content-Type": "application/json"}, json.dumps({"error": "\x1b[31mred\x07", "details": [{"field": "a\x1b]0;t", "message": "\x9b1m"}]}).encode())) as web:
        done = run("secret", "set", unique, stdin="value", env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "x"})
    assert done.returncode == INVALID and "\x1b" not in done.stderr and "\x07" not in done.stderr and "red" in done.stderr


def test_huge_and_hostile_words_end_in_a_sentence(server):
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    huge, data = "A" * 100000, ["--data", server.data]
    for words in (["team", "create", huge, *data], ["team", "set", "studio", "--webhook-signing-secret", huge, *data], ["key", "rotate", huge, *data], ["token", "create", "--role", huge], ["template", "show", huge],
                  ["job", "logs", huge], ["audit", "list", "--name", huge], ["secret", "policy", huge], ["config", "check", "--config", "\x1b[2J\u202ex"], ["serve", *data, "--config", "\x1b[2J\u202ex"]):
        done = run(*words, env=env)
        assert done.returncode in (NOT_FOUND, INVALID) and done.stdout == "" and done.stderr.startswith("safelight"), words[:2]
        assert "AAAA" not in done.stderr and not set(done.stderr) & set("\x1b\u202e"), words[:2]


@pytest.mark.parametrize("words", [["secret", "list"], ["token", "create", "--role", "submit"], ["job", "list", "--json"], ["audit", "checkpoint"], ["audit", "export", "--file", "-"], ["man", "safelight"], ["secret", "--help"],
                                   ["completion", "bash"], ["token", "list", "--help"]], ids=" ".join)
def test_a_result_that_cannot_be_written_is_7(server, words):
    env = clean_environment(SAFELIGHT_URL=server.url, SAFELIGHT_TOKEN=server.token)
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, *words], stdout=full, stderr=subprocess.PIPE, text=True, env=env, timeout=30 * SLOW)
    assert done.returncode == FAILED and "written" in done.stderr and "URL" not in done.stderr, done.stderr


def test_init_says_what_to_do(folder):
    data = folder / "data"
    done = run("init", "--data", data, "--team", "studio")
    assert done.returncode == DONE and re.fullmatch(r"slt_adm_\w+\n", done.stdout) and "serve" in done.stderr
    assert oct(os.stat(data).st_mode)[-3:] == "700" and oct(os.stat(data / "root.key").st_mode)[-3:] == "600" and (data / "root.key").stat().st_size == 32
    assert run("init", "--data", data).returncode == CONFLICT
    assert run("init", "--data", folder / "no/such/folder").returncode == FAILED
    assert run("init", "--data", folder / "other", "--team", "root").returncode == INVALID
    assert not (folder / "other").exists()
    assert done.stdout.strip().encode() not in b"".join(p.read_bytes() for p in data.rglob("*") if p.is_file())


def test_the_worker_says_what_is_wrong(server):
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.new_token("submit")}
    assert run("worker", "--engine", "/bin/true", "--once", env=env).returncode == NOT_ALLOWED
    assert run("worker", "--engine", "x", "--poll-ms", "0", env=env).returncode == USAGE
    assert run("worker", "--engine", "x", "--once", env={"SAFELIGHT_URL": server.url}).returncode == NOT_ALLOWED
