"""What a browser on our own page sends, for the tests of the web console's sessions."""
import json
import re

import pytest
import requests

from conftest import SLOW

COOKIE = "__Host-safelight"


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


@pytest.fixture(scope="module")
def signed_in(server):
    return Browser(server, server.new_token("admin"))
