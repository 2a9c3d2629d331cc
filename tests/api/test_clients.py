"""The vendor's clients against our server: for each of their commands the requests they send and what they decode.

The n8n node and the scripts are in no registry, and the module proxy did not give out the Go CLI (403) where this was written: their bytes
are sent from here (vendor_clients.py), and what is asserted is our reading of their decoders. curl is the real one.

test_contract_07_NN is check NN of the list of what clients require. Of the first forty, those that have no such test here stand in:
1-6, 10, 11: test_secret_*, test_secrets.py; 14, 15: test_bad_input.py, test_secrets.py; 19-22, 24: test_jobs.py; 28: test_auth_*;
29: test_job_logs; 30, 31: test_job_cancel_*; 33: test_batch_*; 34: test_journey.py; 36: test_template_*.
"""
import json
import time

import pytest

from conftest import ROOT, canary, until
from vendor_clients import (BATCH, BATCH_CANCELLED, BATCH_CREATED, BOOL, CREATED, FLOAT, FONT, INT, JOB, RAW, SECRET, STRING,
                            TEMPLATE, TEMPLATE_3, TIME, TTF, UPLOAD_INFO, GoCli, Mismatch, N8n, curl, font_form, go_decode, go_parse)

AEP = b"RIFX" + b"\0" * 200
PAYLOAD = {"template": {"id": "PLACEHOLDER", "src": "https://example.com/t.aep", "composition": "main"},
           "assets": [{"type": "text", "layerName": "t", "value": "a<b>&c"}]}
SOME_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture(scope="module")
def token(server):
    return server.team("vendor-clients")


@pytest.fixture
def cli(server, token):
    return GoCli(server.base + "/", token)  # it trims the slash


@pytest.fixture
def n8n(server, token):
    return N8n(server.base, token)


def lease_for_cli(server, cli, assets):
    """A job, and the lease that a worker of ours would have of it."""
    engine = "cli-" + canary(12)
    made = cli.call("POST", "/jobs", {"engine": engine, "assets": assets, "priority": 1000}).decode(CREATED, 201)
    lease = cli.call("POST", "/worker/lease", {"engines": engine}).decode(RAW)
    assert lease["job"]["id"] == made["id"]
    return lease, made


def submitted(cli, **more):
    return cli.call("POST", "/jobs", {**PAYLOAD, **more}).decode(CREATED, 201)


# --- the decoder itself ---

@pytest.mark.parametrize("text, kind", [
    ('""', TIME), ('"2026-01-02"', TIME), ('"2026-01-02T03:04:05"', TIME), ("1", STRING), ('"1"', INT), ("1.0", INT), ("1e3", INT),
    ('"x"', FLOAT), ("{}", [STRING]), ("[]", {"id": STRING}), ('[{"field":1}]', [{"field": STRING}]), ("1", BOOL), ('"true"', BOOL)])
def test_the_decoder_is_as_strict_as_go(text, kind):
    with pytest.raises(Mismatch):
        go_decode(go_parse(text), kind)


@pytest.mark.parametrize("text, kind, value", [
    ("null", STRING, ""), ("null", [STRING], []), ("1", FLOAT, 1.0), ("null", TIME, None), ('{"ID":"x"}', {"id": STRING}, {"id": "x"})])
def test_the_decoder_takes_what_go_takes(text, kind, value):
    assert go_decode(go_parse(text), kind) == value


# --- nexrender secret ... ---

def test_secret_list_of_an_empty_team_is_an_array(server):
    answer = GoCli(server.base, server.team("vendor-empty")).call("GET", "/secrets")
    assert answer.decode([SECRET]) == [] and answer.body == b"[]"


def test_secret_set_list_delete(cli, server):
    value = canary()
    made = cli.call("PUT", "/secrets", {"name": "CLI_SECRET", "value": value})
    assert made.status == 201  # nothing else is success to it
    assert value.encode() not in made.body
    listed = [s for s in cli.call("GET", "/secrets").decode([SECRET]) if s["name"] == "CLI_SECRET"]
    assert len(listed) == 1 and listed[0]["createdAt"]
    again = cli.call("PUT", "/secrets", {"name": "CLI_SECRET", "value": value})
    assert (again.status, again.exit()) == (409, 5) and value.encode() not in again.body
    gone = cli.call("DELETE", "/secrets/" + listed[0]["id"])
    assert gone.status == 200 and json.loads(gone.body) == {}
    assert cli.call("DELETE", "/secrets/" + listed[0]["id"]).exit() == 4


