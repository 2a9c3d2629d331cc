"""What a secret may be used for: policies as they are written and shown, and held to at submit."""
import concurrent.futures
import json
import os

import pytest
import requests

from common import all_audit, rotated
from conftest import OPEN, canary, until
from policed import WORDS, finish, made, patch, picked_up, places, policed, queued, refused, shown


# --- writing and showing ---

def test_a_policy_is_shown_as_it_was_understood(policed, unique):
    answer = made(policed, unique, sinks=["url", "header", "url"], hosts=["API.Example.com.", "*.example.com:8443", "::1", "api.example.com"],
                  expiresAt="2099-01-31T01:00:00+01:00")
    want = {"sinks": ["header", "url"], "hosts": ["*.example.com:8443", "[::1]", "api.example.com"], "expiresAt": "2099-01-31T00:00:00.000Z"}
    assert answer["policy"] == want and shown(policed, unique)["policy"] == want


def test_a_secret_without_a_policy_shows_none(policed, unique):
    for i, policy in enumerate(({}, None, {"sinks": None, "hosts": None, "expiresAt": None})):
        answer = policed.put(f"{unique}-{i}", canary(), policy=policy)
        assert answer.status_code == 201 and list(answer.json()) == ["id", "name", "createdAt", "version", "updatedAt", "lastUsedAt"]
        assert list(shown(policed, f"{unique}-{i}")) == ["id", "name", "createdAt", "version", "updatedAt", "lastUsedAt"]


SECRET_TEXT = "cannot-be-quoted-" + canary(16)
BAD = [
    ("policy", [], "policy"), ("policy", "open", "policy"), ("policy", 1, "policy"), ("policy", True, "policy"),
    ("sinks", [], "/policy/sinks"), ("sinks", "text", "/policy/sinks"), ("sinks", {}, "/policy/sinks"), ("sinks", ["credential", "Text"], "/policy/sinks/1"),
    ("sinks", [1], "/policy/sinks/0"), ("sinks", [None], "/policy/sinks/0"), ("sinks", [SECRET_TEXT], "/policy/sinks/0"), ("sinks", ["te\u0000xt"], None),
    ("hosts", [], "/policy/hosts"), ("hosts", "example.com", "/policy/hosts"), ("hosts", [None], "/policy/hosts/0"), ("hosts", [1], "/policy/hosts/0"),
    ("hosts", ["ok.example", ""], "/policy/hosts/1"), ("hosts", [SECRET_TEXT + "/x"], "/policy/hosts/0"), ("hosts", ["https://example.com"], "/policy/hosts/0"),
    ("hosts", ["bücher.example"], "/policy/hosts/0"), ("hosts", ["*"], "/policy/hosts/0"), ("hosts", ["*.com"], "/policy/hosts/0"),
    ("hosts", ["a.*.example.com"], "/policy/hosts/0"), ("hosts", ["**.example.com"], "/policy/hosts/0"), ("hosts", ["example.com:0"], "/policy/hosts/0"),
    ("hosts", ["2130706433"], "/policy/hosts/0"), ("hosts", ["a" * 64 + ".example"], "/policy/hosts/0"), ("hosts", ["a." * 130 + "b"], "/policy/hosts/0"),
    ("hosts", ["x" * 5000], "/policy/hosts/0"), ("hosts", ["good.com@evil"], "/policy/hosts/0"), ("hosts", ["evil#good.com"], "/policy/hosts/0"),
    ("expiresAt", "tomorrow", "/policy/expiresAt"), ("expiresAt", 1, "/policy/expiresAt"), ("expiresAt", "2001-01-01T00:00:00Z", "/policy/expiresAt"),
    ("expiresAt", "2099-01-01", "/policy/expiresAt"), ("expiresAt", SECRET_TEXT, "/policy/expiresAt"),
    ("host", ["example.com"], "/policy"), (SECRET_TEXT, 1, "/policy"),
]


@pytest.mark.parametrize("member,value,field", BAD, ids=range(len(BAD)))
def test_bad_policies_are_refused_and_named(policed, unique, member, value, field):
    policy = value if member == "policy" else {member: value}
    there = policed.put(unique, canary()).json()
    before = policed.secrets()
    for answer in (policed.put(unique + "-new", canary(), policy=policy), patch(policed, there, policy)):
        if field is None:
            assert answer.status_code == 400
        else:
            assert field in refused(answer), answer.text
        assert SECRET_TEXT not in answer.text
    assert policed.secrets() == before


def test_every_problem_of_a_policy_is_told(policed, unique):
    answer = policed.put(unique, canary(), policy={"sinks": ["x", "text", "y"], "hosts": ["*.s3.amazonaws.com", "ok.example", "*"], "expiresAt": "x"})
    assert set(refused(answer)) == {"/policy/sinks/0", "/policy/sinks/2", "/policy/hosts/0", "/policy/hosts/2", "/policy/expiresAt"}


