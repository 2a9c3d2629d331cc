"""A backup restored elsewhere: what serves again, and what may not happen twice."""
import json
import os
import re
import shutil
import subprocess

import pytest
import requests

from backups import instance_audit, kept, nothing_in_memory, nothing_left, restored, run, sample, second, serving  # noqa: F401
from common import all_audit, arrived, hook, rotated
from conftest import BINARY, SLOW, Web, canary, clean_environment, until
from terminal import Terminal


def token_id(token):
    return token.split("_")[2][:14]


def test_a_backup_is_restored_and_goes_on(kept, studio):
    s, value = kept.s, canary()
    s.put("A", "an older value")
    assert s.command("secret", "rotate", "A", stdin=value).returncode == 0
    s.team("others")
    reader = s.new_token("audit")
    before = all_audit(s)
    file = kept.backup("b")
    assert s.stop() == 0
    data, tokens = restored(kept, file, "new")
    assert set(tokens) == {"studio", "others"} and not list(data.glob(".restoring"))
    assert {p.name: p.stat().st_mode & 0o777 for p in data.iterdir()} == {"db": 0o700, "spool": 0o700, "root.key": 0o600, "recovery.pub": 0o600}
    with serving(data, tokens["studio"]) as t:
        assert [(x["name"], x["version"]) for x in t.secrets()] == [("A", 2)]
        # The value is the newest one, and goes where it is sent.
        t.render({"webhook": {"url": f"{studio.url}/hook/restored", "headers": {"X-Key": "${secret.A}"}}}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
        assert arrived(studio, "restored")[0]["headers"]["X-Key"] == value
        # Old tokens are void, whoever has them; the chain goes on behind what was.
        for old in (s.token, reader):
            assert t.call("GET", "/team", token=old).status_code == 401
        after = all_audit(t)
        assert [r["sequence"] for r in after] == list(range(1, len(after) + 1))
        assert after[:len(before)] == before
        assert [r["event"] for r in after[len(before):]].count("instance.restored") == 1
        assert "instance.restored" in [r["event"] for r in instance_audit(t)]
        # And the next generation works as the first did.
        again = kept.folder / "next"
        assert run("backup", again, "--data", data).returncode == 0
        assert kept.check(again).returncode == 0
        assert t.operator("key", "rotate", "root").returncode == 0
        assert rotated(t)["rotation"]["state"] == "done"


@pytest.mark.slow
def test_abuse_022_tokens_are_void_until_they_are_approved(kept):
    s = kept.s
    revoked, fine = s.new_token("submit"), s.new_token("submit")
    ids = {t["id"]: t for t in s.call("GET", "/tokens").json()}
    file = kept.backup("b")
    revoked_id, fine_id = token_id(revoked), token_id(fine)
    assert {revoked_id, fine_id} <= set(ids)
    assert s.operator("token", "revoke", revoked_id, "--team", "studio").returncode == 0
    assert s.stop() == 0
    data, tokens = restored(kept, file, "new")
    with serving(data, tokens["studio"]) as t:
        for old in (s.token, revoked, fine):
            assert t.call("GET", "/jobs", token=old).status_code == 401
        rows = {x["id"]: x for x in t.call("GET", "/tokens").json()}
        assert all((rows[i]["suspendedAt"] is None) == (i == token_id(tokens["studio"])) for i in rows)
        # A token that is void makes none, and cannot approve itself: approval is the operator's.
        assert t.call("POST", f"/tokens/{fine_id}/approve").status_code in (404, 405)
        assert t.operator("token", "approve", "nosuchtokenid1", "--team", "studio").returncode == 4
        assert t.operator("token", "approve", fine_id, "--team", "studio", check=True).stdout == "The token is good again.\n"
        assert t.operator("token", "approve", fine_id, "--team", "studio", check=True).stdout == "This token was good already.\n"
        assert t.call("GET", "/jobs", token=fine).status_code == 200
        assert t.call("GET", "/jobs", token=revoked).status_code == 401
        assert [r["subject"] for r in all_audit(t) if r["event"] == "token.approved"] == [fine_id]
        t.stop()
        t.start()
        assert t.call("GET", "/jobs", token=fine).status_code == 200
        assert t.call("GET", "/jobs", token=revoked).status_code == 401
        assert t.operator("token", "approve", "all", "--team", "studio", check=True).stdout == "2 tokens are good again.\n"
        assert t.call("GET", "/jobs", token=s.token).status_code == 200


@pytest.mark.slow
def test_abuse_022_what_was_revoked_since_stays_revoked(kept):
    s = kept.s
    gone_team = s.team("gone")
    revoked, fine = s.new_token("submit"), s.new_token("submit")
    file = kept.backup("b")
    assert s.operator("token", "revoke", token_id(revoked), "--team", "studio").returncode == 0
    assert s.operator("team", "delete", "gone", "--yes").returncode == 0
    late = s.new_token("submit")
    done = kept.restore(file, "no", "--revoked-from", s.data)
    assert done.returncode == 5 and "stop it first" in done.stderr
    assert s.stop() == 0
    before = {p.name: p.read_bytes() for p in (s.data / "db").iterdir() if p.name == "safelight.db"}
    data, tokens = restored(kept, file, "new", "--revoked-from", s.data)
    assert tokens == {} and before["safelight.db"] == (s.data / "db/safelight.db").read_bytes()
    with serving(data, s.token) as t:
        assert t.call("GET", "/jobs").status_code == 200 and t.call("GET", "/jobs", token=fine).status_code == 200
        for dead in (revoked, gone_team, late):
            assert t.call("GET", "/jobs", token=dead).status_code == 401
        assert t.operator("token", "approve", "all", "--team", "studio", check=True).stdout == "No token of this team was void.\n"
        assert t.call("GET", "/jobs", token=revoked).status_code == 401


@pytest.mark.slow
def test_the_old_directory_must_be_of_the_same_installation(sample, fresh):
    other = fresh(start=False)
    done = sample.restore(sample.file, "new", "--revoked-from", other.data)
    assert done.returncode == 5 and "another installation" in done.stderr
    nothing_left(sample, "new")
    done = sample.restore(sample.file, "new", "--revoked-from", sample.folder / "nowhere")
    assert done.returncode == 9 and "without --revoked-from" in done.stderr
    (other.data / "db/safelight.db").write_bytes(b"SQLite format 3\0" + os.urandom(8000))
    done = sample.restore(sample.file, "new", "--revoked-from", other.data)
    assert done.returncode != 0 and "cannot be read" in done.stderr
    nothing_left(sample, "new")


def test_what_was_open_then_is_not_done_twice(kept, studio):
    """A job that waited, one under a lease, one with its webhook due: all of them may have ended since."""
    s = kept.s
    program = 'echo x > "$SAFELIGHT_OUTPUT"\n'
    refused = Web(lambda handler, body: (503, {}, b"no"))
    with refused:
        s.put("K", canary())
        failing = s.render({"webhook": {"url": f"{refused.url}/hook", "headers": {"X": "${secret.K}"}}}, program)
        assert failing["status"] == "finished"
        lease_name = "e" + os.urandom(4).hex()
        leased = s.submit({"engine": lease_name, "webhook": hook(studio, "leased")}).json()["id"]
        assert s.call("POST", "/worker/lease", {"engines": lease_name, "worker": "w"}).status_code == 200
        queued_name = "e" + os.urandom(4).hex()
        queued = s.submit({"engine": queued_name, "webhook": hook(studio, "queued")}).json()["id"]
        file = kept.backup("b")
        row = next(d for d in kept.read(file).tables["deliveries"])
        assert row["state"] in (1, 3)
        assert not kept.read(file).tables.get("tickets")
    data, tokens = restored(kept, file, "new")
    with serving(data, tokens["studio"]) as t:
        for job in (leased, queued):
            shown = t.job(job)
            assert shown["status"] == "error" and "restored" in json.dumps(shown)
        for name in (lease_name, queued_name):
            assert t.call("POST", "/worker/lease", {"engines": name, "worker": "w"}).status_code == 204
        assert t.job(failing["id"])["status"] == "finished"
        t.render({"webhook": hook(studio, "later")}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
        assert arrived(studio, "later")
        assert not studio.received("/hook/leased") and not studio.received("/hook/queued")
    again, tokens = restored(kept, file, "resumed", "--resume-jobs")
    with serving(again, tokens["studio"]) as t:
        assert t.job(queued)["status"] == "queued"
        until(lambda: t.job(leased)["status"] == "queued", 20, "the lease's end")
        assert t.call("POST", "/worker/lease", {"engines": queued_name, "worker": "w"}).json()["job"]["id"] == queued


def test_templates_and_fonts_come_along_unless_they_are_left_out(kept):
    s, content = kept.s, b"RIFX" + os.urandom(200000)
    made = s.call("POST", "/templates", {"type": "aep", "displayName": "t"}).json()
    template = made.get("template", made)["id"]
    assert requests.put(made["uploadUrl"], data=content, timeout=30).status_code == 200
    from test_fonts import tiny
    font = s.call("POST", "/fonts", tiny_form(tiny()), headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert font.status_code in (200, 201), font.text
    (s.data / "spool/half.part").write_bytes(b"half")
    (s.data / "spool/odd").symlink_to("/etc/passwd")
    whole, rows = kept.backup("whole"), kept.backup("rows", "--without-spool")
    files = kept.read(whole).files
    assert content in files.values() and len(files) == 2 and not kept.read(rows).files
    data, tokens = restored(kept, whole, "new")
    with serving(data, tokens["studio"]) as t:
        got = t.call("GET", f"/templates/{template}/download").json()
        assert requests.get(got["url"], timeout=30).content == content
        assert len(t.call("GET", "/fonts").json()) == 1
    done = kept.restore(rows, "bare")
    assert done.returncode == 0 and "1 templates and 1 fonts" in done.stderr
    with serving(kept.folder / "bare", dict(l.split() for l in done.stdout.splitlines())["studio"]) as t:
        assert t.call("GET", f"/templates/{template}").json()["status"] == "error"
        assert t.call("GET", "/fonts").json() == []


def tiny_form(font):
    return b'--b\r\nContent-Disposition: form-data; name="font"; filename="tiny.ttf"\r\nContent-Type: font/ttf\r\n\r\n' + font + b"\r\n--b--\r\n"


def test_abuse_089_a_drill_needs_the_key_and_the_backup_alone(sample, tmp_path):
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    shutil.copy(sample.file, alone / "b")
    before = sorted(alone.iterdir())
    done = run("restore", "--check", alone / "b", "--recovery-key", "-", stdin=sample.key.read_text().lower().replace("-", " ").replace("slrk1 ", "slrk1-"))
    assert done.returncode == 0 and "is sound: 1 teams, 1 secrets in 1 versions" in done.stderr and done.stdout == ""
    assert sorted(alone.iterdir()) == before
    nothing_in_memory()
    assert sample.value not in done.stderr


# --- tokens ---

@pytest.mark.slow
def test_abuse_022_what_was_void_in_the_old_directory_stays_void(kept):
    """Restored twice: a token that nobody approved after the first time is not good because of the second."""
    s = kept.s
    stolen, fine, dropped = (s.new_token("submit") for _ in range(3))
    file = kept.backup("b")
    first, tokens = restored(kept, file, "first")
    with serving(first, tokens["studio"]) as t:
        t.operator("token", "approve", token_id(fine), "--team", "studio", check=True)
        t.operator("token", "revoke", token_id(dropped), "--team", "studio", check=True)
        t.operator("token", "approve", token_id(s.token), "--team", "studio", check=True)
    done = kept.restore(file, "second", "--revoked-from", first)
    assert done.returncode == 0 and "1 revoked, as in the old data directory, and 1 void" in done.stderr and done.stdout == ""
    with serving(kept.folder / "second", s.token) as t:
        for token, status in ((s.token, 200), (fine, 200), (stolen, 401), (dropped, 401)):
            assert t.call("GET", "/jobs", token=token).status_code == status
        assert [r["subject"] for r in all_audit(t) if r["event"] == "token.revoked"] == [token_id(dropped)]
        again = run("backup", kept.folder / "b2", "--data", t.data)
        assert again.returncode == 0, again.stderr
        t.operator("token", "approve", token_id(stolen), "--team", "studio", check=True)
        assert t.call("GET", "/jobs", token=stolen).status_code == 200
    # Void in the backup: no directory makes it good, since of one that is older than the backup it says nothing.
    done = kept.restore(kept.folder / "b2", "third", "--revoked-from", kept.folder / "second")
    assert done.returncode == 0 and "0 revoked, as in the old data directory, and 1 void" in done.stderr, done.stderr
    with serving(kept.folder / "third", s.token) as t:
        assert [t.call("GET", "/jobs", token=x).status_code for x in (s.token, fine, stolen)] == [200, 200, 401]


@pytest.mark.slow
def test_a_revoked_token_is_not_approved(kept):
    revoked = kept.s.new_token("submit")
    file = kept.backup("b")
    data, tokens = restored(kept, file, "new")
    with serving(data, tokens["studio"]) as t:
        approve = lambda which, *flags: t.operator("token", "approve", which, "--team", "studio", *flags)
        t.operator("token", "revoke", token_id(revoked), "--team", "studio", check=True)
        done = approve(token_id(revoked))
        assert done.returncode == 5 and "revoked" in done.stderr and done.stdout == ""
        assert approve("all").stdout == "1 token is good again.\n" and approve("all").stdout == "No token of this team was void.\n"
        assert json.loads(approve("all", "--json").stdout) == {"approved": 0} and approve("all", "--quiet").stdout == ""
        assert t.call("GET", "/jobs", token=revoked).status_code == 401


@pytest.mark.slow
def test_an_old_credential_beside_a_restored_directory_is_named(sample):
    credentials = sample.folder / "credentials"
    credentials.mkdir()
    shutil.copy(sample.s.data / "root.key", credentials / "safelight-root-key")
    data, _ = restored(sample, sample.file, "under-the-unit")
    done = run("serve", "--data", data, "--listen", "127.0.0.1:0", env={**clean_environment(), "CREDENTIALS_DIRECTORY": str(credentials)})
    assert done.returncode == 7 and "take the credential away" in done.stderr
    with serving(data):
        pass


# --- what the command says ---

@pytest.mark.slow
def test_tokens_that_cannot_be_shown_are_not_made(sample, tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, "restore", sample.file, "--data", sample.folder / "unsaid", "--recovery-key", sample.key], stdout=full,
                              stderr=subprocess.PIPE, text=True, env=clean_environment(), timeout=60 * SLOW)
        assert done.returncode == 7 and "stdout" in done.stderr
        nothing_left(sample, "unsaid")
        done = subprocess.run([BINARY, "init", "--data", tmp_path / "new"], stdout=full, stderr=subprocess.PIPE, text=True, env=clean_environment())
        assert done.returncode == 7 and "token create" in done.stderr
    done = run("init", "--data", tmp_path / "other", "--json", "--quiet")
    assert done.stderr == "" and json.loads(done.stdout)["team"] == "main" and json.loads(done.stdout)["token"].startswith("slt_")


@pytest.mark.slow
def test_the_result_as_json_and_without_notes(sample):
    done = run("restore", "--check", sample.file, "--recovery-key", sample.key, "--json", "--quiet")
    said = json.loads(done.stdout)
    assert done.returncode == 0 and done.stderr == "" and said["secrets"] == 1 and said["adminTokens"] == []
    done = sample.restore(sample.file, "as-json", "--json", "--quiet")
    said = json.loads(done.stdout)
    assert done.stderr == "" and [t["team"] for t in said["adminTokens"]] == ["studio"]
    with serving(sample.folder / "as-json", said["adminTokens"][0]["token"]) as t:
        assert t.call("GET", "/team").status_code == 200
    done = sample.restore(sample.file, "as-lines", "--quiet")
    assert done.stderr == "" and done.stdout.startswith("studio slt_") and done.stdout.count("\n") == 1


@pytest.mark.slow
def test_a_bar_on_a_terminal_and_nothing_with_quiet(sample):
    with Terminal("restore", "--check", sample.file, "--recovery-key", sample.key) as t:
        assert t.end() == 0
        assert re.search(r"\rreading \[#*\.*\] [0-9.]+ of [0-9.]+ MiB", t.text) and re.search(r"\rverifying \[#*\.*\] \d+ of \d+", t.text)
        assert "\r\x1b[KThe backup of" in t.text
    with Terminal("restore", "--check", sample.file, "--recovery-key", sample.key, "--quiet") as t:
        assert t.end() == 0 and t.text == ""


@pytest.mark.slow
def test_the_key_is_typed_without_being_shown(sample):
    with Terminal("restore", "--check", sample.file, "--recovery-key", "-") as t:
        t.until("Recovery key")
        assert not t.echoes()
        t.type(sample.key.read_text())
        assert t.end() == 0 and "SLRK1" not in t.text and "is sound" in t.text and t.echoes()
    with Terminal("restore", "--check", sample.file, "--recovery-key", "-") as t:
        t.until("Recovery key").type("\x03")
        assert t.end() != 0 and t.echoes()
    done = subprocess.run([BINARY, "restore", "--check", sample.file, "--recovery-key", "-"], stdin=subprocess.DEVNULL, capture_output=True, env=clean_environment())
    assert done.returncode == 9
