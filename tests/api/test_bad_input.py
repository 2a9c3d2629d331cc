"""Bad input: every request with each member missing, of each wrong type, too large, twice, too deep, in the wrong wrapping;
ids that are unknown, malformed or another team's. Each is refused with a clear error in the one shape, nothing of it comes back
or goes into the log, and nothing has changed.
"""
import copy
import json
import secrets as random

import pytest

from conftest import canary
from vendor_clients import TTF, font_form

SOME_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
SRC = "https://example.com/t.aep"
STRING, BOOL, NUMBER, OBJECT, ARRAY, NULL = "string", "boolean", "number", "object", "array", "null"
OF_TYPE = {STRING: ["text", ""], BOOL: [True, False], NUMBER: [7, -1, 1.5, 1e300], OBJECT: [{}, {"x": 1}], ARRAY: [[], [1]], NULL: [None]}


class Member:
    """`takes`: the JSON types it may have; `long`: a value that is too large, or None; `field`: as details name it."""

    def __init__(self, takes, required=False, long=None, bad=()):
        self.takes, self.required, self.long, self.bad = takes, required, long, bad


def text(most, required=False, null=False, bad=()):
    return Member((STRING, NULL) if null else (STRING,), required, "x" * (most + 1), bad)


class Request:
    def __init__(self, method, path, body, members, large=None, success=(200, 201, 204)):
        self.method, self.path, self.body, self.members = method, path, body, members
        self.large = large  # bytes of body that are past its limit
        self.success = success
        self.id = f"{method} {path}"


WEBHOOK = {"/webhook": Member((OBJECT, NULL)), "/webhook/url": text(8192, True, bad=["ftp://x", "x", "http://a b"]),
           "/webhook/method": text(64, null=True, bad=["PATCH", "post", "BREW"]), "/webhook/headers": Member((OBJECT, NULL), bad=[
               {"a b": "x"}, {"": "x"}, {"a": 1}, {"a": None}, {"a": "x" * 8193}, {f"h{i}": "x" for i in range(101)}]),
           "/webhook/data": Member((OBJECT, NULL)), "/webhook/custom": Member((BOOL, NULL))}
UPLOAD = {"/upload": Member((OBJECT, NULL)), "/upload/provider": text(64, null=True, bad=["gs", "S3"]), "/upload/prefix": text(1024, null=True),
          "/upload/outputUrl": text(8192, null=True, bad=["ftp://x", "example.com"]), "/upload/params": Member((OBJECT,), True),
          **{f"/upload/params/{n}": text(1024, True, bad=[""]) for n in ("region", "bucket", "accessKeyId", "accessKeySecret")},
          "/upload/params/endpoint": text(8192, null=True, bad=["ftp://x", "x"]), "/upload/params/acl": text(1024, null=True)}
SETTINGS = {"/settings": Member((OBJECT, NULL)), "/settings/type": text(64, null=True, bad=["movie", "VIDEO"]),
            "/settings/frames": Member((NUMBER, ARRAY, NULL), bad=[-1, 1.5, 2e9, [], [1], [2, 1], [1, 2, 3], ["1", "2"], [1, None]]),
            "/settings/quality": text(64, null=True, bad=["best"]), "/settings/codec": text(64, null=True, bad=["a b", "../x"]),
            "/settings/engine": text(64, null=True, bad=["AE 2025"])}
ASSET = {"/assets/0": Member((OBJECT,)), "/assets/0/type": text(64, True, bad=["", "movie", "TEXT"]), "/assets/0/src": text(8192, bad=["ftp://x", "x"]),
         "/assets/0/name": text(1024, null=True), "/assets/0/layerName": text(1024, null=True), "/assets/0/composition": text(1024, null=True),
         "/assets/0/params": Member((OBJECT, NULL)), "/assets/0/params/headers": Member((OBJECT,), bad=[{"a b": "x"}, {"a": 1}]),
         "/assets/0/conform": Member((BOOL, NULL))}
PARTS = {"upload": {"provider": "s3", "prefix": "p", "outputUrl": "https://cdn.example", "params": {
             "region": "r", "bucket": "b", "accessKeyId": "i", "accessKeySecret": "k", "endpoint": "https://s3.example", "acl": "private"}},
         "webhook": {"url": "https://example.com/hook", "method": "POST", "headers": {"a": "b"}, "data": {"a": 1}, "custom": False}}
