"""Nested jobs (assets of type "job") and joins: contract 2.1, 2.2, 2.7; checks 20, 23, 26; abuse cases 36 and 37."""
import pytest

from common import hook
from conftest import until

HOST = "https://files.example"
TEMPLATE = {"id": "T", "src": f"{HOST}/a.aep", "composition": "main"}
ONE = {"type": "job", "layerName": "card", "template": TEMPLATE}


@pytest.fixture
def team(server, unique):
    """A team of one's own: its queue is nobody else's."""
    return Team(server, unique.lower())


class Team:
    def __init__(self, server, name):
        self.server, self.name = server, name
        self.token = server.team(name)
        self.worker = server.new_token("worker", name)

    def call(self, method, path, body=None, **options):
        return self.server.call(method, path, body, token=self.token, **options)

    def post(self, payload, path="/jobs"):
        return self.call("POST", path, payload)

    def accepted(self, payload, path="/jobs"):
        made = self.post(payload, path)
        assert made.status_code == 201, made.text
        return made.json()

    def job(self, job_id):
        return self.call("GET", f"/jobs/{job_id}").json()

    def status(self, job_id):
        return self.job(job_id)["status"]

    def lease(self, engine=""):
        answer = self.server.call("POST", "/worker/lease", {"engines": engine}, token=self.worker)
        return answer.json() if answer.status_code == 200 else None

    def finish(self, lease, data=b"file", error=None):
        if error is None:
            assert self.server.call("PUT", lease["output"]["url"], data, token="").status_code == 201
        body = {"state": "error", "error": error} if error else {"state": "finished"}
        answer = self.server.call("POST", f"/worker/leases/{lease['lease']}/finish", body, token=self.worker)
        assert answer.status_code == 200, answer.text

    def fields(self, payload, path="/jobs"):
        answer = self.post(payload, path)
        assert answer.status_code == 400, answer.text
        assert isinstance(answer.json()["error"], str)
        return {d["field"]: d["message"] for d in answer.json()["details"]}


def parent(*assets, **more):
    return {"template": TEMPLATE, "assets": list(assets), **more}


# --- children ---

def test_26_a_parent_waits_for_its_children(team):
    made = team.accepted(parent(ONE, {"type": "text", "value": "x"}, ONE))
    assert made["status"] == "pending" and len(made["children"]) == 2
    assert all(c["status"] == "queued" and c["outputUrl"].startswith("http") and len(c["id"]) == 26 for c in made["children"])
    assert team.job(made["id"])["status"] == "pending"
    first, second = team.lease(), team.lease()
    assert [first["job"]["id"], second["job"]["id"]] == [c["id"] for c in made["children"]]
    assert team.lease() is None  # the parent is not to be had yet
    team.finish(second, b"second")
    assert team.status(made["id"]) == "pending"
    team.finish(first, b"first")
    assert team.status(made["id"]) == "queued"
    lease = team.lease()
    assert lease["job"]["id"] == made["id"]
    kinds = [a["type"] for a in lease["job"]["assets"]]
    assert kinds == ["video", "text", "video"]
    got = [team.server.call("GET", a["src"], token="").content for a in lease["job"]["assets"] if a["type"] == "video"]
    assert got == [b"first", b"second"]
    team.finish(lease)
    assert team.status(made["id"]) == "finished"


def test_26_children_of_children(team):
    deep = {**ONE, "assets": [{**ONE, "assets": [ONE]}]}
    made = team.accepted(parent(deep))
    child = made["children"][0]
    grandchild = child["children"][0]
    last = grandchild["children"][0]
    assert [team.status(j["id"]) for j in (made, child, grandchild, last)] == ["pending"] * 3 + ["queued"]
    for job in (last, grandchild, child, made):
        lease = team.lease()
        assert lease["job"]["id"] == job["id"]
        team.finish(lease)
    assert team.status(made["id"]) == "finished"


def test_children_inherit_priority_and_tags(team):
    team.accepted({"template": TEMPLATE, "priority": 0})
    made = team.accepted(parent(ONE, priority=9, tags="gpu"))
    listed = team.call("GET", "/jobs?tags=gpu").json()
    assert {j["id"] for j in listed} == {made["id"], made["children"][0]["id"]}
    assert team.lease()["job"]["id"] == made["children"][0]["id"]


def test_a_child_that_fails_fails_its_parent(team):
    made = team.accepted(parent(ONE, ONE, ONE))
    rendering, failing = team.lease(), team.lease()
    team.finish(failing, error="no such composition")
    job = team.job(made["id"])
    assert job["status"] == "error"
    assert failing["job"]["id"] in job["stats"]["error"] and "no such composition" in job["stats"]["error"]
    states = [team.status(c["id"]) for c in made["children"]]
    assert states == ["render:dorender", "error", "manually_cancelled"]
    team.finish(rendering)  # comes too late for the parent, and changes nothing
    assert team.status(made["id"]) == "error" and team.lease() is None


