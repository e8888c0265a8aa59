import { FormatError } from '../../core/errors.js'
import { array, finite, fitting, object, oneOf, optional, type Schema, string, whole } from '../../core/parse.js'
import { Generator } from '../../core/random.js'
import { optionSchemas, type RecordedOptions } from '../record.js'
import { type RunOptions, runDefaults } from '../run-options.js'

/** A value of an option as a plan's file has it. */
export type SweepValue = string | number | boolean

/** Numbers between two bounds, which a random search draws uniformly, or uniformly in their logarithms. */
export interface SweepRange {
  from: number
  to: number
  scale: 'linear' | 'log'
}

/** What a sweep tries, as its file says it. Options have the library's names, and limits may be the word `all`. */
export interface SweepPlan {
  /** Names of the text's files; empty for The Time Machine. */
  texts: string[]
  /** Options that all trials have. */
  options: RecordedOptions
  /** The options that differ between trials: lists of values, or ranges. */
  vary: Record<string, SweepValue[] | SweepRange>
  /** Whether all combinations are tried, or some that are drawn. */
  search: 'grid' | 'random'
  /** How many a random search draws. */
  trials: number
  /** Of the random search. */
  seed: number
  /** Successive halving, if the sweep stops trials early. */
  halving?: Halving
}

/** After `first` epochs only the best 1/factor of the trials go on, and again after each `factor` times as many epochs. */
export interface Halving {
  first: number
  factor: number
}

/** A training of a sweep. */
export interface Trial {
  /** From 1. */
  number: number
  /** The values of the options that differ between trials. */
  options: RecordedOptions
}

/** Options that change what a loss means, so that losses under different values cannot be compared. */
const measures = ['tokens', 'maxTokens', 'encoding', 'clean', 'lowercase', 'validation', 'test']
/** Options that have nothing to do with the model that results. */
const outside = ['kernels', 'threads', 'device', 'checkpointSteps', 'checkpointMinutes', 'tensorboard']
/** Options that a plan cannot have. */
const unfit = ['initFrom', 'extendVocab', 'bidirectional']
/** Options whose values are whole numbers, which ranges of them draw, and the least of each. */
const wholeNumbers: Readonly<Partial<Record<string, number>>> = {
  ...{
    projSize: 1,
    hiddenSize: 1,
    numLayers: 1,
    embeddingSize: 1,
    batchSize: 1,
    numSteps: 1,
    epochs: 1,
    accumulate: 1,
  },
  ...{ warmup: 0, decayEvery: 1, plateauPatience: 0, validateEvery: 1, patience: 1, seed: 0 },
} satisfies Partial<Record<keyof RunOptions, number>>

const MOST_TRIALS = 10_000
/** The part of the text that is held out if the plan says nothing. */
const VALIDATION = 0.1

const range: Schema<SweepRange> = (value, where, name) => {
  const { from, to, scale } = object<Omit<SweepRange, 'scale'> & { scale?: SweepRange['scale'] }>(
    { from: finite, to: finite, scale: optional(oneOf('linear', 'log')) },
    (_, where, name) => fail(where, `${name} is not known; a range has from, to and scale`),
  )(value, where, name)
  if (from >= to) fail(where, `${name}: from is ${from} and to is ${to}, expected a larger to`)
  if (scale === 'log' && from <= 0) fail(where, `${name}: from is ${from}, expected more than 0 on a log scale`)
  return { from, to, scale: scale ?? 'linear' }
}

const listOrRange: Schema<unknown[] | SweepRange> = (value, where, name) => {
  if (!Array.isArray(value)) {
    return (
      fitting<object>('a list of values, or a range { from, to, scale }', (value) => value instanceof Object)(
        value,
        where,
        name,
      ) && range(value, where, name)
    )
  }
  if (value.length === 0) fail(where, `${name} is an empty list, expected at least one value`)
  const twice = value.find((item, i) => value.findIndex((other) => Object.is(other, item)) !== i)
  if (twice !== undefined) fail(where, `${name} has ${JSON.stringify(twice)} twice, expected different values`)
  return value
}

const names = ['texts', 'options', 'vary', 'search', 'trials', 'seed', 'halving']

const file = object<Record<string, unknown>>(
  {
    texts: optional(array(string)),
    options: optional(object<Record<string, unknown>>({}, (value) => value)),
    vary: object<Record<string, unknown[] | SweepRange>>({}, listOrRange),
    search: optional(oneOf('grid', 'random')),
    trials: optional(whole(1)),
    seed: optional(whole(0)),
    halving: optional(
      object<Halving>({ first: whole(1), factor: whole(2) }, (_, where, name) =>
        fail(where, `${name} is not known; halving has first and factor`),
      ),
    ),
  },
  (_, where, name) => fail(where, `${name} is not known; a sweep has ${names.join(', ')}`),
)

/**
 * Checks what a plan's file says.
 * @param value the content of the file
 * @param where the file's name, for messages
 * @throws FormatError that says which setting is wrong, and what was expected
 */
