// Judges meaning (form is Biome's). Every rule is an error: a rule that may be ignored is gone.
import tseslint from 'typescript-eslint'

/** What the page uses of a browser; a new name here is a visible change. */
const BROWSER = [
  'Node',
  'URLSearchParams',
  'addEventListener',
  'document',
  'fetch',
  'history',
  'location',
  'scrollTo',
  'sessionStorage',
  'setInterval',
]

export default tseslint.config(
  {
    ignores: ['dist/**', 'node_modules/**', '.cache/**', '.gnomon/**', '**/*.cjs', '**/*.mjs', '*.js'],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/prefer-readonly': 'error',
      // Leaving a field out by destructuring is how a readonly value loses one.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'max-lines': ['error', { max: 400, skipBlankLines: false, skipComments: false }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-depth': ['error', 2],
      complexity: ['error', 20],
      eqeqeq: 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'No default exports: a thing has one name everywhere.' },
        { selector: 'ExportAllDeclaration', message: 'No barrels: import from the file that owns the thing.' },
        {
          selector: 'ExportNamedDeclaration[source]',
          message: 'No barrels: import from the file that owns the thing.',
        },
        { selector: 'ClassDeclaration[superClass]', message: 'No inheritance.' },
      ],
      'no-console': 'error',
      'no-control-regex': 'off',
    },
  },
  // The page is plain JavaScript that the browser reads as it is: no types, but the same sizes, and no name from nowhere.
  {
    files: ['collector/page/**/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: Object.fromEntries(BROWSER.map((name) => [name, 'readonly'])) },
    rules: { 'no-undef': 'error' },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: { 'max-lines-per-function': 'off', 'no-console': 'off' },
  },
)
