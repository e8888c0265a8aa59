import type { Device, FloatArray, Learning } from '../device/device.js'
import { temperature } from './host/temperature.js'
import { update } from './host/update.js'

const host: Learning<FloatArray> = { update, temperature }

/** What training asks of a device. */
export const learningOf = (device: Device): Learning => device.learning ?? host
