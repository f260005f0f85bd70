/** Who may look. Whoever may act may look at what he acts on. */
export const READERS = ['viewer', 'operator', 'admin'] as const;
/** Who may act. */
export const ACTORS = ['operator', 'admin'] as const;
