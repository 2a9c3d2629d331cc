"""What many answers share: errors, warnings, the job."""
from words import COUNT, TEXT, TEXT_OR_NULL, TIME, TIME_OR_NULL, ULID, array, members, number, schema, text, words

STATES = ("queued", "pending", "render:dorender", "finished", "error", "manually_cancelled")

schema("Problem", members({"field": TEXT, "message": TEXT}, about="`field` is a member's name, or for jobs a JSON pointer"))
schema("Error", members({"error": TEXT, "code": text(pattern="^[A-Z_]+$")}, {"details": array("Problem", least=1)},
                        about="`error` is a sentence for a person, `code` does not change between versions; nothing of the "
                              "request is quoted"))
schema("Nothing", members(closed=True))
schema("JobStatus", words(*STATES))
schema("JobStats", members({
    "createdAt": TIME, "updatedAt": TIME, "startedAt": TIME_OR_NULL, "finishedAt": TIME_OR_NULL, "errorAt": TIME_OR_NULL,
    "totalAssets": COUNT, "renderDuration": {"type": ["number", "null"], "minimum": 0}, "error": TEXT_OR_NULL}))

JOB = {"id": ULID, "templateId": TEXT_OR_NULL, "status": "JobStatus", "progress": number(0, 100), "outputUrl": TEXT_OR_NULL}
JOB_MORE = {"stats": "JobStats", "missingFonts": array(TEXT, least=1)}
schema("Job", members(JOB, JOB_MORE, about="Never the payload. `stats` is left out of lists with `minimal=true`"))
schema("Status", members({"status": words("ok", "ready")}))

