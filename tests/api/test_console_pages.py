"""The console's page and files."""
import re

import requests

from test_secrets import check_error

POLICY = ("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "form-action 'none'",
          "base-uri 'none'", "frame-ancestors 'none'")


def test_abuse_063_pages_and_files(server):
    page = requests.get(server.url + "/team/settings", timeout=30)
    assert page.status_code == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert requests.get(server.url + "/settings/api-tokens", timeout=30).text == page.text
    named = set(re.findall(r"/console/([\w.-]+)", page.text))
    assert {"app.mjs", "style.css"} <= named
    kinds = {"mjs": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml", "png": "image/png"}
    for answer in [page] + [requests.get(f"{server.url}/console/{name}", timeout=30) for name in named]:
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
        assert requests.get(f"{server.url}/console/{gone}", timeout=30).status_code == 404


def test_a_file_that_is_known_is_not_sent_again(server):
    for path in ("/team/settings", "/console/app.mjs", "/console/style.css"):
        whole = requests.get(server.url + path, timeout=30)
        tag = whole.headers["ETag"]
        for known in (tag, f'"x", {tag}', "W/" + tag, "*"):
            answer = requests.get(server.url + path, headers={"If-None-Match": known}, timeout=30)
            assert answer.status_code == 304 and answer.content == b"" and answer.headers["ETag"] == tag
        for other in ('"x"', tag[1:-1], tag.upper(), "", '"' + tag + '"'):
            assert requests.get(server.url + path, headers={"If-None-Match": other}, timeout=30).content == whole.content
        head = requests.head(server.url + path, timeout=30)
        assert head.headers["ETag"] == tag and int(head.headers["Content-Length"]) == len(whole.content) and head.content == b""


def test_the_servers_address_leads_browsers_to_the_console(server):
    for path in ("/", "/team/settings/"):
        answer = requests.get(server.url + path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, allow_redirects=False, timeout=30)
        assert answer.status_code == 303 and answer.headers["Location"] == "/team/settings" and answer.content == b""
        assert requests.get(server.url + path, timeout=30).status_code == 404
        check_error(requests.post(server.url + path, timeout=30), 405)
