"""What is submitted: the payload of a job, a join, a batch (contract of the vendor's jobs, as docs/API.md has it)."""
from words import (ANYTHING, SCHEMAS, FLAG_OR_NULL, OBJECT_OR_NULL, TEXT, ULID, array, either, members, number, refer, schema, text,
                   words)

LONG = text(most=1024, null=True)
FRAME = number(0, 1000000000)
WORD = "^[a-z0-9-]{1,64}$"
TAGS = "^([A-Za-z0-9_-]+(,[A-Za-z0-9_-]+)*)?$"


def nullable(value):
    return {**value, "type": [value["type"], "null"]}


schema("Address", {"type": "string", "maxLength": 8192, "pattern": r"^([hH][tT][tT][pP][sS]?://|\$\{secrets?\.)[^\x00-\x20\x7f\\]+$",
                   "description": "http or https, or a reference that holds the whole address"})
schema("AddressOrNull", {"anyOf": [refer("Address"), {"type": "string", "maxLength": 0}, {"type": "null"}]})
schema("Headers", {"type": ["object", "null"], "propertyNames": {"pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$"},
                   "additionalProperties": text(most=8192), "maxProperties": 100})

# --- settings, upload, webhook ---
schema("Settings", nullable({**members(optional={
    "type": words("video", "image", "aep", null=True), "frames": either(FRAME, array(FRAME, 2, 2), {"type": "null"}),
    "quality": words("draft", "full", null=True),
    "codec": text(null=True, about="The vendor's id, long (`video_h264_vbr_15mbps`) or short"),
    "engine": words("ae2025", "ae2026", null=True)}, closed=True),
    "if": {"properties": {"type": {"const": "image"}}, "required": ["type"]},
    "then": {"required": ["frames"]}}))
schema("UploadParams", members({n: text(most=1024, least=1) for n in ("region", "bucket", "accessKeyId", "accessKeySecret")},
                               {"endpoint": "AddressOrNull", "acl": LONG}, closed=True))
schema("Upload", nullable(members({"params": "UploadParams"}, {"provider": words("s3", null=True), "prefix": LONG,
                                  "outputUrl": "AddressOrNull"}, closed=True)))
schema("Webhook", nullable(members({"url": "Address"}, {
    "method": words("GET", "POST", "PUT", "DELETE", null=True), "headers": "Headers", "data": OBJECT_OR_NULL,
    "custom": FLAG_OR_NULL})))
schema("JobTemplate", nullable(members({"id": text(most=1024, least=1)}, {"src": "AddressOrNull", "composition": LONG,
                                                                          "name": LONG})))

# --- assets, by what each type needs ---
COMMON = {"layerName": LONG, "name": LONG, "src": "AddressOrNull", "composition": LONG, "property": ANYTHING,
          "expression": ANYTHING, "value": ANYTHING, "params": OBJECT_OR_NULL, "conform": FLAG_OR_NULL}


def asset(kind, required, **more):
    kinds = {"const": kind} if isinstance(kind, str) else {"enum": list(kind)}
    chosen = {**COMMON, **more}
    schema(f"Asset{(kind if isinstance(kind, str) else 'File').capitalize()}",
           members({"type": kinds, **{n: chosen.pop(n) for n in required}}, chosen))


FETCHED = members(optional={"headers": "Headers"})
SCALAR = either(TEXT, {"type": "number"})
asset("text", ["value"], value=SCALAR, params=OBJECT_OR_NULL)
for kind in ("data", "essential"):
    asset(kind, [])
    SCHEMAS[f"Asset{kind.capitalize()}"]["anyOf"] = [{"required": ["value"]}, {"required": ["expression"]}]
asset(("image", "video", "audio", "static"), ["src"], src="Address", params=nullable(FETCHED))
asset("script", [], params=nullable(FETCHED))
SCHEMAS["AssetScript"]["anyOf"] = [{"required": ["src"], "properties": {"src": refer("Address")}}, {"required": ["value"]}]
asset("function", ["name"], name=text(pattern="^nx[:-][a-z0-9-]{1,64}$"),
      params=nullable(members(optional={"layerName": either(text(least=1, most=1024), array(text(least=1, most=1024), least=1))})))
schema("NestedTemplate", members({"id": text(most=1024, least=1)}, {"src": "AddressOrNull", "composition": LONG, "name": LONG},
                                 about="One of the team's by its id, or any with `src`"))
SCHEMAS["NestedTemplate"]["anyOf"] = [{"properties": {"id": text(pattern="^[A-Z0-9]{26}$")}},
                                      {"required": ["src"], "properties": {"src": refer("Address")}}]
schema("AssetJob", members({"type": {"const": "job"}, "template": "NestedTemplate"},
                           {"layerName": LONG, "assets": array("Asset", most=1000, null=True), "preview": FLAG_OR_NULL,
                            "settings": "Settings"}))
schema("Asset", either("AssetText", "AssetData", "AssetEssential", "AssetFile", "AssetScript", "AssetFunction", "AssetJob"))

# --- the payloads ---
schema("Tags", either(text(most=256, pattern=TAGS), array(text(pattern="^[A-Za-z0-9_-]+$", most=256)), {"type": "null"}))
JOB_PARTS = {
    "template": "JobTemplate", "engine": text(pattern=WORD, null=True), "assets": array("Asset", most=1000, null=True),
    "fonts": array(text(most=1024, least=1), most=1000, null=True), "settings": "Settings", "preview": FLAG_OR_NULL,
    "upload": "Upload", "webhook": "Webhook", "tags": "Tags", "priority": number(-1000, 1000, null=True)}
schema("JobCreation", {**members(optional=JOB_PARTS, about="`template`, unless `engine` names one that needs none; members "
                                                           "that are not listed here are kept and not used"),
                       "anyOf": [{"required": ["template"], "properties": {"template": {"type": "object"}}},
                                 {"required": ["engine"], "properties": {"engine": {"type": "string"}}}]})
schema("JoinCreation", members({"assets": array(either("AssetVideo", "AssetJob"), least=1, most=1000)},
                               {"settings": nullable(members(optional={"preset": words("mp4", null=True)})), "upload": "Upload",
                                "webhook": "Webhook", "tags": "Tags", "priority": number(-1000, 1000, null=True)}))
schema("AssetVideo", members({"type": {"const": "video"}, "src": "Address"}, {"name": LONG, "params": nullable(FETCHED)}))
schema("JobsCancellation", members({"jobs": array(ULID, least=1, most=1000, unique=True)}))
schema("BatchCreation", members({"jobs": array("JobCreation", least=1, most=1000)}))
