"""Jobs, as those see them who submit them: references, rules, limits, listing. Nothing is rendered here."""
import json
import re
import urllib.parse

import pytest

from conftest import canary, until
from test_secrets import DATE, ULID, check_error

NOBODY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
TEMPLATE = {"id": "X", "src": "https://example.com/t.aep"}
UPLOAD = {"region": "us-east-1", "bucket": "b", "accessKeyId": "k", "accessKeySecret": "s"}
MEMBERS = {"id", "templateId", "status", "progress", "stats", "outputUrl"}
STATS = {"createdAt", "updatedAt", "startedAt", "finishedAt", "errorAt", "totalAssets", "renderDuration", "error"}


def job(**members):
    """A job that no worker of these tests takes."""
    return {"template": TEMPLATE, "engine": "nobody-has-this", **members}


def webhook(text):
    return job(webhook={"url": "https://example.com/hook", "headers": {"Authorization": text}})


def fields(answer):
    return [d["field"] for d in answer.json()["details"]]


@pytest.fixture(scope="module")
def team(server):
    """A token of a team of this file, with the secret K."""
    token = server.team("jobs-file")
    assert server.put("K", canary(), token=token).status_code == 201
    return token


def count(server, token):
    return len(server.call("GET", "/jobs", token=token).json())


@pytest.mark.parametrize("text", ["${secret.K}", "${secrets.K}", "Bearer ${secrets.K}", "${secret.K}${secrets.K} ${secret.K@1}"])
def test_17_abuse_040_both_spellings_are_accepted(server, team, text):
    answer = server.submit(job(webhook={"url": "https://e.com/h", "headers": {"A": text}}, upload={"params": {**UPLOAD, "accessKeyId": text}}), token=team)
    assert answer.status_code == 201 and "json" in answer.headers["Content-Type"]
    body = answer.json()
    assert ULID.match(body["id"]) and body["status"] == "queued" and isinstance(body["outputUrl"], str)
    assert set(body) - {"warnings"} == MEMBERS


def test_17_output_url_is_a_string_without_an_upload_too(server, team):
    assert isinstance(server.submit(job(), token=team).json()["outputUrl"], str)


def test_18_abuse_051_a_job_is_shown_without_its_payload(server, team):
    mark = canary()
    made = server.submit(job(webhook={"url": f"https://e.com/{mark}", "headers": {"A": "${secret.K}"}, "data": {"m": mark}},
                             assets=[{"type": "text", "layerName": mark, "value": mark}], extra=mark), token=team)
    assert made.status_code == 201 and mark not in made.text
    one = server.call("GET", "/jobs/" + made.json()["id"], token=team)
    assert mark not in one.text and "secret" not in one.text
    body = one.json()
    assert set(body) == MEMBERS and set(body["stats"]) == STATS
    assert body["stats"]["totalAssets"] == 1 and body["progress"] == 0 and body["templateId"] == "X"
    assert DATE.match(body["stats"]["createdAt"]) and body["stats"]["finishedAt"] is None and body["stats"]["error"] is None
    for minimal, members in (("true", MEMBERS - {"stats"}), ("false", MEMBERS)):
        listed = server.call("GET", f"/jobs?minimal={minimal}", token=team)
        assert mark not in listed.text
        assert all(set(row) == members for row in listed.json())


@pytest.mark.parametrize("text", ["${env.X}", "${job.X}", "${secretsX}", "${secretX}", "$secrets.X", "{secret.X}", "${other.X}", "$${secret.NONE}",
                                  "${", "$", "${}", "\\u0024{secret.NONE}", "${secre", "$ {secret.X}"])
def test_19_abuse_040_other_text_is_not_a_reference(server, team, text):
    raw = json.dumps(webhook("TEXT")).replace("TEXT", text)
    assert server.call("POST", "/jobs", raw.encode(), token=team, headers={"Content-Type": "application/json"}).status_code == 201


@pytest.mark.parametrize("text", [
    "${secret.K", "${secret.", "${secret.}", "${secrets.}", "${ secret.K }", "${secret. K}", "${secret.K }", "${SECRET.K}", "${Secret.K}", "${secret.K B}",
    "${secret.K@}", "${secret.K@0}", "${secret.K@01}", "${secret.K@x}", "${secret.K@-1}", "${secret.K@99999999999}", "${secret.Ä}", "${secret.K:-x}",
    "${secret.${secret.K}}", "${secret.K\n}", "ok ${secret.K} then ${secret.K", "${secret." + "n" * 129 + "}", "${secrets.K|base64}", "${secret.$K}",
])
def test_abuse_032_malformed_references_are_400_with_their_place(server, team, text):
    before = count(server, team)
    answer = server.submit(webhook(text), token=team)
    check_error(answer, 400, "INVALID_REQUEST")
    assert fields(answer) == ["/webhook/headers/Authorization"]
    assert count(server, team) == before


