/** One suite, real servers: unit specs stand beside their source, repository and end-to-end suites in test/. */
export default {
  // Node's environment, which fails a file that leaves sockets, servers, timers or processes behind.
  testEnvironment: '<rootDir>/test/leak-check.environment.js',
  roots: ['<rootDir>/src', '<rootDir>/simulator', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts', '**/*.e2e-spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  setupFilesAfterEnv: ['<rootDir>/test/setup.ts'],
  // A rejection that nobody handles fails the test that was running.
  waitForUnhandledRejections: true,
  testTimeout: 30_000,
  maxWorkers: 2,
  // Jest keeps the modules of the files that a worker has run. With 800 MB the end of the process takes longer than the
  // 500 ms that jest gives it on a busy machine, and jest calls that a leak. A new worker then goes on.
  workerIdleMemoryLimit: '400MB',
};