def test_contract_07_08_values_escaped_as_go_does_arrive_byte_for_byte(cli, server):
    value = 'a<b>&"c"\\ \u2028\u2029 \U0001f600\n\ttab ' + canary()
    assert cli.call("PUT", "/secrets", {"name": "CLI_ESCAPES", "value": value}).status == 201
    lease, text = lease_for_cli(server, cli, [{"type": "data", "layerName": "l", "property": "p", "value": "${secret.CLI_ESCAPES}"}])
    assert lease["job"]["assets"][0]["value"] == value


def test_contract_07_09_the_longest_value_the_cli_sends(cli):
    assert cli.call("PUT", "/secrets", {"name": "CLI_LONG", "value": "<" * 65536}).status == 201
    over = cli.call("PUT", "/secrets", {"name": "CLI_LONGER", "value": "x" * 65537})
    assert over.status in (400, 413)
    assert over.exit() in (9, 7)
    assert cli.call("GET", "/secrets").status == 200


def test_contract_07_12_ids_are_percent_decoded(cli):
    made = cli.call("PUT", "/secrets", {"name": "CLI_ENCODED", "value": canary()}).decode(SECRET, 201)
    encoded = "".join(f"%{ord(c):02X}" for c in made["id"])
    assert cli.call("DELETE", "/secrets/" + encoded).status == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\"x\"", b"1", b"{}"])
def test_contract_07_07_malformed_bodies_are_json_errors(cli, body):
    assert cli.call("PUT", "/secrets", body=body).exit() == 9


# --- nexrender auth ..., doctor, setup ---

def test_auth_status_and_doctor(cli, server):
    good = cli.call("GET", "/jobs?limit=1&minimal=true")
    assert len(good.decode([JOB])) <= 1
    bad = GoCli(server.base, "wrong").call("GET", "/jobs?limit=1&minimal=true")
    assert (bad.status, bad.exit()) == (401, 3)


# --- nexrender job ... ---

def test_job_submit_and_show(cli):
    made = submitted(cli)
    assert made["status"] == "queued" and made["outputUrl"].startswith("http") and len(made["id"]) == 26
    shown = cli.call("GET", "/jobs/" + made["id"]).decode(JOB)
    assert shown["id"] == made["id"] and shown["stats"]["createdAt"] and shown["stats"]["startedAt"] is None
    assert cli.call("GET", "/jobs/" + SOME_ID).exit() == 4


def test_job_submit_sends_what_its_structs_lose_as_empty_strings(cli):
    """Missing members of upload.params travel as "" and are refused by name."""
    answer = cli.call("POST", "/jobs", {**PAYLOAD, "upload": {"provider": "s3", "params": {
        "region": "", "bucket": "b", "accessKeyId": "a", "accessKeySecret": ""}}})
    assert answer.exit() == 9
    fields = [d["field"] for d in json.loads(answer.body)["details"]]
    assert fields == ["/upload/params/region", "/upload/params/accessKeySecret"]


def test_job_list(cli):
    ids = [submitted(cli)["id"] for _ in range(3)]
    listed = cli.call("GET", "/jobs?from=0&limit=50&minimal=true&sort=newest_first").decode([JOB])
    assert [j["id"] for j in listed[:3]] == ids[::-1]
    waiting = cli.call("GET", "/jobs?states=queued,render%3Adorender").decode([JOB])
    assert set(ids) <= {j["id"] for j in waiting}
    assert cli.call("GET", "/jobs?exclude_states=queued%2Crender%3Adorender&tags=nobody-has-it").decode([JOB]) == []


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "from=-1", "sort=sideways", "from_date=yesterday", "to_date=", "states=gone",
                                   "tags=,", "minimal=maybe"])
def test_contract_07_27_bad_queries_are_400(cli, query):
    assert cli.call("GET", "/jobs?" + query).exit() == 9


def test_job_logs(cli, server):
    lease, made = lease_for_cli(server, cli, [])
    missing = cli.call("GET", f"/jobs/{made['id']}/logs")
    assert missing.exit() == 4
    cli.call("POST", f"/worker/leases/{lease['lease']}/log?offset=0&final=1", body=b"PROGRESS: 1\n", content_type="text/plain")
    log = cli.call("GET", f"/jobs/{made['id']}/logs")
    assert log.status == 200 and log.type.startswith("text/plain") and log.body == b"PROGRESS: 1\n"
    assert log.headers["Content-Disposition"] == f'inline; filename="{made["id"]}.log"'
    assert log.headers["X-Content-Type-Options"] == "nosniff"