def test_abuse_032_a_name_with_a_dot_is_a_name(server, team):
    assert server.put("A.B/c-d", canary(), token=team).status_code == 201
    assert server.submit(webhook("${secret.A.B/c-d}"), token=team).status_code == 201


def test_21_abuse_033_unknown_secrets_are_400_with_pointer_and_nearest_name(server, team):
    assert server.put("WEBHOOK_TOKEN", canary(), token=team).status_code == 201
    bad = job(webhook={"url": "https://e.com/h", "headers": {"A": "${secret.WEBHOOK_TOKNE}"},
                       "data": {"B~/": "${secrets.NOTHING_LIKE_IT_AT_ALL}"}},
              upload={"params": {**UPLOAD, "accessKeySecret": "${secret.K@2}"}})
    answer = server.submit(bad, token=team)
    check_error(answer, 400)
    said = {d["field"]: d["message"] for d in answer.json()["details"]}
    assert set(said) == {"/webhook/headers/A", "/webhook/data/B~0~1", "/upload/params/accessKeySecret"}
    assert "WEBHOOK_TOKEN" in said["/webhook/headers/A"]
    submit_only = server.new_token("submit", team="jobs-file")
    blind = server.submit(bad, token=submit_only)
    check_error(blind, 400)
    assert "WEBHOOK_TOKEN" not in blind.text.replace("WEBHOOK_TOKNE", "")


def test_14_secrets_of_another_team_are_unknown(server, team, unique):
    server.put(unique, canary())
    check_error(server.submit(webhook("${secret.%s}" % unique), token=team), 400)
    assert server.submit(webhook("${secret.%s}" % unique)).status_code == 201


@pytest.mark.parametrize("change, pointer", [
    ({"settings": {"codec": "${secret.K}"}}, "/settings/codec"), ({"fonts": ["a.ttf", "${secret.K}"]}, "/fonts/1"), ({"tags": "${secret.K}"}, "/tags"),
    ({"template": {**TEMPLATE, "id": "${secret.K}"}}, "/template/id"), ({"template": {**TEMPLATE, "composition": "${secret.K}"}}, "/template/composition"),
    ({"engine": "${secret.K}"}, "/engine"), ({"uid": "${secret.K}"}, "/uid"), ({"extra": {"deep": ["${secret.K}"]}}, "/extra/deep/0"),
    ({"webhook": {"url": "https://e.com/", "headers": {"${secret.K}": "x"}}}, None), ({"${secret.K}": 1}, None),
    ({"assets": [{"type": "text", "layerName": "a", "value": "x", "${secret.K}": "y"}]}, None),
])
def test_abuse_036_references_stand_only_where_they_may(server, team, change, pointer):
    before = count(server, team)
    answer = server.submit(job(**change), token=team)
    check_error(answer, 400)
    assert pointer is None or pointer in fields(answer)
    assert count(server, team) == before


