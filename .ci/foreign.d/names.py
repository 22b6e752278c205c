"""Documents of names and shapes that are hard to make Rust of, written to a directory: `names.py DIRECTORY`."""

import json
import pathlib
import sys

ODD = [
    "new", "clone", "send", "into_future", "intoFuture", "call", "configuration", "self", "Self", "super", "crate", "type",
    "as", "extra", "record", "fn", "async", "await", "dyn", "try", "union", "gen", "raw", "r#type", "_", "__", "-", "2fa", "1",
    "名前", "😀", "a b", "a-b", "a.b", "a$b", "$ref", "@id", "body", "field", "from", "into", "default", "with_call",
    "asynchronous", "debug", "eq", "hash", "drop", "to_string", "to_owned", "borrow", "try_into", "type_id", "fmt",
    "unreadable", "clear", "omit", "send_empty", "additional", "set_additional", "insert", "get", "remove", "iter", "len",
    "is_whole", "presence", "serialize", "deserialize", "value", "item", "items", "pages", "next", "Some", "None", "Ok", "Err",
    "true", "false", "null", "main", "macro", "str", "String", "u8", "i64", "bool", "Vec", "Option", "Box", "Result",
    "constructor", "prototype", "__proto__", "toString", "I", "ID", "id", "Id", "iD", "ß", "ss", "ﬁ", "İ", "unset", "Unset",
    "unknown", "other", "x" * 300,
]
TYPES = [
    "Task", "Json", "Extra", "Call", "Response", "Error", "Field", "Page", "Pages", "Items", "Unsent", "Payload",
    "Configuration", "Timestamp", "Secret", "OneOrMany", "Presence", "Unreadable", "Unknown", "Method", "Operation",
]
OPTIONS = ["maxWait", "MAX_WAIT", "max-wait", "Lane", "Timeout", "timeout_", "_timeout", "DEADLINE", "idempotencyKey", "Header"]
THING = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}


def refer(name):
    return {"$ref": "#/components/schemas/" + name.replace("~", "~0").replace("/", "~1")}


def content(schema):
    return {"content": {"application/json": {"schema": schema}}}


def operation(name=None, **more):
    named = {} if name is None else {"operationId": name}
    return {**named, "tags": ["Things"], "responses": {"200": {"description": "", **content(refer("Thing"))}}, **more}


def responding(schema):
    return {"get": operation("getA", responses={"200": {"description": "", **content(schema)}})}


def document(paths, schemas=None, version="3.1.0"):
    components = {"schemas": {"Thing": THING, **(schemas or {})}}
    return {"openapi": version, "info": {"title": "t", "version": "1"}, "paths": paths, "components": components}


def query(name, **more):
    return {"name": name, "in": "query", "schema": {"type": "string"}, **more}


def path(*names):
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def fields(**more):
    odd = {"type": "object", "properties": {name: {"type": "string"} for name in ODD}, **more}
    both = operation("createOdd", requestBody={"required": True, **content(refer("Odd"))}, responses={"200": {"description": "", **content(refer("Odd"))}})
    return document({"/odd": {"post": both}}, {"Odd": odd})


def nullable(version, properties):
    both = operation("sendN", requestBody={"required": True, **content(refer("N"))}, responses={"200": {"description": "", **content(refer("N"))}})
    return document({"/n": {"post": both}}, {"N": {"type": "object", "required": list(properties), "properties": properties}}, version)


def listing(parameters, properties):
    return {"get": operation("list", parameters=[query(name) for name in parameters],
                             responses={"200": {"description": "", **content({"type": "object", "properties": properties})}})}


