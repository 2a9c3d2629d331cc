"""Secrets, tokens, the team, its audit log, and the operator's calls."""
import re

from compose import ROOT
from words import (COUNT, FLAG, TEXT, TIME, TIME_OR_NULL, ULID, VERSION, array, members, number, operation, schema, text, words)

NAME = text(pattern=r"^[A-Za-z0-9_./-]{1,128}$")

# --- secrets ---
SINK = words("credential", "upload", "header", "url", "body", "text", "script")
schema("Policy", {**members(optional={
    "sinks": array(SINK, least=1, null=True), "hosts": array(text(least=1), least=1, most=32, null=True),
    "expiresAt": TIME_OR_NULL}, closed=True), "type": ["object", "null"]})
SECRET = {"id": ULID, "name": NAME, "createdAt": TIME, "version": VERSION, "updatedAt": TIME,
          "lastUsedAt": TIME_OR_NULL}
schema("Secret", members(SECRET, {"policy": "Policy"}))
schema("SecretCreation", members({"name": NAME, "value": {"type": "string", "minLength": 1, "maxLength": 65536, "writeOnly": True}},
                                 {"rotate": FLAG, "policy": "Policy"}))
schema("SecretCreated", members(SECRET, {"policy": "Policy", "warnings": array("Problem", least=1)}))
operation("GET", "/secrets", "List the team's secrets, never their values", answers={200: array("Secret")})
operation("PUT", "/secrets", "Store a secret, or give it a new value", body="SecretCreation", answers={201: "SecretCreated"},
          refuses={409}, details="409 `SECRET_ALREADY_EXISTS` unless `rotate` is true or the team's `putExisting` is `rotate`")
operation("PATCH", "/secrets/{id}", "Change what a secret may be used for", body=members({"policy": "Policy"}),
          answers={200: "Secret"}, refuses={404, 409})
operation("DELETE", "/secrets/{id}", "Destroy a secret and all its versions", answers={200: "Nothing"}, refuses={404})

schema("SecretVersion", members({"version": VERSION, "createdAt": TIME, "current": FLAG}))
operation("GET", "/secrets/{id}/versions", "A secret's versions, newest first", answers={200: array("SecretVersion")}, refuses={404},
          query={"limit": number(1, 1000), "before": number(1, 2**32 - 1, about="Only versions below this one")})
operation("POST", "/secrets/{id}/rollback", "Make an older version's value the current one, as a new version",
          body=members(optional=dict.fromkeys(["version", "current"], {"type": ["integer", "null"], "minimum": 1, "maximum": 2**32 - 1})),
          answers={200: "Secret"}, refuses={404, 409},
          details="Without `version`: the one before the current. With `current`: only while that is the current one. Else, and for the "
          "current version itself, 409 `CONFLICT`")
schema("SecretJob", members({"id": ULID, "status": "JobStatus", "createdAt": TIME, "waiting": FLAG, "fields": array(TEXT)},
                            about="`fields` are JSON pointers of the references in the job"))
operation("GET", "/secrets/{id}/jobs", "Jobs that refer to a secret, newest first", answers={200: array("SecretJob")}, refuses={404},
          query={"limit": number(1, 100), "waiting": words("true", "false")})
schema("SecretUses", members({"id": ULID, "jobs": number(0, 100), "waiting": number(0, 100), "newestJob": {**ULID, "type": ["string", "null"]}},
                             about="`jobs` are the newest 100 at most; `waiting` of those have not ended"))
operation("GET", "/secrets/jobs", "How many jobs refer to each of some secrets", answers={200: array("SecretUses")},
          query={"ids!": text(least=26, most=2699, pattern="^{0}(,{0}){{0,99}}$".format(ULID["pattern"][1:-1]),
                              about="Ids of secrets; those that are not there are left out")})

# --- tokens ---
ROLE = words("admin", "editor", "submit", "worker", "audit")
TOKEN = {"id": text(pattern="^[0-9A-Za-z]{14}$"), "role": ROLE, "name": text(most=64), "names": text(most=128, least=1),
         "addresses": text(most=256), "createdAt": TIME, "createdBy": TEXT, "expiresAt": TIME_OR_NULL}