@pytest.mark.parametrize("change, pointer", [
    ({"template": None}, "/template"), ({"template": {}}, "/template/id"), ({"template": {"id": ""}}, "/template/id"), ({"template": {"id": 7}}, "/template/id"),
    ({"template": []}, "/template"), ({"template": {"id": "X", "src": "ftp://e.com/t.aep"}}, "/template/src"),
    ({"template": {"id": "X", "src": "file:///etc/passwd"}}, "/template/src"), ({"assets": {}}, "/assets"), ({"assets": ["x"]}, "/assets/0"),
    ({"assets": [{"layerName": "a"}]}, "/assets/0/type"), ({"assets": [{"type": "hologram"}]}, "/assets/0/type"),
    ({"assets": [{"type": "image", "layerName": "a"}]}, "/assets/0/src"), ({"assets": [{"type": "text", "layerName": "a"}]}, "/assets/0/value"),
    ({"assets": [{"type": "image", "layerName": "a", "src": "gopher://e.com/"}]}, "/assets/0/src"),
    ({"settings": {"type": "hologram"}}, "/settings/type"), ({"settings": {"frames": -1}}, "/settings/frames"), ({"settings": {"type": "image"}}, "/settings/frames"),
    ({"settings": {"what": 1}}, "/settings"), ({"webhook": {}}, "/webhook/url"), ({"webhook": {"url": "https://e.com/", "method": "BREW"}}, "/webhook/method"),
    ({"webhook": {"url": "javascript:alert(1)"}}, "/webhook/url"), ({"webhook": {"url": "https://e.com/", "headers": {"A": 7}}}, "/webhook/headers"),
    ({"webhook": {"url": "https://e.com/", "headers": {"A\r\nB": "x"}}}, "/webhook/headers"), ({"webhook": {"url": "https://e.com/", "data": "x"}}, "/webhook/data"),
    ({"priority": "high"}, "/priority"), ({"priority": 1.5}, "/priority"), ({"tags": "a b"}, "/tags"), ({"preview": "yes"}, "/preview"),
])
def test_23_rules_are_checked_with_their_place(server, team, change, pointer):
    before = count(server, team)
    payload = {**job(), **change}
    if "template" in change:
        del payload["engine"]
    answer = server.submit(payload, token=team)
    check_error(answer, 400)
    assert pointer in fields(answer), answer.text
    assert count(server, team) == before


def test_23_templates(server, team):
    for template, status in (({"id": "PLACEHOLDER", "src": "https://e.com/t.aep"}, 201), ({"id": NOBODY}, 404),
                             ({"id": "X", "src": "https://e.com/t.zip", "composition": None}, 201), ({"id": "X", "src": "https://e.com/${secret.K}"}, 201)):
        answer = server.submit({"template": template, "tags": "not-to-be-taken"}, token=team)
        assert answer.status_code == status, answer.text
    check_error(server.submit({}, token=team), 400)


@pytest.mark.parametrize("member", list(UPLOAD))
@pytest.mark.parametrize("how", ["missing", "", None, 7])
def test_24_upload_needs_all_four(server, team, member, how):
    params = {k: v for k, v in {**UPLOAD, member: how}.items() if v != "missing"}
    answer = server.submit(job(upload={"params": params}), token=team)
    check_error(answer, 400)
    assert f"/upload/params/{member}" in fields(answer)


@pytest.mark.parametrize("upload", [{}, {"params": UPLOAD, "provider": "ftp"}, {"params": {**UPLOAD, "what": 1}}, {"params": UPLOAD, "what": 1}, {"params": []}, [], "x",
                                    {"params": {**UPLOAD, "endpoint": "ftp://e.com"}}, {"params": UPLOAD, "outputUrl": "e.com"}])
def test_24_bad_uploads(server, team, upload):
    check_error(server.submit(job(upload=upload), token=team), 400)


def test_25_preview_ignores_settings(server, team):
    assert server.submit(job(preview=True, settings={"type": "hologram", "what": 1}), token=team).status_code == 201


@pytest.mark.parametrize("upload, settings, expected", [
    ({"prefix": "renders/c42/", "outputUrl": "https://cdn.e.com/media"}, {}, "https://cdn.e.com/media/renders/c42/{id}.mp4"),
    ({"prefix": "/renders/c42", "outputUrl": "https://cdn.e.com/media/"}, {"codec": "video_prores_422"}, "https://cdn.e.com/media/renders/c42/{id}.mov"),
    ({"outputUrl": "https://cdn.e.com"}, {"type": "image", "frames": 0, "codec": "image_jpeg"}, "https://cdn.e.com/{id}.jpg"),
    ({"prefix": "p"}, {"type": "image", "frames": 1, "codec": "image_png"}, "https://s3.amazonaws.com/b/p/{id}.png"),
    ({"prefix": "p/", "params": {**UPLOAD, "endpoint": "https://minio.e.com/"}}, {}, "https://minio.e.com/b/p/{id}.mp4"),
])
def test_35_output_url(server, team, upload, settings, expected):
    body = server.submit(job(upload={"params": UPLOAD, **upload}, settings=settings), token=team).json()
    assert body["outputUrl"] == expected.format(id=body["id"])


def test_35_output_url_holds_the_reference_and_no_value(server, team):
    value = canary()
    server.put("PREFIX_SECRET", value, token=team)
    answer = server.submit(job(upload={"params": UPLOAD, "prefix": "a/${secret.PREFIX_SECRET}", "outputUrl": "https://e.com"}), token=team)
    assert answer.json()["outputUrl"].startswith("https://e.com/a/${secret.PREFIX_SECRET}/") and value not in answer.text
    assert "/upload/prefix" in [w["field"] for w in answer.json()["warnings"]]


