"""The package in a Debian that was booted for it: installed, first start, used, restarted, upgraded, removed, purged. One
story: the tests run in their order and each builds on the one before."""
import json
import re
import shutil

import pytest

from conftest import BASE, ROOT, canary, until
from machine import Machine

DATA = "/var/lib/safelight"
ENGINE = """#!/bin/sh
echo poster > "$SAFELIGHT_OUTPUT"
echo "what can be read here:"
id
cat /etc/safelight/* /var/lib/safelight/root.key /run/credentials/*/* /proc/$PPID/environ /proc/$PPID/cmdline 2>&1
env
"""


@pytest.fixture(scope="module")
def story(deb, lintian):
    """What one test leaves for the next."""
    machine = Machine(BASE, deb)
    try:
        machine.boot()
        yield {"machine": machine, "value": canary(), "files": machine.files()}
    finally:
        machine.stop()


@pytest.fixture
def machine(story):
    return story["machine"]


def client(machine, story, words, stdin=None, **options):
    """`safelight WORDS` as a person with the admin token, which comes by a file that only root reads."""
    (machine.root / "root/token").write_text(story["token"])
    return machine.do(f'SAFELIGHT_TOKEN="$(cat /root/token)" safelight {words}', stdin=stdin, **options)


def active(machine, unit="safelight"):
    return machine.do(f"systemctl is-active {unit}", check=False).strip()


def main_pid(machine, unit="safelight"):
    return int(machine.do(f"systemctl show -p MainPID --value {unit}"))


def answers(machine):
    return until(lambda: machine.do(f"runuser -u safelight -- safelight key status --data {DATA}", check=False).find("cannot") < 0 and active(machine) == "active", 20, "the server")


def test_01_installing_makes_user_and_folder_and_starts_nothing(machine, story, deb):
    said = machine.install(deb)
    assert "runuser -u safelight -- safelight init --data /var/lib/safelight" in said
    assert machine.do(f"stat -c '%a %U %G' {DATA}").strip() == "700 safelight safelight"
    assert machine.do("stat -c '%a %U %G' /etc/safelight/safelight.conf").strip() == "640 root safelight"
    assert machine.do(f"ls -A {DATA}") == ""
    assert machine.do("getent passwd safelight").strip().endswith(":/var/lib/safelight:/usr/sbin/nologin")
    assert machine.do("systemctl is-enabled safelight").strip() == "enabled"
    assert machine.do("systemctl is-enabled safelight.socket", check=False).strip() == "disabled"
    assert active(machine) == "inactive"
    assert "ConditionDirectoryNotEmpty" in machine.do("systemctl start safelight; systemctl status safelight", check=False)


def test_02_the_units_are_valid_where_they_are_installed(machine):
    assert machine.do("systemd-analyze verify --man=no /lib/systemd/system/safelight.service /lib/systemd/system/safelight.socket /lib/systemd/system/safelight-worker@.service") == ""


def test_03_the_first_start_as_the_package_says(machine, story):
    said = machine.do(f"runuser -u safelight -- safelight init --data {DATA} 2>/root/said")
    story["token"] = said.strip()
    assert re.fullmatch(r"slt_\w+", story["token"])
    machine.do("systemctl start safelight")
    answers(machine)
    assert active(machine) == "active"


def test_04_doctor_finds_nothing(machine):
    said = machine.as_safelight(f"safelight doctor --data {DATA}")
    assert "BAD" not in said and "ok" in said


def test_05_it_runs_as_its_user_without_capabilities_and_confined(machine):
    pid = main_pid(machine)
    status = machine.do(f"for p in {pid} $(cat /proc/{pid}/task/{pid}/children); do grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/$p/status; done")
    uid = machine.do("id -u safelight").strip()
    assert len(re.findall(rf"^Uid:\s+{uid}\s", status, re.M)) == 4
    assert len(re.findall(r"^CapEff:\s+0+$", status, re.M)) == 4 and len(re.findall(r"^CapBnd:\s+0+$", status, re.M)) == 4
    assert len(re.findall(r"^NoNewPrivs:\s+1$", status, re.M)) == 4 and len(re.findall(r"^Seccomp:\s+2$", status, re.M)) == 4


def test_06_a_secret_is_stored_and_listed(machine, story):
    client(machine, story, "secret set K", stdin=story["value"])
    assert [s["name"] for s in json.loads(client(machine, story, "secret list --json"))] == ["K"]


