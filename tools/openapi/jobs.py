"""Jobs and batches: what comes back, and their addresses."""
import messages
import payload  # noqa: F401
from words import (COUNT, FLAG, TEXT, TEXT_OR_NULL, TIME, TIME_OR_NULL, ULID, array, either, members, number, operation, schema, text,
                   words)

STATES_PATTERN = r"^ *(%s) *(, *(%s) *)*$" % (("|".join(messages.STATES),) * 2)
schema("JobChild", members({"id": ULID, "status": "JobStatus", "outputUrl": TEXT_OR_NULL},
                           {"missingFonts": array(TEXT, least=1), "children": array("JobChild", least=1)}))
CREATED = {"warnings": array("Problem", least=1), "children": array("JobChild", least=1)}
schema("JobCreated", members({**messages.JOB, "stats": "JobStats"}, {"missingFonts": array(TEXT, least=1), **CREATED}))
schema("Checked", members({"valid": {"const": True}, "references": array("CheckedReference")}, {"warnings": array("Problem")},
                          about="Of a dry run: nothing was stored"))
schema("CheckedReference", members({"field": TEXT, "name": TEXT, "sink": TEXT, "exposed": FLAG},
                                   {"version": {"type": ["integer", "null"], "minimum": 1},
                                    "resolvesTo": {"type": "integer", "minimum": 1}, "host": TEXT_OR_NULL}))
LIST_QUERY = {
    "from": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}, "limit": number(1, 1000), "from_date": TIME, "to_date": TIME,
    "states": text(pattern=STATES_PATTERN), "exclude_states": text(pattern=STATES_PATTERN),
    "sort": words("oldest_first", "newest_first", "random", "priority"),
    "tags": text(pattern="^[a-zA-Z0-9_-]+(,[a-zA-Z0-9_-]+)*$", most=256), "minimal": words("true", "false")}
DRY = {"dryRun": words("true", "false")}
RUNNING = {"running": words("true", "false")}

operation("POST", "/jobs", "Submit a job", body="JobCreation", query=DRY, answers={200: "Checked", 201: "JobCreated"}, refuses={404},
          details="With `dryRun=true` it is checked and not stored: 200")
operation("GET", "/jobs", "List jobs", query=LIST_QUERY, answers={200: array("Job")})
operation("GET", "/jobs/{id}", "One job", answers={200: "Job"}, refuses={404})
operation("GET", "/jobs/{id}/logs", "A job's log, masked", answers={200: ("text/plain", TEXT)}, refuses={404},
          query={"offset": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1, "description": "Only what stands from this byte on"}},
          headers={200: {"Content-Disposition": "inline, and a file's name", "X-Log-Bytes": "How long the whole log is now"}})
operation("GET", "/jobs/{id}/references", "Where secrets are used in a job", answers={200: array("CheckedReference")}, refuses={404})
schema("Delivery", members({"id": ULID, "kind": words("upload", "webhook"), "state": words("due", "done", "failed"), "attempts": COUNT,
                            "nextAttemptAt": TIME_OR_NULL, "updatedAt": TIME, "message": TEXT}))
operation("GET", "/jobs/{id}/deliveries", "A job's upload and webhooks, and how they stand", answers={200: array("Delivery")}, refuses={404})
FILE = [(kind, TEXT) for kind in ("application/octet-stream", "video/mp4", "video/quicktime", "image/png", "image/jpeg")]
FILE_NAME = {"Content-Disposition": "inline or attachment, and a file's name"}
operation("GET", "/jobs/{id}/output", "The file of a finished job without upload", answers={200: FILE, 206: FILE, 304: None},
          refuses={404, 410, 416}, headers={200: FILE_NAME, 206: FILE_NAME})
operation("GET", "/o/{file}", "The same by its signed address, which needs no token",
          query={"expires!": text(pattern="^[0-9]{1,12}$"), "signature!": text(pattern="^[0-9a-f]{64}$")},
          answers={200: FILE, 206: FILE, 304: None}, refuses={403, 404, 410, 416}, headers={200: FILE_NAME, 206: FILE_NAME})
operation("POST", "/jobs/{id}/retry-delivery", "Send an output that could not be delivered once more", answers={200: "Job"},
          refuses={404, 409, 410})
operation("POST", "/jobs/join", "Submit a job that joins videos", body="JoinCreation", query=DRY,
          answers={200: "Checked", 201: "JobCreated"}, refuses={404})
operation("PATCH", "/jobs/{id}/cancel", "Cancel a job that waits, and its relatives", query=RUNNING, answers={200: array("Job")},
          refuses={404, 409}, details="With `running=true` also one that is being rendered")
operation("POST", "/jobs/cancel", "Cancel jobs, all of them or none", body="JobsCancellation", query=RUNNING,
          answers={200: array("Job")}, refuses={404, 409})

# --- batches ---
schema("BatchJob", members({"index": COUNT, "id": ULID, "status": "JobStatus"}, {"outputUrl": TEXT, "stats": "JobStats"}))
schema("BatchJobCreated", members({"index": COUNT, **messages.JOB, "stats": "JobStats"},
                                  {"missingFonts": array(TEXT, least=1), **CREATED}))
schema("BatchError", members({"index": COUNT, "error": TEXT, "errorCode": text(pattern="^[A-Z_]+$")},
                             {"details": array("Problem")}))
BATCH = {"totalJobs": COUNT, "successCount": COUNT}
schema("BatchCreated", members({"batchId": ULID, "status": words("created", "partial"), **BATCH, "jobs": array("BatchJobCreated")},
                               {"errors": array("BatchError", least=1)}))
schema("BatchFailed", members({"error": TEXT, "code": TEXT, "status": words("error"), **BATCH, "batchId": ULID, "jobs": array("BatchJobCreated", most=0),
                               "errors": array("BatchError", least=1)}))
schema("Batch", members({"batchId": ULID, "status": words("processing", "finished", "error"),
                         "stats": members({"total": COUNT, "finished": COUNT, "error": COUNT, "cancelled": COUNT, "pending": COUNT}),
                         "jobs": array("BatchJob")}))
schema("BatchCancelled", members({
    "batchId": ULID, "status": words("cancelled", "partial", "unchanged"), "totalJobs": COUNT, "cancelledCount": COUNT,
    "skippedCount": COUNT, "cancelledJobs": array("Job"),
    "jobs": array(members({"index": COUNT, "id": ULID, "result": words("cancelled", "skipped"), "status": "JobStatus"},
                          {"reason": TEXT}))}))
operation("POST", "/batches", "Submit many jobs, each accepted or refused for itself", body="BatchCreation",
          answers={201: "BatchCreated", 400: either("Error", "BatchFailed")}, refuses={404})
operation("GET", "/batches/{id}", "How a batch stands", answers={200: "Batch"}, refuses={404})
operation("POST", "/batches/{id}/cancel", "Cancel what still waits of a batch", query=RUNNING, answers={200: "BatchCancelled"},
          refuses={404})
