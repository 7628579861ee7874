"""The official OpenAI SDK against the hub."""

import json

import openai
from pydantic import BaseModel

from checks import DENIED, HUGE, KEY, ORIGIN, PIXEL, UPSTREAM, check, each, got, main, raises

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def user(text):
    return [{"role": "user", "content": text}]


@check
async def chat(client, model):
    answer = await got(client.chat.completions.create(model=model, messages=user("hello")))
    choice = answer.choices[0]
    assert choice.message.role == "assistant" and choice.message.content, answer
    assert choice.finish_reason == "stop", answer
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0, answer
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens, answer


@check
async def stream_with_usage(client, model):
    stream = await got(
        client.chat.completions.create(
            model=model, messages=user("hello"), stream=True, stream_options={"include_usage": True}
        )
    )
    chunks = await each(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert len({c.id for c in chunks}) == 1, "the id changes"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 0, chunks[-1]


@check
async def stream_without_usage(client, model):
    stream = await got(client.chat.completions.create(model=model, messages=user("hello"), stream=True))
    assert all(c.choices and c.usage is None for c in await each(stream)), "usage that nobody asked for"


@check
async def stream_of_emoji(client, model):
    stream = await got(client.chat.completions.create(model=model, messages=user("smile [[surrogate=1]]"), stream=True))
    chunks = await each(stream)
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop", "the stream was cut"


@check
async def several_answers(client, model):
    if UPSTREAM != "scripted":
        return
    asked = {"model": model, "messages": user("hello [[chunks=2]]"), "n": 2, "logprobs": True, "top_logprobs": 1}
    create = client.chat.completions.create
    if "sonnet" in model:
        error = await raises(openai.BadRequestError, 400, lambda: create(**asked))
        assert error.param == "n", error
        return
    answer = await got(create(**asked))
    assert [choice.index for choice in answer.choices] == [0, 1], answer
    for choice in answer.choices:
        assert choice.message.content == "piece 0 piece 1 " and choice.finish_reason == "stop", choice
        told = [(token.token, token.logprob) for token in choice.logprobs.content]
        assert told == [("piece 0 ", -0.5), ("piece 1 ", -0.5)], choice
    texts, told, ended = ["", ""], [0, 0], 0
    for chunk in await each(await got(create(**asked, stream=True))):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            told[choice.index] += len(choice.logprobs.content) if choice.logprobs else 0
            ended += choice.finish_reason == "stop"
    assert (texts, told, ended) == (["piece 0 piece 1 "] * 2, [2, 2], 2), (texts, told, ended)


@check
async def tool_round_trip(client, model):
    messages = user("weather in Paris? [[tools=1]]")
    first = await got(client.chat.completions.create(model=model, messages=messages, tools=[WEATHER]))
    assert first.choices[0].finish_reason == "tool_calls", first
    call = first.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather" and "city" in json.loads(call.function.arguments), call
    messages.append(first.choices[0].message)
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "18C"})
    second = await got(client.chat.completions.create(model=model, messages=messages, tools=[WEATHER]))
    assert second.choices[0].message.content and not second.choices[0].message.tool_calls, second


@check
async def streamed_tool_call(client, model):
    stream = await got(
        client.chat.completions.create(
            model=model, messages=user("weather in Paris? [[tools=1]]"), tools=[WEATHER], stream=True
        )
    )
    deltas = [t for c in await each(stream) if c.choices for t in c.choices[0].delta.tool_calls or []]
    assert deltas[0].id and deltas[0].function.name == "get_weather", deltas
    assert "city" in json.loads("".join(d.function.arguments or "" for d in deltas)), deltas


class Person(BaseModel):
    name: str
    age: int


@check
async def structured_output(client, model):
    answer = await got(
        client.chat.completions.parse(model=model, messages=user("a person as JSON"), response_format=Person)
    )
    assert isinstance(answer.choices[0].message.parsed, Person), answer


@check
async def image_input(client, model):
    content = [
        {"type": "text", "text": "what is in the picture"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    answer = await got(client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}]))
    assert answer.choices[0].message.content, answer


@check
async def models(client):
    listed = [model.id for model in await each(await got(client.models.list()))]
    assert listed and not any(DENIED in name for name in listed), listed
    for name in listed:
        assert (await got(client.models.retrieve(name))).id == name, name


@check
async def bad_request(client, model):
    error = await raises(
        openai.BadRequestError,
        400,
        lambda: client.chat.completions.create(model=model, messages=user("fail with 400 [[status=400]]")),
    )
    assert error.type == "invalid_request_error", error.body


@check
async def unauthenticated(client):
    stranger = client.with_options(api_key="hub-nobody-knows-this-key-0123456789abcdef")
    error = await raises(openai.AuthenticationError, 401, lambda: stranger.models.list())
    assert error.code == "invalid_api_key", error.body


@check
async def forbidden(client):
    await raises(
        openai.PermissionDeniedError, 403, lambda: client.chat.completions.create(model=DENIED, messages=user("hello"))
    )


@check
async def not_found(client):
    error = await raises(
        openai.NotFoundError, 404, lambda: client.chat.completions.create(model="no-such-model", messages=user("hello"))
    )
    assert error.code == "model_not_found", error.body
    await raises(openai.NotFoundError, 404, lambda: client.models.retrieve("no-such-model"))


@check
async def too_large(client, model):
    await raises(
        openai.APIStatusError, 413, lambda: client.chat.completions.create(model=model, messages=user(HUGE))
    )


@check
async def rate_limited(client, model):
    await raises(
        openai.RateLimitError,
        429,
        lambda: client.chat.completions.create(model=model, messages=user("fail with 429 [[status=429]]")),
    )


@check
async def provider_broken(client, model):
    for status in (500, 503):
        await raises(
            openai.InternalServerError,
            (500, 502, 503, 529),
            lambda: client.chat.completions.create(model=model, messages=user(f"fail with {status} [[status={status}]]")),
        )


options = {"base_url": f"{ORIGIN}/v1", "api_key": KEY, "max_retries": 0, "timeout": 30}
main({"sync": openai.OpenAI(**options), "async": openai.AsyncOpenAI(**options)})
