import type { Training } from '../train/training.js'

/** What a run needs of its training, whatever that trains. */
export type RunTraining = Pick<
  Training,
  'step' | 'epoch' | 'batch' | 'best' | 'ended' | 'optimizer' | 'isOver' | 'run' | 'snapshot' | 'restore'
>