many = {"type": "array", "items": refer("Thing")}
DOCUMENTS = {
    "parameters": document({"/a": {"get": operation("optional", parameters=[query(name) for name in ODD + OPTIONS])},
                            "/b": {"get": operation("required", parameters=[query(name, required=True) for name in ODD + OPTIONS])}}),
    "fields": fields(),
    "fields_required": fields(required=ODD),
    "fields_additional": fields(additionalProperties={"type": "integer"}),
    "schemas": document({f"/a{at}": {"get": operation(f"get{at}", responses={"200": {"description": "", **content(refer(name))}})}
                         for at, name in enumerate(ODD + TYPES)},
                        {name: {"type": "object", "properties": {"a": {"type": "string"}}} for name in ODD + TYPES}),
    "operations": document({f"/a{at}": {"get": operation(name)} for at, name in enumerate(ODD + TYPES)}),
    "tags": document({f"/a{at}": {"get": operation(f"get{at}", tags=[name])}
                      for at, name in enumerate(ODD + TYPES + ["Models", "Prelude", "mod", "paging"])}),
    "enums": document({}, {"E": {"type": "string", "enum": ODD + ["", " ", "A", "a", "A "]}, "Empty": {"type": "string", "enum": []},
                           "Mixed": {"enum": ["a", 1, True, None]}, "Numbers": {"type": "integer", "enum": [1, 2, 2 ** 64]},
                           "Null": {"enum": [None]}, "Twice": {"type": "string", "enum": ["a", "a"]},
                           "Holder": {"type": "object", "properties": {name: refer(name) for name in ["E", "Empty", "Mixed", "Numbers", "Null", "Twice"]}}}),
    "ids": document({"/a": {"get": operation("same"), "post": operation("same")}, "/b": {"get": operation("same", tags=["Other"])},
                     "/c": {"get": operation(), "post": operation()}, "/a-b": {"get": operation()}, "/a_b": {"get": operation()},
                     "/": {"get": operation()}, "/d": {"get": operation("")}, "/e": {"get": operation("!!")},
                     "/f": {"get": operation("TasksController_")}, "/g": {"get": operation("a.b.c")}}),
    "paths": document({"/t/{id}:archive": {"post": operation("archive", parameters=path("id"))},
                       "/t/{id}.{format}": {"get": operation("formatted", parameters=path("id", "format"))},
                       "/t/{a}-{b}": {"get": operation("pair", parameters=path("a", "b"))},
                       "/t('{id}')": {"get": operation("quoted", parameters=path("id"))},
                       "/t/{id}/a b#c?x=1": {"get": operation("fragment", parameters=path("id"))}}),
    "union_of_itself": document({"/a": responding(refer("A"))}, {"A": {"oneOf": [refer("A"), refer("Thing")]}}),
    "unions_of_each_other": document({"/a": responding(refer("A"))}, {"A": {"anyOf": [refer("B"), {"type": "string"}]},
                                                                    "B": {"anyOf": [refer("A"), {"type": "integer"}]}}),
    "parent_and_children": document({"/a": responding(refer("P"))}, {
        "P": {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}, "parent": refer("P")},
              "discriminator": {"propertyName": "kind", "mapping": {"c": "#/components/schemas/C", "d": "D"}}, "anyOf": [refer("C"), refer("D")]},
        "C": {"allOf": [refer("P"), {"properties": {"sub": {"type": "array", "items": refer("P")}}}]},
        "D": {"allOf": [refer("C"), {"properties": {"d": {"type": "string"}}}]}}),
    "parts_of_each_other": document({"/a": responding(refer("A"))}, {"A": {"allOf": [refer("B")]}, "B": {"allOf": [refer("A")]}}),
    "groups_of_shapes": document({"/a": responding(refer("Shape"))}, {
        "Shape": {"oneOf": [refer("Circle"), refer("Group")], "discriminator": {"propertyName": "t"}},
        "Base": {"allOf": [refer("Shape")], "properties": {"t": {"type": "string"}}},
        "Circle": {"allOf": [refer("Base"), {"properties": {"r": {"type": "number"}}}]},
        "Group": {"allOf": [refer("Base"), {"properties": {"parts": {"type": "array", "items": refer("Shape")}, "inner": refer("Shape")}}]}}),
    "trees": document({"/a": responding(refer("Node"))}, {
        "Base": {"required": ["up"], "properties": {"up": refer("Node")}},
        "Node": {"allOf": [refer("Base"), {"properties": {"left": refer("Node"), "maybe": {"anyOf": [refer("Node"), {"type": "null"}]},
                                                         "named": {"additionalProperties": refer("Node")}}}]},
        "A": {"type": "array", "items": refer("A")}, "M": {"additionalProperties": refer("M")}, "R": refer("R"),
        "X": {"type": "object", "required": ["y"], "properties": {"y": refer("Y")}},
        "Y": {"type": "object", "required": ["x"], "properties": {"x": refer("X")}}}),
    "null_3_0": nullable("3.0.3", {"a": {"type": "string", "nullable": True}, "b": {"allOf": [refer("Thing")], "nullable": True},
                                   "c": {"type": "array", "nullable": True, "items": {"type": "string", "nullable": True}}, "d": {"nullable": True},
                                   "e": {"type": "string", "enum": ["x", None], "nullable": True}}),
    "null_3_1": nullable("3.1.0", {"a": {"type": ["string", "null"]}, "b": {"anyOf": [refer("Thing"), {"type": "null"}]}, "d": {"type": "null"},
                                   "e": {"enum": ["x", None]}, "f": {"oneOf": [{"type": "null"}, refer("Thing"), {"type": "string"}]},
                                   "g": {"type": ["string", "integer", "null"]}, "h": {"type": ["object", "string"]}, "k": {"const": None}}),
    "media": document({f"/m{at}": {"post": operation(f"m{at}", requestBody={"required": True, "content": {media: {"schema": refer("Thing")}}},
                                                     responses={"200": {"description": "", "content": {media: {"schema": refer("Thing")}}}})}
                       for at, media in enumerate([
                           "application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json", "application/merge-patch+json",
                           "application/problem+json", "*/*", "text/plain", "application/xml", "application/octet-stream",
                           "application/x-ndjson", "application/x-www-form-urlencoded", "multipart/form-data", "text/event-stream", ""])}),
    "pages": document({
        "/a": listing(["cursor"], {"things": many, "next_cursor": {"type": "string"}}),
        "/b": listing(["after"], {"data": many, "paging": {"type": "object", "properties": {"nextCursor": {"type": "string"}}}}),
        "/c": listing([], {"data": many, "next": {"type": ["string", "null"], "format": "uri"}}),
        "/d": listing([], {"items": many, "links": {"type": "object", "properties": {"next": {"type": "string"}, "self": {"type": "string"}}}}),
        "/e": listing([], {"value": many, "@odata.nextLink": {"type": "string"}}),
        "/f": listing(["cursor"], {"names": {"type": "array", "items": {"type": "string"}}, "next_cursor": {"type": "string"}}),
        "/g": listing(["pageToken"], {"a": many, "b": many, "nextPageToken": {"type": "string"}})}),
    "deep_objects": document({"/a": {"get": operation("listTasks", parameters=[
        {**query(name), "style": "deepObject", "schema": {"type": "object", "properties": {field: {"type": "string"}}}}
        for name, field in [("updated", "since"), ("max", "wait"), ("title", "contains"), ("filter", "owner")]])}}),
}

directory = pathlib.Path(sys.argv[1])
directory.mkdir(parents=True, exist_ok=True)
for name, written in DOCUMENTS.items():
    (directory / f"{name}.json").write_text(json.dumps(written))
