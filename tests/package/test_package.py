"""What is in the package, before it is installed."""
import re

import pytest

from conftest import ROOT, run

UNITS = ["safelight.service", "safelight-worker@.service"]
EXPOSURE_MAX = 1.5


def contents(deb):
    """{path: (mode, owner)}"""
    found = {}
    for line in run("dpkg-deb", "-c", deb).splitlines():
        mode, owner, _, _, _, path = line.split(None, 5)
        found[path.split(" -> ")[0].removeprefix(".")] = (mode, owner)
    return found


def test_lintian_has_nothing_to_say(lintian):
    process, log = lintian
    code, said = process.wait(300), log.read_text()
    assert code == 0 and not [line for line in said.splitlines() if re.match(r"[EWIXO]: ", line)], said


def test_nothing_is_overridden():
    assert not [p for p in (ROOT / "packaging").rglob("*") if "overrides" in p.name]


def test_its_version_is_that_of_the_program(deb):
    version = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text()).group(1)
    assert run("dpkg-deb", "-f", deb, "Version").strip() == version


def test_it_has_what_it_should_and_nothing_is_privileged(deb):
    files = contents(deb)
    for path in ["/usr/bin/safelight", "/etc/safelight/safelight.conf", "/lib/systemd/system/safelight.service", "/lib/systemd/system/safelight.socket",
                 "/lib/systemd/system/safelight-worker@.service", "/usr/lib/sysusers.d/safelight.conf", "/usr/lib/tmpfiles.d/safelight.conf",
                 "/usr/share/doc/safelight/README.Debian"]:
        assert path in files, path
    assert not [p for p, (mode, _) in files.items() if "s" in mode or "t" in mode[1:].replace("-", "")]
    assert {owner for _, owner in files.values()} == {"root/root"}
    assert not [p for p in files if p.startswith(("/usr/local", "/opt", "/home", "/var/lib/safelight"))]
    assert run("dpkg-deb", "--info", deb, "conffiles").split() == ["/etc/safelight/safelight.conf"]


def test_its_dependencies_are_those_of_the_program(deb):
    depends = run("dpkg-deb", "-f", deb, "Depends")
    for library in ("libc6", "libcurl4", "libmicrohttpd12", "libsodium23", "libsqlite3-0", "libseccomp2", "ca-certificates"):
        assert re.search(rf"\b{re.escape(library)}\b", depends), library


@pytest.mark.parametrize("unit", UNITS)
def test_the_units_are_confined(unit):
    path = ROOT / "packaging/systemd" / unit
    said = run("systemd-analyze", "security", "--offline=true", "--no-pager", path)
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", said).group(1))
    assert exposure <= EXPOSURE_MAX, said


@pytest.mark.parametrize("unit", UNITS)
def test_no_secret_is_in_arguments_or_environment(unit):
    text = (ROOT / "packaging/systemd" / unit).read_text()
    assert not re.search(r"^(ExecStart|Environment)=.*(TOKEN|KEY)\b", text, re.M)