def test_32_hosts_and_33(policed, unique):
    hosts = [f"h{i:02}." + "a" * 60 + "." + "b" * 60 + ".example:65535" for i in range(33)]
    assert made(policed, unique, hosts=hosts[:32])["policy"]["hosts"] == hosts[:32]
    assert "/policy/hosts" in refused(policed.put(unique + "-more", canary(), policy={"hosts": hosts}))


SHARED = ["*.amazonaws.com", "*.s3.amazonaws.com", "*.s3.eu-west-1.amazonaws.com", "*.cloudfront.net", "*.r2.cloudflarestorage.com", "*.storage.googleapis.com", "*.googleapis.com",
          "*.blob.core.windows.net", "*.vercel.app", "*.netlify.app", "*.herokuapp.com", "*.github.io", "*.ngrok.io", "*.workers.dev", "*.pages.dev", "*.digitaloceanspaces.com",
          "*.backblazeb2.com", "*.wasabisys.com", "*.S3.AmazonAWS.com.", "*.co.uk"]


def test_abuse_070_wildcards_on_shared_suffixes_are_refused(policed, unique):
    answer = policed.put(unique, canary(), policy={"hosts": SHARED})
    assert set(refused(answer)) == {f"/policy/hosts/{i}" for i in range(len(SHARED))}
    made(policed, unique, hosts=["s3.amazonaws.com", "my-bucket.s3.eu-west-1.amazonaws.com", "*.studio.example"])


# --- changing ---

def test_a_policy_is_changed_and_dropped(policed, unique):
    there = policed.put(unique, canary()).json()
    policed.secrets()  # the list is kept
    answer = patch(policed, there, {"sinks": ["credential"]})
    assert answer.status_code == 200 and answer.json() == {**there, "policy": {"sinks": ["credential"]}}
    assert shown(policed, unique) == answer.json()
    assert patch(policed, there, {"hosts": ["a.example"]}).json()["policy"] == {"hosts": ["a.example"]}
    assert patch(policed, there, None).json() == there and shown(policed, unique) == there
    events = [r for r in all_audit(policed) if r["event"] == "secret.policy_changed" and r["subject"] == there["id"]]
    assert len(events) == 3 and all(r["name"] == unique and r["version"] == 1 and r["actor"] for r in events)
    assert "a.example" not in json.dumps(events)


def test_who_may_change_a_policy(policed, unique):
    there = policed.put(unique, canary()).json()
    for role, status in (("admin", 200), ("editor", 200), ("submit", 403), ("worker", 403), ("audit", 403)):
        assert patch(policed, there, None, policed.new_token(role)).status_code == status
    other = policed.team("stranger-" + os.urandom(4).hex())
    assert patch(policed, there, None, other).status_code == 404
    assert patch(policed, there, None, policed.new_token("editor", names="elsewhere/*")).status_code == 404
    for bad in ("01M85NS5RQWXKZ58XF56452FME", "x", "%2e%2e"):
        assert policed.call("PATCH", f"/secrets/{bad}", {"policy": None}).status_code == 404
    assert refused(policed.call("PATCH", f"/secrets/{there['id']}", {})) == {"policy": "is required"}
    assert policed.call("PATCH", f"/secrets/{there['id']}", b"{").status_code == 400


def test_a_rotation_keeps_the_policy(policed, unique):
    made(policed, unique, sinks=["header"], hosts=["a.example"])
    second = policed.put(unique, canary(), rotate=True).json()
    assert second["version"] == 2 and second["policy"] == {"sinks": ["header"], "hosts": ["a.example"]}
    assert policed.put(unique, canary(), rotate=True, policy={"hosts": ["A.example"], "sinks": ["header"]}).json()["version"] == 3
    for policy in ({}, None, {"sinks": ["header"]}, {"sinks": ["header"], "hosts": ["b.example"]}):
        answer = policed.put(unique, canary(), rotate=True, policy=policy)
        assert answer.status_code == 409 and answer.json()["code"] == "CONFLICT" and "PATCH" in answer.json()["error"]
    assert shown(policed, unique)["version"] == 3


def test_a_changed_policy_holds_for_every_version(policed, studio, unique):
    there = policed.put(unique, "first").json()
    policed.put(unique, "second", rotate=True)
    assert patch(policed, there, {"sinks": ["header"]}).status_code == 200
    for version in (1, 2):
        payload = {"webhook": {"url": studio.url, "data": {"k": f"${{secret.{unique}@{version}}}"}}}
        assert "/webhook/data/k" in refused(policed.submit({**payload, "engine": "x"}))
        name, _ = queued(policed, {"webhook": {"url": f"{studio.url}/hook/{unique}", "headers": {"X": f"${{secret.{unique}@{version}}}"}}})
        finish(policed, picked_up(policed, name).json())
    got = until(lambda: (lambda r: r if len(r) == 2 else None)(studio.received(f"/hook/{unique}")), 15)
    assert sorted(r["headers"]["X"] for r in got) == ["first", "second"]  # each is on its way by itself


