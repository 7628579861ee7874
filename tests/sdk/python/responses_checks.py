"""OpenAI's responses and legacy completions, by its own SDK."""

import json

import openai
from pydantic import BaseModel

from checks import KEY, ORIGIN, PIXEL, UPSTREAM, check, counts, each, got, main, raises

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


def ask(client, model, text, **more):
    return client.responses.create(model=model, input=text, **more)


@check
async def response(client, model):
    answer = await got(ask(client, model, "hello"))
    assert answer.status == "completed" and answer.output_text, answer
    if counts(model):
        assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0, answer
        assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens, answer


@check
async def stream(client, model):
    events = await each(await got(ask(client, model, "hello", stream=True)))
    assert events[0].type == "response.created" and events[-1].type == "response.completed", events
    if UPSTREAM != "aimock":  # It counts none, and is relayed.
        assert [event.sequence_number for event in events] == list(range(len(events))), events
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert said and said == events[-1].response.output_text, events[-1]
    assert not counts(model) or events[-1].response.usage.output_tokens > 0, events[-1]


@check
async def log_probabilities(client, model):
    if UPSTREAM != "scripted":
        return
    wanted = {"include": ["message.output_text.logprobs"], "top_logprobs": 1}
    if "sonnet" in model or "llama" in model:
        error = await raises(openai.BadRequestError, 400, lambda: ask(client, model, "hello", **wanted))
        assert error.param == "include", error
        return
    answer = await got(ask(client, model, "hello [[chunks=2]]", **wanted))
    told = answer.output[0].content[0].logprobs
    assert [(token.token, token.logprob) for token in told] == [("piece 0 ", -0.5), ("piece 1 ", -0.5)], told
    assert b"".join(bytes(token.bytes) for token in told) == b"piece 0 piece 1 ", told
    events = await each(await got(ask(client, model, "hello [[chunks=2]]", stream=True, **wanted)))
    kinds = ("response.output_text.delta", "response.output_text.done")
    counts = [[len(event.logprobs) for event in events if event.type == kind] for kind in kinds]
    assert counts == [[1, 1], [2]], counts


@check
async def tool_round_trip(client, model):
    items = [{"role": "user", "content": "weather in Paris? [[tools=1]]"}]
    first = await got(client.responses.create(model=model, input=items, tools=[WEATHER]))
    call = [item for item in first.output if item.type == "function_call"][0]
    assert call.name == "get_weather" and "city" in json.loads(call.arguments), call
    items += first.output
    items.append({"type": "function_call_output", "call_id": call.call_id, "output": "18C"})
    second = await got(client.responses.create(model=model, input=items, tools=[WEATHER]))
    assert second.output_text, second


class Person(BaseModel):
    name: str
    age: int


@check
async def structured_output(client, model):
    answer = await got(client.responses.parse(model=model, input="a person as JSON", text_format=Person))
    assert isinstance(answer.output_parsed, Person), answer


@check
async def image_input(client, model):
    content = [
        {"type": "input_text", "text": "what is in the picture"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"},
    ]
    answer = await got(client.responses.create(model=model, input=[{"role": "user", "content": content}]))
    assert answer.output_text, answer


@check
async def as_codex_asks(client, model):
    stream = ask(
        client, model, "hello", stream=True, store=False, include=["reasoning.encrypted_content"], prompt_cache_key="one"
    )
    events = await each(await got(stream))
    assert events[-1].type == "response.completed", events[-1]


@check
async def what_came_before_is_not_kept(client, model):
    if model != "claude/sonnet":
        return  # OpenAI keeps it itself.
    error = await raises(
        openai.BadRequestError, 400, lambda: ask(client, model, "hello", previous_response_id="resp_1")
    )
    assert "previous_response_id" in str(error), error


@check
async def legacy_completion(client, model):
    if UPSTREAM == "aimock":
        return  # It has no such endpoint.
    answer = await got(client.completions.create(model=model, prompt="hello", max_tokens=100))
    assert answer.choices[0].text and answer.usage.completion_tokens > 0, answer
    chunks = await each(await got(client.completions.create(model=model, prompt="hello", stream=True)))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices), chunks


@check
async def bad_request(client, model):
    await raises(openai.BadRequestError, 400, lambda: ask(client, model, "fail with 400 [[status=400]]"))


@check
async def not_found(client):
    await raises(openai.NotFoundError, 404, lambda: ask(client, "no-such-model", "hello"))


@check
async def rate_limited(client, model):
    await raises(openai.RateLimitError, 429, lambda: ask(client, model, "fail with 429 [[status=429]]"))


options = {"base_url": f"{ORIGIN}/v1", "api_key": KEY, "max_retries": 0, "timeout": 30}
main({"sync": openai.OpenAI(**options), "async": openai.AsyncOpenAI(**options)})
