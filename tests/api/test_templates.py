"""Templates: v2 and v3, files in and out by addresses without a token; checks 36 to 39 of the vendor's contract."""
import concurrent.futures
import os
import subprocess

import pytest
import requests

from conftest import SLOW, until
from templates import AEP, NEVER, V3, ZIP, api, begin, bring, made, spooled, status, team, uploaded
from test_secrets import DATE, ULID, check_error


# --- making one ---

def test_36_all_three_shapes_of_the_answer(api, made, server):
    body = made("zip", "My intro")
    flat = {k: v for k, v in body.items() if k not in ("template", "uploadInfo", "uploadUrl")}
    assert flat == body["template"]
    assert ULID.match(flat.pop("id")) and DATE.match(flat.pop("createdAt")) and DATE.match(flat.pop("updatedAt"))
    assert flat == {"type": "zip", "displayName": "My intro", "status": "awaiting_upload", "compositions": [], "layers": [], "mogrt": {},
                    "error": None}
    info = body["uploadInfo"]
    assert info["method"] == "PUT" and info["expiresIn"] == 3600 and isinstance(info["expiresIn"], int)
    assert info["url"] == body["uploadUrl"] and info["url"].startswith(server.url + "/upload/")
    assert info["fields"] == {} and info["key"] == body["id"] + ".zip"


@pytest.mark.parametrize("body, field", [
    ({"displayName": "x"}, "type"), ({"type": "aep"}, "displayName"), ({"type": "AEP", "displayName": "x"}, "type"),
    ({"type": "", "displayName": "x"}, "type"), ({"type": "video", "displayName": "x"}, "type"), ({"type": 1, "displayName": "x"}, "type"),
    ({"type": None, "displayName": "x"}, "type"), ({"type": "x" * 17, "displayName": "x"}, "type"),
    ({"type": "aep", "displayName": ""}, "displayName"), ({"type": "aep", "displayName": ["x"]}, "displayName"),
    ({"type": "aep", "displayName": None}, "displayName"), ({"type": "aep", "displayName": "a\nb"}, "displayName"),
    ({"type": "aep", "displayName": "x", "src": 1}, "src"), ({"type": "aep", "displayName": "x", "src": "file:///etc/passwd"}, "src"),
    ({"type": "aep", "displayName": "x", "src": "example.com/a.aep"}, "src"), ({"type": "aep", "displayName": "x", "src": "https://e/a b"}, "src"),
    ({"type": "aep", "displayName": "x", "src": "https://e/${secret.A}"}, "src"), ({"type": "aep", "displayName": "x", "src": "${secret.A}"}, "src"),
    ({"type": "aep", "displayName": "x", "src": "https://e/" + "x" * 8192}, "src"),
])
def test_bad_creations_are_400_and_make_nothing(api, body, field):
    before = api("GET", "/templates").json()
    answer = api("POST", "/templates", body)
    assert check_error(answer, 400)["details"][0]["field"] == field
    assert "passwd" not in answer.text
    assert api("GET", "/templates").json() == before


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b'{"type":"aep","type":"aep","displayName":"x"}'])
def test_malformed_creations_are_400(api, body):
    check_error(api("POST", "/templates", body), 400)
    check_error(api("POST", "/templates", body, headers={"Content-Type": "text/plain"}), 415)


@pytest.mark.parametrize("name, good", [("n" * 256, True), ("n" * 257, False), ("ä" * 128, True), ("ä" * 129, False)])
def test_a_display_name_has_a_limit(api, uploaded, name, good):
    template = uploaded()
    for answer in (api("POST", "/templates", {"type": "aep", "displayName": name}),
                   api("PATCH", f"/templates/{template}", {"displayName": name}, token="editor")):
        if good:
            assert answer.status_code in (200, 201) and answer.json()["displayName"] == name
        else:
            assert check_error(answer, 400)["details"][0]["field"] == "displayName"


def test_a_template_with_an_address_is_ready_at_once(api, made):
    src = "https://cdn.example.com/a.aep?sign=1"
    body = made(src=src)
    assert body["status"] == "uploaded" and "uploadInfo" not in body and "uploadUrl" not in body
    assert src not in api("GET", f"/templates/{body['id']}").text
    for path in ("download", "upload"):
        answer = api("GET", f"/templates/{body['id']}/{path}")
        assert answer.status_code == 200 and answer.json() == {"url": src}
    # a file that is brought takes the address's place
    info = api("PUT", f"/templates/{body['id']}/upload").json()
    assert bring(info).status_code == 200
    assert src not in api("GET", f"/templates/{body['id']}/download").text


