"""A team with templates, and what brings and reads them; for test_templates*.py."""
import io
import os
import re
import socket
import zipfile

import pytest
import requests

from conftest import SLOW


AEP = b"RIFX\0\0\4\0Egg!" + bytes(range(256)) * 8
NEVER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
V3 = ("id", "type", "displayName", "status", "createdAt", "updatedAt")


def archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("project.aep", AEP)
    return out.getvalue()


ZIP = archive()


@pytest.fixture(scope="module")
def team(server):
    """Tokens of a team of this file's own: admin, editor, submit, and the admin of another team."""
    name = "templates-" + os.urandom(4).hex()
    admin = server.team(name)
    return {"name": name, "admin": admin, "editor": server.new_token("editor", name), "submit": server.new_token("submit", name),
            "worker": server.new_token("worker", name), "other": server.team("no-" + name)}


@pytest.fixture
def api(server, team):
    def call(method, path, body=None, token="submit", **options):
        return server.call(method, path, body, token=team.get(token, token), **options)
    return call


@pytest.fixture
def made(api):
    def make(kind="aep", name="Intro", **more):
        answer = api("POST", "/templates", {"type": kind, "displayName": name, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()
    return make


def bring(created, data=AEP, **options):
    info = created.get("uploadInfo", created)
    return requests.request(info["method"], info["url"], data=data, timeout=60 * SLOW, **options)


@pytest.fixture
def uploaded(made, api):
    def make(data=AEP, kind="aep", **more):
        created = made(kind, **more)
        answer = bring(created, data)
        assert answer.status_code == 200, answer.text
        return created["id"]
    return make


def status(api, template):
    v2, v3 = api("GET", f"/templates/{template}").json(), api("GET", f"!/api/v3/templates/{template}").json()
    assert {k: v2[k] for k in V3} == v3
    return v3["status"]


def spooled(server, template):
    return [p for p in (server.data / "spool").iterdir() if template in p.name]


def begin(created, announced, data):
    """A PUT that is not finished yet."""
    host, path = re.match(r"http://([^/]+)(/.*)", created["uploadInfo"]["url"]).groups()
    name, port = host.split(":")
    s = socket.create_connection((name, int(port)), 10 * SLOW)
    s.sendall(f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {announced}\r\n\r\n".encode() + data)
    return s
