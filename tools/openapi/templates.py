"""Templates and fonts."""
from words import TEXT, TEXT_OR_NULL, TIME, ULID, array, members, operation, schema, text, words

TYPE = words("aep", "zip", "mogrt")
DISPLAY_NAME = text(least=1, most=256, pattern=r"^[^\x00-\x1f\x7f]+$")
BASIC = {"id": ULID, "type": TYPE, "displayName": TEXT, "status": words("awaiting_upload", "uploaded", "error"), "createdAt": TIME,
         "updatedAt": TIME}
DETAILS = {"compositions": array(TEXT), "layers": array(TEXT), "mogrt": {"type": "object"}, "error": TEXT_OR_NULL}
schema("UploadInfo", members({"url": TEXT, "method": {"const": "PUT"}, "fields": {"type": "object"},
                              "expiresIn": {"type": "integer", "minimum": 1}, "key": TEXT}))
schema("Template", members({**BASIC, **DETAILS}))
schema("TemplateCreated", members({**BASIC, **DETAILS, "template": "Template"}, {"uploadInfo": "UploadInfo", "uploadUrl": TEXT}))
schema("TemplateBasic", members(BASIC))
schema("TemplateCreation", members({"type": TYPE, "displayName": DISPLAY_NAME}, {"src": "AddressWithout"}))
schema("AddressWithout", {"type": ["string", "null"], "maxLength": 8192, "pattern": r"^([hH][tT][tT][pP][sS]?://[^\x00-\x20\x7f\\$]+)?$",
                          "description": "http or https, without references"})
schema("Url", members({"url": TEXT}))

operation("POST", "/templates", "Make a template; its file is brought to the address in `uploadInfo`", body="TemplateCreation",
          answers={201: "TemplateCreated"})
operation("GET", "/templates", "List templates", answers={200: array("Template")})
operation("GET", "/templates/{id}", "One template", answers={200: "Template"}, refuses={404})
operation("PATCH", "/templates/{id}", "Rename a template", body=members({"displayName": DISPLAY_NAME}), answers={200: "Template"},
          refuses={404})
operation("DELETE", "/templates/{id}", "Delete a template and its file", answers={204: None}, refuses={404, 409})
operation("PUT", "/templates/{id}/upload", "A new address to bring the file to", answers={200: "UploadInfo"}, refuses={404})
for path in ("download", "upload"):
    operation("GET", "/templates/{id}/" + path, "An address to fetch the file from", answers={200: "Url"}, refuses={404, 410})

TICKET = {"ticket": text(least=1, about="Made by the server; it needs no token")}
operation("PUT", "/upload/{ticket}", "Bring a template's file", body={"application/octet-stream": TEXT}, needed=False, path=TICKET,
          answers={200: "Nothing"}, refuses={404, 409, 410})
operation("GET", "/download/{ticket}", "Fetch a template's file, once", path=TICKET, refuses={404, 410, 416},
          answers={200: ("application/octet-stream", TEXT), 206: ("application/octet-stream", TEXT)})

PAGE = {"limit": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}, "offset": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}}
for root in ("/api/v3", "/v3"):
    operation("GET", root + "/templates", "List templates", answers={200: array("TemplateBasic")})
    operation("GET", root + "/templates/{id}", "One template", answers={200: "TemplateBasic"}, refuses={404})
    for part in ("compositions", "layers"):
        operation("GET", root + "/templates/{id}/" + part, "Always empty: the file is not looked into", query=PAGE,
                  answers={200: {"type": "array", "maxItems": 0}}, refuses={404})

# --- fonts ---
schema("Font", members({"id": ULID, "familyName": TEXT, "fileName": TEXT, "createdAt": TIME}))
operation("POST", "/fonts", "Bring a TrueType font", answers={201: "Font"}, refuses={409, 415},
          body={"multipart/form-data": members({"font": {"type": "string", "contentMediaType": "font/ttf"}}, {"familyName": text(most=128)})})
operation("GET", "/fonts", "List fonts", answers={200: array("Font")})
operation("GET", "/fonts/{id}", "One font", answers={200: "Font"}, refuses={404})
operation("DELETE", "/fonts/{id}", "Delete a font", answers={204: None}, refuses={404, 409})
