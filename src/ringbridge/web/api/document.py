"""The interface described for programs: OpenAPI 3.1, made of `Operation`s.

Source: OpenAPI Specification 3.1.1; its schemas are JSON Schema 2020-12, which is what pydantic writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ringbridge.web.api.operation import JSON, TEXT, Answer, Door, Operation

Document = dict[str, Any]

PLACE = "#/components/schemas/{model}"
KEPT = "max-age=3600"  # it changes with the version only

SCHEMES: Document = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token, made on the page: Settings, Tokens."},
    "tokenInAddress": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "The same, where no header can be set, as in an old Asterisk's CURL.",
    },
    "account": {"type": "http", "scheme": "basic", "description": "An administrator or a supervisor of the page."},
}


class Description:
    """``/api/openapi.json``: open to everybody, for it says the same of every installation."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._document = document(operations)

    @property
    def routes(self) -> list[Route]:
        return [Route("/api/openapi.json", self.answer, methods=["GET"])]

    async def answer(self, request: Request) -> Response:
        return JSONResponse(self._document, headers={"Cache-Control": KEPT})


def document(operations: Iterable[Operation]) -> Document:
    """The whole description, as JSON-ready values."""
    operations = tuple(operations)
    schemas = Schemas(operations)
    paths: dict[str, Document] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = described(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ringbridge",
            "version": "1",
            "summary": "Calls and orders asked for by programs, routes of incoming calls, and figures for monitoring.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": schemas.named, "securitySchemes": SCHEMES},
    }


def described(operation: Operation, schemas: Schemas) -> Document:
    told: Document = {
        "operationId": operation.name,
        "summary": operation.title,
        "security": security_of(operation),
        "parameters": [*places_of(operation), *query_of(operation)],
        "responses": {str(status): answer_of(answer, schemas) for status, answer in sorted(operation.answers.items())},
    }
    if operation.text:
        told["description"] = operation.text
    if operation.body is not None:
        content = {JSON: {"schema": schemas.of(operation.body, "validation")}}
        told["requestBody"] = {"required": needs_body(operation.body), "content": content}
    return told


def security_of(operation: Operation) -> list[Document]:
    """Each of them will do. The permission stands as the token's role."""
    shown = [operation.permission] if operation.permission else []
    match operation.door:
        case Door.BEARER:
            return [{"token": shown}]
        case Door.HERE_OR_BEARER:
            return [{}, {"token": shown}, {"tokenInAddress": shown}]
        case Door.HERE_OR_ACCOUNT:
            return [{}, {"token": shown}, {"account": []}]
        case Door.OPEN:
            return []


def places_of(operation: Operation) -> Iterator[Document]:
    for name, words in operation.places.items():
        yield {"name": name, "in": "path", "required": True, "description": words, "schema": {"type": "string"}}


def query_of(operation: Operation) -> Iterator[Document]:
    if operation.query is None:
        return
    schema = operation.query.model_json_schema()
    for name, part in schema["properties"].items():
        words, kind = part.pop("description", ""), {key: value for key, value in part.items() if key != "title"}
        required = name in schema.get("required", ())
        yield {"name": name, "in": "query", "required": required, "description": words, "schema": kind}


def answer_of(answer: Answer, schemas: Schemas) -> Document:
    content: Document = {}
    if answer.model is not None:
        content[JSON] = {"schema": schemas.of(answer.model, "serialization")}
    if answer.model is None or answer.also_text:
        content[TEXT] = {"schema": {"type": "string"}}
    return {"description": answer.words, "content": content}


def needs_body(model: Any) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


class Schemas:
    """Of all that is sent and answered: each model once, by its name."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        wanted: list[tuple[Any, JsonSchemaMode]] = []
        for operation in operations:
            if operation.body is not None:
                wanted.append((operation.body, "validation"))
            wanted += [(each.model, "serialization") for each in operation.answers.values() if each.model is not None]
        inputs = [(number, mode, TypeAdapter(model)) for number, (model, mode) in enumerate(wanted)]
        found, whole = TypeAdapter.json_schemas(inputs, ref_template=PLACE)
        self.named: Document = whole.get("$defs", {})
        self._of = {(wanted[number][0], mode): schema for (number, mode), schema in found.items()}

    def of(self, model: Any, mode: JsonSchemaMode) -> Document:
        return dict(self._of[model, mode])
