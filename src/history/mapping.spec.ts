import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../config/config-error.js';
import { MappingFailedError } from './history.errors.js';
import { loadMapping, PLAIN } from './mapping.js';
import { SAMPLE_RECORD } from './record.js';

describe('mapping', () => {
  let folder: string;
  let file: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-mapping-'));
    file = join(folder, 'mapping.jsonata');
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function load(text: string) {
    await writeFile(file, text);
    return loadMapping(file);
  }

  it('is the record itself without a file', async () => {
    expect(JSON.parse(await PLAIN.body(JSON.stringify(SAMPLE_RECORD)))).toEqual(SAMPLE_RECORD);
  });

  it('reshapes, and leaves out what is absent', async () => {
    const mapping = await load(
      '{ "id": recordId, "who": { "customer": customerId, "agent": agentId }, "code": wrapup.code }',
    );
    const { agentId: _, ...record } = SAMPLE_RECORD;
    expect(JSON.parse(await mapping.body(JSON.stringify(record)))).toEqual({
      id: record.recordId,
      who: { customer: 'C-1001' },
      code: record.wrapup?.code,
    });
  });

  it('works on a record of before media, callback and external contacts, and on one with them', async () => {
    const mapping = await load('$merge([$, { "address": media.addressFrom }])');
    const { media, callback: _, externalContactIds: _ids, externalOrganizationIds: _more, ...before } = SAMPLE_RECORD;
    expect(JSON.parse(await mapping.body(JSON.stringify(before)))).toEqual(before);
    const after = { ...SAMPLE_RECORD, address: media?.addressFrom };
    expect(JSON.parse(await mapping.body(JSON.stringify(SAMPLE_RECORD)))).toEqual(after);
    const sparse = await load('{ "subject": subject, "code": wrapup.code, "channel": channel }');
    const told = JSON.parse(await sparse.body(JSON.stringify(SAMPLE_RECORD))) as unknown;
    expect(told).toEqual(JSON.parse(await sparse.body(JSON.stringify(before))));
  });

  it('is refused at boot with file, line and column when it is no JSONata', async () => {
    const refused = await load('{\n  "id": recordId,\n  "x": )\n}').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ConfigError);
    expect((refused as Error).message).toContain(
      `HISTORY_MAPPING_FILE="${file}": does not work on a sample record at line 3, column`,
    );
  });

  it.each(['"text"', '[1, 2]', 'no.such.field', '$string(1) + 1', '1 = 1'])('is refused at boot: %s', async (text) => {
    await expect(load(text)).rejects.toBeInstanceOf(ConfigError);
  });

  it('is refused at boot when the file is not there', async () => {
    await expect(loadMapping(join(folder, 'none'))).rejects.toThrow(join(folder, 'none'));
  });

  it('fails on a record without quoting it', async () => {
    const mapping = await load('{ "n": $number(subject = "Sample subject" ? "1" : subject) }');
    const failed = await mapping
      .body(JSON.stringify({ ...SAMPLE_RECORD, subject: 'private words' }))
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(MappingFailedError);
    expect((failed as Error).message).toContain('D3030');
    expect((failed as Error).message).not.toContain('private');
  });

  it.each(['subject = "Sample subject" ? {} : undefined_field', 'subject = "Sample subject" ? {} : [1]'])(
    'fails when a record gives no object: %s',
    async (text) => {
      const mapping = await load(text);
      await expect(mapping.body(JSON.stringify({ ...SAMPLE_RECORD, subject: 'x' }))).rejects.toBeInstanceOf(
        MappingFailedError,
      );
    },
  );

  it('ends when it would not end', async () => {
    await expect(load('($f := function($n) { $f($n + 1) }; { "n": $f(0) })')).rejects.toThrow(/1000 milliseconds/);
    await expect(load('($f := function($n) { 1 + $f($n + 1) }; { "n": $f(0) })')).rejects.toThrow(/Stack overflow/);
  });
});
