"""Bedrock as botocore's service model has it: what may be asked, and that what is answered is what boto3 reads."""

import base64
import binascii
import json
import re
import struct
import zlib

import botocore.session
from botocore.eventstream import EventStreamBuffer
from botocore.parsers import EventStreamJSONParser, create_parser
from botocore.validate import ParamValidator

SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")
PARSER = create_parser("rest-json")


class Invalid(Exception):
    """A request that Bedrock refuses with a ValidationException."""


def validated(operation, parameters):
    """The parameters of an operation with their blobs as bytes; every member known, in its type, enum, pattern and range."""
    shape = SERVICE.operation_model(operation).input_shape
    parameters = _strict(shape, parameters, operation)
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        raise Invalid(report.generate_report())
    return parameters


def _strict(shape, value, at):
    """What botocore leaves to the service: base64, enums and patterns."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict) and not shape.is_document_type:
        return {
            name: _strict(shape.members[name], inner, f"{at}.{name}") if name in shape.members else inner
            for name, inner in value.items()
        }
    if kind == "list" and isinstance(value, list):
        return [_strict(shape.member, inner, f"{at}.{index}") for index, inner in enumerate(value)]
    if kind == "map" and isinstance(value, dict):
        return {name: _strict(shape.value, inner, f"{at}.{name}") for name, inner in value.items()}
    if kind == "blob":
        try:
            return value if isinstance(value, bytes) else base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise Invalid(f"{at}: not base64") from None
    if kind == "string" and isinstance(value, str):
        allowed = getattr(shape, "enum", None)
        if allowed and value not in allowed:
            raise Invalid(f"{at}: {value!r} is none of {allowed}")
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            raise Invalid(f"{at}: {value!r} does not match {pattern}")
    return value


def answered(operation, answer):
    """The body of an answer, which boto3 must be able to read whole."""
    shape = SERVICE.operation_model(operation).output_shape
    _check(answer, shape, operation)
    body = json.dumps(answer).encode()
    parsed = PARSER.parse({"status_code": 200, "headers": {}, "body": body}, shape)
    assert set(answer) <= set(parsed), f"{operation}: boto3 does not read {set(answer) - set(parsed)}"
    return body


def event(name, payload):
    """One frame of a stream, which botocore must be able to read."""
    shape = SERVICE.operation_model("ConverseStream").output_shape.members["stream"]
    _check(payload, shape.members[name], name)
    # The real one pads, so that the length says nothing of the text.
    body = json.dumps({**payload, "p": "abcdefghijkl"}).encode()
    return _read_back(_frame({":event-type": name, ":content-type": "application/json", ":message-type": "event"}, body), shape)


def exception(name, payload):
    """A frame that says what went wrong in the midst of a stream."""
    shape = SERVICE.operation_model("ConverseStream").output_shape.members["stream"]
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return _read_back(_frame(headers, json.dumps(payload).encode()), shape)


def _check(value, shape, name):
    report = ParamValidator().validate(_strict(shape, value, name), shape)
    assert not report.has_errors(), f"{name}: {report.generate_report()}"


def _read_back(frame, shape):
    buffer = EventStreamBuffer()
    buffer.add_data(frame)
    (message,) = list(buffer)
    assert EventStreamJSONParser().parse(message.to_response_dict(), shape), message.payload
    return frame


def _frame(headers, payload):
    block = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + block + payload
    return message + struct.pack(">I", zlib.crc32(message))
