"""The container's file system, made by the script that the Containerfile runs, and the program in it: no shell, read-only, as its
user, without capabilities. No container engine is needed; test_engine.py has one."""
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess

import pytest

from conftest import ROOT, WORK, canary, run, until

BINARY = os.environ.get("SAFELIGHT", str(ROOT / "build/safelight"))
FILE = ROOT / "packaging/Containerfile"
UID = 10430


def instructions():
    """[(word, rest)] with continued lines joined."""
    text = re.sub(r"^#.*\n", "", FILE.read_text(), flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def last(word):
    return [rest for w, rest in instructions() if w == word][-1]


@pytest.fixture(scope="module")
def image():
    folder = WORK / "image"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run(ROOT / "packaging/container/root", BINARY, folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def inside(image, words, **options):
    """The words as the image's user: a root that is read-only but for the volume, no capabilities, nothing inherited."""
    # /dev, /proc and /tmp are what every engine brings.
    script = " && ".join([f"mount --rbind {image} {image}", f"mount -o remount,bind,ro {image}", f"mount --bind {image}.data {image}/var/lib/safelight",
                          f"mount -t tmpfs tmpfs {image}/tmp", f"mount --rbind /dev {image}/dev", f"mount -t proc proc {image}/proc", 'exec "$@"'])
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", "setpriv", "--no-new-privs", "--inh-caps=-all",
            "--bounding-set=-all,+sys_chroot,+setuid,+setgid", "chroot", f"--userspec={UID}:{UID}", "--groups=", str(image), *words]


def test_the_instructions_are_known_and_the_last_stage_is_small():
    words = [w for w, _ in instructions()]
    assert set(words) <= {"FROM", "RUN", "COPY", "WORKDIR", "USER", "ENV", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    stage = instructions()[len(words) - words[::-1].index("FROM") - 1:]
    assert stage[0] == ("FROM", "scratch") and not [w for w, _ in stage if w == "RUN"]
    assert last("USER") == f"{UID}:{UID}"
    for word in ("ENTRYPOINT", "CMD"):
        assert last(word).startswith("["), "no shell is there to read it"
    assert 'CMD ["' in last("HEALTHCHECK")


def test_the_build_stage_has_the_build_dependencies_of_the_package():
    control = (ROOT / "packaging/debian/control").read_text()
    needs = set(re.findall(r"^ (lib\S+-dev|meson|pkg-config|python3),", control, re.M))
    assert needs and needs <= set(" ".join(rest for w, rest in instructions() if w == "RUN").split())


def test_warnings_stop_developers_and_not_whoever_builds_the_image():
    """Another level of optimisation or a later compiler warns of more than CI has seen; the package is built likewise."""
    assert "-Dwerror=false" in (ROOT / "packaging/debian/rules").read_text()
    [setup] = [rest for w, rest in instructions() if w == "RUN" and "meson setup" in rest]
    assert "-Dwerror=false" in setup.split()


def test_there_is_no_shell_and_nothing_privileged(image):
    names = {p.name for p in image.rglob("*")}
    assert not names & {"sh", "bash", "dash", "busybox", "apt", "dpkg", "perl", "python3"}
    assert not [p for p in image.rglob("*") if p.is_file() and p.stat().st_mode & 0o6000]
    assert (image / "var/lib/safelight").stat().st_mode & 0o777 == 0o700
    size = sum(p.stat().st_size for p in image.rglob("*") if p.is_file() and not p.is_symlink())
    assert size < 64 * 1024 * 1024


def test_it_starts_serves_and_is_healthy(image):
    data = pathlib.Path(f"{image}.data")
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    os.chown(data, UID, UID)
    quiet = {"stdin": subprocess.DEVNULL, "text": True, "env": {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SAFELIGHT_LISTEN": "127.0.0.1:0"}}
    made = subprocess.run(inside(image, ["/usr/bin/safelight", "init", "--data", "/var/lib/safelight"]), capture_output=True, **quiet)
    assert made.returncode == 0 and re.fullmatch(r"slt_\w+\n", made.stdout), made.stderr
    words = [*eval(last("ENTRYPOINT")), *eval(last("CMD"))]
    server = subprocess.Popen(inside(image, words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **quiet)
    try:
        assert server.stdout.readline().startswith("safelight is ready on http://127.0.0.1:")
        health = shlex.split(re.sub(r'^.*CMD \[|\]$|,', " ", last("HEALTHCHECK")))
        done = subprocess.run(inside(image, health), capture_output=True, **quiet)
        assert done.returncode == 0, done.stderr
        doctor = subprocess.run(inside(image, ["/usr/bin/safelight", "doctor", "--data", "/var/lib/safelight"]), capture_output=True, **quiet)
        assert doctor.returncode == 0, doctor.stdout
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
        shutil.rmtree(data)
    done = subprocess.run(inside(image, health), capture_output=True, **quiet)
    assert done.returncode != 0, "a server that is not there is not healthy"
