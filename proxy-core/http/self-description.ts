/**
 * `GET /llms.txt`: what an agent needs to know about this proxy, in a page of plain text (behaviour §2).
 * `agentUrl` is the port's own address.
 */
export function renderSelfDescription(agentUrl: string): string {
  return `# Rungate

Rungate is a local proxy between you (an AI agent) and your model provider. It governs the whole run: budgets,
policies, approval by a person, and a complete audit. You keep using your provider's own protocol.

## Connect
- OpenAI-style base URL: ${agentUrl}/v1   Anthropic-style base URL: ${agentUrl}
- Credential: a token that starts with rg_agt_, sent as "Authorization: Bearer TOKEN" or "x-api-key: TOKEN".
  To use your own provider credential, leave it where it is and send the token as "x-rungate-token: TOKEN".
- Endpoints: POST /v1/chat/completions, /v1/responses (and its compact and input_tokens), /v1/messages,
  /v1/messages/count_tokens, /v1/embeddings, /v1/completions; GET /v1/models. Requests and answers are passed on byte for byte.
- All calls of one task belong to one run. It is found by your client's session or your tool-call ids; to name it yourself send
  "x-rungate-run-id: ID" or put /r/ID before the path. "x-rungate-new-run: true" starts a run: leave it out when you resend.
  Answers carry x-rungate-run-id, x-rungate-budget-remaining-usd and, when known in time, x-rungate-cost-usd.
- When the task is finished: POST /v1/runs/ID/complete. Files worth keeping: PUT /v1/runs/ID/artifacts/NAME.

## When a call is stopped
Every refusal has error.code, error.message and error.context with the rule, why, and how to recover.
- 202: a person must approve a proposed action. Send the same request again, unchanged, after Retry-After: 5 s, 10 s,
  30 s, 60 s, then every 5 minutes until context.expires_at. Approved: the answer. Rejected: 403. Expired: 410.
  If you cannot handle 202, send "x-rungate-gate: hold" and the connection waits instead.
- 402 budget_exceeded: a cap is reached. Stop and tell your person; after they raise or reset it, the same request succeeds.
- 403 policy_blocked, loop_detected, run_stopped, model_unpriced, endpoint_not_governed: do not resend; read context.recover.
- 403 approval_rejected: a person said no; context.reason may say why. Do not try the same action in another form.
- 409 run_ended: start a new run. 409 approval_pending: send the same request again after Retry-After.
- 410 gate_expired: nobody decided in time; send a changed request, or the same with "x-rungate-new-gate: true".
- 429 rate_limited and 503: send the same request again after Retry-After.
`;
}
