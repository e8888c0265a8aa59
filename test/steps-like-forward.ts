import { expect } from 'vitest'
import type { Generator } from '../src/core/random.js'
import { fromData, type RNNModel } from '../src/index.js'
import { relativeError } from './read-fixture.js'

/** A model runs token by token as it does over a sequence, with states that come and go, for three sequences. */
export async function expectStepsLikeForward(model: RNNModel, numSteps: number, generator: Generator): Promise<void> {
  const batch = 3
  const { vocabSize } = model
  const draw = () => Int32Array.from({ length: batch }, () => generator.integer(vocabSize))
  const tokens = Array.from({ length: numSteps }, draw)
  const scores = (of: Int32Array[]) =>
    model
      .forward(fromData(Int32Array.from(of.flatMap((row) => [...row])), [of.length, batch]).T)
      .output.reshape(of.length, batch, vocabSize)
      .select(0, of.length - 1)
      .values()
  const stepper = model.stepper(batch)
  for (let t = 0; t < numSteps; t++) {
    expect(relativeError(await stepper.step(tokens[t]), await scores(tokens.slice(0, t + 1)))).toBeLessThan(1e-5)
  }
  // The second and third go on as the first did; then one of them begins again, and one advances alone.
  stepper.select(Int32Array.of(0, 0, 0))
  const state = stepper.stateOf(2)
  stepper.setState(1, undefined)
  const next = draw()
  const first = await stepper.step(next, 2)
  expect(first).toHaveLength(2 * vocabSize)
  const histories = [...tokens.map((row) => Int32Array.of(row[0], row[0], row[0])), next]
  const likeFirst = (await scores(histories)).slice(0, vocabSize)
  expect(relativeError(first.slice(0, vocabSize), likeFirst)).toBeLessThan(1e-5)
  const alone = (await scores([next])).slice(vocabSize, 2 * vocabSize)
  expect(relativeError(first.slice(vocabSize), alone)).toBeLessThan(1e-5)
  const third = await stepper.step(next)
  expect(relativeError(third.slice(2 * vocabSize), (await scores(histories)).slice(2 * vocabSize))).toBeLessThan(1e-5)
  stepper.setState(0, state)
  expect(relativeError((await stepper.step(next)).slice(0, vocabSize), likeFirst)).toBeLessThan(1e-5)
  stepper.free()
}
