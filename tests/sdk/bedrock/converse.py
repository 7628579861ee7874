"""Converse and ConverseStream: the rules that no service model states, and answers."""

import json

from model import Invalid
from script import COUNTS, GREETING, directed, number, pieces, sample

SIGNATURE = "c2NyaXB0ZWQ="


def check(request):
    """What Bedrock refuses beyond types."""
    messages = request.get("messages", [])
    if not messages or messages[0]["role"] != "user":
        raise Invalid("A conversation must start with a user message. Try again with a conversation that starts with a user message.")
    pending = set()
    for index, message in enumerate(messages):
        if index and message["role"] == messages[index - 1]["role"]:
            raise Invalid("A conversation must alternate between user and assistant roles.")
        blocks = message["content"]
        if not blocks:
            raise Invalid(f"The content field in the Message object at messages.{index} is empty.")
        for at, block in enumerate(blocks):
            if "text" in block and not block["text"].strip():
                raise Invalid(f"The text field in the ContentBlock object at messages.{index}.content.{at} is blank.")
        if any("document" in block for block in blocks) and not any("text" in block for block in blocks):
            raise Invalid("A text content block is required beside documents.")
        results = {block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block}
        if results != pending:
            raise Invalid(f"toolResult blocks at messages.{index}.content are for {sorted(results)}, toolUse blocks of the turn before are {sorted(pending)}.")
        pending = {block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block}
    tools_used = any(name in block for message in messages for block in message["content"] for name in ("toolUse", "toolResult"))
    if tools_used and "toolConfig" not in request:
        raise Invalid("The toolConfig field must be defined when using toolUse and toolResult content blocks.")


def spoken(request):
    """The text of the last message; none after a tool's result, so that a call is made once."""
    blocks = request["messages"][-1]["content"]
    return "" if any("toolResult" in block for block in blocks) else "".join(block.get("text", "") for block in blocks)


class Reply:
    """The content of one answer, the same for both operations."""

    def __init__(self, request, script):
        config = request.get("inferenceConfig", {})
        tool_config = request.get("toolConfig", {})
        choice = tool_config.get("toolChoice", {})
        tools = [tool["toolSpec"] for tool in tool_config.get("tools", []) if "toolSpec" in tool]
        if named := choice.get("tool", {}).get("name"):
            tools = [tool for tool in tools if tool["name"] == named]
        called = number(script, "tools", 1 if "any" in choice or named else 0)
        self.calls = [
            {"toolUseId": f"tooluse_scripted_{index}", "name": tool["name"], "input": sample(tool["inputSchema"]["json"])}
            for index, tool in enumerate(tools[:called])
        ]
        self.reasoning = [f"thought {index} " for index in range(number(script, "reasoning", 0))]
        self.text = pieces(script)
        if self.text is None:
            form = request.get("outputConfig", {}).get("textFormat", {}).get("structure", {}).get("jsonSchema")
            self.text = [] if self.calls else [json.dumps(sample(json.loads(form["schema"])))] if form else list(GREETING)
        if "refusal" in script:
            self.text = [script["refusal"]]
        self.stop = "tool_use" if self.calls else "content_filtered" if "refusal" in script else "end_turn"
        self._limit(config)
        self.stop = script.get("finish", self.stop)
        self.citation = script.get("citation")
        self.tier = request.get("serviceTier")
        self.usage = self._usage(request, script)

    def _limit(self, config):
        whole = "".join(self.text)
        met = [whole.find(stop) for stop in config.get("stopSequences", []) if stop in whole]
        if met:
            self.text, self.stop = [whole[: min(met)]], "stop_sequence"
        if len(self.text) > config.get("maxTokens", len(self.text)):
            self.text, self.stop = self.text[: config["maxTokens"]], "max_tokens"

    def _usage(self, request, script):
        count = {name: number(script, name) for name in COUNTS}
        if all(value is None for value in count.values()):
            characters = len(json.dumps([request["messages"], request.get("system", [])], default=lambda _: "blob"))
            count = {"input": characters // 4, "output": max(1, len(self.text) + len(self.reasoning) + 8 * len(self.calls))}
        read, written = count.get("cached") or 0, count.get("cache_write") or 0
        tokens = {"inputTokens": count.get("input") or 0, "outputTokens": count.get("output") or 0}
        tokens["totalTokens"] = sum(tokens.values()) + read + written
        return {**tokens, "cacheReadInputTokens": read, "cacheWriteInputTokens": written}

    def _tail(self):
        tail = {"usage": self.usage, "metrics": {"latencyMs": 7}}
        return {**tail, "serviceTier": self.tier} if self.tier else tail

    def _source(self):
        return {"title": self.citation, "location": {"web": {"url": "https://source.example/", "domain": "source.example"}}}

    def whole(self):
        content = []
        if self.reasoning:
            content.append({"reasoningContent": {"reasoningText": {"text": "".join(self.reasoning), "signature": SIGNATURE}}})
        if self.text and self.citation:
            content.append({"citationsContent": {"content": [{"text": "".join(self.text)}], "citations": [self._source()]}})
        elif self.text:
            content.append({"text": "".join(self.text)})
        content += [{"toolUse": call} for call in self.calls]
        return {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": self.stop, **self._tail()}

    def events(self):
        yield "messageStart", {"role": "assistant"}
        blocks = []
        if self.reasoning:
            deltas = [{"reasoningContent": {"text": piece}} for piece in self.reasoning]
            blocks.append((None, [*deltas, {"reasoningContent": {"signature": SIGNATURE}}]))
        if self.text:
            deltas = [{"text": piece} for piece in self.text]
            if self.citation:
                deltas.append({"citation": self._source()})
            blocks.append((None, deltas))
        for call in self.calls:
            text = json.dumps(call["input"])
            halves = [text[: len(text) // 2], text[len(text) // 2 :]]
            start = {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}
            blocks.append((start, [{"toolUse": {"input": half}} for half in ["", *halves]]))
        for index, (start, deltas) in enumerate(blocks):
            if start:
                yield "contentBlockStart", {"start": start, "contentBlockIndex": index}
            for delta in deltas:
                yield "contentBlockDelta", {"delta": delta, "contentBlockIndex": index}
            yield "contentBlockStop", {"contentBlockIndex": index}
        yield "messageStop", {"stopReason": self.stop}
        yield "metadata", self._tail()


def reply(request):
    """The script of a request, and what it makes of it."""
    script = directed(spoken(request))
    return script, Reply(request, script)
