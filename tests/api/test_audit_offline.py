"""`safelight audit`: list, verify (with and without a server), export, checkpoint, key; and what an edited export comes to."""
import json
import os
import re
import sqlite3

import pytest

from conftest import Server, canary

SECRETS = 9


class Log:
    """A team's exported log with a checkpoint in the middle and one at the end, as files."""

    def __init__(self, folder):
        self.server = s = Server(folder)
        self.folder = s.folder
        for i in range(SECRETS):
            s.put(f"N{i}", canary())
            if i == 4:
                self.middle = self.checkpoint("middle.txt")
        self.end = self.checkpoint("end.txt")
        self.key = s.command("audit", "key", check=True).stdout.strip()
        self.file = self.folder / "audit.ndjson"
        assert s.command("audit", "export", "--file", self.file, check=True).stdout.strip() == str(self.file)
        self.lines = self.file.read_text().splitlines()
        self.signed = int((self.folder / "middle.txt").read_text().splitlines()[1])

    def checkpoint(self, name):
        self.server.command("audit", "checkpoint", "--file", self.folder / name, check=True)
        return self.folder / name

    def verify(self, lines=None, checkpoint=None, key=None, **options):
        """The command on these lines, without a server and without a token."""
        file = self.folder / "edited.ndjson"
        file.write_bytes(lines if isinstance(lines, bytes) else "".join(line + "\n" for line in (self.lines if lines is None else lines)).encode())
        more = ["--checkpoint", checkpoint, "--key", key or self.key] if checkpoint else []
        return self.server.command("audit", "verify", file, *more, env={"SAFELIGHT_URL": "http://127.0.0.1:1", "SAFELIGHT_TOKEN": ""}, **options)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    made = Log(tmp_path_factory.mktemp("log"))
    yield made
    made.server.stop()


def bad(done):
    """The record that is named."""
    assert done.returncode == 7 and done.stdout == "", done.stdout + done.stderr
    return int(re.match(r"safelight: record (\d+) ", done.stderr).group(1)), done.stderr


def test_a_whole_log_is_good(log):
    done = log.verify()
    assert done.returncode == 0 and done.stdout == f"{len(log.lines)} records, each as it was written\n" and "--checkpoint" in done.stderr
    for checkpoint, size in ((log.middle, log.signed), (log.end, len(log.lines))):
        done = log.verify(checkpoint=checkpoint)
        assert done.returncode == 0 and f"the first {size} are those that were signed" in done.stdout and done.stderr == ""
    assert log.verify(log.lines[:log.signed], log.middle).returncode == 0
    assert log.verify(log.file.read_bytes().rstrip(b"\n"), log.end).returncode == 0  # without its last line feed
    key_file = log.folder / "audit.key"
    key_file.write_text(log.key + "\n")
    assert log.verify(checkpoint=log.end, key=key_file).returncode == 0


def test_from_stdin(log):
    done = log.server.command("audit", "verify", "-", "--checkpoint", log.end, "--key", log.key, stdin=log.file.read_text())
    assert done.returncode == 0, done.stderr