def test_changes_and_rotations_at_once_lose_nothing(policed, unique):
    there = policed.put(unique, canary()).json()
    policies = [{"sinks": ["header"]}, {"sinks": ["header", "url"]}, {"hosts": ["a.example"]}, None]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        changes = [pool.submit(patch, policed, there, policies[i % 4]) for i in range(24)]
        rotations = [pool.submit(policed.put, unique, f"value-{i}", rotate=True) for i in range(24)]
        changed = [c.result().status_code for c in changes]
        done = [i for i, r in enumerate(rotations) if r.result().status_code == 201]
        assert {r.result().status_code for r in rotations} <= {201, 503}
    assert set(changed) <= {200, 503} and 200 in changed and len(done) > 12
    assert shown(policed, unique)["version"] == 1 + len(done)
    assert patch(policed, there, None).status_code == 200
    texts = [f"${{secret.{unique}@{v}}}" for v in range(2, 2 + len(done))]
    name, _ = queued(policed, {"assets": [{"type": "text", "layerName": "l", "value": t} for t in texts]})
    lease = picked_up(policed, name)
    assert lease.status_code == 200, lease.text
    assert sorted(a["value"] for a in lease.json()["job"]["assets"]) == sorted(f"value-{i}" for i in done)


def test_a_key_rotation_keeps_policies(fresh, unique):
    s = fresh(*OPEN)
    there = made(s, unique, sinks=["header"])
    s.operator("key", "rotate", "team", "--team", "studio", check=True)
    assert rotated(s)["rotation"]["state"] == "done"
    assert shown(s, unique)["policy"] == {"sinks": ["header"]}
    assert "/assets/0/value" in refused(s.submit({"engine": "x", "assets": [{"type": "text", "value": "${secret.%s}" % unique}]}))
    assert patch(s, there, None).status_code == 200
    name, _ = queued(s, {"assets": [{"type": "text", "value": "${secret.%s}" % unique}]})
    assert picked_up(s, name).status_code == 200


def test_1000_versions_and_1001(fresh):
    s = fresh(*OPEN)
    there = s.put("K", "value-1").json()
    for i in range(2, 1001):
        assert s.put("K", f"value-{i}", rotate=True).status_code == 201
    assert patch(s, there, {"sinks": ["text"]}).status_code == 200
    name, _ = queued(s, {"assets": [{"type": "text", "value": "${secret.K@1} ${secret.K@500} ${secret.K@1000}"}]})
    assert picked_up(s, name).status_code == 200
    assert s.put("K", "value-1001", rotate=True).status_code == 201
    answer = patch(s, there, None)
    assert answer.status_code == 409 and "versions" in answer.json()["error"]
    assert shown(s, "K")["policy"] == {"sinks": ["text"]}


# --- at submit ---

@pytest.mark.parametrize("word", WORDS)
def test_abuse_043_044_047_048_each_sink_is_allowed_or_refused_at_submit(policed, unique, word):
    made(policed, unique + "-only", sinks=[word])
    made(policed, unique + "-all-but", sinks=[w for w in WORDS if w != word])
    for sink, pointer, payload in places(unique + "-only"):
        answer = policed.submit({"engine": "x", **payload})
        if sink == word:
            assert answer.status_code == 201, answer.text
        else:
            assert sink in refused(answer)[pointer], (sink, pointer)
    for sink, pointer, payload in places(unique + "-all-but"):
        answer = policed.submit({"engine": "x", **payload})
        if sink != word:
            assert answer.status_code == 201, answer.text
        else:
            assert "does not allow its use as " + word in refused(answer)[pointer]


def test_abuse_045_048_050_a_strangers_host_is_refused_at_submit(policed, unique):
    made(policed, unique, hosts=["api.example.com", "*.cdn.example.com:8443"], sinks=WORDS)
    elsewhere = ["https://evil.test", "https://api.example.com.evil.test", "https://evil.test:443", "https://apiXexample.com", "https://x.api.example.com", "https://cdn.example.com:8443",
                 "https://a.cdn.example.com", "https://a.b.cdn.example.com:8443", "https://10.0.0.1", "https://[::1]"]
    for host in elsewhere:
        for sink, pointer, payload in places(unique, host):
            answer = policed.submit({"engine": "x", **payload})
            if sink in ("text", "script"):
                assert answer.status_code == 201
            else:
                assert "host" in refused(answer)[pointer], (host, pointer)
                assert "evil" not in answer.text
    for host in ("https://api.example.com", "https://API.example.com.", "https://api.example.com:9443", "https://a.cdn.example.com:8443"):
        for _, _, payload in places(unique, host):
            assert policed.submit({"engine": "x", **payload}).status_code == 201


