"""What workers call: ours, and the stock one."""
from words import (ANYTHING, BYTES, FLAG, OBJECT, TEXT, TEXT_OR_NULL, TIME_OR_NULL, ULID, array, members, number, operation, schema,
                   text, words)

TEXT_256 = text(most=256, null=True)
schema("LeaseRequest", members(optional={"worker": TEXT_256, "engines": TEXT_256, "tags": TEXT_256}))
schema("LeasedJob", members({"id": ULID}))
schema("Lease", members({"lease": ULID, "leaseMs": number(1, 86400000), "job": "LeasedJob",
                         "output": members({"url": TEXT, "name": TEXT})}))
operation("POST", "/worker/lease", "Take the next job", body="LeaseRequest", needed=False, answers={200: "Lease", 204: None})
operation("POST", "/worker/leases/{lease}/heartbeat", "Keep the lease", body=members(optional={"progress": number(0, 100)}),
          needed=False, answers={200: members({"leaseMs": number(1, 86400000), "cancel": FLAG})}, refuses={409})
operation("POST", "/worker/leases/{lease}/log", "Hand in a piece of the log", body={BYTES: TEXT}, needed=False,
          query={"offset!": {"type": "integer", "minimum": 0, "maximum": 2**62}, "final": words("0", "1")},
          answers={200: members({"accepted": {"type": "integer", "minimum": 0}})}, refuses={409})
operation("POST", "/worker/leases/{lease}/finish", "End the job",
          body=members({"state": words("finished", "error", "queued")}, {"error": text(most=65536, null=True)}),
          answers={200: "Nothing"}, refuses={409})

TICKET = {"ticket": text(least=1, about="Made by the server; it needs no token")}
operation("PUT", "/t/{ticket}", "Hand in an output", body={BYTES: TEXT}, needed=False, path=TICKET, answers={201: "Nothing"},
          refuses={404, 409, 410})
operation("GET", "/t/{ticket}", "Fetch an asset, a template, a font, the output of a nested job", path=TICKET,
          answers={200: (BYTES, TEXT), 206: (BYTES, TEXT)}, refuses={404, 405, 410, 416, 502})
operation("POST", "/t/{ticket}", "Ask where to put a file, as provider-nx does, or say that it is there", path=TICKET,
          answers={200: members(optional={"upload_url": TEXT, "finilize_url": TEXT})}, refuses={404, 409, 410})
operation("PUT", "/t/{ticket}/log", "Hand in a worker's log", body={BYTES: TEXT}, needed=False, path=TICKET, answers={201: "Nothing"},
          refuses={404, 409, 410})

# --- protocol v1 of the open-source farm ---
LIGHT = {"uid": ULID, "state": TEXT, "type": {"const": "default"}, "tags": TEXT_OR_NULL, "renderProgress": number(0, 100),
         "error": TEXT_OR_NULL, "createdAt": TIME_OR_NULL, "updatedAt": TIME_OR_NULL, "startedAt": TIME_OR_NULL,
         "finishedAt": TIME_OR_NULL, "errorAt": TIME_OR_NULL, "jobCreator": TEXT_OR_NULL, "jobExecutor": TEXT_OR_NULL,
         "timings": OBJECT}
schema("FarmJobLight", members(LIGHT, about="Never the payload"))
schema("FarmJob", members({"uid": ULID, "type": {"const": "default"}, "state": TEXT, "template": OBJECT, "assets": array(OBJECT),
                           "actions": OBJECT}, about="A job as a worker of protocol v1 renders it"))
schema("FarmCreation", members({"template": members({"src": TEXT}, {"composition": TEXT_OR_NULL})},
                               {"assets": array(OBJECT), "actions": {"type": ["object", "null"]}, "tags": TEXT_OR_NULL}))
schema("FarmUpdate", members(optional={"state": text(most=64, null=True), "renderProgress": {"type": ["number", "null"]}, "error": ANYTHING},
                             about="The rest of the job, which workers send along, is not looked at"))
TAGS = {"tags": text(least=1, most=256)}
for depth in ("{a}", "{a}/{b}", "{a}/{b}/{c}"):
    operation("OPTIONS", "/api/v1/" + depth, "What web pages ask before they ask", answers={200: ("text/plain", TEXT)})
operation("GET", "/api/v1/health", "The process answers", answers={200: ("text/plain", TEXT)})
operation("POST", "/api/v1/jobs", "Submit a job of the open-source farm", body="FarmCreation",
          answers={200: "FarmJobLight", 400: [("application/json", "Error"), ("text/plain", TEXT)]}, refuses={404})
operation("GET", "/api/v1/jobs", "List jobs; for a worker: take the next one that hands over no value",
          answers={200: array({"anyOf": [{"$ref": "#/components/schemas/FarmJobLight"}, {"$ref": "#/components/schemas/FarmJob"}]})})
for path in ("/api/v1/jobs/pickup", "/api/v1/jobs/pickup/{tags}"):
    operation("GET", path, "Take the next job; {} when there is none", path=TAGS if "{" in path else None,
              answers={200: {"anyOf": [{"$ref": "#/components/schemas/FarmJob"}, {"$ref": "#/components/schemas/Nothing"}]}})
operation("GET", "/api/v1/jobs/status", "List jobs", answers={200: array("FarmJobLight")})
for path in ("/api/v1/jobs/{uid}", "/api/v1/jobs/{uid}/status"):
    operation("GET", path, "One job", answers={200: "FarmJobLight"}, refuses={404})
operation("PUT", "/api/v1/jobs/{uid}", "What a worker says of its job", body="FarmUpdate", answers={200: "FarmJobLight"},
          refuses={404, 409})
operation("DELETE", "/api/v1/jobs/{uid}", "Cancel a job", answers={200: members({"id": ULID, "removed": {"const": True}})},
          refuses={404, 409})
