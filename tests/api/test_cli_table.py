"""What comes from the table of commands: help, completions, manual pages, the list in docs/CLI.md, what was probably meant; and what every command does when
its server is away, breaks off or refuses."""
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading

import pytest

from conftest import BINARY, ROOT, SLOW, Web, canary, clean_environment

DONE, USAGE, NOT_ALLOWED, NOT_FOUND, CONFLICT, UNREACHABLE, FAILED, INVALID = 0, 2, 3, 4, 5, 6, 7, 9
JSON = {"Content-Type": "application/json"}
TABLE = (ROOT / "src/cli/commands.def").read_text()
COMMANDS = re.findall(r'^COMMAND\("([\w-]+)", (?:"([\w-]+)"|NULL), \w+, "((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)"\)$', TABLE, re.M)
PROGRAMS = re.findall(r'^PROGRAM\("([\w-]+)", (?:"([\w-]+)"|NULL), "((?:[^"\\]|\\.)*)"', TABLE, re.M)
GROUPS = list(dict.fromkeys(c[0] for c in [*PROGRAMS, *COMMANDS] if c[0] != "man"))
LOCAL = {"completion", "man", "logout", "profile", "doctor", "audit", "backup", "restore", "config"}  # or with tests of their own
REMOTE = [c for c in COMMANDS if c[0] not in LOCAL]
OPERATOR = [c for c in REMOTE if "--data DIR" in c[2] and "[--data" not in c[2]]
CLIENT = [c for c in REMOTE if c not in OPERATOR]


def run(*words, stdin="", env=None):
    return subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, input=stdin, env=clean_environment(**(env or {})), timeout=60 * SLOW)


def example(word, verb, usage, folder):
    """Words that the command's usage takes, and what stands on stdin."""
    file = folder / ("x.ttf" if word == "font" else "x.aep" if word == "template" else "x.json")
    file.write_text('{"A":"1"}')
    words, tokens, i = [word] + ([verb] if verb else []), usage.split(), 0
    while i < len(tokens):
        token = tokens[i]
        if token.startswith("--"):
            value = {"DIR": folder / "none", "ROLE": "submit", "MODE": "rotate"}.get(tokens[i + 1], "x")
            words += [token, value]
            i += 1
        elif not token.startswith("[") and not token.endswith("]"):
            name = token.removesuffix("...")
            words.append({"FILE": file, "LEVEL": "master", "ID": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}.get(name, "x"))
        i += 1
    if "[--yes]" in usage:
        words.append("--yes")
    if (word, verb) == ("team", "set"):
        words += ["--put-existing", "rotate"]
    if word == "login":
        words += ["--url", "URL"]
    return words


def name_of(command):
    return " ".join(filter(None, command[:2]))


# --- when the server is not there ---

