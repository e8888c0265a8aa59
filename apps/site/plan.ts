/** A page of the documentation that is written as Markdown. */
export interface Guide {
  /** The file, from the root of the repository. */
  file: string
  /** The name in the list of contents. */
  name: string
  group: 'guides' | 'project'
  /** Its language, if that is not English. */
  language?: 'pt'
}

/** All guides, in the order in which they are listed. The first is where the documentation begins. */
export const guides: readonly Guide[] = [
  { file: 'README.md', name: 'Overview', group: 'guides' },
  { file: 'docs/first-steps.md', name: 'First steps', group: 'guides' },
  { file: 'docs/from-the-book.md', name: 'From the book', group: 'guides' },
  { file: 'docs/do-livro.md', name: 'Do livro (em português)', group: 'guides', language: 'pt' },
  { file: 'docs/training.md', name: 'Training for real', group: 'guides' },
  { file: 'docs/cells.md', name: 'Which cell', group: 'guides' },
  { file: 'docs/series.md', name: 'Series of numbers', group: 'guides' },
  { file: 'docs/labels.md', name: 'Labels', group: 'guides' },
  { file: 'docs/many-machines.md', name: 'On to many machines', group: 'guides' },
  { file: 'docs/pytorch.md', name: 'PyTorch', group: 'guides' },
  { file: 'docs/keras.md', name: 'Keras and TensorFlow.js', group: 'guides' },
  { file: 'docs/onnx.md', name: 'ONNX', group: 'guides' },
  { file: 'docs/performance.md', name: 'Performance', group: 'guides' },
  { file: 'ARCHITECTURE.md', name: 'Architecture', group: 'project' },
  { file: 'CONTRIBUTING.md', name: 'Contributing', group: 'project' },
  { file: 'CHANGELOG.md', name: 'Changelog', group: 'project' },
  { file: 'LOG.md', name: 'What was tried', group: 'project' },
]

/** A page of the reference: the public names of one kind of work. */
export interface Topic {
  /** The page's file without its ending. */
  id: string
  name: string
  /** What can be done with these names. */
  about: string
}

export const topics: readonly Topic[] = [
  {
    id: 'layers',
    name: 'Layers and modules',
    about: 'Recurrent layers and cells, language models, and modules of your own.',
  },
  { id: 'tensors', name: 'Tensors', about: 'Numbers with a shape, their operations, losses, and gradients.' },
  { id: 'optimizers', name: 'Optimizers', about: 'Update rules, schedules of the learning rate, and clipping.' },
  {
    id: 'data',
    name: 'Texts and tokens',
    about: 'Texts as tokens, vocabularies, batches, and n-grams to compare with.',
  },
  { id: 'generation', name: 'Generating text', about: 'Texts that a model makes, one or many at a time.' },
  { id: 'training', name: 'Training', about: 'The training loop, its events, evaluation and calibration.' },
  { id: 'runs', name: 'Runs', about: 'Trainings with options, checkpoints, a history and a summary, kept in a store.' },
  { id: 'formats', name: 'Formats', about: 'Saved models, and models of other frameworks.' },
  { id: 'devices', name: 'Devices and kernels', about: 'What the numbers are computed on.' },
  { id: 'core', name: 'Errors and random numbers', about: 'What all parts of the library share.' },
  {
    id: 'node',
    name: 'Files in Node',
    about: 'Texts, models, runs and charts as files, and the server of the studio.',
  },
  { id: 'browser', name: 'In the browser', about: 'Trainings in a worker, and what the browser keeps.' },
  { id: 'inference', name: 'Inference alone', about: 'Saved models without the code for training.' },
]

/** Where the pages lie, from the root of the site. */
export const addressOfGuide = ({ file }: Guide): string =>
  file === 'README.md' ? 'docs/index.html' : `docs/${file.replace(/^.*\//, '').replace(/\.md$/, '').toLowerCase()}.html`
export const addressOfTopic = ({ id }: Topic): string => `reference/${id}.html`
export const REFERENCE = 'reference/index.html'

/** The address of a page as a page beside it has it: both lie one folder deep. */
export const fromPage = (address: string): string => `../${address}`