@pytest.mark.parametrize("src", [None, ""])
def test_an_empty_address_is_none(made, src):
    assert made(src=src)["status"] == "awaiting_upload"


# --- the file in ---

@pytest.mark.parametrize("kind, data", [("aep", AEP), ("aep", b"<?xml version='1.0'?><AfterEffectsProject/>"), ("zip", ZIP), ("mogrt", ZIP)])
def test_37_a_file_is_brought_without_a_token(api, made, kind, data):
    created = made(kind)
    assert status(api, created["id"]) == "awaiting_upload"
    answer = bring(created, data, headers={"Content-Type": "application/octet-stream"})
    assert answer.status_code == 200 and answer.json() == {}
    assert status(api, created["id"]) == "uploaded"
    row = api("GET", f"/templates/{created['id']}").json()
    assert row["error"] is None and row["updatedAt"] >= row["createdAt"]
    assert "uploadInfo" not in row


def test_37_curl_waits_for_100_continue(api, made, folder):
    created = made()
    file = folder / "big.aep"
    file.write_bytes(AEP + os.urandom(3 << 20))
    done = subprocess.run(["curl", "-sSv", "--fail-with-body", "-T", str(file), "-H", "Expect: 100-continue", created["uploadInfo"]["url"]],
                          capture_output=True, timeout=60 * SLOW)
    assert done.returncode == 0, done.stderr
    assert b"100 Continue" in done.stderr
    assert status(api, created["id"]) == "uploaded"
    url = api("GET", f"/templates/{created['id']}/download").json()["url"]
    assert requests.get(url, timeout=30 * SLOW).content == file.read_bytes()


def test_a_chunked_upload_works_too(api, made):
    created = made("zip")
    assert bring(created, iter([ZIP[:3], ZIP[3:]])).status_code == 200
    assert status(api, created["id"]) == "uploaded"


def test_an_address_is_used_once(api, made, server):
    created = made()
    assert bring(created).status_code == 200
    check_error(bring(created, AEP + b"other"), 410)
    url = api("GET", f"/templates/{created['id']}/download").json()["url"]
    assert requests.get(url, timeout=30).content == AEP
    assert len(spooled(server, created["id"])) == 1


@pytest.mark.parametrize("kind, data, word", [
    ("aep", ZIP, "zip archive"), ("aep", b"", "empty"), ("zip", b"", "empty"), ("zip", AEP, "not a zip archive"),
    ("mogrt", AEP, "not a motion graphics template")])
def test_the_wrong_file_is_refused_and_may_be_brought_again(api, made, server, kind, data, word):
    created = made(kind)
    answer = bring(created, data)
    assert word in check_error(answer, 400)["error"]
    assert status(api, created["id"]) == "error"
    assert word in api("GET", f"/templates/{created['id']}").json()["error"]
    assert spooled(server, created["id"]) == []
    check_error(api("GET", f"/templates/{created['id']}/download"), 410)
    assert bring(created, AEP if kind == "aep" else ZIP).status_code == 200
    assert status(api, created["id"]) == "uploaded"
    assert api("GET", f"/templates/{created['id']}").json()["error"] is None


def test_the_wrong_file_does_not_take_the_place_of_a_good_one(api, uploaded):
    template = uploaded()
    info = api("PUT", f"/templates/{template}/upload").json()
    check_error(bring(info, ZIP), 400)
    assert status(api, template) == "uploaded"
    url = api("GET", f"/templates/{template}/download").json()["url"]
    assert requests.get(url, timeout=30).content == AEP


def test_a_new_address_takes_the_place_of_the_old(api, made):
    created = made()
    answer = api("PUT", f"/templates/{created['id']}/upload")
    assert answer.status_code == 200
    info = answer.json()
    assert info["method"] == "PUT" and info["expiresIn"] == 3600 and info["url"] != created["uploadUrl"]
    check_error(bring(created), 410)
    assert bring(info).status_code == 200
    assert status(api, created["id"]) == "uploaded"


def test_a_file_that_is_brought_again_takes_the_place_of_the_old(api, uploaded, server):
    template = uploaded()
    first = spooled(server, template)
    old = api("GET", f"/templates/{template}/download").json()["url"]
    info = api("PUT", f"/templates/{template}/upload").json()
    assert bring(info, AEP + b"second").status_code == 200
    assert requests.get(old, timeout=30).content == AEP + b"second"
    assert len(spooled(server, template)) == 1 and spooled(server, template) != first