@pytest.mark.parametrize("asset, pointer, word", [
    ({"type": "text", "layerName": "a", "value": "${secret.K}"}, "/assets/0/value", "painted"),
    ({"type": "data", "layerName": "a", "property": "p", "value": ["${secret.K}"]}, "/assets/0/value/0", "painted"),
    ({"type": "script", "src": "https://e.com/a.jsx", "parameters": [{"key": "k", "value": "${secret.K}"}]}, "/assets/0/parameters/0/value", "run"),
])
def test_exposed_values_are_warned_about(server, team, asset, pointer, word):
    answer = server.submit(job(assets=[asset]), token=team)
    assert answer.status_code == 201, answer.text
    assert [w["field"] for w in answer.json()["warnings"]] == [pointer] and word in answer.json()["warnings"][0]["message"]


@pytest.mark.parametrize("asset", [{"type": "image", "layerName": "a", "src": "https://e.com/${secret.K}.png"},
                                   {"type": "image", "layerName": "a", "src": "https://e.com/a.png", "params": {"headers": {"X": "${secret.K}"}}}])
def test_served_values_are_not_warned_about(server, team, asset):
    assert "warnings" not in server.submit(job(assets=[asset]), token=team).json()


def test_abuse_041_a_version_that_is_not_there_is_refused(server, team):
    check_error(server.submit(webhook("${secret.K@7}"), token=team), 400)
    assert server.submit(webhook("${secret.K@1}"), token=team).status_code == 201


# --- limits ---

def sized(size):
    raw = json.dumps(job(extra="")).encode()
    return raw.replace(b'"extra": ""', b'"extra": "' + b"x" * (size - len(raw)) + b'"')


def test_payload_of_one_mib_and_one_byte_more(server, team):
    at, past = sized(1 << 20), sized((1 << 20) + 1)
    assert len(at) == 1 << 20 and server.call("POST", "/jobs", at, token=team, headers={"Content-Type": "application/json"}).status_code == 201
    check_error(server.call("POST", "/jobs", past, token=team, headers={"Content-Type": "application/json"}), 413)


def test_abuse_006_depth_of_64_and_65(server, team):
    for depth, status in ((64, 201), (65, 400)):
        raw = json.dumps(job(extra=0)).replace('"extra": 0', '"extra": ' + "[" * (depth - 1) + "]" * (depth - 1))
        assert server.call("POST", "/jobs", raw.encode(), token=team, headers={"Content-Type": "application/json"}).status_code == status


def test_abuse_038_1000_references_and_1001(server, team):
    for refs, status in ((1000, 201), (1001, 400), (10000, 400)):
        payload = job(webhook={"url": "https://e.com/", "data": {"k": "${secret.K}" * refs}})
        assert server.submit(payload, token=team).status_code == status


def test_abuse_038_expansion_is_capped_before_it_is_made(fresh):
    s = fresh()
    s.put("BIG", "B" * 65536)
    def peak():
        return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{s.pids()['api']}/status").read())[1])
    made = s.submit({"engine": "cap", "assets": [{"type": "text", "layerName": "a", "value": "${secret.BIG}" * 1000}]})
    assert made.status_code == 201
    before = peak()
    lease = s.call("POST", "/worker/lease", {"engines": "cap"})
    assert lease.status_code == 204, lease.status_code
    ended = s.job(made.json()["id"])
    assert ended["status"] == "error" and "BBBB" not in ended["stats"]["error"] and ended["stats"]["error"]
    assert peak() - before < 40 * 1024  # 64 MB would have been the expansion
    assert s.put("after", canary()).status_code == 201


def test_many_small_values_are_refused_by_the_node_limit(server, team):
    raw = b'{"engine":"nobody-has-this","extra":[' + b'"",' * 250000 + b'""]}'
    check_error(server.call("POST", "/jobs", raw, token=team, headers={"Content-Type": "application/json"}), 400)


# --- listing ---

@pytest.fixture(scope="module")
def listed(server):
    token = server.team("jobs-listed")
    made = [server.submit(job(tags=t, priority=p), token=token).json() for t, p in (("a", 0), ("a,b", 5), ("b", -3), ("", 5))]
    return token, [m["id"] for m in made], made


