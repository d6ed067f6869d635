// Tests run as ES modules through ts-jest in isolatedModules mode; types are tsc's business (`npm run check`).
// Groups: `unit` (fast, in `npm run check`), `system` (real programs and processes) and `hostile` (damaged and lying files by the
// hundred thousand); the latter two run in `npm test` only.
const transform = {
  '^.+\\.ts$': [
    'ts-jest',
    {
      useESM: true,
      diagnostics: false,
      tsconfig: {
        module: 'NodeNext',
        moduleResolution: 'NodeNext',
        target: 'ES2023',
        isolatedModules: true,
        verbatimModuleSyntax: true,
        allowImportingTsExtensions: true,
        noEmit: true,
        skipLibCheck: true,
        types: ['node'],
      },
    },
  ],
}
const shared = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform,
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.gnomon/', '<rootDir>/.cache/'],
}
export default {
  cacheDirectory: '<rootDir>/.cache/jest',
  maxWorkers: 2,
  // Modules of test files stay in the memory of their worker: after 180 of them one ended for want of heap.
  workerIdleMemoryLimit: '1500MB',
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['<rootDir>/test/system/', '<rootDir>/test/hostile/'],
    },
    { ...shared, displayName: 'system', testMatch: ['<rootDir>/test/system/**/*.test.ts'] },
    { ...shared, displayName: 'hostile', testMatch: ['<rootDir>/test/hostile/**/*.test.ts'] },
  ],
  // A bound for what hangs, not a measure: a busy machine takes ten times as long as a quiet one.
  testTimeout: 240_000,
}
