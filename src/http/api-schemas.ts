import { Injectable } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;

/** Shapes that no route of ours takes or answers, and that callers must know all the same: what is pushed to them. */
@Injectable()
export class ApiSchemas {
  private readonly all: Schemas = {};

  add(schemas: Schemas): void {
    Object.assign(this.all, schemas);
  }

  addTo(document: OpenAPIObject): void {
    document.components = { ...document.components, schemas: { ...document.components?.schemas, ...this.all } };
  }
}
