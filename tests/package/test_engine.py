"""The image in a container engine (podman, as root): its last stage built from the Containerfile, then started and used with the
words of docs/howto/container.md. What compiles, the first stage, is taken from the build that is tested anyway."""
import json
import os
import re
import resource
import shlex
import shutil
import socket
import subprocess

import pytest

from conftest import ROOT, WORK, run, until
from test_container import BINARY, FILE

PAGE = (ROOT / "docs/howto/container.md").read_text()
PLACE = WORK / "engine"
# Where this machine has the old kind of cgroup tree, the new one is mounted for the engine alone.
BEFORE = 'stat -f -c %T /sys/fs/cgroup | grep -q cgroup2fs || mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec "$@"'

pytestmark = pytest.mark.skipif(not shutil.which("podman"), reason="tools/setup check installs podman")


def podman(*words, check=True, text=True):
    """The engine with a storage of its own; what it printed on stdout."""
    done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", BEFORE, "sh", "podman", "--root", PLACE / "root", "--runroot", PLACE / "run", "--storage-driver", "vfs",
                           "--cgroup-manager", "cgroupfs", *map(str, words)], capture_output=True, text=text, timeout=120, stdin=subprocess.DEVNULL)
    assert not check or done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def least(kind, number):
    """No container gets more than this process may give."""
    hard = resource.getrlimit(kind)[1]
    return number if hard == resource.RLIM_INFINITY else min(hard, number)


def documented(start):
    """The words after `podman` of the page's command that begins so, with what this machine cannot do replaced."""
    lines = re.sub(r"\\\n\s*", "", PAGE).splitlines()
    [command] = [line.strip() for line in lines if line.startswith(f"    podman {start}")]
    words = shlex.split(command)[1:]
    if words[0] == "run":
        memlock = least(resource.RLIMIT_MEMLOCK, 16777216)
        words = [w.replace("memlock=16777216", f"memlock={memlock}") for w in words]
        words[1:1] = ["--network=host", "--cgroups=disabled", "--health-interval=disable", "--ulimit", f"nofile={least(resource.RLIMIT_NOFILE, 16384)}", "--ulimit", f"nproc={least(resource.RLIMIT_NPROC, 4096)}"]
    return words


@pytest.fixture(scope="module")
def image():
    shutil.rmtree(PLACE, ignore_errors=True)
    (PLACE / "context").mkdir(parents=True)
    run(ROOT / "packaging/container/root", BINARY, PLACE / "image")
    run("tar", "-C", PLACE / "image", "-cf", PLACE / "context/image.tar", ".")
    last = FILE.read_text().split("\nFROM scratch\n")[1]
    (PLACE / "context/Containerfile").write_text(f"FROM scratch AS build\nADD image.tar /image/\n\nFROM scratch\n{last}")
    words = documented("build")
    words[words.index("packaging/Containerfile")] = PLACE / "context/Containerfile"
    podman(words[0], "--isolation", "chroot", *words[1:-1], PLACE / "context")
    yield json.loads(podman("inspect", "safelight"))[0]
    podman("rm", "-f", "safelight", check=False)
    podman("volume", "rm", "-f", "safelight", check=False)
    shutil.rmtree(PLACE, ignore_errors=True)


def test_the_image_is_as_the_file_says(image):
    config = image["Config"]
    assert config["User"] == "10430:10430" and config["Entrypoint"] == ["/usr/bin/safelight"] and config["StopSignal"] in ("SIGTERM", "15")
    assert image["Healthcheck"]["Test"] == ["CMD", "/usr/bin/safelight", "key", "status", "--data", "/var/lib/safelight"], "OCI images have no health check: --format docker"
    assert list(config["Volumes"]) == ["/var/lib/safelight"] and "SAFELIGHT_LISTEN=0.0.0.0:4300" in config["Env"]


def test_first_start_use_and_stop_as_documented(image):
    podman(*documented("volume create"))
    token = podman(*documented("run --rm")).strip()
    assert re.fullmatch(r"slt_\w+", token)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        url = "http://127.0.0.1:%d" % s.getsockname()[1]
    start = documented("run -d")
    podman(start[0], "-e", "SAFELIGHT_LISTEN=" + url.removeprefix("http://"), *start[1:])
    until(lambda: "ready on" in podman("logs", "safelight", check=False), 30, "the server")
    podman("healthcheck", "run", "safelight")
    client = {"env": {"PATH": os.environ["PATH"], "SAFELIGHT_URL": url, "SAFELIGHT_TOKEN": token, "XDG_CONFIG_HOME": "/nonexistent"}}
    run(BINARY, "secret", "list", **client)
    editor = podman("exec", *shlex.split(re.search(r"`podman exec (safelight safelight token create [^`]+)`", PAGE).group(1))).strip()
    assert re.fullmatch(r"slt_\w+", editor)
    run(BINARY, "secret", "list", **{"env": {**client["env"], "SAFELIGHT_TOKEN": editor}})
    assert "FAIL" not in podman("exec", *shlex.split(re.search(r"`podman exec (safelight safelight doctor [^`]+)`", PAGE).group(1)))
    key, backup = ([*shlex.split(w.split(" > ")[0])] for w in re.findall(r"`podman exec (safelight safelight (?:recovery-key|backup) [^`]+)`", PAGE))
    (PLACE / "recovery.txt").write_text(podman("exec", *key))
    (PLACE / "farm.backup").write_bytes(podman("exec", *backup, text=False))
    run(BINARY, "restore", "--check", PLACE / "farm.backup", "--recovery-key", PLACE / "recovery.txt")
    podman("stop", "safelight")
    assert podman("inspect", "safelight", "--format", "{{.State.ExitCode}}").strip() == "0"
