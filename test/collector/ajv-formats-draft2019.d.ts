// ajv-formats-draft2019 ships without types.
declare module 'ajv-formats-draft2019' {
  import type { Ajv } from 'ajv'
  const addFormats: (ajv: Ajv) => Ajv
  export = addFormats
}
