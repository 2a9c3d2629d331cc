"""Signing in at the web console, and all that must not work with its cookie."""
import concurrent.futures
import http.client
import json
import re
import socket
import sqlite3
import subprocess

import pytest
import requests

from conftest import SLOW, canary, until
from test_secrets import check_error
from test_tokens import DATABASE, MAY, filled, routes

COOKIE = "__Host-safelight"
POLICY = ("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "form-action 'none'",
          "base-uri 'none'", "frame-ancestors 'none'")


class Browser:
    """What a browser on our own page sends; `cookie` is its jar."""

    def __init__(self, server, token=None, address=None, verify=True):
        self.server, self.url, self.verify = server, address or server.url, verify
        self.cookie = self.csrf = None
        if token:
            answer = self.sign_in(token)
            assert answer.status_code == 201, answer.text
            self.said = answer.json()

    def headers(self, method="GET", **more):
        found = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "User-Agent": "Mozilla/5.0 (test)"}
        if method not in ("GET", "HEAD"):
            found["Origin"] = self.url
        if self.cookie:
            found["Cookie"] = f"{COOKIE}={self.cookie}"
        if self.csrf:
            found["X-Safelight-CSRF"] = self.csrf
        found.update({name.replace("_", "-"): value for name, value in more.items()})
        return {name: value for name, value in found.items() if value is not None}

    def call(self, method, path, body=None, **headers):
        sent = self.headers(method, **headers)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        answer = requests.request(method, self.url + path, data=body, headers=sent, timeout=30 * SLOW, allow_redirects=False, verify=self.verify)
        if method != "OPTIONS" and "Set-Cookie" in answer.headers:
            self.cookie = re.match(rf"{COOKIE}=([^;]*)", answer.headers["Set-Cookie"])[1] or None
        return answer

    def sign_in(self, token, **headers):
        answer = self.call("POST", "/console/session", {"token": token}, X_Safelight_CSRF=None, **headers)
        if answer.status_code == 201:
            self.csrf = answer.json()["csrf"]
        return answer

    def copy(self):
        """Another place that has the same cookie."""
        other = Browser(self.server, address=self.url)
        other.cookie, other.csrf = self.cookie, self.csrf
        return other


def token_id(token):
    return token.split("_")[2]


def token_of(server, role="editor", **body):
    made = server.call("POST", "/tokens", {"role": role, **body})
    assert made.status_code == 201, made.text
    return made.json()["token"]


def works(browser):
    return browser.call("GET", "/api/v2/secrets").status_code == 200


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


def test_abuse_029_an_address_with_many_failures_is_locked(fresh):
    s = fresh()
    inside = Browser(s, s.token)
    for _ in range(10):
        check_error(Browser(s).sign_in("slt_adm_" + "x" * 64), 401)
    for token in (s.token, "slt_adm_" + "x" * 64):
        answer = Browser(s).sign_in(token)
        check_error(answer, 429, "TOO_MANY_REQUESTS")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert works(inside) and s.call("GET", "/secrets").status_code == 200  # neither sessions nor tokens are slowed
    assert "console_address_locked" in s.log()


def test_abuse_029_guessed_cookies_are_slowed(fresh):
    s = fresh()
    valid = Browser(s, s.token)

    def guess(i):
        b = Browser(s)
        b.cookie, b.csrf = "sls_01ARZ3NDEKTSV4RRFFQ69G5FAV_%043d" % i, "x"
        return b.call("GET", "/console/session").status_code
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(guess, range(400)))
    assert set(codes) == {401, 429} and works(valid)


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
    s = fresh("--console-idle-ms", "1500")
    token = s.new_token("editor", name="idle")
    used, page, unused = (Browser(s, token) for _ in range(3))
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


# --- cross-site requests, other hosts ---

@pytest.fixture(scope="module")
def signed_in(server):
    return Browser(server, server.new_token("admin"))