IMAGE = {"type": "image", "src": SRC, "name": "n", "layerName": "l", "composition": "c", "params": {"headers": {"a": "b"}}, "conform": True}
JOB = {"template": {"id": "T", "src": SRC, "composition": "c", "name": "n"}, "engine": "bad-input", "assets": [IMAGE], "fonts": ["f.ttf"],
       "settings": {"type": "video", "frames": [1, 2], "quality": "full", "codec": "video_h264_vbr_15mbps", "engine": "ae2025"},
       "preview": False, "tags": "a,b", "priority": 1, **PARTS}

LATER = "2199-01-01T00:00:00Z"
POLICY = {"/policy": Member((OBJECT, NULL), bad=[{"x": 1}]), "/policy/sinks": Member((ARRAY, NULL), bad=[[], ["any"], [1], [None], ["HEADER"]]),
          "/policy/hosts": Member((ARRAY, NULL), bad=[[], [1], [""], ["a b"], ["*"], ["*.com"], ["*.s3.amazonaws.com"], ["https://x.example"],
                                                      ["x.example/"], ["a.*.example"], ["**.x.example"], ["x.example:0"], ["x.example:99999"]],
                                  long=[f"h{i}.example.com" for i in range(33)]),
          "/policy/expiresAt": text(64, null=True, bad=["", "tomorrow", "2199-01-01", "2001-01-01T00:00:00Z"])}

REQUESTS = [
    Request("PUT", "/secrets", {"name": "BAD_INPUT", "value": "value", "rotate": False,
                                 "policy": {"sinks": ["header"], "hosts": ["api.example.com"], "expiresAt": LATER}},
            {"/name": text(128, True, bad=["", " ", "a b", "é", "a\n", "${secret.X}", "a\0"]), "/value": text(65536, True, bad=[""]),
             "/rotate": Member((BOOL,)), **POLICY}, large=512 * 1024),
    Request("PATCH", "/secrets/{secret}", {"policy": {"sinks": ["header"], "hosts": ["api.example.com"], "expiresAt": LATER}},
            {**POLICY, "/policy": Member((OBJECT, NULL), True, bad=[{"x": 1}])}, large=512 * 1024),
    Request("POST", "/jobs", JOB, {
        "/template": Member((OBJECT, NULL)), "/template/id": text(1024, True, bad=[""]), "/template/src": text(8192, null=True, bad=["x", "file:///etc/passwd"]),
        "/template/composition": text(1024, null=True), "/template/name": text(1024, null=True), "/engine": text(64, null=True, bad=["", "A B", "é"]),
        "/assets": Member((ARRAY, NULL), bad=[[{}], [{"type": "text"}], [{"type": "image"}], [{"type": "function", "name": "rm"}]],
                          long=[{"type": "text", "value": "x"}] * 1001),
        **ASSET, "/fonts": Member((ARRAY, NULL), bad=[[1], [""], [None], ["x" * 1025]], long=["f"] * 1001), **SETTINGS, **UPLOAD, **WEBHOOK,
        "/preview": Member((BOOL, NULL)), "/tags": Member((STRING, ARRAY, NULL), bad=["a b", ",", "a,,b", ["a,b"], [1], [""]], long="x" * 257),
        "/priority": Member((NUMBER, NULL), bad=[1001, -1001, 1.5, 1e300])}, large=1024 * 1024),
    Request("POST", "/jobs/join", {"assets": [{"type": "video", "src": SRC}], "settings": {"preset": "mp4"}, **PARTS}, {
        "/assets": Member((ARRAY,), True, bad=[[], [{}], [{"type": "image", "src": SRC}], [{"type": "video"}]]),
        "/settings": Member((OBJECT, NULL)), "/settings/preset": text(64, bad=["avi"], null=True), **UPLOAD, **WEBHOOK}, large=1024 * 1024),
    Request("POST", "/jobs/cancel", {"jobs": [SOME_ID]}, {
        "/jobs": Member((ARRAY,), True, bad=[[], ["x"], [1], [None], [SOME_ID, SOME_ID], [SOME_ID.lower()]], long=[f"{i:026}" for i in range(1001)])},
            large=512 * 1024),
    Request("POST", "/batches", {"jobs": [JOB]}, {"/jobs": Member((ARRAY,), True, bad=[[]], long=[{}] * 1001)}),
    Request("POST", "/templates", {"type": "aep", "displayName": "n"}, {
        "/type": text(16, True, bad=["", "psd"]), "/displayName": text(256, True, bad=["", "a\0"])}, large=512 * 1024),
    Request("PATCH", "/templates/{template}", {"displayName": "n"}, {"/displayName": text(256, True, bad=["", "a\n"])}, large=512 * 1024),
    Request("POST", "/worker/lease", {"worker": "w", "engines": "none-such", "tags": "t"}, {
        n: text(256, null=True) for n in ("/worker", "/engines", "/tags")}, large=4096),
    Request("POST", "/worker/leases/{lease}/heartbeat", {"progress": 1}, {"/progress": Member((NUMBER,), bad=[-1, 101, 1.5])}, large=4096),
    Request("POST", "/worker/leases/{lease}/finish", {"state": "error", "error": "e"}, {
        "/state": text(16, True, bad=["", "done"]), "/error": text(65536, null=True)}, large=512 * 1024),
    Request("POST", "/tokens", {"role": "audit", "name": "n", "names": "*", "addresses": "", "expiresInDays": 1}, {
        "/role": text(16, True, bad=["", "root", "ADMIN"]), "/name": text(64, bad=["a\n", "a\0"]), "/names": text(128, bad=["", "**", "a b", "*a"]),
        "/addresses": text(256, bad=["x", "1.2.3", "10.0.0.0/33", "::/129", ","]), "/expiresInDays": Member((NUMBER,), bad=[0, -1, 3651, 1.5])},
            large=4096),
    Request("PATCH", "/team", {"putExisting": "refuse", "policyDefault": "open", "webhookSigningSecret": None},
            {"/putExisting": text(16, bad=["", "never"]), "/policyDefault": text(16, bad=["", "closed"]),
             "/webhookSigningSecret": text(128, null=True, bad=["", "a b", "${secret.KNOWN}"])}, large=4096),
]

