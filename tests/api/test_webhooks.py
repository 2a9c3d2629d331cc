"""Signed webhooks, checked with the library that receivers use; and what happens when they cannot be signed."""
import base64
import os

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from common import arrived, hook
from conftest import Web, canary, engine, until

QUICK = 'echo x > "$SAFELIGHT_OUTPUT"\n'


def signing_key(length=32):
    return "whsec_" + base64.b64encode(os.urandom(length)).decode()


@pytest.fixture
def team(server):
    """An admin token of a team of its own, and its worker's."""
    name = "hooks-" + os.urandom(5).hex()
    return server.team(name), server.new_token("worker", team=name)


def set_signing(server, token, name):
    answer = server.call("PATCH", "/team", {"webhookSigningSecret": name}, token=token)
    assert answer.status_code == 200, answer.text
    assert answer.json()["webhookSigningSecret"] == name
    return answer


def render(server, team, payload, script=QUICK):
    token, worker_token = team
    program = engine(server.folder, script)
    made = server.submit({"engine": program.name, "priority": 1000, **payload}, token=token)
    assert made.status_code == 201, made.text
    worker = server.worker("--once", engine=program, token=worker_token)
    worker.wait(60)
    return made.json()["id"]


def log_of(server, team, job):
    return server.call("GET", f"/jobs/{job}/logs", token=team[0]).text


def test_setting_is_shown_changed_and_taken_back(server, team):
    token = team[0]
    assert server.call("GET", "/team", token=token).json()["webhookSigningSecret"] is None
    server.put("SIGN", signing_key(), token=token)
    set_signing(server, token, "SIGN")
    assert server.call("GET", "/team", token=token).json()["webhookSigningSecret"] == "SIGN"
    set_signing(server, token, None)
    assert [r["field"] for r in server.audit(token=token, event="team.changed")] == ["webhookSigningSecret"] * 2


def test_an_admin_of_some_names_signs_with_one_of_them(server):
    """A signature over a body of one's choice is a use of the secret, and a refusal of another kind would tell which there are."""
    name = "names-" + os.urandom(5).hex()
    whole = server.team(name)
    part = server.new_token("admin", team=name, names="dev/*")
    for secret in ("dev/SIGN", "prod/SIGN"):
        server.put(secret, signing_key(), token=whole)
    set_signing(server, part, "dev/SIGN")
    refused = [server.call("PATCH", "/team", {"webhookSigningSecret": other}, token=part) for other in ("prod/SIGN", "prod/NONE")]
    assert [r.status_code for r in refused] == [400, 400] and refused[0].json() == refused[1].json()
    assert server.call("GET", "/team", token=whole).json()["webhookSigningSecret"] == "dev/SIGN"


@pytest.mark.parametrize("bad", ["NOT_THERE", "", "${secret.SIGN}", "white space", "x" * 129, 5, True, ["SIGN"], {"name": "SIGN"}])
def test_setting_must_name_a_secret_of_the_team(server, team, bad):
    server.put("SIGN", signing_key(), token=team[0])
    answer = server.call("PATCH", "/team", {"webhookSigningSecret": bad}, token=team[0])
    assert answer.status_code == 400 and answer.json()["details"][0]["field"] == "webhookSigningSecret"
    assert server.call("GET", "/team", token=team[0]).json()["webhookSigningSecret"] is None


@pytest.mark.parametrize("length", [24, 32, 64])
def test_34_receivers_verify_what_is_sent(server, studio, unique, team, length):
    value, token = signing_key(length), canary()
    server.put("SIGN", value, token=team[0])
    server.put("TOKEN", token, token=team[0])
    set_signing(server, team[0], "SIGN")
    job = render(server, team, {"webhook": hook(studio, unique, data={"t": "${secret.TOKEN}"}, headers={"Authorization": "Bearer ${secret.TOKEN}"})})
    got = arrived(studio, unique)[0]
    headers = {k.lower(): v for k, v in got["headers"].items()}
    body = Webhook(value).verify(got["body"].encode(), headers)
    assert body["id"] == job and body["data"]["t"] == token
    used = [r for r in server.audit(token=team[0], event="secret.used") if r["field"] == "/webhookSigningSecret"]
    assert len(used) == 1 and used[0]["name"] == "SIGN"
    for text in (log_of(server, team, job), server.log()):
        assert value not in text and value.removeprefix("whsec_") not in text


