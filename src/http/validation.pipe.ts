import { Injectable, StandardSchemaValidationPipe } from '@nestjs/common';
import type { ArgumentMetadata } from '@nestjs/common';
import type { z } from 'zod';
import { fieldProblems } from './field-problems.js';
import { RequestInvalidError } from './request.errors.js';

/**
 * Nest's validation by the schema of `@Body({ schema })`, `@Query({ schema })` and `@Param('id', { schema })`, with errors
 * that list every bad field. Schemas are zod's.
 */
@Injectable()
export class RequestValidationPipe extends StandardSchemaValidationPipe {
  /** @throws RequestInvalidError with every bad field */
  override async transform<T>(value: T, metadata: ArgumentMetadata): Promise<T> {
    if (metadata.schema === undefined || !this.toValidate(metadata)) return value;
    // No stripping of prototype keys: the parser refuses the dangerous ones, and an attribute named "constructor" is data.
    const result = await this.validate<T>(value, metadata.schema);
    if (result.issues === undefined) return result.value;
    const root = metadata.data ?? metadata.type;
    throw new RequestInvalidError(fieldProblems(result.issues as readonly z.core.$ZodIssue[], value, root));
  }
}
