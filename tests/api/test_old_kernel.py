"""A kernel that cannot confine as it should: the system calls of Landlock, or the courier's life, taken away."""
import json
import os
import re
import subprocess
import sys

import pytest

from conftest import BINARY, OPEN, SLOW, canary, clean_environment, until

# What a program sees where Landlock was not built in or not switched on; inherited by all that it starts.
WITHOUT_LANDLOCK = """
import ctypes, errno, os, sys
seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
allow, refuse = 0x7fff0000, 0x00050000 | errno.ENOSYS
rules = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(allow)))
for name in (b"landlock_create_ruleset", b"landlock_add_rule", b"landlock_restrict_self"):
    number = seccomp.seccomp_syscall_resolve_name(name)
    assert number > 0 and seccomp.seccomp_rule_add(rules, ctypes.c_uint32(refuse), number, 0) == 0
assert seccomp.seccomp_load(rules) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def old_kernel(folder):
    """A program that stands before ours."""
    path = folder / "without-landlock"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c \'{WITHOUT_LANDLOCK}\' "{BINARY}" "$@"\n')
    path.chmod(0o755)
    return path


def events(log, name):
    return re.findall(rf"^.*event={name} .*$", log, re.M)


def test_without_landlock_all_three_serve_and_each_says_so_once(fresh, studio, unique, old_kernel):
    s = fresh(*OPEN, start=False)
    s.start(binary=old_kernel)
    assert s.put("K", canary()).status_code == 201
    s.render({"webhook": {"url": f"{studio.url}/hook/{unique}", "headers": {"A": "${secret.K}"}}}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    until(lambda: studio.received(f"/hook/{unique}"), 20)
    said = events(s.log(), "sandbox_incomplete")
    assert sorted(re.search(r"process=(\w+) ", line).group(1) for line in said if "landlock=false seccomp=true" in line and "safelight doctor" in line) == ["api", "courier", "vault"]
    assert len(said) == 3 and not events(s.log(), "process_ended")
    done = subprocess.run([old_kernel, "doctor", "--data", s.data, "--json"], capture_output=True, text=True, env=clean_environment(), timeout=60 * SLOW)
    remedies = [r["remedy"] for r in json.loads(done.stdout) if r["verdict"] != "ok" and "Landlock" in r["check"]]
    assert len(remedies) == 3 and all("5.13" in r for r in remedies)


def test_a_courier_that_ends_again_and_again_is_given_time(fresh):
    s = fresh()
    last = None
    for _ in range(4):
        last = until(lambda: (lambda p: p if p and p != last else None)(s.pids().get("courier")), 20)
        os.kill(last, 9)
    waits = until(lambda: (lambda w: w if len(w) == 4 else None)([int(re.search(r"in_ms=(\d+)", e).group(1)) for e in events(s.log(), "courier_restarts")]), 20)
    # The double each time, from the start again after one that lived long, as on a busy machine it may.
    assert waits[0] == 200 and all(now in (200, 2 * before) for before, now in zip(waits, waits[1:])) and max(waits) > 200
    assert s.put("K", canary()).status_code == 201
