"""The command line and answers that are lost, late or not Safelight's: nothing is taken for a result, and of a write that may have been
done it is said that it may."""
import json
import threading

import pytest
import requests

from conftest import SLOW, Web, canary
from test_processes import certificate
from test_cli import CONFLICT, DONE, FAILED, INVALID, NOT_FOUND, UNREACHABLE, USAGE, run

NEVER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
PERHAPS = "may have been done"


@pytest.fixture
def team(server, unique):
    token = server.team("answers-" + unique.lower())
    return {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": token}


def pass_on(server, handler, body):
    headers = {n: v for n, v in handler.headers.items() if n.lower() in ("authorization", "content-type")}
    answer = requests.request(handler.command, server.url + handler.path, data=body, headers=headers, timeout=60)
    return answer.status_code, {"Content-Type": answer.headers["Content-Type"]}, answer.content


def test_a_write_whose_answer_is_lost_may_have_been_done(server, team):
    def lose(handler, body):
        answer = pass_on(server, handler, body)
        if handler.command != "GET":
            raise ConnectionError
        return answer
    with Web(lose) as web:
        broken = {**team, "SAFELIGHT_URL": web.url}
        for words in (["secret", "set", "LOST"], ["token", "create", "--role", "audit", "--name", "lost"]):
            done = run(*words, stdin=canary(), env=broken)
            assert done.returncode == UNREACHABLE and done.stdout == "" and PERHAPS in done.stderr, done.stderr
        done = run("secret", "import", "-", "--json", stdin="ONE=a\nTWO=b\n", env=broken)
        assert done.returncode == UNREACHABLE and [i["status"] for i in json.loads(done.stdout)] == ["unknown", "not tried"] and PERHAPS in done.stderr
        assert run("secret", "import", "-", "--quiet", stdin="ONE=a\n", env=broken).stdout == ""
    gone = run("secret", "import", "-", "--json", stdin="ONE=a\nTWO=b\n", env={**team, "SAFELIGHT_URL": "http://127.0.0.1:9"})
    assert gone.returncode == UNREACHABLE and [i["status"] for i in json.loads(gone.stdout)] == ["not tried", "not tried"] and PERHAPS not in gone.stderr
    assert set(run("secret", "list", "--quiet", env=team).stdout.split()) == {"LOST", "ONE"}
    assert "lost" in run("token", "list", env=team).stdout


@pytest.mark.parametrize("words, doubted", [(["secret", "list"], False), (["job", "submit", "--dry-run"], False), (["audit", "checkpoint"], False), (["job", "submit"], True), (["job", "cancel", NEVER], True)], ids=str)
def test_only_writes_that_were_sent_are_doubted(words, doubted):
    def lose(handler, body):
        raise ConnectionError
    with Web(lose) as web:
        done = run(*words, stdin="{}", env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "x"})
    assert done.returncode == UNREACHABLE and (PERHAPS in done.stderr) == doubted and "https" in done.stderr
    done = run(*words, stdin="{}", env={"SAFELIGHT_URL": "http://127.0.0.1:9", "SAFELIGHT_TOKEN": "x"})
    assert done.returncode == UNREACHABLE and PERHAPS not in done.stderr


@pytest.mark.parametrize("words", [["audit", "export", "--file", "FILE"], ["audit", "checkpoint", "--file", "FILE"], ["audit", "export", "--file", "-"], ["audit", "checkpoint"], ["job", "logs", NEVER]], ids=" ".join)
def test_a_page_that_is_not_ours_is_no_result(words, folder):
    path = folder / "page"
    with Web(lambda handler, body: (200, {"Content-Type": "text/html"}, b"<html>login</html>")) as web:
        done = run(*[path if w == "FILE" else w for w in words], env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "x"})
    assert done.returncode == FAILED and done.stdout == "" and "not Safelight's" in done.stderr, done.stderr
    assert not path.exists()


def test_a_proxy_without_a_server_behind_it_is_6(server):
    for status in (502, 503, 504):
        with Web(lambda handler, body: (status, {"Content-Type": "text/html"}, b"<html>Bad Gateway</html>")) as web:
            env = {"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "x"}
            asked, wrote = run("secret", "list", env=env), run("job", "submit", stdin="{}", env=env)
            stored = run("secret", "import", "-", stdin="A=b\n", env=env)
        assert asked.returncode == wrote.returncode == stored.returncode == UNREACHABLE
        assert "proxy" in asked.stderr and PERHAPS not in asked.stderr and PERHAPS in wrote.stderr and "unknown" in stored.stdout
    with Web(lambda handler, body: (301, {"Location": "https://elsewhere.example/"}, b"")) as web:
        done = run("secret", "list", env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "x"})
    assert done.returncode == FAILED and "https://" in done.stderr and "elsewhere.example" not in done.stderr


