"""The Secrets API, conformance checks 1 to 16 of the vendor's contract, and what refuses."""
import concurrent.futures
import json
import re

import pytest

from conftest import canary

ULID = re.compile(r"^[0-9A-HJKMNP-TV-Z]{26}$")
DATE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
SEED_SENTENCE = "A secret with this name already exists in your team"


def check_error(answer, status, code=None):
    assert answer.status_code == status, answer.text
    assert "json" in answer.headers["Content-Type"]
    body = answer.json()
    assert isinstance(body["error"], str) and body["error"]
    if code:
        assert body["code"] == code
    for d in body.get("details", []):
        assert isinstance(d["field"], str) and isinstance(d["message"], str)
    return body


def test_01_empty_list_is_an_array(fresh):
    s = fresh()
    answer = s.call("GET", "/secrets")
    assert answer.status_code == 200 and "json" in answer.headers["Content-Type"]
    assert answer.text == "[]"


def test_02_03_04_put_answers_201_and_lists_without_the_value(server, unique):
    value = canary()
    answer = server.put(unique, value)
    assert answer.status_code == 201 and "json" in answer.headers["Content-Type"]
    body = answer.json()
    assert ULID.match(body["id"]) and body["name"] == unique and DATE.match(body["createdAt"])
    assert value not in answer.text and value not in str(answer.headers)
    listed = server.call("GET", "/secrets")
    row = next(r for r in listed.json() if r["name"] == unique)
    assert row["id"] == body["id"] and DATE.match(row["createdAt"]) and DATE.match(row["updatedAt"]) and row["version"] == 1
    assert value not in listed.text and value not in str(listed.headers)


def test_05_same_name_again_is_409_with_the_documents_sentence(server, unique):
    first = server.put(unique, canary()).json()
    value = canary()
    body = check_error(server.put(unique, value), 409, "SECRET_ALREADY_EXISTS")
    assert body["error"] == SEED_SENTENCE
    assert next(r for r in server.secrets() if r["name"] == unique) == {**first, "version": 1, "updatedAt": first["createdAt"]}
    assert value not in json.dumps(body)


@pytest.mark.parametrize("body, field", [
    ({"value": "x"}, "name"), ({"name": "A_B"}, "value"), ({"name": 7, "value": "x"}, "name"), ({"name": "A_B", "value": 7}, "value"),
    ({"name": "A_B", "value": None}, "value"), ({"name": None, "value": "x"}, "name"), ({"name": "", "value": "x"}, "name"),
    ({"name": "A_B", "value": ""}, "value"), ({"name": "A_B", "value": ["x"]}, "value"), ({"name": "A_B", "value": {"a": 1}}, "value"),
    ({"name": "a b", "value": "x"}, "name"), ({"name": "ａws", "value": "x"}, "name"), ({"name": "А", "value": "x"}, "name"),
    ({"name": "x\u200d", "value": "x"}, "name"), ({"name": "x\n", "value": "x"}, "name"), ({"name": "x}", "value": "x"}, "name"),
    ({"name": "n" * 129, "value": "x"}, "name"), ({"name": "R_T", "value": "x" * 20, "rotate": "yes"}, "rotate"),
])
def test_06_invalid_members_are_400_and_named(server, body, field):
    before = server.secrets()
    got = check_error(server.call("PUT", "/secrets", body), 400)
    assert field in [d["field"].lstrip("/") for d in got["details"]]
    assert server.secrets() == before


def test_06_name_of_128_is_accepted(server):
    assert server.put("n" * 128, canary()).status_code == 201


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b'"x"', b"null", b"7", b'{"name":"A","value":"x"', b'{"name":"A","value":"x"}x', b"\xef\xbb\xbf{}", b"{'a':1}",
    b'{"name":"A","value":"x",}', b'{"name":"A","name":"B","value":"x"}', b'{"name":"A","n\\u0061me":"B","value":"x"}',
    b'{"name":"A","value":"\\ud800"}', b'{"name":"A","value":"\xc0\x80"}', b'{"name":"A","value":"\\u0000"}', b'{"name":"A","value":"a\x00b"}',
    b'{"name":"A","value":NaN}', b'{"name":"A","value":"x","n":1e400}', b"[" * 100000, b'{"a":' * 70 + b"1" + b"}" * 70,
])
def test_07_abuse_006_008_009_malformed_json_is_400(server, body):
    before = server.secrets()
    check_error(server.call("PUT", "/secrets", body, headers={"Content-Type": "application/json"}), 400)
    assert server.secrets() == before


