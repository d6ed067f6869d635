// Which pickles hold something learned: the packages whose classes they name.
import type { PickleGlobal } from './pickle-values.ts'
import type { PickleWalk } from './pickle-walk.ts'
import { nameWeights } from './weight-names.ts'
import type { TensorInfo } from './weights.ts'

/** Top-level packages of machine learning. numpy is here for its arrays: weights are kept in plain dictionaries of them, see `isLearned`. */
const LEARNING: ReadonlySet<string> = new Set(
  (
    'autogluon bitsandbytes botorch catboost cupy diffusers fastai flair flax gensim gpytorch hdbscan hmmlearn imblearn implicit jax ' +
    'jaxlib keras lightfm lightgbm mxnet ngboost numpy onnx optax paddle peft prophet pycaret pyspark pytorch_lightning scipy ' +
    'sentence_transformers sklearn skorch spacy stable_baselines3 statsmodels surprise tensorflow thinc timm tinygrad torch ' +
    'torchvision transformers tpot ultralytics umap xgboost'
  ).split(' '),
)
/** Of those, the packages of arrays: alone they say nothing, most pickled arrays are data. */
const ARRAYS: ReadonlySet<string> = new Set(['numpy', 'scipy'])
/** Modules of those packages that every program of them pickles without having learned anything. */
const PLAIN = /^(?:numpy\.(?:dtype|random)|tinygrad\.helpers|torch\.(?:Size|device|dtype))/
const JOBLIB = /^(?:sklearn\.externals\.)?joblib\.numpy_pickle/

/** True when one of the names belongs to a package of machine learning. */
export function holdsLearned(globals: readonly PickleGlobal[]): boolean {
  return globals.some((global) => LEARNING.has(packageOf(global)) && !isPlain(global))
}

/** True when pickles hold a model: a class of machine learning, or arrays that are called as weights are. Arrays alone are data. */
export function isLearned(walks: readonly PickleWalk[], tensors: readonly TensorInfo[]): boolean {
  const isClass = (global: PickleGlobal): boolean =>
    LEARNING.has(packageOf(global)) && !ARRAYS.has(packageOf(global)) && !isPlain(global)
  return walks.some(({ globals }) => globals.some(isClass)) || nameWeights(tensors.map(({ name }) => name))
}

function packageOf({ module }: PickleGlobal): string {
  return module.split('.', 1)[0] ?? ''
}

function isPlain({ module, name }: PickleGlobal): boolean {
  return PLAIN.test(`${module}.${name}`)
}

/** True when joblib wrote the arrays of this pickle. */
export function isJoblib({ globals }: PickleWalk): boolean {
  return globals.some(({ module }) => JOBLIB.test(module))
}
