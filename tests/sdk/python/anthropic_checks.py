"""The official Anthropic SDK against the hub."""

import anthropic

from checks import DENIED, HUGE, KEY, ORIGIN, PIXEL, UPSTREAM, check, counts, each, got, main, raises

WEATHER = {
    "name": "get_weather",
    "description": "Weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def user(text):
    return [{"role": "user", "content": text}]


def ask(client, model, text, **more):
    return client.messages.create(model=model, max_tokens=256, messages=user(text), **more)


@check
async def message(client, model):
    answer = await got(ask(client, model, "hello"))
    assert answer.type == "message" and answer.role == "assistant", answer
    assert answer.content[0].type == "text" and answer.content[0].text, answer
    assert answer.stop_reason == "end_turn", answer
    assert not counts(model) or (answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0), answer


@check
async def raw_stream(client, model):
    events = await each(await got(ask(client, model, "hello", stream=True)))
    kinds = [event.type for event in events]
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds
    assert "content_block_start" in kinds and "content_block_stop" in kinds, kinds
    last = [event for event in events if event.type == "message_delta"][-1]
    assert last.delta.stop_reason == "end_turn", last
    assert not counts(model) or last.usage.output_tokens > 0, last


@check
async def accumulated_stream(client, model):
    manager = client.messages.stream(model=model, max_tokens=256, messages=user("hello"))
    if hasattr(manager, "__aenter__"):
        async with manager as stream:
            final = await stream.get_final_message()
    else:
        with manager as stream:
            final = stream.get_final_message()
    assert final.content[0].text and (not counts(model) or final.usage.output_tokens > 0), final


@check
async def stream_of_emoji(client, model):
    events = await each(await got(ask(client, model, "smile [[surrogate=1]]", stream=True)))
    assert events[-1].type == "message_stop", "the stream was cut"


@check
async def tool_round_trip(client, model):
    messages = user("weather in Paris? [[tools=1]]")
    first = await got(client.messages.create(model=model, max_tokens=256, messages=messages, tools=[WEATHER]))
    assert first.stop_reason == "tool_use", first
    call = [block for block in first.content if block.type == "tool_use"][0]
    assert call.name == "get_weather" and "city" in call.input, call
    messages.append({"role": "assistant", "content": first.content})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "18C"}
    messages.append({"role": "user", "content": [result]})
    second = await got(client.messages.create(model=model, max_tokens=256, messages=messages, tools=[WEATHER]))
    assert second.stop_reason == "end_turn" and second.content[0].text, second


@check
async def structured_output(client, model):
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    answer = await got(
        ask(client, model, "a person as JSON", output_config={"format": {"type": "json_schema", "schema": schema}})
    )
    assert '"name"' in answer.content[0].text and '"age"' in answer.content[0].text, answer


@check
async def image_input(client, model):
    content = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "text", "text": "what is in the picture"},
    ]
    answer = await got(
        client.messages.create(model=model, max_tokens=256, messages=[{"role": "user", "content": content}])
    )
    assert answer.content[0].text, answer


@check
async def beta_message(client, model):
    answer = await got(
        client.beta.messages.create(
            model=model, max_tokens=256, messages=user("hello"), betas=["some-beta-of-tomorrow-2027-01-01"]
        )
    )
    assert answer.content[0].text, answer


@check
async def count_tokens(client, model):
    if UPSTREAM == "aimock":
        return  # It has no such endpoint.
    counted = await got(client.messages.count_tokens(model=model, messages=user("hello"), tools=[WEATHER]))
    assert counted.input_tokens > 0, counted


@check
async def models(client):
    listed = [model.id for model in await each(await got(client.models.list()))]
    assert listed and not any(DENIED in name for name in listed), listed


@check
async def bad_request(client, model):
    error = await raises(anthropic.BadRequestError, 400, lambda: ask(client, model, "fail with 400 [[status=400]]"))
    assert error.body["error"]["type"] == "invalid_request_error", error.body


@check
async def unauthenticated(client, model):
    stranger = client.with_options(api_key="hub-nobody-knows-this-key-0123456789abcdef")
    error = await raises(anthropic.AuthenticationError, 401, lambda: ask(stranger, model, "hello"))
    assert error.body["error"]["type"] == "authentication_error", error.body


@check
async def forbidden(client):
    await raises(anthropic.PermissionDeniedError, 403, lambda: ask(client, DENIED, "hello"))


@check
async def not_found(client):
    await raises(anthropic.NotFoundError, 404, lambda: ask(client, "no-such-model", "hello"))


@check
async def too_large(client, model):
    await raises(anthropic.RequestTooLargeError, 413, lambda: ask(client, model, HUGE))


@check
async def rate_limited(client, model):
    await raises(anthropic.RateLimitError, 429, lambda: ask(client, model, "fail with 429 [[status=429]]"))


@check
async def provider_broken(client, model):
    kinds = {"InternalServerError", "ServiceUnavailableError", "OverloadedError"}
    for status in (500, 503):
        try:
            await got(ask(client, model, f"fail with {status} [[status={status}]]"))
        except anthropic.APIStatusError as error:
            assert type(error).__name__ in kinds and error.status_code >= 500, repr(error)
        else:
            raise AssertionError(f"{status} did not raise")


options = {"base_url": ORIGIN, "api_key": KEY, "max_retries": 0, "timeout": 30}
main({"sync": anthropic.Anthropic(**options), "async": anthropic.AsyncAnthropic(**options)})