export function parsePlan(value: unknown, where: string): SweepPlan {
  if (Object(value) !== value || Array.isArray(value)) {
    fail(where, `it holds no settings, expected ${names.join(', ')}; unrolled sweep --help shows a file`)
  }
  if ((value as { vary?: unknown }).vary === undefined)
    fail(where, 'vary is missing, expected the options to try, with their values')
  const given = file(value, where)
  const search = (given.search ?? 'grid') as SweepPlan['search']
  const vary: SweepPlan['vary'] = {}
  for (const [name, values] of Object.entries(given.vary as Record<string, SweepValue[] | SweepRange>)) {
    const option = optionNamed(name, where, 'vary')
    if (measures.includes(option)) {
      fail(where, `vary.${name}: losses under different values of it cannot be compared; put one value under options`)
    }
    if (outside.includes(option)) fail(where, `vary.${name}: it does not change the model; put one value under options`)
    if (Array.isArray(values)) {
      vary[option] = values.map((item, i) => optionValue(option, item, where, `vary.${name}.${i}`))
    } else {
      if (search === 'grid') fail(where, `vary.${name} is a range, which needs search: random; a grid needs lists`)
      for (const bound of [values.from, values.to]) optionValue(option, bound, where, `vary.${name}`)
      vary[option] = values
    }
  }
  if (Object.keys(vary).length === 0) fail(where, 'vary is empty, expected at least one option with its values')
  const options: RecordedOptions = { validation: VALIDATION }
  for (const [name, item] of Object.entries((given.options ?? {}) as Record<string, unknown>)) {
    const option = optionNamed(name, where, 'options')
    if (option in vary) fail(where, `${name} is both under options and under vary, expected one of them`)
    options[option] = optionValue(option, item, where, `options.${name}`)
  }
  if (!(Number(options.validation) > 0)) {
    fail(
      where,
      `options.validation is ${options.validation}, expected more than 0: trials are compared on held-out text`,
    )
  }
  if (given.trials !== undefined && search === 'grid') {
    fail(where, 'trials is given, but a grid tries all combinations; leave it out, or give search: random')
  }
  const { texts, trials = 20, seed = 0, halving } = given as Partial<SweepPlan>
  if (texts?.length === 0) {
    fail(where, 'texts is an empty list, expected at least one text; without texts, trials read The Time Machine')
  }
  const plan: SweepPlan = { texts: texts ?? [], options, vary, search, trials, seed, ...(halving && { halving }) }
  if (halving) checkHalving(plan, halving, where)
  const count = search === 'random' ? trials : countOf(vary)
  if (count > MOST_TRIALS) fail(where, `it has ${count} trials, expected at most ${MOST_TRIALS}`)
  return plan
}

function checkHalving({ options, vary }: SweepPlan, { first }: Halving, where: string): void {
  if ('epochs' in vary) fail(where, 'vary.epochs: halving decides how long a trial trains; give the most under options')
  const epochs = epochsOf(options)
  if (first >= epochs)
    fail(where, `halving.first is ${first}, expected less than the ${epochs} epochs of a whole trial`)
  const schedules = [options.schedule, vary.schedule].flat()
  if (schedules.includes('cosine')) {
    fail(where, 'schedule is cosine, which must know its end, and halving stops trials early; give another schedule')
  }
}

/** The value of an option, which a trial would refuse only when it begins. */
function optionValue(option: string, given: unknown, where: string, name: string): SweepValue {
  const value = optionSchemas[option](given, where, name) as SweepValue
  const least = wholeNumbers[option]
  if (least !== undefined && typeof value === 'number' && !(Number.isSafeInteger(value) && value >= least)) {
    fail(where, `${name} is ${value}, expected a whole number of ${least} or more`)
  }
  return value
}

/** The epochs of a whole trial. */
export const epochsOf = (options: RecordedOptions): number => Number(options.epochs ?? runDefaults.epochs)

/** An option by its name in the file: as a flag without its dashes, or as in the library. */
function optionNamed(name: string, where: string, under: string): string {
  const option = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
  if (unfit.includes(option) || !Object.hasOwn(optionSchemas, option)) {
    fail(
      where,
      `${under}.${name} is not an option that a sweep can have; they are those of unrolled train --help that shape and train a model of text`,
    )
  }
  return option
}

const countOf = (vary: SweepPlan['vary']): number =>
  Object.values(vary).reduce((count, values) => count * (Array.isArray(values) ? values.length : 1), 1)

/** All trials of a plan: the combinations of a grid, or those that a random search draws, each once. */
export function trialsOf({ vary, search, trials, seed }: SweepPlan): Trial[] {
  const options = search === 'grid' ? grid(Object.entries(vary) as [string, SweepValue[]][]) : []
  if (search === 'random') {
    const generator = new Generator(seed)
    const seen = new Set<string>()
    // A space of few combinations may have fewer than were asked for.
    for (let draws = 0; options.length < trials && draws < 100 * trials; draws++) {
      const drawn = Object.fromEntries(
        Object.entries(vary).map(([name, values]) => [name, draw(name, values, generator)]),
      )
      const key = JSON.stringify(drawn)
      if (!seen.has(key)) options.push(drawn)
      seen.add(key)
    }
  }
  return options.map((options, i) => ({ number: i + 1, options }))
}

function grid([first, ...others]: readonly [string, SweepValue[]][]): RecordedOptions[] {
  if (!first) return [{}]
  const [name, values] = first
  return values.flatMap((value) => grid(others).map((rest) => ({ [name]: value, ...rest })))
}

function draw(name: string, values: SweepValue[] | SweepRange, generator: Generator): SweepValue {
  if (Array.isArray(values)) return values[generator.integer(values.length)]
  const { from, to, scale } = values
  const at = generator.uniform()
  const value = scale === 'log' ? from * (to / from) ** at : from + (to - from) * at
  return name in wholeNumbers ? Math.round(value) : Number(value.toPrecision(4))
}

/** Options of a plan as the library has them: the word `all` is Infinity. */
export const planned = (options: RecordedOptions): Partial<RunOptions> =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [name, value === 'all' ? Infinity : value]))

function fail(where: string, problem: string): never {
  throw new FormatError(`${where}: ${problem}`)
}
