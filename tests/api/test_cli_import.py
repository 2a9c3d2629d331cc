"""secret import: .env files and JSON, one report by name, never a value."""
import base64
import json
import os
import subprocess

import pytest

from conftest import BINARY, ROOT, Web, canary, clean_environment
from terminal import Terminal

DONE, USAGE, NOT_ALLOWED, UNREACHABLE, FAILED, INVALID = 0, 2, 3, 6, 7, 9
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def team(server):
    return server.team("importers")


def run(server, token, text, *flags):
    return subprocess.run([BINARY, "secret", "import", "-", *flags], capture_output=True, input=text if isinstance(text, bytes) else text.encode(), timeout=120,
                          env=clean_environment(SAFELIGHT_URL=server.url, SAFELIGHT_TOKEN=token))


def report(done):
    return {row["name"]: row["status"] for row in json.loads(done.stdout)}


def names(server, token):
    return {row["name"]: row["version"] for row in server.secrets(token)}


def test_an_env_file_is_stored_and_reported_by_name(server, team, unique, folder):
    values = [canary() for _ in range(4)]
    text = f"# farm\nexport {unique}_A={values[0]}\n{unique}/B='{values[1]} # no comment'  # comment\r\n{unique}-C=\"line\\n{values[2]}\nmore\"\n\n{unique}.D = {values[3]} # c\n"
    (folder / "x.env").write_text(text)
    dry = run(server, team, text, "--dry-run", "--json")
    assert dry.returncode == DONE and set(report(dry).values()) == {"create"} and not names(server, team).keys() & report(dry).keys()
    done = subprocess.run([BINARY, "secret", "import", str(folder / "x.env")], capture_output=True, text=True, env=clean_environment(SAFELIGHT_URL=server.url, SAFELIGHT_TOKEN=team))
    assert done.returncode == DONE and done.stdout.count("created") == 4 and not any(v in done.stdout + done.stderr + dry.stdout.decode() + dry.stderr.decode() for v in values)
    assert {f"{unique}_A", f"{unique}/B", f"{unique}-C", f"{unique}.D"} <= names(server, team).keys()
    again = run(server, team, text, "--json")
    assert again.returncode == FAILED and set(report(again).values()) == {"refused"} and b"--rotate" in again.stdout
    foretold = run(server, team, text, "--json", "--rotate", "--dry-run")
    assert foretold.returncode == DONE and set(report(foretold).values()) == {"rotate"}
    rotated = run(server, team, text, "--json", "--rotate")
    assert rotated.returncode == DONE and set(report(rotated).values()) == {"rotated"} and names(server, team)[f"{unique}_A"] == 2


def test_a_prefix_stands_before_every_name(server, team, unique):
    text = "A=first-value\nB=second-value\n"
    dry = run(server, team, text, "--prefix", f"{unique}/", "--dry-run", "--json")
    assert dry.returncode == DONE and report(dry) == {f"{unique}/A": "create", f"{unique}/B": "create"} and f"{unique}/A" not in names(server, team)
    done = run(server, team, text, "--prefix", f"{unique}/", "--json")
    assert done.returncode == DONE and report(done) == {f"{unique}/A": "created", f"{unique}/B": "created"} and "A" not in names(server, team)
    assert names(server, team)[f"{unique}/A"] == 1
    assert report(run(server, team, text, "--prefix", f"{unique}/", "--rotate", "--dry-run", "--json")) == {f"{unique}/A": "rotate", f"{unique}/B": "rotate"}


@pytest.mark.parametrize("flags", [["--dry-run"], []], ids=str)
def test_names_are_judged_with_their_prefix(server, team, unique, flags):
    """The longest name, and one longer; a name that would be the prefix alone."""
    text = json.dumps({"A": "a value", "BB": "a value", "": "a value"})
    done = run(server, team, text, "--prefix", (unique + "/").ljust(127, "x"), "--json", *flags)
    assert done.returncode == FAILED and [s == "refused" for s in report(done).values()] == [False, True, True], done.stdout
    assert all(len(name) <= 128 for name in names(server, team))