def test_07_a_worker_under_systemd_renders_and_its_engine_finds_no_token(machine, story):
    (machine.root / "usr/local/bin/poster").write_text(ENGINE)
    machine.do("chmod 755 /usr/local/bin/poster")
    token = machine.as_safelight(f"safelight token create --data {DATA} --team main --role worker 2>/dev/null").strip()
    machine.do("install -m 0600 /dev/stdin /etc/safelight/worker-1.token", stdin=token + "\n")
    machine.do("printf 'SAFELIGHT_ENGINE=/usr/local/bin/poster\\nSAFELIGHT_WORKER_ARGS=--poll-ms 100\\n' > /etc/safelight/worker-1.conf")
    machine.do("systemctl enable --now safelight-worker@1")
    job = json.dumps({"engine": "poster", "assets": [{"type": "text", "layerName": "t", "value": "${secret.K}"}]})
    story["job"] = client(machine, story, "job submit 2>/dev/null", stdin=job).strip()
    client(machine, story, f"job wait {story['job']} --timeout 30")
    log = client(machine, story, f"job logs {story['job']}")
    assert "what can be read here:" in log and "SAFELIGHT_JOB_ID" in log and "Permission denied" in log
    assert token not in log and token.split("_")[-1] not in log and story["value"] not in log
    assert "uid=0" not in log and "(safelight)" not in log
    assert client(machine, story, f"job output {story['job']} --file -") == "poster\n"
    story["worker token"] = token
    machine.do("systemctl stop safelight-worker@1")


def test_08_neither_journal_nor_process_list_has_a_token_or_the_value(machine, story):
    said = machine.do("journalctl --no-pager -o export; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; systemctl show safelight safelight-worker@1")
    for secret in (story["token"], story["worker token"], story["value"]):
        assert secret not in said and secret.split("_")[-1] not in said


def test_09_the_root_key_moves_into_a_credential_as_documented(machine, story):
    machine.do(f"cp {DATA}/root.key /root/copy.key")
    machine.do("systemd-creds setup; install -d -m 0700 /etc/credstore.encrypted")
    machine.do(f"systemd-creds encrypt --name=safelight-root-key {DATA}/root.key /etc/credstore.encrypted/safelight-root-key")
    machine.do("systemctl restart safelight")
    answers(machine)
    machine.do(f"rm {DATA}/root.key")
    machine.do("systemctl restart safelight")
    answers(machine)
    assert "K" in client(machine, story, "secret list")
    assert machine.as_safelight(f"safelight key rotate root --data {DATA}", check=False)  # refused: it cannot be written
    assert "K" in client(machine, story, "secret list")
    # and back
    machine.do(f"install -m 0600 -o safelight -g safelight /dev/null {DATA}/root.key")
    machine.do(f"systemd-creds decrypt --name=safelight-root-key /etc/credstore.encrypted/safelight-root-key - > {DATA}/root.key")
    machine.do("rm -r /etc/credstore.encrypted")
    machine.do(f"cmp {DATA}/root.key /root/copy.key")
    machine.do("systemctl restart safelight")
    answers(machine)
    machine.as_safelight(f"safelight key rotate root --data {DATA}")


def test_10_an_upgrade_keeps_everything_and_restarts(machine, story, newer):
    machine.do("echo 'keep-outputs = 7' >> /etc/safelight/safelight.conf")
    before = main_pid(machine)
    machine.install(newer)
    answers(machine)
    assert main_pid(machine) not in (0, before)
    assert machine.do("dpkg-query -W -f '${Version}' safelight").endswith("+newer1")
    assert "K" in client(machine, story, "secret list")
    assert json.loads(client(machine, story, f"job show {story['job']} --json"))["status"] == "finished"
    assert "keep-outputs = 7" in machine.do("cat /etc/safelight/safelight.conf")
    assert machine.do("stat -c '%a %U %G' /etc/safelight/safelight.conf").strip() == "640 root safelight"
    # What becomes of a reload is told in the status.
    conf = "/etc/safelight/safelight.conf"
    for line, told in (("nonsense = 1", "the settings were refused"), ("lease-ms = 59000", "reloaded")):
        machine.do(f"cp {conf} /root/conf; echo '{line}' >> {conf}; systemctl reload safelight")
        said = lambda: machine.do("systemctl show -p StatusText safelight; journalctl -u safelight -n 5 --no-pager", check=False)
        until(lambda: f"StatusText={told}" in said(), 20, f"{told}: {said()}")
        machine.do(f"cat /root/conf > {conf}")
    assert active(machine) == "active"


