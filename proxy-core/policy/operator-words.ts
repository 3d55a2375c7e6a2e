import type { OwnPlaces } from './own-places.ts';
import { canBe, plainPath } from './plain-paths.ts';
import { compilePattern } from './regex.ts';
import { plainProgram, type ScriptCommand } from './script-reading.ts';

/** Words by which a command operates Rungate, ends its process or calls its operator port. */

/** Subcommands that decide, change or copy. Those that only show (`runs`, `gates`, `verify`, `doctor`, `export`) are anybody's. */
const OPERATES = new Set(
  (
    'approve reject budgets policies resume pause stop agents grants console keys prices backup restore uninstall connect ' +
    'init config'
  ).split(' '),
);
/** Programs behind whose words another program may stand. */
const RUNNERS =
  /^(node|nodejs|deno|bun|bunx|tsx|npx|npm|pnpm|pnpx|yarn|sudo|doas|su|env|nohup|command|builtin|exec|time|nice|timeout|setsid|xargs|parallel|watch|script|stdbuf|busybox|flock|find|fd|start|start-process|cmd|pwsh|powershell|open|wsl|ssh|docker|podman|kubectl|tmux|screen|electron|strace|caffeinate|chroot|unshare|nsenter|ionice|corepack|mise|direnv|invoke-expression|iex|&)$/;
const NAME = /^(@[\w.-]+\/)?rungate(@[\w.^~-]+)?(\.(m|c)?[jt]s|\.appimage)?$/;
/** The command line's own source, where it is run from a checkout. */
const OWN_SOURCE = /(^|\/)electron\/cli\/(main|built-entry)\.[jt]s$/;

/** Whether a word names Rungate's program, perhaps as a glob. */
function isRungate(word: string): boolean {
  const program = plainProgram(word);
  if (NAME.test(program) || NAME.test(word.toLowerCase()) || OWN_SOURCE.test(word)) return true;
  const letters = program.replace(/\[([^\]])\]/g, '$1');
  return /[*?[]/.test(program) && letters.replace(/[*?]/g, '').length >= 3 && canBe(letters, 'rungate');
}

/** Whether words, the program first, are an operator's command. */
export function operatesRungate(words: readonly string[]): boolean {
  const [first = ''] = words;
  const last = RUNNERS.test(plainProgram(first)) ? words.length : 1;
  for (let at = 0; at < last; at += 1) {
    if (isRungate(words[at] ?? '') && subcommandOperates(words.slice(at + 1))) return true;
  }
  return false;
}

/** The subcommand is the first word that is no option; an option's value may stand before it. */
function subcommandOperates(words: readonly string[]): boolean {
  const rest = words.slice(0, 16).map((word) => word.toLowerCase());
  for (const [index, word] of rest.entries()) {
    if (/^[;&|]/.test(word)) return false;
    if (word === '--version' || word === '--help') return false;
    if (word.startsWith('-')) continue;
    if (OPERATES.has(word) || word === '' || isOpenWord(word)) return true;
    if (word === 'run') return words.includes('--');
    const before = rest[index - 1];
    if (before === undefined || !before.startsWith('-') || before.includes('=')) return false;
  }
  return false;
}

/** Computed, or a glob that an operator's word fits. */
const isOpenWord = (word: string): boolean => /[*?]/.test(word) && [...OPERATES].some((name) => canBe(word, name));

const ENDS =
  /^(kill|pkill|killall|killall5|skill|taskkill|stop-process|spps|xkill|gdb|lldb|strace|ltrace|dtrace|gcore|renice|reptyr|fuser|kill-port)$/;
const FINDS = /^(pgrep|pidof|lsof|ss|netstat|fuser|ps|get-process|get-nettcpconnection|grep|awk)$/;
const STOPS =
  /^(systemctl|service|launchctl|sc|docker|podman|pm2|rc-service|initctl|supervisorctl|net|brew|snap|nssm|kubectl|stop-service)$/;
const STOPPING =
  /^(stop|kill|restart|disable|mask|delete|rm|remove|unload|bootout|reload|pause|try-restart|stop-service|freeze)$/;
/** Processes by their command lines: Rungate's own, and others that a pattern for it should not fit. */
const OWN_LINES = [
  'rungate',
  'rungate serve',
  'node /usr/lib/node_modules/rungate/electron/cli/rungate.js serve',
  '/opt/Rungate/rungate',
];
const OTHER_LINES = [
  'node server.js',
  'python app.py',
  'node /app/node_modules/vite/bin/vite.js',
  '/usr/bin/bash',
  'electron .',
];

/** Whether a command of a script ends Rungate's process or looks into it; `all`: every command of the script. */
export function meddlesWithProcess(command: ScriptCommand, all: readonly ScriptCommand[], own: OwnPlaces): boolean {
  const { program, words } = command;
  const naming = [program, ...words];
  if (words.some((word) => looksIntoProcess(word, all, own))) return true;
  if (STOPS.test(program) && words.some((word) => STOPPING.test(word.toLowerCase()))) {
    return naming.some((word) => /(^|[^a-z])rungate([^a-z/]|$)/i.test(word));
  }
  const runner = RUNNERS.test(program) && words.some((word) => ENDS.test(plainProgram(word)));
  const ends = ENDS.test(program) || runner;
  if (!ends) return false;
  if (words.some((word) => namesProcess(word, own))) return true;
  const found = all.some((one) => FINDS.test(one.program) && one.words.some((word) => namesProcess(word, own)));
  return found && (runner || words.some((word) => /[*$]/.test(word)) || words.length === 0);
}

