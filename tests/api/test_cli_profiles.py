"""Profiles: login, logout, list, use; which server and token are taken; files nobody else may touch."""
import json
import os
import pathlib
import stat
import subprocess

import pytest

from conftest import BINARY, Web, canary, clean_environment
from terminal import Terminal

DONE, USAGE, NOT_ALLOWED, NOT_FOUND, UNREACHABLE, FAILED, INVALID = 0, 2, 3, 4, 6, 7, 9
JSON = {"Content-Type": "application/json"}


class Home:
    def __init__(self, folder):
        self.config = folder / "config"
        self.own = self.config / "safelight"

    def run(self, *words, stdin="", env=None):
        return subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, input=stdin, timeout=60,
                              env=clean_environment(**{"XDG_CONFIG_HOME": str(self.config), **(env or {})}))

    def login(self, server, name=None, token=None):
        flags = ["--profile", name] if name else []
        done = self.run("login", "--url", server.url, *flags, stdin=(token or server.token) + "\n")
        assert done.returncode == DONE, done.stderr
        return done


@pytest.fixture
def home(folder):
    return Home(folder)


def whoever(role="admin", **more):
    return {"id": "A" * 12, "role": role, "names": "*", "team": {"id": "t", "name": "studio"}, **more}


def test_login_keeps_a_token_that_was_checked(server, home):
    done = home.login(server)
    assert "studio" in done.stdout and "admin" in done.stdout and server.token not in done.stdout + done.stderr
    kept = home.own / "default.profile"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and stat.S_IMODE(home.own.stat().st_mode) == 0o700
    assert json.loads(kept.read_text()) == {"url": server.url, "token": server.token}
    assert home.run("secret", "list").returncode == DONE
    assert home.run("login", "--url", server.url, "--quiet", stdin=server.token).stdout == "default\n"
    said = json.loads(home.run("login", "--url", server.url, "--json", stdin=server.token).stdout)
    assert said["team"] == "studio" and said["role"] == "admin" and server.token not in str(said)
    assert sorted(p.name for p in home.own.iterdir()) == ["current", "default.profile"]


def test_a_token_typed_is_not_shown(server, home):
    with Terminal("login", "--url", server.url, env={"XDG_CONFIG_HOME": str(home.config)}) as t:
        t.until("not shown").type(server.token + "\n")
        assert t.end() == DONE and server.token not in t.text and "studio" in t.text


@pytest.mark.parametrize("token, code", [("", INVALID), ("\n", INVALID), ("two words", INVALID), ("slt_x\x00y", INVALID), ("x" * 5000, INVALID), ("tøken", INVALID), ("slt_wrong", NOT_ALLOWED)])
def test_what_is_no_good_token_is_not_kept(server, home, token, code):
    done = home.run("login", "--url", server.url, stdin=token)
    assert done.returncode == code and done.stdout == "" and "safelight:" in done.stderr and (not token.strip() or token not in done.stderr)
    assert not (home.own / "default.profile").exists()


@pytest.mark.parametrize("url, code", [("nonsense", INVALID), ("ftp://x", INVALID), ("http://user:pw@x", INVALID), ("http://" + "x" * 2000, INVALID), ("http://127.0.0.1:9", UNREACHABLE)])
def test_servers_that_are_none(home, url, code):
    done = home.run("login", "--url", url, stdin="slt_x")
    assert done.returncode == code and not (home.own / "default.profile").exists()


def test_a_plain_http_server_elsewhere_is_warned_of(home):
    for url in ("http://192.0.2.1:1", "http://127.evil.example", "http://localhost.example", "http://127.0.0.1.example", "http://[::2]"):
        assert "in clear" in home.run("login", "--url", url, stdin="").stderr, url
    for url in ("http://127.0.0.1:9", "http://127.1.2.3:9", "http://localhost:9", "http://[::1]:9", "https://192.0.2.1:1"):
        assert "in clear" not in home.run("login", "--url", url, stdin="").stderr, url
    for pipes, warned in (((), True), (("stderr",), False)):  # a script was told when it was written
        with Terminal("secret", "list", env={"SAFELIGHT_URL": "http://127.evil.invalid", "SAFELIGHT_TOKEN": "slt_x"}, pipes=pipes) as t:
            t.end()
            assert ("in clear" in t.text + (t.process.stderr.read().decode() if pipes else "")) == warned


