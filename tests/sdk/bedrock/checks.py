"""The emulator itself, with boto3 as its client: what it accepts, answers and refuses is what AWS's own code has."""

import os
import urllib.request

import boto3
from botocore.config import Config
from botocore.credentials import ContainerProvider
from botocore.exceptions import ClientError, EventStreamError
from urllib3.exceptions import ProtocolError

ORIGIN = os.environ["BEDROCK_ORIGIN"]
MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
PAIRS = [("AKIASCRIPTED", "static-secret", None), ("ASIASCRIPTED", "session-secret", "session-token")]


def client(access, secret, token=None, region="us-east-1", service="bedrock-runtime", path=""):
    return boto3.client(
        service,
        endpoint_url=ORIGIN + path,
        region_name=region,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}),
    )


def say(text, **more):
    return {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": text}]}], **more}


def refused(kind, status, call):
    try:
        call()
    except ClientError as error:
        got = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert got == (kind, status), f"{got}: {error}"
    else:
        raise AssertionError(f"not refused: {kind}")


TOOLS = {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}}}}]}
for pair in PAIRS:
    bedrock = client(*pair)
    answer = bedrock.converse(**say("hello [[input=25 cached=100 output=15 reasoning=1]]"))
    assert answer["output"]["message"]["content"][1]["text"] == "Hello from the scripted provider.", answer
    assert (answer["usage"]["inputTokens"], answer["usage"]["cacheReadInputTokens"]) == (25, 100), answer

bedrock = client(*PAIRS[0])
answer = bedrock.converse(**say("hello [[tools=1]]", toolConfig=TOOLS))
assert answer["stopReason"] == "tool_use" and answer["output"]["message"]["content"][0]["toolUse"]["input"] == {"city": "sample"}
events = list(bedrock.converse_stream(**say("hello [[reasoning=2 tools=1 text=well+now split=3]]", toolConfig=TOOLS))["stream"])
assert [next(iter(event)) for event in events][-2:] == ["messageStop", "metadata"], events
assert "".join(e["contentBlockDelta"]["delta"].get("text", "") for e in events if "contentBlockDelta" in e) == "well now"
assert list(bedrock.converse_stream(**say("[[citation=A+book]]"))["stream"])

seen = []
try:
    for event in bedrock.converse_stream(**say("hello [[exception_after=2 exception=throttlingException]]"))["stream"]:
        seen.append(event)
except EventStreamError as error:
    assert error.response["Error"]["Code"] == "throttlingException" and len(seen) == 2, error
else:
    raise AssertionError("no exception in the stream")
try:
    list(bedrock.converse_stream(**say("hello [[half_after=2]]"))["stream"])
except ProtocolError:
    pass
else:
    raise AssertionError("a cut stream ended well")

for status, kind in {400: "ValidationException", 403: "AccessDeniedException", 429: "ThrottlingException", 503: "ServiceUnavailableException"}.items():
    refused(kind, status, lambda: bedrock.converse(**say(f"[[status={status}]]")))
refused("ValidationException", 400, lambda: bedrock.converse(modelId=MODEL, messages=[{"role": "assistant", "content": [{"text": "x"}]}]))
refused("ValidationException", 400, lambda: bedrock.converse(**say(" ")))
refused("InvalidSignatureException", 403, lambda: client("AKIASCRIPTED", "wrong").converse(**say("hello")))
refused("InvalidSignatureException", 403, lambda: client(*PAIRS[0], region="eu-west-1").converse(**say("hello")))
refused("UnrecognizedClientException", 403, lambda: client("ASIASCRIPTED", "session-secret").converse(**say("hello")))
refused("UnrecognizedClientException", 403, lambda: client("AKIAUNKNOWN", "x").converse(**say("hello")))

invoked = bedrock.invoke_model(modelId="amazon.titan-embed-text-v2:0", body=b'{"inputText": "hello", "dimensions": 256}')
assert b'"inputTextTokenCount"' in invoked["body"].read()
refused("ValidationException", 400, lambda: bedrock.invoke_model(modelId="amazon.nova-canvas-v1:0", body=b"{}"))

token, role = "web-identity-token", "arn:aws:iam::123456789012:role/hub"
sts = client("none", "none", service="sts", path="/sts")
issued = sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="hub", WebIdentityToken=token)["Credentials"]
assumed = client(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])
assert assumed.converse(**say("hello"))
refused("InvalidIdentityToken", 400, lambda: sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="hub", WebIdentityToken="x" * 9))

environment = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{ORIGIN}/v1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN": token}
given = ContainerProvider(environ=environment).load().get_frozen_credentials()
assert client(given.access_key, given.secret_key, given.token).converse(**say("hello"))

# boto3 shows a bearer key over TLS alone.
body = b'{"messages": [{"role": "user", "content": [{"text": "hello"}]}]}'
request = urllib.request.Request(f"{ORIGIN}/model/{MODEL}/converse", body, {"authorization": "Bearer bedrock-api-key-scripted"})
assert urllib.request.urlopen(request).status == 200
