"""The main job from end to end, with a real S3 server, a studio's web server and real workers; and what goes wrong on the way."""
import base64
import json
import os
import shutil
import subprocess
import urllib.parse

import pytest
import requests

from conftest import OPEN, PEERS, SLOW, Web, canary, engine, until
from common import RENDER, arrived, hook, lease_for, put_path, s3_upload


# --- webhooks that fail: begun first, looked at last, for their retries take half a minute ---

@pytest.fixture(scope="module", autouse=True)
def failing_hooks(server, studio):
    program = engine(server.folder, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    made = {}
    for path in ("/fail/2/hook", "/fail/9/hook", "/echo/hook"):
        value = canary()
        server.put("RETRY_" + path.split("/")[2] + path.split("/")[1], value)
        payload = {"engine": program.name, "webhook": {"url": studio.url + path, "headers": {
            "Authorization": "Bearer ${secret.RETRY_%s%s}" % (path.split("/")[2], path.split("/")[1])}}}
        made[path] = (server.submit(payload).json()["id"], value)
        server.worker("--once", engine=program).wait(30 * SLOW)
    return made


# --- the whole thing ---

@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg")
def test_main_job_with_ffmpeg(server, keys, studio, unique, folder):
    picture = folder / "frame.png"
    subprocess.run(["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "color=c=red:s=64x64", "-frames:v", "1", picture], check=True)
    before = studio.asset.read_bytes()
    studio.asset.write_bytes(picture.read_bytes())
    try:
        token, text = canary(), canary(12)
        server.put(unique + "ASSET", studio.key)
        server.put(unique + "TOKEN", token)
        server.put(unique + "TEXT", text)
        made = server.submit({"template": {"id": "X", "src": studio.url + "/any.aep"}, "engine": "ffmpeg", "settings": {"frames": 10, "quality": "draft"},
                              "assets": [{"type": "image", "layerName": "bg", "src": studio.url + "/private/bg.png",
                                          "params": {"headers": {"X-Asset-Key": "${secret.%sASSET}" % unique}}},
                                         {"type": "text", "layerName": "title", "value": "Hello ${secret.%sTEXT}" % unique}],
                              "upload": s3_upload(keys), "webhook": hook(studio, unique, headers={"Authorization": "Bearer ${secrets.%sTOKEN}" % unique})})
        assert made.status_code == 201 and [w["field"] for w in made.json()["warnings"]] == ["/assets/1/value"]
        work = folder / "work"
        worker = server.worker("--once", "--keep", engine="ffmpeg", folder=work)
        job = server.wait(made.json()["id"], 60)
        worker.wait(30 * SLOW)
    finally:
        studio.asset.write_bytes(before)
    assert job["status"] == "finished" and job["progress"] == 100, server.job_log(job["id"])
    assert job["outputUrl"] == made.json()["outputUrl"] == f"{keys.said['endpoint']}/my-renders/renders/{job['id']}.mp4"
    assert keys.get(f"renders/{job['id']}.mp4")[4:8] == b"ftyp"
    got = arrived(studio, unique)[0]
    assert got["headers"]["Authorization"] == f"Bearer {token}" and got["method"] == "POST"
    said = json.loads(got["body"])
    assert said["status"] == said["state"] == "finished" and said["id"] == job["id"] and said["outputUrl"] == job["outputUrl"] and said["stats"]["finishedAt"]
    log = server.job_log(job["id"])
    values = [keys.said["secretAccessKey"], keys.said["accessKeyId"], token, studio.key]
    for value in [*values, text]:
        assert value not in log and server.places_of(value) == []
    for value in values:  # the worker never had them; the painted text it had
        found = subprocess.run(["python3", PEERS / "search.py", value, work, server.folder], capture_output=True, text=True, check=True)
        assert found.stdout.strip() == "0", found.stderr


def test_upload_lands_byte_for_byte_and_the_log_is_kept(server, keys, unique, folder):
    copy = folder / "copy"
    job = server.render({"upload": s3_upload(keys, prefix="deep er/")}, RENDER % copy)
    assert job["status"] == "finished", job
    assert keys.get(f"deep er/{job['id']}.mp4") == copy.read_bytes()
    answer = server.call("GET", f"/jobs/{job['id']}/logs")
    assert answer.headers["Content-Type"].startswith("text/plain") and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == f'inline; filename="{job["id"]}.log"'
    assert "done" in answer.text and "upload to bucket my-renders" in answer.text
    until(lambda: not (server.data / "spool" / f"{job['id']}.out").exists(), 5, "the spool being empty again")


@pytest.mark.parametrize("prefix", ["ünï/", "a+b/", "a=b&c/", "(x)'!*/", "~-._/", "100%25/", "a//b/"])
def test_odd_object_keys_are_signed_as_the_published_signer_does(server, unique, prefix):
    """The S3 server of these tests cannot check such keys, not even its own client's; the client's signer can."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    secret = canary(40)
    server.put(unique, secret)
    with Web(lambda handler, body: (200, {}, b"")) as web:
        upload = {"prefix": prefix, "params": {"region": "eu-x-1", "bucket": "b", "endpoint": web.url, "accessKeyId": "AKIDEXAMPLE", "accessKeySecret": "${secret.%s}" % unique}}
        job = server.render({"upload": upload}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    assert job["status"] == "finished"
    method, path, headers = web.seen[0]
    lower = {k.lower(): v for k, v in headers.items()}
    said = dict(part.split("=", 1) for part in lower["authorization"].split(" ", 1)[1].replace(" ", "").split(","))
    assert said["Credential"].startswith("AKIDEXAMPLE/") and urllib.parse.unquote(path) == f"/b/{prefix}{job['id']}.mp4"
    request = AWSRequest(method, web.url + path, headers={h: lower[h] for h in said["SignedHeaders"].split(";")})
    request.context["timestamp"] = lower["x-amz-date"]
    signer = S3SigV4Auth(Credentials("AKIDEXAMPLE", secret), "s3", "eu-x-1")
    assert said["Signature"] == signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)


def test_an_output_without_upload_stays_with_us(server, folder):
    copy = folder / "copy"
    job = server.render({}, RENDER % copy)
    answer = server.call("GET", f"/jobs/{job['id']}/output")
    assert job["status"] == "finished" and answer.status_code == 200 and answer.content == copy.read_bytes()
    other = server.team("out" + os.urandom(4).hex())
    assert server.call("GET", f"/jobs/{job['id']}/output", token=other).status_code == 404


@pytest.mark.parametrize("value", [
    "a\\u003cb<&>\u2028\U0001f3ac", 'quote" back\\ slash/ tab\t', "multi\nline\n", "</script>", " blank around ", "${secret.OTHER} ${secrets.OTHER@1}",
])
def test_08_values_arrive_byte_for_byte_abuse_034_035(server, studio, unique, value):
    server.put(unique, value)
    server.render({"webhook": hook(studio, unique, data={"v": "<${secret.%s}>" % unique})}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    assert json.loads(arrived(studio, unique)[0]["body"])["data"] == {"v": f"<{value}>"}


@pytest.mark.parametrize("bad", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "tail\n"])
def test_abuse_035_line_breaks_never_reach_a_header(server, studio, unique, bad):
    server.put(unique, bad if bad.startswith("tail") else bad + canary())
    job = server.render({"webhook": hook(studio, unique, headers={"A": "${secret.%s}" % unique})}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    until(lambda: "webhook" in server.job_log(job["id"]), 10)
    assert studio.received(f"/hook/{unique}") == []
    assert "not tried again" in server.job_log(job["id"])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_34_webhook_methods_and_custom(server, studio, unique, method):
    server.render({"webhook": hook(studio, unique, method=method, custom=True, data={"a": [1, {"b": "c"}]}, headers={"X-One": "1", "content-type": "application/json"})},
                  'echo x > "$SAFELIGHT_OUTPUT"\n')
    got = arrived(studio, unique)[0]
    assert got["method"] == method and got["headers"]["X-One"] == "1"
    if method in ("POST", "PUT"):
        assert json.loads(got["body"]) == {"a": [1, {"b": "c"}]}


def test_19_a_reference_in_text_and_twice_resolves_and_others_stay(server, studio, unique):
    value = canary()
    server.put(unique, value)
    text = "Bearer ${secrets.%s}/${secret.%s} ${env.X} $${secret.%s} ${secretsX}" % (unique, unique, unique)
    server.render({"webhook": hook(studio, unique, data={"v": text}, headers={"A": text})}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    wanted = f"Bearer {value}/{value} ${{env.X}} ${{secret.{unique}}} ${{secretsX}}"
    got = arrived(studio, unique)[0]
    assert json.loads(got["body"])["data"]["v"] == wanted and got["headers"]["A"] == wanted


# --- what the worker sees ---




def test_the_worker_gets_addresses_instead_of_values(server, keys, studio, unique):
    header, url, token, text = canary(), canary(), canary(), canary()
    for name, value in (("H", header), ("U", url), ("T", token), ("X", text)):
        server.put(unique + name, value)
    ref = {n: "${secret.%s%s}" % (unique, n) for n in "HUTX"}
    lease, raw = lease_for(server, {
        "template": {"id": "X", "src": f"{studio.url}/t/{ref['U']}.aep"}, "upload": s3_upload(keys), "webhook": hook(studio, unique, headers={"A": ref["T"]}),
        "assets": [{"type": "image", "src": f"{studio.url}/a?k={ref['U']}"}, {"type": "image", "src": studio.url + "/b", "params": {"headers": {"H": ref["H"]}, "keep": 1}},
                   {"type": "text", "layerName": "t", "value": ref["X"]}, {"type": "text", "layerName": "t", "value": "${sec", "name": "ret.X}"}]})
    for value in (header, url, token, keys.said["secretAccessKey"], keys.said["accessKeyId"]):
        assert value not in raw
    job = lease["job"]
    assert job["upload"] is None and job["webhook"] is None and job["assets"][1]["params"] == {"headers": {}, "keep": 1}
    assert job["assets"][2]["value"] == text  # painted: the one that the worker has to have
    assert (job["assets"][3]["value"], job["assets"][3]["name"]) == ("${sec", "ret.X}")  # abuse 39: nothing is put together
    assert job["template"]["src"].startswith(server.url + "/t/") and job["assets"][0]["src"].startswith(server.url + "/t/")
    exposed = server.audit(event="secret.exposed")[-1]
    assert exposed["name"] == unique + "X" and exposed["field"] == "/assets/2/value" and exposed["job"] == job["id"]
    assert requests.get(job["assets"][0]["src"], timeout=30).status_code == 200
    assert studio.received("/a?k=" + url)
    used = server.audit(event="secret.used")[-1]
    assert used["name"] == unique + "U" and used["field"] == "/assets/0/src" and used["job"] == job["id"]
    assert server.places_of(text) == []


def test_one_time_addresses(server, keys):
    lease, _ = lease_for(server, {})
    url = lease["output"]["url"]
    assert requests.get(url, timeout=30).status_code in (404, 405)
    assert requests.post(url, data=b"x", timeout=30).status_code in (404, 405)
    assert requests.put(url[:-1] + ("a" if url[-1] != "a" else "b"), data=b"x", timeout=30).status_code == 404
    assert requests.put(url[:-5], data=b"x", timeout=30).status_code == 404
    assert requests.put(url, data=b"output", timeout=30).status_code == 201
    assert requests.put(url, data=b"again!", timeout=30).status_code == 410
    finish = server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "finished"})
    assert finish.status_code == 200
    assert server.call("GET", f"/jobs/{lease['job']['id']}/output").content == b"output"
    assert requests.put(url, data=b"late", timeout=30).status_code in (404, 409, 410)


def test_a_lease_belongs_to_its_token_and_team(server):
    lease, _ = lease_for(server, {})
    other = server.new_token("worker")
    stranger = server.new_token("worker", team=(lambda n: (server.team(n), n)[1])("lease" + os.urandom(4).hex()))
    for token in (other, stranger):
        for call, body in (("heartbeat", {"progress": 5}), ("finish", {"state": "error", "error": "x"})):
            assert server.call("POST", f"/worker/leases/{lease['lease']}/{call}", body, token=token).status_code in (403, 404, 409)
        assert server.call("POST", f"/worker/leases/{lease['lease']}/log?offset=0", b"x", token=token).status_code in (403, 404, 409)
    assert server.job(lease["job"]["id"])["status"] == "render:dorender"
    assert server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "finished"}).status_code == 409  # no output yet
    assert server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "error", "error": "mine"}).status_code == 200
    assert server.job(lease["job"]["id"])["stats"]["error"] == "mine"
    assert server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "error", "error": "late"}).status_code in (404, 409)
    assert server.job(lease["job"]["id"])["stats"]["error"] == "mine"


@pytest.mark.parametrize("body", [{}, {"state": "best"}, {"state": 7}, {"state": "error", "error": 7}, [], "x"])
def test_bad_reports_of_a_worker_are_refused(server, body):
    lease, _ = lease_for(server, {})
    raw = json.dumps(body).encode()
    assert server.call("POST", f"/worker/leases/{lease['lease']}/finish", raw, headers={"Content-Type": "application/json"}).status_code == 400
    assert server.call("POST", f"/worker/leases/{lease['lease']}/heartbeat", b'{"progress": 101}', headers={"Content-Type": "application/json"}).status_code == 400
    assert server.job(lease["job"]["id"])["status"] == "render:dorender"


# --- masks ---

def forms(value):
    raw = value.encode()
    yield "raw", value
    for shift in range(3):
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            yield f"{name} at {shift}", encode(b"xyz"[:shift] + raw + b"tail").decode()
    yield "hex", raw.hex()
    yield "HEX", raw.hex().upper()
    yield "percent", urllib.parse.quote(value, safe="")
    yield "json", json.dumps(value)[1:-1]


def test_abuse_053_054_052_the_log_and_the_error_lose_every_encoding(server, unique, folder):
    value = 'p"w\\ é/+&= ' + canary(20)
    server.put(unique, value)
    said = dict(forms(value))
    lines = folder / "lines"
    lines.write_text("".join(f"{name}: [{text}]\n" for name, text in said.items()))
    job = server.render({"assets": [{"type": "text", "layerName": "t", "value": "${secret.%s}" % unique}]},
                        f'cat {lines}; printf "%s" "split: $(head -c 12 {lines} | tail -c 6)"; '
                        f"for part in 1 2 3; do printf 'x'; sleep 0.1; done; echo; dd if={lines} bs=7 2>/dev/null; exit 3\n")
    log = server.job_log(job["id"])
    assert job["status"] == "error" and "ended with status 3" in job["stats"]["error"]
    assert "raw: [" in log and "percent: [" in log and "***" in log
    core = value[-20:]
    for name, text in said.items():
        assert text not in log, name
    assert core not in log and core.encode().hex() not in log and urllib.parse.quote(value[:12], safe="") not in log
    for shift in range(3):
        middle = base64.b64encode(b"xyz"[:shift] + value.encode())[4:-4].decode()
        assert middle not in log and middle[8:20] not in log


def test_abuse_054_a_value_split_over_log_calls_is_masked(server, unique):
    value = canary(40)
    server.put(unique, value)
    lease, _ = lease_for(server, {"assets": [{"type": "text", "layerName": "t", "value": "${secret.%s}" % unique}]})
    text = f"before {value} after\n".encode() * 3
    sent, tries = 0, 0
    size = 1
    while sent < len(text) and tries < 500:
        final = sent + size >= len(text)
        answer = server.call("POST", f"/worker/leases/{lease['lease']}/log?offset={sent}" + ("&final=1" if final else ""), text[sent:sent + size])
        assert answer.status_code == 200, answer.text
        accepted = answer.json()["accepted"]
        assert sent <= accepted <= sent + size
        size = size + 1 if accepted == sent else 3
        sent, tries = accepted, tries + 1
    server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "error", "error": f"it said {value} and {value.encode().hex()}!"})
    log = server.job_log(lease["job"]["id"])
    assert log == "before *** after\n" * 3
    assert server.job(lease["job"]["id"])["stats"]["error"] == "it said *** and ***!"
    assert server.places_of(value) == []


def test_abuse_060_masks_hold_only_the_jobs_own_secrets(server, unique):
    value = canary()
    server.put(unique, value)
    job = server.render({}, f"echo not mine: {value}; exit 1\n")
    assert value in server.job_log(job["id"])


def test_abuse_042_055_overlapping_values_leave_no_tail(server, unique):
    value = canary(32)
    for name, part in (("A", value), ("B", value[:20]), ("C", value[8:28]), ("D", value[16:] + "more")):
        server.put(unique + name, part)
    payload = {"assets": [{"type": "text", "layerName": n, "value": "${secret.%s%s}" % (unique, n)} for n in "ABCD"]}
    job = server.render(payload, f"echo '[{value}more]'; echo '[{value}]'; echo '[{value[:20]}]'; exit 1\n")
    log = server.job_log(job["id"])
    assert [line for line in log.splitlines() if line.startswith("[*")] == ["[***]", "[***]", "[***]"]


def test_abuse_057_each_line_of_a_key_is_masked(server, unique):
    lines = ["-----BEGIN KEY-----", canary(40), canary(40), "-----END KEY-----"]
    server.put(unique, "\n".join(lines) + "\n")
    job = server.render({"assets": [{"type": "text", "layerName": "t", "value": "${secret.%s}" % unique}]}, f"echo 'one {lines[1]} line'; echo '{lines[2]}'; exit 1\n")
    log = server.job_log(job["id"])
    assert lines[1] not in log and lines[2] not in log and "one *** line" in log


# --- errors ---

def test_a_workers_error_ends_the_job_and_calls_the_webhook(server, studio, keys, unique):
    job = server.render({"upload": s3_upload(keys), "webhook": hook(studio, unique)}, "echo it broke >&2; exit 9\n")
    assert job["status"] == "error" and "status 9" in job["stats"]["error"] and job["stats"]["errorAt"] and job["stats"]["finishedAt"] is None
    said = json.loads(arrived(studio, unique)[0]["body"])
    assert said["status"] == said["state"] == "error" and said["error"] == job["stats"]["error"]
    assert "it broke" in server.job_log(job["id"])


def test_an_engine_without_output_is_an_error(server):
    job = server.render({}, "exit 0\n")
    assert job["status"] == "error" and "no output" in job["stats"]["error"]


def test_a_wrong_s3_secret_is_an_error_that_names_bucket_and_status(server, keys, studio, unique):
    wrong = canary(40)
    server.put(unique, wrong)
    job = server.render({"upload": s3_upload(keys, accessKeySecret="${secret.%s}" % unique), "webhook": hook(studio, unique)}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    error = job["stats"]["error"]
    assert job["status"] == "error" and "my-renders" in error and "403" in error
    assert wrong not in error and keys.said["accessKeyId"] not in error and keys.said["secretAccessKey"] not in error
    assert json.loads(arrived(studio, unique)[0]["body"])["status"] == "error"
    assert keys.said["accessKeyId"] not in server.job_log(job["id"])


def test_an_upload_is_retried_after_5xx(server, keys, studio, unique, folder):
    copy = folder / "copy"
    upload = s3_upload(keys, prefix=f"2/{unique}/", bucket="fail", endpoint=studio.url)
    job = server.render({"upload": upload}, RENDER % copy)
    assert job["status"] == "finished" and "(attempt 3)" in server.job_log(job["id"]) and "503" in server.job_log(job["id"])
    puts = studio.received(f"/fail/2/{unique}/{job['id']}.mp4")
    assert len(puts) == 3 and len({p["headers"]["Authorization"] for p in puts}) >= 1 and puts[2]["method"] == "PUT"
    assert puts[2]["headers"]["Content-Length"] == str(copy.stat().st_size)
    assert all(keys.said["secretAccessKey"] not in json.dumps(p) for p in puts)


def test_a_broken_connection_is_retried(server, keys, folder):
    copy, bodies = folder / "copy", []

    def answer(handler, body):
        bodies.append(body)
        if len(bodies) == 1:
            handler.connection.close()
            raise OSError
        return 200, {}, b""
    with Web(answer) as web:
        job = server.render({"upload": put_path(web)}, RENDER % copy)
    assert job["status"] == "finished" and bodies[-1] == copy.read_bytes()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_abuse_066_redirects_are_not_followed(server, studio, unique, status):
    value = canary()
    server.put(unique, value)
    with Web(lambda handler, body: (status, {"Location": f"{studio.url}/hook/{unique}"}, b"")) as web:
        lease, _ = lease_for(server, {"assets": [{"type": "image", "src": web.url + "/a", "params": {"headers": {"X": "${secret.%s}" % unique}}}]})
        got = requests.get(lease["job"]["assets"][0]["src"], timeout=30)
    assert got.status_code == 502 and len(web.seen) == 1 and web.seen[0][2]["X"] == value
    assert studio.received(f"/hook/{unique}") == []


def test_abuse_071_076_nothing_of_ours_or_of_another_send_goes_out(server, unique):
    first, second = canary(), canary()
    server.put(unique + "1", first)
    server.put(unique + "2", second)
    with Web(lambda handler, body: (200, {"Set-Cookie": "session=1"}, b"ok")) as web:
        for name, headers in (("1", {"Authorization": "Bearer ${secret.%s1}" % unique}), ("2", {"X": "${secret.%s2}" % unique})):
            lease, _ = lease_for(server, {"assets": [{"type": "image", "src": f"{web.url}/{name}", "params": {"headers": headers}}]})
            got = requests.get(lease["job"]["assets"][0]["src"], headers={"Authorization": "Bearer " + server.token, "Cookie": "a=b"}, timeout=30)
            assert got.status_code == 200 and got.content == b"ok" and "Set-Cookie" not in got.headers
    assert [h["Authorization"] for _, p, h in web.seen if p == "/1"] == [f"Bearer {first}"]
    seen = [h for _, p, h in web.seen if p == "/2"][0]
    assert seen["X"] == second and not {"Authorization", "Cookie", "Referer"} & set(seen)


def test_abuse_052_an_answer_that_echoes_the_request_is_masked(server, studio, unique, failing_hooks):
    job, value = failing_hooks["/echo/hook"]
    log = until(lambda: "403" in server.job_log(job) and server.job_log(job), 20)
    assert value not in log
    secret = canary(40)
    server.put(unique, secret)
    upload = s3_upload(type("S3", (), {"said": {"region": "r", "bucket": "echo", "endpoint": studio.url}}), prefix=unique + "/",
                       accessKeyId="${secret.%s}" % unique, accessKeySecret="${secret.%s}" % unique)
    job = server.render({"upload": upload}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    assert job["status"] == "error" and secret not in json.dumps(job) and secret not in server.job_log(job["id"])
    assert "echo" in job["stats"]["error"] and "403" in job["stats"]["error"]


# --- secrets that change on the way ---

def test_22_a_secret_deleted_after_submit_is_named_and_no_more(server, studio, unique):
    value = canary()
    secret = server.put(unique, value).json()["id"]
    program = engine(server.folder, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    made = server.submit({"engine": program.name, "assets": [{"type": "text", "layerName": "t", "value": "${secret.%s}" % unique}], "webhook": hook(studio, unique)}).json()
    server.call("DELETE", "/secrets/" + secret)
    assert server.call("POST", "/worker/lease", {"engines": program.name}).status_code == 204
    job = server.job(made["id"])
    assert job["status"] == "error" and unique in job["stats"]["error"] and value not in job["stats"]["error"]
    assert json.loads(arrived(studio, unique)[0]["body"])["error"] == job["stats"]["error"]


def test_abuse_099_a_secret_deleted_before_its_delivery_ends_the_job(server, keys, unique):
    secret = server.put(unique, keys.said["secretAccessKey"]).json()["id"]
    lease, _ = lease_for(server, {"upload": s3_upload(keys, accessKeySecret="${secret.%s}" % unique)})
    assert requests.put(lease["output"]["url"], data=b"output", timeout=30).status_code == 201
    server.call("DELETE", "/secrets/" + secret)
    server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "finished"})
    job = server.wait(lease["job"]["id"])
    assert job["status"] == "error" and unique in job["stats"]["error"]


def test_rotation_after_submit_is_used_and_a_pinned_version_stays(server, studio, unique):
    old, new = canary(), canary()
    server.put(unique, old)
    program = engine(server.folder, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    headers = {"Newest": "${secret.%s}" % unique, "Pinned": "${secret.%s@1}" % unique}
    made = server.submit({"engine": program.name, "webhook": hook(studio, unique, headers=headers)}).json()
    server.put(unique, new, rotate=True)
    server.worker("--once", engine=program).wait(20 * SLOW)
    server.wait(made["id"])
    got = arrived(studio, unique)[0]["headers"]
    assert got["Newest"] == new and got["Pinned"] == old


def test_abuse_041_a_recreated_secret_is_not_taken_for_the_pinned_one(server, studio, unique):
    first = server.put(unique, canary()).json()
    server.put(unique, canary(), rotate=True)
    program = engine(server.folder, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    made = server.submit({"engine": program.name, "webhook": hook(studio, unique, headers={"Pinned": "${secret.%s@2}" % unique})}).json()
    server.call("DELETE", "/secrets/" + first["id"])
    server.put(unique, canary())
    assert server.call("POST", "/worker/lease", {"engines": program.name}).status_code == 204
    job = server.job(made["id"])
    assert job["status"] == "error" and unique in job["stats"]["error"] and studio.received(f"/hook/{unique}") == []


def test_secrets_are_used_after_a_rotation_of_the_teams_key(fresh, studio, unique):
    s = fresh(*OPEN)
    s.put(unique, studio.key)
    s.operator("key", "rotate", "team", "--team", "studio", check=True)
    job = s.render({"webhook": hook(studio, unique, headers={"A": "${secret.%s}" % unique})}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    assert job["status"] == "finished" and arrived(studio, unique)[0]["headers"]["A"] == studio.key


# --- looked at last ---

def test_34_webhooks_are_retried_three_times_with_growing_gaps(server, studio, failing_hooks):
    good, gave_up = failing_hooks["/fail/2/hook"], failing_hooks["/fail/9/hook"]
    until(lambda: "(attempt 3)" in server.job_log(good[0]), 20)
    until(lambda: "not tried again" in server.job_log(gave_up[0]), 40)
    assert len(studio.received("/fail/2/hook")) == 3 and len(studio.received("/fail/9/hook")) == 4
    for got, (job, value) in ((studio.received("/fail/2/hook"), good), (studio.received("/fail/9/hook"), gave_up)):
        assert all(r["headers"]["Authorization"] == f"Bearer {value}" for r in got)
        assert value not in server.job_log(job) and server.job(job)["status"] == "finished"
    until(lambda: len(studio.received("/echo/hook")) == 4, 40)
