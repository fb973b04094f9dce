"""A streamed answer through Ferry. A cut stream raises: half an answer never looks like a whole one."""
import os
import sys

from anthropic import Anthropic, APIError

client = Anthropic(
    base_url=os.environ.get("FERRY_URL", "http://127.0.0.1:7300"),
    api_key=os.environ.get("ANTHROPIC_API_KEY", "sk-ant-demo-key"),
    default_headers={"X-Biz-Type": os.environ.get("BIZ_TYPE", "customer_service")},
)
question = sys.argv[1] if len(sys.argv) > 1 else "Count from one to ten."
try:
    with client.messages.stream(
        model=os.environ.get("MODEL", "claude-haiku-5-5"),
        max_tokens=1024,
        messages=[{"role": "user", "content": question}],
    ) as stream:
        for text in stream.text_stream:
            print(text, end="", flush=True)
        print(f"\n({stream.get_final_message().stop_reason})")
except APIError as error:
    sys.exit(f"\nnot a whole answer: {error}")
