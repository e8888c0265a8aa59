/** Debian's Chromium, or the one that the environment names. */
export const chromium = process.env.UNROLLED_CHROMIUM ?? '/usr/bin/chromium'
