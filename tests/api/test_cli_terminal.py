"""What a person sees: tables that fit, colours, progress, questions, hidden prompts; and that nothing a server says hurts the terminal."""
import json
import os
import signal
import subprocess
import unicodedata

import pytest

from conftest import BINARY, SLOW, Web, canary, clean_environment
from terminal import ANSI, Terminal

DONE, USAGE, NOT_ALLOWED, NOT_FOUND, UNREACHABLE, FAILED, INVALID = 0, 2, 3, 4, 6, 7, 9
JSON = {"Content-Type": "application/json"}
NEVER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def cells(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def rows(count=3, **more):
    return [{"id": f"01ARZ3NDEKTSV4RRFFQ69G5FA{i}", "name": f"prod/A_RATHER_LONG_NAME_OF_A_SECRET_{i}", "version": 1, "createdAt": "2026-11-24T01:02:03.456Z",
             "updatedAt": "2026-11-25T01:02:03.456Z", **more} for i in range(count)]


def serving(body, status=200, headers=JSON):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Web(lambda handler, got: (status, headers, text))


def env_of(web):
    return {"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "slt_x"}


def table(t):
    """The lines of the table, and what was said below it."""
    lines = [line for line in t.lines if line]
    end = next((n for n, line in enumerate(lines) if line.startswith("safelight:")), len(lines))
    return lines[:end], " ".join(lines[end:])


@pytest.mark.parametrize("width, gone", [(20, "VERSION, CREATED, UPDATED, ID"), (40, "CREATED, UPDATED, ID"), (60, "ID"), (80, "ID"), (100, ""), (133, ""), (200, "")])
def test_tables_fit_the_terminal_and_never_wrap(width, gone):
    with serving(rows()) as web, Terminal("secret", "list", env=env_of(web), width=width) as t:
        assert t.end() == DONE
        lines, said = table(t)
        assert len(lines) == 4 and all(cells(line) <= width for line in lines)
        assert lines[0].startswith("NAME") and all(line.startswith("prod/") for line in lines[1:])
        assert said == (f"safelight: no room for {gone}; a wider terminal or --json shows all" if gone else "")
        assert ("EXPIRES" in lines[0]) == (width >= 133)  # it is empty
        assert (" 01:02" in t.text) == (width >= 133) and ("2026-11-25" in t.text) == (width > 40)


HARD = {
    "audit list": ([{"sequence": 123456, "at": "2026-11-24T01:02:03.456Z", "event": "secret.policy_changed", "actor": "r9f0qgAbCdEfGh", "name": "prod/A_LONG_NAME_OF_A_SECRET", "version": 3, "requestId": "x",
                     "job": NEVER, "address": "192.0.2.200", "subject": NEVER}], ["secret.policy_changed"]),
    "token list": ([{"id": "r9f0qgAbCdEfGh", "role": "submit", "name": "the token of a machine", "names": "prod/*", "addresses": "10.0.0.0/8", "expiresAt": "2027-01-31T00:00:00Z",
                     "lastUsedAt": "2026-11-24T01:02:03.456Z", "revokedAt": "2026-11-25T01:02:03.456Z", "suspendedAt": None}], ["r9f0qgAbCdEfGh", "revoked"]),
    "template list": ([{"id": NEVER, "type": "mogrt", "status": "uploaded", "displayName": "An opener with a long name", "createdAt": "2026-11-24T01:02:03.456Z", "error": None}], [NEVER]),
    "job list": ([{"id": NEVER, "status": "manually_cancelled", "progress": 100, "stats": {"createdAt": "2026-11-24T01:02:03.456Z", "error": "a long reason why it did not work out " * 3}}], [NEVER]),
}


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("words", HARD)
def test_ids_events_and_states_are_never_cut_and_what_is_left_out_is_said(words, width):
    body, whole = HARD[words]
    with serving(body) as web, Terminal(*words.split(), env=env_of(web), width=width) as t:
        assert t.end() == DONE
        lines, said = table(t)
        assert len(lines) == 2 and all(cells(line) <= width for line in lines) and all(word in lines[1] for word in whole), lines
        shown = lines[0].split()
        assert all(word in said for word in ("ACTOR", "JOB") if words == "audit list" and word not in shown) and ("no room for" in said or width == 80)


@pytest.mark.parametrize("token, state", [({}, "good"), ({"expiresAt": "2020-01-01T00:00:00Z"}, "ended"), ({"suspendedAt": "2026-01-01T00:00:00Z"}, "void"), ({"suspendedAt": "2026-01-01T00:00:00Z", "revokedAt": "2026-01-01T00:00:00Z"}, "revoked")])
def test_a_tokens_state_is_a_word(token, state):
    with serving([{"id": "r9f0qgAbCdEfGh", "role": "admin", **token}]) as web:
        done = subprocess.run([BINARY, "token", "list"], capture_output=True, text=True, env=clean_environment(**env_of(web)))
        assert state in done.stdout.splitlines()[1].split()


def test_columns_says_the_width_and_pipes_get_all_of_it():
    with serving(rows()) as web:
        with Terminal("secret", "list", env={**env_of(web), "COLUMNS": "50"}, width=200) as t:
            assert t.end() == DONE and all(cells(line) <= 50 for line in table(t)[0])
        piped = subprocess.run([BINARY, "secret", "list"], capture_output=True, text=True, env=clean_environment(**env_of(web), COLUMNS="30", TERM="xterm"))
        assert "2026-11-24T01:02:03.456Z" in piped.stdout and "…" not in piped.stdout and "\x1b" not in piped.stdout


def test_wide_and_combining_characters_are_measured():
    names = ["日本語の鍵", "cafe\u0301", "plain", "日" * 60]
    body = [{**row, "name": name} for row, name in zip(rows(4), names)]
    with serving(body) as web, Terminal("secret", "list", env=env_of(web), width=70) as t:
        assert t.end() == DONE
        lines, _ = table(t)
        assert all(cells(line) <= 70 for line in lines)
        at = cells(lines[0].split("VERSI")[0])
        assert all(cells(line[:line.index(" 1 ") + 1]) == at for line in lines[1:])


@pytest.mark.parametrize("env, coloured", [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False), ({"TERM": ""}, False)])
def test_colours_only_where_they_are_wanted(env, coloured):
    with serving([{"id": "x", "status": "finished"}, {"id": "y", "status": "error"}]) as web:
        with Terminal("job", "list", env={**env_of(web), **env}) as t:
            assert t.end() == DONE and ("\x1b[" in t.text) == coloured and "finished" in t.text


HOSTILE = ["\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x9b31m", "\u202egnp.exe", "\u2066x\u2069", "\u200b\u2028", "\x7f\x08\x08", "\x00a", "\r\nfake line", "\U000e0041"]


@pytest.mark.parametrize("flags", [[], ["--json"], ["--quiet"]], ids=str)
@pytest.mark.parametrize("words", [["secret", "list"], ["job", "show", "x"], ["job", "list"], ["template", "list"], ["token", "list"], ["font", "list"], ["batch", "show", "x"]], ids=" ".join)
def test_nothing_a_server_says_reaches_the_terminal_raw(words, flags):
    bad = "".join(HOSTILE).replace("\x00", "")
    row = {k: bad for k in ("id", "name", "status", "version", "createdAt", "displayName", "type", "error", "familyName", "fileName", "role", "names", "batchId")}
    row["stats"] = {"error": bad, "createdAt": bad}
    one = words[1] == "show"
    body = {**row, "jobs": [row]} if one else [row]
    with serving(body) as web, Terminal(*words, *flags, env={**env_of(web), "NO_COLOR": "1"}) as t:
        assert t.end() == DONE
        assert not set(t.text) & set("\x1b\x07\x9b\x7f\x08\u202e\u2066\u2069\u200b\u2028\U000e0041"), repr(t.text)


def test_errors_of_a_server_are_shown_without_controls():
    with serving({"error": "no\x1b[31m\u202e", "details": [{"field": "\x1b]0;x\x07", "message": "\x9bm"}]}, status=400) as web:
        with Terminal("secret", "list", env={**env_of(web), "NO_COLOR": "1"}) as t:
            assert t.end() == 9 and not set(t.text) & set("\x1b\x07\x9b\u202e") and "no?" in t.text


@pytest.mark.parametrize("body", [b"", b"<html>login</html>", b"[1,2", b"\xff\xfe", b"[" * 100, b'{"a":1}x', b"null", b"3", b'"x"', b"[[[]]]", b"[1,null,\"x\"]", b'[{"id":{"a":1},"name":[2],"version":"x"}]'])
@pytest.mark.parametrize("words", [["secret", "list"], ["job", "show", "x"], ["batch", "show", "x"], ["secret", "policy", "x"], ["token", "list"]], ids=" ".join)
def test_answers_of_another_kind_end_in_a_sentence_or_nothing(words, body):
    with serving(body) as web:
        done = subprocess.run([BINARY, *words], capture_output=True, env=clean_environment(**env_of(web)), timeout=30 * SLOW)
        assert done.returncode in (DONE, NOT_FOUND, FAILED)
        if body.startswith((b"<", b"\xff", b"[1,2", b'{"a":1}x')) and not body.endswith(b"]"):
            assert done.returncode == FAILED and b"safelight:" in done.stderr and done.stdout == b""


def test_an_endless_answer_is_given_up():
    def answer(handler, body):
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(100):
                handler.wfile.write(b"[" + b" " * (1 << 20))
        finally:
            handler.close_connection = True
        return 200, {}, b""
    with Web(answer) as web:
        done = subprocess.run([BINARY, "secret", "list"], capture_output=True, text=True, env=clean_environment(**env_of(web)), timeout=60 * SLOW)
        assert done.returncode == FAILED and "larger than" in done.stderr and done.stdout == ""


# --- progress ---

def test_uploads_show_progress_on_a_terminal_alone(server, folder):
    path = folder / "big.aep"
    path.write_bytes(b"RIFX" + os.urandom(8 << 20))
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    with Terminal("template", "upload", path, env=env) as t:
        assert t.end() in (DONE, FAILED)
        assert "uploading [" in t.text and "of 8.0 MiB" in t.text and "\r" in t.text
        assert "uploading" not in t.text.replace("\r\n", "\n").split("\x1b[K")[-1]  # it cleared itself
    for env_more, flags in (({"TERM": "dumb"}, []), ({}, ["--quiet"])):
        with Terminal("template", "upload", path, *flags, env={**env, **env_more}) as t:
            assert t.end() in (DONE, FAILED) and "uploading" not in t.text and "MiB" not in t.text
    piped = subprocess.run([BINARY, "template", "upload", str(path)], capture_output=True, text=True, env=clean_environment(**env, TERM="xterm"))
    assert "uploading" not in piped.stderr + piped.stdout


def test_job_wait_shows_state_and_percent():
    asked = []

    def answer(handler, body):
        asked.append(1)
        status = "finished" if len(asked) > 2 else "render:dorender"
        return 200, JSON, json.dumps({"id": "x", "status": status, "progress": 42}).encode()
    with Web(answer) as web, Terminal("job", "wait", "x", env=env_of(web)) as t:
        assert t.end() == DONE and "rendering [" in t.text and "42%" in t.text and "finished" in t.text.split("\x1b[K")[-1]


def test_batch_wait_counts_jobs():
    asked = []

    def answer(handler, body):
        asked.append(1)
        left = 0 if len(asked) > 2 else 6
        return 200, JSON, json.dumps({"batchId": "x", "stats": {"total": 8, "pending": left, "finished": 8 - left, "error": 0}, "jobs": []}).encode()
    with Web(answer) as web, Terminal("batch", "wait", "x", env=env_of(web)) as t:
        assert t.end() == DONE and "2 of 8" in t.text


def test_key_rotation_is_followed(fresh):
    s = fresh()
    assert s.put("A", canary()).status_code in (200, 201)
    with Terminal("key", "rotate", "master", "--data", s.data, "--wait") as t:
        assert t.end() == DONE and "done" in t.text
    done = s.operator("key", "rotate", "team", "--team", "studoi")
    assert done.returncode == NOT_FOUND and "did you mean studio?" in done.stderr


# --- questions ---

DESTRUCTIVE = [["secret", "delete", "A"], ["template", "delete", "x"], ["font", "delete", "x"]]


@pytest.mark.parametrize("words", DESTRUCTIVE, ids=" ".join)
@pytest.mark.parametrize("answer, deleted", [("y", True), ("yes", True), ("Y", True), ("n", False), ("", False), ("maybe", False), ("\x04", False)])
def test_destruction_asks_and_names_what_goes(words, answer, deleted):
    row = {"id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "name": "A", "displayName": "Intro", "fileName": "A.ttf"}
    with Web(lambda handler, body: (200, JSON, json.dumps([row] if handler.path.endswith("/secrets") else row).encode())) as web:
        with Terminal(*words, env=env_of(web)) as t:
            t.until("[y/N]").type(answer + ("" if answer == "\x04" else "\n"))
            assert t.end() == (DONE if deleted else USAGE)
            assert any(name in t.text for name in ("secret A ", "template Intro ", "font A.ttf ")) and "cannot be undone" in t.text
        assert ("DELETE" in [method for method, _, _ in web.seen]) == deleted
        assert deleted or "nothing was changed" in t.text


@pytest.mark.parametrize("count", [0, 1, 2, 4, 100])
def test_deleting_a_secret_says_which_jobs_will_fail(count):
    ids = [f"01ARZ3NDEKTSV4RRFFQ69G5{n:03d}" for n in range(count)]
    answer = lambda handler, body: (200, JSON, json.dumps([{"id": NEVER, "name": "A"}] if handler.path.endswith("/secrets") else [{"id": i, "waiting": True} for i in ids]).encode())
    with Web(answer) as web, Terminal("secret", "delete", "A", env=env_of(web), width=200) as t:
        t.until("[y/N]").type("n\n")
        assert t.end() == USAGE and any("waiting=true" in handler for _, handler, *_ in [(m, str(p)) for m, p, _ in web.seen])
        wanted = {0: "no job waits for it", 1: f"1 job that has not ended will fail ({ids[:1]})", 2: "2 jobs that have not ended will fail", 4: ", ...)", 100: "at least 100 jobs"}[count]
        assert wanted.replace("['", "").replace("']", "") in t.text and all(i in t.text for i in ids[:3]) and not any(i in t.text for i in ids[3:])


def test_a_team_is_named_before_it_goes(fresh):
    s = fresh()
    s.team("doomed")
    with Terminal("team", "delete", "doomed", "--data", s.data) as t:
        t.until("[y/N]").type("n\n")
        assert t.end() == USAGE and "the team doomed" in t.text
    assert "doomed" in s.operator("team", "list").stdout
    assert "did you mean doomed?" in s.operator("team", "delete", "domed", "--yes").stderr
    with Terminal("team", "delete", "doomed", "--data", s.data) as t:
        t.until("[y/N]").type("y\n")
        assert t.end() == DONE
    assert "doomed" not in s.operator("team", "list").stdout


@pytest.mark.parametrize("words", DESTRUCTIVE + [["team", "delete", "x", "--data", "/nonexistent"]], ids=" ".join)
def test_without_a_terminal_destruction_needs_yes(words):
    with serving({}) as web:
        done = subprocess.run([BINARY, *words], capture_output=True, text=True, input="y\n", env=clean_environment(**env_of(web)))
        assert done.returncode == USAGE and "--yes" in done.stderr and done.stdout == "" and web.seen == []


# --- hidden prompts ---

def test_a_value_typed_is_not_shown_and_stored_whole(server, unique):
    value = canary(40) + "é" + "x" * 9000  # past what a terminal's own line holds
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    with Terminal("secret", "set", unique, env=env) as t:
        t.until("not shown")
        assert not t.echoes()
        t.type("wrong start\x15" + value + "zz\x7f\x7f\n")
        assert t.end() == DONE and value[:30] not in t.text and "wrong start" not in t.text and "newline" not in t.text
        assert t.echoes()
    assert unique in [row["name"] for row in server.secrets()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_prompt_gives_the_echo_back(number):
    with serving({}) as web, Terminal("secret", "set", "A", env=env_of(web)) as t:
        t.until("not shown")
        assert not t.echoes()
        t.type(canary())
        t.process.send_signal(number)
        assert t.end() == -number and t.echoes() and web.seen == []


def test_nothing_entered_is_said():
    with serving({}) as web, Terminal("secret", "set", "A", env=env_of(web)) as t:
        t.until("not shown").type("\x04")
        assert t.end() == INVALID and "nothing was" in t.text and web.seen == []
