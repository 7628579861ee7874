"""Google's official SDK (google-genai) against the hub."""

import base64

from google import genai
from google.genai import errors, types

from checks import DENIED, HUGE, KEY, ORIGIN, PIXEL, UPSTREAM, check, each, got, main

WEATHER = types.FunctionDeclaration(
    name="get_weather",
    description="Weather of a city",
    parameters={"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]},
)
BY_HAND = types.AutomaticFunctionCallingConfig(disable=True)


def config(**members):
    return types.GenerateContentConfig(max_output_tokens=256, **members)


def ask(client, model, contents, **members):
    return client.models.generate_content(model=model, contents=contents, config=config(**members))


async def pieces(client, model, contents, **members):
    stream = client.models.generate_content_stream(model=model, contents=contents, config=config(**members))
    return await each(await got(stream))


async def fails(kind, code, call):
    """The call must raise exactly this exception, with this code and the hub's request id."""
    try:
        await got(call())
    except errors.APIError as error:
        assert type(error) is kind and error.code == code, repr(error)
        assert error.message and error.status, repr(error)
        assert error.response.headers.get("x-request-id"), "no x-request-id"
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


@check
async def content(client, model):
    answer = await got(ask(client, model, "hello", system_instruction="Be brief.", temperature=0.5, top_p=0.9))
    assert answer.text and answer.candidates[0].finish_reason == types.FinishReason.STOP, answer
    counted = answer.usage_metadata
    assert counted.prompt_token_count > 0 and counted.candidates_token_count > 0, counted
    assert answer.response_id and answer.model_version, answer


@check
async def stream(client, model):
    answers = await pieces(client, model, "hello [[chunks=5]]")
    text = "".join(answer.text or "" for answer in answers)
    assert text == "piece 0 piece 1 piece 2 piece 3 piece 4 ", text
    assert [answer.candidates[0].finish_reason for answer in answers if answer.candidates[0].finish_reason] == [
        types.FinishReason.STOP
    ], answers
    assert answers[-1].usage_metadata.candidates_token_count > 0, answers[-1]


@check
async def stream_of_emoji(client, model):
    answers = await pieces(client, model, "smile [[surrogate=1]]")
    assert answers[-1].candidates[0].finish_reason == types.FinishReason.STOP, "the stream was cut"


@check
async def tool_round_trip(client, model):
    tools = {"tools": [types.Tool(function_declarations=[WEATHER])], "automatic_function_calling": BY_HAND}
    for streamed in (False, True):
        asked = types.Content(role="user", parts=[types.Part(text="weather in Paris? [[tools=1]]")])
        if streamed:
            answers = await pieces(client, model, [asked], **tools)
            parts = [part for answer in answers for part in answer.candidates[0].content.parts or []]
            said = types.Content(role="model", parts=parts)
        else:
            said = (await got(ask(client, model, [asked], **tools))).candidates[0].content
        calls = [part.function_call for part in said.parts if part.function_call]
        assert len(calls) == 1 and calls[0].name == "get_weather" and "city" in calls[0].args and calls[0].id, said
        result = types.FunctionResponse(id=calls[0].id, name=calls[0].name, response={"output": "18C"})
        answered = types.Content(role="user", parts=[types.Part(function_response=result)])
        second = await got(ask(client, model, [asked, said, answered], **tools))
        assert second.text and not second.function_calls, second


@check
async def forced_tool(client, model):
    forced = types.FunctionCallingConfig(mode="ANY", allowed_function_names=["get_weather"])
    answer = await got(
        ask(
            client,
            model,
            "hello",
            tools=[types.Tool(function_declarations=[WEATHER])],
            tool_config=types.ToolConfig(function_calling_config=forced),
            automatic_function_calling=BY_HAND,
        )
    )
    assert [call.name for call in answer.function_calls] == ["get_weather"], answer


@check
async def thinking(client, model):
    thought = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
    asked = types.GenerateContentConfig(max_output_tokens=4000, thinking_config=thought)
    answer = await got(
        client.models.generate_content(model=model, contents="hello [[reasoning=2]]", config=asked)
    )
    thoughts = [part.text for part in answer.candidates[0].content.parts if part.thought and part.text]
    assert "".join(thoughts) == "thought 0 thought 1 ", answer
    assert answer.text and "thought" not in answer.text, answer
    assert answer.usage_metadata.thoughts_token_count > 0, answer


@check
async def structured_output(client, model):
    schema = {
        "type": "OBJECT",
        "properties": {"name": {"type": "STRING"}, "age": {"type": "INTEGER"}},
        "required": ["name", "age"],
    }
    plain = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
    for form in ({"response_schema": schema}, {"response_json_schema": plain}):
        answer = await got(
            ask(client, model, "a person as JSON", response_mime_type="application/json", **form)
        )
        assert '"name"' in answer.text and '"age"' in answer.text, answer


@check
async def several_candidates(client, model):
    if UPSTREAM != "scripted":
        return
    wanted = {"candidate_count": 2, "response_logprobs": True, "logprobs": 1}
    if "sonnet" in model:
        error = await fails(errors.ClientError, 400, lambda: ask(client, model, "hello", candidate_count=2))
        assert "generationConfig.candidateCount" in error.message, error
        return
    answer = await got(ask(client, model, "hello [[chunks=2]]", **wanted))
    assert [candidate.index or 0 for candidate in answer.candidates] == [0, 1], answer
    for candidate in answer.candidates:
        assert candidate.content.parts[0].text == "piece 0 piece 1 ", candidate
        told = [(token.token, token.log_probability) for token in candidate.logprobs_result.chosen_candidates]
        assert told == [("piece 0 ", -0.5), ("piece 1 ", -0.5)] and candidate.avg_logprobs == -0.5, candidate
    texts, told, ended = ["", ""], [0, 0], 0
    for piece in await pieces(client, model, "hello [[chunks=2]]", **wanted):
        for candidate in piece.candidates:
            index = candidate.index or 0
            texts[index] += "".join(part.text or "" for part in candidate.content.parts)
            if candidate.logprobs_result:
                told[index] += len(candidate.logprobs_result.chosen_candidates)
            ended += candidate.finish_reason == types.FinishReason.STOP
    assert (texts, told, ended) == (["piece 0 piece 1 "] * 2, [2, 2], 2), (texts, told, ended)


@check
async def image_input(client, model):
    picture = types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png")
    answer = await got(ask(client, model, [picture, "what is in the picture"]))
    assert answer.text, answer


@check
async def chat(client, model):
    talk = client.chats.create(model=model)
    for text in ("hello", "and again [[reasoning=1]]", "once more"):
        answer = await got(talk.send_message(text))
        assert answer.text, answer


@check
async def count_tokens(client, model):
    counted = await got(client.models.count_tokens(model=model, contents="hello there"))
    assert counted.total_tokens > 0, counted


@check
async def embeddings(client):
    wanted = types.EmbedContentConfig(output_dimensionality=4, task_type="RETRIEVAL_QUERY")
    for model in ("google/embed", "openai/embed"):
        answer = await got(client.models.embed_content(model=model, contents=["one", "two"], config=wanted))
        assert [len(vector.values) for vector in answer.embeddings] == [4, 4], answer


@check
async def models(client):
    listed = [model.name for model in await each(await got(client.models.list()))]
    assert "models/google/flash" in listed and not any(DENIED in name for name in listed), listed
    one = await got(client.models.get(model="google/flash"))
    assert one.name == "models/google/flash" and one.input_token_limit == 100_000, one
    await fails(errors.ClientError, 404, lambda: client.models.get(model="no-such-model"))


@check
async def bad_request(client, model):
    error = await fails(errors.ClientError, 400, lambda: ask(client, model, "fail [[status=400]]"))
    assert error.status == "INVALID_ARGUMENT", error


@check
async def google_search_is_refused_by_name(client, model):
    search = [types.Tool(google_search=types.GoogleSearch())]
    error = await fails(errors.ClientError, 400, lambda: ask(client, model, "hello", tools=search))
    assert "tools[0].googleSearch" in error.message, error


@check
async def unauthenticated(client, model):
    stranger = genai.Client(api_key="hub-nobody-knows-this-key-0123456789abcdef", http_options=OPTIONS)
    error = await fails(errors.ClientError, 401, lambda: ask(stranger, model, "hello"))
    assert error.status == "UNAUTHENTICATED", error


@check
async def forbidden(client):
    error = await fails(errors.ClientError, 403, lambda: ask(client, DENIED, "hello"))
    assert error.status == "PERMISSION_DENIED", error


@check
async def not_found(client):
    error = await fails(errors.ClientError, 404, lambda: ask(client, "no-such-model", "hello"))
    assert error.status == "NOT_FOUND", error


@check
async def too_large(client, model):
    await fails(errors.ClientError, 413, lambda: ask(client, model, HUGE))


@check
async def rate_limited(client, model):
    error = await fails(errors.ClientError, 429, lambda: ask(client, model, "fail [[status=429]]"))
    assert error.status == "RESOURCE_EXHAUSTED", error


@check
async def provider_broken(client, model):
    for status in (500, 503):
        await fails(errors.ServerError, status, lambda: ask(client, model, f"fail [[status={status}]]"))


@check
async def broken_stream(client, model):
    for ending in ("error_after=2", "cut_after=2"):
        try:
            await pieces(client, model, f"hello [[chunks=5&{ending}]]")
        except errors.APIError as error:
            assert error.code >= 500 and error.message, repr(error)
        else:
            raise AssertionError(f"{ending} did not raise")


OPTIONS = types.HttpOptions(base_url=ORIGIN, timeout=30_000)
client = genai.Client(api_key=KEY, http_options=OPTIONS)
beta = genai.Client(api_key=KEY, http_options=OPTIONS.model_copy(update={"api_version": "v1beta"}))
main({"sync": client, "v1beta": beta, "async": client.aio})
