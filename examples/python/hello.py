"""One question, one answer, through Ferry. Only base_url differs from a direct call."""
import os

from anthropic import Anthropic

client = Anthropic(
    base_url=os.environ.get("FERRY_URL", "http://127.0.0.1:7300"),
    api_key=os.environ.get("ANTHROPIC_API_KEY", "sk-ant-demo-key"),
    default_headers={"X-Biz-Type": os.environ.get("BIZ_TYPE", "customer_service")},
)
raw = client.messages.with_raw_response.create(
    model=os.environ.get("MODEL", "claude-haiku-5-5"),
    max_tokens=256,
    messages=[{"role": "user", "content": "Say hello in one sentence."}],
)
message = raw.parse()
print("".join(block.text for block in message.content if block.type == "text"))
print(f"node {raw.headers.get('x-ferry-node')}, {message.usage.input_tokens} tokens in, {message.usage.output_tokens} out")
