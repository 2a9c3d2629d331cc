"""POST /jobs?dryRun=true: the checks of a submit, and what each reference reaches."""
import re

import pytest

from conftest import ROOT
from test_nested import HOST, ONE, TEMPLATE, VIDEO, parent, team  # noqa: F401  (team is a fixture)

UPLOAD = {"params": {"region": "eu-west-1", "bucket": "b", "accessKeyId": "${secret.KEY}", "accessKeySecret": "${secrets.KEY@1}"}}


def dry(team, payload, path="/jobs"):
    return team.call("POST", f"{path}?dryRun=true", payload)


def references(team, payload, path="/jobs"):
    answer = dry(team, payload, path)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"valid", "references", "warnings"} and body["valid"] is True
    assert all(set(r) == {"field", "name", "version", "resolvesTo", "sink", "host", "exposed"} for r in body["references"])
    return {r["field"]: (r["name"], r["version"], r["sink"], r["host"], r["exposed"]) for r in body["references"]}


@pytest.fixture
def keyed(team):
    assert team.server.put("KEY", "some-value-77", token=team.token).status_code == 201
    return team


def test_every_reference_is_told_with_what_it_reaches(keyed):
    got = references(keyed, {
        "template": {**TEMPLATE, "src": f"{HOST}/${{secret.KEY}}.aep"}, "upload": UPLOAD,
        "webhook": {"url": "https://hooks.example/x", "headers": {"A": "Bearer ${secret.KEY}"}, "data": {"k": "${secret.KEY}"}},
        "assets": [{"type": "text", "value": "${secret.KEY}"}, {"type": "script", "value": "f('${secret.KEY}')"},
                   {"type": "image", "src": "https://${secret.KEY}/a.png"}, {"type": "text", "value": "$${secret.KEY} ${env.X}"}]})
    assert got == {
        "/template/src": ("KEY", None, "url", "files.example", False),
        "/upload/params/accessKeyId": ("KEY", None, "credential", "s3.eu-west-1.amazonaws.com", False),
        "/upload/params/accessKeySecret": ("KEY", 1, "credential", "s3.eu-west-1.amazonaws.com", False),
        "/webhook/headers/A": ("KEY", None, "header", "hooks.example", False),
        "/webhook/data/k": ("KEY", None, "body", "hooks.example", False),
        "/assets/0/value": ("KEY", None, "text", None, True),
        "/assets/1/value": ("KEY", None, "script", None, True),
        "/assets/2/src": ("KEY", None, "url", None, False),
    }


@pytest.mark.parametrize("store", ["Amazon S3", "MinIO", "Cloudflare R2", "Google Cloud Storage"])
def test_the_hosts_of_policies_in_the_manual_are_those_that_keys_go_to(team, store):
    page = (ROOT / "docs/howto/s3.md").read_text()
    endpoint, region, host = re.search(rf"^\| {store} \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", page, re.M).groups()
    first = lambda cell: (re.findall(r"`([^`]+)`", cell) + [""])[0]
    params = {"region": first(region), "bucket": "my-renders", "accessKeyId": "${secret.BOUND}", "accessKeySecret": "${secret.BOUND}"}
    if first(endpoint):
        params["endpoint"] = first(endpoint)
    bound = first(host) or first(endpoint).removeprefix("https://").lower()
    assert team.server.put("BOUND", "some-value-78", token=team.token, policy={"sinks": ["credential"], "hosts": [bound]}).status_code == 201
    got = references(team, {"engine": "ffmpeg", "assets": [], "upload": {"provider": "s3", "prefix": "films/", "params": params}})
    assert {r[2:4] for r in got.values()} == {("credential", bound)}


def test_it_tells_the_version_that_would_be_used_now_to_who_may_list_secrets(keyed):
    payload = {"template": TEMPLATE, "assets": [
        {"type": "text", "value": f"${{secret.{ref}}}"} for ref in ("KEY", "KEY@1", "KEY", "KEY@2", "PLAIN")]}
    assert keyed.server.put("PLAIN", "some-value-79", token=keyed.token).status_code == 201
    for value in ("some-value-80", "some-value-81"):
        assert keyed.call("PUT", "/secrets", {"name": "KEY", "value": value, "rotate": True}).status_code == 201
    now = lambda token: [(r["version"], r.get("resolvesTo")) for r in
                         keyed.server.call("POST", "/jobs?dryRun=true", payload, token=token).json()["references"]]
    assert now(keyed.token) == [(None, 3), (1, 1), (None, 3), (2, 2), (None, 1)]
    assert now(keyed.server.new_token("editor", keyed.name)) == now(keyed.token)
    assert now(keyed.server.new_token("submit", keyed.name)) == [(None, None), (1, None), (None, None), (2, None), (None, None)]


def test_nothing_is_stored(keyed):
    before = len(keyed.server.audit(token=keyed.token))
    assert references(keyed, {"template": TEMPLATE}) == {}
    assert keyed.call("GET", "/jobs").json() == [] and keyed.lease() is None
    assert len(keyed.server.audit(token=keyed.token)) == before


def test_nested_and_joined_jobs_too(keyed):
    child = {**ONE, "assets": [{"type": "text", "value": "${secret.KEY}"}]}
    assert references(keyed, parent(child)) == {"/assets/0/assets/0/value": ("KEY", None, "text", None, True)}
    join = {"assets": [VIDEO, {k: v for k, v in child.items() if k != "layerName"}], "upload": UPLOAD}
    assert set(references(keyed, join, "/jobs/join")) == {
        "/assets/1/assets/0/value", "/upload/params/accessKeyId", "/upload/params/accessKeySecret"}


def test_warnings_are_those_of_a_submit(keyed):
    payload = {"template": {"id": "T", "src": f"{HOST}/a.aep"}, "assets": [{"type": "text", "value": "${secret.KEY}"}]}
    warned = dry(keyed, payload).json()["warnings"]
    assert warned == keyed.accepted(payload)["warnings"] and len(warned) == 2
    assert dry(keyed, {"template": TEMPLATE}).json()["warnings"] == []


@pytest.mark.parametrize("payload, status", [
    ({}, 400), ({"template": TEMPLATE, "priority": "x"}, 400), ({"template": {"id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}}, 404),
    ({"template": TEMPLATE, "assets": [{"type": "text", "value": "${secret.NONE}"}]}, 400),
    ({"template": TEMPLATE, "assets": [{"type": "text", "value": "${secret."}]}, 400)])
def test_what_a_submit_refuses_is_refused(keyed, payload, status):
    answer, submitted = dry(keyed, payload), keyed.post(payload)
    assert answer.status_code == submitted.status_code == status
    assert answer.json() == submitted.json()


def test_the_flag_says_true_or_false(keyed):
    assert keyed.call("POST", "/jobs?dryRun=1", {"template": TEMPLATE}).status_code == 400
    assert keyed.call("POST", "/jobs?dryRun=false", {"template": TEMPLATE}).status_code == 201


def test_roles(keyed):
    for role, status in (("submit", 200), ("editor", 200), ("worker", 403), ("audit", 403)):
        token = keyed.server.new_token(role, keyed.name)
        assert keyed.server.call("POST", "/jobs?dryRun=true", {"template": TEMPLATE}, token=token).status_code == status