FOREIGN = ["https://evil.example", "http://evil.example", "null", "", "http://127.0.0.1", "http://127.0.0.1:1", "https://127.0.0.1:{port}",
           "http://localhost:{port}", "http://127.0.0.1:{port}/", "http://127.0.0.1:{port}.evil.example", "http://user@127.0.0.1:{port}", "*"]


@pytest.mark.parametrize("origin", FOREIGN)
def test_abuse_014_another_origin_is_refused(server, signed_in, unique, origin):
    origin = origin.format(port=server.port)
    for method, path, body in (("PUT", "/api/v2/secrets", {"name": unique, "value": canary()}), ("GET", "/api/v2/secrets", None),
                               ("POST", "/api/v2/jobs", {}), ("DELETE", "/console/session", None), ("GET", "/console/session", None),
                               ("GET", "/api/v3/templates", None), ("POST", "/console/session", {"token": server.token})):
        check_error(signed_in.call(method, path, body, Origin=origin), 403, "CROSS_ORIGIN")
    assert unique not in [s["name"] for s in server.secrets()]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "Same-Origin", "same-origin,cross-site"])
def test_abuse_014_another_site_is_refused(server, signed_in, site):
    for method, path in (("GET", "/api/v2/secrets"), ("GET", "/console/session"), ("POST", "/api/v2/jobs"), ("DELETE", "/console/session"),
                         ("GET", "/console/sessions"), ("HEAD", "/api/v2/secrets")):
        answer = signed_in.call(method, path, Sec_Fetch_Site=site)
        assert answer.status_code == 403, (method, path)
    assert works(signed_in)


def test_abuse_014_what_changes_something_must_name_its_origin(server, signed_in, unique):
    check_error(signed_in.call("PUT", "/api/v2/secrets", {"name": unique, "value": canary()}, Origin=None), 403, "CROSS_ORIGIN")
    check_error(signed_in.call("DELETE", "/console/session", Origin=None, Sec_Fetch_Site=None), 403, "CROSS_ORIGIN")
    assert unique not in [s["name"] for s in server.secrets()]


@pytest.mark.parametrize("csrf", [None, "", "x", "A" * 43, "A" * 44, "{other}", "{cut}", "{upper}", "{cookie}"])
def test_abuse_014_no_csrf_token_no_session(server, signed_in, unique, csrf):
    other = Browser(server, server.new_token("admin"))
    given = csrf and csrf.format(other=other.csrf, cut=signed_in.csrf[:-1], upper=signed_in.csrf.swapcase(), cookie=signed_in.cookie)
    for method, path, body in (("PUT", "/api/v2/secrets", {"name": unique, "value": canary()}), ("GET", "/api/v2/secrets", None), ("HEAD", "/api/v2/secrets", None),
                               ("GET", "/console/sessions", None), ("DELETE", "/console/session", None)):
        answer = signed_in.call(method, path, body, X_Safelight_CSRF=given)
        assert answer.status_code == 403 and (method == "HEAD" or answer.json()["code"] == "CSRF_TOKEN"), (method, path)
    assert works(signed_in) and unique not in [s["name"] for s in server.secrets()]


def test_abuse_014_the_csrf_token_alone_is_worth_nothing(server, signed_in):
    b = Browser(server)
    b.csrf = signed_in.csrf
    check_error(b.call("GET", "/api/v2/secrets"), 401)
    check_error(b.call("GET", "/api/v2/secrets", Authorization="Bearer " + signed_in.csrf), 401)


HOSTS = ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example", "127.1:{port}", "2130706433:{port}",
         "localhost.:{port}", "rebound.localhost:{port}", "127.0.0.1:0"]


@pytest.mark.parametrize("host", HOSTS)
def test_abuse_014_a_name_rebound_to_us_is_refused(server, signed_in, host):
    host = host.format(port=server.port)
    same = {"Host": host, "Origin": "http://" + host}
    check_error(Browser(server).sign_in(server.token, **same), 403, "HOST_REFUSED")
    for method, path in (("GET", "/api/v2/secrets"), ("GET", "/console/session"), ("DELETE", "/console/session")):
        check_error(signed_in.call(method, path, **same), 403, "HOST_REFUSED")
    for path in ("/team/settings", "/settings/api-tokens", "/console/app.mjs"):
        check_error(requests.get(server.url + path, headers={"Host": host}, timeout=10), 403, "HOST_REFUSED")
    assert server.call("GET", "/secrets", headers={"Host": host}).status_code == 200  # tokens are nobody's but the caller's


