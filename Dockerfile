# Built and run as two stages: the second has neither sources nor development packages.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json nest-cli.json .swcrc ./
COPY src src
COPY simulator simulator
COPY scripts scripts
# The image has its own Node.js; the one from the package `node` would be a second one, of 121 MB.
RUN npx nest build && npm prune --omit=dev --no-audit --no-fund && rm -rf node_modules/node node_modules/node-bin-* node_modules/.bin/node

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
# `npm start`, `npm run doctor` and `npm run encrypt` begin with it; without sources it finds everything ready.
COPY --from=build /app/scripts/ensure-ready.mjs scripts/
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
# The embedded database's folder; mount a volume here when it is used.
RUN mkdir data && chown node:node data
VOLUME /app/data
USER node
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/live`).then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))"]
# 8 MiB of young memory: V8 takes twice what the service needs where it sees much memory, and is no faster with it.
CMD ["node", "--max-semi-space-size=8", "--enable-source-maps", "dist/src/main.js"]
