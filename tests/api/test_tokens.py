"""Tokens and teams: roles, expiry, revocation, reach, guessing, and the operator's socket."""
import concurrent.futures
import http.client
import os
import re
import sqlite3
import stat

import pytest

from conftest import ROOT, canary, refused_in_the_end, until
from test_secrets import check_error

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
MAY = {"ADMIN": {"admin"}, "SECRETS_LIST": {"admin", "editor"}, "SECRETS_MANAGE": {"admin", "editor"},
       "JOBS_SUBMIT": {"admin", "editor", "submit"}, "JOBS_READ": {"admin", "editor", "submit"},
       "LIBRARY": {"admin", "editor"}, "WORKER": {"admin", "worker"}, "AUDIT": {"admin", "audit"},
       "FARM": {"admin", "editor", "submit", "worker"}, "CONSOLE": {"admin", "editor"},
       "ANY": {"admin", "editor", "submit", "worker", "audit"}}
DATABASE = "db/safelight.db"
ROLES = ["admin", "editor", "submit", "worker", "audit"]


def routes():
    text = (ROOT / "src/api/routes.def").read_text()
    return re.findall(r'^ROUTE\("(\w+)", "([^"]+)", \w+, [^,]+, SCOPE_(\w+), \w+\)', text, re.M)


def filled(pattern):
    return re.sub(r"{\w+}", ULID, pattern)


@pytest.fixture(scope="module")
def role_tokens(server):
    server.team("roles")
    return {role: server.new_token(role, team="roles") for role in ROLES}


def test_the_table_of_routes_is_read_whole():
    text = (ROOT / "src/api/routes.def").read_text()
    assert len(routes()) == text.count("\nROUTE(") > 25
    assert {scope for _, _, scope in routes()} == set(MAY) | {"NONE", "OPERATOR"}


@pytest.mark.parametrize("method, pattern, scope", [r for r in routes() if r[2] in MAY])
def test_abuse_023_every_role_at_every_route(server, role_tokens, method, pattern, scope):
    body = {"engines": "no-engine-of-anyone"} if pattern == "/worker/lease" else {} if method in ("PUT", "POST", "PATCH") else None
    for role in ROLES:
        answer = server.call(method, filled(pattern), body, token=role_tokens[role])
        if role in MAY[scope]:
            assert answer.status_code not in (401, 403), (role, answer.text)
        elif pattern.startswith("!/api/v1/"):  # so its workers know it
            assert answer.status_code == 403 and answer.headers["Content-Type"].startswith("text/plain")
        else:
            check_error(answer, 403, "FORBIDDEN")


@pytest.mark.parametrize("method, pattern, scope", [r for r in routes() if r[2] == "OPERATOR"])
def test_operator_routes_are_not_on_the_network(server, method, pattern, scope):
    for path in (pattern, "!/api/v2" + pattern.lstrip("!")):
        answer = server.call(method, filled(path), {} if method in ("POST", "PATCH") else None)
        assert answer.status_code == 404, answer.text


def test_abuse_023_a_refusal_does_not_say_whether_a_name_exists(server, role_tokens, unique):
    made = server.call("PUT", "/secrets", {"name": unique, "value": canary()}, token=role_tokens["admin"]).json()
    there = server.call("DELETE", "/secrets/" + made["id"], token=role_tokens["submit"])
    not_there = server.call("DELETE", "/secrets/" + ULID, token=role_tokens["submit"])
    assert there.status_code == not_there.status_code == 403 and there.json() == not_there.json()
    again = server.call("PUT", "/secrets", {"name": unique, "value": canary()}, token=role_tokens["submit"])
    new = server.call("PUT", "/secrets", {"name": unique + "x", "value": canary()}, token=role_tokens["submit"])
    assert again.status_code == new.status_code == 403 and again.json() == new.json()


