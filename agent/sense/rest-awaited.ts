// Files that move, with the timer that looks at them while there are some.
import { createRestingFiles, LOOK_EVERY_MS, type RestingFiles, type RestingOptions } from './resting-files.ts'
import { MACHINE_TIMERS, type Timers, whileWaiting } from './while-waiting.ts'

export interface RestAwaited extends Pick<RestingFiles, 'touch' | 'forget'> {
  /** Nothing is handed on any more. */
  readonly stop: () => void
}

/** Waits for nothing and wakes nobody until a file is touched. */
export function awaitRest(options: RestingOptions, timers: Timers = MACHINE_TIMERS): RestAwaited {
  const resting = createRestingFiles(options)
  const look = (): boolean => {
    resting.look()
    return resting.size > 0
  }
  const looking = whileWaiting(look, LOOK_EVERY_MS, timers)
  return {
    touch: (path) => {
      resting.touch(path)
      looking.wake()
    },
    forget: (path) => resting.forget(path),
    stop: looking.stop,
  }
}
