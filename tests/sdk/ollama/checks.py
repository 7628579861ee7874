"""Requests that Ollama was sent, one in a line, by the types of its own client: every name is known, every value fits."""

import json
import sys

from ollama._types import ChatRequest, Image, Message, Options, Tool

# The server's, which its client does not know yet: they pair calls with results.
NEWER = {"id", "tool_call_id"}


def fits(value, model):
    unknown = value.keys() - model.model_fields.keys() - NEWER
    assert not unknown, f"{model.__name__} has no {unknown}: {value}"
    return model.model_validate(value)


checked = 0
for line in sys.stdin:
    body = json.loads(line)
    fits(body, ChatRequest)
    fits(body.get("options", {}), Options)
    for message in body["messages"]:
        # The client's type holds bytes too: what is text must be base64 already.
        for picture in message.pop("images", []):
            assert Image(value=picture).model_dump() == picture
        fits(message, Message)
        for call in message.get("tool_calls", []):
            fits(call, Message.ToolCall)
            fits(call["function"], Message.ToolCall.Function)
    for tool in body.get("tools", []):
        fits(tool, Tool)
        fits(tool["function"], Tool.Function)
    checked += 1
print(checked)