def test_a_new_token_is_shown_once_and_a_list_never_shows_it(server):
    made = server.call("POST", "/tokens", {"role": "submit", "name": "ci"})
    assert made.status_code == 201
    body = made.json()
    assert re.fullmatch(r"slt_sub_[0-9A-Za-z]{14}_[0-9A-Za-z]{49}", body["token"])
    listed = server.call("GET", "/tokens")
    row = next(r for r in listed.json() if r["id"] == body["id"])
    assert row["role"] == "submit" and row["name"] == "ci" and row["lastUsedAt"] is None and row["revokedAt"] is None
    for token in (body["token"], server.token):
        assert token not in listed.text and token.split("_")[-1] not in listed.text
    assert not any("hash" in key.lower() or key == "token" for key in row)


def test_last_use_appears(server):
    body = server.call("POST", "/tokens", {"role": "submit"}).json()
    assert server.call("GET", "/jobs?limit=1", token=body["token"]).status_code == 200
    until(lambda: next(r for r in server.call("GET", "/tokens").json() if r["id"] == body["id"])["lastUsedAt"], 5)


@pytest.mark.parametrize("body, field", [
    ({}, "role"), ({"role": "root"}, "role"), ({"role": "ADMIN"}, "role"), ({"role": 7}, "role"), ({"role": "operator"}, "role"),
    ({"role": "submit", "expiresInDays": 0}, "expiresInDays"), ({"role": "submit", "expiresInDays": -1}, "expiresInDays"),
    ({"role": "submit", "expiresInDays": 3651}, "expiresInDays"), ({"role": "submit", "expiresInDays": 1.5}, "expiresInDays"),
    ({"role": "submit", "expiresInDays": "7"}, "expiresInDays"), ({"role": "submit", "expiresInDays": 10**30}, "expiresInDays"),
    ({"role": "submit", "names": ""}, "names"), ({"role": "submit", "names": "a*b"}, "names"), ({"role": "submit", "names": "**"}, "names"),
    ({"role": "submit", "names": "a b"}, "names"), ({"role": "submit", "names": "n" * 129}, "names"),
    ({"role": "submit", "name": "n" * 65}, "name"), ({"role": "submit", "name": "a\nb"}, "name"),
])
def test_bad_wishes_are_refused_and_named(server, body, field):
    before = len(server.call("GET", "/tokens").json())
    got = check_error(server.call("POST", "/tokens", body), 400)
    assert field in [d["field"].lstrip("/") for d in got["details"]]
    assert len(server.call("GET", "/tokens").json()) == before


@pytest.mark.parametrize("days", [1, 3650])
def test_expiry_at_its_limits(server, days):
    body = server.call("POST", "/tokens", {"role": "submit", "expiresInDays": days}).json()
    assert server.call("GET", "/jobs?limit=1", token=body["token"]).status_code == 200
    assert body["expiresAt"] > body["createdAt"]


def test_expiry_on_the_command_line(server):
    for flag, code in (("1", 0), ("3650", 0), ("90d", 0), ("3651", 9), ("0", 9), ("soon", 2), ("", 2), ("-5", 2)):
        done = server.operator("token", "create", "--team", "studio", "--role", "submit", "--expires", flag)
        assert done.returncode == code or (code and done.returncode in (2, 9)), (flag, done.returncode, done.stderr)
        assert bool(done.stdout.strip()) == (code == 0)


def test_an_expired_token_is_refused(fresh):
    s = fresh()
    token = s.new_token("submit", expires="1")
    assert s.call("GET", "/jobs?limit=1", token=token).status_code == 200
    s.stop()
    with sqlite3.connect(s.data / DATABASE) as db:
        assert db.execute("UPDATE tokens SET expires_at_ms = created_at_ms + 1 WHERE id = ?", (token.split("_")[2],)).rowcount == 1
    db.close()
    s.start()
    expired = s.call("GET", "/jobs?limit=1", token=token)
    unknown = s.call("GET", "/jobs?limit=1", token="x")
    assert expired.status_code == 401 and expired.json() == unknown.json()