def test_raw_bytes_are_a_key_as_they_stand(server, studio, unique, team):
    value = canary(40)
    server.put("SIGN", value, token=team[0])
    set_signing(server, team[0], "SIGN")
    render(server, team, {"webhook": hook(studio, unique)})
    got = arrived(studio, unique)[0]
    Webhook(value.encode()).verify(got["body"].encode(), {k.lower(): v for k, v in got["headers"].items()})


def test_abuse_073_a_replayed_delivery_is_told(server, unique, team):
    """Every attempt has the delivery's id and a time of its own, and nothing of it can be changed."""
    value = signing_key()
    server.put("SIGN", value, token=team[0])
    set_signing(server, team[0], "SIGN")
    got = []

    def answer(handler, body):
        got.append((dict((k.lower(), v) for k, v in handler.headers.items()), body))
        return (503 if len(got) == 1 else 200), {}, b""
    with Web(answer) as web:
        render(server, team, {"webhook": {"url": web.url + "/h"}})
        until(lambda: len(got) == 2, 20, "the second attempt")
    (first, body), (second, again) = got
    assert body == again and first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) > int(first["webhook-timestamp"])
    assert first["webhook-signature"] != second["webhook-signature"]
    check = Webhook(value)
    check.verify(body, first)
    check.verify(again, second)
    for spoiled in ({**first, "webhook-timestamp": second["webhook-timestamp"]}, {**first, "webhook-id": "01JDF0000000000000000000D0"},
                    {**first, "webhook-timestamp": str(int(first["webhook-timestamp"]) - 600)}):
        with pytest.raises(WebhookVerificationError):
            check.verify(body, spoiled)
    with pytest.raises(WebhookVerificationError):
        check.verify(body.replace(b"finished", b"error..."), first)


def test_headers_of_the_job_do_not_stand_for_ours(server, studio, unique, team):
    value = signing_key()
    server.put("SIGN", value, token=team[0])
    set_signing(server, team[0], "SIGN")
    render(server, team, {"webhook": hook(studio, unique, headers={"Webhook-Signature": "v1,forged", "webhook-id": "x", "X-Other": "stays"})})
    got = arrived(studio, unique)[0]
    names = [k.lower() for k in got["headers"]]
    assert names.count("webhook-signature") == 1 and got["headers"]["X-Other"] == "stays"
    Webhook(value).verify(got["body"].encode(), {k.lower(): v for k, v in got["headers"].items()})


def test_unsigned_without_the_setting(server, studio, unique, team):
    render(server, team, {"webhook": hook(studio, unique)})
    assert not [k for k in arrived(studio, unique)[0]["headers"] if k.lower().startswith("webhook-")]


@pytest.mark.parametrize("value,said", [("too-short", "is no signing key"), ("whsec_" + "A" * 8, "is no signing key"), (None, "does not exist any more")])
def test_what_cannot_be_signed_is_not_sent(server, studio, unique, team, value, said):
    token = team[0]
    made = server.put("SIGN", value or signing_key(), token=token)
    set_signing(server, token, "SIGN")
    if value is None:
        assert server.call("DELETE", f"/secrets/{made.json()['id']}", token=token).status_code in (200, 204)
    job = render(server, team, {"webhook": hook(studio, unique)})
    line = until(lambda: [x for x in log_of(server, team, job).splitlines() if "webhook" in x], 15)[0]
    assert said in line and "SIGN" in line and "not tried again" in line
    assert studio.received(f"/hook/{unique}") == []
    # mended, and asked for again: it is sent, signed with the new value
    fresh = signing_key()
    if value is None:
        server.put("SIGN", fresh, token=token)
    else:
        server.call("PATCH", "/team", {"putExisting": "rotate"}, token=token)
        assert server.put("SIGN", fresh, token=token).status_code in (200, 201)
    answer = server.call("POST", f"/jobs/{job}/retry-delivery", token=token)
    assert answer.status_code == 200 and answer.json()["status"] == "finished", answer.text
    got = arrived(studio, unique)[0]
    Webhook(fresh).verify(got["body"].encode(), {k.lower(): v for k, v in got["headers"].items()})