BROKEN = [b"", b" ", b"{", b"}", b"[]", b"null", b"true", b"1", b'"x"', b"{}x", b"{} {}", b'{"a":1,}', b"{'a':1}", b'{"a":01}', b'{"a":+1}',
          b'{"a":1.}', b'{"a":.5}', b'{"a":NaN}', b'{"a":"\x01"}', b'{"a":"\\x"}', b'{"a":"\\ud800"}', b'{"a":"\\udc00x"}', b'{"a":"\xff"}',
          b'{"a":"\xc0\x80"}', b'{"a":"\xed\xa0\x80"}', b'\xef\xbb\xbf{}', b'{"a":"\0"}', b'{"a":"\\u0000"}\0', b"\x1f\x8b\x08", b"<xml/>",
          '{"a":1}'.encode("utf-16")]


class World:
    """A team with one of everything, another team with the same, and what the team looks like."""

    def __init__(self, server):
        self.server = server
        self.token = server.team("bad-input")
        self.theirs = server.team("bad-input-neighbour")
        self.ids, self.foreign = self.furnish(self.token), self.furnish(self.theirs)

    def call(self, method, path, body=None, token=None, **more):
        return self.server.call(method, path, body, token=token or self.token, **more)

    def furnish(self, token):
        def made(method, path, body=None, **more):
            answer = self.call(method, path, body, token=token, **more)
            assert answer.ok, (path, answer.text)
            return answer.json()

        font, kind = font_form(open(TTF, "rb").read())
        job = {"engine": "bad-input-" + random.token_hex(4), "priority": 1000, "assets": []}
        leased = made("POST", "/jobs", job)["id"]
        lease = made("POST", "/worker/lease", {"engines": job["engine"]})
        assert lease["job"]["id"] == leased
        return {"secret": made("PUT", "/secrets", {"name": "KNOWN", "value": canary()})["id"], "job": made("POST", "/jobs", JOB)["id"],
                "leased": leased, "lease": lease["lease"], "token": made("POST", "/tokens", {"role": "audit"})["id"],
                "template": made("POST", "/templates", {"type": "aep", "displayName": "t"})["id"],
                "batch": made("POST", "/batches", {"jobs": [JOB]})["batchId"], "font": made("POST", "/fonts", font, headers={"Content-Type": kind})["id"]}

    def alive(self):
        """The leases go on: the tests of this file take longer than one lasts."""
        for ids, token in ((self.ids, self.token), (self.foreign, self.theirs)):
            assert self.call("POST", f"/worker/leases/{ids['lease']}/heartbeat", {}, token=token).ok

    def state(self):
        return {path: self.call("GET", path).text for path in ("/secrets", "/jobs", "/team", "/templates", "/fonts", "/audit?limit=1000",
                                                               f"/batches/{self.ids['batch']}")} | {
            "tokens": [{k: v for k, v in t.items() if k != "lastUsedAt"} for t in self.call("GET", "/tokens").json()]}


