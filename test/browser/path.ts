/** Debian's Chromium, or another one that the environment names. */
export const chromium = process.env.UNROLLED_CHROMIUM ?? '/usr/bin/chromium'
