"""The official Python SDK against a running Ferry, run once per SDK version by `cargo xtask clients`.

Environment: BASE_URL (what the application is told), MOCK_URL (the mock behind it), VIA (`ferry`, or `direct` when
BASE_URL is the mock itself). Faults are asked for in the prompt; the mock's `fault.rs` has the grammar.
What only holds through Ferry is marked `through_ferry`; everything else holds directly too.
"""
import asyncio
import base64
import io
import json
import os

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:7300")
MOCK_URL = os.environ.get("MOCK_URL", BASE_URL)
VIA_FERRY = os.environ.get("VIA", "ferry") == "ferry"
NEW_SDK = int(anthropic.__version__.split(".")[0]) >= 2
MODEL = "claude-haiku-5-5"
KEY = "sk-ant-api03-client-tests"
# Far above what any answer takes here, far below the bound of the suite: a hang fails as a timeout.
TIMEOUT_S = 60

through_ferry = pytest.mark.skipif(not VIA_FERRY, reason="holds through Ferry only")


def client(base_url=BASE_URL, **settings):
    if "auth_token" not in settings:
        settings.setdefault("api_key", KEY)
    settings.setdefault("max_retries", 0)
    settings.setdefault("timeout", TIMEOUT_S)
    return Anthropic(base_url=base_url, **settings)


def ask(prompt, **more):
    return {"model": MODEL, "max_tokens": 1024, "messages": [{"role": "user", "content": prompt}], **more}


def faulty(spec, prompt="What is the way to the harbour?"):
    return ask(f"{prompt} [mock fault={spec}]")


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def ferry_code(error):
    return error.response.headers.get("x-ferry-code")


# Plain and streamed answers -------------------------------------------------------------------------------------


def test_a_plain_answer_arrives_whole():
    message = client().messages.create(**ask("Good morning"))
    assert message.type == "message" and message.role == "assistant"
    assert message.stop_reason == "end_turn" and text_of(message)
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0
    assert message._request_id.startswith("req_")


@through_ferry
def test_the_body_is_the_node_s_byte_for_byte():
    question = ask("请用一句话介绍你自己")
    through = client().messages.with_raw_response.create(**question)
    direct = client(MOCK_URL).messages.with_raw_response.create(**question)
    assert through.http_response.content == direct.http_response.content
    assert through.headers["x-ferry-node"] and through.headers["x-ferry-request-id"]


def test_raw_events_come_in_order_and_end_in_message_stop():
    events = [event.type for event in client().messages.create(stream=True, **ask("Count to ten [mock chunks=10]"))]
    assert events[0] == "message_start" and events[-1] == "message_stop"
    assert events.count("content_block_delta") == 10
    assert events.index("content_block_start") < events.index("content_block_delta") < events.index("message_delta")


def test_the_stream_helper_gives_the_same_answer_as_a_plain_call():
    question = ask("客户问：我的订单为什么还没有发货？")
    with client().messages.stream(**question) as stream:
        heard = "".join(stream.text_stream)
        final = stream.get_final_message()
    plain = client().messages.create(**question)
    assert heard == text_of(final) == text_of(plain)
    assert final.usage.output_tokens == plain.usage.output_tokens
    assert final.stop_reason == "end_turn"


@pytest.mark.parametrize("shape", ["split:bytes=1", "join", "crlf", "comments", "big-event:bytes=200000", "gzip", "chunked", "close"])
def test_however_the_bytes_are_cut_the_text_is_the_same(shape):
    with client().messages.stream(**faulty(shape)) as stream:
        heard = "".join(stream.text_stream)
    with client(MOCK_URL).messages.stream(**faulty(shape)) as stream:
        assert heard == "".join(stream.text_stream)
    assert heard


def test_an_unknown_event_does_not_end_a_stream():
    events = [event.type for event in client().messages.create(stream=True, **faulty("unknown-event:after=2"))]
    assert events[-1] == "message_stop"


def test_thinking_and_its_signature_arrive():
    thinking = {"type": "enabled", "budget_tokens": 1024}
    message = client().messages.create(**{**ask("Think first", thinking=thinking), "max_tokens": 4096})
    assert message.content[0].type == "thinking" and message.content[0].signature
    with client().messages.stream(**{**ask("Think first", thinking=thinking), "max_tokens": 4096}) as stream:
        assert stream.get_final_message().content[0].signature == message.content[0].signature


# Tools ----------------------------------------------------------------------------------------------------------

TOOL = {
    "name": "order_status",
    "description": "Looks up an order.",
    "input_schema": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
}


