"""Outputs that Safelight serves itself: signed addresses, ranges, how long they are kept, and room in the spool."""
import os
import re
import sqlite3
import time
import urllib.parse

import pytest
import requests

from common import arrived, hook, lease_for
from conftest import OPEN, Web, engine, until

ADDRESS = re.compile(r"^(http://[^/]+)/o/([0-9A-Z]{26}\.\w+)\?expires=(\d+)&signature=([0-9a-f]{64})$")


@pytest.fixture(scope="module")
def rendered(server):
    """(job, bytes) of a finished job without an upload."""
    copy = server.folder / ("copy" + os.urandom(4).hex())
    job = server.render({}, 'head -c 20000 /dev/urandom > "$SAFELIGHT_OUTPUT"; cp "$SAFELIGHT_OUTPUT" "%s"\n' % copy)
    assert job["status"] == "finished"
    return job, copy.read_bytes()


def parts(url):
    found = ADDRESS.match(url)
    assert found, url
    return found.groups()


# --- the address ---

def test_35_the_address_needs_no_token_and_is_time_limited(server, rendered):
    job, content = rendered
    base, name, expires, _ = parts(job["outputUrl"])
    assert base == server.url and name == job["id"] + ".mp4"
    days = (int(expires) - time.time()) / 86400
    assert 7 <= days <= 8 and int(expires) % 86400 == 0
    got = requests.get(job["outputUrl"])
    assert got.status_code == 200 and got.content == content
    assert got.headers["Content-Type"] == "video/mp4" and got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Disposition"] == f'inline; filename="{name}"' and got.headers["Cache-Control"] == "no-store"


