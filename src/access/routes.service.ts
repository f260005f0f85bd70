import { Injectable, RequestMethod } from '@nestjs/common';
import type { OnApplicationBootstrap, Type } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { ACCESS } from './access.decorators.js';
import type { Access } from './access.decorators.js';

export interface DeclaredRoute {
  method: string;
  path: string;
  /** Undefined: nothing was declared, and the guard answers 404. */
  access: Access | undefined;
}

type Handler = (...args: unknown[]) => unknown;

/** Lists every route of every controller with what it declares, and refuses to boot when one declares nothing. */
@Injectable()
export class Routes implements OnApplicationBootstrap {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  /** @throws Error naming the routes without `@Roles` or `@Public` */
  onApplicationBootstrap(): void {
    const forgotten = this.list().filter(({ access }) => access === undefined);
    if (forgotten.length === 0) return;
    const names = forgotten.map(({ method, path }) => `${method} ${path}`).join(', ');
    throw new Error(`These routes declare neither @Roles nor @Public: ${names}`);
  }

  list(): DeclaredRoute[] {
    return this.discovery.getControllers().flatMap(({ metatype, instance: controller }) => {
      if (typeof metatype !== 'function' || controller === null || typeof controller !== 'object') return [];
      const prototype = Object.getPrototypeOf(controller) as Record<string, Handler>;
      return this.scanner
        .getAllMethodNames(prototype)
        .flatMap((name) => this.routesOf(metatype as Type<unknown>, prototype[name] as Handler));
    });
  }

  private routesOf(controller: Type<unknown>, handler: Handler): DeclaredRoute[] {
    const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
    if (method === undefined) return [];
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [handler, controller]);
    return pathsOf(controller).flatMap((base) =>
      pathsOf(handler).map((own) => ({ method: RequestMethod[method], path: join(base, own), access })),
    );
  }
}

function pathsOf(target: object): string[] {
  const path = Reflect.getMetadata(PATH_METADATA, target) as string | string[] | undefined;
  return [path ?? '/'].flat();
}

function join(base: string, own: string): string {
  return `/${[base, own]
    .map((part) => part.replace(/^\/+|\/+$/g, ''))
    .filter((part) => part !== '')
    .join('/')}`;
}