@pytest.fixture(scope="module")
def world(server):
    return World(server)


@pytest.fixture
def unchanged(world):
    """Around a test: the team looks as before, and the marker is nowhere."""
    world.alive()
    marker, before, said = canary(), world.state(), []

    class Check:
        value = marker

        @staticmethod
        def refused(answer, *statuses):
            """One shape of error, and nothing of what was sent."""
            said.append(answer)
            assert answer.status_code in statuses, (answer.status_code, answer.text[:500])
            assert "json" in answer.headers["Content-Type"], answer.headers
            error = answer.json()
            assert isinstance(error["error"], str) and error["error"] and isinstance(error["code"], str)
            for d in error.get("details", []):
                assert set(d) == {"field", "message"} and isinstance(d["field"], str) and d["message"]
            return error
    yield Check
    for answer in said:
        assert marker not in answer.text and marker not in str(answer.headers)
    assert marker not in world.server.log()
    assert world.state() == before


def place(world, request, body=None, raw=None, content_type="application/json", ids=None, **headers):
    path = request.path.format(**(ids or world.ids))
    data = raw if raw is not None else json.dumps(body).encode()
    return world.call(request.method, path, data, headers={"Content-Type": content_type, **headers})


def keys(pointer):
    return [int(k) if k.isdigit() else k for k in pointer.lstrip("/").split("/")]


def changed(request, pointer, value=None, remove=False):
    body = copy.deepcopy(request.body)
    *way, last = keys(pointer)
    at = body
    for key in way:
        at = at[key]
    if remove:
        del at[last]
    else:
        at[last] = value
    return body


def salted(body, marker):
    """The marker beside what is being tested, where nobody asks for it."""
    return {**body, "unknown" + marker: marker}


def points_at(error, pointer):
    """The details name the member, or one that it stands in."""
    field = pointer.lstrip("/")
    said = [d["field"].lstrip("/") for d in error["details"]]
    return any(field == f or field.startswith(f + "/") or f.startswith(field + "/") for f in said)


def requests(having=lambda r: True):
    return pytest.mark.parametrize("request_", [r for r in REQUESTS if having(r)], ids=lambda r: r.id)


by_request = requests()


@requests(lambda r: any(m.required for m in r.members.values()))
def test_each_member_missing(world, unchanged, request_):
    for pointer, member in request_.members.items():
        if member.required:
            error = unchanged.refused(place(world, request_, salted(changed(request_, pointer, remove=True), unchanged.value)), 400)
            assert error["code"] == "INVALID_REQUEST" and points_at(error, pointer), (pointer, error)


@by_request
def test_each_member_of_each_wrong_type(world, unchanged, request_):
    for pointer, member in request_.members.items():
        for kind, values in OF_TYPE.items():
            for value in values if kind not in member.takes else []:
                value = unchanged.value if kind == STRING else value
                error = unchanged.refused(place(world, request_, salted(changed(request_, pointer, value), unchanged.value)), 400)
                assert points_at(error, pointer), (pointer, value, error)


@requests(lambda r: any(m.bad for m in r.members.values()))
def test_each_member_with_a_bad_value(world, unchanged, request_):
    for pointer, member in request_.members.items():
        for value in member.bad:
            error = unchanged.refused(place(world, request_, salted(changed(request_, pointer, value), unchanged.value)), 400)
            if error["code"] == "INVALID_REQUEST":
                assert points_at(error, pointer), (pointer, value, error)


@requests(lambda r: any(m.long for m in r.members.values()))
def test_each_member_too_large(world, unchanged, request_):
    for pointer, member in request_.members.items():
        if member.long is None:
            continue
        answer = place(world, request_, salted(changed(request_, pointer, member.long), unchanged.value))
        error = unchanged.refused(answer, 400, 413)
        assert answer.status_code == 413 or points_at(error, pointer), (pointer, error)