function namesProcess(word: string, own: OwnPlaces): boolean {
  const ports = [...own.agentPorts, ...own.consolePorts];
  if (own.pid !== null && word.replace(/^-/, '') === String(own.pid)) return true;
  const port = /(?:^|:|=)(\d{2,5})(?:\/tcp)?$/.exec(word)?.[1];
  if (port !== undefined && ports.includes(Number(port))) return true;
  return word.length <= 128 && fitsRungate(word);
}

/** A name or a pattern (`pkill -f 'run[g]ate'`) that fits Rungate and not just anything. */
function fitsRungate(word: string): boolean {
  const plain = word.toLowerCase();
  if (/rungate/.test(plain)) return true;
  if (!/[[.*?+]/.test(plain) || plain.startsWith('-')) return false;
  const compiled = compilePattern(`(?i)${plain}`);
  if (compiled.kind === 'fault' || plain.replace(/[^a-z]/g, '').length < 3) return false;
  return (
    OWN_LINES.some((line) => compiled.pattern.test(line)) && !OTHER_LINES.some((line) => compiled.pattern.test(line))
  );
}

/** `/proc/PID/environ` and its like of a process that is not the caller's own. */
function looksIntoProcess(word: string, all: readonly ScriptCommand[], own: OwnPlaces): boolean {
  if (!/proc/i.test(word)) return false;
  const { parts } = plainPath(word);
  const at = parts.indexOf('proc');
  const [process = '', file = ''] = at < 0 ? [] : parts.slice(at + 1);
  if (process === '' || /^(self|thread-self)$/.test(process)) return false;
  if (!['environ', 'mem', 'fd', 'cwd', 'maps', 'cmdline'].some((name) => canBe(file, name))) return false;
  if (process === String(own.pid)) return true;
  if (/[*?[]/.test(process)) {
    const named = all.some((one) => /^(pgrep|pidof)$/.test(one.program));
    return named ? all.some((one) => one.words.some((other) => namesProcess(other, own))) : file !== 'cmdline';
  }
  return /^\d+$/.test(process) && canBe(file, 'environ');
}

const ADDRESS =
  /(?:^|[^\w.])(?:localhost|[\w-]{1,64}\.localhost|(?:[\w.-]{1,64}\.)?(?:lvh\.me|localtest\.me)|[\w.-]{0,64}127[.-]0[.-]0[.-]1\.(?:nip|sslip)\.io|\[[\da-f:.]{2,45}\]|::1|::ffff:[\da-f:.]{1,20}|0x[\da-f.x]{1,24}|0\d[\d.]{0,24}|0(?:\.0){0,3}|127(?:\.\d{1,8}){1,3}|2130706\d{3}|host\.docker\.internal|\*)\.?(?::|\s{1,4}|\/|['"]\s{0,4},\s{0,4})0{0,4}$/i;
/** As much of a text as can be an address in front of its port. */
const WINDOW = 120;
const PLACES = 64;

/** Whether a text holds an address at which this machine's operator port answers. */
export function callsConsole(text: string, own: OwnPlaces): boolean {
  return own.consolePorts.some((port) => {
    const digits = String(port);
    let at = text.indexOf(digits);
    for (let tried = 0; at >= 0 && tried < PLACES; tried += 1) {
      const ends = !/\d/.test(text.charAt(at + digits.length));
      if (ends && ADDRESS.test(text.slice(Math.max(0, at - WINDOW), at))) return true;
      at = text.indexOf(digits, at + 1);
    }
    return false;
  });
}

const NETWORK =
  /^(nc|ncat|netcat|socat|telnet|nmap|openssl|websocat|wscat|ssh|curl|wget|http|https|xh|curlie|test-netconnection)$/;

/** Whether a command calls the operator port: by an address, or as a port of its own after a host. */
export function commandCallsConsole({ program, words, writes }: ScriptCommand, own: OwnPlaces): boolean {
  if (TEXT_ONLY.test(program)) return writes.some((word) => callsDevice(word, own));
  const line = [...words, ...writes].join(' ');
  if (callsConsole(line, own) || [...words, ...writes].some((word) => callsDevice(word, own))) return true;
  if (!NETWORK.test(program)) return false;
  // `socat - TCP:localhost:4142`, `ssh -L 9:localhost:4142`, `curl --connect-to ::localhost:4142`
  return own.consolePorts.some((port) =>
    words.some((word) => new RegExp(`:${port}(?!\\d)`).test(word) && !/[a-z\d-]\.[a-z]{2,}:/i.test(word)),
  );
}

const TEXT_ONLY = /^(echo|printf|git|gh|glab|grep|egrep|fgrep|rg|ag|ack|sed|cat|head|tail|less)$/;
const callsDevice = (word: string, own: OwnPlaces): boolean =>
  /^\/dev\/(tcp|udp)\//.test(word) && own.consolePorts.some((port) => word.endsWith(`/${port}`));