def ids(server, token, query=""):
    answer = server.call("GET", "/jobs" + query, token=token)
    assert answer.status_code == 200 and "json" in answer.headers["Content-Type"], answer.text
    return [row["id"] for row in answer.json()]


def test_27_28_list_parameters(server, listed):
    token, made, bodies = listed
    q = urllib.parse.quote
    assert ids(server, token) == made
    assert ids(server, token, "?from=0&limit=50&minimal=true&sort=newest_first") == made[::-1]
    assert ids(server, token, "?limit=1&minimal=true") == made[:1]
    assert ids(server, token, "?from=1&limit=2") == made[1:3]
    assert ids(server, token, "?from=100") == []
    assert ids(server, token, "?limit=1000") == made
    assert set(ids(server, token, "?sort=random")) == set(made)
    assert ids(server, token, "?sort=priority")[:2] == [made[1], made[3]]
    assert ids(server, token, "?states=queued,render%3Adorender") == made
    assert ids(server, token, "?states=finished") == [] and ids(server, token, "?exclude_states=queued") == []
    assert ids(server, token, "?tags=a") == made[:2] and set(ids(server, token, "?tags=a,b")) >= {made[1]}
    assert ids(server, token, "?tags=c") == []
    first = bodies[0]["stats"]["createdAt"]
    assert ids(server, token, "?from_date=" + q(first)) == made and ids(server, token, "?to_date=2020-01-01T00:00:00Z") == []
    assert ids(server, token, "?from_date=2100-01-01T00:00:00%2B02:00") == []


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "from=-1", "from=x", "from_date=yesterday", "from_date=2026-13-01T00:00:00Z",
                                   "to_date=2026-01-01", "sort=best", "sort=", "states=cooking", "states=", "exclude_states=,", "minimal=maybe", "tags=a%20b", "tags=,a", "tags="])
def test_27_bad_list_parameters_are_400(server, query):
    body = check_error(server.call("GET", "/jobs?" + query), 400)
    assert query.split("=")[0] in [d["field"] for d in body["details"]]


def test_29_no_log_yet_is_404_and_odd_ids_too(server, team):
    made = server.submit(job(), token=team).json()["id"]
    check_error(server.call("GET", f"/jobs/{made}/logs", token=team), 404)
    check_error(server.call("GET", f"/jobs/{NOBODY}/logs", token=team), 404)
    for odd in (NOBODY, "x", "%00", "a%2Fb", "x" * 500, NOBODY + "x"):
        for tail in ("", "/output"):
            check_error(server.call("GET", f"/jobs/{odd}{tail}", token=team), 404)


def test_abuse_025_jobs_of_another_team_are_404(server, team):
    mine = server.submit(job(), token=team).json()["id"]
    for tail in ("", "/logs", "/output"):
        theirs = server.call("GET", f"/jobs/{mine}{tail}")
        none = server.call("GET", f"/jobs/{NOBODY}{tail}")
        assert (theirs.status_code, theirs.json()) == (none.status_code, none.json()) and theirs.status_code == 404
    assert mine not in server.call("GET", "/jobs?limit=1000").text
    assert server.call("POST", "/worker/lease", {"engines": "nobody-has-this-either"}).status_code == 204


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null", b'{"template":{"id":"X"},"template":{"id":"Y"}}', b'{"engine":"x"}x', b'{"engine":"\\ud800"}',
                                  b'\xef\xbb\xbf{"engine":"x"}', b'{"engine":"x","n":1e400}', b'{"engine":"x","n":NaN}', b'{"engine":"a\\u0000b"}'])
def test_abuse_008_009_malformed_payloads_are_400(server, team, body):
    before = count(server, team)
    check_error(server.call("POST", "/jobs", body, token=team, headers={"Content-Type": "application/json"}), 400)
    assert count(server, team) == before


def test_abuse_010_a_malformed_payload_is_not_quoted(server, team):
    value = canary()
    answer = server.call("POST", "/jobs", f'{{"engine":"x","webhook":{{"url":"{value}'.encode(), token=team, headers={"Content-Type": "application/json"})
    check_error(answer, 400)
    assert value[:8] not in answer.text and value not in server.log()


def test_submit_is_audited(server, team):
    made = server.submit(webhook("${secret.K}"), token=team).json()["id"]
    row = until(lambda: [r for r in server.audit(token=team, event="job.submitted") if r["job"] == made])[0]
    assert row["actor"] == team.split("_")[2] and row["address"] == "127.0.0.1"
