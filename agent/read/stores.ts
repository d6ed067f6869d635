// The stores of models that are read, one line each, the more special before the more general: the first that finds a model in a
// folder has it.
import { trainingConfig } from './leftover-config.ts'
import { trainer } from './leftover-trainer.ts'
import { diffusers } from './store-diffusers.ts'
import { firefoxCache } from './store-firefox-cache.ts'
import { folderModels } from './store-folders.ts'
import { hubCache } from './store-hub.ts'
import { jan } from './store-jan.ts'
import { oci } from './store-oci.ts'
import { ollama } from './store-ollama.ts'
import { projectorBeside } from './store-projector.ts'
import { ramalama } from './store-ramalama.ts'
import { webCache } from './store-web-cache.ts'
import type { StoreReader } from './store-reader.ts'
import { distributedFolder } from './torch-distributed-folder.ts'

export const stores: readonly StoreReader[] = [
  hubCache, //
  ollama,
  oci,
  ramalama,
  webCache,
  firefoxCache,
  diffusers,
  distributedFolder,
  ...folderModels,
  jan,
  projectorBeside,
  trainer,
  trainingConfig,
]
