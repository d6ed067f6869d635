// Reads a model that lies inside a file of another kind. It belongs to nothing beside that file, so it is an artifact by itself.
import type { OpenedFile } from '../../contract/observation.ts'
import { type Draft, assembleArtifact } from './assemble-artifact.ts'
import { GapList } from './gap-list.ts'
import { type ReadOptions, readPart } from './read-part.ts'
import { sniff } from './sniff-format.ts'

/** The draft of a file that findHidden showed; nothing where a reader that was asked in full finds no weights. */
export async function readHidden(file: OpenedFile, name: string, options: ReadOptions): Promise<Draft | undefined> {
  const gaps = new GapList(file.path)
  const { reader, look } = sniff(file)
  const part = await readPart(file, { name, reader, look, fileCount: 1 }, options)
  const { isModel, holds = 'weights' } = part.weights
  if (!isModel || holds !== 'weights') return undefined
  return assembleArtifact({ kind: 'file', path: part.path, parts: [part], gaps, isDeep: options.deep })
}
