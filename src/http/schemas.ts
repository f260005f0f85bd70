import { z } from 'zod';

/**
 * Text of `min` to `max` code points, as JSON Schema counts, that every database can hold: PostgreSQL takes neither
 * U+0000 nor half a surrogate pair, both of which JSON allows.
 */
export function storableText(max: number, min = 0): z.ZodType<string, string> {
  return z
    .string()
    .min(min)
    .max(max)
    .refine((text) => !text.includes('\u0000') && text.isWellFormed(), {
      message: 'must not contain U+0000 or half a surrogate pair',
    });
}

/**
 * As `when` of a refinement of a whole object: it is told beside the faults of single fields, where zod tells it only when
 * there are none. What is no object has no fields to compare.
 */
export const whereObject = ({ value }: { value: unknown }): boolean => typeof value === 'object' && value !== null;

/** Page size of lists: a whole number from 1 to `max`, as it stands in a query string. `meta` is how it is documented. */
export function pageLimit(max: number, fallback: number): z.ZodType<number, string | undefined> {
  return z
    .string()
    .regex(/^\d{1,6}$/, `must be a whole number from 1 to ${String(max)}`)
    .meta({ type: 'integer', minimum: 1, maximum: max, default: fallback })
    .optional()
    .transform((text) => Number(text ?? fallback))
    .pipe(z.number().min(1).max(max));
}

/** Whether a reader asks to see what speaks of a customer. */
export const reveal = z
  .enum(['true', 'false'])
  .optional()
  .transform((given) => given === 'true')
  .meta({
    type: 'boolean',
    default: false,
    description: 'Needs privacy or admin; who saw what speaks of a customer goes into the audit.',
  });

/** Query of what is masked for some. */
export const revealSchema = z.strictObject({ reveal });
export type RevealQuery = z.infer<typeof revealSchema>;
