// A streamed answer through Ferry. A cut stream throws: half an answer never looks like a whole one.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({
  baseURL: process.env.FERRY_URL ?? "http://127.0.0.1:7300",
  apiKey: process.env.ANTHROPIC_API_KEY ?? "sk-ant-demo-key",
  defaultHeaders: { "X-Biz-Type": process.env.BIZ_TYPE ?? "customer_service" },
});
const stream = client.messages.stream({
  model: process.env.MODEL ?? "claude-haiku-5-5",
  max_tokens: 1024,
  messages: [{ role: "user", content: process.argv[2] ?? "Count from one to ten." }],
});
stream.on("text", (text) => process.stdout.write(text));
try {
  const message = await stream.finalMessage();
  console.log(`\n(${message.stop_reason})`);
} catch (error) {
  console.error(`\nnot a whole answer: ${error.message}`);
  process.exitCode = 1;
}