def test_a_deep_failure_reaches_the_top(team):
    made = team.accepted(parent({**ONE, "assets": [ONE]}, ONE))
    lease = team.lease()
    assert lease["job"]["id"] == made["children"][0]["children"][0]["id"]
    team.finish(lease, error="broken")
    assert team.status(made["id"]) == "error" and team.status(made["children"][0]["id"]) == "error"
    assert team.status(made["children"][1]["id"]) == "manually_cancelled"


def test_the_webhook_tells_only_of_the_parents_end(team, studio, unique):
    team.server.put("T", "x1y2z3", token=team.token)
    made = team.accepted(parent(ONE, webhook=hook(studio, unique)))
    team.finish(team.lease(), error="broken")
    got = until(lambda: studio.received(f"/hook/{unique}"), 15, "the webhook")
    assert len(got) == 1 and f'"id":"{made["id"]}"' in str(got[0]["body"])


@pytest.mark.parametrize("asset, field", [
    ({"type": "job"}, "/assets/0/template"),
    ({"type": "job", "template": 7}, "/assets/0/template"),
    ({"type": "job", "template": {"id": "x"}}, "/assets/0/template/id"),
    ({**ONE, "assets": 1}, "/assets/0/assets"),
    ({**ONE, "assets": [{"type": "text"}]}, "/assets/0/assets/0/value"),
    ({**ONE, "assets": [{"type": "job", "template": TEMPLATE, "assets": [{"type": "no"}]}]}, "/assets/0/assets/0/assets/0/type"),
    ({**ONE, "settings": {"type": "aep"}}, "/assets/0/settings/type"),
    ({**ONE, "settings": {"type": "image"}}, "/assets/0/settings/frames"),
    ({**ONE, "settings": {"nope": 1}}, "/assets/0/settings"),
    ({**ONE, "preview": 1}, "/assets/0/preview"),
    ({**ONE, "fonts": [1]}, "/assets/0/fonts"),
    ({**ONE, "upload": {"params": {}}}, "/assets/0/upload"),
    ({**ONE, "webhook": {"url": HOST}}, "/assets/0/webhook"),
    ({**ONE, "priority": 5000}, "/assets/0/priority"),
])
def test_26_bad_nested_jobs_are_named_by_their_place(team, asset, field):
    assert field in team.fields(parent(asset))
    assert team.call("GET", "/jobs").json() == []


def test_100_nested_jobs_and_101(team):
    made = team.accepted(parent(*[ONE] * 99, {**ONE, "assets": []}))
    assert len(made["children"]) == 100
    assert "at most 100" in next(iter(team.fields(parent({**ONE, "assets": [ONE] * 50}, *[ONE] * 50)).values()))


