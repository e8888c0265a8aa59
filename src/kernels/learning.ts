import type { Device, FloatArray, Learning } from '../device/device.js'
import { temperature } from './host/temperature.js'
import { update } from './host/update.js'

const host: Learning<FloatArray> = { update, temperature }

/** The part of a device that only training needs. */
export const learningOf = (device: Device): Learning => device.learning ?? host