def test_localhost_is_ours_too(server):
    b = Browser(server, server.token, address=f"http://localhost:{server.port}")
    assert works(b)
    mixed = b.copy()
    mixed.url = server.url
    check_error(mixed.call("PUT", "/api/v2/secrets", {}, Origin=f"http://localhost:{server.port}"), 403, "CROSS_ORIGIN")


def test_behind_a_proxy(fresh):
    s = fresh("--public-url", "https://farm.example")
    token = s.new_token("editor")
    for host in ("farm.example", "FARM.example:443", f"127.0.0.1:{s.port}"):  # the last is what proxies hand on that are not told otherwise
        b = Browser(s)
        assert b.sign_in(token, Host=host, Origin="https://farm.example").status_code == 201
        assert b.call("GET", "/api/v2/secrets", Host=host).status_code == 200
        check_error(b.call("POST", "/api/v2/jobs", {}, Host=host, Origin="http://farm.example"), 403, "CROSS_ORIGIN")
        assert b.call("POST", "/api/v2/jobs", {}, Host=host, Origin="https://farm.example").status_code == 400
    check_error(Browser(s).sign_in(token, Host="farm.example:8443", Origin="https://farm.example:8443"), 403, "HOST_REFUSED")
    check_error(Browser(s).sign_in(token, Host="evil.example", Origin="https://evil.example"), 403, "HOST_REFUSED")
    check_error(Browser(s).sign_in(token, Host="10.0.0.1", Origin="http://10.0.0.1"), 403, "HTTPS_REQUIRED")


def test_without_https_the_console_says_so(server):
    """A browser would drop the cookie, and leave its user wondering."""
    host = f"10.1.2.3:{server.port}"
    check_error(Browser(server).sign_in(server.token, Host=host, Origin=f"http://{host}"), 403, "HTTPS_REQUIRED")


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_over_tls_the_certificate_names_the_host(fresh, folder):
    tls = folder / "tls"
    tls.mkdir()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=farm.example",
                    "-addext", "subjectAltName=DNS:farm.example,DNS:*.render.example,IP:127.0.0.1", "-keyout", tls / "key.pem", "-out", tls / "cert.pem"],
                   check=True, capture_output=True)
    s = fresh("--tls-cert", tls / "cert.pem", "--tls-key", tls / "key.pem")
    token = s.operator("token", "create", "--team", "studio", "--role", "editor", check=True).stdout.strip()

    def try_as(host, origin=None):
        b = Browser(s, verify=False)
        answer = b.sign_in(token, Host=host, Origin=origin or "https://" + host)
        if answer.status_code == 201:
            assert b.call("GET", "/api/v2/secrets", Host=host).status_code == 200
            assert "Secure" in answer.headers["Set-Cookie"]
            b.call("DELETE", "/console/session", Host=host, Origin="https://" + host)
        return answer
    for host in (f"127.0.0.1:{s.port}", f"farm.example:{s.port}", "FARM.example", "node.render.example", "10.0.0.1"):
        assert try_as(host).status_code == 201, host
    for host in ("evil.example", "evil.farm.example", "render.example", "a.b.render.example", "farm.example.evil.example"):
        check_error(try_as(host), 403, "HOST_REFUSED")
    check_error(try_as("farm.example", "http://farm.example"), 403, "CROSS_ORIGIN")


# --- where the cookie counts ---