def test_job_wait_ends_on_a_final_status(cli, server):
    lease, made = lease_for_cli(server, cli, [])
    assert cli.call("GET", "/jobs/" + made["id"]).decode(JOB)["status"] == "render:dorender"
    cli.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "error", "error": "no"})
    job = cli.call("GET", "/jobs/" + made["id"]).decode(JOB)
    assert job["status"] == "error" and job["stats"]["error"] and job["stats"]["errorAt"]


def test_job_cancel_has_a_length_of_0_and_no_type(cli):
    made = submitted(cli)
    answer = cli.call("PATCH", f"/jobs/{made['id']}/cancel")
    jobs = answer.decode([JOB])
    assert [(j["id"], j["status"]) for j in jobs] == [(made["id"], "manually_cancelled")]
    assert cli.call("PATCH", f"/jobs/{made['id']}/cancel").exit() == 5
    assert cli.call("PATCH", f"/jobs/{SOME_ID}/cancel").exit() == 4
    assert cli.call("PATCH", "/jobs/not-an-id/cancel").exit() == 9


def test_job_cancel_of_many_is_all_or_nothing(cli):
    first, second, third = (submitted(cli)["id"] for _ in range(3))
    assert cli.call("POST", "/jobs/cancel", {"jobs": [first, first]}).exit() == 9
    assert cli.call("POST", "/jobs/cancel", {"jobs": [first, "x"]}).exit() == 9
    assert cli.call("POST", "/jobs/cancel", {"jobs": []}).exit() == 9
    assert cli.call("POST", "/jobs/cancel", {"jobs": [first, SOME_ID]}).exit() == 4
    assert cli.call("PATCH", f"/jobs/{third}/cancel").status == 200
    assert cli.call("POST", "/jobs/cancel", {"jobs": [first, third]}).exit() == 5
    assert cli.call("GET", "/jobs/" + first).decode(JOB)["status"] == "queued"
    jobs = cli.call("POST", "/jobs/cancel", {"jobs": [first, second]}).decode([JOB])
    assert {j["id"] for j in jobs} == {first, second} and {j["status"] for j in jobs} == {"manually_cancelled"}


def test_job_join(cli):
    made = cli.call("POST", "/jobs/join", {"assets": [{"type": "video", "src": "https://example.com/a.mp4"},
                                                      {"type": "video", "src": "https://example.com/b.mp4"}],
                                           "settings": {"preset": "mp4"}}).decode(CREATED, 201)
    assert made["status"] == "queued" and made["outputUrl"]
    assert cli.call("POST", "/jobs/join", {"assets": []}).exit() == 9
    assert cli.call("POST", "/jobs/join", {}).exit() == 9


def test_contract_07_26_nested_jobs_are_announced(cli):
    child = {"type": "job", "layerName": "l", "template": PAYLOAD["template"], "settings": {"type": "video"}}
    made = submitted(cli, assets=[child, child])
    assert made["status"] == "pending" and len(made["children"]) == 2
    for c in made["children"]:
        assert len(c["id"]) == 26 and c["outputUrl"].startswith("http")
        assert cli.call("GET", "/jobs/" + c["id"]).decode(JOB)["status"] == "queued"
    cancelled = cli.call("PATCH", f"/jobs/{made['id']}/cancel").decode([JOB])
    assert {j["id"] for j in cancelled} == {made["id"], *(c["id"] for c in made["children"])}


# --- nexrender batch ... ---

def test_batch_submit_show_wait_cancel(cli):
    made = cli.call("POST", "/batches", {"jobs": [PAYLOAD, PAYLOAD]}).decode(BATCH_CREATED, 201)
    assert (made["status"], made["totalJobs"], made["successCount"], made["errors"]) == ("created", 2, 2, [])
    assert [j["index"] for j in made["jobs"]] == [0, 1]
    shown = cli.call("GET", "/batches/" + made["batchId"]).decode(BATCH)
    assert shown["status"] == "processing" and shown["stats"] == {"total": 2, "finished": 0, "error": 0, "pending": 2}
    assert isinstance(json.loads(cli.call("GET", "/batches/" + made["batchId"]).body)["stats"]["pending"], int)
    done = cli.call("POST", f"/batches/{made['batchId']}/cancel")  # Content-Length: 0, no type
    cancelled = done.decode(BATCH_CANCELLED)
    assert set(json.loads(done.body)) >= set(BATCH_CANCELLED)
    assert (cancelled["status"], cancelled["cancelledCount"], cancelled["skippedCount"]) == ("cancelled", 2, 0)
    assert {j["id"] for j in cancelled["cancelledJobs"]} == {j["id"] for j in made["jobs"]}
    assert cli.call("GET", "/batches/" + made["batchId"]).decode(BATCH)["stats"]["pending"] == 0


