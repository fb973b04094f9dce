// The official Node SDK against a running Ferry, run by `cargo xtask clients`.
// Environment: BASE_URL, MOCK_URL, VIA (`ferry` or `direct`). Faults are asked for in the prompt; the mock's fault.rs
// has the grammar. What only holds through Ferry is skipped, by name, when run directly.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";

const BASE_URL = process.env.BASE_URL ?? "http://127.0.0.1:7300";
const MOCK_URL = process.env.MOCK_URL ?? BASE_URL;
const VIA_FERRY = (process.env.VIA ?? "ferry") === "ferry";
const MODEL = "claude-haiku-5-5";
const KEY = "sk-ant-api03-client-tests";
// Far above what any answer takes here: a hang fails as a timeout.
const TIMEOUT_MS = 60_000;
const throughFerry = { skip: VIA_FERRY ? false : "holds through Ferry only" };

const client = (settings = {}) =>
  new Anthropic({ baseURL: BASE_URL, apiKey: KEY, maxRetries: 0, timeout: TIMEOUT_MS, ...settings });
const ask = (prompt, more = {}) => ({
  model: MODEL,
  max_tokens: 1024,
  messages: [{ role: "user", content: prompt }],
  ...more,
});
const faulty = (spec) => ask(`What is the way to the harbour? [mock fault=${spec}]`);
const textOf = (message) => message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
const failure = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail("was answered");
};
const events = async (body, settings) => {
  const heard = [];
  try {
    for await (const event of await client(settings).messages.create({ ...body, stream: true })) heard.push(event.type);
  } catch (error) {
    return { heard, error };
  }
  return { heard };
};

test("a plain answer arrives whole", async () => {
  const message = await client().messages.create(ask("Good morning"));
  assert.equal(message.stop_reason, "end_turn");
  assert.ok(textOf(message) && message.usage.output_tokens > 0);
  assert.match(message._request_id, /^req_/);
});

test("the body is the node's, byte for byte", throughFerry, async () => {
  const question = ask("请用一句话介绍你自己");
  const through = await client().messages.create(question).asResponse();
  const direct = await client({ baseURL: MOCK_URL }).messages.create(question).asResponse();
  assert.equal(await through.text(), await direct.text());
  assert.ok(through.headers.get("x-ferry-node") && through.headers.get("x-ferry-request-id"));
});

test("raw events come in order and end in message_stop", async () => {
  const { heard, error } = await events(ask("Count to ten [mock chunks=10]"));
  assert.equal(error, undefined);
  assert.equal(heard[0], "message_start");
  assert.equal(heard.at(-1), "message_stop");
  assert.equal(heard.filter((type) => type === "content_block_delta").length, 10);
});

test("the stream helper gives the same answer as a plain call", async () => {
  const question = ask("客户问：我的订单为什么还没有发货？");
  const stream = client().messages.stream(question);
  let heard = "";
  stream.on("text", (text) => (heard += text));
  const final = await stream.finalMessage();
  const plain = await client().messages.create(question);
  assert.equal(heard, textOf(plain));
  assert.equal(textOf(final), textOf(plain));
  assert.equal(final.usage.output_tokens, plain.usage.output_tokens);
});

for (const shape of ["split:bytes=1", "join", "crlf", "comments", "big-event:bytes=200000", "gzip", "chunked", "close"]) {
  test(`however the bytes are cut the text is the same: ${shape}`, async () => {
    const through = await client().messages.stream(faulty(shape)).finalMessage();
    const direct = await client({ baseURL: MOCK_URL }).messages.stream(faulty(shape)).finalMessage();
    assert.equal(textOf(through), textOf(direct));
    assert.ok(textOf(through));
  });
}

const TOOL = {
  name: "order_status",
  description: "Looks up an order.",
  input_schema: { type: "object", properties: { order: { type: "string" } }, required: ["order"] },
};

test("a tool call goes round", async () => {
  const question = ask("Where is my order? [mock tool]", { tools: [TOOL] });
  const call = await client().messages.create(question);
  const use = call.content.find((block) => block.type === "tool_use");
  assert.equal(call.stop_reason, "tool_use");
  question.messages.push(
    { role: "assistant", content: call.content },
    { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "shipped" }] },
  );
  assert.equal((await client().messages.create(question)).stop_reason, "end_turn");
});

test("a streamed tool call has whole input", async () => {
  const question = ask("Where is my order?", { tools: [TOOL], tool_choice: { type: "tool", name: TOOL.name } });
  const streamed = await client().messages.stream(question).finalMessage();
  const plain = await client().messages.create(question);
  assert.deepEqual(streamed.content, plain.content);
});

const ERRORS = [
  [400, "BadRequestError", "invalid_request_error"],
  [401, "AuthenticationError", "authentication_error"],
  [403, "PermissionDeniedError", "permission_error"],
  [404, "NotFoundError", "not_found_error"],
  [409, "ConflictError", "conflict_error"],
  [413, "ContentTooLargeError", "request_too_large"],
  [429, "RateLimitError", "rate_limit_error"],
  [500, "InternalServerError", "api_error"],
  [529, "OverloadedError", "overloaded_error"],
];

for (const [status, name, type] of ERRORS) {
  for (const stream of [false, true]) {
    test(`a ${status} of the node is ${name}, ${stream ? "streamed" : "plain"}`, async () => {
      const error = await failure(client().messages.create({ ...faulty(String(status)), stream }));
      assert.equal(error.constructor.name, name);
      assert.equal(error.status, status);
      assert.equal(error.error.error.type, type);
    });
  }
}