def test_23_an_unknown_template_of_a_child_is_404(team):
    answer = team.post(parent({"type": "job", "template": {"id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}}))
    assert answer.status_code == 404 and "template" in answer.json()["error"]


# --- references ---

def seen_by_workers(made):
    return [w["field"] for w in made["warnings"] if "seen by the worker" in w["message"]]


def test_abuse_036_037_references_stand_only_where_they_may(team):
    team.server.put("KEY", "v" * 20, token=team.token)
    ref = "${secret.KEY}"
    good = parent({**ONE, "assets": [{"type": "text", "value": ref}], "template": {**TEMPLATE, "src": f"{HOST}/{ref}"}})
    assert seen_by_workers(team.accepted(good)) == ["/assets/0/assets/0/value"]
    for member, value, field in [
            ("layerName", ref, "/assets/0/layerName"), ("settings", {"codec": ref}, "/assets/0/settings/codec"),
            ("fonts", [ref], "/assets/0/fonts/0"), ("tags", ref, "/assets/0/tags"), ("composition", ref, "/assets/0/composition")]:
        assert field in team.fields(parent({**ONE, member: value}))
    assert "/assets/0/template/composition" in team.fields(parent({**ONE, "template": {**TEMPLATE, "composition": ref}}))
    assert "/assets/0/<key>" in team.fields(parent({**ONE, ref: 1}))


@pytest.mark.parametrize("path", ["/jobs", "/jobs/join"])
def test_abuse_037_nested_and_joined_jobs_are_checked_the_same(team, path):
    team.server.put("KEY", "v" * 20, token=team.token)
    asset = {**ONE, "assets": [{"type": "image", "src": f"{HOST}/${{secrets.KEX}}"}, {"type": "text", "value": "${secret."}]}
    payload = {"assets": [asset], **({"template": TEMPLATE} if path == "/jobs" else {})}
    found = team.fields(payload, path)
    assert "malformed" in found["/assets/0/assets/1/value"]
    asset["assets"].pop()
    assert "did you mean KEY?" in team.fields(payload, path)["/assets/0/assets/0/src"]
    assert team.call("GET", "/jobs").json() == []


def test_20_each_job_gets_its_own_references_only(team):
    """The parent does not need the children's secrets, nor they the parent's."""
    for name in ("MINE", "CHILDS"):
        assert team.server.put(name, name.lower() + "-value-1", token=team.token).status_code == 201
    made = team.accepted(parent({**ONE, "assets": [{"type": "text", "value": "${secret.CHILDS}"}]},
                                {"type": "text", "value": "${secret.MINE}"}))
    assert seen_by_workers(made) == ["/assets/1/value", "/assets/0/assets/0/value"]
    lease = team.lease()
    assert lease["job"]["id"] == made["children"][0]["id"]
    assert lease["job"]["assets"][0]["value"] == "childs-value-1"
    team.finish(lease)
    gone = next(s["id"] for s in team.call("GET", "/secrets").json() if s["name"] == "CHILDS")
    assert team.call("DELETE", f"/secrets/{gone}").status_code == 200
    lease = team.lease()
    assert lease["job"]["id"] == made["id"] and lease["job"]["assets"][1]["value"] == "mine-value-1"
    assert "childs-value" not in str(lease)
    team.finish(lease)
    exposed = [(r["job"], r["field"]) for r in team.server.audit(token=team.token, event="secret.exposed")]
    assert exposed == [(made["children"][0]["id"], "/assets/0/value"), (made["id"], "/assets/1/value")]


# --- joins ---

VIDEO = {"type": "video", "src": f"{HOST}/a.mp4"}


def test_a_join_is_accepted_and_goes_to_an_ffmpeg_of_ours(team):
    made = team.accepted({"assets": [VIDEO, VIDEO], "settings": {"preset": "mp4"}}, "/jobs/join")
    assert made["status"] == "queued" and made["templateId"] is None and made["stats"]["totalAssets"] == 2
    assert any("ffmpeg" in w["message"] for w in made["warnings"])
    assert team.lease() is None
    lease = team.lease("ffmpeg")
    assert lease["job"]["join"] is True and lease["output"]["name"].endswith(".mp4")
    assert [a["src"] for a in lease["job"]["assets"]] == [VIDEO["src"]] * 2
    team.finish(lease)
    assert team.status(made["id"]) == "finished"


def test_a_join_of_nested_jobs_waits_for_them(team):
    made = team.accepted({"assets": [{"type": "job", "template": TEMPLATE}, VIDEO]}, "/jobs/join")
    assert made["status"] == "pending" and len(made["children"]) == 1
    team.finish(team.lease(), b"rendered")
    lease = team.lease("ffmpeg")
    assert lease["job"]["id"] == made["id"] and [a["type"] for a in lease["job"]["assets"]] == ["video", "video"]
    assert team.server.call("GET", lease["job"]["assets"][0]["src"], token="").content == b"rendered"


@pytest.mark.parametrize("payload, field", [
    ({}, "/assets"),
    ({"assets": []}, "/assets"),
    ({"assets": 1}, "/assets"),
    ({"assets": [1]}, "/assets/0"),
    ({"assets": [{"type": "image", "src": f"{HOST}/a.png"}]}, "/assets/0/type"),
    ({"assets": [{"type": "function", "name": "nx:layer-remove"}]}, "/assets/0/type"),
    ({"assets": [{"type": "video"}]}, "/assets/0/src"),
    ({"assets": [{"type": "video", "src": "file:///etc/passwd"}]}, "/assets/0/src"),
    ({"assets": [{"type": "job"}]}, "/assets/0/template"),
    ({"assets": [VIDEO], "settings": {"preset": "mov"}}, "/settings/preset"),
    ({"assets": [VIDEO], "settings": {"type": "video"}}, "/settings"),
    ({"assets": [VIDEO], "upload": {}}, "/upload/params"),
    ({"assets": [VIDEO], "webhook": {}}, "/webhook/url"),
])
def test_bad_joins_name_the_member(team, payload, field):
    assert field in team.fields(payload, "/jobs/join")


def test_a_join_with_references_resolves_them(team):
    team.server.put("WHERE", "hidden-part", token=team.token)
    made = team.accepted({"assets": [{"type": "video", "src": f"{HOST}/${{secret.WHERE}}/a.mp4"}]}, "/jobs/join")
    lease = team.lease("ffmpeg")
    assert lease["job"]["id"] == made["id"] and "hidden-part" not in str(lease) and "/t/" in lease["job"]["assets"][0]["src"]
