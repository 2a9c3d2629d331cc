"""Signing in at the web console and out again: what a session is, what ends it, and where its cookie is not."""
import concurrent.futures
import json
import re
import sqlite3

import pytest

from browser import COOKIE, Browser, token_id, works
from conftest import canary, refused_in_the_end, until
from test_metrics import local
from test_secrets import check_error
from test_tokens import DATABASE


# --- signing in and out ---

@pytest.mark.parametrize("role", ["admin", "editor"])
def test_sign_in_work_and_sign_out(server, unique, role):
    token = server.new_token(role, name=unique)
    b = Browser(server)
    answer = b.sign_in(token)
    assert answer.status_code == 201
    said = answer.json()
    assert said["role"] == role and said["token"] == {"id": token_id(token), "name": unique} and said["names"] == "*"
    assert said["team"] == {"id": server.call("GET", "/team").json()["id"], "name": "studio"}
    assert answer.headers["Cache-Control"] == "no-store" and token not in answer.text
    value, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert re.fullmatch(COOKIE + "=sls_[0-9A-Z]{26}_[0-9A-Za-z]{43}", value)
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]
    assert b.cookie not in answer.text and b.cookie.split("_")[2] not in answer.text
    again = b.call("GET", "/console/session")
    assert again.status_code == 200 and again.json() == said and "Set-Cookie" not in again.headers
    made = b.call("PUT", "/api/v2/secrets", {"name": unique, "value": canary()})
    assert made.status_code == 201 and made.headers["Cache-Control"] == "no-store"
    assert unique in [s["name"] for s in b.call("GET", "/api/v2/secrets").json()]
    stolen = b.copy()
    out = b.call("DELETE", "/console/session")
    assert out.status_code == 204 and b.cookie is None and "Max-Age=0" in out.headers["Set-Cookie"]
    for browser in (b, stolen):
        check_error(browser.call("GET", "/api/v2/secrets"), 401, "UNAUTHORIZED")
        check_error(browser.call("GET", "/console/session"), 401)
        check_error(browser.call("DELETE", "/console/session"), 401)
    assert server.call("GET", "/secrets", token=token).status_code == 200  # the token itself lives on


def test_the_audit_log_names_the_token_and_why_it_ended(server, unique):
    token = server.new_token("editor", name=unique)
    b = Browser(server, token)
    b.call("PUT", "/api/v2/secrets", {"name": unique, "value": canary()})
    b.call("DELETE", "/console/session")
    rows = [r for r in server.audit() if r.get("name") == unique and r["event"] != "token.created"]
    assert [(r["event"], r["actor"], r.get("field")) for r in rows] == [
        ("session.created", token_id(token), None), ("secret.created", token_id(token), None), ("session.ended", token_id(token), "signed out")]
    assert rows[0]["subject"] == rows[2]["subject"] and all(r["address"] == "127.0.0.1" and r["requestId"] for r in rows)


@pytest.mark.parametrize("role", ["submit", "worker", "audit"])
def test_other_roles_cannot_sign_in(server, role):
    b = Browser(server)
    check_error(b.sign_in(server.new_token(role)), 403, "FORBIDDEN")
    assert b.cookie is None


def test_tokens_that_are_none_cannot_sign_in(fresh):
    s = fresh()
    good = s.new_token("editor")
    revoked = s.new_token("editor")
    s.call("DELETE", "/tokens/" + token_id(revoked))
    elsewhere = s.new_token("editor", addresses="10.0.0.0/8")
    for token in (revoked, elsewhere, good[:-1], good + "x", good.swapcase(), "Bearer " + good, "", " "):
        b = Browser(s)
        assert check_error(b.sign_in(token), 401, "UNAUTHORIZED")["error"].startswith("This is not a valid API token")
        assert b.cookie is None
    assert Browser(s).sign_in(f" {good}\n").status_code == 201  # as pasted


@pytest.mark.parametrize("body, status", [(b"", 400), (b"{}", 400), (b"[]", 400), (b'{"token":7}', 400), (b'{"token":null}', 400), (b'{"token":"x"', 400),
                                          (b'{"token":"x","token":"y"}', 400), (b'{"token":"' + b"x" * 257 + b'"}', 400), (b'{"token":"\xff"}', 400),
                                          (b'{"token":"' + b"x" * 5000 + b'"}', 413)])
def test_odd_bodies_are_refused(server, body, status):
    b = Browser(server)
    check_error(b.call("POST", "/console/session", body, Content_Type="application/json"), status)
    assert b.cookie is None


def test_abuse_014_a_form_of_another_site_cannot_sign_in(server):
    """Login CSRF: forms need no permission to be sent anywhere."""
    token = server.new_token("editor")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        check_error(Browser(server).sign_in(token, Content_Type=kind), 415)
    for origin in (None, "https://evil.example", "null"):
        check_error(Browser(server).sign_in(token, Origin=origin), 403, "CROSS_ORIGIN")