def test_a_tool_call_goes_round():
    question = ask("Where is my order? [mock tool]", tools=[TOOL])
    call = client().messages.create(**question)
    use = next(block for block in call.content if block.type == "tool_use")
    assert call.stop_reason == "tool_use" and use.name == TOOL["name"] and isinstance(use.input, dict)
    question["messages"] += [
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in call.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "shipped"}]},
    ]
    answer = client().messages.create(**question)
    assert answer.stop_reason == "end_turn" and text_of(answer)


def test_a_streamed_tool_call_has_whole_input():
    question = ask("Where is my order?", tools=[TOOL], tool_choice={"type": "tool", "name": TOOL["name"]})
    with client().messages.stream(**question) as stream:
        streamed = stream.get_final_message()
    plain = client().messages.create(**question)
    assert streamed.content[-1].input == plain.content[-1].input
    assert streamed.content[-1].id == plain.content[-1].id and streamed.stop_reason == "tool_use"


# Errors ---------------------------------------------------------------------------------------------------------

ERRORS = [
    (400, "BadRequestError", "invalid_request_error"),
    (401, "AuthenticationError", "authentication_error"),
    (403, "PermissionDeniedError", "permission_error"),
    (404, "NotFoundError", "not_found_error"),
    (409, "ConflictError", "conflict_error"),
    (413, "ContentTooLargeError" if NEW_SDK else "RequestTooLargeError", "request_too_large"),
    (429, "RateLimitError", "rate_limit_error"),
    (500, "InternalServerError", "api_error"),
    (529, "OverloadedError", "overloaded_error"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("status,name,kind", ERRORS, ids=[str(row[0]) for row in ERRORS])
def test_an_error_of_the_node_is_the_class_it_would_be_directly(status, name, kind, stream):
    with pytest.raises(anthropic.APIStatusError) as caught:
        client().messages.create(stream=stream, **faulty(str(status)))
    error = caught.value
    assert type(error).__name__ == name
    assert error.status_code == status and error.body["error"]["type"] == kind
    assert error.body["request_id"].startswith("req_")


def test_a_rate_limit_keeps_its_retry_after():
    with pytest.raises(anthropic.RateLimitError) as caught:
        client().messages.create(**faulty("429:retry_after=7"))
    assert caught.value.response.headers["retry-after"] == "7"
    assert "x-should-retry" not in caught.value.response.headers
    with pytest.raises(anthropic.RateLimitError) as caught:
        client().messages.create(**faulty("429:retry_after=none,error_code=enforced_spend_limit_reached"))
    assert "retry-after" not in caught.value.response.headers


@through_ferry
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("status", [200, 502], ids=["html-200", "html-502"])
def test_a_page_where_an_answer_was_due_is_an_error(stream, status):
    with pytest.raises(anthropic.InternalServerError) as caught:
        client().messages.create(stream=stream, **faulty(f"html:code={status}"))
    assert caught.value.status_code == 502
    if status == 200:
        assert ferry_code(caught.value) and caught.value.body["error"]["type"] == "api_error"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_silence_is_the_sdk_s_own_timeout(stream):
    impatient = client(timeout=0.5)
    with pytest.raises(anthropic.APITimeoutError):
        list(impatient.messages.create(stream=stream, **faulty("stall")))


def test_silence_after_the_first_events_is_no_answer():
    heard = []
    with pytest.raises(Exception) as caught:
        for event in client(timeout=0.5).messages.create(stream=True, **faulty("stall:at=4")):
            heard.append(event.type)
    assert heard and "message_stop" not in heard
    assert "imeout" in type(caught.value).__name__


# No half answers ------------------------------------------------------------------------------------------------

CUTS = ["cut:at=4", "cut:at=4,how=fin", "chunk-cut:after=4", "end:after=4", "end:after=1", "cut:at=300b"]


@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_stream_raises(cut):
    if cut.startswith("end") and not VIA_FERRY:
        pytest.skip("the SDK alone takes a clean end without message_stop for an answer; Ferry exists for this")
    heard = []
    with pytest.raises(Exception) as caught:
        for event in client().messages.create(stream=True, **faulty(cut)):
            heard.append(event.type)
    assert "message_stop" not in heard
    if VIA_FERRY:
        assert isinstance(caught.value, anthropic.APIStatusError)
        assert caught.value.body["error"]["type"] in ("api_error", "overloaded_error")
    with pytest.raises(Exception):
        with client().messages.stream(**faulty(cut)) as stream:
            stream.get_final_message()


def test_an_error_event_of_the_node_arrives_as_it_is():
    with pytest.raises(anthropic.APIStatusError) as caught:
        list(client().messages.create(stream=True, **faulty("error-event:after=3,type=overloaded_error")))
    assert caught.value.body["error"]["type"] == "overloaded_error"


@pytest.mark.parametrize("cut", ["half", "half:bytes=10", "cut:at=1", "reset", "empty"])
def test_half_a_plain_answer_raises(cut):
    if cut == "empty" and not VIA_FERRY:
        pytest.skip("directly an empty 200 is the SDK's to judge")
    with pytest.raises(anthropic.APIError) as caught:
        client().messages.create(**faulty(cut))
    if VIA_FERRY:
        assert isinstance(caught.value, anthropic.InternalServerError) and ferry_code(caught.value)
        assert caught.value.status_code in (502, 503, 504)


# Batches, files, models, tokens -----------------------------------------------------------------------------------


def ended(api, batch):
    # The mock ends a batch at once, or after as many looks as its configuration says; no wait is needed.
    for _ in range(1000):
        if batch.processing_status == "ended":
            return batch
        batch = api.messages.batches.retrieve(batch.id)
    raise AssertionError(f"the batch did not end: {batch}")


@pytest.mark.parametrize("prefix", ["", pytest.param("/api", marks=through_ferry)])
def test_a_batch_gives_its_results(prefix):
    api = client(BASE_URL + prefix)
    marks = {"one": "", "two": "[mock result=errored]", "three": ""}
    requests = [{"custom_id": name, "params": ask(f"Question {name} {mark}")} for name, mark in marks.items()]
    batch = ended(api, api.messages.batches.create(requests=requests))
    if VIA_FERRY:
        assert batch.results_url.startswith(BASE_URL + prefix + "/v1/"), batch.results_url
    results = {result.custom_id: result.result for result in api.messages.batches.results(batch.id)}
    assert set(results) == set(marks)
    assert results["one"].type == "succeeded" and text_of(results["one"].message)
    assert results["two"].type == "errored"
    assert batch.id in [listed.id for listed in api.messages.batches.list(limit=20)]
    assert api.messages.batches.delete(batch.id).id == batch.id


def test_a_file_comes_back_as_it_went():
    content = bytes(range(256)) * 1024
    files = client().files if NEW_SDK else client().beta.files
    stored = files.upload(file=("data.bin", io.BytesIO(content), "application/octet-stream"))
    assert stored.size_bytes == len(content) and stored.filename == "data.bin"
    assert files.download(stored.id).read() == content
    assert stored.id in [listed.id for listed in files.list()]
    files.delete(stored.id)
    with pytest.raises(anthropic.NotFoundError):
        files.download(stored.id)


@through_ferry
def test_an_uploaded_text_is_looked_through_and_a_binary_file_is_left():
    api = client(default_headers={"X-Biz-Type": "private"})
    files = api.files if NEW_SDK else api.beta.files
    card = "11010119900307803X"
    text = f"姓名,身份证\r\n张三,{card}\n"
    stored = files.upload(file=(f"张三-{card}.csv", io.BytesIO(text.encode()), "text/csv"))
    assert stored.filename == "张三-[REDACTED].csv"
    assert files.download(stored.id).read().decode() == text.replace(card, "[REDACTED]")
    binary = b"%PDF-1.7\0" + card.encode() + bytes(range(256))
    stored = files.upload(file=("scan.pdf", io.BytesIO(binary), "application/pdf"))
    assert files.download(stored.id).read() == binary
    secret = "AKIA" + "Q3EGRIQQ7ZQ5XKLM"
    with pytest.raises(anthropic.BadRequestError) as refused:
        files.upload(file=(".env", io.BytesIO(b"AWS_KEY=" + secret.encode()), "text/plain"))
    assert ferry_code(refused.value) == "redact-blocked"
    assert "parts[0].content" in str(refused.value) and secret not in str(refused.value)


def test_models_are_listed_and_found():
    models = list(client().models.list(limit=5))
    assert len(models) >= 3 and client().models.retrieve(models[0].id).id == models[0].id
    with pytest.raises(anthropic.NotFoundError):
        client().models.retrieve("claude-of-another-world")


def test_tokens_are_counted():
    question = ask("How long is this?")
    del question["max_tokens"]
    few = client().messages.count_tokens(**question).input_tokens
    question["messages"][0]["content"] *= 50
    assert 0 < few < client().messages.count_tokens(**question).input_tokens


def test_the_legacy_route_still_answers():
    body = {"model": MODEL, "prompt": "\n\nHuman: Hello\n\nAssistant:", "max_tokens_to_sample": 64}
    answer = client().post("/v1/complete", body=body, cast_to=object)
    assert answer["type"] == "completion" and answer["completion"]


def test_a_large_body_goes_through():
    image = base64.b64encode(bytes(1024) * 3 * 1024).decode()
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": image}}
    question = ask([block, {"type": "text", "text": "What is this?"}])
    assert text_of(client().messages.create(**question))


# Where and as whom ------------------------------------------------------------------------------------------------

PREFIXES = ["", "/"] + [pytest.param(p, marks=through_ferry) for p in ["/api", "/api/", "/proxy", "/anthropic", "/v1", "/api/v1"]]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_base_url_that_people_write_works(prefix):
    raw = client(BASE_URL + prefix).messages.with_raw_response.create(**ask("Hello"))
    assert text_of(raw.parse())
    if "v1" in prefix:
        assert raw.headers.get("x-ferry-hint"), "a mended path says what to write instead"


@pytest.mark.parametrize(
    "how",
    [
        {"api_key": KEY},
        {"auth_token": KEY},
        {"api_key": KEY, "default_headers": {"X-Api-Key": KEY}},
        {"api_key": KEY, "default_headers": {"Authorization": f"Bearer {KEY}"}},
    ],
    ids=["api_key", "auth_token", "x-api-key", "bearer"],
)
def test_either_credential_header_is_taken(how):
    assert text_of(client(**how).messages.create(**ask("Hello")))


@through_ferry
@pytest.mark.parametrize("key", ['"sk-ant-api03-x"', "sk-ant-api03 x", "' '"])
def test_a_key_that_cannot_be_right_is_refused_with_what_is_wrong(key):
    with pytest.raises(anthropic.AuthenticationError) as caught:
        client(api_key=key).messages.create(**ask("Hello"))
    error = caught.value.body["error"]
    assert error["type"] == "authentication_error" and error["message"]
    assert error["details"]["error_code"] == ferry_code(caught.value)
    assert caught.value.response.headers["x-should-retry"] == "false"
    # The key itself is never said back.
    assert "sk-ant-api03" not in json.dumps(caught.value.body)


@through_ferry
def test_a_subscription_token_is_not_carried():
    with pytest.raises(anthropic.PermissionDeniedError) as caught:
        client(auth_token="sk-ant-oat01-abcdefghijklmnop").messages.create(**ask("Hello"))
    assert ferry_code(caught.value) == "FD-K03"


@through_ferry
def test_a_key_of_another_form_goes_on_and_the_node_s_401_is_explained():
    with pytest.raises(anthropic.AuthenticationError) as caught:
        client(api_key="gateway-key-of-a-relay").messages.create(**faulty("401"))
    assert caught.value.body["error"]["message"] == "invalid x-api-key"
    assert ferry_code(caught.value) and caught.value.response.headers["x-ferry-hint"]


@through_ferry
def test_what_is_not_carried_is_refused():
    with pytest.raises(anthropic.PermissionDeniedError) as caught:
        client().get("/v1/organizations/users", cast_to=object)
    assert ferry_code(caught.value)
    with pytest.raises(anthropic.PermissionDeniedError):
        client(default_headers={"Origin": "https://page.example"}).messages.create(**ask("Hello"))


def test_a_hundred_calls_at_once_do_not_mix():
    async def one(api, number):
        # Each question twice, streamed and plain: the two answers must be one, and no other question's.
        question = ask(f"Question number {number}: what is {number} times {number}?")
        if number % 2:
            async with api.messages.stream(**question) as stream:
                return text_of(await stream.get_final_message())
        return text_of(await api.messages.create(**question))

    async def both(api, number):
        question = ask(f"Question number {number}: what is {number} times {number}?")
        plain = api.messages.create(**question)
        async with api.messages.stream(**question) as stream:
            streamed = await stream.get_final_message()
        return text_of(await plain), text_of(streamed)

    async def all_of_them():
        async with AsyncAnthropic(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=TIMEOUT_S) as api:
            return await asyncio.gather(
                asyncio.gather(*(both(api, number) for number in range(25))),
                asyncio.gather(*(one(api, number) for number in range(25, 75))),
            )

    pairs, singles = asyncio.run(all_of_them())
    assert all(plain and plain == streamed for plain, streamed in pairs)
    assert all(singles) and len(set(singles) | {plain for plain, _ in pairs}) > 70
