"""docs/reference/api.md: every call and object of docs/openapi.json."""
import json

from tables import source


def last(ref):
    return ref.rsplit("/", 1)[1]


def kind(schema):
    """What a value may be, in one phrase."""
    if "$ref" in schema:
        return f"[{last(schema['$ref'])}](#object-{last(schema['$ref']).lower()})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(v)}`" for v in schema["enum"])
    for word in ("anyOf", "oneOf"):
        if word in schema and "properties" not in schema:
            return " or ".join(dict.fromkeys(kind(s) for s in schema[word]))
    if "allOf" in schema:
        return " and ".join(dict.fromkeys(kind(s) for s in schema["allOf"]))
    types = schema.get("type", "anything")
    types = [types] if isinstance(types, str) else types
    said = [f"list of {kind(schema['items'])}" if t == "array" and schema.get("items") else t for t in types]
    return " or ".join("`null`" if t == "null" else t for t in said)


def bounds(schema):
    said = []
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        said.append(f"{low} to {high}")
    elif low is not None or high is not None:
        said.append(f"at least {low}" if low is not None else f"at most {high}")
    if "format" in schema:
        said.append(schema["format"])
    if "pattern" in schema:
        said.append(f"`{schema['pattern']}`")
    if "maxLength" in schema:
        said.append(f"at most {schema['maxLength']} characters")
    if "maxItems" in schema:
        said.append(f"at most {schema['maxItems']} of them")
    return ", ".join(said)


def members(schema, table, cell):
    required = schema.get("required", [])
    rows = []
    for name, s in schema.get("properties", {}).items():
        more = ". ".join(t for t in (s.get("description", ""), bounds(s)) if t)
        rows.append((f"`{name}`", cell(kind(s)), "yes" if name in required else "", cell(more)))
    return table(("member", "what", "required", ""), rows) if rows else ""


def who(operation):
    for way in operation.get("security", []):
        if "token" in way:
            return "Token with the role " + ", ".join(way["token"][:-1]) + (" or " if len(way["token"]) > 1 else "") + way["token"][-1] + "."
    return "No token."


def answers(operation):
    rows, codes = [], []
    for status, answer in operation["responses"].items():
        if "$ref" in answer:
            codes.append(status)
            continue
        bodies = [f"{kind(c['schema'])}" if "json" in t else f"`{t}`" for t, c in answer.get("content", {}).items()]
        rows.append(f"**{status}** {answer.get('description', '')}{': ' if bodies else ''}{', '.join(bodies)}")
    return "; ".join(rows) + (f". Else {', '.join(codes)}." if codes else ".")


def one(method, path, operation, table, cell):
    text = f"### `{method.upper()} {path}`\n\n{operation.get('summary', '').rstrip('.')}. {who(operation)}\n"
    if operation.get("description"):
        text += "\n" + operation["description"].rstrip(".") + ".\n"
    given = [(f"`{p['name']}`", p["in"], cell(kind(p["schema"])), cell(". ".join(t for t in (p.get("description", ""), bounds(p["schema"])) if t)))
             for p in operation.get("parameters", []) if "name" in p]
    if given:
        text += "\n" + table(("parameter", "in", "what", ""), given)
    body = operation.get("requestBody")
    if body:
        for type_, content in body["content"].items():
            schema = content.get("schema", {})
            text += f"\nBody, `{type_}`: {kind(schema)}. {body.get('description', '')}".rstrip() + "\n"
            if "$ref" not in schema and schema.get("properties"):
                text += "\n" + members(schema, table, cell)
    return text + "\nAnswers: " + answers(operation) + "\n"


def page(table, cell):
    document = json.loads(source("docs/openapi.json"))
    by_tag = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in ("get", "put", "post", "patch", "delete") and isinstance(operation, dict):
                by_tag.setdefault((operation.get("tags") or ["Other"])[0], []).append((method, path, operation))
    text = "# The API, call by call\n\n" + document["info"]["description"] + "\n\n"
    text += "The same as a file for tools: [openapi.json](../openapi.json). Errors: [errors.md](errors.md).\n\n"
    text += "".join(f"- [{tag}](#{tag.lower().replace(' ', '-')})\n" for tag in by_tag) + "- [Objects](#objects)\n"
    for tag, operations in by_tag.items():
        text += f"\n## {tag}\n\n" + "\n".join(one(m, p, o, table, cell) for m, p, o in operations)
    text += "\n## Objects\n"
    for name, schema in document["components"]["schemas"].items():
        text += f"\n### Object {name}\n\n"
        if schema.get("description"):
            text += schema["description"].rstrip(".") + ".\n\n"
        inside = members(schema, table, cell)
        text += inside or (kind(schema) + (f", {bounds(schema)}" if bounds(schema) else "") + ".\n")
    return text