def test_revocation_counts_at_once_also_while_cached(server):
    for _ in range(10):
        body = server.call("POST", "/tokens", {"role": "editor"}).json()
        for _ in range(3):
            assert server.call("GET", "/secrets", token=body["token"]).status_code == 200
        assert server.call("DELETE", "/tokens/" + body["id"]).status_code == 200
        answer = server.call("GET", "/secrets", token=body["token"])
        check_error(answer, 401)
    row = next(r for r in server.call("GET", "/tokens").json() if r["id"] == body["id"])
    assert row["revokedAt"]
    assert server.call("DELETE", "/tokens/" + body["id"]).status_code == 200  # again: nothing changes
    assert [r for r in server.audit(event="token.revoked") if r["subject"] == body["id"]][1:] == []


@pytest.mark.parametrize("token_id", [ULID, "x", "%00", "a%2Fb", "0" * 14, "0" * 500])
def test_revoking_what_is_not_there_is_404(server, token_id):
    check_error(server.call("DELETE", "/tokens/" + token_id), 404)


def test_abuse_025_tokens_of_another_team_are_404(server, unique):
    other = server.team("tok" + unique[2:])
    theirs = server.call("POST", "/tokens", {"role": "submit"}, token=other).json()
    not_mine = server.call("DELETE", "/tokens/" + theirs["id"])
    not_there = server.call("DELETE", "/tokens/" + "0" * 14)
    assert (not_mine.status_code, not_mine.json()) == (not_there.status_code, not_there.json()) and not_mine.status_code == 404
    assert server.call("GET", "/jobs?limit=1", token=theirs["token"]).status_code == 200
    assert theirs["id"] not in server.call("GET", "/tokens").text
    assert unique not in server.call("GET", "/audit?limit=1000", token=other).text


def test_abuse_027_a_token_makes_nothing_broader_or_longer_lived(server):
    parent = server.call("POST", "/tokens", {"role": "admin", "names": "prod/*", "expiresInDays": 10}).json()
    for wish in ({"role": "submit", "names": "*"}, {"role": "submit", "names": "pro*"}, {"role": "submit", "names": "dev/x"},
                 {"role": "admin", "expiresInDays": 11}, {"role": "submit", "names": "prod/*", "expiresInDays": 3650}):
        check_error(server.call("POST", "/tokens", wish, token=parent["token"]), 403)
    child = server.call("POST", "/tokens", {"role": "admin"}, token=parent["token"]).json()
    assert child["names"] == "prod/*" and child["expiresAt"] <= parent["expiresAt"]
    narrower = server.call("POST", "/tokens", {"role": "submit", "names": "prod/eu/*", "expiresInDays": 9}, token=parent["token"])
    assert narrower.status_code == 201
    for role in ("editor", "submit", "worker", "audit"):
        token = server.new_token(role)
        check_error(server.call("POST", "/tokens", {"role": role}, token=token), 403)


def test_a_name_pattern_bounds_what_a_token_touches(server, unique):
    token = server.call("POST", "/tokens", {"role": "admin", "names": f"{unique}/*"}).json()["token"]
    outside = server.put(unique + "out", canary()).json()
    assert server.put(f"{unique}/in", canary(), token=token).status_code == 201
    check_error(server.put(unique + "other", canary(), token=token), 403)
    check_error(server.put(unique + "out", canary(), token=token, rotate=True), 403)
    assert server.call("DELETE", "/secrets/" + outside["id"], token=token).status_code in (403, 404)
    assert [r["name"] for r in server.secrets(token=token)] == [f"{unique}/in"]
    template = {"id": "X", "src": "https://example.com/t.aep"}
    bad = server.submit({"template": template, "webhook": {"url": "https://e.com/${secret.%sout}" % unique}}, token=token)
    none = server.submit({"template": template, "webhook": {"url": "https://e.com/${secret.%snone}" % unique}}, token=token)
    assert check_error(bad, 400)["details"] == check_error(none, 400)["details"]
    good = server.submit({"template": template, "webhook": {"url": "https://e.com/${secret.%s/in}" % unique}}, token=token)
    assert good.status_code == 201


def test_abuse_028_two_authorization_headers_are_refused(server):
    for first, second in ((server.token, server.token), (server.token, "x"), ("x", server.token)):
        c = http.client.HTTPConnection(server.host, server.port, timeout=30)
        c.putrequest("GET", "/api/v2/secrets")
        c.putheader("Authorization", f"Bearer {first}")
        c.putheader("Authorization", f"Bearer {second}")
        c.endheaders()
        assert c.getresponse().status in (400, 401)
        c.close()