def test_whose_server_and_token_are_taken(home):
    """--profile, then SAFELIGHT_TOKEN, then SAFELIGHT_PROFILE, then NEXRENDER_API_KEY, then the one in use."""
    def answer(handler, body):
        return 200, JSON, json.dumps(whoever() if handler.path.endswith("/token") else []).encode()
    with Web(answer) as one, Web(answer) as two, Web(answer) as three:
        for name, web in (("one", one), ("two", two)):
            assert home.run("login", "--profile", name, "--url", web.url, stdin="slt_" + name).returncode == DONE

        def asked(*flags, **env):
            before = {web: len(web.seen) for web in (one, two, three)}
            done = home.run("secret", "list", *flags, env=env)
            assert done.returncode == DONE, done.stderr
            new = [(web, web.seen[before[web]:]) for web in before if len(web.seen) > before[web]]
            assert len(new) == 1
            return new[0][0], new[0][1][0][2]["Authorization"]
        ours = {"SAFELIGHT_URL": three.url, "SAFELIGHT_TOKEN": "slt_env"}
        vendors = {"NEXRENDER_API_URL": three.url, "NEXRENDER_API_KEY": "slt_vendor"}
        assert asked() == (two, "Bearer slt_two")  # the last login
        assert asked(**vendors) == (three, "Bearer slt_vendor")
        assert asked(**vendors, SAFELIGHT_PROFILE="one") == (one, "Bearer slt_one")
        assert asked(**vendors, **ours, SAFELIGHT_PROFILE="one") == (three, "Bearer slt_env")
        assert asked("--profile", "two", **vendors, **ours, SAFELIGHT_PROFILE="one") == (two, "Bearer slt_two")
        assert home.run("profile", "use", "one").returncode == DONE
        assert asked() == (one, "Bearer slt_one")
        # A profile's token goes to its own server alone.
        for web in (one, two, three):
            web.seen.clear()
        done = home.run("secret", "list", env={"SAFELIGHT_URL": three.url})
        assert done.returncode == NOT_ALLOWED and "SAFELIGHT_TOKEN" in done.stderr and not three.seen
        assert home.run("secret", "list", "--profile", "two", env={"SAFELIGHT_URL": three.url}).returncode == DONE and not three.seen


def test_list_use_logout_and_names_that_are_not_there(server, home):
    assert home.run("profile", "list").stdout.startswith("NAME")
    assert home.run("logout").returncode == NOT_FOUND
    home.login(server, "work")
    home.login(server, "play")
    rows = json.loads(home.run("profile", "list", "--json").stdout)
    assert [(r["name"], r["inUse"]) for r in rows] == [("play", True), ("work", False)] and server.token not in str(rows)
    assert home.run("profile", "list", "--quiet").stdout == "play\nwork\n"
    missing = home.run("profile", "use", "wrok")
    assert missing.returncode == NOT_FOUND and "did you mean work?" in missing.stderr
    for name in ("wrok", "../../etc/passwd", ""):  # one mistake, one code
        assert home.run("secret", "list", "--profile", name).returncode == home.run("logout", "--profile", name).returncode == home.run("profile", "use", name).returncode == NOT_FOUND, name
    assert home.run("profile", "use", "../../etc/passwd").returncode == NOT_FOUND
    assert home.run("login", "--profile", "a/b", stdin="x").returncode == INVALID
    assert home.run("logout", "--profile", "play").returncode == DONE
    assert not (home.own / "play.profile").exists() and not (home.own / "current").exists()
    done = home.run("secret", "list")
    assert done.returncode == NOT_ALLOWED and "login" in done.stderr
    assert home.run("logout", "--profile", "play").returncode == NOT_FOUND


def spoil(path, how):
    if how in ("0640", "0604", "0620"):
        path.chmod(int(how, 8))
    elif how == "link":
        path.rename(path.parent / "elsewhere")
        path.symlink_to(path.parent / "elsewhere")
    elif how == "hard link":
        os.link(path, path.parent / "other")
    elif how == "folder":
        path.parent.chmod(0o770)
    elif how == "linked folder":
        moved = path.parent.parent / "moved"
        path.parent.rename(moved)
        path.parent.symlink_to(moved)
    elif how == "owner":
        os.chown(path, 65534, -1)


@pytest.mark.parametrize("how", ["0640", "0604", "0620", "link", "hard link", "folder", "linked folder", "owner"])
def test_abuse_profiles_that_others_could_touch_are_refused(server, home, how):
    home.login(server)
    if how == "owner" and os.geteuid() != 0:
        pytest.skip("only root can give files away")
    spoil(home.own / "default.profile", how)
    for words in (["secret", "list"], ["login", "--url", server.url]):
        done = home.run(*words, stdin=server.token)
        assert done.returncode == NOT_ALLOWED and done.stdout == "" and server.token not in done.stderr and done.stderr.startswith("safelight:"), words


@pytest.mark.parametrize("text", ["", "{", "{}", '{"url":"http://x"}', '{"url":"http://x","token":""}', '{"url":1,"token":"x"}', "x" * 20000])
def test_damaged_profiles_are_said_to_be_so(server, home, text):
    home.login(server)
    (home.own / "default.profile").write_text(text)
    done = home.run("secret", "list")
    assert done.returncode == INVALID and "log in anew" in done.stderr
    home.login(server)
    assert home.run("secret", "list").returncode == DONE


def test_without_a_home_it_says_so():
    done = subprocess.run([BINARY, "secret", "list"], capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert done.returncode in (NOT_ALLOWED, INVALID) and "HOME" in done.stderr


def test_the_token_stands_nowhere_but_in_its_file(server, home):
    token = server.new_token("editor")
    home.login(server, token=token)
    home.run("secret", "list")
    home.run("logout")
    assert not [p for p in home.config.rglob("*") if p.is_file() and token in p.read_text(errors="replace")]


def test_who_am_i(server):
    for role in ("admin", "editor", "submit", "worker", "audit"):
        token = server.new_token(role)
        who = server.call("GET", "/token", token=token)
        assert who.status_code == 200 and who.json()["role"] == role and who.json()["team"]["name"] == "studio" and token not in who.text
        assert who.json()["id"] in token
    assert server.call("GET", "/token", token="slt_wrong").status_code == 401
    assert server.call("GET", "/token", token="").status_code == 401