def test_contract_07_32_batches_in_part_and_not_at_all(cli):
    part = cli.call("POST", "/batches", {"jobs": [PAYLOAD, {"assets": []}, {"template": {"id": SOME_ID}}]}).decode(BATCH_CREATED, 201)
    assert (part["status"], part["totalJobs"], part["successCount"]) == ("partial", 3, 1)
    assert [e["index"] for e in part["errors"]] == [1, 2] and all(e["error"] and e["errorCode"] for e in part["errors"])
    none = cli.call("POST", "/batches", {"jobs": [{"assets": []}]})
    assert none.exit() == 9  # a sentence in `error` is what it shows
    said = json.loads(none.body)
    assert said["status"] == "error" and said["totalJobs"] == 1 and said["successCount"] == 0 and said["errors"][0]["index"] == 0
    assert cli.call("GET", "/batches/x").exit() == 9
    assert cli.call("GET", "/batches/" + SOME_ID).exit() == 4


# --- nexrender template ... ---

def uploaded(cli, **more):
    made = cli.call("POST", "/templates", {"type": "aep", "displayName": "My <template>", **more})
    wrapped = made.decode({"template": TEMPLATE, "uploadInfo": UPLOAD_INFO}, 201)
    return made, wrapped["template"], wrapped["uploadInfo"]


def test_template_upload_list_show_wait(cli, server):
    made, template, info = uploaded(cli)
    flat = made.decode({**TEMPLATE, "uploadUrl": STRING}, 201)
    assert flat["id"] == template["id"] and flat["uploadUrl"] == info["url"] and flat["uploadInfo"]["url"] == info["url"]
    assert template["status"] == "awaiting_upload" and info["method"] == "PUT" and info["expiresIn"] > 0
    assert template["displayName"] == "My <template>"
    put = GoCli(info["url"], "").call("PUT", "", body=AEP, content_type="application/octet-stream", bearer=False)
    assert 200 <= put.status < 300
    until(lambda: cli.v3("/templates/" + template["id"]).decode(TEMPLATE_3)["status"] == "uploaded", 10, "the template")
    assert template["id"] in {t["id"] for t in cli.v3("/templates").decode([TEMPLATE_3])}
    assert isinstance(cli.v3(f"/templates/{template['id']}/compositions?limit=5000&offset=0").decode([RAW]), list)
    assert isinstance(cli.v3(f"/templates/{template['id']}/layers").decode([RAW]), list)
    assert cli.call("GET", "/templates/" + template["id"]).decode(TEMPLATE)["status"] == "uploaded"
    job = cli.call("POST", "/jobs", {"template": {"id": template["id"], "composition": None}}).decode(CREATED, 201)
    assert job["status"] == "queued"


def test_contract_07_38_odd_ids_and_pages_of_v3(cli):
    assert cli.v3("/templates/" + SOME_ID).exit() == 4
    assert cli.v3("/templates/not-an-id").exit() == 9
    _, template, _ = uploaded(cli)
    assert cli.v3(f"/templates/{template['id']}/layers?limit=-1").exit() == 9


def test_contract_07_37_upload_by_the_real_curl_with_expect(cli, folder):
    _, template, info = uploaded(cli)
    (folder / "t.aep").write_bytes(AEP * 10000)
    status, _ = curl("-X", "PUT", "-H", "Expect: 100-continue", "-H", "Content-Type: application/octet-stream",
                     "--data-binary", f"@{folder / 't.aep'}", info["url"])
    assert 200 <= status < 300
    assert cli.call("GET", "/templates/" + template["id"]).decode(TEMPLATE)["status"] == "uploaded"
    status, body = curl("--data-binary", f"@{folder / 't.aep'}", "-X", "PUT", info["url"])
    assert status in (404, 409, 410) and json.loads(body)["error"]


