// One question, one answer, through Ferry. Only baseURL differs from a direct call.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({
  baseURL: process.env.FERRY_URL ?? "http://127.0.0.1:7300",
  apiKey: process.env.ANTHROPIC_API_KEY ?? "sk-ant-demo-key",
  defaultHeaders: { "X-Biz-Type": process.env.BIZ_TYPE ?? "customer_service" },
});
const { data: message, response } = await client.messages
  .create({
    model: process.env.MODEL ?? "claude-haiku-5-5",
    max_tokens: 256,
    messages: [{ role: "user", content: "Say hello in one sentence." }],
  })
  .withResponse();
console.log(message.content.map((block) => (block.type === "text" ? block.text : "")).join(""));
const { input_tokens, output_tokens } = message.usage;
console.log(`node ${response.headers.get("x-ferry-node")}, ${input_tokens} tokens in, ${output_tokens} out`);
