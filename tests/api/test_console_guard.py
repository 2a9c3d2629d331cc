"""A cookie counts only with all that belongs to it, and only where a page has business: other sites, other hosts, odd requests."""
import http.client
import socket
import subprocess

import pytest
import requests

from browser import COOKIE, Browser, signed_in, token_id, token_of, works
from conftest import SLOW, canary
from test_secrets import check_error
from test_tokens import MAY, filled, routes


# --- cross-site requests, other hosts ---

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
        check_error(requests.get(server.url + path, headers={"Host": host}, timeout=30), 403, "HOST_REFUSED")
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