def test_abuse_a_presented_cookie_is_never_taken_up(server):
    """Fixation: what the browser had before is not what it has after."""
    token = server.new_token("editor")
    b = Browser(server)
    b.cookie = "sls_01ARZ3NDEKTSV4RRFFQ69G5FAV_" + "A" * 43
    planted = b.cookie
    assert b.sign_in(token).status_code == 201 and b.cookie != planted
    first = b.copy()
    assert b.sign_in(token).status_code == 201 and b.cookie != first.cookie and b.csrf != first.csrf
    assert works(b) and not works(first)
    assert [r["field"] for r in server.audit(event="session.ended") if r["actor"] == token_id(token)] == ["replaced by a new sign-in"]


def test_sign_ins_at_once_are_sessions_of_their_own(server):
    token = server.new_token("editor")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        browsers = list(pool.map(lambda _: Browser(server, token), range(16)))
    assert len({b.cookie for b in browsers}) == len({b.csrf for b in browsers}) == 16
    assert all(works(b) for b in browsers)
    browsers[3].call("DELETE", "/console/session")
    assert [works(b) for b in browsers] == [i != 3 for i in range(16)]


def test_the_least_used_gives_way_past_the_limit(server):
    token = server.new_token("editor")
    browsers = [Browser(server, token) for _ in range(20)]
    assert all(works(b) for b in browsers)
    more = Browser(server, token)
    assert works(more) and sum(works(b) for b in browsers) == 19
    assert len(more.call("GET", "/console/sessions").json()) == 20
    assert [r["field"] for r in server.audit(event="session.ended") if r["actor"] == token_id(token)] == ["too many of this token"]


def test_abuse_029_an_address_with_many_failures_is_locked_for_wrong_tokens_alone(fresh):
    """Behind a proxy all people have one address: whoever guesses there must not lock the others out."""
    s = fresh()
    inside, wrong = Browser(s, s.token), "slt_adm_" + "x" * 64
    revoked, worker = s.new_token("editor"), s.new_token("worker")
    s.call("DELETE", "/tokens/" + token_id(revoked))
    for _ in range(10):
        check_error(Browser(s).sign_in(wrong), 401)
    for token in (wrong, revoked, "", "slt_adm_"):
        answer = Browser(s).sign_in(token)
        check_error(answer, 429, "TOO_MANY_REQUESTS")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60 and "valid" in answer.json()["error"]
    check_error(Browser(s).sign_in(worker), 403, "FORBIDDEN")
    assert works(inside) and s.call("GET", "/secrets").status_code == 200  # neither sessions nor tokens are slowed
    assert works(Browser(s, s.token))
    assert s.log().count("console_address_locked") == 1
    counted = dict(re.findall(r'safelight_auth_failures_total{reason="(\w+)"} (\d+)', local(s.data / "safelight.sock", "/metrics")[2]))
    assert counted["unknown"] == "10" and counted["slowed"] == "4" and counted["role"] == "1"


def test_abuse_029_guessed_cookies_are_slowed(fresh):
    s = fresh()
    valid = Browser(s, s.token)

    guess = Browser(s)
    guess.cookie, guess.csrf = "sls_01ARZ3NDEKTSV4RRFFQ69G5FAV_" + "0" * 43, "x"
    assert guess.call("GET", "/console/session").status_code == 401
    refused_in_the_end(s, b"GET /console/session HTTP/1.1\r\nHost: %s:%d\r\nSec-Fetch-Site: same-origin\r\nX-Safelight-CSRF: x\r\nCookie: __Host-safelight=%s\r\n\r\n"
                       % (s.host.encode(), s.port, guess.cookie.encode()))
    assert works(valid)


# --- what ends a session ---

def test_a_revoked_token_ends_its_sessions_at_once(server, unique):
    token, other = (server.new_token("editor", name=unique) for _ in range(2))
    browsers = [Browser(server, token), Browser(server, token)]
    stays = Browser(server, other)
    assert all(works(b) for b in browsers)
    assert server.call("DELETE", "/tokens/" + token_id(token)).status_code == 200
    for b in browsers:
        check_error(b.call("GET", "/api/v2/secrets"), 401)
        check_error(b.call("PUT", "/api/v2/secrets", {"name": unique, "value": canary()}), 401)
        check_error(b.call("GET", "/console/session"), 401)
    assert works(stays)
    ended = [r for r in server.audit(event="session.ended") if r.get("name") == unique]
    assert [r["field"] for r in ended] == ["token revoked"] * 2
    assert unique not in [s["name"] for s in server.secrets()]


