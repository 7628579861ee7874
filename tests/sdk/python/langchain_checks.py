"""LangChain against the hub: its OpenAI classes on chat and on responses, and its Anthropic class."""

import functools

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

from checks import KEY, ORIGIN, check, main

CHAT = functools.partial(ChatOpenAI, base_url=f"{ORIGIN}/v1", api_key=KEY, max_retries=0, timeout=30)
FORMATS = {
    "chat": functools.partial(CHAT, stream_usage=True),
    "responses": functools.partial(CHAT, use_responses_api=True),
    "messages": functools.partial(ChatAnthropic, base_url=ORIGIN, api_key=KEY, max_retries=0, timeout=30, max_tokens=256),
}


class GetWeather(BaseModel):
    """Weather of a city"""

    city: str = Field(description="its name")


class Person(BaseModel):
    """Somebody"""

    name: str
    age: int


@check
async def invoke(client, model):
    answer = await client(model=model).ainvoke([SystemMessage("Be brief."), HumanMessage("hello")])
    assert answer.text, answer
    assert answer.usage_metadata["input_tokens"] > 0 and answer.usage_metadata["output_tokens"] > 0, answer


@check
async def stream(client, model):
    whole = None
    for chunk in client(model=model).stream("hello"):
        whole = chunk if whole is None else whole + chunk
    assert whole.text, whole
    assert whole.usage_metadata["output_tokens"] > 0, whole


@check
async def tool_round_trip(client, model):
    llm = client(model=model).bind_tools([GetWeather])
    history = [HumanMessage("weather in Paris? [[tools=1]]")]
    first = await llm.ainvoke(history)
    assert first.tool_calls[0]["name"] in ("GetWeather", "get_weather") and "city" in first.tool_calls[0]["args"], first
    history += [first, ToolMessage("18C", tool_call_id=first.tool_calls[0]["id"])]
    assert (await llm.ainvoke(history)).text


@check
async def streamed_tool_call(client, model):
    whole = None
    async for chunk in client(model=model).bind_tools([GetWeather]).astream("weather in Paris? [[tools=1]]"):
        whole = chunk if whole is None else whole + chunk
    assert "city" in whole.tool_calls[0]["args"], whole


@check
async def structured_output(client, model):
    llm = client(model=model).with_structured_output(Person, method="json_schema")
    assert isinstance(await llm.ainvoke("a person as JSON"), Person)


main(FORMATS)