def test_contract_07_39_download_addresses_need_no_bearer(cli, n8n):
    _, template, info = uploaded(cli)
    assert GoCli(info["url"], "").call("PUT", "", body=AEP, content_type="application/octet-stream", bearer=False).status < 300
    for answer in (cli.call("GET", f"/templates/{template['id']}/download"), n8n.call("GET", f"/templates/{template['id']}/upload")):
        status, body = curl(answer.decode({"url": STRING})["url"])
        assert (status, body) == (200, AEP)


def test_template_rename_fresh_upload_and_delete(cli):
    _, template, first = uploaded(cli)
    assert cli.call("PATCH", "/templates/" + template["id"], {"displayName": "other"}).decode(TEMPLATE)["displayName"] == "other"
    fresh = cli.call("PUT", f"/templates/{template['id']}/upload").decode(UPLOAD_INFO)
    assert fresh["url"] != first["url"] and fresh["method"] == "PUT"
    assert cli.call("DELETE", "/templates/" + template["id"]).status == 204
    assert cli.call("GET", "/templates/" + template["id"]).exit() == 4


# --- nexrender font ... ---

def test_font_upload_list_delete(cli):
    body, kind = font_form(open(TTF, "rb").read())
    font = cli.call("POST", "/fonts", body=body, content_type=kind).decode(FONT, 201)
    assert (font["familyName"], font["fileName"]) == ("DejaVu Sans", "DejaVuSans.ttf") and font["createdAt"]
    assert font in cli.call("GET", "/fonts").decode([FONT])
    assert cli.call("GET", "/fonts/" + font["id"]).decode(FONT) == font
    assert cli.call("DELETE", "/fonts/" + font["id"]).status == 204
    assert cli.call("GET", "/fonts/" + font["id"]).exit() == 4


def test_contract_07_40_the_empty_form_of_n8n_is_400(n8n):
    answer = n8n.call("POST", "/fonts", headers={"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "0"})
    assert answer.status == 400 and N8n.shown(answer).startswith("HTTP 400: ")


# --- the n8n node ---

def test_n8n_secrets(n8n):
    made = n8n.call("PUT", "/secrets", {"name": "N8N_SECRET", "value": canary()})
    assert made.status == 201
    again = n8n.call("PUT", "/secrets", {"name": "N8N_SECRET", "value": canary()})
    assert N8n.shown(again) == "HTTP 409: A secret with this name already exists in your team"
    listed = json.loads(n8n.call("GET", "/secrets").body)
    assert isinstance(listed, list)
    gone = n8n.call("DELETE", "/secrets/" + json.loads(made.body)["id"])
    assert gone.status == 200 and json.loads(gone.body) == {}


def test_n8n_test_of_its_credential(n8n, server):
    assert 200 <= n8n.call("GET", "/jobs").status < 300
    refused = N8n(server.base, "slt_wrong").call("GET", "/jobs")  # sent twice
    assert refused.status == 401 and N8n.shown(refused).startswith("HTTP 401: ")


def test_n8n_job_until_it_is_over(n8n, cli, server):
    made = json.loads(n8n.call("POST", "/jobs", PAYLOAD).body)
    assert made["id"] and made["status"] == "queued"
    assert json.loads(n8n.call("GET", "/jobs/" + made["id"]).body)["status"] == "queued"


# --- curl, as the docs and the skill's scripts call it ---

def test_curl_of_the_docs_cancels_without_a_body(cli, server, token):
    made = submitted(cli)
    status, body = curl("-X", "PATCH", f"{server.base}/jobs/{made['id']}/cancel", token=token)
    assert status == 200 and json.loads(body)[0]["status"] == "manually_cancelled"


def test_curl_of_the_skill_sends_a_file(server, token, folder):
    (folder / "secret.json").write_text(json.dumps({"name": "SKILL_SECRET", "value": canary()}))
    words = ("--fail-with-body", "-X", "PUT", "-H", "Content-Type: application/json", "--data-binary", f"@{folder / 'secret.json'}",
             server.base + "/secrets")
    status, body = curl(*words, token=token)
    assert status == 201 and set(json.loads(body)) >= {"id", "name", "createdAt"}
    status, body = curl(*words, token=token)
    assert status == 409 and json.loads(body)["error"] == "A secret with this name already exists in your team"


def test_curl_of_the_skill_with_a_large_payload_expects_100(server, token, folder):
    """curl adds Expect: 100-continue by itself from a megabyte on."""
    payload = {**PAYLOAD, "assets": [{"type": "text", "layerName": "t", "value": "x" * 1000} for _ in range(950)]}
    (folder / "job.json").write_text(json.dumps(payload))
    began = time.monotonic()
    status, body = curl("--fail-with-body", "-H", "Content-Type: application/json", "-H", "Expect: 100-continue", "--data-binary",
                        f"@{folder / 'job.json'}", server.base + "/jobs", token=token)
    assert status == 201 and time.monotonic() - began < 20, body


def test_curl_without_a_token_is_json(server):
    status, body = curl(server.base + "/fonts")
    assert status == 401 and json.loads(body)["error"]


# --- the rest of the list ---

def test_contract_07_13_every_route_wants_a_token(server):
    described = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    for path, item in described.items():
        for method, op in item.items():
            if op["security"] and not path.startswith("/api/v1"):
                answer = GoCli(server.url, "nonsense").call(method.upper(), path.replace("{", "").replace("}", ""))
                assert answer.exit() == 3, (method, path)


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "POST"])
def test_contract_07_16_unknown_methods_are_json(cli, method):
    answer = cli.call(method, "/secrets", {} if method != "DELETE" else None)
    assert answer.status in (404, 405) and answer.exit() in (4, 7)


