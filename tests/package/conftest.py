"""The Debian package in a clean Debian: built by tools/deb, installed into a root made by mmdebstrap, booted with systemd
as its first process in namespaces of its own (systemd-nspawn), without network.

Made once and kept under build-check/package: the root (base.tar, by the script `base`), for a week. SAFELIGHT_DEB names a folder with a package
that is built already.
"""
import os
import pathlib
import secrets
import shutil
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build-check/package"
BASE = WORK / "base.tar"
HERE = pathlib.Path(__file__).resolve().parent


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="installing a package and booting a system needs root"))


def run(*command, timeout=300, **options):
    """Output of a command that must succeed."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=options.pop("stdin", subprocess.DEVNULL),
                          timeout=timeout, **options)
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout[-4000:]}"
    return done.stdout


def until(condition, seconds, what):
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        assert time.monotonic() < end, f"{what} did not come true in {seconds} s"
        time.sleep(0.05)


def canary():
    return "cnry" + secrets.token_hex(16)


@pytest.fixture(scope="session")
def built():
    """Folder with the built packages; the base root is made meanwhile."""
    base = subprocess.Popen([HERE / "base"], stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    folder = pathlib.Path(os.environ.get("SAFELIGHT_DEB", ROOT / "build-check/deb"))
    if "SAFELIGHT_DEB" not in os.environ:
        run(ROOT / "tools/deb", folder, timeout=900, env={**os.environ, "DEB_BUILD_OPTIONS": "noautodbgsym"})
    said = base.communicate(timeout=600)[1]
    assert base.returncode == 0, said
    return folder


@pytest.fixture(scope="session")
def changes(built):
    found = list(built.glob("safelight_*.changes"))
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="session")
def lintian(changes):
    """lintian at work: it takes a while, beside the tests that wait for a system to boot."""
    WORK.mkdir(parents=True, exist_ok=True)
    log = WORK / "lintian.log"
    with open(log, "w") as out:
        process = subprocess.Popen(["lintian", "--allow-root", "--fail-on", "error,warning", "--info", changes], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    yield process, log
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def deb(built):
    found = [p for p in built.glob("safelight_*.deb")]
    assert len(found) == 1, found
    return found[0]


@pytest.fixture(scope="session")
def newer(deb):
    """The same package with a higher version."""
    folder = WORK / "newer"
    shutil.rmtree(folder, ignore_errors=True)
    run("dpkg-deb", "-R", deb, folder)
    control = folder / "DEBIAN/control"
    version = run("dpkg-deb", "-f", deb, "Version").strip()
    control.write_text(control.read_text().replace(f"Version: {version}\n", f"Version: {version}+newer1\n"))
    into = WORK / "newer.deb"
    run("dpkg-deb", "--root-owner-group", "-Znone", "-b", folder, into)
    shutil.rmtree(folder)
    return into
