import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';
import { explainRefusal, guardedLookup, isRefusedAddress } from '../../../proxy-core/providers/address-guard.ts';

const FORBIDDEN = [
  '127.0.0.1',
  '127.255.255.254',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::127.0.0.1',
  '169.254.169.254',
  '169.254.0.1',
  '::ffff:169.254.169.254',
  'fd00:ec2::254',
  'fd20:ce::254',
  '168.63.129.16',
  '192.0.0.192',
  '100.100.100.200',
  '100.64.0.1',
  '100.127.255.255',
  '::ffff:100.64.0.1',
  '0.0.0.0',
  '0.1.2.3',
  '::',
  '::ffff:0.0.0.0',
  'fe80::1',
  'fe80::1%eth0',
  'febf::1',
  'fec0::1',
  '64:ff9b::7f00:1',
  '64:ff9b::127.0.0.1',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b::100.64.0.1',
  '64:ff9b:1::1',
  '2002:7f00:1::1',
  '2002:a9fe:a9fe::',
  '2001::1',
  '224.0.0.1',
  '255.255.255.255',
  'ff02::1',
  'not an address',
  '',
];

const ALLOWED = [
  '93.184.215.14',
  '2606:2800:21f:cb07:6820:80da:af6b:8b2c',
  '64:ff9b::5db8:d70e',
  '100.63.255.255',
  '100.128.0.1',
  '169.253.1.1',
  '128.0.0.1',
  '1.0.0.1',
  // Names that resolve into the operator's own network are not forbidden by the contract.
  '10.0.0.7',
  '172.16.3.4',
  '192.168.1.20',
  'fd12:3456::1',
];

describe('C3: an address that a name resolves to', () => {
  it.each(FORBIDDEN)('%s is refused', (address) => {
    expect(explainRefusal('provider.test', address)).not.toBeNull();
  });

  it.each(ALLOWED)('%s is allowed', (address) => {
    expect(explainRefusal('provider.test', address)).toBeNull();
  });
});

describe('C3: an address that stands in the configuration', () => {
  it.each(['127.0.0.1', '127.0.0.53', '::1', '[::1]', '10.0.0.7', '192.168.1.20', '[fd12:3456::1]', '93.184.215.14'])(
    '%s is allowed',
    (literal) => {
      expect(explainRefusal(literal, literal)).toBeNull();
    },
  );

  it.each([
    '169.254.169.254',
    '[fd00:ec2::254]',
    '100.64.0.1',
    '100.100.100.200',
    '0.0.0.0',
    '[::]',
    '[fe80::1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b::5db8:d70e]',
    '[::ffff:169.254.169.254]',
    '[::ffff:a9fe:a9fe]',
  ])('%s is refused', (literal) => {
    expect(explainRefusal(literal, literal)).not.toBeNull();
  });

  it.each(['http://2852039166/', 'http://0xa9fea9fe/', 'http://0251.0376.0251.0376/', 'http://169.254.43518/'])(
    'the metadata address written as %s is refused',
    (text) => {
      const { hostname } = new URL(text);
      expect(explainRefusal(hostname, hostname)).not.toBeNull();
    },
  );
});

describe('localhost', () => {
  it.each(['127.0.0.1', '::1', '127.0.0.2'])('may resolve to %s', (address) => {
    expect(explainRefusal('localhost', address)).toBeNull();
    expect(explainRefusal('LOCALHOST', address)).toBeNull();
  });

  it.each(['93.184.215.14', '10.0.0.1', '169.254.169.254', '::'])('may not resolve to %s', (address) => {
    expect(explainRefusal('localhost', address)).not.toBeNull();
  });

  it.each(['foo.localhost', 'localhost.', 'localhost.test'])('opts in by its own name only, not as %s', (name) => {
    expect(explainRefusal(name, '127.0.0.1')).not.toBeNull();
  });
});

describe('the guarded lookup', () => {
  const answering = (...addresses: string[]): LookupFunction => {
    const found = addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }));
    return (_host, options, callback) => {
      if (options.all === true) callback(null, found);
      else callback(null, found[0]?.address ?? '', found[0]?.family);
    };
  };

  const look = (lookup: LookupFunction, host: string, all: boolean) =>
    new Promise<{ error: Error | null; found: string | LookupAddress[] }>((resolve) => {
      lookup(host, { all }, (error, found) => resolve({ error, found }));
    });

  it.each([true, false])('hands on an allowed answer as it came (all: %j)', async (all) => {
    const { error, found } = await look(guardedLookup(answering('93.184.215.14')), 'a.test', all);
    expect(error).toBeNull();
    expect(found).toEqual(all ? [{ address: '93.184.215.14', family: 4 }] : '93.184.215.14');
  });

  it('refuses the whole answer if one address in it is forbidden', async () => {
    const { error, found } = await look(guardedLookup(answering('93.184.215.14', '::1')), 'a.test', true);
    expect(isRefusedAddress(error)).toBe(true);
    expect(error?.message).toContain('a.test resolves to ::1');
    expect(found).toBe('');
  });

  it('judges each answer anew, so a name that flips is caught', async () => {
    const answers = ['93.184.215.14', '169.254.169.254'];
    const lookup = guardedLookup((host, options, callback) =>
      answering(answers.shift() ?? '')(host, options, callback),
    );
    expect((await look(lookup, 'a.test', true)).error).toBeNull();
    expect(isRefusedAddress((await look(lookup, 'a.test', true)).error)).toBe(true);
  });

  it('hands on the resolver’s own errors', async () => {
    const failing: LookupFunction = (_host, _options, callback) => callback(new Error('ENOTFOUND'), '', 0);
    const { error } = await look(guardedLookup(failing), 'a.test', true);
    expect(error?.message).toBe('ENOTFOUND');
    expect(isRefusedAddress(error)).toBe(false);
  });
});
