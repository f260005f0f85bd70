import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { packageJson } from '../common/package-json.js';
import { ApiSchemas } from './api-schemas.js';
import { describeErrors } from './error-docs.js';

/**
 * The OpenAPI document, at /docs for people and /docs/openapi.json for programs. It needs no key: it tells nothing that the
 * public repository does not. The page loads nothing from elsewhere; `validatorUrl: null` turns off the one thing that
 * Swagger UI would fetch, a badge.
 */
export function serveApiDocs(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, () => apiDocument(app), {
    jsonDocumentUrl: 'docs/openapi.json',
    raw: ['json'],
    customSiteTitle: 'genesys-gateway API',
    swaggerOptions: { validatorUrl: null, persistAuthorization: false, tryItOutEnabled: true },
  });
}

export function apiDocument(app: NestFastifyApplication): OpenAPIObject {
  const about = packageJson();
  const settings = new DocumentBuilder()
    .setTitle(about.name)
    .setDescription(about.description)
    .setVersion(about.version)
    .setLicense(about.license, '')
    .addBearerAuth({ type: 'http', bearerFormat: 'API key', description: 'An API key of API_KEYS.' })
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The same key.' }, 'apiKey')
    .build();
  // The builder wants a URL, but a name is enough and an empty one is none.
  delete settings.info.license?.url;
  const document = SwaggerModule.createDocument(app, settings);
  app.get(ApiSchemas).addTo(document);
  describeErrors(document);
  return document;
}