def test_abuse_029_guessing_is_slowed_and_valid_tokens_are_not(fresh):
    s = fresh()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        guesses = [pool.submit(s.call, "GET", "/secrets", token="slt_adm_%014d_%049d" % (i, i)) for i in range(500)]
        valid = [s.call("GET", "/secrets").status_code for _ in range(60)]
        codes = [g.result().status_code for g in guesses]
    assert set(codes) <= {401, 429} and codes.count(401) >= 250
    assert set(valid) == {200}
    heard = refused_in_the_end(s, b"GET /api/v2/secrets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer slt_adm_x\r\n\r\n")
    assert b'"code":"TOO_MANY_REQUESTS"' in heard
    assert s.call("GET", "/secrets").status_code == 200


@pytest.mark.parametrize("addresses, status", [("127.0.0.0/8", 200), ("127.0.0.1", 200), ("10.0.0.0/8,127.0.0.1", 200), ("0.0.0.0/0", 200),
                                               ("10.0.0.0/8", 401), ("127.0.0.2", 401), ("::1", 401)])
def test_a_token_is_valid_from_its_addresses_alone(server, addresses, status):
    token = server.new_token("editor", addresses=addresses)
    for _ in range(2):  # from the store, then from the cache
        assert server.call("GET", "/secrets", token=token).status_code == status
    assert addresses in [t["addresses"] for t in server.call("GET", "/tokens").json()]


@pytest.mark.parametrize("addresses", ["x", "10.0.0.0/33", "10.0.0.0/8,", "localhost", "1.2.3.4/8/8", "10.0.0.1," * 26, 7])
def test_odd_addresses_are_refused(server, addresses):
    body = check_error(server.call("POST", "/tokens", {"role": "editor", "addresses": addresses}), 400)
    assert [d["field"] for d in body["details"]] == ["addresses"]


def test_abuse_027_a_token_makes_none_for_more_addresses(server):
    maker = server.new_token("admin", addresses="127.0.0.0/8,::1")
    for addresses, status in (("127.0.0.1", 201), ("::1,127.1.0.0/16", 201), ("", 403), ("0.0.0.0/0", 403), ("127.0.0.1,10.0.0.1", 403)):
        assert server.call("POST", "/tokens", {"role": "submit", "addresses": addresses}, token=maker).status_code == status
    assert server.call("POST", "/tokens", {"role": "submit"}, token=maker).json()["addresses"] == "127.0.0.0/8,::1"


def test_abuse_020_tokens_are_nowhere_in_files_or_logs(fresh):
    s = fresh()
    tokens = [s.token, s.new_token("submit"), s.call("POST", "/tokens", {"role": "editor"}).json()["token"], s.team("other")]
    for token in tokens:
        s.call("GET", "/jobs?limit=1", token=token)
        s.call("GET", "/jobs/" + token, token=token)
        s.call("GET", f"/jobs?token={token}")
        s.call("GET", "/secrets", token=token[:-1])
    s.stop()
    for token in tokens:
        assert s.places_of(token) == [] and s.places_of(token.split("_")[-1][:43]) == []
        assert s.places_of(token.split("_")[2]) != []  # but the public part may be found


# --- teams and the operator ---

def test_the_operators_socket_and_folder_are_private(server):
    sock = os.lstat(server.data / "safelight.sock")
    assert stat.S_ISSOCK(sock.st_mode) and stat.S_IMODE(sock.st_mode) == 0o600
    for path in (server.data, server.data / "db", server.data / "spool"):
        assert stat.S_IMODE(os.lstat(path).st_mode) == 0o700
    for path in [p for p in server.data.rglob("*") if p.is_file()]:
        assert stat.S_IMODE(os.lstat(path).st_mode) & 0o077 == 0, path


