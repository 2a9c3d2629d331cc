"""Commands about jobs, batches and policies, end to end against the real server; then against servers that answer nonsense, end in
the middle, or are not there."""
import json
import os
import re
import threading
import time

import pytest

from common import put_path
from conftest import SLOW, Web, canary, engine, until
from test_cli import CONFLICT, DONE, FAILED, INVALID, NOT_ALLOWED, NOT_FOUND, UNREACHABLE, USAGE, run

from test_engine import BLACK, RED, clip, near, pixel, probe

NEVER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
QUICK = 'echo out > "$SAFELIGHT_OUTPUT"\n'
TEMPLATE = {"id": "T", "src": "https://files.example/a.aep", "composition": "main"}


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    return clip(tmp_path_factory.mktemp("ground"), "1280x720", 1)


class Team:
    """A team of its own, its command line and its files."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        self.name = "cli-" + os.urandom(5).hex()
        self.token = server.team(self.name)
        self.hired = []

    def run(self, *words, stdin="", token=None, **options):
        return run(*words, stdin=stdin, env={"SAFELIGHT_URL": self.server.url, "SAFELIGHT_TOKEN": token or self.token}, **options)

    def json(self, *words, **options):
        done = self.run(*words, "--json", **options)
        assert done.returncode == DONE, done.stderr
        return json.loads(done.stdout)

    def file(self, what, name="job.json"):
        path = self.folder / name
        path.write_text(json.dumps(what))
        return path

    def submit(self, what=None, *flags):
        done = self.run("job", "submit", self.file(what or {"engine": "nobody"}), *flags)
        assert done.returncode == DONE, done.stderr
        return done.stdout.strip()

    def worker(self, script, *flags, **options):
        program = engine(self.folder, script)
        self.hired.append(self.server.worker("--engines", "test", *flags, engine=program, token=self.server.new_token("worker", self.name), **options))
        return self.hired[-1]

    def rendered(self, script=QUICK, **job):
        self.worker(script, "--once")
        made = self.run("job", "submit", self.file({"engine": "test", **job}), "--wait", "--json")
        assert made.returncode == DONE, made.stderr
        return json.loads(made.stdout)

    def status(self, job):
        return self.server.job(job, token=self.token)["status"]


@pytest.fixture
def team(server, folder):
    one = Team(server, folder)
    yield one
    for worker in one.hired:
        worker.kill()
        worker.wait()


# --- dry run ---

def test_dry_run_shows_every_reference_and_stores_nothing(team):
    team.server.put("KEY", canary(), token=team.token)
    job = team.file({"template": {**TEMPLATE, "src": "https://files.example/${secret.KEY}.aep"},
                     "assets": [{"type": "text", "value": "Hi ${secret.KEY@1}"}, {"type": "image", "src": "https://a.example/x", "params": {"headers": {"A": "${secrets.KEY}"}}},
                                {"type": "image", "src": "https://${secret.KEY}/x"}],
                     "webhook": {"url": "https://hooks.example/x", "data": {"k": "${secret.KEY}"}}})
    done = team.run("job", "submit", job, "--dry-run")
    assert done.returncode == DONE, done.stderr
    rows = [re.split(r"\s{2,}", line) for line in done.stdout.splitlines()]
    assert rows[0] == ["FIELD", "SECRET", "VERSION", "SINK", "HOST", "WORKER"]
    assert sorted(rows[1:]) == sorted([
        ["/template/src", "KEY", "1 (newest)", "url", "files.example", "blind"], ["/assets/0/value", "KEY", "1", "text", "-", "sees it"],
        ["/assets/1/params/headers/A", "KEY", "1 (newest)", "header", "a.example", "blind"], ["/assets/2/src", "KEY", "1 (newest)", "url", "-", "blind"],
        ["/webhook/data/k", "KEY", "1 (newest)", "body", "hooks.example", "blind"]])
    assert "warning: /assets/0/value" in done.stderr and "nothing was stored" in done.stderr
    assert team.json("job", "list") == []
    said = team.json("job", "submit", job, "--dry-run")
    assert said["valid"] is True and [r["resolvesTo"] for r in said["references"]] == [1] * 5
    blind = team.run("job", "submit", job, "--dry-run", token=team.server.new_token("submit", team.name))
    assert " newest " in blind.stdout and "(newest)" not in blind.stdout
    assert team.json("job", "list") == []


def test_dry_run_of_stdin_of_a_join_and_of_a_job_without_secrets(team):
    plain = team.run("job", "submit", "--dry-run", stdin=json.dumps({"template": TEMPLATE}))
    assert plain.returncode == DONE and plain.stdout == "" and "refers to no secret" in plain.stderr
    team.server.put("KEY", canary(), token=team.token)
    join = team.file({"assets": [{"type": "video", "src": "https://${secret.KEY}.example/a.mp4"}]})
    done = team.run("job", "join", join, "--dry-run")
    assert done.returncode == DONE and "/assets/0/src" in done.stdout
    assert team.json("job", "list") == []


@pytest.mark.parametrize("job, field", [
    ({"template": TEMPLATE, "webhook": {"url": "https://e.com/${secret.NONE}"}}, "/webhook/url"), ({"template": TEMPLATE, "assets": [{"type": "text"}]}, "value"),
    ({"template": TEMPLATE, "settings": {"type": "${secret.KEY}"}}, "/settings/type"), ({}, "template"), ({"template": TEMPLATE, "assets": 7}, "assets")])
def test_dry_run_refuses_what_a_submit_refuses(team, job, field):
    for flags in (["--dry-run"], []):
        done = team.run("job", "submit", team.file(job), *flags)
        assert done.returncode == INVALID and done.stdout == "" and field in done.stderr, done.stderr
    assert team.json("job", "list") == []


def test_a_submit_says_its_warnings(team):
    team.server.put("KEY", canary(), token=team.token)
    job = team.file({"template": TEMPLATE, "assets": [{"type": "text", "value": "${secret.KEY}"}]})
    done = team.run("job", "submit", job)
    assert done.returncode == DONE and re.fullmatch(r"[0-9A-Z]{26}\n", done.stdout) and "warning: /assets/0/value: " in done.stderr
    quiet = team.run("job", "submit", job, "--json")
    assert quiet.stderr == "" and json.loads(quiet.stdout)["warnings"]  # they stand in the answer


# --- submit, join, wait ---

@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"a":1}{"b":2}'])
def test_what_is_no_job_is_9(team, text):
    for command in ("submit", "join"):
        done = team.run("job", command, stdin=text)
        assert done.returncode == INVALID and done.stdout == "" and done.stderr.startswith("safelight: ")


def test_a_job_past_the_limit_is_9_and_one_at_it_is_sent(team):
    at = json.dumps({"engine": "nobody", "pad": ""})
    at = at.replace('"pad": ""', '"pad": "%s"' % ("x" * (1024 * 1024 - len(at))))
    assert len(at) == 1024 * 1024 and team.run("job", "submit", stdin=at).returncode == DONE
    done = team.run("job", "submit", stdin=at + " ")
    assert done.returncode == INVALID and "limit" in done.stderr


def test_a_join_is_submitted_rendered_and_fetched(team):
    made = [team.rendered('ffmpeg -loglevel error -f lavfi -i color=c=red:s=64x64:d=1:r=25 -pix_fmt yuv420p -f mp4 -y "$SAFELIGHT_OUTPUT"\n') for _ in range(2)]
    join = team.file({"assets": [{"type": "video", "src": j["outputUrl"]} for j in made]}, "join.json")
    worker = team.server.worker("--once", engine="ffmpeg", token=team.server.new_token("worker", team.name))
    done = team.run("job", "join", join, "--wait", "--json")
    assert done.returncode == DONE and worker.wait(30 * SLOW) == 0, done.stderr
    out = team.folder / "joined.mp4"
    assert team.run("job", "output", json.loads(done.stdout)["id"], "--file", out).returncode == DONE
    assert probe(out)["frames"] == 50


def test_a_nested_job_becomes_a_layer_of_its_parent(team, ground):
    worker = team.server.worker(engine="ffmpeg", token=team.server.new_token("worker", team.name))
    team.hired.append(worker)
    with Web(lambda handler, body: (200, {}, ground if handler.path == "/ground.mp4" else b"RIFX")) as web:
        card = {"type": "job", "layerName": "card", "template": {"id": "T", "src": web.url + "/card.aep", "composition": "card"},
                "assets": [{"type": "text", "layerName": "t", "value": "card"}], "settings": {"type": "video", "frames": 5, "quality": "draft"}}
        job = {"engine": "ffmpeg", "settings": {"type": "video", "frames": 12, "quality": "draft"}, "assets": [{"type": "video", "layerName": "g", "src": web.url + "/ground.mp4"}, card]}
        done = team.run("job", "submit", team.file(job), "--wait", "--json")
    assert done.returncode == DONE, done.stderr
    out = team.folder / "out.mp4"
    assert team.run("job", "output", json.loads(done.stdout)["id"], "--file", out).returncode == DONE
    assert probe(out)["frames"] == 12 and probe(out)["size"] == (1280, 720)
    assert near(pixel(out, 0.1, 20, 20), RED) and near(pixel(out, 0.1, 640, 500), BLACK)  # the nested 640x360 lies in the middle


@pytest.mark.parametrize("words", [
    ["job", "submit", "--dry-run", "--wait"], ["job", "submit", "a", "b"], ["job", "submit", "--timeout"], ["job", "cancel"], ["job", "cancel", "--running"], ["job", "output"],
    ["job", "output", NEVER, "--file"], ["job", "retry-delivery"], ["job", "retry-delivery", "a", "b"], ["batch", "show"], ["batch", "cancel"], ["batch", "wait"], ["batch"],
    ["secret", "policy"], ["secret", "policy", "A", "--clear", "--sinks", "url"],
    ["secret", "policy", "A", "--hosts"], ["team", "set", "x", "--data", "d"], ["job", "nope"], ["batch", "nope"]])
def test_wrong_usage_is_2(team, words):
    done = team.run(*words, stdin="value" if words[0] == "secret" else "{}")
    assert done.returncode == USAGE and done.stdout == "" and done.stderr, done.stderr


@pytest.mark.parametrize("words", [
    ["batch", "wait", NEVER, "--timeout", "soon"], ["job", "wait", NEVER, "--timeout", "-1"], ["secret", "set", "A", "--expires", "tomorrow"], ["token", "create", "--role", "submit", "--expires", "soon"],
    ["token", "create", "--role", "nope"], ["job", "list", "--limit", "many"], ["audit", "export", "--after", "x"], ["secret", "rollback", "A", "--version", "0"], ["secret", "import", "-", "--format", "yaml"]])
def test_a_flags_value_that_is_none_is_9_whoever_finds_it(team, words):
    done = team.run(*words, stdin="A=1")
    assert done.returncode == INVALID and done.stdout == "" and done.stderr.startswith("safelight: "), done.stderr


# --- cancel ---

def test_cancel_one_and_many(team):
    a, b, c = (team.submit() for _ in range(3))
    done = team.run("job", "cancel", a)
    assert done.returncode == DONE and a in done.stdout and "manually_cancelled" in done.stdout
    assert {j["id"] for j in team.json("job", "cancel", b, c)} == {b, c}
    assert team.run("job", "cancel", a).returncode == CONFLICT
    assert team.run("job", "cancel", NEVER).returncode == NOT_FOUND
    assert team.run("job", "cancel", "no-ulid").returncode == NOT_FOUND
    d = team.submit()
    for words, code in (([d, d], INVALID), ([d, NEVER], NOT_FOUND), ([d, a], CONFLICT), ([d, "../x"], NOT_FOUND)):
        done = team.run("job", "cancel", *words)
        assert done.returncode == code and done.stdout == "" and done.stderr, words
        assert team.status(d) == "queued"
    assert team.run("job", "cancel", d, token=team.server.new_token("worker", team.name)).returncode == NOT_ALLOWED
    assert team.run("job", "cancel", d, token=team.server.team("other" + os.urandom(4).hex())).returncode == NOT_FOUND
    assert team.run("job", "cancel", *[f"01ARZ3NDEKTSV4RRFFQ{n:07d}" for n in range(1001)]).returncode == USAGE


def test_cancel_running_reaches_the_worker(team):
    begun = team.folder / "begun"
    team.worker(f"touch {begun}; sleep 1000\n", "--once")
    job = team.submit({"engine": "test"})
    until(begun.exists, 10, "the engine's begin")
    plain = team.run("job", "cancel", job)
    assert plain.returncode == CONFLICT
    assert team.run("job", "cancel", job, "--running").returncode == DONE
    assert team.hired[0].wait(20 * SLOW) == FAILED and team.status(job) == "manually_cancelled"
    assert team.run("job", "wait", job).returncode == FAILED


# --- output ---

def test_output_is_fetched_whole_under_its_name_or_another(team):
    job = team.rendered('head -c 3000000 /dev/zero | tr "\\0" x > "$SAFELIGHT_OUTPUT"\n')
    here = os.getcwd()
    try:
        os.chdir(team.folder)
        done = team.run("job", "output", job["id"])
        assert done.returncode == DONE and done.stdout == job["id"] + ".mp4\n" and done.stderr == ""
        assert (team.folder / (job["id"] + ".mp4")).read_bytes() == b"x" * 3000000
        again = team.run("job", "output", job["id"])
        assert again.returncode == CONFLICT and "--file" in again.stderr
    finally:
        os.chdir(here)
    out = team.folder / "named"
    out.write_text("old")
    mine = team.folder / "named.part"
    mine.write_text("mine")
    kept = team.run("job", "output", job["id"], "--file", out)
    assert kept.returncode == CONFLICT and "--force" in kept.stderr and out.read_text() == "old"
    assert team.run("job", "output", job["id"], "--file", out, "--force").returncode == DONE and out.stat().st_size == 3000000
    piped = team.run("job", "output", job["id"], "--file", "-")
    assert piped.returncode == DONE and piped.stdout == "x" * 3000000
    assert [p.name for p in team.folder.iterdir() if ".part" in p.name] == [mine.name] and mine.read_text() == "mine"
    mine.unlink()


def test_output_that_cannot_be_had(team):
    assert team.run("job", "output", NEVER).returncode == NOT_FOUND
    waiting = team.run("job", "output", team.submit())
    assert waiting.returncode == CONFLICT and "not finished" in waiting.stderr
    job = team.rendered()
    nowhere = team.run("job", "output", job["id"], "--file", team.folder / "no" / "such" / "folder")
    assert nowhere.returncode == FAILED and "made there" in nowhere.stderr
    taken = team.folder / "folder"
    taken.mkdir()
    assert team.run("job", "output", job["id"], "--file", taken, "--force").returncode == INVALID and not list(team.folder.glob("folder.part*"))
    (team.server.data / "spool" / (job["id"] + ".out")).unlink()
    gone = team.run("job", "output", job["id"], "--file", team.folder / "x")
    assert gone.returncode == NOT_FOUND and not (team.folder / "x").exists() and not list(team.folder.glob("x.part*"))


def job_with(address):
    return {"id": NEVER, "status": "finished", "outputUrl": address, "stats": {}}


@pytest.mark.parametrize("address, code, why", [
    ("http://127.0.0.1:9/x.mp4", UNREACHABLE, "no connection"), ("file:///etc/passwd", UNREACHABLE, ""), ("nonsense", UNREACHABLE, ""),
    ("https://b.example/${secret.KEY}/x", INVALID, "secrets"), ("WEB/refused", NOT_ALLOWED, "Expired"), ("WEB/empty", FAILED, "204"), ("WEB/moved", FAILED, "302"), ("WEB/busy", FAILED, "503"), (None, CONFLICT, "no output")])
def test_output_addresses_that_lead_nowhere(folder, address, code, why):
    def answer(handler, body):
        if handler.path.startswith("/api/v2/jobs/"):
            return 200, {"Content-Type": "application/json"}, json.dumps(job_with(address and address.replace("WEB", web.url))).encode()
        return {"/refused": (403, {"Content-Type": "application/json"}, b'{"error":"Expired"}'), "/empty": (204, {}, b""), "/moved": (302, {"Location": "/x"}, b""), "/busy": (503, {}, b"<Error/>")}[handler.path]
    with Web(answer) as web:
        done = run("job", "output", NEVER, "--file", folder / "out", env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "slt_x"})
        assert done.returncode == code and why in done.stderr and "proxy" not in done.stderr, done.stderr
        assert not (folder / "out").exists() and not list(folder.glob("out.part*"))
        assert all("Authorization" not in headers for _, path, headers in web.seen if not path.startswith("/api/v2"))


def test_an_output_that_breaks_off_leaves_nothing(folder):
    def answer(handler, body):
        if handler.path.startswith("/api/v2/"):
            return 200, {"Content-Type": "application/json"}, json.dumps(job_with(web.url + "/out.mp4")).encode()
        return 200, {"Content-Length": "1000", "Connection": "close"}, b"half"
    with Web(answer) as web:
        done = run("job", "output", NEVER, "--file", folder / "out", env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "slt_x"})
    assert done.returncode == UNREACHABLE and "broken" in done.stderr and list(folder.iterdir()) == []


# --- retry-delivery ---

def test_retry_delivery(team):
    refuse = [True]
    with Web(lambda handler, body: (403, {}, b"no") if refuse[0] else (200, {}, b"")) as web:
        team.server.put("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", token=team.token)
        team.server.put("AWS_SECRET_ACCESS_KEY", canary(), token=team.token)
        team.worker(QUICK, "--once")
        done = team.run("job", "submit", team.file({"engine": "test", "upload": put_path(web)}), "--wait", "--json")
        job = json.loads(done.stdout)
        assert done.returncode == FAILED and job["status"] == "error", job
        refuse[0] = False
        again = team.run("job", "retry-delivery", job["id"], "--json")
        assert again.returncode == DONE, again.stderr
        assert team.run("job", "wait", job["id"], "--timeout", 30).returncode == DONE
        nothing = team.run("job", "retry-delivery", job["id"])
        assert nothing.returncode == CONFLICT and nothing.stderr
    assert team.run("job", "retry-delivery", NEVER).returncode == NOT_FOUND


# --- batches ---

def test_a_batch_from_submit_to_its_end(team):
    worker = team.worker(QUICK)
    made = team.run("batch", "submit", team.file({"jobs": [{"engine": "test"}] * 3}))
    assert made.returncode == DONE and re.fullmatch(r"[0-9A-Z]{26}\n", made.stdout), made.stderr
    batch = made.stdout.strip()
    done = team.run("batch", "wait", batch)
    assert done.returncode == DONE and "finished" in done.stdout and len(done.stdout.splitlines()) >= 8
    shown = team.json("batch", "show", batch)
    assert shown["stats"]["finished"] == 3 and shown["jobs"][2]["id"] in team.run("batch", "show", batch).stdout
    worker.terminate()
    assert worker.wait(20 * SLOW) == DONE


def test_a_batch_with_refused_jobs_says_which(team):
    jobs = {"jobs": [{"engine": "nobody"}, {"template": TEMPLATE, "webhook": {"url": "https://e.com/${secret.NONE}"}}, 7]}
    done = team.run("batch", "submit", team.file(jobs))
    assert done.returncode == FAILED and re.fullmatch(r"[0-9A-Z]{26}\n", done.stdout)
    assert "job 1: " in done.stderr and "/webhook/url" in done.stderr and "job 2: " in done.stderr and "job 0" not in done.stderr
    as_json = team.run("batch", "submit", team.file(jobs), "--json")
    assert as_json.returncode == FAILED and json.loads(as_json.stdout)["status"] == "partial"
    none = team.run("batch", "submit", team.file({"jobs": jobs["jobs"][1:]}))
    assert none.returncode == INVALID and none.stdout == "" and "job 0: " in none.stderr


def test_a_batch_is_cancelled_and_its_wait_is_7(team):
    begun = team.folder / "begun"
    team.worker(f"touch {begun}; sleep 1000\n", "--once")
    batch = team.run("batch", "submit", stdin=json.dumps({"jobs": [{"engine": "test"}, {"engine": "nobody"}]})).stdout.strip()
    until(begun.exists, 10, "the engine's begin")
    late = team.run("batch", "wait", batch, "--timeout", "0")
    assert late.returncode == FAILED and "not over" in late.stderr
    done = team.run("batch", "cancel", batch)
    assert done.returncode == DONE and "cancelled" in done.stdout and "skipped" in done.stdout
    assert team.json("batch", "cancel", batch, "--running")["cancelledCount"] == 1
    assert team.run("batch", "wait", batch, "--timeout", "10").returncode == FAILED


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"jobs": []}', '{"jobs": 7}', '{"jobs": [{}]}', "{"])
def test_what_is_no_batch_is_9(team, text):
    done = team.run("batch", "submit", stdin=text)
    assert done.returncode == INVALID and done.stdout == "" and done.stderr.startswith("safelight: "), done.stderr


@pytest.mark.parametrize("verb", ["show", "wait", "cancel"])
def test_batches_that_are_not_there(team, verb):
    assert team.run("batch", verb, NEVER).returncode == NOT_FOUND
    assert team.run("batch", verb, "../jobs").returncode in (INVALID, NOT_FOUND)


# --- policies ---

def policy(team, name="A"):
    return team.json("secret", "policy", name)


def test_a_policy_is_set_shown_changed_and_cleared(team):
    made = team.run("secret", "set", "A", "--sinks", "header, url", "--hosts", "API.example.com,*.cdn.example.com", "--expires", "2037-01-31", "--json", stdin=canary())
    assert made.returncode == DONE, made.stderr
    want = {"sinks": ["header", "url"], "hosts": ["*.cdn.example.com", "api.example.com"], "expiresAt": "2037-01-31T00:00:00.000Z"}

    def plain(p):
        return {**p, "hosts": sorted(p["hosts"])} if "hosts" in p else p
    assert plain(policy(team)) == want
    shown = team.run("secret", "policy", "A").stdout
    assert "header" in shown and "api.example.com" in shown and "2037-01-31" in shown
    assert "2037-01-31" in team.run("secret", "list").stdout
    changed = team.run("secret", "policy", "A", "--sinks", "credential")
    assert changed.returncode == DONE and plain(policy(team)) == {**want, "sinks": ["credential"]}  # the rest stays
    assert team.run("secret", "policy", "A", "--hosts", "any").returncode == DONE
    assert policy(team) == {"sinks": ["credential"], "expiresAt": want["expiresAt"]}
    assert team.run("secret", "policy", "A", "--expires", "never", "--sinks", "any").returncode == DONE
    assert policy(team) is None and "no restrictions" in team.run("secret", "policy", "A").stdout
    assert team.run("secret", "policy", "A", "--expires", "90d").returncode == DONE
    ends = policy(team)["expiresAt"]
    assert 89 < (time.mktime(time.strptime(ends[:19], "%Y-%m-%dT%H:%M:%S")) - time.time()) / 86400 < 91
    assert team.run("secret", "policy", "A", "--clear").returncode == DONE and policy(team) is None


@pytest.mark.parametrize("flags, code", [
    (["--sinks", "nope"], INVALID), (["--sinks", ""], INVALID), (["--hosts", "*.com"], INVALID), (["--hosts", "*.s3.amazonaws.com"], INVALID), (["--hosts", "a b"], INVALID),
    (["--expires", "soon"], INVALID), (["--expires", "2037-13-01"], INVALID), (["--expires", "2037-01-01T00:00:00"], INVALID), (["--expires", ""], INVALID), (["--expires", "d"], INVALID)])
def test_policies_that_are_refused(team, flags, code):
    team.server.put("A", canary(), token=team.token)
    done = team.run("secret", "policy", "A", *flags)
    assert done.returncode == code and done.stdout == "" and policy(team) is None, done.stderr
    made = team.run("secret", "set", "B", *flags, stdin="some value")
    assert made.returncode == code and "B" not in [s["name"] for s in team.json("secret", "list")]


def test_a_policy_of_no_secret_and_by_a_token_that_may_not(team):
    team.server.put("A", canary(), token=team.token)
    for words in (["NONE"], ["NONE", "--clear"], ["NONE", "--sinks", "url"]):
        assert team.run("secret", "policy", *words).returncode == NOT_FOUND
    assert team.run("secret", "policy", "A", "--clear", token=team.server.new_token("submit", team.name)).returncode == NOT_ALLOWED
    assert team.run("secret", "rotate", "A", "--hosts", "x.example", stdin="v2v2").returncode == USAGE


def test_a_dry_run_tells_what_a_policy_forbids(team):
    assert team.run("secret", "set", "A", "--hosts", "good.example", stdin=canary()).returncode == DONE
    for host, code in (("good.example", DONE), ("evil.example", INVALID)):
        done = team.run("job", "submit", "--dry-run", stdin=json.dumps({"template": TEMPLATE, "webhook": {"url": f"https://{host}/", "headers": {"A": "${secret.A}"}}}))
        assert done.returncode == code, done.stderr
    assert "/webhook/headers/A" in done.stderr


def test_team_settings(server):
    name = "set-" + os.urandom(5).hex()
    token = server.team(name)
    server.put("HOOK", "whsec_" + "A" * 44, token=token)
    row = lambda: [t for t in json.loads(server.operator("team", "list", "--json", check=True).stdout) if t["name"] == name][0]  # noqa: E731
    assert server.operator("team", "set", name, "--policy-default", "strict", "--webhook-signing-secret", "HOOK", "--put-existing", "rotate").returncode == DONE
    assert (row()["policyDefault"], row()["webhookSigningSecret"], row()["putExisting"]) == ("strict", "HOOK", "rotate")
    assert server.operator("team", "set", name, "--webhook-signing-secret", "").returncode == DONE
    assert row()["webhookSigningSecret"] is None and row()["policyDefault"] == "strict"
    for flags in (["--policy-default", "sloppy"], ["--put-existing", "x"], ["--webhook-signing-secret", "NONE"]):
        assert server.operator("team", "set", name, *flags).returncode == INVALID
    assert server.operator("team", "set", name + "x", "--policy-default", "open").returncode == NOT_FOUND
    shown = server.operator("team", "list").stdout
    assert "strict" in shown and "POLICY-DEFAULT" in shown


# --- servers that are gone, or speak nonsense ---

ALL = [["job", "submit", "--dry-run"], ["job", "submit"], ["job", "join"], ["job", "cancel", NEVER], ["job", "cancel", NEVER, "x"], ["job", "output", NEVER], ["job", "retry-delivery", NEVER],
       ["batch", "submit"], ["batch", "show", NEVER], ["batch", "wait", NEVER], ["batch", "cancel", NEVER], ["secret", "policy", "A"], ["template", "list"], ["template", "show", NEVER],
       ["template", "delete", NEVER, "--yes"], ["template", "download", NEVER], ["font", "list"], ["font", "delete", NEVER, "--yes"]]


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_a_server_that_is_not_there_is_6_with_a_sentence(words):
    done = run(*words, stdin="{}", env={"SAFELIGHT_URL": "http://127.0.0.1:9", "SAFELIGHT_TOKEN": "x"})
    assert done.returncode == UNREACHABLE and done.stdout == "" and "SAFELIGHT_URL" in done.stderr


@pytest.mark.parametrize("answer, code", [((500, b'{"error":"Broken","code":"INTERNAL"}'), FAILED), ((503, b"<html>"), UNREACHABLE), ((401, b""), NOT_ALLOWED), ((404, b"{}"), NOT_FOUND),
                                          ((409, b'{"error":7}'), CONFLICT), ((400, b'{"error":"x","details":7,"errors":[1,{"index":{}}]}'), INVALID)])
@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_refusal_has_its_exit_code(words, answer, code):
    with Web(lambda handler, body: (answer[0], {"Content-Type": "application/json"}, answer[1])) as web:
        done = run(*words, stdin="{}", env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "x"})
    assert done.returncode == code and done.stdout == "" and done.stderr.startswith("safelight: ")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"7", b'"x"', b"null", b'{"id":7,"references":[1],"jobs":{},"policy":[],"stats":7}', b'[1,"x",{}]', b"\xff\xfe"])
@pytest.mark.parametrize("words", [w for w in ALL if "wait" not in w], ids=" ".join)
def test_nonsense_in_a_good_answer_is_survived(words, body):
    with Web(lambda handler, said: (200, {"Content-Type": "application/json"}, body)) as web:
        done = run(*words, stdin="{}", env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "x"})
    assert 0 <= done.returncode <= 9 and "AddressSanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr


def test_a_server_that_goes_in_the_middle_of_a_wait_is_6(team):
    calls = []

    def answer(handler, body):
        calls.append(handler.path)
        return 200, {"Content-Type": "application/json"}, json.dumps({"id": NEVER, "status": "queued", "stats": {"pending": 1}}).encode()
    for words in (["job", "wait", NEVER], ["batch", "wait", NEVER]):
        web = Web(answer)
        thread_result = []
        with web:
            thread = threading.Thread(target=lambda: thread_result.append(run(*words, env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "x"})))
            thread.start()
            until(lambda: len(calls) >= 2, 10, "two questions")
        thread.join(60)
        assert thread_result[0].returncode == UNREACHABLE and "SAFELIGHT_URL" in thread_result[0].stderr
        calls.clear()


def test_nothing_of_a_value_stands_in_argv_or_answers(team):
    value = canary()
    done = team.run("secret", "set", "A", "--sinks", "header", stdin=value)
    assert done.returncode == DONE and value not in done.stdout + done.stderr
    for words in (["secret", "policy", "A"], ["secret", "list", "--json"], ["secret", "policy", "A", "--json"]):
        assert value not in team.run(*words).stdout
