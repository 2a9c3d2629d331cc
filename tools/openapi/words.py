"""The small words the description is written in: schemas, parameters, operations."""

OPERATIONS = {}  # (method, pattern as routes.def has it) -> Operation
SCHEMAS = {}     # name -> schema
JSON = "application/json"
BYTES = "application/octet-stream"

ULID_PATTERN = "^[0-9A-HJKMNP-TV-Z]{26}$"
ULID = {"type": "string", "pattern": ULID_PATTERN}
TIME = {"type": "string", "format": "date-time"}
TIME_OR_NULL = {"type": ["string", "null"], "format": "date-time"}
TEXT = {"type": "string"}
TEXT_OR_NULL = {"type": ["string", "null"]}
FLAG = {"type": "boolean"}
FLAG_OR_NULL = {"type": ["boolean", "null"]}
COUNT = {"type": "integer", "minimum": 0}
NUMBER = {"type": "number"}
OBJECT = {"type": "object"}
OBJECT_OR_NULL = {"type": ["object", "null"]}
ANYTHING = {}
VERSION = {"type": "integer", "minimum": 1}


def text(most=None, least=None, pattern=None, null=False, about=None, example=None):
    schema = {"type": ["string", "null"] if null else "string"}
    for key, value in (("minLength", least), ("maxLength", most), ("pattern", pattern), ("description", about),
                       ("examples", [example] if example is not None else None)):
        if value is not None:
            schema[key] = value
    return schema


def number(least, most, null=False, about=None):
    return {"type": ["integer", "null"] if null else "integer", "minimum": least, "maximum": most,
            **({"description": about} if about else {})}


def words(*values, null=False):
    return {"type": ["string", "null"] if null else "string", "enum": [*values, *([None] if null else [])]}


def array(of, least=None, most=None, null=False, unique=False):
    schema = {"type": ["array", "null"] if null else "array", "items": refer(of)}
    for key, value in (("minItems", least), ("maxItems", most), ("uniqueItems", unique or None)):
        if value is not None:
            schema[key] = value
    return schema


def refer(schema):
    """A name means a schema of components."""
    return {"$ref": f"#/components/schemas/{schema}"} if isinstance(schema, str) else schema


def about(schema, sentence):
    return {**refer(schema), "description": sentence}


def members(required=None, optional=None, closed=False, about=None):
    required, optional = required or {}, optional or {}
    schema = {"type": "object"}
    if about:
        schema["description"] = about
    if required:
        schema["required"] = list(required)
    schema["properties"] = {name: refer(s) for name, s in {**required, **optional}.items()}
    if closed:
        schema["additionalProperties"] = False
    return schema


def either(*schemas):
    return {"anyOf": [refer(s) for s in schemas]}


def both(*schemas):
    return {"allOf": [refer(s) for s in schemas]}


def schema(name, value):
    assert name not in SCHEMAS, name
    SCHEMAS[name] = value
    return name


class Operation:
    """One address and method.

    body      a schema (JSON), or {content type: schema}
    needed    the body may not be left out
    query     {name: schema}; a name that ends with '!' is required
    path      {name: schema}; what is not named is any text
    answers   {status: schema, (content type, schema), a list of such pairs, or None for no body}
    refuses   statuses of this operation alone, beside those that its kind brings along
    headers   {status: {name: description}} of answers
    """

    def __init__(self, method, pattern, about, body=None, needed=True, query=None, path=None, answers=None, refuses=(),
                 headers=None, details=None):
        self.method, self.pattern, self.about, self.details = method, pattern, about, details
        self.body = body if body is None or isinstance(body, dict) and all("/" in k for k in body) else {JSON: body}
        self.needed, self.query, self.path = needed, query or {}, path or {}
        self.answers, self.refuses, self.headers = answers or {}, set(refuses), headers or {}


def operation(method, pattern, about, **more):
    assert (method, pattern) not in OPERATIONS, (method, pattern)
    OPERATIONS[method, pattern] = Operation(method, pattern, about, **more)