@pytest.mark.parametrize("name", ["root", "operator", "ROOT", "Root", ".", "..", "%00", "a b", "-a", "_a", "ä", "rооt", "a/b", "a\nb", "n" * 65, "n" * 255, ""])
def test_abuse_026_odd_team_names_are_refused(server, name):
    before = server.operator("team", "list", "--json", check=True).stdout
    done = server.operator("team", "create", name)
    assert done.returncode in (2, 9) and done.stdout == ""
    assert server.operator("team", "list", "--json", check=True).stdout == before


def test_team_names_at_the_limit_and_twice(server, unique):
    for name in ("t" + unique[2:].ljust(63, "x"), unique[2:3].lower() + "-_" + unique[2:]):
        assert server.team(name).startswith("slt_adm_")
        assert name in server.operator("team", "list", check=True).stdout
        assert server.operator("team", "create", name).returncode == 5


def test_abuse_030_a_deleted_team_is_gone_with_its_key(fresh):
    s = fresh()
    token = s.team("short")
    value = canary()
    made = s.put("K", value, token=token).json()
    job = s.submit({"engine": "none-such", "webhook": {"url": "https://e.com/${secret.K}"}}, token=token).json()
    team_id = s.call("GET", "/team", token=token).json()["id"]
    refused = s.operator("team", "delete", "short")
    assert refused.returncode == 2 and s.call("GET", "/secrets", token=token).status_code == 200
    s.operator("team", "delete", "short", "--yes", check=True)
    assert s.call("GET", "/secrets", token=token).status_code == 401
    assert "short" not in s.operator("team", "list", check=True).stdout
    assert s.operator("team", "delete", "short", "--yes").returncode == 4
    again = s.team("short")
    assert s.secrets(token=again) == [] and s.call("GET", "/jobs", token=again).json() == []
    assert s.call("GET", "/jobs/" + job["id"], token=again).status_code == 404
    assert s.call("DELETE", "/secrets/" + made["id"], token=again).status_code == 404
    s.stop()
    with sqlite3.connect(s.data / DATABASE) as db:
        tables = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        assert "audit" in tables
        for table in tables:
            columns = [c[1] for c in db.execute(f"PRAGMA table_info({table})")]
            if "team_id" in columns and not table.startswith("audit"):
                assert db.execute(f"SELECT count(*) FROM {table} WHERE team_id = ?", (team_id,)).fetchone()[0] == 0, table
    db.close()


def test_operator_commands_work_only_with_a_server(fresh):
    s = fresh()
    s.stop()
    done = s.operator("team", "list")
    assert done.returncode == 6 and "serve" in done.stderr


def test_the_operator_lists_and_revokes_tokens(server, unique):
    team = "op" + unique[2:]
    server.team(team)
    token = server.new_token("submit", team=team, name="farm")
    listed = server.operator("token", "list", "--team", team, check=True).stdout
    assert token.split("_")[2] in listed and "farm" in listed and token.split("_")[-1] not in listed
    server.operator("token", "revoke", token.split("_")[2], "--team", team, check=True)
    assert server.call("GET", "/jobs", token=token).status_code == 401
    assert server.operator("token", "revoke", "0" * 14, "--team", team).returncode == 4
    assert server.operator("token", "create", "--team", "none-such", "--role", "submit").returncode == 4
    assert server.operator("token", "create", "--role", "submit").returncode == 2


def test_abuse_096_a_team_reads_its_own_audit_log_alone(server, unique):
    other = server.team("aud" + unique[2:])
    server.put(unique, canary(), token=other)
    own = server.new_token("audit")
    assert unique not in server.call("GET", "/audit?limit=1000", token=own).text
    theirs = server.audit(token=server.new_token("audit", team="aud" + unique[2:]))
    assert [r["sequence"] for r in theirs] == list(range(1, len(theirs) + 1))
    assert [r["event"] for r in theirs if r.get("name") == unique] == ["secret.created"]
    assert server.call("GET", "/audit?team=aud" + unique[2:], token=own).text.find(unique) == -1
    for query in ("limit=0", "limit=1001", "limit=x", "after=-1", "after=x"):
        check_error(server.call("GET", "/audit?" + query, token=own), 400)