@pytest.mark.parametrize("method, pattern, scope", [r for r in routes() if r[2] in MAY])
def test_every_route_with_a_cookie(server, signed_in, method, pattern, scope):
    """By the cookie alone nobody comes in, anywhere; with all that belongs to it where a page has business."""
    body = {} if method in ("PUT", "POST", "PATCH") else None
    place = filled(pattern)[1:] if pattern.startswith("!") else "/api/v2" + filled(pattern)
    pages = place.startswith(("/api/v2/", "/api/v3/", "/console/")) and scope not in ("WORKER", "FARM")
    if pages and (method, place) != ("DELETE", "/console/session"):  # that one would do what it says
        answer = signed_in.call(method, place, body)
        assert answer.status_code not in (401, 403), answer.text
        check_error(signed_in.call(method, place, body, X_Safelight_CSRF="A" * 43), 403, "CSRF_TOKEN") if place != "/console/session" else None
        check_error(signed_in.call(method, place, body, Origin="https://evil.example"), 403, "CROSS_ORIGIN")
        check_error(signed_in.call(method, place, body, Sec_Fetch_Site="same-site"), 403, "CROSS_ORIGIN")
        check_error(signed_in.call(method, place, body, Host="evil.example"), 403, "HOST_REFUSED")
    elif not pages:
        assert signed_in.call(method, place, body).status_code == (403 if place.startswith("/api/v1/") else 401)
    if not pattern.startswith("!"):
        check_error(signed_in.call(method, filled(pattern), body), 401)


ELSEWHERE = [("GET", "/secrets"), ("GET", "/jobs"), ("GET", "/v3/templates"), ("POST", "/api/v2/worker/lease"), ("POST", "/worker/lease"),
             ("POST", "/api/v2/worker/leases/01ARZ3NDEKTSV4RRFFQ69G5FAV/finish"), ("GET", "/tokens"), ("PUT", "/secrets"),
             ("GET", "/api/v1/jobs"), ("GET", "/api/v1/jobs/pickup"), ("POST", "/api/v1/jobs"), ("GET", "/api/v1/jobs/status")]


@pytest.mark.parametrize("method, path", ELSEWHERE)
def test_the_cookie_opens_nothing_else(server, signed_in, method, path):
    answer = signed_in.call(method, path, {} if method in ("POST", "PUT") else None)
    assert answer.status_code == (403 if "/v1/" in path else 401), answer.text


def test_the_cookie_is_unknown_on_the_operators_socket_and_its_paths_here(server, signed_in):
    for path in ("/operator/teams", "/operator/keys", "/api/v2/operator/teams"):
        check_error(signed_in.call("GET", path), 404)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(server.data / "safelight.sock"))
        sock.sendall(f"GET /api/v2/secrets HTTP/1.1\r\nHost: localhost\r\nCookie: {COOKIE}={signed_in.cookie}\r\n"
                     f"X-Safelight-CSRF: {signed_in.csrf}\r\nConnection: close\r\n\r\n".encode())
        assert sock.makefile("rb").readline().split()[1] == b"404"


def test_authorization_counts_alone(server, signed_in):
    submit = server.new_token("submit")
    b = signed_in
    assert b.call("GET", "/api/v2/jobs", Authorization="Bearer " + submit).status_code == 200
    check_error(b.call("GET", "/api/v2/secrets", Authorization="Bearer " + submit), 403, "FORBIDDEN")
    for odd in ("", "Bearer", "Bearer x", "Basic eDp4", "Bearer " + b.cookie):
        check_error(b.call("GET", "/api/v2/secrets", Authorization=odd), 401)
    # No CSRF token is asked for then, from wherever it comes: nobody's browser sends this header by itself.
    assert b.call("GET", "/api/v2/jobs", Authorization="Bearer " + submit, X_Safelight_CSRF=None, Origin="https://evil.example").status_code == 200
    said = b.call("GET", "/console/session", Authorization="Bearer " + server.new_token("editor")).json()
    assert said["csrf"] is None and said["role"] == "editor"
    check_error(b.call("DELETE", "/console/session", Authorization="Bearer " + server.token), 404)
    assert works(b)


def test_an_editor_does_not_become_more(server):
    b = Browser(server, server.new_token("editor", names="only/*"))
    for method, path, body in (("GET", "/api/v2/tokens", None), ("POST", "/api/v2/tokens", {"role": "editor"}), ("GET", "/api/v2/audit", None),
                               ("PATCH", "/api/v2/team", {}), ("PUT", "/api/v2/secrets", {"name": "other", "value": canary()})):
        check_error(b.call(method, path, body), 403, "FORBIDDEN")


