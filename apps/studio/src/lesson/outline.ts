/** The sections of the lesson, each with the cells that it shows. */
export const outline = [
  { section: 'data', cells: ['load'] },
  { section: 'layer', cells: ['layer', 'state', 'forward'] },
  { section: 'model', cells: ['model', 'same'] },
  { section: 'prediction', cells: ['random'] },
  { section: 'training', cells: ['train', 'write'] },
  {
    section: 'scratch',
    cells: ['scratch-parameters', 'scratch-rnn', 'scratch-predict', 'scratch-step', 'scratch-train'],
  },
  { section: 'comparison', cells: ['comparison'] },
  { section: 'summary', cells: [] },
  { section: 'exercises', cells: [] },
  { section: 'overfit', cells: ['overfit-data', 'overfit-train', 'overfit-curve'] },
  { section: 'layers', cells: ['layers'] },
  { section: 'sine', cells: ['sine-data', 'sine-model', 'sine-train', 'sine-ahead', 'sine-curve'] },
] as const

export type SectionName = (typeof outline)[number]['section']
export type CellName = (typeof outline)[number]['cells'][number]

/** Paragraphs, and lists of points. In them, `code`, *emphasis* and [links](address) are marked. */
export type Prose = readonly (string | readonly string[])[]

/** All that the lesson says in one language. */
export interface LessonText {
  title: string
  lead: Prose
  sections: Readonly<Record<SectionName, { title: string; begins?: Prose; ends?: Prose }>>
  /** What is said before each cell. */
  cells: Readonly<Record<CellName, Prose>>
}
