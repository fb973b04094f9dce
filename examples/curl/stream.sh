#!/bin/sh
# A streamed answer, event by event. The last event is message_stop, or it is an error: never silence.
set -eu
curl --silent --show-error --no-buffer "${FERRY_URL:-http://127.0.0.1:7300}/v1/messages" \
  -H "x-api-key: ${ANTHROPIC_API_KEY:-sk-ant-demo-key}" \
  -H "anthropic-version: 2023-06-01" \
  -H "content-type: application/json" \
  -H "X-Biz-Type: ${BIZ_TYPE:-customer_service}" \
  -d '{"model":"'"${MODEL:-claude-haiku-5-5}"'","max_tokens":1024,"stream":true,"messages":[{"role":"user","content":"Count from one to ten."}]}'