@pytest.mark.parametrize("src", ["https://good.example@evil.test/", "https://good.example.evil.test/", "https://evil.test#good.example/", "https://evil.test\\@good.example/", "https://evil.test/good.example",
                                 "https://evil.test?good.example/", "https://good.example%2eevil.test/", "https:///good.example/", "https://good.example:99999/"])
def test_abuse_068_addresses_with_two_readings_do_not_pass(policed, unique, src):
    made(policed, unique, hosts=["good.example"])
    name = "policed-" + os.urandom(4).hex()
    answer = policed.submit({"engine": name, "assets": [{"type": "image", "src": src, "params": {"headers": {"X": "${secret.%s}" % unique}}}]})
    if answer.status_code == 400:
        return
    lease = picked_up(policed, name).json()
    got = requests.get(lease["job"]["assets"][0]["src"], timeout=30)
    assert got.status_code in (403, 502), got.text


def test_hosts_alone_do_not_allow_a_worker(policed, unique):
    there = made(policed, unique, hosts=["api.example.com"])
    payload = {"engine": "x", "assets": [{"type": "text", "value": "${secret.%s}" % unique}]}
    assert "worker" in refused(policed.submit(payload))["/assets/0/value"]
    patch(policed, there, {"hosts": ["api.example.com"], "sinks": ["text"]})
    assert policed.submit(payload).status_code == 201


def test_a_host_that_a_secret_decides_is_not_judged_at_submit(policed, unique):
    made(policed, unique, hosts=["api.example.com"])
    for src in ("${secret.%s}", "https://${secret.%s}/a.png", "https://${secret.%s}.example.com/", "https://x:${secret.%s}/"):
        answer = policed.submit({"engine": "x", "assets": [{"type": "image", "src": src % unique}]})
        assert answer.status_code in (201, 400)
        if answer.status_code == 400:
            assert "http" in refused(answer)["/assets/0/src"]


def test_every_reference_is_reported_in_nested_jobs_too(policed, unique):
    made(policed, unique, sinks=["credential"])
    ref = "${secret.%s}" % unique
    nested = {"type": "job", "layerName": "l", "template": {"id": "t", "src": "https://x.example/t.aep", "composition": "c"},
              "assets": [{"type": "text", "layerName": "m", "value": ref}]}
    answer = policed.submit({"engine": "x", "assets": [{"type": "text", "value": ref}, nested, {"type": "text", "value": ref + ref}]})
    fields = [d["field"] for d in answer.json()["details"]]
    assert answer.status_code == 400 and fields.count("/assets/2/value") == 2
    assert "/assets/0/value" in fields and "/assets/1/assets/0/value" in fields


def test_abuse_037_batches_are_checked_one_by_one(policed, unique):
    made(policed, unique, sinks=["credential"])
    good = {"engine": "x", "assets": [{"type": "text", "value": "fine"}]}
    bad = {"engine": "x", "assets": [{"type": "text", "value": "${secret.%s}" % unique}]}
    answer = policed.call("POST", "/batches", {"jobs": [good, bad]})
    assert answer.status_code in (200, 201, 207), answer.text
    [fine], [wrong] = answer.json()["jobs"], answer.json()["errors"]
    assert "id" in fine and "does not allow its use as text" in json.dumps(wrong) and "does not allow" not in json.dumps(fine)


def test_a_dry_run_is_refused_as_a_submit(policed, unique):
    made(policed, unique, sinks=["header"], hosts=["api.example.com"])
    payload = {"engine": "x", "webhook": {"url": "https://api.example.com/h", "headers": {"X": "${secret.%s}" % unique}}}
    answer = policed.call("POST", "/jobs?dryRun=true", payload)
    assert answer.status_code == 200, answer.text
    [reach] = answer.json()["references"]
    assert reach["sink"] == "header" and reach["host"] == "api.example.com" and reach["exposed"] is False
    payload["webhook"]["url"] = "https://evil.test"
    assert "/webhook/headers/X" in refused(policed.call("POST", "/jobs?dryRun=true", payload))


def test_names_a_token_may_not_use_stay_unknown(policed, unique):
    made(policed, unique, sinks=["header"])
    token = policed.new_token("submit", names="elsewhere/*")
    one = refused(policed.submit({"engine": "x", "assets": [{"type": "text", "value": "${secret.%s}" % unique}]}, token))
    none = refused(policed.submit({"engine": "x", "assets": [{"type": "text", "value": "${secret.nothing-%s}" % unique}]}, token))
    assert one == none and len(one) == 1
