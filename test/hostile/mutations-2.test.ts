// A quarter of the readers against damaged samples: see hold-readers.ts.
import { holdShare } from './hold-readers.ts'

holdShare(1)
