"""docs/openapi.json: valid, the same as routes.def, served, and true of the roles."""
import json
import re
import subprocess
import sys

import pytest
import requests
from openapi_spec_validator import validate

from conftest import ROOT

DOCUMENT = json.loads((ROOT / "docs/openapi.json").read_text())
ROLES = ("admin", "editor", "submit", "worker", "audit")


def operations():
    return [(method, path, op) for path, item in DOCUMENT["paths"].items() for method, op in item.items()]


def names(case):
    return f"{case[0]} {case[1]}" if isinstance(case, tuple) else None


def test_it_is_valid_openapi():
    validate(DOCUMENT)


def test_it_is_what_the_tool_writes_from_the_routes():
    done = subprocess.run([sys.executable, str(ROOT / "tools/openapi"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_route_is_there_and_nothing_else():
    table = re.sub(r"/\*.*?\*/", "", (ROOT / "src/api/routes.def").read_text(), flags=re.S)
    routes = {(m, p if bare else "/api/v2" + p) for m, bare, p in re.findall(r'ROUTE\("(\w+)", "(!?)([^"]+)"', table)}
    assert {(m.upper(), p) for m, p, _ in operations()} == routes


def test_every_code_of_an_error_is_one_of_the_table():
    codes = set(re.findall(r'ERR\(\w+, \d+, "(\w+)"', (ROOT / "src/base/err.def").read_text()))
    assert codes and all(re.fullmatch(DOCUMENT["components"]["schemas"]["Error"]["properties"]["code"]["pattern"], c) for c in codes)


def test_it_is_served_as_it_stands(server):
    answer = requests.get(server.url + "/openapi.json", timeout=30)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json"
    assert answer.json() == DOCUMENT


def test_operations_are_named_apart():
    named = [op["operationId"] for _, _, op in operations()]
    assert len(set(named)) == len(named)


@pytest.fixture(scope="module")
def tokens(server):
    """A token of each role, of a team of its own."""
    server.team("openapi-roles")
    return {role: server.new_token(role, "openapi-roles") for role in ROLES}


@pytest.mark.parametrize("case", [o for o in operations() if o[2]["security"]], ids=names)
def test_roles_are_as_described(server, tokens, case):
    """Whoever is not named gets 403 and nothing else; whoever is gets anything but that."""
    method, path, op = case
    [(scheme, allowed)] = op["security"][0].items()
    assert all(list(other.values()) == [allowed] for other in op["security"])
    for role in ROLES:
        if role == "admin" and method == "delete":
            continue  # nothing here has the id, but be sure
        answer = send(server, method, path, tokens[role], scheme)
        refused = answer.status_code == 403 and ("text/plain" in answer.headers["Content-Type"] or answer.json()["code"] == "FORBIDDEN")
        assert refused == (role not in allowed), (role, answer.status_code, answer.text)


@pytest.mark.parametrize("case", [o for o in operations() if o[2]["security"]], ids=names)
def test_no_token_is_401_or_as_described(server, case):
    method, path, op = case
    [scheme] = op["security"][0]
    for token in (None, "slt_adm_" + "A" * 60):
        answer = send(server, method, path, token, scheme)
        if scheme == "token":
            assert answer.status_code == 401 and answer.json()["code"] == "UNAUTHORIZED", answer.text
        else:  # so the open-source farm refuses
            assert answer.status_code == 403 and "text/plain" in answer.headers["Content-Type"], answer.text


def send(server, method, path, token, scheme):
    """Without a body that could do something."""
    place = re.sub(r"\{\w+\}", "01ARZ3NDEKTSV4RRFFQ69G5FAV", path)
    header = {"token": "Authorization", "workerSecret": "nexrender-secret"}[scheme]
    value = f"Bearer {token}" if scheme == "token" else token
    return requests.request(method, server.url + place, headers={header: value} if token else {}, timeout=30)