def test_a_token_that_revokes_itself_signs_itself_out(server):
    token = server.new_token("admin")
    b = Browser(server, token)
    assert b.call("DELETE", "/api/v2/tokens/" + token_id(token)).status_code == 200
    check_error(b.call("GET", "/api/v2/secrets"), 401)


def test_a_session_ends_with_its_token_and_team(fresh):
    s = fresh()
    admin = s.team("short")
    b = Browser(s, admin)
    assert works(b)
    s.operator("team", "delete", "short", "--yes", check=True)
    check_error(b.call("GET", "/api/v2/secrets"), 401)
    b = Browser(s, s.token)
    revoked = s.new_token("editor")
    c = Browser(s, revoked)
    s.operator("token", "revoke", token_id(revoked), "--team", "studio", check=True)
    assert works(b) and not works(c)


def test_a_session_ends_when_it_is_not_used(fresh):
    s = fresh("--console-idle-ms", "5000")
    token = s.new_token("editor", name="idle")
    used, unused, page = (Browser(s, token) for _ in range(3))  # the page's is the last to end
    ended = until(lambda: works(used) and page.call("GET", "/api/v2/jobs", X_Safelight_Background="1").status_code == 401, 10, "the end of the page's session")
    assert ended and works(used) and not works(unused)
    assert len(used.call("GET", "/console/sessions").json()) == 1
    assert until(lambda: [r["field"] for r in s.audit(event="session.ended")] == ["timed out"] * 2, 5)
    assert {r["actor"] for r in s.audit(event="session.ended")} == {"system"}


def test_a_session_ends_however_much_it_is_used(fresh):
    s = fresh("--console-session-ms", "1500")
    b = Browser(s, s.token)
    assert until(lambda: not works(b), 10, "the end of the session")
    check_error(b.call("GET", "/console/session"), 401)
    Browser(s, s.token)  # sweeps
    assert until(lambda: [r["field"] for r in s.audit(event="session.ended")] == ["timed out"], 5)


def test_the_mark_of_a_page_that_asks_by_itself_is_nothing_on_a_token(server):
    """Last use is how people find a stolen token."""
    token = server.new_token("editor")

    def last_used():
        return [t["lastUsedAt"] for t in server.call("GET", "/tokens").json() if t["id"] == token_id(token)][0]
    assert last_used() is None
    assert server.call("GET", "/secrets", token=token, headers={"X-Safelight-Background": "1"}).status_code == 200
    assert until(last_used, 20)


def test_sessions_outlive_a_restart_and_end_with_their_row(fresh):
    s = fresh()
    b, c = Browser(s, s.token), Browser(s, s.new_token("editor"))
    s.stop()
    s.restart()
    assert works(b) and works(c) and b.call("GET", "/console/session").json()["csrf"] == b.csrf
    s.stop()
    with sqlite3.connect(s.data / DATABASE) as db:  # to another token, to a later day, or another's hash: it fits no cookie
        rows = dict(db.execute("SELECT token_id, id FROM console_sessions"))
        db.execute("UPDATE console_sessions SET token_id = ? WHERE id = ?", (token_id(s.token), rows[c.said["token"]["id"]]))
        db.execute("UPDATE console_sessions SET created_at_ms = created_at_ms + 1 WHERE id = ?", (rows[token_id(s.token)],))
    db.close()
    s.restart()
    assert not works(b) and not works(c)


def test_a_token_that_expired_or_got_another_address_rule_has_no_sessions(fresh):
    s = fresh()
    tokens = [s.new_token("editor") for _ in range(3)]
    expired, moved, fine = browsers = [Browser(s, token) for token in tokens]
    assert all(works(b) for b in browsers)

    def change(sql, *values):  # as another version of this program, or somebody's hand, might
        s.stop()
        with sqlite3.connect(s.data / DATABASE) as db:
            db.execute(sql, values)
        db.close()
        s.restart()
    change("UPDATE tokens SET expires_at_ms = CASE id WHEN ? THEN 1 ELSE expires_at_ms END, addresses = CASE id WHEN ? THEN '10.0.0.0/8' ELSE '' END",
           token_id(tokens[0]), token_id(tokens[1]))
    assert [works(b) for b in browsers] == [False, False, True]
    for b in (expired, moved):
        check_error(b.call("GET", "/console/session"), 401, "UNAUTHORIZED")
        check_error(b.call("PUT", "/api/v2/secrets", {"name": "X", "value": canary()}), 401)
    assert until(lambda: [r["field"] for r in s.audit(event="session.ended")] == ["timed out"], 5)
    assert len(Browser(s, s.token).call("GET", "/console/sessions").json()) == 3  # the one that may not be used from here, too


# --- the list of sessions ---