@requests(lambda r: r.large)
def test_a_body_past_its_limit(world, unchanged, request_):
    body = json.dumps(salted(request_.body, unchanged.value)).encode()
    unchanged.refused(place(world, request_, raw=body + b" " * (request_.large - len(body) + 1)), 413)


@by_request
def test_each_member_twice(world, unchanged, request_):
    text = json.dumps(request_.body)
    for pointer in request_.members:
        name = keys(pointer)[-1]
        if isinstance(name, int):
            continue
        for again in (name, f"\\u{ord(name[0]):04x}" + name[1:]):
            raw = text.replace(f'"{name}":', f'"{again}": "{unchanged.value}", "{name}":', 1)
            assert raw != text
            assert unchanged.refused(place(world, request_, raw=raw.encode()), 400)["code"] == "INVALID_JSON", pointer


@by_request
def test_too_deep(world, unchanged, request_):
    for open_, close in (("[", "]"), ('{"x":', "}")):
        for depth in (64, 1000, 1500 if request_.large == 4096 else 100000):
            deep = open_ * depth + ("1" if open_ != "[" else "") + close * depth
            raw = json.dumps(request_.body)[:-1] + f', "{unchanged.value}": {deep}}}'
            unchanged.refused(place(world, request_, raw=raw.encode()), 400, 413)