def test_an_upload_that_breaks_off_changes_nothing(api, made, server):
    created = made()
    s = begin(created, 100000, AEP)
    until(lambda: spooled(server, created["id"]), 10, "the part file")
    s.close()
    until(lambda: not spooled(server, created["id"]), 10, "the part file's end")
    assert status(api, created["id"]) == "awaiting_upload"
    assert bring(created).status_code == 200


def test_two_uploads_at_once_to_one_address(api, made, server):
    created = made()
    with begin(created, len(AEP), AEP[:10]) as s:
        until(lambda: spooled(server, created["id"]), 10, "the part file")
        check_error(bring(created), 409)
        s.sendall(AEP[10:])
        assert s.recv(100).startswith(b"HTTP/1.1 200 ")
    assert status(api, created["id"]) == "uploaded"


def test_many_uploads_at_once_leave_one_file(api, made, server):
    created = made()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = sorted(a.status_code for a in pool.map(lambda n: bring(created, AEP + b"%d" % n), range(16)))
    assert codes[0] == 200 and codes[1] in (409, 410), codes
    assert set(codes[1:]) <= {409, 410}
    assert len(spooled(server, created["id"])) == 1


@pytest.mark.parametrize("ticket", ["x", "x" * 21, "x" * 32, "x" * 65, "%00", "a%2fb"])
@pytest.mark.parametrize("method, place", [("PUT", "upload"), ("GET", "download")])
def test_addresses_that_never_were(server, method, place, ticket):
    check_error(requests.request(method, f"{server.url}/{place}/{ticket}", data=AEP if method == "PUT" else None, timeout=30), 404)


def test_an_address_serves_one_purpose(api, uploaded, made, server):
    template = uploaded()
    down = api("GET", f"/templates/{template}/download").json()["url"]
    up = made()["uploadUrl"]
    check_error(requests.put(down.replace("/download/", "/upload/"), data=AEP, timeout=30), 404)
    check_error(requests.get(up.replace("/upload/", "/download/"), timeout=30), 404)
    check_error(requests.put(down, data=AEP, timeout=30), 405)
    check_error(requests.get(up, timeout=30), 405)


def test_an_address_expires(fresh):
    """The clock of a row is turned back, for an hour is long."""
    s = fresh()
    created = s.call("POST", "/templates", {"type": "aep", "displayName": "x"}).json()
    second = s.call("POST", "/templates", {"type": "aep", "displayName": "y"}).json()
    assert bring(second).status_code == 200
    down = s.call("GET", f"/templates/{second['id']}/download").json()["url"]
    assert requests.get(down, timeout=30).status_code == 200
    s.stop()
    subprocess.run(["sqlite3", str(s.data / "db/safelight.db"), "UPDATE transfers SET expires_at_ms = expires_at_ms - 3600001"], check=True)
    before = s.url
    s.start()
    check_error(requests.put(created["uploadUrl"].replace(before, s.url), data=AEP, timeout=30), 410)
    check_error(requests.get(down.replace(before, s.url), timeout=30), 410)
    assert s.call("GET", f"/templates/{created['id']}").json()["status"] == "awaiting_upload"


# --- the file out ---

def test_39_both_addresses_for_download(api, uploaded):
    template = uploaded(ZIP, "zip")
    for path in ("download", "upload"):
        answer = api("GET", f"/templates/{template}/{path}")
        assert answer.status_code == 200 and list(answer.json()) == ["url"]
        head = requests.head(answer.json()["url"], timeout=30)
        assert head.status_code == 200 and int(head.headers["Content-Length"]) == len(ZIP)
        got = requests.get(answer.json()["url"], timeout=30)
        assert got.status_code == 200 and got.content == ZIP
        assert got.headers["Content-Disposition"] == f'attachment; filename="{template}.zip"'
        for method in ("GET", "HEAD"):
            assert requests.request(method, answer.json()["url"], timeout=30).status_code == 410
        check_error(requests.get(answer.json()["url"], headers={"Range": "bytes=0-"}, timeout=30), 410, "GONE")