for (const stream of [false, true]) {
  test(`a page where an answer was due is an error, ${stream ? "streamed" : "plain"}`, throughFerry, async () => {
    const error = await failure(client().messages.create({ ...faulty("html"), stream }));
    assert.equal(error.status, 502);
    assert.ok(error.headers.get("x-ferry-code"));
  });
  test(`silence is the SDK's own timeout, ${stream ? "streamed" : "plain"}`, async () => {
    const error = await failure(client({ timeout: 500 }).messages.create({ ...faulty("stall"), stream }));
    assert.ok(error instanceof Anthropic.APIConnectionTimeoutError, String(error));
  });
}

for (const cut of ["cut:at=4", "cut:at=4,how=fin", "chunk-cut:after=4", "end:after=4", "cut:at=300b"]) {
  const clean = cut.startsWith("end") && !VIA_FERRY;
  const skip = clean ? "the SDK alone takes a clean end for an answer" : false;
  test(`a cut stream throws: ${cut}`, { skip }, async () => {
    const { heard, error } = await events(faulty(cut));
    assert.ok(error, "half an answer passed as a whole one");
    assert.ok(!heard.includes("message_stop"));
    if (VIA_FERRY) assert.ok(error instanceof Anthropic.APIError, String(error));
    await failure(client().messages.stream(faulty(cut)).finalMessage());
  });
}

test("an error event of the node arrives as it is", async () => {
  const { error } = await events(faulty("error-event:after=3,type=overloaded_error"));
  assert.equal(error.type, "overloaded_error");
});

for (const cut of ["half", "cut:at=1", "reset"]) {
  test(`half a plain answer throws: ${cut}`, async () => {
    const error = await failure(client().messages.create(faulty(cut)));
    if (VIA_FERRY) assert.ok([502, 503, 504].includes(error.status), String(error));
  });
}

test("a batch gives its results", async () => {
  const api = client();
  const requests = ["one", "two"].map((name) => ({
    custom_id: name,
    params: ask(`Question ${name} ${name === "two" ? "[mock result=errored]" : ""}`),
  }));
  let batch = await api.messages.batches.create({ requests });
  for (let look = 0; look < 1000 && batch.processing_status !== "ended"; look += 1) {
    batch = await api.messages.batches.retrieve(batch.id);
  }
  if (VIA_FERRY) assert.ok(batch.results_url.startsWith(`${BASE_URL}/v1/`), batch.results_url);
  const types = {};
  for await (const result of await api.messages.batches.results(batch.id)) types[result.custom_id] = result.result.type;
  assert.deepEqual(types, { one: "succeeded", two: "errored" });
});

test("a file comes back as it went", async () => {
  const content = Buffer.alloc(256 * 1024, "渡");
  const api = client();
  const stored = await api.files.upload({ file: new File([content], "data.bin") });
  assert.equal(stored.size_bytes, content.length);
  const back = await api.files.download(stored.id);
  assert.ok(content.equals(Buffer.from(await back.arrayBuffer())));
  await api.files.delete(stored.id);
});

test("models are listed and tokens counted", async () => {
  const models = [];
  for await (const model of client().models.list({ limit: 5 })) models.push(model.id);
  assert.ok(models.length >= 3);
  const { messages } = ask("How long is this?");
  assert.ok((await client().messages.countTokens({ model: MODEL, messages })).input_tokens > 0);
});

for (const prefix of ["", "/", "/api", "/proxy/", "/anthropic", "/v1", "/api/v1"]) {
  test(`the base URL ${prefix || "without a prefix"} works`, prefix.length > 1 ? throughFerry : {}, async () => {
    assert.ok(textOf(await client({ baseURL: BASE_URL + prefix }).messages.create(ask("Hello"))));
  });
}

test("either credential header is taken", async () => {
  for (const how of [
    { apiKey: KEY },
    { apiKey: null, authToken: KEY },
    { apiKey: null, authToken: null, defaultHeaders: { "X-Api-Key": KEY } },
  ]) {
    assert.ok(textOf(await client(how).messages.create(ask("Hello"))), JSON.stringify(how));
  }
});

test("a key that cannot be right is refused with what is wrong", throughFerry, async () => {
  const error = await failure(client({ apiKey: '"sk-ant-api03-x"' }).messages.create(ask("Hello")));
  assert.ok(error instanceof Anthropic.AuthenticationError);
  assert.ok(error.headers.get("x-ferry-code") && error.error.error.message);
  assert.equal(error.error.error.details.error_code, error.headers.get("x-ferry-code"));
});

test("a client that leaves ends the call", async () => {
  const stream = client().messages.stream(ask("Go on for long [mock chunks=2000 delay_ms=50]"));
  stream.once("text", () => stream.abort());
  assert.ok((await failure(stream.finalMessage())) instanceof Anthropic.APIUserAbortError);
});

test("fifty calls at once do not mix", async () => {
  const api = client();
  const answers = await Promise.all(
    Array.from({ length: 25 }, async (_, number) => {
      const question = ask(`Question number ${number}: what is ${number} times ${number}?`);
      const both = [api.messages.create(question), api.messages.stream(question).finalMessage()];
      const [plain, streamed] = (await Promise.all(both)).map(textOf);
      assert.equal(plain, streamed);
      return plain;
    }),
  );
  assert.ok(new Set(answers).size > 20);
});