def test_contract_07_17_both_spellings(cli, server):
    value = canary()
    cli.call("PUT", "/secrets", {"name": "SPELLED", "value": value})
    lease, _ = lease_for_cli(server, cli, [{"type": "text", "value": "${secret.SPELLED}|${secrets.SPELLED}|Bearer ${secrets.SPELLED}"},
                                           {"type": "text", "value": "${secretsSPELLED} $secrets.SPELLED ${other.SPELLED}"}])
    assert [a["value"] for a in lease["job"]["assets"]] == [f"{value}|{value}|Bearer {value}",
                                                            "${secretsSPELLED} $secrets.SPELLED ${other.SPELLED}"]


def test_contract_07_18_nothing_of_the_payload_comes_back(cli):
    marker = canary()
    made = submitted(cli, assets=[{"type": "text", "value": marker}], webhook={"url": "https://example.com/" + marker, "data": {"x": marker}})
    for path in (f"/jobs/{made['id']}", "/jobs", "/jobs?minimal=true"):
        assert marker.encode() not in cli.call("GET", path).body


@pytest.mark.parametrize("template, status", [
    (None, 400), ({}, 400), ({"id": ""}, 400), ({"id": SOME_ID}, 404), ({"id": "PLACEHOLDER", "src": "https://example.com/a.aep"}, 201),
    ({"id": "PLACEHOLDER", "src": "https://example.com/a.aep", "composition": None}, 201)])
def test_contract_07_23_templates(cli, template, status):
    assert cli.call("POST", "/jobs", {"template": template, "assets": []}).status == status


def test_contract_07_25_a_preview_has_no_settings(cli):
    assert submitted(cli, preview=True, settings={"type": "video", "frames": "x"})["status"] == "queued"


@pytest.mark.parametrize("upload, output", [
    ({"prefix": "renders/c42/", "outputUrl": "https://cdn/media"}, "https://cdn/media/renders/c42/{id}.mp4"),
    ({"prefix": "/a//", "outputUrl": "https://cdn/media/"}, None),
    ({"prefix": "p/"}, "https://e.example/b/p/{id}.mp4")])
def test_contract_07_35_output_urls(cli, upload, output):
    params = {"region": "r", "bucket": "b", "accessKeyId": "id", "accessKeySecret": "key", "endpoint": "https://e.example"}
    made = submitted(cli, upload={"params": params, **upload})
    if output:
        assert made["outputUrl"] == output.format(id=made["id"])
    assert "//" not in made["outputUrl"].removeprefix("https://").removesuffix(made["id"] + ".mp4") or output is None
    assert "key" not in made["outputUrl"]


def test_addresses_without_the_prefix_are_the_same(server, token):
    """NEXRENDER_API_URL may be given without /api/v2; v3 then stands under the base itself."""
    bare = GoCli(server.url, token)
    assert bare.call("GET", "/jobs?limit=1&minimal=true").decode([JOB]) is not None


def test_an_answer_is_json_also_where_the_library_answers(cli):
    answer = cli.call("GET", "/jobs?tags=" + "a" * 9000)
    assert answer.status == 414 and answer.exit() == 7
