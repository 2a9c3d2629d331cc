"""A worker whose token comes by stdin, as its systemd unit gives it: no engine finds it."""
import subprocess

import pytest

from conftest import BINARY, SLOW, clean_environment, engine

NOSY = """
echo job > "$SAFELIGHT_OUTPUT"
env; cat; cat /proc/self/fd/0
for pid in $PPID $(cut -d' ' -f4 /proc/$PPID/stat); do
    cat /proc/$pid/environ /proc/$pid/cmdline /proc/$pid/fd/0
    cat /proc/$pid/mem
done 2>&1 | head -c 100000
"""


def work(server, program, token, *flags, env=None):
    return subprocess.run([BINARY, "worker", "--token-stdin", "--engine", str(program), "--poll-ms", "50", "--once", *flags], input=token, text=True, capture_output=True,
                          env=clean_environment(SAFELIGHT_URL=server.url, TMPDIR=str(server.folder), **(env or {})), timeout=30 * SLOW)


def test_the_token_by_stdin_works_and_the_engine_does_not_find_it(fresh):
    server = fresh()
    program, token = engine(server.folder, NOSY), server.new_token("worker")
    job = server.submit({"engine": program.name, "assets": []}).json()["id"]
    # A file, as systemd opens it: a pipe would be empty after the first reading.
    (server.folder / "token").write_text(token + "\n")
    with open(server.folder / "token") as file:
        done = subprocess.run([BINARY, "worker", "--token-stdin", "--engine", str(program), "--once"], stdin=file, text=True, capture_output=True,
                              env=clean_environment(SAFELIGHT_URL=server.url, TMPDIR=str(server.folder)), timeout=30 * SLOW)
    assert done.returncode == 0, done.stderr
    assert server.wait(job)["status"] == "finished"
    log = server.job_log(job)
    assert "SAFELIGHT_JOB_ID" in log, "the engine did look"
    assert token not in log and token.split("_")[-1] not in log
    assert token not in done.stdout + done.stderr


def test_stdin_is_stronger_than_the_environment(server):
    program = engine(server.folder, 'echo job > "$SAFELIGHT_OUTPUT"')
    job = server.submit({"engine": program.name, "assets": []}).json()["id"]
    done = work(server, program, server.new_token("worker"), env={"SAFELIGHT_TOKEN": "nonsense"})
    assert done.returncode == 0, done.stderr
    assert server.wait(job)["status"] == "finished"


@pytest.mark.parametrize("given, code, said", [("", 3, "no token on stdin"), (" \n\n", 3, "no token on stdin"), ("x" * 2049, 9, "too long"), ("x" * 100000, 9, "too long"),
                                               ("nonsense", 3, "does not take this token")])
def test_no_token_or_too_much_of_it_is_refused(server, given, code, said):
    done = work(server, engine(server.folder, "exit 1"), given)
    assert done.returncode == code and said in done.stderr
    assert given.strip() == "" or given.strip() not in done.stderr


def test_two_lines_are_no_token(server):
    token = server.new_token("worker")
    done = work(server, engine(server.folder, "exit 1"), f"{token}\n{token}\n")
    assert done.returncode == 9 and "more than one line" in done.stderr and token not in done.stderr
