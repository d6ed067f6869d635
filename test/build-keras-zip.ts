// Builds archives of Keras 3 and DDUF pipelines whose members can lie.
import { buildHdf5, kerasWeights } from './build-hdf5.ts'
import { buildSafetensors } from './build-safetensors.ts'
import { type ZipPart, buildZip } from './build-zip.ts'

/** The members of a small Keras 3 archive, as saving_lib.py names them. */
export function kerasMembers(): readonly ZipPart[] {
  const config = {
    module: 'keras',
    class_name: 'Sequential',
    config: { layers: [{ class_name: 'Dense', config: {} }] },
  }
  return [
    { name: 'metadata.json', data: Buffer.from('{"keras_version": "3.8.0", "date_saved": "2026-01-02@03:04:05"}') },
    { name: 'config.json', data: Buffer.from(JSON.stringify(config)) },
    { name: 'model.weights.h5', data: buildHdf5(kerasWeights()) },
  ]
}

/** The members of a pipeline with two components. */
export function ddufMembers(): readonly ZipPart[] {
  const weights = buildSafetensors({ tensors: [{ name: 'w', dtype: 'F16', shape: [2, 2] }] })
  const index = '{"_class_name":"FluxPipeline","_diffusers_version":"0.31.0","vae":["diffusers","AutoencoderKL"]}'
  return [
    { name: 'model_index.json', data: Buffer.from(index) },
    { name: 'vae/config.json', data: Buffer.from('{}') },
    { name: 'vae/diffusion_pytorch_model.safetensors', data: weights },
    { name: 'transformer/diffusion_pytorch_model.safetensors', data: weights },
  ]
}

export const kerasArchive = (): Buffer => buildZip(kerasMembers())
export const ddufArchive = (): Buffer => buildZip(ddufMembers())