def test_11_the_socket_unit_passes_its_address(machine, story):
    machine.do("systemctl stop safelight; systemctl start safelight.socket")
    assert active(machine) == "inactive"
    assert "K" in client(machine, story, "secret list")
    assert active(machine) == "active"
    machine.do("systemctl stop safelight.socket safelight; systemctl start safelight")
    answers(machine)


def asks(machine, user, path):
    """What a program of that user gets over the UNIX socket."""
    program = ("use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die qq(connect: $!\\n); "
               "print $s qq(GET /healthz HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n); print <$s>")
    return machine.do(f"runuser -u {user} -- perl -e '{program}' {path}", check=False)


def test_12_a_unix_socket_for_a_web_server_as_documented(machine, story):
    page = (ROOT / "docs/howto/reverse-proxy.md").read_text()
    [commands] = re.findall(r"^```sh\n(.*?)^```$", page, re.M | re.S)
    machine.do(commands)
    answers(machine)
    socket = "/run/safelight-http.sock"
    assert machine.do(f"stat -c '%a %U %G' {socket}").strip() == "660 root www-data"
    machine.do("systemctl restart safelight")  # the socket is systemd's and stays
    assert "200 OK" in asks(machine, "www-data", socket)
    assert "Permission denied" in asks(machine, "daemon", socket)
    assert "serving on unix:" + socket in machine.do("systemctl status safelight")
    machine.do("systemctl stop safelight.socket safelight; systemctl disable safelight.socket; rm -r /etc/systemd/system/safelight.socket.d; systemctl daemon-reload; systemctl start safelight")
    answers(machine)


def test_13_removing_keeps_the_data_and_says_so(machine, story):
    machine.do("systemctl start safelight-worker@1")
    said = machine.do("dpkg -r safelight")
    assert "stay in" in said and active(machine) != "active" and active(machine, "safelight-worker@1") != "active"
    machine.do(f"test -s {DATA}/root.key && test -d {DATA}/db")


def test_14_installed_again_it_goes_on(machine, story, newer):
    said = machine.install(newer)
    assert "safelight init" not in said
    answers(machine)
    assert "K" in client(machine, story, "secret list")


def test_15_a_purge_destroys_the_data_says_so_and_leaves_what_is_documented(machine, story):
    machine.do("echo mine > /etc/safelight/mine; rm /usr/local/bin/poster")
    said = machine.do("dpkg -P safelight")
    assert "Destroying /var/lib/safelight" in said and "files that you made" in said
    left = machine.files() - story["files"]
    assert left == {"etc/safelight", "etc/safelight/mine"}, sorted(left)
    assert not story["files"] - machine.files()
    assert machine.do("getent passwd safelight")
    assert story["value"] not in machine.do("cat /etc/passwd /var/lib/dpkg/status; journalctl --no-pager -o export")


def test_16_purged_again_from_an_empty_state_nothing_is_left(machine, story, deb):
    machine.do("rm -r /etc/safelight")
    machine.install(deb)
    machine.do("cp /var/lib/dpkg/info/safelight.postrm /root/postrm; dpkg -P safelight")
    assert machine.files() - story["files"] == set()


def test_17_a_purge_follows_a_link_to_another_disk_and_says_what_stays(machine, story):
    """The package's own script, which was kept before the package went."""
    machine.do(f"mkdir -p /srv/disk/db /srv/disk/mounted; ln -s /srv/disk {DATA}; touch /srv/disk/root.key /srv/disk/db/x; mount -t tmpfs tmpfs /srv/disk/mounted; touch /srv/disk/mounted/mine")
    said = machine.do("sh /root/postrm purge")
    assert "NOT all of it" in said and f"{DATA}/mounted/mine" in said and "is empty now" not in said
    assert machine.do("find /srv/disk -type f").split() == ["/srv/disk/mounted/mine"]
    said = machine.do("umount /srv/disk/mounted; sh /root/postrm purge")
    assert "was a link to /srv/disk, which is empty now" in said and machine.do(f"ls -A /srv/disk; ls -d {DATA} 2>/dev/null", check=False) == ""
    machine.do("rmdir /srv/disk")
    assert machine.files() - story["files"] == set()