schema("Token", members(TOKEN, {"lastUsedAt": TIME_OR_NULL, "revokedAt": TIME_OR_NULL, "suspendedAt": TIME_OR_NULL}))
schema("TokenCreated", members({**TOKEN, "token": {**text(pattern="^slt_[a-z]{3}_[0-9A-Za-z]{14}_[0-9A-Za-z]+$"), "readOnly": True}}))
schema("TokenCreation", members({"role": ROLE}, {
    "name": text(most=64), "names": text(pattern=r"^([A-Za-z0-9_./-]{1,127}\*?|[A-Za-z0-9_./-]{128}|\*)$"),
    "addresses": text(most=256), "expiresInDays": number(1, 3650)}))
schema("OwnToken", members({**TOKEN, "team": members({"id": ULID, "name": text(most=64, least=1)})}))
operation("GET", "/token", "The token that asks, and its team", answers={200: "OwnToken"})
for prefix in ("", "/operator/teams/{team}"):
    lost = {404} if prefix else set()
    operation("GET", prefix + "/tokens", "List tokens, also revoked and expired ones", answers={200: array("Token")}, refuses=lost)
    operation("POST", prefix + "/tokens", "Make a token; its text is shown only now", body="TokenCreation",
              answers={201: "TokenCreated"}, refuses=lost)
    operation("DELETE", prefix + "/tokens/{id}", "Revoke a token", path={"id": TOKEN["id"]}, answers={200: "Nothing"},
              refuses={404})

# --- the team ---
SIGNING = {**NAME, "type": ["string", "null"], "description": "The name of the secret that signs webhooks"}
SETTINGS = {"putExisting": words("refuse", "rotate"), "policyDefault": words("open", "strict"), "webhookSigningSecret": SIGNING}
TEAM = {"id": ULID, "name": text(most=64, least=1), **SETTINGS, "createdAt": TIME}
schema("Team", members(TEAM))
schema("TeamChange", {**members(optional=SETTINGS, about="One of them or more"), "minProperties": 1,
                      "anyOf": [{"required": [name]} for name in SETTINGS]})
operation("GET", "/team", "The team of this token", answers={200: "Team"})
operation("PATCH", "/team", "Change the team's settings", body="TeamChange", answers={200: "Team"})

# --- audit ---
def events():
    return re.findall(r'AUDIT\(\w+, "([^"]+)"', (ROOT / "src/store/audit.def").read_text())


schema("AuditRecord", members(
    {"sequence": {"type": "integer", "minimum": 1}, "at": TIME, "event": text(pattern=r"^[a-z]+\.[a-z_]+$"),
     "mac": text(pattern="^[0-9a-f]{64}$")},
    {"actor": TEXT, "address": TEXT, "requestId": TEXT, "subject": TEXT, "name": TEXT, "version": VERSION, "job": ULID,
     "field": TEXT, "host": TEXT}))
SEQUENCE = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
AUDIT_QUERY = {"after": SEQUENCE, "before": SEQUENCE, "limit": number(1, 1000), "sort": words("oldest_first", "newest_first"),
               "event": text(pattern=r"^(%s)(,(%s))*$" % (("|".join(map(re.escape, events())),) * 2)), "actor": text(least=1, most=128),
               "name": text(least=1, most=128, about="A name, or its beginning and `*`"), "job": ULID, "since": TIME, "until": TIME}
AUDIT_HEADERS = {200: {"X-Audit-Next": "The sequence to go on from (`after`, or `before`); absent when there is no more"}}
operation("GET", "/audit", "The team's audit log, oldest first", query=AUDIT_QUERY, answers={200: array("AuditRecord")},
          headers=AUDIT_HEADERS)

HASH = text(pattern="^[0-9a-f]{64}$")
schema("AuditVerdict", members({"valid": FLAG, "records": COUNT, "firstBad": {"type": ["integer", "null"], "minimum": 1}, "head": HASH},
                               about="`records` are good from the first on; `head` is the MAC of the last of them"))


def audit_operations(prefix, refuses=()):
    operation("GET", prefix + "/audit/verify", "Check every record's MAC", answers={200: "AuditVerdict"}, refuses=refuses)
    operation("GET", prefix + "/audit/export", "Every record as a line of JSON", query={"after": SEQUENCE},
              answers={200: ("application/x-ndjson", TEXT)}, refuses=refuses, headers={200: {"Content-Disposition": "attachment, and a file's name"}})
    operation("POST", prefix + "/audit/checkpoint", "Sign how the log stands", answers={200: ("text/plain", TEXT)}, refuses={409, *refuses},
              details="A C2SP checkpoint; 409 `CONFLICT` when the log is not as it was written")
    operation("GET", prefix + "/audit/key", "The public key that checks checkpoints", answers={200: members({"key": TEXT})}, refuses=refuses)


