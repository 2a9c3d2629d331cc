"""The worker looks at its engine before it takes a job."""
import signal
import subprocess

import pytest

from conftest import BINARY, SLOW, clean_environment, engine

INVALID = 9


def start(server, program, path=None, cwd=None):
    extra = {"PATH": path} if path is not None else {}
    return subprocess.run([BINARY, "worker", "--engine", program, "--once"], capture_output=True, text=True, cwd=cwd, timeout=30 * SLOW,
                          env=clean_environment(SAFELIGHT_URL=server.url, SAFELIGHT_TOKEN=server.new_token("worker"), TMPDIR=str(server.folder), **extra))


@pytest.fixture
def bin_(folder):
    made = folder / "bin"
    made.mkdir()
    (made / "readable").write_text("#!/bin/sh\n")
    (made / "folder").mkdir()
    (made / "ffmpeg").write_text("#!/bin/sh\n")
    (made / "ffmpeg").chmod(0o755)  # without ffprobe
    return made


@pytest.mark.parametrize("name, said", [("{}/none", "no such program"), ("{}/readable", "executable"), ("{}/folder", "no such program"), ("none", "PATH"), ("readable", "PATH"),
                                        ("folder", "PATH"), ("ffmpeg", "install the package ffmpeg"), ("", "PATH")])
def test_an_engine_that_cannot_run_is_said_and_no_job_taken(server, bin_, name, said):
    job = server.submit({"engine": name.removeprefix("{}/") or "x", "assets": []}).json()["id"]
    done = start(server, name.format(bin_), path=f"{bin_}:relative:")
    assert done.returncode == INVALID and said in done.stderr and done.stderr.count("\n") <= 2, done.stderr
    assert server.call("GET", "/jobs/" + job).json()["status"] == "queued"
    server.call("PATCH", f"/jobs/{job}/cancel")


@pytest.mark.parametrize("by_name", [True, False])
def test_a_name_in_path_and_a_path_from_here_work_in_the_jobs_folder(server, folder, by_name):
    program = engine(folder, 'echo job > "$SAFELIGHT_OUTPUT"')
    job = server.submit({"engine": program.name, "assets": []}).json()["id"]
    done = start(server, program.name if by_name else f"./{program.name}", path=f"{program.parent}:/usr/bin:/bin", cwd=program.parent)
    assert done.returncode == 0, done.stderr
    assert server.wait(job)["status"] == "finished"


def test_an_engine_finds_the_signals_as_they_are_at_login(server, folder):
    """`make | head` ends by SIGPIPE: where that is ignored programs go on for ever, or call it a failed write."""
    pipe = signal.SIGPIPE - 1  # others may be ignored by whoever runs the tests, as a shell does with Ctrl-C for what it starts with &
    program = engine(folder, "ignored=$(sed -n 's/^SigIgn:[[:space:]]*//p' /proc/$$/status)\n"
                             f'[ $((0x$ignored >> {pipe} & 1)) = 0 ] && grep -q "^SigBlk:[[:space:]]*0*$" /proc/$$/status && '
                             'echo job > "$SAFELIGHT_OUTPUT"')
    job = server.submit({"engine": program.name, "assets": []}).json()["id"]
    assert start(server, str(program)).returncode == 0
    assert server.wait(job)["status"] == "finished"