def test_what_a_session_makes_belongs_to_its_token(server):
    token = token_of(server, "admin", expiresInDays=3, addresses="127.0.0.0/8")
    b = Browser(server, token)
    made = b.call("POST", "/api/v2/tokens", {"role": "editor"}).json()
    assert made["createdBy"] == token_id(token) and made["addresses"] == "127.0.0.0/8"
    check_error(b.call("POST", "/api/v2/tokens", {"role": "editor", "expiresInDays": 4}), 403)
    assert b.call("GET", "/console/session").json()["expiresAt"] < made["expiresAt"]


# --- odd requests ---

def raw(server, *lines, method="GET", path="/api/v2/secrets"):
    c = http.client.HTTPConnection(server.host, server.port, timeout=10 * SLOW)
    c.putrequest(method, path)
    for name, value in lines:
        c.putheader(name, value)
    c.endheaders()
    answer = c.getresponse()
    body = answer.read()
    c.close()
    return answer.status, body


def test_cookies_that_stand_twice_are_none(server, signed_in):
    csrf = ("X-Safelight-CSRF", signed_in.csrf)
    mine = f"{COOKIE}={signed_in.cookie}"
    assert raw(server, ("Cookie", mine), csrf)[0] == 200
    assert raw(server, ("Cookie", f"{mine}; {mine}"), csrf)[0] == 401
    assert raw(server, ("Cookie", mine), ("Cookie", mine), csrf)[0] == 401
    assert raw(server, ("Cookie", f"{COOKIE}=x; {mine}"), csrf)[0] == 401
    assert raw(server, ("Cookie", "a=b"), ("Cookie", mine), csrf)[0] == 200
    assert raw(server, ("Cookie", mine), csrf, csrf)[0] == 400
    assert raw(server, ("Cookie", mine), csrf, ("Origin", server.url), ("Origin", "https://evil.example"))[0] == 400
    assert raw(server, ("Cookie", mine), csrf, ("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site"))[0] == 400


@pytest.mark.parametrize("cookie", ["", "=", ";;;", COOKIE, COOKIE + "=", COOKIE + "=x", f'{COOKIE}="{{c}}"', "safelight={c}", "__host-safelight={c}", "__Host-safelight2={c}",
                                    COOKIE + "={c}x", COOKIE + "= {c} y", COOKIE + "={short}", COOKIE + "={lower}", COOKIE + "=%73{short}", "a=1 " + COOKIE + "={c}"])
def test_odd_cookies_are_none(server, signed_in, cookie):
    c = signed_in.cookie
    value = cookie.format(c=c, short=c[1:], lower=c.swapcase())
    assert raw(server, ("Cookie", value), ("X-Safelight-CSRF", signed_in.csrf))[0] in (401, 403)
    assert raw(server, ("Cookie", value), path="/console/session")[0] == 401


