"""A command on a terminal of its own: what it writes there, and a person who types."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from conftest import BINARY, SLOW, clean_environment

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Terminal:
    """stdin, stdout and stderr are the terminal; those in `pipes` are pipes instead."""

    def __init__(self, *words, env=None, width=80, pipes=()):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        self.slave = slave

        def own():
            os.setsid()
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # what was started in the background ignores it, and so do its children
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        of = lambda name: subprocess.PIPE if name in pipes else slave
        self.process = subprocess.Popen([BINARY, *map(str, words)], stdin=of("stdin"), stdout=of("stdout"), stderr=of("stderr"), preexec_fn=own,
                                        env=clean_environment(**{"TERM": "xterm-256color", **(env or {})}))
        self.said = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for fd in {self.master, self.slave} - {-1}:
            os.close(fd)

    def read(self, seconds):
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            try:
                self.said += os.read(self.master, 65536)
            except OSError:
                return False
        return bool(ready)

    def until(self, text, seconds=20):
        end = time.monotonic() + max(seconds, 20) * SLOW
        while text.encode() not in self.said:
            assert time.monotonic() < end, f"{text!r} did not come: {self.said[-2000:]!r}"
            self.read(0.05)
        return self

    def type(self, text):
        data = text.encode()
        while data:
            data = data[os.write(self.master, data[:1024]):]
            self.read(0)
        return self

    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def end(self, seconds=20):
        """The exit code; .text is all that came."""
        end = time.monotonic() + seconds * SLOW
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it did not end: {self.said[-2000:]!r}"
            self.read(0.02)
        while self.read(0):
            pass
        return self.process.returncode

    @property
    def text(self):
        return self.said.decode("utf-8", "replace")

    @property
    def lines(self):
        return ANSI.sub("", self.text).replace("\r\n", "\n").split("\n")
