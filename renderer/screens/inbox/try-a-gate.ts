/** Lines that show a gate: they make an agent (or give it a new token) and have it propose what the starter policy holds. */
export interface Sample {
  /** The shell that they are written for. */
  readonly shell: string;
  /** The last line is the agent's call; every repetition is the same, as a retry has to be. */
  readonly text: string;
}

const BODY =
  '{"model":"demo-1","messages":[{"role":"user","content":"call bash {\\"command\\":\\"rm -rf src\\"}"}],"tools":[{"type":"function","function":{"name":"bash","parameters":{"type":"object","properties":{"command":{"type":"string"}}}}}]}';

/** `program` is how Rungate is called in any folder; `platform` as Node names it. */
export function trySample(agentUrl: string, program: string, platform: string): Sample {
  const url = `${agentUrl}/v1/chat/completions`;
  const add = `${program} agents add try-a-gate --json`;
  const rotate = `${program} agents rotate try-a-gate --json`;
  return platform === 'win32'
    ? {
        shell: 'PowerShell',
        text: [
          `$issued = ${add} 2>$null`,
          `if (-not $issued) { $issued = ${rotate} }`,
          '$token = ($issued | ConvertFrom-Json).token',
          `Invoke-WebRequest ${url} -UseBasicParsing -Method Post -ContentType 'application/json' -Headers @{ Authorization = "Bearer $token" } -Body '${BODY}'`,
        ].join('\n'),
      }
    : {
        shell: 'bash, zsh',
        text: [
          `TOKEN=$( (${add} 2>/dev/null || ${rotate}) | sed -n 's/.*"token": *"\\([^"]*\\)".*/\\1/p')`,
          `curl -i ${url} -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '${BODY}'`,
        ].join('\n'),
      };
}
