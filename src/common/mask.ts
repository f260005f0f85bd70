/** What stands where something is not shown. */
export const MASKED = '***';
