"""LiteLLM against the hub, as if it were OpenAI, and as if it were Anthropic."""

import json
import os

# Or it asks GitHub for a list of prices.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm  # noqa: E402

from checks import KEY, ORIGIN, check, main  # noqa: E402

litellm.suppress_debug_info = True

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
FORMATS = {
    "chat": {"prefix": "openai", "api_base": f"{ORIGIN}/v1"},
    "messages": {"prefix": "anthropic", "api_base": ORIGIN},
}


def ask(client, model, messages, **more):
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    return litellm.acompletion(
        model=f"{client['prefix']}/{model}",
        api_base=client["api_base"],
        api_key=KEY,
        messages=messages,
        max_tokens=256,
        num_retries=0,
        **more,
    )


@check
async def completion(client, model):
    answer = await ask(client, model, "hello")
    assert answer.choices[0].message.content and answer.choices[0].finish_reason == "stop", answer
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0, answer


@check
async def stream(client, model):
    chunks = [chunk async for chunk in await ask(client, model, "hello", stream=True, stream_options={"include_usage": True})]
    whole = litellm.stream_chunk_builder(chunks)
    assert whole.choices[0].message.content and whole.usage.completion_tokens > 0, whole


@check
async def tool_round_trip(client, model):
    messages = [{"role": "user", "content": "weather in Paris? [[tools=1]]"}]
    first = await ask(client, model, messages, tools=[WEATHER])
    call = first.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather" and "city" in json.loads(call.function.arguments), call
    messages.append(first.choices[0].message.model_dump())
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "18C"})
    assert (await ask(client, model, messages, tools=[WEATHER])).choices[0].message.content


@check
async def rate_limited(client, model):
    try:
        await ask(client, model, "fail with 429 [[status=429]]")
    except litellm.RateLimitError:
        return
    raise AssertionError("not a RateLimitError")


main(FORMATS)
