/** The views of the studio, in the order of the navigation. */
export const views = ['lesson', 'train', 'inside', 'write', 'library'] as const
export type View = (typeof views)[number]
