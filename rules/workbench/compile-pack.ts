// Turns a rule tree into the canonical JSON of a pack, signed when a key is given.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { type Result, failed, success } from '../../contract/failure.ts'
import type { PackBody, PackFile } from '../../contract/rule-pack.ts'
import { canonicalJson } from '../canonical-json.ts'
import type { PackTrust } from '../pack.ts'
import { buildDigestTable } from './build-digest-table.ts'
import type { RuleTree } from './read-tree.ts'

/** The body of a pack. The same tree gives the same bytes: lists are sorted by id; the date is what pack.yaml says, never that of the build. */
export function compilePack(tree: RuleTree): PackBody {
  return {
    schema: 'gnomon-pack/1',
    version: tree.version,
    date: tree.date,
    engine: tree.engine,
    runtimes: byId(tree.runtimes),
    models: byId(tree.models),
    policies: byId(tree.policies),
    threats: byId(tree.threats),
    vocabulary: byId(tree.vocabulary),
    digests: buildDigestTable(tree.digests),
  }
}

function byId<T extends { readonly id: string }>(entries: readonly T[]): readonly T[] {
  return [...entries].sort((left, right) => (left.id < right.id ? -1 : 1))
}

/** Signs with an Ed25519 private key (PEM, PKCS #8); without a key the pack says that it is not signed. */
export function signPack(pack: PackBody, privateKeyPem: string | null): Result<PackFile> {
  if (privateKeyPem === null) return success({ pack, signature: null })
  try {
    const key = createPrivateKey(privateKeyPem)
    if (key.asymmetricKeyType !== 'ed25519')
      return failed('GNO_USAGE', `the key is ${key.asymmetricKeyType ?? 'of no known type'}, not Ed25519`)
    const value = sign(null, Buffer.from(canonicalJson(pack)), key).toString('base64')
    return success({ pack, signature: { algorithm: 'ed25519', value } })
  } catch (error) {
    return failed('GNO_USAGE', 'the key file is not a private key in PEM', error)
  }
}

/** Trust in one Ed25519 public key (PEM, SPKI), for readPack. */
export function trustKey(publicKeyPem: string): Result<PackTrust> {
  try {
    const key = createPublicKey(publicKeyPem)
    return success({
      verify: (message, signature) => verify(null, Buffer.from(message), key, Buffer.from(signature, 'base64')),
    })
  } catch (error) {
    return failed('GNO_USAGE', 'the key file is not a public key in PEM', error)
  }
}

/** A fresh key pair for signing packs. */
export function generateSigningKeys(): { readonly privateKey: string; readonly publicKey: string } {
  return generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
}