audit_operations("")
audit_operations("/operator/teams/{team}", {404})
audit_operations("/operator")

# --- health and this description ---
operation("GET", "/healthz", "The process answers", answers={200: "Status"})
schema("NotReady", members({"error": TEXT, "code": text(pattern="^[A-Z_]+$"), "status": words("not ready"), "spool": words("ok", "full"),
                            "reasons": array(words("vault_down", "store_readonly", "courier_down", "spool_full"), least=1)}))
operation("GET", "/readyz", "It can also do its work", answers={200: members(
    {"status": words("ready"), "spool": words("ok", "full"), "reasons": array(words("spool_full"))}), 503: "NotReady"})
operation("GET", "/metrics", "Numbers for Prometheus, for those whom the setting `metrics` lets",
          answers={200: ("text/plain", TEXT)}, refuses={401, 404})
operation("GET", "/openapi.json", "This description", answers={200: {"type": "object"}})

# --- the operator's, on the UNIX socket ---
schema("TeamCreated", members({**TEAM, "tokenId": TEXT, "token": TEXT}))
schema("KeyStatus", members({"masterVersion": VERSION, "masterVersions": VERSION, "unlocked": FLAG, "pendingRoot": FLAG,
                             "memoryLocked": FLAG, "sandboxed": FLAG, "rotation": "Rotation"}))
schema("Rotation", members({"level": words("team", "master", "root"), "state": words("idle", "running", "done", "failed"),
                            "done": COUNT}, {"team": ULID, "code": TEXT, "error": TEXT}))
schema("ServerStatus", members(optional={"vault": {"type": "object"}, "api": {"type": "object"}, "courier": {"type": "object"},
                                         "store": {"type": "object"}}))
operation("GET", "/operator/teams", "List teams", answers={200: array("Team")})
operation("POST", "/operator/teams", "Make a team and its first token", body=members({"name": text(most=64, least=1)}),
          answers={201: "TeamCreated"}, refuses={409})
operation("PATCH", "/operator/teams/{team}", "Change a team's settings", body="TeamChange", answers={200: "Team"}, refuses={404})
operation("DELETE", "/operator/teams/{team}", "Destroy a team; its audit log stays", answers={200: "Nothing"}, refuses={404})
operation("GET", "/operator/teams/{team}/audit", "A team's audit log", query=AUDIT_QUERY, answers={200: array("AuditRecord")},
          refuses={404}, headers=AUDIT_HEADERS)
operation("GET", "/operator/audit", "The installation's own records", query=AUDIT_QUERY, answers={200: array("AuditRecord")},
          headers=AUDIT_HEADERS)
operation("GET", "/operator/keys", "How the keys stand", answers={200: "KeyStatus"})
operation("POST", "/operator/keys/rotate", "Begin a rotation", body=members({"level": words("team", "master", "root")},
          {"team": TEXT}), answers={202: members({"state": words("running")})}, refuses={404, 409})
operation("GET", "/operator/status", "What each process could obtain and whether its parts work", answers={200: "ServerStatus"})
APPROVED = members({"approved": COUNT})
operation("POST", "/operator/teams/{team}/approve-tokens", "Every token that a restore made void is good again", answers={200: APPROVED},
          refuses={404})
operation("POST", "/operator/teams/{team}/tokens/{id}/approve", "A token that a restore made void is good again", path={"id": TOKEN["id"]},
          answers={200: APPROVED}, refuses={404, 409})
RECOVERY_ID = text(pattern="^[0-9a-f]{16}$")
schema("RecoveryKey", members({"id": text(pattern="^[0-9a-f]{16}$", null=True), "mark": text(pattern="^[0-9a-f]{26}$")}))
operation("POST", "/operator/backup", "A backup, as it is made", query={"spool": words("yes", "no")},
          answers={200: ("application/octet-stream", TEXT)}, refuses={409})
operation("GET", "/operator/recovery-key", "Whom backups are encrypted for", answers={200: "RecoveryKey"},
          details="`id` is null while there is no recovery key")
operation("POST", "/operator/recovery-key", "Encrypt backups for the key that lies in recovery.pub.next", body=members({"id": RECOVERY_ID}),
          answers={200: "RecoveryKey"}, refuses={409})