def test_json(log):
    said = json.loads(log.server.command("audit", "verify", log.file, "--checkpoint", log.middle, "--key", log.key, "--json", check=True).stdout)
    assert said == {"valid": True, "records": len(log.lines), "firstBad": None, "signed": log.signed, "message": "is as it was written"}
    (log.folder / "short.ndjson").write_text(log.lines[0] + "\n")
    done = log.server.command("audit", "verify", log.folder / "short.ndjson", "--checkpoint", log.middle, "--key", log.key, "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 7 and said["valid"] is False and said["firstBad"] == 2 and said["signed"] == log.signed


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("edit, record, word", [
    (lambda l: l[1:], 1, "missing"),
    (lambda l: l[:4] + l[5:], 5, "missing"),
    (lambda l: l[:3] + [l[4], l[3]] + l[5:], 4, "missing"),
    (lambda l: l[:3] + [l[1]] + l[3:], 3, "before it"),
    (lambda l: l[:3] + [l[2]] + l[3:], 3, "before it"),
    (lambda l: l[:2] + [l[2].replace('"secret.created"', '"secret.deleted"')] + l[3:], 3, "changed"),
    (lambda l: l[:2] + [re.sub(r'"name":"N\d', '"name":"M0', l[2])] + l[3:], 3, "changed"),
    (lambda l: l[:2] + [re.sub(r'"at":"\d{4}', '"at":"2025', l[2])] + l[3:], 3, "changed"),
    (lambda l: l[:2] + [re.sub(r'"mac":"..', '"mac":"zz', l[2])] + l[3:], 3, "no record"),
    (lambda l: l[:2] + [re.sub(r'"mac":"(.)', lambda m: '"mac":"' + ("0" if m.group(1) != "0" else "1"), l[2])] + l[3:], 3, "changed"),
    (lambda l: l[:2] + [l[2].replace('"address"', '"host"')] + l[3:], 3, "changed"),
    (lambda l: l[:2] + [l[2][:-1]] + l[3:], 3, "no record"),
    (lambda l: l[:2] + [""] + l[2:], 3, "no record"),
    (lambda l: l[:2] + ["x" * 700000] + l[2:], 3, "no record"),
    (lambda l: ["{}"], 1, "no record"),
    (lambda l: l[:2] + [re.sub(r'"team":"0', '"team":"1', l[2])] + l[3:], 3, "another log"),
    (lambda l: l[:2] + ['{"sequence":3,"damaged":"AAAA","mac":"00"}'] + l[3:], 3, "damaged"),
])
def test_abuse_093_the_first_bad_record_is_named(log, edit, record, word, signed):
    named, said = bad(log.verify(edit(log.lines), log.end if signed else None))
    assert named == record and word in said


def test_abuse_093_a_cut_at_the_end_shows_against_a_checkpoint(log):
    for keep in range(len(log.lines)):
        done = log.verify(log.lines[:keep], log.end)
        assert bad(done)[0] == keep + 1 and "cut off" in done.stderr
        if keep:
            assert log.verify(log.lines[:keep]).returncode == 0  # which is why there are checkpoints


def test_abuse_093_a_forger_who_makes_the_hash_again_is_found_by_the_signature(log):
    from test_audit import leaf
    line = json.loads(log.lines[2])
    line["actor"] = "somebodyElse00"
    line["leaf"] = leaf(line).hex()
    forged = log.lines[:2] + [json.dumps(line, separators=(",", ":"))] + log.lines[3:]
    assert log.verify(forged).returncode == 0
    named, said = bad(log.verify(forged, log.middle))
    assert named == log.signed and "signed" in said
    # The same with records that are made up at the end: not covered, and said to be so.
    line = json.loads(log.lines[-1])
    line["sequence"] += 1
    line["leaf"] = leaf(line).hex()
    done = log.verify(log.lines + [json.dumps(line)], log.end)
    assert done.returncode == 0 and f"the first {len(log.lines)} are" in done.stdout


def test_abuse_093_the_database_rolled_back_shows_against_a_checkpoint(tmp_path):
    """Online: the server's chain is whole, the checkpoint says that there was more."""
    log = Log(tmp_path)
    s = log.server
    online = ["audit", "verify", "--checkpoint", log.end, "--key", log.key]
    assert "are those that were signed" in s.command(*online, check=True).stdout
    s.stop()
    with sqlite3.connect(s.data / "db/safelight.db") as db:
        db.execute(f"DELETE FROM audit WHERE team_id <> '00000000000000000000000000' AND sequence > {len(log.lines) - 2}")
    db.close()
    s.start()
    assert s.command("audit", "verify").returncode == 0
    done = s.command(*online)
    assert done.returncode == 7 and f"record {len(log.lines) - 1} is missing: the end of the log was cut off" in done.stderr
    s.put("LATER", canary())
    s.put("LATER2", canary())
    done = s.command(*online)
    assert done.returncode == 7 and "not what was signed" in done.stderr
    s.stop()


@pytest.mark.parametrize("edit, code", [
    (lambda n: n.replace("\n1", "\n2", 1), 7), (lambda n: n.replace("mac ", "mac 0", 1), 9), (lambda n: n.replace("\u2014 ", "- ", 1), 9),
    (lambda n: n + "more\n", 9), (lambda n: "", 9), (lambda n: n.split("\n\n")[0] + "\n", 9), (lambda n: n.split("\n\n")[0] + "\n\n", 7),
    (lambda n: n.replace("safelight/audit/", "safelight/audit/0", 1), 7), (lambda n: n.replace("\n", "\r\n"), 9),
    (lambda n: n.replace("\n", "\nadded\n", 1), 9), (lambda n: "x" * 100000, 9), (lambda n: n.replace("\n\n", "\n extension\n\n", 1), 9)])
def test_abuse_094_a_checkpoint_that_was_edited(log, edit, code):
    file = log.folder / "edited.txt"
    file.write_text(edit(log.end.read_text()), newline="")
    done = log.verify(checkpoint=file)
    assert done.returncode == code and "each as it was" not in done.stdout, done.stderr


def test_abuse_096_another_teams_key_or_checkpoint(log):
    other = log.server.team("other")
    key = log.server.command("audit", "key", token=other, check=True).stdout.strip()
    assert key != log.key and key.split("+")[0].rsplit("/", 1)[0] == log.key.split("+")[0].rsplit("/", 1)[0]
    assert log.verify(checkpoint=log.end, key=key).returncode == 7
    theirs = log.folder / "theirs.txt"
    log.server.command("audit", "checkpoint", "--file", theirs, token=other, check=True)
    assert log.verify(checkpoint=theirs).returncode == 7
    done = log.verify(checkpoint=theirs, key=key)
    assert bad(done)[0] == 1 and "another log" in done.stderr


@pytest.mark.parametrize("words, code", [
    (["verify", "nothing-there.ndjson"], 9), (["verify", "/"], 9), (["verify", "{log}", "--checkpoint", "{end}"], 2),
    (["verify", "{log}", "--checkpoint", "nothing.txt", "--key", "{key}"], 9), (["verify", "{log}", "--key", "no key"], 9),
    (["verify", "{log}", "--key", "/etc/hostname"], 9), (["verify", "{log}", "--data", "/tmp"], 2), (["verify", "--team", "t"], 2),
    (["verify", "{log}", "{log}"], 2), (["export", "--after", "x", "--file", "{out}"], 9), (["export", "--team", "t"], 2),
    (["export", "--file", "/no/such/folder/x"], 7), (["checkpoint", "--file", "/no/such/folder/x"], 7), (["checkpoint", "x"], 2),
    (["list", "--event", "eaten"], 9), (["list", "--limit", "0"], 9), (["list", "--name", "n" * 3000], 9)])
def test_bad_usage(log, words, code):
    places = {"log": log.file, "end": log.end, "key": log.key, "out": log.folder / "out.ndjson"}
    done = log.server.command("audit", *[w.format(**places) if "{" in w else w for w in words])
    assert done.returncode == code and done.stderr and "{" not in done.stderr, done.stderr


def test_roles_and_a_server_that_is_gone(log):
    for role, code in (("audit", 0), ("admin", 0), ("editor", 3), ("submit", 3), ("worker", 3)):
        token = log.server.new_token(role)
        for words in (["verify"], ["export", "--file", "-"], ["checkpoint"], ["key"], ["list"]):
            assert log.server.command("audit", *words, token=token).returncode == code, (role, words)
    for words in (["verify"], ["export", "--file", "-"], ["checkpoint"], ["key"], ["list"]):
        assert log.server.command("audit", *words, env={"SAFELIGHT_URL": "http://127.0.0.1:1"}).returncode == 6


def test_the_operators_way(log):
    s = log.server
    by_team = s.operator("audit", "export", "--team", "studio", "--file", "-", check=True).stdout
    assert by_team.splitlines()[:len(log.lines)] == log.lines
    assert s.operator("audit", "key", "--team", "studio", check=True).stdout.strip() == log.key
    assert s.operator("audit", "verify", "--team", "studio", "--checkpoint", log.end, "--key", log.key).returncode == 0
    own = s.operator("audit", "verify", "--json", check=True)
    assert json.loads(own.stdout)["valid"] is True
    assert s.operator("audit", "key", check=True).stdout.split("+")[0].endswith("/" + "0" * 26)
    assert s.operator("audit", "verify", "--team", "nobody").returncode == 4
    assert "secret.created" in s.operator("audit", "list", "--team", "studio", check=True).stdout


def test_list_shows_newest_first_and_nothing_that_moves_a_terminal(log):
    done = log.server.command("audit", "list", "--event", "secret.created", "--name", "N*", "--limit", "3", check=True)
    head, *rows = done.stdout.splitlines()
    assert head.split()[:3] == ["SEQUENCE", "AT", "EVENT"] and [r.split()[4] for r in rows] == ["N8", "N7", "N6"]
    rows = json.loads(log.server.command("audit", "list", "--limit", "2", "--json", check=True).stdout)
    assert rows[0]["sequence"] == rows[1]["sequence"] + 1


def test_export_after_and_files_put_together(log):
    first, rest = log.folder / "first", log.folder / "rest"
    first.write_text("".join(line + "\n" for line in log.lines[:3]))
    log.server.command("audit", "export", "--after", "3", "--file", rest, check=True)
    assert log.verify(first.read_bytes() + rest.read_bytes(), log.end).returncode == 0
    assert bad(log.verify(rest.read_bytes()))[0] == 1
    os.unlink(rest)


def test_rolling_back_from_the_command_line(log):
    s = log.server
    s.put("ROLL", canary())
    s.put("ROLL", canary(), rotate=True)
    done = s.command("secret", "rollback", "ROLL", check=True)
    assert re.search(r"VERSION +3", done.stdout)
    assert json.loads(s.command("secret", "rollback", "ROLL", "--version", "1", "--json", check=True).stdout)["version"] == 4
    for words, code in ((["ROLL", "--version", "4"], 5), (["ROLL", "--version", "9"], 4), (["NONE"], 4), (["ROLL", "--version", "0"], 9),
                        (["ROLL", "--version", "x"], 9), ([], 2)):
        assert s.command("secret", "rollback", *words).returncode == code, words
    assert s.command("secret", "rollback", "ROLL", token=s.new_token("submit")).returncode == 3