@by_request
def test_broken_json(world, unchanged, request_):
    optional = not any(m.required for m in request_.members.values())
    for raw in BROKEN:
        if raw == b"" and optional and "worker" in request_.path:
            continue  # these take no body as well
        unchanged.refused(place(world, request_, raw=raw), 400)
    whole = json.dumps(salted(request_.body, unchanged.value)).encode()
    for cut in range(1, len(whole), max(1, len(whole) // 50)):
        assert unchanged.refused(place(world, request_, raw=whole[:cut]), 400)["code"] == "INVALID_JSON"


@by_request
def test_the_wrong_wrapping(world, unchanged, request_):
    raw = json.dumps(salted(request_.body, unchanged.value)).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "json", "x/" + unchanged.value):
        assert unchanged.refused(place(world, request_, raw=raw, content_type=kind), 415)["code"] == "UNSUPPORTED_MEDIA_TYPE"
    unchanged.refused(place(world, request_, raw=raw, **{"Content-Encoding": "gzip"}), 415)


BAD_JOBS = [1, None, "x", [], {}, {"template": {}}, {"template": {"id": SOME_ID}}, {**JOB, "assets": [{"type": "movie"}]},
            {**JOB, "upload": {"params": {}}}, {**JOB, "webhook": {"url": "https://x.example/${secret.NO_SUCH}"}}]


@pytest.mark.parametrize("job", BAD_JOBS, ids=range(len(BAD_JOBS)))
def test_a_batch_of_one_bad_job(world, unchanged, job):
    """400 with the shape of a batch, and the sentence that the command line shows."""
    salt = {**job, unchanged.value: unchanged.value} if isinstance(job, dict) else job
    said = unchanged.refused(world.call("POST", "/batches", {"jobs": [salt]}), 400)
    assert said["status"] == "error" and (said["totalJobs"], said["successCount"], said["jobs"]) == (1, 0, [])
    assert [e["index"] for e in said["errors"]] == [0] and said["errors"][0]["error"] and said["errors"][0]["errorCode"]


# --- fonts: forms ---

FONT, FORM = font_form(open(TTF, "rb").read())
CUT = FONT[:2000]


@pytest.mark.parametrize("body, kind, statuses", [
    (b"", FORM, (400,)), (FONT[:-8], FORM, (400,)), (CUT, FORM, (400,)), (FONT, "multipart/form-data", (400, 415)), (FONT, "multipart/form-data; boundary=", (400, 415)),
    (FONT, "multipart/form-data; boundary=other", (400,)), (FONT, "application/json", (400, 415)), (FONT, "application/x-www-form-urlencoded", (400, 415)),
    (FONT.replace(b'name="font"', b'name="fond"'), FORM, (400,)), (FONT.replace(b'; filename="DejaVuSans.ttf"', b""), FORM, (400,)),
    *[(FONT.replace(b'"DejaVuSans.ttf"', name), FORM, (400,)) for name in (b'""', b'".ttf"', b'"a.otf"', b'"a"', b'"a\0.ttf"', b'"' + b"a" * 200 + b'.ttf"')],
    (font_form(b"")[0], FORM, (400,)), (font_form(b"OTTO" + b"\0" * 100)[0], FORM, (400,)), (font_form(b"\0\1\0\0" + b"\xff" * 100)[0], FORM, (400,)),
    (font_form(FONT, family="f" * 129)[0], FORM, (400,)), (b"--" * 100000, FORM, (400,))], ids=range(21))
def test_bad_forms(world, unchanged, body, kind, statuses):
    body = body.replace(b"DejaVuSans", unchanged.value.encode()) if b"DejaVuSans.ttf" in body[:400] else body
    unchanged.refused(world.call("POST", "/fonts", body, headers={"Content-Type": kind}), *statuses)


def test_a_font_past_its_limit(world, unchanged):
    body, kind = font_form(b"\0\1\0\0" + bytes(40 * 1024 * 1024), unchanged.value + ".ttf")
    unchanged.refused(world.call("POST", "/fonts", body, headers={"Content-Type": kind}), 413)


# --- ids ---

MALFORMED = ["x", SOME_ID[1:], SOME_ID + "A", SOME_ID.lower(), "I" * 26, "%00", "%2e%2e", "..%2f..%2fetc", "%C3%A9" * 5, "%FF", "$%7Bsecret.KNOWN%7D", "0" * 5000]
IDS = [  # method, path, what of the world's, body, statuses of an unknown id, of a malformed one
    ("DELETE", "/secrets/{}", "secret", None, (404,), (404,)),
    ("GET", "/jobs/{}", "job", None, (404,), (404,)),
    ("GET", "/jobs/{}/logs", "job", None, (404,), (400, 404)),
    ("GET", "/jobs/{}/output", "job", None, (404,), (404,)),
    ("PATCH", "/jobs/{}/cancel", "job", None, (404,), (400, 404)),
    ("GET", "/batches/{}", "batch", None, (404,), (400, 404)),
    ("POST", "/batches/{}/cancel", "batch", None, (404,), (400, 404)),
    ("GET", "/templates/{}", "template", None, (404,), (400, 404)),
    ("PATCH", "/templates/{}", "template", {"displayName": "n"}, (404,), (400, 404)),
    ("DELETE", "/templates/{}", "template", None, (404,), (400, 404)),
    ("PUT", "/templates/{}/upload", "template", None, (404,), (400, 404)),
    ("GET", "/templates/{}/download", "template", None, (404,), (400, 404)),
    ("GET", "!//api/v3/templates/{}", "template", None, (404,), (400, 404)),
    ("GET", "!//api/v3/templates/{}/layers", "template", None, (404,), (400, 404)),
    ("GET", "/fonts/{}", "font", None, (404,), (400, 404)),
    ("DELETE", "/fonts/{}", "font", None, (404,), (400, 404)),
    ("DELETE", "/tokens/{}", "token", None, (404,), (404,)),
    ("POST", "/worker/leases/{}/heartbeat", "lease", {"progress": 1}, (409,), (404, 409)),
    ("POST", "/worker/leases/{}/log?offset=0", "lease", None, (409,), (404, 409)),
    ("POST", "/worker/leases/{}/finish", "lease", {"state": "error"}, (409,), (404, 409)),
]


@pytest.mark.parametrize("method, path, kind, body, unknown, malformed", IDS, ids=lambda v: v if isinstance(v, str) and "/" in v else "")
def test_ids_that_are_not_there(world, unchanged, method, path, kind, body, unknown, malformed):
    there = world.foreign[kind]
    body = salted(body, unchanged.value) if body else None
    missing = SOME_ID if len(there) == 26 else "a" * len(there)
    first = world.call(method, path.format(missing), body)
    unchanged.refused(first, *unknown)
    foreign = world.call(method, path.format(there), body)
    unchanged.refused(foreign, *unknown)
    assert foreign.text == first.text  # as if it were not there at all
    for text in (*MALFORMED, world.ids[kind].swapcase()):
        unchanged.refused(world.call(method, path.format(text), body), *malformed)
    unchanged.refused(world.call(method, path.format(unchanged.value), body), *malformed)


@pytest.mark.parametrize("ids", ["{own},{theirs}", "{theirs},{own}"])
def test_another_teams_job_among_many(world, unchanged, ids):
    jobs = ids.format(own=world.ids["job"], theirs=world.foreign["job"]).split(",")
    unchanged.refused(world.call("POST", "/jobs/cancel", {"jobs": jobs}), 404)


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_tickets_that_never_were(world, unchanged, method):
    for ticket in (*MALFORMED, "A" * 43, unchanged.value):
        unchanged.refused(world.server.call(method, f"!//t/{ticket}", b"x" if method == "PUT" else None, token=""), 404)


# --- queries ---

QUERIES = [("/jobs", {"from": ["-1", "x", "1.5", "", "99999999999999999999"], "limit": ["0", "1001", "-1", "x", ""], "sort": ["", "best"],
                      "from_date": ["", "2026", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00"], "to_date": ["tomorrow"], "states": ["", "gone", "queued,,error"],
                      "exclude_states": ["x"], "tags": ["", ",", "a b", "a,,b", "a" * 257], "minimal": ["", "1", "TRUE"]}),
           ("/audit", {"after": ["-1", "x", ""], "limit": ["0", "1001", "x"]})]


@pytest.mark.parametrize("path, queries", QUERIES, ids=lambda v: v if isinstance(v, str) else "")
def test_bad_queries(world, unchanged, path, queries):
    for name, values in queries.items():
        for value in (*values, unchanged.value if name not in ("tags",) else unchanged.value + "%20"):
            error = unchanged.refused(world.call("GET", f"{path}?{name}={value.replace(' ', '%20')}"), 400)
            assert [d["field"] for d in error["details"]] == [name]


def test_a_value_in_the_address_is_refused(world, unchanged):
    unchanged.refused(world.call("PUT", f"/secrets?name=X&value={unchanged.value}", {"name": "X", "value": unchanged.value}), 400)


# --- references ---

@pytest.mark.parametrize("reference", ["${secret.}", "${secret.NO_SUCH}", "${secret.a b}", "${secret.KNOWN@0}", "${secret.KNOWN@99}", "${secret.KNOWN@x}",
                                       "${secret.KNOWN", "${secrets.NO_SUCH}", "x${secret.KNOWN}${secret.}"])
@pytest.mark.parametrize("pointer", ["/upload/params/accessKeyId", "/upload/prefix", "/webhook/url", "/webhook/headers/a", "/assets/0/src", "/assets/0/params/headers/a",
                                     "/template/src"])
def test_references_that_lead_nowhere(world, unchanged, pointer, reference):
    request = next(r for r in REQUESTS if r.id == "POST /jobs")
    prefix = "https://example.com/" if pointer.endswith(("src", "url")) else ""
    error = unchanged.refused(place(world, request, salted(changed(request, pointer, prefix + reference), unchanged.value)), 400)
    assert {d["field"] for d in error["details"]} == {pointer}, error


@pytest.mark.parametrize("pointer", ["/template/id", "/template/composition", "/settings/codec", "/fonts/0", "/tags", "/engine"])
def test_references_where_none_may_stand(world, unchanged, pointer):
    request = next(r for r in REQUESTS if r.id == "POST /jobs")
    error = unchanged.refused(place(world, request, changed(request, pointer, "${secret.KNOWN}")), 400)
    assert any(d["field"].startswith(pointer.rsplit("/0", 1)[0]) for d in error["details"]), error


def test_other_teams_secrets_cannot_be_named(world, unchanged):
    name = "THEIRS_" + random.token_hex(6)
    assert world.call("PUT", "/secrets", {"name": name, "value": unchanged.value}, token=world.theirs).status_code == 201
    request = next(r for r in REQUESTS if r.id == "POST /jobs")
    theirs = unchanged.refused(place(world, request, changed(request, "/webhook/url", f"https://x.example/${{secret.{name}}}")), 400)
    nobodys = unchanged.refused(place(world, request, changed(request, "/webhook/url", "https://x.example/${secret.THEIRS_0000}")), 400)
    assert theirs == nobodys


# --- what is in order still is ---

@by_request
def test_the_request_itself_is_good(world, request_):
    """So that every refusal above is for its own reason. Last, since these do change things."""
    if request_.path.startswith("/worker/leases/"):
        world.alive()
    if request_.id == "POST /jobs/cancel":
        body = {"jobs": [world.call("POST", "/jobs", JOB).json()["id"]]}
    else:
        body = request_.body
    answer = place(world, request_, body)
    assert answer.status_code in request_.success, (answer.status_code, answer.text)