def test_every_answer_shows_the_same_address(server, studio, unique):
    program = engine(server.folder, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    made = server.submit({"engine": program.name, "webhook": hook(studio, unique)}).json()
    parts(made["outputUrl"])
    assert requests.get(made["outputUrl"]).status_code == 404  # right, but not rendered yet
    server.worker("--once", engine=program).wait(60)
    sent = arrived(studio, unique)[0]["body"]
    listed = [j for j in server.call("GET", "/jobs?limit=1000&sort=newest_first").json() if j["id"] == made["id"]][0]
    shown = server.job(made["id"])
    assert made["outputUrl"] == listed["outputUrl"] == shown["outputUrl"] and made["outputUrl"] in sent
    assert requests.get(shown["outputUrl"]).content == b"x\n"


def spoiled(url):
    base, name, expires, signature = parts(url)
    flip = ("0" if signature[0] != "0" else "1") + signature[1:]
    path = f"{base}/o/{name}"
    yield path
    yield f"{path}?expires={expires}"
    yield f"{path}?signature={signature}"
    yield f"{path}?expires={int(expires) + 86400}&signature={signature}"
    yield f"{path}?expires=0{expires}x&signature={signature}"
    yield f"{path}?expires=&signature={signature}"
    yield f"{path}?expires=99999999999999999999&signature={signature}"
    yield f"{path}?expires=-1&signature={signature}"
    yield f"{path}?expires={expires}&signature={flip}"
    yield f"{path}?expires={expires}&signature={signature[:-1]}"
    yield f"{path}?expires={expires}&signature={signature}0"
    yield f"{path}?expires={expires}&signature={signature.upper()}" if signature.upper() != signature else path
    yield f"{base}/o/{name[:-4]}.mov?expires={expires}&signature={signature}"
    yield f"{base}/o/01JDF0000000000000000000J0.mp4?expires={expires}&signature={signature}"
    yield f"{base}/o/..%2F..%2Froot.key?expires={expires}&signature={signature}"
    yield f"{base}/o/{name}%00?expires={expires}&signature={signature}"


def test_any_other_address_is_refused(rendered):
    for url in spoiled(rendered[0]["outputUrl"]):
        got = requests.get(url)
        assert got.status_code in (400, 403, 404), (url, got.status_code)
        assert got.json()["error"] and "signature" not in got.text.replace("not signed", "")


def test_a_signature_is_one_files_alone(server, rendered):
    other = server.render({}, 'echo y > "$SAFELIGHT_OUTPUT"\n')
    base, name, _, _ = parts(other["outputUrl"])
    _, _, expires, signature = parts(rendered[0]["outputUrl"])
    assert requests.get(f"{base}/o/{name}?expires={expires}&signature={signature}").status_code == 403


def test_it_is_for_reading_only(rendered):
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        assert requests.request(method, rendered[0]["outputUrl"]).status_code == 405


def test_it_outlives_restarts_and_key_rotations(fresh):
    s = fresh(*OPEN)
    url = s.render({}, 'echo z > "$SAFELIGHT_OUTPUT"\n')["outputUrl"]
    s.operator("key", "rotate", "master", check=True)
    s.stop()
    s.restart()
    assert requests.get(url).content == b"z\n"
    assert [j["outputUrl"] for j in s.call("GET", "/jobs").json()] == [url]


def test_with_a_public_url(fresh):
    s = fresh("--public-url", "https://render.example.com/")
    made = s.submit({"engine": "nobody"}).json()
    assert made["outputUrl"].startswith(f"https://render.example.com/o/{made['id']}.mp4?expires=")


# --- the file ---

def test_head_ranges_and_tags(rendered):
    job, content = rendered
    url = job["outputUrl"]
    head = requests.head(url)
    tag = head.headers["ETag"]
    assert head.status_code == 200 and head.headers["Content-Length"] == "20000" and head.headers["Accept-Ranges"] == "bytes" and head.content == b""
    rows = [
        ({"Range": "bytes=0-99"}, 206, content[:100]), ({"Range": "bytes=19900-"}, 206, content[19900:]), ({"Range": "bytes=-1"}, 206, content[-1:]),
        ({"Range": "bytes=5-1000000"}, 206, content[5:]), ({"Range": "bytes=20000-"}, 416, None), ({"Range": "bytes=9-5"}, 200, content),
        ({"Range": "bytes=0-1,4-5"}, 200, content), ({"Range": "lines=0-1"}, 200, content),
        ({"Range": "bytes=0-99", "If-Range": tag}, 206, content[:100]), ({"Range": "bytes=0-99", "If-Range": '"another"'}, 200, content),
        ({"Range": "bytes=0-99", "If-Range": "Tue, 24 Nov 2026 00:00:00 GMT"}, 200, content),
        ({"If-None-Match": tag}, 304, b""), ({"If-None-Match": '"another"'}, 200, content),
    ]
    for headers, status, body in rows:
        got = requests.get(url, headers=headers)
        assert got.status_code == status, headers
        if body is not None:
            assert got.content == body, headers
        if status == 206:
            assert got.headers["Content-Range"].startswith("bytes ") and got.headers["Content-Range"].endswith("/20000") and got.headers["ETag"] == tag
        if status == 416:
            assert got.headers["Content-Range"] == "bytes */20000" and got.json()["code"] == "RANGE_NOT_SATISFIABLE"


@pytest.mark.parametrize("settings,name,kind", [({"type": "image", "codec": "image_png", "frames": 1}, ".png", "image/png"), ({"codec": "prores"}, ".mov", "video/quicktime")])
def test_content_type_by_extension(server, settings, name, kind):
    job = server.render({"settings": settings}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    got = requests.get(job["outputUrl"])
    assert got.headers["Content-Type"] == kind and parts(job["outputUrl"])[1].endswith(name)


def test_with_a_token_by_id(server, rendered):
    job, content = rendered
    assert server.call("GET", f"/jobs/{job['id']}/output").content == content
    assert server.call("GET", f"/jobs/{job['id']}/output", token="").status_code == 401
    assert server.call("GET", f"/jobs/{job['id']}/output", token=server.team("out-" + os.urandom(4).hex())).status_code == 404


# --- how long it is kept ---

def edit(server, sql, *values):
    db = sqlite3.connect(next((server.data / "db").glob("*.db")))
    db.execute(sql, values)
    db.commit()
    db.close()


def spool(server):
    return sorted(p.name for p in (server.data / "spool").iterdir())


def test_outputs_go_after_keep_outputs_days(fresh):
    s = fresh(*OPEN, "--keep-outputs", "2")
    old, young = (s.render({}, 'echo x > "$SAFELIGHT_OUTPUT"\n') for _ in range(2))
    s.stop()
    edit(s, "UPDATE jobs SET finished_at_ms = ? WHERE id = ?", int((time.time() - 2 * 86400 - 5) * 1000), old["id"])
    edit(s, "UPDATE jobs SET finished_at_ms = ? WHERE id = ?", int((time.time() - 2 * 86400 + 600) * 1000), young["id"])
    s.restart()
    until(lambda: spool(s) == [young["id"] + ".out"], 15, "the old output's removal")
    got = requests.get(old["outputUrl"])
    assert got.status_code == 410 and got.json()["code"] == "GONE" and "not kept" in got.json()["error"]
    assert s.call("GET", f"/jobs/{old['id']}/output").status_code == 410
    assert requests.get(young["outputUrl"]).status_code == 200
    assert s.job(old["id"])["status"] == "finished"


def test_zero_days_are_for_ever(fresh):
    s = fresh(*OPEN, "--keep-outputs", "0")
    job = s.render({}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    s.stop()
    edit(s, "UPDATE jobs SET finished_at_ms = 1")
    s.restart()
    second = s.render({}, 'echo x > "$SAFELIGHT_OUTPUT"\n')  # by then the sweep at the start is over
    assert spool(s) == sorted([job["id"] + ".out", second["id"] + ".out"])
    assert requests.get(s.job(job["id"])["outputUrl"]).status_code == 200


# --- room ---

def test_no_job_is_handed_out_when_the_spool_is_nearly_full(fresh):
    s = fresh(*OPEN, "--spool-max-bytes", "100000")
    worker = s.new_token("worker")
    assert s.call("GET", "!/readyz", token="").json() == {"status": "ready", "spool": "ok", "reasons": []}
    job = s.render({}, 'head -c 90000 /dev/zero > "$SAFELIGHT_OUTPUT"\n')
    assert job["status"] == "finished"

    s.submit({"engine": "any"})
    got = s.call("POST", "/worker/lease", {"engines": "any"}, token=worker)
    assert got.status_code == 503
    assert got.json()["code"] == "SPOOL_FULL" and "nearly full" in got.json()["error"]
    assert s.call("GET", "!/readyz", token="").json()["spool"] == "full"
    (s.data / "spool" / (job["id"] + ".out")).unlink()
    until(lambda: s.call("POST", "/worker/lease", {"engines": "any"}, token=worker).status_code == 200, 5)


@pytest.mark.parametrize("size,status", [(100000, 201), (100001, 503)])
def test_an_upload_that_does_not_fit_is_refused_at_its_beginning(fresh, size, status):
    s = fresh(*OPEN, "--spool-max-bytes", "100000")
    lease, _ = lease_for(s, {}, token=s.new_token("worker"))
    got = requests.put(lease["output"]["url"], data=bytes(size))
    assert got.status_code == status, got.text
    if status == 503:
        assert got.json()["code"] == "STORE_FULL" and spool(s) == []
        assert requests.put(lease["output"]["url"], data=b"smaller").status_code == 201  # the address is as it was


def test_too_little_free_where_it_lies(fresh):
    s = fresh(*OPEN, "--spool-min-free-bytes", str(2**62))
    got = s.call("POST", "/worker/lease", {"engines": "any"}, token=s.new_token("worker"))
    assert got.status_code == 503 and got.json()["code"] == "SPOOL_FULL"
    assert s.call("GET", "!/readyz", token="").json()["spool"] == "full"


def test_an_upload_that_outlived_its_lease_replaces_nothing(fresh):
    """The race of a stalled worker: its bytes are there, its lease is another's by now."""
    s = fresh(*OPEN, "--lease-ms", "3000")
    worker = s.new_token("worker")
    first, _ = lease_for(s, {}, token=worker)

    def slow():
        yield b"stale" * 1000
        until(lambda: s.job(first["job"]["id"])["status"] == "queued", 15)
        second = s.call("POST", "/worker/lease", {"engines": first["job"]["engine"]}, token=worker).json()
        assert requests.put(second["output"]["url"], data=b"the second's").status_code == 201
        yield b"stale"
    got = requests.put(first["output"]["url"], data=slow())
    assert got.status_code in (409, 410), got.text
    assert (s.data / "spool" / (first["job"]["id"] + ".out")).read_bytes() == b"the second's"
    assert len(spool(s)) == 1
