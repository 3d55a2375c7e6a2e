import { openStore } from '../../proxy-core/store/open-store.ts';

/** A program that opens the store named by its argument and says what came of it; with `stay` it keeps it open. */
const [path = '', stay] = process.argv.slice(2);
try {
  const store = await openStore({ path, clock: Date.now });
  process.stdout.write(JSON.stringify({ code: 'open' }));
  if (stay === undefined) await store.close();
} catch (error) {
  process.stdout.write(JSON.stringify({ code: (error as { code?: string }).code, message: (error as Error).message }));
}