class Cut:
    """Takes a request and breaks off: at once, in the head, in the body."""

    def __init__(self, sent):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

        def serve():
            while True:
                try:
                    peer, _ = self.listener.accept()
                except OSError:
                    return
                with peer:
                    peer.settimeout(5)
                    try:
                        peer.recv(65536)
                        peer.sendall(sent)
                    except OSError:
                        pass
        threading.Thread(target=serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


@pytest.fixture(scope="module", params=[b"", b"HTTP/1.1 200 O", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n[{\"id\":\"x\","], ids=["nothing", "half a head", "half a body"])
def cut(request):
    with Cut(request.param) as c:
        yield c


def unreachable(done):
    assert done.returncode == UNREACHABLE and done.stdout == "" and done.stderr.startswith("safelight: The server cannot be reached"), (done.returncode, done.stderr)


@pytest.mark.parametrize("command", CLIENT, ids=name_of)
def test_a_server_that_breaks_off_is_6_and_a_sentence(command, cut, folder):
    words = [cut.url if w == "URL" else w for w in example(*command[:3], folder)]
    done = run(*words, stdin="slt_x", env={"SAFELIGHT_URL": cut.url, "SAFELIGHT_TOKEN": "slt_x", "XDG_CONFIG_HOME": str(folder / "config")})
    if words[:2] == ["secret", "import"]:
        assert done.returncode == UNREACHABLE and "unknown" in done.stdout and "The server cannot be reached" in done.stderr
    else:
        unreachable(done)


@pytest.mark.parametrize("command", OPERATOR, ids=name_of)
def test_an_operators_server_that_is_not_running_is_6(command, folder):
    done = run(*example(*command[:3], folder))
    unreachable(done)
    assert "safelight serve" in done.stderr


REFUSALS = [(400, INVALID), (401, NOT_ALLOWED), (403, NOT_ALLOWED), (404, NOT_FOUND), (409, CONFLICT), (410, NOT_FOUND), (413, INVALID), (422, INVALID), (429, FAILED), (500, FAILED), (503, FAILED)]


@pytest.fixture(scope="module")
def refusing():
    state = {}

    def answer(handler, body):
        return state["status"], {**JSON, "X-Request-Id": "req-1"}, b'{"error":"No, because","code":"X","details":[{"field":"/a","message":"that"}]}'
    with Web(answer) as web:
        web.state = state
        yield web


@pytest.mark.parametrize("command", CLIENT, ids=name_of)
def test_what_a_server_refuses_becomes_the_documented_exit_code(command, refusing, folder):
    words = [refusing.url if w == "URL" else w for w in example(*command[:3], folder)]
    for status, code in REFUSALS[:: 1 if words[0] == "secret" else 3]:
        refusing.state["status"] = status
        done = run(*words, stdin="slt_x", env={"SAFELIGHT_URL": refusing.url, "SAFELIGHT_TOKEN": "slt_x", "XDG_CONFIG_HOME": str(folder / "config")})
        if words[:2] == ["secret", "import"]:
            code = FAILED if code in (INVALID, CONFLICT) else code
            assert done.returncode == code and ("/a that" in done.stdout)
            continue
        assert done.returncode == code and done.stdout == "" and "No, because" in done.stderr and "/a: that" in done.stderr, (status, done.stderr)
        assert ("req-1" in done.stderr) == (status >= 500)


def test_exit_codes_are_the_documented_ones():
    code = {int(n): name for name, n in re.findall(r"EXIT_CODE_(\w+) = (\d)", (ROOT / "src/cli/cli.h").read_text())}
    page = re.findall(r"^\| (\d) \| ", (ROOT / "docs/CLI.md").read_text(), re.M)
    manual = re.findall(r"^\.TP\n\\fB(\d)\\fR$", run("man").stdout, re.M)
    overview = re.search(r"Exit codes: ([^.]*)\.", run("--help").stdout.replace("\n", " ")).group(1)
    assert sorted(code) == [int(n) for n in page] == [int(n) for n in manual] == [int(n) for n in re.findall(r"\d", overview)] == [0, 2, 3, 4, 5, 6, 7, 9]


# --- what was probably meant ---

@pytest.mark.parametrize("words, meant", [(["secrte", "list"], "safelight secret?"), (["secret", "lst"], "safelight secret list?"), (["jbo"], "safelight job?"), (["secret", "lsit"], "secret list?"),
                                          (["serv", "--data", "x"], "safelight serve?"), (["secret", "list", "--jsno"], "--json?"), (["secret", "list", "--JSON"], "--json?"), (["serve", "--data", "x", "--lsiten", "y"], "--listen?"),
                                          (["worker", "--engin", "x"], "--engine?"), (["init", "--date", "x"], "--data?"), (["completion", "bsh"], "bash?")])
def test_did_you_mean(words, meant):
    done = run(*words)
    assert done.returncode == USAGE and "did you mean" in done.stderr and meant in done.stderr and done.stdout == ""


@pytest.mark.parametrize("words", [["xyzzy"], ["secret", "xyzzy"], ["secret", "list", "--xyzzy"], ["--data"], ["-x"], ["secret", "list", "-q"]])
def test_nothing_is_guessed_that_is_far_off(words):
    done = run(*words)
    assert done.returncode == USAGE and "did you mean" not in done.stderr and "usage" in done.stderr and "xyzzy" not in done.stderr
    assert len(done.stderr.splitlines()) <= 3  # on a terminal the sentence does not scroll away


@pytest.mark.parametrize("words, said", [("version", "safelight --version?"), ("secret rm", "secret delete?"), ("secret remove A", "secret delete?"), ("token ls", "token list?"), ("job kill X", "job cancel?"),
                                         ("font add F", "font upload?"), ("secret get A", "no command reads a value back"), ("secret show A", "no command reads a value back")])
def test_what_other_programs_call_it(words, said):
    done = run(*words.split())
    assert done.returncode == USAGE and said in done.stderr and len(done.stderr.splitlines()) == 2


def test_settings_say_their_unit_and_default():
    text = " ".join(run("serve", "--help").stdout.split())
    for said in ("--keep-outputs DAYS", "[30 days]", "--lease-ms MS", "[60000 ms]", "[127.0.0.1:4300]", "[info]", "--spool-min-free-bytes BYTES", "--threads THREADS"):
        assert said in text, said


def test_names_that_were_mistyped(server, unique):
    assert server.put("prod/" + unique, canary()).status_code == 201
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    for words in (["secret", "rotate"], ["secret", "delete", "--yes"], ["secret", "policy"]):
        done = run(*words[:2], "prod/" + unique[:-1], *words[2:], stdin="x", env=env)
        assert done.returncode == NOT_FOUND and f"did you mean prod/{unique}?" in done.stderr
    assert "secret list shows them" in run("secret", "policy", "x" * 40, env=env).stderr
    assert "did you mean studio?" in server.operator("token", "list", "--team", "stduio").stderr


# --- quiet and json ---

def test_quiet_gives_names_and_ids_alone(server, unique):
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.team("quiet-" + unique.lower().replace("_", ""))}
    quiet = lambda *words, stdin="": run(*words, "--quiet", stdin=stdin, env=env)
    assert quiet("secret", "set", "A", stdin="1").stdout == "A\n" and quiet("secret", "set", "B", stdin="2").stdout == "B\n"
    assert quiet("secret", "list").stdout == "A\nB\n"
    token = quiet("token", "create", "--role", "submit")
    assert re.fullmatch(r"slt_\w+\n", token.stdout) and token.stderr == ""
    job = quiet("job", "submit", stdin='{"engine":"nobody-has-this"}').stdout.strip()
    assert quiet("job", "list").stdout == quiet("job", "show", job).stdout == quiet("job", "cancel", job).stdout == job + "\n"
    batch = quiet("batch", "submit", stdin='{"jobs":[{"engine":"nobody-has-this"},{"engine":"nobody-has-this"}]}').stdout.strip()
    assert len(quiet("batch", "show", batch).stdout.split()) == 2
    done = quiet("secret", "delete", "A", "--yes")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", DONE)
    warned = quiet("secret", "set", "C", stdin="line\n")
    assert "newline" in warned.stderr  # warnings are not notes


def test_json_where_there_was_nothing_to_print(server, unique):
    env = {"SAFELIGHT_URL": server.url, "SAFELIGHT_TOKEN": server.token}
    run("secret", "set", unique, stdin="x", env=env)
    assert json.loads(run("secret", "delete", unique, "--yes", "--json", env=env).stdout) == {"deleted": unique}
    token = json.loads(run("token", "create", "--role", "submit", "--json", env=env).stdout)
    assert json.loads(run("token", "revoke", token["id"], "--json", env=env).stdout) == {"revoked": token["id"]}
    assert json.loads(server.operator("team", "set", "studio", "--policy-default", "open", "--json").stdout) == {"changed": "studio"}


def test_trim_leaves_newlines_out(fresh, studio, unique):
    s = fresh("--allow-loopback", "on", "--allow-http", "on")
    env = {"SAFELIGHT_URL": s.url, "SAFELIGHT_TOKEN": s.token}
    done = run("secret", "set", "A", "--trim", stdin=" value-1 \r\n\n", env=env)
    assert done.returncode == DONE and done.stderr == ""
    assert run("secret", "set", "B", "--trim", stdin="\n\n", env=env).returncode == INVALID
    assert run("secret", "set", "C", "--trim", stdin="v" * 65536 + "\n", env=env).returncode == DONE
    assert run("secret", "set", "D", "--trim", stdin="v" * 65537 + "\n", env=env).returncode == INVALID
    s.render({"webhook": {"url": f"{studio.url}/hook/{unique}", "custom": True, "data": {"v": "${secret.A}"}}}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    from common import arrived
    assert json.loads(arrived(studio, unique)[0]["body"]) == {"v": " value-1 "}


# --- completion ---

@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "zsh", "fish"):
        (folder / shell).write_text(run("completion", shell).stdout)
    (folder / "bin").mkdir()
    return folder


def in_bash(scripts, *words, lines=False, server="echo prod/KEY; echo prod/OTHER; echo '$(touch pwned)'; echo 'a b'"):
    """What bash offers behind these words."""
    fake = scripts / "bin/safelight"
    fake.write_text(f"#!/bin/sh\n{server}\n")
    fake.chmod(0o755)
    script = 'source "$1"; shift; COMP_WORDS=(safelight "$@"); COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )); compopt() { :; }; _safelight; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", str(scripts / "bash"), *words], capture_output=True, text=True, cwd=scripts,
                          env={"PATH": f"{scripts / 'bin'}:/usr/bin:/bin", "HOME": str(scripts)}, timeout=30)
    assert done.stderr == "", done.stderr
    return done.stdout.splitlines() if lines else done.stdout.split()


def test_bash_completes_every_command_and_flag(scripts):
    assert set(in_bash(scripts, "")) == {*GROUPS, "--help", "--version"}
    for word, verb, usage, *_ in [*PROGRAMS, *COMMANDS]:
        if word == "man":
            continue
        if verb:
            assert verb in in_bash(scripts, word, "")
        offered = in_bash(scripts, word, *([verb] if verb else []), "--")
        assert set(re.findall(r"--[\w-]+", usage)) <= set(offered), (word, verb)
    assert in_bash(scripts, "secret", "rot") == ["rotate"]
    assert "--tls-cert" in in_bash(scripts, "serve", "--tls")
    assert in_bash(scripts, "token", "create", "--role", "a") == ["admin", "audit"]
    assert in_bash(scripts, "serve", "--log-level", "") == ["debug", "info", "warn", "error"] and in_bash(scripts, "serve", "--access-log", "o") == ["on", "off"]
    assert in_bash(scripts, "completion", "") == ["bash", "zsh", "fish"]
    assert in_bash(scripts, "key", "rotate", "m") == ["master"]
    assert "bash" in in_bash(scripts, "secret", "import", "ba")  # a file of this folder
    assert in_bash(scripts, "token", "create", "--role", "=", "a") == ["admin", "audit"]  # --role=a is three words to bash
    assert in_bash(scripts, "token", "create", "--role", "=") == ["admin", "editor", "submit", "worker", "audit"]
    (scripts / "two words").touch()
    assert in_bash(scripts, "secret", "import", "two", lines=True) == ["two words"]


def test_bash_completes_names_and_expands_none_of_them(scripts):
    assert in_bash(scripts, "secret", "rotate", "") == ["prod/KEY", "prod/OTHER"]
    assert in_bash(scripts, "secret", "rotate", "prod/K") == ["prod/KEY"]
    assert in_bash(scripts, "secret", "rotate", "--trim", "--file", "x", "prod/K") == in_bash(scripts, "secret", "rotate", "--file", "=", "x", "prod/K") == ["prod/KEY"]
    assert in_bash(scripts, "secret", "rotate", "A", "prod/K") == []  # it takes one
    assert in_bash(scripts, "secret", "list", "--profile", "") == ["prod/KEY", "prod/OTHER"]
    assert not (scripts / "pwned").exists()
    assert in_bash(scripts, "secret", "rotate", "", server="exit 6") == []


def test_zsh_and_fish_read_their_scripts(scripts):
    if not shutil.which("zsh") or not shutil.which("fish"):
        pytest.skip("tools/setup check installs zsh and fish")
    assert subprocess.run(["zsh", "-n", str(scripts / "zsh")], capture_output=True).stderr == b""
    assert subprocess.run(["fish", "-n", str(scripts / "fish")], capture_output=True).stderr == b""
    (scripts / "bin/safelight").write_text("#!/bin/sh\necho prod/KEY; echo '$(touch pwned)'\n")
    (scripts / "bin/safelight").chmod(0o755)
    env = {"PATH": f"{scripts / 'bin'}:/usr/bin:/bin", "HOME": str(scripts)}

    def fish(line):
        done = subprocess.run(["fish", "--no-config", "-c", f"source {scripts / 'fish'}; complete -C '{line}'"], capture_output=True, text=True, env=env, timeout=30)
        return [row.split("\t")[0] for row in done.stdout.splitlines()]
    assert set(GROUPS) <= set(fish("safelight "))
    assert set(fish("safelight secret ")) >= {"set", "rotate", "list"}
    assert "--file" in fish("safelight secret set --f") and fish("safelight secret rotate p") == ["prod/KEY"]
    assert set(fish("safelight token create --role ")) == {"admin", "editor", "submit", "worker", "audit"}  # and no file
    assert fish("safelight token create --role audit ") == [] and fish("safelight secret rotate --file x p") == ["prod/KEY"]
    assert "rotate" not in fish("safelight secret list ") and fish("safelight token create --name job --role=ad") == ["--role=admin"]

    def zsh(*words):
        script = 'compadd() { while [[ "$1" == -* && "$1" != -- ]]; do [[ "$1" == -a ]] && { print -rl -- ${(P)2}; return }; shift; done; shift; print -rl -- "$@" }; compdef() { :; }; _files() { print FILES; }\n' \
                 f'source {scripts / "zsh"}; words=(safelight "$@"); CURRENT=$#words; _safelight'
        done = subprocess.run(["zsh", "-f", "-c", script, "zsh", *words], capture_output=True, text=True, env=env, cwd=scripts, timeout=30)
        assert done.stderr == "", done.stderr
        return done.stdout.split()
    assert set(zsh("")) == {*GROUPS, "--help", "--version"} and "rotate" in zsh("secret", "")
    assert "--file" in zsh("secret", "set", "--") and zsh("secret", "rotate", "") == ["prod/KEY"] and zsh("secret", "import", "") == ["FILES"]
    assert zsh("secret", "rotate", "--file", "x", "") == zsh("secret", "rotate", "--file=x", "") == ["prod/KEY"] and zsh("secret", "rotate", "A", "") == []
    assert "admin" in zsh("token", "create", "--role", "") and not (scripts / "pwned").exists()


# --- manual pages and the page of docs ---

@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("man")
    assert run("man", "--all", folder / "man1").returncode == DONE
    return folder / "man1"


def test_there_is_a_page_for_each_group_with_all_it_takes(pages):
    assert {p.name for p in pages.iterdir()} == {"safelight.1", *(f"safelight-{g}.1" for g in GROUPS)}
    for word, verb, usage, *_ in [*PROGRAMS, *COMMANDS]:
        if word == "man":
            continue
        text = (pages / f"safelight-{word}.1").read_text().replace("\\-", "-")
        assert all(f"\\fB{flag}\\fR" in text for flag in re.findall(r"--[\w-]+", usage))
        assert not verb or f".SS {word} {verb}\n" in text
        assert f"safelight-{word} (1)" in (pages / "safelight.1").read_text().replace("\\-", "-")
    assert (pages / "safelight-secret.1").read_text() == run("man", "safelight-secret").stdout
    assert run("man", "secret").stdout == run("man", "safelight-secret").stdout and "safelight man" in run("--help").stdout
    assert run("man", "safelight-xyzzy").returncode == NOT_FOUND and run("man", "--all", "/nonexistent/x").returncode == FAILED


@pytest.mark.parametrize("reader", [["mandoc", "-Tlint", "-Wstyle"], ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"]], ids=["mandoc", "man"])
def test_pages_are_clean(pages, reader):
    if not shutil.which(reader[0]):
        pytest.skip("tools/setup check installs mandoc and man-db")
    for page in sorted(pages.iterdir()):
        done = subprocess.run([*reader, str(page)], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LC_ALL": "C.UTF-8"})
        said = done.stderr + (done.stdout if reader[0] == "mandoc" else "")
        assert said == "" and done.returncode == 0, said


def test_docs_cli_is_written_from_the_table():
    assert subprocess.run([sys.executable, str(ROOT / "tools/cli-reference"), "--check"], capture_output=True, text=True).stderr == ""
