"""Property-based tests of every operation in docs/openapi.json against a live server (schemathesis).

The same cases each time (derandomized); valid and invalid ones, from tokens of every role, with ids that exist mixed in.
"""
import json
import os
import re
import shutil
import tempfile
import urllib.parse
import zlib

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (content_type_conformance, negative_data_rejection, response_headers_conformance,
                                               response_schema_conformance, status_code_conformance)

from conftest import OPEN, ROOT, SANITIZED, Server
from vendor_clients import TTF, font_form

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
          response_schema_conformance, negative_data_rejection]
# What is left out, and why.
WITHOUT = {"POST /api/v2/batches": [negative_data_rejection]}  # a job that is not valid among good ones: accepted in part, 201
DOCUMENT = json.loads((ROOT / "docs/openapi.json").read_text())
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "8" if SANITIZED else "30"))
ROLES = ("admin", "editor", "submit", "worker", "audit")

CONFIG = schemathesis.Config.from_dict({
    "seed": 1,
    "generation": {"deterministic": True, "allow-x00": True, "with-security-parameters": False},
    "checks": {"negative_data_rejection": {"expected-statuses": ["400", "401", "403", "404", "405", "408", "409", "410", "413", "414",
                                                                 "415", "422"]}}})
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT, config=CONFIG)
SCHEMA.config.update(base_url="http://127.0.0.1")  # the server's is given with each call

# On the UNIX socket alone: tests/api/test_processes.py and test_disks_and_keys.py go there.
OPERATIONS = SCHEMA.exclude(tag="Operator")


class World:
    """A server with one of everything, and tokens of each role."""

    def __init__(self, folder):
        self.server = Server(folder, *OPEN)
        self.tokens = {role: self.server.new_token(role) for role in ROLES}
        self.session = requests.Session()
        self.known = self.furnish()

    def made(self, method, path, body=None, **more):
        answer = self.server.call(method, path, body, **more)
        assert answer.ok, (path, answer.text)
        return answer.json()

    def furnish(self):
        """Ids by the resource that a path begins with."""
        form, kind = font_form(open(TTF, "rb").read())
        job = {"template": {"id": "T", "src": "https://example.com/t.aep", "composition": "c"},
               "assets": [{"type": "text", "layerName": "l", "value": "x"}]}
        known = {"secrets": [self.made("PUT", "/secrets", {"name": f"SECRET_{i}", "value": f"value-{i}-of-many"})["id"] for i in range(3)],
                 "jobs": [self.made("POST", "/jobs", {**job, "priority": i})["id"] for i in range(40)],
                 "tokens": [self.made("POST", "/tokens", {"role": "audit"})["id"] for _ in range(3)],
                 "templates": [self.made("POST", "/templates", {"type": "aep", "displayName": "t"})["id"] for _ in range(4)],
                 "fonts": [self.made("POST", "/fonts", form, headers={"Content-Type": kind})["id"]],
                 "batches": [self.made("POST", "/batches", {"jobs": [job, job]})["batchId"] for _ in range(3)]}
        tickets = [self.made("PUT", f"/templates/{known['templates'][0]}/upload")["url"] for _ in range(2)]
        requests.put(tickets[1], b"RIFX" + bytes(100), timeout=30)
        tickets += [self.made("POST", "/templates", {"type": "zip", "displayName": "t"})["uploadUrl"] for _ in range(4)]
        known["upload"] = [last(url) for url in tickets]
        known["download"] = [last(self.made("GET", f"/templates/{known['templates'][0]}/download")["url"])]
        known["t"] = [last(self.made("POST", "/worker/lease", {})["output"]["url"]) for _ in range(3)]
        known["worker"] = [self.made("POST", "/worker/lease", {})["lease"] for _ in range(3)]
        self.made("POST", f"/worker/leases/{known['worker'][0]}/log?offset=0&final=1", b"a line\n")
        self.output = self.finished()
        return known

    def finished(self):
        """The signed address of an output, in its parts."""
        made = self.made("POST", "/jobs", {"engine": "by-hand", "assets": [], "priority": 1000})
        lease = self.made("POST", "/worker/lease", {"engines": "by-hand"})
        assert requests.put(lease["output"]["url"], b"output", timeout=30).status_code == 201
        self.made("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "finished"})
        address = urllib.parse.urlsplit(made["outputUrl"])
        return last(address.path), dict(urllib.parse.parse_qsl(address.query))

    def call(self, case):
        """By a role that may; one case in eight by one that may not."""
        allowed = case.operation.definition.raw["security"]
        allowed = [role for scheme in allowed for roles in scheme.values() for role in roles] or list(ROLES)
        refused = [role for role in ROLES if role not in allowed]
        token = self.tokens[choice(case, refused if refused and choice(case, range(8)) == 7 else allowed)]
        return case.call(base_url=self.server.url, session=self.session, timeout=30,
                         headers={"Authorization": f"Bearer {token}", "nexrender-secret": token})


def choice(case, options):
    """One of them, by the case alone."""
    said = repr((case.operation.label, len(options), case.path_parameters, case.query, case.body))
    return options[zlib.crc32(said.encode()) % len(options)]


def last(path):
    return path.rsplit("/", 1)[1]


def use_known_ids(world, case):
    """Half of the valid cases are about something that is there."""
    resource = re.sub(r"^(/api/v\d)?/(v3/)?", "", case.operation.path).split("/")[0]
    if not case.meta or not case.meta.generation.mode.is_positive or not choice(case, (0, 1)):
        return
    if resource == "o":
        case.path_parameters["file"], case.query = world.output[0], dict(world.output[1])
    elif world.known.get(resource):
        for name in case.path_parameters or {}:
            case.path_parameters[name] = choice(case, world.known[resource])


@pytest.fixture(scope="session")
def world():
    folder = tempfile.mkdtemp(prefix="safelight-test-")
    world = World(folder)
    yield world
    code = world.server.stop()
    log = world.server.log()
    shutil.rmtree(folder, ignore_errors=True)
    assert code == 0, log[-3000:]
    assert "ERROR: AddressSanitizer" not in log and "runtime error:" not in log, log[-5000:]


@OPERATIONS.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_operation(case, world):
    use_known_ids(world, case)
    response = world.call(case)
    without = WITHOUT.get(case.operation.label, [])
    case.validate_response(response, checks=[check for check in CHECKS if check not in without])
