"""Query parameters: one that is there twice and says two things is refused, on every route; a vendor's client may send what we do not know."""
import pytest
import requests

from test_secrets import check_error

NEVER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
TORN = ["limit=1&limit=2", "limit=1&x=y&limit=1000", "limit=1&%6cimit=2", "limit&limit=1", "=1&=2", "unknown=1&unknown=2", "&".join(["p=1"] * 99 + ["p=2"])]


def refused(answer):
    (detail,) = check_error(answer, 400)["details"]
    assert detail == {"field": "query", "message": "has a parameter more than once, with different values"}


@pytest.mark.parametrize("query", TORN)
def test_a_parameter_that_says_two_things_is_refused(server, query):
    refused(server.call("GET", f"/jobs?{query}"))


@pytest.mark.parametrize("query", ["", "&", "limit=1&limit=1", "limit=1&%6cimit=%31&", "unknown=x", "unknown=x&unknown=x", "x&y&&z", "limit=1&Limit=2"])
def test_what_says_one_thing_is_taken_known_or_not(server, query):
    assert server.call("GET", f"/jobs?{query}").status_code == 200


@pytest.mark.parametrize("method, path, one, two", [
    ("POST", "/jobs", "dryRun=true", "dryRun=false"), ("POST", "/jobs/join", "dryRun=false", "dryRun=true"),
    ("PATCH", f"/jobs/{NEVER}/cancel", "running=false", "running=true"), ("POST", "/jobs/cancel", "running=false", "running=true"),
    ("POST", f"/batches/{NEVER}/cancel", "running=false", "running=true"), ("GET", f"/jobs/{NEVER}/logs", "offset=0", "offset=1"),
    ("GET", "!/api/v3/templates", "limit=1", "limit=2"), ("GET", "/secrets", "x=1", "x=2"), ("GET", "/fonts", "x=1", "x=2"),
    ("GET", "/secrets/jobs", f"ids={NEVER}", "ids="), ("GET", f"/secrets/{NEVER}/versions", "before=1", "before=2"),
    ("GET", "/audit", "after=1", "after=2"), ("GET", "/audit/export", "after=1", "after=2"), ("GET", "!/o/x", "expires=1", "expires=2")])
def test_everywhere(server, method, path, one, two):
    for query in (f"{one}&{two}", f"{two}&{one}"):
        refused(server.call(method, f"{path}?{query}", {} if method == "POST" else None))


def test_a_hundred_parameters_and_one_more(server):
    assert server.call("GET", "/jobs?" + "&".join(f"p{n}=" for n in range(100))).status_code == 200
    for many in (101, 460, 1000, 4000):
        query = "&".join(["p"] * many)
        check_error(server.call("GET", f"/jobs?{query}"), 414)
        check_error(server.call("POST", f"/jobs?{query}", {"engine": "x", "assets": []}), 414)


def test_nothing_is_done_and_nothing_is_told_without_a_token(server, unique):
    before = len(server.call("GET", "/jobs").json())
    refused(server.call("POST", "/jobs?dryRun=false&dryRun=true", {"engine": unique, "assets": []}))
    assert len(server.call("GET", "/jobs").json()) == before
    check_error(requests.get(f"{server.url}/api/v2/jobs?limit=1&limit=2", timeout=30), 401)


def test_lists_of_our_own_take_what_they_know(server, unique):
    secret = server.put(unique, "some-value-82").json()["id"]
    for path, good in (("versions", "limit=1&before=9"), ("jobs", "limit=1&waiting=true")):
        assert server.call("GET", f"/secrets/{secret}/{path}?{good}").status_code == 200
        for bad in ("limits=1", "limit=1&limit=1"):
            check_error(server.call("GET", f"/secrets/{secret}/{path}?{bad}"), 400)