@pytest.mark.parametrize("prefix", ["", "a b", "é", "x" * 129, "\n", "${secret."])
def test_what_begins_no_name_is_no_prefix(prefix):
    with Web(lambda handler, body: (200, JSON, b"[]")) as web:
        done = subprocess.run([BINARY, "secret", "import", "-", f"--prefix={prefix}"], capture_output=True, text=True, input="A=1",
                              env=clean_environment(SAFELIGHT_URL=web.url, SAFELIGHT_TOKEN="slt_x"))
        assert done.returncode in (INVALID, USAGE) and done.stderr.startswith("safelight: ") and web.seen == [], done.stderr


def test_the_values_arrive_byte_for_byte(fresh, studio, unique):
    s = fresh("--allow-loopback", "on", "--allow-http", "on")
    expected = {"PLAIN": "a b#c=d", "SINGLE": 'x "y" \\n $Z', "DOUBLE": 'tab\tquote" back\\ dollar$\nnew', "MULTI": "-----BEGIN\nabc\n-----END", "BACK": "it's"}
    text = "PLAIN=a b#c=d # comment\nSINGLE='x \"y\" \\n $Z'\nDOUBLE=\"tab\\tquote\\\" back\\\\ dollar\\$\\nnew\"\nMULTI=\"-----BEGIN\nabc\n-----END\"\nBACK=`it's`\n"
    assert run(s, s.token, text).returncode == DONE
    job = {"webhook": {"url": f"{studio.url}/hook/{unique}", "custom": True, "data": {name: "${secret.%s}" % name for name in expected}}}
    s.render(job, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    from common import arrived
    assert json.loads(arrived(studio, unique)[0]["body"]) == expected


def test_abuse_061_the_end_of_a_wrapped_key_becomes_no_name(server, team, unique):
    wrapped = base64.encodebytes(os.urandom(58)).decode()  # as base64 prints it: two lines, the second one ends in ==
    first, end = wrapped.split()
    done = run(server, team, f"{unique}_A=1\n{unique}_KEY={wrapped}{unique}_B=2\n")
    assert done.returncode == INVALID and b"line 3" in done.stderr and b"quotes" in done.stderr and done.stdout == b""
    assert end.encode() not in done.stderr and first.encode() not in done.stderr and not {n for n in names(server, team) if n.startswith(unique)} and end.rstrip("=") not in names(server, team)
    assert run(server, team, f"{unique}_KEY='{wrapped}'\n{unique}_B=2\n").returncode == DONE


def test_a_json_object_of_strings(server, team, unique):
    value = canary()
    done = run(server, team, json.dumps({unique: value, unique + "2": 'q"\n\\é'}), "--json")
    assert done.returncode == DONE and report(done) == {unique: "created", unique + "2": "created"} and value.encode() not in done.stdout
    mixed = run(server, team, json.dumps({unique + "3": "x", unique + "4": 5, unique + "5": None, unique + "6": {"a": "b"}, unique + "7": ""}), "--json")
    assert mixed.returncode == FAILED and [s for s in report(mixed).values()] == ["created", "refused", "refused", "refused", "refused"]
    assert run(server, team, "[]").returncode == INVALID  # no object, no NAME=value
    assert run(server, team, "[]", "--format", "json").returncode == INVALID


def test_what_is_refused_says_why_and_the_rest_is_stored(server, team, unique):
    text = f"{unique}=1\n{unique}_bad!name=2\n{unique}_EMPTY=\n{unique}_BIG={'v' * 65537}\n{unique}_MAX={'v' * 65536}\n{unique}_TWICE=1\n{unique}_TWICE=2\n{unique}_LAST=3\n"
    dry = run(server, team, text, "--dry-run", "--json")
    done = run(server, team, text, "--json")
    for one, word in ((dry, "create"), (done, "created")):
        rows = [(r["name"].removeprefix(unique), r["status"]) for r in json.loads(one.stdout)]
        assert rows == [("", word), ("_bad!name", "refused"), ("_EMPTY", "refused"), ("_BIG", "refused"), ("_MAX", word), ("_TWICE", "refused"), ("_TWICE", "refused"), ("_LAST", word)], one.stdout
        assert one.returncode == FAILED and all("why" in r and "line" in r for r in json.loads(one.stdout) if r["status"] == "refused")
    assert f"{unique}_TWICE" not in names(server, team) and b"5 of 8" in done.stderr
    quiet = run(server, team, text, "--rotate", "--quiet")
    assert quiet.stdout.decode().split() == [unique, unique + "_MAX", unique + "_LAST"]


@pytest.mark.parametrize("text, line", [("A=1\nnonsense\n", b"line 2"), ("A='x\n\n", b"line 1"), ('A="\\q"', b"line 1"), ("=x", b"line 1"), ('{"A":"1"', b"line 1"), ('{"A":"1",\n"A":"2"}', b"line 2"),
                                        ("", b"nothing"), ("# only\n", b"nothing"), ("{}", b"nothing"), (b"\xff\xfe", b"line 1")])
def test_files_that_cannot_be_read_store_nothing(server, team, text, line):
    before = names(server, team)
    done = run(server, team, text)
    assert done.returncode == INVALID and line in done.stderr and done.stdout == b"" and names(server, team) == before


def test_warnings_are_told(server, team, unique):
    done = run(server, team, f"{unique}=abc\n{unique}_LONG={canary()}\n", "--json")
    rows = json.loads(done.stdout)
    assert done.returncode == DONE and "too short" in rows[0]["why"] and "why" not in rows[1]


def test_limits_of_a_file(server, team, folder):
    many = "".join(f"LIMIT_{i}=x\n" for i in range(10001))
    done = run(server, team, many)
    assert done.returncode == INVALID and b"10000" in done.stderr and "LIMIT_0" not in names(server, team)
    at = run(server, team, "".join(f"LIMIT_{i}=\n" for i in range(10000)), "--quiet")
    assert at.returncode == FAILED and b"10000 of 10000" in at.stderr
    for extra, why in ((0, b"nothing"), (1, b"larger")):
        done = run(server, team, b"#" * (8 * 1024 * 1024 + extra))
        assert done.returncode == INVALID and why in done.stderr
    assert run(server, team, "A=1", "--format", "yaml").returncode == INVALID


def test_values_are_not_in_the_report_the_log_or_files(fresh, unique):
    s = fresh()
    values = [canary() for _ in range(20)]
    done = run(s, s.token, "".join(f"K{i}={v}\n" for i, v in enumerate(values)) + f"BAD!={values[0]}x\n")
    assert done.returncode == FAILED
    s.stop()
    for value in values:
        assert value.encode() not in done.stdout + done.stderr and s.places_of(value) == []


def test_a_server_that_goes_away_ends_it_with_6_and_says_how_far_it_came():
    count = []

    def answer(handler, body):
        count.append(1)
        if len(count) > 2:
            handler.close_connection = True
            handler.connection.close()
            raise OSError
        return 201, JSON, b'{"id":"x","name":"x","version":1}'
    with Web(answer) as web:
        done = run(web, "slt_x", "A=1\nB=2\nC=3\nD=4\n", "--json")
        assert done.returncode == UNREACHABLE and list(report(done).values()) == ["created", "created", "unknown", "not tried"] and b"safelight:" in done.stderr
    assert run(web, "slt_x", "A=1").returncode == UNREACHABLE


def test_a_token_that_may_not_stops_at_once(server, team):
    done = run(server, server.new_token("submit", team="importers"), "A=1\nB=2\n", "--json")
    assert done.returncode == NOT_ALLOWED and list(report(done).values()) == ["refused", "not tried"]


def test_progress_on_a_terminal(server, team, unique, folder):
    (folder / "x.env").write_text("".join(f"{unique}_{i}=x\n" for i in range(60)))
    with Terminal("secret", "import", folder / "x.env", env={"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": team}) as t:
        assert t.end() == DONE and "importing [" in t.text and "of 60" in t.text and t.text.count("created") == 60


def test_the_documented_grammar_is_the_readers():
    """docs/CLI.md shows the same grammar as the header of the reader."""
    header = (ROOT / "src/cli/cli_env.h").read_text()
    page = (ROOT / "docs/CLI.md").read_text()
    for line in ("entry   =", "bare   ", "comment ="):
        assert line.strip() in header
    for rule in header.split(" *     ")[1:7]:
        assert rule.split("\n")[0].strip() in page
