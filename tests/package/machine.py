"""A Debian that is booted for the tests: systemd as its first process in namespaces of its own, no network but loopback."""
import os
import shutil
import signal
import subprocess

from conftest import WORK, run, until

NAME = "safelight-package-test"
BOOT_S, STOP_S = 60, 10


class Machine:
    def __init__(self, base, package):
        self.root = WORK / "root"
        self.nspawn = self.leader = None
        self.unmount()
        self.root.mkdir(parents=True, exist_ok=True)
        # In memory: dpkg and the database wait for no disk, and it goes in one stroke.
        run("mount", "-t", "tmpfs", "-o", "size=2g,mode=755", NAME, self.root)
        run("tar", "-C", self.root, "-xf", base)
        self.satisfy(run("dpkg-deb", "-f", package, "Depends").strip())

    def satisfy(self, depends):
        """What the package says it needs, and nothing else, from where this machine's apt takes it."""
        shutil.copytree("/etc/apt", self.root / "etc/apt", dirs_exist_ok=True)
        shutil.copytree("/usr/share/keyrings", self.root / "usr/share/keyrings", dirs_exist_ok=True)
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        bound = ["/var/lib/apt/lists", "/var/cache/apt/archives"]
        for path in bound:
            run("mount", "--bind", path, str(self.root) + path)
        try:
            run("chroot", self.root, "apt-get", "satisfy", "-y", "-q", "--no-install-recommends", depends,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})
        finally:
            for path in bound:
                run("umount", str(self.root) + path)

    def boot(self):
        # systemd-creds keeps no key in memory.
        state = WORK / "systemd"
        shutil.rmtree(state, ignore_errors=True)
        run("cp", "-a", self.root / "var/lib/systemd", state)
        log = open(WORK / "boot.log", "w")
        self.nspawn = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c",
             # nspawn's own filter leaves out what every machine allows; systemd wants a cgroup tree: where this
             # machine has the old kind, the new one is mounted for it alone.
             'stat -f -c %T /sys/fs/cgroup | grep -q cgroup2fs || mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec "$@"', "sh",
             "systemd-nspawn", "--quiet", "--boot", "--directory", str(self.root), "--machine", NAME, "--register=no", "--keep-unit", "--private-network",
             "--link-journal=no", "--console=pipe", "--system-call-filter=@memlock landlock_create_ruleset landlock_add_rule landlock_restrict_self",
             "--kill-signal=SIGRTMIN+3", "--resolv-conf=off", f"--bind={state}:/var/lib/systemd", "--timezone=off"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.leader = until(self.find_leader, BOOT_S, "the first process")
        until(lambda: self.do("systemctl is-system-running", check=False).strip() in ("running", "degraded"), BOOT_S, "the end of booting")
        return self

    def find_leader(self):
        assert self.nspawn.poll() is None, (WORK / "boot.log").read_text()[-3000:]
        todo = [self.nspawn.pid]
        while todo:
            pid = todo.pop()
            try:
                with open(f"/proc/{pid}/comm") as file:
                    if file.read().strip() == "systemd":
                        return pid
                with open(f"/proc/{pid}/task/{pid}/children") as file:
                    todo += [int(p) for p in file.read().split()]
            except OSError:
                continue
        return None

    def do(self, command, check=True, stdin=None, code=None, timeout=60):
        """A shell command as root inside; its output and errors together."""
        done = subprocess.run(["nsenter", "-t", str(self.leader), "-a", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
                               "SYSTEMD_PAGER=", "sh", "-c", command],
                              input=stdin or "", text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        expected = 0 if code is None else code
        assert not check or done.returncode == expected, f"{command}: exit {done.returncode}\n{done.stdout[-3000:]}"
        return done.stdout

    def install(self, package):
        shutil.copy(package, self.root / "root/package.deb")
        said = self.do("dpkg -i /root/package.deb", timeout=120)
        (self.root / "root/package.deb").unlink()
        return said

    def as_safelight(self, words, **options):
        return self.do(f"runuser -u safelight -- {words}", **options)

    def files(self):
        """Every path on its disk, except what any program that runs there changes."""
        left_out = ("proc", "sys", "dev", "run", "tmp", "var/tmp", "var/log", "var/cache", "var/lib/systemd", "var/lib/dpkg", "root")
        found = set()
        for folder, folders, names in os.walk(self.root):
            here = os.path.relpath(folder, self.root)
            folders[:] = [f for f in folders if os.path.normpath(os.path.join(here, f)) not in left_out]
            found.update(os.path.normpath(os.path.join(here, n)) for n in [*folders, *names])
        return found

    def stop(self):
        # Its first process takes everything in there with it; nothing of it is wanted any more.
        if self.nspawn and self.nspawn.poll() is None:
            if self.leader:
                os.kill(self.leader, signal.SIGKILL)
            try:
                self.nspawn.wait(STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.nspawn.pid, signal.SIGKILL)
                self.nspawn.wait()
        self.unmount()

    def unmount(self):
        if os.path.ismount(self.root):
            run("umount", "--lazy", self.root)