def test_a_download_that_breaks_off_may_go_on_and_only_one_runs(api, uploaded):
    content = AEP + bytes(32 * 1024 * 1024)  # more than lies in sockets' buffers
    template = uploaded(content)
    url = api("GET", f"/templates/{template}/download").json()["url"]
    with requests.get(url, timeout=30, stream=True) as first:
        assert first.status_code == 200 and first.raw.read(100) == content[:100]
        check_error(requests.get(url, timeout=30), 410, "GONE")
    rest = until(lambda: (a := requests.get(url, headers={"Range": "bytes=100-"}, timeout=60)).status_code != 410 and a, what="the address being good again")
    assert rest.status_code == 206 and rest.content == content[100:]
    check_error(requests.get(url, timeout=30), 410, "GONE")


def test_a_range_beyond_the_end_does_not_use_the_address_up(api, uploaded):
    url = api("GET", f"/templates/{uploaded()}/download").json()["url"]
    beyond = requests.get(url, headers={"Range": f"bytes={len(AEP)}-"}, timeout=30)
    assert beyond.status_code == 416 and beyond.headers["Content-Range"] == f"bytes */{len(AEP)}"
    part = until(lambda: (a := requests.get(url, headers={"Range": "bytes=2-5"}, timeout=60)).status_code != 410 and a, what="the address being good again")
    assert part.status_code == 206 and part.content == AEP[2:6]


def test_39_no_download_before_the_upload(api, made):
    created = made()
    for path in ("download", "upload"):
        assert "uploaded" in check_error(api("GET", f"/templates/{created['id']}/{path}"), 410)["error"]


# --- reading, renaming, removing ---

def test_lists_of_both_versions(api, made, server):
    ids = [made(name=f"t{i}")["id"] for i in range(3)]
    v2 = [t for t in api("GET", "/templates").json() if t["id"] in ids]
    assert [t["id"] for t in v2] == ids
    for path in ("!/api/v3/templates", "!/v3/templates"):
        v3 = [t for t in api("GET", path).json() if t["id"] in ids]
        assert v3 == [{k: t[k] for k in V3} for t in v2]
    assert api("GET", "/templates", token="other").text == "[]"
    assert api("GET", "!/api/v3/templates", token="other").text == "[]"


@pytest.mark.parametrize("root", ["!/api/v3", "!/v3"])
@pytest.mark.parametrize("part", ["compositions", "layers"])
def test_38_compositions_and_layers_are_arrays(api, made, root, part):
    template = made()["id"]
    for query in ("", "?limit=300&offset=0", "?limit=5000", "?limit=1&offset=999999"):
        answer = api("GET", f"{root}/templates/{template}/{part}{query}")
        assert answer.status_code == 200 and answer.text == "[]" and "json" in answer.headers["Content-Type"]
    for query in ("limit=0", "limit=-1", "limit=x", "limit=", "limit=1.5", "offset=-1", "offset=x", "offset=", "limit=99999999999999999999"):
        body = check_error(api("GET", f"{root}/templates/{template}/{part}?{query}"), 400)
        assert body["details"][0]["field"] == query.split("=")[0]


@pytest.mark.parametrize("tail", ["", "/compositions", "/layers"])
def test_38_ids_of_version_3(api, made, tail):
    for bad in ("x", NEVER[:-1], NEVER + "A", NEVER.lower(), "8" + NEVER[1:], NEVER[:-1] + "U"):
        check_error(api("GET", f"!/api/v3/templates/{bad}{tail}"), 400)
    check_error(api("GET", f"!/api/v3/templates/{NEVER}{tail}"), 404)
    check_error(api("GET", f"!/api/v3/templates/{made()['id']}{tail}", token="other"), 404)


@pytest.mark.parametrize("method, tail, body", [
    ("GET", "", None), ("PATCH", "", {"displayName": "x"}), ("DELETE", "", None), ("PUT", "/upload", None), ("GET", "/upload", None),
    ("GET", "/download", None)])
def test_ids_of_other_teams_and_unknown_ones_are_404(api, uploaded, method, tail, body):
    template = uploaded()
    before = api("GET", f"/templates/{template}").json()
    theirs = check_error(api(method, f"/templates/{template}{tail}", body, token="other"), 404)
    unknown = check_error(api(method, f"/templates/{NEVER}{tail}", body, token="other"), 404)
    odd = check_error(api(method, f"/templates/x%20y{tail}", body, token="other"), 404)
    assert theirs == unknown == odd
    assert api("GET", f"/templates/{template}").json() == before


