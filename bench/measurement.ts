// What a benchmark gives: figures, each beside its budget (DESIGN.md section 8) and beside a peer measured in the same run.

export interface Measurement {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** The figure that DESIGN.md allows or demands, in the same unit, as it is printed: `at most 60`. */
  readonly budget?: string
  /** Another program that did the same work in the same run, in the same unit. */
  readonly peer?: { readonly name: string; readonly value: number }
}

export interface Benchmark {
  /** The word that chooses it on the command line. */
  readonly name: string
  readonly title: string
  readonly measure: () => Promise<readonly Measurement[]>
}