def test_two_who_roll_back_at_once_do_not_bring_the_bad_value_back(server, team, unique):
    """Both have seen version 2 before either goes back."""
    for verb in ("set", "rotate"):
        run("secret", verb, unique, stdin=canary(), env=team)
    both = threading.Barrier(2)

    def meet(handler, body):
        answer = pass_on(server, handler, body)
        if handler.command == "GET":
            both.wait(60 * SLOW)
        return answer
    done = []
    with Web(meet) as web:
        env = {**team, "SAFELIGHT_URL": web.url}
        people = [threading.Thread(target=lambda: done.append(run("secret", "rollback", unique, env=env))) for _ in range(2)]
        for p in people:
            p.start()
        for p in people:
            p.join(90 * SLOW)
    assert sorted(d.returncode for d in done) == [DONE, CONFLICT], [d.stderr for d in done]
    assert any("another current version" in d.stderr for d in done)
    events = [json.loads(line) for line in run("audit", "export", "--file", "-", env=team).stdout.splitlines()]
    assert len([e for e in events if e.get("event") == "secret.rolled_back"]) == 1


def test_the_version_that_has_to_be_the_current_one(server, unique):
    for _ in range(2):
        row = server.put(unique, canary(), rotate=True).json()
    path = f"/secrets/{row['id']}/rollback"
    for current, status in ((0, 400), (-1, 400), ("2", 400), (1, 409), (3, 409), (2**32, 400), (2, 200), (2, 409)):
        assert server.call("POST", path, {"current": current}).status_code == status, current
    assert server.call("POST", path, {"current": None, "version": 1}).status_code == 200


def test_flags_come_after_the_command():
    for words in (["--json", "secret", "list"], ["secret", "--profile", "p", "list"], ["--nope"]):
        done = run(*words)
        assert done.returncode == USAGE and "after the whole command" in done.stderr and done.stdout == ""


def test_help_of_a_word_or_a_command():
    assert run("help", "secret").stdout == run("secret", "--help").stdout != ""
    assert run("help", "secret", "set").stdout == run("secret", "set", "--help").stdout != ""
    assert run("help", "serve").stdout == run("serve", "--help").stdout != ""
    for words in (["help", "sekret"], ["help", "secret", "sett"]):
        done = run(*words)
        assert done.returncode == USAGE and "did you mean" in done.stderr and done.stdout == ""


def test_settings_of_few_words_are_shown_with_them():
    shown = run("serve", "--help").stdout
    for words in ("--log-level debug|info|warn|error", "--log-format logfmt|json", "--metrics off|loopback|token", "--stock-log off|temp|project", "--access-log on|off", "--listen TEXT"):
        assert words in shown, words


def test_small_words_of_help(server, team, unique, folder):
    done = run("audit", "list", "--limit", "3000", env=team)
    assert done.returncode == INVALID and "1000" in done.stderr
    assert "FILE" in run("job", "submit", folder / "none", env=team).stderr and "--file" in run("secret", "set", unique, "--file", folder / "none", env=team).stderr
    run("secret", "set", unique, stdin=canary(), env=team)
    assert "no restrictions" in run("secret", "policy", unique, env=team).stdout and run("secret", "policy", unique, "--quiet", env=team).stdout == ""


def test_a_certificate_that_does_not_fit_names_the_clients_own_setting(fresh, folder):
    cert, key = certificate(folder, "other.example")
    s = fresh("--tls-cert", str(cert), "--tls-key", str(key))
    env = {"SAFELIGHT_TOKEN": "x", "SAFELIGHT_URL": s.url.replace("http://", "https://")}
    done = run("secret", "list", env=env)
    assert done.returncode == UNREACHABLE and "SAFELIGHT_CA_FILE" in done.stderr and "ca-file" not in done.stderr
    done = run("secret", "list", env={**env, "SAFELIGHT_URL": env["SAFELIGHT_URL"].replace("https://", "http://")})
    assert done.returncode == UNREACHABLE and "https://" in done.stderr


def test_what_is_gone_meanwhile_is_named(server, team, unique):
    """The list shows it still, the server has it no more."""
    def gone(handler, body):
        if handler.command == "GET":
            return 200, {"Content-Type": "application/json"}, json.dumps([{"id": NEVER, "name": unique, "version": 2}]).encode()
        return pass_on(server, handler, body)
    with Web(gone) as web:
        done = run("secret", "delete", unique, "--yes", env={**team, "SAFELIGHT_URL": web.url})
    assert done.returncode == NOT_FOUND and "somebody else deleted it" in done.stderr
    done = server.operator("token", "approve", "nope", "--team", "main")
    assert done.returncode == NOT_FOUND and ("no token" in done.stderr or "no team" in done.stderr), done.stderr