def test_abuse_010_malformed_body_is_not_quoted(server):
    value = canary()
    answer = server.call("PUT", "/secrets", f'{{"name":"X","value":"{value}'.encode(), headers={"Content-Type": "application/json"})
    check_error(answer, 400)
    assert value not in answer.text and value[:8] not in answer.text
    assert value not in server.log()


def test_09_value_of_64_kib_is_accepted_and_one_more_is_refused(server, unique):
    assert server.put(unique + "a", "v" * 65536).status_code == 201
    # every byte escaped, as a Go client may send it
    escaped = ('{"name":"%s","value":"%s"}' % (unique + "b", "\\u003c" * 65536)).encode()
    assert server.call("PUT", "/secrets", escaped, headers={"Content-Type": "application/json"}).status_code == 201
    answer = server.put(unique + "c", "v" * 65537)
    assert answer.status_code in (400, 413)
    check_error(answer, answer.status_code)
    assert unique + "c" not in [r["name"] for r in server.secrets()]


def test_10_delete_then_create_again_gets_a_new_id(server, unique):
    first = server.put(unique, canary()).json()["id"]
    gone = server.call("DELETE", f"/secrets/{first}")
    assert gone.status_code == 200 and gone.text in ("", "{}")
    assert unique not in [r["name"] for r in server.secrets()]
    assert server.put(unique, canary()).json()["id"] != first


@pytest.mark.parametrize("path", ["/secrets/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/secrets/nonsense", "/secrets/%00", "/secrets/a%2Fb", "/secrets/" + "x" * 500])
def test_11_delete_of_what_is_not_there_is_404(server, path):
    check_error(server.call("DELETE", path), 404)


def test_12_percent_encoded_id_is_decoded(server, unique):
    made = server.put(unique, canary()).json()["id"]
    encoded = "".join("%%%02X" % ord(c) for c in made)
    assert server.call("DELETE", f"/secrets/{encoded}").status_code == 200


@pytest.mark.parametrize("path", ["/secrets/", "/secrets", "/secrets//", "/secrets/*", "/secrets/%2e%2e", "/secrets/.", "/secrets/%20"])
def test_abuse_013_delete_without_an_id_deletes_nothing(server, unique, path):
    import http.client
    server.put(unique, canary())
    before = server.secrets()
    c = http.client.HTTPConnection(server.host, server.port, timeout=30)
    c.putrequest("DELETE", "/api/v2" + path)  # as written: no client normalises it
    c.putheader("Authorization", f"Bearer {server.token}")
    c.endheaders()
    assert c.getresponse().status in (404, 405)
    assert server.secrets() == before


ROUTES = [("GET", "/secrets"), ("PUT", "/secrets"), ("DELETE", "/secrets/01ARZ3NDEKTSV4RRFFQ69G5FAV"), ("GET", "/jobs"), ("POST", "/jobs"),
          ("GET", "/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV"), ("GET", "/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV/logs"), ("GET", "/tokens"), ("POST", "/worker/lease")]


@pytest.mark.parametrize("method, path", ROUTES)
def test_13_without_or_with_a_wrong_token_401(server, method, path):
    good = server.token
    changed = good[:-10] + ("A" if good[-10] != "A" else "B") + good[-9:]
    for headers in ({}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "}, {"Authorization": f"Basic {good}"},
                    {"Authorization": good}, {"Authorization": f"bearer{good}"}, {"Authorization": f"Bearer {good} {good}"},
                    {"Authorization": f"Bearer {good},{good}"}, {"Authorization": f"Bearer {good.lower()}"}, {"Authorization": f"Bearer {changed}"},
                    {"Authorization": "Bearer " + "x" * 4000}):
        answer = server.call(method, path, token="", headers=headers)
        check_error(answer, 401)
        assert "bearer" in answer.headers["WWW-Authenticate"].lower()


def test_abuse_005_401_comes_before_the_body_is_read(server):
    import socket
    with socket.create_connection((server.host, server.port), timeout=30) as c:
        c.sendall(b"PUT /api/v2/secrets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n")
        assert b" 401 " in c.recv(4096).split(b"\r\n")[0]