def test_an_admin_sees_the_teams_sessions_and_an_editor_its_own(server, unique):
    team = "ses" + unique[2:].lower()
    admin = Browser(server, server.team(team))
    one, two = (server.new_token("editor", team=team, name=name) for name in ("one", "two"))
    first, second, third = Browser(server, one), Browser(server, one), Browser(server, two)
    rows = admin.call("GET", "/console/sessions").json()
    assert [r["token"]["name"] for r in rows][:3] == ["two", "one", "one"] and [r["current"] for r in rows] == [False] * 3 + [True]
    assert all(r["address"] == "127.0.0.1" and r["userAgent"] == "Mozilla/5.0 (test)" for r in rows)
    assert all(r["createdAt"] <= r["lastSeenAt"] < r["expiresAt"] for r in rows) and rows[0]["role"] == "editor"
    own = first.call("GET", "/console/sessions").json()
    assert {r["token"]["id"] for r in own} == {token_id(one)} and sorted(r["current"] for r in own) == [False, True]
    assert server.call("GET", "!/console/sessions", token=one).json() == [{**r, "current": False} for r in own]
    for secret in (first.cookie, second.cookie, first.csrf, one, first.cookie.split("_")[2], one.split("_")[3][:43]):
        assert len(secret) >= 43 and secret not in json.dumps(rows)

    check_error(first.call("DELETE", "/console/sessions/" + rows[0]["id"]), 404)  # another token's
    check_error(first.call("DELETE", "/console/sessions/" + rows[3]["id"]), 404)
    assert works(third) and works(admin)
    assert first.call("DELETE", "/console/sessions/" + [r for r in own if not r["current"]][0]["id"]).status_code == 204
    assert works(first) and not works(second)
    assert admin.call("DELETE", "/console/sessions/" + rows[0]["id"]).status_code == 204
    assert not works(third)
    check_error(admin.call("DELETE", "/console/sessions/" + rows[0]["id"]), 404)
    ended = server.audit(event="session.ended", token=server.new_token("audit", team=team))
    assert [r["field"] for r in ended] == ["revoked"] * 2 and ended[1]["actor"] == admin.said["token"]["id"]
    out = admin.call("DELETE", "/console/sessions/" + rows[3]["id"])  # its own
    assert out.status_code == 204 and admin.cookie is None


def test_abuse_025_another_teams_sessions_do_not_exist(server, unique):
    theirs = Browser(server, server.team("oth" + unique[2:].lower()))
    row = theirs.call("GET", "/console/sessions").json()[0]
    mine = Browser(server, server.new_token("admin"))
    assert row["id"] not in mine.call("GET", "/console/sessions").text
    check_error(mine.call("DELETE", "/console/sessions/" + row["id"]), 404, "NOT_FOUND")
    check_error(server.call("DELETE", "!/console/sessions/" + row["id"]), 404, "NOT_FOUND")
    for odd in ("0", "x" * 26, row["id"].lower(), "%00", "..%2f"):
        assert mine.call("DELETE", "/console/sessions/" + odd).status_code == 404
    assert works(theirs)


def test_a_browsers_name_is_shown_plainly(server):
    b = Browser(server)
    assert b.sign_in(server.token, User_Agent=("<b>\t" + "é" * 300).encode()).status_code == 201
    shown = [r for r in b.call("GET", "/console/sessions").json() if r["current"]][0]["userAgent"]
    assert shown == "<b>" + "?" * 197
    b = Browser(server)
    assert b.sign_in(server.token, User_Agent=None).status_code == 201


# --- the cookie is nowhere ---

def test_abuse_020_cookies_are_nowhere_in_files_or_logs(fresh):
    s = fresh()
    token = s.new_token("editor")
    browsers = [Browser(s, token), Browser(s, token), Browser(s, s.token)]
    cookies = [b.cookie for b in browsers]
    for b in browsers:
        assert works(b)
        b.call("GET", "/api/v2/secrets", X_Safelight_CSRF=None)
        b.call("GET", "/api/v2/jobs/" + b.cookie)
        b.call("GET", "/api/v2/jobs?cookie=" + b.cookie)
        b.call("GET", "/api/v2/secrets", Origin="https://evil.example/" + b.cookie)
        b.call("DELETE", "/console/sessions/" + b.cookie)
    browsers[0].call("DELETE", "/console/session")
    works(browsers[0])
    s.call("DELETE", "/tokens/" + token_id(token))
    s.stop()
    for b, cookie in zip(browsers, cookies):
        assert s.places_of(cookie) == [] and s.places_of(cookie.split("_")[2]) == [] and s.places_of(b.csrf) == []
    assert s.places_of(cookies[2].split("_")[1]) != []  # but the public part may be found
