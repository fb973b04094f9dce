#!/bin/sh
# One question, one answer, through Ferry; what Ferry says about it stands in the x-ferry-* headers.
set -eu
curl --silent --show-error --include "${FERRY_URL:-http://127.0.0.1:7300}/v1/messages" \
  -H "x-api-key: ${ANTHROPIC_API_KEY:-sk-ant-demo-key}" \
  -H "anthropic-version: 2023-06-01" \
  -H "content-type: application/json" \
  -H "X-Biz-Type: ${BIZ_TYPE:-customer_service}" \
  -d '{"model":"'"${MODEL:-claude-haiku-5-5}"'","max_tokens":256,"messages":[{"role":"user","content":"Say hello in one sentence."}]}'
echo