def test_one_cookie_among_many(server, signed_in):
    mine = f"{COOKIE}={signed_in.cookie}"
    csrf = ("X-Safelight-CSRF", signed_in.csrf)
    for count, size in ((150, 20), (30, 200), (3, 4000)):  # 180 of a host, and 4 KiB each, is what browsers keep
        jar = [f"other_{i}={'v' * size}" for i in range(count)]
        for at in (0, count // 2, count):
            assert raw(server, ("Cookie", "; ".join(jar[:at] + [mine] + jar[at:])), csrf)[0] == 200, (count, size, at)
    huge = "; ".join([f"other={'v' * 20000}", mine])
    assert raw(server, ("Cookie", huge), csrf)[0] == 431
    assert raw(server, ("Cookie", "x" * 40000), csrf)[0] in (400, 413, 414, 431)
    assert works(signed_in)


def test_head_and_options(server, signed_in):
    head = signed_in.call("HEAD", "/api/v2/secrets")
    assert head.status_code == 200 and head.content == b""
    assert signed_in.call("HEAD", "/console/session").status_code == 200
    for path in ("/api/v2/secrets", "/console/session", "/console/sessions", "/team/settings", "/console/app.mjs"):
        for browser in (signed_in, Browser(server)):  # a preflight carries no cookie; it hears no yes either way
            answer = browser.call("OPTIONS", path, Origin="https://evil.example", Access_Control_Request_Method="PUT", Access_Control_Request_Headers="x-safelight-csrf")
            assert answer.status_code in (404, 405) and not [h for h in answer.headers if h.lower().startswith("access-control")]
    for method in ("PUT", "PATCH"):
        check_error(signed_in.call(method, "/console/session", {}), 405)
    for path in ("/console/session/", "/Console/session", "/api/v2/console/session", "/console//session", "/console/%2e%2e/api/v2/secrets"):
        assert signed_in.call("GET", path).status_code == 404, path


def test_no_answer_lets_another_origin_read_it(server, signed_in):
    for path in ("/api/v2/secrets", "/console/session", "/team/settings", "/console/app.mjs"):
        answer = signed_in.call("GET", path)
        assert answer.status_code == 200 and not [h for h in answer.headers if h.lower().startswith("access-control")]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin", path


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
    for secret in (first.cookie, second.cookie, first.csrf, one):
        assert secret not in json.dumps(rows) and secret.split("_")[-1] not in json.dumps(rows)

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


# --- the pages ---

def test_abuse_063_pages_and_files(server):
    page = requests.get(server.url + "/team/settings", timeout=10)
    assert page.status_code == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert requests.get(server.url + "/settings/api-tokens", timeout=10).text == page.text
    named = set(re.findall(r"/console/([\w.-]+)", page.text))
    assert {"app.mjs", "style.css"} <= named
    kinds = {"mjs": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml", "png": "image/png"}
    for answer in [page] + [requests.get(f"{server.url}/console/{name}", timeout=10) for name in named]:
        assert answer.status_code == 200 and answer.content
        if answer is not page:
            assert answer.headers["Content-Type"] == kinds[answer.url.rsplit(".", 1)[1]]
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert set(POLICY) <= set(policy) and "unsafe" not in " ".join(policy)
        assert answer.headers["Referrer-Policy"] == "no-referrer" and answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin" and "camera=()" in answer.headers["Permissions-Policy"]
        assert answer.headers["Cache-Control"] == "no-cache" and re.fullmatch(r'"[0-9a-f]{32}"', answer.headers["ETag"])
        assert "Set-Cookie" not in answer.headers
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|style=|javascript:", page.text)
    for gone in ("none.mjs", "..%2fapi.c", "index", "", "APP.MJS", "%00"):
        assert requests.get(f"{server.url}/console/{gone}", timeout=10).status_code == 404


def test_a_file_that_is_known_is_not_sent_again(server):
    for path in ("/team/settings", "/console/app.mjs", "/console/style.css"):
        whole = requests.get(server.url + path, timeout=10)
        tag = whole.headers["ETag"]
        for known in (tag, f'"x", {tag}', "W/" + tag, "*"):
            answer = requests.get(server.url + path, headers={"If-None-Match": known}, timeout=10)
            assert answer.status_code == 304 and answer.content == b"" and answer.headers["ETag"] == tag
        for other in ('"x"', tag[1:-1], tag.upper(), "", '"' + tag + '"'):
            assert requests.get(server.url + path, headers={"If-None-Match": other}, timeout=10).content == whole.content
        head = requests.head(server.url + path, timeout=10)
        assert head.headers["ETag"] == tag and int(head.headers["Content-Length"]) == len(whole.content) and head.content == b""


def test_the_servers_address_leads_browsers_to_the_console(server):
    answer = requests.get(server.url + "/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, allow_redirects=False, timeout=10)
    assert answer.status_code == 303 and answer.headers["Location"] == "/team/settings"
    assert requests.get(server.url + "/", timeout=10).status_code == 404
    check_error(requests.post(server.url + "/", timeout=10), 405)


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