def test_14_abuse_025_teams_do_not_see_each_other(server, unique):
    other = server.team("other" + unique[2:])
    mine = server.put(unique, canary()).json()
    theirs = server.put(unique, canary(), token=other).json()
    assert mine["id"] != theirs["id"]
    assert [r["id"] for r in server.secrets(token=other)] == [theirs["id"]]
    not_mine = server.call("DELETE", f"/secrets/{theirs['id']}")
    not_there = server.call("DELETE", "/secrets/01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert (not_mine.status_code, not_mine.json()) == (not_there.status_code, not_there.json())
    assert len(server.secrets(token=other)) == 1


def test_15_errors_and_logs_hold_no_value(server, unique):
    value = canary()
    server.put(unique, canary())
    for body in ({"name": unique, "value": value}, {"name": "a b", "value": value}, {"name": unique, "value": value, "rotate": 3}):
        assert value not in server.call("PUT", "/secrets", body).text
    assert server.places_of(value) == []


@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_16_abuse_012_other_methods(server, method):
    answer = server.call(method, "/secrets", headers={"X-HTTP-Method-Override": "DELETE"})
    assert answer.status_code in (404, 405, 501)
    assert isinstance(answer.json()["error"], str)
    assert server.token not in answer.text


def test_also_without_the_prefix(server, unique):
    assert server.call("PUT", "!/secrets", {"name": unique, "value": canary()}).status_code == 201
    assert unique in [r["name"] for r in server.call("GET", "!/secrets").json()]


def test_rotation_when_asked_for(server, unique):
    first = server.put(unique, canary()).json()
    answer = server.put(unique, canary(), rotate=True)
    assert answer.status_code == 201
    second = answer.json()
    assert second["id"] == first["id"] and second["version"] == 2 and second["createdAt"] == first["createdAt"]
    row = next(r for r in server.secrets() if r["name"] == unique)
    assert row["version"] == 2 and row["updatedAt"] >= row["createdAt"]
    assert server.put(unique, canary()).status_code == 409


def test_rotate_of_a_new_name_creates_it(server, unique):
    answer = server.put(unique, canary(), rotate=True)
    assert answer.status_code == 201 and answer.json()["version"] == 1


def test_team_setting_makes_put_rotate(server, unique):
    token = server.team("rot" + unique[2:])
    server.operator("team", "set", "rot" + unique[2:], "--put-existing", "rotate", check=True)
    assert server.put(unique, canary(), token=token).json()["version"] == 1
    assert server.put(unique, canary(), token=token).json()["version"] == 2
    server.operator("team", "set", "rot" + unique[2:], "--put-existing", "refuse", check=True)
    assert server.put(unique, canary(), token=token).status_code == 409


def test_abuse_031_case_variants_are_refused(server, unique):
    server.put(unique, canary())
    assert server.put(unique.lower(), canary()).status_code == 409
    assert server.put(unique.replace("_", "-"), canary()).status_code == 201


def test_abuse_097_parallel_puts_of_one_name_make_one(server, unique):
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        codes = list(pool.map(lambda _: server.put(unique, canary()).status_code, range(200)))
    assert sorted(set(codes)) == [201, 409] and codes.count(201) == 1


def test_parallel_rotations_count_every_version(server, unique):
    server.put(unique, canary())
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: server.put(unique, canary(), rotate=True), range(60)))
    done = sorted(a.json()["version"] for a in answers if a.status_code == 201)
    assert done == list(range(2, 2 + len(done))) and len(done) == 60


def test_abuse_007_encoded_body_is_415(server, unique):
    answer = server.call("PUT", "/secrets", b"\x1f\x8b\x08", headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})
    check_error(answer, 415)


def test_abuse_011_value_in_the_query_is_refused_and_not_logged(server, unique):
    value = canary()
    answer = server.call("PUT", f"/secrets?value={value}", {"name": unique, "value": canary()})
    check_error(answer, 400)
    assert unique not in [r["name"] for r in server.secrets()]
    assert value not in server.log()


def test_abuse_062_list_says_nothing_about_values(server, unique):
    server.put(unique + "a", "same-value-same-value")
    server.put(unique + "b", "same-value-same-value")
    rows = {r["name"]: r for r in server.secrets() if r["name"].startswith(unique)}
    assert set(rows[unique + "a"]) == {"id", "name", "createdAt", "version", "updatedAt", "lastUsedAt"}


def test_every_answer_has_a_request_id_and_is_not_cached(server):
    for method, path in [("GET", "/secrets"), ("GET", "/nothing"), ("DELETE", "/secrets/x")]:
        answer = server.call(method, path)
        assert answer.headers["X-Request-Id"] and answer.headers["Cache-Control"] == "no-store"


def test_abuse_019_values_and_tokens_are_nowhere_on_disk(fresh):
    s = fresh()
    value = canary()
    assert s.put("K", value).status_code == 201
    assert s.put("K", value + "2", rotate=True).status_code == 201
    s.call("DELETE", "/secrets/" + s.secrets()[0]["id"])
    s.put("L", value)
    assert s.places_of(value) == []
    assert s.places_of(s.token) == [] and s.places_of(s.token[-49:-6]) == []
    s.stop()
    assert s.places_of(value) == [] and s.places_of(s.token) == []