def test_renaming(api, made):
    template = made()["id"]
    answer = api("PATCH", f"/templates/{template}", {"displayName": "Ünïcode <&>"}, token="editor")
    assert answer.status_code == 200 and answer.json()["displayName"] == "Ünïcode <&>"
    assert api("GET", f"/templates/{template}").json() == answer.json()
    for body in ({}, {"displayName": 1}, {"displayName": ""}, {"displayName": "a\tb"}, {"name": "x"}):
        assert check_error(api("PATCH", f"/templates/{template}", body, token="editor"), 400)["details"][0]["field"] == "displayName"
    assert api("GET", f"/templates/{template}").json() == answer.json()


def test_roles(api, made):
    template = made()["id"]
    for role, codes in {"submit": (201, 200, 200, 403, 403), "worker": (403,) * 5, "editor": (201, 200, 200, 200, 204)}.items():
        got = (api("POST", "/templates", {"type": "aep", "displayName": "x"}, token=role), api("GET", f"/templates/{template}", token=role),
               api("PUT", f"/templates/{template}/upload", token=role), api("PATCH", f"/templates/{template}", {"displayName": "x"}, token=role),
               api("DELETE", f"/templates/{template}", token=role))
        assert tuple(a.status_code for a in got) == codes, role
    check_error(api("GET", "/templates", token=""), 401)
    check_error(api("GET", "!/api/v3/templates", token=""), 401)


def test_removing_takes_row_file_and_addresses(api, uploaded, server):
    template = uploaded()
    down = api("GET", f"/templates/{template}/download").json()["url"]
    up = api("PUT", f"/templates/{template}/upload").json()
    answer = api("DELETE", f"/templates/{template}", token="editor")
    assert answer.status_code == 204 and answer.content == b""
    check_error(api("DELETE", f"/templates/{template}", token="editor"), 404)
    check_error(api("GET", f"/templates/{template}"), 404)
    check_error(requests.get(down, timeout=30), 404)
    check_error(bring(up), 404)
    assert spooled(server, template) == []


def test_removed_while_its_file_arrives(api, made, server):
    created = made()
    with begin(created, len(AEP), AEP[:10]) as s:
        until(lambda: spooled(server, created["id"]), 10, "the part file")
        assert api("DELETE", f"/templates/{created['id']}", token="editor").status_code == 204
        s.sendall(AEP[10:])
        assert s.recv(100).startswith(b"HTTP/1.1 404 ")
    until(lambda: not spooled(server, created["id"]), 10, "the file's end")


def test_a_template_that_a_job_needs_stays(api, uploaded, server, team):
    template = uploaded()
    job = api("POST", "/jobs", {"template": {"id": template, "composition": "main"}})
    assert job.status_code == 201, job.text
    assert "Jobs" in check_error(api("DELETE", f"/templates/{template}", token="editor"), 409)["error"]
    assert status(api, template) == "uploaded" and len(spooled(server, template)) == 1
    cancelled = api("PATCH", f"/jobs/{job.json()['id']}/cancel")
    assert cancelled.status_code == 200, cancelled.text
    assert api("DELETE", f"/templates/{template}", token="editor").status_code == 204


def test_jobs_need_a_template_that_is_there(api, uploaded, made):
    check_error(api("POST", "/jobs", {"template": {"id": NEVER, "composition": "main"}}), 404)
    check_error(api("POST", "/jobs", {"template": {"id": uploaded(), "composition": "main"}}, token="other"), 404)
    assert api("POST", "/jobs", {"template": {"id": made()["id"], "composition": "main"}}).status_code in (400, 404, 409)


def test_it_is_audited(api, uploaded, server, team):
    template = uploaded(name="Audited")
    assert api("DELETE", f"/templates/{template}", token="editor").status_code == 204
    rows = [r for r in server.audit(token=server.new_token("audit", team["name"])) if r.get("subject") == template]
    assert [r["event"] for r in rows] == ["template.created", "template.uploaded", "template.deleted"]
    assert rows[0]["actor"] == rows[1]["actor"] == team["submit"].split("_")[2] and rows[2]["actor"] == team["editor"].split("_")[2]
    assert all(r["name"] == "Audited" for r in rows)


def test_addresses_are_not_kept_in_clear(api, made, uploaded, server):
    up, down = made()["uploadUrl"], api("GET", f"/templates/{uploaded()}/download").json()["url"]
    for url in (up, down):
        assert server.places_of(url.rsplit("/", 1)[1]) == []
