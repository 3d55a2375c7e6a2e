import type { CoreStatus } from '../contract/operations/core.ts';
import type { Core } from '../exchange/core.ts';
import { type OwnPlaces, USUAL_PLACES } from '../policy/own-places.ts';
import { renderKeyReference } from '../providers/credentials.ts';
import { describeWay } from '../providers/proxy-choice.ts';
import type { WayOut } from '../providers/way-out.ts';
import { cureOf } from '../store/trouble-words.ts';
import type { Handlers } from './call.ts';

type CoreHandlers = Pick<Handlers, 'core.status' | 'core.pause' | 'core.resume'>;

/** Where this core can be reached and what it was started with. */
export interface Whereabouts {
  readonly version: string;
  readonly home: string;
  readonly agentUrl: string;
  readonly consoleUrl: string | null;
  readonly configFile: string | null;
  readonly startedAt: number;
  readonly way: WayOut;
  /** How this program is called, in any folder. */
  readonly program: string;
}

/** The same as rules on calls that reach for Rungate need it. */
export const ownPlaces = ({ home, agentUrl, consoleUrl }: Whereabouts): OwnPlaces => ({
  home,
  agentPorts: agentUrl === '' ? USUAL_PLACES.agentPorts : [Number(new URL(agentUrl).port)],
  consolePorts: consoleUrl === null ? USUAL_PLACES.consolePorts : [Number(new URL(consoleUrl).port)],
  pid: process.pid,
});

/** The setting that keeps a pause over a restart. */
export const PAUSED_SETTING = 'paused';

/** The core itself: its state, pause, resume. */
export function coreHandlers(core: Core, whereabouts: () => Whereabouts): CoreHandlers {
  const setPaused = async (paused: boolean, by: { actor: string; channel: string }) => {
    await core.store.write('setSetting', { at: core.clock.now(), name: PAUSED_SETTING, value: paused, by }).durable;
    core.paused = paused;
    if (paused && core.options.onPause === 'cut') core.inFlight.abortAll('operator');
    core.bus.publish('core.paused', { paused });
    return { paused };
  };
  return {
    'core.pause': (_input, by) => setPaused(true, by),
    'core.resume': (_input, by) => setPaused(false, by),
    'core.status': () => coreStatus(core, whereabouts()),
  };
}

/** The core as it stands now. */
export async function coreStatus(core: Core, here: Whereabouts): Promise<CoreStatus> {
  const { trouble } = core.store;
  return {
    version: here.version,
    pid: process.pid,
    agent_url: here.agentUrl,
    console_url: here.consoleUrl,
    home: here.home,
    started_at: here.startedAt,
    providers: await Promise.all(core.providers.map((provider) => describeProvider(core, provider, here.way))),
    paused: core.paused,
    in_flight: core.inFlight.size,
    store: {
      ok: trouble === null,
      detail: trouble === null ? 'writable' : `${trouble.reason}: ${trouble.detail}. ${cureOf(trouble)}`,
    },
    authorities: here.way.authorities,
    config_file: here.configFile,
    program: here.program,
    unknown_clients: [...core.unknownClients.list()],
  };
}

async function describeProvider(core: Core, provider: Core['providers'][number], way: WayOut) {
  const key = await core.credentials.find(provider.key);
  return {
    id: provider.id,
    origin: provider.baseUrl?.origin ?? 'built in',
    formats: [...provider.formats],
    models: [...provider.models],
    key: key.kind === 'found' ? ('set' as const) : key.kind,
    key_source: renderKeyReference(provider.key),
    way: provider.baseUrl === null ? 'directly' : describeWay(way.choose(provider.baseUrl)),
  };
}
